"""What is this machine, and how full? As far as this process may use it.

Read anew with every call: 50 µs. None where the system does not say.
"""

import contextlib
import os
import resource
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_DOCKER = Path("/.dockerenv")
_FLAGS = ("sse4_2", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni", "asimd", "sve")
_STATUS = Path("/proc/self/status")
_MAPS = Path("/proc/self/maps")
_MAX_MAPS = Path("/proc/sys/vm/max_map_count")
# The limits of a container: cgroup 2, cgroup 1.
_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def process_memory() -> dict[str, int] | None:
    """Return the kernel's counts of this process's memory in bytes, by its names for them."""
    lines = (_read(_STATUS) or "").splitlines()
    sizes = {line.partition(":")[0]: int(line.split()[1]) << 10 for line in lines if "kB" in line}
    return sizes or None


def memory_figures() -> dict[str, int] | None:
    """Return this process's memory in bytes, by the names that allocators have for such counts."""
    sizes = process_memory()
    if sizes is None:
        return None
    return {
        "active": sizes["RssAnon"],
        "allocated": sizes["RssAnon"] + sizes["VmSwap"],
        "metadata": sizes["VmPTE"],
        "resident": sizes["VmRSS"],
        "retained": sizes["VmSize"],
    }


def process_counts() -> dict[str, int]:
    """Return how many threads, files, maps and page faults this process has, where it is told."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    found = {
        "process_minor_page_faults_total": usage.ru_minflt,
        "process_major_page_faults_total": usage.ru_majflt,
        "process_max_fds": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    }
    for name, folder in (("process_threads", "task"), ("process_open_fds", "fd")):
        with contextlib.suppress(OSError):
            found[name] = sum(1 for _ in Path(f"/proc/self/{folder}").iterdir())
    for name, path in (("process_open_mmaps", _MAPS), ("system_max_mmaps", _MAX_MAPS)):
        text = _read(path)
        if text is not None:
            found[name] = text.count("\n") if path == _MAPS else int(text)
    return found


def process_bytes() -> int | None:
    """Return the memory of this process that the system cannot take back.

    Mapped files are left out: their pages are given up when others need the room.
    """
    sizes = process_memory()
    return None if sizes is None else sizes["RssAnon"] + sizes["RssShmem"]


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


def disk_bytes(path: Path) -> int | None:
    """Return the size of the file system that holds `path`, None where there is no such path."""
    try:
        status = os.statvfs(path)
    except OSError:
        return None
    return status.f_blocks * status.f_frsize


def cpu_flags() -> list[str]:
    """Return which instructions the processor has, of those that kernels choose between."""
    for line in (_read(_CPUINFO) or "").splitlines():
        if line.startswith(("flags", "Features")):
            present = set(line.partition(":")[2].split())
            return [flag for flag in _FLAGS if flag in present]
    return []


def is_container() -> bool:
    """Say whether this process runs in a Docker container."""
    return _DOCKER.exists()


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
