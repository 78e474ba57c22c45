"""Combinations, mixed payloads and sequences of writes over gRPC: the same tests, fewer of them."""

import pytest
from qdrant_client import QdrantClient
from tests.clients import test_combinations_against_local_mode as combinations
from tests.clients import test_mixed_payloads_against_local_mode as mixed
from tests.clients import test_states_against_local_mode as states
from tests.clients.local_twin import Twins
from tests.clients.test_combinations_against_local_mode import twins as combined  # noqa: F401
from tests.clients.test_states_against_local_mode import twins  # noqa: F401 - a fixture


@pytest.mark.parametrize("kind", ["fusion", "formula"])
def test_queries_of_several_stages(combined: Twins, kind: str) -> None:  # noqa: F811
    combinations.test_queries_of_several_stages(combined, kind, 3)


def test_sequences_of_writes(twins: Twins, name: str) -> None:  # noqa: F811
    states.test_sequences_of_writes(twins, name, 3)


def test_filters_on_mixed_payloads(client: QdrantClient, name: str) -> None:
    mixed.test_filters_on_mixed_payloads(client, name, True, 3)
