"""Is every collection that a request names judged, and every answer cut to what may be read?"""

import msgspec
import pytest

READER = {"access": [{"collection": "docs", "access": "r"}]}
WRITER = {"access": [{"collection": "docs", "access": "rw"}]}
BOTH = {"access": [{"collection": name, "access": "r"} for name in ("docs", "other")]}
OF_ALIAS = {"access": [{"collection": "docs-alias", "access": "r"}]}
ELSEWHERE = {"collection": "other"}
POINTS = "/collections/docs/points"
LOOKUPS = {
    "query": ("query", {"query": 1, "lookup_from": ELSEWHERE}),
    "by alias": ("query", {"query": 1, "lookup_from": {"collection": "other-alias"}}),
    "prefetch": (
        "query",
        {"prefetch": {"query": 1, "lookup_from": ELSEWHERE, "limit": 2}, "query": [1, 1]},
    ),
    "deep prefetch": (
        "query",
        {
            "query": {"fusion": "rrf"},
            "prefetch": [
                {"query": [1, 1]},
                {"query": [1, 1], "prefetch": [{"prefetch": [
                    {"query": {"recommend": {"positive": [1]}}, "lookup_from": ELSEWHERE}
                ], "query": [0, 1]}]},
            ],
        },
    ),
    "batch": (
        "query/batch", {"searches": [{"query": [1, 1]}, {"query": 1, "lookup_from": ELSEWHERE}]}
    ),
    "groups": ("query/groups", {"query": 1, "group_by": "group", "lookup_from": ELSEWHERE}),
    "with_lookup": ("query/groups", {"query": [1, 1], "group_by": "group", "with_lookup": "other"}),
    "with_lookup as object": (
        "query/groups", {"query": [1, 1], "group_by": "group", "with_lookup": ELSEWHERE}
    ),
    "search groups": (
        "search/groups",
        {"vector": [1, 1], "limit": 2, "group_size": 1, "group_by": "group",
         "with_lookup": "other"},
    ),
    "recommend": ("recommend", {"positive": [1], "limit": 1, "lookup_from": ELSEWHERE}),
    "recommend batch": (
        "recommend/batch", {"searches": [{"positive": [1], "limit": 1, "lookup_from": ELSEWHERE}]}
    ),
    "recommend groups": (
        "recommend/groups",
        {"positive": [1], "limit": 1, "group_size": 1, "group_by": "group",
         "lookup_from": ELSEWHERE},
    ),
    "discover": ("discover", {"target": 1, "limit": 1, "lookup_from": ELSEWHERE}),
    "discover batch": (
        "discover/batch", {"searches": [{"target": 1, "limit": 1, "lookup_from": ELSEWHERE}]}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOKUPS)
def test_lookups_elsewhere_need_access_there(secured, name):
    path, body = LOOKUPS[name]
    assert secured("POST", f"{POINTS}/{path}", body, BOTH).status == 200
    refused = secured("POST", f"{POINTS}/{path}", body, READER)
    assert refused.status == 403, refused.body
    assert "kind" not in refused.text


def test_lookup_tells_nothing_of_what_exists(secured):
    def answer(collection):
        body = {"query": 1, "lookup_from": {"collection": collection}}
        found = secured("POST", f"{POINTS}/query", body, READER)
        return found.status, found.error.replace(repr(collection), "it")

    assert answer("other") == answer("nothing")
    for method, path in (("GET", ""), ("GET", "/exists"), ("POST", "/points/count")):
        there = secured(method, f"/collections/other{path}", {}, READER)
        nowhere = secured(method, f"/collections/nothing{path}", {}, READER)
        assert there.status == nowhere.status == 403
        assert there.error.replace("other", "it") == nowhere.error.replace("nothing", "it")


@pytest.mark.parametrize(
    ("name", "status"),
    [("docs", 200), ("docs-alias", 200), ("other", 403), ("other-alias", 403), ("none", 403)],
)
def test_aliases_are_resolved_before_judging(secured, name, status):
    assert secured("POST", f"/collections/{name}/points/count", {}, READER).status == status
    assert secured("GET", f"/collections/{name}", claims=READER).status == status


def test_what_is_granted_on_an_alias_holds_through_it(secured):
    assert secured("GET", "/collections/docs-alias", claims=OF_ALIAS).status == 200
    assert secured("GET", "/collections/docs", claims=OF_ALIAS).status == 403


PUT = {"upsert": {"points": [{"id": 9, "vector": [0, 1]}]}}
TAKE = {"delete": {"points": [9]}}


@pytest.mark.parametrize(
    ("roles", "operations", "status"),
    [
        (["write"], [PUT], 200),
        (["write"], [PUT, TAKE], 403),
        (["write"], [PUT, {"clear_payload": {"points": [9]}}], 403),
        (["write", "delete"], [PUT, TAKE], 200),
        (["prw"], [PUT, TAKE], 200),
        (["delete"], [TAKE], 403),
        (["read"], [], 403),
    ],
)
def test_each_part_of_a_batch_is_judged(secured, roles, operations, status):
    claims = {"access": [{"collection": "docs", "access": roles}]}
    answer = secured("POST", f"{POINTS}/batch", {"operations": operations}, claims)
    assert answer.status == status
    assert secured("POST", f"{POINTS}/count", {}).result == {
        "count": 4 if operations == [PUT] else 3
    }
    secured("POST", f"{POINTS}/delete", {"points": [9]})


def test_listings_show_what_may_be_read(secured):
    def listed(path, field, name, claims):
        return [each[name] for each in secured("GET", path, claims=claims).result[field]]

    for claims, expected in (
        ({"access": []}, None),
        (READER, ["docs"]),
        (BOTH, ["docs", "other"]),
        ({}, ["docs", "other"]),
        ({"access": "r"}, ["docs", "other"]),
        (OF_ALIAS, []),
    ):
        if expected is None:
            assert secured("GET", "/collections", claims=claims).status == 403
            continue
        assert listed("/collections", "collections", "name", claims) == expected
        aliases = [f"{name}-alias" for name in expected] or ["docs-alias"]
        assert listed("/aliases", "aliases", "alias_name", claims) == aliases


def test_issues_show_what_may_be_read(secured):
    for name in ("docs", "other"):
        body = {"filter": {"must": [{"key": "group", "match": {"value": 1}}]}}
        assert secured("POST", f"/collections/{name}/points/count", body).status == 200
    for claims, expected in ((READER, {"docs"}), (BOTH, {"docs", "other"})):
        issues = secured("GET", "/issues", claims=claims).result["issues"]
        assert {each["related_collection"] for each in issues} == expected


@pytest.mark.parametrize("path", ["/metrics", "/metrics?per_collection=true"])
def test_metrics_show_what_may_be_read(secured, path):
    for name in ("docs", "other"):
        body = {"vector": [1, 1], "limit": 1}
        assert secured("POST", f"/collections/{name}/points/search", body).status == 200
    assert '"other"' in secured("GET", path).text
    text = secured("GET", path, claims=READER).text
    assert '"docs"' in text
    assert "other" not in text.replace("_other", "")


def test_telemetry_shows_what_may_be_read(secured):
    secured("POST", "/collections/other/points/count", {})
    for level in range(4):
        path = f"/telemetry?details_level={level}&per_collection=true"
        assert len(
            secured("GET", path, claims=READER).result["collections"].get("collections", [])
        ) == (level > 0)
    path = "/telemetry?details_level=9&per_collection=true"
    assert b'"other"' in secured("GET", path).body
    answer = secured("GET", path, claims=READER)
    assert answer.result["collections"]["number_of_collections"] == 1
    assert b'"docs"' in answer.body
    assert b"other" not in answer.body.replace(b"_other", b"")


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_collection_is_created_where_it_may_be_managed(secured, method):
    admin = {"access": [{"collection": "mine", "access": "admin"}]}

    def create(name, claims):
        if method == "PUT":
            body = {"vectors": {"size": 2, "distance": "Dot"}}
            return secured("PUT", f"/collections/{name}", body, claims).status
        return secured("POST", "/collections", {"name": name, "dimensions": 2}, claims).status

    assert create("mine", WRITER) == 403
    assert create("mine2", admin) == 403
    assert create("docs", admin) == 403
    assert create("mine", admin) == 200
    assert secured("DELETE", "/collections/docs", claims=admin).status == 403
    assert secured("DELETE", "/collections/mine", claims=admin).status == 200


def test_token_holds_as_long_as_its_point_exists(secured):
    claims = {
        "sub": "someone",
        "access": [{"collection": "docs", "access": "r"}],
        "value_exists": {
            "collection": "other",
            "matches": [{"key": "token", "value": "t7"}, {"key": "on", "value": True}],
        },
    }
    count = "/collections/docs/points/count"
    search = "/collections/docs/points/search"
    payload = {"payload": {"token": "t7", "on": True}, "points": [1]}
    touched = []
    for path, body in ((count, {}), (search, {"vector": [1, 1], "limit": 1})):
        assert secured("POST", path, body, claims, touched=touched).status == 401
    assert touched == []
    assert secured("POST", "/collections/other/points/payload?wait=true", payload).status == 200
    for path, body in ((count, {}), (search, {"vector": [1, 1], "limit": 1})):
        assert secured("POST", path, body, claims).status == 200
    off = {"payload": {"on": False}, "points": [1]}
    assert secured("POST", "/collections/other/points/payload?wait=true", off).status == 200
    answer = secured("POST", count, {}, claims)
    assert answer.status == 401
    assert answer.text.startswith("Invalid API key or JWT")
    nowhere = {**claims, "value_exists": {**claims["value_exists"], "collection": "nothing"}}
    assert secured("POST", count, {}, nowhere).status == 401


def head_of(path, token):
    """Return the head of a request with a token, as it stands on the wire without its end."""
    return f"POST {path} HTTP/1.1\r\ncontent-length: 9\r\napi-key: {token}".encode()


def test_quick_searches_of_a_token_with_a_point_are_not_answered_on_the_spot(secured):
    application = secured.application
    proof = {"value_exists": {"collection": "other", "matches": [{"key": "a", "value": 1}]}}
    from ruvector.security.tokens import sign

    search, body = POINTS + "/search", {"vector": [1, 1], "limit": 1}
    for claims, begun in (({}, True), (proof, False), ({"access": []}, False)):
        secured("POST", search, body, claims)  # a credential is looked at with care once
        head = application.immediate.heads.find(head_of(search, sign(claims, b"k" * 32)))
        assert (application.immediate.begin(head) is not None) == begun


def test_caller_is_known_to_the_exchange(secured):
    from ruvector.security.tokens import sign

    search, claims = POINTS + "/search", {"sub": "ingest", **READER}
    immediate = secured.application.immediate
    head, begin = immediate.heads.find(head_of(search, sign(claims, b"k" * 32))), immediate.begin
    assert begin(head) is None  # not before it was right once
    assert secured("POST", search, {"vector": [1, 1], "limit": 1}, claims).status == 200
    exchange = begin(head)
    assert msgspec.structs.asdict(exchange.caller)["subject"] == "ingest"
    assert (exchange.caller.credential, exchange.caller.role) == ("token", "collections")
