"""Text conditions and BM25 queries over text indexes agree with the client's local mode."""

import random
from collections.abc import Iterator

import pytest
from qdrant_client import QdrantClient, models
from tests.clients.local_twin import Twins

WORDS = ["red", "Fox", "jumps", "over", "lazy", "dogs", "Ærø", "42", "x", "e-mail", "snake_case"]
MODES = [
    lambda text: models.MatchText(text=text),
    lambda text: models.MatchTextAny(text_any=text),
    lambda text: models.MatchPhrase(phrase=text),
]
NAME = "texts"


def sentence(generator: random.Random, longest: int) -> str:
    """Return up to so many random words."""
    return " ".join(generator.choices(WORDS, k=generator.randrange(longest + 1)))


@pytest.fixture(scope="module")
def twins(client: QdrantClient) -> Iterator[Twins]:
    """Return a server and local mode with 120 texts, indexed with scoring and phrases."""
    twins = Twins(client, "text")
    twins.create(NAME, vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT))
    generator = random.Random(3)
    payloads = [
        {"text": sentence(generator, 9), "group": number % 3, "deep": {"t": sentence(generator, 4)}}
        for number in range(120)
    ]
    payloads[7].pop("text")
    payloads[8]["text"] = 5  # type: ignore[assignment]
    points = [
        models.PointStruct(id=number, vector=[1.0, number], payload=payload)
        for number, payload in enumerate(payloads)
    ]
    twins.both("upsert", NAME, points)
    for key in ("text", "deep.t"):
        schema = models.TextIndexParams(
            type=models.TextIndexType.TEXT, phrase_matching=True, scoring=True
        )
        twins.both("create_payload_index", NAME, key, schema)
    twins.both("delete", NAME, [11, 12])
    twins.both("set_payload", NAME, {"text": "red fox"}, points=[13])
    yield twins
    twins.close()


@pytest.mark.parametrize("key", ["text", "deep.t"])
@pytest.mark.parametrize("mode", range(3))
def test_text_conditions_find_the_same_points(twins: Twins, key: str, mode: int) -> None:
    generator = random.Random(mode)
    for _ in range(12):
        match = MODES[mode](sentence(generator, 3))
        condition = models.FieldCondition(key=key, match=match)
        for clause in ("must", "must_not"):
            filter = models.Filter(**{clause: [condition]})
            ours, theirs = twins.answers("scroll", NAME, filter, limit=200)
            assert [one.id for one in ours[0]] == [one.id for one in theirs[0]], filter


@pytest.mark.parametrize("key", ["text", "deep.t"])
def test_text_queries_rank_alike(twins: Twins, key: str) -> None:
    generator = random.Random(9)
    group = models.FieldCondition(key="group", match=models.MatchValue(value=1))
    for number in range(12):
        text = sentence(generator, 4)
        scoring = models.Bm25Scoring(bm25=models.Bm25Params(k=number / 4, b=number / 12))
        for wanted in (text, models.TextQueryInput(query=text, scoring=scoring)):
            query = models.TextQuery(text=wanted)
            twins.query(NAME, query=query, using=key, limit=200)
            twins.query(
                NAME, query=query, using=key, query_filter=models.Filter(must=[group]), limit=5
            )
            twins.query(NAME, query=query, using=key, score_threshold=1.0, limit=7, offset=2)
            prefetch = models.Prefetch(query=query, using=key, limit=200)
            twins.query(NAME, query=[0.0, -1.0], prefetch=prefetch, limit=10)


def test_text_queries_without_a_scored_index_are_refused(twins: Twins) -> None:
    query = models.TextQuery(text="fox")
    for using in (None, "group", "nothing"):
        assert "text" in twins.refused("query_points", NAME, query=query, using=using, status=400)
