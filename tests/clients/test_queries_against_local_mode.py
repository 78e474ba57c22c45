"""Does every kind of query mean what Qdrant says? With local mode as oracle, over REST."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models
from tests.clients.local_twin import Twins

POINTS = 120
DIMS = {"short": 8, "long": 24}
DISTANCES: list[Any] = [
    models.Distance.COSINE,
    models.Distance.EUCLID,
    pytest.param(models.Distance.DOT, marks=pytest.mark.slow),
    pytest.param(models.Distance.MANHATTAN, marks=pytest.mark.slow),
]
_numbers = count(1)
Vectors = NDArray[np.float32]


def payload_of(number: int) -> dict[str, Any]:
    """Return a payload: numbers, words, lists, a place, a date; some fields are missing."""
    payload: dict[str, Any] = {
        "number": number,
        "price": number / 4,
        "word": ("red", "green", "blue")[number % 3],
        "tags": [f"t{number % 4}", f"u{number % 5}"],
        "many": [number % 7, 100 + number % 3],
        "place": {"lon": -10 + number / 7, "lat": 40 + number / 9},
        "when": f"2024-0{number % 9 + 1}-{number % 27 + 1:02}T{number % 24:02}:00:00Z",
        "deep": {"score": number % 11},
    }
    if number % 5 == 0:
        payload["rare"] = number
    return payload


@pytest.fixture(scope="module", params=DISTANCES, ids=lambda distance: distance.value)
def twins(request: pytest.FixtureRequest, client: QdrantClient) -> Iterator[Twins]:
    """Return both databases with the collections `name` and `name_other`."""
    twins = Twins(client, "")
    fill(twins, f"queries_{next(_numbers)}", request.param)
    yield twins
    twins.close()


def fill(twins: Twins, name: str, distance: models.Distance) -> None:
    """Create and fill `name`, and `name`_other for lookups."""
    generator = np.random.default_rng(5)
    for chosen, points in ((name, POINTS), (f"{name}_other", 30)):
        twins.create(
            chosen,
            vectors_config={
                each: models.VectorParams(size=dim, distance=distance) for each, dim in DIMS.items()
            },
        )
        records = []
        for number in range(points):
            vector = {
                each: generator.normal(size=dim).astype(np.float32).tolist()
                for each, dim in DIMS.items()
            }
            if number % 10 == 9:
                del vector["long"]
            records.append(models.PointStruct(id=number, vector=vector, payload=payload_of(number)))
        twins.both("upsert", chosen, records, wait=True)
    kinds = {"number": "integer", "price": "float", "when": "datetime", "many": "integer"}
    kinds |= {"word": "keyword", "tags": "keyword"}
    for field, kind in kinds.items():
        twins.remote.create_payload_index(name, field, kind, wait=True)


@pytest.fixture
def name(twins: Twins) -> str:
    """Return the collection's name."""
    return twins.names[0]


def vectors(using: str, number: int, seed: int = 1) -> list[list[float]]:
    """Return random vectors."""
    array = np.random.default_rng(seed).normal(size=(number, DIMS[using]))
    rows: list[list[float]] = array.astype(np.float32).tolist()
    return rows


FILTERS = [
    None,
    models.Filter(must=[models.FieldCondition(key="word", match=models.MatchValue(value="red"))]),
    models.Filter(must_not=[models.FieldCondition(key="number", range=models.Range(lt=40))]),
]
SHAPES: list[dict[str, Any]] = [
    {"limit": 5},
    {"limit": 12, "offset": 3, "with_payload": ["number"], "with_vectors": True},
    {"limit": 200, "with_payload": False},
]
QUICK = SHAPES[1:2]


def every(twins: Twins, name: str, feature: str, query: Any, **more: Any) -> None:
    """Compare a query under every filter and shape."""
    twins.feature = feature
    for query_filter in FILTERS:
        for shape in SHAPES if query_filter is None else QUICK:
            twins.query(name, query=query, query_filter=query_filter, **{**shape, **more})


@pytest.mark.parametrize("using", DIMS)
def test_nearest(twins: Twins, name: str, using: str) -> None:
    every(twins, name, "nearest", vectors(using, 1)[0], using=using)
    every(twins, name, "nearest", models.NearestQuery(nearest=7), using=using)
    every(twins, name, "nearest", 11, using=using)
    lookup = models.LookupLocation(collection=f"{name}_other", vector=using)
    every(twins, name, "lookup_from", 7, using=using, lookup_from=lookup)


