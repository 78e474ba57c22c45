"""What comes back? The envelope of results, and every refusal with its status.

Which statuses an operation can answer with follows from what it is: one with a path of a collection
may not find it, one with a body may not be able to read it. 405 is answered to other methods.
"""

from http import HTTPStatus
from typing import Any

from ruvector.model.operations import Kind, Operation
from ruvector.server.specification.words import TEXT, Schema, by_name, obj, ref, whole

ERROR: Schema = {
    "type": "object",
    "required": ["status", "time"],
    "properties": {
        "status": {"type": "object", "required": ["error"], "properties": {"error": TEXT}},
        "time": {"type": "number"},
    },
}
USAGE = obj(
    (), inference=obj(("models",), models=by_name(obj(("tokens",), tokens=whole(0, 2**53))))
)
# 503: too many requests wait, or the shard does not answer.
_ALWAYS = (400, 401, 403, 422, 500, 503)
_OF_BODIES = (408, 413, 415)
_OF_KINDS = {
    Kind.READ: (408, 429),
    Kind.WRITE: (408, 429, 507),
    Kind.META: (408, 409, 507),
}


def json(schema: Any) -> Schema:
    """Return the content of a JSON answer or body."""
    return {"application/json": {"schema": schema}}


def plain() -> Schema:
    """Return the content of a line of text."""
    return {"text/plain": {"schema": TEXT}}


def done(content: Schema) -> Schema:
    """Return the answer of success."""
    return {"200": {"description": "Done", "content": content}}


def envelope(result: Any) -> Schema:
    """Return the schema of an answer around a result."""
    return {
        "type": "object",
        "required": ["result", "status", "time"],
        "properties": {
            "result": result,
            "status": {"const": "ok"},
            "time": {"type": "number"},
            "usage": USAGE,
        },
    }


def refusals_of(operation: Operation) -> Schema:
    """Return the answers of an operation that are no success."""
    statuses = {*_ALWAYS, *_OF_KINDS[operation.kind]}
    if "{" in operation.path or operation.kind is not Kind.READ:
        statuses.add(404)
    if operation.method not in ("GET", "DELETE"):
        statuses.update(_OF_BODIES)
    return refusals(statuses)


def refusals(statuses: Any) -> Schema:
    """Return references to the answers of these statuses."""
    return {
        str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(statuses)
    }


def refusal_components() -> Schema:
    """Return every answer that is no success, by its status."""
    every = {*_ALWAYS, *_OF_BODIES, *(s for each in _OF_KINDS.values() for s in each), 404, 405}
    return {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "content": plain() if status == 401 else json(ref("Error")),
        }
        for status in sorted(every)
    }
