"""Does the database tell what slows it, what its maintenance does, and keep to its quotas?"""

import uuid
from pathlib import Path
from typing import Any

import pytest
from tests.contract.conftest import DIMENSIONS, POINTS

import ruvector
from ruvector.client.client import RuvectorClient
from ruvector.client.collection import Collection
from ruvector.collection.quotas import Quotas
from ruvector.errors import InvalidRequest, RuvectorError, StorageFull
from ruvector.model import requests as r
from ruvector.model.reports import Issue, QuotaConfig
from ruvector.storage import machine


def issues_of(docs: Collection) -> list[Issue]:
    return [issue for issue in docs.client.get_issues() if issue.related_collection == docs.name]


def test_unindexed_field_of_a_filter_is_an_issue_with_its_solution(docs: Collection) -> None:
    assert issues_of(docs) == []
    docs.count({"color": "red"})
    docs.count({"color": "blue"})
    (issue,) = issues_of(docs)
    assert issue.times == 2
    assert issue.payloads_read >= POINTS
    assert "color" in issue.description
    action = issue.solution.immediate.action
    assert action.method == "PUT"
    assert action.uri == f"/collections/{docs.name}/index"
    assert action.body == {"field_name": "color", "field_schema": "keyword"}
    docs.create_payload_index(action.body["field_name"], action.body["field_schema"])
    assert issues_of(docs) == []
    docs.count({"color": "red"})
    assert issues_of(docs) == []


def test_cleared_issues_are_gone_until_they_come_again(docs: Collection) -> None:
    docs.count({"number": {"gte": 3}})
    assert [issue.solution.immediate.action.body for issue in issues_of(docs)] == [
        {"field_name": "number", "field_schema": "float"}
    ]
    assert docs.client.clear_issues()
    assert issues_of(docs) == []
    docs.count({"number": {"gte": 3}})
    assert len(issues_of(docs)) == 1


def test_optimizations_tell_what_is_due_and_what_was_done(
    client: RuvectorClient, name: str, array: Any
) -> None:
    client.create_collection(name, DIMENSIONS)
    client.upsert(name, ids=range(POINTS), vectors=array)
    before = client.get_optimizations(name, ["queued", "completed", "idle_segments"])
    assert before.running == before.queued == before.completed == []
    assert [segment.points_count for segment in before.idle_segments or ()] == [POINTS]
    assert before.summary.idle_segments == 1
    client.wait_for_index(name, 60)
    after = client.get_optimizations(name, completed_limit=5)
    assert after.queued is after.idle_segments is None
    assert [done.optimizer for done in after.completed or ()] == ["seal"]
    (seal,) = after.completed or ()
    assert seal.status == "done"
    assert seal.segments == before.idle_segments
    assert str(uuid.UUID(seal.uuid)) == seal.uuid
    assert seal.progress.started_at <= (seal.progress.finished_at or "")
    assert (seal.progress.duration_sec or 0) > 0
    assert client.get_optimizations(name).completed is None
    assert client.get_optimizations(name, completed_limit=0).completed == []


@pytest.mark.parametrize(
    ("fields", "message"), [({"with_": ["all"]}, "'all'"), ({"completed_limit": -1}, "-1")]
)
def test_wrong_questions_about_optimizations_are_refused(
    client: RuvectorClient, name: str, fields: dict[str, Any], message: str
) -> None:
    client.create_collection(name, 2)
    with pytest.raises(RuvectorError, match=message):
        client._transport.execute(r.GetOptimizations(collection=name, **fields))


@pytest.fixture
def quotas(client: RuvectorClient) -> Any:
    """Return the client's method to set quotas; they are taken away afterwards."""
    yield client.update_quotas
    client.update_quotas()


def test_quotas_are_kept_and_shown_beside_the_usage(client: RuvectorClient, quotas: Any) -> None:
    assert client.get_quotas().config == QuotaConfig()
    assert quotas(enabled=False, max_resident_memory_percent=100, release_margin_percent=0)
    status = client.get_quotas()
    assert status.config == QuotaConfig(
        enabled=False, max_resident_memory_percent=100, release_margin_percent=0
    )
    assert 0 <= (status.usage.disk_usage_percent or 0) <= 100
    assert status.usage.resident_memory_percent is not None


def test_beyond_a_quota_only_what_frees_space_is_taken(
    docs: Collection, quotas: Any, array: Any, new_name: Any
) -> None:
    if not docs.client.get_quotas().usage.disk_usage_percent:
        pytest.skip("less than 1 % of the disk is used")
    docs.create_payload_index("color", "keyword")
    quotas(enabled=True, max_disk_usage_percent=1)
    for write in (
        lambda: docs.upsert(ids=[1], vectors=array[:1]),
        lambda: docs.update_vectors(ids=[1], vectors=array[:1]),
        lambda: docs.set_payload({"a": 1}, [1]),
        lambda: docs.overwrite_payload({"a": 1}, [1]),
        lambda: docs.create_payload_index("number", "integer"),
        lambda: docs.client.create_collection(new_name(), 2),
        lambda: docs.batch_update([{"delete": {"ids": [1]}}, {"set_payload": {"payload": {}}}]),
    ):
        with pytest.raises(StorageFull, match=r"max_disk_usage_percent is 1.*PUT /quotas"):
            write()
    docs.delete([1])
    docs.delete_payload("even", [2])
    docs.delete_payload_index("color")
    assert docs.count() == POINTS - 1
    assert len(docs.search(array[0], limit=3)) == 3
    quotas(enabled=False, max_disk_usage_percent=1)
    docs.upsert(ids=[1], vectors=array[:1])


@pytest.mark.parametrize(
    "limits",
    [
        {"max_resident_memory_percent": 0},
        {"max_disk_usage_percent": 101},
        {"release_margin_percent": -1},
    ],
)
def test_quotas_out_of_range_are_refused(quotas: Any, limits: dict[str, int]) -> None:
    (name,) = limits
    with pytest.raises(InvalidRequest, match=name):
        quotas(**limits)


def test_quotas_hold_after_a_restart(tmp_path: Path) -> None:
    with ruvector.open(tmp_path / "d") as client:
        client.update_quotas(enabled=True, max_resident_memory_percent=90)
        kept = client.get_quotas().config
    with ruvector.open(tmp_path / "d") as client:
        assert client.get_quotas().config == kept
    with ruvector.open(tmp_path / "d", read_only=True) as client:
        assert client.get_quotas().config == kept


def test_a_resource_is_refused_until_it_is_a_margin_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = {"percent": 79}
    monkeypatch.setattr(machine, "memory_percent", lambda: used["percent"])
    quotas = Quotas(tmp_path)
    quotas.use(QuotaConfig(enabled=True, max_resident_memory_percent=80, release_margin_percent=3))
    refused = []
    for used["percent"] in (79, 80, 79, 78, 77, 76, 79, 80):
        refused.append(quotas.exceeded()["resident_memory"])
    assert refused == [False, True, True, True, False, False, False, True]
    assert quotas.exceeded()["disk_usage"] is None
