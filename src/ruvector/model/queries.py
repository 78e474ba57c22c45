"""What is looked for? Reads the untagged forms of a query: a vector, a stored point, or nothing."""

import math
from typing import Any

import msgspec
import numpy as np

from ruvector.errors import BadInput, InvalidRequest
from ruvector.kernel import parse_floats
from ruvector.model.ids import PointId, shown
from ruvector.model.limits import MAX_LIMIT
from ruvector.model.points import Vectors

LATER = (
    "recommend",
    "discover",
    "context",
    "order_by",
    "fusion",
    "rrf",
    "formula",
    "sample",
    "relevance_feedback",
    "text",
)


class NearestVector(msgspec.Struct, frozen=True):
    """The points nearest to this vector: float32 [dim]."""

    vector: Vectors


class NearestPoint(msgspec.Struct, frozen=True):
    """The points nearest to this stored point, which is itself left out."""

    id: PointId


Nearest = NearestVector | NearestPoint


def parse_query(source: Any) -> Nearest | None:
    """Return what `query` of POST /points/query asks for; None lists points by id."""
    if source is None:
        return None
    if isinstance(source, msgspec.Raw):
        text = bytes(source).lstrip()
        if text[:1] == b"[":
            return NearestVector(parse_vector(source))
        source = _decode(text)
        if source is None:
            return None
    if isinstance(source, bool):
        raise BadInput("query must be a vector, a point id or a query object, not a boolean")
    if isinstance(source, int | str):
        return NearestPoint(source)
    if isinstance(source, dict):
        return _parse_query_object(source)
    return NearestVector(parse_vector(source))


def _parse_query_object(source: dict[str, Any]) -> Nearest | None:
    if set(source) == {"nearest"}:
        target = source["nearest"]
        if target is None or isinstance(target, dict):
            raise BadInput("query.nearest must be a dense vector or the id of a point")
        return parse_query(target)
    later = sorted(set(source).intersection(LATER))
    if later or "nearest" in source:
        named = ", ".join(later) or ", ".join(sorted(set(source) - {"nearest"}))
        raise BadInput(f"query with {named} is not supported by this version; use nearest")
    raise BadInput(f"unknown query with the fields {', '.join(sorted(map(str, source))) or 'none'}")


def parse_search_vector(source: Any) -> tuple[str, Vectors]:
    """Return name and vector of the older search: [..] or {"name": .., "vector": [..]}."""
    if isinstance(source, msgspec.Raw):
        if bytes(source).lstrip()[:1] != b"{":
            return "", parse_vector(source)
        source = _decode(source, dict[str, msgspec.Raw])
        if set(source) == {"name", "vector"}:
            name = _decode(source["name"])
            source = {"name": name, "vector": source["vector"]}
    if isinstance(source, dict):
        if set(source) != {"name", "vector"} or not isinstance(source["name"], str):
            raise BadInput('vector must be [..] or {"name": "..", "vector": [..]}')
        return source["name"], parse_vector(source["vector"])
    return "", parse_vector(source)


def _decode(text: Any, kind: Any = Any) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadInput(f"query: {error}") from error


def parse_vector(source: Any) -> Vectors:
    """Return float32 [dim] of JSON text, an array or a sequence; BadInput unless flat, finite."""
    if isinstance(source, msgspec.Raw):
        try:
            return parse_floats(bytes(source))
        except ValueError as error:
            raise BadInput(f"query vector: {error}") from error
    try:
        given = np.asarray(source)
        if given.dtype.kind not in "fiub" and (given.dtype.kind != "O" or not _are_numbers(source)):
            raise TypeError(f"its type is {given.dtype}")
        with np.errstate(over="ignore"):  # an infinity is refused below
            vector = np.ascontiguousarray(given, dtype=np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInput(f"query vector must be a flat sequence of numbers: {error}") from error
    if given.ndim != 1:
        raise BadInput(f"query vector has {given.ndim} dimensions of shape; it must be flat")
    # One pass: the sum of squares is finite only if all are, but it may overflow by itself.
    with np.errstate(over="ignore", invalid="ignore"):
        square = vector.dot(vector)
    if not math.isfinite(square) and not np.isfinite(vector).all():
        raise BadInput("query vector holds NaN or infinity; every number must be finite")
    return vector


def _are_numbers(values: Any) -> bool:
    """Say whether these are numbers that numpy has no type for, such as integers of 65 bits."""
    return all(isinstance(value, int | float) for value in values)


def check_threshold(threshold: float | None) -> float | None:
    """Return the score threshold; BadInput where it is not a number."""
    if threshold is None:
        return None
    if isinstance(threshold, bool) or not isinstance(threshold, int | float | np.number):
        raise BadInput(f"score_threshold must be a number, not {threshold!r}")
    if threshold != threshold:
        raise BadInput("score_threshold is NaN, which no score is above or below")
    largest = float(np.finfo(np.float32).max)
    return max(-largest, min(threshold, largest))


def check_limit(limit: int | None, default: int = 10, path: str = "limit") -> int:
    """Return the limit to use; InvalidRequest outside 1 .. MAX_LIMIT."""
    if limit is None:
        return default
    _check_integer(limit, path)
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidRequest.of(path, shown(limit), f"must be from 1 to {MAX_LIMIT}")
    return limit


def check_offset(offset: int | None) -> int:
    """Return the offset to use; InvalidRequest outside 0 .. MAX_LIMIT."""
    if offset is None:
        return 0
    _check_integer(offset, "offset")
    if not 0 <= offset <= MAX_LIMIT:
        raise InvalidRequest.of("offset", shown(offset), f"must be from 0 to {MAX_LIMIT}")
    return offset


def _check_integer(value: object, path: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadInput(f"{path} must be a whole number, not {value!r}")
