"""What the monitor remembers of a connection, and that it forgets the oldest."""

from liveproto.session.monitor.ledger import Ledger, Recent


def ledger_of(*commands):
    ledger = Ledger()
    for command in commands:
        ledger.take_command(command, 0.0)
    return ledger


def test_recent_keeps_the_latest():
    recent = Recent(2)
    for key in "abca":
        recent.put(key, key.upper())
    assert "b" not in recent
    assert (recent.get("c"), recent.get("a"), recent.get("b")) == ("C", "A", None)
    assert recent.forgot
    assert (recent.pop("a"), recent.pop("a")) == ("A", None)


def test_a_reply_answers_the_command_with_its_id_and_kind():
    ledger = ledger_of({"id": 1, "rpc": {}}, {"id": 1, "publish": {}}, {"id": 1, "rpc": {}})
    assert ledger.sent_kinds(1) == {"rpc", "publish"}
    assert ledger.take_reply(1, {"publish": {}}).order == 2
    assert [ledger.take_reply(1, {"error": {}}).order for _ in range(2)] == [1, 3]
    assert ledger.take_reply(1, {"rpc": {}}) is None
    assert 1 in ledger.answered
    assert ledger.sent_kinds(None) == ledger.sent_kinds(1) == frozenset()


def test_a_send_and_a_command_without_a_whole_id_wait_for_nothing():
    ledger = ledger_of({"id": 1, "send": {}}, {"id": "2", "rpc": {}}, {"rpc": {}})
    assert not ledger.waiting
    assert 1 in ledger.sends
    assert ledger.order == 3


def test_an_overdue_command_can_still_be_answered():
    ledger = ledger_of({"id": 1, "rpc": {}})
    command = ledger.waiting[1][0]
    ledger.stop_waiting(1, command)
    ledger.overdue.put(1, command)
    assert ledger.take_reply(1, {"rpc": {}}) is command


def test_channels_are_followed():
    ledger = ledger_of({"id": 1, "subscribe": {"channel": "a"}}, {"id": 2, "unsubscribe": {"channel": "a"}})
    channel = ledger.channel("a")
    assert (channel.asked, channel.waiting) == (1, 2)
    assert ledger.owes_answer_before(2)
    assert not ledger.owes_answer_before(1)
    for id_ in (1, 2):
        ledger.take_reply(id_, {})
    assert channel.waiting == 0
    ledger.take_command({"id": 3, "publish": {"channel": "a", "data": 1}}, 0.0)
    assert ledger.channel("a").own_publications == -1
    ledger.take_reply(3, {})
    ledger.subscribed("a", subscribed=True)
    assert (channel.subscribed, channel.changed) == (True, 3)


def test_pongs_are_expected_where_the_connect_result_says_so():
    ledger = Ledger()
    assert not ledger.expects_pongs
    ledger.connect_result = {"client": "u", "pong": True}
    assert ledger.expects_pongs


def test_memory_is_bounded():
    ledger = Ledger()
    for n in range(1, 30_000):
        ledger.take_command({"id": n, "subscribe": {"channel": f"c{n}"}}, 0.0)
    assert len(ledger.waiting) == 10_000
    assert ledger.forgot_commands
    assert ledger.channels.forgot
