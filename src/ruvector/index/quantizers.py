"""How is a compact code made for these rows? Training on a sample, and parameters as arrays.

Invariants: the same rows give the same parameters; parameters that were altered raise ValueError
and never reach the kernel. docs/formats/graph.md describes the arrays.
Threads: any; training and encoding release the GIL and share `threads`.
Sources: k-means (Lloyd 1982); the codes themselves: native/bit_quantizer.hpp,
native/scalar_quantizer.hpp, native/product_quantizer.hpp.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruvector.kernel import Float32Array, Metric, VectorArray, _kernel
from ruvector.model.quantization import CODES, Code

SEED = 7
# What each part of a product code is trained on, as in Qdrant; fewer for very long vectors, so that
# training stays below some tens of seconds.
SAMPLE_ROWS = 10_000
SAMPLE_NUMBERS = 16_000_000
ROUNDS = 10
# 256 centres for the coarse widths: 1 bit .818 against .767 recall@10, 1.5 bits .878 / .844,
# 2 bits .908 / .878, 4 bits .970 / .966 (62,666 x 384, all codes scanned); a search pays 256
# distances for them.
CENTRES = {"1bit": 256, "1.5bit": 256, "2bit": 256, "4bit": 1, "8bit": 1}
# So many rows for each centre: fewer would make centres of single rows.
ROWS_PER_CENTRE = 16
FORMAT_VERSION = 1

_WIDTHS = {"1bit": 0, "1.5bit": 1, "2bit": 2, "4bit": 3, "8bit": 4}
_QUERIES = ("8", "4", "same")
_LEVELS = 127
Parameters = dict[str, NDArray[Any]]


def train(code: Code, vectors: VectorArray, metric: Metric, threads: int = 0) -> Parameters:
    """Return the parameters of a code for rows float32, float16 or uint8 [n, dim].

    Raises ValueError where the code cannot estimate the metric.
    Cost: 1 s for 256 centres at 384 dimensions, 2 to 20 s for product codes.
    """
    sample = _sample(vectors)
    arrays: Parameters = {}
    offset, step = 0.0, 1.0
    if code.name == "int8":
        offset, step = _scale(sample, code.quantile)
    elif code.name.startswith("pq"):
        width = int(code.name.removeprefix("pq")) // 4
        arrays["centres"] = _kernel.train_parts(sample, width, ROUNDS, threads)
    else:
        arrays["centres"] = _centres(sample, CENTRES[code.name])
    numbers = (FORMAT_VERSION, CODES.index(code.name), _QUERIES.index(code.query), offset, step)
    arrays["code"] = np.array(numbers, np.float64)
    quantizer_of(arrays, vectors.shape[1], metric)  # refuses what does not fit together
    return arrays


def quantizer_of(arrays: Mapping[str, NDArray[Any]], dim: int, metric: Metric) -> _kernel.Quantizer:
    """Return the quantizer that parameters describe; ValueError where they were altered."""
    numbers = arrays["code"]
    if numbers.dtype != np.float64 or numbers.shape != (5,) or not np.isfinite(numbers).all():
        raise ValueError("the code's settings are not five numbers")
    version, number, query, offset, step = numbers.tolist()
    if version != FORMAT_VERSION:
        raise ValueError(f"code format {version:g} is unknown; known is {FORMAT_VERSION}")
    if number not in range(len(CODES)) or query not in range(len(_QUERIES)):
        raise ValueError("the code's settings are out of range")
    name = CODES[int(number)]
    if name == "int8":
        return _kernel.ScalarQuantizer(dim, metric, offset, step)
    centres = arrays.get("centres")
    if centres is None or centres.dtype != np.float32 or not np.isfinite(centres).all():
        raise ValueError("the code's centres are missing or not finite float32 numbers")
    try:
        if name.startswith("pq"):
            if centres.ndim != 3 or centres.shape[2] != int(name.removeprefix("pq")) // 4:
                raise ValueError("the code's centres have another shape")
            return _kernel.ProductQuantizer(dim, metric, centres)
        return _kernel.BitQuantizer(dim, metric, _WIDTHS[name], int(query), centres)
    except TypeError as error:
        raise ValueError("the code's centres have another shape") from error


def _sample(vectors: VectorArray) -> Float32Array:
    count = min(len(vectors), SAMPLE_ROWS, max(1_000, SAMPLE_NUMBERS // vectors.shape[1]))
    rows = np.random.default_rng(SEED).choice(len(vectors), count, replace=False)
    return np.ascontiguousarray(vectors[np.sort(rows)], dtype=np.float32)


def _scale(sample: Float32Array, quantile: float) -> tuple[float, float]:
    """Return offset and step of 128 steps over the middle `quantile` of all numbers."""
    if not sample.size:
        return 0.0, 1.0
    outside = (1.0 - quantile) / 2
    low, high = np.quantile(sample, [outside, 1.0 - outside]).tolist()
    step = (high - low) / _LEVELS
    return low, step if step > np.finfo(np.float32).tiny else 1.0


def _centres(sample: Float32Array, count: int) -> Float32Array:
    """Return k-means centres float32 [at most count, dim] of the sample."""
    count = max(1, min(count, len(sample) // ROWS_PER_CENTRE))
    if not len(sample):
        return np.zeros((1, sample.shape[1]), np.float32)
    if count == 1:
        return np.asarray(sample.mean(axis=0, dtype=np.float64, keepdims=True), np.float32)
    first = np.random.default_rng(SEED).choice(len(sample), count, replace=False)
    centres = sample[np.sort(first)].astype(np.float64)
    wide = sample.astype(np.float64)
    for _ in range(ROUNDS):
        squares = np.einsum("ij,ij->i", centres, centres)
        nearest = np.argmax(wide @ centres.T - squares / 2, axis=1)
        order = np.argsort(nearest, kind="stable")
        members = np.bincount(nearest, minlength=count)
        filled = np.flatnonzero(members)
        starts = np.concatenate([[0], np.cumsum(members[filled])[:-1]])
        sums = np.add.reduceat(wide[order], starts, axis=0)
        centres[filled] = sums / members[filled, None]
    return np.ascontiguousarray(centres, np.float32)
