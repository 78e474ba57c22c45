"""Is a result in pieces the same text as in one, and is no piece large?"""

from typing import Any

import numpy as np
import pytest
from msgspec import Raw

from ruvector.model.points import Hit, Record
from ruvector.model.results import (
    CountResult,
    GroupsResult,
    PointGroup,
    QueryResult,
    ScrollResult,
)
from ruvector.model.wire import answer_pieces, encode_json, encode_pieces

VECTOR = np.arange(8, dtype=np.float32) / 3


def hits(count: int, payload: int = 20) -> list[Hit]:
    """Return hits with payloads of about so many bytes."""
    text = Raw(b'{"t":"%b"}' % (b"x" * payload))
    return [Hit(id=i, version=1, score=i / 2, payload_json=text) for i in range(count)]


def records(count: int) -> list[Record]:
    """Return records with every kind of vector."""
    kinds = (None, VECTOR, {"a": VECTOR, "b": np.stack([VECTOR, VECTOR])})
    return [Record(id=i, vector=kinds[i % 3]) for i in range(count)]


RESULTS: dict[str, Any] = {
    "nothing": [],
    "a number": CountResult(3),
    "true": True,
    "no hits": QueryResult([]),
    "hits": QueryResult(hits(200)),
    "few large hits": QueryResult(hits(3, 5000)),
    "a large one among small ones": [*hits(3), *hits(1, 5000), *hits(3)],
    "records": ScrollResult(records(100), 7),
    "a batch": [QueryResult(hits(90)), QueryResult([]), QueryResult(hits(2))],
    "an older batch": [hits(90), [], hits(2)],
    "groups": GroupsResult(
        [PointGroup(id=i, hits=hits(9), lookup=Record(id=i) if i % 2 else None) for i in range(20)]
    ),
}


@pytest.mark.parametrize("name", RESULTS)
def test_pieces_make_the_text_of_the_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_pieces, "PIECE_BYTES", 1000)
    pieces = list(encode_pieces(RESULTS[name]))
    assert b"".join(pieces) == encode_json(RESULTS[name])
    largest = max(map(len, pieces))
    assert largest <= (6000 if "large" in name else 2000)
