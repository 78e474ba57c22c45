"""Do the endpoints of older clients answer what the query that they are short for answers?"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import urllib3
from tests.conftest import Server

NAME = "older"
QUERY = [0.4, -0.2, 0.9]
RED = {"must": [{"key": "color", "match": {"value": "red"}}]}
PAIRS = [{"positive": 3, "negative": 4}, {"positive": [1, 0, 0], "negative": [0, 1, 0]}]
SHAPE = {"filter": RED, "with_payload": True, "with_vectors": ["a"]}

Post = Any


@pytest.fixture(scope="module")
def post(server: Server) -> Iterator[Post]:
    """Return a function that posts to the collection and returns status and answer."""
    with urllib3.PoolManager() as pool:

        def call(method: str, path: str, body: Any) -> tuple[int, Any]:
            url = f"{server.url}/collections/{NAME}{path}"
            answer = pool.request(method, url, json=body)
            return answer.status, answer.json()

        vectors = {"a": {"size": 3, "distance": "Dot"}, "b": {"size": 3, "distance": "Euclid"}}
        call("PUT", "", {"vectors": vectors})
        array = np.random.default_rng(3).normal(size=(60, 3)).round(3).tolist()
        points = [
            {
                "id": number,
                "vector": {"a": vector, "b": vector},
                "payload": {"color": ("red", "blue")[number % 2], "kind": number % 4},
            }
            for number, vector in enumerate(array)
        ]
        status, _ = call("PUT", "/points?wait=true", {"points": points})
        assert status == 200
        yield lambda path, body: call("POST", f"/points/{path}", body)
        call("DELETE", "", None)


RECOMMEND = {"positive": [1, QUERY], "negative": [2], "strategy": "best_score"}
SAME: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    (
        "search",
        {"vector": {"name": "b", "vector": QUERY}, "top": 7, "offset": 2, **SHAPE},
        "query",
        {"query": QUERY, "using": "b", "limit": 7, "offset": 2, **SHAPE},
    ),
    (
        "recommend",
        {**RECOMMEND, "limit": 6, "using": "a", **SHAPE},
        "query",
        {"query": {"recommend": RECOMMEND}, "limit": 6, "using": "a", **SHAPE},
    ),
    (
        "recommend",
        {"positive": [1, 7], "top": 6, "using": "b", "score_threshold": 2.0, "offset": 1},
        "query",
        {
            "query": {"recommend": {"positive": [1, 7]}},
            "limit": 6,
            "using": "b",
            "score_threshold": 2.0,
            "offset": 1,
        },
    ),
    (
        "discover",
        {"target": 9, "context": PAIRS, "limit": 8, "using": "b", **SHAPE},
        "query",
        {
            "query": {"discover": {"target": 9, "context": PAIRS}},
            "limit": 8,
            "using": "b",
            **SHAPE,
        },
    ),
    (
        "discover",
        {"context": PAIRS, "top": 8, "using": "a"},
        "query",
        {"query": {"context": PAIRS}, "limit": 8, "using": "a"},
    ),
    (
        "search/groups",
        {
            "vector": {"name": "a", "vector": QUERY},
            "group_by": "kind",
            "limit": 3,
            "group_size": 2,
            **SHAPE,
        },
        "query/groups",
        {"query": QUERY, "using": "a", "group_by": "kind", "limit": 3, "group_size": 2, **SHAPE},
    ),
    (
        "recommend/groups",
        {**RECOMMEND, "using": "a", "group_by": "kind", "limit": 3, "group_size": 2},
        "query/groups",
        {
            "query": {"recommend": RECOMMEND},
            "using": "a",
            "group_by": "kind",
            "limit": 3,
            "group_size": 2,
        },
    ),
]


@pytest.mark.parametrize(
    ("older", "body", "newer", "query"), SAME, ids=[f"{i} {s[0]}" for i, s in enumerate(SAME)]
)
def test_older_endpoint_answers_as_the_query(
    post: Post, older: str, body: dict[str, Any], newer: str, query: dict[str, Any]
) -> None:
    status, answer = post(older, body)
    assert status == 200, answer
    expected = post(newer, query)[1]["result"]
    assert answer["result"] == expected.get("points", expected)
    assert answer["result"]


@pytest.mark.parametrize("kind", ["search", "recommend", "discover"])
def test_batch_answers_as_its_searches(post: Post, kind: str) -> None:
    bodies = [body for older, body, _, _ in SAME if older == kind]
    status, answer = post(f"{kind}/batch", {"searches": bodies})
    assert status == 200, answer
    assert answer["result"] == [post(kind, body)[1]["result"] for body in bodies]


REFUSED: list[tuple[str, dict[str, Any], int]] = [
    ("recommend", {"limit": 3}, 422),
    ("recommend", {"positive": [1]}, 400),
    ("recommend", {"positive": [1], "limit": 0, "using": "a"}, 422),
    ("recommend", {"positive": [1], "limit": 3}, 400),
    ("recommend", {"positive": [999], "limit": 3, "using": "a"}, 404),
    ("recommend", {"positive": ["no id"], "limit": 3, "using": "a"}, 400),
    ("recommend", {"positive": [1], "limit": 3, "strategy": "guess"}, 400),
    ("recommend/groups", {"positive": [1], "limit": 3, "group_by": "kind"}, 400),
    ("discover", {"limit": 3, "using": "a"}, 400),
    ("discover", {"target": 1, "limit": 3, "context": [{"positive": 1}], "using": "a"}, 400),
    ("search/groups", {"vector": QUERY, "limit": 1, "group_size": 1}, 400),
    ("search/groups", {"vector": QUERY, "limit": 1, "group_size": 0, "group_by": "a"}, 422),
    ("search/matrix/pairs", {"sample": 1, "using": "a"}, 422),
    ("search/matrix/offsets", {"limit": 0, "using": "a"}, 422),
    ("search/matrix/offsets", {"sample": 3}, 400),
    ("query/groups", {"query": QUERY, "using": "a"}, 400),
    ("query/groups", {"query": QUERY, "using": "a", "group_by": "a["}, 400),
    (
        "query/groups",
        {"query": QUERY, "using": "a", "group_by": "kind", "with_lookup": "missing"},
        404,
    ),
    ("query", {"query": {"order_by": "kind"}}, 400),
    ("scroll", {"order_by": "kind"}, 400),
    ("query", {"prefetch": {"query": QUERY, "using": "a"}}, 400),
    ("query", {"query": {"fusion": "rrf"}, "using": "a", "prefetch": {"query": 1}}, 400),
    ("query", {"query": {"fusion": "sum"}, "prefetch": {"query": 1}}, 400),
    ("query", {"query": {"sample": "first"}}, 400),
    ("query", {"query": {"nearest": QUERY, "mmr": {"diversity": 2}}, "using": "a"}, 422),
    ("query", {"query": QUERY, "using": "a", "sort_by": {"key": "kind", "start_from": 1}}, 400),
    ("query", {"query": {"indices": [1, 1], "values": [1, 2]}, "using": "a"}, 422),
    ("query", {"query": {"indices": [1], "values": [1, 2]}, "using": "a"}, 422),
    ("query", {"query": [[1, 2, 3], [1, 2]], "using": "a"}, 422),
    ("query", {"query": {"text": "words", "model": "unknown"}, "using": "a"}, 400),
]


@pytest.mark.parametrize(
    ("path", "body", "status"), REFUSED, ids=[f"{i} {r[0]}" for i, r in enumerate(REFUSED)]
)
def test_wrong_requests_are_refused(
    post: Post, path: str, body: dict[str, Any], status: int
) -> None:
    found, answer = post(path, body)
    assert found == status, answer
    assert answer["status"]["error"]


def test_prefetches_too_deep_are_refused(post: Post) -> None:
    query: dict[str, Any] = {"query": QUERY, "using": "a"}
    for depth in range(65):
        query = {"query": QUERY, "using": "a", "prefetch": query}
        if depth == 63:
            assert post("query", query)[0] == 200
    assert post("query", query)[0] == 422


def test_hits_are_sorted_by_a_field(post: Post) -> None:
    query = {"query": QUERY, "using": "a", "limit": 12, "with_payload": True}
    plain = post("query", query)[1]["result"]["points"]
    for direction in ("asc", "desc"):
        sort = {"key": "kind", "direction": direction}
        found = post("query", {**query, "sort_by": sort})[1]["result"]["points"]
        kinds = [hit["order_value"] for hit in found]
        assert kinds == sorted(kinds, reverse=direction == "desc")
        assert [hit["payload"]["kind"] for hit in found] == kinds
        assert {hit["id"] for hit in found} == {hit["id"] for hit in plain}
