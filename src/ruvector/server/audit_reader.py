"""What does the audit log say? `POST /audit/logs`: its newest lines, by time and by field.

Request and answer are Qdrant's; fields and their values are those of our lines (`audit.line_of`).
Files are read backwards in blocks, so memory is a block and the lines of one answer. A line is
chosen by its text, which one encoder writes, and read as JSON once it is chosen.
"""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from ruvector.errors import BadInput, InvalidRequest, MalformedRequest
from ruvector.kernel.deadlines import check_deadline
from ruvector.model.datetimes import parse_datetime
from ruvector.model.ids import shown
from ruvector.model.permissions import Reach
from ruvector.model.wire.query_fields import read_query_field
from ruvector.server import answers
from ruvector.server.answers import Answer
from ruvector.server.audit import FIELDS, log_files
from ruvector.server.body import BodyReader
from ruvector.server.exchange import Exchange
from ruvector.server.logs import one_line
from ruvector.server.pool import WorkerPool
from ruvector.server.rest import in_time
from ruvector.server.router import Access, Route

PATH = "/audit/logs"
LIMIT, LIMIT_MAX = 100, 10_000  # lines in one answer; the largest is 6 MB with the longest names
BLOCK_BYTES = 1 << 18
_BEGIN = b'{"time":"'
_TIME = slice(len(_BEGIN), len(_BEGIN) + len("2026-01-31T12:00:00.000Z"))


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines are wanted: `time_from` inclusive, `time_to` exclusive; all `filters` must hold.

    `filters`: fields of a line, and the text that each must equal.
    """

    time_from: str | None = None
    time_to: str | None = None
    limit: int | None = None
    filters: dict[str, str] | None = None


class AuditLines(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The lines, newest first, and how many were passed over because a crash had cut them off."""

    entries: list[msgspec.Raw]
    unreadable: int = 0


class AuditReader:
    """The route. `folder`: of the log, None where none is written."""

    def __init__(
        self, folder: Path | None, bodies: BodyReader, lane: WorkerPool, timeout_seconds: float
    ) -> None:
        self._folder = folder
        self._bodies = bodies
        self._lane = lane
        self._timeout_seconds = timeout_seconds

    def routes(self) -> list[Route]:
        """Return it."""
        return [Route("POST", PATH, Access.MANAGE, "AuditLogs", self._answer, reach=Reach.SERVER)]

    async def _answer(self, exchange: Exchange) -> Answer:
        self._lane.check()
        body = await self._bodies.read(exchange.headers, exchange.receive)
        try:
            query = _read(body)
        finally:
            self._bodies.release(body)
        given = exchange.query()
        if "timeout" in given:
            read_query_field("timeout", given["timeout"])
        chosen = _Chosen(query)
        if self._folder is None:
            raise BadInput("Audit logging is not enabled; start the server with audit.enabled")
        work = partial(_found, self._folder, chosen, exchange.started)
        return await in_time(self._lane, work, "AuditLogs", exchange, self._timeout_seconds)


def _read(body: bytes) -> AuditQuery:
    try:
        return msgspec.json.decode(body, type=AuditQuery)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedRequest(f"the body is no query of the audit log: {error}") from error


class _Chosen:
    """Says of a line whether it is wanted. Errors: BadInput, InvalidRequest."""

    def __init__(self, query: AuditQuery) -> None:
        limit = LIMIT if query.limit is None else query.limit
        if not 1 <= limit <= LIMIT_MAX:
            raise InvalidRequest.of("limit", shown(limit), f"must be from 1 to {LIMIT_MAX}")
        self.limit = limit
        self.time_from = _moment("time_from", query.time_from)
        self.time_to = _moment("time_to", query.time_to)
        self.texts = [_text_of(name, value) for name, value in (query.filters or {}).items()]

    def __call__(self, line: bytes) -> bool:
        if not all(text in line for text in self.texts):
            return False
        if self.time_from is None and self.time_to is None:
            return True
        time = parse_datetime(line[_TIME].decode("ascii", "replace"))
        if time is None:
            return False
        return (self.time_from is None or self.time_from <= time) and (
            self.time_to is None or time < self.time_to
        )


def _moment(name: str, text: str | None) -> int | None:
    """Return a time in microseconds since 1970."""
    if text is None:
        return None
    moment = parse_datetime(text)
    if moment is None:
        raise InvalidRequest.of(name, shown(text), "must be a time (2026-01-31T12:00:00Z)")
    return moment


def _text_of(name: str, value: str) -> bytes:
    """Return what a line holds where a field has a value, and nowhere else.

    A quote inside of a text is written escaped, so `"name":` cannot stand in one.
    """
    if name not in FIELDS:
        raise BadInput(f"filters: {name[:40]!r} is no field of a line; use {', '.join(FIELDS)}")
    written: Any = value
    if FIELDS[name] is int:
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            raise InvalidRequest.of(f"filters.{name}", shown(value), "must be a number")
        written = int(value)
    return one_line({name: written})[1:-1].encode() + b","  # no field that is asked for is the last


def _found(folder: Path, chosen: _Chosen, started: float) -> Answer:
    entries: list[msgspec.Raw] = []
    unreadable = 0
    for line in _lines(folder, chosen.time_from, chosen.texts):
        if not chosen(line):
            continue
        if not (line.startswith(_BEGIN) and _is_json(line)):
            unreadable += 1
            continue
        entries.append(msgspec.Raw(line))
        if len(entries) == chosen.limit:
            break
    return answers.success(AuditLines(entries=entries, unreadable=unreadable), started)


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except msgspec.DecodeError:
        return False
    return True


def _lines(folder: Path, time_from: int | None, texts: list[bytes]) -> Iterator[bytes]:
    """Yield the lines of blocks that may hold some wanted one, newest first."""
    for path in reversed(log_files(folder)):
        try:
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # it was the oldest, and is gone meanwhile
        try:
            # A line is written after its request has ended, so a file tells of what came before.
            if time_from is None or os.fstat(file).st_mtime_ns >= time_from * 1000:
                for block in _blocks(file):
                    check_deadline()
                    if all(text in block for text in texts):
                        yield from reversed(block.splitlines())
        finally:
            os.close(file)


def _blocks(file: int) -> Iterator[bytes]:
    """Yield whole lines, about BLOCK_BYTES at a time, from the end of a file.

    What follows the last end of a line is being written, or was never finished.
    """
    end, rest = os.fstat(file).st_size, b""
    is_last = True
    while end:
        start = max(0, end - BLOCK_BYTES)
        block = os.pread(file, end - start, start) + rest
        end = start
        if is_last:
            block, is_last = block[: block.rfind(b"\n") + 1], False
        first = 0 if start == 0 else block.find(b"\n") + 1
        rest, block = block[:first], block[first:]
        if block:
            yield block
