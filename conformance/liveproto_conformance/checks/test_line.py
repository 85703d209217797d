"""LINE: which lines Grafana reads, and as what.

A table has the lines of a requirement, those first that show in lines of others too; ``line_tables`` tells what ``cpu``
and ``@`` stand for.
"""

from __future__ import annotations

import time
from typing import Final

from liveproto_conformance.check import check
from liveproto_conformance.line_tables import Lines, filled, refuses, takes
from liveproto_conformance.pushing import TIME_NS, Ingest, same
from liveproto_conformance.session import dumps

DAY_MS: Final = 86_400_000
"""What the clock of a target may differ from that of the kit."""


def _values(*values: bytes) -> tuple[bytes, ...]:
    return tuple(b"cpu v=" + value + b" @" for value in values)


# -- what is read ------------------------------------------------------------------------------------------------------

SHAPES: Final[Lines] = {
    "GL-LINE-001": (b"cpu v=1 @\r", b"cpu v=2 @", b"cpu v=3 @\r"),
    "GL-LINE-002": (b"", b"  ", b"\r", b"# cpu v=1 @", b"  #cpu v=2 @", b"#", b"cpu v=3 @", b""),
    "GL-LINE-003": (b"  cpu   v=1   @   ", b" cpu,a=b  v=2 @ \r", b"cpu v=3  @"),
    "GL-LINE-027": (b"\tcpu\tv=1\t@\t", b"\x0bcpu\x0bv=2\x0b@\x0b", b"\x0ccpu \x0cv=3\x0c@\x0c", b" \t\x0b\x0c"),
    "GL-LINE-037": (b"#\x00\x01\x7f\xff\t", b'# "', b"#a\rb", b"cpu v=1 @"),
}
NAMES: Final[Lines] = {
    "GL-LINE-009": (b'cpu,"a"="b" "v"=1 @', b'cpu,a=" v=1 @', b'cpu,a=b v"=1 @'),
    "GL-LINE-010": (rb"cpu,a\,b=c\,d v\,w=1 @", rb"cpu,a\ b=c\ d v\ w=1 @", rb"cpu,a\=b=c\=d v\=w=1 @"),
    "GL-LINE-011": (rb"cpu,a\b=\1\n v\w=1 @", rb"cpu,a=b\-c v\t=1 @"),
    "GL-LINE-028": (b"cpu,\x01=\x7f v\x02=1 @", b'cpu s="\x01\x7f" @', b'cpu s="a\xffb" @'),
    "GL-LINE-029": (rb"cpu a\\=1 @", rb"cpu a\\b=1 @"),
    "GL-LINE-030": (rb"cpu,a=b\\ c v=1 @", rb"cpu,a\\ b=c v=1 @"),
    "GL-LINE-031": (rb"cpu,a=b\"c v=1 @", rb"cpu,a=b\"\ c v=1 @", rb"cpu,a\"b=c d\"\ e=1 @"),
}
TAGS: Final[Lines] = {
    "GL-LINE-026": (b"cpu,b=2,a=1,C=3 v=1 @", b"cpu,z=1,\xc3\xa9=2,aa=3,a=4 v=1 @"),
    "GL-LINE-038": (b"cpu,a=1,a=2 v=1 @", b"cpu,a=1,b=2,a=3 v=1 @"),
}
MEASUREMENTS: Final[Lines] = {
    "GL-LINE-008": (b"cpu=a=b",),
    "GL-LINE-009": (b'cpu"a"',),
    "GL-LINE-010": (rb"cpu\,a", rb"cpu\ a"),
    "GL-LINE-011": (rb"cpu\a",),
    "GL-LINE-028": (b"cpu\x01\x7f",),
    "GL-LINE-029": (rb"cpu\\",),
}
STRINGS: Final[Lines] = {
    "GL-LINE-005": (b'cpu s="" @',),
    "GL-LINE-012": (b'cpu s="a, b=c\t\x00#" @', b'cpu s="two\nlines",v=1 @', b'cpu s="two\r\nlines" @'),
    "GL-LINE-013": (rb'cpu s="a\"b" @', rb'cpu s="\\" @', rb'cpu s="\\\"" @'),
}
VALUES: Final[Lines] = {
    "GL-LINE-016": _values(b"t", b"T", b"true", b"True", b"TRUE", b"f", b"F", b"false", b"False", b"FALSE"),
    "GL-LINE-017": _values(b"9223372036854775807i", b"-9223372036854775808i", b"0i", b"-12i"),
    "GL-LINE-018": _values(b"18446744073709551615u", b"0u"),
    "GL-LINE-019": _values(b"1.", b".5", b"-.5", b"00.5", b"007", b"1.e5", b"1E+5", b"-1.5e-3"),
    "GL-LINE-020": _values(
        b"1e-400", b"5e-324", b"1.7976931348623157e308", b"9007199254740993", b"0.30000000000000004"
    ),
    "GL-LINE-039": (b"cpu v=1,v=2 @", b'cpu v=1,w=2,v="x" @', b"cpu v=1,v=t @"),
}
TIMES: Final[Lines] = {
    "GL-LINE-023": (b"cpu v=1 1600000000123000000", b"cpu v=1 1000000"),
    "GL-LINE-022": (
        b"cpu v=1 -1000000",
        b"cpu v=1 0000000000002000000",
        b"cpu v=1 9223372036854000000",
        b"cpu v=1 -9223372036854000000",
    ),
    "GL-LINE-024": (b"cpu v=1 0",),
}


