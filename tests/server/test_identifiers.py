"""Does a plain client see and send only integers and UUIDs, and ours every string?"""

import pytest
from tests.server.server_harness import UUID

from ruvector.model import requests as r
from ruvector.model.ids import wire_id
from ruvector.model.points import Hit
from ruvector.server.identifiers import convert_result

C = "/collections/docs"
OURS = [("ruvector-ids", "original")]
READS = [
    ("POST", f"{C}/points/query", {"query": [1.0]}, lambda result: result["points"]),
    (
        "POST",
        f"{C}/points/query/batch",
        {"searches": [{"query": [1.0]}]},
        lambda result: result[0]["points"],
    ),
    ("POST", f"{C}/points/search", {"vector": [1.0], "limit": 3}, lambda result: result),
    (
        "POST",
        f"{C}/points/search/batch",
        {"searches": [{"vector": [1.0], "limit": 3}]},
        lambda result: result[0],
    ),
    ("POST", f"{C}/points/scroll", {}, lambda result: result["points"]),
]


@pytest.mark.parametrize(("method", "path", "body", "points"), READS)
def test_plain_clients_see_strings_as_uuids(server, method, path, body, points):
    found = points(server(method, path, body).result)
    assert [each["id"] for each in found] == [1, UUID, wire_id("a string")]
    found = points(server(method, path, body, OURS).result)
    assert [each["id"] for each in found] == [1, UUID, "a string"]


def test_next_page_offset_is_an_id_too(server):
    assert server("POST", f"{C}/points/scroll", {}).result["next_page_offset"] == wire_id(
        "next one"
    )
    ours = server("POST", f"{C}/points/scroll", {}, OURS).result
    assert ours["next_page_offset"] == "next one"


