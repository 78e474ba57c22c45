"""How does a request become entries of the log and rows of the tables? All inside one transaction.

Runs in the committer thread, where it alone sees the transaction, the memory that readers see, and
the effects in between. It decides everything (which rows, which payloads), so that applying the
entry again needs no decision: `replay` does just that. Nothing here changes memory; the returned
effects do, after the commit.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import msgspec
import numpy as np
from pyroaring import BitMap

from ruvector.collection.effects import Effect, Pending
from ruvector.collection.entries import (
    Entry,
    Payloads,
    Put,
    Remove,
    Schema,
    VectorColumn,
    encode_entry,
)
from ruvector.collection.entry_columns import decode_column, encode_column
from ruvector.collection.growing import Columns
from ruvector.collection.points import ALL_CHANGE, Changeable, PreparedPoints, chosen_points
from ruvector.collection.records import PointRecord, decode_record, encode_record
from ruvector.collection.segment import Rows
from ruvector.collection.spaces import Column, Space
from ruvector.errors import BadInput, NotFound
from ruvector.model.filters import Filter
from ruvector.model.ids import PointId, id_key
from ruvector.model.lifetimes import Moments
from ruvector.model.limits import MAX_ROWS
from ruvector.model.points import encode_payload
from ruvector.storage.transaction import WriteTransaction

JsonObject = dict[str, Any]
PayloadChange = Callable[[JsonObject], JsonObject]

_decode_json = msgspec.json.Decoder().decode
_NO_ROWS: Rows = np.empty(0, dtype=np.uint32)


class NewRows(NamedTuple):
    """What a `Put` brings, decoded."""

    first_row: int
    keys: list[bytes]
    texts: dict[int, str]
    payloads: list[bytes | None] | None
    columns: Columns
    expiries: Moments | None


class Preparation:
    """One request on its way into the transaction.

    `resolve` answers a filter with rows as of this moment, `matching` with those of some rows;
    `vector_at` returns the stored vector of a row that memory shows; `take_rows` hands out new
    rows; `keeps_payloads` says whether fields are indexed, so that old payloads must be known when
    rows change; `lapsed` are rows of points that have expired, which are as good as deleted.
    `time` is noted in the entries of this request, of which there will be `count`.
    """

    def __init__(
        self,
        transaction: WriteTransaction,
        pending: Pending,
        spaces: Mapping[str, Space],
        resolve: Callable[[Filter], Rows],
        matching: Callable[[Filter, Sequence[int]], BitMap],
        vector_at: Callable[[str, int], Any],
        take_rows: Callable[[int], int],
        keeps_payloads: bool,
        lapsed: BitMap,
        time: int = 0,
        count: int = 1,
    ) -> None:
        self.transaction = transaction
        self._pending = pending
        self._spaces = spaces
        self._resolve = resolve
        self._matching = matching
        self._vector_at = vector_at
        self._take_rows = take_rows
        self._keeps_payloads = keeps_payloads
        self._lapsed = lapsed
        self._time = time
        self._following = count

    def upsert(self, points: PreparedPoints, rule: Changeable = ALL_CHANGE) -> Effect:
        """Give every point that the rule allows a new row; rows of ids that exist die."""
        if rule is not ALL_CHANGE:
            rows = self._rows_seen(points.keys)
            points = chosen_points(points, self._changeable(rows, rule))
        return self._put(
            points.keys, points.texts, points.payloads, points.columns, points.expiries
        )

    def delete(self, ids: Sequence[PointId] | None, filter: Filter | None) -> Effect:
        """Remove the chosen points; ids that do not exist are no error."""
        return self._remove(self._choose(ids, filter, missing_is_error=False))

    def sweep(self, rows: Sequence[int]) -> Effect:
        """Remove those of these rows, of points that have expired, that are still there."""
        records = zip(rows, self.transaction.points(rows), strict=True)
        return self._remove([(row, decode_record(data)) for row, data in records if data])

    def _remove(self, chosen: list[tuple[int, PointRecord]]) -> Effect:
        rows = _ascending(row for row, _ in chosen)
        keys = [record.key for _, record in chosen]
        entry = Remove(keys, memoryview(rows), *self._mark())  # type: ignore[arg-type]
        return self._erased(self._log(entry), keys, rows, dict(chosen))

    def _erased(
        self, effect: Effect, keys: list[bytes], rows: Rows, known: dict[int, PointRecord]
    ) -> Effect:
        effect.dead = rows
        if self._keeps_payloads and len(rows):
            effect.dead_payloads = self._payloads_of(rows, known)
        self.transaction.delete_ids(keys)
        self.transaction.delete_points(rows.tolist())
        return effect

    def update_vectors(self, points: PreparedPoints, rule: Changeable = ALL_CHANGE) -> Effect:
        """Replace given vectors; points move to new rows with their other vectors and payloads."""
        rows = self._rows_of(points.keys, points.ids)
        if rule.filter is not None:
            positions = self._changeable(rows, rule)
            points, rows = chosen_points(points, positions), [rows[i] for i in positions]
        records = [decode_record(data) for data in self._records(rows)]
        columns = self._completed(rows, points.columns)
        return self._moved(points.keys, records, columns)

    def delete_vectors(
        self, names: Sequence[str], ids: Sequence[PointId] | None, filter: Filter | None
    ) -> Effect:
        """Take named vectors away; the points move to new rows with what is left."""
        chosen = self._choose(ids, filter, missing_is_error=False)
        rows = [row for row, _ in chosen]
        records = [record for _, record in chosen]
        columns = self._completed(rows, {}, without=frozenset(names))
        return self._moved([record.key for record in records], records, columns)

    def change_payload(
        self,
        change: PayloadChange,
        ids: Sequence[PointId] | None,
        filter: Filter | None,
        *,
        missing_is_error: bool,
    ) -> Effect:
        """Change payloads in place: rows and vectors stay."""
        chosen = sorted(
            self._choose(ids, filter, missing_is_error=missing_is_error), key=lambda pair: pair[0]
        )
        rows = _ascending(row for row, _ in chosen)
        payloads = [_changed(record.payload, change) for _, record in chosen]
        keys = [record.key for _, record in chosen]
        entry = Payloads(memoryview(rows), keys, payloads, *self._mark())  # type: ignore[arg-type]
        return self._repaid(self._log(entry), chosen, payloads)

    def _repaid(
        self,
        effect: Effect,
        chosen: Sequence[tuple[int, PointRecord]],
        payloads: list[bytes | None],
    ) -> Effect:
        self.transaction.put_points(
            (
                row,
                encode_record(effect.sequence, record.key, record.text, payload, record.expiry),
            )
            for (row, record), payload in zip(chosen, payloads, strict=True)
        )
        effect.changed = _ascending(row for row, _ in chosen)
        effect.old_payloads = [record.payload for _, record in chosen]
        effect.new_payloads = payloads
        return effect

    def change_schema(self, field: str, schema: str | JsonObject | None) -> Effect:
        """Index a field, or stop indexing it."""
        return self._indexed(self._log(Schema(field, schema, *self._mark())), field, schema)

    def _indexed(self, effect: Effect, field: str, schema: str | JsonObject | None) -> Effect:
        key = "schema:" + field
        self.transaction.put_manifest(key, None if schema is None else msgspec.json.encode(schema))
        effect.schema = (field, schema)
        return effect

    def note_config(self, config: bytes) -> Effect:
        """Log the settings that the collection has from here on."""
        return self._log(Remove([], memoryview(b""), *self._mark(), config))

    def replay(self, data: bytes, entry: Entry) -> Effect:
        """Do again what an entry of this log says; its bytes, time and number stay the same."""
        effect = Effect(self.transaction.append_log(data), log_bytes=len(data))
        if isinstance(entry, Put):
            columns = {column.name: decode_column(column) for column in entry.vectors}
            dead = np.frombuffer(entry.dead, dtype=np.uint32)
            moments = None if entry.expiries is None else np.frombuffer(entry.expiries, np.int64)
            new = NewRows(
                entry.first_row, entry.keys, entry.texts, entry.payloads, columns, moments
            )
            return self._stored_rows(effect, new, dead)
        if isinstance(entry, Remove):
            return self._erased(effect, entry.keys, np.frombuffer(entry.dead, np.uint32), {})
        if isinstance(entry, Payloads):
            rows = np.frombuffer(entry.rows, dtype=np.uint32).tolist()
            records = [decode_record(data) for data in self._records(rows)]
            return self._repaid(effect, list(zip(rows, records, strict=True)), entry.payloads)
        return self._indexed(effect, entry.field, entry.schema)

    def _moved(self, keys: list[bytes], records: list[PointRecord], columns: Columns) -> Effect:
        """Give points new rows with other vectors; all else of them stays."""
        expiries = np.array([record.expiry for record in records], dtype=np.int64)
        payloads: list[bytes | None] = [record.payload for record in records]
        given = expiries if expiries.any() else None
        return self._put(keys, _texts(records), payloads, columns, given)

    def _put(
        self,
        keys: list[bytes],
        texts: dict[int, str],
        payloads: list[bytes | None] | None,
        columns: Columns,
        expiries: Moments | None,
    ) -> Effect:
        transaction = self.transaction
        count = len(keys)
        first_row = self._take_rows(count)
        if first_row + count > MAX_ROWS:
            raise BadInput(
                f"the shard has used {first_row} of {MAX_ROWS} rows; "
                "copy the collection into a new one"
            )
        found = transaction.rows_of(keys)
        dead = _ascending(row for row in found if row is not None)
        entry = Put(
            first_row,
            keys,
            texts,
            payloads,
            _encode_columns(columns),
            memoryview(dead),  # type: ignore[arg-type]
            None if expiries is None else memoryview(expiries),  # type: ignore[arg-type]
            *self._mark(),
        )
        new = NewRows(first_row, keys, texts, payloads, columns, expiries)
        return self._stored_rows(self._log(entry), new, dead)

    def _stored_rows(self, effect: Effect, new: "NewRows", dead: Rows) -> Effect:
        first_row, keys, texts, payloads, columns, expiries = new
        transaction, sequence, count = self.transaction, effect.sequence, len(keys)
        dead_payloads = self._payloads_of(dead, {}) if self._keeps_payloads and len(dead) else []
        bodies: Iterable[bytes | None] = payloads if payloads is not None else [None] * count
        text_of = texts.get
        moments: Iterable[int] = repeat(0) if expiries is None else expiries.tolist()
        transaction.put_points(
            [
                (first_row + i, encode_record(sequence, key, text_of(i), payload, moment))
                for i, (key, payload, moment) in enumerate(zip(keys, bodies, moments))  # noqa: B905
            ]
        )
        transaction.put_ids(zip(keys, range(first_row, first_row + count), strict=True))
        if len(dead):
            transaction.delete_points(dead.tolist())
        effect.first_row, effect.count, effect.columns = first_row, count, columns
        effect.keys = keys
        effect.payloads, effect.expiries = payloads, expiries
        effect.dead, effect.dead_payloads = dead, dead_payloads
        return effect

    def _mark(self) -> tuple[int, int]:
        """Return what the next entry says of its time and of how many follow it."""
        self._following -= 1
        return self._time, self._following if self._time else 0

    def _log(self, entry: Entry) -> Effect:
        data = encode_entry(entry)
        return Effect(self.transaction.append_log(data), log_bytes=len(data))

    def _choose(
        self, ids: Sequence[PointId] | None, filter: Filter | None, *, missing_is_error: bool
    ) -> list[tuple[int, PointRecord]]:
        """Return (row, record) of the points chosen by ids or by filter, each once."""
        if ids is not None:
            keys = list(dict.fromkeys(id_key(point_id) for point_id in ids))
            found = self._rows_seen(keys)
            if missing_is_error and None in found:
                missing = keys[found.index(None)]
                named = next(point_id for point_id in ids if id_key(point_id) == missing)
                raise NotFound(f"No point with id {named} found")
            rows = [row for row in found if row is not None]
        elif filter is not None:
            rows = self._resolve(filter).tolist()
        else:
            raise BadInput("either points or filter must be given")
        records = self._records(rows)
        return [(row, decode_record(data)) for row, data in zip(rows, records, strict=True)]

    def _changeable(self, rows: Sequence[int | None], rule: Changeable) -> list[int]:
        """Return the positions of rows (None: no such point yet) that a rule lets change."""
        matching = None
        if rule.filter is not None and rule.mode != "insert_only":
            matching = self._matching(rule.filter, [row for row in rows if row is not None])
        return [
            position
            for position, row in enumerate(rows)
            if (
                rule.mode != "update_only"
                if row is None
                else rule.mode != "insert_only" and (matching is None or row in matching)
            )
        ]

    def _rows_of(self, keys: list[bytes], ids: Sequence[PointId]) -> list[int]:
        rows = self._rows_seen(keys)
        for point_id, row in zip(ids, rows, strict=True):
            if row is None:
                raise NotFound(f"No point with id {point_id} found")
        return [row for row in rows if row is not None]

    def _rows_seen(self, keys: list[bytes]) -> list[int | None]:
        """Return the row of each id, None where there is no such point or it has expired."""
        rows = self.transaction.rows_of(keys)
        if self._lapsed:
            rows = [None if row is None or row in self._lapsed else row for row in rows]
        return rows

    def _records(self, rows: Sequence[int]) -> list[bytes]:
        return [data for data in self.transaction.points(rows) if data is not None]

    def _payloads_of(self, rows: Rows, known: dict[int, PointRecord]) -> list[bytes]:
        if len(known) == len(rows):
            return [known[row].payload for row in rows.tolist()]
        return [decode_record(data).payload for data in self._records(rows.tolist())]

    def _completed(
        self, rows: Sequence[int], given: Columns, without: frozenset[str] = frozenset()
    ) -> Columns:
        """Return columns of all vectors that these rows keep, with the given ones in place."""
        columns: dict[str, tuple[Column, Rows | None]] = {}
        for name, space in self._spaces.items():
            if name in without:
                continue
            vectors, positions = given.get(space.key, (None, None))
            if vectors is not None and positions is None:
                columns[space.key] = (vectors, None)
                continue
            new = dict(
                zip(
                    (positions if positions is not None else ()),
                    vectors if vectors is not None else (),  # type: ignore[arg-type]
                    strict=True,
                )
            )
            kept = [(i, new.get(i)) for i in range(len(rows))]
            pairs = [
                (i, vector if vector is not None else self._stored(space, rows[i]))
                for i, vector in kept
            ]
            present = [(i, vector) for i, vector in pairs if vector is not None]
            if present:
                block = space.column([vector for _, vector in present])
                where = _ascending(i for i, _ in present)
                columns[space.key] = (block, None if len(present) == len(rows) else where)
        return columns

    def _stored(self, space: Space, row: int) -> Any:
        effect = self._pending.find(row)
        if effect is not None:
            return effect.vector_of(space.key, row)
        return self._vector_at(space.name, row)


def _changed(payload: bytes, change: PayloadChange) -> bytes | None:
    result = change(_decode_json(payload) if payload else {})
    return encode_payload(result)


def _texts(records: list[PointRecord]) -> dict[int, str]:
    return {i: record.text for i, record in enumerate(records) if record.text is not None}


def _ascending(rows: Iterable[int]) -> Rows:
    array = np.fromiter(rows, dtype=np.uint32)
    array.sort()
    return array


def _encode_columns(columns: Columns) -> list[VectorColumn]:
    return [encode_column(key, *column) for key, column in columns.items()]
