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


@pytest.mark.parametrize("level", [0, 1, 2, 3, 4, 10])
def test_telemetry(client: QdrantClient, two: str, level: int) -> None:
    client.create_payload_index(two, "n", models.PayloadSchemaType.INTEGER)
    found = client.http.service_api.telemetry(details_level=level, per_collection=True).result
    assert isinstance(found, models.TelemetryData)
    assert found.cluster == models.ClusterTelemetry(enabled=False)
    assert found.collections.number_of_collections >= 1
    assert found.requests is not None
    assert two in (found.requests.rest.per_collection_responses or {})
    assert (found.memory is not None) == (found.quota is not None) == (level > 0)
    if level < 2:
        return
    (ours,) = [each for each in found.collections.collections or () if each.id == two]
    assert ours.config.params.vectors.size == 2
    assert (ours.shards is not None) == (level > 2)
    if level < 3:
        return
    local = ours.shards[0].local
    assert local.num_points == local.num_vectors == 2
    assert local.optimizations.status == "ok"
    assert (local.segments is not None) == (level > 3)
    if level > 3:
        (segment,) = local.segments
        assert segment.info.num_points == 2
        assert segment.info.index_schema["n"].points == 2


def test_anonymous_telemetry_names_nothing(client: QdrantClient, name: str) -> None:
    params = models.VectorParams(size=2, distance=models.Distance.DOT)
    client.create_collection(
        name,
        vectors_config={
            "secret_vector": params,
            "secret_matrix": models.VectorParams(
                size=2,
                distance=models.Distance.DOT,
                multivector_config=models.MultiVectorConfig(
                    comparator=models.MultiVectorComparator.MAX_SIM
                ),
            ),
        },
        strict_mode_config=models.StrictModeConfig(
            enabled=True,
            multivector_config={"secret_matrix": models.StrictModeMultivector(max_vectors=9)},
        ),
        sparse_vectors_config={"secret_sparse": models.SparseVectorParams()},
        metadata={"secret": "secret text"},
    )
    client.create_payload_index(name, "secret_field", models.PayloadSchemaType.INTEGER)
    api = client.http.service_api
    known = api.telemetry(details_level=9, per_collection=True).result.model_dump_json()
    for word in (f'"{name}"', "secret_vector", "secret_sparse", "secret text"):
        assert word in known
    hidden = api.telemetry(details_level=9, per_collection=True, anonymize=True).result
    text = hidden.model_dump_json()
    assert "secret" not in text
    assert f'"{name}"' not in text
    assert hidden.collections.number_of_collections == len(hidden.collections.collections)


def test_cluster_of_one_node(client: QdrantClient, two: str) -> None:
    assert client.cluster_status().status == "disabled"
    info = client.collection_cluster_info(two)
    assert [shard.points_count for shard in info.local_shards] == [2]
    assert not info.remote_shards
    assert client.list_shard_keys(two).shard_keys is None
    with pytest.raises(UnexpectedResponse, match="standalone mode") as error:
        client.create_shard_key(two, "a")
    assert error.value.status_code == 405
    with pytest.raises(UnexpectedResponse, match="shard_key") as error:
        client.scroll(two, shard_key_selector="a")
    assert error.value.status_code == 400
    found, _ = client.scroll(two, consistency=models.ReadConsistencyType.ALL)
    assert len(found) == 2
