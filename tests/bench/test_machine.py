"""Is what others do told from what we do?"""

import os
import time

from ruvector.bench import machine


def test_own_work_does_not_disturb(monkeypatch):
    busy, own, now = iter((100.0, 130.0)), iter((10.0, 40.0)), iter((0.0, 30.0))
    monkeypatch.setattr(machine, "_busy_seconds", lambda: next(busy))
    monkeypatch.setattr(machine, "_own_seconds", lambda: next(own))
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    assert machine.OtherWork().verdict() == "no"


def test_work_of_others_disturbs(monkeypatch):
    busy, own, now = iter((100.0, 160.0)), iter((10.0, 40.0)), iter((0.0, 30.0))
    monkeypatch.setattr(machine, "_busy_seconds", lambda: next(busy))
    monkeypatch.setattr(machine, "_own_seconds", lambda: next(own))
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    assert machine.OtherWork().verdict() == "yes (1.0 cores of other work)"


def test_one_core_is_let_go_again():
    before = os.sched_getaffinity(0)
    with machine.one_core():
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before


def test_resident_memory_grows_with_what_is_kept():
    before = machine.resident_bytes()
    kept = bytearray(os.urandom(1 << 20) * 32)
    assert machine.resident_bytes() - before > 24 << 20
    assert len(kept) == 32 << 20
