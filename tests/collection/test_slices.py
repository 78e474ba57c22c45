"""Slices of the id space: the arrays and the single id agree with the client's own hash."""

import uuid

import numpy as np
from pyroaring import BitMap
from qdrant_client.local.siphash import point_id_slice

from ruvector.collection import slices
from ruvector.collection.slices import IdHashes, slice_of
from ruvector.model.ids import id_key

IDS = [0, 1, 2**64 - 1, *range(90, 130), *(str(uuid.UUID(int=number)) for number in (0, 7, 2**127))]


def test_slices_are_those_of_the_oracle() -> None:
    keys = [id_key(one) for one in IDS]
    hashes = IdHashes()
    for total in (1, 2, 7, 2**32 - 1):
        expected = [point_id_slice(one, total) for one in IDS]
        assert [slice_of(key, total) for key in keys] == expected
        for index in {*expected, 0}:
            found = hashes.rows_in_slice(
                BitMap(range(len(IDS))), total, index, lambda rows: [keys[row] for row in rows]
            )
            assert list(found) == [row for row, one in enumerate(expected) if one == index]


def test_each_key_is_read_once(monkeypatch: object) -> None:
    read: list[int] = []

    def keys_of(rows: list[int]) -> list[bytes | None]:
        read.extend(rows)
        return [None if row == 3 else id_key(row) for row in rows]

    hashes = IdHashes()
    for last in (5, 3 * slices._BATCH):
        hashes.rows_in_slice(BitMap(range(last)), 2, 0, keys_of)
    np.testing.assert_array_equal(read, np.arange(3 * slices._BATCH))
