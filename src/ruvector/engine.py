"""execute(request) -> result: the embedded database.

One table says which function answers which request. Everything above (clients, servers) builds
requests and hands them in here; everything below knows no requests of others. Safe for any number
of threads.
"""

import contextlib
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from ruvector.collection.catalog import Catalog
from ruvector.collection.changes import FREES_SPACE, change_of
from ruvector.collection.collection import Collection
from ruvector.collection.settings import changed_config, describe, new_config
from ruvector.errors import BadInput, MalformedRequest, NotFound, RuvectorError, TimedOut
from ruvector.model import requests as r
from ruvector.model import results as out
from ruvector.model.limits import MAX_BATCH_SEARCHES
from ruvector.model.names import check_name
from ruvector.model.operations import OPERATION_OF, Kind
from ruvector.model.points import Hit, Record
from ruvector.model.queries import Nearest, parse_query, parse_search_vector
from ruvector.model.stages import parse_stage
from ruvector.model.wrong_types import wrong_type
from ruvector.query.nearest import is_quick, search_nearest
from ruvector.query.pages import count, get_point, list_points, retrieve, scroll
from ruvector.query.selections import selection_of
from ruvector.query.tree import run_query
from ruvector.storage import files

R = TypeVar("R")


class CollectionStatistics(NamedTuple):
    """Sizes of one collection, for metrics."""

    name: str
    points: int
    vectors: int
    indexed_vectors: int
    segments: int
    pending_writes: int


