"""What can be typed? `ruvector serve`, `collections`, `token`, `verify`, `bench`."""

import sys
from collections.abc import Sequence

from ruvector.cli.parser import build_parser
from ruvector.errors import RuvectorError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code. Errors of ours are one line on stderr."""
    parser = build_parser()
    chosen = parser.parse_args(arguments)
    try:
        code: int = chosen.run(chosen)
        return code
    except RuvectorError as error:
        print(f"ruvector: {' '.join(error.message.split())}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the output has gone; nothing to say to them
        return 1
