"""What can be set about snapshots?"""

from pathlib import Path

import msgspec


class SnapshotSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`path`: their folder, None for `snapshots` inside the data folder; `allow_urls`: whether
    snapshots are fetched from http and https locations.
    """

    path: Path | None = None
    allow_urls: bool = False
