"""What do a token's claims say? Qdrant's, with roles of our own beside its modes of access.

{"sub": who, "exp": until when, "nbf": from when,
 "access": mode, or [{"collection": name, "access": mode or modes}, ...],
 "value_exists": {"collection": name, "matches": [{"key": .., "value": ..}, ...]}}

Without `access` a token may do everything, as it may with Qdrant. Nothing that limits a token is
passed over: what we do not know inside of `access` and `value_exists` makes it invalid.
"""

import math
import time
from typing import Any

from ruvector.errors import BadInput
from ruvector.model.names import check_name
from ruvector.model.permissions import ALL, EVERYTHING, Permission
from ruvector.security.callers import Caller, Proof, limited

_POINTS = frozenset({Permission.READ, Permission.WRITE, Permission.DELETE})
# A role is what people say; r, prw, rw and m are what Qdrant calls it.
ROLES: dict[str, frozenset[Permission]] = {
    "read": frozenset({Permission.READ}),
    "write": frozenset({Permission.READ, Permission.WRITE}),
    "delete": frozenset({Permission.READ, Permission.DELETE}),
    "admin": ALL,
    "r": frozenset({Permission.READ}),
    "prw": _POINTS,
    "rw": _POINTS | {Permission.MAINTAIN},
}
SERVER_ROLES = {
    **{name: ROLES[name] for name in ("read", "write", "delete", "admin", "r")},
    "m": ALL,
}
MAX_GRANTS = 1000
MAX_MATCHES = 64


def caller_of(claims: dict[str, Any], *, require_exp: bool, require_access: bool) -> Caller:
    """Return the caller that the claims of a genuine token describe; BadInput says what is wrong.

    Whether it has expired is for whoever keeps the caller to ask.
    """
    if require_exp and claims.get("exp") is None:
        raise BadInput("exp is missing, and service.jwt_require_exp asks for it")
    if require_access and "access" not in claims:
        raise BadInput("access is missing, and service.jwt_require_access asks for it")
    if claims.get("aud") is not None:
        raise BadInput("aud names another audience; leave it out")
    if _time(claims, "nbf", -math.inf) > time.time():
        raise BadInput("nbf is in the future")
    subject = claims.get("sub")
    if subject is not None and not isinstance(subject, str):
        raise BadInput("sub must be a string")
    return limited(
        subject or "",
        "token",
        _grants(claims.get("access", "m")),
        _time(claims, "exp", math.inf),
        _proof(claims.get("value_exists")),
    )


def _time(claims: dict[str, Any], name: str, otherwise: float) -> float:
    value = claims.get(name)
    if value is None:
        return otherwise
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadInput(f"{name} must be a number of seconds since 1970")
    return float(value)


def _grants(access: Any) -> list[tuple[str, frozenset[Permission]]]:
    if isinstance(access, str):
        return [(EVERYTHING, _role(access, SERVER_ROLES, "access"))]
    if not isinstance(access, list):
        raise BadInput(f"access must be one of {_names(SERVER_ROLES)}, or a list")
    if len(access) > MAX_GRANTS:
        raise BadInput(f"access has {len(access)} entries; the most allowed is {MAX_GRANTS}")
    return [_grant(entry, f"access[{place}]") for place, entry in enumerate(access)]


def _grant(entry: Any, place: str) -> tuple[str, frozenset[Permission]]:
    if not isinstance(entry, dict):
        raise BadInput(f'{place} must be {{"collection": name, "access": mode}}')
    unknown = sorted(entry.keys() - {"collection", "access"})
    if unknown:
        raise BadInput(f"{place}.{unknown[0]} is not supported; leave it out")
    name, roles = entry.get("collection"), entry.get("access")
    if name != EVERYTHING:
        check_name(name, f"{place}.collection")  # type: ignore[arg-type]
    roles = roles if isinstance(roles, list) and roles else [roles]
    permissions = [_role(role, ROLES, f"{place}.access") for role in roles]
    return str(name), frozenset().union(*permissions)


def _role(role: Any, known: dict[str, frozenset[Permission]], place: str) -> frozenset[Permission]:
    if not isinstance(role, str) or role not in known:
        raise BadInput(f"{place} is {str(role)[:40]!r}; use one of {_names(known)}")
    return known[role]


def _names(known: dict[str, frozenset[Permission]]) -> str:
    return ", ".join(known)


def _proof(source: Any) -> Proof | None:
    if source is None:
        return None
    if not isinstance(source, dict) or source.keys() != {"collection", "matches"}:
        raise BadInput("value_exists must have collection and matches")
    matches = source["matches"]
    if not isinstance(matches, list) or not 0 < len(matches) <= MAX_MATCHES:
        raise BadInput(f"value_exists.matches must be a list of 1 to {MAX_MATCHES} entries")
    for place, match in enumerate(matches):
        if not isinstance(match, dict) or match.keys() != {"key", "value"}:
            raise BadInput(f"value_exists.matches[{place}] must have key and value")
        if not isinstance(match["key"], str) or not isinstance(match["value"], str | int | bool):
            raise BadInput(
                f"value_exists.matches[{place}]: key must be a string, "
                "value a string, an integer or a boolean"
            )
    collection = check_name(source["collection"], "value_exists.collection")
    return Proof(collection, tuple((match["key"], match["value"]) for match in matches))
