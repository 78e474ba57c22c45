"""Does everybody get a turn on the loop's thread, and nobody more than a few milliseconds of it?"""

import asyncio
import socket

import pytest
import uvloop

from ruvector.errors import Unavailable
from ruvector.server import run as run_room
from ruvector.server import turns as turns_room
from ruvector.server.patience import CALM_SECONDS
from ruvector.server.run import listeners
from ruvector.server.turns import TURN_SECONDS, Turns


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still unless it is moved: a list of one number."""
    now = [1000.0]
    monkeypatch.setattr(turns_room, "perf_counter", lambda: now[0])
    monkeypatch.setattr(turns_room, "PATIENCE_SECONDS", 10.0)
    return now


def work(clock, done, number, seconds):
    """Return a piece of work that takes some time."""

    def do(is_late=False):
        done.append((number, is_late))
        clock[0] += seconds
        return True

    return do


def test_one_turn_does_no_more_than_its_share_and_the_rest_follows_in_order(clock):
    turns, done = Turns(10.0, lambda: None), []

    async def run():
        for number in range(12):
            piece = work(clock, done, number, TURN_SECONDS / 3)
            if turns.is_now():
                piece()
            else:
                turns.wait(piece)
        counts = [len(done)]
        while turns.waiting:
            await asyncio.sleep(0)
            counts.append(len(done))
        return counts

    assert asyncio.run(run()) == [3, 6, 9, 12]
    assert [number for number, _ in done] == list(range(12))


def test_who_would_wait_too_long_is_refused_by_the_pace_of_the_queue(clock):
    refused = []
    turns = Turns(0.1, lambda: refused.append(1))

    async def run():
        assert turns.is_now()
        clock[0] += TURN_SECONDS
        for number in range(20):
            assert not turns.is_now()
            turns.check()
            turns.wait(work(clock, [], number, 0.002))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # three of 2 ms a turn, so 40 fit in 0.08 s
        assert 0 < turns.waiting < 20 and not turns.is_full
        for number in range(60):
            if turns.is_full:
                break
            turns.wait(work(clock, [], number, 0.002))
        assert turns.waiting in (39, 40)
        with pytest.raises(Unavailable, match=r"0\.1 s"):
            turns.check()
        with pytest.raises(Unavailable):
            await turns.do(lambda: 1)

    asyncio.run(run())
    assert len(refused) == 2


def test_crowd_waits_shorter_than_a_burst_until_it_has_been_calm(clock):
    turns, rooms = Turns(0.12, lambda: None), []

    async def turn(asked):
        if turns.is_now():
            clock[0] += TURN_SECONDS
        for number in range(asked):
            if not turns.is_full:
                turns.wait(work(clock, [], number, 0.001))
        await asyncio.sleep(0)
        rooms.append(turns._room)

    async def run():
        await turn(20)
        await turn(0)
        burst = rooms[-1]  # 5 of 1 ms a turn, so 96 are done in 0.096 s
        assert burst == 96
        await turn(200)
        assert rooms[-1] == turns_room.FEW  # 0.016 s
        while turns.waiting:
            await turn(200)
            assert turns.waiting <= burst
            if len(rooms) > 60:
                break
        assert turns.waiting <= turns_room.FEW
        while turns.waiting:
            await turn(0)
        clock[0] += CALM_SECONDS / 2
        await turn(3)
        assert rooms[-1] == turns_room.FEW
        for _ in range(2):
            clock[0] += CALM_SECONDS / 2
            await turn(3)
        assert rooms[-1] > turns_room.FEW

    asyncio.run(run())


@pytest.mark.parametrize(("given", "taken"), [(0.25, 0.06), (0.02, 0.02)])
def test_quick_searches_wait_shortly_whatever_others_may(given, taken):
    assert Turns(given, lambda: None).patience_seconds == taken


def test_queue_that_empties_within_a_turn_forgets_that_it_was_slow(clock):
    turns = Turns(0.1, lambda: None)

    async def run():
        for seconds in [1.0] * 2 + [0.0001] * 200:
            assert turns.is_now()
            clock[0] += TURN_SECONDS
            assert not turns.is_now()
            turns.wait(work(clock, [], 0, seconds))
            await asyncio.sleep(0)
        return turns._room

    assert asyncio.run(run()) > 500


def test_pace_is_forgotten_after_a_pause(clock):
    turns = Turns(0.1, lambda: None)
    turns._learn(10.0, clock[0])
    assert turns._room == turns_room.FEW

    async def run():
        assert turns.is_now()
        clock[0] += TURN_SECONDS
        assert not turns.is_now()
        turns.wait(work(clock, [], 0, 0.0))

    asyncio.run(run())
    assert turns._room == turns_room.MAX_WAITING


def test_a_few_wait_whatever_the_pace_seems(clock):
    turns = Turns(0.1, lambda: pytest.fail("nobody is refused"))

    async def run():
        assert turns.is_now()
        clock[0] += TURN_SECONDS
        turns.wait(work(clock, [], 0, 0.5))  # as if the process had been stopped meanwhile
        await asyncio.sleep(0)
        assert turns.is_now()
        clock[0] += TURN_SECONDS
        for number in range(turns_room.FEW):
            turns.check()
            turns.wait(work(clock, [], number, 0.001))
        assert turns.is_full

    asyncio.run(run())


def test_work_that_waited_far_too_long_is_told_so_and_refused(clock):
    refused = []
    turns = Turns(0.1, lambda: refused.append(1))
    done = []

    async def run():
        waiting = asyncio.create_task(turns.do(lambda: 1))
        assert turns.is_now()
        clock[0] += TURN_SECONDS
        assert not turns.is_now()
        turns.wait(work(clock, done, 0, 0.3))
        turns.wait(work(clock, done, 1, 0.0))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await waiting

    asyncio.run(run())
    assert done == [(0, False), (1, True)]
    assert len(refused) == 1


def test_work_of_tasks_has_its_result_or_its_error(clock):
    turns = Turns(1.0, lambda: None)

    async def run():
        assert await turns.do(lambda: 1) == 1
        clock[0] += TURN_SECONDS
        later = asyncio.gather(turns.do(lambda: 2), turns.do(lambda: 1 / 0), return_exceptions=True)
        gone = asyncio.create_task(turns.do(lambda: pytest.fail("nobody waits for it")))
        await asyncio.sleep(0)
        gone.cancel()
        return await later

    two, error = asyncio.run(run())
    assert two == 2 and isinstance(error, ZeroDivisionError)


def test_a_turn_of_the_loop_accepts_many_connections():
    accepted = []

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport):
            accepted.append(transport)

    async def run():
        loop = asyncio.get_running_loop()
        door = run_room.bind("127.0.0.1", 0)
        doors = [await loop.create_server(Protocol, sock=each) for each in listeners(door)]
        clients = [socket.create_connection(door.getsockname()) for _ in range(24)]
        for _ in range(4):
            await asyncio.sleep(0)
        count = len(accepted)
        for each in (*accepted, *doors, *clients):
            each.close()
        return count

    assert uvloop.run(run()) == 24
