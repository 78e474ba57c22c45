"""How is a position on the earth one sortable number?

Longitude and latitude are cut into 2^32 steps each (9 mm at most) and their bits interleaved: a
Morton code. A cell is the square of codes that share their first bits, so it is one range of codes,
and the four cells inside it follow each other. Codes are kept as int64, in the order of the
unsigned ones. Arrays in, arrays out; no state.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.uint64]

STEPS: Final = 2**32
DEGREES_PER_STEP: Final = 360 / STEPS
"""Of longitude; a step of latitude is half of it."""

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

_GATHER: Final = tuple(
    zip(
        [shift for shift, _ in reversed(_SPREAD)],
        [*(mask for _, mask in _SPREAD[-2::-1]), np.uint64(0xFFFFFFFF)],
        strict=True,
    )
)
"""The way back."""


def steps_of(lon: Floats, lat: Floats) -> tuple[Steps, Steps]:
    """Return the steps of positions within -180 .. 180 and -90 .. 90; both grow with theirs."""
    x = np.minimum((lon + 180) * (STEPS / 360), STEPS - 1).astype(np.uint64)
    y = np.minimum((lat + 90) * (STEPS / 180), STEPS - 1).astype(np.uint64)
    return x, y


def codes_of(x: Steps, y: Steps) -> Codes:
    """Return the codes of steps."""
    codes: Codes = (((_spread(x) << np.uint64(1)) | _spread(y)) ^ _SIGN).view(np.int64)
    return codes


def steps_of_codes(codes: Codes) -> tuple[Steps, Steps]:
    """Return the steps that codes were made of."""
    bits = codes.view(np.uint64) ^ _SIGN
    return _gather(bits >> np.uint64(1)), _gather(bits)


def positions_of(x: Steps, y: Steps) -> tuple[Floats, Floats]:
    """Return longitude and latitude of the middles of steps."""
    lon = (x.astype(np.float64) + 0.5) * DEGREES_PER_STEP - 180
    lat = (y.astype(np.float64) + 0.5) * (DEGREES_PER_STEP / 2) - 90
    return lon, lat


class Cells(NamedTuple):
    """Cells of one level: 2^level of them a side. `codes`: their first bits, interleaved."""

    level: int
    x: Steps
    y: Steps
    codes: Steps

    def at(self, chosen: Any) -> "Cells":
        """Return some of the cells."""
        return Cells(self.level, self.x[chosen], self.y[chosen], self.codes[chosen])

    def split(self) -> "Cells":
        """Return the sixteen cells, two levels deeper, of each."""
        four, sixteen = np.uint64(4), np.uint64(16)
        return Cells(
            self.level + 2,
            (self.x[:, None] * four + _QUARTERS_X).ravel(),
            (self.y[:, None] * four + _QUARTERS_Y).ravel(),
            (self.codes[:, None] * sixteen + _QUARTERS).ravel(),
        )

    def ranges(self) -> tuple[Codes, Codes]:
        """Return the first and the last code of each cell."""
        shift = np.uint64(64 - 2 * self.level)
        lows = self.codes << shift
        highs = lows | np.uint64(2 ** (64 - 2 * self.level) - 1)
        return (lows ^ _SIGN).view(np.int64), (highs ^ _SIGN).view(np.int64)


def _quarters() -> tuple[Steps, Steps, Steps]:
    codes = np.arange(16, dtype=np.uint64)
    x = ((codes >> np.uint64(2)) & np.uint64(2)) | ((codes >> np.uint64(1)) & np.uint64(1))
    y = ((codes >> np.uint64(1)) & np.uint64(2)) | (codes & np.uint64(1))
    return codes, x, y


_QUARTERS, _QUARTERS_X, _QUARTERS_Y = _quarters()
FIRST_CELLS: Final = Cells(2, _QUARTERS_X, _QUARTERS_Y, _QUARTERS)
"""The sixteen cells of the whole earth."""


def _spread(steps: Steps) -> Any:
    bits = steps
    for shift, mask in _SPREAD:
        bits = (bits | (bits << shift)) & mask
    return bits


def _gather(bits: Any) -> Any:
    bits = bits & _SPREAD[-1][1]
    for shift, mask in _GATHER:
        bits = (bits | (bits >> shift)) & mask
    return bits
