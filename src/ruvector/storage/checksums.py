"""Is this value the one that was stored under this key of this table?

Every LMDB value is followed by four bytes: the CRC32C, little-endian, over table name, key and
value. A value that LMDB hands out for another key, or from another table, fails as a flipped bit
does. (`zlib.crc32` is another polynomial and must not be mixed in.) Layout: docs/formats/store.md.

Threads: pure functions.
"""

from ruvector.errors import StorageDamaged
from ruvector.kernel import crc32c

# The CRC32C of any message followed by its own CRC32C is this constant, so one pass checks a value.
# It is the published residue 0xB798B438 of the polynomial, after the final inversion.
RESIDUE = 0x48674BC7


def seed_of(table: str) -> int:
    """Return the CRC32C with which every checksum of `table` begins."""
    return crc32c(table.encode())


def seal(seed: int, key: bytes, value: bytes) -> bytes:
    """Return `value` as it is stored under `key`: followed by its checksum."""
    return value + crc32c(value, crc32c(key, seed)).to_bytes(4, "little")


def unseal(seed: int, table: str, key: bytes, stored: bytes) -> bytes:
    """Return the value without its checksum.

    Errors: StorageDamaged, naming table and key, when the checksum does not fit.
    """
    if crc32c(stored, crc32c(key, seed)) != RESIDUE:
        raise damaged_value(table, key)
    return stored[:-4]


def damaged_value(table: str, key: bytes) -> StorageDamaged:
    """Return the error for a value whose checksum does not fit."""
    return StorageDamaged(
        f"the value under key {key.hex()} of table {table} is not what was written; "
        "restore the shard from a snapshot or another replica"
    )
