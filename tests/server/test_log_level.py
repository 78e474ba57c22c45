"""Can the log's level be changed while the server runs, and nothing else about logs?"""

import logging
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def level() -> Iterator[None]:
    before = logging.getLogger().level
    logging.getLogger().setLevel(logging.INFO)
    yield
    logging.getLogger().setLevel(before)


def test_the_level_is_told_and_changed(server: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert server("GET", "/logger").result == {"log_level": "INFO"}
    assert server("POST", "/logger", {"log_level": "debug"}).result is True
    assert server("GET", "/logger").result == {"log_level": "DEBUG"}
    assert [r for r in caplog.records if r.getMessage() == "request"], "no request is logged"
    caplog.clear()
    assert server("POST", "/logger", {"log_level": "WARN"}).result is True
    assert server("GET", "/logger").result == {"log_level": "WARNING"}
    assert not [r for r in caplog.records if r.getMessage() == "request"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", {}, {"log_level": None}, {"log_level": "ALL"},
        {"log_level": "x" * 1000}, {"log_level": ["INFO"]},
        {"log_level": "INFO", "on_disk": {"enabled": True, "log_file": "/tmp/taken"}},
        {"on_disk": {"log_file": "/tmp/taken"}}, {"log_level": "INFO", "default": {"color": True}},
    ],
)  # fmt: skip
def test_other_settings_of_logs_are_refused(server: Any, body: Any) -> None:
    assert server("POST", "/logger", body).status in (400, 422)
    assert server("GET", "/logger").result == {"log_level": "INFO"}
