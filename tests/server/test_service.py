"""Does the server say the truth about itself?"""

import re

import msgspec
import pytest

from ruvector.errors import BadInput, NotFound
from ruvector.model import requests as r
from ruvector.model.operations import OPERATIONS
from ruvector.model.wire.query_fields import wire_name
from ruvector.security.tokens import sign
from ruvector.server import metrics as metrics_room
from ruvector.server.configuration import settle
from ruvector.server.specification import specification

SAMPLE = re.compile(
    r"^[a-z_]+(\{[a-z_]+=\"(?:[^\"\\\n]|\\.)*\"(,[a-z_]+=\"(?:[^\"\\\n]|\\.)*\")*\})? [0-9.e+-]+$"
)


def test_root_is_what_clients_look_for(server):
    found = server("GET", "/").json()
    assert found["title"] == "qdrant - vector search engine"
    assert found["version"] == "1.19.0"
    assert re.fullmatch("[0-9a-f]{40}", found["commit"])
    assert found["server"] == "ruvector"
    assert found["server_version"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/healthz", "healthz check passed"),
        ("/livez", "livez check passed"),
        ("/readyz", "all shards are ready"),
    ],
)
def test_health_is_plain_text(server, path, text):
    answer = server("GET", path)
    assert (answer.status, answer.text) == (200, text)


def test_short_health(server, engine):
    engine.collections = {"a": None, "b": None}
    assert server("GET", "/health").json() == {"status": "ok"}
    assert server("GET", "/ready").json() == {"status": "ready", "collections": 2}


@pytest.mark.parametrize("path", ["/readyz", "/ready"])
def test_damage_makes_the_server_unready_and_names_the_shard(server, engine, path):
    engine.trouble = {"docs": "page 7 of /var/lib/x is damaged"}
    answer = server("GET", path)
    assert answer.status == 503
    assert "docs" in answer.text
    assert "/var/lib" not in answer.text
    assert server("GET", "/livez").status == 200


def test_shutdown_turns_readiness_off_and_refuses_new_work(server, engine):
    server.application.stopping = True
    assert server("GET", "/readyz").status == 503
    assert server("GET", "/ready").status == 503
    assert server("GET", "/livez").status == 200
    answer = server("GET", "/collections")
    assert (answer.status, answer.headers["connection"]) == (503, "close")
    assert engine.requests == []


def samples(answer):
    lines = answer.text.splitlines()
    assert answer.text.endswith("\n")
    found = {}
    for line in lines:
        if not line.startswith("# "):
            assert SAMPLE.match(line), line
            name, _, value = line.rpartition(" ")
            assert name not in found
            found[name] = float(value)
    return found


def test_metrics_count_what_happened(server, engine):
    engine.collections = {"docs": None}
    for _ in range(3):
        server("POST", "/collections/docs/points/query", {"query": [1.0]})
    server("POST", "/collections/docs/points/query", b"{")
    server("GET", "/nothing")
    found = samples(server("GET", "/metrics"))
    assert found['ruvector_queries_total{collection="docs"}'] == 3
    assert found['ruvector_requests_total{operation="QueryPoints",status="200"}'] == 3
    assert found['ruvector_requests_total{operation="QueryPoints",status="400"}'] == 1
    assert found['ruvector_requests_total{operation="NoRoute",status="404"}'] == 1
    assert found["ruvector_search_latency_seconds_count"] == 3
    assert found['ruvector_search_latency_seconds_bucket{le="+Inf"}'] == 3
    assert found["ruvector_search_latency_seconds_sum"] > 0
    assert found['ruvector_vectors_total{collection="docs"}'] == 5
    assert found['app_info{name="qdrant",version="1.19.0"}'] == 1
    assert found["collections_total"] == 1
    endpoint = "/collections/{collection}/points/query"
    assert found[f'rest_responses_total{{method="POST",endpoint="{endpoint}",status="200"}}'] == 3


def test_metrics_have_a_limited_number_of_series(server, engine, monkeypatch):
    monkeypatch.setattr(metrics_room, "MAX_COLLECTIONS", 2)
    engine.collections = dict.fromkeys("abcde")
    for name in "abcde":
        server("POST", f"/collections/{name}/points/query", {"query": [1.0]})
    found = samples(server("GET", "/metrics"))
    assert found['ruvector_queries_total{collection="_other"}'] == 3
    assert found['ruvector_points_total{collection="_other"}'] == 15


def test_deleted_collection_makes_room_for_another_one(server, engine, monkeypatch):
    monkeypatch.setattr(metrics_room, "MAX_COLLECTIONS", 1)
    for name in "ab":
        server("POST", f"/collections/{name}/points/query", {"query": [1.0]})
        assert f'ruvector_queries_total{{collection="{name}"}}' in server("GET", "/metrics").text
        server("DELETE", f"/collections/{name}")
        assert f'collection="{name}"' not in server("GET", "/metrics").text


