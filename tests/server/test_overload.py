"""Is more than can be done refused, early and in clear words, and is time's end an end?"""

import asyncio
import os
import sys
import threading

import pytest

from ruvector.errors import BadInput, TimedOut, Unavailable
from ruvector.kernel.deadlines import Deadline
from ruvector.model import requests as r
from ruvector.server import pool as pool_room
from ruvector.server.configuration import settle
from ruvector.server.patience import CALM_SECONDS
from ruvector.server.pool import WorkerPool

PATH = "/collections/docs/points"


@pytest.fixture
def pools():
    """A function that makes pools, which are closed afterwards."""
    made = []

    def make(*arguments, **options):
        made.append(WorkerPool(*arguments, **options))
        return made[-1]

    yield make
    for pool in made:
        pool.close()


def test_work_that_would_wait_too_long_is_refused_at_once(pools, monkeypatch):
    now, go, refused = [0.0], threading.Event(), []
    monkeypatch.setattr(pool_room.time, "monotonic", lambda: now[0])
    pool = pools(1, patience_seconds=0.1, refused=lambda: refused.append(1))

    def work():
        go.wait(20)
        now[0] += 0.02

    async def run():
        waiting = [pool.submit(work) for _ in range(30)]
        go.set()
        await asyncio.wait(waiting)
        assert pool._pace > 0
        pool.limit, pool._settled, pool._pace = 0, now[0], 0.02
        pool._pending = 3
        pool.check()
        with pytest.raises(Unavailable, match=r"0\.1 s"):  # as if six were waiting
            pool._pending = 6
            pool.check()
        pool._pending = 0
        return [each.exception() for each in waiting]

    errors = asyncio.run(run())
    assert errors.count(None) == 6  # those whose turn came within 0.1 s: at 0, 0.02 .. 0.1
    assert all(isinstance(error, Unavailable) for error in errors if error is not None)
    assert len(refused) == 25


def test_work_for_a_free_thread_is_done_however_late_the_machine_is(pools, monkeypatch):
    """Beside much other work, threads begin late: a refusal would free nothing."""
    now = iter(range(1000))
    monkeypatch.setattr(pool_room.time, "monotonic", lambda: next(now))
    pool = pools(1, patience_seconds=0.1)

    async def run():
        return [await pool.submit(lambda: 1) for _ in range(3)]

    assert asyncio.run(run()) == [1] * 3


