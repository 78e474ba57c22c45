"""What should compact codes say? The kernel's quantizers in plain numpy.

Slow and obvious on purpose; the tests compare the two. Only the rotation is the kernel's own, given
as a function. Nothing in the product calls this module.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ruvector.kernel import Float32Array, Metric

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
BLOCK = 16


class Width(NamedTuple):
    """What a code of so many bits stands for: the values of its levels, and how they are packed."""

    values: tuple[float, ...]
    places: int  # levels in one byte
    unit: float  # the scale of the levels for numbers of variance 1


_FOUR = (3, 9, 15, 22, 29, 37, 48, 63)
WIDTHS = (
    Width((-0.5, 0.5), 8, 1.596),
    Width((-1.0, 0.0, 1.0), 5, 1.224),
    Width((-10.0, -3.0, 3.0, 10.0), 4, 0.1510),
    Width((*(-float(v) for v in reversed(_FOUR)), *map(float, _FOUR)), 2, 0.04338),
    Width(tuple(float(v) for v in range(-127, 128)), 1, 0.0),
)
ONE, ONE_AND_HALF, TWO, FOUR, EIGHT = range(5)


def pack(width: int, numbers: Numbers) -> Bytes:
    """Return blocks of 16 bytes: byte j holds the levels j, 16 + j, 32 + j, ... of its block."""
    places = WIDTHS[width].places
    blocks = -(-len(numbers) // (BLOCK * places))
    padded = np.zeros(blocks * BLOCK * places, np.int64)
    padded[: len(numbers)] = numbers
    grid = padded.reshape(blocks, places, BLOCK)
    if width == ONE_AND_HALF:
        number = np.zeros((blocks, BLOCK), np.int64)
        for place in range(places):
            number = 3 * number + grid[:, place]
        packed = -(-number * 256 // 243)
    elif width == EIGHT:
        packed = (grid[:, 0] - 127) % 256
    else:
        bits = 8 // places
        packed = sum(grid[:, place] << (bits * place) for place in range(places))  # type: ignore[assignment]
    return packed.astype(np.uint8).ravel()


def unpack(width: int, packed: Bytes, count: int) -> Numbers:
    """Return the numbers of the first `count` levels."""
    places = WIDTHS[width].places
    grid = packed.reshape(-1, BLOCK).astype(np.int64)
    levels = []
    fraction = grid
    for place in range(places):
        if width == ONE_AND_HALF:
            levels.append(fraction * 3 // 256)
            fraction = fraction * 3 % 256
        elif width == EIGHT:
            levels.append((grid + 127) % 256)
        else:
            bits = 8 // places
            levels.append(grid >> (bits * place) & ((1 << bits) - 1))
    return np.stack(levels, axis=1).reshape(-1)[:count]


def fit(width: int, residual: NDArray[np.float64]) -> Numbers:
    """Return the levels nearest to the numbers under a scale that suits them."""
    values = np.array(WIDTHS[width].values)
    middles = (values[1:] + values[:-1]) / 2
    rounds = 1 if width == EIGHT else 4
    scale = WIDTHS[width].unit * np.sqrt(np.mean(residual**2))
    if width == EIGHT:
        scale = np.abs(residual).max() / 127
    numbers = np.zeros(len(residual), np.int64)
    for _ in range(rounds):
        wanted = residual / scale if scale > 0 else np.zeros_like(residual)
        numbers = np.searchsorted(middles, wanted)
        chosen = values[numbers]
        scale = (residual @ chosen) / max(chosen @ chosen, 1e-300)
    return numbers


class BitTwin:
    """Twin of BitQuantizer."""

    def __init__(
        self,
        metric: Metric,
        width: int,
        query_width: int,
        centres: Float32Array,
        rotate: Callable[[Float32Array], Float32Array],
    ) -> None:
        self.metric, self.width, self.query_width = metric, width, query_width
        self.centres = centres.astype(np.float64)
        self._rotate = rotate
        self.rotated_centres = np.array([self.rotate(centre) for centre in self.centres])
        self.padded = self.rotated_centres.shape[1]

    def rotate(self, vector: NDArray[Any]) -> NDArray[np.float64]:
        """Return the rotated vector, as long as the rotation makes it."""
        return self._rotate(np.asarray(vector, np.float32)).astype(np.float64)

    def encode(self, vector: Float32Array) -> tuple[Numbers, float, float, int]:
        """Return levels, add, rescale and the centre."""
        centre = int(np.argmin(np.square(self.centres - vector).sum(axis=1)))
        middle = self.rotated_centres[centre]
        residual = self.rotate(vector) - middle
        numbers = fit(self.width, residual)
        levels = np.array(WIDTHS[self.width].values)[numbers]
        product = residual @ levels
        ratio = residual @ residual / product if product > 0 else 0.0
        if self.metric == Metric.EUCLID:
            return numbers, residual @ residual + 2 * ratio * (levels @ middle), -2 * ratio, centre
        return numbers, ratio * (levels @ middle) - residual @ middle, -ratio, centre

    def round_query(self, query: Float32Array) -> NDArray[np.float64]:
        """Return the rotated query as its int8 codes stand for it."""
        rotated = self.rotate(query)
        if self.query_width == 2 and self.width != EIGHT:
            levels = np.array(WIDTHS[self.width].values)[fit(self.width, rotated)]
            product = rotated @ levels
            return levels * (rotated @ rotated / product) if product > 0 else levels * 0
        limit = 7 if self.query_width == 1 and self.width != EIGHT else 127
        scale = np.abs(rotated).max() / limit
        return np.round(rotated / scale) * scale if scale > 0 else rotated

    def distances(self, query: Float32Array, codes: Bytes) -> NDArray[np.float64]:
        """Return the estimates from stored rows."""
        places = WIDTHS[self.width].places
        code_bytes = -(-self.padded // (BLOCK * places)) * BLOCK
        rounded = self.round_query(query)
        found = []
        for row in codes:
            numbers = unpack(self.width, row[:code_bytes], self.padded)
            levels = np.array(WIDTHS[self.width].values)[numbers]
            add, rescale = row[code_bytes : code_bytes + 8].view(np.float32).tolist()
            centre = self.centres[int(row[code_bytes + 8 : code_bytes + 12].view(np.uint32)[0])]
            if self.metric == Metric.EUCLID:
                base = np.square(query - centre).sum()
            else:
                base = -(query @ centre)
            found.append(base + add + rescale * (levels @ rounded))
        return np.array(found)


def scalar_codes(vectors: Float32Array, offset: float, step: float) -> Numbers:
    """Return steps above the offset, cut off at 0 and 127."""
    steps = np.round((vectors.astype(np.float64) - offset) / step)
    return np.clip(steps, 0, 127).astype(np.int64)


def scalar_distances(
    query: Float32Array, codes: Numbers, offset: float, step: float, metric: Metric
) -> NDArray[np.float64]:
    """Return distances from what the codes stand for; the query is rounded to int8 or to codes."""
    rows = offset + step * codes
    if metric == Metric.MANHATTAN:
        return step * np.abs(codes - scalar_codes(query, offset, step)).sum(axis=1)  # type: ignore[no-any-return]
    scale = np.abs(query).max() / 127
    rounded = np.round(query / scale) * scale if scale > 0 else query * 0.0
    # The offset meets the query itself, the steps meet the rounded one.
    products = offset * query.sum() + step * (codes @ rounded)
    if metric == Metric.EUCLID:
        return query @ query - 2 * products + np.square(rows).sum(axis=1)  # type: ignore[no-any-return]
    return -products  # type: ignore[no-any-return]


def product_codes(vectors: Float32Array, centres: Float32Array) -> Numbers:
    """Return the nearest centre of each part."""
    parts = _parts(vectors, centres)
    return np.stack(
        [
            np.argmin(np.square(part[:, None] - own[None]).sum(axis=2), axis=1)
            for part, own in zip(parts, centres, strict=True)
        ],
        axis=1,
    )


def product_distances(
    query: Float32Array, codes: Numbers, centres: Float32Array, metric: Metric
) -> NDArray[np.float64]:
    """Return the sum over the parts of the distances between query and centre."""
    total = np.zeros(len(codes))
    for part, own, numbers in zip(_parts(query[None], centres), centres, codes.T, strict=True):
        chosen = own[numbers].astype(np.float64)
        if metric == Metric.EUCLID:
            total += np.square(part - chosen).sum(axis=1)
        elif metric == Metric.MANHATTAN:
            total += np.abs(part - chosen).sum(axis=1)
        else:
            total -= (part * chosen).sum(axis=1)
    return total


def train_part(points: Float32Array, rounds: int) -> Any:
    """Return 256 centres after rounds of k-means, from evenly spaced points."""
    centres = points[np.arange(256) * len(points) // 256].astype(np.float64)
    for _ in range(rounds):
        nearest = np.argmin(np.square(points[:, None] - centres[None]).sum(axis=2), axis=1)
        for number in np.unique(nearest):
            centres[number] = points[nearest == number].mean(axis=0)
    return centres


def _parts(vectors: Float32Array, centres: Float32Array) -> list[NDArray[np.float64]]:
    parts, _, width = centres.shape
    padded = np.zeros((len(vectors), parts * width))
    padded[:, : vectors.shape[1]] = vectors
    return [padded[:, part * width : (part + 1) * width] for part in range(parts)]
