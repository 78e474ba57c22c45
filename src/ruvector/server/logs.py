"""How does the server log? One JSON object per line on stderr, control characters escaped."""

import logging
import sys
import time

import msgspec

_LEVELS = {"WARN": "WARNING"}


class JsonLines(logging.Formatter):
    """Writes a record as one line whatever stands in it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "from": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        safe = {
            name: text.encode("utf-8", "backslashreplace").decode() for name, text in line.items()
        }
        text = msgspec.json.encode(safe).decode()
        # JSON leaves DEL and the C1 controls as they are; terminals obey some of them.
        return "".join(
            f"\\u{ord(c):04x}" if 0x7F <= ord(c) <= 0x9F or c in "\u2028\u2029" else c for c in text
        )


def start_logging(level: str) -> None:
    """Send the records of this process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS.get(level.upper(), level.upper()))
    # uvicorn tells of its own start and stop; the start message and the exit code say the same.
    for name in ("uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
