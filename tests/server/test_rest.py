"""Does every operation reach the engine, and does every failure become the right answer?"""

import re

import pytest
from tests.server.server_harness import UUID

from ruvector import errors
from ruvector.model import requests as r
from ruvector.model.operations import OPERATIONS
from ruvector.server.answers import MAX_MESSAGE
from ruvector.server.rest import is_slow
from ruvector.server.transfers import DOWNLOAD, UPLOAD

BODIES = {
    r.CreateCollection: {"vectors": {"size": 2, "distance": "Dot"}},
    r.UpdateCollection: {},
    r.ChangeAliases: {"actions": []},
    r.WaitForIndex: {},
    r.Upsert: {"points": [{"id": 1, "vector": [1.0, 2.0]}]},
    r.UpdateVectors: {"points": [{"id": 1, "vector": [1.0, 2.0]}]},
    r.DeletePoints: {"points": [1]},
    r.DeleteVectors: {"points": [1], "vector": ["a"]},
    r.SetPayload: {"payload": {"a": 1}, "points": [1]},
    r.OverwritePayload: {"payload": {"a": 1}, "points": [1]},
    r.DeletePayload: {"keys": ["a"], "points": [1]},
    r.ClearPayload: {"points": [1]},
    r.BatchUpdate: {"operations": [{"clear_payload": {"points": [1]}}]},
    r.CreateVector: {"sparse": {}},
    r.CreateFieldIndex: {"field_name": "a", "field_schema": "keyword"},
    r.Retrieve: {"ids": [1]},
    r.Scroll: {},
    r.Count: {},
    r.QueryPoints: {"query": [1.0, 2.0]},
    r.QueryBatch: {"searches": [{"query": [1.0, 2.0]}]},
    r.Search: {"vector": [1.0, 2.0], "limit": 3},
    r.SearchBatch: {"searches": [{"vector": [1.0, 2.0], "limit": 3}]},
    r.QueryGroups: {"group_by": "a"},
    r.SearchGroups: {"vector": [1.0], "group_by": "a", "limit": 3, "group_size": 1},
    r.Recommend: {"positive": [1], "limit": 3},
    r.RecommendBatch: {"searches": [{"positive": [1], "limit": 3}]},
    r.RecommendGroups: {"positive": [1], "group_by": "a", "limit": 3, "group_size": 1},
    r.Discover: {"target": 1, "limit": 3},
    r.DiscoverBatch: {"searches": [{"target": 1, "limit": 3}]},
    r.Facet: {"key": "a"},
    r.RecoverSnapshot: {"location": "a.snapshot"},
    r.RecoverShardSnapshot: {"location": "a.snapshot"},
    r.RecoverFullSnapshot: {"location": "a.snapshot"},
}
IN_JSON = [each for each in OPERATIONS if each.request not in DOWNLOAD | UPLOAD]


@pytest.mark.parametrize("operation", IN_JSON, ids=lambda each: each.name)
def test_every_operation_reaches_the_engine_and_answers_in_the_envelope(server, engine, operation):
    engine.answers[r.GetCollection] = True
    names = {"collection": "docs", "field_name": "a", "id": "1", "vector_name": "v", "shard": "0"}
    path = operation.path.format(**names, snapshot_name="a.snapshot")
    answer = server(operation.method, path, BODIES.get(operation.request, b""))
    assert answer.status == 200, answer.text
    assert type(engine.requests[-1]) is operation.request
    assert set(answer.json()) == {"result", "status", "time"}
    assert answer.json()["status"] == "ok"
    assert 0 <= answer.json()["time"] < 60
    assert answer.headers["content-type"] == "application/json"
    assert int(answer.headers["content-length"]) == len(answer.body)


def error_classes():
    found, waiting = [], [errors.RuvectorError]
    while waiting:
        each = waiting.pop()
        found.append(each)
        waiting += each.__subclasses__()
    found = [each for each in found if each.__module__ == "ruvector.errors"]
    return sorted(found, key=lambda each: each.__name__)


@pytest.mark.parametrize("kind", error_classes(), ids=lambda each: each.__name__)
def test_every_error_has_its_status_and_prefix(server, engine, kind):
    if kind is errors.ConnectionFailed:
        pytest.skip("the client's own")
    engine.answers[r.Count] = kind("the reason")
    answer = server("POST", "/collections/docs/points/count", {})
    assert answer.status == kind.http_status
    if kind is errors.Unauthorized:
        assert answer.text == "the reason"
        assert answer.headers["content-type"].startswith("text/plain")
        return
    assert answer.error == kind.prefix + "the reason"
    assert set(answer.json()) == {"status", "time"}
    retries = issubclass(kind, errors.Unavailable | errors.RateLimited)
    assert ("retry-after" in answer.headers) == retries


