"""What a shard keeps, reopened."""

import errno
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import CancelledError, Future
from pathlib import Path

import lmdb
import pytest
from tests.storage.storage_samples import key_of, run_child, write_points

from ruvector.errors import (
    BadInput,
    RuvectorError,
    ShardPoisoned,
    StorageBusy,
    StorageDamaged,
    StorageLocked,
)
from ruvector.storage import ShardStore, WriteTransaction, committer, environment


def test_what_was_committed_is_there_after_reopening(shard: ShardStore) -> None:
    for start in (0, 10, 20):
        write_points(shard, range(start, start + 10))
    shard.commit(lambda t: t.put_manifest("schema", b"{}"), lambda _: None).result()
    shard.close()
    shard = ShardStore.open(shard.path)
    with shard.read() as reader:
        assert reader.last_sequence == shard.last_sequence == 3
        assert reader.rows_of([key_of(3), b"absent", key_of(29)]) == [3, None, 29]
        assert reader.points([29, 30, 0]) == [b"record 29", None, b"record 0"]
        assert [row for row, _ in reader.all_points()] == list(range(30))
        assert [entry for _, entry in reader.log_after(1)] == [b"upsert 10 20", b"upsert 20 30"]
        assert reader.manifest("schema") == b"{}"
        assert reader.manifest("absent") is None
        counts = [reader.count(table) for table in ("log", "ids", "points", "manifest")]
        assert counts == [3, 30, 30, 1]
    shard.close()


def test_a_reader_keeps_its_snapshot(shard: ShardStore) -> None:
    write_points(shard, range(1), b"old")
    with shard.read() as reader:
        write_points(shard, range(1), b"new")
        assert reader.points([0]) == [b"old 0"]
        assert reader.last_sequence == 1
    with shard.read() as reader:
        assert reader.points([0]) == [b"new 0"]


def test_a_copy_for_which_there_is_no_room_fails_like_any_file(shard: ShardStore) -> None:
    with (
        shard.read() as reader,
        Path("/dev/full").open("wb", buffering=0) as full,
        pytest.raises(OSError, match="copied") as caught,
    ):
        reader.copy(full.fileno())
    assert caught.value.errno == errno.ENOSPC


def test_ids_come_in_key_order_both_ways(shard: ShardStore) -> None:
    keys = [b"a", b"c", b"e"]
    shard.commit(
        lambda t: t.put_ids([(key, row) for row, key in enumerate(keys)]), lambda _: None
    ).result()
    expected = {
        (None, False): "ace",
        (b"c", False): "ce",
        (b"b", False): "ce",
        (b"f", False): "",
        (b"", False): "ace",
        (None, True): "eca",
        (b"c", True): "ca",
        (b"d", True): "ca",
        (b"f", True): "eca",
        (b"", True): "",
    }
    with shard.read() as reader:
        for (start, reverse), letters in expected.items():
            found = [key.decode() for key, _ in reader.ids_from(start, reverse=reverse)]
            assert "".join(found) == letters, (start, reverse)


def test_a_write_transaction_sees_its_own_writes_and_those_before_it(shard: ShardStore) -> None:
    write_points(shard, range(3))

    def prepare(transaction: WriteTransaction) -> list[int | None]:
        assert transaction.next_sequence == 2
        transaction.put_ids([(b"x", 7), (b"x", 5)])
        transaction.delete_ids([key_of(0), b"absent"])
        transaction.delete_points([0, 99])
        transaction.append_log(b"delete")
        assert transaction.last_sequence == 2
        return transaction.rows_of([b"x", key_of(0), key_of(1)])

    assert shard.commit(prepare, lambda rows: rows).result() == [5, None, 1]


def test_truncating_the_log_advances_the_checkpoint(shard: ShardStore) -> None:
    for row in range(5):
        write_points(shard, range(row, row + 1))
    shard.commit(lambda t: t.truncate_log(3), lambda _: None, frees_space=True).result()
    assert (shard.checkpoint, shard.last_sequence) == (3, 5)
    shard.close()
    shard = ShardStore.open(shard.path)
    assert (shard.checkpoint, shard.last_sequence) == (3, 5)
    with shard.read() as reader:
        assert [sequence for sequence, _ in reader.log_after(3)] == [4, 5]
        with pytest.raises(StorageDamaged, match="checkpoint 3"):
            list(reader.log_after(2))
    with pytest.raises(BadInput, match="ends at 5"):
        shard.commit(lambda t: t.truncate_log(6), lambda _: None).result()
    shard.commit(lambda t: t.truncate_log(5), lambda _: None).result()
    assert write_points(shard, range(1)) == 6
    shard.close()


def test_a_log_entry_of_many_megabytes_survives(shard: ShardStore) -> None:
    entry = os.urandom(1 << 20) * 40
    shard.commit(lambda t: t.append_log(entry), lambda _: None).result()
    shard.close()
    shard = ShardStore.open(shard.path)
    with shard.read() as reader:
        assert [stored == entry for _, stored in reader.log_after(0)] == [True]
    shard.close()


