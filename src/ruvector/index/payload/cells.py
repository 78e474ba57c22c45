"""How is a position on the earth one sortable number?

Longitude and latitude are cut into 2^32 steps each (9 mm at most) and their bits interleaved: a
Morton code. A cell is the square of codes that share their first bits, so it is one range of codes,
and the four cells inside it follow each other. Codes are kept as int64, in the order of the
unsigned ones. Arrays in, arrays out; no state.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.uint64]

STEPS: Final = 2**32

_SIGN: Final = np.uint64(2**63)
_SPREAD: Final = tuple(
    (np.uint64(shift), np.uint64(mask))
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    )
)
"""Shifts and masks that put a zero before each of 32 bits."""


def steps_of(lon: Floats, lat: Floats) -> tuple[Steps, Steps]:
    """Return the steps of positions within -180 .. 180 and -90 .. 90; both grow with theirs."""
    x = np.minimum((lon + 180) * (STEPS / 360), STEPS - 1).astype(np.uint64)
    y = np.minimum((lat + 90) * (STEPS / 180), STEPS - 1).astype(np.uint64)
    return x, y


def codes_of(x: Steps, y: Steps) -> Codes:
    """Return the codes of steps."""
    codes: Codes = (((_spread(x) << np.uint64(1)) | _spread(y)) ^ _SIGN).view(np.int64)
    return codes


def _spread(steps: Steps) -> Any:
    bits = steps
    for shift, mask in _SPREAD:
        bits = (bits | (bits << shift)) & mask
    return bits
