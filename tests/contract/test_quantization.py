"""Is a quantization honoured, in every search, after a change, and refused where it cannot be?"""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ruvector.client.client import RuvectorClient
from ruvector.errors import BadInput, InvalidRequest, RuvectorError

DIM = 64
POINTS = 2500  # more than are scanned without a graph
NOW = {"indexing_threshold": 1}

KINDS: list[tuple[Any, float]] = [
    ({"scalar": {"type": "int8"}}, 0.9),
    ({"scalar": {"type": "int8", "quantile": 0.99, "always_ram": True}}, 0.8),
    ({"product": {"compression": "x4"}}, 0.9),
    ({"product": {"compression": "x16", "memory": "cold"}}, 0.5),
    ({"binary": {}}, 0.6),
    ({"binary": {"encoding": "two_bits", "query_encoding": "scalar4bits"}}, 0.7),
    ({"binary": {"encoding": "one_and_half_bits", "query_encoding": "binary"}}, 0.4),
    ({"turbo": {"bits": "bits1_5"}}, 0.6),
    ({"turbo": {}}, 0.75),
    ({"turbo": {"bits": "bits8", "memory": "pinned"}}, 0.95),
]


@pytest.fixture(scope="module")
def rows() -> NDArray[np.float32]:
    """Return 2,500 vectors of 64 dimensions around 50 centres."""
    rng = np.random.default_rng(3)
    centres = rng.standard_normal((50, DIM))
    near = centres[rng.integers(0, 50, POINTS)] + 0.4 * rng.standard_normal((POINTS, DIM))
    return near.astype(np.float32)


def fill(client: RuvectorClient, name: str, rows: NDArray[np.float32], **settings: Any) -> None:
    client.create_collection(name, DIM, optimizers=NOW, **settings)
    client.upsert(name, ids=range(len(rows)), vectors=rows)
    client.wait_for_index(name, 120)


def recall(client: RuvectorClient, name: str, rows: NDArray[np.float32], **params: Any) -> float:
    found = 0
    for query in rows[:20]:
        exact = {hit.id for hit in client.search(name, query, limit=10, params={"exact": True})}
        hits = client.search(name, query, limit=10, params={"quantization": params})
        assert len(hits) == 10
        found += len(exact & {hit.id for hit in hits})
    return found / 200


@pytest.mark.parametrize(("quantization", "alone"), KINDS, ids=[str(kind) for kind, _ in KINDS])
def test_kind_is_searched_by_its_codes_and_mended_by_originals(
    client: RuvectorClient,
    name: str,
    rows: NDArray[np.float32],
    quantization: dict[str, Any],
    alone: float,
) -> None:
    fill(client, name, rows, quantization=quantization)
    assert client.get_collection(name).config["quantization_config"] == quantization
    own = recall(client, name, rows, rescore=False)
    assert own >= alone
    assert recall(client, name, rows, rescore=True, oversampling=4.0) >= max(0.95, own)
    assert recall(client, name, rows, ignore=True) >= 0.95


def test_scores_are_exact_where_originals_have_the_last_word(
    client: RuvectorClient, name: str, rows: NDArray[np.float32]
) -> None:
    fill(client, name, rows, quantization={"binary": {}})
    query = rows[0]

    def scores(**params: Any) -> list[float]:
        return [hit.score for hit in client.search(name, query, limit=5, params=params)]

    exact = scores(exact=True)
    assert scores() == exact  # binary rescores by default
    assert scores(quantization={"ignore": True}) == exact
    estimates = scores(quantization={"rescore": False})
    assert estimates != exact
    assert np.allclose(estimates, exact, atol=0.3)
    client.update_collection(name, quantization={"scalar": {"type": "int8"}})
    client.wait_for_index(name, 120)
    estimates = scores()  # scalar does not
    assert estimates != exact
    assert np.allclose(estimates, exact, atol=0.01)
    assert scores(quantization={"rescore": True}) == exact


@pytest.mark.parametrize("distance", ["dot", "euclid", "manhattan"])
def test_other_distances_have_their_own_scores(
    client: RuvectorClient, name: str, rows: NDArray[np.float32], distance: str
) -> None:
    fill(client, name, rows, distance=distance, quantization={"scalar": {"type": "int8"}})
    exact = client.search(name, rows[0], limit=10, params={"exact": True})
    found = client.search(name, rows[0], limit=10)
    scale = abs(exact[-1].score) + 1
    pairs = zip(found[1:], exact[1:], strict=True)  # the root of a small error at 0 is not small
    assert all(abs(a.score - b.score) < 0.1 * scale for a, b in pairs)
    assert recall(client, name, rows, rescore=True) >= 0.95


def test_filter_takes_part_in_a_quantized_search(
    client: RuvectorClient, name: str, rows: NDArray[np.float32]
) -> None:
    client.create_collection(name, DIM, optimizers=NOW, quantization={"turbo": {"bits": "bits2"}})
    payloads = [{"n": number % 100} for number in range(POINTS)]
    client.upsert(name, ids=range(POINTS), vectors=rows, payloads=payloads)
    client.wait_for_index(name, 120)
    for few in ({"n": 3}, {"n": {"lt": 70}}):
        exact = client.search(name, rows[1], limit=10, filter=few, params={"exact": True})
        found = client.search(name, rows[1], limit=10, filter=few)
        assert len(found) == 10
        assert len({hit.id for hit in found} & {hit.id for hit in exact}) >= 9
    assert len(client.search(name, rows[1], limit=100, filter={"n": 3})) == 25


