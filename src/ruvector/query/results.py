"""How do rows become what the caller asked to see? Records and hits with chosen payload and
vectors.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from ruvector.collection.records import decode_hits
from ruvector.collection.segment import Rows
from ruvector.collection.view import View
from ruvector.kernel import shortest_floats
from ruvector.kernel.timing import note
from ruvector.model.points import WHOLE_PAYLOAD, Hit, PayloadSelector, Record, Vectors
from ruvector.query.payload_selection import excluded, included

_decode_json = msgspec.json.Decoder(dict[str, Any]).decode
_EMPTY = Raw(b"{}")


class Selection(msgspec.Struct, frozen=True):
    """What of each point is wanted: the payload's part, and vector names (() for none)."""

    payload: PayloadSelector
    vectors: tuple[str, ...] = ()
    unnamed: bool = False  # the collection has one unnamed vector, returned bare


def hits_of(view: View, rows: Rows, scores: Vectors, selection: Selection) -> list[Hit]:
    """Return hits in the order of the rows. Scores are printed as float32."""
    numbers, plain = rows.tolist(), shortest_floats(scores)
    found = decode_hits([data for data in view.reader.points(numbers) if data is not None])
    chosen = selection.payload
    payloads: list[Raw | None]
    if chosen is WHOLE_PAYLOAD:
        payloads = [Raw(text) if text else _EMPTY for _, _, text in found]
    else:
        payloads = [_payload(text, chosen) for _, _, text in found]
    hits = [
        Hit(id=point_id, version=version, score=score, payload_json=payload)
        for (point_id, version, _), score, payload in zip(found, plain, payloads, strict=True)
    ]
    if selection.vectors:
        for hit, row in zip(hits, numbers, strict=True):
            hit.vector = _vector(view, row, selection)
    note("fetch")
    return hits


def records_of(view: View, rows: Sequence[int], selection: Selection) -> list[Record]:
    """Return records in the order of the rows."""
    records = [
        Record(
            id=record.id,
            payload_json=_payload(record.payload, selection.payload),
            vector=_vector(view, row, selection),
        )
        for row, record in zip(rows, view.records(rows), strict=True)
    ]
    note("fetch")
    return records


def _payload(text: bytes, selector: PayloadSelector) -> Raw | None:
    if selector is WHOLE_PAYLOAD:
        return Raw(text) if text else _EMPTY
    if not selector.enabled:
        return None
    payload = _decode_json(text) if text else {}
    if selector.include is not None:
        payload = included(payload, selector.include)
    if selector.exclude:
        payload = excluded(payload, selector.exclude)
    return Raw(msgspec.json.encode(payload))


def _vector(view: View, row: int, selection: Selection) -> Any:
    if not selection.vectors:
        return None
    found = view.vectors(row, selection.vectors)
    return found.get("") if selection.unnamed else found
