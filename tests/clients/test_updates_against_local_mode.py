"""Conditional writes and writes at paths leave the same points as in the client's local mode."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from qdrant_client import QdrantClient, models
from tests.clients.local_twin import Twins

MODES = [None, *models.UpdateMode]
KEYS = ["a", "a.b", "a[]", "a[].b", "a[0].b", "b[1]", '"c d".e', "new.deep[0]", "new.deep", "d"]
VALUES: list[Any] = [
    *(1, "x", None, [], [1, 2], {"b": 1}, {"b": {"c": 2}}, [{"b": 1}, {"b": 2}, 3], {"e": [1]}),
]


@pytest.fixture
def twins(client: QdrantClient, name: str) -> Iterator[Twins]:
    """Return a server and local mode with a collection of one small vector each point."""
    twins = Twins(client, "updates")
    twins.create(name, vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT))
    yield twins
    twins.close()


def same_points(twins: Twins, name: str) -> None:
    """Require the same points, payloads and vectors."""
    ours, theirs = twins.answers("scroll", name, limit=1000, with_vectors=True)
    assert [(one.id, one.payload, one.vector) for one in ours[0]] == [
        (one.id, one.payload or {}, one.vector) for one in theirs[0]
    ]


def filter_of(generator: random.Random) -> models.Filter | None:
    """Return a filter on `n`, on ids, or none."""
    below = models.FieldCondition(key="n", range=models.Range(lt=generator.randrange(12)))
    ids = models.HasIdCondition(has_id=generator.sample(range(12), 4))
    return generator.choice([None, models.Filter(must=[below]), models.Filter(must_not=[ids])])


@pytest.mark.parametrize("seed", range(4))
def test_conditional_writes(twins: Twins, name: str, seed: int) -> None:
    generator = random.Random(seed)
    if seed % 2:
        twins.both("create_payload_index", name, "n", models.PayloadSchemaType.INTEGER)
    for step in range(25):
        ids = generator.sample(range(12), generator.randrange(1, 6))
        filter = filter_of(generator)
        if step % 3 < 2:
            points = [
                models.PointStruct(
                    id=one, vector=[step, one], payload={"n": generator.randrange(12)}
                )
                for one in ids
            ]
            mode = generator.choice(MODES)
            twins.both("upsert", name, points, update_filter=filter, update_mode=mode, wait=True)
        else:
            there = [record.id for record in twins.local.retrieve(name, ids)]
            if there:
                moved = [models.PointVectors(id=one, vector=[-step, one]) for one in there]
                twins.both("update_vectors", name, moved, update_filter=filter, wait=True)
        same_points(twins, name)


def test_insert_only_keeps_the_first_of_an_id(twins: Twins, name: str) -> None:
    points = [models.PointStruct(id=1, vector=[n, n], payload={"n": n}) for n in range(3)]
    for mode in (models.UpdateMode.UPDATE_ONLY, models.UpdateMode.INSERT_ONLY, None):
        twins.both("upsert", name, points, update_mode=mode, wait=True)
        same_points(twins, name)


@pytest.mark.parametrize("seed", range(4))
def test_writes_at_paths(twins: Twins, name: str, seed: int) -> None:
    generator = random.Random(seed)
    points = [
        models.PointStruct(
            id=one,
            vector=[1, one],
            payload={key: generator.choice(VALUES) for key in generator.sample("abcd", 2)},
        )
        for one in range(8)
    ]
    twins.both("upsert", name, points, wait=True)
    for _ in range(25):
        key = generator.choice(KEYS)
        ids = generator.sample(range(8), 3)
        if generator.random() < 0.6:
            payload = {generator.choice("abe"): generator.choice(VALUES)}
            twins.both("set_payload", name, payload, points=ids, key=key, wait=True)
        else:
            twins.both("delete_payload", name, [key], points=ids, wait=True)
        same_points(twins, name)
