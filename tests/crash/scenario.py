"""Which fixed sequence of operations touches every durable path, and what must be there after each?

`OPERATIONS` is the sequence; `changed` is the model, a pure function from state to state; `perform`
does the same to a database; `observed` reads a database as a state and compares its answers with
each other. A state is {"collections": {name: {id: (vector, payload)}}, "indexes": {name: fields},
"aliases": {alias: name}, "kept": {"0", "1" ..: points of each snapshot of collection a}}.
"""

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

import ruvector
from ruvector.client.client import RuvectorClient
from ruvector.client.transport import EmbeddedTransport
from ruvector.engine import Engine
from ruvector.errors import NotFound
from ruvector.snapshots.settings import SnapshotSettings

DIM = 8
TAGS = 5
NEVER_SECONDS = 1e6  # the scenario says when the log is archived
GROUP = ("collections", "a")
State = dict[str, Any]
Operation = tuple[Any, ...]

EMPTY: State = {"collections": {}, "indexes": {}, "aliases": {}, "kept": {}}


def vector_of(number: int, version: int) -> list[float]:
    """Return a vector that no other (number, version) has; exact in float32."""
    return [float(x) for x in (number, version, number % 7, version % 5, 1, 2, 3, number % 3)]


def payload_of(number: int, version: int) -> dict[str, Any]:
    """Return the payload that belongs to a point's version."""
    return {"tag": f"t{(number + version) % TAGS}", "version": version}


def _operations() -> Iterator[Operation]:
    yield "create", "a"
    yield "index", "a", "tag", "keyword"
    yield "upsert", "a", range(40), 1
    yield "upsert", "a", range(40, 80), 1
    yield "settle", "a"
    yield "index", "a", "version", "integer"
    yield "upsert", "a", range(20, 60), 2
    yield "alias", [("create", "x", "a")]
    yield "delete", "a", range(10, 15)
    yield "payload", "a", range(50, 70), 3
    yield "settle", "a"
    yield "batch", "a", range(8), range(70, 80), 4
    yield "create", "b"
    yield "upsert", "b", range(30), 5
    yield "alias", [("delete", "x", ""), ("create", "x", "b")]
    yield "vectors", "a", range(30, 40), 6
    yield "delete_tag", "a", "t2"
    yield "settle", "b"
    yield "unindex", "a", "tag"
    yield "drop", "b"
    yield "upsert", "a", ["one", "two"], 7
    yield "settle", "a"
    yield "upsert", "a", range(5), 8
    yield "mortal", "a", range(3, 8), 9


def _snapshots() -> Iterator[Operation]:
    yield "create", "a"
    yield "index", "a", "tag", "keyword"
    yield "upsert", "a", range(40), 1
    yield "settle", "a"
    yield "upsert", "a", range(30, 60), 2
    yield "snapshot", "a"
    yield "upsert", "a", range(20), 3
    yield "alias", [("create", "x", "a")]
    yield "settle", "a"
    yield "restore", "a", "a"
    yield "delete", "a", range(10)
    yield "restore", "a", "b"
    yield "upsert", "b", range(5), 4
    yield "discard", "a"
    yield "upsert", "a", range(5), 5


def _archived() -> Iterator[Operation]:
    yield "create", "a"
    yield "index", "a", "tag", "keyword"
    yield "snapshot", "a"
    yield "upsert", "a", range(40), 1
    yield "archive", "a"
    yield "upsert", "a", range(20, 60), 2
    yield "settle", "a"
    yield "vectors", "a", range(30, 40), 3
    yield "delete", "a", range(10)
    yield "archive", "a"
    yield "payload", "a", range(50, 60), 4
    yield "index", "a", "version", "integer"
    yield "settle", "a"
    yield "snapshot", "a"
    yield "upsert", "a", range(5), 5
    yield "archive", "a"


OPERATIONS: tuple[Operation, ...] = tuple(_operations())
SCENARIOS = {
    "writes": OPERATIONS,
    "snapshots": tuple(_snapshots()),
    "archived": tuple(_archived()),
}


