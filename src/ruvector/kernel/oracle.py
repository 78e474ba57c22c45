"""What should the kernel answer? Every function of the kernel in plain numpy and Python.

Slow and obvious on purpose; the tests compare the two. Sums are taken in float64 unless the vectors
have fewer than 16 dimensions, where the contract is a sequential float32 sum, reproduced here step
by step. Nothing in the product calls this module.
"""

import json
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ruvector.kernel import Buffer, Float32Array, MaskArray, Metric, RowArray, VectorArray

LongArray: TypeAlias = NDArray[np.uint64]

SEQUENTIAL_BELOW = 16
SPARSE_BLOCK = 65536
POLYNOMIAL = 0x82F63B78
LARGEST = float(np.finfo(np.float32).max)
LARGEST_BITS = 0x7F7FFFFF
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_SPACE = " \t\n\r"


def crc32c(buffer: Buffer, seed: int = 0) -> int:
    """Bit by bit."""
    state = seed ^ 0xFFFFFFFF
    for byte in bytes(buffer):
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (POLYNOMIAL if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def parse_floats(text: Buffer) -> Float32Array:
    """By the grammar; numbers as exact fractions rounded once."""
    rest = bytes(text).decode("latin-1").strip(_SPACE)
    if not (rest.startswith("[") and rest.endswith("]") and len(rest) >= 2):
        raise ValueError("expected an array of numbers")
    inside = rest[1:-1].strip(_SPACE)
    parts = [part.strip(_SPACE) for part in inside.split(",")] if inside else []
    for part in parts:
        if not _NUMBER.fullmatch(part):
            raise ValueError(f"expected a number, found {part!r}")
    values = np.array([nearest_float32(part) for part in parts], np.float32)
    if not np.isfinite(values).all():
        raise ValueError("a number does not fit into float32")
    return values


def nearest_float32(decimal: str) -> np.float32:
    """Return the float32 nearest to a decimal number, ties to the even one."""
    mantissa, _, exponent = decimal.lower().partition("e")
    # Beyond 10^1000 every number of a test is infinite or zero; a fraction would not fit in memory.
    exact = Fraction(mantissa) * Fraction(10) ** max(-1000, min(1000, int(exponent or 0)))
    size = abs(exact)
    if size >= Fraction(2**25 - 1) * 2**103:  # the middle above the largest float32
        return np.float32(np.inf)
    guess = int(np.float32(min(float(size), LARGEST)).view(np.uint32))
    around = [bits for bits in (guess - 1, guess, guess + 1) if 0 <= bits <= LARGEST_BITS]
    best = min(around, key=lambda bits: (abs(Fraction(_from_bits(bits)) - size), bits & 1))
    return np.float32(-_from_bits(best) if decimal.startswith("-") else _from_bits(best))


def _from_bits(bits: int) -> float:
    return float(np.array(bits, np.uint32).view(np.float32))


def squared_length(values: Float32Array) -> float:
    """In float64."""
    wide = values.astype(np.float64)
    return float(np.sum(wide * wide))


def lift_floats(text: Buffer, name: str) -> tuple[Float32Array, int, int] | None:
    """By a regular expression for the array."""
    body = bytes(text).decode("latin-1")
    keys = list(re.finditer(rf'"{re.escape(name)}"', body))
    array = re.compile(rf"[{_SPACE}]*:[{_SPACE}]*(\[[^\]]*\])").match
    found = array(body, keys[0].end()) if len(keys) == 1 else None
    if found is None:
        return None
    try:
        values = parse_floats(found[1].encode("latin-1"))
    except ValueError:
        return None
    return (values, found.start(1), found.end(1)) if len(values) else None


def open_values(pairs: list[tuple[bytes, bytes]], seed: int, residue: int) -> list[bytes]:
    """One value after the other."""
    for position, (key, value) in enumerate(pairs):
        if len(value) < 4 or crc32c(value, crc32c(key, seed)) != residue:
            raise ValueError(f"value {position} is damaged")
    return [value[:-4] for _, value in pairs]


def read_hits(records: list[bytes]) -> list[tuple[int, int, bytes] | None]:
    """Field by field (docs/formats/store.md)."""
    return [_hit(data) for data in records]


def _hit(data: bytes) -> tuple[int, int, bytes] | None:
    at = 8 if data[8:9] == b"\x89" else 0
    if len(data) < 20 + at or data[8] & 0x7F != 9 or data[18 + at : 20 + at] != b"\0\0":
        return None
    key = data[10 + at : 18 + at]
    return int.from_bytes(key, "big"), int.from_bytes(data[:8], "little"), data[20 + at :]


def join_payloads(records: list[bytes]) -> bytes:
    """Field by field (docs/formats/store.md)."""
    payloads = []
    for data in records:
        size = data[8] & 0x7F
        at = 9 + size + (8 if data[8] & 0x80 else 0)
        at += 2 + int.from_bytes(data[at : at + 2], "little")
        if at > len(data):
            raise ValueError("a value is no record of a point")
        payloads.append(data[at:] or b"{}")
    return b"[" + b",".join(payloads) + b"]"


def shortest_floats(values: Float32Array) -> list[float]:
    """By numpy's shortest repr."""
    return [float(str(value)) for value in values]


def format_floats(values: Float32Array) -> bytes:
    """By numpy's shortest digits, laid out as serde_json does."""
    return ("[" + ",".join(_format(value) for value in values) + "]").encode()


def _format(value: np.float32) -> str:
    if not np.isfinite(value):
        return "null"
    if value == 0:
        return "-0.0" if np.signbit(value) else "0.0"
    sign = "-" if value < 0 else ""
    text = np.format_float_scientific(abs(value), unique=True, trim="-")
    mantissa, exponent_text = text.split("e")
    digits, exponent = mantissa.replace(".", ""), int(exponent_text)
    point = exponent + 1
    if len(digits) <= point <= 13:
        return f"{sign}{digits.ljust(point, '0')}.0"
    if 0 < point <= 13:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    return f"{sign}{digits[0]}{'.' + digits[1:] if len(digits) > 1 else ''}e{exponent}"


def format_float_rows(values: Float32Array) -> list[bytes]:
    """One row after the other."""
    return [format_floats(row) for row in values]


def scan_json(body: Buffer, max_depth: int, max_containers: int) -> None:
    """By decoding; only for bodies that are valid JSON."""

    def visit(value: object, depth: int) -> int:
        if not isinstance(value, dict | list):
            return 0
        if depth > max_depth:
            raise ValueError(f"nested deeper than the limit of {max_depth}")
        children = value.values() if isinstance(value, dict) else value
        return 1 + sum(visit(child, depth + 1) for child in children)

    if visit(json.loads(bytes(body)), 1) > max_containers:
        raise ValueError(f"more arrays and objects than the limit of {max_containers}")


def score_rows(
    query: Float32Array, vectors: VectorArray, rows: RowArray, metric: int
) -> Float32Array:
    """Row by row."""
    return np.array([score(query, vectors[row], metric) for row in rows], np.float32)


def score(query: Float32Array, vector: VectorArray, metric: int) -> np.float32:
    """Return one score: sequential float32 below 16 dimensions, float64 above."""
    dtype: Any = np.float32 if len(query) < SEQUENTIAL_BELOW else np.float64
    a: Any
    b: Any
    a, b = query.astype(dtype), vector.astype(dtype)
    if metric == Metric.MANHATTAN:
        terms = np.abs(a - b)
    elif metric == Metric.EUCLID:
        terms = (a - b) * (a - b)
    else:
        terms = a * b
    total = dtype(0)
    for term in terms:
        total = dtype(total + term)
    if metric == Metric.COSINE and vector.dtype == np.uint8:
        lengths = np.linalg.norm(query.astype(np.float64)) * np.linalg.norm(
            vector.astype(np.float64)
        )
        return np.float32(float(total) / lengths if lengths else 0.0)
    return np.float32(np.sqrt(total)) if metric == Metric.EUCLID else np.float32(total)


def exact_search(
    queries: Float32Array,
    vectors: VectorArray,
    metric: int,
    k: int,
    allowed: MaskArray | None = None,
) -> tuple[RowArray, Float32Array]:
    """Score every allowed row, sort by score and then by row."""
    rows = np.arange(len(vectors), dtype=np.uint32)
    if allowed is not None:
        bits = np.unpackbits(allowed, count=len(vectors), bitorder="little").astype(bool)
        rows = rows[bits]
    count = min(k, len(rows))
    found = np.empty((len(queries), count), np.uint32)
    scores = np.empty((len(queries), count), np.float32)
    for i, query in enumerate(queries):
        all_scores = score_rows(query, vectors, rows, metric)
        keys = -all_scores if Metric(metric).higher_is_better else all_scores
        order = np.lexsort((rows, keys))[:count]
        found[i], scores[i] = rows[order], all_scores[order]
    return found, scores


def mask_from_rows(rows: RowArray, n: int) -> MaskArray:
    """Through a boolean array."""
    if len(rows) and rows.max() >= n:
        raise ValueError("a row lies beyond the mask")
    chosen = np.zeros(n, bool)
    chosen[rows] = True
    return np.packbits(chosen, bitorder="little")


def mask_count(mask: MaskArray, n: int) -> int:
    """Bit by bit."""
    return int(np.unpackbits(mask, count=n, bitorder="little").sum())


def sparse_scan(
    offsets: LongArray,
    entry_terms: RowArray,
    values: VectorArray,
    terms: RowArray,
    weights: Float32Array,
    k: int,
    allowed: MaskArray | None = None,
) -> tuple[RowArray, Float32Array]:
    """Row by row, through dictionaries; sums in float64."""
    query = dict(zip(terms.tolist(), weights.tolist(), strict=True))
    found = []
    for row in _allowed_rows(len(offsets) - 1, allowed):
        entries = slice(int(offsets[row]), int(offsets[row + 1]))
        pairs = zip(entry_terms[entries].tolist(), values[entries].tolist(), strict=True)
        products = [query[term] * value for term, value in pairs if term in query]
        if products:
            found.append((-np.float32(sum(products)), row))
    found = sorted(found)[:k]
    rows = np.array([row for _, row in found], np.uint32)
    return rows, np.array([-score for score, _ in found], np.float32)


def sparse_counts(
    offsets: LongArray,
    entry_terms: RowArray,
    values: VectorArray,  # noqa: ARG001 - as the compiled function
    terms: RowArray,
    allowed: MaskArray | None = None,
) -> LongArray:
    """Row by row."""
    counts = dict.fromkeys(terms.tolist(), 0)
    for row in _allowed_rows(len(offsets) - 1, allowed):
        for term in entry_terms[int(offsets[row]) : int(offsets[row + 1])].tolist():
            if term in counts:
                counts[term] += 1
    return np.array(list(counts.values()), np.uint64)


def sparse_postings(
    arrays: Mapping[str, VectorArray], rows: int
) -> Iterator[tuple[int, int, float, float]]:
    """Yield (term, row, value, step) of an index's arrays, by the drawing of its format page.

    A value may be off by half a step; 0 where the list is exact.
    """
    blocks, starts, postings = arrays["blocks"], arrays["starts"], arrays["postings"]
    for block in range(len(blocks) - 1):
        block_rows = min(SPARSE_BLOCK, rows - block * SPARSE_BLOCK)
        padded = -(-block_rows // 32) * 32
        for i in range(int(blocks[block]), int(blocks[block + 1])):
            term, count, limits = (
                int(arrays["terms"][i]),
                int(arrays["counts"][i]),
                arrays["limits"][i],
            )
            content = postings[int(starts[i]) : int(starts[i + 1])]
            step = 0.0
            if arrays["dense"][i]:
                step = float(np.abs(limits).max()) / 127
                local = np.flatnonzero(np.unpackbits(content[: padded // 8], bitorder="little"))
                values = content[padded // 8 :].view(np.int8)[local] * step
            else:
                local = content[: 2 * count].view(np.uint16)
                values = content[-4 * count :].view(np.float32)
            for row, value in zip(local.tolist(), values.tolist(), strict=True):
                yield term, block * SPARSE_BLOCK + row, value, step


def multi_scan(
    query: Float32Array,
    vectors: VectorArray,
    offsets: LongArray,
    metric: int,
    k: int,
    allowed: MaskArray | None = None,
) -> tuple[RowArray, Float32Array]:
    """Score every allowed row that has vectors, sort by score and then by row."""
    rows = [
        row for row in _allowed_rows(len(offsets) - 1, allowed) if offsets[row] < offsets[row + 1]
    ]
    chosen = np.array(rows, np.uint32)
    scores = multi_scores(query, vectors, offsets, chosen, metric)
    order = np.lexsort((chosen, -scores if Metric(metric).higher_is_better else scores))[:k]
    return chosen[order], scores[order]


def multi_scores(
    query: Float32Array, vectors: VectorArray, offsets: LongArray, rows: RowArray, metric: int
) -> Float32Array:
    """Row by row: every pair, the best for each of the query's vectors, their sum."""
    scores = []
    for row in rows.tolist():
        several = vectors[int(offsets[row]) : int(offsets[row + 1])].astype(np.float64)
        wide = query.astype(np.float64)
        if metric == Metric.EUCLID:
            pairs = np.square(wide[:, None] - several[None]).sum(axis=2).min(axis=1)
        elif metric == Metric.MANHATTAN:
            pairs = np.abs(wide[:, None] - several[None]).sum(axis=2).min(axis=1)
        else:
            pairs = (wide @ several.T).max(axis=1)
        scores.append(np.sqrt(pairs.sum()) if metric == Metric.EUCLID else pairs.sum())
    return np.array(scores, np.float32)


def _allowed_rows(n: int, allowed: MaskArray | None) -> list[int]:
    if allowed is None:
        return list(range(n))
    return np.flatnonzero(np.unpackbits(allowed, count=n, bitorder="little")).tolist()
