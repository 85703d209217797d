"""What a proxy can do to messages and Close frames: the tools of which wire mutants are made.

Theory. A line is looked at through its members, undecoded, so that what is not changed keeps its bytes. A rewriter that
counts or remembers is made anew for each connection.

Not here: frames on a socket (``proxy``), which mutants there are (``wire_table``, ``wire_schema``).
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import attrs
import msgspec
from msgspec import Raw

from liveproto_conformance.selftest.proxy import Frame, Opcode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from liveproto_conformance.selftest.proxy import Rewriter

    Members = dict[str, Raw]
    MembersChange = Callable[[Members], Members]
    Test = Callable[[bytes], bool]
    """Of a line."""
    Change = Callable[[bytes], Iterable[bytes]]
    """Makes lines of a line."""

EVERY: Final = "*"
"""Stands in a path for each element of an array, and each value of a map."""
_members: Final = msgspec.json.Decoder(dict[str, Raw])
_elements: Final = msgspec.json.Decoder(list[Raw])
_CODE_BYTES: Final = 2
_GREATEST_CODE: Final = 0xFFFF


def members_of(line: bytes) -> Members:
    """Return the members of an object, none of what is no object."""
    try:
        return _members.decode(line)
    except msgspec.DecodeError:
        return {}


def encoded(value: object) -> bytes:
    """Write JSON."""
    return msgspec.json.encode(value)


# -- lines that are meant --------------------------------------------------------------------------------------------


def has(*path: str) -> Test:
    """Mean lines with a member at a path."""

    def test(line: bytes) -> bool:
        for name in path:
            members = members_of(line)
            if name not in members:
                return False
            line = bytes(members[name])
        return True

    return test


def has_code(code: int) -> Test:
    """Mean errors with a code."""
    return lambda line: members_of(bytes(members_of(line).get("error", b""))).get("code") == Raw(str(code).encode())


def is_ping(line: bytes) -> bool:
    """Mean pings and pongs."""
    return line == b"{}"


def is_reply(line: bytes) -> bool:
    """Mean replies of any kind."""
    return has("id")(line)


def any_line(_: bytes) -> bool:
    """Mean every line."""
    return True


# -- what is made of a line ------------------------------------------------------------------------------------------


def nothing(_: bytes) -> Sequence[bytes]:
    """Drop it."""
    return ()


def twice(line: bytes) -> Sequence[bytes]:
    """Repeat it."""
    return line, line


def before(other: bytes) -> Change:
    """Put another line before it."""
    return lambda line: (other, line)


def behind(other: bytes) -> Change:
    """Put another line behind it."""
    return lambda line: (line, other)


def with_member(*path: str, value: object) -> Change:
    """Set a member."""
    *above, name = path
    return in_objects(above, assigned(name, value, only_there=False))


def without(*path: str) -> Change:
    """Drop a member."""
    *above, name = path
    return in_objects(above, dropped(name))


def assigned(name: str, value: object, *, only_there: bool) -> MembersChange:
    """Set a member of an object, in any or only where it is there."""
    raw = Raw(encoded(value))
    return lambda members: members if only_there and name not in members else {**members, name: raw}


def dropped(name: str) -> MembersChange:
    """Drop a member of an object."""
    return lambda members: {key: value for key, value in members.items() if key != name}


def computed(change: Callable[[bytes], object], *path: str) -> Change:
    """Set a member that is there to what is computed of its text, unless that cannot be."""
    *above, name = path

    def changed(members: Members) -> Members:
        with suppress(KeyError, ValueError, msgspec.DecodeError):
            return {**members, name: Raw(encoded(change(bytes(members[name]))))}
        return members

    return in_objects(above, changed)


def in_objects(path: Sequence[str], change: MembersChange) -> Change:
    """Change the members of every object that stands at a path; a line without one stays as it is."""
    return lambda line: (_changed(line, path, change),)


def _changed(value: bytes, path: Sequence[str], change: MembersChange) -> bytes:
    if path and path[0] == EVERY and value.startswith(b"["):
        return encoded([Raw(_changed(bytes(element), path[1:], change)) for element in _elements.decode(value)])
    members = members_of(value)
    if not path:
        changed = change(members) if value.startswith(b"{") else members
    else:
        names = members if path[0] == EVERY else members.keys() & {path[0]}
        changed = {
            name: Raw(_changed(bytes(inner), path[1:], change)) if name in names else inner
            for name, inner in members.items()
        }
    return value if changed == members else encoded(changed)


# -- rewriters -------------------------------------------------------------------------------------------------------


def lines(test: Test, change: Change, *, each: int = 1) -> Callable[[], Rewriter]:
    """Change every line that is meant, or each second, third ... of them."""

    def make() -> Rewriter:
        count = itertools.count(1)

        def changed(line: bytes) -> Iterable[bytes]:
            return change(line) if test(line) and next(count) % each == 0 else (line,)

        return batches(lambda given: [new for line in given for new in changed(line)])()

    return make


def echo(heard: Test, cue: Test) -> Callable[[], Rewriter]:
    """Repeat the last line of one kind behind each line of another."""

    def make() -> Rewriter:
        last: list[bytes] = []

        def change(line: bytes) -> Iterable[bytes]:
            if heard(line):
                last[:] = [line]
            return (line, *last) if cue(line) else (line,)

        return lines(any_line, change)()

    return make


def late(test: Test, seconds: float, *, each: int = 1) -> Callable[[], Rewriter]:
    """Send every line that is meant, or each second, third ... of them, so much later and by itself."""

    def make() -> Rewriter:
        count = itertools.count(1)

        def rewrite(frame: Frame) -> Iterable[Frame]:
            if frame.opcode != Opcode.TEXT:
                yield frame
                return
            for line in frame.payload.split(b"\n"):
                delayed = test(line) and next(count) % each == 0
                yield attrs.evolve(frame, payload=line, after_s=seconds if delayed else 0.0)

        return rewrite

    return make


def texts(change: Callable[[bytes], bytes]) -> Callable[[], Rewriter]:
    """Change every message; one of which nothing is left is not sent."""

    def rewrite(frame: Frame) -> Iterable[Frame]:
        payload = change(frame.payload) if frame.opcode == Opcode.TEXT else frame.payload
        return (attrs.evolve(frame, payload=payload),) if payload or not frame.payload else ()

    return lambda: rewrite


def batches(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[], Rewriter]:
    """Change the lines of every message together."""
    return texts(lambda text: b"\n".join(change(text.split(b"\n"))))


def as_binary() -> Rewriter:
    """Make every text message a binary one."""
    return lambda frame: (attrs.evolve(frame, opcode=Opcode.BINARY) if frame.opcode == Opcode.TEXT else frame,)


def closes(change: Callable[[int, bytes], tuple[int, bytes] | None]) -> Callable[[], Rewriter]:
    """Change the code and reason of every Close frame, or drop it."""

    def rewrite(frame: Frame) -> Iterable[Frame]:
        if frame.opcode != Opcode.CLOSE:
            return (frame,)
        changed = change(int.from_bytes(frame.payload[:_CODE_BYTES], "big"), frame.payload[_CODE_BYTES:])
        if changed is None:
            return ()
        code, reason = changed
        return (attrs.evolve(frame, payload=(code & _GREATEST_CODE).to_bytes(_CODE_BYTES, "big") + reason),)

    return lambda: rewrite
