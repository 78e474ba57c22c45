"""Which route is meant? A tree over the segments of the path, decided before anything is decoded.

Segments are split first and percent-decoded afterwards, so %2f stays inside its name. Empty
segments (trailing and repeated slashes) vanish; `..`, `;` and letter case have no meaning. A route
without a declared access does not exist: `access` has no default.
"""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from ruvector.errors import BadInput, MethodNotAllowed, NotFound, RuvectorError
from ruvector.model.permissions import Permission, Reach

MAX_SEGMENTS = 16  # no route has more


class Access(Enum):
    """OPEN routes answer without a key; the others need one that allows the permission."""

    OPEN = "open"
    READ = Permission.READ.value
    WRITE = Permission.WRITE.value
    DELETE = Permission.DELETE.value
    MAINTAIN = Permission.MAINTAIN.value
    MANAGE = Permission.MANAGE.value


class Route(msgspec.Struct, frozen=True):
    """One row: method, path with names in braces, access, label in metrics, and who answers.

    `answer_now` answers a body that has arrived, on the loop's thread, or None where that would
    take too long; `handle` answers then. `reach`: unless given, the collection
    of the path, or the whole server. `needs` comes of it and of `access`; None: nothing is needed.
    """

    method: str
    path: str
    access: Access
    label: str
    handle: Callable[[Any], Awaitable[Any]]
    answer_now: Callable[[Any, bytes], Any] | None = None
    reach: Reach | None = None
    needs: tuple[Permission, Reach] | None = None

    def __post_init__(self) -> None:
        if self.access is Access.OPEN:
            return
        reach = self.reach
        if reach is None:
            reach = Reach.COLLECTION if "{collection}" in self.path else Reach.SERVER
        needs = (Permission(self.access.value), reach)
        msgspec.structs.force_setattr(self, "needs", needs)


class Match(msgspec.Struct):
    """What a path came to: a route with the path's names, or the error to answer with."""

    route: Route | None
    names: dict[str, str]
    error: RuvectorError | None = None
    methods: tuple[str, ...] = ()


class _Node:
    __slots__ = ("literal", "routes", "wild")

    def __init__(self) -> None:
        self.literal: dict[str, _Node] = {}
        self.wild: _Node | None = None
        self.routes: dict[str, tuple[Route, tuple[str, ...]]] = {}


class Router:
    """The tree of all routes. Immutable once built."""

    def __init__(self, routes: list[Route]) -> None:
        self._root = _Node()
        self.routes = tuple(routes)
        for route in routes:
            self._add(route)

    def match(self, method: str, raw_path: bytes) -> Match:
        """Return what a request for this path, as it stood on the wire, is answered with."""
        found, segments = self._nodes(raw_path)
        wanted = "GET" if method == "HEAD" else method
        for node, positions in found:
            chosen = node.routes.get(wanted)
            if chosen is not None:
                return _decoded(*chosen, positions, segments)
        methods = {name for node, _ in found for name in node.routes}
        if not methods:
            shown = raw_path[:200].decode("ascii", "backslashreplace")
            return Match(None, {}, NotFound(f"there is no endpoint {shown}"))
        if "GET" in methods:
            methods.add("HEAD")
        allow = tuple(sorted(methods))
        error = MethodNotAllowed(f"{method} is not allowed here; use {', '.join(allow)}")
        error.allow = ", ".join(allow)  # type: ignore[attr-defined]
        return Match(None, {}, error, allow)

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in filter(None, route.path.split("/")):
            if segment.startswith("{"):
                node.wild = node.wild or _Node()
                node = node.wild
            else:
                node = node.literal.setdefault(segment, _Node())
        if route.method in node.routes:
            raise ValueError(f"two routes for {route.method} {route.path}")
        keys = tuple(part[1:-1] for part in route.path.split("/") if part.startswith("{"))
        node.routes[route.method] = (route, keys)

    def _nodes(self, raw_path: bytes) -> tuple[list[tuple[_Node, tuple[int, ...]]], list[bytes]]:
        """Return the nodes that the path may mean, literal names before wild ones."""
        segments = [segment for segment in raw_path.split(b"/") if segment]
        if len(segments) > MAX_SEGMENTS:
            return [], segments
        reached: list[tuple[_Node, tuple[int, ...]]] = [(self._root, ())]
        for position, segment in enumerate(segments):
            text = segment.decode("latin-1")
            further: list[tuple[_Node, tuple[int, ...]]] = []
            for node, names in reached:
                below = node.literal.get(text)
                if below is not None:
                    further.append((below, names))
                if node.wild is not None:
                    further.append((node.wild, (*names, position)))
            reached = further
        return reached, segments


def _decoded(
    route: Route, keys: tuple[str, ...], positions: tuple[int, ...], segments: list[bytes]
) -> Match:
    names: dict[str, str] = {}
    for key, position in zip(keys, positions, strict=True):
        segment = segments[position]
        if b"%" in segment:
            segment = unquote_to_bytes(segment)
        try:
            names[key] = segment.decode("utf-8")
        except UnicodeDecodeError:
            return Match(None, {}, BadInput(f"{key} in the path is not valid UTF-8"))
    return Match(route, names)
