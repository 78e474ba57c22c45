"""Which messages are not told by the rule? Each with the shape that it has in JSON.

Sections: leaves, vectors, filters, queries, what is chosen. The rows follow the readers of the
JSON: `model.query_vectors`, `model.filter_reading`, `model.queries`, `model.formulas`.
"""

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import Any, Final

import numpy as np

from ruvector.errors import BadInput, MalformedRequest
from ruvector.model.proto.filters import Filter
from ruvector.model.proto.plain import SHAPES, Custom, Record, Shape, Union, Wrapped, shape_of
from ruvector.model.proto.values import (
    read_id,
    read_moment,
    read_value,
    write_id,
    write_moment,
    write_value,
)
from ruvector.model.proto.vectors import (
    arm_of_vector,
    fields_of,
    read_dense,
    read_vector,
    read_vectors,
    write_dense,
    write_multi,
    write_vector,
    write_vectors,
)
from ruvector.model.reading import describe


class _Sparse(Record):
    """{"indices": .., "values": ..}, or the Struct of such; both may be empty."""

    def read(self, message: Any) -> dict[str, Any]:
        return {
            "indices": np.array(message.indices, dtype=np.uint32),
            "values": np.array(message.values, dtype=np.float32),
        }

    def write(self, message: Any, value: Any, path: str) -> None:
        super().write(message, fields_of(value), path)


# Filters


def _arm_of_condition(value: Any) -> str | None:
    if isinstance(value, Mapping):
        if "key" in value:
            return "field"
        if not value or not _CLAUSES.isdisjoint(value):
            return "filter"
    return None


_CLAUSES: Final = frozenset(("must", "should", "must_not", "min_should"))


