"""How is a snapshot fetched from an http or https URL, when nothing about its server is trusted?

Limits, see `Limits`: seconds to connect, without a byte and in all, the pace of an upload (408);
as large as fits beside what is there (507); REDIRECTS, each of them checked, and none from https to
http (400). An API key goes to the host that the request names and to no other. Messages and logs
name the host alone: the rest of a URL may be a secret.

Invariant: a download that fails leaves no file. Threads: any; a clock of its own ends each one,
whatever its server sends.
"""

import contextlib
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from ruvector.errors import BadInput, RuvectorError, TimedOut, Unavailable
from ruvector.snapshots.folder import PIECE_BYTES, SnapshotFolder, Upload
from ruvector.snapshots.locations import MAX_LOCATION, REMOTE

REDIRECTS = 3
REDIRECT_STATUS = frozenset({301, 302, 303, 307, 308})
MAX_API_KEY = 4096  # characters


class Limits(NamedTuple):
    """What a server may take. `bytes_per_second`: the pace, after `patience_seconds`."""

    seconds: float = 3600.0
    connect_seconds: float = 10.0
    read_seconds: float = 20.0
    patience_seconds: float = 20.0
    bytes_per_second: int = 64 * 1024


class Remote(NamedTuple):
    """A URL that was checked, and the key to send to its host."""

    url: SplitResult
    api_key: str | None

    @property
    def host(self) -> str:
        """Return what messages call it."""
        return str(self.url.hostname)

    @property
    def origin(self) -> tuple[str, str | None, int | None]:
        """Return whom the key is for."""
        port = self.url.port or (443 if self.url.scheme == "https" else 80)
        return self.url.scheme, self.url.hostname, port


def remote_of(location: str, api_key: Any = None) -> Remote:
    """Return what to fetch; BadInput where a location or a key cannot be sent as it is."""
    if api_key is not None and not (
        isinstance(api_key, str) and 0 < len(api_key) <= MAX_API_KEY and _is_visible(api_key)
    ):
        raise BadInput(f"api_key must be 1 to {MAX_API_KEY} visible ASCII characters")
    if len(location) > MAX_LOCATION or not _is_visible(location):
        raise BadInput(
            f"a URL must be visible ASCII characters, at most {MAX_LOCATION}; percent-encode others"
        )
    try:
        url = urlsplit(location)
        port = url.port
    except ValueError as error:
        raise BadInput("location is not a URL that can be read") from error
    if url.scheme not in REMOTE or not url.hostname or port == 0:
        raise BadInput("location must be an http or https URL that names a host")
    if "@" in url.netloc:
        raise BadInput("location holds a user or a password; send api_key instead")
    return Remote(url, api_key)


