"""INGEST: pushing line protocol, by POST and by WebSocket."""

from __future__ import annotations

import time
from typing import Final

from hypothesis import strategies as st

from liveproto_conformance.bench import Stand
from liveproto_conformance.check import Lane, NoReplyError, NotExercisedError, check, generated
from liveproto_conformance.drive.websocket import Connection, Ending
from liveproto_conformance.pushing import TIME_NS, WIDE, Ingest, same, shown
from liveproto_conformance.session import Session
from liveproto_conformance.strategies import line_bodies
from liveproto_conformance.target import Settings

MESSAGE_BYTES: Final = 1_048_576
PING_S: Final = 25
ANSWER_S: Final = 25 / 9
SLACK_S: Final = 1.0
"""What a loaded machine may add to a timer."""
UNREADABLE: Final = (
    "cpu",
    "cpu,host=a",
    "cpu,host=a 1600000000000000000",
    "cpu value=",
    "cpu value",
    "cpu =1",
    ",host=a value=1",
    "cpu,host= value=1",
    "cpu,=a value=1",
    "cpu value=1 later",
    "cpu value=1 1.5",
    "cpu value=1 1 2",
    "cpu value=NaN",
    "cpu value=-Inf",
    "cpu value=+1",
    "cpu value=1.2.3",
    "cpu value=0x10",
    "cpu value=9223372036854775808i",
    "cpu value=01i",
    "cpu value=yes",
    'cpu value="a"b',
    r'cpu value="a\nb"',
    "cpu value=1,",
)
WITHOUT_POINTS: Final = ("", "\n", "\r\n\n", "  \t\n \n", "# cpu value=1 1", "#\n  # one\n\n#two\tthree\n")
OTHER_FORMATS: Final = ("prometheus", "widest", "labels-column", "0", "%20wide")


def _line(measurement: str, fields: str = "value=1", number: int = 0) -> str:
    return f"{measurement},host=a {fields} {TIME_NS + number * 1_000_000}"


def _query(frame_format: str) -> str:
    return f"gf_live_frame_format={frame_format}"


# -- by POST -----------------------------------------------------------------------------------------------------------


@check("GL-INGEST-001")
def test_a_body_that_can_be_read_is_answered_200(ingest: Ingest) -> None:
    answer = ingest.post(f"{_line(ingest.fresh())}\n")
    assert (answer.status, answer.body) == (200, ""), f"expected 200 with an empty body, got {answer}"


@check("GL-INGEST-002")
def test_the_frames_are_published_before_the_answer(ingest: Ingest) -> None:
    measurements = [ingest.fresh() for _ in range(4)]
    session = ingest.subscriber()
    ingest.push("\n".join(map(_line, measurements)))
    for measurement in reversed(measurements):
        given = ingest.subscribe(session, measurement)
        same(ingest.kept(measurement), given, f"for a subscriber of {measurement} after the answer")
    ingest.nothing_more(session, *measurements)


@check("GL-INGEST-003")
def test_the_channel_is_named_by_the_path_and_the_measurement(ingest: Ingest) -> None:
    plain, deep = ingest.fresh(), f"{ingest.fresh()}/a=b/c.d"
    for measurement, stream in ((plain, None), (deep, None), (plain, f"{ingest.stream}%2D%61")):
        session = ingest.subscriber()
        ingest.subscribe(session, measurement, stream=stream)
        channel = ingest.channel(measurement, stream=stream)
        ((_, expected),) = ingest.push(_line(measurement), stream=stream)
        same(expected, session.publication(channel), f"on {channel}")


@check("GL-INGEST-004")
@generated(lines=line_bodies(), query=st.sampled_from(["", WIDE]))
def test_each_frame_is_published_on_the_channel_of_its_measurement(
    ingest: Ingest, lines: list[tuple[int, str, int]], query: str
) -> None:
    session, measurements = ingest.listener(3)
    body = "\n".join(f"{measurements[which]}{rest} {TIME_NS + number * 1_000_000}" for which, rest, number in lines)
    answer = ingest.post(body, query)
    assert answer.status == 200, f"expected 200 to {shown(body)}, got {answer}"
    ingest.receives(session, ingest.published(body, query))
    ingest.nothing_more(session, *measurements)


@check("GL-INGEST-005")
def test_the_default_frame_format_is_labels_column(ingest: Ingest) -> None:
    cpu = ingest.fresh()
    session = ingest.subscriber(cpu)
    for query in ("", _query(""), "x=wide"):
        _is_taken_as(ingest, session, cpu, query, "")


