"""Small shards and children to kill, for the tests of storage."""

import os
import subprocess
import sys

from ruvector.storage import ShardStore, WriteTransaction


def key_of(row: int) -> bytes:
    """Return the id key that the tests give to `row`."""
    return row.to_bytes(16, "little")


def write_points(store: ShardStore, rows: range, text: bytes = b"record") -> int:
    """Commit one batch of `rows` in one request and return its sequence."""

    def prepare(transaction: WriteTransaction) -> int:
        transaction.put_ids((key_of(row), row) for row in rows)
        transaction.put_points((row, text + b" %d" % row) for row in rows)
        return transaction.append_log(b"upsert %d %d" % (rows.start, rows.stop))

    return store.commit(prepare, lambda sequence: sequence).result(timeout=10)


def run_child(source: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run `source` in a new Python process and return how it ended."""
    return subprocess.run(
        [sys.executable, "-c", source, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env=dict(os.environ),
    )
