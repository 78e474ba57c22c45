"""Do compact codes say what their plain twins say, for every width, metric and query?"""

import numpy as np
import pytest

from ruvector.kernel import Metric, _kernel
from ruvector.kernel import oracle_codes as oracle

WIDTHS = range(5)
METRICS = (Metric.COSINE, Metric.DOT, Metric.EUCLID)
DIMS = (1, 5, 63, 64, 100, 129, 384)


def rows_of(count: int, dim: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, dim)) + rng.standard_normal(dim)
    return np.ascontiguousarray(rows, np.float32)


def bits(
    dim: int, metric: Metric, width: int, query: int, centres: np.ndarray
) -> tuple[_kernel.BitQuantizer, oracle.BitTwin]:
    quantizer = _kernel.BitQuantizer(dim, metric, width, query, centres)
    return quantizer, oracle.BitTwin(metric, width, query, centres, quantizer.rotate)


@pytest.mark.parametrize("width", WIDTHS)
def test_packed_levels_are_found_again(width: int) -> None:
    count = len(oracle.WIDTHS[width].values)
    numbers = np.random.default_rng(2).integers(0, count, 1000)
    assert np.array_equal(oracle.unpack(width, oracle.pack(width, numbers), 1000), numbers)


def test_every_five_levels_of_three_fit_into_a_byte() -> None:
    every = np.stack(np.unravel_index(np.arange(243), (3,) * 5), axis=1)
    for levels in every:
        numbers = np.zeros(80, np.int64)
        numbers[::16] = levels
        packed = oracle.pack(oracle.ONE_AND_HALF, numbers)
        assert np.array_equal(oracle.unpack(oracle.ONE_AND_HALF, packed, 80), numbers)


