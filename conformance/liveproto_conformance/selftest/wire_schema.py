"""The wire mutants that follow from the schemas: fields of what a server sends, missing or of a wrong value.

Theory. From ``Reply`` on, every record that can stand in a line is found, with the paths that lead to it. What a record
must have is dropped and set to a value of another type, and so are the members of a line and of a push; what may not be
zero or empty is; and what a record must not have is added. A field is set whether it is there or not, but a member of a
line or of a push only where it is there, because those exclude each other.

Not here: what needs more than one line to be wrong (``wire_table``).
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from liveproto_conformance.resources import load_schema
from liveproto_conformance.schema_check import WIRE
from liveproto_conformance.selftest import rewriting as rw
from liveproto_conformance.selftest.wire_table import WireMutant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Schema = Any
    Path = tuple[str, ...]
    Field = tuple[str, str]
    """Of a record, by their names."""

_ROOT: Final = "Reply"
_EXCLUSIVE: Final = frozenset({_ROOT, "Push"})
"""Records of which a member excludes others."""
_REQUIRED: Final = {_ROOT: ("id",), "Push": ("channel",), "Publication": ("data",)}
"""What records must have that their schemas require only beside something else, or not at all."""
_NEVER_SENT: Final = frozenset({"Unsubscribe", "Message", "Subscribe", "Refresh", "RefreshResult", "SubRefreshResult"})
"""Records that no server of the kit sends: it pushes none of these, and refuses to refresh."""
_COMPACTION: Final = ("Push", "id")
"""A field that no server of the kit sends either."""
_GRAFANA: Final = frozenset({"Join", "Leave"})
"""Pushes of channels that only Grafana has."""
_REFERENCE: Final = "#/$defs/"
_WRONG: Final[dict[str, object]] = {"string": 7, "integer": "7", "boolean": "yes", "object": [], "array": {}}
"""A value of another type for each type."""


def generated() -> Iterator[WireMutant]:
    """Make them all."""
    paths_of = records()
    for (record, field), (schema, required) in _fields(paths_of).items():
        name, resolved, exclusive = f"{record}.{field}", _resolved(schema), record in _EXCLUSIVE
        make = partial(_mutant, paths=paths_of[record], grafana=bool({record, _name_of(schema)} & _GRAFANA))
        set_to = partial(rw.assigned, field, only_there=exclusive)
        if resolved is False:
            change = rw.assigned(field, {}, only_there=False)
            yield make(f"forbidden/{name}", "it is sent as on other transports", change)
            continue
        if required:
            yield make(f"drop-required/{name}", "what is empty is left out", rw.dropped(field))
        for value in _of_another_type(resolved) if required or exclusive else ():
            yield make(f"retype/{name}", "the server's language has other types", set_to(value))
        for value in _unset(resolved):
            yield make(f"unset/{name}", "what was never set is sent", set_to(value))


def records() -> dict[str, list[Path]]:
    """List every record that a server of the kit can send, with the paths that lead to it from a line."""
    found: dict[str, list[Path]] = defaultdict(list)

    def walk(schema: Schema, path: Path) -> None:
        name, inner = _name_of(schema), _resolved(schema)
        if inner is False or name in _NEVER_SENT:
            return
        if name is not None and "properties" in inner:
            found[name].append(path)
        for step, below in _below(inner):
            walk(below, (*path, step))

    walk({"$ref": _REFERENCE + _ROOT}, ())
    return dict(found)


def _below(schema: Schema) -> Iterable[tuple[str, Schema]]:
    yield from schema.get("properties", {}).items()
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield rw.EVERY, schema[key]


def _fields(names: Iterable[str]) -> dict[Field, tuple[Schema, bool]]:
    """List the fields of records, with their schemas and whether they are required."""
    return {
        (name, field): (schema, field in (*_definition(name).get("required", ()), *_REQUIRED.get(name, ())))
        for name in names
        for field, schema in _definition(name)["properties"].items()
        if _name_of(schema) not in _NEVER_SENT and (name, field) != _COMPACTION
    }


def _of_another_type(schema: Schema) -> Iterator[object]:
    if schema.get("type") in _WRONG:
        yield _WRONG[schema["type"]]


def _unset(schema: Schema) -> Iterator[object]:
    """Make the zero value where it is no valid one."""
    if schema.get("minimum", 0) > 0:
        yield 0
    if schema.get("minLength", 0) > 0:
        yield ""


def _mutant(id_: str, why: str, change: rw.MembersChange, *, paths: list[Path], grafana: bool) -> WireMutant:
    def everywhere(line: bytes) -> Iterable[bytes]:
        for path in paths:
            (line,) = rw.in_objects(path, change)(line)
        return (line,)

    make = rw.lines(rw.any_line, everywhere)
    return WireMutant(id=id_, why=why, to_client=make, grafana=grafana)


def _definition(name: str) -> Schema:
    return load_schema(WIRE)["$defs"][name]


def _name_of(schema: Schema) -> str | None:
    """Return the name of the entry of $defs that a schema refers to."""
    if schema is False:
        return None
    reference: str | None = schema.get("$ref")
    return None if reference is None else reference.removeprefix(_REFERENCE)


def _resolved(schema: Schema) -> Schema:
    name = _name_of(schema)
    return schema if name is None else _definition(name)
