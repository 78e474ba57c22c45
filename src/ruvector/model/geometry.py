"""Where does a position lie? Distances on the sphere, boxes and polygons.

Positions are (longitude, latitude) in degrees. The functions of one position are the contract; the
geo index narrows with arrays and leaves what is close to a border to them. Pure.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ruvector.model.conditions import GeoBox, GeoPolygon, GeoRadius, Position

EARTH_RADIUS_METRES: Final = 6_371_008.8
"""The mean radius that the International Union of Geodesy and Geophysics recommends."""

GeoCondition = GeoRadius | GeoBox | GeoPolygon


def position_of(value: Any) -> Position | None:
    """Return the position that a payload value is: an object with finite `lon` and `lat`."""
    if value.__class__ is not dict:
        return None
    lon, lat = value.get("lon"), value.get("lat")
    if lon.__class__ not in (int, float) or lat.__class__ not in (int, float):
        return None
    try:
        lon, lat = float(lon), float(lat)
    except OverflowError:
        return None
    return (lon, lat) if math.isfinite(lon) and math.isfinite(lat) else None


def is_inside(condition: GeoCondition) -> Callable[[Position], bool]:
    """Return the test of one position."""
    if isinstance(condition, GeoRadius):
        center, radius = condition.center, condition.radius
        return lambda position: distance_metres(position, center) < radius
    if isinstance(condition, GeoBox):
        return _in_box(condition)
    return _in_polygon(condition)


def distance_metres(one: Position, other: Position) -> float:
    """Return the length of the great circle between two positions (haversine formula)."""
    lon1, lat1, lon2, lat2 = map(math.radians, (*one, *other))
    half_lat, half_lon = math.sin((lat2 - lat1) / 2), math.sin((lon2 - lon1) / 2)
    a = half_lat**2 + math.cos(lat1) * math.cos(lat2) * half_lon**2
    return 2 * EARTH_RADIUS_METRES * math.asin(math.sqrt(min(a, 1.0)))


def distances_metres(
    lon: NDArray[np.float64], lat: NDArray[np.float64], center: Position
) -> NDArray[np.float64]:
    """Return the distances of many positions, float64 [n] each, from one."""
    lon1, lat1 = np.radians(center)
    lon2, lat2 = np.radians(lon), np.radians(lat)
    half_lat, half_lon = np.sin((lat2 - lat1) / 2), np.sin((lon2 - lon1) / 2)
    a = half_lat**2 + np.cos(lat1) * np.cos(lat2) * half_lon**2
    metres: NDArray[np.float64] = 2 * EARTH_RADIUS_METRES * np.arcsin(np.sqrt(np.minimum(a, 1.0)))
    return metres


def _in_box(box: GeoBox) -> Callable[[Position], bool]:
    west, east, south, north = box.west, box.east, box.south, box.north
    if west > east:
        return lambda at: south < at[1] < north and (at[0] > west or at[0] < east)
    return lambda at: south < at[1] < north and west < at[0] < east


def _in_polygon(polygon: GeoPolygon) -> Callable[[Position], bool]:
    exterior, interiors = polygon.exterior, polygon.interiors

    def inside(position: Position) -> bool:
        return in_ring(position, exterior, on_line=False) and not any(
            in_ring(position, ring, on_line=True) for ring in interiors
        )

    return inside


def in_ring(position: Position, ring: Sequence[Position], *, on_line: bool) -> bool:
    """Return whether a position is inside a closed ring; `on_line` for one on the ring itself.

    Counts the crossings of the meridian line from the position (even-odd rule).
    """
    x, y = position
    inside = False
    previous_x, previous_y = ring[-1]
    for next_x, next_y in ring:
        turn = x * (next_y - previous_y) + next_x * (previous_y - y) + previous_x * (y - next_y)
        if (
            turn == 0
            and (next_y - y) * (previous_y - y) <= 0
            and (next_x - x) * (previous_x - x) <= 0
        ):
            return on_line
        if (next_x > x) != (previous_x > x):
            crossing = (previous_y - next_y) * (x - next_x) / (previous_x - next_x) + next_y
            inside ^= y < crossing
        previous_x, previous_y = next_x, next_y
    return inside
