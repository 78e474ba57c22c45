"""How do the points of a message become columns, and columns points? No Python object per number.

A vector's floats are packed in the message as they lie in memory, so a column is the messages'
bytes joined, with numpy looking at them. Payloads become the JSON text they are stored as.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from ruvector.model.points import PointsBlock, VectorBlock, encode_payload
from ruvector.model.proto.values import read_id, read_values, write_id, write_values
from ruvector.model.proto.vectors import FLOAT_BYTES, head_bytes, read_vector, write_vector

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def read_points(points: Sequence[Any], *, with_payloads: bool) -> PointsBlock:
    """Return the columns of PointStructs, or of PointVectors, which have no payloads."""
    ids = [read_id(point.id) for point in points]
    columns: dict[str, _Column] = {}
    for position, point in enumerate(points):
        vectors = point.vectors
        kind = vectors.WhichOneof("vectors_options")
        if kind == "vector":
            _column(columns, "").add(position, vectors.vector)
        elif kind == "vectors":
            for name, vector in vectors.vectors.vectors.items():
                _column(columns, name).add(position, vector)
    blocks = {name: column.block(len(points)) for name, column in columns.items()}
    payloads = None
    if with_payloads:
        texts = [encode_payload(read_values(p.payload)) if p.payload else None for p in points]
        payloads = texts if any(text is not None for text in texts) else None
    return PointsBlock(ids, blocks, payloads)


def write_points(points: PointsBlock, target: Any) -> None:
    """Add PointStructs, or PointVectors, to a list of them."""
    vectors: list[dict[str, Any]] = [{} for _ in points.ids]
    for name, block in points.vectors.items():
        positions = range(len(block)) if block.positions is None else block.positions.tolist()
        for position, row in zip(positions, block.rows, strict=True):
            vectors[position][name] = row
    payloads = points.payloads or [None] * len(points)
    for point_id, named, payload in zip(points.ids, vectors, payloads, strict=True):
        point = target.add()
        write_id(point.id, point_id)
        if set(named) == {""}:
            write_vector(point.vectors.vector, named[""])
        else:
            point.vectors.vectors.SetInParent()
            for name, row in named.items():
                write_vector(point.vectors.vectors.vectors[name], row, f"vector.{name}")
        if payload is not None:
            write_values(point.payload, _decode(payload))


class _Column:
    """The vectors of one name, while they are collected: bytes of dense ones, or values."""

    def __init__(self) -> None:
        self._positions: list[int] = []
        self._dense: list[bytes] = []
        self._heads: set[tuple[int, int]] = set()
        self._others: dict[int, Any] = {}

    def add(self, position: int, vector: Any) -> None:
        """Add the vector of one point."""
        text = b""
        if vector.WhichOneof("vector") == "dense":
            dense = vector.dense
            text, size = dense.SerializeToString(), FLOAT_BYTES * len(dense.data)
            head = head_bytes(size)
            if len(text) == head + size:
                self._heads.add((head, size))
            else:  # fields that we do not know stand beside the floats
                self._others[len(self._dense)] = read_vector(vector)
        else:
            self._others[len(self._dense)] = read_vector(vector)
        self._positions.append(position)
        self._dense.append(text)

    def block(self, count: int) -> VectorBlock:
        """Return the block; `count`: how many points the batch has."""
        if len(self._positions) == count:
            return VectorBlock(self._rows())
        return VectorBlock(self._rows(), np.array(self._positions, dtype=np.uint32))

    def _rows(self) -> Any:
        if len(self._heads) == 1 and not self._others:
            ((head, _),) = self._heads
            texts = np.frombuffer(b"".join(self._dense), np.uint8).reshape(len(self._dense), -1)
            return np.ascontiguousarray(texts[:, head:]).view("<f4").reshape(len(texts), -1)
        return [
            self._others[i] if i in self._others else _floats(text)
            for i, text in enumerate(self._dense)
        ]


def _floats(text: bytes) -> "np.ndarray[Any, Any]":
    head = len(text) % FLOAT_BYTES
    while head_bytes(len(text) - head) != head:
        head += FLOAT_BYTES
    return np.frombuffer(text, "<f4", offset=head)


def _column(columns: dict[str, _Column], name: str) -> _Column:
    known = columns.get(name)
    if known is None:
        known = columns[name] = _Column()
    return known
