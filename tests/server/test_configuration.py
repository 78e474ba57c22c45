"""Is every setting honoured or refused, and does the last source win?"""

import pytest

from ruvector.errors import BadInput
from ruvector.server.configuration import Settings, read_file, settle


def settings(file=None, environment=None, flags=None):
    return settle(file or {}, environment or {}, flags or {})[0]


def test_defaults_are_for_this_machine_alone():
    found = settings()
    assert found == Settings()
    assert (found.service.host, found.service.http_port) == ("127.0.0.1", 6333)
    assert found.storage.storage_path == "./ruvector_data"
    assert found.service.enable_cors is False
    assert found.service.max_request_size_mb == 32


def test_flags_beat_environment_beats_file():
    file = {"service": {"http_port": 1, "host": "file"}, "log_level": "ERROR"}
    environment = {
        "QDRANT__SERVICE__HTTP_PORT": "2",
        "RUVECTOR__SERVICE__HTTP_PORT": "3",
        "QDRANT__SERVICE__HOST": "environment",
    }
    assert settings(file).service.http_port == 1
    assert settings(file, environment).service.http_port == 3
    assert settings(file, environment).service.host == "environment"
    found = settings(file, environment, {"service": {"http_port": 4}})
    assert found.service.http_port == 4
    assert found.log_level == "ERROR"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("MAX_REQUEST_SIZE_MB", "64", 64),
        ("ENABLE_TLS", "false", False),
        ("ALLOWED_HOSTS", "a, b,", ("a", "b")),
        ("API_KEY", "12345", "12345"),
        ("API_KEY", "", None),
        ("API_KEY", "  ", None),
        ("GRPC_PORT", "null", None),
    ],
)
def test_environment_values_are_read_by_type(name, text, value):
    found = settings(environment={f"RUVECTOR__SERVICE__{name}": text})
    assert getattr(found.service, name.lower()) == value