def test_a_prepare_that_raises_midway_leaves_nothing(shard: ShardStore) -> None:
    def prepare(transaction: WriteTransaction) -> None:
        transaction.append_log(b"half")
        transaction.put_points([(0, b"half")])
        raise BadInput("no")

    gate = threading.Event()
    held = shard.commit(lambda _: gate.wait(10), lambda _: None)
    first = shard.commit(lambda t: t.append_log(b"first"), lambda sequence: sequence)
    failed = shard.commit(prepare, lambda _: None)
    second = shard.commit(lambda t: t.append_log(b"second"), lambda sequence: sequence)
    gate.set()
    held.result(timeout=10)
    assert (first.result(timeout=10), second.result(timeout=10)) == (1, 2)
    with pytest.raises(BadInput, match="no"):
        failed.result(timeout=10)
    with shard.read() as reader:
        assert [entry for _, entry in reader.log_after(0)] == [b"first", b"second"]
        assert reader.points([0]) == [None]
    assert shard.poisoned is None


def test_waiting_writers_share_a_commit_in_order(shard: ShardStore) -> None:
    gate, taken = threading.Event(), threading.Event()
    applied: list[int] = []
    held = shard.commit(lambda _: (taken.set(), gate.wait(10)), lambda _: None)
    taken.wait(10)
    futures = [
        shard.commit(lambda t: t.append_log(b"x"), lambda sequence: applied.append(sequence))
        for _ in range(100)
    ]
    gate.set()
    for future in (held, *futures):
        future.result(timeout=10)
    assert applied == list(range(1, 101))
    with shard.read() as reader:
        # One for the creation, one for the held request, one for the hundred.
        assert reader.commit_record().number == 3


def test_concurrent_writers_and_readers_agree(shard: ShardStore) -> None:
    errors: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for step in range(20):
                row = writer * 20 + step
                write_points(shard, range(row, row + 1))
                with shard.read() as reader:
                    assert reader.points([row]) == [b"record %d" % row]
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread.
            errors.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert shard.last_sequence == 160


def test_a_cancelled_future_is_dropped_before_and_kept_after_it_was_taken(
    shard: ShardStore,
) -> None:
    gate, taken = threading.Event(), threading.Event()

    def prepare(transaction: WriteTransaction) -> int:
        taken.set()
        gate.wait(10)
        return transaction.append_log(b"taken")

    running = shard.commit(prepare, lambda sequence: sequence)
    taken.wait(10)
    queued = shard.commit(lambda t: t.append_log(b"queued"), lambda sequence: sequence)
    assert not running.cancel()
    assert queued.cancel()
    gate.set()
    assert running.result(timeout=10) == 1
    with pytest.raises(CancelledError):
        queued.result(timeout=10)
    assert write_points(shard, range(1)) == 2


def test_a_full_queue_refuses(shard: ShardStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committer, "QUEUE_LIMIT", 2)
    gate, taken = threading.Event(), threading.Event()

    def prepare(transaction: WriteTransaction) -> None:
        taken.set()
        gate.wait(10)

    futures: list[Future[None]] = [shard.commit(prepare, lambda _: None)]
    taken.wait(10)
    futures += [shard.commit(lambda _: None, lambda _: None) for _ in range(2)]
    with pytest.raises(StorageBusy, match="2 writes are waiting"):
        shard.commit(lambda _: None, lambda _: None)
    gate.set()
    for future in futures:
        future.result(timeout=10)


class _FailingHandle:
    """LMDB's handle, but the next commit of a parent transaction fails as after a bad sector."""

    def __init__(self, handle: lmdb.Environment) -> None:
        self._handle = handle

    def __getattr__(self, name: str) -> object:
        return getattr(self._handle, name)

    def begin(self, *arguments: object, **options: object) -> object:
        if options.get("write") and "parent" not in options:
            raise lmdb.Error("mdb_txn_commit", 5)
        return self._handle.begin(*arguments, **options)  # type: ignore[call-overload]


def test_a_failed_commit_poisons_and_reads_go_on(shard: ShardStore) -> None:
    write_points(shard, range(3))
    shard._environment.handle = _FailingHandle(shard._environment.handle)  # type: ignore[assignment]
    with pytest.raises(ShardPoisoned, match="restart"):
        write_points(shard, range(3, 6))
    shard._environment.handle = shard._environment.handle._handle
    assert shard.poisoned is not None
    with pytest.raises(ShardPoisoned):
        write_points(shard, range(3, 6))
    for _ in range(2):
        with shard.read() as reader:
            assert reader.points([2, 3]) == [b"record 2", None]
    shard.close()
    shard = ShardStore.open(shard.path)
    assert write_points(shard, range(3, 6)) == 2
    shard.close()


