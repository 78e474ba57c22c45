"""How are the settings of a collection told? Vectors, quantization, limits, payload indexes.

As `shapes`, for what `model.configs` and `index.payload.schemas` read.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from ruvector.errors import MalformedRequest
from ruvector.model.proto.plain import SHAPES, Custom, Record, Shape, Union, Wrapped
from ruvector.model.proto.shapes import arm_by_type
from ruvector.model.reading import describe


def _arm_of_vectors(value: Any) -> str:
    single = isinstance(value, Mapping) and not isinstance(value.get("size"), Mapping)
    return "params" if single and "size" in value else "params_map"


class _VectorChanges(Union):
    """Changes of vectors by name; the unnamed one is the name ""."""

    def __init__(self) -> None:
        super().__init__(
            "VectorsConfigDiff", flat=("params", "params_map"), choose=lambda _: "params_map"
        )

    def read(self, message: Any) -> Any:
        given = super().read(message)
        return {"": given} if message.WhichOneof("config") == "params" else given


class _IndexParams(Union):
    """The parameters of a payload index, with its type beside them."""

    def __init__(self) -> None:
        names = {f"{kind}_index_params": kind for kind in _INDEXES}
        super().__init__("PayloadIndexParams", names=names)

    def read(self, message: Any) -> Any:
        ((kind, given),) = super().read(message).items()
        return {"type": kind, **given}

    def write(self, message: Any, value: Any, path: str) -> None:
        if not isinstance(value, Mapping) or value.get("type") not in _INDEXES:
            raise MalformedRequest(f"{path}.type: expected one of {', '.join(_INDEXES)}")
        rest = {name: part for name, part in value.items() if name != "type"}
        super().write(message, {value["type"]: rest}, path)


_INDEXES: Final = ("keyword", "integer", "float", "geo", "text", "bool", "datetime", "uuid")


class _Stopwords:
    """A language, or {"languages": [..], "custom": [..]}."""

    def __init__(self) -> None:
        self._record = Record("StopwordsSet")

    def read(self, message: Any) -> Any:
        return self._record.read(message)

    def write(self, message: Any, value: Any, path: str) -> None:
        value = {"languages": [value]} if isinstance(value, str) else value
        self._record.write(message, value, path)


class _Stemmer:
    """{"type": "snowball", "language": ..} or {"type": "none"}."""

    def read(self, message: Any) -> Any:
        kind = message.WhichOneof("stemming_params")
        if kind == "snowball":
            return {"type": "snowball", "language": message.snowball.language}
        return {"type": "none"} if kind == "disabled" else None

    def write(self, message: Any, value: Any, path: str) -> None:
        kind = value.get("type") if isinstance(value, Mapping) else None
        if kind == "none":
            message.disabled.SetInParent()
        elif kind == "snowball" and isinstance(value.get("language"), str):
            message.snowball.language = value["language"]
        else:
            raise MalformedRequest(f"{path}: expected a stemmer, got {describe(value)}")


def _write_prefix(_message: Any, value: Any, path: str) -> None:
    if value is not True:
        raise MalformedRequest(f"{path} can only be true over gRPC; leave it out")


def _write_disabled(_message: Any, value: Any, path: str) -> None:
    if value != "Disabled":
        raise MalformedRequest(f"{path}: expected `Disabled`, got {describe(value)}")


def _arm_of_quantization(value: Any) -> str | None:
    return "disabled" if isinstance(value, str) else None


class _Optimizers(Record):
    """The settings of maintenance; an old field for its threads is read, and never written."""

    def read(self, message: Any) -> dict[str, Any]:
        given = super().read(message)
        threads = given.pop("deprecated_max_optimization_threads", None)
        if threads is not None:
            given.setdefault("max_optimization_threads", threads)
        return given


_ROWS: Final[dict[str, Callable[[str], Shape]]] = {
    # Settings
    "VectorsConfig": partial(Union, flat=("params", "params_map"), choose=_arm_of_vectors),
    "VectorParamsMap": Wrapped,
    "VectorsConfigDiff": lambda _: _VectorChanges(),
    "VectorParamsDiffMap": Wrapped,
    "SparseVectorConfig": Wrapped,
    "QuantizationConfig": partial(Union, names={"turboquant": "turbo"}),
    "QuantizationConfigDiff": partial(
        Union, flat=("disabled",), names={"turboquant": "turbo"}, choose=_arm_of_quantization
    ),
    "Disabled": lambda _: Custom(lambda _: "Disabled", _write_disabled),
    "BinaryQuantizationQueryEncoding": partial(
        Union, flat=("setting",), choose=lambda _: "setting"
    ),
    "MaxOptimizationThreads": partial(
        Union,
        flat=("value", "setting"),
        choose=partial(arm_by_type, {int: "value", str: "setting"}),
    ),
    "OptimizersConfigDiff": _Optimizers,
    "CollectionParams": partial(
        Record, names={"vectors_config": "vectors", "sparse_vectors_config": "sparse_vectors"}
    ),
    "StrictModeMultivectorConfig": Wrapped,
    "StrictModeSparseConfig": Wrapped,
    # Payload indexes
    "PayloadIndexParams": lambda _: _IndexParams(),
    "KeywordPrefixParams": lambda _: Custom(lambda _: True, _write_prefix),
    "StopwordsSet": lambda _: _Stopwords(),
    "StemmingAlgorithm": lambda _: _Stemmer(),
}
SHAPES.update(_ROWS)
