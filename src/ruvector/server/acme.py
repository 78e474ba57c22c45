"""Who gives this server its certificate? An authority that speaks ACME (RFC 8555), by HTTP-01.

`tls.cert` and `tls.key` are written here, and taken by `server.tls` as any changed files are. At
the start a missing or ending certificate is asked for before anything is served; afterwards one
thread looks every LOOK_SECONDS whether a third of its time or less is left. A renewal that fails is
logged, and tried again then; what is served goes on. The authority asks back on `acme.http_port`,
where a small server answers nothing but its challenges, and only while it is asked for.
"""

import datetime
import http.server
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from acme import challenges, client, crypto_util, errors, messages
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from josepy.jwk import JWKRSA

from ruvector.errors import RuvectorError
from ruvector.server.configuration import Acme, Settings, Tls
from ruvector.server.identity import NAME, VERSION
from ruvector.storage import files

LOOK_SECONDS = 3600  # certificates live for days at least
ANSWER_SECONDS = 120  # for all of one order; authorities answer in seconds
SOCKET_SECONDS = 10  # a challenge's request is one packet
PRIVATE = 0o600  # only their owner reads keys
ACCOUNT = "acme-account.pem"
_PATH = "/.well-known/acme-challenge/"
_log = logging.getLogger("ruvector.server")


class AcmeFailed(RuvectorError):
    """The authority gave no certificate."""


class Renewal:
    """Keeps the certificate of one server fresh."""

    def __init__(self, settings: Settings) -> None:
        self._acme, self._tls = settings.acme, settings.tls
        self._host = settings.service.host

    def begin(self) -> None:
        """Get a certificate where there is none that lasts, then go on looking."""
        self.look()
        threading.Thread(target=self._run, name="ruvector-acme", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                self.look()
            except RuvectorError as error:
                _log.error("%s; the old certificate stays", error.message)

    def look(self) -> None:
        """Get a certificate where it is time; AcmeFailed where the authority gives none."""
        if not is_due(self._tls, self._acme.domains):
            return
        try:
            certificate, key = order(self._acme, self._host, Path(self._tls.key).parent)
        except (errors.Error, requests.RequestException, OSError, ValueError) as error:
            raise AcmeFailed(
                f"no certificate from acme.directory {self._acme.directory}: {_reason(error)}; "
                f"it must reach port {self._acme.http_port} of {', '.join(self._acme.domains)}"
            ) from error
        files.write_file(Path(self._tls.key), [key], PRIVATE)
        files.write_file(Path(self._tls.cert), [certificate])
        _log.info("got a certificate for %s", ", ".join(self._acme.domains))


def is_due(tls: Tls, domains: tuple[str, ...]) -> bool:
    """Say whether a certificate is missing, is for other names, or has a third of its time left."""
    try:
        certificate = x509.load_pem_x509_certificate(Path(tls.cert).read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (OSError, ValueError, x509.ExtensionNotFound):
        return True
    if not set(domains) <= set(names.value.get_values_for_type(x509.DNSName)):
        return True
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return datetime.datetime.now(datetime.UTC) >= end - (end - begin) / 3


def order(acme: Acme, host: str, folder: Path) -> tuple[bytes, bytes]:
    """Return a certificate with its chain, and its key: both PEM."""
    account = JWKRSA(key=_account_key(folder / ACCOUNT))
    network: Any = client.ClientNetwork(account, user_agent=f"{NAME}/{VERSION}")
    network.verify_ssl = acme.ca_cert or True
    authority = client.ClientV2(client.ClientV2.get_directory(acme.directory, network), network)
    _register(authority, network, acme)
    key = _pem(ec.generate_private_key(ec.SECP256R1()))
    asked = authority.new_order(crypto_util.make_csr(key, list(acme.domains)))
    with answering(host, acme.http_port) as answers:
        for challenge in _challenges(asked):
            response, validation = challenge.response_and_validation(account)
            answers[challenge.chall.path] = validation.encode()
            authority.answer_challenge(challenge, response)
        deadline = datetime.datetime.now() + datetime.timedelta(seconds=ANSWER_SECONDS)
        granted = authority.poll_and_finalize(asked, deadline)
    return granted.fullchain_pem.encode(), key


def _challenges(asked: Any) -> Iterator[Any]:
    for authorization in asked.authorizations:
        if authorization.body.status == messages.STATUS_VALID:
            continue  # proven a short while ago
        offered = [
            each
            for each in authorization.body.challenges
            if isinstance(each.chall, challenges.HTTP01)
        ]
        if not offered:
            raise ValueError(f"{authorization.body.identifier.value} cannot be proven by HTTP-01")
        yield offered[0]


def _register(authority: Any, network: Any, acme: Acme) -> None:
    wanted = messages.NewRegistration.from_data(email=acme.email, terms_of_service_agreed=True)
    try:
        authority.new_account(wanted)
    except errors.ConflictError as error:  # there is one of this key
        known = messages.RegistrationResource(body=messages.Registration(), uri=error.location)
        network.account = known


def _account_key(path: Path) -> Any:
    """Return the key of the account with the authority, made at first."""
    if path.exists():
        return serialization.load_pem_private_key(path.read_bytes(), None)
    key = rsa.generate_private_key(65537, 2048)
    files.make_folder(path.parent)
    files.write_file(path, [_pem(key)], PRIVATE)
    return key


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@contextmanager
def answering(host: str, port: int) -> Iterator[dict[str, bytes]]:
    """Answer challenges, by their paths, for as long as the context lasts."""
    answers: dict[str, bytes] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = SOCKET_SECONDS

        def do_GET(self) -> None:
            text = answers.get(self.path) if self.path.startswith(_PATH) else None
            self.send_response(404 if text is None else 200)
            self.send_header("content-type", "application/octet-stream")
            self.send_header("content-length", str(len(text or b"")))
            self.end_headers()
            self.wfile.write(text or b"")

        def log_message(self, *_: Any) -> None:
            """Say nothing: what was asked is somebody else's text."""

    try:
        server = http.server.ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise OSError(f"port {port} on {host} cannot be listened on: {error.strerror}") from error
    thread = threading.Thread(target=server.serve_forever, name="ruvector-acme-http", daemon=True)
    thread.start()
    try:
        yield answers
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _reason(error: Exception) -> str:
    if isinstance(error, errors.ValidationError):
        found = [
            str(each.error.detail)
            for authorization in error.failed_authzrs
            for each in authorization.body.challenges
            if each.error is not None
        ]
        return "; ".join(found) or "it could not prove the names"
    if isinstance(error, errors.TimeoutError):
        return f"it took longer than {ANSWER_SECONDS} s"
    return " ".join(str(error).split())[:500] or type(error).__name__
