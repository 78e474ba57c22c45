"""Whose key or token is this? Credentials become callers.

What is given is compared with every key there is, in constant time. Tokens that were found genuine
are remembered (a dict finds them by a hash with a secret of the process, so that its time tells
nothing either); when they expire is asked at every request. Safe on any thread: the memory is only
put into and cleared.
"""

import hmac
import math
import time

from ruvector.errors import BadInput, InvalidRequest, Unauthorized
from ruvector.model.permissions import EVERYTHING
from ruvector.security.callers import ANYONE, Caller, limited, unlimited
from ruvector.security.claims import ROLES, caller_of
from ruvector.security.tokens import claims_of

NO_KEY = "Must provide an API key or an Authorization bearer token"
WRONG_KEY = "Invalid API key or JWT"
UNPROVEN = f"{WRONG_KEY}: the point that the token asks for does not exist"
MAX_REMEMBERED = 1024  # tokens; then all are forgotten, and verified again in 30 us each
_BEARER = b"bearer "


class Keyring:
    """The keys of a configuration. Without any, everybody may do everything."""

    def __init__(
        self,
        *,
        api_key: str | None = None,
        alt_api_key: str | None = None,
        read_only_api_key: str | None = None,
        takes_tokens: bool = False,
        require_exp: bool = False,
        require_access: bool = False,
    ) -> None:
        signing = [key.encode() for key in (api_key, alt_api_key) if key]
        read = [(EVERYTHING, ROLES["read"])]
        named = (
            (api_key, unlimited("", "api_key")),
            (alt_api_key, unlimited("", "alt_api_key")),
            (read_only_api_key, limited("", "read_only_api_key", read, math.inf, None)),
        )
        self._keys = [(key.encode(), caller) for key, caller in named if key]
        self._signing = signing if takes_tokens else []
        self._require_exp = require_exp
        self._require_access = require_access
        self._remembered: dict[bytes, Caller] = {}

    def __bool__(self) -> bool:
        return bool(self._keys)

    def identify(self, api_key: bytes | None, authorization: bytes | None) -> Caller:
        """Return whose credential it is: that of `api-key`, or else that of `authorization`."""
        if not self._keys:
            return ANYONE
        given = _bearer(authorization) if api_key is None else api_key
        if given is None:
            raise Unauthorized(NO_KEY)
        found = None
        for key, caller in self._keys:  # all of them: how long it takes tells nothing
            if hmac.compare_digest(given, key):  # takes as long as the second is
                found = caller
        return found or self._token(given)

    def _token(self, token: bytes) -> Caller:
        caller = self._remembered.get(token)
        if caller is None:
            caller = self._verified(token)
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[token] = caller
        if caller.expires <= time.time():
            raise Unauthorized(f"{WRONG_KEY}: the token has expired")
        return caller

    def _verified(self, token: bytes) -> Caller:
        claims = claims_of(token, self._signing) if self._signing else None
        if claims is None:
            raise Unauthorized(WRONG_KEY)
        try:
            return caller_of(
                claims, require_exp=self._require_exp, require_access=self._require_access
            )
        except (BadInput, InvalidRequest) as error:
            raise Unauthorized(f"{WRONG_KEY}: {error.message}") from error


def _bearer(authorization: bytes | None) -> bytes | None:
    if authorization is None or authorization[: len(_BEARER)].lower() != _BEARER:
        return None
    return authorization[len(_BEARER) :].strip()
