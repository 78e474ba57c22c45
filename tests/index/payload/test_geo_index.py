"""The geo index against the contract's own functions, on positions near every border."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pyroaring import BitMap

from ruvector.index.payload import cells, column, geo
from ruvector.index.payload.geo import GeoIndex
from ruvector.model.conditions import GeoBox, GeoPolygon, GeoRadius
from ruvector.model.geometry import GeoCondition, is_inside, position_of

RING = ((-5.0, 40.0), (20.0, 42.0), (18.0, 60.0), (7.0, 48.0), (-5.0, 40.0))
HOLE = ((8.0, 44.0), (12.0, 44.0), (12.0, 50.0), (8.0, 44.0))
CONDITIONS: list[GeoCondition] = [
    *(GeoRadius("a", (13.4, 52.5), radius) for radius in (0.0, 0.01, 5.0, 3e4, 2e6, 1.9e7, 3e7)),
    *(GeoRadius("a", center, 9e5) for center in ((180.0, 0.0), (-180.0, 10.0), (0.0, 90.0))),
    GeoBox("a", 10.0, 55.0, 20.0, 45.0),
    GeoBox("a", 170.0, 20.0, -160.0, -20.0),
    GeoBox("a", -180.0, 90.0, 180.0, -90.0),
    GeoBox("a", 5.0, 1.0, 5.0, 2.0),
    GeoPolygon("a", RING),
    GeoPolygon("a", RING, (HOLE,)),
]


def positions() -> Iterator[tuple[float, float]]:
    """Yield positions all over the earth, in clusters, on the borders and beyond the range."""
    generator = np.random.default_rng(5)
    yield from zip(
        generator.uniform(-180, 180, 3000).tolist(),
        np.degrees(np.arcsin(generator.uniform(-1, 1, 3000))).tolist(),
        strict=True,
    )
    for lon, lat in ((13.4, 52.5), (10.0, 45.0), (179.99, 1.0), (8.0, 44.0), (0.0, 89.99)):
        near = generator.normal(size=(150, 2)) * 10.0 ** generator.integers(-9, 1, 150)[:, None]
        for x, y in near.tolist():
            yield (lon + x + 180) % 360 - 180, max(-90.0, min(90.0, lat + y))
    yield from (*RING, *HOLE, (10.0, 50.0), (15.0, 45.0), (180.0, 90.0), (-180.0, -90.0))
    yield from ((200.0, 50.0), (0.0, 91.0), (-500.5, 3.0))
    for angle in np.linspace(0, 2 * math.pi, 100).tolist():  # a circle of 30 km
        turn = 30_000 / 111_195.08
        yield 13.4 + turn * math.cos(angle) / math.cos(0.916298), 52.5 + turn * math.sin(angle)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Merges, prefixes and deep cells come into play with hundreds of positions."""
    monkeypatch.setattr(column, "PREFIXES_FROM", 64)
    monkeypatch.setattr(column, "TAIL_MIN", 16)
    monkeypatch.setattr(geo, "TRIED_MAX", 8)


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("bulk", [True, False])
def test_the_index_brackets_what_the_contract_says(bulk: bool) -> None:
    payloads: list[dict[str, Any]] = [{"a": {"lon": x, "lat": y}} for x, y in positions()]
    payloads.extend(
        {"a": [first["a"], last["a"]]}
        for first, last in zip(payloads[:90], payloads[9:99], strict=True)
    )
    index = GeoIndex("a", "geo")
    if bulk:
        index.add_many(np.arange(len(payloads), dtype=np.uint32), payloads)
    else:
        for row, payload in enumerate(payloads):
            index.add(row, payload)
    for row in range(0, len(payloads), 7):
        index.discard(row, payloads[row])
    for condition in CONDITIONS:
        test = is_inside(condition)
        expected = BitMap(
            row
            for row, payload in enumerate(payloads)
            if row % 7 and any(map(test, _positions(payload["a"])))
        )
        bounds = index.bounds(condition)
        assert bounds is not None
        assert bounds.certain <= expected <= bounds.possible, condition
        assert len(bounds.possible) - len(bounds.certain) < 250, condition


def _positions(value: Any) -> list[tuple[float, float]]:
    values = value if isinstance(value, list) else [value]
    return [position for one in values if (position := position_of(one)) is not None]


def test_codes_keep_their_steps_and_their_order() -> None:
    generator = np.random.default_rng(1)
    x, y = (generator.integers(0, 2**32, 500, dtype=np.uint64) for _ in range(2))
    codes = cells.codes_of(x, y)
    by_plain_bits = sorted(range(500), key=lambda i: _interleaved(int(x[i]), int(y[i])))
    assert np.argsort(codes).tolist() == by_plain_bits
    plain = _interleaved(5, 9) - 2**63
    assert cells.codes_of(np.array([5], np.uint64), np.array([9], np.uint64))[0] == plain


def _interleaved(x: int, y: int) -> int:
    return int("".join(a + b for a, b in zip(f"{x:032b}", f"{y:032b}", strict=True)), 2)
