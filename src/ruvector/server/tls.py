"""How are connections encrypted? TLS 1.2 and up, with certificates that are read again when their
files change.

The files are looked at when a connection begins, at most once every `cert_ttl` seconds, and taken
as a whole: what does not fit together (a rotation in between two files) or cannot be read changes
nothing, is logged once, and is tried again. Connections keep what they began with. Safe on any
thread.
"""

import logging
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from ruvector.errors import BadInput
from ruvector.server.configuration import Settings, Tls

HTTP_1, HTTP_2 = "http/1.1", "h2"  # what a listener speaks, as ALPN names it
MAX_FILE_BYTES = 2**20  # certificates are some KiB, bundles of authorities some hundred
_log = logging.getLogger("ruvector.server")


class Material(msgspec.Struct, frozen=True):
    """One state of the files: what OpenSSL made of them, for each protocol that is spoken."""

    certificate: bytes
    contexts: dict[str, ssl.SSLContext]


class Certificates:
    """The files that the settings name. `verifies`: clients must show a certificate, too."""

    def __init__(self, tls: Tls, verifies: bool) -> None:
        self.verifies = verifies
        self._paths = {"cert": Path(tls.cert), "key": Path(tls.key)}
        if verifies:
            self._paths["ca_cert"] = Path(tls.ca_cert)
        self._ttl = tls.cert_ttl
        self._lock = threading.Lock()
        self._tried = self._signature()
        self._material = self._read()
        self._looked = time.monotonic()

    def current(self) -> Material:
        """Return what new connections shall use."""
        with self._lock:
            if time.monotonic() - self._looked >= self._ttl:
                self._looked = time.monotonic()
                self._look()
            return self._material

    def _look(self) -> None:
        try:
            signature = self._signature()
            if signature == self._tried:
                return
            self._tried = signature
            self._material = self._read()
            _log.info("took the changed certificates of tls.%s", ", tls.".join(self._paths))
        except BadInput as error:
            _log.error("kept the old certificates: %s", error.message)

    def _read(self) -> Material:
        """Return the files' state; BadInput says which of them is of no use."""
        for _ in range(3):
            before = self._signature()
            files = {name: self._bytes(name) for name in self._paths}
            contexts = {spoken: self._context(spoken) for spoken in (HTTP_1, HTTP_2)}
            if self._signature() == before:
                return Material(files["cert"], contexts)
        raise BadInput("the files of tls.cert and tls.key change while they are read")

    def _context(self, spoken: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
        context.num_tickets = 0  # a resumed session would not be verified again
        context.set_alpn_protocols([spoken])
        try:
            context.load_cert_chain(self._paths["cert"], self._paths["key"], _no_password)
        except (ssl.SSLError, OSError, ValueError) as error:
            raise BadInput(
                f"tls.cert {self._paths['cert']} and tls.key {self._paths['key']} cannot be used: "
                f"{_reason(error)}; both must be PEM, belong together and have no password"
            ) from error
        if self.verifies:
            path = self._paths["ca_cert"]
            try:
                context.load_verify_locations(path)
            except (ssl.SSLError, OSError) as error:
                raise BadInput(
                    f"tls.ca_cert {path} cannot be used: {_reason(error)}; it must hold the "
                    "certificates, in PEM, of those who sign clients' certificates"
                ) from error
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _bytes(self, name: str) -> bytes:
        path = self._paths[name]
        try:
            if path.stat().st_size > MAX_FILE_BYTES:
                raise BadInput(f"tls.{name} {path} is larger than {MAX_FILE_BYTES} bytes")
            return path.read_bytes()
        except OSError as error:
            raise BadInput(f"tls.{name} {path} cannot be read: {error.strerror}") from error

    def _signature(self) -> tuple[Any, ...]:
        """Return what changes when a file does; links are followed, so that theirs count."""
        found: list[Any] = []
        for name, path in self._paths.items():
            try:
                state = path.stat()
            except OSError as error:
                raise BadInput(f"tls.{name} {path} cannot be read: {error.strerror}") from error
            found.append((state.st_ino, state.st_size, state.st_mtime_ns))
        return tuple(found)


def certificates_of(settings: Settings) -> Certificates | None:
    """Return the certificates of a configuration; None where it has no TLS."""
    service = settings.service
    if not service.enable_tls:
        return None
    return Certificates(settings.tls, service.verify_https_client_certificate)


def listening_context(certificates: Certificates, spoken: str) -> ssl.SSLContext:
    """Return the context of a listener: each connection is given the current one as it begins.

    `spoken`: HTTP_1 or HTTP_2.
    """
    listener = certificates.current().contexts[spoken]

    def choose(connection: Any, _: str | None, __: ssl.SSLContext) -> None:
        connection.context = certificates.current().contexts[spoken]

    listener.sni_callback = choose  # called for clients that send no name, too
    return listener


def _no_password() -> str:
    return ""  # and not a question on the terminal


def _reason(error: Exception) -> str:
    """Return what went wrong, without places in OpenSSL's source."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not a certificate").replace("_", " ").lower()
    return str(getattr(error, "strerror", None) or error)
