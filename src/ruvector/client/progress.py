"""How far is a bulk write? A bar for terminals and notebooks, only when asked for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ruvector.errors import BadInput


@contextmanager
def progress_bar(total: int, shown: bool) -> Iterator[Callable[[int], object]]:
    """Yield a function to call with the number of points that were written."""
    if not shown:
        yield _ignore
        return
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise BadInput(
            "progress=True needs tqdm, which is not installed: pip install ruvector[cli]"
        ) from error
    with tqdm(total=total, unit=" points", unit_scale=True) as bar:
        yield bar.update


def _ignore(count: int) -> None:
    """Show nothing."""
