"""Is a large body decoded in pieces into exactly what one decoder makes of it?"""

import json
from typing import Any

import msgspec
import pytest

from ruvector.errors import MalformedRequest
from ruvector.model import requests as r
from ruvector.model.operations import OPERATION_OF
from ruvector.model.wire import decode, decode_request, pieces

VALUES: list[Any] = [
    [],
    {},
    list(range(100)),
    {str(i): i for i in range(50)},
    {"a": [[1] * 30, {"b": ["x" * 100, None, True, 1.5]}], "c": "y" * 50, "d": {}},
    ["x" * 100, [["z" * 40], 2**64 - 1], {"k" * 60: {"\u00e9\n": -1}}],
    "long" * 50,
]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make everything beyond 16 bytes large."""
    monkeypatch.setattr(pieces, "PIECE_BYTES", 16)
    monkeypatch.setattr(decode, "PIECE_BYTES", 16)


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
@pytest.mark.parametrize("indent", [None, 2])
def test_value_in_pieces_is_the_value(value: Any, indent: int | None) -> None:
    text = b"\n " + json.dumps(value, indent=indent, ensure_ascii=False).encode() + b" "
    assert pieces.decode_plain(text) == msgspec.json.decode(text) == value


@pytest.mark.parametrize(
    "text",
    [
        b"[1,2,3,4,5,6,7,8,9,10,11,",
        b"[1,2,3,4,5,6,7,8,9,10,11,]",
        b"[1,2,3,4,5,6,7,8,9,10,nul]",
        b'{"a":1,"b":2,"c":3,"d":4,}',
        b'{"a":1,"b":2,"c":3,4:"ddd"}',
        b'{"a":[1,2,3,4,5,6,7,8,9,1e999]}',
        b'["' + b"x" * 40 + b'\\ud800"]',
        b"1" * 5000,
        b"[1,2,3,4,5,6,7,8,9,10,11] 12",
    ],
)
def test_text_that_does_not_decode_is_malformed_in_pieces_too(text: bytes) -> None:
    with pytest.raises(MalformedRequest):
        pieces.decode_plain(text)


def test_large_request_has_the_fields_of_a_small_one() -> None:
    body = {
        "vector": {"name": "a", "vector": [0.25] * 20},
        "top": 3,
        "filter": {"must": [{"has_id": list(range(30))}]},
        "params": {"hnsw_ef": 9},
        "with_payload": ["a" * 30],
    }
    request = decode_request(
        OPERATION_OF[r.Search], {"collection": "c"}, {}, json.dumps(body).encode()
    )
    assert isinstance(request, r.Search)
    assert json.loads(bytes(request.vector)) == body["vector"]
    assert (request.limit, request.filter) == (3, body["filter"])
    assert request.params == r.SearchParams(hnsw_ef=9)


@pytest.mark.parametrize(
    "body",
    [
        '{"limit":1.5,"offset":1,"filter":null}',
        '{"colour":1,"filter":{"must":[]}}',
        "[1,2,3,4,5,6,7,8,9,10]",
        '"a string that is long enough"',
    ],
)
def test_large_request_is_refused_like_a_small_one(body: str) -> None:
    with pytest.raises(MalformedRequest):
        decode_request(OPERATION_OF[r.Scroll], {"collection": "c"}, {}, body.encode())


@pytest.mark.parametrize("wrong", [None, True, 1.5, [1], {"a": 1}])
def test_what_is_no_id_in_a_long_list_is_refused_by_its_place(
    wrong: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "PIECE_ITEMS", 3)
    ids = [1, "a", 2**64, 3, 4, 5, 6, 7]
    operation, path = OPERATION_OF[r.Retrieve], {"collection": "c"}
    request = decode_request(operation, path, {}, json.dumps({"ids": ids}).encode())
    assert request.ids == ids  # type: ignore[attr-defined]
    with pytest.raises(MalformedRequest, match=r"\$\.ids\[8\]"):
        decode_request(operation, path, {}, json.dumps({"ids": [*ids, wrong]}).encode())
