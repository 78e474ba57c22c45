"""Where does a command act? On a data folder (--path) or on a running server (--url)."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ruvector.errors import NotFound

if TYPE_CHECKING:
    from ruvector.client.client import RuvectorClient

DEFAULT_PATH = "./ruvector_data"
KEY_NAME = "RUVECTOR_API_KEY"  # not a flag: the process list shows flags to everyone


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say where."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--path", help=f"a data folder (default {DEFAULT_PATH})")
    place.add_argument(
        "--url", help=f"a running server, such as http://127.0.0.1:6333; its key in {KEY_NAME}"
    )


def open_target(chosen: argparse.Namespace) -> "RuvectorClient":
    """Return a client of what the flags name."""
    from ruvector.client.client import RuvectorClient
    from ruvector.client.client import open as open_folder

    if chosen.url:
        return RuvectorClient(url=chosen.url, api_key=os.environ.get(KEY_NAME) or None)
    path = Path(chosen.path or DEFAULT_PATH)
    if not path.is_dir():
        raise NotFound(
            f"there is no data folder {path}; name one with --path, or a server with --url"
        )
    return open_folder(path)
