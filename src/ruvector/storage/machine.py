"""How full is this machine? Memory and disk, as far as this process may use them.

Read anew with every call: 50 µs. None where the system does not say.
"""

import os
from pathlib import Path

_STATUS = Path("/proc/self/status")
_IN_MEMORY = ("RssAnon:", "RssShmem:")
# The limits of a container: cgroup 2, cgroup 1.
_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def process_bytes() -> int | None:
    """Return the memory of this process that the system cannot take back.

    Mapped files are left out: their pages are given up when others need the room.
    """
    lines = (_read(_STATUS) or "").splitlines()
    sizes = [int(line.split()[1]) << 10 for line in lines if line.startswith(_IN_MEMORY)]
    return sum(sizes) if sizes else None


def memory_bytes() -> int:
    """Return the bytes of memory that this process may use: the container's, or all."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limits = [int(text) for path in _LIMITS if (text := _read(path)) and text.strip().isdigit()]
    return min([total, *limits])


def memory_percent() -> int | None:
    """Return this process's memory as a percentage of what it may use, rounded down."""
    used = process_bytes()
    return None if used is None else 100 * used // memory_bytes()


def disk_percent(path: Path) -> int:
    """Return how much of the file system that holds `path` is used, as `df` counts it.

    Blocks kept for the administrator count neither as used nor as free.
    """
    status = os.statvfs(path)
    used = status.f_blocks - status.f_bfree
    return 100 * used // max(1, used + status.f_bavail)


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
