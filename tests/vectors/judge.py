"""Runs one golden vector against liveproto: for each kind of file a function from a test's input to an answer.

An answer is JSON, or a refusal with what is known of it. ``schemas/vectors/README.md`` says what the files mean.
"""

import base64
import json
import math

import attrs
import msgspec

from liveproto.channel import Dots, Organisation, PrefixForm, parse_channel, split_prefix
from liveproto.errors import FrameError, InvalidChannelError, LineProtocolError
from liveproto.frames import frame_json
from liveproto.frames.converter import convert
from liveproto.frames.frame import DataFrame, Field, FieldType
from liveproto.frames.line_protocol import parse
from liveproto.grafana.ingest import Refusal, ingest, make_converters
from liveproto.grafana.managed_stream import ManagedStream
from liveproto.wire import codes, json_v2

SAFE = 2**53
DOTS = {"in-path": Dots.IN_PATH, "everywhere": Dots.EVERYWHERE}
FORMS = {"decimal": PrefixForm.DECIMAL, "namespace": PrefixForm.NAMESPACE}
SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@attrs.frozen
class Refused:
    """The input is refused; ``known`` is what a test may ask about that."""

    known: dict = attrs.field(factory=dict)


def passes(kind, test):
    """Tell whether liveproto does what a test says."""
    answer, read = answer_to(kind, test["input"]), EXPECTED.get(kind, dict)
    refused = isinstance(answer, Refused)
    if test["result"] == "acceptable":
        return refused or same(answer, read(test["output"]))
    if test["result"] == "valid":
        return not refused and same(answer, read(test["output"]))
    if "mistake" in test:
        return refused or not same(answer, read(test["mistake"]))
    told = {key: test[key] for key in ("line", "reason", "records", "status") if key in test}
    return refused and same({key: answer.known[key] for key in told}, told)


def answer_to(kind, given):
    """Give an input to liveproto."""
    try:
        return KINDS[kind](given)
    except InvalidChannelError as error:
        return Refused({"reason": error.reason.value})
    except LineProtocolError as error:
        return Refused({"line": error.line})
    except FrameError:
        return Refused()


def same(answer, expected):
    return json.dumps(canonical(answer)) == json.dumps(canonical(expected))


def canonical(value):
    """JSON in which equal values have equal text: 1.0 and 1 are one number, 0 and -0 two."""
    match value:
        case float() if value.is_integer() and str(value) != "-0.0":
            return int(value)
        case dict():
            return {key: canonical(item) for key, item in value.items()}
        case list() | tuple():
            return [canonical(item) for item in value]
        case _:
            return value


def octets(text):
    return text.encode() if isinstance(text, str) else base64.b64decode(text["base64"])


def text(data):
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def number(value):
    return value if abs(value) <= SAFE else str(value)


def channel(given):
    if "channel" in given:
        return attrs.asdict(parse_channel(given["channel"], dots=DOTS[given["dots"]]))
    if "prefixed" in given:
        organisation, rest = split_prefix(given["prefixed"])
        return {"organisation": number(organisation.id), "stack": organisation.stack, "channel": rest}
    return {"prefix": Organisation(given["organisation"], given["stack"]).prefix(FORMS[given["form"]])}


def batch(given):
    decoded = json_v2.decode_commands(octets(given["message"]))
    records = [json.loads(json_v2.encode(record)) for record in decoded.records]
    if decoded.fault is not None:
        return Refused({"records": records, "line": decoded.fault.line})
    return {"records": records}


def code(given):
    ((what, value),) = given.items()
    return CODES[what](value)


def registered_error(value):
    if value not in list(codes.ErrorCode):
        return Refused()
    error = codes.protocol_error(codes.ErrorCode(value))
    return {"message": error.message, "temporary": error.temporary}


def registered_reason(value):
    return {"reason": codes.DISCONNECTS[value].reason} if value in codes.DISCONNECTS else Refused()