def test_metrics_do_not_count_collections_that_do_not_exist(server, engine):
    engine.answers[r.QueryPoints] = NotFound("no")
    server("POST", "/collections/made-up/points/query", {"query": [1.0]})
    assert "made-up" not in server("GET", "/metrics").text


def test_metrics_escape_names(server, engine):
    engine.collections = {'a"b\\c\nd': None}
    assert samples(server("GET", "/metrics"))['ruvector_points_total{collection="a\\"b\\\\c\\nd"}']


def test_metrics_have_the_names_that_dashboards_know(database):
    point = {"id": 1, "vector": [1.0, 0.0, 0.0]}
    assert database("PUT", "/collections/docs/points?wait=true", {"points": [point]}).status == 200
    database("POST", "/collections/docs/points/query", b"{")
    found = samples(database("GET", "/metrics"))
    expected = {
        "collections_total": 1,
        "collections_vector_total": 1,
        'collection_points{id="docs"}': 1,
        'collection_vectors{collection="docs",vector=""}': 1,
        'collection_indexed_only_excluded_points{id="docs",vector=""}': 0,
        'collection_running_optimizations{id="docs"}': 0,
        'collection_update_queue_length{id="docs"}': 0,
        'quota_exceeded{resource="disk_usage"}': 0,
        "app_status_recovery_mode": 0,
        "cluster_enabled": 0,
    }
    assert {name: found.get(name) for name in expected} == expected
    for name in (
        *("memory_resident_bytes", "memory_allocated_bytes", "process_threads", "process_open_fds"),
        *("process_max_fds", "process_open_mmaps", "process_minor_page_faults_total"),
    ):
        assert found[name] > 0, name
    labels = 'method="PUT",endpoint="/collections/{collection}/points",status="200"'
    assert found[f"rest_responses_total{{{labels}}}"] == 1
    assert found[f'rest_responses_duration_seconds_bucket{{{labels},le="+Inf"}}'] == 1
    assert found[f"rest_responses_duration_seconds_count{{{labels}}}"] == 1
    times = [found[f"rest_responses_{end}_duration_seconds{{{labels}}}"] for end in ("min", "avg")]
    assert 0 < times[0] == times[1]
    failed = {name: value for name, value in found.items() if "responses_fail_total{" in name}
    assert list(failed.values()) == [1] and "/points/query" in next(iter(failed))


def test_metrics_have_a_prefix_where_one_is_set(serve):
    server = serve(metrics_prefix="qdrant_")
    text = server("GET", "/metrics").text
    assert "qdrant_collections_total 0" in text and "qdrant_ruvector_requests_pending" in text
    assert all(line.startswith(("qdrant_", "# HELP qdrant_", "# TYPE qdrant_"))
               for line in text.splitlines())  # fmt: skip


@pytest.mark.parametrize("prefix", ["1a", "a b", "a\n", "é", "x" * 65, "a{"])
def test_prefix_that_no_metric_can_have_is_refused(prefix):
    with pytest.raises(BadInput, match="metrics_prefix"):
        settle({}, {"QDRANT__SERVICE__METRICS_PREFIX": prefix}, {})


def test_families_of_metrics_are_declared_once(database):
    text = database("GET", "/metrics").text
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names)) > 40


def test_telemetry_is_small_and_true(server, engine):
    engine.collections = {"a": None}
    result = server("GET", "/telemetry").result
    assert result["app"]["name"] == "ruvector"
    assert result["collections"]["number_of_collections"] == 1


def test_telemetry_tells_requests_by_endpoint_and_collection(server, engine):
    engine.collections = {"docs": None}
    for _ in range(2):
        server("POST", "/collections/docs/points/query", {"query": [1.0]})
    server("POST", "/collections/docs/points/query", b"{")
    server("GET", "/collections/made-up/exists")
    endpoint = "POST /collections/{collection}/points/query"
    requests = server("GET", "/telemetry").result["requests"]["rest"]
    assert set(requests["responses"][endpoint]) == {"200", "400"}
    found = requests["responses"][endpoint]["200"]
    assert found["count"] == 2
    assert 0 < found["min_duration_micros"] <= found["avg_duration_micros"]
    assert found["avg_duration_micros"] <= found["max_duration_micros"]
    assert found["max_duration_micros"] < found["total_duration_micros"] + 1
    assert "per_collection_responses" not in requests
    requests = server("GET", "/telemetry?per_collection=true").result["requests"]["rest"]
    assert set(requests["per_collection_responses"]) == {"docs"}
    assert requests["per_collection_responses"]["docs"][endpoint]["200"]["count"] == 2


