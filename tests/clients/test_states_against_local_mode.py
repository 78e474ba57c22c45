"""Are points the same after any sequence of writes? With local mode as oracle.

Left out is what local mode does otherwise than the contract: facets of values that an index does
not hold.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from qdrant_client import QdrantClient, models
from tests.clients.local_twin import Twins, same_hits, same_vectors
from tests.clients.test_groups_against_local_mode import same_groups

STEPS = 40
UUIDS = [f"{number:08x}-0000-4000-8000-00000000000{number}" for number in range(9)]
IDS: list[Any] = [*range(12), *UUIDS, 2**63 + 5, 2**64 - 1]
MAX_SIM = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
INDEXED = {"n": "integer", "w": "keyword", "f": "float", "b": "bool", "u": "uuid"}
INDEXED |= {"deep.k": "keyword", "arr[].k": "keyword", "when": "datetime"}
SELECTORS: list[Any] = [
    *(True, False, ["n"], [], ["missing"], ["deep.k", "arr[].l"], ["deep.z[1].y"], ["arr[0].k"]),
    models.PayloadSelectorInclude(include=["deep", "w"]),
    models.PayloadSelectorExclude(exclude=["deep.k", "n"]),
    models.PayloadSelectorExclude(exclude=["arr[].k", "deep.z[0]"]),
]
PATHS = [None, None, "deep", "arr[]", "deep.z[0]", "new.x"]
DELETED = ["n", "deep.k", "arr[].k", "arr[0]", "w", "deep.z[1].y", "missing.x"]
FIELDS: dict[str, list[Any]] = {
    "n": [1, 2, 3, [1, 2], [3, 3, 5], None, -7],
    "w": ["a", "b", ["a", "b"], ["c", "c"], None, ""],
    "f": [1, 1.5, [2.5, 0.5], "q", True],
    "b": [True, False, [True, False]],
    "u": UUIDS[:4],
    "deep": [{"k": "x", "z": [1, {"y": 2}]}, {"k": ["x", "y"]}, 5, None, [{"k": "x"}]],
    "arr": [[], [{"k": "x", "l": 1}], [{"k": "y", "l": 0}, {"k": "x", "l": 2}], [{"k": "z"}]],
    "when": ["2024-01-01", "2024-03-01T10:00:00Z", "bad", ["2023-01-01", "2025-01-01"]],
}


def payload_of(draw: random.Random) -> dict[str, Any]:
    """Return a payload that lacks some fields."""
    return {name: draw.choice(few) for name, few in FIELDS.items() if draw.random() < 0.7}


def vector_of(draw: random.Random) -> dict[str, Any]:
    """Return vectors by name; some are missing."""

    def row(count: int) -> list[float]:
        return [round(draw.uniform(-2, 2), 3) for _ in range(count)]

    vectors = {
        "d": row(3),
        "mv": [row(2) for _ in range(draw.randrange(1, 4))],
        "s": models.SparseVector(indices=sorted(draw.sample(range(9), 3)), values=row(3)),
    }
    return {name: vector for name, vector in vectors.items() if draw.random() < 0.75}


def filter_of(draw: random.Random) -> models.Filter:
    """Return a filter of one condition."""
    field = models.FieldCondition
    conditions: list[Any] = [
        field(key="n", range=models.Range(gte=draw.choice([1, 2, 3]))),
        field(key="w", match=models.MatchValue(value=draw.choice("abc"))),
        field(key="b", match=models.MatchValue(value=True)),
        field(key="arr[].k", match=models.MatchValue(value="x")),
        field(key="u", match=models.MatchAny(any=UUIDS[:2])),
        models.HasIdCondition(has_id=draw.sample(IDS, 6)),
        models.HasVectorCondition(has_vector=draw.choice(["d", "s", "mv"])),
        models.SliceCondition(slice=models.Slice(total=3, index=draw.randrange(3))),
    ]
    return models.Filter(must=[draw.choice(conditions)])


@pytest.fixture
def twins(client: QdrantClient, name: str) -> Iterator[Twins]:
    """Return a server and local mode with an empty collection, indexed on the server."""
    twins = Twins(client, "sequences of writes")
    vectors = {
        "d": models.VectorParams(size=3, distance=models.Distance.EUCLID),
        "mv": models.VectorParams(
            size=2, distance=models.Distance.COSINE, multivector_config=MAX_SIM
        ),
    }
    sparse = {"s": models.SparseVectorParams(modifier=models.Modifier.IDF)}
    twins.create(name, vectors_config=vectors, sparse_vectors_config=sparse)
    for field, kind in INDEXED.items():
        twins.remote.create_payload_index(name, field, kind, wait=True)
    yield twins
    twins.close()


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_sequences_of_writes(twins: Twins, name: str, seed: int) -> None:
    draw = random.Random(seed)
    for step in range(STEPS):
        there = [record.id for record in twins.local.scroll(name, limit=100)[0]]
        some = draw.sample(there, min(len(there), draw.randrange(1, 4)))
        kind = "upsert" if step < 5 or not some else draw.choice(["upsert", *WRITES])
        WRITES[kind](twins, name, draw, some)
        same_reads(twins, name, draw)


def _upsert(twins: Twins, name: str, draw: random.Random, _: list[Any]) -> None:
    points = [
        models.PointStruct(id=one, vector=vector_of(draw), payload=payload_of(draw))
        for one in draw.sample(IDS, draw.randrange(1, 6))
    ]
    more: dict[str, Any] = {}
    if draw.random() < 0.3:
        more["update_mode"] = draw.choice(list(models.UpdateMode))
    if draw.random() < 0.3:
        more["update_filter"] = filter_of(draw)
    twins.both("upsert", name, points, wait=True, **more)


def _payload(twins: Twins, name: str, draw: random.Random, some: list[Any]) -> None:
    chosen = draw.choice([some, filter_of(draw)])
    kind = draw.choice(["set", "overwrite", "keys", "clear"])
    if kind == "set":
        given, path = payload_of(draw), draw.choice(PATHS)
        twins.both("set_payload", name, given, points=chosen, key=path, wait=True)
    elif kind == "overwrite":
        twins.both("overwrite_payload", name, payload_of(draw), points=chosen, wait=True)
    elif kind == "keys":
        twins.both("delete_payload", name, draw.sample(DELETED, 2), points=chosen, wait=True)
    else:
        twins.both("clear_payload", name, chosen, wait=True)


def _vectors(twins: Twins, name: str, draw: random.Random, some: list[Any]) -> None:
    if draw.random() < 0.5:
        twins.both("delete_vectors", name, [draw.choice(["d", "mv", "s"])], points=some, wait=True)
        return
    moved = [
        models.PointVectors(id=one, vector=vector_of(draw) or {"d": [1, 2, 3]}) for one in some
    ]
    twins.both("update_vectors", name, moved, wait=True)


def _delete(twins: Twins, name: str, draw: random.Random, some: list[Any]) -> None:
    twins.both("delete", name, draw.choice([some, filter_of(draw)]), wait=True)


def _batch(twins: Twins, name: str, draw: random.Random, some: list[Any]) -> None:
    new = models.PointStruct(id=draw.choice(IDS), vector=vector_of(draw), payload=payload_of(draw))
    by_ids = models.SetPayload(payload=payload_of(draw), points=some)
    by_filter = models.SetPayload(payload=payload_of(draw), filter=filter_of(draw))
    keys = models.DeletePayload(keys=["n"], filter=filter_of(draw))
    operations: list[Any] = [
        models.SetPayloadOperation(set_payload=by_ids),
        models.DeletePayloadOperation(delete_payload=keys),
        models.ClearPayloadOperation(clear_payload=models.PointIdsList(points=some)),
        models.UpsertOperation(upsert=models.PointsList(points=[new])),
        models.OverwritePayloadOperation(overwrite_payload=by_filter),
    ]
    twins.both("batch_update_points", name, draw.sample(operations, 2), wait=True)


WRITES: dict[str, Callable[[Twins, str, random.Random, list[Any]], None]] = {
    "upsert": _upsert,
    "payload": _payload,
    "vectors": _vectors,
    "delete": _delete,
    "batch": _batch,
}


def same_records(ours: list[Any], theirs: list[Any]) -> None:
    """Require the same points in the same order, with the same parts."""
    assert [(one.id, one.payload or {}) for one in ours] == [
        (one.id, one.payload or {}) for one in theirs
    ]
    for one, other in zip(ours, theirs, strict=True):
        same_vectors(one.vector or {}, other.vector or {})


def same_reads(twins: Twins, name: str, draw: random.Random) -> None:
    """Compare what can be read."""
    either: list[Any] = [None, filter_of(draw)]

    def both(method: str, **arguments: Any) -> tuple[Any, Any]:
        return twins.answers(method, name, **arguments)

    ours, theirs = both("scroll", limit=100, with_vectors=True)
    same_records(ours[0], theirs[0])
    page = {"limit": draw.choice([1, 3, 100]), "offset": draw.choice([None, *IDS])}
    parts = {"with_payload": draw.choice(SELECTORS), "with_vectors": ["d"]}
    ours, theirs = both("scroll", scroll_filter=draw.choice(either), **page, **parts)
    same_records(ours[0], theirs[0])
    assert ours[1] == theirs[1]
    ours, theirs = both("retrieve", ids=draw.sample(IDS, 4), **parts)
    same_records(ours, theirs)
    ours, theirs = both("count", count_filter=filter_of(draw))
    assert ours.count == theirs.count
    key = draw.choice(["n", "w", "b", "u", "deep.k", "arr[].k"])
    ours, theirs = both("facet", key=key, facet_filter=draw.choice(either), exact=True, limit=9)
    facets = [[(hit.value, hit.count) for hit in each.hits] for each in (ours, theirs)]
    assert facets[0] == facets[1]
    direction = draw.choice(list(models.Direction))
    order = models.OrderBy(key=draw.choice(["n", "f", "when"]), direction=direction)
    ours, theirs = both("scroll", order_by=order, scroll_filter=draw.choice(either), limit=9)
    assert [one.order_value for one in ours[0]] == [one.order_value for one in theirs[0]]
    same_searches(both, draw, either)


def same_searches(both: Callable[..., Any], draw: random.Random, either: list[Any]) -> None:
    """Compare searches, groups of them, and sparse ones with the weights of a part."""
    query: dict[str, Any] = {"query": [draw.uniform(-2, 2) for _ in range(3)], "using": "d"}
    ours, theirs = both("query_points", **query, query_filter=draw.choice(either), limit=30)
    same_hits([bare(hit) for hit in ours.points], [bare(hit) for hit in theirs.points])
    key = draw.choice(["w", "n", "u", "deep.k", "arr[].k", "f"])
    groups = {"group_by": key, "group_size": 2, "limit": draw.choice([2, 20])}
    same_groups(*both("query_points_groups", **query, **groups, with_payload=False))
    few = models.SparseVector(indices=[1, 2, 3], values=[1.0, 2.0, 0.5])
    corpus = models.SearchParams(idf=models.IdfCorpusParams(corpus=filter_of(draw)))
    params = {"search_params": draw.choice([None, corpus]), "with_payload": False}
    ours, theirs = both("query_points", query=few, using="s", limit=30, **params)
    same_hits(ours.points, theirs.points)


def bare(hit: Any) -> Any:
    """Return a hit whose empty payload is none: messages of gRPC cannot tell them apart."""
    hit.payload = hit.payload or None
    return hit
