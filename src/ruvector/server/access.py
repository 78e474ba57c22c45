"""May this request come in? Decided from method, matched route and headers, before the first body
byte.

With a key: every route that is not OPEN needs it. Without one the server belongs to this machine,
and browsers are the way in for others: a page may send writes to localhost, directly (Origin) or
through a name that it points here (Host). Both are refused for every writing method.
"""

import hmac
import ipaddress
from collections.abc import Mapping

from ruvector.errors import Forbidden, Unauthorized
from ruvector.server.answers import Header
from ruvector.server.configuration import Service
from ruvector.server.router import Access

MAX_KNOWN_HOSTS = 256  # any address may be named in many ways
READING = frozenset({"GET", "HEAD", "OPTIONS"})
NO_KEY = "Must provide an API key or an Authorization bearer token"
WRONG_KEY = "Invalid API key or JWT"
_LOCAL_NAMES = frozenset({"localhost", "ip6-localhost"})
_WILDCARDS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared with, not bound to
_BEARER = b"bearer "


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

    def __init__(self, service: Service) -> None:
        self._key = service.api_key.encode() if service.api_key else None
        self._hosts = frozenset(
            name.strip("[]").rstrip(".").lower() for name in (service.host, *service.allowed_hosts)
        )
        self._any_address = service.host in _WILDCARDS
        self._known: set[bytes] = set()  # Host headers that were let in
        self._origins = frozenset(service.cors_origins) if service.enable_cors else frozenset()

    def check(self, method: str, access: Access | None, headers: Mapping[bytes, bytes]) -> None:
        """Raise Unauthorized or Forbidden unless it may come in. `access` None: no route."""
        if self._key is not None:
            if access is not Access.OPEN:
                _check_key(self._key, headers)
        elif method not in READING:
            self._check_host(headers)
            self._check_origin(headers)

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


def _check_key(key: bytes, headers: Mapping[bytes, bytes]) -> None:
    given = headers.get(b"api-key")
    if given is None:
        bearer = headers.get(b"authorization", b"")
        if bearer[: len(_BEARER)].lower() == _BEARER:
            given = bearer[len(_BEARER) :].strip()
    if given is None:
        raise Unauthorized(NO_KEY)
    if not hmac.compare_digest(given, key):
        raise Unauthorized(WRONG_KEY)


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
