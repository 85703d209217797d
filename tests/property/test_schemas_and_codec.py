"""The codec and the wire schemas describe one language, from both sides.

Laws: what the codec writes is in the writer's schema; what is in the reader's schema the codec reads; what the reader's
schema refuses is refused by the codec too, or breaks a rule that this file states without a schema.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
from hypothesis import event, given
from hypothesis import strategies as st

from liveproto.wire.codes import FIRST_APPLICATION_ERROR, TEMPORARY_ERRORS, ErrorCode, protocol_error
from liveproto.wire.json_v2 import decode_commands, decode_replies, encode
from liveproto.wire.messages import (
    REQUEST_FIELDS,
    RESULT_FIELDS,
    ClientInfo,
    Command,
    ConnectRequest,
    ConnectResult,
    Error,
    HistoryRequest,
    HistoryResult,
    Join,
    Leave,
    Message,
    PingRequest,
    PresenceRequest,
    PresenceResult,
    PresenceStatsRequest,
    PresenceStatsResult,
    Publication,
    PublishRequest,
    PublishResult,
    Push,
    Refresh,
    RefreshRequest,
    RefreshResult,
    Reply,
    RPCRequest,
    RPCResult,
    SendRequest,
    StreamPosition,
    SubRefreshRequest,
    SubRefreshResult,
    Subscribe,
    SubscribeRequest,
    SubscribeResult,
    Unsubscribe,
    UnsubscribeRequest,
    UnsubscribeResult,
)
from liveproto_conformance.schema_tools import definition

SCHEMAS = Path(__file__).parents[2] / "schemas"
READER = json.loads((SCHEMAS / "wire.schema.json").read_text())
WRITER = json.loads((SCHEMAS / "wire-writer.schema.json").read_text())
READS = {name: jsonschema_rs.Draft202012Validator(definition(READER, name)) for name in ("Command", "Reply")}
WRITES = {name: jsonschema_rs.Draft202012Validator(definition(WRITER, name)) for name in ("Command", "Reply")}

UINT32_MAX = 2**32 - 1
UINT64_MAX = 2**64 - 1
CHANNEL_KINDS = {"pub", "join", "leave", "unsubscribe", "subscribe"}
KINDS = set(Push.__struct_fields__) - {"channel"}

# Records, each legal to send.

uint32 = st.integers(0, UINT32_MAX)
uint64 = st.integers(0, UINT64_MAX)
int64 = st.integers(-(2**63), 2**63 - 1)
ids = st.integers(1, UINT32_MAX)
application_codes = st.integers(FIRST_APPLICATION_ERROR, UINT32_MAX)
flags = st.booleans()
text = st.text(max_size=8)
true = st.sampled_from([True])
names = st.text(min_size=1, max_size=8)
scalars = st.none() | flags | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3)
)
payloads = st.just(msgspec.UNSET) | st.builds(
    lambda value, indent: msgspec.Raw(json.dumps(value, indent=indent).encode()),
    json_values,
    st.sampled_from([None, 1]),
)


def optional(strategy):
    return st.none() | strategy


def record(cls, **fields):
    """Every field of a record either given or at its default."""
    return st.fixed_dictionaries({}, optional=fields).map(lambda kwargs: cls(**kwargs))


infos = st.builds(ClientInfo, user=text, client=text, conn_info=payloads, chan_info=payloads)
positions = record(StreamPosition, offset=uint64, epoch=text)
publications = record(
    Publication,
    data=payloads,
    info=optional(infos),
    offset=uint64,
    tags=st.dictionaries(text, text, max_size=2),
    delta=flags,
    time=int64,
    channel=text,
)
subscription = {
    "token": text,
    "recover": flags,
    "epoch": text,
    "offset": uint64,
    "data": payloads,
    "positioned": flags,
    "recoverable": flags,
    "join_leave": flags,
    "delta": text,
    "flag": int64,
}
subscribed = record(
    SubscribeResult,
    expires=flags,
    ttl=uint32,
    recoverable=flags,
    epoch=text,
    publications=st.lists(publications, max_size=2),
    recovered=flags,
    offset=uint64,
    positioned=flags,
    data=payloads,
    was_recovering=flags,
    delta=flags,
)
requests = st.one_of(
    record(
        ConnectRequest,
        token=text,
        data=payloads,
        subs=st.dictionaries(names, record(SubscribeRequest, channel=text, **subscription), max_size=2),
        name=text,
        version=text,
        headers=st.dictionaries(text, text, max_size=2),
    ),
    st.builds(SubscribeRequest, channel=names, **subscription),
    st.builds(UnsubscribeRequest, channel=names),
    st.builds(PublishRequest, channel=names, data=payloads),
    st.builds(PresenceRequest, channel=names),
    st.builds(PresenceStatsRequest, channel=names),
    st.builds(
        HistoryRequest, channel=names, limit=st.integers(-(2**31), 2**31 - 1), since=optional(positions), reverse=flags
    ),
    st.builds(PingRequest),
    st.builds(SendRequest, data=payloads),
    st.builds(RPCRequest, data=payloads, method=text),
    st.builds(RefreshRequest, token=names),
    st.builds(SubRefreshRequest, channel=names, token=text),
)
results = st.one_of(
    st.builds(
        ConnectResult,
        client=names,
        version=text,
        expires=flags,
        ttl=uint32,
        data=payloads,
        subs=st.dictionaries(names, subscribed, max_size=2),
        ping=uint32,
        pong=flags,
        session=text,
        node=text,
        time=int64,
    ),
    subscribed,
    st.builds(UnsubscribeResult),
    st.builds(PublishResult),
    st.builds(PresenceResult, presence=st.dictionaries(names, infos, max_size=2)),
    st.builds(PresenceStatsResult, num_clients=uint32, num_users=uint32),
    st.builds(HistoryResult, publications=st.lists(publications, max_size=2), epoch=text, offset=uint64),
    st.builds(RPCResult, data=payloads),
    record(RefreshResult, client=text, version=text, expires=flags, ttl=uint32),
    record(SubRefreshResult, expires=flags, ttl=uint32),
)
errors = st.one_of(
    st.builds(protocol_error, st.sampled_from(ErrorCode)),
    st.builds(Error, code=application_codes, message=names, temporary=flags),
    st.builds(Error, code=st.integers(1, 399).filter(lambda code: code not in TEMPORARY_ERRORS), message=names),
)
pushes = st.one_of(
    st.builds(Push, channel=names, pub=publications),
    st.builds(Push, channel=names, join=st.builds(Join, info=infos)),
    st.builds(Push, channel=names, leave=st.builds(Leave, info=infos)),
    st.builds(Push, channel=names, unsubscribe=st.builds(Unsubscribe, code=st.integers(2000, 2999), reason=text)),
    st.builds(
        Push,
        channel=names,
        subscribe=record(Subscribe, recoverable=flags, epoch=text, offset=uint64, positioned=flags, data=payloads),
    ),
    st.builds(Push, message=st.builds(Message, data=payloads)),
    st.builds(Push, refresh=record(Refresh, expires=flags, ttl=uint32)),
)


def command(number, request):
    return Command(id=number, **{REQUEST_FIELDS[type(request)]: request})


def answer(number, result):
    return Reply(id=number, **{RESULT_FIELDS[type(result)]: result})


commands = st.one_of(
    st.just(Command()),
    st.builds(command, ids, requests),
    st.builds(command, st.just(0), st.builds(SendRequest, data=payloads)),
)
replies = st.one_of(
    st.just(Reply()),
    st.builds(answer, ids, results),
    st.builds(Reply, id=ids, error=errors),
    st.builds(Reply, push=pushes),
)

# Values of the reader's language, made from the schema itself. The four entries with conditions are chosen by hand.

unknown_keys = st.dictionaries(text.map("zz_{}".format), json_values, max_size=1)


def named(name) -> st.SearchStrategy[Any]:
    by_hand = {"Error": error_values, "Push": push_values}
    return by_hand[name] if name in by_hand else values(READER["$defs"][name])


def values(schema) -> st.SearchStrategy[Any]:
    """Every value of a schema without conditions, unknown keys included."""
    match schema:
        case {"$ref": reference}:
            made = st.deferred(lambda: named(reference.removeprefix("#/$defs/")))
        case {"anyOf": [*choices]}:
            made = st.one_of(*map(values, choices))
        case {"const": value}:
            made = st.just(value)
        case {"type": [*types]}:
            made = st.one_of(*(values(schema | {"type": name}) for name in types))
        case {"type": name}:
            made = BY_TYPE[name](schema)
        case _:
            made = json_values
    return made


def object_values(schema) -> st.SearchStrategy[dict[str, Any]]:
    if "additionalProperties" in schema:
        return st.dictionaries(names, values(schema["additionalProperties"]), max_size=2)
    fields = {name: values(inner) for name, inner in schema["properties"].items()}
    needed = {name: fields.pop(name) for name in schema.get("required", ())}
    known = st.fixed_dictionaries(needed, optional=fields)
    return st.builds(lambda unknown, value: unknown | value, unknown_keys, known)


BY_TYPE = {
    "object": object_values,
    "array": lambda schema: st.lists(values(schema["items"]), max_size=2),
    "string": lambda schema: st.text(min_size=schema.get("minLength", 0), max_size=8),
    "integer": lambda schema: st.integers(schema["minimum"], schema["maximum"]),
    "boolean": lambda _: flags,
    "null": lambda _: st.none(),
}


def fixed(fields):
    """These fields and unknown ones."""
    return st.builds(lambda unknown, value: unknown | value, unknown_keys, st.fixed_dictionaries(fields))


def one_of_fields(schema, without, **beside):
    return st.one_of(
        fixed({name: values(inner)} | beside) for name, inner in schema["properties"].items() if name not in without
    )


lasting_codes = (st.integers(1, 399) | application_codes).filter(lambda code: code not in TEMPORARY_ERRORS)
error_values = st.one_of(
    fixed({"code": st.sampled_from(sorted(TEMPORARY_ERRORS)) | application_codes, "message": names, "temporary": true}),
    fixed({"code": lasting_codes, "message": names}),
)
_push = READER["$defs"]["Push"]
push_values = st.one_of(
    one_of_fields(_push, {"id", "channel", "connect", "disconnect"}, channel=names),
    one_of_fields(_push, {"id", "channel", "connect", "disconnect"}, id=st.integers(1, 2**63 - 1)),
    one_of_fields(_push, CHANNEL_KINDS | {"id", "channel", "connect", "disconnect"}),
    st.dictionaries(text.map("zz_{}".format), json_values, min_size=1, max_size=2),
)
reply_values = st.one_of(
    st.just({}),
    fixed({"push": push_values}),
    one_of_fields(READER["$defs"]["Reply"], {"id", "push"}, id=ids),
)


def request_values(name, **beside):
    (_, reference) = READER["$defs"]["Command"]["properties"][name]["anyOf"]
    others = st.dictionaries(st.sampled_from(sorted(set(REQUEST_FIELDS.values()) - {name})), st.none(), max_size=2)
    return st.builds(lambda nulls, value: nulls | value, others, fixed({name: values(reference)} | beside))


command_values = st.one_of(
    st.just({}),
    *(request_values(name, id=ids) for name in REQUEST_FIELDS.values()),
    request_values("send"),
    request_values("send", id=st.none() | uint32),
)

# Rules stated without a schema.


def broken_rule(reply: Reply, value: Any) -> str | None:
    """The first rule a reply breaks, as it was decoded from this value."""
    if reply == Reply():
        return "GL-PING-001" if value else None
    outcomes = [name for name in ("error", *RESULT_FIELDS.values()) if getattr(reply, name) is not None]
    if reply.push is not None:
        return "GL-WIRE-041" if reply.id or outcomes else broken_push_rule(reply.push)
    if not reply.id:
        return "GL-WIRE-034"
    if len(outcomes) != 1:
        return "GL-WIRE-045"
    if reply.error is not None:
        return broken_error_rule(reply.error)
    return "GL-CONN-001" if reply.connect is not None and not reply.connect.client else None


def broken_push_rule(push: Push) -> str | None:
    kinds = {kind for kind in KINDS if getattr(push, kind) is not None}
    if len(kinds) != 1 or (kinds & CHANNEL_KINDS and not push.channel):
        return "GL-WIRE-042"
    if push.unsubscribe is not None and not 2000 <= push.unsubscribe.code <= 2999:
        return "GL-CODE-012"
    return None


def broken_error_rule(error: Error) -> str | None:
    if not error.code or not error.message:
        return "GL-CODE-001"
    if error.code < FIRST_APPLICATION_ERROR and error.temporary != (error.code in TEMPORARY_ERRORS):
        return "GL-CODE-002"
    return None


def has_wide_number(value: Any) -> bool:
    """Whether a number exceeds every integer of the protobuf: the codec reads those, and no peer can."""
    match value:
        case dict():
            return any(has_wide_number(inner) for inner in value.values())
        case list():
            return any(has_wide_number(inner) for inner in value)
    return isinstance(value, int) and not -(2**63) <= value <= UINT64_MAX


def locations(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    match value:
        case dict():
            inner = value.items()
        case list():
            inner = enumerate(value)
        case _:
            inner = ()
    return [path, *(found for key, item in inner for found in locations(item, (*path, key)))]


REPLACEMENTS = [None, False, True, 0, -1, 1.5, 2**32, 2**64, "", "x", [], ["x"], {}, {"code": 1}]
ADDITIONS = [
    ("id", 7),
    ("id", 0),
    ("error", {"code": 103, "message": "x"}),
    ("push", {}),
    ("rpc", {}),
    ("join", {}),
    ("channel", ""),
]


def mutate(data, original):
    """Replace, drop or add one thing anywhere in a value; tell what was written."""
    value = copy.deepcopy(original)
    *parents, key = data.draw(st.sampled_from([path for path in locations(value) if path] or [("id",)]))
    holder = value
    for step in parents:
        holder = holder[step]
    kind = data.draw(st.sampled_from(["replace", "drop", "add"]))
    if kind == "drop" and holder:
        del holder[key]
        return value, ...
    if kind == "add" and isinstance(holder, dict):
        key, written = data.draw(st.sampled_from(ADDITIONS))
    else:
        written = data.draw(st.sampled_from(REPLACEMENTS))
    holder[key] = written
    return value, written


@given(commands)
def test_what_the_codec_writes_as_a_command_is_in_the_writers_schema(record):
    value = json.loads(encode(record))
    assert WRITES["Command"].is_valid(value)
    assert READS["Command"].is_valid(value)


@given(replies)
def test_what_the_codec_writes_as_a_reply_is_in_the_writers_schema(record):
    value = json.loads(encode(record))
    assert WRITES["Reply"].is_valid(value)
    assert READS["Reply"].is_valid(value)


@given(command_values)
def test_what_the_readers_schema_makes_as_a_command_the_codec_reads(value):
    assert READS["Command"].is_valid(value)
    decoded = decode_commands(json.dumps(value).encode())
    assert decoded.fault is None
    (record,) = decoded.records
    assert record.id == (value.get("id") or 0)
    for name in REQUEST_FIELDS.values():
        assert (getattr(record, name) is None) == (value.get(name) is None)


@given(reply_values)
def test_what_the_readers_schema_makes_as_a_reply_the_codec_reads(value):
    assert READS["Reply"].is_valid(value)
    decoded = decode_replies(json.dumps(value).encode())
    assert decoded.fault is None
    (record,) = decoded.records
    assert record.id == value.get("id", 0)
    for name in ("error", "push", *RESULT_FIELDS.values()):
        assert (getattr(record, name) is None) == (name not in value)


@given(replies, st.data())
def test_what_the_readers_schema_refuses_the_codec_refuses_or_a_rule_forbids(record, data):
    value, written = mutate(data, json.loads(encode(record)))
    if READS["Reply"].is_valid(value):
        event("mutant is valid")
        return
    decoded = decode_replies(json.dumps(value).encode())
    if decoded.fault is not None:
        event("codec refuses")
        return
    (mutant,) = decoded.records
    rule = broken_rule(mutant, value)
    if rule is None and written in (None, False, 0, ""):
        event("a zero or null stands where it must be left out")
        assert json.loads(encode(mutant)) != value
    elif rule is None and has_wide_number(value):
        event("a number beyond the protobuf")
    else:
        event(f"breaks {rule}")
        assert rule is not None
