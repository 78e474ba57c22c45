"""Which commands and flags are there?"""

import argparse
from importlib.metadata import PackageNotFoundError, version

from ruvector.cli import bench, collections, serve, snapshot, token, verify


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; every command sets `run`, a function of the parsed arguments."""
    parser = argparse.ArgumentParser(
        prog="ruvector",
        description="A vector database: embedded, or a server for Qdrant's clients.",
    )
    parser.add_argument("--version", action="version", version=f"ruvector {_version()}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    serve.add(commands)
    collections.add(commands)
    snapshot.add(commands)
    token.add(commands)
    verify.add(commands)
    bench.add(commands)
    return parser


def _version() -> str:
    try:
        return version("ruvector")
    except PackageNotFoundError:
        return "0"
