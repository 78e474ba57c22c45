"""What can be set about snapshots?"""

from pathlib import Path

import msgspec

KEEP = 7  # scheduled snapshots of each collection: a week of nights
ARCHIVE_SECONDS = 60  # what a lost disk loses of an archive elsewhere, at most


class S3Settings(msgspec.Struct, frozen=True, kw_only=True):
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