def _arm_of_match(value: Any) -> str | None:
    """Return the arm of {"value": ..}, {"any": [..]} and {"except": [..]}."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    ((kind, given),) = value.items()
    if kind == "value":
        return _MATCHED.get(type(given))
    first = given[0] if isinstance(given, list | tuple) and given else ""
    whole = type(first) is int
    if kind == "any":
        return "integers" if whole else "keywords"
    if kind == "except":
        return "except_integers" if whole else "except_keywords"
    return None


_MATCHED: Final = {str: "keyword", int: "integer", bool: "boolean"}


class _Located(Record):
    """Where something else is, in a collection that must be named."""

    def read(self, message: Any) -> dict[str, Any]:
        given = super().read(message)
        return {name: value for name, value in given.items() if name != "collection" or value}


class _Idf:
    """ "global" or {"corpus": filter}."""

    def read(self, message: Any) -> Any:
        has_corpus = message.HasField("corpus")
        return {"corpus": shape_of("Filter").read(message.corpus)} if has_corpus else "global"

    def write(self, message: Any, value: Any, path: str) -> None:
        if value == "global":
            return
        if not isinstance(value, Mapping) or set(value) != {"corpus"}:
            raise MalformedRequest(f"{path}: expected `global` or a corpus, got {describe(value)}")
        message.corpus.SetInParent()
        shape_of("Filter").write(message.corpus, value["corpus"], f"{path}.corpus")


class _FieldCondition:
    """A condition on a field: datetimes are a range of their own, and stand in `range` in JSON."""

    def __init__(self) -> None:
        self._record = Record("FieldCondition", {"datetime_range": "range"})
        self._moments = Record("FieldCondition")

    def read(self, message: Any) -> Any:
        if message.HasField("range") and message.HasField("datetime_range"):
            raise BadInput(
                f"the condition on {message.key!r} has both range and datetime_range; "
                "write one condition for each"
            )
        return self._record.read(message)

    def write(self, message: Any, value: Any, path: str) -> None:
        bounds = value.get("range") if isinstance(value, Mapping) else None
        if isinstance(bounds, Mapping) and any(
            isinstance(bound, str | date) for bound in bounds.values()
        ):
            value = {**value, "datetime_range": bounds, "range": None}
            self._moments.write(message, value, path)
        else:
            self._record.write(message, value, path)


def _keyed(message: str) -> Shape:
    """Return the shape of {"key": path}, which may be written as the path alone."""
    record = Record(message)

    def write(target: Any, value: Any, path: str) -> None:
        record.write(target, {"key": value} if isinstance(value, str) else value, path)

    return Custom(record.read, write)


# Queries


def _arm_of_query(value: Any) -> str | None:
    if not isinstance(value, Mapping):
        return "nearest"
    if "formula" in value:
        return "formula"
    if "nearest" in value:
        return "nearest_with_mmr" if value.get("mmr") is not None else None
    if "model" in value or "indices" in value or "values" in value:
        return "nearest"
    return None


def _arm_of_expression(value: Any) -> str | None:
    if isinstance(value, str):
        return "variable"
    if not isinstance(value, Mapping):
        return "constant"
    if len(value) == 1 and next(iter(value)) in _EXPRESSIONS:
        return None
    return "condition"


_EXPRESSIONS: Final = frozenset(
    (
        *("geo_distance", "datetime", "datetime_key", "mult", "sum", "div", "neg", "abs", "sqrt"),
        *("pow", "exp", "log10", "ln", "exp_decay", "gauss_decay", "lin_decay", "acosh"),
        *("max", "min"),
    )
)


class _Query(Union):
    """A query; `{"nearest": ..}` without more is written as what it holds."""

    def __init__(self) -> None:
        super().__init__(
            "Query",
            flat=("nearest", "formula", "nearest_with_mmr"),
            choose=_arm_of_query,
        )

    def write(self, message: Any, value: Any, path: str) -> None:
        if isinstance(value, Mapping) and "nearest" in value and value.get("mmr") is None:
            super().write(message, value["nearest"], f"{path}.nearest")
        else:
            super().write(message, value, path)


class _TextQuery:
    """{"query": .., "scoring": {"bm25": {..}}}, or the text alone."""

    def __init__(self) -> None:
        self._record = Record("TextQuery")

    def read(self, message: Any) -> Any:
        given = self._record.read(message)
        scoring = given.pop("bm25", None)
        return given if scoring is None else {**given, "scoring": {"bm25": scoring}}

    def write(self, message: Any, value: Any, path: str) -> None:
        if isinstance(value, str):
            value = {"query": value}
        if isinstance(value, Mapping) and isinstance(value.get("scoring"), Mapping):
            value = {"query": value.get("query"), **value["scoring"]}
        self._record.write(message, value, path)


def _order_by() -> Shape:
    record = Record("OrderBy")

    def write(message: Any, value: Any, path: str) -> None:
        record.write(message, {"key": value} if isinstance(value, str) else value, path)

    return Custom(record.read, write)


def _arm_of_start(value: Any) -> str:
    if isinstance(value, str):
        return "datetime"
    if isinstance(value, date):
        return "timestamp"
    return "integer" if isinstance(value, int) else "float"


class _Pairs:
    """The pairs of a context: a list, or one of them alone."""

    def __init__(self) -> None:
        self._wrapped = Wrapped("ContextInput")

    def read(self, message: Any) -> Any:
        return self._wrapped.read(message)

    def write(self, message: Any, value: Any, path: str) -> None:
        self._wrapped.write(message, [value] if isinstance(value, Mapping) else value, path)


class _Weighted:
    """Fusion by ranks; its weights are a list, not a vector."""

    def __init__(self) -> None:
        self._record = Record("Rrf")

    def read(self, message: Any) -> Any:
        given = self._record.read(message)
        if "weights" in given:
            given["weights"] = given["weights"].tolist()
        return given

    def write(self, message: Any, value: Any, path: str) -> None:
        self._record.write(message, value, path)


# What is chosen


def _arm_of_payload(value: Any) -> str | None:
    if isinstance(value, bool):
        return "enable"
    return None


class _WithPayload(Union):
    """true, false, {"include": [..]}, {"exclude": [..]}, or the list of what to include."""

    def __init__(self) -> None:
        super().__init__("WithPayloadSelector", flat=("enable",), choose=_arm_of_payload)

    def write(self, message: Any, value: Any, path: str) -> None:
        if isinstance(value, list | tuple):
            value = {"include": value}
        super().write(message, value, path)


class _ShardKeys:
    """A key, several, or {"target": .., "fallback": ..}; without any, none."""

    def read(self, message: Any) -> Any:
        read = shape_of("ShardKey").read
        keys = [read(key) for key in message.shard_keys]
        if message.HasField("fallback"):
            return {"target": keys[0] if keys else "", "fallback": read(message.fallback)}
        return keys or None

    def write(self, message: Any, value: Any, path: str) -> None:
        write = shape_of("ShardKey").write
        if isinstance(value, Mapping):
            write(message.fallback, value.get("fallback"), f"{path}.fallback")
            value = value.get("target")
        for key in value if isinstance(value, list | tuple) else (value,):
            write(message.shard_keys.add(), key, path)


def arm_by_type(kinds: Mapping[type, str], value: Any) -> str | None:
    """Return the arm of a union that holds values of this type."""
    return kinds.get(type(value))


_renamed_collection = {"collection_name": "collection", "vector_name": "vector"}

_ROWS: Final[dict[str, Callable[[str], Shape]]] = {
    # Leaves
    "PointId": lambda _: Custom(read_id, write_id),
    "Value": lambda _: Custom(read_value, write_value),
    "google.protobuf.Timestamp": lambda _: Custom(read_moment, write_moment),
    # Vectors
    "DenseVector": lambda _: Custom(read_dense, write_dense),
    "SparseIndices": Wrapped,
    "SparseVector": _Sparse,
    "MultiDenseVector": lambda name: Custom(Wrapped(name).read, write_multi),
    "Vector": lambda _: Custom(read_vector, write_vector),
    "Vectors": lambda _: Custom(read_vectors, write_vectors),
    "VectorOutput": lambda _: Custom(read_vector, write_vector),
    "VectorsOutput": lambda _: Custom(read_vectors, write_vectors),
    "VectorInput": partial(
        Union,
        flat=("id", "dense", "sparse", "multi_dense", "document", "image", "object"),
        choose=arm_of_vector,
    ),
    # Filters
    "Filter": Filter,
    "Condition": partial(Union, flat=("field", "filter"), choose=_arm_of_condition),
    "FieldCondition": lambda _: _FieldCondition(),
    "IsEmptyCondition": _keyed,
    "IsNullCondition": _keyed,
    "HasIdCondition": Wrapped,
    "HasVectorCondition": Wrapped,
    "Match": partial(
        Union,
        names={
            **dict.fromkeys(("keyword", "integer", "boolean"), "value"),
            **dict.fromkeys(("keywords", "integers"), "any"),
            **dict.fromkeys(("except_keywords", "except_integers"), "except"),
        },
        choose=_arm_of_match,
    ),
    "RepeatedStrings": Wrapped,
    "RepeatedIntegers": Wrapped,
    # Queries
    "Query": lambda _: _Query(),
    "NearestInputWithMmr": Record,
    "ContextInput": lambda _: _Pairs(),
    "FeedbackStrategy": Union,
    "OrderBy": lambda _: _order_by(),
    "StartFrom": partial(
        Union, flat=("float", "integer", "timestamp", "datetime"), choose=_arm_of_start
    ),
    "Rrf": lambda _: _Weighted(),
    "TextQuery": lambda _: _TextQuery(),
    "Formula": partial(Record, names={"expression": "formula"}),
    "Expression": partial(
        Union, flat=("constant", "variable", "condition"), choose=_arm_of_expression
    ),
    **dict.fromkeys(("MultExpression", "SumExpression", "MaxExpression", "MinExpression"), Wrapped),
    # What is chosen
    "WithPayloadSelector": lambda _: _WithPayload(),
    "PayloadIncludeSelector": Wrapped,
    "PayloadExcludeSelector": Wrapped,
    "WithVectorsSelector": partial(
        Union,
        flat=("enable", "include"),
        choose=partial(arm_by_type, {bool: "enable", list: "include", tuple: "include"}),
    ),
    "VectorsSelector": Wrapped,
    "ReadConsistency": partial(
        Union,
        flat=("type", "factor"),
        choose=partial(arm_by_type, {str: "type", int: "factor"}),
    ),
    "WriteOrdering": Wrapped,
    "ShardKey": partial(
        Union,
        flat=("keyword", "number"),
        choose=partial(arm_by_type, {str: "keyword", int: "number"}),
    ),
    "ShardKeySelector": lambda _: _ShardKeys(),
    "IdfParams": lambda _: _Idf(),
    "WithLookup": _Located,
    "LookupLocation": partial(
        _Located, names={**_renamed_collection, "shard_key_selector": "shard_key"}
    ),
    "PointsIdsList": Wrapped,
    "PointsSelector": Union,
    "TargetVector": partial(Union, flat=("single",)),
    "VectorExample": partial(Union, flat=("id", "vector")),
}
SHAPES.update(_ROWS)