def opened(root: str, which: str) -> RuvectorClient:
    """Return a client of the database in a folder; of the scenario "archived" its log is kept."""
    if which != "archived":
        return ruvector.open(root)
    settings = SnapshotSettings(archive_log=True, archive_log_seconds=NEVER_SECONDS)
    client = RuvectorClient.__new__(RuvectorClient)
    client._transport = EmbeddedTransport(Engine.open(root, snapshots=settings), root)
    return client


def check_archive(client: RuvectorClient) -> None:
    """Compare the collection a with each of its snapshots and the archived log after it."""
    if "a" not in client.list_collections():
        return
    expected = observed_points(client, "a")
    folder = client._transport._engine.snapshots.folder
    for listed in client.list_snapshots("a"):
        client.upload_snapshot("again", folder.path(GROUP, listed.name), until="latest")
        found = observed_points(client, "again")
        assert found == expected, f"{listed.name} and its log make something else"
        client.delete_collection("again")


def _number(point_id: int | str) -> int:
    return point_id if isinstance(point_id, int) else 1000 + len(point_id) + ord(point_id[0])


def _points(ids: Any, version: int) -> list[dict[str, Any]]:
    return [
        {
            "id": point_id,
            "vector": vector_of(_number(point_id), version),
            "payload": payload_of(_number(point_id), version),
        }
        for point_id in ids
    ]


def perform(client: RuvectorClient, operation: Operation) -> None:
    """Do an operation to a database."""
    kind, *arguments = operation
    _PERFORM[kind](client, *arguments)


def _create(client: RuvectorClient, name: str) -> None:
    client.create_collection(name, dimensions=DIM, distance="euclid", optimizers=OPTIMIZERS)


TTL_SECONDS = 1e6  # longer than any run
OPTIMIZERS = {"indexing_threshold": 1}


def _alias(client: RuvectorClient, actions: list[tuple[str, str, str]]) -> None:
    fields = {
        "create": lambda alias, name: {
            "create_alias": {"alias_name": alias, "collection_name": name}
        },
        "delete": lambda alias, _: {"delete_alias": {"alias_name": alias}},
    }
    client.change_aliases([fields[kind](alias, name) for kind, alias, name in actions])


def _batch(client: RuvectorClient, name: str, new: Any, gone: Any, version: int) -> None:
    upsert = {"upsert": {"points": _points(new, version)}}
    client.batch_update(name, [upsert, {"delete": {"ids": list(gone)}}])


def _last(client: RuvectorClient, name: str) -> str:
    listed = client.list_snapshots(name)
    if not listed:
        raise NotFound("there is no snapshot to restore")
    return listed[-1].name


def _restore(client: RuvectorClient, source: str, target: str) -> None:
    engine = client._transport._engine
    path = engine.snapshots.folder.path(("collections", source), _last(client, source))
    client.upload_snapshot(target, path)


_PERFORM = {
    "create": _create,
    "snapshot": lambda client, name: client.create_snapshot(name),
    "restore": _restore,
    "discard": lambda client, name: client.delete_snapshot(name, _last(client, name)),
    "archive": lambda client, name: client._transport._engine._catalog.get(name).archive_log(),
    "drop": lambda client, name: client.delete_collection(name),
    "index": lambda client, *a: client.create_payload_index(*a),
    "unindex": lambda client, *a: client.delete_payload_index(*a),
    "settle": lambda client, name: client.wait_for_index(name, 30),
    "alias": _alias,
    "batch": _batch,
    "upsert": lambda client, name, ids, version: client.upsert(name, _points(ids, version)),
    "mortal": lambda client, name, ids, version: client.upsert(
        name, _points(ids, version), ttl_seconds=TTL_SECONDS
    ),
    "delete": lambda client, name, ids: client.delete(name, list(ids)),
    "delete_tag": lambda client, name, tag: client.delete(name, filter={"tag": tag}),
    "payload": lambda client, name, ids, version: client.set_payload(
        name, {"version": version}, list(ids)
    ),
    "vectors": lambda client, name, ids, version: client.update_vectors(
        name, ids=list(ids), vectors=[vector_of(i, version) for i in ids]
    ),
}


