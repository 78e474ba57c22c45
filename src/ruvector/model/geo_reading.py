"""Is this JSON object a region of the earth? Reads the three geo conditions.

Coordinates are checked: longitude -180 .. 180, latitude -90 .. 90. Pure.
"""

from typing import Any, Final

from ruvector.errors import BadInput, InvalidRequest
from ruvector.model.conditions import GeoBox, GeoPolygon, GeoRadius, Position
from ruvector.model.reading import list_of, number_of, object_of, required

POLYGON_POINTS_MAX: Final = 10_000
"""Points of all rings of one polygon: coastlines are simplified to hundreds."""

_LIMITS: Final = {"lon": 180.0, "lat": 90.0}


def read_radius(key: str, source: Any, path: str) -> GeoRadius:
    """Return the condition `geo_radius`: {"center": {lon, lat}, "radius": metres}."""
    given = _whole(source, path, ("center", "radius"))
    radius = number_of(given["radius"], f"{path}.radius")
    if radius < 0:
        raise InvalidRequest.of(f"{path}.radius", radius, "must be 0 or larger")
    return GeoRadius(key, _position(given["center"], f"{path}.center"), radius)


def read_box(key: str, source: Any, path: str) -> GeoBox:
    """Return the condition `geo_bounding_box`: {"top_left": .., "bottom_right": ..}."""
    given = _whole(source, path, ("top_left", "bottom_right"))
    west, north = _position(given["top_left"], f"{path}.top_left")
    east, south = _position(given["bottom_right"], f"{path}.bottom_right")
    return GeoBox(key, west, north, east, south)


def read_polygon(key: str, source: Any, path: str) -> GeoPolygon:
    """Return the condition `geo_polygon`: {"exterior": ring, "interiors": [rings]}."""
    given = object_of(source, path, ("exterior", "interiors"))
    required(given, path, "exterior")
    exterior = _ring(given["exterior"], f"{path}.exterior")
    interiors = tuple(
        _ring(ring, f"{path}.interiors[{i}]")
        for i, ring in enumerate(
            list_of(given.get("interiors"), f"{path}.interiors", POLYGON_POINTS_MAX)
        )
    )
    count = len(exterior) + sum(map(len, interiors))
    if count > POLYGON_POINTS_MAX:
        raise BadInput(f"{path} has {count} points; the largest allowed is {POLYGON_POINTS_MAX}")
    return GeoPolygon(key, exterior, interiors)


def _ring(source: Any, path: str) -> tuple[Position, ...]:
    given = _whole(source, path, ("points",))
    points = list_of(given["points"], f"{path}.points", POLYGON_POINTS_MAX)
    ring = tuple(_position(point, f"{path}.points[{i}]") for i, point in enumerate(points))
    if len(ring) < 4:
        raise InvalidRequest(f"[{path}: {len(ring)} points; a closed ring has at least 4]")
    if ring[0] != ring[-1]:
        raise InvalidRequest(f"[{path}: the first and the last point of a ring must be the same]")
    return ring


def _position(source: Any, path: str) -> Position:
    given = _whole(source, path, ("lon", "lat"))
    lon, lat = (_coordinate(given[name], name, path) for name in ("lon", "lat"))
    return lon, lat


def _coordinate(value: Any, name: str, path: str) -> float:
    number, limit = number_of(value, f"{path}.{name}"), _LIMITS[name]
    if abs(number) > limit:
        rule = f"must be from -{limit:g} to {limit:g}"
        raise InvalidRequest.of(f"{path}.{name}", number, rule)
    return number


def _whole(source: Any, path: str, fields: tuple[str, ...]) -> dict[str, Any]:
    given = object_of(source, path, fields)
    required(given, path, *fields)
    return given