def test_crowd_waits_shorter_than_a_burst(pools, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(pool_room.time, "monotonic", lambda: now[0])
    pool = pools(2, patience_seconds=0.6)
    pool._pace, pool._settled = 0.01, now[0]

    def room():
        pool._settled = now[0]  # its pace is not forgotten
        for pool._pending in range(2, 100):
            if pool.is_full:
                return pool._pending - pool.limit
        return 100

    assert room() == 48  # 0.48 s for the next one: the whole patience but for a fifth
    assert room() in (7, 8)  # a sixth
    now[0] += CALM_SECONDS
    pool._pending = 0
    assert room() == 48
    pool._pace = 10.0
    assert room() == 2  # as many as there are threads
    pool._pending = 0


def test_a_burst_is_taken_after_a_pause(pools, monkeypatch):
    pool = pools(1, patience_seconds=0.1)
    monkeypatch.setattr(pool_room, "PACE_SECONDS", 0.0)
    pool._pace = 10.0

    async def run():
        return await asyncio.gather(*[pool.submit(lambda: 1) for _ in range(20)])

    assert asyncio.run(run()) == [1] * 20


def test_full_queue_is_refused_whatever_the_pace(pools):
    pool, go = pools(1, waiting=2), threading.Event()

    async def run():
        work = [pool.submit(go.wait) for _ in range(3)]
        with pytest.raises(Unavailable, match="2 requests are waiting"):
            pool.check()
        go.set()
        await asyncio.gather(*work)

    asyncio.run(run())


@pytest.mark.parametrize("cancel", [True, False])
def test_work_whose_time_is_over_before_its_turn_is_not_begun(pools, cancel):
    pool, go, begun = pools(1), threading.Event(), []
    deadline = Deadline(60.0 if cancel else 0.0)

    async def run():
        first = pool.submit(go.wait)
        second = pool.submit(lambda: begun.append(1), deadline)
        if cancel:
            deadline.cancel()
        go.set()
        await first
        with pytest.raises(TimedOut):
            await second

    asyncio.run(run())
    assert begun == []


def test_reads_are_refused_before_their_body_is_read(serve, engine):
    server, touched = serve(), []
    server.application.pool.reads.limit = server.application.pool.reads.waiting = 0
    body = b"{}"
    answer = server("POST", f"{PATH}/count", body, touched=touched)
    assert (answer.status, touched) == (503, [])
    assert answer.headers["retry-after"] == "1"
    assert "ruvector_overloaded_total 1" in server("GET", "/metrics").text


def test_lanes_do_not_hold_each_other_up(serve, engine):
    server = serve()
    reads, writes = server.application.pool.reads, server.application.pool.writes
    reads.limit = reads.waiting = 0
    assert server("PUT", PATH, {"points": []}).status == 200
    assert server("GET", "/readyz").status == server("GET", "/metrics").status == 200
    reads.limit, writes.limit, writes.waiting = 1, 0, 0
    assert server("PUT", PATH, {"points": []}).status == 503
    assert server("POST", f"{PATH}/count", {}).status == 200
    assert server("GET", "/readyz").status == 200


def test_health_needs_no_thread(serve):
    server = serve()
    server.application.pool.close()
    assert server("GET", "/readyz").status == server("GET", "/livez").status == 200


def test_slow_readers_bound_what_is_answered(serve, engine):
    server = serve(max_request_size_mb=1)
    server.application.unread_bytes = 9 << 20
    assert server("POST", f"{PATH}/count", {}).status == 503
    assert server("GET", "/readyz").status == 200
    server.application.unread_bytes = 0
    assert server("POST", f"{PATH}/count", {}).status == 200


def test_reads_have_a_time_limit_of_the_server(serve, engine):
    server = serve(read_timeout_secs=1)
    release = threading.Event()
    engine.answers[r.Count] = lambda _: release.wait(30)
    try:
        answer = server("POST", f"{PATH}/count", {})
    finally:
        release.set()
    assert answer.status == 408
    assert answer.error == "Timeout: Operation 'Count' timed out after 1 seconds"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_queue_secs", "0"),
        ("max_queue_secs", "nan"),
        ("read_timeout_secs", "0"),
        ("max_connections", "0"),
        ("shutdown_delay_secs", "-1"),
        ("shutdown_timeout_secs", "100000"),
    ],
)
def test_limits_are_checked(name, value):
    with pytest.raises(BadInput, match=name):
        settle({}, {f"RUVECTOR__SERVICE__{name.upper()}": value}, {})


def test_work_that_was_let_in_takes_a_place_before_it_is_submitted(pools):
    pool, go = pools(1, waiting=2), threading.Event()

    async def run():
        work = [pool.submit(lambda: go.wait(2))]
        pool.expect()
        pool.expect()
        assert pool.is_full
        with pytest.raises(Unavailable):
            pool.expect()
        await asyncio.sleep(0)  # it was submitted, or will never be
        assert not pool.is_full
        go.set()
        await asyncio.gather(*work)

    asyncio.run(run())


def test_pace_is_that_of_many_pieces_however_they_are_heard_of(pools):
    pool = pools(1, patience_seconds=1.0)
    moments = [0.01] + [0.2 + n * 1e-6 for n in range(50)] + [0.4 + n * 1e-6 for n in range(50)]
    for moment in moments:  # fifty at a time, every 0.2 s
        pool._learn(moment)
    assert 0.003 < pool._pace < 0.1
    assert pool._done < 51


def test_reads_have_threads_for_the_cores_of_this_process(monkeypatch):
    monkeypatch.setattr(pool_room.os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert pool_room.read_threads() == 2
    monkeypatch.setattr(pool_room.os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    assert pool_room.read_threads() == 6


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no niceness")
def test_reads_let_the_loop_go_first(pools):
    async def niceness(pool):
        return await pool.submit(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    own = os.getpriority(os.PRIO_PROCESS, 0)
    lanes = pool_room.Lanes(1, 1.0)
    try:
        assert asyncio.run(niceness(lanes.reads)) == min(19, own + pool_room.READ_NICENESS)
        assert asyncio.run(niceness(lanes.writes)) == own
    finally:
        lanes.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no niceness")
@pytest.mark.parametrize("own", [7, 18])
def test_a_server_that_is_nice_itself_has_readers_that_are_nicer(pools, own):
    """Who may not lower a niceness got no thread for reads: every read waited for its timeout."""
    found = []
    own = max(own, os.getpriority(os.PRIO_PROCESS, 0))

    async def niceness(pool):
        return await pool.submit(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    def start():  # a thread begins with the niceness of the one that starts it
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), own)
        found.append(asyncio.run(niceness(pools(1, niceness=3))))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert found == [min(19, own + 3)]