class Engine:
    """An open database."""

    def __init__(self, catalog: Catalog, temporary: Path | None) -> None:
        self._catalog = catalog
        self._closed = False
        # Also when the program ends without closing: its folder would stay in memory for ever.
        self._remove_temporary = weakref.finalize(self, _remove, temporary)

    @classmethod
    def open(cls, path: str | Path, *, read_only: bool = False) -> "Engine":
        """Open the database in a folder, made if missing; ":memory:" for one that goes with it.

        Errors: StorageLocked when another process has it open for writing; StorageDamaged.
        Cost: about 1 µs a point, and reading every segment file once.
        """
        temporary = files.temporary_folder() if path == ":memory:" else None
        try:
            return cls(Catalog.open(temporary or Path(path), read_only=read_only), temporary)
        except BaseException:
            if temporary is not None:
                files.remove_folder(temporary)
            raise

    def execute(self, request: r.Request[R]) -> R:
        """Return the result of a request. Errors: the tree of `ruvector.errors`."""
        handler = _HANDLERS.get(type(request))
        if handler is None:
            raise BadInput(f"{type(request).__name__} is not a request that can be executed")
        if self._closed:
            raise BadInput("the database is closed; open it again")
        if OPERATION_OF[type(request)].kind is Kind.META:
            _refuse_wrong_type(request)
        try:
            return cast("R", handler(self._catalog, request))
        except RuvectorError:
            raise
        except Exception as error:
            _refuse_wrong_type(request, error)
            raise

    def is_quick(self, request: r.Request[Any]) -> bool:
        """Say whether a search takes well under a millisecond and waits for nobody.

        An event loop may then execute it itself. False for everything else.
        """
        if not isinstance(request, r.Search | r.QueryPoints):
            return False
        try:
            return is_quick(self._catalog.get(request.collection), request)
        except RuvectorError:
            return False  # whoever executes it hears why

    def close(self) -> None:
        """Finish what is waiting and close all files; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._catalog.close()
        self._remove_temporary()

    def problems(self) -> dict[str, str]:
        """Return what is wrong, by collection; empty when all is well."""
        return self._catalog.problems

    def statistics(self) -> list[CollectionStatistics]:
        """Return the sizes of every collection that can be used."""
        found = []
        for name, collection in self._catalog.open_collections.items():
            with contextlib.suppress(NotFound):  # deleted meanwhile
                found.append(_statistics(name, collection))
        return found


def _remove(folder: Path | None) -> None:
    if folder is not None:
        files.remove_folder(folder)


def _refuse_wrong_type(request: r.Request[Any], cause: Exception | None = None) -> None:
    problem = wrong_type(request)
    if problem is not None:
        raise BadInput(problem) from cause


def _statistics(name: str, collection: Collection) -> CollectionStatistics:
    with collection.view() as view:
        points, segments = len(view.live), view.segments
    return CollectionStatistics(
        name=name,
        points=points,
        vectors=sum(sum(segment.counts.values()) for segment in segments),
        indexed_vectors=sum(s.counts[name] for s in segments for name in s.graphs),
        segments=len(segments),
        pending_writes=collection.shard.store.waiting,
    )


# Collections


def _list_collections(catalog: Catalog, _: r.ListCollections) -> out.CollectionsResult:
    return out.CollectionsResult([out.CollectionDescription(name) for name in catalog.names])


def _get_collection(catalog: Catalog, request: r.GetCollection) -> out.CollectionInfo:
    return describe(catalog.get(request.collection))


def _collection_exists(catalog: Catalog, request: r.CollectionExists) -> out.ExistsResult:
    return out.ExistsResult(catalog.exists(request.collection))


def _create_collection(catalog: Catalog, request: r.CreateCollection) -> bool:
    catalog.create(request.collection, new_config(request))
    return True


def _update_collection(catalog: Catalog, request: r.UpdateCollection) -> bool:
    config = changed_config(catalog.get(request.collection).config, request)
    catalog.configure(request.collection, config)
    return True


def _delete_collection(catalog: Catalog, request: r.DeleteCollection) -> bool:
    return catalog.delete(request.collection)


_ALIAS_ACTIONS = {
    "create_alias": ("create", "alias_name", "collection_name"),
    "delete_alias": ("delete", "alias_name", None),
    "rename_alias": ("rename", "old_alias_name", "new_alias_name"),
}


def _change_aliases(catalog: Catalog, request: r.ChangeAliases) -> bool:
    changes = []
    for position, source in enumerate(request.actions):
        if len(source) != 1 or (kind := next(iter(source))) not in _ALIAS_ACTIONS:
            raise MalformedRequest(
                f"actions[{position}] must have exactly one of {', '.join(_ALIAS_ACTIONS)}"
            )
        action, name_field, target_field = _ALIAS_ACTIONS[kind]
        wanted = {name_field, target_field} - {None}
        fields = source[kind]
        if not isinstance(fields, dict) or set(fields) != wanted:
            raise MalformedRequest(
                f"actions[{position}].{kind} must have {' and '.join(sorted(map(str, wanted)))}"
            )
        name = check_name(fields[name_field], name_field)
        target = check_name(fields[target_field], target_field) if target_field else ""
        changes.append((action, name, target))
    catalog.change_aliases(changes)
    return True


def _list_aliases(catalog: Catalog, _: r.ListAliases) -> out.AliasesResult:
    pairs = sorted(catalog.current_aliases.items())
    return out.AliasesResult([out.AliasDescription(alias, name) for alias, name in pairs])


def _list_collection_aliases(
    catalog: Catalog, request: r.ListCollectionAliases
) -> out.AliasesResult:
    catalog.get(request.collection)
    name = catalog.aliases.get(request.collection, request.collection)
    aliases = _list_aliases(catalog, r.ListAliases()).aliases
    return out.AliasesResult([alias for alias in aliases if alias.collection_name == name])


def _wait_for_index(catalog: Catalog, request: r.WaitForIndex) -> bool:
    catalog.get(request.collection).maintenance.finish(request.timeout)
    return True


# Points


def _write(catalog: Catalog, request: Any) -> out.UpdateResult:
    results = _write_all(catalog, request, [request])
    return results[0]


def _batch_update(catalog: Catalog, request: r.BatchUpdate) -> list[out.UpdateResult]:
    return _write_all(catalog, request, request.operations)


def _write_all(catalog: Catalog, request: Any, operations: list[Any]) -> list[out.UpdateResult]:
    collection = catalog.get(request.collection)
    changes = [change_of(collection, operation) for operation in operations]
    if not changes:
        return []
    frees_space = all(isinstance(operation, FREES_SPACE) for operation in operations)
    try:
        sequences = collection.write(
            changes, frees_space=frees_space, timeout_seconds=request.timeout
        )
    except TimedOut:
        return [out.UpdateResult(None, "wait_timeout") for _ in operations]
    status = "completed" if request.wait else "acknowledged"
    return [out.UpdateResult(sequence, status) for sequence in sequences]


def _retrieve(catalog: Catalog, request: r.Retrieve) -> list[Record]:
    return retrieve(catalog.get(request.collection), request)


def _get_point(catalog: Catalog, request: r.GetPoint) -> Record:
    return get_point(catalog.get(request.collection), request)


def _scroll(catalog: Catalog, request: r.Scroll) -> out.ScrollResult:
    return scroll(catalog.get(request.collection), request)


def _count(catalog: Catalog, request: r.Count) -> out.CountResult:
    return count(catalog.get(request.collection), request)


def _search(catalog: Catalog, request: r.Search) -> list[Hit]:
    collection = catalog.get(request.collection)
    name, vector = parse_search_vector(request.vector)
    return search_nearest(collection, vector, name, request)


def _query(catalog: Catalog, request: r.QueryPoints) -> out.QueryResult:
    collection = catalog.get(request.collection)
    query = parse_query(request.query)
    if request.prefetch is None and request.lookup_from is None:
        if query is None:
            return out.QueryResult(list_points(collection, request))
        if isinstance(query, Nearest) and query.mmr is None:
            name = "" if request.using is None else request.using
            return out.QueryResult(search_nearest(collection, query.target, name, request))
    stage = parse_stage(request, query)
    selection = selection_of(collection, request, default_payload=False)
    return out.QueryResult(run_query(catalog.get, collection, stage, selection))


def _query_batch(catalog: Catalog, request: r.QueryBatch) -> list[out.QueryResult]:
    _check_batch(request.searches)
    return [_query(catalog, _named(request, search)) for search in request.searches]


def _search_batch(catalog: Catalog, request: r.SearchBatch) -> list[list[Hit]]:
    _check_batch(request.searches)
    return [_search(catalog, _named(request, search)) for search in request.searches]


def _check_batch(searches: list[Any]) -> None:
    if len(searches) > MAX_BATCH_SEARCHES:
        raise BadInput(f"{len(searches)} searches; at most {MAX_BATCH_SEARCHES} in one request")


def _named(batch: Any, search: Any) -> Any:
    """Return a search of a batch with the batch's collection."""
    if search.collection == batch.collection:
        return search
    fields = {name: getattr(search, name) for name in search.__struct_fields__}
    return type(search)(**{**fields, "collection": batch.collection})


_HANDLERS: dict[type, Callable[[Catalog, Any], Any]] = {
    r.ListCollections: _list_collections,
    r.GetCollection: _get_collection,
    r.CollectionExists: _collection_exists,
    r.CreateCollection: _create_collection,
    r.UpdateCollection: _update_collection,
    r.DeleteCollection: _delete_collection,
    r.ChangeAliases: _change_aliases,
    r.ListAliases: _list_aliases,
    r.ListCollectionAliases: _list_collection_aliases,
    r.WaitForIndex: _wait_for_index,
    r.BatchUpdate: _batch_update,
    r.Retrieve: _retrieve,
    r.GetPoint: _get_point,
    r.Scroll: _scroll,
    r.Count: _count,
    r.Search: _search,
    r.SearchBatch: _search_batch,
    r.QueryPoints: _query,
    r.QueryBatch: _query_batch,
    **dict.fromkeys(
        (
            r.Upsert,
            r.UpdateVectors,
            r.DeletePoints,
            r.DeleteVectors,
            r.SetPayload,
            r.OverwritePayload,
            r.DeletePayload,
            r.ClearPayload,
            r.CreateFieldIndex,
            r.DeleteFieldIndex,
        ),
        _write,
    ),
}
