"""Which Python objects may be a payload, and what does JSON keep of them?"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import pytest

from ruvector.errors import BadInput
from ruvector.model.limits import MAX_PAYLOAD_DEPTH
from ruvector.model.points import encode_payload

NAN, INFINITY = float("nan"), float("inf")


def nested(levels: int, innermost: Any = 1) -> dict[str, Any]:
    """Return a dict of this many levels."""
    value = innermost
    for _ in range(levels):
        value = {"a": value}
    return value  # type: ignore[no-any-return]


def self_referencing() -> dict[str, Any]:
    """Return a dict that holds itself."""
    value: dict[str, Any] = {}
    value["self"] = value
    return value


@pytest.mark.parametrize("payload", [None, {}])
def test_no_payload_and_an_empty_one_are_the_same(payload: Any) -> None:
    assert encode_payload(payload) is None


@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        ({"a": None}, {"a": None}),
        ({"a": "null"}, {"a": "null"}),
        ({"null": 1.5}, {"null": 1.5}),
        ({"a": 2**64 - 1, "b": -(2**63), "c": 2**70}, {"a": 2**64 - 1, "b": -(2**63), "c": 2**70}),
        ({"a": (1, 2)}, {"a": [1, 2]}),
        ({"a": np.int64(3), "b": np.bool_(True)}, {"a": 3, "b": True}),
        ({"a": np.array([1, 2])}, {"a": [1, 2]}),
        ({"a": np.float64(0.5), "b": None}, {"a": 0.5, "b": None}),
        ({"a": "\U0001f600\0"}, {"a": "\U0001f600\0"}),
        ({"": 1}, {"": 1}),
        ({"a": UUID(int=1)}, {"a": str(UUID(int=1))}),
        ({"a": datetime(2024, 1, 2, tzinfo=UTC)}, {"a": "2024-01-02T00:00:00Z"}),
    ],
)
def test_payload_is_kept_as_json(payload: Any, kept: Any) -> None:
    text = encode_payload(payload)
    assert text is not None
    assert msgspec.json.decode(text) == kept


@pytest.mark.parametrize("payload", [[], [1], "", "x", 0, 1, True, False, (), b"", {1}])
def test_payload_that_is_no_dict_is_refused(payload: Any) -> None:
    with pytest.raises(BadInput, match=f"payload must be a dict, not {type(payload).__name__}"):
        encode_payload(payload)


@pytest.mark.parametrize(
    "value",
    [
        NAN,
        INFINITY,
        -INFINITY,
        [1.0, NAN],
        {"b": [{"c": NAN}]},
        (None, INFINITY),
        np.float32(NAN),
        np.float64(INFINITY),
        np.array([1.0, NAN]),
        np.array(NAN),
        np.array([[1.0], [NAN]], dtype=np.float32),
        [np.float32(NAN)],
    ],
    ids=lambda value: f"{type(value).__name__} {value}",
)
def test_number_that_json_cannot_write_is_refused_instead_of_becoming_null(value: Any) -> None:
    with pytest.raises(BadInput, match="payload holds NaN or infinity"):
        encode_payload({"a": value})


@pytest.mark.parametrize(
    "payload",
    [{"a": object()}, {"a": 1j}, {None: 1}, {"a": "\ud800"}, {"\ud800": 1}, {"a": 10**5000}],
    ids=["object", "complex", "key None", "surrogate", "surrogate key", "huge integer"],
)
def test_value_without_a_json_form_is_refused(payload: Any) -> None:
    with pytest.raises(BadInput, match="payload cannot be written as JSON"):
        encode_payload(payload)


def test_payload_that_holds_itself_is_refused() -> None:
    with pytest.raises(BadInput, match="payload"):
        encode_payload(self_referencing())


def test_deepest_payload_is_kept_and_one_level_more_is_refused() -> None:
    deepest = nested(MAX_PAYLOAD_DEPTH)
    text = encode_payload(deepest)
    assert text is not None
    assert msgspec.json.decode(text) == deepest
    for payload in (nested(MAX_PAYLOAD_DEPTH + 1), nested(200), nested(5000)):
        with pytest.raises(BadInput, match="payload"):
            encode_payload(payload)


def test_brackets_inside_texts_are_no_levels() -> None:
    assert encode_payload({"a": "[{" * 500}) is not None
