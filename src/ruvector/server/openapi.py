"""What does the API look like to a machine? OpenAPI 3.1, from the operations and their Structs."""

from typing import Any

import msgspec

from ruvector.model import requests as r
from ruvector.model.operations import OPERATIONS, Operation
from ruvector.model.wire.bodies import body_type
from ruvector.model.wire.point_bodies import ChangesBody, UpdateVectorsBody, UpsertBody
from ruvector.model.wire.query_fields import QUERY_FIELDS, wire_name
from ruvector.server import identity
from ruvector.server.standalone import NEEDS_CLUSTER, STATUS, shard_local_operations
from ruvector.server.transfers import DOWNLOAD, UPLOAD

POINT_BODIES: dict[type, type] = {
    r.Upsert: UpsertBody,
    r.UpdateVectors: UpdateVectorsBody,
    r.BatchUpdate: ChangesBody,
}
POINT_ID = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "format": "uuid"}]}
PATH_SCHEMAS = {"id": POINT_ID, "shard": {"type": "integer", "minimum": 0}}
CREATE_SHORT = {
    "type": "object",
    "required": ["name", "dimensions"],
    "properties": {
        "name": {"type": "string"},
        "dimensions": {"type": "integer", "minimum": 1},
        "distance": {"enum": ["cosine", "dot", "euclid", "manhattan"], "default": "cosine"},
    },
}
ERROR = {
    "type": "object",
    "required": ["status", "time"],
    "properties": {
        "status": {"type": "object", "properties": {"error": {"type": "string"}}},
        "time": {"type": "number"},
    },
}
BINARY = {"type": "string", "format": "binary"}
FORM = {"schema": {"type": "object", "required": ["snapshot"], "properties": {"snapshot": BINARY}}}
SNAPSHOTS = r.CreateSnapshot.__module__
REFERENCES = "#/components/schemas/{name}"
SERVICE_PATHS = {
    "/": "Name and version",
    "/healthz": "Is the process alive?",
    "/livez": "Is the process alive?",
    "/readyz": "Does every shard answer?",
    "/health": "Is the process alive?",
    "/ready": "Does every shard answer, and how many collections are there?",
    "/metrics": "Prometheus metrics",
    "/profiler/slow_requests": "The slowest requests since the start, without their values",
    "/telemetry": "About this process",
}


def specification() -> dict[str, Any]:
    """Return the document."""
    bodies = [_body(each) for each in OPERATIONS if has_body(each)]
    results = [each.request.result for each in OPERATIONS]
    schemas, components = msgspec.json.schema_components(
        [*bodies, *results], schema_hook=_other, ref_template=REFERENCES
    )
    body_schemas = iter(schemas[: len(bodies)])
    paths: dict[str, dict[str, Any]] = {}
    for operation, result in zip(OPERATIONS, schemas[len(bodies) :], strict=True):
        body = next(body_schemas) if has_body(operation) else None
        paths.setdefault(operation.path, {})[operation.method.lower()] = _entry(
            operation, body, result
        )
    _add_short_forms(paths)
    _add_cluster(paths)
    for path, summary in SERVICE_PATHS.items():
        paths[path] = {
            "get": {
                "summary": summary,
                "tags": ["service"],
                "responses": {"200": {"description": "It is"}},
            }
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ruvector",
            "version": identity.VERSION,
            "description": f"Speaks Qdrant's REST API of version {identity.QDRANT_VERSION}.",
        },
        "paths": paths,
        "components": {
            "schemas": {**components, "Error": ERROR},
            "securitySchemes": {
                "api-key": {"type": "apiKey", "in": "header", "name": "api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
        "security": [{}, {"api-key": []}, {"bearer": []}],
    }


def has_body(operation: Operation) -> bool:
    """Return whether requests of this operation carry a body."""
    return operation.method not in ("GET", "DELETE")


def _body(operation: Operation) -> type:
    return POINT_BODIES.get(operation.request) or body_type(operation.request)


def _entry(operation: Operation, body: Any, result: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "operationId": operation.name,
        "summary": (operation.request.__doc__ or operation.name).split("\n")[0],
        "tags": [operation.kind.value],
        "parameters": [*_path_parameters(operation.path), *_query_parameters(operation)],
        "responses": {
            "200": {"description": "Done", "content": _json(_envelope(result))},
            "default": _FAILED,
        },
    }
    if operation.request in DOWNLOAD:
        entry["responses"]["200"]["content"] = {"application/octet-stream": {"schema": BINARY}}
    elif has_wait(operation):
        entry["responses"]["202"] = {"description": "Accepted: it happens in the background"}
    if operation.request in UPLOAD:
        entry["requestBody"] = {"required": True, "content": {"multipart/form-data": FORM}}
    elif body is not None:
        entry["requestBody"] = {"required": True, "content": _json(body)}
    return entry


def has_wait(operation: Operation) -> bool:
    """Return whether an operation may be answered before it has happened."""
    return operation.request.__module__ == SNAPSHOTS and "wait" in operation.query_fields


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": PATH_SCHEMAS.get(name, {"type": "string"}),
        }
        for name in names
    ]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": wire_name(name),
            "in": "query",
            "required": False,
            "schema": QUERY_FIELDS[name].schema,
        }
        for name in operation.query_fields
    ]


def _add_short_forms(paths: dict[str, dict[str, Any]]) -> None:
    create = dict(paths["/collections/{collection}"]["put"])
    create["operationId"] = "CreateCollectionShort"
    create["parameters"] = [each for each in create["parameters"] if each["in"] == "query"]
    create["requestBody"] = {"required": True, "content": _json(CREATE_SHORT)}
    paths["/collections"]["post"] = create
    point = paths["/collections/{collection}/points/{id}"]
    delete = dict(paths["/collections/{collection}/points/delete"]["post"])
    delete.pop("requestBody")
    delete["operationId"] = "DeletePoint"
    delete["summary"] = "Delete one point."
    delete["parameters"] = [
        *(each for each in point["get"]["parameters"] if each["in"] == "path"),
        *(each for each in delete["parameters"] if each["in"] == "query"),
    ]
    point["delete"] = delete


def _add_cluster(paths: dict[str, dict[str, Any]]) -> None:
    for path, operation in shard_local_operations():
        whole = paths[operation.path][operation.method.lower()]
        local = {**whole, "operationId": f"{operation.name}OfShard"}
        local["parameters"] = [*_path_parameters(path), *_query_parameters(operation)]
        paths[path] = {"post": local}
    status = {"type": "object", "properties": {"status": {"const": "disabled"}}}
    paths[STATUS] = {"get": _service_entry("Is this a cluster? No.", _envelope(status))}
    for method, path, _ in NEEDS_CLUSTER:
        entry = _service_entry("Refused: this is a single node", None)
        entry["parameters"] = _path_parameters(path)
        paths.setdefault(path, {})[method.lower()] = entry


def _service_entry(summary: str, result: Any) -> dict[str, Any]:
    responses = {"default": _FAILED}
    if result is not None:
        responses["200"] = {"description": "Done", "content": _json(result)}
    return {"summary": summary, "tags": ["service"], "responses": responses}


def _envelope(result: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["result", "status", "time"],
        "properties": {
            "result": result,
            "status": {"const": "ok"},
            "time": {"type": "number"},
        },
    }


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _other(_: Any) -> dict[str, Any]:
    return {}


_FAILED = {
    "description": "Refused or failed",
    "content": _json({"$ref": "#/components/schemas/Error"}),
}
