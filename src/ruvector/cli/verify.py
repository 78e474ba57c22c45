"""`ruvector verify PATH`: read every byte of a data folder and report damage."""

import argparse
import sys
from pathlib import Path
from typing import Any

from ruvector.errors import NotFound, RuvectorError

SHARDS = "collections"


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("verify", help="read every byte of a data folder, report damage")
    parser.add_argument("path", help="the data folder")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Print a line for each damage; exit code 1 where there is any."""
    from ruvector.storage.verify import verify_shard

    root = Path(chosen.path)
    if not (root / SHARDS).is_dir():
        raise NotFound(f"{root} is not a data folder: it has no folder {SHARDS}")
    shards = sorted(folder for folder in (root / SHARDS).iterdir() if folder.is_dir())
    damaged = 0
    for folder in shards:
        try:
            found = [f"{each.file.name}: {each.what}" for each in verify_shard(folder)]
        except RuvectorError as error:
            found = [error.message]
        except OSError as error:
            found = [f"cannot be read: {error}"]
        damaged += bool(found)
        for text in found:
            print(f"{folder.relative_to(root)}: {text}", file=sys.stderr)
    print(f"{len(shards)} shards read, {damaged} damaged")
    return 1 if damaged else 0