def test_metrics_tell_responses_by_collection_where_asked(server, engine):
    engine.collections = {"docs": None}
    server("POST", "/collections/docs/points/query", {"query": [1.0]})
    sample = (
        'rest_responses_total{method="POST",endpoint="/collections/{collection}/points/query",'
        'status="200",collection="docs"}'
    )
    assert samples(server("GET", "/metrics?per_collection=true"))[sample] == 1
    assert sample not in samples(server("GET", "/metrics"))
    anonymous = server("GET", "/metrics?per_collection=true&anonymize=true").text
    assert "docs" not in anonymous
    assert 'status="200",collection="' in anonymous


@pytest.mark.parametrize(
    ("query", "status"),
    [("details_level=x", 400), ("anonymize=1", 400), ("timeout=0", 422), ("details_level=-1", 400)],
)
def test_wrong_questions_about_telemetry_are_refused(server, query, status):
    assert server("GET", f"/telemetry?{query}").status == status


def test_specification_has_every_operation(server):
    found = server("GET", "/openapi.json").json()
    assert found["openapi"] == "3.1.0"
    for operation in OPERATIONS:
        entry = found["paths"][operation.path][operation.method.lower()]
        assert entry["operationId"] == operation.name
        assert entry["summary"]
        declared = {each["name"] for each in entry["parameters"]}
        assert declared >= {wire_name(field) for field in operation.query_fields}
        assert ("requestBody" in entry) == (operation.method not in ("GET", "DELETE"))
    served = {
        (route.path, route.method.lower())
        for route in server.application.router.routes
        if not route.path.startswith(("/docs", "/openapi"))
    }
    described = {(path, method) for path, entries in found["paths"].items() for method in entries}
    assert served == described


def test_specification_is_whole():
    document = specification()
    text = msgspec.json.encode(document).decode()
    for reference in set(re.findall(r'"\$ref":"#/components/schemas/([^"]+)"', text)):
        assert reference in document["components"]["schemas"], reference
    ids = [
        entry["operationId"]
        for entries in document["paths"].values()
        for entry in entries.values()
        if "operationId" in entry
    ]
    assert len(ids) == len(set(ids))


def test_pages_come_from_this_server_alone(server):
    page = server("GET", "/docs")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "http://" not in page.text and "https://" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "script-src" not in policy
    assert re.findall(r"<script(?![^>]*src=)", page.text) == []
    for path in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        answer = server("GET", path)
        assert answer.status == 200, path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert len(answer.body) > 50


@pytest.mark.parametrize(
    "name", ["../x", "..%2f..%2fswagger_ui_bundle.py", "index.html", "%00", "a"]
)
def test_no_other_file_is_served(server, name):
    assert server("GET", f"/docs/{name}").status == 404


def test_a_log_archive_that_fails_is_told_to_those_who_may_know(server, engine, serve):
    names = ("ruvector_log_archive_age_seconds", "ruvector_log_archive_failures")
    assert not any(name in server("GET", "/metrics").text for name in names)
    assert server("GET", "/telemetry?details_level=1").result["log_archive"] is None
    engine.archive = {"kept": 1e9, "failing": {"docs": 1.5e9, "b": 1.6e9}, "unreachable_since": 2e9}
    text = server("GET", "/metrics").text
    assert "ruvector_log_archive_failures 3" in text
    age = re.search(r"^ruvector_log_archive_age_seconds (\S+)$", text, re.MULTILINE)
    assert float(age[1]) > 7e8
    assert server("GET", "/telemetry?details_level=1").result["log_archive"] == {
        "kept": "2001-09-09T01:46:40.000Z",
        "failing": {"docs": "2017-07-14T02:40:00.000Z", "b": "2020-09-13T12:26:40.000Z"},
        "unreachable_since": "2033-05-18T03:33:20.000Z",
    }
    hidden = server("GET", "/telemetry?details_level=1&anonymize=true").result["log_archive"]
    assert len(hidden["failing"]) == 2 and "docs" not in hidden["failing"]
    assert "log_archive" not in server("GET", "/telemetry").result
    key = "k" * 32
    guarded = serve(api_key=key, jwt_rbac=True)
    access = [{"collection": "docs", "access": "r"}]
    token = [("api-key", sign({"access": access}, key.encode()))]
    told = guarded("GET", "/telemetry?details_level=1", headers=token).result["log_archive"]
    assert list(told["failing"]) == ["docs"]
    assert "failures 2" in guarded("GET", "/metrics", headers=token).text
