"""The methods that write points: insert, change and delete.

A write returns when it is durable, and every search that starts afterwards sees it. Bulk writes
are cut into batches; each batch is applied as a whole or not at all, and the batches before a
failing one stay.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ruvector.client.columns import Columns, as_ids, point_columns, split
from ruvector.client.progress import progress_bar
from ruvector.client.transport import Transport
from ruvector.errors import BadInput
from ruvector.model import requests as r
from ruvector.model.filters import shorthand
from ruvector.model.points import PointsBlock
from ruvector.model.results import UpdateResult
from ruvector.model.wire.decode import BATCH_CHANGES

Filter = Mapping[str, Any]
_OPTIONS = ("update_filter", "update_mode")
_COLUMNS = ("points", "ids", "vectors", "payloads", "ttl_seconds")


class PointCalls:
    """Writes of points."""

    _transport: Transport

    def upsert(
        self,
        name: str,
        points: Iterable[Any] | None = None,
        *,
        ids: Any = None,
        vectors: Any = None,
        payloads: Sequence[Mapping[str, Any] | None] | None = None,
        ttl_seconds: float | Sequence[float | None] | None = None,
        wait: bool = True,
        batch_size: int | None = None,
        progress: bool = False,
        update_filter: Filter | None = None,
        update_mode: str | None = None,
    ) -> UpdateResult:
        """Insert points, replacing those whose ids exist.

        `points` is a list of dicts (or records) with id, vector and payload; a vector is a list,
        an array, or a dict of them by name. Or, for bulk writes, columns: `ids` [n] (list, array,
        range), `vectors` [n, dim] (float32 is passed on as it is) or a dict of them by name,
        `payloads` [n]. Writes of more than `batch_size` points (10,000 unless told; to a server
        about 8 MB) are cut into batches, each applied as a whole. `progress` shows a bar.
        `ttl_seconds` (one for all, or one for each; also a field of a point) is how long points
        live, else as long as the collection says: after that nobody sees them.
        `update_mode`: "insert_only" leaves points that exist as they are, "update_only" makes no
        new ones. With `update_filter` points that exist are replaced only if they match. Returns
        the result of the last batch.
        """
        columns = point_columns(points, ids, vectors, payloads, ttl_seconds)
        options = {"update_filter": _filter(update_filter), "update_mode": update_mode}
        return self._write(r.Upsert, name, columns, wait, batch_size, progress, options)

    def update_vectors(
        self,
        name: str,
        points: Iterable[Any] | None = None,
        *,
        ids: Any = None,
        vectors: Any = None,
        wait: bool = True,
        batch_size: int | None = None,
        update_filter: Filter | None = None,
    ) -> UpdateResult:
        """Replace the given vectors of existing points; their other vectors and payloads stay.

        With `update_filter` only those of points that match.
        """
        columns = point_columns(points, ids, vectors, None)
        if columns.payloads is not None:
            raise BadInput("update_vectors takes no payloads: use upsert, or set_payload for them")
        if columns.ttls is not None:
            raise BadInput("update_vectors takes no ttl_seconds: use upsert to give a new one")
        options = {"update_filter": _filter(update_filter)}
        return self._write(r.UpdateVectors, name, columns, wait, batch_size, False, options)

    def delete(
        self, name: str, ids: Any = None, *, filter: Filter | None = None, wait: bool = True
    ) -> UpdateResult:
        """Delete points by ids (one or many) or by a filter; unknown ids are passed over."""
        return self._transport.execute(
            r.DeletePoints(collection=name, **_chosen(ids, filter), wait=wait)
        )

    def delete_vectors(
        self,
        name: str,
        vectors: str | Sequence[str],
        ids: Any = None,
        *,
        filter: Filter | None = None,
        wait: bool = True,
    ) -> UpdateResult:
        """Delete the named vectors of points chosen by ids or by a filter; the points stay."""
        return self._transport.execute(
            r.DeleteVectors(
                collection=name, vector=_names(vectors), **_chosen(ids, filter), wait=wait
            )
        )

    def set_payload(
        self,
        name: str,
        payload: Mapping[str, Any],
        ids: Any = None,
        *,
        filter: Filter | None = None,
        key: str | None = None,
        wait: bool = True,
    ) -> UpdateResult:
        """Merge `payload` into the payloads of points, at the top or at the path `key`."""
        return self._transport.execute(
            r.SetPayload(
                collection=name,
                payload=_payload(payload),
                **_chosen(ids, filter),
                key=key,
                wait=wait,
            )
        )

    def overwrite_payload(
        self,
        name: str,
        payload: Mapping[str, Any],
        ids: Any = None,
        *,
        filter: Filter | None = None,
        key: str | None = None,
        wait: bool = True,
    ) -> UpdateResult:
        """Replace the payloads of points as a whole; with `key`, merge at that path."""
        return self._transport.execute(
            r.OverwritePayload(
                collection=name,
                payload=_payload(payload),
                **_chosen(ids, filter),
                key=key,
                wait=wait,
            )
        )

    def delete_payload(
        self,
        name: str,
        keys: str | Sequence[str],
        ids: Any = None,
        *,
        filter: Filter | None = None,
        wait: bool = True,
    ) -> UpdateResult:
        """Delete keys (paths such as ``a.b``) from the payloads of points."""
        return self._transport.execute(
            r.DeletePayload(collection=name, keys=_names(keys), **_chosen(ids, filter), wait=wait)
        )

    def clear_payload(
        self, name: str, ids: Any = None, *, filter: Filter | None = None, wait: bool = True
    ) -> UpdateResult:
        """Delete the payloads of points as a whole."""
        return self._transport.execute(
            r.ClearPayload(collection=name, **_chosen(ids, filter), wait=wait)
        )

    def batch_update(
        self, name: str, operations: Sequence[Mapping[str, Any]], *, wait: bool = True
    ) -> list[UpdateResult]:
        """Apply several changes in their order, in one transaction: all of them or none.

        Each is a dict of one change and its arguments, named as the methods here:
        ``{"upsert": {"points": [...]}}``, ``{"delete": {"ids": [1]}}``,
        ``{"set_payload": {"payload": {...}, "filter": {...}}}``.
        """
        changes = [_change(operation, number) for number, operation in enumerate(operations)]
        return self._transport.execute(
            r.BatchUpdate(collection=name, operations=changes, wait=wait)
        )

    def _write(
        self,
        request: type[r.Upsert] | type[r.UpdateVectors],
        name: str,
        columns: Columns,
        wait: bool,
        batch_size: int | None,
        progress: bool,
        options: dict[str, Any],
    ) -> UpdateResult:
        transport = self._transport
        limit, size = transport.batch_points, transport.batch_bytes
        if batch_size is not None:
            if batch_size < 1:
                raise BadInput(f"batch_size is {batch_size}; it must be 1 or larger")
            limit, size = batch_size, None
        with progress_bar(len(columns.ids), progress) as advance:
            for block in split(columns, limit, size):
                write = request(collection=name, points=block, wait=wait, **options)
                result = transport.execute(write)
                advance(len(block))
        return result


def _chosen(ids: Any, filter: Filter | None) -> dict[str, Any]:
    return {
        "points": None if ids is None else list(as_ids(ids)),
        "filter": _filter(filter),
    }


def _filter(filter: Filter | None) -> dict[str, Any] | None:
    return None if filter is None else shorthand(filter)


def _names(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _payload(payload: Any) -> dict[str, Any]:
    if not isinstance(payload, Mapping):
        raise BadInput(f"payload must be a dict, not {type(payload).__name__}")
    return payload if isinstance(payload, dict) else dict(payload)


def _change(operation: Any, number: int) -> r.Request[Any]:
    """Return the request for one change of a batch."""
    if not isinstance(operation, Mapping) or len(operation) != 1:
        raise BadInput(f"operations[{number}] must be a dict with one change, such as 'upsert'")
    kind, source = next(iter(operation.items()))
    request = BATCH_CHANGES.get(kind)
    if request is None or not isinstance(source, Mapping):
        raise BadInput(
            f"operations[{number}] is {kind!r}; it must be one of {', '.join(BATCH_CHANGES)}, "
            "with a dict of arguments"
        )
    fields = dict(source)
    if request in (r.Upsert, r.UpdateVectors):
        options = {name: fields.pop(name) for name in _OPTIONS if name in fields}
        if "update_filter" in options:
            options["update_filter"] = _filter(options["update_filter"])
        fields = {"points": _block(fields, number), **options}
    else:
        ids = fields.pop("ids", fields.pop("points", None))
        fields.update(_chosen(ids, fields.get("filter")))
        for one_or_many in ("keys", "vector"):
            if one_or_many in fields:
                fields[one_or_many] = _names(fields[one_or_many])
    try:
        return request(collection="", **fields)  # type: ignore[no-any-return]
    except TypeError as error:
        raise BadInput(f"operations[{number}] ({kind}): {error}") from error


def _block(fields: dict[str, Any], number: int) -> PointsBlock:
    unknown = set(fields).difference(_COLUMNS)
    if unknown:
        raise BadInput(f"operations[{number}] has the unknown field {sorted(unknown)[0]!r}")
    columns = point_columns(*map(fields.get, _COLUMNS))
    return next(split(columns, max(1, len(columns.ids)), None))
