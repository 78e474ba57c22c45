"""A text filter finds the same points however it is answered.

With an index of the default rules the oracle is qdrant-client's local mode, which reads texts by
those rules always. It tries each string of an array alone, where the contract takes an array for
one document: `text` (all words) is compared with it on fields without arrays.
With other rules the evaluator of the same rules is compared with the planner. Without an index the
contract looks for parts of strings, which local mode does not do.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap
from qdrant_client import QdrantClient, models

from ruvector.index.payload import PayloadIndexes
from ruvector.model.filters import matches, parse_filter

WORDS = ["red", "Red", "fox", "foxes", "the", "İç", "straße", "STRASSE", "ação", "x1", "getFooBar"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=5).flatmap(
    lambda words: st.sampled_from([" ", ", ", "-", "_"]).map(lambda gap: gap.join(words))
)
OTHER = st.none() | st.booleans() | st.integers(0, 2)
OBJECTS = st.dictionaries(st.sampled_from(["b", "c"]), TEXTS | OTHER | st.lists(TEXTS, max_size=2))
VALUES = TEXTS | OTHER | st.lists(TEXTS | OTHER, max_size=3) | st.lists(OBJECTS, max_size=3)
PAYLOADS = st.dictionaries(st.sampled_from(["a", "d"]), VALUES, max_size=2)
KEYS = ["a", "d", "a[]", "a[].b", "a[0]"]
ROWS = 8


class Shard:
    """Rows in a list: what the planner asks of a shard."""

    def __init__(self, payloads: Sequence[dict[str, Any]]) -> None:
        self.stored = payloads

    def live_rows(self) -> BitMap:
        return BitMap(range(len(self.stored)))

    def index_instead(self, conditions: Any, number: int) -> bool:
        return False

    def payloads(self, rows: BitMap, names: Any) -> Any:
        return ((row, self.stored[row]) for row in rows)


def texts(modes: Sequence[str], keys: Sequence[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "key": st.sampled_from(keys),
            "match": st.sampled_from(modes).flatmap(
                lambda mode: st.fixed_dictionaries({mode: TEXTS | st.sampled_from(["", "re", "!"])})
            ),
        }
    )


def filters(conditions: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    clause = st.lists(conditions, max_size=2)
    names = ("must", "should", "must_not")
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, clause))


MODES = ["text", "text_any", "phrase"]
EMPTY = st.fixed_dictionaries({"key": st.sampled_from(KEYS), "is_empty": st.booleans()})
ANY_TEXT = texts(MODES, KEYS) | EMPTY
NESTED = st.fixed_dictionaries(
    {"nested": st.fixed_dictionaries({"key": st.just("a"), "filter": filters(texts(MODES, ["b"]))})}
)
RULES = st.fixed_dictionaries(
    {"type": st.just("text")},
    optional={
        "tokenizer": st.sampled_from(["word", "whitespace", "prefix", "multilingual", "code"]),
        "lowercase": st.booleans(),
        "ascii_folding": st.booleans(),
        "min_token_len": st.integers(0, 3),
        "max_token_len": st.integers(3, 5),
        "stopwords": st.sampled_from(["english", {"custom": ["Red"]}, {"languages": ["en", "de"]}]),
        "stemmer": st.sampled_from([{"type": "none"}, {"type": "snowball", "language": "english"}]),
        "phrase_matching": st.booleans(),
        "scoring": st.booleans(),
    },
)


def filled(schemas: dict[str, Any], payloads: Sequence[dict[str, Any]]) -> PayloadIndexes:
    """Return indexes that rows came to in bulk and one by one, some with another payload first."""
    indexes = PayloadIndexes()
    for key, schema in schemas.items():
        indexes.create(key, schema)
    half = len(payloads) // 2
    indexes.add_many(np.arange(half, dtype=np.uint32), payloads[:half])
    for row in range(half, len(payloads)):
        indexes.add(row, payloads[row - half])
        indexes.discard(row, payloads[row - half])
        indexes.add(row, payloads[row])
    return indexes


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(PAYLOADS, min_size=ROWS, max_size=ROWS),
    st.dictionaries(st.sampled_from(KEYS), RULES, max_size=4),
    st.lists(filters(ANY_TEXT | NESTED), min_size=4, max_size=4),
    st.booleans(),
)
def test_the_planner_agrees_with_the_rules_of_the_index(
    payloads: Any, schemas: Any, sources: Any, by_object: bool
) -> None:
    if "a[].b" in schemas and by_object:
        schemas["a[].b"].update(nested="a", scoring=False)
    shard, indexes = Shard(payloads), filled(schemas, payloads)
    for source in sources:
        filter = parse_filter(source)
        assert filter is not None
        bound = indexes.bind(filter)
        expected = [row for row, payload in enumerate(payloads) if matches(bound, payload)]
        assert list(indexes.plan(filter, shard)) == expected, source  # type: ignore[arg-type]
        plain = [row for row, payload in enumerate(payloads) if matches(filter, payload)]
        assert list(PayloadIndexes().plan(filter, shard)) == plain  # type: ignore[arg-type]


SINGLE = st.dictionaries(st.sampled_from(["a", "d"]), TEXTS | OTHER, max_size=2)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(PAYLOADS, min_size=ROWS, max_size=ROWS),
    st.lists(SINGLE, min_size=ROWS, max_size=ROWS),
    st.lists(filters(texts(MODES[1:], KEYS)), min_size=4, max_size=4),
    st.lists(filters(texts(MODES, ["a", "d"])), min_size=4, max_size=4),
    st.booleans(),
)
def test_the_default_rules_are_those_of_local_mode(
    many: Any, single: Any, any_source: Any, single_source: Any, phrases: bool
) -> None:
    schema = {"type": "text", "phrase_matching": phrases}
    for payloads, sources in ((many, any_source), (single, single_source)):
        client = QdrantClient(":memory:")
        client.create_collection("c", models.VectorParams(size=1, distance=models.Distance.DOT))
        client.upsert(
            "c",
            [
                models.PointStruct(id=row, vector=[1.0], payload=payload)
                for row, payload in enumerate(payloads)
            ],
        )
        indexes = filled(dict.fromkeys(KEYS, schema), payloads)
        for source in sources:
            wanted = models.Filter.model_validate(source)
            expected = [record.id for record in client.scroll("c", wanted, limit=100)[0]]
            filter = parse_filter(source)
            assert filter is not None
            assert list(indexes.plan(filter, Shard(payloads))) == expected, source  # type: ignore[arg-type]