@pytest.mark.parametrize("using", DIMS)
@pytest.mark.parametrize("strategy", list(models.RecommendStrategy))
def test_recommend(twins: Twins, name: str, using: str, strategy: models.RecommendStrategy) -> None:
    one, two = vectors(using, 2, seed=3)
    for positive, negative in (([4, one], [5, two]), ([1, 2, 3], None), ([one], [two, 6])):
        recommend = models.RecommendInput(positive=positive, negative=negative, strategy=strategy)
        query = models.RecommendQuery(recommend=recommend)
        every(twins, name, f"recommend {strategy.value}", query, using=using)
    if strategy is not models.RecommendStrategy.AVERAGE_VECTOR:
        query = models.RecommendQuery(
            recommend=models.RecommendInput(negative=[4, one], strategy=strategy)
        )
        every(twins, name, f"recommend {strategy.value}", query, using=using)
    lookup = models.LookupLocation(collection=f"{name}_other")
    query = models.RecommendQuery(
        recommend=models.RecommendInput(positive=[4, 5], negative=[6], strategy=strategy)
    )
    every(twins, name, "lookup_from", query, using=using, lookup_from=lookup)


def pairs(using: str, seed: int) -> list[models.ContextPair]:
    """Return pairs of ids and of vectors."""
    one, two, three = vectors(using, 3, seed)
    return [
        models.ContextPair(positive=12, negative=one),
        models.ContextPair(positive=two, negative=three),
        models.ContextPair(positive=21, negative=33),
    ]


@pytest.mark.parametrize("using", DIMS)
def test_discover_and_context(twins: Twins, name: str, using: str) -> None:
    for seed in (1, 2):
        for target in (17, vectors(using, 1, seed + 50)[0]):
            discover = models.DiscoverInput(target=target, context=pairs(using, seed))
            every(twins, name, "discover", models.DiscoverQuery(discover=discover), using=using)
        context = models.ContextQuery(context=pairs(using, seed))
        every(twins, name, "context", context, using=using)
    alone = models.DiscoverQuery(discover=models.DiscoverInput(target=17, context=[]))
    every(twins, name, "discover", alone, using=using)


@pytest.mark.parametrize("using", DIMS)
def test_relevance_feedback(twins: Twins, name: str, using: str) -> None:
    one, two = vectors(using, 2, seed=8)
    feedback = [
        models.FeedbackItem(example=one, score=0.9),
        models.FeedbackItem(example=3, score=0.2),
        models.FeedbackItem(example=two, score=0.5),
        models.FeedbackItem(example=8, score=0.5),
    ]
    for a, b, c in ((1.0, 1.0, 1.0), (0.3, 2.0, 0.7), (0.0, 0.0, 1.0)):
        naive = models.NaiveFeedbackStrategyParams(a=a, b=b, c=c)
        query = models.RelevanceFeedbackQuery(
            relevance_feedback=models.RelevanceFeedbackInput(
                target=5, feedback=feedback, strategy=models.NaiveFeedbackStrategy(naive=naive)
            )
        )
        every(twins, name, "relevance_feedback", query, using=using)


@pytest.mark.parametrize("using", DIMS)
def test_maximal_marginal_relevance(twins: Twins, name: str, using: str) -> None:
    for nearest in (vectors(using, 1, seed=4)[0], 8):
        for diversity, candidates in ((None, None), (0.0, 30), (0.3, 50), (1.0, 40)):
            mmr = models.Mmr(diversity=diversity, candidates_limit=candidates)
            query = models.NearestQuery(nearest=nearest, mmr=mmr)
            every(twins, name, "mmr", query, using=using)


def test_order_by(twins: Twins, name: str) -> None:
    orders: list[Any] = [
        "number",
        models.OrderBy(key="price", direction=models.Direction.DESC),
        models.OrderBy(key="number", start_from=30),
        models.OrderBy(key="number", direction=models.Direction.DESC, start_from=30.5),
        models.OrderBy(key="when"),
        models.OrderBy(key="when", direction=models.Direction.DESC, start_from="2024-05-01"),
        models.OrderBy(key="many"),
        models.OrderBy(key="many", direction=models.Direction.DESC),
    ]
    for order in orders:
        every(twins, name, "order_by", models.OrderByQuery(order_by=order))
        twins.feature = "scroll with order_by"
        for scroll_filter in FILTERS:
            ours, theirs = twins.answers(
                "scroll", name, scroll_filter=scroll_filter, order_by=order, limit=25
            )
            assert ours[1] is None
            key = [(record.id, record.order_value, record.payload) for record in ours[0]]
            assert key == [(each.id, each.order_value, each.payload) for each in theirs[0]]


