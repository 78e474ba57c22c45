"""What is in a snapshot? A manifest, and for each collection its tables and segment files.

    0/store/data.mdb              the tables of the first collection's shard, without free pages
    0/segments/00000001-...       its segment files
    1/...                         the next collection, in a snapshot of the whole storage
    manifest.json                 last: what belongs to it, with SHA-256 of each file

Format page: docs/formats/snapshot.md. A snapshot is believed file by file: what the manifest does
not list, or lists otherwise, refuses the whole.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from ruvector.collection.settings import checked_config
from ruvector.errors import BadInput, RuvectorError
from ruvector.model.configs import CollectionConfig
from ruvector.model.names import check_name
from ruvector.snapshots.tar import Archive, Member
from ruvector.storage import files
from ruvector.storage.shard_store import SEGMENTS_FOLDER, STORE_FOLDER

FORMAT = 1
MANIFEST = "manifest.json"
MANIFEST_BYTES = 64 << 20  # a hundred bytes a file, and the largest configurations
TABLES = f"{STORE_FOLDER}/data.mdb"
KINDS = ("collection", "shard", "storage")
_NAMES = re.compile(
    rf"manifest\.json|\d{{1,6}}/(store/data\.mdb|{SEGMENTS_FOLDER}/[0-9a-z-]{{1,64}}\.segment)"
)


class _Format(msgspec.Struct):
    """What every version's manifest says."""

    format: int


class SnapshotFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a snapshot."""

    name: str
    size_bytes: int
    sha256: str


class SnapshotCollection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One collection of a snapshot: `sequence`, the last entry of its log that is in there."""

    name: str
    config: CollectionConfig
    sequence: int
    points: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a snapshot holds. The files of collection n begin with "n/"."""

    format: int
    kind: str
    version: str
    created: str
    collections: list[SnapshotCollection]
    aliases: dict[str, str] = {}
    files: list[SnapshotFile]


_decode_format = msgspec.json.Decoder(_Format).decode
_decode_manifest = msgspec.json.Decoder(Manifest).decode


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the text of a manifest."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


class SnapshotArchive:
    """An open snapshot: `manifest` has been read and compared with the files that are there."""

    def __init__(self, path: Path) -> None:
        self._archive = Archive(path, _NAMES)
        try:
            self.manifest = _manifest_of(self._archive)
            self._files = {file.name: file for file in self.manifest.files}
            self._members = _matched(self._archive.members, self.manifest.files)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._archive.__exit__(None, None, None)

    def __enter__(self) -> "SnapshotArchive":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def size_bytes(self) -> int:
        """Return how much room its files take."""
        return sum(file.size_bytes for file in self.manifest.files)

    def unpack(self, number: int, folder: Path) -> None:
        """Write the files of a collection into an empty folder, durable when this returns.

        Errors: BadInput where a file is not what the manifest says.
        """
        for part in (STORE_FOLDER, SEGMENTS_FOLDER):
            files.make_folder(folder / part)
        for member in self._of(number):
            target = folder / member.name.partition("/")[2]
            if self._archive.copy(member, target) != self._files[member.name].sha256:
                raise BadInput(f"{member.name} in the snapshot is not what its manifest says")
        for part in (STORE_FOLDER, SEGMENTS_FOLDER):
            files.sync_folder(folder / part)
        files.sync_folder(folder)

    def _of(self, number: int) -> Iterator[Member]:
        yield from (m for m in self._members if m.name.startswith(f"{number}/"))


def _manifest_of(archive: Archive) -> Manifest:
    if not archive.members or archive.members[-1].name != MANIFEST:
        raise BadInput(f"this is not a snapshot of ruvector: its last file is not {MANIFEST}")
    text = archive.read(archive.members[-1], MANIFEST_BYTES)
    try:
        version = _decode_format(text).format
        if version != FORMAT:
            raise BadInput(
                f"the snapshot has format {version}; this version reads {FORMAT}: "
                "restore it with the version that made it"
            )
        manifest: Manifest = _decode_manifest(text)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        if isinstance(error, RuvectorError):
            raise
        raise BadInput(f"the manifest of the snapshot cannot be read: {error}") from error
    _check(manifest)
    return manifest


def _check(manifest: Manifest) -> None:
    """Refuse what no snapshot says."""
    if manifest.kind not in KINDS:
        raise BadInput(f"the snapshot is of kind {manifest.kind[:20]!r}, not one of {KINDS}")
    if manifest.kind != "storage" and len(manifest.collections) != 1:
        raise BadInput("the snapshot of one collection must hold one collection")
    names = [collection.name for collection in manifest.collections]
    for name in (*names, *manifest.aliases):
        check_name(name, "a name in the snapshot")
    if len(set(names)) != len(names) or not set(manifest.aliases).isdisjoint(names):
        raise BadInput("the snapshot has a name twice")
    if not set(manifest.aliases.values()).issubset(names):
        raise BadInput("the snapshot has an alias of a collection that it does not have")
    for collection in manifest.collections:
        checked_config(collection.config)


def _matched(members: list[Member], listed: Sequence[SnapshotFile]) -> list[Member]:
    """Return the members that hold files; they must be exactly those that the manifest names."""
    found = {member.name: member for member in members[:-1]}
    if len(listed) != len(found):
        raise BadInput("the snapshot holds other files than its manifest names")
    for file in listed:
        member = found.pop(file.name, None)
        if member is None or member.size_bytes != file.size_bytes:
            raise BadInput(f"{file.name[:100]!r} in the snapshot is missing or has another size")
    return members[:-1]
