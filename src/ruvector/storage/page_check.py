"""Do the pages of an LMDB file hold together?

A walk that reads bytes and never maps the file or hands it to LMDB, so that no damage in it can
kill the process. It finds what value checksums cannot see: lost subtrees, pages used twice,
counters that lie.

Threads: a pure function over a file that nobody writes meanwhile.
It does not look into the values.
"""

from pathlib import Path

from lmdb.verify import VerifyError, verify


def check_pages(path: Path) -> list[str]:
    """Return what is wrong with the LMDB file `path`, worst first; empty when it is sound."""
    try:
        return list(verify(str(path)))  # type: ignore[no-untyped-call]
    except (VerifyError, OSError) as error:
        return [str(error)]
