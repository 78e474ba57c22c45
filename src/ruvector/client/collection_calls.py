"""The methods that create, describe, change and delete collections and their aliases."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from ruvector.client.transport import Transport
from ruvector.errors import AlreadyExists, BadInput, MalformedRequest
from ruvector.model import requests as r
from ruvector.model.configs import (
    CollectionParamsDiff,
    HnswConfigDiff,
    OptimizersConfigDiff,
    Placed,
    VectorParamsDiff,
    WalConfigDiff,
)
from ruvector.model.lifetimes import NO_TTL, parse_ttl
from ruvector.model.memory import MemoryReport
from ruvector.model.reports import OptimizationsResult
from ruvector.model.results import CollectionInfo, UpdateResult

Settings = Mapping[str, Any]
_DISTANCES = {name.lower(): name for name in ("Cosine", "Dot", "Euclid", "Manhattan")}
_FRIENDLY = {"dimensions": "size", "hnsw": "hnsw_config", "quantization": "quantization_config"}

T = TypeVar("T")


class CollectionCalls:
    """Collections, by name."""

    _transport: Transport

    def create_collection(
        self,
        name: str,
        dimensions: int | None = None,
        distance: str = "cosine",
        *,
        vectors: Mapping[str, Any] | None = None,
        sparse_vectors: Mapping[str, Any] | None = None,
        hnsw: Settings | None = None,
        quantization: Any = None,
        optimizers: Settings | None = None,
        wal: Settings | None = None,
        on_disk: bool | None = None,
        on_disk_payload: bool | None = None,
        payload: Settings | None = None,
        id_tracker: Settings | None = None,
        datatype: str | None = None,
        metadata: dict[str, Any] | None = None,
        ttl_seconds: float | None = None,
        exist_ok: bool = False,
    ) -> bool:
        """Create a collection; True once it can be written to.

        `dimensions` and `distance` (cosine, dot, euclid, manhattan) set up one unnamed vector;
        `vectors` sets up named ones: ``{"title": {"dimensions": 384, "distance": "cosine"}}``.
        With ``"multivector_config": {"comparator": "max_sim"}`` a vector is several rows.
        `sparse_vectors` sets up sparse ones: ``{"text": {"modifier": "idf"}}``.
        `hnsw`, `quantization`, `optimizers` and `wal` take the settings of Qdrant's API;
        `datatype` is float32, float16, uint8 or turbo4 (4 bits a number). `ttl_seconds` is how long
        points live from their write on, unless they say so themselves. `payload` and `id_tracker`
        are ``{"memory": "cached"}`` to have payloads or ids in memory when the collection is open,
        as ``on_disk_payload=False`` has payloads. Settings that cannot be honoured are refused, not
        ignored. With `exist_ok` a collection of that name stays as it is, and the answer is False;
        otherwise AlreadyExists is raised.
        """
        shared = {"on_disk": on_disk, "datatype": datatype}
        source = _vectors_of(dimensions, distance, vectors, shared)
        request = r.CreateCollection(
            collection=name,
            vectors=source,
            sparse_vectors=None if sparse_vectors is None else dict(sparse_vectors),
            hnsw_config=_settings(hnsw, HnswConfigDiff, "hnsw"),
            quantization_config=quantization,
            optimizers_config=_settings(optimizers, OptimizersConfigDiff, "optimizers"),
            wal_config=_settings(wal, WalConfigDiff, "wal"),
            on_disk_payload=on_disk_payload,
            payload=_settings(payload, Placed, "payload"),
            id_tracker=_settings(id_tracker, Placed, "id_tracker"),
            metadata=metadata,
            ttl_seconds=_ttl(ttl_seconds),
        )
        try:
            return self._transport.execute(request)
        except AlreadyExists:
            if exist_ok:
                return False
            raise

    def create_vector(
        self, name: str, vector_name: str, *, dense: Any = None, sparse: Any = None
    ) -> UpdateResult:
        """Add a vector name to a live collection: points have none of it until they are given one.

        `dense` as in create_collection's `vectors`, `sparse` as in its `sparse_vectors`. A name
        that is there with the same settings is left as it is; with others BadInput is raised.
        """
        params = None if dense is None else _vector_params(dense, {})
        return self._transport.execute(
            r.CreateVector(
                collection=name, vector_name=vector_name, dense=params, sparse=sparse, wait=True
            )
        )

    def delete_vector(self, name: str, vector_name: str) -> UpdateResult:
        """Remove a vector name with all its vectors; one that does not exist is no error."""
        return self._transport.execute(
            r.DeleteVector(collection=name, vector_name=vector_name, wait=True)
        )

    def update_collection(
        self,
        name: str,
        *,
        vectors: Mapping[str, Any] | None = None,
        sparse_vectors: Mapping[str, Any] | None = None,
        hnsw: Settings | None = None,
        quantization: Any = None,
        optimizers: Settings | None = None,
        on_disk_payload: bool | None = None,
        payload: Settings | None = None,
        id_tracker: Settings | None = None,
        metadata: dict[str, Any] | None = None,
        ttl_seconds: float | str | None = None,
    ) -> bool:
        """Change settings of a live collection; those not given stay.

        `vectors` maps names ("" for the unnamed vector) to the settings to change,
        `sparse_vectors` those of sparse ones. `ttl_seconds` holds for points written from now on;
        "Disabled" takes it away.
        """
        params = None
        if (on_disk_payload, payload, id_tracker) != (None, None, None):
            params = CollectionParamsDiff(
                on_disk_payload=on_disk_payload,
                payload=_settings(payload, Placed, "payload"),
                id_tracker=_settings(id_tracker, Placed, "id_tracker"),
            )
        changes = None
        if vectors is not None:
            changes = {
                vector: _converted(_translated(diff), VectorParamsDiff, f"vectors.{vector}")
                for vector, diff in vectors.items()
            }
        return self._transport.execute(
            r.UpdateCollection(
                collection=name,
                vectors=changes,
                sparse_vectors=None if sparse_vectors is None else dict(sparse_vectors),
                hnsw_config=_settings(hnsw, HnswConfigDiff, "hnsw"),
                quantization_config=quantization,
                optimizers_config=_settings(optimizers, OptimizersConfigDiff, "optimizers"),
                params=params,
                metadata=metadata,
                ttl_seconds=_ttl(ttl_seconds),
            )
        )

    def delete_collection(self, name: str) -> bool:
        """Delete a collection, its points and its aliases; False where there was none."""
        return self._transport.execute(r.DeleteCollection(collection=name))

    def collection_exists(self, name: str) -> bool:
        """Return whether a collection, or an alias, of that name exists."""
        return self._transport.execute(r.CollectionExists(collection=name)).exists

    def get_collection(self, name: str) -> CollectionInfo:
        """Return the status, counts and configuration of a collection; NotFound for none."""
        return self._transport.execute(r.GetCollection(collection=name))

    def get_memory(self, name: str) -> MemoryReport:
        """Return what each part of a collection takes in memory and on disk right now.

        `ram_bytes` is memory of the process; `cached_bytes` are pages of its files that the system
        keeps in memory and may take back.
        """
        return self._transport.execute(r.GetMemory(collection=name))

    def get_optimizations(
        self, name: str, show: Sequence[str] = (), *, completed_limit: int | None = None
    ) -> OptimizationsResult:
        """Return what maintenance does to a collection, did and has to do.

        `show`: which of queued, completed and idle_segments to list beside what runs;
        `completed_limit`: at most so many completed ones, 16 unless told.
        """
        return self._transport.execute(
            r.GetOptimizations(
                collection=name,
                with_=[show] if isinstance(show, str) else list(show),
                completed_limit=completed_limit,
            )
        )

    def list_collections(self) -> list[str]:
        """Return the names of all collections."""
        found = self._transport.execute(r.ListCollections()).collections
        return [collection.name for collection in found]

    def wait_for_index(self, name: str, timeout_seconds: float | None = None) -> bool:
        """Build what is not in a graph yet and return when all of it is.

        TimedOut after `timeout_seconds`. A server counts whole seconds, so a remote client
        rounds `timeout_seconds` up.
        """
        return self._transport.execute(r.WaitForIndex(collection=name, timeout=timeout_seconds))

    def create_alias(self, name: str, alias: str) -> bool:
        """Give the collection `name` a second name; an alias of that name is moved to it."""
        return self.change_aliases(
            [_action("create_alias", collection_name=name, alias_name=alias)]
        )

    def delete_alias(self, alias: str) -> bool:
        """Delete an alias; its collection stays."""
        return self.change_aliases([_action("delete_alias", alias_name=alias)])

    def rename_alias(self, old: str, new: str) -> bool:
        """Rename an alias."""
        return self.change_aliases(
            [_action("rename_alias", old_alias_name=old, new_alias_name=new)]
        )

    def change_aliases(self, actions: Sequence[dict[str, Any]]) -> bool:
        """Apply several changes of aliases at once: all of them or none.

        Each action is an object as in Qdrant's API:
        ``{"create_alias": {"collection_name": "docs_v2", "alias_name": "docs"}}``.
        """
        return self._transport.execute(r.ChangeAliases(actions=list(actions)))

    def list_aliases(self, name: str | None = None) -> dict[str, str]:
        """Return aliases and what they stand for: all, or those of the collection `name`."""
        request = r.ListAliases() if name is None else r.ListCollectionAliases(collection=name)
        found = self._transport.execute(request).aliases
        return {alias.alias_name: alias.collection_name for alias in found}

    def create_payload_index(self, name: str, field: str, schema: Any = None) -> bool:
        """Index a payload field, so that filters on it need not look at every point.

        `schema` is keyword, integer, float, bool, datetime, uuid, geo or text, or an object with
        "type" and options. Answers are the same with and without an index.
        """
        request = r.CreateFieldIndex(
            collection=name, field_name=field, field_schema=schema, wait=True
        )
        return self._transport.execute(request).status == "completed"

    def delete_payload_index(self, name: str, field: str) -> bool:
        """Drop the index of a payload field; the payload stays."""
        request = r.DeleteFieldIndex(collection=name, field_name=field, wait=True)
        return self._transport.execute(request).status == "completed"


def _action(kind: str, **fields: str) -> dict[str, Any]:
    return {kind: fields}


def _named(vectors: Mapping[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    if "size" in vectors or "dimensions" in vectors:
        first = vectors.get("size", vectors.get("dimensions"))
        if not isinstance(first, Mapping):
            return _vector_params(vectors, shared)
    return {name: _vector_params(params, shared) for name, params in vectors.items()}


def _vector_params(source: Any, shared: dict[str, Any]) -> dict[str, Any]:
    """Return the wire's object for one vector; the model says what is wrong with it."""
    params = {name: value for name, value in shared.items() if value is not None}
    params.update(_translated(source))
    distance = params.setdefault("distance", "Cosine")
    if isinstance(distance, str):
        params["distance"] = _DISTANCES.get(distance.lower(), distance)
    return params


