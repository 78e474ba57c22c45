"""Does a single node say that it is one, and answer for its only shard?"""

import pytest

from ruvector.model import requests as r
from ruvector.server.standalone import NEEDS_CLUSTER

STANDALONE = "Qdrant is running in standalone mode"


def test_cluster_is_disabled(server):
    assert server("GET", "/cluster").result == {"status": "disabled"}


@pytest.mark.parametrize(
    ("method", "path"), [(m, p) for m, p, _ in NEEDS_CLUSTER], ids=lambda part: part
)
def test_what_needs_a_cluster_is_405(server, method, path):
    target = path.format(peer_id="3", key="a", collection="c")
    answer = server(method, target, b"{}" if method != "GET" else b"")
    assert answer.status == 405
    assert answer.error == STANDALONE


def test_collection_has_one_shard_on_this_node(database):
    database("PUT", "/collections/c", {"vectors": {"size": 2, "distance": "Dot"}})
    points = [{"id": n, "vector": [n, 1]} for n in (1, 2, 3)]
    database("PUT", "/collections/c/points?wait=true", {"points": points})
    found = database("GET", "/collections/c/cluster").result
    assert 0 < found.pop("peer_id") < 2**53
    assert found == {
        "shard_count": 1,
        "local_shards": [{"shard_id": 0, "points_count": 3, "state": "Active"}],
        "remote_shards": [],
        "shard_transfers": [],
    }
    assert database("GET", "/collections/c/shards").result == {"shard_keys": None}
    for path in ("cluster", "shards"):
        assert database("GET", f"/collections/missing/{path}").status == 404
    shard = "/collections/c/shards/0"
    whole = database("POST", "/collections/c/points", {"ids": [3, 1]}).result
    assert database("POST", f"{shard}/points", {"ids": [3, 1]}).result == whole
    assert len(database("POST", f"{shard}/points/scroll", {"limit": 2}).result["points"]) == 2
    assert database("POST", f"{shard}/points/count", {}).result == {"count": 3}
    done = database("POST", f"{shard}/cleanup?wait=true").result
    assert done == {"operation_id": 1, "status": "completed"}


@pytest.mark.parametrize("path", ["points", "points/scroll", "points/count", "cleanup"])
@pytest.mark.parametrize(
    ("shard", "status"), [("1", 404), ("-1", 400), ("x", 400), ("9" * 99, 400)]
)
def test_other_shards_do_not_exist(database, path, shard, status):
    database("PUT", "/collections/d", {"vectors": {"size": 2, "distance": "Dot"}})
    answer = database("POST", f"/collections/d/shards/{shard}/{path}", {"ids": [1]})
    if path == "cleanup":
        answer = database("POST", f"/collections/d/shards/{shard}/{path}")
    assert answer.status == status
    assert "hard" in answer.error


def test_shard_local_reads_are_the_reads_of_the_collection(server, engine):
    server("POST", "/collections/c/shards/0/points/scroll?timeout=3&consistency=2", {"limit": 1})
    (request,) = engine.requests
    assert request == r.Scroll(collection="c", limit=1, timeout=3, consistency="2")
