"""What a JSON Schema of ``schemas/`` can be turned into: its closed twin, and the requirements behind a violation.

Theory. A reader must tolerate what the future adds, so the schemas people validate traffic with are open
(GL-WIRE-016). What we write ourselves has no such excuse: its schema is the same one, closed. A record is a schema with
both ``type: object`` and ``properties``; everything else (branches of an ``if``, maps) only looks at an object and
stays as it is.

Not here: validating (``jsonschema_rs`` judges, ``jsonschema`` explains) and loading (``resources``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Iterable

Schema: TypeAlias = Any
"""A JSON Schema: an object or a boolean, as ``json`` loads it."""

_LITERALS: Final = frozenset({"const", "enum", "required", "x-requirements"})
_MAPS: Final = frozenset({"properties", "$defs"})


def closed(schema: Schema) -> Schema:
    """Make the writer's schema of a reader's: no unknown key, and null nowhere but in payloads.

    Returns:
        A new document. ``$id`` names ``*-writer.schema.json`` and ``title`` ends in ", as written"; the rest of what
        is for people is kept.
    """
    document = _closed(schema)
    document["$id"] = schema["$id"].replace(".schema.json", "-writer.schema.json")
    document["title"] = schema["title"].replace(", as read", ", as written")
    document["description"] = schema["description"].replace(
        "Open: unknown keys are legal at every level.", "Closed: what liveproto itself writes has no other keys."
    )
    return document


def definition(schema: Schema, name: str) -> Schema:
    """Make a schema that judges a value by one entry of ``$defs``; it stands alone, without a registry."""
    return {**schema, "$id": f"{schema['$id']}?{name}", "$ref": f"#/$defs/{name}"}


def requirements_at(schema: Schema, path: Iterable[str | int]) -> list[str]:
    """List the requirement ids met on the way to a violated keyword, the nearest to the fault first.

    Args:
        schema: the document that was validated with, for its local references.
        path: from that document's root to the keyword. ``jsonschema`` (``absolute_schema_path``) leaves out the steps
            through ``$ref``, ``jsonschema_rs`` (``evaluation_path``) names them; both are understood.
    """
    found: list[str] = []
    node: Schema = schema
    for step in path:
        if "$ref" in node and (step == "$ref" or step not in node):
            node = _resolve(schema, node["$ref"])
            found = _cited(node) + found
        if step != "$ref":
            node = node[step]
            found = _cited(node) + found
    return list(dict.fromkeys(found))


def _cited(node: Schema) -> list[str]:
    return node.get("x-requirements", []) if _is_object(node) else []


def _resolve(schema: Schema, reference: str) -> Schema:
    node = schema
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return node


def _is_object(node: Schema) -> TypeGuard[dict[str, Schema]]:
    return isinstance(node, dict)


def _is_list(node: Schema) -> TypeGuard[list[Schema]]:
    return isinstance(node, list)


def _closed(node: Schema) -> Schema:
    if _is_list(node):
        return [_closed(item) for item in node]
    if _is_object(node):
        keywords = {key: _closed_keyword(key, value) for key, value in node.items()}
        return _without_null(_without_unknown_keys(keywords))
    return node


def _closed_keyword(key: str, value: Schema) -> Schema:
    if key in _LITERALS:
        return value
    if key in _MAPS:
        return {name: _closed(schema) for name, schema in value.items()}
    return _closed(value)


def _without_unknown_keys(schema: dict[str, Schema]) -> dict[str, Schema]:
    if "object" in schema.get("type", ()) and "properties" in schema:
        return {"additionalProperties": False} | schema
    return schema


def _without_null(schema: dict[str, Schema]) -> dict[str, Schema]:
    """Undo the two ways in which a schema admits null: beside another type, and as one of two choices."""
    types = schema.get("type")
    if _is_list(types):
        names = [name for name in types if name != "null"]
        return schema | {"type": names[0] if len(names) == 1 else names}
    if {"type": "null"} in schema.get("anyOf", []):
        (only,) = (choice for choice in schema["anyOf"] if choice != {"type": "null"})
        return {**{key: value for key, value in schema.items() if key != "anyOf"}, **only}
    return schema
