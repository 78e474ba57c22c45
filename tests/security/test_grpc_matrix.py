"""Is access over gRPC what the page publishes? Every procedure, every kind of caller."""

import grpc
import pytest
from tests.security.callers import ALIASES, CALLERS, KEY, NEEDS, SERVICE, allowed
from tests.server.grpc_harness import GrpcThread
from tests.server.server_harness import FakeEngine

from ruvector.errors import NotFound
from ruvector.model.permissions import Permission, Reach
from ruvector.model.proto.rpcs import RPCS
from ruvector.security.judgement import check_request
from ruvector.security.tokens import sign
from ruvector.server.configuration import Settings
from ruvector.server.grpc import calls
from ruvector.server.grpc.calls import Call

ABOUT_DOCS = b"\n\x04docs"  # the first field of nearly all messages is the collection's name
UNREAD_BYTES = 24 * 2**20


class JudgingEngine(FakeEngine):
    """Judges as the engine does, and has nothing; no point exists that a token asks for."""

    def execute(self, request, caller):
        check_request(caller, request, self.aliases)
        self.requests.append(request)
        raise NotFound("it is let in")

    def proves(self, proof):
        return False


@pytest.fixture(scope="module")
def engine():
    engine = JudgingEngine()
    engine.aliases = ALIASES
    return engine


@pytest.fixture(scope="module")
def call(engine):
    """Return a function: a procedure, a body, a credential; what came: a code and its text."""
    import msgspec

    settings = Settings(service=msgspec.structs.replace(SERVICE, grpc_port=0))
    server = GrpcThread(settings, engine)
    channel = grpc.insecure_channel(
        f"127.0.0.1:{server.port}", (("grpc.max_send_message_length", -1),)
    )

    def ask(service, name, body, credential, header="api-key", **options):
        metadata = () if credential is None else ((header, credential),)
        try:
            procedure = channel.unary_unary(f"/{service}/{name}")
            procedure(body, metadata=metadata, timeout=20, **options)
        except grpc.RpcError as error:
            return error.code(), error.details()
        return grpc.StatusCode.OK, ""

    yield ask
    channel.close()
    server.close(0)


PROCEDURES = [
    (service, name, NEEDS[request.__name__] if request else (Permission.MANAGE, Reach.COLLECTION))
    for service, names in RPCS.items()
    for name, request in names.items()
]


@pytest.mark.parametrize("who", CALLERS)
def test_grpc_lets_in_whom_the_page_says(call, who):
    credential, grants = CALLERS[who]
    refusal = "UNAUTHENTICATED" if grants is None else "PERMISSION_DENIED"
    wrong = []
    for service, name, needs in PROCEDURES:
        code, text = call(service, name, ABOUT_DOCS, credential)
        refused = code.name == refusal
        if refused == allowed(needs, grants) or code.name in ("INTERNAL", "UNKNOWN"):
            wrong.append((service, name, code, text))
    assert wrong == []


def test_identity_and_health_need_nothing(call):
    assert call("qdrant.Qdrant", "HealthCheck", b"", None)[0] is grpc.StatusCode.OK


def test_credentials_come_as_bearer_too(call):
    for given in (f"Bearer {KEY}", f"bearer {sign({}, KEY.encode())}"):
        code, _ = call("qdrant.Collections", "List", b"", given, "authorization")
        assert code is grpc.StatusCode.NOT_FOUND
    assert call("qdrant.Collections", "List", b"", KEY, "authorization")[1].startswith("Must")


def test_token_whose_point_does_not_exist_is_refused(call):
    matches = [{"key": "k", "value": 1}]
    token = sign({"value_exists": {"collection": "docs", "matches": matches}}, KEY.encode())
    code, text = call("qdrant.Points", "Count", ABOUT_DOCS, token)
    assert (code.name, text[:22]) == ("UNAUTHENTICATED", "Invalid API key or JWT")


@pytest.mark.parametrize("who", ["nobody", "wrong key", "expired", "read-only key"])
def test_large_message_of_who_may_not_is_not_read(call, who, monkeypatch):
    read = []
    monkeypatch.setattr(Call, "message", lambda _, message: read.append(message.size))
    body = ABOUT_DOCS + b"\x12\xff\xff\xff\x0b" + b"\0" * UNREAD_BYTES
    code, _ = call("qdrant.Points", "Upsert", body, CALLERS[who][0])
    assert code.name in ("UNAUTHENTICATED", "PERMISSION_DENIED")
    assert read == []


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_message_that_is_too_large_is_refused_compressed_or_not(call, compression, monkeypatch):
    """The largest is that of a body over HTTP; 1,000 times smaller on the wire is no way around."""
    read = []
    monkeypatch.setattr(calls, "_parsed", lambda _, body: read.append(len(body)))
    body = bytes(SERVICE.max_request_size_mb * 2**20 + 1)
    code, _ = call("qdrant.Points", "Upsert", body, KEY, compression=compression)
    assert (code.name, read) == ("RESOURCE_EXHAUSTED", [])