def test_codes_are_changed_and_taken_away_on_a_live_collection(
    client: RuvectorClient, name: str, rows: NDArray[np.float32]
) -> None:
    fill(client, name, rows)
    assert client.get_collection(name).config["quantization_config"] is None
    before = client.get_memory(name).vectors[0]
    assert not before.quantized
    for quantization in ({"binary": {}}, {"product": {"compression": "x64"}}):
        client.update_collection(name, quantization=quantization)
        client.wait_for_index(name, 120)
        assert client.get_collection(name).config["quantization_config"] == quantization
        assert client.get_memory(name).vectors[0].quantized
        assert recall(client, name, rows, oversampling=8.0, rescore=True) >= 0.95
    client.update_collection(name, quantization="Disabled")
    client.wait_for_index(name, 120)
    assert client.get_collection(name).config["quantization_config"] is None
    assert not client.get_memory(name).vectors[0].quantized
    assert recall(client, name, rows) >= 0.95


def test_named_vector_has_its_own_codes_over_those_of_the_collection(
    client: RuvectorClient, name: str, rows: NDArray[np.float32]
) -> None:
    vectors = {
        "own": {"size": DIM, "distance": "Dot", "quantization_config": {"binary": {}}},
        "shared": {"size": DIM, "distance": "Euclid"},
    }
    client.create_collection(
        name, vectors=vectors, optimizers=NOW, quantization={"scalar": {"type": "int8"}}
    )
    client.upsert(name, ids=range(POINTS), vectors={"own": rows, "shared": rows})
    client.wait_for_index(name, 120)
    sizes = {v.name: v.quantized.disk_bytes for v in client.get_memory(name).vectors}  # type: ignore[union-attr]
    assert sizes["own"] < sizes["shared"] / 1.2
    assert client.get_collection(name).config["params"]["vectors"] == vectors
    client.update_collection(name, vectors={"own": {"quantization_config": "Disabled"}})
    client.wait_for_index(name, 120)
    echoed = client.get_collection(name).config["params"]["vectors"]
    assert echoed["own"] == {"size": DIM, "distance": "Dot"}


REFUSED: list[tuple[Any, type[RuvectorError], str]] = [
    ({}, BadInput, "one of"),
    ({"binary": {}, "turbo": {}}, BadInput, "2 kinds"),
    ({"ternary": {}}, BadInput, "ternary"),
    ("binary", BadInput, "quantization_config"),
    ({"scalar": {}}, BadInput, "type"),
    ({"scalar": {"type": "int4"}}, BadInput, "int4"),
    ({"scalar": {"type": "int8", "quantile": 0.4}}, InvalidRequest, "quantile"),
    ({"scalar": {"type": "int8", "quantile": 1.1}}, InvalidRequest, "quantile"),
    ({"product": {"compression": "x5"}}, BadInput, "x5"),
    ({"binary": {"encoding": "three_bits"}}, BadInput, "three_bits"),
    ({"binary": {"query_encoding": "float"}}, BadInput, "float"),
    ({"turbo": {"bits": "bits3"}}, BadInput, "bits3"),
    ({"turbo": {"memory": "warm"}}, BadInput, "warm"),
    ({"turbo": {"colour": 1}}, BadInput, "colour"),
]


@pytest.mark.parametrize(("quantization", "error", "named"), REFUSED, ids=lambda v: str(v)[:40])
def test_unfit_quantization_is_refused_by_name(
    client: RuvectorClient, name: str, quantization: Any, error: type[RuvectorError], named: str
) -> None:
    with pytest.raises(error, match=named):
        client.create_collection(name, 4, quantization=quantization)
    vector = {"size": 4, "distance": "Dot", "quantization_config": quantization}
    with pytest.raises(RuvectorError, match=named if named != "one of" else "kinds|one of"):
        client.create_collection(name, vectors={"a": vector})
    assert not client.collection_exists(name)


def test_bits_are_refused_for_manhattan_with_a_way_out(client: RuvectorClient, name: str) -> None:
    with pytest.raises(BadInput, match="scalar or product"):
        client.create_collection(name, 4, "manhattan", quantization={"turbo": {}})
    client.create_collection(name, 4, "manhattan", quantization={"product": {"compression": "x4"}})
    with pytest.raises(BadInput, match="scalar or product"):
        client.update_collection(name, quantization={"binary": {}})


@pytest.mark.parametrize("oversampling", [0.5, 0.0, -1.0, 1e7])
def test_oversampling_out_of_range_is_refused(
    client: RuvectorClient, name: str, oversampling: float
) -> None:
    client.create_collection(name, 4)
    params = {"quantization": {"oversampling": oversampling}}
    with pytest.raises(InvalidRequest, match="oversampling"):
        client.search(name, [1, 0, 0, 0], params=params)
    with pytest.raises(RuvectorError, match="colour"):
        client.search(name, [1, 0, 0, 0], params={"quantization": {"colour": 1}})
