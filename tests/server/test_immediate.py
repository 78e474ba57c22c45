"""Is a request that is answered on the spot answered as every other one is?"""

import asyncio
import gc
import gzip
import re
import threading
import time

import pytest
import uvicorn
from uvicorn.server import ServerState

from ruvector.errors import BadInput
from ruvector.model import requests as r
from ruvector.server import body as body_room
from ruvector.server import connection as connection_room
from ruvector.server import rest as rest_room
from ruvector.server.asgi import Application
from ruvector.server.configuration import Service, Settings
from ruvector.server.exchange import Exchange
from ruvector.server.metrics_text import Status, metrics_text

BODY = b'{"query":[1.0,2.0],"limit":3}'
PATH = b"/collections/docs/points/query"
TIME = re.compile(rb'"time":[0-9.]+')
LENGTH = re.compile(rb"content-length: [0-9]+")
REQUEST_ID = re.compile(rb"x-request-id: [0-9a-f-]+\r\n")


def request(
    body=BODY, path=PATH, method=b"POST", version=b"1.1", headers=(b"connection: close",), size=None
):
    """Return a request as it stands on the wire."""
    size = len(body) if size is None else size
    lines = [b"%b %b HTTP/%b" % (method, path, version), b"host: localhost"]
    if size >= 0:
        lines.append(b"content-length: %d" % size)
    return b"\r\n".join([*lines, *headers, b"", body])


class Connection:
    """One connection to an application over the real protocol; counts the tasks it made."""

    def __init__(self, engine, **service):
        self.application = Application(engine, Settings(service=Service(**service)))
        self.tasks = 0
        self.keep_alive_seconds = 5

    async def __call__(self, scope, receive, send):
        self.tasks += 1
        await self.application(scope, receive, send)

    def talk(self, *parts, pause=0.0, leave=False):
        """Send the parts; return all that comes back until the server closes."""
        return asyncio.run(self._talk(parts, pause, leave))

    async def _talk(self, parts, pause, leave):
        config = uvicorn.Config(
            self,
            http=connection_room.Connection,
            lifespan="off",
            timeout_keep_alive=self.keep_alive_seconds,
        )
        config.load()
        config.loaded_app = self  # not wrapped, as in ruvector serve
        self.immediate = self.application.immediate
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: connection_room.Connection(config, ServerState(), {}), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        if leave:
            writer.close()
            while self.application.in_flight:
                await asyncio.sleep(0.001)
            server.close()
            return b""
        async with asyncio.timeout(20):
            found = await reader.read()
        writer.close()
        server.close()
        return found

    @property
    def in_flight(self):
        return self.application.in_flight

    @in_flight.setter
    def in_flight(self, value):
        self.application.in_flight = value


@pytest.fixture
def connect(engine):
    """A function that returns a Connection with the given service settings."""
    opened = []

    def start(**service):
        opened.append(Connection(engine, **service))
        return opened[-1]

    yield start
    for connection in opened:
        assert connection.application.in_flight == 0
        connection.application.pool.close()


def comparable(answer):
    """Return an answer without what differs from one request to the next."""
    answer = REQUEST_ID.sub(b"", TIME.sub(b"", LENGTH.sub(b"", answer)))
    return answer.replace(b"connection: close\r\n", b"")


LAST = request(b"", b"/livez", b"GET")
KEPT = {"headers": ()}


@pytest.mark.parametrize("cut", [0, 20, 60, len(request(**KEPT)) - 3])
def test_quick_search_is_answered_without_a_task_in_the_same_words(engine, connect, cut):
    slow = connect()
    expected = slow.talk(request(**KEPT) + LAST)
    engine.quick = True
    quick = connect()
    text = request(**KEPT)
    found = quick.talk(text[:cut], text[cut:], LAST, pause=0.01)
    assert (slow.tasks, quick.tasks) == (2, 1)  # the last one is of /livez
    assert comparable(found) == comparable(expected)
    assert b'"result"' in found
    assert engine.requests[0].limit == engine.requests[1].limit == 3


