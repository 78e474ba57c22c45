"""Which requests make sense for one collection? The document with its choices narrowed to them.

A random length, name or id is refused almost always, so positive examples are drawn from a
document that knows the collection. Nothing else of it is changed.
"""

import copy
from typing import Any

DIMENSIONS = 4
NAME = "everything"
KEYS = ("number", "city", "tags[]", "deep.number", "place", "story", "when", "unindexed", "missing")
NAMES = ("", "tokens", "terms")
POINTS = 20

CREATE = {
    "vectors": {
        "": {"size": DIMENSIONS, "distance": "Cosine"},
        "tokens": {
            "size": DIMENSIONS,
            "distance": "Dot",
            "multivector_config": {"comparator": "max_sim"},
        },
    },
    "sparse_vectors": {"terms": {"modifier": "idf"}},
}
INDEXES = {
    "number": "integer",
    "city": "keyword",
    "tags[]": "keyword",
    "deep.number": "float",
    "place": "geo",
    "story": "text",
    "when": "datetime",
}
# Operations on whole collections, which are asked of another one.
OF_OTHERS = ("PUT /collections/{collection}", "DELETE /collections/{collection}")
NEW_NAME = "PUT /collections/{collection}/vectors/{vector_name}"
_RING = {"points": [{"lon": x, "lat": y} for x, y in ((0, 0), (50, 0), (50, 30), (0, 30), (0, 0))]}
# Components of the document that are narrowed, and to what.
_CHOICES: dict[str, Any] = {
    "PayloadKey": {"enum": list(KEYS)},
    "VectorName": {"enum": list(NAMES)},
    "ShardKey": {"type": "null"},
    "VectorOrId": {
        "anyOf": [
            {"$ref": "#/components/schemas/PointId"},
            {"$ref": "#/components/schemas/DenseVector"},
        ]
    },
    "PointVector": {
        "type": "object",
        "properties": {
            "": {"$ref": "#/components/schemas/DenseVector"},
            "tokens": {"$ref": "#/components/schemas/MultiVector"},
            "terms": {"$ref": "#/components/schemas/SparseVector"},
        },
        "additionalProperties": False,
    },
}
# Properties, wherever they stand, that name a collection or a model.
_PROPERTIES = {
    "collection": {"enum": [NAME]},
    "model": {"enum": ["qdrant/bm25"]},
    "exterior": {"enum": [_RING]},
    "shard_key": {"type": "null"},
}


def points() -> list[dict[str, Any]]:
    """Return points with every kind of vector and of payload value."""
    return [
        {
            "id": i,
            "vector": {
                "": [1.0, i / 10, 0.5, -i / 7],
                "tokens": [[i / 9, 1.0, 0.0, 0.25], [0.5, 0.5, i / 11, 1.0]],
                "terms": {"indices": [i, i + 1, 40], "values": [1.0, 0.5, 0.25]},
            },
            "payload": {
                "number": i,
                "city": ("Oslo", "Lima", "Bonn")[i % 3],
                "tags": [f"t{i % 4}", "all"],
                "deep": {"number": i / 2},
                "place": {"lon": i * 5.0, "lat": i * 2.0},
                "story": f"a short story of {i} words and more",
                "when": f"2024-01-{i + 1:02d}T12:00:00Z",
                "unindexed": i % 5,
            },
        }
        for i in range(POINTS)
    ]


def narrowed(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with ids, names, lengths and collections of what there is."""
    found = copy.deepcopy(document)
    schemas = found["components"]["schemas"]
    schemas.update(_CHOICES)
    schemas["DenseVector"].update(minItems=DIMENSIONS, maxItems=DIMENSIONS)
    schemas["PointId"] = {"type": "integer", "minimum": 0, "maximum": POINTS - 1}
    for schema in schemas.values():
        _narrow(schema)
    return found


def needs_snapshot(label: str) -> bool:
    """Say whether an operation wants a snapshot that is there: none has the name that is drawn."""
    return label.endswith(("/{snapshot_name}", "/recover", "/upload"))


def path_of(label: str) -> dict[str, str] | None:
    """Return what stands in the path of an operation, as far as that is chosen here."""
    if "{collection}" not in label:
        return None
    path = {"collection": "other" if label in OF_OTHERS else NAME}
    return {**path, "vector_name": "new"} if label == NEW_NAME else path


def make_sensible(case: Any, *, is_allowed: bool) -> None:
    """Change a request where the document cannot say what is meant.

    JSON Schema takes 5.0 for an integer; the wire does not. The only shard is 0, which is put into
    the path of what is allowed: elsewhere the path may be what is forbidden.
    """
    if isinstance(case.body, list | dict):
        whole = _whole(case.body)
        if case.body != whole or repr(case.body) != repr(whole):
            case.body = whole
    if is_allowed and isinstance((case.path_parameters or {}).get("shard"), int):
        case.path_parameters["shard"] = 0


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    return value


def _narrow(schema: Any) -> None:
    if isinstance(schema, list):
        for part in schema:
            _narrow(part)
    elif isinstance(schema, dict):
        properties = schema.get("properties", {})
        for name in _PROPERTIES.keys() & properties.keys():
            properties[name] = _PROPERTIES[name]
        if properties.keys() == {"total", "index"}:  # of a slice
            properties["index"] = {"const": 0}
        for part in schema.values():
            _narrow(part)
