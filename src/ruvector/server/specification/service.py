"""What do the routes answer that are about the server, not about collections?"""

from collections.abc import Iterable
from typing import Any

from ruvector.model.wire.query_fields import QUERY_FIELDS, wire_name
from ruvector.server.audit import FIELDS as AUDIT_FIELDS
from ruvector.server.audit_reader import LIMIT_MAX as AUDIT_LINES_MAX
from ruvector.server.configuration import LOG_LEVELS
from ruvector.server.slow import SLOW_MAX
from ruvector.server.specification.answers import done, envelope, json, plain, refusals
from ruvector.server.specification.values import MOMENT
from ruvector.server.specification.words import ANYTHING, TEXT, Schema, array, choice, obj, whole

_GUARDED = (400, 401, 403, 422, 500, 503)  # of routes that need a key
_IDENTITY = dict.fromkeys(("title", "version", "commit", "server", "server_version"), TEXT)
_READY = obj(("status", "collections"), status=choice("ready"), collections=whole(0, 2**31))
_METRICS_FIELDS = ("anonymize", "per_collection", "timeout")


def _parameter(name: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}


# Summary, content, fields of the query string, statuses besides 200.
_ROWS: dict[str, tuple[str, Schema, tuple[str, ...], tuple[int, ...]]] = {
    "/": ("Name and version", json(obj(tuple(_IDENTITY), **_IDENTITY)), (), ()),
    "/healthz": ("Is the process alive?", plain(), (), ()),
    "/livez": ("Is the process alive?", plain(), (), ()),
    "/readyz": ("Does every shard answer?", plain(), (), ()),
    "/health": ("Is the process alive?", json(obj(("status",), status=choice("ok"))), (), ()),
    "/ready": (
        "Does every shard answer, and how many collections are there?",
        json(_READY),
        (),
        (),
    ),
    "/metrics": ("Prometheus metrics", plain(), _METRICS_FIELDS, _GUARDED),
    "/profiler/slow_requests": (
        "The slowest requests since the start, without their values",
        json(envelope(obj(("requests",), requests={"type": "array", "items": ANYTHING}))),
        (),
        _GUARDED,
    ),
    "/telemetry": (
        "About this process",
        json(envelope(ANYTHING)),
        ("details_level", *_METRICS_FIELDS),
        _GUARDED,
    ),
}
_OWN_PARAMETERS = {
    "/profiler/slow_requests": (
        _parameter("limit", whole(1, SLOW_MAX)),
        _parameter("request", TEXT),
    )
}


def entries() -> dict[str, dict[str, Any]]:
    """Return the entry of each path, all of them for GET."""
    return {
        path: {
            **_entry(summary, {**done(content), **_not_ready(path), **refusals(statuses)}),
            "parameters": [*query_parameters(fields), *_OWN_PARAMETERS.get(path, ())],
        }
        for path, (summary, content, fields, statuses) in _ROWS.items()
    }


def query_parameters(fields: Iterable[str]) -> list[dict[str, Any]]:
    """Return the parameters of these fields of a query string."""
    return [_parameter(wire_name(name), QUERY_FIELDS[name].schema) for name in fields]


def _not_ready(path: str) -> Schema:
    """Return the answers of a server that is not ready, which are no errors."""
    content = {
        "/readyz": plain(),
        "/ready": json(obj(("status", "problems"), status=TEXT, problems={"type": "array"})),
    }.get(path)
    return {} if content is None else {"503": {"description": "Not ready", "content": content}}


def _entry(summary: str, responses: Schema) -> dict[str, Any]:
    return {"summary": summary, "tags": ["service"], "responses": responses}


CLUSTER = _entry(
    "Is this a cluster? No.",
    {
        **done(json(envelope(obj(("status",), status=choice("disabled"))))),
        **refusals((401, 403, 503)),
    },
)
REFUSED = _entry("Refused: this is a single node", refusals((400, 401, 403, 405, 500, 503)))


def logger() -> dict[str, dict[str, Any]]:
    """Return the entries of the log's level, by method."""
    level = obj(("log_level",), log_level=choice(*LOG_LEVELS))
    told = {**done(json(envelope(level))), **refusals(_GUARDED)}
    changed = {**done(json(envelope({"type": "boolean"}))), **refusals((*_GUARDED, 408, 413, 415))}
    return {
        "get": {**_entry("What is logged", told), "parameters": []},
        "post": {
            **_entry("Change what is logged, until the next start", changed),
            "parameters": [],
            "requestBody": {"required": True, "content": json(level)},
        },
    }


def audit() -> dict[str, dict[str, Any]]:
    """Return the entry of the audit log, by method."""
    number = {"type": "string", "pattern": "^[0-9]{1,9}$"}
    filters = {
        "type": "object",
        "properties": {n: number if k is int else TEXT for n, k in AUDIT_FIELDS.items()},
        "additionalProperties": False,
    }
    limit = whole(1, AUDIT_LINES_MAX)
    query = obj((), time_from=MOMENT, time_to=MOMENT, limit=limit, filters=filters)
    found = envelope(obj(("entries",), entries=array(ANYTHING), unreadable=whole(1, 2**31)))
    return {
        "post": {
            **_entry(
                "The newest lines of the audit log",
                {**done(json(found)), **refusals((*_GUARDED, 408, 413, 415))},
            ),
            "parameters": query_parameters(("timeout",)),
            "requestBody": {"required": True, "content": json(query)},
        }
    }