def test_answers_keep_the_order_of_pipelined_requests(engine, connect):
    engine.quick = True
    count = request(b"{}", b"/collections/docs/points/count", **KEPT)
    text = request(**KEPT) + count + request(**KEPT) + request(**KEPT) + LAST
    found = connect().talk(text)
    order = [match[0] for match in re.finditer(rb'"points":|"count":|livez', found)]
    assert order == [b'"points":', b'"count":', b'"points":', b'"points":', b"livez"]
    assert connect().talk(request(**KEPT) * 30 + LAST).count(b'"points":') == 30


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (request(b"", b"/nowhere"), 404),
        (request(b"{}", PATH, b"PATCH"), 405),
        (request(headers=(b"connection: close", b"origin: http://evil.example")), 403),
        (request(b'{"query":[1],"colour":1}'), 400),
        (request(headers=(b"connection: close", b"content-encoding: br")), 415),
        (request(size=99_999_999), 413),
        (request(b"", size=-1), 200),
        (request(version=b"1.0", headers=()), 200),
        (request(headers=(b"connection: close", b"expect: 100-continue")), 100),
        (request(headers=(b"connection: close", b"transfer-encoding: chunked"), size=-1), 400),
    ],
    ids=range(10),
)
@pytest.mark.parametrize("keep", [False, True])
def test_unusual_request_goes_the_ordinary_way(engine, connect, text, status, keep):
    ordinary = connect()
    ordinary.application.immediate.begin = lambda *_: None
    if keep:
        text = text.replace(b"connection: close\r\n", b"") + (b"" if status == 413 else LAST)
    expected = ordinary.talk(text)
    engine.quick = True
    found = connect().talk(text)
    assert comparable(found) == comparable(expected)
    assert found.startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize("path", [b"/livez", PATH])
def test_connection_is_closed_where_that_is_asked(engine, connect, path):
    engine.quick = True
    method, body = (b"GET", b"") if path == b"/livez" else (b"POST", BODY)
    text = request(body, path, method, size=len(body) or -1)
    connection = connect()
    assert connection.talk(text).startswith(b"HTTP/1.1 200 ")  # and to the end
    assert connection.tasks == 1


def test_key_is_asked_for_before_the_body_is_there(engine, connect):
    engine.quick = True
    secret = connect(api_key="secret")
    for headers, status in (((), 401), ((b"api-key: wrong",), 401), ((b"api-key: secret",), 200)):
        text = request(headers=(b"connection: close", *headers))
        assert secret.talk(text).startswith(b"HTTP/1.1 %d " % status)
    head = request(size=len(BODY), body=b"", headers=(b"connection: close",))
    assert secret.talk(head).startswith(b"HTTP/1.1 401 ")
    assert len(engine.requests) == 1
    kept = {"headers": (b"api-key: wrong",), "size": len(BODY), "body": b""}
    assert secret.talk(request(**kept), LAST, pause=0.01).startswith(b"HTTP/1.1 401 ")


def test_key_is_asked_for_with_each_request(engine, connect):
    engine.quick = True
    connection = connect(api_key="secret")
    text = request(headers=(b"api-key: secret",))
    found = connection.talk(text, text, request(**KEPT), text, LAST, pause=0.01)
    statuses = re.findall(rb"HTTP/1.1 ([0-9]+)", found)
    assert statuses == [b"200", b"200", b"401", b"200", b"200"]
    assert connection.tasks == 3  # the first, which is looked at with care, the third, the last


def test_request_id_comes_back(engine, connect):
    engine.quick = True
    found = connect().talk(request(headers=(b"connection: close", b"x-request-id: abc")))
    assert b"x-request-id: abc\r\n" in found


def test_errors_of_the_engine_are_answered(engine, connect, caplog):
    engine.quick = True
    engine.answers[r.QueryPoints] = BadInput("so not")
    found = connect().talk(request(**KEPT) + LAST)
    assert found.startswith(b"HTTP/1.1 400 ")
    assert b"Wrong input: so not" in found
    engine.answers[r.QueryPoints] = ZeroDivisionError("inner secret")
    found = connect().talk(request(**KEPT) + LAST)
    assert found.startswith(b"HTTP/1.1 500 ")
    assert b"inner secret" not in found
    assert "ZeroDivisionError" in caplog.text


def test_late_body_is_handed_over_and_answered(engine, connect, monkeypatch):
    monkeypatch.setattr(connection_room, "HELD_SECONDS", 0.01)
    engine.quick = True
    connection = connect()
    text = request()
    found = connection.talk(text[:-10], text[-10:-5], text[-5:], pause=0.05)
    assert found.startswith(b"HTTP/1.1 200 ")
    assert connection.tasks == 1
    assert len(engine.requests) == 1


def test_body_that_never_comes_is_a_408(engine, connect, monkeypatch):
    monkeypatch.setattr(connection_room, "HELD_SECONDS", 0.01)
    monkeypatch.setattr(body_room, "PATIENCE_SECONDS", 0.01)
    engine.quick = True
    assert connect().talk(request(**KEPT)[:-5]).startswith(b"HTTP/1.1 408 ")
    assert engine.requests == []


def test_client_that_leaves_is_forgotten(engine, connect):
    engine.quick = True
    connection = connect()
    connection.talk(request(**KEPT)[:-5], pause=0.02, leave=True)
    assert engine.requests == []


