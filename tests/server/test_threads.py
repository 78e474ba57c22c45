"""Which thread does the work, and what does a reader hear that waited long enough?"""

import threading

import pytest

from ruvector.model import requests as r

SEARCH = {"query": [1.0, 2.0]}
PATH = "/collections/docs/points/query"


@pytest.fixture
def threads(engine):
    """The names of the threads that executed something, in order."""
    names = []

    def remember(request):
        names.append(threading.current_thread().name)
        return r.QueryPoints.result([])

    engine.answers[r.QueryPoints] = remember
    engine.answers[r.Count] = remember
    return names


def test_a_quick_search_runs_on_the_loops_thread(server, engine, threads):
    engine.quick = True
    assert server("POST", PATH, SEARCH).status == 200
    assert threads == [threading.current_thread().name]


def test_other_searches_and_operations_run_in_the_pool(server, engine, threads):
    assert server("POST", PATH, SEARCH).status == 200
    engine.quick = True
    assert server("POST", "/collections/docs/points/count", {}).status == 200
    assert all(name.startswith("ruvector-request") for name in threads)
    assert len(threads) == 2


def test_a_quick_search_is_refused_in_the_same_words(server, engine):
    slow = server("POST", PATH, {"query": [1.0], "nothing": 1})
    engine.quick = True
    quick = server("POST", PATH, {"query": [1.0], "nothing": 1})
    assert (quick.status, quick.error) == (slow.status, slow.error)
    assert quick.status == 400


def test_a_read_that_takes_longer_than_its_timeout_is_answered_408(server, engine):
    release = threading.Event()
    engine.answers[r.Count] = lambda _: release.wait(30)
    try:
        answer = server("POST", "/collections/docs/points/count?timeout=1", {})
    finally:
        release.set()
    assert answer.status == 408
    assert answer.error == "Timeout: Operation 'Count' timed out after 1 seconds"
