"""Which index does a field schema ask for?

A schema is a type's name, or an object with `type` and parameters, which are all checked.
`memory: "cold"` (once `on_disk: true`) is honoured by not filling the index before somebody asks
for its field, and by emptying it when memory is wanted (`PayloadIndexes`). `enable_hnsw: false`
keeps a field's values from having graphs of their own (`collection/blocks.py`). `is_tenant` and
`is_principal` are hints about layout that never change an answer, so they are accepted and echoed.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from ruvector.errors import BadInput, InvalidRequest, MalformedRequest
from ruvector.index.payload.fields import FieldIndex, Schema
from ruvector.index.payload.geo import GeoIndex
from ruvector.index.payload.kinds import (
    BoolIndex,
    DatetimeIndex,
    FloatIndex,
    IntegerIndex,
    KeywordIndex,
    UuidIndex,
)
from ruvector.index.payload.text import TextIndex
from ruvector.model.paths import key_inside
from ruvector.model.reading import choice_of, object_of, required, text_of
from ruvector.model.text.analysis import PARAMETERS, Analyzer, read_rules

_SHARED: Final = ("type", "on_disk", "memory", "enable_hnsw", "nested")
BOOLEAN_PARAMETERS: Final = (
    "on_disk",
    "enable_hnsw",
    "is_tenant",
    "is_principal",
    "lookup",
    "range",
    "prefix",
    "phrase_matching",
)
MEMORY: Final = ("cold", "cached", "pinned")


def create_field_index(field: str, schema: Schema) -> FieldIndex:
    """Return a new, empty index; the schema is kept and echoed as it was given.

    MalformedRequest for unknown types and parameters, InvalidRequest for contradicting ones,
    BadInput for what is not supported yet.
    """
    name, given = _read(schema)
    create, own = _TYPES[name]
    for parameter, value in given.items():
        _check(name, parameter, value, own)
    if "nested" in given:
        key_inside(field, text_of(given["nested"], "field_schema.nested"))
    return create(field, schema, given)


def is_cold(schema: Schema) -> bool:
    """Return whether an index is to be held in memory only while it is used."""
    if isinstance(schema, str):
        return False
    memory = schema.get("memory")
    return bool(schema.get("on_disk")) if memory is None else memory == "cold"


def _read(schema: object) -> tuple[str, dict[str, Any]]:
    name: Any
    given: dict[str, Any]
    if isinstance(schema, str):
        name, given = schema, {}
    elif isinstance(schema, Mapping):
        name = schema.get("type")
        given = {key: value for key, value in schema.items() if value is not None}
        given.pop("type", None)
    else:
        raise MalformedRequest(
            f"field_schema: expected a type's name or an object, got {type(schema).__name__}"
        )
    if not isinstance(name, str) or name not in _TYPES:
        raise MalformedRequest(
            f"field_schema: unknown index type `{str(name)[:60]}`, "
            f"expected one of {', '.join(sorted(_TYPES))}"
        )
    return name, given


def _check(name: str, parameter: str, value: Any, own: tuple[str, ...]) -> None:
    if parameter not in (*_SHARED, *own):
        raise MalformedRequest(
            f"field_schema: unknown parameter `{str(parameter)[:60]}` for type {name}, "
            f"expected one of {', '.join((*_SHARED, *own))}"
        )
    if parameter in BOOLEAN_PARAMETERS and not isinstance(value, bool):
        raise MalformedRequest(f"field_schema.{parameter}: expected a boolean")
    if parameter == "memory" and value not in MEMORY:
        raise MalformedRequest(f"field_schema.memory: expected one of {', '.join(MEMORY)}")


def _integer(field: str, schema: Schema, given: dict[str, Any]) -> FieldIndex:
    lookup, range_ = given.get("lookup", True), given.get("range", True)
    if not lookup and not range_:
        raise InvalidRequest(
            "[field_schema: the 'lookup' and 'range' capabilities can't be both disabled]"
        )
    return IntegerIndex(field, schema, lookup=lookup, range=range_)


def _text(field: str, schema: Schema, given: dict[str, Any]) -> FieldIndex:
    scoring = given.get("scoring", False)
    if not isinstance(scoring, bool):
        path = "field_schema.scoring"
        kind = object_of(scoring, path, ("type",))
        required(kind, path, "type")
        scoring = bool(choice_of(kind["type"], f"{path}.type", ("bm25",)))
    if scoring and "nested" in given:
        raise BadInput(
            "field_schema.scoring: ranking of an array's objects (nested) is not supported; "
            "leave out one of the two"
        )
    analyzer = Analyzer(read_rules(given, "field_schema"))
    phrases = given.get("phrase_matching", False)
    return TextIndex(field, schema, analyzer, phrases=phrases, scoring=scoring)


_Create = Callable[[str, Schema, dict[str, Any]], FieldIndex]

_TYPES: Final[dict[str, tuple[_Create, tuple[str, ...]]]] = {
    "keyword": (lambda field, schema, _: KeywordIndex(field, schema), ("is_tenant", "prefix")),
    "integer": (_integer, ("lookup", "range", "is_principal")),
    "float": (lambda field, schema, _: FloatIndex(field, schema), ("is_principal",)),
    "bool": (lambda field, schema, _: BoolIndex(field, schema), ()),
    "uuid": (lambda field, schema, _: UuidIndex(field, schema), ("is_tenant",)),
    "text": (_text, (*PARAMETERS, "phrase_matching", "scoring")),
    "geo": (lambda field, schema, _: GeoIndex(field, schema), ()),
    "datetime": (lambda field, schema, _: DatetimeIndex(field, schema), ("is_principal",)),
}

INDEX_TYPES: Final = frozenset(_TYPES)
"""The types that `create_field_index` knows."""

PARAMETERS_OF: Final = {name: (*_SHARED, *own) for name, (_, own) in _TYPES.items()}
"""What a schema of each type may say."""
