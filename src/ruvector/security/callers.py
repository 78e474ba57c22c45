"""Who asks, and what may they do?

A grant is a set of permissions for the name it was given to: a collection, an alias, or `*` for
every collection and the server. What was granted on a collection holds through its aliases, too.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ruvector.errors import Forbidden
from ruvector.model.permissions import ALL, EVERYTHING, Permission, Reach

Grants = Mapping[str, frozenset[Permission]]
NO_PERMISSIONS: frozenset[Permission] = frozenset()


class Proof(msgspec.Struct, frozen=True):
    """A point that must exist for the caller to be let in: its collection, its payload's fields."""

    collection: str
    matches: tuple[tuple[str, str | int | bool], ...]

    @property
    def filter(self) -> dict[str, Any]:
        """Return the filter that finds it."""
        return {"must": [{"key": key, "match": {"value": value}} for key, value in self.matches]}


class Caller(msgspec.Struct, frozen=True):
    """One identity. `subject` and `credential` are for logs: who, and by which means.

    `expires`: in seconds of the epoch, compared at every request.
    """

    subject: str
    credential: str
    grants: Grants
    expires: float = math.inf
    proof: Proof | None = None
    is_limited: bool = True

    @property
    def role(self) -> str:
        """Return what may be done, for logs: `manage`, `read` and so on, or `collections`."""
        permissions = self.grants.get(EVERYTHING)
        if permissions is None:
            return "collections"
        if permissions == ALL:
            return Permission.MANAGE.value
        return "+".join(each.value for each in Permission if each in permissions)

    def may(self, permission: Permission, name: str, aliases: Mapping[str, str]) -> bool:
        """Say whether something may be done to a collection, named by itself or by an alias."""
        if not self.is_limited:
            return True
        grants = self.grants
        return (
            permission in grants.get(EVERYTHING, NO_PERMISSIONS)
            or permission in grants.get(name, NO_PERMISSIONS)
            or permission in grants.get(aliases.get(name, name), NO_PERMISSIONS)
        )

    def check(self, permission: Permission, name: str, aliases: Mapping[str, str]) -> None:
        """Raise Forbidden unless it may be done. Whether the collection exists does not matter."""
        if not self.may(permission, name, aliases):
            raise Forbidden(
                f"this needs {permission.value} access to collection {name[:255]!r}; "
                "the key or token that came with it does not give that"
            )

    def admit(
        self, permission: Permission, reach: Reach, name: str | None, aliases: Mapping[str, str]
    ) -> None:
        """Raise Forbidden where it is certain, before a body is read, that this may not be done.

        `name`: the collection, where it is known; without one the permission must be held on some
        collection, and the request is judged once it is read.
        """
        if not self.is_limited:
            return
        if reach is Reach.SERVER:
            if permission not in self.grants.get(EVERYTHING, NO_PERMISSIONS):
                raise Forbidden(
                    f"this needs {permission.value} access to the whole server; "
                    "the key or token that came with it does not give that"
                )
        elif name is not None:
            self.check(permission, name, aliases)
        elif not any(permission in granted for granted in self.grants.values()):
            raise Forbidden(
                f"this needs {permission.value} access; "
                "the key or token that came with it does not give that"
            )


def unlimited(subject: str, credential: str) -> Caller:
    """Return a caller that may do everything."""
    return Caller(subject, credential, {EVERYTHING: ALL}, is_limited=False)


def limited(
    subject: str,
    credential: str,
    grants: Iterable[tuple[str, frozenset[Permission]]],
    expires: float,
    proof: Proof | None,
) -> Caller:
    """Return the caller that these grants make, several on one name added up."""
    sums: dict[str, frozenset[Permission]] = {}
    for name, permissions in grants:
        sums[name] = sums.get(name, NO_PERMISSIONS) | permissions
    may_all = sums.get(EVERYTHING) == ALL
    return Caller(subject, credential, sums, expires, proof, is_limited=not may_all)


ANYONE = unlimited("", "none")  # the program itself, and everybody where there are no keys
