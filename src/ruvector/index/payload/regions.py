"""Which cells lie inside a region of the earth, which outside, which are cut by its border?

A region classifies squares (for whole cells) and positions (for the pairs in cut cells). Both
answers are careful: `inside` and `outside` are only said where rounding cannot matter, so that
what is neither is decided by the contract's own function on the payload.
Arrays in, arrays out.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ruvector.index.payload.cells import DEGREES_PER_STEP, Floats, Steps, positions_of, steps_of
from ruvector.model.conditions import GeoBox, GeoPolygon, GeoRadius
from ruvector.model.geometry import EARTH_RADIUS_METRES, GeoCondition, distances_metres

Flags = npt.NDArray[np.bool_]

_MARGIN_METRES: Final = 1.0
"""Half a step is 5 mm; the haversine formula loses up to 0.1 m at the far side of the earth."""

_MARGIN_DEGREES: Final = 4 * DEGREES_PER_STEP
"""More than a step and the rounding of a cell's edges together."""

_PAIRS_MAX: Final = 2_000_000
"""Squares times lines of a polygon that are compared in one go: 16 MB an array."""


class Squares(NamedTuple):
    """Edges of squares in degrees, float64 [n] each."""

    west: Floats
    south: Floats
    east: Floats
    north: Floats


class Region(Protocol):
    """A part of the earth."""

    def squares(self, squares: Squares) -> tuple[Flags, Flags]:
        """Return which squares certainly lie inside, and which certainly outside."""
        ...

    def points(self, x: Steps, y: Steps) -> tuple[Flags, Flags]:
        """Return which positions certainly lie inside, and which possibly do."""
        ...


def region_of(condition: GeoCondition) -> Region:
    """Return the region that a condition speaks of."""
    return _REGIONS[type(condition)](condition)


class _Circle:
    def __init__(self, condition: GeoRadius) -> None:
        self._center = condition.center
        self._radius = condition.radius

    def squares(self, squares: Squares) -> tuple[Flags, Flags]:
        lon, lat = (squares.west + squares.east) / 2, (squares.south + squares.north) / 2
        distance = distances_metres(lon, lat, self._center)
        # From the middle along the meridian, then along the parallel that is longest.
        widest = np.where(
            (squares.south <= 0) & (squares.north >= 0),
            0.0,
            np.minimum(np.abs(squares.south), np.abs(squares.north)),
        )
        half_width = (squares.east - squares.west) / 2 * np.cos(np.radians(widest))
        half_height = (squares.north - squares.south) / 2
        reach = EARTH_RADIUS_METRES * np.radians(half_width + half_height) + _MARGIN_METRES
        return distance + reach < self._radius, distance - reach > self._radius

    def points(self, x: Steps, y: Steps) -> tuple[Flags, Flags]:
        distance = distances_metres(*positions_of(x, y), self._center)
        return distance < self._radius - _MARGIN_METRES, distance < self._radius + _MARGIN_METRES


class _Box:
    def __init__(self, condition: GeoBox) -> None:
        self._box = condition
        lon, lat = (
            np.array([condition.west, condition.east]),
            np.array([condition.south, condition.north]),
        )
        (self._west, self._east), (self._south, self._north) = steps_of(lon, lat)

    def squares(self, squares: Squares) -> tuple[Flags, Flags]:
        box, margin = self._box, _MARGIN_DEGREES
        after_west, before_east = squares.west > box.west + margin, squares.east < box.east - margin
        is_west, is_east = squares.east < box.west - margin, squares.west > box.east + margin
        crosses = box.west > box.east
        across = after_west | before_east if crosses else after_west & before_east
        beside = is_west & is_east if crosses else is_west | is_east
        along = (squares.south > box.south + margin) & (squares.north < box.north - margin)
        beyond = (squares.north < box.south - margin) | (squares.south > box.north + margin)
        return across & along, beside | beyond

    def points(self, x: Steps, y: Steps) -> tuple[Flags, Flags]:
        crosses = self._box.west > self._box.east
        certain, possible = (
            (after_west | before_east if crosses else after_west & before_east) & above & below
            for after_west, before_east, above, below in (
                (x > self._west, x < self._east, y > self._south, y < self._north),
                (x >= self._west, x <= self._east, y >= self._south, y <= self._north),
            )
        )
        return certain, possible


