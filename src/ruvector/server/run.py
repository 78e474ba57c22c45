"""How does the server start and stop?

Start: everything that can be refused is refused with one line and exit code 1, before a connection
is taken: settings, certificates, an open door without a key, a taken port, a locked or damaged
folder. Stop (SIGTERM, SIGINT): readiness turns 503 while requests are still answered for
`service.shutdown_delay_secs`, so that a balancer can turn to others; then new work is refused, work
in flight ends (within `service.shutdown_timeout_secs`; reads that take longer are stopped), the
engine is closed and the process ends with 0. A second signal ends the delay, a second SIGINT all
waiting.
"""

import asyncio
import errno
import gc
import logging
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

import msgspec
import uvicorn

from ruvector.errors import BadInput, RuvectorError
from ruvector.kernel import meters
from ruvector.server import identity
from ruvector.server.access import is_loopback
from ruvector.server.asgi import Application
from ruvector.server.configuration import (
    Settings,
    has_key,
    most_grpc_connections,
    read_file,
    settle,
    snapshot_settings,
)
from ruvector.server.connection import Connection
from ruvector.server.handshake import Handshakes
from ruvector.server.logs import start_logging
from ruvector.server.rest import Engine
from ruvector.server.storage_settings import collection_defaults
from ruvector.server.tls import HTTP_1, Certificates, certificates_of, listening_context

if TYPE_CHECKING:
    from ruvector.server.grpc.server import GrpcServer

KEEP_ALIVE_SECONDS = 75  # clients pool connections for 5 to 60 s; the server should not be first
BACKLOG = 1024
OTHER_FILES = 512  # descriptors that are no connections: tables, segments, logs
SWITCH_SECONDS = 0.0002  # Python's own is 5 ms; benchmarks/loop.py, benchmarks/overload.py
COLLECTION_THRESHOLDS = (50_000, 20, 50)  # Python's are 700, 10, 10; benchmarks/overload.py
ACCEPTORS = 16  # connections that one turn of the loop accepts: libuv takes one for each listener
POLL_SECONDS = 0.02  # how often a drain looks whether it is done

Open = Callable[[str], Engine]
_log = logging.getLogger("ruvector.server")


class Refused(Exception):
    """The server does not start; the text is the line that says what to do."""


class _Server(uvicorn.Server):
    """uvicorn's server with our order of shutting down, and exit code 0 after a signal."""

    def __init__(
        self,
        config: uvicorn.Config,
        application: Application,
        settings: Settings,
        engine: Engine,
        grpc: "GrpcServer | None",
    ) -> None:
        super().__init__(config)
        self._engine = engine
        self._application = application
        self._grpc = grpc
        self._delay = settings.service.shutdown_delay_secs
        self._patience = settings.service.shutdown_timeout_secs
        application.connections = self.server_state.connections

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Begin to stop; uvicorn would repeat the signal afterwards, which hides a clean end."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        if self._application.leaving or self._delay == 0:
            self._application.stopping = True
        self._application.leaving = True
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open both doors."""
        if self._grpc is not None:  # first: who hears that REST is ready may call at once
            application = self._application
            await self._grpc.start(
                self._engine, application.observer, application.pool, application.turns
            )
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let work in flight end while health is still answered, then close the doors."""
        deadline = time.monotonic() + self._delay
        while not self._application.stopping and time.monotonic() < deadline:
            await asyncio.sleep(POLL_SECONDS)
        self._application.stopping = True
        if self._grpc is not None:
            self._grpc.refuse()
        deadline = time.monotonic() + self._patience
        while self._in_flight() and time.monotonic() < deadline and not self.force_exit:
            await asyncio.sleep(POLL_SECONDS)
        left = self._in_flight()
        if left:
            _log.warning("stopped waiting for %d requests in flight", left)
            self._application.abandon_all()
        if self._grpc is not None:
            patience = 0 if self.force_exit else max(1.0, deadline - time.monotonic())
            await self._grpc.stop(patience)
        await super().shutdown(sockets)

    def _in_flight(self) -> int:
        over_grpc = 0 if self._grpc is None else self._grpc.in_flight
        return self._application.in_flight + over_grpc


def serve(
    flags: dict[str, Any],
    environment: Mapping[str, str],
    *,
    config_file: str | None = None,
    insecure: bool = False,
    open_engine: Open | None = None,
) -> int:
    """Serve until a signal; return the exit code. Every refusal is one line on stderr."""
    try:
        settings, warnings = settle(
            read_file(config_file) if config_file else {}, environment, flags
        )
        for warning in warnings:
            print(f"ruvector: warning: {_line(warning)}", file=sys.stderr)
        check_door(settings, insecure)
        _keep_certificate_fresh(settings)
        certificates = certificates_of(settings)
        with bind(settings.service.host, settings.service.http_port) as door:
            grpc = _grpc_door(settings, certificates)
            try:
                opened = open_engine or partial(_open_engine, settings)
                engine = _opened(settings.storage.storage_path, opened)
                return _run(settings, engine, door, grpc, certificates)
            finally:
                if grpc is not None:
                    grpc.close()
    except (Refused, RuvectorError) as error:
        text = error.message if isinstance(error, RuvectorError) else str(error)
        print(f"ruvector: {_line(text)}", file=sys.stderr)
        return 1


def check_door(settings: Settings, insecure: bool) -> None:
    """Refuse an address that others can reach without a key, unless it is asked for by name."""
    service = settings.service
    if not has_key(service) and not insecure and not is_loopback(service.host):
        raise BadInput(
            f"refusing to listen on {service.host} without an API key: "
            "set RUVECTOR__SERVICE__API_KEY, or listen on 127.0.0.1, "
            "or pass --insecure to let everyone in"
        )