class Downloads:
    """The downloads of one database into its folder of snapshots."""

    def __init__(self, folder: SnapshotFolder, limits: Limits | None = None) -> None:
        self._folder = folder
        self._limits = limits or Limits()
        self._lock = threading.Lock()  # guards what follows
        self._running: set[_Download] = set()
        self._closed = False

    def close(self) -> None:
        """Break off what is being fetched, and fetch nothing more."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for each in running:
            each.break_off()

    def fetch(self, remote: Remote) -> Path:
        """Return a temporary file with the content of a URL. Errors: see above, and Unavailable."""
        download = _Download(remote, self._folder, self._limits)
        with self._lock:
            if self._closed:
                raise Unavailable("the database is being closed")
            self._running.add(download)
        try:
            return download.run()
        finally:
            with self._lock:
                self._running.discard(download)


class _Download:
    """One download. `break_off` may be called on any thread."""

    def __init__(self, remote: Remote, folder: SnapshotFolder, limits: Limits) -> None:
        self._first = self._remote = remote
        self._folder = folder
        self._limits = limits
        self._started = time.monotonic()
        self._lock = threading.Lock()  # guards what follows
        self._socket: Any = None
        self._is_late = self._is_broken_off = False

    def run(self) -> Path:
        """Return the file."""
        upload = self._folder.begin_upload(0)
        clock = threading.Timer(self._limits.seconds, self._end_late)
        clock.daemon = True
        clock.start()
        try:
            self._receive(upload)
            self._check_time()
            upload.close()
        except BaseException as error:  # noqa: BLE001 - it is raised again, told differently
            upload.remove()
            self._check_time()
            raise self._told(error) from None  # the first may hold the URL
        finally:
            clock.cancel()
        return upload.path

    def break_off(self) -> None:
        """End it soon, with Unavailable."""
        with self._lock:
            self._is_broken_off = True
            _shut(self._socket)

    def _end_late(self) -> None:
        with self._lock:
            self._is_late = True
            _shut(self._socket)

    def _check_time(self) -> None:
        if self._is_broken_off:
            raise Unavailable("the database is being closed")
        if self._is_late:
            seconds = self._limits.seconds
            raise TimedOut(f"{self._remote.host} did not send the snapshot within {seconds:g} s")

    def _told(self, error: BaseException) -> BaseException:
        """Return what the caller hears of an error."""
        from http.client import HTTPException

        from urllib3.exceptions import HTTPError, NewConnectionError
        from urllib3.exceptions import TimeoutError as ReadTimeout

        host = self._remote.host
        if isinstance(error, RuvectorError):
            return error
        # That no connection was made is told as a kind of timeout, whatever the reason.
        is_late = isinstance(error, TimeoutError | ReadTimeout)
        if is_late and not isinstance(error, NewConnectionError):
            return TimedOut(f"{host} does not answer, or stopped sending")
        if isinstance(error, HTTPError | HTTPException | OSError | ValueError):
            return Unavailable(
                f"the snapshot cannot be fetched from {host} ({type(error).__name__})"
            )
        return error

    def _receive(self, upload: Upload) -> None:
        for _ in range(REDIRECTS + 1):
            connection, answer = self._asked()
            try:
                if answer.status not in REDIRECT_STATUS:
                    self._copy(answer, upload)
                    return
                self._remote = self._redirected(answer.headers.get("location", ""))
            finally:
                answer.close()
                connection.close()
        raise BadInput(f"{self._first.host} redirects more than {REDIRECTS} times")

    def _asked(self) -> tuple[Any, Any]:
        """Return a connection and the head of its answer."""
        import ssl

        from urllib3.connection import HTTPConnection, HTTPSConnection

        url, limits = self._remote.url, self._limits
        scheme, host, port = self._remote.origin
        connection: Any
        if scheme == "https":
            context = ssl.create_default_context()
            connection = HTTPSConnection(
                str(host), port, ssl_context=context, timeout=limits.connect_seconds
            )
        else:
            connection = HTTPConnection(str(host), port, timeout=limits.connect_seconds)
        try:
            connection.connect()
            connection.timeout = limits.read_seconds
            with self._lock:
                self._socket = connection.sock
                self._socket.settimeout(limits.read_seconds)
            self._check_time()
            headers = {"accept-encoding": "identity", "connection": "close"}
            if self._remote.api_key is not None:
                headers["api-key"] = self._remote.api_key
            target = (url.path or "/") + (f"?{url.query}" if url.query else "")
            connection.request(
                "GET", target, headers=headers, preload_content=False, decode_content=False
            )
            return connection, connection.getresponse()
        except BaseException:
            connection.close()
            raise

    def _redirected(self, location: str) -> Remote:
        target = remote_of(urljoin(self._remote.url.geturl(), location))
        if self._remote.url.scheme == "https" and target.url.scheme == "http":
            raise BadInput(f"{self._remote.host} redirects from https to http; use the final URL")
        is_same = target.origin == self._first.origin
        return target._replace(api_key=self._first.api_key if is_same else None)

    def _copy(self, answer: Any, upload: Upload) -> None:
        host = self._remote.host
        if answer.status != 200:
            error = Unavailable if answer.status >= 500 else BadInput
            raise error(f"{host} answered with status {answer.status} instead of the snapshot")
        length = answer.headers.get("content-length", "")
        size = int(length) if length.isdigit() and len(length) <= 18 else None
        self._folder.need_room(size or 0)
        limits, received = self._limits, 0
        while piece := answer.read1(PIECE_BYTES):
            self._check_time()
            received += len(piece)
            self._folder.need_room(len(piece))
            upload.write(piece)
            allowed = limits.patience_seconds + received / limits.bytes_per_second
            if time.monotonic() - self._started > allowed:
                raise TimedOut(f"{host} sent the snapshot too slowly: {received} bytes")
        if size is not None and received != size and "transfer-encoding" not in answer.headers:
            raise Unavailable(f"{host} sent {received} bytes of {size}; try again")


def _shut(connected: Any) -> None:
    """End what waits for a socket."""
    import socket

    if connected is not None:
        with contextlib.suppress(OSError):  # it has ended
            # Below TLS, which would wait for what the other side says.
            socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _is_visible(text: str) -> bool:
    return all("!" <= character <= "~" for character in text)
