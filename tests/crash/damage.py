"""How is a file damaged? One bit, a cut end, or a block of zeros; with a hand on what matters.

Half of the flips fall into headers and pages of B-trees, where random offsets rarely land: LMDB's
two meta pages, the first 64 bytes of any page, and the heads of segment files.
"""

import random
from collections.abc import Callable
from pathlib import Path

PAGE = 4096
HEADER = 64
Damage = Callable[[Path, random.Random], str]


def flip(path: Path, chooser: random.Random) -> str:
    """Flip one bit; each second time in a header."""
    size = path.stat().st_size
    offset = chooser.randrange(size)
    if chooser.random() < 0.5:
        if path.suffix == ".mdb":
            page = chooser.choice([0, 1, chooser.randrange(-(-size // PAGE))])
            offset = page * PAGE + chooser.randrange(HEADER)
        else:
            offset = chooser.randrange(min(size, 4 * HEADER))
    offset = min(offset, size - 1)
    bit = chooser.randrange(8)
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << bit]))
    return f"bit {bit} of byte {offset} flipped"


def truncate(path: Path, chooser: random.Random) -> str:
    """Cut the file short; each second time at the end of a page, each eighth to nothing."""
    size = path.stat().st_size
    length = chooser.randrange(size)
    if chooser.random() < 0.5:
        length = length // PAGE * PAGE
    if chooser.random() < 0.125:
        length = 0
    with path.open("r+b") as file:
        file.truncate(length)
    return f"truncated from {size} to {length} bytes"


def zero_block(path: Path, chooser: random.Random) -> str:
    """Overwrite a block of 4 KiB with zeros."""
    size = path.stat().st_size
    start = chooser.randrange(-(-size // PAGE)) * PAGE
    with path.open("r+b") as file:
        file.seek(start)
        file.write(bytes(min(PAGE, size - start)))
    return f"block at {start} zeroed"


KINDS: tuple[Damage, ...] = (flip, flip, truncate, zero_block)
