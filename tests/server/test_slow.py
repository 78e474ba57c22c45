"""Are slow requests told of, without what they say?"""

import logging
import re

import msgspec
import pytest
from tests.server.server_harness import answered

from ruvector.model import requests as r
from ruvector.server.logs import JsonLines
from ruvector.server.slow import LINES_A_SECOND, SHOWN, SlowRequests, shape

FILTER = {
    "must": [
        {"key": "user.mail", "match": {"value": "canary@example.com"}},
        {"key": "age", "range": {"gte": 4711, "lt": 4712}},
        {"has_id": ["550e8400-e29b-41d4-a716-446655440000"]},
    ]
}
SECRETS = re.compile("canary|4711|4712|550e8400|0[.]125|hidden")


@pytest.mark.parametrize(
    "request_struct",
    [
        r.QueryPoints(
            collection="docs",
            query={"nearest": [0.125, 4711.0]},
            filter=FILTER,
            prefetch=[{"query": [0.125] * 3, "filter": FILTER, "limit": 7}],
            limit=3,
            params=r.SearchParams(hnsw_ef=99),
        ),
        r.SetPayload(collection="docs", payload={"hidden key": "hidden"}, filter=FILTER),
        r.Scroll(collection="docs", offset="hidden", filter=FILTER),
        r.DeletePoints(collection="docs", points=[4711, "hidden"]),
        r.Search(collection="docs", vector={"name": "a", "vector": [0.125]}, limit=3),
    ],
)
def test_shape_shows_names_and_sizes_and_no_value(request_struct):
    text = msgspec.json.encode(shape(request_struct)).decode()
    assert not SECRETS.search(text), text
    if getattr(request_struct, "filter", None):
        assert "user.mail" in text and "gte" in text


def test_shape_shows_settings():
    found = shape(
        r.QueryPoints(collection="docs", limit=3, params=r.SearchParams(hnsw_ef=99, exact=False))
    )
    assert (found["limit"], found["params"]["hnsw_ef"], found["params"]["exact"]) == (3, 99, False)


def test_shape_is_bounded():
    deep = wide = {"key": "x" * 1000, "match": list(range(10_000))}
    for _ in range(60):
        deep = {"must": [deep] * 3}
    text = msgspec.json.encode(shape(r.Count(collection="c", filter={"should": [wide] * 10_000})))
    assert len(text) < 10_000
    assert len(msgspec.json.encode(shape(r.Count(collection="c", filter=deep)))) < 10_000


def test_slowest_are_kept_and_equal_ones_counted():
    slow = SlowRequests(None)
    for n in range(2 * SHOWN):
        slow.add(answered(n, r.Count(collection="docs", filter={"key": str(n)})))
    again = r.Count(collection="docs", filter={"key": "40"})
    slow.add(answered(1, again))
    slow.add(answered(100, again))
    slow.add(answered(5, label="Scroll"))
    found = slow.slowest(1000, "")
    assert len(found) == SHOWN + 1
    assert [each.duration for each in found[:3]] == [100, 63, 62]
    assert found[0].approx_count == 3
    assert [each.request_name for each in slow.slowest(1000, "SCR")] == ["Scroll"]
    assert len(slow.slowest(2, "count")) == 2


def test_lines_are_written_above_the_threshold_and_bounded(caplog):
    second = [0.0]
    slow = SlowRequests(0.5, clock=lambda: second[0])
    for _ in range(LINES_A_SECOND + 5):
        slow.add(answered(0.7, r.Count(collection="docs", filter=FILTER)))
    second[0] = 1.0
    slow.add(answered(0.8))
    lines = [msgspec.json.decode(JsonLines().format(record)) for record in caplog.records]
    assert len(lines) == LINES_A_SECOND + 1
    assert lines[0]["request_id"] == "id-1" and lines[0]["seconds"] == 0.7
    assert not SECRETS.search(str(lines))
    assert "left_out" not in lines[0] and lines[-1]["left_out"] == 5


def test_nothing_is_logged_without_a_threshold(caplog):
    SlowRequests(None).add(answered(100.0))
    assert not caplog.records


def test_server_keeps_and_logs_what_was_slow(serve, engine, caplog):
    caplog.set_level(logging.WARNING)
    server = serve(slow_query_secs=0.0)
    server("POST", "/collections/docs/points/count", {"filter": FILTER})
    server("GET", "/livez")
    found = server("GET", "/profiler/slow_requests").result["requests"]
    assert [each["request_name"] for each in found] == ["Count"]
    assert found[0]["collection_name"] == "docs" and found[0]["duration"] > 0
    assert not SECRETS.search(str(found) + caplog.text)
    assert "slow request" in caplog.text
    assert server("GET", "/profiler/slow_requests?request=scroll").result["requests"] == []
    for wrong in ("0", "x", "1001", "-1", "9999999999"):
        assert server("GET", f"/profiler/slow_requests?limit={wrong}").status == 400
