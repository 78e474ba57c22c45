"""What is looked for? The forms of a query, read from the untagged unions of the wire.

Every kind of query is one frozen Struct; `parse_query` decides by the one key that names it. Text
that cannot be read is MalformedRequest, a value out of range InvalidRequest; both name the place.
What needs the collection to be judged (lengths, names, indexes) is judged by `ruvector.query`.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

import msgspec
import numpy as np

from ruvector.errors import BadInput, InvalidRequest, MalformedRequest
from ruvector.model.datetimes import microseconds_of, parse_datetime
from ruvector.model.formulas import Expression, parse_defaults, parse_expression
from ruvector.model.ids import shown
from ruvector.model.limits import MAX_EXAMPLES, MAX_LIMIT
from ruvector.model.paths import parse_path
from ruvector.model.points import Vectors
from ruvector.model.query_vectors import (
    VectorInput,
    decode_json,
    parse_vector,
    parse_vector_input,
)
from ruvector.model.reading import (
    choice_of,
    list_of,
    number_of,
    object_of,
    quoted,
    required,
    text_of,
    whole_of,
    wrong_type,
)

STRATEGIES: Final = ("average_vector", "best_score", "sum_scores")
RRF_K: Final = 2  # Qdrant's default
BM25_K: Final = 1.2
BM25_B: Final = 0.75


class Mmr(msgspec.Struct, frozen=True):
    """Choose among the `candidates` nearest by relevance and by distance to those chosen."""

    diversity: float = 0.5
    candidates: int | None = None  # None: the limit


class Nearest(msgspec.Struct, frozen=True):
    """The points nearest to a vector."""

    target: VectorInput
    mmr: Mmr | None = None


class Recommend(msgspec.Struct, frozen=True):
    """Points like the positive examples and unlike the negative ones."""

    positive: tuple[VectorInput, ...]
    negative: tuple[VectorInput, ...]
    strategy: str


class Pair(msgspec.Struct, frozen=True):
    """Nearer to `positive` than to `negative` is what a point should be."""

    positive: VectorInput
    negative: VectorInput


class Discover(msgspec.Struct, frozen=True):
    """The points nearest to the target among those on the right side of most pairs."""

    target: VectorInput
    pairs: tuple[Pair, ...]


class Context(msgspec.Struct, frozen=True):
    """Points on the right side of every pair, or as little as possible on the wrong one."""

    pairs: tuple[Pair, ...]


class Rated(msgspec.Struct, frozen=True):
    """An example with the score that somebody gave it."""

    example: VectorInput
    score: float


class Feedback(msgspec.Struct, frozen=True):
    """The points nearest to the target, moved towards what was rated higher."""

    target: VectorInput
    items: tuple[Rated, ...]
    a: float
    b: float
    c: float


class OrderBy(msgspec.Struct, frozen=True):
    """Points in the order of a payload field; a datetime to start from is in microseconds."""

    key: str
    descending: bool = False
    start_from: int | float | None = None


class Sample(msgspec.Struct, frozen=True):
    """Random points."""


class Rrf(msgspec.Struct, frozen=True):
    """Fuse sources by ranks."""

    k: int = RRF_K
    weights: tuple[float, ...] | None = None


class Dbsf(msgspec.Struct, frozen=True):
    """Fuse sources by scores, each made comparable by its mean and deviation."""


class Formula(msgspec.Struct, frozen=True):
    """Score candidates by an expression over their scores and payloads."""

    expression: Expression
    defaults: dict[str, Any]


class TextQuery(msgspec.Struct, frozen=True):
    """Rank by BM25 over the text index that `using` names."""

    text: str
    k: float = BM25_K
    b: float = BM25_B


Fusion = Rrf | Dbsf
Query = (
    Nearest
    | Recommend
    | Discover
    | Context
    | Feedback
    | OrderBy
    | Sample
    | Rrf
    | Dbsf
    | Formula
    | TextQuery
)


def parse_query(source: Any, path: str = "query") -> Query | None:
    """Return what a query asks for: a vector input or a query object; None lists points by id."""
    if source is None:
        return None
    if isinstance(source, msgspec.Raw):
        text = bytes(source).lstrip()
        if text[:1] != b"{":
            return None if text == b"null" else Nearest(parse_vector_input(source, path))
        source = decode_json(source, path)
    if not isinstance(source, Mapping):
        return Nearest(parse_vector_input(source, path))
    kinds = [name for name in source if name in _KINDS]
    if "model" in source or (not kinds and ("indices" in source or "values" in source)):
        return Nearest(parse_vector_input(source, path))
    if len(kinds) != 1:
        raise MalformedRequest(f"{path}: expected exactly one of {quoted(tuple(_KINDS))}")
    kind = kinds[0]
    given = object_of(source, path, (kind, *_BESIDE.get(kind, ())))
    required(given, path, kind)
    return _KINDS[kind](given, path)


def _parse_nearest(given: dict[str, Any], path: str) -> Query:
    target = parse_vector_input(given["nearest"], f"{path}.nearest")
    mmr = given.get("mmr")
    if mmr is None:
        return Nearest(target)
    inside = f"{path}.mmr"
    mmr = object_of(mmr, inside, ("diversity", "candidates_limit"))
    diversity = number_of(mmr.get("diversity", 0.5), f"{inside}.diversity")
    if not 0 <= diversity <= 1:
        raise InvalidRequest.of(f"{inside}.diversity", diversity, "must be from 0.0 to 1.0")
    candidates = mmr.get("candidates_limit")
    if candidates is not None:
        candidates = whole_of(candidates, f"{inside}.candidates_limit", 1, MAX_MMR_CANDIDATES)
    return Nearest(target, Mmr(diversity, candidates))


MAX_MMR_CANDIDATES: Final = 16_384  # Qdrant's limit; their similarities fill 1 GiB


def _parse_recommend(given: dict[str, Any], path: str) -> Query:
    inside = f"{path}.recommend"
    fields = object_of(given["recommend"], inside, ("positive", "negative", "strategy"))
    return recommend_of(
        examples_of(fields.get("positive"), f"{inside}.positive"),
        examples_of(fields.get("negative"), f"{inside}.negative"),
        strategy_of(fields.get("strategy"), f"{inside}.strategy"),
        inside,
    )


def strategy_of(source: Any, path: str) -> str:
    """Return how to recommend."""
    return choice_of(STRATEGIES[0] if source is None else source, path, STRATEGIES)


def recommend_of(
    positive: tuple[VectorInput, ...],
    negative: tuple[VectorInput, ...],
    strategy: str,
    path: str,
) -> Recommend:
    """Return the query; InvalidRequest where the strategy has too few examples."""
    if strategy == "average_vector" and not positive:
        raise InvalidRequest.of(
            f"{path}.positive", "of no examples", "must have one at least with average_vector"
        )
    if not positive and not negative:
        raise InvalidRequest.of(path, "of no examples", "must have one example at least")
    return Recommend(positive, negative, strategy)


def examples_of(source: Any, path: str) -> tuple[VectorInput, ...]:
    """Return the vectors and ids of a list."""
    return tuple(
        parse_vector_input(example, f"{path}[{i}]")
        for i, example in enumerate(list_of(source, path, MAX_EXAMPLES))
    )


def _parse_discover(given: dict[str, Any], path: str) -> Query:
    inside = f"{path}.discover"
    fields = object_of(given["discover"], inside, ("target", "context"))
    required(fields, inside, "target")
    target = parse_vector_input(fields["target"], f"{inside}.target")
    return Discover(target, parse_pairs(fields.get("context"), f"{inside}.context"))


def _parse_context(given: dict[str, Any], path: str) -> Query:
    pairs = parse_pairs(given["context"], f"{path}.context")
    if not pairs:
        raise BadInput(f"{path}.context has no pairs; give one at least")
    return Context(pairs)


def parse_pairs(source: Any, path: str) -> tuple[Pair, ...]:
    """Return the pairs of a context: one object or a list of them."""
    if isinstance(source, Mapping):
        source = [source]
    pairs = []
    for i, pair in enumerate(list_of(source, path, MAX_EXAMPLES)):
        place = f"{path}[{i}]"
        given = object_of(pair, place, ("positive", "negative"))
        required(given, place, "positive", "negative")
        pairs.append(
            Pair(
                parse_vector_input(given["positive"], f"{place}.positive"),
                parse_vector_input(given["negative"], f"{place}.negative"),
            )
        )
    return tuple(pairs)


def _parse_feedback(given: dict[str, Any], path: str) -> Query:
    inside = f"{path}.relevance_feedback"
    fields = object_of(given["relevance_feedback"], inside, ("target", "feedback", "strategy"))
    required(fields, inside, "target", "feedback", "strategy")
    strategy = object_of(fields["strategy"], f"{inside}.strategy", ("naive",))
    required(strategy, f"{inside}.strategy", "naive")
    naive = object_of(strategy["naive"], f"{inside}.strategy.naive", ("a", "b", "c"))
    required(naive, f"{inside}.strategy.naive", "a", "b", "c")
    a, b, c = (number_of(naive[name], f"{inside}.strategy.naive.{name}") for name in "abc")
    if b < 0:
        raise InvalidRequest.of(f"{inside}.strategy.naive.b", b, "must be 0.0 or larger")
    items = list_of(fields["feedback"], f"{inside}.feedback", MAX_EXAMPLES)
    if not items:
        raise InvalidRequest.of(f"{inside}.feedback", "of no items", "must have one at least")
    target = parse_vector_input(fields["target"], f"{inside}.target")
    rated = (_parse_rated(item, f"{inside}.feedback[{i}]") for i, item in enumerate(items))
    return Feedback(target, tuple(rated), a, b, c)


def _parse_rated(source: Any, path: str) -> Rated:
    given = object_of(source, path, ("example", "score"))
    required(given, path, "example", "score")
    example = parse_vector_input(given["example"], f"{path}.example")
    return Rated(example, number_of(given["score"], f"{path}.score"))


def _parse_order(given: dict[str, Any], path: str) -> Query:
    return parse_order_by(given["order_by"], f"{path}.order_by")


def parse_order_by(source: Any, path: str = "order_by") -> OrderBy:
    """Return the order of a key, or of {"key", "direction", "start_from"}."""
    if isinstance(source, str):
        source = {"key": source}
    given = object_of(source, path, ("key", "direction", "start_from"))
    required(given, path, "key")
    key = text_of(given["key"], f"{path}.key")
    parse_path(key)
    direction = choice_of(given.get("direction", "asc"), f"{path}.direction", ("asc", "desc"))
    start = given.get("start_from")
    if isinstance(start, date):
        start = microseconds_of(start)
    elif isinstance(start, str):
        moment = parse_datetime(start)
        if moment is None:
            raise wrong_type(f"{path}.start_from", "a number or a datetime", start)
        start = moment
    elif start is not None:
        number = number_of(start, f"{path}.start_from")
        start = start if isinstance(start, int) else number
    return OrderBy(key, direction == "desc", start)


def _parse_fusion(given: dict[str, Any], path: str) -> Query:
    kind = choice_of(given["fusion"], f"{path}.fusion", ("rrf", "dbsf"))
    return Rrf() if kind == "rrf" else Dbsf()


def _parse_rrf(given: dict[str, Any], path: str) -> Query:
    inside = f"{path}.rrf"
    fields = object_of(given["rrf"], inside, ("k", "weights"))
    k = whole_of(fields.get("k", RRF_K), f"{inside}.k", 1, 2**32 - 1)
    weights = fields.get("weights")
    if weights is not None:
        weights = tuple(
            number_of(weight, f"{inside}.weights[{i}]")
            for i, weight in enumerate(list_of(weights, f"{inside}.weights", MAX_EXAMPLES))
        )
    return Rrf(k, weights)


def _parse_formula(given: dict[str, Any], path: str) -> Query:
    defaults = parse_defaults(given.get("defaults"), f"{path}.defaults")
    return Formula(parse_expression(given["formula"], f"{path}.formula"), defaults)


def _parse_sample(given: dict[str, Any], path: str) -> Query:
    choice_of(given["sample"], f"{path}.sample", ("random",))
    return Sample()


def _parse_text_query(given: dict[str, Any], path: str) -> Query:
    source, inside = given["text"], f"{path}.text"
    if isinstance(source, str):
        return TextQuery(source)
    fields = object_of(source, inside, ("query", "scoring"))
    required(fields, inside, "query")
    text = text_of(fields["query"], f"{inside}.query")
    scoring = object_of(fields.get("scoring", {}), f"{inside}.scoring", ("bm25",))
    place = f"{inside}.scoring.bm25"
    bm25 = object_of(scoring.get("bm25", {}), place, ("k", "b"))
    k, b = (
        number_of(bm25.get("k", BM25_K), f"{place}.k"),
        number_of(bm25.get("b", BM25_B), f"{place}.b"),
    )
    if k < 0:
        raise InvalidRequest.of(f"{place}.k", k, "must be 0.0 or larger")
    if not 0 <= b <= 1:
        raise InvalidRequest.of(f"{place}.b", b, "must be from 0.0 to 1.0")
    return TextQuery(text, k, b)


_KINDS: Final[dict[str, Callable[[dict[str, Any], str], Query]]] = {
    "nearest": _parse_nearest,
    "recommend": _parse_recommend,
    "discover": _parse_discover,
    "context": _parse_context,
    "order_by": _parse_order,
    "fusion": _parse_fusion,
    "rrf": _parse_rrf,
    "formula": _parse_formula,
    "sample": _parse_sample,
    "relevance_feedback": _parse_feedback,
    "text": _parse_text_query,
}
_BESIDE: Final = {"nearest": ("mmr",), "formula": ("defaults",)}


def parse_search_vector(source: Any) -> tuple[str, VectorInput]:
    """Return name and vector of the older search: [..] or {"name": .., "vector": [..]}."""
    if isinstance(source, msgspec.Raw):
        if bytes(source).lstrip()[:1] != b"{":
            return "", _plain_vector(source)
        source = decode_json(source, "vector", dict[str, msgspec.Raw])
        if set(source) == {"name", "vector"}:
            name = decode_json(source["name"], "vector.name")
            source = {"name": name, "vector": source["vector"]}
    if isinstance(source, Mapping):
        if set(source) != {"name", "vector"} or not isinstance(source["name"], str):
            raise BadInput('vector must be [..] or {"name": "..", "vector": [..]}')
        return source["name"], _plain_vector(source["vector"])
    return "", _plain_vector(source)


def _plain_vector(source: Any) -> VectorInput:
    """Return a vector of the older search, where ids have no place."""
    if isinstance(source, msgspec.Raw) and bytes(source).lstrip()[:1] == b"{":
        return parse_vector_input(source, "vector")
    if isinstance(source, Mapping):
        return parse_vector_input(source, "vector")
    vector: Vectors = parse_vector(source, "vector")
    return vector


def check_threshold(threshold: float | None, path: str = "score_threshold") -> float | None:
    """Return the score threshold; BadInput where it is not a number."""
    if threshold is None:
        return None
    if isinstance(threshold, bool) or not isinstance(threshold, int | float | np.number):
        raise BadInput(f"{path} must be a number, not {threshold!r}")
    if threshold != threshold:
        raise BadInput(f"{path} is NaN, which no score is above or below")
    largest = float(np.finfo(np.float32).max)
    return max(-largest, min(threshold, largest))


def check_limit(limit: int | None, default: int = 10, path: str = "limit") -> int:
    """Return the limit to use; InvalidRequest outside 1 .. MAX_LIMIT."""
    if limit is None:
        return default
    _check_integer(limit, path)
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidRequest.of(path, shown(limit), f"must be from 1 to {MAX_LIMIT}")
    return limit


def check_offset(offset: int | None) -> int:
    """Return the offset to use; InvalidRequest outside 0 .. MAX_LIMIT."""
    if offset is None:
        return 0
    _check_integer(offset, "offset")
    if not 0 <= offset <= MAX_LIMIT:
        raise InvalidRequest.of("offset", shown(offset), f"must be from 0 to {MAX_LIMIT}")
    return offset


def _check_integer(value: object, path: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadInput(f"{path} must be a whole number, not {value!r}")
