"""What becomes of write requests? One commit for all, and answers that say how far they came.

Threads: any; the caller's waits until the writes are durable, whatever `wait` says.
"""

from functools import partial
from typing import Any

from ruvector.collection.changes import BRINGS_VECTORS, FREES_SPACE, change_of
from ruvector.collection.collection import Collection
from ruvector.collection.effects import Effect
from ruvector.collection.prepare import Preparation
from ruvector.collection.shard import Change
from ruvector.errors import TimedOut
from ruvector.kernel import meters
from ruvector.kernel.timing import note
from ruvector.model.requests import CreateFieldIndex
from ruvector.model.results import UpdateResult


def write_all(collection: Collection, request: Any, operations: list[Any]) -> list[UpdateResult]:
    """Commit the operations of a request as one transaction; `wait_timeout` after its timeout.

    BadInput where one cannot be made, TimedOut where the settings held it back until then: nothing
    was written.
    """
    changes = [change_of(collection, operation) for operation in operations]
    note("prepare")
    if not changes:
        return []
    if meters.is_on and (meter := meters.current()) is not None:
        indexed = bool(collection.shard.indexes.schemas())
        changes = [partial(_counted, change, meter, indexed) for change in changes]
    frees_space = all(isinstance(operation, FREES_SPACE) for operation in operations)
    grows = any(isinstance(operation, BRINGS_VECTORS) for operation in operations)
    sequences: list[int | None] = [None for _ in operations]
    if grows:
        collection.catch_up(request.timeout)
    try:
        sequences[:] = collection.write(
            changes, frees_space=frees_space, timeout_seconds=request.timeout
        )
        note("commit")
        if grows and request.wait:
            collection.catch_up(request.timeout)
    except TimedOut:
        return [UpdateResult(sequence, "wait_timeout") for sequence in sequences]
    if any(isinstance(operation, CreateFieldIndex) for operation in operations):
        collection.fill_indexes()
    status = "completed" if request.wait else "acknowledged"
    return [UpdateResult(sequence, status) for sequence in sequences]


def _counted(
    change: Change, meter: meters.Meter, indexed: bool, preparation: Preparation
) -> Effect:
    """Make a change for somebody's meter; in the committer's thread, while its owner waits."""
    with meters.working_for(meter):
        effect = change(preparation)
    meter.vector_write += sum(_bytes_of(column) for column, _ in effect.columns.values())
    if indexed:
        new = (*(effect.payloads or ()), *effect.new_payloads)
        old = (*effect.dead_payloads, *effect.old_payloads)
        meter.index_write += sum(len(payload) for payload in (*new, *old) if payload)
    return effect


def _bytes_of(column: Any) -> int:
    return 0 if column is None else int(column.nbytes)
