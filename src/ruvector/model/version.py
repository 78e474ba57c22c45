"""Which version of ruvector is this?"""

from importlib.metadata import PackageNotFoundError, version

NAME = "ruvector"


def own_version() -> str:
    """Return ruvector's version as it was installed."""
    try:
        return version(NAME)
    except PackageNotFoundError:
        return "0"
