"""Queries of several stages, groups, facets and matrices, embedded and over REST alike.

What the answers must be is compared with the client's local mode in tests/clients.
"""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ruvector.client.client import RuvectorClient
from ruvector.client.collection import Collection
from ruvector.errors import BadInput, InvalidRequest, MalformedRequest, NotFound, RuvectorError

Array = NDArray[np.float32]


def test_recommendations_leave_their_examples_out(docs: Collection) -> None:
    for strategy in ("average_vector", "best_score", "sum_scores"):
        recommend = {"positive": [1, 2], "negative": [3], "strategy": strategy}
        hits = docs.query({"recommend": recommend}, limit=40)
        assert {hit.id for hit in hits} == set(range(40)) - {1, 2, 3}


def test_prefetches_are_fused(docs: Collection, array: Array) -> None:
    searches = [
        {"query": array[4], "limit": 10},
        {"query": array[9].tolist(), "limit": 10, "filter": {"must": [_is("color", "red")]}},
    ]
    hits = docs.query({"fusion": "rrf"}, prefetch=searches, limit=5)
    assert hits[0].id in (4, 9)
    assert len({hit.id for hit in hits}) == 5
    assert hits[0].payload is not None
    alone = docs.query({"fusion": "rrf"}, prefetch=searches[1], limit=40)
    assert [hit.id for hit in alone] == [
        hit.id for hit in docs.search(array[9], limit=10, filter={"color": "red"})
    ]


def test_lookup_from_another_collection(
    client: RuvectorClient, docs: Collection, new_name: Any, array: Array
) -> None:
    other = new_name()
    client.create_collection(other, dimensions=8, distance="cosine")
    client.upsert(other, ids=[100], vectors=array[7:8])
    hits = docs.query(100, limit=3, lookup_from={"collection": other})
    assert [hit.id for hit in hits] == [hit.id for hit in docs.search(array[7], limit=3)]
    with pytest.raises(NotFound, match="No point with id 100"):
        docs.query(100)


def test_groups_hold_the_best_hits_of_each_value(docs: Collection, array: Array) -> None:
    groups = docs.query_groups(array[0], "color", limit=2, group_size=4)
    best = docs.search(array[0], limit=40)
    for group in groups:
        of_color = [hit.id for hit in best if hit.payload and hit.payload["color"] == group.id]
        assert [hit.id for hit in group.hits] == of_color[:4]
    assert groups[0].hits[0].id == best[0].id


def test_facet_counts_with_figures_of_numbers(docs: Collection) -> None:
    docs.create_payload_index("color", "keyword")
    docs.create_payload_index("number", "integer")
    hits = docs.facet("color", aggregate=["number"], filter={"number": {"lt": 30}})
    assert [(hit.value, hit.count) for hit in hits] == [("blue", 10), ("green", 10), ("red", 10)]
    assert hits[2].aggregates is not None
    numbers = range(0, 30, 3)
    figures = hits[2].aggregates["number"]
    assert (figures.count, figures.sum, figures.average) == (10, sum(numbers), sum(numbers) / 10)
    assert (figures.minimum, figures.maximum) == (0, 27)
    assert docs.facet("color", limit=1)[0].aggregates is None


def test_distance_matrix_compares_a_sample(docs: Collection) -> None:
    matrix = docs.distance_matrix(sample=12, limit=2)
    assert matrix.ids == sorted(matrix.ids, key=int)
    assert len(matrix.scores) == len(matrix.offsets_row) == len(matrix.offsets_col) == 24


def test_scroll_in_the_order_of_a_field(docs: Collection) -> None:
    docs.create_payload_index("number", "integer")
    order = {"key": "number", "direction": "desc", "start_from": 11}
    page, following = docs.scroll(order_by=order, limit=3)
    assert [(record.id, record.order_value) for record in page] == [(11, 11), (10, 10), (9, 9)]
    assert following is None


REFUSED: list[tuple[Any, dict[str, Any], type[RuvectorError]]] = [
    ({"order_by": "color"}, {}, BadInput),
    ({"order_by": {"key": "n", "direction": "up"}}, {}, MalformedRequest),
    ({"order_by": {"key": "number"}}, {"score_threshold": 1.0}, BadInput),
    ({"fusion": "rrf"}, {}, BadInput),
    ({"rrf": {"k": 0}}, {"prefetch": {"query": 1}}, InvalidRequest),
    ({"rrf": {"weights": [1.0, 2.0]}}, {"prefetch": {"query": 1}}, BadInput),
    ({"formula": "$score"}, {}, BadInput),
    ({"formula": {"sum": [{"unknown": 1}]}}, {"prefetch": {"query": 1}}, MalformedRequest),
    ({"recommend": {"negative": [1]}}, {}, InvalidRequest),
    ({"recommend": {"positive": [{"a": 1}]}}, {}, MalformedRequest),
    ({"discover": {"context": []}}, {}, MalformedRequest),
    ({"context": []}, {}, BadInput),
    ({"nearest": 1, "mmr": {"candidates_limit": 0}}, {}, InvalidRequest),
    ({"relevance_feedback": {"target": 1, "feedback": []}}, {}, MalformedRequest),
    ({"text": "words"}, {}, BadInput),
    (None, {"prefetch": {"query": 1}}, BadInput),
    (None, {"score_threshold": 0.5}, BadInput),
    (1, {"prefetch": {"query": 1, "limit": 0}}, InvalidRequest),
    (1, {"prefetch": {"query": 1, "beam": 3}}, MalformedRequest),
    (1, {"prefetch": [1]}, MalformedRequest),
    (1, {"lookup_from": {"vector": "a"}}, MalformedRequest),
    (1, {"lookup_from": {"collection": "nowhere"}}, NotFound),
    (4000, {}, NotFound),
]


@pytest.mark.parametrize(
    ("query", "arguments", "expected"), REFUSED, ids=[str(number) for number in range(len(REFUSED))]
)
def test_wrong_queries_are_refused(
    docs: Collection, query: Any, arguments: dict[str, Any], expected: type[RuvectorError]
) -> None:
    with pytest.raises(RuvectorError) as refusal:
        docs.query(query, **arguments)
    assert type(refusal.value) is expected, refusal.value


def _is(key: str, value: Any) -> dict[str, Any]:
    return {"key": key, "match": {"value": value}}
