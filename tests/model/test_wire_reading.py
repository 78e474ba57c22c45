"""What does the server make of bodies and query strings that nobody should send?"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ruvector.engine import Engine
from ruvector.errors import BadInput, InvalidRequest, MalformedRequest, NotFound, RuvectorError
from ruvector.model import requests as r
from ruvector.model.operations import OPERATION_OF, OPERATIONS, Operation
from ruvector.model.wire import decode_request

PATH = {"collection": "c", "id": "1", "field_name": "f", "shard": "0"}
HUGE = "9" * 5000


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Return a database with one point of two dimensions."""
    engine = Engine.open(":memory:")
    engine.execute(r.CreateCollection(collection="c", vectors={"size": 2, "distance": "Dot"}))
    send(engine, r.Upsert, '{"points":[{"id":1,"vector":[1,2],"payload":{"a":1}}]}')
    yield engine
    engine.close()


def read(
    request: type[r.Request[Any]], body: str | bytes, query: Mapping[str, str] | None = None
) -> Any:
    """Return the request of a body."""
    operation = OPERATION_OF[request]
    data = body if isinstance(body, bytes) else body.encode()
    return decode_request(operation, path_of(operation), query or {}, data)


def path_of(operation: Operation) -> dict[str, str]:
    """Return values for the fields of an operation's path."""
    return {name: text for name, text in PATH.items() if "{" + name + "}" in operation.path}


def send(engine: Engine, request: type[r.Request[Any]], body: str | bytes) -> Any:
    """Return the result of the request of a body."""
    return engine.execute(read(request, body))


WITH_BODY = [row.request for row in OPERATIONS if row.method not in ("GET", "DELETE")]
NEEDS_NOTHING = {
    r.CreateCollection,
    r.UpdateCollection,
    r.WaitForIndex,
    r.DeletePoints,
    r.ClearPayload,
    r.Scroll,
    r.Count,
    r.QueryPoints,
    r.MatrixPairs,
    r.MatrixOffsets,
    r.UpdateQuotas,
    r.CleanUpShard,
    r.CreateSnapshot,
    r.CreateShardSnapshot,
    r.CreateFullSnapshot,
    r.UploadSnapshot,
    r.UploadShardSnapshot,
    r.UploadFullSnapshot,
}


