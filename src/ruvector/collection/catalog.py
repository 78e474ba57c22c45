"""Which collections and aliases are there? Names to configurations, folders and open collections.

    <root>/writer.lock                who has the folder open for writing
    <root>/meta/                      collections, aliases (storage.meta_store)
    <root>/collections/<folder>/      one shard each; folders are named by numbers, not by users

A collection exists when the meta store says so. Its folder is made before that and removed after
the opposite, so a crash leaves a folder without a name, which the next start removes. A damaged
collection keeps its name and refuses requests; the others go on.
"""

import contextlib
import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from ruvector.collection.collection import Collection
from ruvector.collection.endings import Change, archive_last, commit_end_of, let_go
from ruvector.collection.kept_log import Sink
from ruvector.collection.moment import CollectionMoment, Moment
from ruvector.collection.quotas import Quotas
from ruvector.errors import (
    AlreadyExists,
    BadInput,
    NotFound,
    RuvectorError,
    ShardPoisoned,
    StorageDamaged,
    StorageLocked,
)
from ruvector.model.collection_defaults import BUILT_IN, CollectionDefaults
from ruvector.model.configs import CollectionConfig
from ruvector.model.lifetimes import Clock, wall_clock
from ruvector.model.reports import QuotaConfig
from ruvector.model.strict import StrictMode
from ruvector.storage import files
from ruvector.storage.data_format import check_format, note_format
from ruvector.storage.lock import DatabaseLock
from ruvector.storage.meta_store import MetaStore
from ruvector.storage.pinned import pin

COLLECTIONS_FOLDER = "collections"
QUOTAS = "quotas"  # their key in the table of settings
Sinks = Callable[[str], Sink]  # of a collection's name: who keeps its log


class _Stored(msgspec.Struct, frozen=True):
    """What the meta store keeps of a collection."""

    folder: str
    config: CollectionConfig


class Incoming(NamedTuple):
    """A collection from elsewhere: opened, in a folder of `reserve_folder`, not yet named."""

    name: str
    path: Path
    collection: Collection


_decode_stored = msgspec.json.Decoder(_Stored).decode


