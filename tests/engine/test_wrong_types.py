"""What if a program hands in objects of types that nobody expects?

Always an error of ruvector that names the field, and a database that is as it was.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ruvector.engine import Engine
from ruvector.errors import RuvectorError
from ruvector.model import requests as r
from ruvector.model.points import PointsBlock, VectorBlock
from ruvector.model.wrong_types import wrong_type


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Return a database with two points of two dimensions."""
    engine = Engine.open(":memory:")
    engine.execute(r.CreateCollection(collection="c", vectors={"size": 2, "distance": "Dot"}))
    rows = VectorBlock(np.array([[1, 2], [3, 4]], dtype=np.float32))
    points = PointsBlock([1, "x"], {"": rows}, [b'{"a":1}', None])
    engine.execute(r.Upsert(collection="c", points=points))
    yield engine
    engine.close()


NAN = float("nan")
LISTS: dict[str, Any] = {}
LISTS["self"] = LISTS


def query(**fields: Any) -> r.QueryPoints:
    """Return a query of the collection."""
    return r.QueryPoints(collection="c", **{"query": [1.0, 2.0], **fields})


def upsert(ids: Any, vectors: Any, payloads: Any = None) -> r.Upsert:
    """Return an upsert of one batch."""
    return r.Upsert(collection="c", points=PointsBlock(ids, vectors, payloads))


def one(rows: Any) -> r.Upsert:
    """Return an upsert of one point with these vectors."""
    return upsert([5], {"": VectorBlock(rows)})


