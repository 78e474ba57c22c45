"""Who did what, where, with which outcome? One JSON line for each request whose access was judged.

A line tells time, operation, endpoint, collection, caller, address, request id, status, outcome;
never a key, a token, a body, a payload or a query string. Lines are written by one thread, so that
no request waits for the disk, and synced at most SYNC_SECONDS later. MAX_WAITING lines may wait;
what comes then is lost, counted (`ruvector_audit_lost_total`) and said in the log, and so is what
the disk does not take. A file ends with its day or hour, or at `max_file_size_mb`; the newest
`max_log_files` are kept.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from ruvector.errors import BadInput
from ruvector.server.configuration import MEBIBYTE, Audit
from ruvector.server.logs import one_line, utc_time
from ruvector.server.metrics import Answered

MAX_WAITING = 10_000  # lines: 3 MB
SYNC_SECONDS = 1.0
COMPLAINT_SECONDS = 60.0  # between two log lines about the same trouble
PERIODS = {"daily": "%Y-%m-%d", "hourly": "%Y-%m-%dT%H"}
# What a line can be asked for, beside its time; `seconds` comes last in it.
FIELDS: dict[str, type] = {
    **dict.fromkeys(("operation", "protocol", "endpoint", "collection", "caller"), str),
    **dict.fromkeys(("credential", "address", "request_id"), str),
    "status": int,
    "outcome": str,
}
_DENIED = frozenset({"401", "403", "7", "16"})  # HTTP's, and gRPC's two

_log = logging.getLogger("ruvector.audit")


class AuditLog:
    """The files of one server, and the thread that writes them. `add` may be called anywhere."""

    def __init__(self, settings: Audit, folder: Path, lost: Callable[[], None]) -> None:
        self._settings = settings
        self._folder = folder
        self._lost = lost
        self._waiting: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._complained = -COMPLAINT_SECONDS
        self._file: IO[bytes] | None = None
        self._period = ""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._open(time.time())
        except OSError as error:
            raise BadInput(
                f"the audit log cannot be written to audit.dir {str(folder)!r}: {error.strerror}; "
                "choose a folder that this user may write"
            ) from error
        self._thread = threading.Thread(target=self._run, name="ruvector-audit", daemon=True)
        self._thread.start()

    def add(self, answered: Answered) -> None:
        """Take one line; it is written soon."""
        line = line_of(answered)  # keeps nothing of the request
        with self._changed:
            if len(self._waiting) < MAX_WAITING and not self._closed:
                self._waiting.append(line)
                self._changed.notify()
                return
        self._complain(1, "too many lines wait")

    def close(self) -> None:
        """Write and sync what is waiting."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    # The thread

    def _run(self) -> None:
        synced, written = time.monotonic(), False
        while True:
            with self._changed:
                if not self._waiting and not self._closed:
                    self._changed.wait(SYNC_SECONDS if written else None)
                lines, closed = list(self._waiting), self._closed
                self._waiting.clear()
            if lines:
                self._write(lines)
                written = True
            if written and (closed or time.monotonic() - synced >= SYNC_SECONDS):
                self._sync()
                synced, written = time.monotonic(), False
            if closed and not lines:
                break
        if self._file is not None:
            self._file.close()

    def _write(self, lines: list[bytes]) -> None:
        now = time.time()
        try:
            if self._file is None or self._is_full(now):
                self._open(now)
            assert self._file is not None  # noqa: S101 - it was just opened
            self._file.write(b"".join(lines))
            self._file.flush()
        except OSError as error:
            self._file = None
            self._complain(len(lines), error.strerror or str(error))

    def _sync(self) -> None:
        try:
            if self._file is not None:
                os.fsync(self._file.fileno())
        except OSError as error:
            self._complain(0, error.strerror or str(error))

    def _is_full(self, now: float) -> bool:
        assert self._file is not None  # noqa: S101 - the caller looked
        most = self._settings.max_file_size_mb * MEBIBYTE
        return self._period != self._period_of(now) or self._file.tell() >= most

    def _period_of(self, now: float) -> str:
        return time.strftime(PERIODS[self._settings.rotation], time.gmtime(now))

    def _open(self, now: float) -> None:
        """Open the file of this moment: the last one of its period while that has room."""
        if self._file is not None:
            self._file.close()
        self._file, self._period = None, self._period_of(now)
        own = [
            path
            for path in log_files(self._folder)
            if path.name.startswith(f"audit-{self._period}.")
        ]
        number = int(own[-1].name.split(".")[-2]) if own else 0
        if own and own[-1].stat().st_size >= self._settings.max_file_size_mb * MEBIBYTE:
            number += 1
        path = self._folder / f"audit-{self._period}.{number:03d}.log"
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.fdopen(os.open(path, flags, 0o600), "ab")
        _end_line(self._file.fileno())
        for old in log_files(self._folder)[: -self._settings.max_log_files]:
            old.unlink(missing_ok=True)

    def _complain(self, lines: int, why: str) -> None:
        for _ in range(lines):
            self._lost()
        now = time.monotonic()
        if now - self._complained >= COMPLAINT_SECONDS:
            self._complained = now
            _log.error("lines of the audit log are lost: %s", why)


def log_files(folder: Path) -> list[Path]:
    """Return the files of an audit log, oldest first."""
    found = [
        path for path in folder.glob("audit-*.*.log") if path.is_file() and not path.is_symlink()
    ]
    return sorted(found, key=lambda path: path.name)


def _end_line(file: int) -> None:
    """End the line that a crash has cut off, so that the next one is a line of its own."""
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        os.write(file, b"\n")


def line_of(answered: Answered) -> bytes:
    """Return the line about one request."""
    method, path, status = answered.endpoint
    outcome = "ok"
    if answered.failed:
        outcome = "denied" if str(status) in _DENIED else "error"
    line: dict[str, Any] = {
        "time": utc_time(answered.ended),
        "operation": answered.label,
        "protocol": answered.protocol,
        "endpoint": f"{method} {path}".strip(),
        "collection": answered.collection,
        "caller": answered.caller,
        "credential": answered.credential,
        "address": answered.address,
        "request_id": answered.request_id,
        "status": status,
        "outcome": outcome,
        "seconds": round(answered.seconds, 6),
    }
    return one_line(line).encode() + b"\n"