def test_a_durable_commit_without_its_side_file_is_not_shown_by_half(shard: ShardStore) -> None:
    write_points(shard, range(2))
    before = shard.last_sequence

    def fail(number: int) -> None:
        raise OSError(5, "Input/output error")

    shard._side_file.write = fail  # type: ignore[method-assign]
    with pytest.raises(ShardPoisoned):
        write_points(shard, range(2, 3))
    with shard.read() as reader:
        assert reader.last_sequence == before, "memory never saw the write that failed"
        assert reader.count("points") == 2


def test_an_error_while_applying_poisons_but_the_write_is_durable(shard: ShardStore) -> None:
    def applied(_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ShardPoisoned):
        shard.commit(lambda t: t.append_log(b"x"), applied).result(timeout=10)
    assert isinstance(shard.poisoned, ZeroDivisionError)
    shard.close()
    shard = ShardStore.open(shard.path)
    assert shard.last_sequence == 1
    shard.close()


def test_a_second_open_in_the_process_says_so(shard: ShardStore) -> None:
    for read_only in (False, True):
        with pytest.raises(StorageLocked, match="already open in this process"):
            ShardStore.open(shard.path, read_only=read_only)


_READ = """
import sys
from pathlib import Path
from ruvector.errors import StorageLocked
from ruvector.storage import ShardStore
path = Path(sys.argv[1])
try:
    ShardStore.open(path)
except StorageLocked as error:
    print(error)
store = ShardStore.open(path, read_only=True)
try:
    store.commit(lambda _: None, lambda _: None)
except StorageLocked as error:
    print(error)
print(store.last_sequence)
sys.stdout.flush()
sys.stdin.readline()
print(store.last_sequence)
"""


def test_another_process_reads_beside_the_writer_and_sees_its_commits(shard: ShardStore) -> None:
    write_points(shard, range(3))
    child = subprocess.Popen(
        [sys.executable, "-c", _READ, str(shard.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert "open for writing in another process" in child.stdout.readline()
    assert "read_only=True" in child.stdout.readline()
    assert child.stdout.readline() == "1\n"
    write_points(shard, range(3))
    output, _ = child.communicate("\n", timeout=20)
    assert output == "2\n"


_KILLED = """
import os, signal, sys
from pathlib import Path
from ruvector.storage import ShardStore
store = ShardStore.open(Path(sys.argv[1]), create=True)
acknowledged = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
stop = int(sys.argv[3])
for number in range(1000):
    if number == stop:
        os.kill(os.getpid(), signal.SIGKILL)
    def prepare(transaction):
        if number + 1 == stop and stop % 2:
            transaction.append_log(b"torn")
            os.kill(os.getpid(), signal.SIGKILL)
        transaction.put_ids([(b"%d" % number, number)])
        transaction.put_points([(number, b"%d" % number)])
        return transaction.append_log(b"%d" % number)
    os.write(acknowledged, b"%d\\n" % store.commit(prepare, lambda s: s).result())
"""


@pytest.mark.crash
@pytest.mark.parametrize("stop", [0, 1, 2, 7, 20])
def test_acknowledged_writes_survive_kill_9(tmp_path: Path, stop: int) -> None:
    path, acknowledged = tmp_path / "shard", tmp_path / "acknowledged"
    child = run_child(_KILLED, path, acknowledged, stop)
    assert child.returncode == -signal.SIGKILL, child.stderr
    last = len(acknowledged.read_text().split())
    assert last == max(0, stop - stop % 2)
    store = ShardStore.open(path, create=True)
    assert store.last_sequence == last
    with store.read() as reader:
        assert [number for number, _ in reader.log_after(0)] == list(range(1, last + 1))
        assert reader.points(range(last)) == [b"%d" % row for row in range(last)]
    assert write_points(store, range(1)) == last + 1
    store.close()


def test_a_forked_child_cannot_use_its_parents_store(shard: ShardStore) -> None:
    write_points(shard, range(3))
    child = os.fork()
    if child == 0:
        code = 0
        for use in (shard.read, lambda: shard.commit(lambda _: None, lambda _: None)):
            try:
                use()
            except RuvectorError as error:
                code += "forked" in str(error)
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    assert write_points(shard, range(3)) == 2


def test_a_closed_store_says_so(shard: ShardStore) -> None:
    write_points(shard, range(1))
    shard.close()
    shard.close()
    for use in (shard.read, lambda: shard.commit(lambda _: None, lambda _: None)):
        with pytest.raises(RuvectorError, match="closed"):
            use()


def test_an_open_environment_keeps_its_promises(shard: ShardStore) -> None:
    flags = shard._environment.handle.flags()
    assert (flags["sync"], flags["metasync"]) == (True, True)
    assert (flags["writemap"], flags["map_async"]) == (False, False)
    assert shard._environment.handle.info()["map_size"] == environment.MAP_SIZE_BYTES
