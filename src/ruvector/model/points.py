"""What is a point, and what comes back of it? Columns on the way in, records and hits on the way
out.

Points travel as columns, because the kernel, the log and the segments want arrays: one list of ids,
one block of vectors a name, one list of payloads. Payloads stay the JSON text they came as; they
are decoded where somebody looks inside.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from ruvector.errors import BadInput
from ruvector.model.display import point_html
from ruvector.model.ids import PointId

Vectors = NDArray[np.float32]
_decode_json = msgspec.json.Decoder().decode

if TYPE_CHECKING:
    RawJson: TypeAlias = msgspec.Raw | None
else:
    RawJson = msgspec.Raw  # in a union with None, msgspec would not leave the text as it is


class VectorBlock:
    """Vectors of one name for some points of a batch.

    `rows` is an array [n, dim], a sequence of sequences, or the JSON texts of n vectors, which the
    kernel parses once the collection has said how long they must be.
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
    """

    ids: Sequence[PointId]
    vectors: dict[str, VectorBlock]
    payloads: list[bytes | None] | None = None

    def __len__(self) -> int:
        return len(self.ids)


class Record(msgspec.Struct, omit_defaults=True, kw_only=True, dict=True):
    """A stored point. `payload` and `vector` are None unless they were asked for."""

    id: PointId
    payload_json: RawJson = msgspec.field(name="payload", default=None)
    vector: Any = None
    order_value: int | float | None = None

    @cached_property
    def payload(self) -> dict[str, Any] | None:
        """Return the payload as a dict, decoded when first touched."""
        return None if self.payload_json is None else _decode_json(self.payload_json)

    def _repr_html_(self) -> str:
        return point_html(self)


class Hit(msgspec.Struct, omit_defaults=True, kw_only=True, dict=True):
    """A point found by a search: its score is a similarity (cosine, dot) or a distance."""

    id: PointId
    version: int
    score: float
    payload_json: RawJson = msgspec.field(name="payload", default=None)
    vector: Any = None
    order_value: int | float | None = None

    @cached_property
    def payload(self) -> dict[str, Any] | None:
        """Return the payload as a dict, decoded when first touched."""
        return None if self.payload_json is None else _decode_json(self.payload_json)

    def _repr_html_(self) -> str:
        return point_html(self)


def encode_payload(payload: Any) -> bytes | None:
    """Return the JSON text of a payload given as a dict; None for an empty one."""
    if not payload:
        if payload is None or isinstance(payload, dict):
            return None
        raise BadInput(f"payload must be a dict, not {type(payload).__name__}")
    if not isinstance(payload, dict):
        raise BadInput(f"payload must be a dict, not {type(payload).__name__}")
    try:
        return msgspec.json.encode(payload, enc_hook=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput(f"payload cannot be written as JSON: {error}") from error


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
            chosen = tuple(keys)
            return (
                PayloadSelector(include=chosen)
                if kind == "include"
                else PayloadSelector(exclude=chosen)
            )
    if _are_names(source):
        return PayloadSelector(include=tuple(source))
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


def _are_names(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)