class Catalog:
    """All collections of one data folder. `lock` guards changes; lookups need none."""

    def __init__(
        self,
        root: Path,
        meta: MetaStore,
        lock: DatabaseLock | None,
        clock: Clock = wall_clock,
        sinks: Sinks | None = None,
        defaults: CollectionDefaults = BUILT_IN,
    ) -> None:
        self.root = root
        self.clock = clock
        self.defaults = defaults
        self._sinks = sinks
        self.read_only = lock is None
        self._meta = meta
        self._database_lock = lock
        self._lock = threading.RLock()
        self._stored: dict[str, _Stored] = {}
        self._open: dict[str, Collection] = {}
        self._damaged: dict[str, RuvectorError] = {}
        self.aliases: dict[str, str] = {}
        self.quotas = Quotas(root)
        self._generation = -1

    @classmethod
    def open(
        cls,
        root: Path,
        *,
        read_only: bool = False,
        clock: Clock = wall_clock,
        sinks: Sinks | None = None,
        defaults: CollectionDefaults = BUILT_IN,
    ) -> "Catalog":
        """Open the data folder with all its collections; a writer creates a missing one.

        `clock` tells when points expire; `sinks` who keeps the log of a collection; `defaults` what
        new collections begin with.
        """
        if not read_only:
            files.make_folder(root)
        elif not (root / "meta").is_dir():
            raise NotFound(f"{root} holds no database; open it for writing to create one")
        check_format(root)
        lock = None if read_only else DatabaseLock.acquire(root)
        meta: MetaStore | None = None
        try:
            meta = MetaStore.open(root, read_only=read_only, create=not read_only)
            catalog = cls(root, meta, lock, clock, sinks, defaults)
            if not read_only:
                note_format(root)
                files.make_folder(root / COLLECTIONS_FOLDER)
            catalog._load()
        except BaseException:
            if meta is not None:
                meta.close()
            if lock is not None:
                lock.release()
            raise
        return catalog

    def close(self) -> None:
        """Close every collection and let go of the folder."""
        with self._lock:
            for collection in self._open.values():
                collection.close()
            self._open.clear()
            self._meta.close()
            if self._database_lock is not None:
                self._database_lock.release()

    # Lookups

    def get(self, name: str) -> Collection:
        """Return the open collection of that name or alias; NotFound, or why it cannot be used."""
        if self.read_only:
            self._load_if_changed()
        collection = self._open.get(self.aliases.get(name, name))
        if collection is not None:
            return collection
        damage = self._damaged.get(self.aliases.get(name, name))
        if damage is not None:
            raise StorageDamaged(f"collection {name} is damaged: {damage.message}") from damage
        raise NotFound(f"Collection `{name}` doesn't exist!")

    def strict_of(self, name: str) -> tuple[Collection, StrictMode] | None:
        """Return a collection whose strict mode is enabled, with its limits, or None."""
        collection = self._open.get(self.aliases.get(name, name))
        strict = None if collection is None else collection.config.strict
        return None if collection is None or strict is None else (collection, strict)

    def exists(self, name: str) -> bool:
        """Say whether a collection or an alias has that name."""
        if self.read_only:
            self._load_if_changed()
        return name in self._stored or name in self.aliases

    @property
    def names(self) -> list[str]:
        """Return the names of all collections, sorted."""
        if self.read_only:
            self._load_if_changed()
        return sorted(self._stored)

    @property
    def current_aliases(self) -> dict[str, str]:
        """Return every alias and its collection; not to be changed."""
        if self.read_only:
            self._load_if_changed()
        return self.aliases

    @property
    def open_collections(self) -> dict[str, Collection]:
        """Return the collections that can be used."""
        return dict(self._open)

    @property
    def node_id(self) -> int:
        """Return the number of this node: of its folder's place, 53 bits, so that JavaScript reads
        it.
        """
        return node_id_of(self.root)

    @property
    def problems(self) -> dict[str, str]:
        """Return what is wrong, by collection."""
        found = {name: damage.message for name, damage in self._damaged.items()}
        if self._meta.poisoned is not None:
            found["(catalog)"] = f"a commit failed: {self._meta.poisoned}; restart"
        for name, collection in self.open_collections.items():
            if collection.problem is not None:
                found[name] = collection.problem
        return found

    def resolve(self, name: str) -> str:
        """Return the name of the collection that a name or an alias means."""
        return self.aliases.get(name, name)

    def moment(self, name: str | None = None) -> Moment:
        """Return the state of one collection, or of all with their aliases, as of now.

        Errors: NotFound; StorageDamaged where one cannot be used; StorageLocked when read-only.
        """
        with self._lock, contextlib.ExitStack() as held:
            names = sorted(self._stored) if name is None else [self.resolve(name)]
            collections = [self.get(each) for each in names]
            for collection in collections:
                held.enter_context(collection.shard.lock)
            found: list[CollectionMoment] = []
            try:
                for each, collection in zip(names, collections, strict=True):
                    shard = pin(collection.shard.store)
                    found.append(CollectionMoment(each, collection.config, shard))
            except BaseException:
                Moment(found, {}).__exit__()
                raise
            return Moment(found, self.aliases if name is None else {})

    # Changes

    def create(self, name: str, config: CollectionConfig) -> None:
        """Create a collection; AlreadyExists where a collection or an alias has the name."""
        with self._lock:
            self._refuse_read_only()
            if self.exists(name):
                raise AlreadyExists(f"Collection `{name}` already exists!")
            self._refuse_too_many()
            config = msgspec.structs.replace(config, created_at=self.clock())
            folder = self._new_folder()
            path = self.root / COLLECTIONS_FOLDER / folder
            collection: Collection | None = None
            try:
                collection = Collection.open(
                    path, config, create=True, clock=self.clock, sink=self._sink_of(name)
                )
                stored = _Stored(folder, config)
                files.sync_folder(path.parent)
                self._meta.commit([("collections", name, msgspec.json.encode(stored))])
            except BaseException as error:
                if collection is not None:
                    collection.close()
                # A commit that failed otherwise may have named the folder: the next start knows.
                if not isinstance(error, ShardPoisoned):
                    files.remove_folder(path)
                raise
            self._stored[name] = stored
            self._open[name] = collection

    def configure(
        self, name: str, change: Callable[[CollectionConfig], CollectionConfig]
    ) -> Collection:
        """Keep the settings of a collection that a change makes of its old ones."""
        with self._lock:
            self._refuse_read_only()
            name = self.aliases.get(name, name)
            collection = self.get(name)
            config = change(collection.config)
            if config == collection.config:
                return collection
            stored = _Stored(self._stored[name].folder, config)
            self._meta.commit([("collections", name, msgspec.json.encode(stored))])
            self._stored[name] = stored
            collection.configure(config)
            return collection

    def delete(self, name: str) -> bool:
        """Delete a collection, its aliases and its files; False where there is none."""
        with self._lock:
            self._refuse_read_only()
            stored = self._stored.get(name)  # an alias is no name here: it would delete its target
            if stored is None:
                if self._meta.poisoned is not None:
                    # A creation that failed may have survived: this raises instead of saying no.
                    self._meta.commit([])
                return False
            aliases = [alias for alias, target in self.aliases.items() if target == name]
            archive_last(name, self._open.get(name))
            changes: list[Change] = [("collections", name, None)]
            changes += [("aliases", alias, None) for alias in aliases]
            commit_end_of(self._meta, [self._open.get(name)], changes)
            del self._stored[name]
            self.aliases = {a: target for a, target in self.aliases.items() if target != name}
            self._damaged.pop(name, None)
            let_go(self._open.pop(name, None), self._path_of(stored))
            return True

    def reserve_folder(self) -> Path:
        """Make a folder for a collection that comes from elsewhere; the next start removes it
        unless `adopt` has named it.
        """
        with self._lock:
            self._refuse_read_only()
            path = self.root / COLLECTIONS_FOLDER / self._new_folder()
            files.make_folder(path)
            return path

    def adopt(self, incoming: Sequence[Incoming], aliases: Mapping[str, str]) -> None:
        """Name opened collections and aliases, in one step; those of the same names are gone.

        Errors: AlreadyExists where an alias has a collection's name, or the reverse; whatever goes
        wrong, the old collections stay, and the caller closes the new ones.
        """
        with self._lock:
            self._refuse_read_only()
            stored = {
                each.name: _Stored(each.path.name, each.collection.config) for each in incoming
            }
            merged = {**self.aliases, **aliases}
            if both := sorted(merged.keys() & {**self._stored, **stored}.keys()):
                raise AlreadyExists(f"{both[0]} would be a collection and an alias; rename one")
            for each in incoming:
                archive_last(each.name, self._open.get(each.name))
                if self._sinks is not None:
                    each.collection.keep_log(self._sinks(each.name))
            changes: list[Change] = [
                ("collections", name, msgspec.json.encode(each)) for name, each in stored.items()
            ]
            changes += [("aliases", alias, target.encode()) for alias, target in aliases.items()]
            commit_end_of(self._meta, map(self._open.get, stored), changes)
            replaced = [(self._stored.get(name), self._open.get(name)) for name in stored]
            self._stored.update(stored)
            self._open.update((each.name, each.collection) for each in incoming)
            self.aliases = merged
            for name in stored:
                self._damaged.pop(name, None)
            for folder, collection in replaced:
                let_go(collection, None if folder is None else self._path_of(folder))

    def set_quotas(self, config: QuotaConfig) -> None:
        """Keep these limits of the node, and use them."""
        with self._lock:
            self._refuse_read_only()
            self._meta.commit([("settings", QUOTAS, msgspec.json.encode(config))])
            self.quotas.use(config)

    @property
    def current_quotas(self) -> Quotas:
        """Return the limits of the node."""
        if self.read_only:
            self._load_if_changed()
        return self.quotas

    def change_aliases(self, changes: Sequence[tuple[str, str, str]]) -> None:
        """Apply (action, name, target) in order: all or none.

        Actions: "create" alias, collection; "delete" alias, ""; "rename" old alias, new alias.
        """
        with self._lock:
            self._refuse_read_only()
            aliases = dict(self.aliases)
            for action, name, target in changes:
                self._change_alias(aliases, action, name, target)
            gone = [("aliases", alias, None) for alias in self.aliases if alias not in aliases]
            kept = [("aliases", alias, target.encode()) for alias, target in aliases.items()]
            self._meta.commit([*gone, *kept])
            self.aliases = aliases

    def _change_alias(self, aliases: dict[str, str], action: str, name: str, target: str) -> None:
        if action == "create":
            if target not in self._stored:
                raise NotFound(f"Collection `{target}` doesn't exist!")
            self._refuse_collection_name(name)
            aliases[name] = target
            return
        if name not in aliases:
            raise NotFound(f"Alias {name} does not exists!")
        collection = aliases.pop(name)
        if action == "rename":
            self._refuse_collection_name(target)
            aliases[target] = collection

    def _path_of(self, stored: _Stored) -> Path:
        return self.root / COLLECTIONS_FOLDER / stored.folder

    def _sink_of(self, name: str) -> Sink | None:
        return None if self._sinks is None else self._sinks(name)

    def _refuse_too_many(self) -> None:
        most = self.defaults.max_collections
        if most is not None and len(self._stored) >= most:
            raise BadInput(
                f"there are {len(self._stored)} collections; storage.max_collections allows "
                f"{most}: delete one, or raise it"
            )

    def _refuse_collection_name(self, alias: str) -> None:
        if alias in self._stored:
            raise AlreadyExists(f"Collection `{alias}` already exists!")

    def _refuse_read_only(self) -> None:
        if self.read_only:
            raise StorageLocked(f"{self.root} was opened with read_only=True; open it for writing")

    # Loading

    def _load(self) -> None:
        generation = self._meta.generation
        stored: dict[str, _Stored] = {}
        for name, value in self._meta.items("collections").items():
            try:
                stored[name] = _decode_stored(value)
            except msgspec.DecodeError as error:
                raise StorageDamaged(f"the settings of {name} cannot be read: {error}") from error
        self._stored = stored
        self.aliases = {a: v.decode() for a, v in self._meta.items("aliases").items()}
        quotas = self._meta.items("settings").get(QUOTAS, b"{}")
        self.quotas.use(msgspec.json.decode(quotas, type=QuotaConfig))
        if not self.read_only:
            self._remove_unnamed_folders()
        for name in self._stored:
            if name not in self._open:
                self._open_one(name)
        self._generation = generation  # last: other readers wait for the lock until then

    def _open_one(self, name: str) -> None:
        stored = self._stored[name]
        path = self.root / COLLECTIONS_FOLDER / stored.folder
        try:
            if not path.is_dir():
                raise StorageDamaged(f"{path} is missing; restore it from a snapshot")
            self._open[name] = Collection.open(
                path,
                stored.config,
                read_only=self.read_only,
                clock=self.clock,
                sink=self._sink_of(name),
            )
        except StorageDamaged as error:
            self._damaged[name] = error

    def _load_if_changed(self) -> None:
        """Follow the process that writes: collections that came, went or changed."""
        if self._meta.generation == self._generation:
            return
        with self._lock:
            if self._meta.generation == self._generation:
                return
            before = dict(self._stored)
            self._damaged.clear()  # what still is damaged will be found so again
            self._load()
            for name, stored in before.items():
                now = self._stored.get(name)
                if now is None or now.folder != stored.folder:
                    with contextlib.suppress(KeyError):
                        self._open.pop(name).close()
                    if now is not None:
                        self._open_one(name)
                elif name in self._open:
                    self._open[name].follow(now.config)

    def _new_folder(self) -> str:
        used = [int(p.name) for p in (self.root / COLLECTIONS_FOLDER).iterdir() if p.name.isdigit()]
        used.extend(int(stored.folder) for stored in self._stored.values())
        return f"{max(used, default=0) + 1:08d}"

    def _remove_unnamed_folders(self) -> None:
        named = {stored.folder for stored in self._stored.values()}
        for path in (self.root / COLLECTIONS_FOLDER).iterdir():
            if path.is_dir() and path.name not in named:
                files.remove_folder(path)


def node_id_of(root: Path) -> int:
    """Return the number of the node whose data folder this is."""
    digest = hashlib.blake2b(str(root.resolve()).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 11
