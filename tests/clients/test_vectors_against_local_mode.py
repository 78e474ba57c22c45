"""Are sparse vectors, multi-vectors and names on a live collection what Qdrant means by them?

With local mode as oracle, over REST: before and after the rows are sealed and indexed.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest
from qdrant_client import QdrantClient, models
from tests.clients.local_twin import Twins

import ruvector

POINTS = 150
TERMS = 80
SPARSE = ("plain", "idf")
MULTI = {"cosine": models.Distance.COSINE, "dot": models.Distance.DOT}
MULTI |= {"euclid": models.Distance.EUCLID, "manhattan": models.Distance.MANHATTAN}
DIM = 20
_numbers = count(1)


def sparse(generator: np.random.Generator, size: int = 12, *, signed: bool = True) -> Any:
    """Return a random sparse vector; low indices are frequent."""
    indices = np.unique((TERMS * generator.random(size) ** 2).astype(int))
    generator.shuffle(indices)
    values = generator.normal(size=len(indices)) if signed else generator.random(len(indices))
    return models.SparseVector(indices=indices.tolist(), values=values.astype(np.float32).tolist())


def multi(generator: np.random.Generator) -> list[list[float]]:
    """Return one to five random rows."""
    rows = generator.normal(size=(generator.integers(1, 6), DIM)).astype(np.float32)
    return rows.tolist()  # type: ignore[no-any-return]


def point(generator: np.random.Generator, number: int) -> models.PointStruct:
    """Return a point; some names are missing from some points."""
    vector: dict[str, Any] = {name: sparse(generator) for name in SPARSE}
    vector |= {name: multi(generator) for name in MULTI}
    for place, name in enumerate([*SPARSE, *MULTI]):
        if (number + place) % 9 == 0:
            del vector[name]
    return models.PointStruct(
        id=number, vector=vector, payload={"number": number, "word": "abc"[number % 3]}
    )


@pytest.fixture(scope="module", params=["growing", "sealed"])
def twins(request: pytest.FixtureRequest, client: QdrantClient) -> Iterator[Twins]:
    """Return both databases with the same points, some of them changed and deleted since."""
    twins = Twins(client, "")
    name = f"vectors_{next(_numbers)}"
    twins.create(
        name,
        vectors_config={
            each: models.VectorParams(
                size=DIM,
                distance=distance,
                multivector_config=models.MultiVectorConfig(
                    comparator=models.MultiVectorComparator.MAX_SIM
                ),
            )
            for each, distance in MULTI.items()
        },
        sparse_vectors_config={
            "plain": models.SparseVectorParams(
                index=models.SparseIndexParams(full_scan_threshold=0)
            ),
            "idf": models.SparseVectorParams(modifier=models.Modifier.IDF),
        },
    )
    generator = np.random.default_rng(7)
    points = [point(generator, number) for number in range(POINTS)]
    twins.both("upsert", name, points, wait=True)
    twins.both("delete", name, points_selector=list(range(0, POINTS, 11)), wait=True)
    if request.param == "sealed":
        wait_for_index(twins, name)
    twins.both(
        "update_vectors",
        name,
        [models.PointVectors(id=5, vector={"plain": sparse(generator), "dot": multi(generator)})],
        wait=True,
    )
    twins.both("delete_vectors", name, vectors=["idf"], points=[6, 7], wait=True)
    twins.both("upsert", name, [point(generator, 200), point(generator, 3)], wait=True)
    yield twins
    twins.close()


def wait_for_index(twins: Twins, name: str) -> None:
    """Return when the server has sealed and indexed everything."""
    host = twins.remote._client.rest_uri  # type: ignore[attr-defined]
    with ruvector.RuvectorClient(url=host) as client:
        client.wait_for_index(name, timeout_seconds=60)


@pytest.fixture
def name(twins: Twins) -> str:
    """Return the collection's name."""
    return twins.names[0]


WORD = models.Filter(must=[models.FieldCondition(key="word", match=models.MatchValue(value="a"))])
FEW = models.Filter(must=[models.FieldCondition(key="number", range=models.Range(gte=140))])
SHAPES: list[dict[str, Any]] = [
    {"limit": 5},
    {"limit": 12, "offset": 3, "with_vectors": True},
    {"limit": 300, "with_payload": False},
    {"limit": 20, "query_filter": WORD},
    {"limit": 20, "query_filter": FEW},
    {"limit": 20, "score_threshold": 1.5},
]


