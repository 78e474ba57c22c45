"""Who asks, in the tests of access, and what does the page allow them about the collection docs?"""

import time

from tests.security.published import published_needs, published_roles

from ruvector.model.permissions import ALL, EVERYTHING, Permission, Reach
from ruvector.security.tokens import sign
from ruvector.server.access import keyring_of
from ruvector.server.configuration import Service

KEY, ALT, READ_ONLY = "k" * 32, "a" * 32, "r" * 32
NEEDS, WORDS = published_needs(), published_roles()
READ = {EVERYTHING: frozenset({Permission.READ})}
SOON, LONG_AGO = time.time() + 3600, time.time() - 3600


def token(key=KEY, **claims):
    return sign(claims, key.encode())


def on(collection, *roles):
    return [{"collection": collection, "access": role} for role in roles]


# Who -> the credential, and by collection what it gives; None: it is refused with 401.
CALLERS = {
    "nobody": (None, None),
    "wrong key": ("x" * 32, None),
    "expired": (token(exp=LONG_AGO), None),
    "expired reader": (token(exp=LONG_AGO, access=on("docs", "r")), None),
    "not yet": (token(nbf=SOON), None),
    "other key": (token("z" * 32), None),
    "signed with the read-only key": (token(READ_ONLY), None),
    "unknown role": (token(access=on("docs", "w")), None),
    "api key": (KEY, {EVERYTHING: ALL}),
    "alternative key": (ALT, {EVERYTHING: ALL}),
    "read-only key": (READ_ONLY, READ),
    "token without access": (token(exp=SOON), {EVERYTHING: ALL}),
    "token of the alternative key": (token(ALT), {EVERYTHING: ALL}),
    "token without rights": (token(access=[]), {}),
    "other collection": (token(access=on("other", "rw")), {"other": WORDS["rw"]}),
    "two collections": (
        token(access=[*on("docs", "read"), *on("other", "admin")]),
        {"docs": WORDS["read"], "other": ALL},
    ),
    **{
        f"{role} on the server": (token(access=role), {EVERYTHING: WORDS[role]})
        for role in ("r", "m", "read", "write", "delete", "admin")
    },
    **{
        f"{role} on the collection": (token(access=on("docs", role)), {"docs": permissions})
        for role, permissions in WORDS.items()
        if role != "m"
    },
    "any collection": (token(access=on("*", "prw")), {EVERYTHING: WORDS["prw"]}),
    "write and delete": (
        token(access=on("docs", "write", "delete")),
        {"docs": WORDS["write"] | WORDS["delete"]},
    ),
    "collection through its alias": (token(access=on("real", "rw")), {"docs": WORDS["rw"]}),
}


SERVICE = Service(api_key=KEY, alt_api_key=ALT, read_only_api_key=READ_ONLY, jwt_rbac=True)
KEYS = keyring_of(SERVICE)
ALIASES = {"docs": "real"}


def allowed(needs, grants):
    """Say whether the page allows a request about the collection docs."""
    if needs is None:
        return True
    if grants is None:
        return False
    permission, reach = needs
    if permission in grants.get(EVERYTHING, ()):
        return True
    if reach is Reach.LISTING:
        return any(permission in granted for granted in grants.values())
    return reach is Reach.COLLECTION and permission in grants.get("docs", ())