@pytest.mark.parametrize("dim", DIMS)
def test_rotation_keeps_lengths_and_angles(dim: int) -> None:
    quantizer, _ = bits(dim, Metric.DOT, oracle.ONE, 0, np.zeros((1, dim), np.float32))
    rows = rows_of(4, dim)
    rotated = np.array([quantizer.rotate(row) for row in rows])
    assert rotated.shape[1] == max(64, -(-dim // 32) * 32)
    assert np.allclose(rotated @ rotated.T, rows @ rows.T, rtol=1e-4, atol=1e-4 * dim)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("width", WIDTHS)
def test_codes_and_estimates_are_those_of_the_twin(width: int, metric: Metric, dim: int) -> None:
    rows = rows_of(20, dim)
    centres = rows_of(3, dim, seed=5)
    query = rows_of(1, dim, seed=9)[0]
    for query_width in range(3):
        quantizer, twin = bits(dim, metric, width, query_width, centres)
        codes = quantizer.encode(rows, 2)
        code_bytes = len(oracle.pack(width, np.zeros(twin.padded, np.int64)))
        same = []
        for row, code in zip(rows, codes, strict=True):
            numbers, add, rescale, centre = twin.encode(row)
            own = oracle.unpack(width, code[:code_bytes], twin.padded)
            same.append(np.mean(own == numbers))
            assert code[code_bytes + 8 : code_bytes + 12].view(np.uint32)[0] == centre
            found = code[code_bytes : code_bytes + 8].view(np.float32)
            assert np.allclose(found, [add, rescale], rtol=2e-2, atol=2e-2 * dim**0.5)
        assert np.mean(same) > 0.995  # float32 and float64 round a few numbers differently
        expected = twin.distances(query, codes)
        scale = np.abs(expected).max() + 1
        assert np.allclose(quantizer.distances(query, codes), expected, atol=2e-4 * scale)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("width", "lost"), [(0, 0.3634), (1, 0.1902), (2, 0.1175), (3, 0.0095), (4, 0.0001)]
)
def test_estimates_are_without_bias_and_as_near_as_theory_says(
    metric: Metric, width: int, lost: float
) -> None:
    """`lost`: the mean squared error of the levels for a normal distribution (Max 1960)."""
    dim = 256
    rows, query = rows_of(2000, dim), rows_of(1, dim, seed=3)[0]
    centre = np.ascontiguousarray(rows.mean(axis=0, keepdims=True))
    quantizer = _kernel.BitQuantizer(dim, metric, width, 0, centre)
    found = quantizer.distances(query, quantizer.encode(rows, 0)).astype(np.float64)
    wide, asked = rows.astype(np.float64), query.astype(np.float64)
    true = np.square(wide - asked).sum(axis=1) if metric == Metric.EUCLID else -(wide @ asked)
    error = found - true
    lengths = np.linalg.norm(wide - centre, axis=1).mean() * np.linalg.norm(asked - centre)
    expected = np.sqrt(lost / (1 - lost) / dim) * lengths * (2 if metric == Metric.EUCLID else 1)
    assert abs(error.mean()) < 0.1 * expected + 1e-3
    assert error.std() < 1.15 * expected


def test_zero_rows_equal_rows_and_huge_rows_have_finite_estimates() -> None:
    rows = np.zeros((4, 70), np.float32)
    rows[1:3] = 1.0
    rows[3] = 1e18
    for width in WIDTHS:
        for metric in METRICS:
            quantizer = _kernel.BitQuantizer(70, metric, width, 0, rows[1:2])
            codes = quantizer.encode(rows, 1)
            for query in rows:
                assert np.isfinite(quantizer.distances(query, codes)).all()


@pytest.mark.parametrize("metric", Metric)
@pytest.mark.parametrize("dim", [1, 31, 96, 100])
def test_scalar_codes_and_distances_are_those_of_the_twin(metric: Metric, dim: int) -> None:
    rows, query = rows_of(30, dim), rows_of(1, dim, seed=4)[0]
    offset, step = -1.5, 3 / 127
    quantizer = _kernel.ScalarQuantizer(dim, metric, offset, step)
    codes = quantizer.encode(rows, 1)
    expected = oracle.scalar_codes(rows, offset, step)
    assert np.mean(codes[:, :dim] == expected) > 0.999
    found = quantizer.distances(query, codes)
    twin = oracle.scalar_distances(query, codes[:, :dim].astype(np.int64), offset, step, metric)
    assert np.allclose(found, twin, rtol=1e-4, atol=1e-3 * dim**0.5)


@pytest.mark.parametrize("metric", Metric)
@pytest.mark.parametrize(("dim", "width"), [(8, 1), (10, 4), (33, 8), (40, 16), (6, 2)])
def test_product_codes_and_distances_are_those_of_the_twin(
    metric: Metric, dim: int, width: int
) -> None:
    rows, query = rows_of(400, dim), rows_of(1, dim, seed=4)[0]
    centres = _kernel.train_parts(rows, width, 2, 2)
    quantizer = _kernel.ProductQuantizer(dim, metric, centres)
    codes = quantizer.encode(rows, 1)
    expected = oracle.product_codes(rows, centres)
    assert np.mean(codes[:, : expected.shape[1]] == expected) > 0.99
    twin = oracle.product_distances(
        query, codes[:, : expected.shape[1]].astype(np.int64), centres, metric
    )
    assert np.allclose(quantizer.distances(query, codes), twin, rtol=1e-4, atol=1e-3)


def test_centres_of_parts_are_those_of_the_twin() -> None:
    points = rows_of(600, 6)
    found = _kernel.train_parts(points, 2, 3, 1)
    for part in range(3):
        expected = oracle.train_part(points[:, 2 * part : 2 * part + 2], 3)
        assert np.allclose(found[part], expected, atol=1e-4)


def test_scores_are_those_of_the_metric() -> None:
    centre = np.zeros((1, 4), np.float32)
    for metric, expected in ((Metric.COSINE, -4.0), (Metric.DOT, -4.0), (Metric.EUCLID, 2.0)):
        assert _kernel.BitQuantizer(4, metric, 0, 0, centre).score(4.0) == expected
    assert _kernel.BitQuantizer(4, Metric.EUCLID, 0, 0, centre).score(-1.0) == 0.0
    assert _kernel.ScalarQuantizer(4, Metric.MANHATTAN, 0.0, 1.0).score(4.0) == 4.0


def test_unfit_arguments_are_refused() -> None:
    centre = np.zeros((1, 4), np.float32)
    for arguments in (
        (0, 0, 0, 0),
        (4, 9, 0, 0),
        (4, 0, 5, 0),
        (4, 0, 0, 3),
        (4, 3, 0, 0),
        (5, 0, 0, 0),
    ):
        with pytest.raises(ValueError, match=r".+"):
            _kernel.BitQuantizer(*arguments, centre)
    with pytest.raises(ValueError, match="step"):
        _kernel.ScalarQuantizer(4, 0, 0.0, float("nan"))
    with pytest.raises(ValueError, match="centres"):
        _kernel.ProductQuantizer(4, 0, np.zeros((1, 255, 4), np.float32))
    quantizer = _kernel.BitQuantizer(4, 0, 0, 0, centre)
    with pytest.raises(ValueError, match="dimensions"):
        quantizer.encode(np.zeros((2, 5), np.float32), 1)
    with pytest.raises(ValueError, match="length"):
        quantizer.distances(centre[0], np.zeros((2, 5), np.uint8))


def test_altered_codes_give_numbers_and_never_crash() -> None:
    rng = np.random.default_rng(0)
    centres = rows_of(2, 70)
    query = rows_of(1, 70, seed=3)[0]
    for width in WIDTHS:
        quantizer = _kernel.BitQuantizer(70, Metric.EUCLID, width, 0, centres)
        codes = rng.integers(0, 256, (500, quantizer.row_bytes), dtype=np.uint8)
        assert len(quantizer.distances(query, codes)) == 500