class _Polygon:
    def __init__(self, condition: GeoPolygon) -> None:
        self._rings = [np.array(ring) for ring in (condition.exterior, *condition.interiors)]
        starts = np.concatenate([ring[:-1] for ring in self._rings])
        ends = np.concatenate([ring[1:] for ring in self._rings])
        self._x1, self._y1, self._x2, self._y2 = starts[:, 0], starts[:, 1], ends[:, 0], ends[:, 1]

    def squares(self, squares: Squares) -> tuple[Flags, Flags]:
        cut = self._each_line(self._are_cut, squares, len(squares.west))
        lon, lat = (squares.west + squares.east) / 2, (squares.south + squares.north) / 2
        inside = self._contains(lon, lat)
        return inside & ~cut, ~inside & ~cut

    def points(self, x: Steps, y: Steps) -> tuple[Flags, Flags]:
        lon, lat = positions_of(x, y)
        margin = _MARGIN_DEGREES
        close = Squares(lon - margin, lat - margin, lon + margin, lat + margin)
        near = self._each_line(self._are_cut, close, len(lon))
        inside = self._contains(lon, lat)
        return inside & ~near, inside | near

    def _each_line(
        self, test: Callable[[Squares, slice], Flags], squares: Squares, count: int
    ) -> Flags:
        found = np.zeros(count, dtype=np.bool_)
        step = max(1, _PAIRS_MAX // max(1, count))
        for start in range(0, len(self._x1), step):
            found |= test(squares, slice(start, start + step))
        return found

    def _are_cut(self, squares: Squares, lines: slice) -> Flags:
        """Return which squares some line may touch: boxes overlap, corners on both sides."""
        margin = _MARGIN_DEGREES
        west, south = squares.west[:, None] - margin, squares.south[:, None] - margin
        east, north = squares.east[:, None] + margin, squares.north[:, None] + margin
        x1, y1, x2, y2 = self._x1[lines], self._y1[lines], self._x2[lines], self._y2[lines]
        overlaps = (
            (np.minimum(x1, x2) <= east)
            & (np.maximum(x1, x2) >= west)
            & (np.minimum(y1, y2) <= north)
            & (np.maximum(y1, y2) >= south)
        )
        dx, dy = x2 - x1, y2 - y1
        sides = [
            dx * (y - y1) - dy * (x - x1)
            for x, y in ((west, south), (west, north), (east, south), (east, north))
        ]
        above = np.minimum.reduce(sides) > 0
        below = np.maximum.reduce(sides) < 0
        return np.asarray((overlaps & ~above & ~below).any(axis=1))

    def _contains(self, lon: Floats, lat: Floats) -> Flags:
        exterior, *interiors = (_in_ring(lon, lat, ring) for ring in self._rings)
        for hole in interiors:
            exterior &= ~hole
        return exterior


def _in_ring(lon: Floats, lat: Floats, ring: Floats) -> Flags:
    """The even-odd rule of `model.geometry`, for arrays of positions that are on no line."""
    inside = np.zeros(len(lon), dtype=np.bool_)
    for (x1, y1), (x2, y2) in zip(ring[:-1].tolist(), ring[1:].tolist(), strict=True):
        if x1 != x2:
            crossing = (y1 - y2) * (lon - x2) / (x1 - x2) + y2
            inside ^= ((x2 > lon) != (x1 > lon)) & (lat < crossing)
    return inside


_REGIONS: Final[dict[type, Callable[..., Region]]] = {
    GeoRadius: _Circle,
    GeoBox: _Box,
    GeoPolygon: _Polygon,
}
