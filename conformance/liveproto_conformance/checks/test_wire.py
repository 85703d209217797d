"""WIRE: messages, batches, ids."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from liveproto_conformance.bench import Facts, Stand
from liveproto_conformance.check import NotApplicableError, check, generated, given_that
from liveproto_conformance.session import Json, Session, dumps
from liveproto_conformance.strategies import (
    command_ids,
    illegal_ids,
    invalid_payloads,
    json_values,
    not_json,
    not_objects,
    padding,
    unknown_members,
    wrong_types,
)
from liveproto_conformance.target import Settings


@check("GL-WIRE-001")
def test_a_handshake_without_subprotocol_speaks_json(stand: Stand) -> None:
    session = stand.unconnected()
    assert session.connection.subprotocol is None, f"expected none, got {session.connection.subprotocol}"
    session.connect()


@check("GL-WIRE-002")
def test_an_unknown_subprotocol_is_not_selected(stand: Stand) -> None:
    session = stand.unconnected(subprotocols=["x-liveproto-unknown"])
    assert session.connection.subprotocol is None, f"expected none, got {session.connection.subprotocol}"
    session.connect()
    session.still_serves()


@check("GL-WIRE-003")
def test_centrifuge_json_is_selected(stand: Stand) -> None:
    session = stand.unconnected(subprotocols=["centrifuge-json"])
    selected = session.connection.subprotocol
    assert selected == "centrifuge-json", f"expected it to be selected, got {selected}"
    session.connect()


@check("GL-WIRE-005")
@generated(count=st.integers(2, 20))
def test_every_command_of_a_batch_is_answered(session: Session, count: int) -> None:
    commands = [session.command("unsubscribe", {"channel": f"{session.unused_channel}-{n}"}) for n in range(count)]
    session.send(*commands)
    for command in commands:
        session.reply(command["id"]).result("unsubscribe")


@check("GL-WIRE-005")
def test_a_batch_takes_effect_in_its_order(session: Session, channel: str, stand: Stand) -> None:
    commands = [
        session.command("subscribe", {"channel": channel}),
        session.command("unsubscribe", {"channel": channel}),
        session.command("subscribe", {"channel": channel}),
    ]
    session.send(*commands)
    kinds = ("subscribe", "unsubscribe", "subscribe")
    for command, kind in zip(commands, kinds, strict=True):
        session.reply(command["id"]).result(kind)
    stand.delivers(session, channel)


@check("GL-WIRE-006")
def test_one_trailing_newline_is_accepted(session: Session) -> None:
    for count in (1, 2):
        commands = [session.command("unsubscribe", {"channel": session.unused_channel}) for _ in range(count)]
        session.send_raw("\n".join(map(dumps, commands)) + "\n")
        for command in commands:
            session.reply(command["id"]).result("unsubscribe")
        session.still_serves()


@check("GL-WIRE-009")
def test_a_publisher_that_writes_newlines_does_not_break_lines(stand: Stand, channel: str, facts: Facts) -> None:
    if facts.publish_via != "http":
        raise NotApplicableError(f"publishing by {facts.publish_via}, a raw newline cannot reach the target")
    subscriber = stand.subscriber_of(channel)
    stand.publish_payload(channel, {"a": [1, 2], "b": {"c": "d\ne"}}, indent=2)
    data = subscriber.publication(channel)
    assert data == {"a": [1, 2], "b": {"c": "d\ne"}}, f"expected the payload on one line, got {data}"


@check("GL-WIRE-010")
def test_an_empty_message_is_refused(stand: Stand) -> None:
    stand.expect_fault("")
    stand.expect_fault("", before_connect=True)


@check("GL-WIRE-011")
@generated(blank=st.text(" \t\r", max_size=4), newline=st.booleans())
def test_a_message_of_white_space_is_refused(stand: Stand, blank: str, newline: bool) -> None:  # noqa: FBT001
    stand.expect_fault(blank + "\n" if newline or not blank else blank)


@check("GL-WIRE-012")
def test_a_leading_blank_line_is_refused(stand: Stand) -> None:
    stand.expect_fault('\n{"id":7,"unsubscribe":{"channel":"x"}}')


@check("GL-WIRE-012")
def test_a_blank_line_inside_a_batch_ends_it(stand: Stand) -> None:
    _answers_then_closes(stand, "{first}\n\n{second}")


@check("GL-WIRE-012")
def test_a_second_trailing_newline_is_refused(stand: Stand) -> None:
    _answers_then_closes(stand, "{first}\n\n")


def _answers_then_closes(stand: Stand, message: str) -> None:
    """Fail unless unsubscribe is answered before the bad line, and nothing after it."""
    session = stand.connected()
    session.fence()
    first = session.command("unsubscribe", {"channel": session.unused_channel})
    second = session.command("unsubscribe", {"channel": session.unused_channel})
    session.send_raw(message.replace("{first}", dumps(first)).replace("{second}", dumps(second)))
    session.reply(first["id"]).result("unsubscribe")
    session.closed_with(3501)
    leftover = [reply.raw for reply in session.leftover_replies()]
    assert not leftover, f"expected nothing after the bad line, got {leftover}"
    stand.connected().fence()


@check("GL-WIRE-013")
@generated(line=not_json())
def test_a_line_that_is_not_json_is_refused(stand: Stand, line: str) -> None:
    stand.expect_fault(line)


@check("GL-WIRE-013", "GL-CODE-008")
def test_commands_before_a_broken_line_are_answered(stand: Stand) -> None:
    _answers_then_closes(stand, "{first}\n{oops\n{second}")


@check("GL-WIRE-013")
def test_commands_after_a_broken_line_have_no_effect(stand: Stand, channel: str) -> None:
    stand.needs_client_publish()
    subscriber = stand.subscriber_of(channel)
    bad = stand.connected()
    publish = bad.command("publish", {"channel": channel, "data": {"token": 13}})
    bad.send_raw("{oops\n" + dumps(publish))
    bad.closed_with(3501)
    before = stand.arrives(subscriber, channel, stand.publish(channel))
    assert not before, f"expected no effect after the broken line, got the publications {before}"


@check("GL-WIRE-014")
@generated(line=not_objects())
def test_a_line_that_is_no_object_is_refused(stand: Stand, line: str) -> None:
    stand.expect_fault(line)


@check("GL-WIRE-015")
@generated(value=wrong_types().filter(lambda text: text != "{}"))
def test_a_request_of_a_wrong_type_is_refused(stand: Stand, value: str) -> None:
    stand.expect_fault(f'{{"id":7,"subscribe":{value}}}')


@check("GL-WIRE-015")
@generated(kind=st.sampled_from(["subscribe", "unsubscribe"]), value=wrong_types())
def test_a_channel_of_a_wrong_type_is_refused(stand: Stand, kind: str, value: str) -> None:
    stand.expect_fault(f'{{"id":7,"{kind}":{{"channel":{value}}}}}')


@check("GL-WIRE-015")
def test_an_optional_field_of_a_wrong_type_is_refused(stand: Stand, channel: str) -> None:
    for field in ('"token":5', '"recover":"x"', '"offset":-1', '"epoch":[]', '"positioned":1'):
        stand.expect_fault(f'{{"id":7,"subscribe":{{"channel":{dumps(channel)},{field}}}}}')


@check("GL-WIRE-016")
@generated(members=st.lists(st.tuples(unknown_members(), unknown_members()), min_size=10, max_size=10))
def test_unknown_keys_are_ignored(session: Session, members: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    commands = [
        {**session.command("unsubscribe", {"channel": session.unused_channel, **inner}), **outer}
        for outer, inner in members
    ]
    for reply in session.pipeline(commands):
        reply.result("unsubscribe")


@check("GL-WIRE-017")
def test_a_request_that_is_null_counts_as_absent(stand: Stand) -> None:
    for text in ('{"id":7,"subscribe":null}', '{"id":7,"rpc":null}', '{"id":7,"unsubscribe":null}'):
        stand.expect_fault(text)
    stand.expect_fault('{"id":7,"connect":null}', before_connect=True)


@check("GL-WIRE-018")
def test_a_field_that_is_null_counts_as_absent(stand: Stand, channel: str) -> None:
    session = stand.unconnected()
    session.send({"id": 1, "connect": {"name": None, "version": None}})
    session.reply(1).result("connect")
    session.send({"id": 2, "subscribe": {"channel": channel, "token": None, "recover": None, "offset": None}})
    session.reply(2).result("subscribe")
    session.send({"id": 3, "rpc": None, "unsubscribe": {"channel": channel}})
    session.reply(3).result("unsubscribe")


@check("GL-WIRE-019")
def test_a_command_with_two_requests_is_answered_once(session: Session, settings: Settings) -> None:
    channel = session.unused_channel
    session.send({"id": 70, "unsubscribe": {"channel": channel}, "rpc": {"method": "x", "data": {}}})
    session.reply(70)
    session.fence()
    session.quiet(settings.quiet)
    leftover = [reply.raw for reply in session.leftover_replies()]
    assert not leftover, f"expected one reply, got also {leftover}"


@check("GL-WIRE-020")
@generated(paddings=st.lists(st.tuples(padding(), padding(), padding()), min_size=13, max_size=13))
def test_white_space_around_commands_is_accepted(session: Session, paddings: list[tuple[str, str, str]]) -> None:
    ids: list[int] = []
    for before, between, after in paddings:
        commands = [session.command("unsubscribe", {"channel": session.unused_channel}) for _ in range(2)]
        first, second = map(dumps, commands)
        session.send_raw(f"{before}{first}{between}\n{between}{second}{after}")
        ids += [command["id"] for command in commands]
    for reply in session.replies(ids):
        reply.result("unsubscribe")


@check("GL-WIRE-021")
@generated(payload=invalid_payloads())
def test_a_payload_outside_the_json_grammar_is_refused(stand: Stand, payload: str) -> None:
    stand.expect_fault(f'{{"id":7,"rpc":{{"method":"x","data":{payload}}}}}')


@check("GL-WIRE-022")
@generated(payloads=st.lists(json_values(), min_size=1, max_size=8))
def test_a_payload_arrives_with_the_same_value(stand: Stand, payloads: list[Any]) -> None:
    stand.needs_payloads()
    session, channel = stand.shared_subscriber()
    for payload in payloads:
        stand.publish_payload(channel, payload)
        data = session.publication(channel)
        assert _same(data, payload), f"expected {dumps(payload)}, got {dumps(data)}"


@check("GL-WIRE-022")
def test_numbers_keep_what_their_text_says(stand: Stand) -> None:
    stand.needs_client_publish()
    session, channel = stand.shared_subscriber()
    publisher = stand.publisher()
    for text in ("9007199254740993", "12345678901234567890", "-9223372036854775808", "1.0", "1", "0.1", "-0.5", "1e2"):
        publisher.send_raw(f'{{"id":{publisher.next_id()},"publish":{{"channel":{dumps(channel)},"data":[{text}]}}}}')
        got = session.publication(channel)
        expected = [float(text)] if set(text) & set(".e") else [int(text)]
        assert _same(got, expected), f"expected [{text}], got {dumps(got)}"


def _same(left: Json, right: Json) -> bool:
    """Tell whether two values are equal as JSON, where 1, 1.0 and true differ and the order of keys does not count."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@check("GL-WIRE-023")
