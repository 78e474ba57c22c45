"""Where is it measured? The processor, what else it is doing, and how much memory is in use."""

import ctypes
import gc
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Of the flags that a processor has, those that the kernels choose between.
FLAGS = ("avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "asimd", "sve")
# Load above this, besides our own, makes a run worth repeating.
QUIET_LOAD = 0.3
CPUINFO, STAT = "/proc/cpuinfo", "/proc/stat"


def machine() -> str:
    """Return the processor's name and the number of cores this process may use."""
    name = platform.processor() or platform.machine()
    for line in _lines(CPUINFO):
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
            break
    return f"{name} x{cores()}"


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_flags() -> str:
    """Return those of `FLAGS` that the processor has."""
    for line in _lines(CPUINFO):
        if line.startswith(("flags", "Features")):
            present = set(line.split(":", 1)[1].split())
            return " ".join(flag for flag in FLAGS if flag in present)
    return ""


def disturbance() -> str:
    """Return "yes (load ...)" when others keep the machine busy; call it before starting."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return f"yes (load {load:.1f})" if load > QUIET_LOAD else "no"


class OtherWork:
    """What else the machine does from here on: all CPU time but this process's and its children's.

    The load average before a run tells what was; this tells what was beside it.
    """

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._busy, self._own = _busy_seconds(), _own_seconds()

    def cores(self) -> float:
        """Return how many cores other processes (and the host) have kept busy, on average."""
        others = (_busy_seconds() - self._busy) - (_own_seconds() - self._own)
        return max(0.0, others) / max(time.monotonic() - self._start, 1e-9)

    def verdict(self) -> str:
        """Return "no", or "yes (...)" where figures of this run compare only with each other."""
        if not Path(STAT).exists():
            return disturbance()
        busy = self.cores()
        return f"yes ({busy:.1f} cores of other work)" if busy > QUIET_LOAD else "no"


def resident_bytes() -> int:
    """Return the memory this process keeps, after freed memory went back; 0 where unknown."""
    gc.collect()
    with suppress(AttributeError, OSError, TypeError):  # another C library keeps what it keeps
        ctypes.CDLL(None).malloc_trim(0)
    for line in _lines("/proc/self/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


@contextmanager
def one_core() -> Iterator[None]:
    """Keep the calling thread on one core, so that no measurement moves between caches."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _own_seconds() -> float:
    times = os.times()
    return sum(times[:4])


def _busy_seconds() -> float:
    """Return the CPU time of everything: user, nice, system, interrupts, stolen by the host."""
    for line in _lines(STAT)[:1]:
        ticks = [int(field) for field in line.split()[1:9]]
        idle = ticks[3] + ticks[4]
        return (sum(ticks) - idle) / float(os.sysconf("SC_CLK_TCK"))
    return 0.0


def _lines(file: str) -> list[str]:
    try:
        with Path(file).open(encoding="utf-8", errors="replace") as text:
            return text.read().splitlines()
    except OSError:
        return []
