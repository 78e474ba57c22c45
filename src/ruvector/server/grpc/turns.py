"""How long did a call wait for its turn? grpcio hands calls to a pool, which remembers when."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter
from typing import Any

_of_thread = threading.local()


def submitted() -> float:
    """Return when the call was handed over that this thread works at, as of perf_counter()."""
    return getattr(_of_thread, "submitted", None) or perf_counter()


class Turns(ThreadPoolExecutor):
    """A pool whose work can ask when it was submitted."""

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Take a piece of work."""
        return super().submit(_work, perf_counter(), work, arguments, named)


def _work(moment: float, work: Callable[..., Any], arguments: Any, named: Any) -> Any:
    _of_thread.submitted = moment
    return work(*arguments, **named)
