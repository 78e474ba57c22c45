"""Which vectors may be stored, and how long may they be?"""

import numpy as np
import pytest

from ruvector.collection.vectors import LENGTH_MAX, space_of, to_query, to_stored
from ruvector.errors import BadInput
from ruvector.model.configs import VectorParams


def space(distance, dim=2):
    return space_of("", VectorParams(size=dim, distance=distance))


@pytest.mark.parametrize("distance", ["Dot", "Euclid", "Manhattan"])
def test_vectors_too_long_for_finite_scores_are_refused(distance):
    rows = np.array([[1, 2], [2 * LENGTH_MAX, 0]], dtype=np.float32)
    with pytest.raises(BadInput, match="point 1 of the batch is longer than 9e\\+18"):
        to_stored(space(distance), rows)
    with pytest.raises(BadInput, match="query vector is longer than 9e\\+18"):
        to_query(space(distance), rows[1])


@pytest.mark.parametrize("distance", ["Dot", "Euclid", "Manhattan"])
def test_the_longest_vectors_have_finite_scores(distance):
    edge = np.array([[0.99 * LENGTH_MAX, 0], [-0.99 * LENGTH_MAX, 0]], dtype=np.float32)
    assert to_stored(space(distance), edge) is edge
    with np.errstate(over="raise"):
        assert np.isfinite(np.square(edge[0] - edge[1]).sum())
        assert np.isfinite(edge[0] @ edge[1])


def test_any_finite_vector_becomes_unit_length_for_cosine():
    rows = np.array([[3e38, 3e38], [1e-38, 0], [0, 0]], dtype=np.float32)
    stored = to_stored(space("Cosine"), rows)
    assert np.allclose(np.linalg.norm(stored, axis=1), [1, 1, 0])
    assert np.allclose(to_query(space("Cosine"), rows[0]), stored[0])


def test_a_row_that_is_not_finite_is_named():
    with pytest.raises(BadInput, match="point 1 of the batch holds NaN or infinity"):
        to_stored(space("Cosine"), np.array([[1, 0], [np.nan, 0]], dtype=np.float32))
