"""What do the kernel's functions for payload indexes compute? The same in plain numpy."""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruvector.kernel import RowArray

EARTH_METRES = 6_371_008.8
MARGIN_METRES = 1.0
DEGREES_PER_STEP = 360 / 2**32
MARGIN_DEGREES = 4 * DEGREES_PER_STEP
ARRAY_MOST = 4096

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def roaring_of_rows(rows: RowArray) -> bytes:
    """Container by container (the portable format, no runs)."""
    rows = np.unique(rows)
    keys = np.unique(rows >> 16)
    heads, offsets, bodies = b"", b"", b""
    start = 8 + 8 * len(keys)
    for key in keys.tolist():
        low = (rows[rows >> 16 == key] & 0xFFFF).astype(np.uint16)
        heads += struct.pack("<HH", key, len(low) - 1)
        offsets += struct.pack("<I", start + len(bodies))
        if len(low) <= ARRAY_MOST:
            bodies += low.tobytes()
        else:
            bits = np.zeros(2**16, dtype=np.uint8)
            bits[low] = 1
            bodies += np.packbits(bits, bitorder="little").tobytes()
    return struct.pack("<II", 12346, len(keys)) + heads + offsets + bodies


def count_codes(codes: RowArray, rows: RowArray, counts: RowArray) -> None:
    """One after the other."""
    if bool((codes[rows[rows < len(codes)]] >= len(counts)).any()):
        raise ValueError("a code lies beyond the counts")
    np.add.at(counts, codes[rows[rows < len(codes)]], 1)


def set_codes(codes: RowArray, rows: RowArray, code: int) -> None:
    """By one assignment."""
    if bool((rows >= len(codes)).any()):
        raise ValueError("a row lies beyond the codes")
    codes[rows] = code


def merge_pairs(
    values: NDArray[Any],
    rows: RowArray,
    dead: Flags | None,
    new_values: NDArray[Any],
    new_rows: RowArray,
) -> tuple[NDArray[Any], RowArray]:
    """By sorting all of them."""
    alive = np.ones(len(values), dtype=np.bool_) if dead is None else ~dead
    all_values = np.concatenate((values[alive], new_values))
    all_rows = np.concatenate((rows[alive], new_rows))
    order = np.lexsort((all_rows, all_values))
    return all_values[order], all_rows[order]


def geo_rows(
    codes: NDArray[np.int64],
    rows: RowArray,
    dead: Flags | None,
    new_codes: NDArray[np.int64],
    new_rows: RowArray,
    kind: int,
    numbers: Floats,
    rings: RowArray,
) -> tuple[bytes, bytes]:
    """By trying every position."""
    alive = np.ones(len(codes), dtype=np.bool_) if dead is None else ~dead
    codes = np.concatenate((codes[alive], new_codes))
    rows = np.concatenate((rows[alive], new_rows))
    bits = codes.view(np.uint64) ^ np.uint64(2**63)
    x, y = (_every_second(bits >> np.uint64(shift)) for shift in (1, 0))
    if kind == 1:
        certain, possible = _in_box(x, y, numbers)
    else:
        lon = (x + 0.5) * DEGREES_PER_STEP - 180
        lat = (y + 0.5) * (DEGREES_PER_STEP / 2) - 90
        if kind == 0:
            certain, possible = _in_circle(lon, lat, numbers)
        else:
            certain, possible = _in_polygon(lon, lat, numbers.reshape(-1, 2), rings)
    return roaring_of_rows(rows[certain]), roaring_of_rows(rows[possible & ~certain])


def _every_second(bits: NDArray[np.uint64]) -> Floats:
    found = np.zeros(len(bits))
    for bit in range(32):
        found += ((bits >> np.uint64(2 * bit)) & np.uint64(1)) * 2.0**bit
    return found


def _in_circle(lon: Floats, lat: Floats, circle: Floats) -> tuple[Flags, Flags]:
    lon1, lat1, radius = np.radians(circle[0]), np.radians(circle[1]), circle[2]
    lon2, lat2 = np.radians(lon), np.radians(lat)
    half_lat, half_lon = np.sin((lat2 - lat1) / 2), np.sin((lon2 - lon1) / 2)
    a = half_lat**2 + np.cos(lat1) * np.cos(lat2) * half_lon**2
    metres = 2 * EARTH_METRES * np.arcsin(np.sqrt(np.minimum(a, 1.0)))
    return metres < radius - MARGIN_METRES, metres < radius + MARGIN_METRES


def _in_box(x: Floats, y: Floats, box: Floats) -> tuple[Flags, Flags]:
    west, south, east, north, crosses = box
    both = np.logical_or if crosses else np.logical_and
    return (
        both(x > west, x < east) & (y > south) & (y < north),
        both(x >= west, x <= east) & (y >= south) & (y <= north),
    )


def _in_polygon(lon: Floats, lat: Floats, corners: Floats, rings: RowArray) -> tuple[Flags, Flags]:
    near = np.zeros(len(lon), dtype=np.bool_)
    inside = np.zeros(len(lon), dtype=np.bool_)
    for number in range(len(rings) - 1):
        ring = corners[rings[number] : rings[number + 1]]
        odd = np.zeros(len(lon), dtype=np.bool_)
        for (x1, y1), (x2, y2) in zip(ring[:-1].tolist(), ring[1:].tolist(), strict=True):
            near |= _touches(lon, lat, x1, y1, x2, y2)
            if x1 != x2:
                crossing = (y1 - y2) * (lon - x2) / (x1 - x2) + y2
                odd ^= ((x2 > lon) != (x1 > lon)) & (lat < crossing)
        inside = odd if number == 0 else inside & ~odd
    return inside & ~near, inside | near


def _touches(lon: Floats, lat: Floats, x1: float, y1: float, x2: float, y2: float) -> Flags:
    """Say which small squares around positions a line may touch."""
    margin = MARGIN_DEGREES
    west, east, south, north = lon - margin, lon + margin, lat - margin, lat + margin
    overlaps = ((min(x1, x2) <= east) & (max(x1, x2) >= west) & (min(y1, y2) <= north)) & (
        max(y1, y2) >= south
    )
    sides = [
        (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
        for x, y in ((west, south), (west, north), (east, south), (east, north))
    ]
    touched: Flags = overlaps & (np.minimum.reduce(sides) <= 0) & (np.maximum.reduce(sides) >= 0)
    return touched
