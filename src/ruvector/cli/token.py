"""`ruvector token create`: sign a token that a server with these keys takes."""

import argparse
import os
import re
import time
from typing import Any

from ruvector.errors import BadInput

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def add(commands: Any) -> None:
    """Add the command with its verb."""
    parser = commands.add_parser("token", help="sign tokens for a server with service.jwt_rbac")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")
    verb = verbs.add_parser(
        "create",
        help="print a token",
        description="Prints a token, signed with service.api_key of the environment "
        "(RUVECTOR__SERVICE__API_KEY) or of --config. The key is not a flag, because the process "
        "list shows flags to everyone.",
    )
    verb.add_argument("--config", metavar="FILE", help="the server's settings in YAML or TOML")
    verb.add_argument("--subject", help="who it is, for logs")
    verb.add_argument("--expires", metavar="TIME", help="in 90s, 15m, 12h or 30d; without: never")
    what = verb.add_mutually_exclusive_group(required=True)
    what.add_argument("--access", metavar="ROLE", help="one role for the whole server")
    what.add_argument(
        "--collection",
        metavar="NAME=ROLE",
        action="append",
        help="a role for a collection, or * for all; may be repeated",
    )
    verb.add_argument(
        "--value-exists",
        metavar="NAME:KEY=VALUE",
        help="good as long as the collection has a point with this value",
    )
    verb.set_defaults(run=run_create)


def run_create(chosen: argparse.Namespace) -> int:
    """Print the token."""
    from ruvector.security.claims import caller_of
    from ruvector.security.tokens import sign
    from ruvector.server.configuration import read_file, settle

    settings, _ = settle(read_file(chosen.config) if chosen.config else {}, os.environ, {})
    key = settings.service.api_key
    if key is None:
        raise BadInput(
            "there is no key to sign with; set RUVECTOR__SERVICE__API_KEY as the server has it, "
            "or name its configuration with --config"
        )
    claims = claims_of_flags(chosen)
    caller_of(claims, require_exp=False, require_access=False)  # refuses what a server would
    print(sign(claims, key.encode()))
    return 0


def claims_of_flags(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return the claims that the flags ask for."""
    claims: dict[str, Any] = {"access": chosen.access}
    if chosen.collection:
        pairs = [_split(each, "=", "--collection", "NAME=ROLE") for each in chosen.collection]
        claims["access"] = [{"collection": name, "access": role} for name, role in pairs]
    if chosen.subject:
        claims["sub"] = chosen.subject
    if chosen.expires:
        claims["exp"] = int(time.time()) + _seconds(chosen.expires)
    if chosen.value_exists:
        form = "NAME:KEY=VALUE"
        name, match = _split(chosen.value_exists, ":", "--value-exists", form)
        key, value = _split(match, "=", "--value-exists", form)
        claims["value_exists"] = {"collection": name, "matches": [{"key": key, "value": value}]}
    return claims


def _split(text: str, separator: str, flag: str, form: str) -> tuple[str, str]:
    before, found, after = text.partition(separator)
    if not (before and found and after):
        raise BadInput(f"{flag} is {text!r}; it must be like {form}")
    return before, after


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d{1,9})([smhd])", text)
    if found is None:
        raise BadInput(f"--expires is {text!r}; it must be like 90s, 15m, 12h or 30d")
    return int(found[1]) * UNITS[found[2]]