@check(*SHAPES)
def test_white_space_comments_and_line_ends_are_no_points(ingest: Ingest) -> None:
    takes(ingest, SHAPES)


@check(*NAMES)
def test_keys_and_tag_values_are_read_as_they_are_escaped(ingest: Ingest) -> None:
    takes(ingest, NAMES)


@check(*TAGS)
def test_tags_are_read_in_the_order_of_their_keys(ingest: Ingest) -> None:
    takes(ingest, TAGS, query="")


@check(*MEASUREMENTS)
def test_measurements_are_read_as_they_are_escaped(ingest: Ingest) -> None:
    # Of most of these no channel can be named, but the list has them.
    pushed = {
        requirement: [filled(name, ingest.fresh(), iter(())) for name in names]
        for requirement, names in MEASUREMENTS.items()
    }
    kept = {id_: _pushed(ingest, names, id_) for id_, names in pushed.items()}
    listed = ingest.listing()
    for requirement, measurements in kept.items():
        for measurement in measurements:
            channel = f"stream/{ingest.stream}/{measurement}"
            in_list = dumps([each for each in listed if each.startswith(f"stream/{ingest.stream}/")])
            assert channel in listed, f"expected {dumps(channel)} in the list, got {in_list} ({requirement})"


def _pushed(ingest: Ingest, measurements: list[bytes], requirement: str) -> list[str]:
    """Push a point of each measurement and return the names under which they are kept."""
    body = b"\n".join(b"%b v=1 %d" % (measurement, TIME_NS) for measurement in measurements)
    answer = ingest.post(body)
    assert answer.status == 200, f"expected 200 to {body!r}, got {answer} ({requirement})"
    return [name for name, _ in ingest.published(body)]


@check(*STRINGS)
def test_strings_hold_what_stands_between_quotes(ingest: Ingest) -> None:
    takes(ingest, STRINGS)


@check(*VALUES)
def test_values_are_read_as_they_are_written(ingest: Ingest) -> None:
    takes(ingest, VALUES)


@check(*TIMES)
def test_timestamps_are_nanoseconds(ingest: Ingest) -> None:
    takes(ingest, TIMES)


@check("GL-LINE-024")
def test_a_point_without_timestamp_has_the_time_of_its_arrival(ingest: Ingest) -> None:
    cpu = ingest.fresh()
    session = ingest.subscriber(cpu)
    now_ms = time.time() * 1000
    ((_, expected),) = ingest.push(f"{cpu} v=1")
    got = session.publication(ingest.channel(cpu))
    try:
        (arrival_ms,) = got["data"]["values"][1]
        near = abs(arrival_ms - now_ms) < DAY_MS
    except (LookupError, TypeError, ValueError):
        near = False
    assert near, f"expected one row with the time {now_ms:.0f}, more or less, got {dumps(got)}"
    same(expected["schema"], got.get("schema"), "as schema")


# -- what is refused ---------------------------------------------------------------------------------------------------

