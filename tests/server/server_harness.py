"""A small engine, and calls into the application as a server would make them."""

import asyncio
from types import SimpleNamespace
from urllib.parse import unquote

import msgspec

from ruvector.errors import NotFound
from ruvector.model import requests as r
from ruvector.model.points import Hit, Record
from ruvector.model.results import (
    CollectionDescription,
    CollectionsResult,
    CountResult,
    ExistsResult,
    QueryResult,
    ScrollResult,
    UpdateResult,
)
from ruvector.security.callers import ANYONE
from ruvector.server.metrics import REST, Answered

UUID = "550e8400-e29b-41d4-a716-446655440000"


class FakeEngine:
    """Remembers requests; `answers` maps a request's type to a result, an error, or a function."""

    def __init__(self) -> None:
        self.requests = []
        self.collections = {}
        self.trouble = {}
        self.closed = False
        self.ids = [1, UUID, "a string"]
        self.answers = {}
        self.quick = False
        self.archive = None
        self.aliases = {}

    def is_quick(self, request):
        return self.quick

    def execute(self, request, caller=ANYONE):
        self.requests.append(request)
        answer = self.answers.get(type(request))
        if isinstance(answer, BaseException):
            raise answer
        if answer is not None:
            return answer(request) if callable(answer) else answer
        return self._default(request)

    def _default(self, request):
        match request:
            case r.ListCollections():
                return CollectionsResult([CollectionDescription(n) for n in self.collections])
            case r.CollectionExists(collection=name):
                return ExistsResult(name in self.collections)
            case r.CreateCollection(collection=name):
                self.collections[name] = request
                return True
            case r.DeleteCollection(collection=name):
                return self.collections.pop(name, None) is not None
            case r.GetCollection(collection=name):
                raise NotFound(f"Collection `{name}` doesn't exist!")
            case r.QueryPoints():
                return QueryResult(self._hits())
            case r.QueryBatch():
                return [QueryResult(self._hits()) for _ in request.searches]
            case r.Search():
                return self._hits()
            case r.SearchBatch():
                return [self._hits() for _ in request.searches]
            case r.Retrieve():
                return [Record(id=each) for each in request.ids]
            case r.GetPoint():
                return Record(id=request.id, payload_json=msgspec.Raw(b'{"a":1}'))
            case r.Scroll():
                return ScrollResult([Record(id=each) for each in self.ids], "next one")
            case r.Count():
                return CountResult(3)
            case r.BatchUpdate():
                return [UpdateResult(7, "completed") for _ in request.operations]
            case r.Write():
                return UpdateResult(7, "completed" if request.wait else "acknowledged")
        return True

    def _hits(self):
        return [Hit(id=each, version=1, score=0.5) for each in self.ids]

    def problems(self):
        return self.trouble

    def statistics(self):
        return [
            SimpleNamespace(
                name=name,
                points=5,
                vectors=5,
                indexed_vectors=2,
                segments=1,
                pending_writes=0,
                by_vector={"": (5, 2, 3)},
                running_optimizations=0,
            )
            for name in self.collections
        ]

    def telemetry(self, level, visible):
        shown = [{"id": name, "level": level} for name in self.collections if visible(name)]
        return shown if level else [], {}

    def archive_state(self, visible):
        if self.archive is None:
            return None
        return self.archive | {
            "failing": {n: t for n, t in self.archive["failing"].items() if visible(n)}
        }

    def end_downloads(self):
        pass

    def close(self):
        self.closed = True


class Response:
    """What came back."""

    def __init__(self, status, headers, body) -> None:
        self.status = status
        self.header_list = headers
        self.headers = {name.decode(): value.decode("latin-1") for name, value in headers}
        self.body = body

    def json(self):
        return msgspec.json.decode(self.body)

    @property
    def result(self):
        return self.json()["result"]

    @property
    def error(self):
        return self.json()["status"]["error"]

    @property
    def text(self):
        return self.body.decode()


class Caller:
    """Calls an application, one request at a time."""

    def __init__(self, application, call) -> None:
        self.application = application
        self._call = call

    def __call__(self, method, target, body=b"", headers=(), **options) -> Response:
        return asyncio.run(self._call(self.application, method, target, body, headers, **options))


def scope_of(method, target, headers):
    path, _, query = target.partition("?")
    given = [(name.lower().encode(), _bytes(value)) for name, value in headers]
    if not any(name == b"host" for name, _ in given):
        given.insert(0, (b"host", b"localhost:6333"))
    return {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name, value) for name, value in given if value != b"-"],
    }


async def call_application(
    application, method, target, body=b"", headers=(), chunks=None, touched=None
):
    """Call the application; `touched` collects a mark for every receive()."""
    if not isinstance(body, bytes):
        body = msgspec.json.encode(body)
    headers = list(headers)
    if chunks is None:
        chunks = [body]
        names = {name.lower() for name, _ in headers}
        if body and "content-length" not in names:
            headers.append(("content-length", str(len(body))))
    else:
        headers.append(("transfer-encoding", "chunked"))
    waiting = list(chunks)
    sent = []

    async def receive():
        if touched is not None:
            touched.append(1)
        if chunks is not None and len(chunks) > 1:
            await asyncio.sleep(0)  # the next chunk is not there yet
        if not waiting:
            return {"type": "http.disconnect"}
        part = waiting.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message):
        sent.append(message)

    await application(scope_of(method, target, headers), receive, send)
    start = sent[0]
    assert [message["type"] for message in sent[1:]] == ["http.response.body"] * (len(sent) - 1)
    return Response(
        start["status"], start["headers"], b"".join(message["body"] for message in sent[1:])
    )


def _bytes(value):
    return value if isinstance(value, bytes) else value.encode()


def answered(seconds, request=None, label="Count", collection="docs"):
    """What is told of a request that took so long."""
    return Answered(
        protocol=REST, label=label, endpoint=("POST", "/x", 200), failed=False, seconds=seconds,
        ended=1e9, collection=collection, request_id="id-1", caller="",
        credential="none", address="127.0.0.1",
        request=request, is_judged=True,
    )  # fmt: skip
