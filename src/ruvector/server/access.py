"""May this request come in? Decided from method, matched route and headers, before the first body
byte.

With keys: every route that is not OPEN needs one, or a token, that allows what the route does to
the collection in its path. Without one the server belongs to this machine, and browsers are the way
in for others: a page may send requests to localhost through a name that it points here (Host), and
writes directly (Origin). Both are refused.
"""

import ipaddress
from collections.abc import Callable, Mapping

from ruvector.errors import Forbidden
from ruvector.security.attempts import Attempts
from ruvector.security.callers import ANYONE, Caller
from ruvector.security.keyring import Keyring
from ruvector.server.answers import Header
from ruvector.server.configuration import Service
from ruvector.server.router import Match

MAX_KNOWN_HOSTS = 256  # any address may be named in many ways
READING = frozenset({"GET", "HEAD", "OPTIONS"})
_LOCAL_NAMES = frozenset({"localhost", "ip6-localhost"})
_WILDCARDS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared with, not bound to


def is_loopback(host: str) -> bool:
    """Return whether a host name or address means this machine only."""
    name = host.strip("[]").rstrip(".").lower()
    if name in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Gate:
    """The checks, with the configuration's values prepared. For the loop's thread only."""

    def __init__(
        self,
        service: Service,
        aliases: Callable[[], Mapping[str, str]],
        attempts: Attempts | None = None,
    ) -> None:
        self._keys = keyring_of(service)
        self._attempts = attempts or Attempts()
        self._aliases = aliases
        self._hosts = frozenset(
            name.strip("[]").rstrip(".").lower() for name in (service.host, *service.allowed_hosts)
        )
        self._any_address = service.host in _WILDCARDS
        self._known: set[bytes] = set()  # Host headers that were let in
        self._origins = frozenset(service.cors_origins) if service.enable_cors else frozenset()

    def identify(
        self,
        method: str,
        match: Match,
        headers: Mapping[bytes, bytes],
        address: Callable[[], str] | None = None,
    ) -> Caller:
        """Return who asks. Raises Unauthorized, Forbidden where nobody may ask like this, or
        RateLimited where the address was wrong too often; None: it is not asked now.

        The point that a token may ask for (`proof`) is for the caller of this to look up.
        """
        if match.route is not None and match.route.needs is None:
            return ANYONE
        if self._keys:
            given = headers.get(b"api-key"), headers.get(b"authorization")
            return self._attempts.identify(self._keys, *given, address)
        self._check_host(headers)
        if method not in READING:
            self._check_origin(headers)
        return ANYONE

    def is_known(self, headers: Mapping[bytes, bytes]) -> bool:
        """Return whether the credential was right before, or none is asked for."""
        given = headers.get(b"api-key"), headers.get(b"authorization")
        return not self._keys or self._attempts.is_known(*given)

    def check(self, caller: Caller, match: Match) -> None:
        """Raise Forbidden unless the route is for them: for the collection in its path, or any."""
        needs = match.route.needs if match.route is not None else None
        if needs is not None and caller.is_limited:
            caller.admit(*needs, match.names.get("collection"), self._aliases())

    def _check_host(self, headers: Mapping[bytes, bytes]) -> None:
        header = headers.get(b"host", b"")
        if header in self._known:
            return
        host = host_of(header)
        if host in self._hosts or is_loopback(host) or (self._any_address and _is_address(host)):
            if len(self._known) < MAX_KNOWN_HOSTS:
                self._known.add(header)
            return
        raise Forbidden(
            f"the Host header is {host[:100]!r}, which is not a name of this server; "
            "add it to service.allowed_hosts, or set an API key"
        )

    def _check_origin(self, headers: Mapping[bytes, bytes]) -> None:
        origin = headers.get(b"origin")
        if origin is None or self.allows_origin(origin):
            return
        _, separator, authority = origin.partition(b"://")
        if separator and authority.lower() == headers.get(b"host", b"").lower():
            return
        raise Forbidden(
            f"writes from the web page {origin[:100].decode('latin-1')!r} are refused; "
            "set service.enable_cors and name it in service.cors_origins"
        )

    def allows_origin(self, origin: bytes) -> bool:
        """Return whether the configuration lets pages of this origin in."""
        return "*" in self._origins or origin.decode("latin-1") in self._origins

    def cross_origin_headers(self, headers: Mapping[bytes, bytes]) -> tuple[Header, ...]:
        """Return the headers that let a browser show the answer to a page that is let in."""
        origin = headers.get(b"origin")
        if not self._origins or origin is None or not self.allows_origin(origin):
            return ()
        return ((b"access-control-allow-origin", origin), (b"vary", b"origin"))

    def preflight_headers(
        self, headers: Mapping[bytes, bytes], methods: tuple[str, ...]
    ) -> tuple[Header, ...]:
        """Return the answer to a browser's question whether it may send a request."""
        allowed = self.cross_origin_headers(headers)
        if not allowed:
            return ()
        asked = headers.get(
            b"access-control-request-headers", b"api-key, authorization, content-type"
        )
        return (
            *allowed,
            (b"access-control-allow-methods", ", ".join(methods).encode()),
            (b"access-control-allow-headers", asked[:1000]),
            (b"access-control-max-age", b"600"),
        )

    @property
    def cross_origin(self) -> bool:
        """Return whether any other origin is let in."""
        return bool(self._origins)


def keyring_of(service: Service) -> Keyring:
    """Return the keys of a configuration."""
    return Keyring(
        api_key=service.api_key,
        alt_api_key=service.alt_api_key,
        read_only_api_key=service.read_only_api_key,
        takes_tokens=service.jwt_rbac,
        require_exp=service.jwt_require_exp,
        require_access=service.jwt_require_access,
    )


def host_of(header: bytes) -> str:
    """Return the host without its port, in lower case: of `[::1]:6333` it is `::1`."""
    text = header.decode("latin-1").strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].rstrip(".")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