@pytest.mark.parametrize("request_type", WITH_BODY, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("body", ["null", "[]", "5", '"x"', "true", "{", "}", '{"a"}', "\ufeff{}"])
def test_body_that_is_no_object_is_malformed(request_type: type[r.Request[Any]], body: str) -> None:
    with pytest.raises(MalformedRequest):
        read(request_type, body)


@pytest.mark.parametrize("request_type", WITH_BODY, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("body", [b'{"unknown":1}', b'{"a":"\xff"}', b'{"\xc3":1}', b"\x00"])
def test_unknown_field_or_bad_utf8_is_malformed(
    request_type: type[r.Request[Any]], body: bytes
) -> None:
    with pytest.raises(MalformedRequest):
        read(request_type, body)


@pytest.mark.parametrize("request_type", WITH_BODY, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("body", ["", "  \n ", "{}"])
def test_empty_body_is_an_empty_object(request_type: type[r.Request[Any]], body: str) -> None:
    if request_type in NEEDS_NOTHING:
        assert isinstance(read(request_type, body), request_type)
    else:
        with pytest.raises(MalformedRequest):
            read(request_type, body)


SEARCH = '{"vector":[1,2],"limit":%s}'
QUERY = '{"query":[1,2],%s}'
WITH_PAYLOAD = '{"points":[{"id":2,"vector":[1,2],"payload":%s}]}'
REFUSED: list[tuple[type[r.Request[Any]], str, type[RuvectorError]]] = [
    (r.QueryPoints, '{"query":1e999}', BadInput),
    (r.QueryPoints, '{"query":' + HUGE + "}", BadInput),
    (r.QueryPoints, '{"query":18446744073709551616}', BadInput),
    (r.QueryPoints, '{"query":-1}', BadInput),
    (r.QueryPoints, '{"query":1.5}', BadInput),
    (r.QueryPoints, '{"query":true}', MalformedRequest),
    (r.QueryPoints, '{"query":{}}', MalformedRequest),
    (r.QueryPoints, '{"query":{"nearest":null}}', MalformedRequest),
    (r.QueryPoints, '{"query":{"nearest":{"nearest":[1,2]}}}', MalformedRequest),
    (r.QueryPoints, '{"query":' + '{"nearest":' * 500 + "1" + "}" * 501, MalformedRequest),
    (r.QueryPoints, '{"query":{"nearest":[1e999,1]}}', BadInput),
    (r.QueryPoints, '{"query":{"nearest":["1","2"]}}', BadInput),
    (r.QueryPoints, '{"query":{"nearest":[1,2],"mmr":{"diversity":2}}}', InvalidRequest),
    (r.QueryPoints, '{"query":{"fusion":"rrf"}}', BadInput),
    (r.QueryPoints, '{"query":{"indices":[1],"values":[1.0]}}', BadInput),
    (r.QueryPoints, '{"query":[1e39,1]}', BadInput),
    (r.QueryPoints, '{"query":[[1,2]]}', BadInput),
    (r.QueryPoints, '{"query":[]}', BadInput),
    (r.QueryPoints, '{"query":["1","2"]}', BadInput),
    (r.QueryPoints, '{"query":[null,1]}', BadInput),
    (r.QueryPoints, '{"query":[true,false]}', BadInput),
    (r.QueryPoints, '{"query":"\\ud800"}', MalformedRequest),
    (r.QueryPoints, '{"query":"unknown"}', NotFound),
    (r.QueryPoints, QUERY % '"limit":1.5', MalformedRequest),
    (r.QueryPoints, QUERY % '"limit":true', MalformedRequest),
    (r.QueryPoints, QUERY % '"limit":"1"', MalformedRequest),
    (r.QueryPoints, QUERY % '"limit":0', InvalidRequest),
    (r.QueryPoints, QUERY % '"limit":99999999999999999999999', InvalidRequest),
    (r.QueryPoints, QUERY % ('"limit":' + HUGE), MalformedRequest),
    (r.QueryPoints, QUERY % '"offset":-1', InvalidRequest),
    (r.QueryPoints, QUERY % '"filter":[]', MalformedRequest),
    (r.QueryPoints, QUERY % '"filter":"x"', MalformedRequest),
    (r.QueryPoints, QUERY % '"score_threshold":"1"', MalformedRequest),
    (r.QueryPoints, QUERY % '"score_threshold":1e999', MalformedRequest),
    (r.QueryPoints, QUERY % '"params":{"acorn":5}', MalformedRequest),
    (r.QueryPoints, QUERY % '"params":{"acorn":{"enable":1}}', MalformedRequest),
    (r.QueryPoints, QUERY % '"params":{"acorn":{"max_selectivity":2}}', InvalidRequest),
    (r.QueryPoints, '{"params":{"acorn":{"max_selectivity":2}}}', InvalidRequest),
    (r.QueryPoints, '{"params":{"hnsw_ef":0}}', InvalidRequest),
    (r.QueryPoints, '{"params":{"idf":"global"}}', BadInput),
    (r.QueryPoints, QUERY % '"limit":1,"top":1', MalformedRequest),
    (r.Retrieve, '{"ids":[1],"with_vector":true,"with_vectors":true}', MalformedRequest),
    (r.QueryPoints, QUERY % '"params":{"quantization":5}', MalformedRequest),
    (r.QueryPoints, QUERY % '"params":{"quantization":{"bits":1}}', MalformedRequest),
    (r.QueryPoints, QUERY % '"params":{"idf":"global"}', BadInput),
    (r.QueryPoints, QUERY % '"params":{"hnsw_ef":0}', InvalidRequest),
    (r.QueryPoints, QUERY % '"params":{"beam":1}', MalformedRequest),
    (r.QueryPoints, QUERY % '"using":"missing"', BadInput),
    (r.QueryPoints, QUERY % '"using":5', MalformedRequest),
    (r.QueryPoints, QUERY % '"shard_key":"a"', BadInput),
    (r.QueryPoints, QUERY % '"prefetch":[{"limits":1}]', MalformedRequest),
    (r.QueryPoints, QUERY % '"lookup_from":{"collection":"missing"}', NotFound),
    (r.QueryPoints, QUERY % '"with_payload":5', BadInput),
    (r.QueryPoints, QUERY % '"with_payload":{"include":["a"],"exclude":["b"]}', BadInput),
    (r.QueryPoints, QUERY % '"with_vector":["missing"]', BadInput),
    (r.QueryPoints, '{"score_threshold":1}', BadInput),
    (r.Search, '{"vector":[1,2]}', MalformedRequest),
    (r.Search, '{"limit":1}', MalformedRequest),
    (r.Search, SEARCH % "null", MalformedRequest),
    (r.Search, SEARCH % "0", InvalidRequest),
    (r.Search, '{"vector":null,"limit":1}', BadInput),
    (r.Search, '{"vector":{"name":"","vector":{"indices":[]}},"limit":1}', MalformedRequest),
    (r.Search, '{"vector":{"name":5,"vector":[1,2]},"limit":1}', BadInput),
    (r.Search, '{"vector":{"name":1e999,"vector":[1,2]},"limit":1}', BadInput),
    (r.Search, '{"vector":{"name":"missing","vector":[1,2]},"limit":1}', BadInput),
    (r.Upsert, '{"points":[{"id":2}]}', MalformedRequest),
    (r.Upsert, '{"points":[{"vector":[1,2]}]}', MalformedRequest),
    (r.Upsert, '{"points":[{"id":2,"vector":5}]}', BadInput),
    (r.Upsert, '{"points":[{"id":2,"vector":null}]}', BadInput),
    (r.Upsert, '{"points":[{"id":2,"vector":"x"}]}', BadInput),
    (r.Upsert, '{"points":[{"id":2,"vector":[1]}]}', BadInput),
    (r.Upsert, '{"points":[{"id":2,"vector":[1,2,3]}]}', BadInput),
    (r.Upsert, '{"points":[{"id":2,"vector":[1e39,2]}]}', BadInput),
    (r.Upsert, '{"points":[{"id":2,"vector":[NaN,2]}]}', MalformedRequest),
    (r.Upsert, '{"points":[{"id":2,"vector":{"missing":[1,2]}}]}', BadInput),
    (r.Upsert, '{"points":[{"id":1.0,"vector":[1,2]}]}', MalformedRequest),
    (r.Upsert, '{"points":[{"id":true,"vector":[1,2]}]}', MalformedRequest),
    (r.Upsert, '{"points":[{"id":null,"vector":[1,2]}]}', MalformedRequest),
    (r.Upsert, '{"points":[{"id":-1,"vector":[1,2]}]}', BadInput),
    (r.Upsert, '{"points":[{"id":18446744073709551616,"vector":[1,2]}]}', BadInput),
    (r.Upsert, '{"points":[{"id":' + HUGE + ',"vector":[1,2]}]}', MalformedRequest),
    (r.Upsert, '{"points":[{"id":"","vector":[1,2]}]}', BadInput),
    (r.Upsert, '{"points":[{"id":2,"vector":[1,2],"payload":[]}]}', MalformedRequest),
    (r.Upsert, '{"points":[{"id":2,"vector":[1,2],"payload":{"a":1e999}}]}', MalformedRequest),
    (r.Upsert, WITH_PAYLOAD % ('{"a":' + HUGE + "}"), MalformedRequest),
    (r.Upsert, WITH_PAYLOAD % ('{"a":' * 200 + "1" + "}" * 200), BadInput),
    (r.Upsert, '{"points":[{"id":2,"vector":[1,2]}],"shard_key":"a"}', BadInput),
    (r.Upsert, '{"points":[{"id":2,"vector":[1,2]}],"update_mode":"insert"}', MalformedRequest),
    (r.Upsert, '{"points":[{"id":2,"vector":[1,2]}],"update_mode":1}', MalformedRequest),
    (r.Upsert, '{"points":[{"id":2,"vector":[1,2]}],"update_filter":[]}', MalformedRequest),
    (r.Upsert, '{"points":[{"id":2,"vector":[1,2]}],"shard_key":"a"}', BadInput),
    (
        r.Upsert,
        '{"points":[{"id":2,"vector":[1,2]},{"id":2,"vector":[1,2]}],"update_filter":{}}',
        BadInput,
    ),
    (r.Upsert, '{"points":[],"batch":{"ids":[],"vectors":[]}}', MalformedRequest),
    (r.Upsert, '{"batch":{"ids":[2,3],"vectors":[[1,2]]}}', BadInput),
    (r.Upsert, '{"batch":{"ids":[2],"vectors":[[1,2]],"payloads":[]}}', BadInput),
    (r.Upsert, '{"batch":{"ids":[2],"vectors":5}}', MalformedRequest),
    (r.BatchUpdate, '{"operations":[{}]}', MalformedRequest),
    (r.BatchUpdate, '{"operations":[{"delete":{},"upsert":{}}]}', MalformedRequest),
    (r.BatchUpdate, '{"operations":[{"create":{}}]}', MalformedRequest),
    (r.BatchUpdate, '{"operations":[{"delete":null}]}', MalformedRequest),
    (r.BatchUpdate, '{"operations":[{"delete":{}}]}', BadInput),
    (r.BatchUpdate, '{"operations":[{"delete":{"points":[2],"x":1}}]}', MalformedRequest),
    (r.SetPayload, '{"payload":null,"points":[1]}', MalformedRequest),
    (r.SetPayload, '{"payload":{},"points":[1],"filter":{}}', BadInput),
    (r.SetPayload, '{"payload":{},"points":[1],"key":"a[["}', BadInput),
    (r.DeletePayload, '{"keys":["a[["],"points":[1]}', BadInput),
    (r.DeleteVectors, '{"vector":[],"points":[1]}', BadInput),
    (r.DeleteVectors, '{"vector":["missing"],"points":[1]}', BadInput),
    (r.CreateFieldIndex, '{"field_name":"a"}', BadInput),
    (r.CreateFieldIndex, '{"field_name":"a","field_schema":"bits"}', MalformedRequest),
    (r.Scroll, '{"offset":1.5}', MalformedRequest),
    (r.Scroll, '{"order_by":"a"}', BadInput),
    (r.Retrieve, '{"ids":[{}]}', MalformedRequest),
    (r.Count, '{"shard_key":"a"}', BadInput),
]


@pytest.mark.parametrize(
    ("request_type", "body", "expected"),
    REFUSED,
    ids=[f"{kind.__name__} {body[:60]}" for kind, body, _ in REFUSED],
)
def test_wrong_body_is_refused_with_its_own_error_and_changes_nothing(
    engine: Engine, request_type: type[r.Request[Any]], body: str, expected: type[RuvectorError]
) -> None:
    with pytest.raises(RuvectorError) as refusal:
        send(engine, request_type, body)
    assert type(refusal.value) is expected, repr(refusal.value)[:300]
    assert refusal.value.message
    records = engine.execute(r.Scroll(collection="c")).points
    assert [(record.id, record.payload) for record in records] == [(1, {"a": 1})]


@pytest.mark.parametrize(
    ("request_type", "alias", "name", "value"),
    [
        (r.QueryPoints, "top", "limit", 3),
        (r.QueryPoints, "with_vectors", "with_vector", True),
        (r.Search, "top", "limit", 3),
        (r.Scroll, "with_vectors", "with_vector", True),
        (r.Retrieve, "with_vectors", "with_vector", ["a"]),
        (r.DeleteVectors, "vectors", "vector", ["a"]),
        (r.CreateCollection, "shards_number", "shard_number", 1),
        (r.CreateCollection, "quantization", "quantization_config", {"scalar": {}}),
        (r.UpdateCollection, "quantization", "quantization_config", {"scalar": {}}),
        (r.CreateFieldIndex, "field_type", "field_schema", "keyword"),
    ],
)
def test_older_name_of_a_field_is_read(
    request_type: type[r.Request[Any]], alias: str, name: str, value: Any
) -> None:
    others: dict[type, dict[str, Any]] = {
        r.Search: {"vector": [1, 2]},
        r.Retrieve: {"ids": []},
        r.CreateFieldIndex: {"field_name": "f"},
    }
    body = {alias: value, **others.get(request_type, {})}
    assert getattr(read(request_type, json.dumps(body)), name) == value


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("wait", "true", True),
        ("wait", "false", False),
        ("timeout", "1", 1),
        ("timeout", "999999999", 999_999_999),
        ("ordering", "strong", "strong"),
    ],
)
def test_query_parameter_is_read(name: str, text: str, value: Any) -> None:
    assert getattr(read(r.DeletePoints, "{}", {name: text}), name) == value


@pytest.mark.parametrize(
    ("request_type", "name", "text"),
    [
        (r.DeletePoints, "wait", "yes"),
        (r.DeletePoints, "wait", ""),
        (r.DeletePoints, "wait", "True"),
        (r.DeletePoints, "timeout", "1.5"),
        (r.DeletePoints, "timeout", "-1"),
        (r.DeletePoints, "timeout", "\u0661"),
        (r.DeletePoints, "timeout", "9" * 10),
        (r.DeletePoints, "timeout", HUGE),
        (r.DeletePoints, "ordering", "fast"),
        (r.Scroll, "consistency", "0"),
        (r.Scroll, "consistency", "most"),
        (r.Scroll, "consistency", HUGE),
    ],
    ids=lambda value: str(value)[:20],
)
def test_query_parameter_that_cannot_be_is_malformed(
    request_type: type[r.Request[Any]], name: str, text: str
) -> None:
    with pytest.raises(MalformedRequest, match=name):
        read(request_type, "{}", {name: text})


def test_timeout_of_zero_is_invalid() -> None:
    with pytest.raises(InvalidRequest, match="timeout"):
        read(r.DeletePoints, "{}", {"timeout": "0"})


def test_field_that_is_given_twice_has_its_last_value() -> None:
    assert read(r.Scroll, '{"limit":1,"limit":2}').limit == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("18446744073709551615", 2**64 - 1),
        ("x5", "x5"),
        ("-5", "-5"),
        ("\u0665", "\u0665"),
    ],
)
def test_id_in_the_path_is_a_number_where_it_looks_like_one(text: str, value: int | str) -> None:
    operation = OPERATION_OF[r.GetPoint]
    request = decode_request(operation, {"collection": "c", "id": text}, {}, b"")
    assert isinstance(request, r.GetPoint)
    assert request.id == value