def _is_taken_as(ingest: Ingest, session: Session, cpu: str, query: str, meant: str) -> None:
    """Fail unless a body pushed with some parameters is published as if it came with others."""
    body = f"{_line(cpu)}\n{_line(cpu, 'value=2', 1)}"
    answer = ingest.post(body, query)
    assert answer.status == 200, f"expected 200 with {query!r}, got {answer}"
    ingest.receives(session, ingest.published(body, meant))


@check("GL-INGEST-006")
def test_the_frame_format_is_known_in_any_case(ingest: Ingest) -> None:
    cpu = ingest.fresh()
    session = ingest.subscriber(cpu)
    for name, meant in (("wide", WIDE), ("labels_column", "")):
        for given in (name, name.upper(), name.capitalize()):
            _is_taken_as(ingest, session, cpu, _query(given), meant)
    _is_taken_as(ingest, session, cpu, f"{WIDE}&{_query('labels_column')}", WIDE)
    _is_taken_as(ingest, session, cpu, f"{_query('labels_column')}&{_query('prometheus')}", "")


@check("GL-INGEST-007")
def test_another_frame_format_is_refused(ingest: Ingest) -> None:
    cpu = ingest.fresh()
    session = ingest.subscriber(cpu)
    for name in OTHER_FORMATS:
        ingest.receives(session, ingest.push(_line(cpu)))
        answer = ingest.post(_line(cpu), _query(name))
        assert answer.status == 400, f"expected 400 for the frame format {name!r}, got {answer}"
        ingest.nothing_more(session, cpu)


@check("GL-INGEST-008")
@generated(
    numbers=st.lists(st.integers(0, 9), min_size=1, max_size=5), bad=st.sampled_from(UNREADABLE), at=st.integers(0, 5)
)
def test_one_line_that_cannot_be_read_refuses_the_body(ingest: Ingest, numbers: list[int], bad: str, at: int) -> None:
    session, measurements = ingest.listener(2)
    ingest.nothing_more(session, *measurements)
    lines = [_line(measurements[number % 2], f"value={number}", number) for number in numbers]
    lines.insert(at, bad.replace("cpu", measurements[0]))
    answer = ingest.post("\n".join(lines))
    assert answer.status == 500, f"expected 500 for a body with the line {bad!r}, got {answer}"
    ingest.nothing_more(session, *measurements)


@check("GL-INGEST-009")
def test_a_body_without_points_publishes_nothing(ingest: Ingest) -> None:
    cpu = ingest.fresh()
    session = ingest.subscriber(cpu)
    for body in WITHOUT_POINTS:
        ingest.receives(session, ingest.push(_line(cpu)))
        answer = ingest.post(body.replace("cpu", cpu))
        assert answer.status == 200, f"expected 200 to the body {body!r}, got {answer}"
        ingest.nothing_more(session, cpu)


@check("GL-INGEST-010")
def test_a_measurement_that_names_no_channel_is_taken(ingest: Ingest) -> None:
    cpu = ingest.fresh()
    session = ingest.subscriber(cpu)
    body = "\n".join(map(_line, (rf"{cpu}\ load\,", cpu)))
    answer = ingest.post(body)
    assert answer.status == 200, f"expected 200 to {shown(body)}, got {answer}"
    ingest.receives(session, ingest.published(body)[1:])


@check("GL-INGEST-011")
def test_the_content_type_is_not_looked_at(ingest: Ingest) -> None:
    cpu = ingest.fresh()
    session = ingest.subscriber(cpu)
    for content_type in ("text/plain; charset=utf-8", "application/json", "application/octet-stream"):
        answer = ingest.post(_line(cpu), content_type=content_type)
        assert answer.status == 200, f"expected 200 to Content-Type {content_type}, got {answer}"
        ingest.receives(session, ingest.published(_line(cpu)))


# -- by WebSocket ------------------------------------------------------------------------------------------------------


@check("GL-INGEST-012")
def test_each_message_of_the_push_websocket_is_a_body(ingest: Ingest) -> None:
    cpu = ingest.fresh()
    session = ingest.subscriber(cpu)
    two_times = f"{_line(cpu)}\n{_line(cpu, 'value=2', 1)}\n"
    for query in ("", WIDE):
        with ingest.socket(query) as socket:
            for body in (two_times, two_times.encode(), _line(cpu, "other=true")):
                ingest.send(socket, body)
                text = body if isinstance(body, str) else body.decode()
                ingest.receives(session, ingest.published(text, query))
    ingest.nothing_more(session, cpu)


