"""Conditions and queries by text over gRPC: the tests of `test_text_against_local_mode`."""

from tests.clients.test_text_against_local_mode import (  # noqa: F401 - they run here, too
    test_text_conditions_find_the_same_points,
    test_text_queries_rank_alike,
    test_text_queries_without_a_scored_index_are_refused,
    twins,
)
