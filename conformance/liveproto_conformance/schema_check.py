"""Judges messages by their JSON Schemas: jsonschema-rs decides, jsonschema explains."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

import jsonschema_rs

from liveproto_conformance.resources import load_schema
from liveproto_conformance.schema_tools import definition

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

WIRE: Final = "wire.schema.json"


@cache
def _fast(file: str, name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(definition(load_schema(file), name))


@cache
def _explaining(file: str, name: str) -> Validator:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - a tenth of a second that most runs never need

    return Draft202012Validator(definition(load_schema(file), name))


def violation_at(file: str, name: str, value: Any) -> tuple[str, str] | None:  # noqa: ANN401 - a JSON value
    """Return the JSON Pointer and the way a value breaks a definition of a schema file, or None if it does not."""
    if _fast(file, name).is_valid(value):
        return None
    from jsonschema.exceptions import best_match  # noqa: PLC0415 # pyright: ignore[reportUnknownVariableType] - untyped

    errors = _explaining(file, name).iter_errors(value)
    error = cast("ValidationError | None", best_match(errors))
    if error is None:
        return "", f"{name}: invalid"
    pointer = "".join(f"/{part}" for part in error.absolute_path)
    return pointer, error.message[:300]


def reply_violation(value: Any) -> tuple[str, str] | None:  # noqa: ANN401 - a JSON value
    """Return where and how one line of a server breaks the schema of replies."""
    return violation_at(WIRE, "Reply", value)
