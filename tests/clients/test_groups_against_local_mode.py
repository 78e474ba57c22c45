"""Do groups, facets, matrices and formulas mean what Qdrant says? With local mode as oracle."""

from typing import Any

import numpy as np
import pytest
from qdrant_client import models
from tests.clients.local_twin import Twins, same_hits
from tests.clients.test_queries_against_local_mode import (
    FILTERS,
    POINTS,
    prefetches,
    vectors,
)
from tests.clients.test_queries_against_local_mode import name as name
from tests.clients.test_queries_against_local_mode import twins as twins

QUERY = vectors("short", 1, seed=21)[0]


def same_groups(ours: Any, theirs: Any) -> None:
    """Require the same groups in the same order, with the same hits and lookups."""
    assert [group.id for group in ours.groups] == [group.id for group in theirs.groups]
    for one, other in zip(ours.groups, theirs.groups, strict=True):
        same_hits(one.hits, other.hits)
        assert (one.lookup is None) == (other.lookup is None)
        if one.lookup is not None:
            assert one.lookup.id == other.lookup.id
            assert one.lookup.payload == other.lookup.payload


@pytest.mark.parametrize("group_by", ["word", "tags", "number", "deep.score", "rare", "price"])
def test_groups(twins: Twins, name: str, group_by: str) -> None:
    twins.feature = "groups"
    reco = models.RecommendQuery(recommend=models.RecommendInput(positive=[3, 4], negative=[5]))
    order = models.OrderByQuery(order_by="number")
    for limit, size in ((3, 2), (10, 3), (1, 1), (50, 50)):
        for query in (QUERY, 5, reco):
            for query_filter in FILTERS[:2]:
                same_groups(
                    *twins.answers(
                        "query_points_groups",
                        name,
                        query=query,
                        using="short",
                        group_by=group_by,
                        limit=limit,
                        group_size=size,
                        query_filter=query_filter,
                    )
                )
        same_groups(
            *twins.answers(
                "query_points_groups",
                name,
                query=models.FusionQuery(fusion=models.Fusion.RRF),
                prefetch=prefetches()[:2],
                group_by=group_by,
                limit=limit,
                group_size=size,
                with_payload=False,
            )
        )
    ours, theirs = twins.answers(
        "query_points_groups", name, query=order, group_by=group_by, limit=4, group_size=2
    )
    same_groups(ours, theirs)


def test_groups_look_up_their_records(twins: Twins, name: str) -> None:
    twins.feature = "groups with_lookup"
    lookups: list[Any] = [
        f"{name}_other",
        models.WithLookup(collection=f"{name}_other", with_payload=["word"], with_vectors=True),
    ]
    for lookup in lookups:
        same_groups(
            *twins.answers(
                "query_points_groups",
                name,
                query=QUERY,
                using="short",
                group_by="number",
                limit=40,
                with_lookup=lookup,
            )
        )


def test_facets(twins: Twins, name: str) -> None:
    twins.feature = "facet"
    for key in ("word", "tags", "number", "many"):
        for facet_filter in FILTERS:
            for limit in (1, 3, 10, 500):
                ours, theirs = twins.answers(
                    "facet", name, key=key, facet_filter=facet_filter, limit=limit, exact=True
                )
                assert [(hit.value, hit.count) for hit in ours.hits] == [
                    (hit.value, hit.count) for hit in theirs.hits
                ]


def test_distance_matrix(twins: Twins, name: str) -> None:
    twins.feature = "distance matrix"
    for using, query_filter in (("short", FILTERS[1]), ("long", FILTERS[1]), ("long", None)):
        for limit in (4,) if query_filter is None else (1, 4, 200):
            arguments: dict[str, Any] = {
                "query_filter": query_filter,
                "limit": limit,
                "sample": POINTS + 5,  # everything, or the samples would differ
                "using": using,
            }
            ours, theirs = twins.answers("search_matrix_offsets", name, **arguments)
            assert ours.ids == theirs.ids
            assert ours.offsets_row == theirs.offsets_row
            assert ours.offsets_col == theirs.offsets_col
            assert np.allclose(ours.scores, theirs.scores, rtol=1e-4, atol=1e-5)
            pairs, their_pairs = twins.answers("search_matrix_pairs", name, **arguments)
            assert [(pair.a, pair.b) for pair in pairs.pairs] == [
                (pair.a, pair.b) for pair in their_pairs.pairs
            ]


def test_matrix_of_a_sample_has_distinct_points(twins: Twins, name: str) -> None:
    answer = twins.remote.search_matrix_offsets(name, sample=7, limit=3, using="short")
    assert len(set(answer.ids)) == 7
    assert answer.offsets_row == [row for row in range(7) for _ in range(3)]
    assert all(
        row != column for row, column in zip(answer.offsets_row, answer.offsets_col, strict=True)
    )