HAS_ID = {"must": [{"has_id": [1, "word"]}]}
PAIR = {"positive": 3, "negative": "word"}
GROUPS = {"group_by": "a", "limit": 1, "group_size": 1}
WRITES = [
    ("GET", f"{C}/points/word", b""),
    ("DELETE", f"{C}/points/word", b""),
    ("POST", f"{C}/points", {"ids": [1, "word"]}),
    ("PUT", f"{C}/points", {"points": [{"id": "word", "vector": [1.0]}]}),
    ("PUT", f"{C}/points", {"batch": {"ids": ["word"], "vectors": [[1.0]]}}),
    ("PUT", f"{C}/points/vectors", {"points": [{"id": "word", "vector": [1.0]}]}),
    ("POST", f"{C}/points/delete", {"points": ["word"]}),
    ("POST", f"{C}/points/vectors/delete", {"points": ["word"], "vector": ["a"]}),
    ("POST", f"{C}/points/payload", {"points": ["word"], "payload": {"a": 1}}),
    ("PUT", f"{C}/points/payload", {"points": ["word"], "payload": {"a": 1}}),
    ("POST", f"{C}/points/payload/delete", {"points": ["word"], "keys": ["a"]}),
    ("POST", f"{C}/points/payload/clear", {"points": ["word"]}),
    ("POST", f"{C}/points/batch", {"operations": [{"clear_payload": {"points": ["word"]}}]}),
    ("POST", f"{C}/points/scroll", {"offset": "word"}),
    ("POST", f"{C}/points/scroll", {"filter": {"must": [{"has_id": [1, "word"]}]}}),
    ("POST", f"{C}/points/count", {"filter": {"should": {"must_not": [{"has_id": ["word"]}]}}}),
    ("POST", f"{C}/points/query", {"query": "word"}),
    ("POST", f"{C}/points/query", {"query": {"nearest": "word"}}),
    ("POST", f"{C}/points/query/batch", {"searches": [{"query": "word"}]}),
    ("POST", f"{C}/points/query", {"query": {"recommend": {"positive": [1, "word"]}}}),
    ("POST", f"{C}/points/query", {"query": {"discover": {"target": 1, "context": PAIR}}}),
    ("POST", f"{C}/points/query", {"query": 1, "prefetch": {"prefetch": [{"query": "word"}]}}),
    ("POST", f"{C}/points/query", {"query": 1, "prefetch": {"filter": HAS_ID}}),
    ("POST", f"{C}/points/query/groups", {"query": "word", "group_by": "a"}),
    ("POST", f"{C}/points/search/groups", {**GROUPS, "vector": [1], "filter": HAS_ID}),
    ("POST", f"{C}/points/recommend", {"positive": ["word"], "limit": 1}),
    ("POST", f"{C}/points/recommend/batch", {"searches": [{"negative": ["word"], "limit": 1}]}),
    ("POST", f"{C}/points/recommend/groups", {**GROUPS, "positive": ["word"]}),
    ("POST", f"{C}/points/discover", {"target": "word", "limit": 1}),
    ("POST", f"{C}/points/discover", {"context": PAIR, "limit": 1}),
    ("POST", f"{C}/facet", {"key": "a", "filter": HAS_ID}),
    ("POST", f"{C}/points/search/matrix/pairs", {"filter": HAS_ID}),
    ("POST", f"{C}/points/search/matrix/offsets", {"filter": HAS_ID}),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_words_as_ids_are_ours_alone(server, engine, method, path, body):
    answer = server(method, path, body)
    assert answer.status == 400
    assert answer.error == (
        "Wrong input: value word is not a valid point ID, "
        "valid values are either an unsigned integer or a UUID"
    )
    assert engine.requests == []
    assert server(method, path, body, OURS).status == 200
    assert len(engine.requests) == 1


@pytest.mark.parametrize("value", [0, 2**64 - 1, UUID, UUID.replace("-", ""), f"urn:uuid:{UUID}"])
def test_integers_and_uuids_are_everybodys(server, engine, value):
    for body in ({"query": value}, {"query": {"nearest": value}}):
        assert server("POST", f"{C}/points/query", body).status == 200
    assert server("POST", f"{C}/points", {"ids": [value]}).result[0]["id"] == wire_id(value)
    assert server("GET", f"{C}/points/{value}").result["id"] == wire_id(value)


@pytest.mark.parametrize("value", [-1, 2**64, 10**30])
def test_integers_out_of_range_are_refused(server, value):
    assert (
        server(
            "POST", f"{C}/points", {"ids": [value]} if value < 2**63 else b'{"ids":[%d]}' % value
        ).status
        == 400
    )
    assert server("GET", f"{C}/points/{value}").status == 400


def test_digits_without_end_are_no_id(server):
    assert server("GET", f"{C}/points/{'9' * 5000}").status == 400


def test_results_of_integers_are_not_copied():
    hits = [Hit(id=1, version=1, score=0.5)]
    assert convert_result(hits) is hits
    mixed = [*hits, Hit(id="word", version=1, score=0.5)]
    assert convert_result(mixed)[0] is hits[0]
    assert mixed[1].id == "word", "the engine's own object stays as it was"


def test_conversion_keeps_the_payload():
    from msgspec import Raw

    hit = Hit(id="word", version=4, score=0.5, payload_json=Raw(b'{"a":1}'))
    converted = convert_result([hit])[0]
    assert (converted.version, converted.payload) == (4, {"a": 1})


def test_every_request_with_ids_is_checked():
    """A new request that names points must be added to WRITES or READS above."""
    with_ids = {
        request.__name__
        for request in vars(r).values()
        if isinstance(request, type)
        and issubclass(request, r.Request)
        and {"points", "ids", "id", "offset", "filter"} & set(request.__struct_fields__)
    }
    assert with_ids == {
        "Upsert", "UpdateVectors", "DeletePoints", "DeleteVectors", "SetPayload",
        "OverwritePayload", "DeletePayload", "ClearPayload", "Retrieve", "GetPoint", "Scroll",
        "Count", "QueryPoints", "Search", "QueryGroups", "SearchGroups", "Recommend",
        "RecommendGroups", "Discover", "Facet", "MatrixPairs", "MatrixOffsets",
    }  # fmt: skip
