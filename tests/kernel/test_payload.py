"""The kernel's functions for payload indexes against plain numpy."""

from typing import Any

import numpy as np
import pytest
from pyroaring import BitMap

from ruvector.kernel import (
    count_codes,
    geo_rows,
    merge_pairs,
    oracle_payload,
    roaring_of_rows,
    set_codes,
)

TOP = 2**32 - 1
NONE = np.empty(0, dtype=np.uint32)


def rows(*values: int) -> Any:
    return np.array(values, dtype=np.uint32)


@pytest.mark.parametrize(
    ("count", "span"),
    [
        (0, 1),
        (1, TOP),
        (2, 3),
        (64, 300),
        (65, 300),
        (4096, 5000),
        (9000, 65536),
        (300, TOP),
        (5000, 200_000),
    ],
)
@pytest.mark.parametrize("ascending", [True, False])
def test_rows_become_a_bitmap(count: int, span: int, ascending: bool) -> None:
    found = np.random.default_rng(count).integers(0, span, count, dtype=np.uint32)
    found = np.unique(found) if ascending else found
    encoded = roaring_of_rows(found)
    assert encoded == oracle_payload.roaring_of_rows(found)
    assert BitMap.deserialize(encoded) == BitMap(found.tolist())


@pytest.mark.parametrize("count", [4095, 4096, 4097, 65536])
def test_containers_change_their_kind_at_4096_values(count: int) -> None:
    for found in (np.arange(count), np.arange(count)[::-1], np.repeat(np.arange(count), 2)):
        shifted = found.astype(np.uint32) + np.uint32(2**17)
        encoded = roaring_of_rows(np.ascontiguousarray(shifted))
        assert encoded == oracle_payload.roaring_of_rows(shifted)
        assert BitMap.deserialize(encoded) == BitMap(shifted.tolist())


def test_containers_without_rows_are_left_out() -> None:
    lowest = np.random.default_rng(3).permutation(6000)
    found = np.concatenate([lowest, lowest[:100] + 3 * 65536]).astype(np.uint32)
    encoded = roaring_of_rows(found)
    assert encoded == oracle_payload.roaring_of_rows(found)
    assert BitMap.deserialize(encoded) == BitMap(found.tolist())


def test_rows_from_end_to_end() -> None:
    found = rows(TOP, 0, 65535, 65536, TOP - 1)
    assert BitMap.deserialize(roaring_of_rows(found)) == BitMap(found.tolist())


def test_codes_are_counted() -> None:
    codes, counts, expected = rows(0, 2, 2, 1, 0), rows(5, 0, 0), rows(5, 0, 0)
    count_codes(codes, rows(1, 2, 3, 9), counts)
    oracle_payload.count_codes(codes, rows(1, 2, 3, 9), expected)
    assert counts.tolist() == expected.tolist() == [5, 1, 2]
    for count in (count_codes, oracle_payload.count_codes):
        with pytest.raises(ValueError, match="beyond the counts"):
            count(codes, rows(1), rows(0, 0))


def test_codes_are_set() -> None:
    codes, expected = rows(1, 1, 1), rows(1, 1, 1)
    set_codes(codes, rows(2, 0, 2), 7)
    oracle_payload.set_codes(expected, rows(2, 0, 2), 7)
    assert codes.tolist() == expected.tolist() == [7, 1, 7]
    for set_all in (set_codes, oracle_payload.set_codes):
        with pytest.raises(ValueError, match="beyond the codes"):
            set_all(codes, rows(3), 1)


@pytest.mark.parametrize("kind", [np.int64, np.float64])
@pytest.mark.parametrize("seed", range(4))
def test_pairs_are_merged_in_order(kind: Any, seed: int) -> None:
    random = np.random.default_rng(seed)
    parts = []
    for count in (random.integers(0, 200), random.integers(0, 60)):
        values = random.integers(-5, 5, count).astype(kind)
        numbers = random.integers(0, 100, count).astype(np.uint32)
        order = np.lexsort((numbers, values))
        parts += [values[order], numbers[order]]
    for dead in (None, random.random(len(parts[0])) < 0.5):
        found = merge_pairs(*parts[:2], dead, *parts[2:])
        expected = oracle_payload.merge_pairs(*parts[:2], dead, *parts[2:])
        for one, other in zip(found, expected, strict=True):
            assert one.dtype == other.dtype
            assert one.tolist() == other.tolist()


def test_pairs_of_different_lengths_are_refused() -> None:
    one = np.zeros(1)
    for wrong in (
        (one, NONE, None, one, rows(1)),
        (one, rows(1), None, one, NONE),
        (one, rows(1), np.zeros(2, dtype=np.bool_), one, rows(1)),
    ):
        with pytest.raises(ValueError, match="same length"):
            merge_pairs(*wrong)


