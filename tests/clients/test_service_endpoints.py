"""Can the official client read what a server says about itself, and set its quotas?"""

import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse


@pytest.fixture
def two(client: QdrantClient, name: str) -> str:
    """Return the name of a new collection of two points."""
    params = models.VectorParams(size=2, distance=models.Distance.DOT)
    client.create_collection(name, vectors_config=params)
    points = [models.PointStruct(id=n, vector=[n, 1], payload={"n": n}) for n in (1, 2)]
    client.upsert(name, points, wait=True)
    return name


def test_optimizations(client: QdrantClient, two: str) -> None:
    report = client.get_optimizations(
        two,
        completed_limit=3,
        with_=["queued", "idle_segments"],
    )
    assert report.running == report.queued == report.completed == []
    assert [segment.points_count for segment in report.idle_segments or ()] == [2]


def test_issues(client: QdrantClient, two: str) -> None:
    condition = models.FieldCondition(key="n", match=models.MatchValue(value=1))
    assert client.count(two, count_filter=models.Filter(must=[condition])).count == 1
    api = client.http.beta_api
    found = api.get_issues()["result"]["issues"]
    ids = [issue["id"] for issue in found if issue["related_collection"] == two]
    assert ids == [f"UNINDEXED_FIELD/{two}/n/integer"]
    assert api.clear_issues().result is True
    assert api.get_issues()["result"]["issues"] == []


def test_quotas(client: QdrantClient, two: str) -> None:
    api = client.http.quotas_api
    config = models.QuotaConfig(enabled=True, max_disk_usage_percent=1)
    try:
        assert api.update_quotas(wait=True, quota_config=config).result is True
        status = api.get_quotas().result
        assert status is not None
        assert status.config == config
        if (status.usage.disk_usage_percent or 0) >= 1:
            with pytest.raises(UnexpectedResponse, match="Insufficient storage") as error:
                client.set_payload(two, {"a": 1}, points=[1])
            assert error.value.status_code == 507
    finally:
        api.update_quotas(quota_config=models.QuotaConfig())
