"""Does everything move from one server to another with the official client, bit for bit?"""

import math
import struct
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from qdrant_client import QdrantClient, models
from tests.conftest import Server

NAME = "moved"
COUNT = 120
PAYLOADS: list[dict[str, Any]] = [
    {},
    {"text": 'größe 日本語 🦀 \u0000 \u2028 "quoted" \\ back', "": "empty key", "a.b": "dotted"},
    {"integers": [0, -1, 2**53 + 1, 2**63 - 1, -(2**63)]},
    {"floats": [0.1, 1e300, -1e-300, 5e-324, 1 / 3, 2.0, -0.0, 123456789.123456789]},
    {"nested": {"deep": [{"list": [[], {}, [None, True, False]]}, {"again": {"x": {"y": [1]}}}]}},
    {"null": None, "true": True, "false": False, "one": 1, "one point": 1.0},
]


@pytest.fixture(scope="module")
def other(start_server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    """Return a second server."""
    return start_server(tmp_path_factory.mktemp("other") / "storage")


@pytest.fixture(params=["rest", "grpc"])
def pair(
    request: pytest.FixtureRequest, server: Server, other: Server
) -> Iterator[tuple[QdrantClient, QdrantClient]]:
    """Return a client of each server, over one transport."""
    clients = [
        QdrantClient(
            url=one.url, grpc_port=one.grpc_port, prefer_grpc=request.param == "grpc", timeout=30
        )
        for one in (server, other)
    ]
    yield clients[0], clients[1]
    for client in clients:
        client.delete_collection(NAME)
        client.close()


def create(client: QdrantClient) -> None:
    """Create a collection with every kind of vector and datatype."""
    params, distance = models.VectorParams, models.Distance
    client.create_collection(
        NAME,
        vectors_config={
            "cosine": params(size=17, distance=distance.COSINE),
            "dot": params(size=5, distance=distance.DOT),
            "half": params(size=9, distance=distance.EUCLID, datatype=models.Datatype.FLOAT16),
            "bytes": params(size=6, distance=distance.MANHATTAN, datatype=models.Datatype.UINT8),
            "multi": params(
                size=4,
                distance=distance.COSINE,
                multivector_config=models.MultiVectorConfig(
                    comparator=models.MultiVectorComparator.MAX_SIM
                ),
            ),
        },
        sparse_vectors_config={"sparse": models.SparseVectorParams()},
    )


def fill(client: QdrantClient) -> None:
    """Upsert points whose numbers need every bit, and whose payloads are awkward."""
    generator = np.random.default_rng(11)

    def numbers(*shape: int) -> Any:
        values = generator.normal(size=shape) * 10.0 ** generator.integers(-5, 6, size=shape)
        return values.astype(np.float32).tolist()

    points = []
    for n in range(COUNT):
        indices = generator.choice(2**32 - 1, size=n % 7, replace=False).tolist()
        vectors = {
            "cosine": numbers(17),
            "dot": numbers(5),
            "half": generator.normal(size=9).astype(np.float16).astype(np.float32).tolist(),
            "bytes": generator.integers(0, 256, size=6).tolist(),
            "multi": numbers(1 + n % 3, 4),
            "sparse": models.SparseVector(indices=indices, values=numbers(len(indices))),
        }
        if n % 5 == 0:  # not every point has every vector
            del vectors["dot"], vectors["sparse"]
        chosen = str(uuid.UUID(int=n * 2**90 + n)) if n % 2 else 2**64 - 1 - n
        payload = PAYLOADS[n % len(PAYLOADS)] | {"n": n}
        points.append(models.PointStruct(id=chosen, vector=vectors, payload=payload))
    client.upsert(NAME, points=points, wait=True)


def everything(client: QdrantClient) -> list[Any]:
    """Return all records, page by page."""
    records, offset = [], None
    for _ in range(COUNT):
        page, offset = client.scroll(NAME, limit=13, offset=offset, with_vectors=True)
        records += page
        if offset is None:
            break
    return records


def bits(value: Any) -> Any:
    """Return a value with its floats as the bits of float64, so that equal means identical."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, models.SparseVector):
        return [value.indices, bits(value.values)]
    if isinstance(value, dict):
        return {key: bits(one) for key, one in value.items()}
    if isinstance(value, list):
        return [bits(one) for one in value]
    return [type(value).__name__, value]


def test_everything_moves_bit_for_bit(pair: tuple[QdrantClient, QdrantClient]) -> None:
    """Scrolled out of one server and upserted into another, all is equal; types too."""
    source, target = pair
    create(source)
    create(target)
    fill(source)
    before = everything(source)
    assert len(before) == COUNT
    target.upsert(
        NAME,
        points=[models.PointStruct(id=r.id, vector=r.vector, payload=r.payload) for r in before],
        wait=True,
    )
    after = everything(target)
    assert [record.id for record in after] == [record.id for record in before]
    for old, new in zip(before, after, strict=True):
        assert bits(new.vector) == bits(old.vector)
        assert bits(new.payload) == bits(old.payload)


def test_payloads_come_back_as_they_were_given(pair: tuple[QdrantClient, QdrantClient]) -> None:
    """Nothing was lost on the way in either: the first server has what was written."""
    source, _ = pair
    create(source)
    fill(source)
    for record in everything(source):
        n = record.payload["n"]
        assert bits(record.payload) == bits(PAYLOADS[n % len(PAYLOADS)] | {"n": n})
        length = math.fsum(x * x for x in record.vector["cosine"])
        assert length == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([0.1], [math.nextafter(0.1, 1)]),
        (0.0, -0.0),
        (1, 1.0),
        (1, True),
        ({"a": None}, {}),
        (2**53, 2**53 + 1),
    ],
)
def test_one_bit_is_noticed(one: Any, other: Any) -> None:
    """The comparison sees what equality of Python passes over."""
    assert bits(one) != bits(other)
