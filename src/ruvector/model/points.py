"""What is a point, and what comes back of it? Columns on the way in, records and hits on the way
out.

Points travel as columns, because the kernel, the log and the segments want arrays: one list of ids,
one block of vectors a name, one list of payloads. Payloads stay the JSON text they came as; they
are decoded where somebody looks inside.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import msgspec
import numpy as np
from numpy.typing import NDArray

from ruvector.errors import BadInput
from ruvector.kernel import scan_json
from ruvector.model.display import point_html, point_text
from ruvector.model.ids import PointId
from ruvector.model.limits import MAX_JSON_CONTAINERS, MAX_PAYLOAD_DEPTH
from ruvector.model.paths import parse_path

Vectors = NDArray[np.float32]
_decode_json = msgspec.json.Decoder().decode

if TYPE_CHECKING:
    RawJson: TypeAlias = msgspec.Raw | None
else:
    RawJson = msgspec.Raw  # in a union with None, msgspec would not leave the text as it is


class TextRows(Sequence[bytes]):
    """JSON texts of n values inside a larger text; `places`: int64 [n, 2], start and end."""

    __slots__ = ("places", "text")

    def __init__(self, text: bytes, places: NDArray[np.int64]) -> None:
        self.text = text
        self.places = np.ascontiguousarray(places)

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, position: int) -> bytes: ...

    @overload
    def __getitem__(self, position: slice) -> "TextRows": ...

    def __getitem__(self, position: int | slice) -> "bytes | TextRows":
        if isinstance(position, slice):
            return TextRows(self.text, self.places[position])
        start, end = self.places[position].tolist()
        return self.text[start:end]


class VectorBlock:
    """Vectors of one name for some points of a batch.

    `rows` is an array [n, dim], a sequence of sequences, or TextRows, which the kernel parses once
    the collection has said how long they must be.
    `positions` says which points of the batch have them: None for all, else uint32 [n] ascending.
    """

    __slots__ = ("positions", "rows")

    def __init__(self, rows: Any, positions: NDArray[np.uint32] | None = None) -> None:
        self.rows = rows
        self.positions = positions

    def __len__(self) -> int:
        return len(self.rows)


class PointsBlock(msgspec.Struct, frozen=True):
    """A batch of points as columns.

    ids: n ids as given; vectors: name ("" for the unnamed one) to block;
    payloads: n JSON texts, None for an empty payload; or None when no point has one.
    ttls: n lifetimes in seconds, None for that of the collection; or None when no point has one.
    """

    ids: Sequence[PointId]
    vectors: dict[str, VectorBlock]
    payloads: list[bytes | None] | None = None
    ttls: Sequence[Any] | None = None

    def __len__(self) -> int:
        return len(self.ids)


class Record(msgspec.Struct, omit_defaults=True, kw_only=True, dict=True):
    """A stored point. `payload` and `vector` are None unless they were asked for."""

    id: PointId
    payload_json: RawJson = msgspec.field(name="payload", default=None)
    vector: Any = None
    order_value: int | float | str | None = None

    @cached_property
    def payload(self) -> dict[str, Any] | None:
        """Return the payload as a dict, decoded when first touched."""
        return None if self.payload_json is None else _decode_json(self.payload_json)

    def __repr__(self) -> str:
        return point_text(self)

    def _repr_html_(self) -> str:
        return point_html(self)


class Hit(msgspec.Struct, omit_defaults=True, kw_only=True, dict=True):
    """A point found by a search: its score is a similarity (cosine, dot) or a distance."""

    id: PointId
    version: int
    score: float
    payload_json: RawJson = msgspec.field(name="payload", default=None)
    vector: Any = None
    order_value: int | float | str | None = None

    @cached_property
    def payload(self) -> dict[str, Any] | None:
        """Return the payload as a dict, decoded when first touched."""
        return None if self.payload_json is None else _decode_json(self.payload_json)

    def __repr__(self) -> str:
        return point_text(self)

    def _repr_html_(self) -> str:
        return point_html(self)


def encode_payload(payload: Any) -> bytes | None:
    """Return the JSON text of a payload given as a dict; None for an empty one.

    BadInput for what JSON has no words for, NaN and infinity included, and for one nested deeper
    than MAX_PAYLOAD_DEPTH.
    """
    if payload is None:
        return None
    if not isinstance(payload, dict):
        raise BadInput(f"payload must be a dict, not {type(payload).__name__}")
    if not payload:
        return None
    text = encode_json_object(payload, "payload")
    check_payload_depth(text, "payload")
    return text


def encode_json_object(value: dict[str, Any], thing: str) -> bytes:
    """Return the JSON text of an object; BadInput names the thing where it has none."""
    try:
        text = msgspec.json.encode(value, enc_hook=_plain)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadInput(f"{thing} cannot be written as JSON: {error}") from error
    if b"null" in text and _holds_nan(value):  # msgspec writes NaN and infinity as null
        raise BadInput(f"{thing} holds NaN or infinity, which JSON cannot write; use None")
    return text


def check_payload_depth(text: bytes, thing: str) -> None:
    """Raise BadInput for the JSON text of a payload that is nested too deeply."""
    if len(text) <= 2 * MAX_PAYLOAD_DEPTH:
        return  # each level takes two brackets
    try:
        scan_json(text, MAX_PAYLOAD_DEPTH, MAX_JSON_CONTAINERS)
    except ValueError as error:
        raise BadInput(f"{thing}: {error}; at most {MAX_PAYLOAD_DEPTH} levels") from error


def _holds_nan(value: Any) -> bool:
    if isinstance(value, float | np.floating):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(map(_holds_nan, value.values()))
    if isinstance(value, np.ndarray):
        return _holds_nan(value.tolist())
    return isinstance(value, list | tuple | set | frozenset) and any(map(_holds_nan, value))


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"values of type {type(value).__name__} are not supported")


class PayloadSelector(msgspec.Struct, frozen=True):
    """Which part of the payload is wanted?"""

    enabled: bool = True
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None


NO_PAYLOAD = PayloadSelector(enabled=False)
WHOLE_PAYLOAD = PayloadSelector()


def parse_payload_selector(source: Any, default: bool) -> PayloadSelector:
    """Return the selector of `with_payload`: a bool, a list of keys, or {"include"|"exclude":
    [...]}.
    """
    if source is None:
        return WHOLE_PAYLOAD if default else NO_PAYLOAD
    if isinstance(source, bool):
        return WHOLE_PAYLOAD if source else NO_PAYLOAD
    if isinstance(source, dict) and len(source) == 1:
        (kind, keys), *_ = source.items()
        if kind in ("include", "exclude") and _are_names(keys):
            chosen = _keys(keys)
            return (
                PayloadSelector(include=chosen)
                if kind == "include"
                else PayloadSelector(exclude=chosen)
            )
    if _are_names(source):
        return PayloadSelector(include=_keys(source))
    raise BadInput(
        "with_payload must be true, false, a list of keys, "
        'or an object {"include": [keys]} or {"exclude": [keys]}'
    )


def parse_vector_selector(source: Any) -> bool | tuple[str, ...]:
    """Return the selector of `with_vector`: True for all, False for none, or names."""
    if source is None:
        return False
    if isinstance(source, bool):
        return source
    if _are_names(source):
        return tuple(source)
    raise BadInput("with_vector must be true, false or a list of vector names")


def _keys(source: Sequence[str]) -> tuple[str, ...]:
    """Return the keys of a selector; BadInput where one is no path."""
    for key in source:
        parse_path(key)
    return tuple(source)


def _are_names(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)
