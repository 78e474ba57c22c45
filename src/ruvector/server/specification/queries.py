"""Which schemas do queries have? Their kinds, prefetches, orders and selectors."""

from ruvector.model.limits import MAX_LIMIT
from ruvector.model.queries import MAX_MMR_CANDIDATES, STRATEGIES
from ruvector.server.specification.values import FLOAT, FLOAT_MAX, KEY, MOMENT
from ruvector.server.specification.words import (
    ANYTHING,
    BOOLEAN,
    TEXT,
    Schema,
    any_of,
    array,
    choice,
    number,
    obj,
    ref,
    tagged,
    whole,
)

_TARGET = ref("VectorOrId")
EXAMPLES = array(_TARGET)
PAIRS = any_of(ref("ContextPair"), array(ref("ContextPair")))
_SHARD_KEY = any_of(TEXT, whole(0, 2**64 - 1))
_FEEDBACK = obj(
    ("target", "feedback", "strategy"),
    target=_TARGET,
    feedback=array(obj(("example", "score"), example=_TARGET, score=FLOAT), 1),
    strategy=tagged("naive", obj(("a", "b", "c"), a=FLOAT, b=number(0, FLOAT_MAX), c=FLOAT)),
)
_BM25 = obj(bm25=obj(k=number(0, FLOAT_MAX), b=number(0, 1)))

_KINDS: tuple[Schema, ...] = (
    tagged(
        "nearest",
        _TARGET,
        mmr=obj(diversity=number(0, 1), candidates_limit=whole(1, MAX_MMR_CANDIDATES)),
    ),
    tagged("recommend", obj(positive=EXAMPLES, negative=EXAMPLES, strategy=choice(*STRATEGIES))),
    tagged("discover", obj(("target",), target=_TARGET, context=PAIRS)),
    tagged("context", PAIRS),
    tagged("order_by", ref("OrderBy")),
    tagged("fusion", choice("rrf", "dbsf")),
    tagged("rrf", obj(k=whole(1, 2**32 - 1), weights=array(FLOAT))),
    tagged("formula", ref("Expression"), defaults=ANYTHING),
    tagged("sample", choice("random")),
    tagged("relevance_feedback", _FEEDBACK),
    tagged("text", any_of(TEXT, obj(("query",), query=TEXT, scoring=_BM25))),
)

QUERIES: dict[str, Schema] = {
    "Query": any_of(_TARGET, *_KINDS),
    "ContextPair": obj(("positive", "negative"), positive=_TARGET, negative=_TARGET),
    "OrderBy": any_of(
        KEY,
        obj(("key",), key=KEY, direction=choice("asc", "desc"), start_from=any_of(FLOAT, MOMENT)),
    ),
    "Prefetch": obj(
        query=ref("Query"),
        prefetch=ref("Prefetches"),
        using=ref("VectorName"),
        filter=ref("Filter"),
        params=ref("SearchParams"),
        score_threshold=FLOAT,
        limit=whole(1, MAX_LIMIT),
        lookup_from=ref("Lookup"),
    ),
    "Prefetches": any_of(ref("Prefetch"), array(ref("Prefetch"))),
    "Lookup": obj(("collection",), collection=TEXT, vector=ref("VectorName"), shard_key=_SHARD_KEY),
    "PayloadSelector": any_of(
        BOOLEAN, array(KEY), tagged("include", array(KEY)), tagged("exclude", array(KEY))
    ),
    "VectorSelector": any_of(BOOLEAN, array(ref("VectorName"))),
    "GroupLookup": any_of(
        TEXT,
        obj(
            ("collection",),
            collection=TEXT,
            with_payload=ref("PayloadSelector"),
            with_vectors=ref("VectorSelector"),
        ),
    ),
    "ShardKey": any_of(
        TEXT,
        whole(0, 2**64 - 1),
        array(_SHARD_KEY),
        obj(("target", "fallback"), target=_SHARD_KEY, fallback=_SHARD_KEY),
    ),
}