RED = models.FieldCondition(key="word", match=models.MatchValue(value="red"))
ORIGIN = models.GeoPoint(lon=2.35, lat=48.85)
FORMULAS: dict[str, Any] = {
    "constant": 2.5,
    "score": "$score",
    "second score": "$score[1]",
    "missing score": "$score[7]",
    "payload": "price",
    "nested payload": "deep.score",
    "condition": RED,
    "filter": models.Filter(must=[RED], must_not=[models.HasIdCondition(has_id=[3, 6, 9])]),
    "sum": models.SumExpression(sum=["$score", "price", RED, 1.5]),
    "mult": models.MultExpression(mult=["$score", RED, "price"]),
    "mult stops at zero": models.MultExpression(mult=[RED, 0.0, "nowhere"]),
    "max": models.MaxExpression(max=["$score[0]", "$score[1]", "deep.score"]),
    "min": models.MinExpression(min=["$score[0]", 0.1, "deep.score"]),
    "neg": models.NegExpression(neg="price"),
    "abs": models.AbsExpression(abs=models.SumExpression(sum=["price", -15.0])),
    "div": models.DivExpression(div=models.DivParams(left="price", right=3.0)),
    "div by zero": models.DivExpression(
        div=models.DivParams(left="$score", right="deep.score", by_zero_default=-4.0)
    ),
    "sqrt": models.SqrtExpression(sqrt="price"),
    "pow": models.PowExpression(pow=models.PowParams(base="price", exponent=1.5)),
    "exp": models.ExpExpression(
        exp=models.DivExpression(div=models.DivParams(left="price", right=10.0))
    ),
    "log10": models.Log10Expression(log10=models.SumExpression(sum=["price", 1.0])),
    "ln": models.LnExpression(ln=models.SumExpression(sum=["price", 1.0])),
    "acosh": models.AcoshExpression(acosh=models.SumExpression(sum=["price", 1.0])),
    "geo_distance": models.GeoDistance(
        geo_distance=models.GeoDistanceParams(origin=ORIGIN, to="place")
    ),
    "datetime": models.SumExpression(
        sum=[
            models.DatetimeKeyExpression(datetime_key="when"),
            models.NegExpression(neg=models.DatetimeExpression(datetime="2024-03-01T00:00:00Z")),
        ]
    ),
    "default": "rare",
    "default of a score": models.SumExpression(sum=["$score[9]", "$score[1]"]),
}
for kind, decay in (
    ("lin", models.LinDecayExpression),
    ("exp", models.ExpDecayExpression),
    ("gauss", models.GaussDecayExpression),
):
    for number, params in enumerate(
        (
            {"x": "price"},
            {"x": "price", "target": 12.0, "scale": 5.0, "midpoint": 0.3},
            {"x": "price", "target": "deep.score", "scale": 20.0},
        )
    ):
        FORMULAS[f"{kind}_decay {number}"] = decay(
            **{f"{kind}_decay": models.DecayParamsExpression(**params)}
        )
DEFAULTS = {"rare": -3.5, "$score[9]": 0.25}


@pytest.mark.parametrize("formula", FORMULAS)
def test_formulas(twins: Twins, name: str, formula: str) -> None:
    twins.feature = "formula"
    query = models.FormulaQuery(formula=FORMULAS[formula], defaults=DEFAULTS)
    for prefetch in (prefetches()[:1], prefetches()):
        twins.query(name, query, prefetch=prefetch, limit=20, offset=2)
        twins.query(name, query, prefetch=prefetch, limit=100, query_filter=FILTERS[1])
        twins.query(name, query, prefetch=prefetch, limit=50, score_threshold=0.4)


REFUSED: dict[str, Any] = {
    "missing value": "rare",
    "not a number": "word",
    "division by zero": models.DivExpression(div=models.DivParams(left=1.0, right="deep.score")),
    "root of a negative": models.SqrtExpression(sqrt=models.NegExpression(neg="number")),
    "logarithm of zero": models.LnExpression(ln=0.0),
    "too small for acosh": models.AcoshExpression(acosh=0.5),
    "overflow": models.ExpExpression(exp=1e5),
    "overflow of float32": models.ExpExpression(exp=200.0),
    "no operands": models.MaxExpression(max=[]),
    "scale": models.LinDecayExpression(
        lin_decay=models.DecayParamsExpression(x="price", scale=0.0)
    ),
    "midpoint": models.GaussDecayExpression(
        gauss_decay=models.DecayParamsExpression(x="price", midpoint=1.0)
    ),
    "no place": models.GeoDistance(geo_distance=models.GeoDistanceParams(origin=ORIGIN, to="word")),
    "no date": models.DatetimeKeyExpression(datetime_key="word"),
    "no constant date": models.DatetimeExpression(datetime="soon"),
    "score index": "$score[x]",
    "path": "a[",
}


@pytest.mark.parametrize("formula", REFUSED)
def test_formulas_that_local_mode_refuses_are_refused(
    twins: Twins, name: str, formula: str
) -> None:
    twins.feature = "formula"
    query = models.FormulaQuery(formula=REFUSED[formula])
    twins.refused("query_points", name, query, prefetch=prefetches()[:1], status=400)