def bind(host: str, port: int, flag: str = "--http-port") -> socket.socket:
    """Return a listening socket, or Refused with what to do."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise Refused(f"cannot listen on {host}: {error}") from error
    door = socket.socket(family, kind, protocol)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
        door.listen(BACKLOG)
    except OSError as error:
        door.close()
        if error.errno == errno.EADDRINUSE:
            raise Refused(
                f"port {port} on {host} is taken by another program; "
                f"stop it or choose another with {flag}"
            ) from error
        raise Refused(f"cannot listen on {host} port {port}: {error.strerror}") from error
    door.set_inheritable(False)
    return door


def listeners(door: socket.socket) -> list[socket.socket]:
    """Return the door and copies of it: a turn of the loop accepts one connection for each.

    With one alone, who connects while turns are long waits a second before anybody reads.
    """
    return [door, *(door.dup() for _ in range(ACCEPTORS - 1))]


def _open_engine(settings: Settings, path: str) -> Engine:
    from ruvector.engine import Engine as Database

    return Database.open(
        path,
        snapshots=snapshot_settings(settings),
        defaults=collection_defaults(settings.storage),
    )


def _opened(path: str, open_engine: Open) -> Engine:
    try:
        return open_engine(path)
    except RuvectorError as error:
        raise Refused(f"cannot open {path}: {error.message}") from error
    except OSError as error:
        raise Refused(f"cannot open {path}: {error.strerror or error}") from error


def _grpc_door(settings: Settings, certificates: Certificates | None) -> "GrpcServer | None":
    """Return the gRPC server with its port taken, None where the settings have no port."""
    if settings.service.grpc_port is None:
        return None
    try:
        from ruvector.server.grpc.server import GrpcServer
    except ModuleNotFoundError as error:
        raise Refused(
            f"gRPC needs {error.name}, which is not installed: pip install ruvector[server], "
            "or serve REST alone with --grpc-port none"
        ) from error
    door = bind(settings.service.host, settings.service.grpc_port, "--grpc-port")
    return GrpcServer(settings, certificates, listeners(door))


def _keep_certificate_fresh(settings: Settings) -> None:
    """Have a certificate in place, and renewed, where the settings name domains for one."""
    if not settings.acme.domains:
        return
    try:
        from ruvector.server.acme import Renewal
    except ModuleNotFoundError as error:
        raise Refused(
            f"acme.domains needs {error.name}, which is not installed: pip install ruvector[acme]"
        ) from error
    start_logging(settings.log_level)
    Renewal(settings).begin()


def _run(
    settings: Settings,
    engine: Engine,
    door: socket.socket,
    grpc: "GrpcServer | None",
    certificates: Certificates | None,
) -> int:
    start_logging(settings.log_level)
    meters.switch(settings.service.hardware_reporting)
    settings = _with_room_for(settings)
    application = Application(engine, settings)
    config = uvicorn.Config(
        application,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, settings.service.shutdown_timeout_secs),
    )
    config.load()
    if certificates is not None:
        context = listening_context(certificates, HTTP_1)
        handshakes = Handshakes(context, Connection)
        config.http_protocol_class = handshakes.protocol  # type: ignore[assignment]
    server = _Server(config, application, settings, engine, grpc)
    _prepare_interpreter()
    try:
        port = door.getsockname()[1]
        grpc_port = None if grpc is None else grpc.port
        print(greeting(settings, len(engine.statistics()), port, grpc_port), flush=True)
        server.run(sockets=listeners(door))
    finally:
        application.stopping = True
        engine.end_downloads()
        application.pool.close()
        application.observer.close()
        engine.close()
    return 0


def _with_room_for(settings: Settings) -> Settings:
    """Return the settings with as many connections as this process may open files for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.service.max_connections
    others = OTHER_FILES
    if settings.service.grpc_port is not None:
        others += most_grpc_connections(settings.service)
    needed = wanted + others
    if 0 <= soft < needed:  # below 0: no limit
        soft = needed if hard < 0 else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    room = wanted if soft < 0 else max(1, min(wanted, soft - others))
    if room < wanted:
        _log.warning("%d connections are taken at most: the limit of open files is %d", room, soft)
    service = msgspec.structs.replace(settings.service, max_connections=room)
    return msgspec.structs.replace(settings, service=service)


def _prepare_interpreter() -> None:
    """Let the loop's thread have its turn soon, whatever the others do.

    A thread that wants the interpreter waits SWITCH_SECONDS before the one that has it must let
    go. Objects that live as long as the server need not be walked by every full collection.
    Collections of Python's usual size find requests that wait for their turn, again and again; a
    request leaves nothing behind that only a collection finds.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTION_THRESHOLDS)


def greeting(settings: Settings, collections: int, port: int, grpc_port: int | None) -> str:
    """Return what is printed at the start: one screen."""
    service = settings.service
    host = f"[{service.host}]" if ":" in service.host else service.host
    address = f"{'https' if service.enable_tls else 'http'}://{host}:{port}"
    key = (
        "an API key is needed" if has_key(service) else "no API key: everyone who reaches it may in"
    )
    return "\n".join(
        (
            f"ruvector {identity.VERSION} (speaks Qdrant {identity.QDRANT_VERSION})",
            f"  REST         {address}",
            f"  gRPC         {f'{host}:{grpc_port}' if grpc_port else 'not served'}",
            f"  API pages    {address}/docs",
            f"  data         {settings.storage.storage_path} ({collections} collections)",
            f"  access       {key}",
            "  the dashboard is not part of this version",
            "  stop with Ctrl+C",
        )
    )


def _line(text: str) -> str:
    """Return a text on one line, without control characters."""
    joined = " ".join(text.split())
    return "".join(c if c.isprintable() else "?" for c in joined)
