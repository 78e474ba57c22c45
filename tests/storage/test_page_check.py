"""The page check agrees with `lmdb.verify`, on sound files and on damaged ones."""

import random
from pathlib import Path

import pytest
from lmdb.verify import VerifyError, verify

from ruvector.storage import ShardStore, WriteTransaction
from ruvector.storage.page_check import check_pages

pytestmark = pytest.mark.crash


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return a file with deep trees, large values, long keys, deleted rows and free pages."""
    draw = random.Random(3)
    store = ShardStore.open(tmp_path / "shard", create=True)
    for start in range(0, 1500, 100):

        def prepare(transaction: WriteTransaction, start: int = start) -> None:
            rows = range(start, start + 100)
            transaction.append_log(draw.randbytes(9000 if start % 300 else 300))
            transaction.put_ids((draw.randbytes(draw.choice([16, 40, 300])), row) for row in rows)
            transaction.put_points((row, bytes(draw.randrange(300))) for row in rows)
            if start == 1000:
                transaction.truncate_log(5)
                transaction.delete_points(range(200, 900, 3))
                transaction.put_points([(300, bytes(9000)), (303, bytes(5000))])

        store.commit(prepare, lambda _: None).result(timeout=10)
    store.close()
    return tmp_path / "shard" / "store" / "data.mdb"


def _oracle(database: Path) -> list[str]:
    try:
        return list(verify(str(database)))
    except VerifyError as error:
        return [str(error)]


def test_a_sound_file_passes(database: Path) -> None:
    assert check_pages(database) == _oracle(database) == []


def test_what_the_oracle_finds_is_found(database: Path) -> None:
    content = database.read_bytes()
    draw = random.Random(4)
    found = 0
    for number in range(150):
        page = draw.randrange(2, len(content) // 4096) * 4096
        position = page + draw.randrange(64)
        if number % 3 == 0:
            position = 4096 * (number % 2) + draw.randrange(170)
        flipped = bytearray(content)
        flipped[position] ^= 1 << draw.randrange(8)
        database.write_bytes(flipped)
        problems = _oracle(database)
        if problems:
            found += 1
            assert check_pages(database), (position, problems)
    assert found > 30


def test_every_truncation_is_found(database: Path) -> None:
    content = database.read_bytes()
    for length in (0, 1, 100, 4096, 8192, len(content) // 2, len(content) - 4096):
        database.write_bytes(content[:length])
        assert check_pages(database), length


def test_a_missing_file_is_a_finding(tmp_path: Path) -> None:
    assert "No such file" in check_pages(tmp_path / "none")[0]
