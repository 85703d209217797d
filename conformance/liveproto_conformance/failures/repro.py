"""Saved failures: what a check was given when it failed, as a JSON file that ``liveproto replay`` runs again.

Theory. A file holds the check, its input, and what the run was told of the target; never a credential. Input is JSON
already, but for bytes, which are written as ``{"$bytes": BASE64}``; an object that looks like that is wrapped, so that
everything reads back as it was, tuples as lists. The card is there for the reader: it is not read back.
"""

from __future__ import annotations

import base64
import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, cast

import attrs

from liveproto.session.monitor.raw import as_object
from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.failures.card import as_json
from liveproto_conformance.failures.failure import STEPS
from liveproto_conformance.resources import load_schema
from liveproto_conformance.schema_check import violation_at
from liveproto_conformance.target import UsageError, meant
from liveproto_conformance.traces.trace import redact_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from liveproto_conformance.catalogue import Check
    from liveproto_conformance.failures.card import Card
    from liveproto_conformance.stateful.conversation import Conversation
    from liveproto_conformance.target import Settings

FORMAT: Final = 1
FOLDER: Final = "repro"
_SCHEMA: Final = "repro.schema.json"
_BYTES: Final = "$bytes"
_OBJECT: Final = "$object"
_SETTINGS: Final = ("profile", "grafana", "channel_template", "publish_via", "timeout", "quiet")
_TABLES: Final = ("capabilities", "limits")

Json = Any


@attrs.frozen
class Repro:
    """One saved failure."""

    check: Check
    values: Mapping[str, Json]
    settings: Mapping[str, Json]
    """By the names of liveproto.toml."""
    seed: int


def path_of(check_id: str) -> str:
    """Name the file of a check, relative to the report."""
    return f"{FOLDER}/{check_id}.json"


def save(card: Card, settings: Settings, path: Path) -> None:
    """Write a failure to a file, whose folder is made.

    Raises:
        OSError: it could not be written.
    """
    path.parent.mkdir(exist_ok=True)
    # ASCII, so that what a target has sent can do nothing to an editor.
    path.write_text(json.dumps(document(card, settings), indent=2) + "\n", encoding="ascii")


def document(card: Card, settings: Settings) -> dict[str, Json]:
    """Make the document of a failure."""
    chosen = {name: getattr(settings, name) for name in _SETTINGS}
    return {
        "format": FORMAT,
        "kit": version("liveproto"),
        "check": card.check,
        "requirements": [rule.id for rule in card.rules],
        "status": card.status.value,
        "target": redact_url(settings.url),
        "seed": card.seed,
        "settings": {
            **{name: str(value) if name == "grafana" else value for name, value in chosen.items() if value is not None},
            **{name: dict(getattr(settings, name)) for name in _TABLES},
        },
        "values": encode(dict(card.failure.values)),
        "message": card.failure.text,
        "card": as_json(card),
    }


def encode(value: Json) -> Json:
    """Make JSON of an input."""
    match value:
        case bytes():
            return {_BYTES: base64.b64encode(value).decode()}
        case list() | tuple():
            return [encode(item) for item in cast("Iterable[Json]", value)]
        case dict():
            encoded = {key: encode(item) for key, item in cast("dict[str, Json]", value).items()}
            return {_OBJECT: encoded} if encoded.keys() & {_BYTES, _OBJECT} else encoded
        case _:
            return value


def decode(value: Json) -> Json:
    """Read an input back.

    Raises:
        ValueError: bytes are not written as bytes are.
    """
    if isinstance(value, list):
        return [decode(item) for item in cast("Iterable[Json]", value)]
    object_ = as_object(value)
    if object_ is None:
        return value
    if object_.keys() == {_BYTES}:
        return base64.b64decode(str(object_[_BYTES]), validate=True)
    inner = as_object(object_.get(_OBJECT)) if object_.keys() == {_OBJECT} else None
    return {key: decode(item) for key, item in (object_ if inner is None else inner).items()}


def read(path: Path) -> Repro:
    """Read a saved failure.

    Raises:
        UsageError: it is none, or of a check that is not there, or was; where it is broken, and what may be meant.
    """
    try:
        text = path.read_text(encoding="utf-8")
        saved = json.loads(text)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: no JSON text: {error}") from error
    unknown = next((key for key in as_object(saved) or {} if key not in _keys()), None)
    if unknown is not None:
        raise UsageError(f"{path}: unknown key {unknown!r}{meant(unknown, _keys())}")
    fault = violation_at(_SCHEMA, "Repro", saved)
    if fault is not None:
        raise UsageError(f"{path}: {fault[0].strip('/') or 'top level'}: {fault[1]}")
    return _understood(path, saved)


def _keys() -> list[str]:
    return list(load_schema(_SCHEMA)["$defs"]["Repro"]["properties"])


def _understood(path: Path, saved: Mapping[str, Json]) -> Repro:
    check = catalogue().get(saved["check"])
    if check is None:
        raise UsageError(f"{path}: check: there is no {saved['check']!r}{meant(saved['check'], catalogue())}")
    try:
        values = decode(saved["values"])
    except ValueError as error:
        raise UsageError(f"{path}: values: {error}") from error
    complaint = _misfit(check, values)
    if complaint:
        raise UsageError(f"{path}: values: {complaint}")
    return Repro(check, values, saved["settings"], saved["seed"])


def _misfit(check: Check, values: Mapping[str, Json]) -> str:
    """Say why a check cannot be given these values; empty where it can."""
    mark = check.mark
    expected = [STEPS] if mark.machine is not None else list(mark.strategies)
    if set(values) != set(expected):
        return f"expected {_names(expected)}, got {_names(values)}"
    if mark.machine is None:
        return ""
    complaints = (_misstep(mark.machine, index, step) for index, step in enumerate(values[STEPS]))
    return next(filter(None, complaints), "")


def _misstep(machine: type[Conversation], index: int, step: Json) -> str:
    where = f"steps[{index}]"
    match step:
        case [str(name), dict()]:
            given = as_object(step[1]) or {}
        case _:
            return f"{where}: expected a name and an object of arguments, got {json.dumps(step)[:100]}"
    if name not in machine.names():
        return f"{where}: there is no step {name!r}{meant(name, machine.names())}"
    asked = machine.strategies(name)
    return "" if set(given) == set(asked) else f"{where}: {name}: expected {_names(asked)}, got {_names(given)}"


def _names(keys: Iterable[str]) -> str:
    return ", ".join(keys) or "nothing"