def test_a_payload_of_null_is_relayed_as_null(stand: Stand) -> None:
    stand.needs_payloads()
    session, channel = stand.shared_subscriber()
    stand.publish_payload(channel, None)
    push = session.push(channel, "pub")
    assert "data" in push.body, f"expected data null, got {dumps(push.raw)}"
    assert push.body["data"] is None, f"expected data null, got {dumps(push.raw)}"


@check("GL-WIRE-024")
def test_a_binary_message_is_read_or_refused(stand: Stand) -> None:
    session = stand.connected()
    session.fence()
    command = session.command("unsubscribe", {"channel": session.unused_channel})
    session.send_raw(dumps(command).encode())
    _answered_or_closed(session, command["id"], 3501, 1003)


def _answered_or_closed(session: Session, id_: int, *codes: int) -> None:
    try:
        reply = session.reply(id_)
    except AssertionError:
        session.closed_with(*codes)
    else:
        reply.result("unsubscribe")
        session.still_serves()


@check("GL-WIRE-025")
def test_a_message_of_exactly_the_limit_is_accepted(stand: Stand) -> None:
    session = stand.connected()
    command = session.command("unsubscribe", {"channel": session.unused_channel})
    session.send_raw(_padded(dumps(command), stand.limit("message_bytes")))
    session.reply(command["id"]).result("unsubscribe")


