"""Is a lifted vector the one that the ordinary way would have read?"""

import json

import msgspec
import numpy as np
import pytest

from ruvector.errors import RuvectorError
from ruvector.model import requests as r
from ruvector.model.operations import OPERATION_OF
from ruvector.model.queries import parse_query, parse_search_vector
from ruvector.model.wire import decode_request, lifting

VECTOR = [round(i / 7, 6) for i in range(400)]
TEXT = json.dumps(VECTOR)


def decoded(kind, body):
    return decode_request(OPERATION_OF[kind], {"collection": "c"}, {}, body.encode())


def plainly(kind, body, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(lifting, "WORTHWHILE_BYTES", 1 << 40)
        return decoded(kind, body)


@pytest.mark.parametrize(
    "body",
    [
        f'{{"query": {TEXT}, "limit": 3}}',
        f'{{"limit":3,"query" :\n{TEXT}}}',
        f'{{"filter": {{"must": [{{"key": "a", "match": {{"value": "q"}}}}]}}, "query": {TEXT}}}',
        f'{{"query": {TEXT}, "filter": {{"must": [{{"key": "]", "match": {{"value": 1}}}}]}}}}',
    ],
    ids=["first", "last", "after a filter", "brackets after it"],
)
def test_a_vector_is_the_same_lifted_or_not(body, monkeypatch):
    lifted, plain = decoded(r.QueryPoints, body), plainly(r.QueryPoints, body, monkeypatch)
    assert isinstance(plain.query, msgspec.Raw)
    assert np.array_equal(parse_query(lifted.query).target, parse_query(plain.query).target)
    assert (lifted.limit, lifted.filter) == (plain.limit, plain.filter)


def test_a_plain_vector_is_lifted():
    assert isinstance(decoded(r.QueryPoints, f'{{"query": {TEXT}}}').query, np.ndarray)
    assert isinstance(decoded(r.Search, f'{{"vector": {TEXT}, "limit": 1}}').vector, np.ndarray)


@pytest.mark.parametrize(
    "body",
    [
        f'{{"prefetch": {{"query": {TEXT}}}}}',
        f'{{"prefetch": {{"query": {TEXT}}}, "limit": 2}}',
        f'{{"query": {{"nearest": {TEXT}}}}}',
        f'{{"filter": {{"query": {TEXT}}}, "limit": 2}}',
    ],
    ids=["in a prefetch", "in a prefetch before more", "in an object", "in a filter"],
)
def test_a_vector_that_stands_elsewhere_stays_there(body, monkeypatch):
    lifted, plain = decoded(r.QueryPoints, body), plainly(r.QueryPoints, body, monkeypatch)
    for name in ("prefetch", "filter", "limit"):
        assert getattr(lifted, name) == getattr(plain, name)
    assert type(lifted.query) is type(plain.query)


@pytest.mark.parametrize(
    "body",
    [
        f'{{"query": {TEXT}, "query": {TEXT}, "nothing": 1}}',
        f'{{"query": {TEXT}, "nothing": 1}}',
        f'{{"query": {TEXT[:-1]}, NaN]}}',
        f'{{"query": {TEXT[:-1]}, [1]]}}',
        f'{{"query": {TEXT[:-1]}',
        f'{{"query": {TEXT}',
        f'{{"query": {TEXT}, "limit": "x"}}',
        f'[{{"query": {TEXT}}}]',
    ],
    ids=[
        "twice",
        "unknown field",
        "NaN",
        "nested",
        "array cut off",
        "body cut off",
        "wrong limit",
        "in a list",
    ],
)
def test_what_is_wrong_is_refused_in_the_same_words(body, monkeypatch):
    heard = []
    for decode in (decoded, lambda *given: plainly(*given, monkeypatch)):
        try:
            request = decode(r.QueryPoints, body)
            parse_query(request.query)
            heard.append(None)
        except RuvectorError as error:
            heard.append((type(error), error.message.partition(" (byte")[0]))
    assert heard[0] is not None
    assert heard[0][0] is heard[1][0]


def test_an_older_search_with_a_named_vector_is_read_as_before():
    body = f'{{"vector": {{"name": "a", "vector": {TEXT}}}, "limit": 1}}'
    name, vector = parse_search_vector(decoded(r.Search, body).vector)
    assert name == "a"
    assert np.allclose(vector, VECTOR)