def changed(state: State, operation: Operation) -> State:
    """Return the state after an operation; KeyError where it cannot be done in this state."""
    state = copy.deepcopy(state)
    collections, indexes, aliases = state["collections"], state["indexes"], state["aliases"]
    kind, name, *rest = operation
    if kind == "create":
        collections[name], indexes[name] = {}, []
    elif kind == "snapshot":
        state["kept"][str(len(state["kept"]))] = copy.deepcopy(collections[name])
    elif kind == "restore":
        collections[rest[0]] = copy.deepcopy(state["kept"][str(len(state["kept"]) - 1)])
        indexes[rest[0]] = ["tag"]
    elif kind == "discard":
        del state["kept"][str(len(state["kept"]) - 1)]
    elif kind == "drop":
        collections.pop(name, None)
        indexes.pop(name, None)
        state["aliases"] = {a: target for a, target in aliases.items() if target != name}
    elif kind == "index":
        indexes[name] = sorted({*indexes[name], rest[0]})
    elif kind == "unindex":
        indexes[name] = [field for field in indexes[name] if field != rest[0]]
    elif kind == "alias":
        for action, alias, target in name:
            if action == "create":
                aliases[alias] = target
            else:
                del aliases[alias]
    else:
        _change_points(collections[name], kind, rest)
    return state


def _change_points(points: dict[Any, Any], kind: str, rest: list[Any]) -> None:
    if kind in ("upsert", "batch", "mortal"):
        for point in _points(rest[0], rest[-1]):
            points[point["id"]] = (point["vector"], point["payload"])
    if kind == "batch":
        for point_id in rest[1]:
            points.pop(point_id, None)
    elif kind == "delete":
        for point_id in rest[0]:
            points.pop(point_id, None)
    elif kind == "delete_tag":
        for point_id in [i for i, (_, payload) in points.items() if payload["tag"] == rest[0]]:
            del points[point_id]
    elif kind == "payload":
        for point_id in rest[0]:
            vector, payload = points[point_id]
            points[point_id] = (vector, payload | {"version": rest[1]})
    elif kind == "vectors":
        for point_id in rest[0]:
            points[point_id] = (vector_of(point_id, rest[1]), points[point_id][1])


def observed(client: RuvectorClient) -> State:
    """Return what a database answers; AssertionError where its answers contradict each other."""
    names = client.list_collections()
    state: State = {**EMPTY, "collections": {}, "indexes": {}, "aliases": client.list_aliases()}
    state["kept"] = dict(_kept(client))
    for name in names:
        state["collections"][name] = observed_points(client, name)
        state["indexes"][name] = sorted(client.get_collection(name).payload_schema)
    return state


def _kept(client: RuvectorClient) -> Iterator[tuple[str, dict[Any, Any]]]:
    """Yield what is in each snapshot of the collection a, restored elsewhere."""
    with contextlib.suppress(NotFound):
        for number, listed in enumerate(client.list_snapshots("a")):
            path = client._transport._engine.snapshots.folder.path(GROUP, listed.name)
            with ruvector.open(":memory:") as other:
                other.upload_snapshot("a", path, checksum=listed.checksum)
                yield str(number), observed_points(other, "a")


def observed_points(client: RuvectorClient, name: str) -> dict[Any, Any]:
    """Return the points of one collection; AssertionError where answers contradict each other."""
    records = list(client.iterate(name, page_size=37, with_vectors=True))
    points = {r.id: ([float(x) for x in r.vector], r.payload) for r in records}
    assert len(points) == len(records), "an id came twice"
    assert client.count(name) == len(points), (client.count(name), len(points))
    for tag in (f"t{i}" for i in range(TAGS)):
        expected = {i for i, (_, payload) in points.items() if payload and payload["tag"] == tag}
        found = {r.id for r in client.iterate(name, {"tag": tag})}
        assert found == expected, (tag, found ^ expected)
        assert client.count(name, {"tag": tag}) == len(expected), tag
    low = {"must": [{"key": "version", "range": {"lt": 4}}]}
    assert client.count(name, low) == sum(p["version"] < 4 for _, p in points.values())
    for exact in (True, False):
        for point_id in list(points)[:: max(1, len(points) // 6)]:
            hits = client.search(name, points[point_id][0], 3, params={"exact": exact})
            assert hits[0].id == point_id, (exact, point_id, hits)
            assert abs(hits[0].score) < 1e-3, (exact, point_id, hits[0].score)
    return points
