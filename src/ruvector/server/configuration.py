"""How is the server set up? Defaults < file < environment < flags, every name and value checked.

Invariant: nothing that was asked for is ignored. A name we do not know is refused (of Qdrant's
environment: warned about, because a deployment may set it for a neighbour), and a setting of
Qdrant's that this version cannot honour is refused unless it has the value that Qdrant has by
default.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec

from ruvector.errors import BadInput
from ruvector.model.limits import MAX_BODY_BYTES
from ruvector.security.attempts import LIMIT as MAX_WRONG_KEYS
from ruvector.server.qdrant_settings import check_qdrant_only, harmless_values
from ruvector.server.storage_settings import (
    Graphs,
    OfCollection,
    Optimizers,
    Wal,
    collection_defaults,
)
from ruvector.snapshots.settings import (
    ARCHIVE_SECONDS,
    ARCHIVE_SECONDS_MAX,
    KEEP,
    KEEP_MAX,
    LOG_DAYS_MAX,
    S3Settings,
    SnapshotSettings,
)
from ruvector.snapshots.timetable import Timetable

OWN_PREFIX = "RUVECTOR__"
QDRANT_PREFIX = "QDRANT__"
MEBIBYTE = 2**20
MAX_FILE_BYTES = 2**20  # a configuration, not a data set
MAX_REQUEST_SIZE_MB = 1024  # a body is held in memory; larger loads come in several requests
MAX_CONNECTIONS = 1_000_000
MIN_QUEUE_SECONDS = 0.01
MAX_SECONDS = 86_400  # of any time that can be set
MAX_LOG_FILES = 10_000
MAX_LOG_FILE_MB = 10_000
MAX_PREFIX = 64
SNAPSHOT_STORAGES = ("local", "s3")
ROTATIONS = ("daily", "hourly")
MAX_WORKERS = 256  # threads; more of them only wait for each other

Tree = dict[str, Any]
_PREFIX = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


class Service(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The doors.

    `max_workers`: threads that execute reads, and as many for writes, 0 for what suits the machine;
    `max_queue_secs`: what a read may wait for its turn before it is refused; `shutdown_delay_secs`:
    how long the server goes on answering after it has called itself unready; `max_wrong_keys`: from
    one address in a minute, before it is told to come back later, 0 for no limit.
    """

    host: str = "127.0.0.1"
    http_port: int = 6333
    grpc_port: int | None = 6334
    max_request_size_mb: int = MAX_BODY_BYTES // MEBIBYTE
    max_workers: int = 0
    enable_cors: bool = False
    cors_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    api_key: str | None = None
    alt_api_key: str | None = None
    read_only_api_key: str | None = None
    jwt_rbac: bool = False
    jwt_require_exp: bool = False
    jwt_require_access: bool = False
    jwt_allow_short_keys: bool = False
    enable_tls: bool = False
    enable_snapshot_url_recovery: bool = False
    metrics_prefix: str | None = None
    slow_query_secs: float | None = None
    hardware_reporting: bool = False
    verify_https_client_certificate: bool = False
    read_timeout_secs: int = 60
    max_queue_secs: float = 0.25
    max_connections: int = 10_000
    max_wrong_keys: int = MAX_WRONG_KEYS
    shutdown_delay_secs: float = 0.0
    shutdown_timeout_secs: int = 30


class Audit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The audit log. `dir`: by default `audit` in the storage path; `rotation`: daily or hourly."""

    enabled: bool = False
    dir: str | None = None
    rotation: str = "daily"
    max_log_files: int = 7
    max_file_size_mb: int = 100
    trust_forwarded_headers: bool = False


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files in PEM. `cert_ttl`: seconds until a changed file is noticed, at most."""

    cert: str = "./tls/cert.pem"
    key: str = "./tls/key.pem"
    ca_cert: str = "./tls/cacert.pem"
    cert_ttl: int = 60


