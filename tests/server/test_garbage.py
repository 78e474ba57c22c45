"""Does no collection of garbage start while a large request is in memory?"""

import gc
import sys
import threading

import pytest

from ruvector.errors import BadInput
from ruvector.model import requests as r
from ruvector.server import garbage, rest
from ruvector.server.garbage import LARGE_BYTES, Pauses

PATH = "/collections/docs/points"
LARGE = {"ids": list(range(LARGE_BYTES // 4))}


@pytest.fixture
def pauses():
    """Pauses of their own, and a collector that is on before and after."""
    assert gc.isenabled()
    yield Pauses()
    assert gc.isenabled()


def test_collections_wait_for_the_last_of_several_requests(pauses):
    with pauses.pause():
        with pauses.pause():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_failing_request_ends_its_pause(pauses):
    with pytest.raises(ValueError, match="no"), pauses.pause():
        raise ValueError("no")
    assert gc.isenabled()


def test_a_long_pause_is_ended_before_the_next_request_enters(pauses, monkeypatch):
    monkeypatch.setattr(garbage, "MAX_PAUSE_SECONDS", -1.0)
    entered = threading.Event()
    was_enabled = []

    def enter() -> None:
        with pauses.pause():
            entered.set()

    with pauses.pause():
        waiting = threading.Thread(target=enter)
        waiting.start()
        assert not entered.wait(0.05)
        was_enabled.append(gc.isenabled())
    assert entered.wait(10)
    waiting.join(10)
    assert was_enabled == [False]


def test_a_large_request_is_executed_in_a_pause_and_a_small_one_is_not(server, engine):
    seen = []
    engine.answers[r.Retrieve] = lambda _: seen.append(gc.isenabled()) or []
    assert server("POST", PATH, LARGE).status == 200
    assert server("POST", PATH, {"ids": [1]}).status == 200
    assert seen == [False, True]
    assert gc.isenabled()


@pytest.mark.parametrize("status", [200, 400])
def test_a_large_request_is_gone_when_its_pause_ends(server, engine, monkeypatch, status):
    kept, holders = [], []

    class Told(Pauses):
        def _leave(self) -> None:
            holders.append(sys.getrefcount(kept[0]))
            super()._leave()

    def remember(request):
        engine.requests.clear()
        kept.append(request.ids)
        if status == 400:
            raise BadInput("no")
        return []

    monkeypatch.setattr(rest, "PAUSES", Told())
    engine.answers[r.Retrieve] = remember
    assert server("POST", PATH, LARGE).status == status
    assert holders == [2]  # the list `kept`, and the call that counts


def test_a_slow_large_request_is_told_with_its_shape(serve):
    server = serve(slow_query_secs=0.0)
    assert server("POST", PATH, LARGE).status == 200
    (told,) = server.application.observer.slow.slowest(9, "")
    assert told.request_body["ids"] == f"{len(LARGE['ids'])} parts"
