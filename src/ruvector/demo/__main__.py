"""What does `make run` start? The demo's points in an empty data folder, then `ruvector serve`.

    python -m ruvector.demo --serve [arguments of `ruvector serve`]

A folder that holds anything else is served as it is. The commands that are printed use the address
that the settings give, whether it came from a flag, a file or the environment.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import ruvector
from ruvector import demo
from ruvector.cli import main as run_command
from ruvector.cli.parser import build_parser
from ruvector.cli.serve import FLAGS
from ruvector.errors import RuvectorError
from ruvector.server.configuration import Settings, read_file, settle

EXAMPLE = "vlc"
SMALL_KIB = 1000
EVERY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104  names to translate, not to listen on


def main(arguments: list[str]) -> int:
    """Load the demo if there is room for it, say what to try, and serve."""
    if arguments[:1] != ["--serve"]:
        print("usage: python -m ruvector.demo --serve [arguments of `ruvector serve`]")
        return 2
    command = ["serve", *arguments[1:]]
    chosen = build_parser().parse_args(command)
    try:
        settings = settings_of(chosen)
        example = prepare(Path(settings.storage.storage_path))
    except RuvectorError:
        return run_command(command)  # which says what is wrong, as always
    print("\n".join(invitation(settings, example)), flush=True)
    return run_command(command)


def settings_of(chosen: argparse.Namespace) -> Settings:
    """Return the settings that `ruvector serve` will have with these arguments."""
    flags: dict[str, dict[str, Any]] = {}
    for flag, (section, name) in FLAGS.items():
        if getattr(chosen, flag) is not None:
            flags.setdefault(section, {})[name] = getattr(chosen, flag)
    file = read_file(chosen.config) if chosen.config else {}
    return settle(file, os.environ, flags)[0]


def prepare(path: Path) -> Any:
    """Load the demo where there is no collection; return the example's id, None without it."""
    with ruvector.open(path) as client:
        collections = client.list_collections()
        # A run that was interrupted leaves no collection, or one that does not say it is complete.
        if collections in ([], [demo.COLLECTION]) and not demo.is_loaded(client):
            print(f"loading the demo collection into {path} ...", flush=True)
            print(f"{demo.fill(client)} Debian packages with their embeddings are indexed")
        if not demo.is_loaded(client):
            return None
        found, _ = client.scroll(demo.COLLECTION, filter={"name": EXAMPLE}, limit=1)
        return found[0].id if found else None


def invitation(settings: Settings, example: Any) -> list[str]:
    """Return the lines that say what to try."""
    address = address_of(settings)
    lines = []
    if example is not None:
        query = {"query": example, "limit": 5, "with_payload": ["name", "description"]}
        small = {"must": [{"key": "installed_size", "range": {"lt": SMALL_KIB}}]}
        lines += [
            "",
            "Once it serves, paste these into another terminal.",
            f"Packages like {EXAMPLE}:",
            curl(settings, query),
            f"The same, of less than {SMALL_KIB} KiB installed:",
            curl(settings, query | {"filter": small}),
        ]
    return [*lines, f"Every operation, to try in a browser: {address}/docs", ""]


def curl(settings: Settings, body: dict[str, Any]) -> str:
    """Return the command that sends a query: in single quotes, of which the JSON has none."""
    key = "-H 'api-key: YOUR_KEY' " if settings.service.api_key else ""
    url = f"{address_of(settings)}/collections/{demo.COLLECTION}/points/query"
    return f"  curl -s {url} -H 'Content-Type: application/json' {key}-d '{json.dumps(body)}'"


def address_of(settings: Settings) -> str:
    """Return the address at which a program on this machine reaches the server."""
    host = settings.service.host
    if host in EVERY_ADDRESS:
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.service.http_port}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
