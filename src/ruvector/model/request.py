"""What do all requests have in common? A frozen Struct that names the type of its result."""

from typing import Any, ClassVar, Generic, TypeVar

import msgspec

R = TypeVar("R")
JsonObject = dict[str, Any]


class Request(msgspec.Struct, Generic[R], frozen=True, kw_only=True):
    """Base of every request; `result` is the type that executing it returns."""

    result: ClassVar[Any] = None
