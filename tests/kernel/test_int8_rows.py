"""Is a row's int8 code what rounding in numpy gives, bit for bit?"""

import numpy as np
import pytest

from ruvector.kernel import Float32Array, Layout, Metric, _kernel

SMALLEST = np.float32(1e-45)


def codes_of(rows: Float32Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return codes int8 [n, dim], scales and squared norms float32 [n], as a graph keeps them."""
    dim = rows.shape[1]
    core = _kernel.Graph(dim, Metric.EUCLID, 0, 32, 60, 1.2, 0.0, Layout.INT8)
    core.append(rows, 1)
    core.link(np.arange(len(rows), dtype=np.uint32), 1)
    raw = core.codes_view()
    end = (dim + 3) // 4 * 4
    scale, norm = np.ascontiguousarray(raw[:, end : end + 8]).view(np.float32).T
    return raw[:, :dim].view(np.int8), scale, norm


def rounded(rows: Float32Array) -> tuple[np.ndarray, np.ndarray]:
    """Return the same codes and scales by numpy: the largest number becomes 127."""
    scale = np.abs(rows).max(axis=1) / np.float32(127)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        factor = np.where(scale > 0, np.float32(1) / scale, np.float32(0))
        codes = np.rint(rows * factor[:, np.newaxis])
    tiny = np.isinf(factor)[:, np.newaxis]
    return np.where(tiny, np.where(rows < 0, -127, 127), codes).astype(np.int8), scale


@pytest.mark.parametrize("dim", [64, 97, 384, 5000])
def test_codes_are_rounded_to_even(dim: int) -> None:
    rng = np.random.default_rng(dim)
    rows = rng.standard_normal((20, dim), dtype=np.float32)
    rows[1] = rng.integers(-254, 255, dim) / 2  # halves, of which 0.5 and 2.5 go down
    rows[1, 0] = 127
    rows[2] *= np.float32(1e-38)
    rows[3] *= np.float32(1e30)
    rows[4] = 0
    codes, scale, norm = codes_of(rows)
    expected, expected_scale = rounded(rows)
    assert (scale == expected_scale).all()
    assert (codes == expected).all()
    squares = np.square(expected.astype(np.float64)).sum(axis=1)
    with np.errstate(over="ignore"):
        wide = scale.astype(np.float64) ** 2 * squares
        assert (norm == wide.astype(np.float32)).all()


def test_row_too_small_for_its_scale_keeps_its_signs() -> None:
    rows = np.zeros((3, 64), np.float32)
    rows[1, ::2] = 100 * SMALLEST
    rows[2, ::2], rows[2, 1::2] = -100 * SMALLEST, 90 * SMALLEST
    codes, scale, _ = codes_of(rows)
    assert (codes[0] == 0).all()
    assert scale[2] > 0
    assert (codes == rounded(rows)[0]).all()
    assert (codes[2, ::2] == -127).all()
