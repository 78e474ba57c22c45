"""Groups, facets, matrices and formulas over gRPC: the tests of `test_groups_against_local_mode`,
by one distance.
"""

from collections.abc import Iterator

import pytest
from qdrant_client import QdrantClient, models
from tests.clients.local_twin import Twins
from tests.clients.test_groups_against_local_mode import (  # noqa: F401 - they run here, too
    name,
    test_distance_matrix,
    test_facets,
    test_formulas,
    test_formulas_that_local_mode_refuses_are_refused,
    test_groups,
    test_groups_look_up_their_records,
    test_matrix_of_a_sample_has_distinct_points,
)
from tests.clients.test_queries_against_local_mode import fill


@pytest.fixture(scope="module")
def twins(client: QdrantClient) -> Iterator[Twins]:
    """Return both databases with the collections `name` and `name_other`."""
    twins = Twins(client, "")
    fill(twins, "groups_over_grpc", models.Distance.COSINE)
    yield twins
    twins.close()
