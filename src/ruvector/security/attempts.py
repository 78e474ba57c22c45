"""How often may an address be wrong about its key? Failed credentials are counted by address.

An address that was wrong `limit` times within WINDOW_SECONDS is told to come back later (429),
whatever key it brings, until the window is over: a right one would otherwise be found by trying.
Credentials that were right before are let in all the same, so that who shares an address with a
guesser goes on working. The loopback address is counted and never refused: behind a proxy on this
machine everybody has it.

Bounded: MAX_ADDRESSES, the oldest forgotten first; of IPv6 a network of 64 bits counts as one.
Threads: any; a lock guards the counts.
"""

import ipaddress
import math
import threading
import time
from collections.abc import Callable

from ruvector.errors import RateLimited, Unauthorized
from ruvector.security.callers import Caller
from ruvector.security.keyring import WRONG_KEY, Keyring

LIMIT = 20  # a person who looks for the right key has found it; a program is to be stopped
WINDOW_SECONDS = 60.0
MAX_ADDRESSES = 10_000
_GUESSES = frozenset({WRONG_KEY})  # what is said of a guess, and not of one that has expired
MAX_KNOWN = 1024  # credentials that were right; then all are forgotten


class Attempts:
    """The wrong credentials of one server."""

    def __init__(
        self,
        limit: int = LIMIT,
        failed: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Count; `limit` 0 refuses nobody, `failed` is called for each wrong credential."""
        self._limit = limit
        self._failed = failed
        self._now = now
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[float, int]] = {}  # by address: when it began, how many
        self._known: set[bytes] = set()

    def identify(
        self,
        keys: Keyring,
        api_key: bytes | None,
        authorization: bytes | None,
        address: Callable[[], str] | None,
    ) -> Caller:
        """Return whose credential it is. Errors: Unauthorized; RateLimited for an address that was
        wrong too often. `address` None: nothing is counted, because it is asked again.
        """
        credential = authorization if api_key is None else api_key
        if credential in self._known:
            return keys.identify(api_key, authorization)
        try:
            caller = keys.identify(api_key, authorization)
        except Unauthorized as error:
            if credential is not None and address is not None and error.message in _GUESSES:
                self.note(address())
            raise
        if address is not None and credential is not None:
            if self._windows:
                self.check(address())
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known.add(credential)
        return caller

    def is_known(self, api_key: bytes | None, authorization: bytes | None) -> bool:
        """Return whether a credential was right before."""
        return (authorization if api_key is None else api_key) in self._known

    def note(self, address: str) -> None:
        """Count a wrong credential; RateLimited where it was one too many."""
        self._failed()
        place = _place(address)
        if not self._limit or not place:
            return
        self.check(address)
        now = self._now()
        with self._lock:
            began, count = self._windows.pop(place, (now, 0))
            if now - began >= WINDOW_SECONDS:
                began, count = now, 0
            self._windows[place] = (began, count + 1)
            if len(self._windows) > MAX_ADDRESSES:
                del self._windows[next(iter(self._windows))]

    def check(self, address: str) -> None:
        """Raise RateLimited for an address that was wrong too often."""
        with self._lock:
            began, count = self._windows.get(_place(address), (0.0, 0))
        left = began + WINDOW_SECONDS - self._now()
        if count and count >= self._limit and left > 0:
            error = RateLimited(
                f"{count} wrong keys came from this address within {WINDOW_SECONDS:g} s; "
                f"try again in {math.ceil(left)} s"
            )
            error.retry_after_seconds = left
            raise error


def _place(address: str) -> str:
    """Return what counts as one sender, "" for one that is never refused."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif not found.is_loopback:
            return str(ipaddress.ip_network((found, 64), strict=False))
    return "" if found.is_loopback else str(found)
