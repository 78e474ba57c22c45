"""Changing payloads, and several changes at once."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ruvector.client.collection import Collection
from ruvector.errors import BadInput


def payload_of(docs: Collection, point_id: Any) -> dict[str, Any]:
    """Return the payload of one point; an empty one for none."""
    (record,) = docs.retrieve([point_id])
    return record.payload or {}


def test_set_payload_merges_keys(docs: Collection) -> None:
    docs.set_payload({"color": "black", "new": [1]}, [1, 2])
    found = payload_of(docs, 1)
    assert (found["color"], found["new"], found["number"]) == ("black", [1], 1)
    assert docs.count({"color": "black"}) == 2


def test_set_payload_by_filter_touches_what_matches(docs: Collection) -> None:
    docs.set_payload({"seen": True}, filter={"color": "red"})
    assert docs.count({"seen": True}) == 14
    assert docs.count({"seen": True, "color": "red"}) == 14


def test_set_payload_with_key_merges_at_that_path(docs: Collection) -> None:
    docs.set_payload({"deep": 1}, [1], key="nested")
    docs.set_payload({"x": 2}, [1], key="nested.made")
    assert payload_of(docs, 1)["nested"] == {"half": 0.5, "deep": 1, "made": {"x": 2}}


def test_overwrite_payload_replaces_it(docs: Collection) -> None:
    docs.overwrite_payload({"only": 1}, [1])
    assert payload_of(docs, 1) == {"only": 1}
    assert payload_of(docs, 2)["number"] == 2


def test_delete_payload_deletes_keys_and_paths(docs: Collection) -> None:
    docs.delete_payload(["color", "nested.half"], [1])
    assert set(payload_of(docs, 1)) == {"number", "even", "tags", "nested"}
    assert payload_of(docs, 1)["nested"] == {}
    docs.delete_payload("tags", filter={"number": {"lt": 5}})
    assert "tags" not in payload_of(docs, 4)
    assert "tags" in payload_of(docs, 5)


def test_clear_payload_leaves_the_point(docs: Collection) -> None:
    docs.clear_payload([1])
    assert payload_of(docs, 1) == {}
    assert docs.count() == 40


def test_changed_payload_is_what_filters_see(docs: Collection) -> None:
    docs.create_payload_index("color", "keyword")
    docs.set_payload({"color": "violet"}, [7])
    assert [record.id for record in docs.iterate({"color": "violet"})] == [7]
    assert 7 not in {record.id for record in docs.iterate({"color": "green"})}
    docs.delete_payload(["color"], [7])
    assert docs.count({"color": "violet"}) == 0


def test_changes_of_payload_leave_vectors(docs: Collection, array: NDArray[np.float32]) -> None:
    docs.set_payload({"x": 1}, [3])
    docs.clear_payload([3])
    assert docs.search(array[3], limit=1)[0].id == 3


def test_batch_of_changes_is_applied_in_its_order(docs: Collection) -> None:
    results = docs.batch_update(
        [
            {"upsert": {"points": [{"id": 100, "vector": [1.0] * 8, "payload": {"a": 1}}]}},
            {"set_payload": {"payload": {"b": 2}, "ids": [100]}},
            {"delete_payload": {"keys": ["a"], "points": [100]}},
            {"delete": {"filter": {"even": True}}},
            {"clear_payload": {"ids": 1}},
            {"overwrite_payload": {"payload": {"z": 1}, "ids": [3]}},
            {"update_vectors": {"ids": [5], "vectors": np.eye(8, dtype=np.float32)[:1]}},
        ]
    )
    assert [result.status for result in results] == ["completed"] * 7
    assert payload_of(docs, 100) == {"b": 2}
    assert payload_of(docs, 1) == {}
    assert payload_of(docs, 3) == {"z": 1}
    assert docs.count() == 21
    assert docs.search(np.eye(8, dtype=np.float32)[0], limit=1)[0].id == 5


def test_batch_with_a_wrong_change_changes_nothing(docs: Collection) -> None:
    with pytest.raises(BadInput):
        docs.batch_update(
            [
                {"delete": {"ids": [1]}},
                {"upsert": {"ids": [100], "vectors": [[1.0, 2.0]]}},
            ]
        )
    assert docs.count() == 40
    assert payload_of(docs, 1)["number"] == 1


@pytest.mark.parametrize(
    "operation", [{}, {"drop": {}}, {"delete": 5}, {"delete": {"idz": [1]}}, {"upsert": {"a": 1}}]
)
def test_unknown_change_in_a_batch_is_refused(docs: Collection, operation: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        docs.batch_update([operation])
    assert docs.count() == 40
