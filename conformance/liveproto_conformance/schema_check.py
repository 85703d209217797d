"""Judges messages by their JSON Schemas: jsonschema-rs decides, jsonschema explains."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

import jsonschema_rs

from liveproto_conformance.resources import load_schema

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

WIRE: Final = "wire.schema.json"


@cache
def _fast(file: str, definition: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(_subschema(file, definition))


@cache
def _explaining(file: str, definition: str) -> Validator:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - a tenth of a second that most runs never need

    return Draft202012Validator(_subschema(file, definition))


def _subschema(file: str, definition: str) -> dict[str, Any]:
    schema = load_schema(file)
    return {"$schema": schema["$schema"], "$ref": f"#/$defs/{definition}", "$defs": schema["$defs"]}


def violation(file: str, definition: str, value: Any) -> str | None:  # noqa: ANN401 - a JSON value
    """Say where and how a value breaks a definition of a schema file, or None if it does not."""
    if _fast(file, definition).is_valid(value):
        return None
    from jsonschema.exceptions import best_match  # noqa: PLC0415 # pyright: ignore[reportUnknownVariableType] - untyped

    errors = _explaining(file, definition).iter_errors(value)
    error = cast("ValidationError | None", best_match(errors))
    if error is None:
        return f"{definition}: invalid"
    pointer = "".join(f"/{part}" for part in error.absolute_path)
    return f"at {pointer or 'the top'}: {error.message[:300]}"


def reply_violation(value: Any) -> str | None:  # noqa: ANN401 - a JSON value
    """Say how one line of a server breaks the schema of replies."""
    return violation(WIRE, "Reply", value)