def test_stopping_server_refuses_searches(engine, connect):
    engine.quick = True
    connection = connect()
    connection.application.stopping = True
    assert connection.talk(request(**KEPT)).startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize("size", [100, 10_000, 40_000])
def test_answers_are_compressed_for_those_who_take_it(engine, connect, size):
    engine.quick = True
    engine.answers[r.QueryPoints] = BadInput("")
    engine.answers[r.QueryPoints] = lambda _: "x" * size
    packed = request(headers=(b"accept-encoding: gzip",))[: -0 or None]
    found = connect().talk(packed.replace(b"x", b"x") + LAST)
    head, _, rest = found.partition(b"\r\n\r\n")
    length = int(re.search(rb"content-length: ([0-9]+)", head)[1])
    content = rest[:length]
    if size > 1000:
        assert b"content-encoding: gzip" in head
        content = gzip.decompress(content)
    assert content.startswith(b'{"result":"' + b"x" * size)


def test_searches_are_counted_like_all_others(engine, connect):
    engine.quick = True
    connection = connect()
    connection.talk(request(**KEPT) * 3 + LAST)
    text = metrics_text(connection.application.metrics.counts(), Status([], True))
    assert 'ruvector_requests_total{operation="QueryPoints",status="200"} 3' in text
    assert 'ruvector_queries_total{collection="docs"} 3' in text


def test_slow_search_is_decoded_once_and_runs_in_the_pool(engine, connect):
    names = []
    engine.answers[r.QueryPoints] = lambda _: names.append(threading.current_thread().name)
    asked = []
    engine.is_quick = lambda given: asked.append(given) or False
    connect().talk(request(**KEPT) + LAST)
    assert len(asked) == len(engine.requests) == 1
    assert asked[0] is engine.requests[0]
    assert names[0].startswith("ruvector-request")


class Crowd:
    """Fills the turns of an application, so that what is not urgent waits or is refused."""

    def __init__(self, application):
        self.turns = application.turns

    def wait(self, _is_late=False):
        return False

    def fill(self):
        while self.turns.is_now():
            time.sleep(0.001)
        self.turns._room = 3
        for _ in range(3):
            self.turns.wait(self.wait)


def crowded(connection):
    """Let every search find a turn that is used up."""
    begin = connection.application.immediate.begin
    turns = connection.application.turns

    def begin_in_a_crowd(head, *rest):
        if head.method == "POST":
            while turns.is_now():
                time.sleep(0.001)
        return begin(head, *rest)

    connection.application.immediate.begin = begin_in_a_crowd
    return connection


def test_search_waits_for_its_turn_and_is_answered_in_the_same_words(engine, connect):
    engine.quick = True
    expected = connect().talk(request(**KEPT), LAST, pause=0.01)
    connection = crowded(connect())
    found = connection.talk(request(**KEPT), LAST, pause=0.05)
    assert comparable(found) == comparable(expected)
    assert len(engine.requests) == 2
    assert connection.application.turns._began > 0  # it was served by a turn


def test_pipelined_requests_keep_their_order_where_they_wait(engine, connect):
    engine.quick = True
    count = request(b"{}", b"/collections/docs/points/count", **KEPT)
    text = request(**KEPT) + count + request(**KEPT) + LAST
    found = crowded(connect()).talk(text)
    order = [match[0] for match in re.finditer(rb'"points":|"count":|livez', found)]
    assert order == [b'"points":', b'"count":', b'"points":', b"livez"]


def test_health_waits_for_no_turn(engine, connect):
    engine.quick = True
    connection = connect()
    crowd = Crowd(connection.application)
    begin = connection.application.immediate.begin
    connection.application.immediate.begin = lambda *given: (crowd.fill(), begin(*given))[1]
    found = connection.talk(request(b"", b"/readyz", b"GET", size=-1, headers=()) + LAST)
    assert [found.count(b"HTTP/1.1 200"), found.count(b"shards are ready")] == [2, 1]
    assert connection.tasks == 1  # of the last one, which asks to close


def test_client_that_leaves_while_it_waits_is_not_worked_for(engine, connect):
    engine.quick = True
    connection = connect()
    held = []
    connection.application.turns.is_now = lambda: False
    connection.application.turns.wait = held.append
    connection.talk(request(**KEPT), pause=0.02, leave=True)
    assert [work(False) for work in held] == [False]
    assert engine.requests == []


def test_answer_that_says_close_closes(engine, connect):
    engine.quick = True
    connection = crowded(connect())
    answer = connection.application.immediate.finish

    def finish(*given, **options):
        connection.application.leaving = True  # as if shutdown had begun while it waited
        return answer(*given, **options)

    connection.application.immediate.finish = finish
    assert b"connection: close" in connection.talk(request(**KEPT))


