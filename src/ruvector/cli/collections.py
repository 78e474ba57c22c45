"""`ruvector collections list|show|create|delete`, on a folder or on a running server."""

import argparse
import sys
from typing import Any

import msgspec

from ruvector.cli.target import add_target, open_target

DISTANCES = ("cosine", "dot", "euclid", "manhattan")


def add(commands: Any) -> None:
    """Add the command with its four verbs."""
    parser = commands.add_parser("collections", help="list, show, create and delete collections")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")
    for name, help_text, run in (
        ("list", "name every collection", run_list),
        ("show", "describe one", run_show),
        ("create", "create one", run_create),
        ("delete", "delete one with all its points", run_delete),
    ):
        verb = verbs.add_parser(name, help=help_text)
        if name != "list":
            verb.add_argument("name", help="the collection's name")
        if name == "create":
            verb.add_argument("--dimensions", type=int, required=True, help="numbers in a vector")
            verb.add_argument("--distance", choices=DISTANCES, default="cosine")
        add_target(verb)
        verb.set_defaults(run=run)


def run_list(chosen: argparse.Namespace) -> int:
    """Print a name a line."""
    with open_target(chosen) as client:
        names = client.list_collections()
    for name in sorted(names):
        print(name)
    return 0


def run_show(chosen: argparse.Namespace) -> int:
    """Print what the collection is, as JSON."""
    with open_target(chosen) as client:
        found = client.get_collection(chosen.name)
    print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    return 0


def run_create(chosen: argparse.Namespace) -> int:
    """Create a collection of one unnamed vector."""
    with open_target(chosen) as client:
        client.create_collection(
            chosen.name, dimensions=chosen.dimensions, distance=chosen.distance
        )
    print(f"created {chosen.name}: {chosen.dimensions} dimensions, {chosen.distance}")
    return 0


def run_delete(chosen: argparse.Namespace) -> int:
    """Delete a collection; exit code 1 where there was none."""
    with open_target(chosen) as client:
        existed = client.delete_collection(chosen.name)
    if not existed:
        print(f"ruvector: there is no collection {chosen.name}", file=sys.stderr)
        return 1
    print(f"deleted {chosen.name}")
    return 0
