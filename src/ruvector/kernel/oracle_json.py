"""What should the kernel answer about JSON texts? The same on top of Python's own decoder.

Slow and obvious on purpose, like `oracle`; nothing in the product calls this module.
"""

import json
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruvector.kernel import Float32Array
from ruvector.kernel.oracle import parse_floats

Places = NDArray[np.int64]
_SPACE = " \t\n\r"
_DECODER = json.JSONDecoder(parse_int=float)
_SURROGATE = re.compile("[\ud800-\udfff]")
_PLAIN = re.compile(r"0|[1-9][0-9]*")


def check_json_rows(text: bytes, places: Places) -> NDArray[np.uint16]:
    """By decoding each value."""
    depths = []
    for row, (start, stop) in enumerate(places.tolist()):
        try:
            value = json.loads(text[start:stop].decode(), parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"row {row}: {error}") from error
        depths.append(_depth(value, row))
    return np.array(depths, np.uint16)


def parse_float_rows(text: bytes, places: Places, dim: int) -> Float32Array:
    """One row after the other."""
    rows = [parse_floats(text[start:stop]) for start, stop in places.tolist()]
    for index, row in enumerate(rows):
        if len(row) != dim:
            raise ValueError(f"row {index}: expected {dim} numbers, found {len(row)}")
    return np.array(rows, np.float32).reshape(len(places), dim)


def split_json(text: bytes, start: int, stop: int, piece_bytes: int, most: int) -> Places:
    """By scanning member after member of an ASCII text."""
    runs: list[list[int]] = []
    for first, value, end in _members(text[:stop].decode("ascii"), start):
        if runs and end - runs[-1][0] <= piece_bytes:
            runs[-1] = [runs[-1][0], end, -1]
        else:
            runs.append([first, end, value])
    if len(runs) > most:
        raise ValueError(f"more than {most} members")
    return np.array(runs, np.int64).reshape(len(runs), 3)


def split_points(
    text: bytes, start: int, stop: int, most: int
) -> tuple[NDArray[np.uint64], Places]:
    """By splitting the array, and each point in it."""
    points = split_json(text, start, stop, 0, most).tolist()
    ids, places = [], []
    for first, end, _ in points:
        found = {}
        for name, last, value in split_json(text, first, end, 0, 1 << 40).tolist():
            found[json.loads(text[name:value].rstrip()[:-1])] = (value, last)
        if (
            not found.keys() <= {"id", "vector", "vectors", "payload", "ttl_seconds"}
            or "id" not in found
        ):
            raise ValueError("unknown field or missing field `id`")
        text_of_id = text[slice(*found["id"])].decode()
        plain = bool(_PLAIN.fullmatch(text_of_id)) and int(text_of_id) < 2**64
        ids.append(int(text_of_id) if plain else 0)
        none = (-1, -1)
        vector = found.get("vector", found.get("vectors", none))
        others = *found.get("payload", none), *found.get("ttl_seconds", none)
        places.append((*(none if plain else found["id"]), *vector, *others))
    return np.array(ids, np.uint64), np.array(places, np.int64).reshape(len(ids), 8)


def _members(text: str, start: int) -> list[tuple[int, int, int]]:
    """Return (start, start of the value, end) of each member of the container at `start`."""
    at = _after_space(text, start)
    closing = {"[": "]", "{": "}"}[text[at : at + 1]]
    at = _after_space(text, at + 1)
    found: list[tuple[int, int, int]] = []
    while text[at : at + 1] != closing:
        if found:
            if text[at : at + 1] != ",":
                raise ValueError("expected a comma")
            at = _after_space(text, at + 1)
        first = at
        if closing == "}":
            key, at = _scan(text, at)
            at = _after_space(text, at)
            if not isinstance(key, str) or text[at : at + 1] != ":":
                raise ValueError("expected a key and a colon")
            at = _after_space(text, at + 1)
        value = at
        _, at = _scan(text, at)
        found.append((first, value, at))
        at = _after_space(text, at)
    if _after_space(text, at + 1) != len(text):
        raise ValueError("trailing characters")
    return found


def _scan(text: str, at: int) -> tuple[Any, int]:
    return _DECODER.raw_decode(text, at)


def _after_space(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _SPACE:
        at += 1
    return at


def _depth(value: Any, row: int) -> int:
    if isinstance(value, float) and not np.isfinite(value):
        raise ValueError(f"row {row}: the number does not fit into a double")
    if isinstance(value, str) and _SURROGATE.search(value):
        raise ValueError(f"row {row}: an escaped surrogate stands alone")
    if isinstance(value, dict):
        for key in value:
            _depth(key, row)
        return 1 + max((_depth(item, row) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(item, row) for item in value), default=0)
    return 0


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
