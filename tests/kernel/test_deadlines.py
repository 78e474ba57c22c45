"""Does every long call of the kernel stop when the time is over?"""

import threading

import numpy as np
import pytest

from ruvector import kernel
from ruvector.index.vector_index import VectorIndex
from ruvector.kernel import Metric
from ruvector.kernel.deadlines import (
    Deadline,
    DeadlinePassed,
    check_deadline,
    working_for,
    works_for_deadline,
)

RANDOM = np.random.default_rng(7)
VECTORS = RANDOM.standard_normal((5000, 64), dtype=np.float32)
ROWS = np.arange(5000, dtype=np.uint32)


def built(**options):
    index = VectorIndex(dimensions=64, distance="dot", **options)
    index.add(np.arange(5000, dtype=np.uint64), VECTORS)
    return index


PACKED = built()
CALLS = {
    "scan": lambda: kernel.exact_search(VECTORS[:1], VECTORS, Metric.DOT, 10),
    "scan in threads": lambda: kernel.exact_search(VECTORS[:4], VECTORS, Metric.DOT, 10, threads=2),
    "scores of rows": lambda: kernel.score_rows(VECTORS[0], VECTORS, ROWS, Metric.DOT),
    "walk": lambda: PACKED.search(VECTORS[0], k=10, beam=1000),
    "walk among few": lambda: PACKED.search(
        VECTORS[0], k=10, beam=500, allowed=np.arange(5000) % 4 == 0
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls_stop_at_a_deadline_and_only_there(name):
    call = CALLS[name]
    before = call()
    with working_for(Deadline(3600.0)):
        call()
    with working_for(Deadline(0.0)), pytest.raises(DeadlinePassed):
        call()
    for then, now in zip(_arrays(before), _arrays(call()), strict=True):
        assert np.array_equal(then, now)  # nothing is left behind by the call that stopped


def _arrays(found):
    return found if isinstance(found, tuple) else (found,)


def test_a_deadline_is_the_business_of_its_thread():
    with working_for(Deadline(0.0)):
        seen = []
        thread = threading.Thread(target=lambda: seen.append(works_for_deadline()))
        thread.start()
        thread.join()
        assert seen == [False] and works_for_deadline()
        with working_for(None):
            check_deadline()
        with pytest.raises(DeadlinePassed):
            check_deadline()
    assert not works_for_deadline()


def test_another_thread_can_cancel():
    deadline = Deadline(float("inf"))
    assert not deadline.has_passed
    with working_for(deadline):
        check_deadline()
        thread = threading.Thread(target=deadline.cancel)
        thread.start()
        thread.join()
        with pytest.raises(DeadlinePassed):
            check_deadline()
    assert deadline.was_cancelled and deadline.has_passed