def test_crowd_is_refused_unread_in_the_words_of_the_first_refusal(engine, connect):
    engine.quick = True
    connection = connect()
    fed = []
    refusals = connection.application.immediate.refusals
    answer = refusals.answer
    refusals.answer = lambda *data: (found := answer(*data), fed.append(found is not None))[0]
    connection.application.turns._room = 0  # nobody fits
    found = connection.talk(*[request(**KEPT)] * 4, LAST, pause=0.01)
    answers = found.split(b"HTTP/1.1 503 ")[1:]
    assert len(answers) == 4 and engine.requests == []
    assert fed[:4] == [False, True, True, True]
    lengths = [int(LENGTH.search(each)[0].split()[-1]) for each in answers]
    bodies = [each.partition(b"\r\n\r\n")[2] for each in answers]
    assert [len(each.partition(b"HTTP")[0]) for each in bodies] == lengths
    first, second = (comparable(each.partition(b"HTTP")[0]) for each in answers[:2])
    assert first == second and b"retry-after: 1\r\n" in second
    ids = {REQUEST_ID.search(each)[0] for each in answers}
    assert len(ids) == 4
    text = metrics_text(connection.application.metrics.counts(), Status([], True))
    assert 'ruvector_requests_total{operation="QueryPoints",status="503"} 4' in text
    assert "ruvector_overloaded_total 4" in text
    assert re.search(r'rest_responses_total\{method="POST",.*points/query",status="503"} 4\n', text)


@pytest.mark.parametrize("extra", [b"x-request-id: mine", b"traceparent: 00-1-2-3"])
def test_refusal_repeats_the_id_that_a_request_brings(engine, connect, extra):
    engine.quick = True
    connection = connect()
    connection.application.turns._room = 0
    text = request(headers=(extra,))
    found = connection.talk(text, text, LAST, pause=0.01)
    assert found.count(b"x-request-id: %b\r\n" % extra.partition(b" ")[2]) == 2


def test_crowd_is_refused_unread_only_where_nobody_tells_of_each(engine, connect, tmp_path):
    engine.quick = True
    connection = connect()
    connection.application.immediate.refusals._is_usable = False
    connection.application.turns._room = 0
    found = connection.talk(*[request(**KEPT)] * 3, LAST, pause=0.01)
    assert found.count(b"HTTP/1.1 503 ") == 3
    known = connection.application.immediate.heads._known.values()
    assert [head.refusal for head in known if head] == [None]


def test_requests_that_come_in_parts_are_refused_whole(engine, connect):
    engine.quick = True
    connection = connect()
    connection.application.turns._room = 0
    text = request(**KEPT)
    found = connection.talk(text, text[:30], text[30:-5], text[-5:] + text, LAST, pause=0.01)
    assert found.count(b"HTTP/1.1 503 ") == 3
    assert found.count(b"HTTP/1.1 200 ") == 1
    assert engine.requests == []


def test_full_lane_refuses_slow_searches_and_serves_quick_ones(engine, connect):
    engine.quick = True
    connection = connect()
    reads = connection.application.pool.reads
    reads.limit = reads.waiting = 0
    slow = request(b'{"query":[1.0,2.0],"params":{"exact":true}}', **KEPT)
    found = connection.talk(slow, slow, request(**KEPT), slow, LAST, pause=0.01)
    statuses = re.findall(rb"HTTP/1.1 ([0-9]+)", found)
    assert statuses == [b"503", b"503", b"200", b"503", b"200"]


def test_search_with_a_slow_part_is_decoded_off_the_loop(engine, connect, monkeypatch):
    threads = []
    engine.quick = True
    decode = rest_room._decoded
    monkeypatch.setattr(
        rest_room,
        "_decoded",
        lambda *given: (threads.append(threading.current_thread().name), decode(*given))[1],
    )
    slow = request(b'{"query":[1.0,2.0],"params":{"exact":true}}', **KEPT)
    assert connect().talk(slow + LAST).count(b"HTTP/1.1 200 ") == 2
    assert len(threads) == 1 and threads[0].startswith("ruvector-request")


def test_connection_rests_until_its_time_is_over_and_no_longer(engine, connect):
    engine.quick = True
    connection = connect()
    connection.keep_alive_seconds = 0.2
    started = time.perf_counter()
    found = connection.talk(*[request(**KEPT)] * 4, pause=0.1)
    assert found.count(b"HTTP/1.1 200 ") == 4
    assert 0.4 < time.perf_counter() - started < 10


def test_request_leaves_no_garbage(engine, connect):
    connection = connect()
    count = request(b"{}", b"/collections/docs/points/count", **KEPT)
    connection.talk(count + request(**KEPT) + LAST)
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        connection.talk(count + request(**KEPT) + LAST)
        gc.collect()
        assert not [each for each in gc.garbage if isinstance(each, Exchange)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
