"""Is every log record one line, whatever stands in it?"""

import logging

import msgspec
import pytest

from ruvector.server.logs import JsonLines, fields


@pytest.mark.parametrize("text", ["a\r\nb", "\x1b[31mred", "\x00\x7f\x9b", "\u2028", "\ud800", "é"])
def test_records_are_one_line_without_control_characters(text):
    record = logging.LogRecord("x", logging.INFO, "f", 1, "name %s", (text,), None)
    line = JsonLines().format(record)
    assert "\n" not in line and "\r" not in line
    assert not any(ord(c) < 32 or 0x7F <= ord(c) <= 0x9F for c in line)
    assert msgspec.json.decode(line)["message"].startswith("name ")


def test_fields_stand_beside_the_message_and_are_as_safe(caplog):
    given = fields(request_id="a\nb", n=3, shape={"\x9b": ["\ud800"]})
    logging.getLogger("ruvector.test").warning("told", extra=given)
    line = JsonLines().format(caplog.records[0])
    assert "\n" not in line and "\x9b" not in line
    found = msgspec.json.decode(line)
    assert (found["message"], found["request_id"], found["n"]) == ("told", "a\nb", 3)
