"""Which file does the location of a snapshot mean?

A name: one of the snapshots of that collection. A file:// URL: a file inside the folder of
snapshots, reached without links. An http or https URL: only where the configuration allows it.
Everything else is refused, without saying what is there.
"""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from ruvector.errors import BadInput, Forbidden, NotFound

_OUTSIDE = (
    "a file:// location must name a file inside the folder of snapshots "
    "(storage.snapshots_path), without links and '..'"
)
REMOTE = ("http", "https")
MAX_LOCATION = 4096  # characters


def scheme_of(location: str) -> str:
    """Return the scheme of a location in lower case; empty for a name."""
    if not isinstance(location, str) or not 0 < len(location) <= MAX_LOCATION:
        raise BadInput(f"location must be a text of 1 to {MAX_LOCATION} characters")
    return location.partition("://")[0].lower() if "://" in location else ""


def local_file(root: Path, location: str) -> Path:
    """Return the file that a file:// URL names inside a folder."""
    try:
        parts = urlsplit(location)
        path = Path(unquote(parts.path, errors="strict"))
        host = parts.hostname
    except ValueError as error:
        raise BadInput(_OUTSIDE) from error
    if host not in (None, "localhost") or parts.query or parts.fragment or "\0" in str(path):
        raise BadInput(_OUTSIDE)
    if not path.is_absolute() or ".." in path.parts:
        raise BadInput(_OUTSIDE)
    for base in (root.absolute(), root.resolve()):
        if path.is_relative_to(base):
            inside = path.relative_to(base)
            if (root.resolve() / inside).resolve() != root.resolve() / inside:
                raise BadInput(_OUTSIDE)
            if not path.is_file():
                raise NotFound(f"Snapshot {path.name} not found")
            return path
    raise BadInput(_OUTSIDE)


def refuse_remote(location: str) -> None:
    """Raise Forbidden: fetching from elsewhere is off."""
    scheme = scheme_of(location)
    if scheme in REMOTE:
        raise Forbidden(
            "recovering from URLs is off; upload the snapshot instead, "
            "or set service.enable_snapshot_url_recovery of the server"
        )
    raise BadInput(f"location has the scheme {scheme[:20]!r}; use file, or the name of a snapshot")
