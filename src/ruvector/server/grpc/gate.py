"""May this call come in? Decided from its procedure and its metadata, before the message is read.

The keys, the callers and the rules are those of REST (`ruvector.security`), by the operation that a
procedure stands for; what only the message tells is judged by the engine. Safe on any thread.
"""

from collections.abc import Mapping
from typing import Any

from ruvector.errors import Unauthorized
from ruvector.model.operations import OPERATION_OF
from ruvector.model.permissions import Permission, Reach
from ruvector.security.callers import Caller
from ruvector.security.keyring import UNPROVEN
from ruvector.server.access import keyring_of
from ruvector.server.configuration import Service
from ruvector.server.rest import Engine


class Gate:
    """The check of the metadata of every call."""

    def __init__(self, service: Service, engine: Engine) -> None:
        self._keyring = keyring_of(service)
        self._engine = engine

    def admit(self, request: type | None, headers: Mapping[bytes, bytes]) -> Caller:
        """Return who calls; Unauthorized or Forbidden. `request` None: of a cluster's procedures.

        Whether the point exists that a token asks for is looked up here.
        """
        caller = self._keyring.identify(headers.get(b"api-key"), headers.get(b"authorization"))
        if caller.proof is not None and not self._engine.proves(caller.proof):
            raise Unauthorized(UNPROVEN)
        if caller.is_limited:
            permission, reach = _needs(request)
            caller.admit(permission, reach, None, self._engine.aliases)
        return caller


def _needs(request: Any) -> tuple[Permission, Reach]:
    if request is None:
        return Permission.MANAGE, Reach.SERVER
    operation = OPERATION_OF[request]
    return operation.permission, operation.reach