CODES = {
    "close": lambda value: {"stops": codes.close_is_terminal(value)},
    "unsubscribe": lambda value: {"ends": codes.unsubscribe_is_final(value)},
    "error": registered_error,
    "retry": lambda value: {"again": codes.error_is_temporary(codes.Error(message="", **value))},
    "reason": registered_reason,
}


def line_protocol(given):
    result = parse(
        octets(given["body"]),
        now_ns=int(given["now_ns"]),
        dialect=given["dialect"],
        precision=given.get("precision", "ns"),
    )
    return {"metrics": list(map(metric, result.metrics))}


def metric(found):
    return {
        "name": text(found.name),
        "tags": [[text(key), text(value)] for key, value in found.tags],
        "fields": [[text(key), str(kind), shown(value)] for key, kind, value in found.fields],
        "time_ns": str(found.time_ns),
    }


def shown(value):
    if isinstance(value, bytes):
        return text(value)
    return value if isinstance(value, bool | float) else number(value)


def converted(given):
    frames = convert(octets(given["body"]), given["format"], now_ns=int(given["now_ns"]))
    return {"messages": [json.loads(frame_json.encode(frame)) for frame in frames]}


def frame_read(given):
    message = octets(given["message"])
    if "schema" in given:
        return {"frame": frame_out(frame_json.decode_data(message, frame_json.decode(octets(given["schema"]))))}
    return {"frame": frame_out(frame_json.decode(message))}


def frame_write(given):
    message = frame_json.encode(frame_in(given["frame"]))
    return {"message": "more than a line" if b"\n" in message else json.loads(message)}


def managed_stream(given):
    stream = ManagedStream()
    published = [json.loads(stream.push(frame_in(frame), now_s=0.0)) for frame in given["pushes"]]
    return {"published": published, "full": stream.full and json.loads(stream.full)}


def ingested(given):
    answer = ingest(
        [tuple(pair) for pair in given["query"]],
        octets(given["body"]),
        stream_id=given["stream_id"],
        converters=make_converters(),
        now_ns=int(given["now_ns"]),
    )
    if isinstance(answer, Refusal):
        return Refused({"status": answer.status})
    return {
        "published": [{"channel": one.channel, "message": json.loads(frame_json.encode(one.frame))} for one in answer]
    }


def frame_in(given):
    fields = tuple(
        Field(
            field["name"],
            FieldType(field["type"]),
            [cell_in(field["type"], value) for value in field["values"]],
            field["nullable"],
            field["labels"],
            field["config"],
        )
        for field in given["fields"]
    )
    return DataFrame(given["name"], fields, given["ref_id"], given["meta"])


def cell_in(kind, value):
    if isinstance(value, dict):
        return SPECIAL[value["float"]] if "float" in value else msgspec.Raw(value["json"].encode())
    return int(value) if isinstance(value, str) and kind != "string" else value


def frame_out(frame):
    return {
        "name": frame.name,
        "ref_id": frame.ref_id,
        "meta": frame.meta,
        "fields": [
            {
                "name": field.name,
                "type": str(field.type),
                "nullable": field.nullable,
                "labels": field.labels,
                "config": field.config,
                "values": [cell_out(field.type, value) for value in field.values],
            }
            for field in frame.fields
        ],
    }


def cell_out(kind, value):
    match value:
        case None | bool() | str():
            return value
        case bytes() | msgspec.Raw():
            return {"json": bytes(value).decode()}
        case float() if not math.isfinite(value):
            return {"float": next(name for name, one in SPECIAL.items() if repr(one) == repr(value))}
        case int():
            return str(value) if kind is FieldType.TIME else number(value)
        case _:
            return value


KINDS = {
    "channel": channel,
    "batch": batch,
    "codes": code,
    "line-protocol": line_protocol,
    "convert": converted,
    "frame-read": frame_read,
    "frame-write": frame_write,
    "managed-stream": managed_stream,
    "ingest": ingested,
}

EXPECTED = {"frame-write": lambda output: {"message": json.loads(output["message"])}}
"""What a file has as text, because its numbers may be too large for others' JSON."""