def every(twins: Twins, name: str, feature: str, query: Any, **more: Any) -> None:
    """Compare a query in every shape."""
    twins.feature = feature
    for shape in SHAPES:
        twins.query(name, query=query, **{**shape, **more})


@pytest.mark.parametrize("using", SPARSE)
@pytest.mark.parametrize("signed", [False, True])
def test_sparse_queries(twins: Twins, name: str, using: str, signed: bool) -> None:
    generator = np.random.default_rng(1)
    for size in (1, 3, 10, 60):
        vector = sparse(generator, size, signed=signed)
        every(twins, name, f"sparse {using}", vector, using=using)
    every(twins, name, f"sparse {using}", 1, using=using)


def test_weights_are_counted_over_the_corpus_asked_for(twins: Twins, name: str) -> None:
    generator = np.random.default_rng(2)
    nothing = models.Filter(must=[models.FieldCondition(key="word", match={"value": "none"})])
    for corpus in (WORD, FEW, nothing):
        params = models.SearchParams(idf=models.IdfCorpusParams(corpus=corpus))
        every(
            twins,
            name,
            "idf by corpus",
            sparse(generator, 8, signed=False),
            using="idf",
            search_params=params,
        )
    every(
        twins,
        name,
        "idf by corpus",
        sparse(generator, 8),
        using="idf",
        search_params=models.SearchParams(idf=models.IdfScope.GLOBAL),
    )


@pytest.mark.parametrize("using", MULTI)
def test_multivector_queries(twins: Twins, name: str, using: str) -> None:
    generator = np.random.default_rng(3)
    for _ in range(3):
        every(twins, name, f"multi {using}", multi(generator), using=using)
        every(
            twins,
            name,
            f"multi {using}",
            multi(generator),
            using=using,
            search_params=models.SearchParams(exact=True),
        )
    every(twins, name, f"multi {using}", 2, using=using)


@pytest.mark.parametrize("using", ["plain", "idf", "dot", "cosine", "euclid"])
def test_queries_by_examples(twins: Twins, name: str, using: str) -> None:
    generator = np.random.default_rng(4)
    some = sparse if using in SPARSE else multi
    for strategy in models.RecommendStrategy:
        recommend = models.RecommendInput(
            positive=[some(generator), 1], negative=[some(generator)], strategy=strategy
        )
        query: Any = models.RecommendQuery(recommend=recommend)
        twins.feature = f"recommend {using}"
        if using in SPARSE and strategy != models.RecommendStrategy.AVERAGE_VECTOR:
            continue  # local mode scores rows that share nothing in its own way
        twins.query(name, query=query, using=using, limit=12)
    if using in SPARSE:
        return
    pairs = [models.ContextPair(positive=some(generator), negative=some(generator))]
    twins.feature = f"discover {using}"
    discover = models.DiscoverInput(target=some(generator), context=pairs)
    twins.query(name, query=models.DiscoverQuery(discover=discover), using=using, limit=12)
    twins.query(name, query=models.ContextQuery(context=pairs), using=using, limit=12)


@pytest.mark.parametrize("using", ["plain", "dot", "cosine"])
def test_relevance_and_difference(twins: Twins, name: str, using: str) -> None:
    generator = np.random.default_rng(5)
    some = sparse if using in SPARSE else multi
    twins.feature = f"mmr {using}"
    mmr = models.Mmr(diversity=0.4, candidates_limit=20)
    query = models.NearestQuery(nearest=some(generator), mmr=mmr)
    twins.query(name, query=query, using=using, limit=8)


def test_fusion_of_kinds(twins: Twins, name: str) -> None:
    generator = np.random.default_rng(6)
    twins.feature = "fusion of kinds"
    prefetch = [
        models.Prefetch(query=sparse(generator, signed=False), using="plain", limit=20),
        models.Prefetch(query=sparse(generator, signed=False), using="idf", limit=20),
        models.Prefetch(query=multi(generator), using="cosine", limit=20),
    ]
    for fusion in models.Fusion:
        query = models.FusionQuery(fusion=fusion)
        twins.query(name, query=query, prefetch=prefetch, limit=10)
    twins.query(name, query=multi(generator), using="dot", prefetch=prefetch, limit=10)
    twins.query(name, query=sparse(generator, 40), using="plain", prefetch=prefetch, limit=10)


