"""Sparse vectors and multi-vectors over gRPC: the tests of `test_vectors_against_local_mode`."""

from tests.clients.test_vectors_against_local_mode import (  # noqa: F401 - they run here, too
    name,
    test_fusion_of_kinds,
    test_multivector_queries,
    test_names_come_and_go_on_a_live_collection,
    test_points_are_read_as_they_were_written,
    test_queries_by_examples,
    test_relevance_and_difference,
    test_sparse_queries,
    test_weights_are_counted_over_the_corpus_asked_for,
    test_wrong_vectors_are_refused,
    twins,
)
