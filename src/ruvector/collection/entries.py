"""What does the log say? One entry for each change, with every decision already taken.

Entries are physical: filters are resolved to rows, partial changes of vectors to whole points,
merges of payloads to their results. Applying the same entries therefore gives the same state, in
recovery, in a reader process and later in a replica. Format page: docs/formats/store.md.

Where the log is kept elsewhere (`kept_log`), each entry says when it was decided (`time`,
milliseconds since 1970, 0 where it is not kept) and how many entries of the same request follow it.
Both stand last, where versions that do not know them read past them.
"""

from typing import Any

import msgspec

from ruvector.errors import StorageDamaged

JsonObject = dict[str, Any]


class VectorColumn(msgspec.Struct, frozen=True, array_like=True):
    """Vectors of one space, named by its key. `data`: [n, dim] in C order; `positions`: uint32 [n]
    in the batch, or None.

    Vectors of different lengths have `offsets`, uint64 [n + 1], into the rows of `data`; sparse
    ones also `indices`, uint32, beside values of dimension 1.
    """

    name: str
    dtype: str
    dim: int
    data: memoryview
    positions: memoryview | None = None
    offsets: memoryview | None = None
    indices: memoryview | None = None


class Put(msgspec.Struct, frozen=True, array_like=True, tag="put"):
    """New rows `first_row ..` for these ids; `dead`: uint32 rows that they replace.

    `expiries`: int64, when each is gone, in milliseconds since 1970, 0 for never; None for all.
    """

    first_row: int
    keys: list[bytes]
    texts: dict[int, str]
    payloads: list[bytes | None] | None
    vectors: list[VectorColumn]
    dead: memoryview
    expiries: memoryview | None = None
    time: int = 0
    following: int = 0


class Remove(msgspec.Struct, frozen=True, array_like=True, tag="remove"):
    """These ids are gone; `dead`: uint32 rows they had.

    One that removes nothing may carry the settings that the collection has from here on, as JSON.
    """

    keys: list[bytes]
    dead: memoryview
    time: int = 0
    following: int = 0
    config: bytes | None = None


class Payloads(msgspec.Struct, frozen=True, array_like=True, tag="payloads"):
    """These rows (uint32) have these payloads now; vectors stay."""

    rows: memoryview
    keys: list[bytes]
    payloads: list[bytes | None]
    time: int = 0
    following: int = 0


class Schema(msgspec.Struct, frozen=True, array_like=True, tag="schema"):
    """The field is indexed like this now; `schema` None: no longer."""

    field: str
    schema: str | JsonObject | None
    time: int = 0
    following: int = 0


Entry = Put | Remove | Payloads | Schema

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Entry)


def encode_entry(entry: Entry) -> bytes:
    """Return the bytes of a log entry."""
    return _encoder.encode(entry)


def decode_entry(data: bytes) -> Entry:
    """Return the entry of these bytes; its columns are views into them."""
    try:
        entry: Entry = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StorageDamaged(f"a log entry of {len(data)} bytes cannot be read: {error}") from error
    return entry