def test_points_are_read_as_they_were_written(twins: Twins, name: str) -> None:
    twins.feature = "read"
    for with_vectors in (True, ["plain"], ["cosine", "idf"]):
        ours, theirs = twins.answers(
            "scroll", name, limit=300, with_vectors=with_vectors, with_payload=True
        )
        assert [record.id for record in ours[0]] == [record.id for record in theirs[0]]
        for one, other in zip(ours[0], theirs[0], strict=True):
            assert one.payload == other.payload
            compare(one.vector, other.vector)
    for each in [*SPARSE, *MULTI]:
        counted = models.Filter(must=[models.HasVectorCondition(has_vector=each)])
        ours, theirs = twins.answers("count", name, count_filter=counted)
        assert ours == theirs


def compare(ours: Any, theirs: Any) -> None:
    """Require equal vectors by name."""
    assert (ours or {}).keys() == (theirs or {}).keys()
    for each, vector in (ours or {}).items():
        if each in SPARSE:
            assert vector.indices == theirs[each].indices
            assert np.allclose(vector.values, theirs[each].values, atol=1e-6)
        else:
            assert np.allclose(vector, theirs[each], atol=1e-6)


def test_wrong_vectors_are_refused(twins: Twins, name: str) -> None:
    twins.feature = "vectors"
    wrong: list[tuple[str, Any]] = [
        ("plain", models.SparseVector(indices=[1, 1], values=[1.0, 2.0])),
        ("plain", models.SparseVector(indices=[1], values=[1.0, 2.0])),
        ("dot", [[1.0] * DIM, [1.0]]),
        ("dot", [[1.0] * 3]),
    ]
    for using, vector in wrong:
        point = models.PointStruct(id=900, vector={using: vector})
        twins.refused("upsert", name, [point], wait=True)
    assert not twins.remote.retrieve(name, [900])
    message = twins.refused("query_points", name, query=[0.5] * DIM, using="nothing")
    assert "nothing" in message


def test_names_come_and_go_on_a_live_collection(client: QdrantClient) -> None:
    twins = Twins(client, "names")
    name = f"names_{next(_numbers)}"
    twins.create(name, vectors_config=models.VectorParams(size=3, distance="Dot"))
    points = [models.PointStruct(id=i, vector=[i, 1, 2]) for i in range(5)]
    twins.both("upsert", name, points, wait=True)
    wait_for_index(twins, name)
    dense = models.DenseVectorNameConfig(
        dense=models.DenseVectorConfig(size=2, distance=models.Distance.EUCLID)
    )
    rare = models.SparseVectorNameConfig(
        sparse=models.SparseVectorConfig(modifier=models.Modifier.IDF)
    )
    for _ in range(2):  # the second time changes nothing
        twins.both("create_vector_name", name, "dense", dense)
        twins.both("create_vector_name", name, "rare", rare)
    vectors = [
        models.PointVectors(
            id=i,
            vector={
                "dense": [float(i), 1.0],
                "rare": models.SparseVector(indices=[i, 7], values=[1.0, 0.5]),
            },
        )
        for i in (1, 3)
    ]
    twins.both("update_vectors", name, vectors, wait=True)
    twins.query(name, query=[2.0, 1.0], using="dense", limit=10, with_vectors=True)
    query = models.SparseVector(indices=[3, 7], values=[1.0, 1.0])
    twins.query(name, query=query, using="rare", limit=10, with_vectors=True)
    other = models.DenseVectorNameConfig(
        dense=models.DenseVectorConfig(size=4, distance=models.Distance.EUCLID)
    )
    twins.refused("create_vector_name", name, "dense", other)
    wait_for_index(twins, name)
    for _ in range(2):
        twins.both("delete_vector_name", name, "dense")
    twins.refused("query_points", name, query=[2.0, 1.0], using="dense")
    twins.both("create_vector_name", name, "dense", other)
    twins.query(name, query=[1.0] * 4, using="dense", limit=10)
    more = [models.PointVectors(id=0, vector={"dense": [1.0, 2.0, 3.0, 4.0]})]
    twins.both("update_vectors", name, more, wait=True)
    twins.query(name, query=[1.0] * 4, using="dense", limit=10, with_vectors=True)
    wait_for_index(twins, name)
    twins.query(name, query=[1.0] * 4, using="dense", limit=10, with_vectors=True)
    twins.query(name, query=query, using="rare", limit=10, with_vectors=True)
    twins.close()