MISSHAPEN: Final[Lines] = {
    "GL-LINE-004": (b"cpu", b"cpu ", b"cpu,a=b", b"cpu @", b"cpu,a=b @"),
    "GL-LINE-006": (
        b"cpu ,a=b v=1 @",
        b"cpu, a=b v=1 @",
        b"cpu,a =b v=1 @",
        b"cpu,a= b v=1 @",
        b"cpu v =1 @",
        b"cpu v= 1 @",
        b"cpu v=1 ,w=2 @",
        b"cpu v=1, w=2 @",
    ),
    "GL-LINE-005": (
        b",a=b v=1 @",
        b"cpu, v=1 @",
        b"cpu,=b v=1 @",
        b"cpu,a v=1 @",
        b"cpu,a= v=1 @",
        b"cpu,,a=b v=1 @",
        b"cpu =1 @",
        b"cpu v @",
        b"cpu v= @",
        b"cpu v=,w=1 @",
        b"cpu v=1, @",
    ),
    "GL-LINE-007": (b"cpu v=1 @\rcpu v=2 @", b"cpu\r v=1 @", b"cpu,a=b\rc v=1 @", b"cpu v=1\r @"),
    "GL-LINE-008": (b"cpu,a=b=c v=1 @", b"cpu,a=b=c,d=e v=1 @"),
    "GL-LINE-025": (b"cpu v=1 @ 2", b"cpu v=1 @ # later", b"cpu v=1 @x", b"cpu v=1 @,w=2"),
}
BAD_STRINGS: Final[Lines] = {
    "GL-LINE-014": (b'cpu s="a @', b'cpu s=" @', rb'cpu s="a\" @', b'cpu v=1,s="a @\ncpu v=2 @'),
    "GL-LINE-015": (b'cpu s="a"b @', b'cpu s="a"5 @', b"cpu v=1i2 @", b"cpu v=1x @", b"cpu v=truest @"),
    "GL-LINE-032": tuple(rb'cpu s="a\%bb" @' % escaped for escaped in (b"n", b"t", b"r", b",", b" ", b"u0041", b"/")),
    "GL-LINE-033": (b'cpu s="a\x0cb" @', b'cpu s="a\rb" @'),
}
BAD_VALUES: Final[Lines] = {
    "GL-LINE-016": _values(b"yes", b"tRUE", b"TrUe", b"fALSE", b"tr", b"off", b"nil"),
    "GL-LINE-017": _values(b"9223372036854775808i", b"-9223372036854775809i", b"99999999999999999999i"),
    "GL-LINE-018": _values(b"18446744073709551616u", b"-1u"),
    "GL-LINE-020": _values(b"1e400", b"-1e400", b"1.7976931348623159e308"),
    "GL-LINE-021": _values(
        b"+1", b"+1i", b"NaN", b"nan", b"Inf", b"-Inf", b"+Inf", b"Infinity", b".", b"-", b"1e", b"1e+", b"e5", b"--1"
    ),
    "GL-LINE-034": _values(b"01i", b"-01i", b"00u", b"007u"),
    "GL-LINE-035": _values(b"1_000", b"0x1p-2", b"0x10"),
}
BAD_TIMES: Final[Lines] = {
    "GL-LINE-022": tuple(
        b"cpu v=1 " + each
        for each in (b"+1", b"1.5", b"1e3", b"-", b"9223372036854775808", b"-9223372036854775809", b"--1", b"x")
    ),
    "GL-LINE-036": (b"cpu v=1 00000000000001000000", b"cpu v=1 -00000000000001000000"),
}


@check(*MISSHAPEN)
def test_a_line_of_another_shape_is_refused(ingest: Ingest) -> None:
    refuses(ingest, MISSHAPEN)


@check(*BAD_STRINGS)
def test_a_string_that_is_not_closed_or_escapes_otherwise_is_refused(ingest: Ingest) -> None:
    refuses(ingest, BAD_STRINGS)


@check(*BAD_VALUES)
def test_a_value_that_is_none_or_out_of_range_is_refused(ingest: Ingest) -> None:
    refuses(ingest, BAD_VALUES)


@check(*BAD_TIMES)
def test_a_timestamp_that_is_none_or_out_of_range_is_refused(ingest: Ingest) -> None:
    refuses(ingest, BAD_TIMES)
