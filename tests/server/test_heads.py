"""Which heads of requests are known to be of requests that may be answered on the spot?"""

import asyncio

import pytest

from ruvector.server.asgi import Application
from ruvector.server.configuration import Settings

PATH = b"/collections/docs/points/query"


@pytest.fixture
def application(engine):
    application = Application(engine, Settings())
    yield application
    application.pool.close()


@pytest.fixture
def heads(application):
    return application.immediate.heads


@pytest.mark.parametrize(
    ("head", "is_known"),
    [
        (b"POST %b HTTP/1.1\r\ncontent-length: 5" % PATH, True),
        (b"POST %b HTTP/1.1\r\nContent-Length: 5\r\nHost: a" % PATH, True),
        (b"GET /readyz HTTP/1.1\r\nhost: a", True),
        (b"GET /readyz HTTP/1.1\r\nconnection: close", False),
        (b"GET /readyz HTTP/1.1\r\ncontent-length: 1", False),
        (b"GET /readyz HTTP/1.0", False),
        (b"GET /nowhere HTTP/1.1", False),
        (b"HEAD /readyz HTTP/1.1", False),
        (b"POST %b HTTP/1.1" % PATH, False),
        (b"POST %b HTTP/1.1\r\ncontent-length: 0" % PATH, False),
        (b"POST %b HTTP/1.1\r\ncontent-length: 999999" % PATH, False),
        (b"POST %b HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6" % PATH, False),
        (b"POST %b HTTP/1.1\r\ncontent-length: 5\r\nexpect: 100-continue" % PATH, False),
        (b"POST %b HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked" % PATH, False),
        (b"POST %b HTTP/1.1\r\ncontent-length: 5\r\ncontent-encoding: gzip" % PATH, False),
        (b"POST %b HTTP/1.1\r\ncontent-length: 5\r\nhost: a\nb: c\x00" % PATH, False),
        (b"POST %b HTTP/1.1\r\ncontent-length: 5%b" % (PATH, b"\r\na: b" * 200), False),
    ],
    ids=range(17),
)
def test_heads_of_usual_requests_are_known_and_no_others(heads, head, is_known):
    for _ in range(2):
        assert (heads.find(head) is not None) == is_known


def test_heads_with_an_id_of_their_own_are_not_remembered(heads):
    head = b"GET /readyz HTTP/1.1\r\nx-request-id: a"
    assert heads.find(head) is not None and heads._known == {}


def test_many_paths_are_not_remembered_for_ever(heads, monkeypatch):
    monkeypatch.setattr("ruvector.server.heads.MAX_PATHS", 5)
    monkeypatch.setattr("ruvector.server.heads.MAX_HEADS", 5)
    for number in range(12):
        heads.find(b"POST /collections/%d/x HTTP/1.1" % number)
    assert 0 < len(heads._matches) <= 5
    assert 0 < len(heads._known) <= 5


def test_refusals_of_one_turn_are_counted_whoever_is_refused_at_its_turn_meanwhile(application):
    immediate, body = application.immediate, b"{    }"
    text = b"POST %b HTTP/1.1\r\nhost: localhost\r\ncontent-length: 6" % PATH
    head = immediate.heads.find(text)
    exchange = immediate.begin(head)

    async def run():
        application.turns._room = 0
        for _ in range(2):  # one was taken before, and its turn has come too late
            assert immediate.refuse(exchange, head) is not None
            assert immediate.refusals.answer(head, body) is not None
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(run())
    assert application.metrics.counts().events["overloaded"] == 4
