"""What becomes of write requests? One commit for all, and answers that say how far they came.

Threads: any; the caller's waits until the writes are durable, whatever `wait` says.
"""

from typing import Any

from ruvector.collection.changes import BRINGS_VECTORS, FREES_SPACE, change_of
from ruvector.collection.collection import Collection
from ruvector.errors import TimedOut
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
