"""Conditional writes over gRPC: the tests of `test_updates_against_local_mode`."""

from tests.clients.test_updates_against_local_mode import (  # noqa: F401 - they run here, too
    test_conditional_writes,
    test_insert_only_keeps_the_first_of_an_id,
    test_writes_at_paths,
    twins,
)
