"""May this call come in? Decided from its procedure and its metadata, before the message is read.

The keys, the callers and the rules are those of REST (`ruvector.security`), by the operation that a
procedure stands for; what only the message tells is judged by the engine. Safe on any thread.
"""

from collections.abc import Callable, Mapping

from ruvector.errors import Unauthorized
from ruvector.model.operations import NEEDS_OF
from ruvector.model.permissions import Permission, Reach
from ruvector.security.attempts import Attempts
from ruvector.security.callers import Caller
from ruvector.security.keyring import UNPROVEN
from ruvector.server.access import keyring_of
from ruvector.server.configuration import Service
from ruvector.server.rest import Engine


class Gate:
    """The check of the metadata of every call."""

    def __init__(self, service: Service, engine: Engine, attempts: Attempts) -> None:
        self._keyring = keyring_of(service)
        self._attempts = attempts
        self._engine = engine

    def identify(
        self, headers: Mapping[bytes, bytes], address: Callable[[], str] | None = None
    ) -> Caller:
        """Return who calls, or raise Unauthorized, or RateLimited where the address was wrong too
        often; None: it is not known yet. Takes microseconds.
        """
        given = headers.get(b"api-key"), headers.get(b"authorization")
        if not self._keyring:
            return self._keyring.identify(*given)
        return self._attempts.identify(self._keyring, *given, address)

    def prove(self, caller: Caller) -> None:
        """Raise Unauthorized unless the point exists that the caller's token asks for."""
        if caller.proof is not None and not self._engine.proves(caller.proof):
            raise Unauthorized(UNPROVEN)

    def check(self, request: type | None, caller: Caller, collection: str | None) -> None:
        """Raise Forbidden unless this may be done to the collection; None where it is unknown.

        `request` None: of a cluster's procedures. Takes microseconds.
        """
        if caller.is_limited:
            needs = _CLUSTER if request is None else NEEDS_OF[request]
            caller.admit(*needs, collection, self._engine.aliases)


_CLUSTER = (Permission.MANAGE, Reach.COLLECTION)  # what such procedures change
