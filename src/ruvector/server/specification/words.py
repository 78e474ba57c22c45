"""In which words is a schema written? Short functions for the parts of JSON Schema."""

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
NULL: Schema = {"type": "null"}
ANYTHING: Schema = {"type": "object"}


def ref(name: str) -> Schema:
    """Return the reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def any_of(*schemas: Schema) -> Schema:
    """Return the union of schemas."""
    return {"anyOf": list(schemas)}


def optional(schema: Schema) -> Schema:
    """Return a schema, or null, which means that the field is absent."""
    return any_of(schema, NULL)


def obj(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    """Return an object with exactly these fields; those that are not required may be null."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {
            name: schema if name in required else optional(schema)
            for name, schema in properties.items()
        },
        "additionalProperties": False,
    }


def tagged(name: str, inner: Schema, **beside: Schema) -> Schema:
    """Return an object whose kind is named by one of its fields."""
    return obj((name,), **{name: inner}, **beside)


def array(items: Schema, least: int = 0) -> Schema:
    """Return a list."""
    return {"type": "array", "items": items, "minItems": least}


def by_name(values: Schema) -> Schema:
    """Return an object of values by name."""
    return {"type": "object", "additionalProperties": values}


def choice(*values: str) -> Schema:
    """Return one of some texts."""
    return {"enum": list(values)}


def number(least: float | None = None, most: float | None = None) -> Schema:
    """Return a number within bounds."""
    bounds = {"minimum": least, "maximum": most}
    return {
        "type": "number",
        **{name: bound for name, bound in bounds.items() if bound is not None},
    }


def whole(least: int, most: int) -> Schema:
    """Return a whole number within bounds."""
    return {"type": "integer", "minimum": least, "maximum": most}
