"""Does `POST /audit/logs` tell the lines that were asked for, and those alone?"""

import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.server.server_harness import Caller, FakeEngine, answered, call_application

from ruvector.server import audit_reader
from ruvector.server.asgi import Application
from ruvector.server.audit import FIELDS, AuditLog, line_of, log_files
from ruvector.server.configuration import Audit, Service, Settings, Storage

START = 1_764_000_000.0


class Asked:
    """A server with an audit log whose lines a test writes; the server's own are not in it."""

    def __init__(self, folder: Path, **service: Any) -> None:
        self.folder = folder / "audit"
        self.application = Application(
            FakeEngine(),
            Settings(
                service=Service(**service),
                storage=Storage(storage_path=str(folder)),
                audit=Audit(enabled=True),
            ),
        )
        self.application.observer._audit.close()
        for path in log_files(self.folder):
            path.unlink()
        self.call = Caller(self.application, call_application)

    def write(self, *lines: bytes, name: str = "audit-2025-11-24.000.log") -> Path:
        path = self.folder / name
        path.write_bytes(b"".join(lines))
        return path

    def __call__(self, query: dict[str, Any], **given: Any) -> Any:
        response = self.call("POST", "/audit/logs", query, **given)
        assert response.status == 200, response.body
        return response.result

    def numbers(self, query: dict[str, Any]) -> list[int]:
        return [int(line["request_id"]) for line in self(query)["entries"]]


@pytest.fixture
def asked(tmp_path: Path) -> Any:
    opened = Asked(tmp_path)
    yield opened
    opened.application.pool.close()


def line(number: int, **fields: Any) -> bytes:
    given = {"request_id": str(number), "ended": START + number, **fields}
    return line_of(msgspec.structs.replace(answered(0.5), **given))


def test_the_newest_lines_come_first_across_blocks_and_files(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked.write(*map(line, range(40)))
    asked.write(*map(line, range(40, 70)), name="audit-2025-11-24.001.log")
    everything = list(range(69, -1, -1))
    size = len(line(0))
    for block in (1, 7, size - 1, size, size + 1, 10 * size, 1 << 20):
        monkeypatch.setattr(audit_reader, "BLOCK_BYTES", block)
        assert asked.numbers({"limit": 10_000}) == everything
    assert asked.numbers({"limit": 35}) == everything[:35]
    asked.write(*map(line, range(300)), name="audit-2025-11-24.002.log")
    assert asked.numbers({}) == list(range(299, 199, -1))  # 100 unless told


def test_filters_are_all_fields_of_a_line_and_equal_their_whole_value(asked: Asked) -> None:
    tricky = 'a","outcome":"denied","status":200,"b\\'
    asked.write(
        line(0, collection="docs", endpoint=("GET", "/x", 200)),
        line(1, collection="docs", endpoint=("GET", "/x", 20)),
        line(2, collection=tricky, endpoint=("POST", "/x", 404), failed=True),
        line(3, collection=None, caller="ada"),
        line(4, collection="do", caller="é\x1b"),
    )
    assert asked.numbers({"filters": {"collection": "docs", "status": "20"}}) == [1]
    assert asked.numbers({"filters": {"collection": "docs"}}) == [1, 0]
    assert asked.numbers({"filters": {"outcome": "denied"}}) == []
    assert asked.numbers({"filters": {"collection": tricky, "outcome": "error"}}) == [2]
    assert asked.numbers({"filters": {"caller": "é\x1b"}}) == [4]
    assert asked.numbers({"filters": {"endpoint": "GET /x"}}) == [1, 0]
    assert list(msgspec.json.decode(line(0))) == ["time", *FIELDS, "seconds"]


def test_times_are_from_inclusive_to_exclusive(asked: Asked) -> None:
    asked.write(*map(line, range(10)))
    times = [entry["time"] for entry in reversed(asked({})["entries"])]
    assert asked.numbers({"time_from": times[3], "time_to": times[6]}) == [5, 4, 3]
    assert asked.numbers({"time_from": times[7], "limit": 2}) == [9, 8]
    later = times[7].replace(".000Z", ".000001Z")
    assert asked.numbers({"time_from": later}) == [9, 8]
    assert asked.numbers({"time_to": times[1].replace("Z", "+00:00")}) == [0]


def test_a_file_whose_last_line_was_before_is_not_read(asked: Asked) -> None:
    path = asked.write(*map(line, range(10)))
    os.utime(path, ns=(0, int((START + 5) * 1e9)))
    from_six = "2025-11-24T16:00:06Z"
    assert asked.numbers({"time_from": from_six}) == []
    os.utime(path)
    assert asked.numbers({"time_from": from_six}) == [9, 8, 7, 6]


def test_lines_that_were_cut_off_are_counted_and_end_where_the_next_begins(
    asked: Asked, tmp_path: Path
) -> None:
    path = asked.write(line(0), line(1)[:30])
    log = AuditLog(Audit(), tmp_path / "other", lambda: None)
    log.close()
    (own,) = log_files(tmp_path / "other")
    own.write_bytes(path.read_bytes())
    log = AuditLog(Audit(), tmp_path / "other", lambda: None)
    log.add(msgspec.structs.replace(answered(0.5), request_id="2"))
    log.close()
    asked.write(own.read_bytes(), line(3)[:-1])  # the last is being written
    found = asked({})
    assert [entry["request_id"] for entry in found["entries"]] == ["2", "0"]
    assert found["unreadable"] == 1


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (b"", 400), (b"{", 400), (b"[]", 400), ({"limit": "5"}, 400), ({"since": "x"}, 400),
        ({"filters": {"operation": 5}}, 400), ({"filters": {"method": "x"}}, 400),
        ({"limit": 0}, 422), ({"limit": 10_001}, 422), ({"limit": -(2**70)}, 422),
        ({"time_from": "yesterday"}, 422), ({"time_to": ""}, 422),
        ({"filters": {"status": "2xx"}}, 422), ({"filters": {"status": "9" * 5000}}, 422),
        ({"filters": {"seconds": "0.5"}}, 400), ({"filters": {"time": "x"}}, 400),
    ],
)  # fmt: skip
def test_other_queries_are_refused(asked: Asked, query: Any, status: int) -> None:
    assert asked.call("POST", "/audit/logs", query).status == status


