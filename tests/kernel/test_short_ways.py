"""Are the short ways of a search's input and output those of the oracle?"""

import numpy as np
import pytest

from ruvector.collection.records import decode_hits, encode_record
from ruvector.errors import StorageDamaged
from ruvector.kernel import (
    crc32c,
    join_payloads,
    lift_floats,
    open_values,
    oracle,
    read_hits,
    squared_length,
)
from ruvector.model.ids import id_key
from ruvector.storage.checksums import RESIDUE, seal, seed_of

TEXTS = [
    b'{"query":[1,2.5],"limit":3}',
    b'{ "limit" : 3 , "query" : [ 1 , 2.5 ] }',
    b'{"a":"]","query":[1]}',
    b'{"query":[]}',
    b'{"query":[1,"2"]}',
    b'{"query":["]",1]}',
    b'{"query":[[1]]}',
    b'{"query":5}',
    b'{"query":null,"a":[1]}',
    b'{"query"}',
    b'"query":[1',
    b'{"query":[1],"b":{"query":[2]}}',
    b'{"querying":[1]}',
    b'{"a":"query"}',
    b'{"quer',
    b"",
]


@pytest.mark.parametrize("text", TEXTS)
def test_lifted_array_is_that_of_the_oracle(text: bytes) -> None:
    found, expected = lift_floats(text, "query"), oracle.lift_floats(text, "query")
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert found[0].tolist() == expected[0].tolist()
        assert found[1:] == expected[1:]


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 1000])
def test_squared_length_is_exact_and_shows_what_is_not_finite(size: int) -> None:
    values = np.random.default_rng(1).normal(size=size).astype(np.float32)
    assert squared_length(values) == pytest.approx(oracle.squared_length(values), rel=1e-14)
    largest = np.full(size, np.finfo(np.float32).max, np.float32)
    assert np.isfinite(squared_length(largest))
    for wrong in (np.nan, np.inf, -np.inf):
        if size:
            values[-1] = wrong
            assert not np.isfinite(squared_length(values))


def test_values_are_opened_and_damage_is_named() -> None:
    seed = seed_of("points")
    pairs = [(key, seal(seed, key, b"v" * size)) for size, key in enumerate((b"a", b"bb", b"c"))]
    assert open_values(pairs, seed, RESIDUE) == [b"", b"v", b"vv"]
    assert oracle.open_values(pairs, seed, RESIDUE) == [b"", b"v", b"vv"]
    for wrong in ((b"x", pairs[1][1]), (b"bb", b"\x00" + pairs[1][1][1:]), (b"bb", b"abc")):
        with pytest.raises(ValueError, match="value 1 is damaged"):
            open_values([pairs[0], wrong], seed, RESIDUE)
        with pytest.raises(ValueError, match="value 1 is damaged"):
            oracle.open_values([pairs[0], wrong], seed, RESIDUE)
    with pytest.raises(TypeError):
        open_values([b"ab"], seed, RESIDUE)  # type: ignore[list-item]
    assert crc32c(pairs[0][1], crc32c(b"a", seed)) == RESIDUE


@pytest.mark.parametrize("expiry", [0, 2**60])
def test_records_become_hits_whatever_their_ids_are(expiry: int) -> None:
    ids: list[int | str] = [0, 2**64 - 1, "550e8400-e29b-41d4-a716-446655440000", "a text"]
    records = [
        encode_record(
            version,
            id_key(point),
            point if point == "a text" else None,
            b'{"a":1}' * version,
            expiry,
        )
        for version, point in enumerate(ids)
    ]
    assert read_hits(records) == oracle.read_hits(records)
    assert read_hits(records)[2:] == [None, None]
    assert decode_hits(records) == [
        (point, version, b'{"a":1}' * version) for version, point in enumerate(ids)
    ]


def test_payloads_of_records_are_joined() -> None:
    records = [
        encode_record(1, id_key(point), text, payload, expiry)
        for point, text in ((5, None), ("550e8400-e29b-41d4-a716-446655440000", None), ("a", "a"))
        for payload in (None, b'{"a":1}')
        for expiry in (0, 7)
    ]
    for some in (records, records[:1], []):
        assert join_payloads(some) == oracle.join_payloads(some)
    assert join_payloads(records[:3]) == b'[{},{},{"a":1}]'
    for size in range(20):
        with pytest.raises(ValueError, match="no record"):
            join_payloads([records[0], records[0][:size]])
    with pytest.raises(TypeError):
        join_payloads([5])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("size", "expiry"), [*((size, 0) for size in range(20)), *((size, 5) for size in range(28))]
)
def test_record_that_is_cut_off_is_damage(size: int, expiry: int) -> None:
    record = encode_record(1, id_key(5), None, None, expiry)[:size]
    assert read_hits([record]) == oracle.read_hits([record]) == [None]
    with pytest.raises(StorageDamaged):
        decode_hits([record])
