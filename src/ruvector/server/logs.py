"""How does the server log? One JSON object per line on stderr, control characters escaped.

A record may carry fields of its own: `extra=fields(request_id=..., operation=...)`. What is logged
names things (operations, collections, request ids), and never shows bodies, payloads, keys or query
strings.
"""

import logging
import sys
import time
from collections.abc import Mapping
from typing import Any

import msgspec

_LEVELS = {"WARN": "WARNING"}
_FIELDS = "ruvector_fields"  # the attribute of a record


def fields(**values: Any) -> dict[str, Any]:
    """Return the `extra` of a logging call that adds fields to its line."""
    return {_FIELDS: values}


class JsonLines(logging.Formatter):
    """Writes a record as one line whatever stands in it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": utc_time(record.created),
            "level": record.levelname,
            "from": record.name,
            "message": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return one_line(line)


def utc_time(moment: float) -> str:
    """Return a moment in seconds since the epoch, to the millisecond."""
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))
    return f"{text}.{int(moment % 1 * 1000):03d}Z"


def one_line(values: Mapping[str, Any]) -> str:
    """Return values as a JSON object on one line that no terminal obeys."""
    text = msgspec.json.encode({name: _safe(value) for name, value in values.items()}).decode()
    if text.isascii() and "\x7f" not in text:
        return text
    # JSON leaves DEL and the C1 controls as they are; terminals obey some of them.
    return "".join(
        f"\\u{ord(c):04x}" if 0x7F <= ord(c) <= 0x9F or c in "\u2028\u2029" else c for c in text
    )


def _safe(value: Any) -> Any:
    """Return a value with text that is not Unicode shown escaped."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_safe(str(name)): _safe(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(inner) for inner in value]
    return value


def start_logging(level: str) -> None:
    """Send the records of this process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    set_level(level)
    # uvicorn tells of its own start and stop; the start message and the exit code say the same.
    for name in ("uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)


def set_level(level: str) -> None:
    """Log what is of this level or graver from now on."""
    logging.getLogger().setLevel(_LEVELS.get(level.upper(), level.upper()))