def test_the_search_ends_with_its_time(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked.call("POST", "/audit/logs?timeout=0", {}).status == 422
    asked.write(line(0))
    monkeypatch.setattr(audit_reader, "_blocks", lambda _: iter(lambda: line(0), None))
    query = {"filters": {"outcome": "denied"}}  # read for ever, found never
    assert asked.call("POST", "/audit/logs?timeout=1", query).status == 408
    asked.application.pool.close()  # which waits for the work: it has ended


def test_without_an_audit_log_it_says_so(server: Any) -> None:
    response = server("POST", "/audit/logs", {})
    assert response.status == 400 and b"audit.enabled" in response.body


def test_only_who_manages_the_server_reads_it(tmp_path: Path) -> None:
    key, reader = "k" * 32, "r" * 32
    asked = Asked(tmp_path, api_key=key, read_only_api_key=reader)
    asked.write(line(0))
    assert asked.call("POST", "/audit/logs", {}).status == 401
    assert asked.call("POST", "/audit/logs", {}, [("api-key", reader)]).status == 403
    assert asked.call("POST", "/audit/logs", {}, [("api-key", key)]).status == 200
    asked.application.pool.close()


def test_links_are_not_followed(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(line(0))
    asked.write(line(1))
    (asked.folder / "audit-2025-11-25.000.log").symlink_to(tmp_path / "secret")
    assert asked.numbers({}) == [1]


def test_a_line_is_there_soon_after_its_request(tmp_path: Path) -> None:
    settings = Settings(storage=Storage(storage_path=str(tmp_path)), audit=Audit(enabled=True))
    application = Application(FakeEngine(), settings)
    call = Caller(application, call_application)
    call("POST", "/collections/docs/points/count", {}, [("x-request-id", "me-1")])
    query = {"filters": {"request_id": "me-1"}}

    async def until_there() -> Any:
        while True:
            response = await asyncio.to_thread(call, "POST", "/audit/logs", query)
            if response.result["entries"]:
                return response.result["entries"]

    (entry,) = asyncio.run(asyncio.wait_for(until_there(), 10))
    assert (entry["operation"], entry["collection"]) == ("Count", "docs")
    application.pool.close()
    application.observer.close()