@check("GL-WIRE-025")
def test_a_message_over_the_limit_is_closed_and_not_answered(stand: Stand) -> None:
    limit = stand.limit("message_bytes")
    session = stand.connected()
    session.fence()
    command = session.command("unsubscribe", {"channel": session.unused_channel})
    session.send_raw(_padded(dumps(command), limit + 1))
    session.given_up_with(1009)
    stand.connected().fence()


def _padded(command: str, size: int) -> str:
    # With spaces, because an unknown key is a fact of its own.
    return f"{command[:-1]}{' ' * (size - len(command))}}}"


@check("GL-WIRE-032")
def test_a_raw_newline_inside_a_command_ends_it(stand: Stand) -> None:
    stand.expect_fault('{"id":7,\n"unsubscribe":{"channel":"x"}}')
    stand.expect_fault('{"id":7,"rpc":{"method":"x","data":{"a":1,\n"b":2}}}')


@check("GL-WIRE-033")
def test_what_follows_a_value_on_its_line_is_ignored_or_refused(stand: Stand) -> None:
    for tail in (" xyz", "}", '{"id":9,"unsubscribe":{"channel":"x"}}'):
        session = stand.connected()
        session.fence()
        command = session.command("unsubscribe", {"channel": session.unused_channel})
        session.send_raw(dumps(command) + tail)
        _answered_or_closed(session, command["id"], 3501)


