"""`ruvector serve`: flags become settings; the server's room does the rest."""

import argparse
import os
from typing import Any

from ruvector.errors import BadInput

FLAGS = {
    "path": ("storage", "storage_path"),
    "host": ("service", "host"),
    "http_port": ("service", "http_port"),
    "grpc_port": ("service", "grpc_port"),
}


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("serve", help="serve the REST API")
    parser.add_argument("--path", help="the data folder (default ./ruvector_data)")
    parser.add_argument("--host", help="the address to listen on (default 127.0.0.1)")
    parser.add_argument("--http-port", type=int, help="the port of REST (default 6333)")
    parser.add_argument("--grpc-port", help="the port of gRPC (default 6334), none for no gRPC")
    parser.add_argument("--config", metavar="FILE", help="settings in YAML or TOML")
    parser.add_argument("--workers", type=int, default=1, help="processes; this version runs one")
    parser.add_argument(
        "--insecure", action="store_true", help="listen on any address without an API key"
    )
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Serve until a signal."""
    if chosen.workers != 1:
        raise BadInput(
            f"--workers is {chosen.workers}; this version runs one process: leave it out"
        )
    try:
        from ruvector.server.run import serve
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] == "ruvector":
            raise
        raise BadInput(
            f"the server needs {error.name}, which is not installed: pip install ruvector[server]"
        ) from error
    flags: dict[str, dict[str, Any]] = {}
    for flag, (section, name) in FLAGS.items():
        value = getattr(chosen, flag)
        if value is not None:
            flags.setdefault(section, {})[name] = value
    return serve(flags, os.environ, config_file=chosen.config, insecure=chosen.insecure)
