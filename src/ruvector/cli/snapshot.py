"""`ruvector snapshot create|list|restore|download|delete`, on a folder or on a running server."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruvector.cli.target import add_target, open_target
from ruvector.errors import BadInput

if TYPE_CHECKING:
    from ruvector.client.client import RuvectorClient
    from ruvector.model.snapshots import SnapshotDescription

NO_COLLECTION = "name a collection, or --full for the whole storage"


def add(commands: Any) -> None:
    """Add the command with its verbs."""
    parser = commands.add_parser("snapshot", help="make, list, restore, copy and delete snapshots")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")
    for name, help_text, run in (
        ("create", "make one of a collection, or of everything", run_create),
        ("list", "name them, the oldest first", run_list),
        ("restore", "make a collection, or everything, what one says", run_restore),
        ("download", "copy one to a file", run_download),
        ("delete", "delete one", run_delete),
    ):
        verb = verbs.add_parser(name, help=help_text)
        verb.add_argument("collection", nargs="?", help="the collection's name")
        verb.add_argument("--full", action="store_true", help="of the whole storage")
        if name == "restore":
            source = verb.add_mutually_exclusive_group(required=True)
            source.add_argument("--snapshot", help="the name of a kept one, or a location")
            source.add_argument("--file", type=Path, help="a file of this machine")
            verb.add_argument("--checksum", help="the SHA-256 that it must have")
            verb.add_argument(
                "--until",
                metavar="MOMENT",
                help="go on with the archived log up to a time (2026-01-31T12:00:00Z), "
                "an operation's number (of one collection), or latest",
            )
        elif name in ("download", "delete"):
            verb.add_argument("--snapshot", required=True, help="its name")
        if name == "download":
            verb.add_argument("--output", type=Path, required=True, help="a file that is not there")
        add_target(verb)
        verb.set_defaults(run=run)


def run_create(chosen: argparse.Namespace) -> int:
    """Make a snapshot and print what `list` would."""
    with _opened(chosen) as client:
        made = (
            client.create_full_snapshot()
            if chosen.full
            else client.create_snapshot(chosen.collection)
        )
    if made is not None:
        print(_line(made))
    return 0


def run_list(chosen: argparse.Namespace) -> int:
    """Print name, size, time and checksum, a snapshot a line."""
    with _opened(chosen) as client:
        found = (
            client.list_full_snapshots()
            if chosen.full
            else client.list_snapshots(chosen.collection)
        )
    for each in found:
        print(_line(each))
    return 0


def run_restore(chosen: argparse.Namespace) -> int:
    """Restore; the collection is replaced, or created where there is none."""
    with _opened(chosen) as client:
        if chosen.full:
            if chosen.file:
                client.upload_full_snapshot(
                    chosen.file, checksum=chosen.checksum, until=chosen.until
                )
            else:
                client.recover_full_snapshot(
                    chosen.snapshot, checksum=chosen.checksum, until=chosen.until
                )
            print(f"restored {', '.join(client.list_collections())}")
            return 0
        if chosen.file:
            client.upload_snapshot(
                chosen.collection, chosen.file, checksum=chosen.checksum, until=chosen.until
            )
        else:
            client.recover_snapshot(
                chosen.collection, chosen.snapshot, checksum=chosen.checksum, until=chosen.until
            )
        print(f"restored {chosen.collection}: {client.count(chosen.collection)} points")
    return 0


def run_download(chosen: argparse.Namespace) -> int:
    """Copy a snapshot to a file."""
    with _opened(chosen) as client:
        if chosen.full:
            client.download_full_snapshot(chosen.snapshot, chosen.output)
        else:
            client.download_snapshot(chosen.collection, chosen.snapshot, chosen.output)
    print(f"copied to {chosen.output}")
    return 0


def run_delete(chosen: argparse.Namespace) -> int:
    """Delete a snapshot."""
    with _opened(chosen) as client:
        if chosen.full:
            client.delete_full_snapshot(chosen.snapshot)
        else:
            client.delete_snapshot(chosen.collection, chosen.snapshot)
    print(f"deleted {chosen.snapshot}")
    return 0


def _opened(chosen: argparse.Namespace) -> "RuvectorClient":
    if bool(chosen.collection) == chosen.full:
        raise BadInput(NO_COLLECTION)
    return open_target(chosen)


def _line(each: "SnapshotDescription") -> str:
    return f"{each.name}\t{each.size}\t{each.creation_time}\t{each.checksum or '-'}"