@check("GL-INGEST-013")
def test_the_push_websocket_sends_no_message(stand: Stand, ingest: Ingest, settings: Settings) -> None:
    cpu = ingest.fresh()
    session = ingest.subscriber(cpu)
    with ingest.socket() as socket:
        for body in ("", "# nothing", "cpu", _line(cpu)):
            ingest.send(socket, body)
        ingest.receives(session, ingest.published(_line(cpu)))
        stand.waited(settings.quiet)
        try:
            message = socket.receive(settings.quiet)
        except TimeoutError:
            return
        raise AssertionError(f"expected no message on the push WebSocket, got {message}")


@check("GL-INGEST-014")
def test_a_bad_message_leaves_the_push_websocket_open(stand: Stand, ingest: Ingest, settings: Settings) -> None:
    cpu = ingest.fresh()
    session = ingest.subscriber(cpu)
    with ingest.socket() as socket:
        for bad in UNREADABLE:
            ingest.send(socket, f"{_line(cpu, 'bad=1')}\n{bad.replace('cpu', cpu)}")
            ingest.send(socket, _line(cpu))
            try:
                ingest.receives(session, ingest.published(_line(cpu)))
            except NoReplyError:
                raise
            except AssertionError as error:
                raise AssertionError(f"expected the next message after {bad!r} to be published: {error}") from None
    with ingest.socket(_query(OTHER_FORMATS[0])) as socket:
        ingest.send(socket, _line(cpu))
        stand.waited(settings.quiet)
        closed = socket.wait_closed(settings.quiet)
        assert closed is None, f"expected an open push WebSocket after another frame format, got {closed}"
        ingest.nothing_more(session, cpu)


@check("GL-INGEST-015")
def test_a_message_above_1_mib_is_closed_with_1009(ingest: Ingest, settings: Settings) -> None:
    cpu = ingest.fresh()
    session = ingest.subscriber(cpu)
    end = f"\n{_line(cpu)}"
    largest = "#" * (MESSAGE_BYTES - len(end)) + end
    with ingest.socket() as socket:
        ingest.send(socket, largest)
        ingest.receives(session, ingest.published(largest))
        ingest.send(socket, f"#{largest}")
        closed = socket.wait_closed(settings.timeout)
    assert closed is not None, "expected close 1009 for a message of 1 MiB and a byte, it is still open"
    # Who gives up on a large message may do so without a Close frame.
    good = closed.code == 1009 or closed.ending in {Ending.RESET, Ending.EOF}
    assert good, f"expected close 1009 for a message of 1 MiB and a byte, got {closed}"
    ingest.nothing_more(session, cpu)


@check("GL-INGEST-016", lane=Lane.TIMER)
def test_the_push_websocket_is_pinged(stand: Stand, ingest: Ingest) -> None:
    interval_s = _interval_s(stand)
    with ingest.socket(timers=True) as socket:
        start = time.monotonic()
        closed = _answer_pings(socket, start + 2 * interval_s + SLACK_S)
        assert closed, f"expected pings every {interval_s} s, got {socket.closed}"
        times = [round(ping - start, 2) for ping in socket.pings]
    due = (interval_s, 2 * interval_s)
    in_time = len(times) == len(due) and all(abs(at - when) <= SLACK_S for at, when in zip(times, due, strict=True))
    assert in_time, f"expected WebSocket pings after {due[0]} and {due[1]} s, got them after {times}"


@check("GL-INGEST-017", lane=Lane.TIMER)
def test_a_push_websocket_without_pongs_is_ended(stand: Stand, ingest: Ingest) -> None:
    patience_s = _interval_s(stand) + ANSWER_S
    with ingest.socket(timers=True) as answering, ingest.socket(timers=True) as silent:
        # Who does not read sends no pongs either.
        ends = time.monotonic() + patience_s + SLACK_S
        assert _answer_pings(answering, ends), f"expected it to live while it answers pings, got {answering.closed}"
        closed = silent.wait_closed(SLACK_S)
        assert closed is not None, f"expected an end after {patience_s:.1f} s without a pong, it is still open"


def _interval_s(stand: Stand) -> int:
    """Return how often pings are due: on a listener with short timers as often as those of the protocol."""
    if stand.bench.settings.timer_url is None:
        return PING_S
    announced = stand.connected().connect_result.get("ping")
    if not isinstance(announced, int):
        raise NotExercisedError("the listener with short timers announces no pings", "GL-CONN-006")
    return announced


def _answer_pings(socket: Connection, ends: float) -> bool:
    """Answer pings until a time on the monotonic clock; tell whether the connection lives."""
    return socket.wait_closed(ends - time.monotonic()) is None
