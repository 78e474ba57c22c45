"""Do combinations mean what Qdrant says? Random queries of several stages, beside local mode.

Left out is what local mode cannot do (feedback by sparse and multi-vectors), what it does otherwise
than the contract (a `should` of two levels is one list there), and queries whose equal scores leave
the answer open.
"""

import random
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse
from tests.clients.local_twin import Twins, same_hits
from tests.clients.test_groups_against_local_mode import same_groups

POINTS = 90
NAMES = ("d", "e", "mv", "s", "i")
MAX_SIM = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
QUERIES = 40  # of a seed and a kind
_KINDS = {"n": "integer", "p": "float", "when": "datetime", "w": "keyword", "tags": "keyword"}


class Drawing:
    """Random vectors, filters and queries of one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(seed)

    def floats(self, count: int) -> list[float]:
        """Return random numbers, as float32."""
        row: list[float] = self.numbers.normal(size=count).astype(np.float32).tolist()
        return row

    def vector(self, name: str) -> Any:
        """Return a vector of a name's kind."""
        if name == "mv":
            return [self.floats(6) for _ in range(self.random.randrange(1, 4))]
        if name in ("d", "e"):
            return self.floats(8)
        indices = np.unique((30 * self.numbers.random(8) ** 2).astype(int)).tolist()
        values = self.numbers.normal(size=len(indices)).round(3).tolist()
        return models.SparseVector(indices=indices, values=values)

    def target(self, name: str) -> Any:
        """Return a vector, or the id of a point."""
        return self.random.randrange(POINTS) if self.random.random() < 0.25 else self.vector(name)

    def targets(self, name: str, least: int = 0) -> list[Any]:
        """Return up to two of them."""
        return [self.target(name) for _ in range(self.random.randrange(least, 3))]

    def filter(self) -> models.Filter | None:
        """Return a filter, or none."""
        if self.random.random() < 0.35:
            return None
        field, choose = models.FieldCondition, self.random.choice
        makers: list[Any] = [
            lambda: field(key="w", match=models.MatchValue(value=choose("rgb"))),
            lambda: field(key="n", range=models.Range(gte=self.random.randrange(60))),
            lambda: field(key="tags", match=models.MatchAny(any=["t1", "u2"])),
            lambda: models.HasIdCondition(has_id=self.random.sample(range(POINTS), 30)),
            lambda: models.HasVectorCondition(has_vector=choose(["d", "s", "mv"])),
            lambda: models.IsEmptyCondition(is_empty=models.PayloadField(key="opt")),
        ]
        conditions = [choose(makers)() for _ in range(self.random.randrange(1, 3))]
        clause = choose(["must", "should", "must_not"])
        inner = models.Filter(**{clause: conditions})
        return models.Filter(must=[inner]) if clause == "should" else inner

    def query(self, name: str) -> Any:
        """Return a query by vectors and examples of one name."""
        choose, target = self.random.choice, self.target(name)
        kind = choose(["nearest", "nearest", "mmr", "recommend", "discover", "feedback"])
        if kind == "mmr":
            mmr = models.Mmr(
                diversity=choose([None, 0.0, 0.3, 1.0]), candidates_limit=choose([None, 5, 40])
            )
            return models.NearestQuery(nearest=target, mmr=mmr)
        if kind == "recommend":
            examples = models.RecommendInput(
                positive=self.targets(name, 1),
                negative=self.targets(name),
                strategy=choose([None, *models.RecommendStrategy]),
            )
            return models.RecommendQuery(recommend=examples)
        if kind == "discover":
            pairs = [
                models.ContextPair(positive=self.target(name), negative=self.target(name))
                for _ in range(self.random.randrange(3))
            ]
            discover = models.DiscoverInput(target=target, context=pairs)
            return models.DiscoverQuery(discover=discover)
        if kind == "feedback" and name in ("d", "e"):
            items = [
                models.FeedbackItem(example=self.target(name), score=self.random.random())
                for _ in range(3)
            ]
            naive = models.NaiveFeedbackStrategyParams(a=1.0, b=1.0, c=0.5)
            strategy = models.NaiveFeedbackStrategy(naive=naive)
            given = models.RelevanceFeedbackInput(target=target, feedback=items, strategy=strategy)
            return models.RelevanceFeedbackQuery(relevance_feedback=given)
        return target

    def formula(self) -> models.FormulaQuery:
        """Return a formula whose values hardly ever are equal."""
        red = models.FieldCondition(key="w", match=models.MatchValue(value="r"))
        place = models.GeoDistanceParams(origin=models.GeoPoint(lon=2, lat=48), to="loc")
        by_day = models.DecayParamsExpression(
            x=models.DatetimeKeyExpression(datetime_key="when"),
            target=models.DatetimeExpression(datetime="2024-01-10"),
            scale=86_400.0 * 7,
        )
        far = models.DecayParamsExpression(x=models.GeoDistance(geo_distance=place), scale=2e6)
        both = models.MultExpression(mult=["$score[0]", "$score[1]"])
        terms: list[list[Any]] = [
            ["$score", red],
            [both],
            ["opt", "$score"],
            [models.ExpDecayExpression(exp_decay=far)],
            [models.LinDecayExpression(lin_decay=by_day)],
        ]
        defaults = {"opt": 1.5, "$score": 0.1, "$score[1]": 0.2}
        summed = models.SumExpression(sum=["x", *self.random.choice(terms)])
        return models.FormulaQuery(formula=summed, defaults=defaults)

    def fusion(self) -> Any:
        """Return a fusion."""
        return self.random.choice(
            [
                models.FusionQuery(fusion=models.Fusion.RRF),
                models.FusionQuery(fusion=models.Fusion.DBSF),
                models.RrfQuery(rrf=models.Rrf(k=10)),
            ]
        )

    def prefetch(self, other: str, depth: int = 0) -> models.Prefetch:
        """Return a prefetch, with others inside down to two levels; `other`: for lookups."""
        choose, name = self.random.choice, self.random.choice(NAMES)
        shared: dict[str, Any] = {"limit": choose([None, 3, 10, 40]), "filter": self.filter()}
        if self.random.random() < 0.1:
            order = models.OrderBy(key="n", direction=models.Direction.DESC)
            return models.Prefetch(query=models.OrderByQuery(order_by=order), **shared)
        shared["score_threshold"] = choose([None, None, None, 0.1])
        if depth < 2 and self.random.random() < 0.35:
            inner = [self.prefetch(other, depth + 1) for _ in range(self.random.randrange(1, 3))]
            kind = self.random.randrange(3)
            if kind == 0:
                return models.Prefetch(prefetch=inner, query=self.fusion(), **shared)
            if kind == 1:
                return models.Prefetch(prefetch=inner, query=self.formula(), **shared)
            return models.Prefetch(prefetch=inner, query=self.query(name), using=name, **shared)
        query = self.query(name)
        if self.random.random() < 0.15 and not isinstance(query, models.RelevanceFeedbackQuery):
            lookup = models.LookupLocation(collection=other, vector=choose([None, name]))
            shared["lookup_from"] = lookup
        return models.Prefetch(query=query, using=name, **shared)


