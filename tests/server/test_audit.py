"""Does the audit log say who did what, and nothing that is secret?"""

import re
import stat
import time

import msgspec
import pytest
from tests.server.server_harness import Caller, answered, call_application

from ruvector.errors import BadInput
from ruvector.server import audit as audit_room
from ruvector.server.asgi import Application
from ruvector.server.audit import AuditLog
from ruvector.server.configuration import Audit, Service, Settings, Storage, settle

FOLDER = "audit"


@pytest.fixture
def audited(engine, tmp_path):
    """A function that returns a server with an audit log, and its lines after it was closed."""
    opened = []

    def start(service=None, **settings):
        application = Application(
            engine,
            Settings(
                service=service or Service(),
                storage=Storage(storage_path=str(tmp_path)),
                audit=Audit(enabled=True, **settings),
            ),
        )
        opened.append(application)

        def lines():
            application.observer.close()
            return lines_of(tmp_path / FOLDER)

        return Caller(application, call_application), lines

    yield start
    for application in opened:
        application.pool.close()
        application.observer.close()


def lines_of(folder):
    files = sorted(folder.iterdir(), key=lambda path: path.name)
    return [msgspec.json.decode(line) for path in files for line in path.read_bytes().splitlines()]


def test_a_line_for_each_judged_request_says_who_what_where_and_how_it_ended(audited, engine):
    server, lines = audited(Service(api_key="canary-key"))
    key = ("api-key", "canary-key")
    server("PUT", "/collections/docs/points", {"points": []}, [key, ("x-request-id", "me-1")])
    server("POST", "/collections/docs/points/count", b"{", [key])
    server("GET", "/collections", headers=[("api-key", "canary-wrong")])
    server("GET", "/livez")
    found = lines()
    assert [(each["operation"], each["status"], each["outcome"]) for each in found] == [
        ("Upsert", 200, "ok"),
        ("Count", 400, "error"),
        ("ListCollections", 401, "denied"),
    ]
    first = found[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["time"])
    assert first["endpoint"] == "PUT /collections/{collection}/points"
    assert (first["collection"], first["request_id"], first["protocol"]) == ("docs", "me-1", "rest")
    assert first["seconds"] > 0
    assert [(each["credential"], each["caller"]) for each in found] == [
        ("api_key", ""),
        ("api_key", ""),
        ("none", ""),
    ]


def test_no_secret_and_no_content_gets_into_the_log(audited, tmp_path):
    server, lines = audited(Service(api_key="canary-key"))
    body = {"points": [{"id": 1, "vector": [0.5], "payload": {"canary": "canary"}}]}
    for name, key in (("api-key", "canary-key"), ("authorization", "Bearer canary-key")):
        assert server("PUT", "/collections/c/points?x=canary", body, [(name, key)]).status
    server("GET", "/collections", headers=[("api-key", "canary-other")])
    assert len(lines()) == 3
    assert b"canary" not in b"".join(path.read_bytes() for path in (tmp_path / FOLDER).iterdir())


def test_names_cannot_break_the_line(audited, tmp_path):
    server, lines = audited()
    server(
        "GET",
        "/collections/a%0A%7B%7D%1B%5B31m%E2%80%A8/exists",
        headers=[("x-request-id", "a\tb")],
    )
    (line,) = lines()
    assert line["collection"] == "a\n{}\x1b[31m\u2028"
    (path,) = (tmp_path / FOLDER).iterdir()
    text = path.read_bytes()
    assert text.count(b"\n") == 1 and b"\x1b" not in text and "\u2028".encode() not in text


def test_files_are_for_their_owner_and_old_ones_go(tmp_path, monkeypatch):
    folder = tmp_path / FOLDER
    monkeypatch.setattr(audit_room, "MEBIBYTE", 500)  # a file holds one line, or two
    for _ in range(6):
        log = AuditLog(Audit(max_file_size_mb=1, max_log_files=3), folder, lambda: None)
        for _ in range(2):
            log.add(answered(0.5))
        log.close()
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == 3
    assert all(re.fullmatch(r"audit-\d{4}-\d\d-\d\d\.\d{3}\.log", name) for name in names)
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_new_hour_is_a_new_file(tmp_path, monkeypatch):
    now = [time.time()]
    monkeypatch.setattr(audit_room.time, "time", lambda: now[0])
    log = AuditLog(Audit(rotation="hourly"), tmp_path, lambda: None)
    log.add(answered(0.5))
    while not any(path.stat().st_size for path in tmp_path.iterdir()):
        time.sleep(0.001)
    now[0] += 3600
    log.add(answered(0.5))
    log.close()
    assert len(list(tmp_path.iterdir())) == 2


def test_restart_goes_on_in_the_same_file(tmp_path):
    for _ in range(2):
        log = AuditLog(Audit(), tmp_path, lambda: None)
        log.add(answered(0.5))
        log.close()
    assert len(list(tmp_path.iterdir())) == 1
    assert len(lines_of(tmp_path)) == 2


def test_lost_lines_are_counted_and_the_server_goes_on(tmp_path, monkeypatch, caplog):
    lost = []
    log = AuditLog(Audit(), tmp_path, lambda: lost.append(1))
    monkeypatch.setattr(audit_room, "MAX_WAITING", 0)
    log.add(answered(0.5))
    assert lost == [1] and "lost" in caplog.text
    monkeypatch.undo()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(AuditLog, "_is_full", full)
    log.add(answered(0.5))
    while len(lost) < 2:
        time.sleep(0.001)
    monkeypatch.undo()
    log.add(answered(0.5))
    log.close()
    assert len(lines_of(tmp_path)) == 1


def test_links_are_not_followed(tmp_path):
    target = tmp_path / "target"
    folder = tmp_path / FOLDER
    folder.mkdir()
    day = time.strftime("%Y-%m-%d", time.gmtime())
    (folder / f"audit-{day}.000.log").symlink_to(target)
    with pytest.raises(BadInput, match=r"audit\.dir"):
        AuditLog(Audit(), folder, lambda: None)
    assert not target.exists()


def test_folder_that_cannot_be_written_is_refused_by_name(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"audit\.dir"):
        AuditLog(Audit(), tmp_path / "file", lambda: None)


@pytest.mark.parametrize(
    ("name", "value"),
    [("rotation", "weekly"), ("max_log_files", "0"), ("max_file_size_mb", "0"), ("enabled", "2")],
)
def test_settings_are_checked(name, value):
    with pytest.raises(BadInput, match=rf"(?i)audit(\.|__){name}"):
        settle({}, {f"QDRANT__AUDIT__{name.upper()}": value}, {})


def test_address_comes_from_a_proxy_only_when_it_is_trusted(audited):
    headers = [("x-forwarded-for", "6.6.6.6, 10.0.0.7")]
    server, lines = audited()
    server("GET", "/collections", headers=headers)
    assert lines()[-1]["address"] == ""
    server, lines = audited(trust_forwarded_headers=True)
    server("GET", "/collections", headers=headers)
    assert lines()[-1]["address"] == "10.0.0.7"
