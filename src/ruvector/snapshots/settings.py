"""What can be set about snapshots?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ruvector.errors import BadInput
from ruvector.snapshots.timetable import Timetable

KEEP_MAX = 10_000  # scheduled snapshots of a collection
ARCHIVE_SECONDS_MAX = 86_400
LOG_DAYS_MAX = 36_500
KEEP = 7  # scheduled snapshots of each collection: a week of nights
ARCHIVE_SECONDS = 60  # what a lost disk loses of an archive elsewhere, at most


class S3Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a bucket is. What is not given comes from the environment, as AWS's tools have it."""

    bucket: str
    region: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    endpoint_url: str | None = None


class SnapshotSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`path`: their folder, None for `snapshots` inside the data folder; `s3`: the bucket that
    keeps them instead; `schedule`: when they are made by themselves, see `timetable`;
    `collections`: of which collections then, none for the whole storage; `keep`: how many of those;
    `from_urls`: whether to fetch what a restore names from http and https URLs; `archive_log`:
    whether the log of every collection is kept beside them, copied every `archive_log_seconds`,
    for `keep_log_days` or for ever.
    """

    path: Path | None = None
    s3: S3Settings | None = None
    schedule: str | None = None
    collections: tuple[str, ...] = ()
    keep: int = KEEP
    from_urls: bool = False
    archive_log: bool = False
    archive_log_seconds: float = ARCHIVE_SECONDS
    keep_log_days: float | None = None


def settings_of(given: Mapping[str, Any] | None) -> SnapshotSettings:
    """Return what a program asks for, by the names of the fields; BadInput names what is wrong.

    `from_urls` is for servers: a program fetches a file itself, and restores that.
    """
    if given is None:
        return SnapshotSettings()
    known = [name for name in SnapshotSettings.__struct_fields__ if name != "from_urls"]
    for name in given:
        if name not in known:
            raise BadInput(
                f"snapshots has no setting {str(name)[:40]!r}; it has {', '.join(known)}"
            )
    try:
        settings = msgspec.convert(dict(given), SnapshotSettings, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise BadInput(f"snapshots: {error}") from error
    for name, value, most in (
        ("keep", settings.keep, KEEP_MAX),
        ("archive_log_seconds", settings.archive_log_seconds, ARCHIVE_SECONDS_MAX),
        ("keep_log_days", settings.keep_log_days or 1, LOG_DAYS_MAX),
    ):
        if not 1 <= value <= most:
            raise BadInput(f"snapshots: {name} is {value}; it must be from 1 to {most}")
    if settings.keep_log_days is not None and not settings.archive_log:
        raise BadInput("snapshots: keep_log_days is given but archive_log is not")
    if settings.schedule:
        Timetable(settings.schedule)
    return settings


def _path(_: type, value: Any) -> Path:
    if not isinstance(value, str | Path):
        raise ValueError(f"path is a {type(value).__name__}; it must be a text or a Path")
    return Path(value)
