"""How does one definition serve four classes? By making methods from methods.

`bound` drops the name of the collection from a client's method; `as_async` makes a coroutine
function that runs the method in the client's threads; `as_async_bound` does both. Signatures and
documentation are those of the original, for `inspect`, for editors and for mypy alike (ParamSpec).
"""

import inspect
from collections.abc import Callable, Coroutine
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

if TYPE_CHECKING:
    from ruvector.client.async_client import AsyncRuvectorClient
    from ruvector.client.client import RuvectorClient
    from ruvector.client.collection import AsyncCollection, Collection

P = ParamSpec("P")
R = TypeVar("R")


def bound(
    method: "Callable[Concatenate[RuvectorClient, str, P], R]",
) -> "Callable[Concatenate[Collection, P], R]":
    """Return the method with the collection's name taken from `Collection.name`."""

    def call(self: "Collection", /, *args: P.args, **kwargs: P.kwargs) -> R:
        return method(self.client, self.name, *args, **kwargs)

    _describe(call, method)
    return call


def as_async(
    method: "Callable[Concatenate[RuvectorClient, P], R]",
) -> "Callable[Concatenate[AsyncRuvectorClient, P], Coroutine[Any, Any, R]]":
    """Return the method as a coroutine function that runs it in the client's threads."""

    async def call(self: "AsyncRuvectorClient", /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._run(method, self._client, *args, **kwargs)

    update_wrapper(call, method)
    return call


def as_async_bound(
    method: "Callable[Concatenate[RuvectorClient, str, P], R]",
) -> "Callable[Concatenate[AsyncCollection, P], Coroutine[Any, Any, R]]":
    """Return the method as a coroutine function with the collection's name bound."""

    async def call(self: "AsyncCollection", /, *args: P.args, **kwargs: P.kwargs) -> R:
        client = self.client
        return await client._run(method, client._client, self.name, *args, **kwargs)

    _describe(call, method)
    return call


def _describe(call: Any, method: Callable[..., Any]) -> None:
    """Give `call` the documentation of `method`, and its signature without the name."""
    update_wrapper(call, method)
    signature = inspect.signature(method)
    itself, _name, *others = signature.parameters.values()
    call.__signature__ = signature.replace(parameters=[itself, *others])