@pytest.fixture(scope="module")
def twins(client: QdrantClient) -> Iterator[Twins]:
    """Return both databases with `combined`, and `combined_other` for lookups."""
    twins = Twins(client, "")
    drawing = Drawing(5)
    for name, count in (("combined", POINTS), ("combined_other", 20)):
        twins.create(
            name,
            vectors_config={
                "d": models.VectorParams(size=8, distance=models.Distance.COSINE),
                "e": models.VectorParams(size=8, distance=models.Distance.EUCLID),
                "mv": models.VectorParams(
                    size=6, distance=models.Distance.DOT, multivector_config=MAX_SIM
                ),
            },
            sparse_vectors_config={
                "s": models.SparseVectorParams(),
                "i": models.SparseVectorParams(modifier=models.Modifier.IDF),
            },
        )
        twins.both("upsert", name, [point(drawing, number) for number in range(count)], wait=True)
    for field, kind in _KINDS.items():
        twins.remote.create_payload_index("combined", field, kind, wait=True)
    yield twins
    twins.close()


def point(drawing: Drawing, number: int) -> models.PointStruct:
    """Return a point that lacks some vectors and fields."""
    chance = drawing.random.random
    vector = {name: drawing.vector(name) for name in NAMES if chance() >= 0.1}
    payload = {
        "n": number,
        "p": number / 3,
        "w": "rgb"[number % 3],
        "tags": [f"t{number % 4}", f"u{number % 5}"],
        "x": chance(),
        "loc": {"lon": 360 * chance() - 180, "lat": 170 * chance() - 85},
        "when": f"2024-01-{number % 28 + 1:02}",
    }
    if number % 4:
        payload["opt"] = number
    return models.PointStruct(id=number, vector=vector, payload=payload)


def compared(twins: Twins, method: str, same: Any, **arguments: Any) -> None:
    """Compare an answer; where local mode refuses, so must the server."""
    try:
        ours, theirs = twins.answers(method, "combined", **arguments)
    except (ValueError, TypeError, NotImplementedError, UnexpectedResponse, grpc.RpcError):
        twins.refused(method, "combined", **arguments)
    else:
        same(ours, theirs)


KINDS = ["plain", "fusion", "formula", "rescoring", "order"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_queries_of_several_stages(twins: Twins, kind: str, seed: int) -> None:
    drawing = Drawing(100 * seed + KINDS.index(kind))
    choose, chance = drawing.random.choice, drawing.random.random
    for _ in range(QUERIES):
        name = choose(NAMES)
        prefetches = [drawing.prefetch("combined_other") for _ in range(choose([1, 2, 3]))]
        asked: dict[str, Any] = {"query_filter": drawing.filter()}
        if kind == "order":
            order = models.OrderBy(key=choose(["n", "p"]), direction=choose(list(models.Direction)))
            asked |= {"query": models.OrderByQuery(order_by=order)}
            asked |= {"prefetch": choose([None, prefetches])}
        elif kind in ("fusion", "formula"):
            query = drawing.fusion() if kind == "fusion" else drawing.formula()
            asked |= {"query": query, "prefetch": prefetches}
        else:
            asked |= {"query": drawing.query(name), "using": name}
            asked |= {} if kind == "plain" else {"prefetch": prefetches}
        if kind != "order" and chance() < 0.3:
            asked["score_threshold"] = choose([-0.5, 0.01, 0.3, 1.5, 5.0])
        if chance() < 0.3:
            twins.feature = f"combinations: groups of {kind}"
            asked |= {"group_by": choose(["w", "tags", "n", "opt"]), "limit": choose([1, 3, 20])}
            asked["group_size"] = choose([1, 3, 10])
            compared(twins, "query_points_groups", same_groups, **asked)
            continue
        twins.feature = f"combinations: {kind}"
        asked |= {"limit": choose([1, 5, 20, 200]), "offset": choose([None, 3, 30])}
        asked |= {"with_payload": choose([False, ["n", "tags"]])}
        asked |= {"with_vectors": choose([False, ["d"]])}
        compared(twins, "query_points", lambda a, b: same_hits(a.points, b.points), **asked)