def test_queries_without_a_query_list_by_id(twins: Twins, name: str) -> None:
    twins.feature = "no query"
    for query_filter in FILTERS:
        ours, theirs = twins.answers("query_points", name, query_filter=query_filter, limit=9)
        assert [hit.id for hit in ours.points] == [hit.id for hit in theirs.points]
        assert {hit.score for hit in ours.points} == {0.0}


def prefetches(filters: bool = True) -> list[models.Prefetch]:
    """Return three searches, one of which has prefetches itself."""
    one, two, three = vectors("short", 3, seed=6)
    long = vectors("long", 1, seed=7)[0]
    return [
        models.Prefetch(query=one, using="short", limit=30),
        models.Prefetch(query=long, using="long", limit=25, filter=FILTERS[2] if filters else None),
        models.Prefetch(
            prefetch=[
                models.Prefetch(query=two, using="short", limit=40),
                models.Prefetch(query=3, using="long", limit=20),
            ],
            query=three,
            using="short",
            limit=15,
        ),
    ]


FUSIONS: list[Any] = [
    models.FusionQuery(fusion=models.Fusion.RRF),
    models.FusionQuery(fusion=models.Fusion.DBSF),
    models.RrfQuery(rrf=models.Rrf(k=60)),
    models.RrfQuery(rrf=models.Rrf(k=5, weights=[3.0, 1.0, 0.5])),
    models.RrfQuery(rrf=models.Rrf(weights=[1.0, 0.0, 2.0])),
]


@pytest.mark.parametrize("fusion", FUSIONS, ids=range(len(FUSIONS)))
def test_fusion(twins: Twins, name: str, fusion: Any) -> None:
    every(twins, name, "fusion", fusion, prefetch=prefetches())
    every(twins, name, "fusion", fusion, prefetch=prefetches(), score_threshold=0.3)


def test_prefetched_points_are_scored_again(twins: Twins, name: str) -> None:
    recommend = models.RecommendQuery(
        recommend=models.RecommendInput(
            positive=[8], negative=[2], strategy=models.RecommendStrategy.BEST_SCORE
        )
    )
    again = [vectors("long", 1, seed=9)[0], 14, recommend]
    again.append(models.NearestQuery(nearest=5, mmr=models.Mmr(diversity=0.4)))
    for query in again:
        every(twins, name, "rescoring", query, using="long", prefetch=prefetches())
    order = models.OrderByQuery(order_by=models.OrderBy(key="number", direction="desc"))
    every(twins, name, "rescoring", order, prefetch=prefetches())


def test_score_thresholds(twins: Twins, name: str) -> None:
    twins.feature = "score_threshold"
    for using in DIMS:
        query = vectors(using, 1, seed=12)[0]
        scores = [hit.score for hit in twins.query(name, query, using=using, limit=POINTS)]
        for place in (0, 7, 40, 80):
            threshold = (scores[place] + scores[place + 1]) / 2
            twins.query(name, query, using=using, limit=POINTS, score_threshold=threshold)


def test_random_sample_is_distinct_and_filtered(twins: Twins, name: str) -> None:
    sample = models.SampleQuery(sample=models.Sample.RANDOM)
    hits = twins.remote.query_points(name, sample, limit=20, query_filter=FILTERS[1]).points
    assert len({hit.id for hit in hits}) == 20
    assert all(int(hit.id) % 3 == 0 for hit in hits)
    everything = twins.remote.query_points(name, sample, limit=500).points
    assert sorted(int(hit.id) for hit in everything) == list(range(POINTS))
    assert [hit.id for hit in everything] != list(range(POINTS))


REFUSED: list[dict[str, Any]] = [
    {"query": vectors("short", 1)[0], "using": "missing"},
    {"query": vectors("long", 1)[0], "using": "short"},
    {"query": 4000, "using": "short"},
    {"query": 9, "using": "long"},
    {"query": models.FusionQuery(fusion=models.Fusion.RRF)},
    {"query": models.RrfQuery(rrf=models.Rrf(weights=[1.0])), "prefetch": prefetches()},
    {"query": models.RecommendQuery(recommend=models.RecommendInput()), "using": "short"},
]


@pytest.mark.parametrize("arguments", REFUSED, ids=range(len(REFUSED)))
def test_what_local_mode_refuses_is_refused(
    twins: Twins, name: str, arguments: dict[str, Any]
) -> None:
    twins.feature = "queries"
    twins.refused("query_points", name, **arguments)
