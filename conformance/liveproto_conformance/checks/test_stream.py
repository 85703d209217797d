"""STREAM: what is published of frames, and what is kept for those who come later."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from liveproto_conformance.bench import Stand
from liveproto_conformance.check import check, generated
from liveproto_conformance.pushing import TIME_NS, WIDE, Ingest, same
from liveproto_conformance.session import dumps

FIELDS: Final = ("a=1", "a=1,b=2", "b=2", "b=2,a=1", "a=1,b=2,c=3", "c=3,a=1", 'a="x"', "a=true", "a=2i", 'a="NaN"')
"""Fields of a line; some make the same schema."""
OTHER_SCHEMAS: Final = ("a=1", "a=1,b=2", "a=true", 'a="x"', "b=1", "a=1")


def _line(measurement: str, fields: str, number: int = 0, tags: str = "") -> str:
    return f"{measurement}{tags} {fields} {TIME_NS + number * 1_000_000}"


def _has_schema(message: Any) -> bool:  # noqa: ANN401 - whatever the target published
    return isinstance(message, dict) and "schema" in message


@check("GL-STREAM-001")
def test_the_first_frame_of_a_channel_has_its_schema(ingest: Ingest) -> None:
    cpu = ingest.fresh()
    session = ingest.subscriber(cpu)
    ingest.receives(session, ingest.push(_line(cpu, "a=1,b=2")))


@check("GL-STREAM-002")
def test_a_frame_of_the_same_schema_is_published_as_data_alone(ingest: Ingest) -> None:
    cpu = ingest.fresh()
    session = ingest.subscriber(cpu)
    ingest.receives(session, ingest.push(_line(cpu, "a=1")))
    for number, body in enumerate((_line(cpu, "a=1"), _line(cpu, "a=2i", 1), _line(cpu, "a=3", 2, ",host=x"))):
        ((_, expected),) = ingest.push(f"{body}\n{_line(cpu, 'a=4', 3)}")
        got = session.publication(ingest.channel(cpu))
        assert not _has_schema(got), f"expected data alone of frame {number + 2}, got {dumps(got)}"
        same(expected, got)


@check("GL-STREAM-003")
def test_a_frame_of_another_schema_is_published_with_it(ingest: Ingest) -> None:
    cpu, mem = ingest.fresh(), ingest.fresh()
    session = ingest.subscriber(cpu, mem)
    columns = [(cpu, "", _line(cpu, fields)) for fields in OTHER_SCHEMAS]
    columns += [(cpu, "", f"{_line(cpu, 'b=1')}\n{_line(cpu, 'a=1')}"), (cpu, "", _line(cpu, "a=1,b=1"))]
    labels = [(mem, WIDE, _line(mem, "a=1", 0, tags)) for tags in (",host=x", ",host=y", ",host=x", "")]
    for measurement, query, body in columns + labels:
        published = ingest.push(body, query)
        assert all(_has_schema(expected) for _, expected in published)
        got = session.publication(ingest.channel(measurement))
        assert _has_schema(got), f"expected another schema to be published with {body}, got {dumps(got)}"
        same(published[0][1], got)


@check("GL-STREAM-004")
def test_a_late_subscriber_is_given_the_last_frame(ingest: Ingest) -> None:
    cpu = ingest.fresh()
    for body, query in (
        (_line(cpu, "a=1"), ""),
        (f"{_line(cpu, 'a=2', 1)}\n{_line(cpu, 'a=3', 2)}", ""),
        (_line(cpu, "a=4", 3), ""),
        (f"{_line(cpu, 'a=5', 4)}\n{_line(cpu, 'a=6', 5)}", WIDE),
    ):
        ingest.push(body, query)
        same(ingest.kept(cpu), ingest.subscribe(ingest.subscriber(), cpu), f"for a subscriber after {body}")


@check("GL-STREAM-005")
def test_each_channel_has_a_last_frame_of_its_own(ingest: Ingest) -> None:
    cpu, mem = ingest.fresh(), ingest.fresh()
    other = f"{ingest.stream}-2"
    session = ingest.subscriber(cpu, mem)
    ingest.subscribe(session, cpu, stream=other)
    for fields in ("a=1", "a=2"):
        for measurement in (cpu, mem):
            ingest.receives(session, ingest.push(_line(measurement, f"{fields},{measurement}=1")))
        ((_, expected),) = ingest.push(_line(cpu, f"{fields},other=1"), stream=other)
        same(expected, session.publication(ingest.channel(cpu, stream=other)), f"on {other}")
    for measurement in (cpu, mem):
        given = ingest.subscribe(ingest.subscriber(), measurement)
        same(ingest.kept(measurement), given, f"for a subscriber of {measurement}")


@check("GL-STREAM-006")
def test_a_subscriber_has_a_schema_before_data(ingest: Ingest) -> None:
    cpu = ingest.fresh()
    first = ingest.subscriber(cpu)
    ingest.push(_line(cpu, "a=1"))
    ingest.push(_line(cpu, "a=2"))
    late = ingest.subscriber()
    given = ingest.subscribe(late, cpu)
    ingest.push(_line(cpu, "a=3"))
    expected = "expected a schema before data"
    seen = [first.publication(ingest.channel(cpu)) for _ in range(3)]
    assert _has_schema(seen[0]), f"{expected} on a channel that was empty, got {dumps(seen)}"
    then = late.publication(ingest.channel(cpu))
    assert _has_schema(given) or _has_schema(then), f"{expected}, got {dumps(given)} and then {dumps(then)}"


@check("GL-STREAM-007")
def test_who_subscribes_again_is_given_the_last_frame_only(ingest: Ingest) -> None:
    cpu = ingest.fresh()
    session = ingest.subscriber(cpu)
    ingest.receives(session, ingest.push(_line(cpu, "a=1")))
    session.unsubscribe(ingest.channel(cpu))
    ingest.push(_line(cpu, "a=2"))
    ingest.push(_line(cpu, "a=3"))
    same(ingest.kept(cpu), ingest.subscribe(session, cpu), "for who subscribes again")
    ingest.nothing_more(session, cpu)


@check("GL-STREAM-008")
def test_the_list_has_each_channel_with_its_schema(ingest: Ingest) -> None:
    names = [ingest.fresh() for _ in range(3)]
    for measurement in reversed(names):
        ingest.push(f"{_line(measurement, 'a=1')}\n{_line(measurement, 'b=true')}")
    ingest.push(_line(names[0], 'c="x"'))
    listed = ingest.listing()
    # Of a name that is not UTF-8 the bytes are not known any more.
    readable = [channel for channel in listed if "\ufffd" not in channel]
    assert readable == sorted(readable), f"expected channels in order, got {readable}"
    for measurement in names:
        channel = f"stream/{ingest.stream}/{measurement}"
        entry = listed.get(channel)
        assert entry is not None, f"expected {channel} in the list, got {list(listed)}"
        assert type(entry.get("minute_rate")) is int, f"expected a whole minute_rate, got {dumps(entry)}"
        same({"schema": ingest.kept(measurement)["schema"]}, entry.get("data"), f"as data of {channel}")


@check("GL-STREAM-009")
def test_the_minute_rate_counts_frames(ingest: Ingest) -> None:
    cpu, mem = ingest.fresh(), ingest.fresh()
    two_times = f"{_line(cpu, 'a=1')}\n{_line(cpu, 'a=1', 1)}"
    for body, query in ((two_times, ""), (_line(cpu, "a=2"), ""), (two_times, WIDE), (_line(mem, "a=1"), "")):
        ingest.push(body, query)
    listed = ingest.listing()
    for measurement, expected in ((cpu, 4), (mem, 1)):
        rate = listed.get(f"stream/{ingest.stream}/{measurement}", {}).get("minute_rate")
        assert rate == expected, f"expected a minute_rate of {expected} after as many frames, got {rate}"


_BODIES: Final = st.lists(st.tuples(st.sampled_from(FIELDS), st.integers(0, 3)), min_size=1, max_size=3)
"""Fields of the lines of one body, each with the number of its millisecond."""


@check("GL-STREAM-010")
@generated(bodies=st.lists(st.tuples(_BODIES, st.sampled_from(["", WIDE])), min_size=2, max_size=4))
def test_frames_pushed_one_after_the_other_arrive_in_order(
    ingest: Ingest, bodies: list[tuple[list[tuple[str, int]], str]]
) -> None:
    session, (cpu,) = ingest.listener(1)
    published = [
        each
        for lines, query in bodies
        for each in ingest.push("\n".join(_line(cpu, fields, number) for fields, number in lines), query)
    ]
    ingest.receives(session, published)
    session.unsubscribe(ingest.channel(cpu))
    same(ingest.kept(cpu), ingest.subscribe(session, cpu), "for who subscribes then")
    more = [push.body.get("data") for push in session.pushes(ingest.channel(cpu), "pub")]
    assert not more, f"expected each frame once, got {dumps(more)} as well"


@check("GL-STREAM-011")
def test_subscribers_of_a_stream_are_not_told_of_each_other(stand: Stand, ingest: Ingest) -> None:
    cpu = ingest.fresh()
    first = ingest.subscriber(cpu)
    ingest.receives(first, ingest.push(_line(cpu, "a=1")))
    second = ingest.subscriber(cpu)
    second.unsubscribe(ingest.channel(cpu))
    stand.hang_up(second)
    ingest.nothing_more(first, cpu)
    told = [push.raw for kind in ("join", "leave") for push in first.pushes(ingest.channel(cpu), kind)]
    assert not told, f"expected no joins and leaves, got {dumps(told)}"
