"""Writes with conditions: which points of a batch are stored, and that a restart agrees."""

from pathlib import Path
from typing import Any

import pytest

import ruvector
from ruvector.client.collection import Collection
from ruvector.errors import BadInput, NotFound

ONE = [1.0] * 8


def point(number: int, text: str) -> dict[str, Any]:
    return {"id": number, "vector": ONE, "payload": {"text": text, "number": number}}


def texts(docs: Collection) -> dict[Any, Any]:
    return {
        record.id: record.payload["text"]
        for record in docs.iterate({"must_not": [{"is_empty": {"key": "text"}}]})
    }


def test_insert_only_and_update_only(docs: Collection) -> None:
    docs.upsert([point(5, "a"), point(50, "b")], update_mode="insert_only")
    assert texts(docs) == {50: "b"}
    docs.upsert([point(5, "c"), point(51, "d")], update_mode="update_only")
    assert texts(docs) == {5: "c", 50: "b"}
    docs.upsert([point(60, "x")], update_mode="update_only")
    assert docs.count() == 41


@pytest.mark.parametrize("indexed", [False, True])
def test_a_filter_says_which_points_may_change(docs: Collection, indexed: bool) -> None:
    if indexed:
        docs.create_payload_index("number", "integer")
    batch = [point(number, "new") for number in (3, 20, 70)]
    docs.upsert(batch, update_filter={"number": {"lt": 10}})
    assert texts(docs) == {3: "new", 70: "new"}
    docs.update_vectors(
        [{"id": number, "vector": [2.0] * 8} for number in (3, 20)],
        update_filter={"text": "new"},
    )
    lengths = {r.id: max(r.vector) for r in docs.retrieve([3, 20], with_vectors=True)}
    assert lengths[3] == pytest.approx(8**-0.5)
    assert lengths[20] != pytest.approx(8**-0.5)
    with pytest.raises(NotFound, match="999"):
        docs.update_vectors([{"id": 999, "vector": ONE}], update_filter={"number": 1})


def test_later_changes_of_a_batch_see_the_earlier_ones(docs: Collection) -> None:
    upsert = {"points": [point(1, "second")], "update_filter": {"text": "first"}}
    docs.batch_update(
        [
            {"upsert": {"points": [point(1, "first")]}},
            {"upsert": upsert},
            {"upsert": {"points": [point(2, "never")], "update_filter": {"text": "first"}}},
            {"upsert": {"points": [point(80, "x")], "update_mode": "insert_only"}},
            {"upsert": {"points": [point(80, "y")], "update_mode": "insert_only"}},
        ]
    )
    assert texts(docs) == {1: "second", 80: "x"}


def test_wrong_conditions_are_refused_by_name(docs: Collection) -> None:
    with pytest.raises(BadInput, match="update_mode: unknown variant"):
        docs.upsert([point(1, "a")], update_mode="replace")
    with pytest.raises(BadInput, match="update_filter"):
        docs.upsert([point(1, "a")], update_filter={"must": [{"key": "a", "match": {"x": 1}}]})
    with pytest.raises(BadInput, match="name each point once"):
        docs.upsert([point(1, "a"), point(1, "b")], update_filter={"number": 1})
    assert texts(docs) == {}


def test_a_restart_gives_the_state_that_conditions_left(tmp_path: Path) -> None:
    def state(client: ruvector.RuvectorClient) -> list[Any]:
        records, _ = client.scroll("c", limit=100, with_vectors=True)
        return [(r.id, r.payload, r.vector.tolist()) for r in records]

    with ruvector.open(tmp_path / "database") as client:
        client.create_collection("c", dimensions=8)
        client.create_payload_index("c", "number", "integer")
        client.upsert("c", [point(number, "old") for number in range(10)])
        client.upsert("c", [point(n, "new") for n in range(12)], update_filter={"number": [1, 2]})
        client.upsert("c", [point(11, "no"), point(12, "yes")], update_mode="insert_only")
        client.update_vectors("c", [{"id": 3, "vector": [-1.0] * 8}], update_filter={"text": "old"})
        client.set_payload("c", {"deep": [1]}, filter={"number": {"gte": 9}}, key="a.b")
        client.delete_payload("c", ["a.b.deep[]"], 9)
        before = state(client)
    with ruvector.open(tmp_path / "database") as client:
        assert state(client) == before
        assert client.count("c", {"number": {"lt": 3}, "text": "new"}) == 2
