"""How does the document come about? From the operations, their Structs and the service's routes."""

from typing import Any

import msgspec

from ruvector.model import requests as r
from ruvector.model.limits import MAX_DIMENSIONS
from ruvector.model.operations import OPERATIONS, Operation
from ruvector.model.wire.bodies import body_type
from ruvector.model.wire.point_bodies import ChangesBody, UpdateVectorsBody, UpsertBody
from ruvector.server import identity
from ruvector.server.audit_reader import PATH as AUDIT
from ruvector.server.log_level import PATH as LOGGER
from ruvector.server.short_forms import DISTANCES, OF_THE_VECTOR
from ruvector.server.specification import answers, service
from ruvector.server.specification.fields import COMPONENTS, STRUCTS, fill_in
from ruvector.server.specification.words import Schema, any_of, choice, obj, ref, whole
from ruvector.server.standalone import NEEDS_CLUSTER, STATUS, shard_local_operations
from ruvector.server.transfers import DOWNLOAD, UPLOAD

POINT_BODIES: dict[type, type] = {
    r.Upsert: UpsertBody,
    r.UpdateVectors: UpdateVectorsBody,
    r.BatchUpdate: ChangesBody,
}
PATH_SCHEMAS: dict[str, Schema] = {
    "id": ref("PointId"),
    "shard": whole(0, 10**10 - 1),
    "field_name": ref("PayloadKey"),
    "vector_name": ref("VectorName"),
}
_REFERENCES = "#/components/schemas/{name}"


def specification() -> dict[str, Any]:
    """Return the document."""
    bodies, schemas = _bodies()
    results, answered = _results()
    paths: dict[str, dict[str, Any]] = {}
    for operation, result in zip(OPERATIONS, results, strict=True):
        entry = _entry(operation, bodies.get(operation.request), result, schemas)
        paths.setdefault(operation.path, {})[operation.method.lower()] = entry
    _add_short_forms(paths, schemas["CreateCollectionBody"], schemas["VectorParams"])
    _add_cluster(paths)
    for path, entry in service.entries().items():
        paths[path] = {"get": entry}
    paths[LOGGER] = service.logger()
    paths[AUDIT] = service.audit()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ruvector",
            "version": identity.VERSION,
            "description": f"Speaks Qdrant's REST API of version {identity.QDRANT_VERSION}.",
        },
        "paths": paths,
        "components": {
            "schemas": {**answered, **schemas, "Error": answers.ERROR},
            "responses": answers.refusal_components(),
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


def _bodies() -> tuple[dict[type, Any], dict[str, Schema]]:
    """Return the body's schema of each request that has one, and the components of them all."""
    requests = [each.request for each in OPERATIONS if has_body(each)]
    types = [POINT_BODIES.get(request) or body_type(request) for request in requests]
    schemas, components = msgspec.json.schema_components(
        [*types, *STRUCTS], schema_hook=_other, ref_template=_REFERENCES
    )
    fill_in(components)
    return dict(zip(requests, schemas, strict=False)), {**components, **COMPONENTS}


def _results() -> tuple[tuple[Any, ...], dict[str, Schema]]:
    """Return the schema of each operation's result, and the components of them all."""
    return msgspec.json.schema_components(
        [each.request.result for each in OPERATIONS], schema_hook=_other, ref_template=_REFERENCES
    )


def _entry(
    operation: Operation, body: Any, result: Any, components: dict[str, Schema]
) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "operationId": operation.name,
        "summary": (operation.request.__doc__ or operation.name).split("\n")[0],
        "tags": [operation.kind.value],
        "parameters": [*_path_parameters(operation.path), *_query_parameters(operation)],
        "responses": {**_success(operation, result), **answers.refusals_of(operation)},
    }
    if operation.request in UPLOAD:
        entry["requestBody"] = {"required": True, "content": {"multipart/form-data": _FORM}}
    elif body is not None:
        needed = _has_required(body, components)
        entry["requestBody"] = {"required": needed, "content": answers.json(body)}
    return entry


def _success(operation: Operation, result: Any) -> Schema:
    """Return the answers of success."""
    if operation.request in DOWNLOAD:
        return answers.done({"application/octet-stream": {"schema": _BINARY}})
    found = answers.done(answers.json(answers.envelope(result)))
    if has_wait(operation):
        found["202"] = {"description": "Accepted: it happens in the background"}
    return found


def has_wait(operation: Operation) -> bool:
    """Return whether an operation may be answered before it has happened."""
    return operation.request.__module__ == _SNAPSHOTS and "wait" in operation.query_fields


_BINARY: Schema = {"type": "string", "format": "binary"}
_FORM = {"schema": {**obj(("snapshot",), snapshot=_BINARY), "additionalProperties": True}}
_SNAPSHOTS = r.CreateSnapshot.__module__


def _has_required(body: Schema, components: dict[str, Schema]) -> bool:
    """Say whether an empty body is too little: it is read as an object without fields."""
    component = components[body["$ref"].rpartition("/")[2]]
    return "anyOf" in component or bool(component["required"])


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    anything = {"type": "string", "minLength": 1}
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": PATH_SCHEMAS.get(name, anything),
        }
        for name in names
    ]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    return service.query_parameters(operation.query_fields)


def _add_short_forms(paths: dict[str, dict[str, Any]], body: Schema, params: Schema) -> None:
    create = dict(paths["/collections/{collection}"]["put"])
    create["operationId"] = "CreateCollectionShort"
    create["parameters"] = [each for each in create["parameters"] if each["in"] == "query"]
    create["requestBody"] = {
        "required": True,
        "content": answers.json(_short_creation(body, params)),
    }
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


def _short_creation(body: Schema, params: Schema) -> Schema:
    """Return the schema of a new collection by dimensions, or by vectors, with its name."""
    fields = {"name": ref("Name"), **body["properties"]}
    vectors = fields.pop("vectors")
    vector = {
        "dimensions": whole(1, MAX_DIMENSIONS),
        "distance": {**choice(*sorted(DISTANCES)), "default": "cosine"},
        **{name: params["properties"][name] for name in OF_THE_VECTOR},
    }
    return any_of(
        {**obj(("name", "dimensions")), "properties": {**fields, **vector}},
        {**obj(("name", "vectors")), "properties": {**fields, "vectors": vectors["anyOf"][0]}},
    )


def _add_cluster(paths: dict[str, dict[str, Any]]) -> None:
    for path, operation in shard_local_operations():
        whole_collection = paths[operation.path][operation.method.lower()]
        local = {**whole_collection, "operationId": f"{operation.name}OfShard"}
        local["parameters"] = [*_path_parameters(path), *_query_parameters(operation)]
        paths[path] = {"post": local}
    paths[STATUS] = {"get": service.CLUSTER}
    for method, path, _ in NEEDS_CLUSTER:
        entry = {**service.REFUSED, "parameters": _path_parameters(path)}
        paths.setdefault(path, {})[method.lower()] = entry


def _other(_: Any) -> dict[str, Any]:
    return {}