@pytest.mark.parametrize(
    ("file", "environment", "named"),
    [
        ({"service": {"colour": 1}}, {}, "service.colour"),
        ({"colour": 1}, {}, "colour"),
        ({"service": {"http_port": "many"}}, {}, "service.http_port"),
        ({"service": {"http_port": 70_000}}, {}, "service.http_port"),
        ({"service": {"http_port": True}}, {}, "service.http_port"),
        ({"service": {"verify_https_client_certificate": True}}, {}, "service.enable_tls"),
        ({"tls": {"cert_ttl": -1}}, {}, "tls.cert_ttl"),
        ({"tls": {"certificate": "a"}}, {}, "tls.certificate"),
        ({"service": {"enable_cors": True}}, {}, "service.cors_origins"),
        ({"service": {"cors_origins": ["https://a"]}}, {}, "service.enable_cors"),
        ({"service": {"max_request_size_mb": 0}}, {}, "service.max_request_size_mb"),
        ({"service": {"jwt_rbac": True}}, {}, "service.api_key"),
        ({"service": {"jwt_rbac": True, "api_key": "k" * 31}}, {}, "31 bytes"),
        (
            {"service": {"jwt_rbac": True, "api_key": "k" * 32, "alt_api_key": "short"}},
            {},
            "service.alt_api_key has 5 bytes",
        ),
        ({"service": {"api_key": "same", "read_only_api_key": "same"}}, {}, "read_only_api_key"),
        ({"service": 1}, {}, "service"),
        ({"storage": {"hnsw_index": {"m": 1}}}, {}, "storage.hnsw_index.m"),
        ({"storage": {"hnsw_index": {"m": "many"}}}, {}, "storage.hnsw_index.m"),
        ({"storage": {"wal": {"wal_capacity_mb": 0}}}, {}, "storage.wal.wal_capacity_mb"),
        ({"storage": {"wal": {"wal_segments_ahead": 2}}}, {}, "storage.wal.wal_segments_ahead"),
        ({"storage": {"collection": {"replication_factor": 2}}}, {}, "replication_factor"),
        (
            {"storage": {"collection": {"quantization": {"scalar": {"type": "int4"}}}}},
            {},
            "storage.collection.quantization.scalar.type",
        ),
        (
            {"storage": {"collection": {"strict_mode": {"max_query_limit": 0}}}},
            {},
            "max_query_limit",
        ),
        ({"storage": {"max_collections": 0}}, {}, "storage.max_collections"),
        ({"storage": {"temp_path": "/elsewhere"}}, {}, "storage.temp_path"),
        ({"cluster": {"enabled": True}}, {}, "cluster.enabled"),
        ({"log_level": "loud"}, {}, "log_level"),
        ({}, {"RUVECTOR__SERVICE__COLOUR": "1"}, "RUVECTOR__SERVICE__COLOUR"),
        ({}, {"RUVECTOR__SERVICE__HTTP_PORT": "x"}, "RUVECTOR__SERVICE__HTTP_PORT"),
        ({}, {"QDRANT__SERVICE__JWT_RBAC": "true"}, "service.jwt_rbac"),
        ({}, {"QDRANT__CLUSTER__ENABLED": "true"}, "QDRANT__CLUSTER__ENABLED"),
        ({}, {"QDRANT__STORAGE__OPTIMIZERS__FLUSH_INTERVAL_SEC": "-1"}, "flush_interval_sec"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(file, environment, named):
    with pytest.raises(BadInput) as caught:
        settle(file, environment, {})
    assert named.lower() in str(caught.value).lower()


@pytest.mark.parametrize(
    "environment",
    [
        {"QDRANT__SERVICE__JWT_RBAC": "false"},
        {"QDRANT__STORAGE__OPTIMIZERS__MAX_SEGMENT_SIZE_KB": ""},
        {"QDRANT__STORAGE__HNSW_INDEX__PAYLOAD_M": "null"},
        {"QDRANT__STORAGE__TEMP_PATH": ""},
        {"QDRANT__CLUSTER__ENABLED": "false", "QDRANT__CLUSTER__P2P__PORT": "6335"},
        {"QDRANT__TELEMETRY_DISABLED": "true"},
        {"QDRANT__SERVICE__READ_ONLY_API_KEY": ""},
        {"PATH": "/bin", "QDRANT_URL": "http://elsewhere"},
    ],
)
def test_settings_of_qdrant_with_their_default_change_nothing(environment):
    found, warnings = settle({}, environment, {})
    assert (found, warnings) == (Settings(), [])


def test_unknown_names_of_qdrant_are_warned_about_one_line_each():
    environment = {"QDRANT__A__B": "1", "QDRANT__C": "1", "QDRANT__SERVICE__HTTP_PORT": "7"}
    found, warnings = settle({}, environment, {})
    assert found.service.http_port == 7
    assert [line.split()[0] for line in warnings] == ["QDRANT__A__B", "QDRANT__C"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "service:\n  http_port: 7000\n  allowed_hosts: [db]\n"),
        ("a.yml", '{"service": {"http_port": 7000, "allowed_hosts": ["db"]}}'),
        ("a.toml", '[service]\nhttp_port = 7000\nallowed_hosts = ["db"]\n'),
    ],
)
def test_files_of_both_kinds_are_read(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    service = settings(read_file(tmp_path / name)).service
    assert (service.http_port, service.allowed_hosts) == (7000, ("db",))


def test_empty_file_sets_nothing(tmp_path):
    (tmp_path / "a.yaml").write_text("# nothing\n")
    assert settings(read_file(tmp_path / "a.yaml")) == Settings()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.yaml", b"a: [1\nb: }"),
        ("a.yaml", b"!!python/object/apply:os.system [ls]"),
        ("a.toml", b"a = \n"),
        ("a.toml", b"\xff"),
        ("a.yaml", b"- 1"),
        ("a.json", b"{}"),
        ("a.yaml", b"#" * 2**21),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read_file(tmp_path / name)
    assert name in str(caught.value)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"none\.yaml"):
        read_file(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "service",
    [
        {"api_key": "k" * 32},
        {"api_key": "ü" * 16, "alt_api_key": "k" * 32, "read_only_api_key": "short"},
        {"api_key": "short", "jwt_allow_short_keys": True},
    ],
)
def test_keys_that_may_sign_tokens_are_long_or_allowed_by_name(service):
    found = settings(file={"service": {"jwt_rbac": True, **service}})
    assert found.service.jwt_rbac


@pytest.mark.parametrize("name", ["api_key", "alt_api_key", "read_only_api_key"])
def test_refused_settings_do_not_show_the_key(name):
    with pytest.raises(BadInput) as caught:
        settle({"service": {name: "canary", "api_key": "canary2", "jwt_rbac": True}}, {}, {})
    assert "canary" not in str(caught.value)