@check("GL-WIRE-035")
@generated(ids=st.lists(command_ids(), min_size=40, max_size=40))
def test_an_id_is_echoed_unchanged(session: Session, ids: list[int]) -> None:
    for reply in session.pipeline([{"id": id_, "unsubscribe": {"channel": session.unused_channel}} for id_ in ids]):
        reply.result("unsubscribe")


@check("GL-WIRE-036")
@generated(text=illegal_ids())
def test_an_illegal_id_is_refused(stand: Stand, text: str) -> None:
    stand.expect_fault(f'{{"id":{text},"unsubscribe":{{"channel":"x"}}}}')


@check("GL-WIRE-037")
def test_ids_may_be_used_again_and_fall(session: Session) -> None:
    for id_ in (9, 9, 3, 1, 9):
        session.send({"id": id_, "unsubscribe": {"channel": session.unused_channel}})
        session.reply(id_).result("unsubscribe")


@check("GL-WIRE-037")
def test_commands_of_one_id_in_a_batch_are_each_answered(session: Session) -> None:
    command = {"id": 40, "unsubscribe": {"channel": session.unused_channel}}
    session.send(command, command, command)
    for _ in range(3):
        session.reply(40).result("unsubscribe")


@check("GL-WIRE-038")
@generated(
    id_=st.sampled_from(["", '"id":0,', '"id":null,']),
    request=st.sampled_from(
        [
            '"unsubscribe":{"channel":"x"}',
            '"subscribe":{"channel":"x"}',
            '"publish":{"channel":"x","data":1}',
            '"rpc":{"method":"x"}',
            '"presence":{"channel":"x"}',
            '"history":{"channel":"x"}',
        ]
    ),
)
def test_a_command_without_id_is_refused(stand: Stand, id_: str, request: str) -> None:
    stand.expect_fault(f"{{{id_}{request}}}")


@check("GL-WIRE-043")
def test_a_command_without_known_request_is_refused(stand: Stand) -> None:
    for text in ('{"id":7}', '{"id":7,"foo":{}}', '{"id":7,"method":9,"params":{}}', '{"id":7,"push":{"channel":"x"}}'):
        stand.expect_fault(text)


@check("GL-WIRE-044")
@generated(
    runs=st.lists(
        st.tuples(
            st.sampled_from(["unsubscribe", "subscribe", "publish", "rpc", "presence", "history"]), st.integers(1, 3)
        ),
        min_size=6,
        max_size=15,
    ),
    alone=st.integers(0, 6),
    subscribed=st.booleans(),
)
def test_each_command_is_answered_exactly_once(
    stand: Stand,
    session: Session,
    runs: list[tuple[str, int]],
    alone: int,
    subscribed: bool,  # noqa: FBT001 - drawn by name
) -> None:
    # The first ones a message each, the others in one batch.
    channel = stand.fresh_channel()
    if subscribed:
        session.subscribe(channel)
    bodies: dict[str, Json] = {
        "rpc": {"method": "liveproto", "data": {}},
        "publish": {"channel": channel, "data": {}},
    }
    kinds = [kind for kind, times in runs for _ in range(times)]
    commands = [session.command(kind, bodies.get(kind, {"channel": channel})) for kind in kinds]
    commands.append(session.command("unsubscribe", {"channel": channel}))
    session.pipeline(commands[:alone])
    session.send(*commands[alone:])
    session.replies(command["id"] for command in commands[alone:])
    with given_that("GL-SUB-007"):
        session.unsubscribe(channel)
    leftover = [reply.raw for reply in session.leftover_replies()]
    assert not leftover, f"expected one reply for each command, got also {leftover}"


@check("GL-WIRE-046")
def test_a_repeated_key_is_read_as_one_of_its_values_or_refused(stand: Stand) -> None:
    session = stand.connected()
    session.fence()
    session.send_raw(f'{{"id":71,"id":72,"unsubscribe":{{"channel":"{session.unused_channel}"}}}}')
    try:
        session.fence()
    except AssertionError:
        session.closed_with(3501)
        return
    answered = [reply.id for reply in session.leftover_replies()]
    assert answered in ([71], [72]), f"expected one reply with id 71 or 72, got {answered}"
