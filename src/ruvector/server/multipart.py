"""How is one file taken out of a multipart/form-data body that is never whole in memory?

A body that arrives in pieces goes in, and the file's content comes out in pieces; at most one piece
and a boundary are held. Accepted is what browsers, curl and HTTP libraries send for a form with one
file: everything else is refused with 400. No I/O.
"""

import re

from ruvector.errors import BadInput

FIELD = "snapshot"
HEAD_BYTES = 8192  # of the part's headers
EPILOGUE_BYTES = 1024
_BOUNDARY = re.compile(rb'boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_NAME = re.compile(rb'[;\s]name="([^"\r\n]*)"', re.IGNORECASE)


class FileForm:
    """Feed it with the body; `take` returns what of the file is certain by then."""

    def __init__(self, content_type: bytes) -> None:
        kind = content_type.partition(b";")[0].strip().lower()
        found = _BOUNDARY.search(content_type)
        if kind != b"multipart/form-data" or found is None:
            raise BadInput(
                "an upload must be multipart/form-data with a boundary: "
                f"curl -F '{FIELD}=@FILE' sends it so"
            )
        self._opening = b"--" + (found[1] or found[2])
        self._delimiter = b"\r\n" + self._opening
        self._held = b""
        self._state = self._read_head

    def take(self, piece: bytes) -> bytes:
        """Return the next bytes of the file. BadInput where it is no such form."""
        self._held += piece
        return self._state()

    def finish(self) -> None:
        """Say that the body has ended."""
        if self._state != self._read_epilogue or not self._held.startswith(b"--"):
            raise BadInput("the upload is cut off: its closing boundary is missing")
        if self._held[2:].strip(b"\r\n") or len(self._held) > EPILOGUE_BYTES:
            raise BadInput("the upload must hold one file and nothing else")

    def _read_head(self) -> bytes:
        end = self._held.find(b"\r\n\r\n")
        if end < 0:
            if len(self._held) > HEAD_BYTES or not self._opening.startswith(
                self._held[: len(self._opening)]
            ):
                raise BadInput("the upload does not begin with the boundary and a short head")
            return b""
        head = self._held[:end]
        if not head.startswith(self._opening + b"\r\n") or end > HEAD_BYTES:
            raise BadInput("the upload does not begin with the boundary and a short head")
        name = _NAME.search(head)
        if name is None or name[1] != FIELD.encode():
            raise BadInput(f"the upload's only field must be the file `{FIELD}`")
        self._held = self._held[end + 4 :]
        self._state = self._read_file
        return self._state()

    def _read_file(self) -> bytes:
        end = self._held.find(self._delimiter)
        if end >= 0:
            part, self._held = self._held[:end], self._held[end + len(self._delimiter) :]
            self._state = self._read_epilogue
            self._read_epilogue()
            return part
        keep = len(self._delimiter) - 1
        part, self._held = self._held[:-keep], self._held[-keep:]
        return part

    def _read_epilogue(self) -> bytes:
        if len(self._held) > EPILOGUE_BYTES:
            raise BadInput("the upload must hold one file and nothing else")
        return b""