ONE = {"": VectorBlock([[1.0, 2.0]])}
untyped: Any = r
index: Any = r.CreateFieldIndex
WRONG: list[tuple[str, Any, str]] = [
    *[("limit", query(limit=v), "limit") for v in ("x", True, 1.5, [1], 10**5000, -1, 0)],
    *[("offset", query(offset=v), "offset") for v in ("x", True, 1.5, -1, 10**5000)],
    *[
        ("query", query(query=v), "query|Vector|point")
        for v in (
            ["a", "b"],
            ["1", "2"],
            [[1, 2]],
            [[1, 2], [3]],
            [None, 1],
            [NAN, 1],
            [1j, 2],
            [],
            [1],
            (),
            {1, 2},
            b"ab",
            1.5,
            True,
            object(),
            np.float32(1),
            np.array(["1", "2"]),
            np.array([1j, 2]),
            np.array([None, 1.0]),
            np.ones((1, 2)),
            np.array([10**400, 1], dtype=object),
            {},
            {"nearest": None},
            {"nearest": {"nearest": [1, 2]}},
            {1: 2},
            -1,
            2**64,
        )
    ],
    *[("filter", query(filter=v), "filter") for v in ([1], "x", 5, {"must": 5}, {1: 2})],
    *[("using", query(using=v), "using|vector name") for v in (5, [1], {"a": 1}, b"")],
    *[
        ("score_threshold", query(score_threshold=v), "score_threshold")
        for v in ("x", NAN, True, [1], object())
    ],
    *[("with_payload", query(with_payload=v), "with_payload") for v in (5, "a", {"a": 1}, [1])],
    *[("with_vector", query(with_vector=v), "with_vector|name") for v in (5, "a", [1], ["zz"])],
    *[("params", query(params=v), "params") for v in (5, "x", {"hnsw_ef": 5}, [1])],
    *[
        ("hnsw_ef", query(params=untyped.SearchParams(hnsw_ef=v)), "hnsw_ef")
        for v in ("x", 0, 10**5000, [1])
    ],
    ("shard_key", query(shard_key=1), "shard_key"),
    ("collection", untyped.Count(collection=["c"]), "collection"),
    ("collection", untyped.GetCollection(collection={}), "collection"),
    ("collection", untyped.DeleteCollection(collection=[]), "collection"),
    ("aliases", untyped.ChangeAliases(actions=5), "actions"),
    ("aliases", untyped.ChangeAliases(actions=[5]), "actions"),
    ("timeout", untyped.WaitForIndex(collection="c", timeout="x"), "timeout"),
    *[
        ("ids", untyped.Retrieve(collection="c", ids=v), "id")
        for v in (None, 5, [None], [1.5], [True], [[1]], [{}], [b"a"], [""], [object()])
    ],
    *[
        ("points", untyped.DeletePoints(collection="c", points=v), "points|id")
        for v in (None, 5, [None], [1.5], [[1]], [{}], [-1], ["\ud800"])
    ],
    ("both", untyped.DeletePoints(collection="c", points=[1], filter={}), "points and filter"),
    ("scroll", untyped.Scroll(collection="c", offset=[1]), "id"),
    ("scroll", untyped.Scroll(collection="c", order_by="a"), "order_by"),
    *[
        ("payload", untyped.SetPayload(collection="c", payload=v, points=[1]), "payload")
        for v in (
            5,
            [1],
            "x",
            {"a": NAN},
            {"a": object()},
            {"a": 1j},
            LISTS,
            {"a": np.float32(NAN)},
        )
    ],
    *[
        ("key", untyped.SetPayload(collection="c", payload={"a": 1}, points=[1], key=v), "key")
        for v in (5, "", "a[[", ["a"])
    ],
    *[
        ("keys", untyped.DeletePayload(collection="c", keys=v, points=[1]), "key")
        for v in (5, [5], [""], ["a[["], None)
    ],
    *[
        ("vector", untyped.DeleteVectors(collection="c", vector=v, points=[1]), "vector")
        for v in (5, [5], [{}], None, [], ["zz"])
    ],
    *[
        ("vectors", one(v), "[Vv]ector")
        for v in (
            [["a", "b"]],
            [[None, 1]],
            [[1, 2, 3]],
            [[[1, 2]]],
            [[NAN, 1]],
            [[1j, 1]],
            [[]],
            [[1, 2], [3, 4]],
            [],
            np.ones(2),
            np.ones((1, 3)),
        )
    ],
    ("vector name", upsert([5], {"zz": VectorBlock([[1.0, 2.0]])}), "zz"),
    *[("ids", upsert(v, ONE), "id") for v in ([None], [1.5], [True], [[1]], np.array([1.5]))],
    ("payloads", upsert([5], ONE, []), "payloads"),
    (
        "index",
        index(collection="c", field_name=5, field_schema="integer"),
        "field_name",
    ),
    (
        "index",
        index(collection="c", field_name="", field_schema="integer"),
        "key",
    ),
    (
        "index",
        index(collection="c", field_name="a", field_schema=5),
        "field_schema",
    ),
    ("index", untyped.DeleteFieldIndex(collection="c", field_name=5), "field_name"),
    ("batch", untyped.BatchUpdate(collection="c", operations=5), "operations"),
    ("batch", untyped.BatchUpdate(collection="c", operations=[5]), "request|operations"),
    ("batch", untyped.QueryBatch(collection="c", searches=5), "searches"),
    ("batch", untyped.QueryBatch(collection="c", searches=[5]), "request|searches"),
    (
        "batch",
        untyped.BatchUpdate(
            collection="c", operations=[untyped.DeletePoints(collection="", points=[1]), one([[1]])]
        ),
        "[Vv]ector",
    ),
]


@pytest.mark.parametrize(
    ("request_sent", "named"),
    [w[1:] for w in WRONG],
    ids=[f"{number} {w[0]}" for number, w in enumerate(WRONG)],
)
def test_wrong_type_is_refused_by_name_and_changes_nothing(
    engine: Engine, request_sent: Any, named: str
) -> None:
    with pytest.raises(RuvectorError, match=named) as refusal:
        engine.execute(request_sent)
    assert refusal.value.http_status in (400, 404, 422)
    records = engine.execute(r.Scroll(collection="c")).points
    assert [(record.id, record.payload) for record in records] == [(1, {"a": 1}), ("x", {})]


def test_error_of_our_own_is_not_blamed_on_the_request(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise TypeError("a defect of ours")

    monkeypatch.setattr("ruvector.query.pages.parse_filter", fail)
    with pytest.raises(TypeError, match="a defect of ours"):
        engine.execute(r.Count(collection="c", filter={"must": []}))


@pytest.mark.parametrize(
    "right",
    [
        query(),
        query(query=np.ones(2), using="", params=r.SearchParams(hnsw_ef=5)),
        r.QueryBatch(collection="c", searches=[query()]),
        r.BatchUpdate(collection="c", operations=[one([[1.0, 2.0]])]),
        r.CreateCollection(collection="c", vectors=5),
    ],
    ids=lambda request: type(request).__name__,
)
def test_right_types_are_not_complained_about(right: Any) -> None:
    assert wrong_type(right) is None
