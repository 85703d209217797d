"""What SPEC.md leaves unspecified about a message, recognised in its text: there two servers may differ."""

import json
import re

REQUESTS = frozenset(
    {"connect", "subscribe", "unsubscribe", "publish", "presence", "presence_stats", "history", "ping", "send", "rpc"}
    | {"refresh", "sub_refresh"}
)
_FIELDS = REQUESTS | {"id", "channel", "data", "method", "token", "recover"}
_MOST_LEVELS = 500
_MOST_OFFSET = 2**64 - 1
_PAYLOAD = "data"


def freedoms_of(message):
    """Name every freedom that a message, text or binary, makes use of."""
    try:
        text = message if isinstance(message, str) else message.decode()
    except UnicodeDecodeError:
        return {"invalid UTF-8"}
    return {name for name, uses in FREEDOMS.items() for line in text.split("\n") if uses(line)}


def _value_of(line):
    """The first value of a line, objects as lists of pairs; None where there is none."""
    try:
        return json.JSONDecoder(object_pairs_hook=_Pairs).raw_decode(line.strip(" \t\r"))
    except (ValueError, RecursionError):
        return None, 0


class _Pairs(list):
    """An object's members in order, repeated keys included."""


def _members(line):
    """The members of a command and, behind them, of its requests."""
    command, _ = _value_of(line)
    if isinstance(command, _Pairs):
        yield command
        yield from (value for _, value in command if isinstance(value, _Pairs))


def _continues(line):
    value, end = _value_of(line)
    return value is not None and line.strip(" \t\r")[end:].strip(" \t\r") != ""


def _differs_in_case(line):
    return any(key not in _FIELDS and key.casefold() in _FIELDS for pairs in _members(line) for key, _ in pairs)


def _repeats_a_key(line):
    return any(len({key for key, _ in pairs}) < len(pairs) for pairs in _members(line))


def _is_deep(line):
    depth = deepest = 0
    for sign in re.findall(r"[\[{\]}]", line):
        depth += 1 if sign in "[{" else -1
        deepest = max(deepest, depth)
    return deepest > _MOST_LEVELS


def _sends_beside_another(line):
    command, _ = _value_of(line)
    keys = {key for key, value in command if value is not None} if isinstance(command, _Pairs) else set()
    return "send" in keys and len(keys & REQUESTS) > 1


def _has_a_lone_surrogate(line):
    texts = [v for pairs in _members(line) for key, v in pairs if key != _PAYLOAD and isinstance(v, str)]
    return any("\ud800" <= sign <= "\udfff" for text in texts for sign in text)


def _has_a_sign_between_z_and_a(line):
    return any(
        key == "channel" and isinstance(value, str) and re.search(r"[\[\\\]^`]", value)
        for pairs in _members(line)
        for key, value in pairs
    )


def _has_an_integer_beyond_64_bits(line):
    offsets = [value for pairs in _members(line) for key, value in pairs if key == "offset"]
    return any(isinstance(value, int) and value > _MOST_OFFSET for value in offsets)


FREEDOMS = {
    "invalid UTF-8": lambda _: False,
    "what follows a value on its line (GL-WIRE-033)": _continues,
    "keys that differ in case": _differs_in_case,
    "repeated keys (GL-WIRE-046)": _repeats_a_key,
    "nesting depth": _is_deep,
    "integers beyond 64 bits": _has_an_integer_beyond_64_bits,
    "a send beside another request": _sends_beside_another,
    "lone surrogates": _has_a_lone_surrogate,
    "characters between Z and a (GL-CHAN-013)": _has_a_sign_between_z_and_a,
}
"""Section 12 of SPEC.md, and requirements of status undefined; what only reordering does is ``transcript.py``'s."""
