"""In which format is a data folder written? A number in the file `format`, read before all else.

A folder without the file is of format 1, the first one. A newer one than this version knows is
refused before anything in the folder is touched: not even a lock is taken. What changes in a format
that older versions cannot read raises FORMAT; segment files carry a version of their own.
"""

import contextlib
from pathlib import Path

from ruvector.errors import StorageDamaged
from ruvector.storage.files import write_file

FORMAT = 1
FORMAT_FILE = "format"
_MAX_BYTES = 64
_LINE = "ruvector data format {}\n"


def check_format(root: Path) -> None:
    """Raise StorageDamaged where the folder is of a newer format, or of none that can be read."""
    path = root / FORMAT_FILE
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode("ascii", "replace")
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageDamaged(f"{path} cannot be read: {error.strerror}") from error
    number = text.removeprefix(_LINE.partition("{")[0]).removesuffix("\n")
    if not (number.isascii() and number.isdigit()) or text != _LINE.format(number):
        raise StorageDamaged(
            f"{path} does not say a data format; restore it from a copy, or remove it if the "
            f"folder was written by this version of ruvector"
        )
    if int(number) > FORMAT:
        raise StorageDamaged(
            f"{root} has data format {number}, written by a newer ruvector; this one reads formats "
            f"up to {FORMAT}: use the newer one. Nothing in the folder was touched"
        )


def note_format(root: Path) -> None:
    """Write the format of a folder that has no file about it yet. Call with its lock.

    A disk without room for it holds up no start: without the file the format is the first.
    """
    path = root / FORMAT_FILE
    if not path.exists():
        with contextlib.suppress(OSError):
            write_file(path, [_LINE.format(FORMAT).encode()])
