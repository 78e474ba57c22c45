"""Is a hole in the log damage, and not taken for its torn end? (D7)

One entry of the log of a killed database is removed, or one byte of it changed, at each place
before the last; the child that opens it must refuse.
"""

import shutil
from pathlib import Path

import lmdb
import pytest
from tests.crash.children import Zygote, compiler
from tests.crash.figures import LONG, report

pytestmark = pytest.mark.crash


def _entries(database: Path) -> list[bytes]:
    with lmdb.open(str(database), max_dbs=4, readonly=True, lock=False) as environment:
        table = environment.open_db(b"log", create=False)
        with environment.begin() as transaction:
            return list(transaction.cursor(table).iternext(values=False))


def _harm(database: Path, key: bytes, how: str) -> None:
    with lmdb.open(str(database), max_dbs=4, map_size=1 << 30) as environment:
        table = environment.open_db(b"log", create=False)
        with environment.begin(write=True) as transaction:
            if how == "removed":
                transaction.delete(key, db=table)
                return
            value = bytearray(transaction.get(key, db=table))
            value[len(value) // 2] ^= 1
            transaction.put(key, bytes(value), db=table)
            if how == "altered and removed":
                transaction.delete(key, db=table)
                transaction.put(key[:-1] + b"\xff", bytes(value), db=table)


def test_a_hole_in_the_log_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Zygote(tmp_path / "zygote", with_faults=compiler() is not None) as zygote:
        sound = tmp_path / "sound"
        # Before anything is sealed: every operation so far is in the log.
        status, notes = zygote.run("write", sound, stop=4, leave=True)
        assert status == 0, notes[-1:]
        database = next((sound / "collections").rglob("data.mdb")).parent.relative_to(sound)
        keys = _entries(sound / database)
        assert len(keys) >= 3
        struck = 0
        chosen = keys[:-1] if LONG else keys[:3]
        for key in chosen:
            for how in ("removed", "altered", "altered and removed"):
                copy = tmp_path / "copy"
                shutil.copytree(sound, copy)
                _harm(copy / database, key, how)
                status, notes = zygote.run("read", copy)
                assert status == 3, (key, how, notes[-1:])
                assert "StorageDamaged" in str(notes), (key, how, notes)
                shutil.rmtree(copy)
                struck += 1
    report("hole in the log", capsys, holes=struck, served=0)
