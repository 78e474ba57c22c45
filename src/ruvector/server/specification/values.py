"""Which schemas do ids, vectors, filters and formulas have? The unions that requests are made of.

Values that no schema can judge (a vector's length, a field's index) are left to the server.
"""

from ruvector.model.filter_reading import BOUNDS, INTEGER_MAX, INTEGER_MIN, SLICES_MAX
from ruvector.model.formulas import DECAYS, FOLDS, FUNCTIONS
from ruvector.model.ids import MAX_STRING_BYTES
from ruvector.model.limits import MAX_NAME_BYTES
from ruvector.model.query_vectors import MODELS, SPARSE_INDEX_MAX
from ruvector.server.specification.words import (
    ANYTHING,
    BOOLEAN,
    TEXT,
    Schema,
    any_of,
    array,
    by_name,
    choice,
    number,
    obj,
    ref,
    tagged,
    whole,
)

FLOAT_MAX = 3.4e38  # of float32, a little less than the largest
FLOAT = number(-FLOAT_MAX, FLOAT_MAX)
INTEGER = whole(INTEGER_MIN, INTEGER_MAX)
KEY = ref("PayloadKey")
MOMENT: Schema = {"type": "string", "format": "date-time"}
POSITION = obj(("lon", "lat"), lon=number(-180, 180), lat=number(-90, 90))
_SOURCES = {"text": TEXT}  # an image and an object may be anything

VECTORS: dict[str, Schema] = {
    "PointId": any_of(whole(0, 2**64 - 1), {"type": "string", "format": "uuid"}),
    "PayloadKey": {"type": "string", "minLength": 1, "maxLength": MAX_STRING_BYTES},
    "VectorName": TEXT,
    "Name": {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_NAME_BYTES,
        "pattern": r'^[^<>:"/\\|?*\x00-\x1f\x7f]+$',
    },
    "DenseVector": array(FLOAT, 1),
    "MultiVector": array(ref("DenseVector"), 1),
    "SparseVector": obj(
        ("indices", "values"),
        indices={**array(whole(0, SPARSE_INDEX_MAX)), "uniqueItems": True},
        values=array(FLOAT),
    ),
    "Inference": any_of(
        *(
            obj((kind, "model"), model=TEXT, options=ANYTHING, **{kind: _SOURCES.get(kind, {})})
            for kind in MODELS
        )
    ),
    "Vector": any_of(ref("DenseVector"), ref("MultiVector"), ref("SparseVector"), ref("Inference")),
    "VectorOrId": any_of(ref("PointId"), ref("Vector")),
    "PointVector": any_of(ref("Vector"), by_name(ref("Vector"))),
    "SearchVector": any_of(
        ref("DenseVector"),
        obj(("name", "vector"), name=ref("VectorName"), vector=ref("Vector")),
    ),
}


def _bounds(kind: Schema) -> Schema:
    return obj((), **dict.fromkeys(BOUNDS, kind))


_CLAUSE = any_of(ref("Condition"), array(ref("Condition")))
_RING = obj(("points",), points=array(POSITION, 4))
_VALUES = any_of(array(TEXT), array(INTEGER))
_TEXT_MATCHES = ("text", "text_any", "phrase", "prefix", "substring")
_FIELD_TESTS: dict[str, Schema] = {
    "match": any_of(
        tagged("value", any_of(TEXT, INTEGER, BOOLEAN)),
        tagged("any", _VALUES),
        tagged("except", _VALUES),
        *(tagged(name, TEXT) for name in _TEXT_MATCHES),
    ),
    "range": any_of(_bounds(FLOAT), _bounds(MOMENT)),
    "values_count": _bounds(whole(0, INTEGER_MAX)),
    "geo_radius": obj(("center", "radius"), center=POSITION, radius=number(0)),
    "geo_bounding_box": obj(("top_left", "bottom_right"), top_left=POSITION, bottom_right=POSITION),
    "geo_polygon": obj(("exterior",), exterior=_RING, interiors=array(_RING)),
    "is_empty": BOOLEAN,
    "is_null": BOOLEAN,
}

FILTERS: dict[str, Schema] = {
    "Filter": obj(
        must=_CLAUSE,
        should=_CLAUSE,
        must_not=_CLAUSE,
        min_should=obj(
            ("conditions", "min_count"), conditions=_CLAUSE, min_count=whole(1, 2**31 - 1)
        ),
    ),
    "Condition": any_of(
        *(obj(("key", name), key=KEY, **{name: test}) for name, test in _FIELD_TESTS.items()),
        tagged("has_id", array(ref("PointId"))),
        tagged("has_vector", ref("VectorName")),
        tagged("is_empty", obj(("key",), key=KEY)),
        tagged("is_null", obj(("key",), key=KEY)),
        tagged("nested", obj(("key", "filter"), key=KEY, filter=ref("Filter"))),
        tagged(
            "slice",
            obj(("total", "index"), total=whole(1, SLICES_MAX), index=whole(0, SLICES_MAX - 1)),
        ),
        ref("Filter"),
    ),
}

_DECAY = obj(
    ("x",),
    x=ref("Expression"),
    target=ref("Expression"),
    scale={"type": "number", "exclusiveMinimum": 0},
    midpoint={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
)
_QUOTIENT = obj(
    ("left", "right"), left=ref("Expression"), right=ref("Expression"), by_zero_default=FLOAT
)
FORMULAS: dict[str, Schema] = {
    "Expression": any_of(
        FLOAT,
        KEY,
        choice("$score", "$score[0]"),
        ref("Condition"),
        *(tagged(name, array(ref("Expression"), 1)) for name in FOLDS),
        *(tagged(name, ref("Expression")) for name in FUNCTIONS),
        *(tagged(name, _DECAY) for name in DECAYS),
        tagged("div", _QUOTIENT),
        tagged(
            "pow", obj(("base", "exponent"), base=ref("Expression"), exponent=ref("Expression"))
        ),
        tagged("geo_distance", obj(("origin", "to"), origin=POSITION, to=KEY)),
        tagged("datetime", MOMENT),
        tagged("datetime_key", KEY),
    ),
}
