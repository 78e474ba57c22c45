"""Was every file durable before something durable named it? Read from a trace of `fault.c`.

A killed process loses nothing that was written, so a missing fsync shows only in the order of
calls. Before each commit of a shard's environment (the write of its meta page ends in a write to
data.mdb), every file of the segments folder must have been fsynced after its last write, and its
folder after the last rename or creation. The same holds for a collection's folder before the commit
in `meta` that names it.
"""

from collections.abc import Iterable
from pathlib import Path

UNSYNCED = ("last_commit", "lock.mdb", "state")  # which prove nothing by not being there


def order_faults(lines: Iterable[str], root: Path) -> list[str]:
    """Return every commit before which something it may name was not durable."""
    unsynced: dict[Path, int] = {}  # files by the call that wrote them last
    unlisted: dict[Path, int] = {}  # folders by the call that changed their names last
    unflushed: dict[Path, int] = {}  # environments by the write that no fsync followed
    faults = []
    for line in lines:
        number, what, first, second = line.split("\t")
        path, call = Path(first), int(number)
        if what == "write" and path.name == "data.mdb":
            if path not in unflushed:
                faults += _before_commit(call, path, root, unsynced, unlisted)
            unflushed[path] = call
        elif what in ("write", "truncate") and path.name not in UNSYNCED:
            unsynced[path] = call
        elif what == "fsync":
            unsynced.pop(path, None)
            unlisted.pop(path, None)
            unflushed.pop(path, None)
        elif what == "create":
            unlisted[path.parent] = call
        elif what == "rename":
            unlisted[Path(second).parent] = call
            if path in unsynced:
                faults.append(f"call {call} renames {path.name}, unsynced since {unsynced[path]}")
    return faults


def _before_commit(
    call: int, environment: Path, root: Path, unsynced: dict[Path, int], unlisted: dict[Path, int]
) -> list[str]:
    """Return what is not durable of the things that this environment names."""
    owner = environment.parent.parent
    named = owner / "segments" if owner != root else root / "collections"
    faults = [
        f"call {call} commits {environment}, but {path} is not synced since call {since}"
        for path, since in unsynced.items()
        if path.parent == named or (owner == root and path.is_relative_to(named))
    ]
    faults += [
        f"call {call} commits {environment}, but the names in {path} are not since call {since}"
        for path, since in unlisted.items()
        if path == named
    ]
    return faults


def data_writes(lines: Iterable[str]) -> set[int]:
    """Return the calls that write pages of a shard's environment other than its meta pages.

    A commit is some writes, one fsync, and one write of the meta page.
    """
    found = set()
    synced: set[str] = set()
    for line in lines:
        number, what, path, _ = line.split("\t")
        if not path.endswith("/store/data.mdb"):
            continue
        if what == "fsync":
            synced.add(path)
        elif what == "write" and path in synced:
            synced.discard(path)
        elif what == "write":
            found.add(int(number))
    return found
