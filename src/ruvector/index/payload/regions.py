"""How does the kernel hear of a region of the earth? As a kind and its numbers.

The kernel's answer is careful: `inside` is only said where rounding cannot matter, so that what is
at a border is decided by the contract's own function on the payload.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

from ruvector.index.payload.bitmaps import Rows
from ruvector.index.payload.cells import Floats, steps_of
from ruvector.model.conditions import GeoBox, GeoPolygon, GeoRadius
from ruvector.model.geometry import GeoCondition

CIRCLE: Final = 0
BOX: Final = 1
POLYGON: Final = 2
_NO_RINGS: Final = np.empty(0, dtype=np.uint32)


class Region(NamedTuple):
    """The last arguments of `kernel.geo_rows`."""

    kind: int
    numbers: Floats
    rings: Rows = _NO_RINGS


def region_of(condition: GeoCondition) -> Region:
    """Return the region that a condition speaks of."""
    return _REGIONS[type(condition)](condition)


def _circle(condition: GeoRadius) -> Region:
    return Region(CIRCLE, np.array([*condition.center, condition.radius], dtype=np.float64))


def _box(box: GeoBox) -> Region:
    (west, east), (south, north) = steps_of(
        np.array([box.west, box.east], dtype=np.float64),
        np.array([box.south, box.north], dtype=np.float64),
    )
    numbers = np.array([west, south, east, north, box.west > box.east], dtype=np.float64)
    return Region(BOX, numbers)


def _polygon(polygon: GeoPolygon) -> Region:
    rings = (polygon.exterior, *polygon.interiors)
    corners = np.array([corner for ring in rings for corner in ring], dtype=np.float64)
    ends = np.cumsum([0, *map(len, rings)]).astype(np.uint32)
    return Region(POLYGON, corners.ravel(), ends)


_REGIONS: Final[dict[type, Callable[[Any], Region]]] = {
    GeoRadius: _circle,
    GeoBox: _box,
    GeoPolygon: _polygon,
}