class Acme(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An authority that gives certificates. `ca_cert`: whose certificate its own API has, where the
    system does not know; `accept_terms`: that you agree to what it asks of its subscribers.
    """

    domains: tuple[str, ...] = ()
    email: str | None = None
    accept_terms: bool = False
    directory: str = "https://acme-v02.api.letsencrypt.org/directory"
    http_port: int = 80
    ca_cert: str | None = None


class S3(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bucket that keeps snapshots; what is not given comes from AWS's environment names."""

    bucket: str = ""
    region: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    endpoint_url: str | None = None


class SnapshotsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who keeps snapshots: `local` or `s3`."""

    snapshots_storage: str = "local"
    s3_config: S3 = S3()


class Snapshots(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Snapshots that are made by themselves: docs/guide/backup.md."""

    schedule: str | None = None
    collections: tuple[str, ...] = ()
    keep: int = KEEP
    archive_log: bool = False
    archive_log_secs: int = ARCHIVE_SECONDS
    keep_log_days: int | None = None


class Tracing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Spans for OpenTelemetry. `endpoint`: of a collector that takes OTLP over HTTP."""

    enabled: bool = False
    endpoint: str = "http://127.0.0.1:4318/v1/traces"
    sample_ratio: float = 1.0
    service_name: str = "ruvector"


class Storage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the collections are, and the snapshots: None for a folder inside `storage_path`; and
    what new collections begin with.
    """

    storage_path: str = "./ruvector_data"
    snapshots_path: str | None = None
    snapshots_config: SnapshotsConfig = SnapshotsConfig()
    # What collections begin with whose requests do not say it.
    on_disk_payload: bool | None = None
    max_collections: int | None = None
    hnsw_index: Graphs = Graphs()
    optimizers: Optimizers = Optimizers()
    wal: Wal = Wal()
    collection: OfCollection = OfCollection()


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set."""

    service: Service = Service()
    storage: Storage = Storage()
    snapshots: Snapshots = Snapshots()
    audit: Audit = Audit()
    tracing: Tracing = Tracing()
    tls: Tls = Tls()
    acme: Acme = Acme()
    log_level: str = "INFO"


KEYS = ("api_key", "alt_api_key", "read_only_api_key")  # the first two sign tokens
MIN_SIGNING_KEY_BYTES = 32  # RFC 7518, section 3.2: as many as the hash has
LOG_LEVELS = ("DEBUG", "INFO", "WARN", "WARNING", "ERROR")
MAX_GRPC_CONNECTIONS = 4096  # beside max_connections of REST
NO_PORT = frozenset({"none", "null", "off", ""})  # of service.grpc_port: REST alone
LISTS = frozenset(
    {"service.cors_origins", "service.allowed_hosts", "acme.domains", "snapshots.collections"}
)


def settle(file: Tree, environment: Mapping[str, str], flags: Tree) -> tuple[Settings, list[str]]:
    """Return the settings, and a warning for each unknown QDRANT__ name. BadInput names faults."""
    warnings: list[str] = []
    chosen: dict[str, tuple[str, Any]] = {}
    for path, value in leaves(file):
        chosen[path] = (f"setting {path} in the file", value)
    for prefix in (QDRANT_PREFIX, OWN_PREFIX):
        for name in sorted(environment):
            if not name.upper().startswith(prefix):
                continue
            path = name[len(prefix) :].lower().replace("__", ".")
            is_known = path in FIELDS or f"{path}_kb" in FIELDS
            if prefix == QDRANT_PREFIX and not is_known and harmless_values(path) is None:
                warnings.append(f"{name} is not a setting that ruvector knows; it has no effect")
                continue
            chosen[path] = (f"environment variable {name}", environment[name])
    for path, value in leaves(flags):
        chosen[path] = (f"flag for {path}", value)
    return _build(chosen), warnings


def leaves(tree: Tree, above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted path, value) of every setting in a tree."""
    for name, value in tree.items():
        path = f"{above}.{name}" if above else str(name)
        if isinstance(value, dict):
            yield from leaves(value, path)
        else:
            yield path, value


def _build(chosen: dict[str, tuple[str, Any]]) -> Settings:
    tree: Tree = {}
    for path, (source, value) in chosen.items():
        path = path if f"{path}_kb" not in FIELDS else f"{path}_kb"
        if path not in FIELDS:
            check_qdrant_only(path, source, value)
            continue
        kind = FIELDS[path]
        if value == "" and path.startswith("storage.") and str not in get_args(kind):
            value = None  # an environment cannot say that something is not set
        if path in LISTS and isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if path == "service.grpc_port" and str(value).lower() in NO_PORT:
            value = None
        try:
            checked = msgspec.convert(value, kind, strict=False)
        except msgspec.ValidationError as error:
            raise BadInput(f"{source}: {error}") from error
        *sections, name = path.split(".")
        inner = tree
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[name] = checked
    return check(msgspec.convert(tree, Settings))


def _fields(section: type[msgspec.Struct], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(section):
        below = _section_in(field.type)
        if below is None:
            found[above + field.name] = field.type
        else:
            found |= _fields(below, f"{above}{field.name}.")
    return found


def _section_in(kind: Any) -> type[msgspec.Struct] | None:
    """Return the section that a field holds, also where it may be absent."""
    for each in get_args(kind) or (kind,):
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            return each
    return None


FIELDS = _fields(Settings)


def snapshot_settings(settings: Settings) -> SnapshotSettings:
    """Return what is set about snapshots; BadInput where it cannot be honoured."""
    storage, own = settings.storage, settings.snapshots
    kind, given = storage.snapshots_config.snapshots_storage, storage.snapshots_config.s3_config
    if kind not in SNAPSHOT_STORAGES:
        raise BadInput(
            f"storage.snapshots_config.snapshots_storage is {kind!r}; "
            f"use {' or '.join(SNAPSHOT_STORAGES)}"
        )
    if (kind == "s3") != bool(given.bucket):
        raise BadInput(
            "snapshots in S3 need both: storage.snapshots_config.snapshots_storage=s3 "
            "and storage.snapshots_config.s3_config.bucket"
        )
    _check_range("snapshots.keep", own.keep, 1, KEEP_MAX)
    _check_range("snapshots.archive_log_secs", own.archive_log_secs, 1, ARCHIVE_SECONDS_MAX)
    _check_range("snapshots.keep_log_days", own.keep_log_days or 1, 1, LOG_DAYS_MAX)
    if own.keep_log_days is not None and not own.archive_log:
        raise BadInput("snapshots.keep_log_days is given but snapshots.archive_log is false")
    if own.schedule:
        Timetable(own.schedule)
    return SnapshotSettings(
        path=Path(storage.snapshots_path) if storage.snapshots_path else None,
        s3=S3Settings(**msgspec.structs.asdict(given)) if kind == "s3" else None,
        schedule=own.schedule or None,
        collections=own.collections,
        keep=own.keep,
        from_urls=settings.service.enable_snapshot_url_recovery,
        archive_log=own.archive_log,
        archive_log_seconds=own.archive_log_secs,
        keep_log_days=own.keep_log_days,
    )


def check(settings: Settings) -> Settings:
    """Return the settings with an empty key as none; BadInput where a value cannot be served."""
    service = settings.service
    snapshot_settings(settings)
    collection_defaults(settings.storage)
    _check_range("service.http_port", service.http_port, 0, 65_535)
    _check_range("service.grpc_port", service.grpc_port or 0, 0, 65_535)
    _check_range("service.max_request_size_mb", service.max_request_size_mb, 1, MAX_REQUEST_SIZE_MB)
    _check_range("service.max_workers", service.max_workers, 0, MAX_WORKERS)
    _check_range("service.slow_query_secs", service.slow_query_secs or 0, 0, MAX_SECONDS)
    _check_range("service.read_timeout_secs", service.read_timeout_secs, 1, MAX_SECONDS)
    _check_range("service.shutdown_delay_secs", service.shutdown_delay_secs, 0, MAX_SECONDS)
    _check_range("service.shutdown_timeout_secs", service.shutdown_timeout_secs, 0, MAX_SECONDS)
    _check_range("service.max_wrong_keys", service.max_wrong_keys, 0, MAX_CONNECTIONS)
    _check_range("service.max_connections", service.max_connections, 1, MAX_CONNECTIONS)
    if not MIN_QUEUE_SECONDS <= service.max_queue_secs <= MAX_SECONDS:
        raise BadInput(
            f"service.max_queue_secs is {service.max_queue_secs}; it must be from "
            f"{MIN_QUEUE_SECONDS} to {MAX_SECONDS}"
        )
    _check_range("audit.max_log_files", settings.audit.max_log_files, 1, MAX_LOG_FILES)
    _check_range("audit.max_file_size_mb", settings.audit.max_file_size_mb, 1, MAX_LOG_FILE_MB)
    if not 0.0 <= settings.tracing.sample_ratio <= 1.0:
        raise BadInput(
            f"tracing.sample_ratio is {settings.tracing.sample_ratio}; it must be from 0 to 1"
        )
    if not settings.tracing.endpoint.startswith(("http://", "https://")):
        raise BadInput(
            f"tracing.endpoint is {settings.tracing.endpoint[:100]!r}; it must begin with http:// "
            "or https://"
        )
    check_choice("audit.rotation", settings.audit.rotation, ROTATIONS)
    if service.metrics_prefix:
        check_prefix(service.metrics_prefix)
    _check_range("tls.cert_ttl", settings.tls.cert_ttl, 0, MAX_SECONDS)
    if service.verify_https_client_certificate and not service.enable_tls:
        raise BadInput(
            "service.verify_https_client_certificate is true but service.enable_tls is false; "
            "set it to true"
        )
    _check_acme(settings)
    if service.enable_cors and not service.cors_origins:
        raise BadInput(
            "service.enable_cors is true but service.cors_origins is empty; "
            'name the origins, such as "https://app.example.com", or "*" for any'
        )
    if service.cors_origins and not service.enable_cors:
        raise BadInput(
            "service.cors_origins is given but service.enable_cors is false; set it to true"
        )
    if not service.host:
        raise BadInput("service.host is empty; use 127.0.0.1 for this machine only")
    check_choice("log_level", settings.log_level.upper(), LOG_LEVELS)
    service = _check_keys(service)
    return msgspec.structs.replace(settings, service=service)


def _check_acme(settings: Settings) -> None:
    acme = settings.acme
    _check_range("acme.http_port", acme.http_port, 1, 65_535)
    if not acme.domains:
        return
    if not settings.service.enable_tls:
        raise BadInput("acme.domains is given but service.enable_tls is false; set it to true")
    if not acme.accept_terms:
        raise BadInput(
            "acme.domains is given but acme.accept_terms is false; "
            f"read the terms of {acme.directory}, and set it to true if you agree"
        )
    if not acme.directory.startswith("https://"):
        raise BadInput(f"acme.directory is {acme.directory!r}; it must begin with https://")


def _check_keys(service: Service) -> Service:
    """Return the settings with empty keys as none."""
    empty = [name for name in KEYS if not (getattr(service, name) or "").strip()]
    service = msgspec.structs.replace(service, **dict.fromkeys(empty))
    keys = [key for name in KEYS if (key := getattr(service, name)) is not None]
    if len(set(keys)) < len(keys):
        raise BadInput(f"two of {', '.join(KEYS)} (service) are the same; choose different ones")
    if not service.jwt_rbac:
        return service
    if service.api_key is None:
        raise BadInput(
            "service.jwt_rbac is true, but tokens are signed with service.api_key: set it"
        )
    for name in KEYS[:2]:
        size = len((getattr(service, name) or "").encode())
        if 0 < size < MIN_SIGNING_KEY_BYTES and not service.jwt_allow_short_keys:
            raise BadInput(
                f"service.{name} has {size} bytes; with service.jwt_rbac it needs "
                f"{MIN_SIGNING_KEY_BYTES}, because whoever holds a token can guess at a short key: "
                "use a longer one, or set service.jwt_allow_short_keys to true"
            )
    return service


def most_grpc_connections(service: Service) -> int:
    """Return how many connections of gRPC are taken: each carries a thousand calls at a time."""
    return min(service.max_connections, MAX_GRPC_CONNECTIONS)


def has_key(service: Service) -> bool:
    """Return whether nothing is answered without a key."""
    return any(getattr(service, name) is not None for name in KEYS)


def _check_range(path: str, value: float, low: int, high: int) -> None:
    if not low <= value <= high:
        raise BadInput(f"{path} is {value}; it must be from {low} to {high}")


def check_choice(path: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise BadInput where a value is none of those that there are."""
    if value not in choices:
        raise BadInput(f"{path} is {value!r}; use one of {', '.join(choices)}")


def check_prefix(prefix: str) -> None:
    """Raise BadInput where a prefix cannot begin a name of a metric."""
    if len(prefix) > MAX_PREFIX or not _PREFIX.fullmatch(prefix):
        raise BadInput(
            f"service.metrics_prefix is {prefix[:100]!r}; it must be letters, digits, _ and :, "
            f"begin with no digit, and have at most {MAX_PREFIX} characters"
        )


def read_file(path: str | Path) -> dict[str, Any]:
    """Return the settings in a file as a tree. BadInput names the file where it cannot be read."""
    file = Path(path)
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise BadInput(f"configuration file {path} is larger than {MAX_FILE_BYTES} bytes")
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"configuration file {path} cannot be read: {error}") from error
    if file.suffix == ".toml":
        tree = _toml(text, path)
    elif file.suffix in (".yaml", ".yml"):
        tree = _yaml(text, path)
    else:
        raise BadInput(f"configuration file {path} must end in .yaml, .yml or .toml")
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise BadInput(f"configuration file {path} must hold names and values")
    return tree


def _toml(text: str, path: str | Path) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"configuration file {path} is not valid TOML: {error}") from error


def _yaml(text: str, path: str | Path) -> Any:
    import yaml  # only the server's extra installs it

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        lines = " ".join(str(error).split())
        raise BadInput(f"configuration file {path} is not valid YAML: {lines}") from error