def spread(steps: Any) -> Any:
    """Return the bits of steps with a zero before each."""
    bits = np.zeros(len(steps), dtype=np.uint64)
    for bit in range(32):
        bits |= ((steps >> np.uint64(bit)) & np.uint64(1)) << np.uint64(2 * bit)
    return bits


def codes_of(x: Any, y: Any) -> Any:
    """Return Morton codes of steps."""
    codes = (spread(x) << np.uint64(1)) | spread(y)
    return (codes ^ np.uint64(2**63)).view(np.int64)


def steps(lon: float, lat: float) -> list[int]:
    return [round((lon + 180) / 360 * (2**32 - 1)), round((lat + 90) / 180 * (2**32 - 1))]


def ring(lon: float, lat: float, size: float, corners: int, waves: float) -> Any:
    turn = np.linspace(0, 2 * np.pi, corners)
    reach = size * (1 + 0.4 * np.sin(waves * turn))
    around = np.stack([lon + reach * np.cos(turn), lat + reach / 2 * np.sin(turn)], axis=1)
    around[-1] = around[0]
    return around


def polygon(*rings: Any) -> tuple[int, Any, Any]:
    ends = np.cumsum([0, *map(len, rings)]).astype(np.uint32)
    return 2, np.concatenate(rings).ravel(), ends


def circle(lon: float, lat: float, metres: float) -> tuple[int, Any, Any]:
    return 0, np.array([lon, lat, metres]), NONE


def box(west: float, south: float, east: float, north: float) -> tuple[int, Any, Any]:
    edges = [*steps(west, south), *steps(east, north), west > east]
    return 1, np.array(edges, dtype=np.float64), NONE


REGIONS = [
    *(circle(13.4, 52.5, metres) for metres in (0, 0.5, 3e4, 2e6, 9e6, 1.5e7, 2.0015e7, 3e7)),
    *(circle(lon, lat, 3e6) for lon, lat in ((180, 0), (-180, 89), (0, -90), (13.4, -52.5))),
    box(10, 45, 20, 55),
    box(170, -20, -160, 20),
    box(-180, -90, 180, 90),
    box(5, 1, 5, 2),
    polygon(ring(10, 45, 20, 5, 0)),
    polygon(ring(10, 45, 20, 500, 9)),
    polygon(ring(10, 45, 20, 60, 7), ring(12, 46, 5, 9, 2), ring(14, 46, 5, 9, 2)),
    polygon(ring(0, 0, 178, 40, 0)),
    polygon(np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 0.0]])),
]


@pytest.mark.parametrize("region", REGIONS, ids=[f"{r[0]}-{i}" for i, r in enumerate(REGIONS)])
@pytest.mark.parametrize("count", [0, 40, 6000])
def test_positions_in_a_region_are_those_that_were_tried(region: Any, count: int) -> None:
    random = np.random.default_rng(count)
    x, y = (random.integers(0, 2**32, count, dtype=np.uint64) for _ in range(2))
    near = np.array(steps(13.4, 52.5), dtype=np.uint64)
    for place, axis in zip(near, (x, y), strict=True):  # a third of them in a cluster
        axis[::3] = place + random.integers(0, 2**22, len(axis[::3]), dtype=np.uint64)
    codes = np.sort(codes_of(x, y))
    numbers = random.integers(0, max(1, count // 2), count, dtype=np.uint32)
    half = count // 2
    dead = random.random(half) < 0.2
    for state in (None, dead):
        given = codes[:half], numbers[:half], state, codes[half:], numbers[half:], *region
        found, expected = geo_rows(*given), oracle_payload.geo_rows(*given)
        assert [BitMap.deserialize(each) for each in found] == [
            BitMap.deserialize(each) for each in expected
        ]


@pytest.mark.parametrize(
    ("region", "why"),
    [
        ((0, np.zeros(2), NONE), "wrong number"),
        ((1, np.zeros(4), NONE), "wrong number"),
        ((1, np.array([0, 0, 2.0**32, 0, 0]), NONE), "out of range"),
        ((1, np.array([0, np.nan, 1, 0, 0]), NONE), "out of range"),
        ((2, np.zeros(4), NONE), "wrong number"),
        ((2, np.zeros(4), rows(0, 3)), "wrong number"),
        ((2, np.zeros(4), rows(0, 5, 2)), "wrong number"),
        ((3, np.zeros(0), NONE), "kind"),
    ],
)
def test_region_that_makes_no_sense_is_refused(region: Any, why: str) -> None:
    codes = np.zeros(1, dtype=np.int64)
    with pytest.raises(ValueError, match=why):
        geo_rows(codes, rows(1), None, codes, rows(1), *region)
    with pytest.raises(ValueError, match="same length"):
        geo_rows(codes, NONE, None, codes, rows(1), *circle(0, 0, 1))
