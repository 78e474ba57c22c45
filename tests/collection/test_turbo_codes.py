"""Is a vector in 4 bits a number nearly what it was, whatever it was?"""

import numpy as np
import pytest

from ruvector.collection.turbo_codes import blocks_of, decode, encode, row_bytes

COUNT = 200


def vectors(kind: str, dim: int) -> np.ndarray:
    """Return 200 vectors that are hard for one reason."""
    random = np.random.default_rng(dim)
    found = random.normal(size=(COUNT, dim)).astype(np.float32)
    match kind:
        case "one number":
            found = np.zeros_like(found)
            found[np.arange(COUNT), random.integers(0, dim, COUNT)] = -3
        case "huge":
            found *= np.float32(1e17)
        case "tiny":
            found *= np.float32(1e-30)
        case "heavy tails":
            found = random.standard_cauchy(size=(COUNT, dim)).astype(np.float32)
    return found


@pytest.mark.parametrize("dim", [1, 2, 3, 7, 33, 100, 384, 1155])
@pytest.mark.parametrize("kind", ["normal", "one number", "huge", "tiny", "heavy tails"])
def test_direction_and_length_are_kept(kind: str, dim: int) -> None:
    given = vectors(kind, dim)
    codes = encode(given)
    assert codes.shape == (COUNT, row_bytes(dim))
    back = decode(codes, dim).astype(np.float64)
    lengths = np.linalg.norm(given.astype(np.float64), axis=1), np.linalg.norm(back, axis=1)
    cosines = np.einsum("ij,ij->i", given, back, dtype=np.float64) / lengths[0] / lengths[1]
    assert cosines.min() > 0.97
    np.testing.assert_allclose(lengths[1], lengths[0], rtol=1e-3)


def test_zero_is_kept_and_codes_read_the_same_in_any_company() -> None:
    given = vectors("normal", 75)
    given[5] = 0
    codes = encode(given)
    assert not decode(codes, 75)[5].any()
    np.testing.assert_array_equal(encode(given[:9]), codes[:9])
    np.testing.assert_array_equal(decode(codes[3:4], 75)[0], decode(codes, 75)[3])


def test_codes_are_those_of_the_format_page() -> None:
    assert blocks_of(1155) == [512, 512, 128, 2, 1]
    (row,) = encode(np.array([[1, -2, 0.5]], dtype=np.float32))
    # Recorded when the format was made: a change of these bytes is a new format.
    assert row.tobytes().hex() == "9304dcb0d93fccd2073f"
