"""How long may a request take, and what is said when it took longer?"""

from collections.abc import Iterator
from contextlib import contextmanager

from ruvector.errors import TimedOut
from ruvector.kernel.deadlines import Deadline, DeadlinePassed, working_for


def too_late(operation: str, seconds: float) -> TimedOut:
    """Return the error, in the contract's words."""
    return TimedOut(f"Operation '{operation}' timed out after {seconds:g} seconds")


@contextmanager
def within(deadline: Deadline, operation: str, seconds: float) -> Iterator[None]:
    """Stop the work inside the block with TimedOut once the deadline has passed.

    `seconds`: the time that was allowed, for the message.
    """
    try:
        with working_for(deadline):
            yield
    except DeadlinePassed as error:
        raise too_late(operation, seconds) from error
