"""Are queries over gRPC what they are over REST? The comparisons with local mode, by one distance.

The tests are those of `test_queries_against_local_mode`; only the client differs.
"""

from collections.abc import Iterator

import pytest
from qdrant_client import QdrantClient, models
from tests.clients.local_twin import Twins
from tests.clients.test_queries_against_local_mode import (  # noqa: F401 - they run here, too
    fill,
    name,
    test_discover_and_context,
    test_fusion,
    test_maximal_marginal_relevance,
    test_nearest,
    test_order_by,
    test_prefetched_points_are_scored_again,
    test_queries_without_a_query_list_by_id,
    test_random_sample_is_distinct_and_filtered,
    test_recommend,
    test_relevance_feedback,
    test_score_thresholds,
)


@pytest.fixture(scope="module")
def twins(client: QdrantClient) -> Iterator[Twins]:
    """Return both databases with the collections `name` and `name_other`."""
    twins = Twins(client, "")
    fill(twins, "queries_over_grpc", models.Distance.COSINE)
    yield twins
    twins.close()