def test_unexpected_failure_shows_nothing_but_the_request_id(server, engine, caplog):
    engine.answers[r.Count] = ZeroDivisionError("secret text")
    answer = server("POST", "/collections/docs/points/count", {}, [("x-request-id", "abc-1")])
    assert answer.status == 500
    assert answer.error.startswith("Service internal error: ")
    assert "abc-1" in answer.error
    assert "secret" not in answer.text and "ZeroDivision" not in answer.text
    assert "abc-1" in caplog.text and "secret" in caplog.text


def test_error_text_is_capped_and_always_valid_json(server, engine):
    engine.answers[r.Count] = errors.BadInput("\ud800\n" + "x" * 10 * MAX_MESSAGE)
    answer = server("POST", "/collections/docs/points/count", {})
    assert answer.status == 400
    assert len(answer.error) < MAX_MESSAGE + 50


@pytest.mark.parametrize("name", ["x-request-id", "x-tracing-id", "traceparent"])
@pytest.mark.parametrize("given", ["abc", "x" * 128])
def test_request_id_comes_back(server, name, given):
    assert server("GET", "/", headers=[(name, given)]).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "é", "a\tb", None])
def test_request_without_a_harmless_id_gets_one_of_its_own(server, given):
    headers = [] if given is None else [("x-request-id", given)]
    made = [server("GET", "/collections", headers=headers).headers["x-request-id"] for _ in "ab"]
    assert all(re.fullmatch("[0-9a-f]{16}-[0-9a-f]+", each) for each in made)
    assert made[0] != made[1]


def test_head_answers_like_get_without_a_body(server):
    answer = server("HEAD", "/collections")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


def test_short_create_becomes_the_long_request(server, engine):
    body = {"name": "docs", "dimensions": 4, "distance": "euclid", "metadata": {"a": 1}}
    assert server("POST", "/collections", body).result is True
    request = engine.collections["docs"]
    assert request.vectors == {"size": 4, "distance": "Euclid"}
    assert request.metadata == {"a": 1}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        ({"dimensions": 4}, 400),
        ({"name": 3, "dimensions": 4}, 400),
        ({"name": "a"}, 400),
        ({"name": "a", "dimensions": 4, "distance": "hamming"}, 422),
        ({"name": "a", "dimensions": 4, "distance": 4}, 422),
        ({"name": "a", "dimensions": 4, "colour": "red"}, 400),
        ({"name": "a", "dimensions": 4, "vectors": {}}, 400),
    ],
)
def test_short_create_refuses_what_it_cannot_mean(server, engine, body, status):
    assert server("POST", "/collections", body).status == status
    assert engine.collections == {}


def test_one_point_is_deleted_by_its_path(server, engine):
    answer = server("DELETE", f"/collections/docs/points/{UUID}?wait=true")
    assert answer.result == {"operation_id": 7, "status": "completed"}
    assert engine.requests[-1].points == [UUID]


@pytest.mark.parametrize(
    "query",
    ["wait=maybe", "timeout=-1", "timeout=9" + "9" * 5000, "wait=%ff", "&".join("a=1" * 1000)],
)
def test_bad_query_strings_are_refused(server, query):
    answer = server("PUT", f"/collections/c/points?{query}", BODIES[r.Upsert])
    assert answer.status == 400 or "a=1" in query


@pytest.mark.parametrize("value", ["²", "0", "-1", "9" * 5000, "all of them"])
def test_bad_consistency_is_refused(server, value):
    from urllib.parse import quote

    answer = server("POST", f"/collections/c/points/count?consistency={quote(value)}", {})
    assert answer.status == 400


@pytest.mark.parametrize(
    ("body", "slow"),
    [
        (b'{"query": [1, 2], "limit": 3}', False),
        (b'{"query": 3}', False),
        (b'{"query": [1, 2], "filter": {"must": []}}', True),
        (b'{"filter": {"must": [{"is_empty": {"key": "a"}}]}, "query": [1, 2]}', True),
        (b'{"prefetch": [{"query": [1, 2]}], "query": {"fusion": "rrf"}}', True),
        (b'{"query": [1, 2], "params": {"exact": true}}', True),
        (b'{"query": [1, "filter"', True),  # no JSON: found out when it is decoded
    ],
)
def test_words_of_slow_searches_are_seen_around_the_vector(body, slow):
    assert is_slow(body) == slow
