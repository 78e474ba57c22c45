"""Which hits are best for each value of a field? A query's answer in groups.

Hits are looked at in their order, and each joins the groups of its values, until the first `limit`
groups are full. How many hits that takes is not known before, so the query is asked again for more
until it has no more, or MAX_GROUP_CANDIDATES were looked at; the groups are then those that these
filled. A point one of whose values is neither string nor integer joins no group.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import msgspec

from ruvector.collection.collection import Collection
from ruvector.collection.view import View
from ruvector.errors import InvalidRequest, MalformedRequest, NotFound
from ruvector.model.ids import shown
from ruvector.model.limits import MAX_GROUP_CANDIDATES, MAX_GROUP_SIZE
from ruvector.model.paths import Path, parse_path, values_at
from ruvector.model.reading import object_of, required, text_of, wrong_type
from ruvector.model.requests import Retrieve
from ruvector.model.results import GroupsResult, PointGroup
from ruvector.model.stages import Stage
from ruvector.query.pages import retrieve
from ruvector.query.ranked import Ranked
from ruvector.query.results import Selection
from ruvector.query.targets import Collections
from ruvector.query.tree import Run, hits_with_values

DEFAULT_SIZE = 3
ALL_AT_ONCE = 5000  # points of a collection that is ranked as a whole: 2 ms and their payloads
GROWTH = 4  # between two askings
_decode_json = msgspec.json.Decoder(dict[str, Any]).decode

GroupId = int | str


def search_groups(
    collections: Collections,
    collection: Collection,
    stage: Stage,
    selection: Selection,
    request: Any,
) -> GroupsResult:
    """Return groups, the one with the best hit first; `stage.limit` is the number of groups."""
    size = _size(request.group_size)
    path = parse_path(text_of(request.group_by, "group_by"))
    lookup = parse_with_lookup(request.with_lookup)
    with ExitStack() as stack:
        run = Run.begin(collections, collection, stage, stack)
        places, found = _collect(run, stage, path, size)
        wanted = sorted({place for group in places.values() for place in group})
        hits = hits_with_values(run.view, _chosen(found, wanted), selection)
    by_place = dict(zip(wanted, hits, strict=True))
    groups = [
        PointGroup(id=name, hits=[by_place[place] for place in group])
        for name, group in places.items()
    ]
    if lookup is not None:
        _look_up(collections, lookup, groups)
    return GroupsResult(groups)


def _collect(
    run: Run, stage: Stage, path: Path, size: int
) -> tuple[dict[GroupId, list[int]], Ranked]:
    """Return the places of each group's hits in a ranking, and the ranking."""
    points = len(run.view.live)
    k = points if points <= ALL_AT_ONCE else max(64, 2 * stage.limit * size)
    names: dict[int, list[GroupId]] = {}
    while True:
        k = max(1, min(k, MAX_GROUP_CANDIDATES))
        found = run.stage(_widened(stage, k))
        _name(run.view, path, found, names)
        groups = _fill(found, names, stage.limit, size)
        full = len(groups) == stage.limit and all(len(g) == size for g in groups.values())
        if full or len(found.rows) < k or k in (points, MAX_GROUP_CANDIDATES):
            return groups, found
        k *= GROWTH


def _widened(stage: Stage, k: int) -> Stage:
    """Return the stage that looks for k hits, and whose prefetches bring as many at least."""
    prefetches = tuple(_widened(prefetch, max(k, prefetch.limit)) for prefetch in stage.prefetches)
    return msgspec.structs.replace(stage, limit=k, prefetches=prefetches)


def _name(view: View, path: Path, found: Ranked, names: dict[int, list[GroupId]]) -> None:
    """Add the groups of rows that were not seen yet."""
    rows = [row for row in found.rows.tolist() if row not in names]
    for row, record in zip(rows, view.records(rows), strict=True):
        payload = _decode_json(record.payload) if record.payload else {}
        names[row] = group_ids(payload, path)


def group_ids(payload: dict[str, Any], path: Path) -> list[GroupId]:
    """Return the groups of a point; none where one of its values can be no group's name."""
    values = values_at(payload, path)
    if all(type(value) in (int, str) for value in values):
        return list(dict.fromkeys(values))
    return []


def _fill(
    found: Ranked, names: dict[int, list[GroupId]], limit: int, size: int
) -> dict[GroupId, list[int]]:
    groups: dict[GroupId, list[int]] = {}
    for place, row in enumerate(found.rows.tolist()):
        for name in names[row]:
            group = groups.get(name)
            if group is None:
                if len(groups) == limit:
                    continue
                group = groups[name] = []
            if len(group) < size:
                group.append(place)
    return groups


def _chosen(found: Ranked, places: list[int]) -> Ranked:
    values = None if found.values is None else [found.values[place] for place in places]
    return Ranked(found.rows[places], found.scores[places], values)


class WithLookup(msgspec.Struct, frozen=True):
    """Records of another collection that belong to the groups' ids, and what of them is wanted."""

    collection: str
    with_payload: Any = None
    with_vectors: Any = None


def parse_with_lookup(source: Any) -> WithLookup | None:
    """Return what `with_lookup` asks for: a collection's name, or an object."""
    if source is None or isinstance(source, WithLookup):
        return source
    if isinstance(source, str):
        return WithLookup(source)
    if not isinstance(source, Mapping):
        raise wrong_type("with_lookup", "a collection's name or an object", source)
    fields = ("collection", "with_payload", "with_vectors", "with_vector")
    given = object_of(source, "with_lookup", fields)
    required(given, "with_lookup", "collection")
    if "with_vector" in given:
        if "with_vectors" in given:
            raise MalformedRequest("with_lookup: duplicate field `with_vectors`")
        given["with_vectors"] = given.pop("with_vector")
    text_of(given["collection"], "with_lookup.collection")
    return WithLookup(**given)


def _look_up(collections: Collections, lookup: WithLookup, groups: list[PointGroup]) -> None:
    try:
        collection = collections(lookup.collection)
    except NotFound as error:
        raise NotFound(f"Collection {lookup.collection} not found") from error
    ids = [group.id for group in groups if group.id != "" and _may_be_id(group.id)]
    for name in ids:
        request = Retrieve(
            collection=lookup.collection,
            ids=[name],
            with_payload=lookup.with_payload,
            with_vector=lookup.with_vectors,
        )
        records = retrieve(collection, request)
        if records:
            next(group for group in groups if group.id == name).lookup = records[0]


def _may_be_id(name: GroupId) -> bool:
    return isinstance(name, str) or 0 <= name < 2**64


def _size(value: Any) -> int:
    if value is None:
        return DEFAULT_SIZE
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type("group_size", "a whole number", value)
    if not 1 <= value <= MAX_GROUP_SIZE:
        raise InvalidRequest.of("group_size", shown(value), f"must be from 1 to {MAX_GROUP_SIZE}")
    return value
