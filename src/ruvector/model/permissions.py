"""What can a caller be allowed to do, and to what? The words; `model.operations` says which
operation needs which.
"""

from enum import Enum


class Permission(Enum):
    """What a caller must be allowed. MANAGE: that collections exist, and how they are set up."""

    READ = "read"
    WRITE = "write"  # put points, vectors and payloads
    DELETE = "delete"  # take points, vectors and payloads away
    MAINTAIN = "maintain"  # indexes of fields, names of vectors, snapshots of a collection
    MANAGE = "manage"

    __hash__ = (
        object.__hash__
    )  # a member is itself: Enum's is 0.3 us, asked several times a request


class Reach(Enum):
    """To what the permission must extend."""

    COLLECTION = "the collection that is named"
    LISTING = "any collection; only what may be read is shown"
    SERVER = "the whole server"


EVERYTHING = "*"  # stands for every collection and the server; no collection can be called so
ALL = frozenset(Permission)