def _translated(source: Any) -> dict[str, Any]:
    if isinstance(source, msgspec.Struct):
        source = msgspec.to_builtins(source)
    if not isinstance(source, Mapping):
        raise BadInput(
            f"vector settings are {source!r}; they must be like "
            '{"dimensions": 384, "distance": "cosine"}'
        )
    return {_FRIENDLY.get(str(name), str(name)): value for name, value in source.items()}


def _ttl(value: Any) -> Any:
    return value if value == NO_TTL else parse_ttl(value, "ttl_seconds")


def _vectors_of(
    dimensions: int | None,
    distance: str,
    vectors: Mapping[str, Any] | None,
    shared: dict[str, Any],
) -> Any:
    """Return the vectors of a new collection, given in either way."""
    if dimensions is None:
        return None if vectors is None else _named(vectors, shared)
    if vectors is not None:
        raise BadInput("give either dimensions= for one unnamed vector, or vectors= for named ones")
    return _vector_params({"size": dimensions, "distance": distance}, shared)


def _settings(source: Any, kind: type[T], path: str) -> T | None:
    if source is None or isinstance(source, kind):
        return source
    return _converted(source, kind, path)


def _converted(source: Any, kind: type[T], path: str) -> T:
    try:
        return msgspec.convert(source, kind)
    except msgspec.ValidationError as error:
        raise MalformedRequest(f"{path}: {error}") from error
