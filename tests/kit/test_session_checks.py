"""The model beside which whole sessions are judged, and what the checks of sessions say of servers that differ."""

from contextlib import ExitStack
from types import SimpleNamespace

import attrs
import pytest

from liveproto.wire.codes import ErrorCode
from liveproto_conformance.bench import Bench, Stand
from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.check import NotExercisedError, mark_of
from liveproto_conformance.drive.websocket import Closed, ConnectionEndedError, Ending
from liveproto_conformance.mutants.memory import happened, remembering
from liveproto_conformance.mutants.trial import against, served
from liveproto_conformance.probe import probe, root
from liveproto_conformance.reference.server import Parts
from liveproto_conformance.session import Reply, Session
from liveproto_conformance.stateful.model import Listener, misjudged
from liveproto_conformance.stateful.scene import BrokenRuleError, Ledger, Scene, Seat
from liveproto_conformance.target import make_settings

ALREADY = int(ErrorCode.ALREADY_SUBSCRIBED)
STATEFUL = [id_ for id_, check in catalogue().items() if mark_of(check.function).machine is not None]


def listener(*acts, former=()):
    """A listener after these acts, such as ``accepted a``."""
    made = Listener(former=frozenset(former))
    for act in acts:
        kind, channel = act.split()
        if kind in {"accepted", "refused"}:
            made.asking[channel] += 1
        getattr(made, kind)(channel)
    return made


# -- the model: what comes ---------------------------------------------------------------------------------------------


def test_what_is_subscribed_is_heard_once_and_in_order():
    one = listener("accepted a")
    assert [one.hears("a", token) for token in (1, 2, 5)] == [None, None, None]
    assert one.hears("a", 5).requirement == "GL-SUB-018"
    assert one.hears("a", 4).requirement == "GL-SUB-017"


def test_publications_of_channels_have_orders_of_their_own():
    one = listener("accepted a", "accepted b")
    assert one.hears("a", 2) is None
    assert one.hears("b", 1) is None


def test_what_was_heard_before_leaving_may_not_come_again():
    one = listener("accepted a")
    one.hears("a", 1)
    one.unsubscribed("a")
    one.asking["a"] += 1
    one.accepted("a")
    assert one.hears("a", 1).requirement == "GL-SUB-018"


@pytest.mark.parametrize(
    ("acts", "former", "requirement"),
    [
        ([], "", "GL-SUB-015"),
        (["accepted b"], "", "GL-SUB-015"),
        (["refused a"], "", "GL-SUB-015"),
        (["accepted a", "unsubscribed a"], "", "GL-SUB-008"),
        ([], "a", "GL-SUB-019"),
        (["accepted a", "unsubscribed a"], "a", "GL-SUB-008"),
    ],
)
def test_what_is_not_subscribed_is_not_heard(acts, former, requirement):
    assert listener(*acts, former=former).hears("a", 1).requirement == requirement


def test_a_publication_may_come_before_the_subscribe_reply():
    one = Listener()
    one.asking["a"] += 2
    one.refused("a")
    assert one.hears("a", 1) is None
    one.refused("a")
    assert one.hears("a", 2).requirement == "GL-SUB-015"


# -- the model: what does not come -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("acts", "former", "requirement"),
    [
        (["accepted a"], "", "GL-SUB-016"),
        (["accepted a", "refused a"], "", "GL-SUB-004"),
        (["accepted a", "unsubscribed a", "accepted a"], "", "GL-SUB-010"),
        (["accepted a", "accepted b", "unsubscribed b"], "", "GL-SUB-029"),
        (["accepted a", "unsubscribed b"], "", "GL-SUB-029"),
        (["accepted a"], "a", "GL-SUB-019"),
        (["accepted b", "accepted a"], "b", "GL-SUB-016"),
    ],
)
def test_the_last_change_decides_which_rule_a_silence_breaks(acts, former, requirement):
    miss = listener(*acts, former=former).silent("a", 7)
    assert miss.requirement == requirement
    assert str(miss) == f"expected publication 7 of 'a', which is subscribed, got none ({requirement})"


def test_a_fault_of_another_connection_changes_nothing():
    one = listener("accepted a")
    one.outlived()
    assert one.silent("a", 1).requirement == "GL-CONN-022"


def test_subscribes_sent_together_all_receive():
    one = Listener()
    one.accepted("a", together=True)
    assert one.silent("a", 1).requirement == "GL-SUB-024"


# -- the model: answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subscribes", "unsubscribes", "subscribed"),
    [
        ([None], [], False),
        ([ALREADY], [], True),
        ([ALREADY, None], [], False),
        ([ALREADY, ALREADY], [], True),
        ([], [None], True),
        ([], [None, None], False),
        ([None], [None], False),
        ([ALREADY], [None], True),
        ([None, None], [None], False),
    ],
)
def test_right_answers(subscribes, unsubscribes, subscribed):
    assert misjudged(subscribes, unsubscribes, subscribed=subscribed, right="GL-SUB-001") is None


@pytest.mark.parametrize(
    ("subscribes", "unsubscribes", "subscribed", "requirement"),
    [
        ([103], [], False, "GL-SUB-001"),
        ([ALREADY], [], False, "GL-SUB-001"),
        ([None], [], True, "GL-SUB-003"),
        ([103], [], True, "GL-SUB-003"),
        ([None, None], [], False, "GL-SUB-005"),
        ([ALREADY, ALREADY], [], False, "GL-SUB-005"),
        ([None, 103], [], False, "GL-SUB-005"),
        ([], [103], True, "GL-SUB-007"),
        ([], [None, 103], False, "GL-SUB-009"),
        ([103], [None], False, "GL-SUB-011"),
        ([[]], [None], False, "GL-SUB-011"),
        ([0], [], False, "GL-SUB-001"),
        ([[], None], [], False, "GL-SUB-005"),
        ([], [0], True, "GL-SUB-007"),
    ],
)
def test_wrong_answers(subscribes, unsubscribes, subscribed, requirement):
    assert misjudged(subscribes, unsubscribes, subscribed=subscribed, right="GL-SUB-001").requirement == requirement


# -- publications ------------------------------------------------------------------------------------------------------


def test_a_ledger_finds_its_own_tokens_and_no_others():
    ledger = Ledger(1_000_001)
    first, second = ledger.new("a"), ledger.new("b")
    assert (first, second) == (1_000_001, 1_000_002)
    assert ledger.find("a", {"token": first}) == first
    assert ledger.find("a", {"data": {"values": [[1], [first]]}}) == first
    assert ledger.find("a", {"token": second}) is None
    assert ledger.find("c", {"token": first}) is None
    assert ledger.find("a", {"time": int(f"17{first}50")}) is None


# -- lines -------------------------------------------------------------------------------------------------------------


def follow(*lines):
    """The model of a connection that has asked to subscribe to ``a`` with id 2, after these lines."""
    seat = Seat(SimpleNamespace(lines=lines), Listener(), Ledger(1))
    seat._asked = {2: ("subscribe", "a")}
    seat.listener.asking["a"] += 1
    seat.follow()
    return seat.listener


@pytest.mark.parametrize(
    "line",
    [{"id": []}, {"id": {}}, {"push": {"channel": [], "pub": {}}}, {"push": {"channel": {}, "pub": {"data": 1}}}, {}],
)
def test_lines_of_wrong_types_are_for_others_to_judge(line):
    assert follow(line) == follow()


@pytest.mark.parametrize(
    ("rest", "subscribed"),
    [({"subscribe": {}}, {"a"}), ({"subscribe": {}, "error": None}, {"a"}), ({"error": {"code": 103}}, set())],
)
def test_a_reply_is_a_success_unless_it_has_an_error(rest, subscribed):
    assert follow({"id": 2, **rest}).subscribed == subscribed


class Ended:
    """A connection, and the wire below it, that gives some messages and then ends."""

    lines = 0
    unfinished = ""

    def __init__(self, closed, *lines):
        self.end = closed
        self.messages = list(lines)

    def receive(self, _):
        if not self.messages:
            raise ConnectionEndedError(self.end)
        return self.messages.pop(0)

    def received(self, _, message):
        return [message]

    def closed(self, _session, _closed):
        pass


def session_that_ends(code, ending, *lines):
    connection = Ended(Closed(code, "", ending), *lines)
    return Session(connection, connection, timeout_s=1.0, unused_channel="x")


@pytest.mark.parametrize(("code", "ending"), [(1009, Ending.CLOSE_FRAME), (1006, Ending.EOF), (1006, Ending.RESET)])
def test_a_connection_may_be_given_up_in_three_ways(code, ending):
    assert session_that_ends(code, ending).given_up_with(1009).ending is ending
    with pytest.raises(AssertionError, match="and no reply, got"):
        session_that_ends(code, ending, {"id": 1, "connect": {}}).given_up_with(1009)


@pytest.mark.parametrize(
    ("code", "ending"),
    [(3501, Ending.CLOSE_FRAME), (1006, Ending.BROKEN), (1006, Ending.EXCESS), (1006, Ending.UNREAD)],
)
def test_a_connection_may_not_be_given_up_otherwise(code, ending):
    with pytest.raises(AssertionError, match=r"expected close 1009, or an end without a Close frame, got "):
        session_that_ends(code, ending).given_up_with(1009)


def test_pushes_of_wrong_types_are_kept_and_not_found():
    session = session_that_ends(1006, Ending.EOF, {"push": {"channel": [], "pub": {}}})
    session.closed()
    assert session.pushes("a") == []
    assert len(session.pushes()) == len(session.pushes(kind="pub")) == 1


# -- on servers --------------------------------------------------------------------------------------------------------


@pytest.fixture
def on():
    """``on(parts)``: a scene on such a server, and its stand."""
    with ExitStack() as stack:

        def open_scene(parts):
            urls = stack.enter_context(served(parts))
            bench = Bench(against(make_settings({"timeout": 1.0}, {}), urls), "lpnonce")
            root(bench)
            probe(bench)
            return Scene(stack.enter_context(Stand(bench, "session.test")))

        yield open_scene


def test_a_session_of_everything_agrees_with_the_embedded_server(on):
    scene = on(Parts())
    scene.needs_publishing()
    scene.subscribe(0, 0)
    scene.subscribe(0, 0)
    scene.together(0, [("subscribe", 1), ("subscribe", 1), ("unsubscribe", 2)])
    scene.together(1, [("subscribe", 0), ("unsubscribe", 0), ("subscribe", 0)])
    scene.refused(0, "x" * 2000)
    scene.refused(0, "x" * 2000)
    scene.refused(0, scene.names[2])
    scene.ask(1, "rpc")
    scene.ask(1, "presence")
    scene.subscribe(1, 1)
    scene.publish(0)
    scene.publish_itself(0, 1)
    scene.look_in(close_frame=True)
    scene.look_in(close_frame=False)
    scene.misuse(1, "[]")
    scene.lose(0, close_frame=False)
    scene.subscribe(0, 0)
    scene.lose(0, close_frame=True)
    scene.subscribe(1, 1)
    scene.unsubscribe(1, 1)
    scene.settle()


def test_a_message_names_the_rule_and_so_does_the_error(on):
    scene = on(remembering(Parts(), copies=lambda past: 2 if past.did("subscribe:this subscribe:this") else 1))
    scene.subscribe(0, 0)
    scene.subscribe(0, 0)
    with pytest.raises(
        BrokenRuleError, match=r"expected each publication once, got publication 1\d+ .* \(GL-SUB-018\)"
    ):
        scene.settle()


def test_a_publish_that_is_no_longer_accepted_is_noticed(on):
    scene = on(Parts())
    scene.subscribe(0, 0)
    scene._seats[0].session.request = lambda *_: Reply(9, {"id": 9, "error": {"code": 103}})
    with pytest.raises(BrokenRuleError) as caught:
        scene.publish_itself(0, 0)
    assert caught.value.requirement == "GL-PUB-002"


def test_a_stray_publication_is_found_at_the_end(on):
    scene = on(remembering(Parts(), overhears=lambda past: past.another_did("subscribe:this")))
    scene.subscribe(0, 0)
    scene.unsubscribe(1, 1)
    with pytest.raises(BrokenRuleError) as caught:
        scene.settle()
    assert caught.value.requirement == "GL-SUB-015"


def test_a_refusal_that_changes_is_noticed(on):
    scene = on(Parts())
    scene.refused(0, "%%%")
    scene._refusals["%%%"] = 103
    with pytest.raises(BrokenRuleError) as caught:
        scene.refused(0, "%%%")
    assert caught.value.requirement == "GL-SUB-006"


def test_a_target_that_cannot_be_published_to_is_judged_by_its_answers_alone(on):
    scene = on(Parts())
    bench = scene._stand.bench
    bench.facts = attrs.evolve(bench.known, publish_via=None, publish_evidence="no way")
    with pytest.raises(NotExercisedError, match="waits on GL-SUB-016: no way"):
        scene.needs_publishing()
    scene.subscribe(0, 0)
    scene.settle()


def test_the_machines_are_registered_as_checks():
    assert len(STATEFUL) == 4
    cited = {requirement.id for id_ in STATEFUL for requirement in catalogue()[id_].requirements}
    assert {"GL-SUB-003", "GL-SUB-008", "GL-SUB-016", "GL-SUB-019", "GL-CONN-022"} <= cited


# -- servers that remember ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "holds"),
    [
        ("", True),
        ("subscribe:this", True),
        ("subscribe:this unsubscribe:this", True),
        ("unsubscribe:this subscribe:this", False),
        ("subscribe:other", True),
        ("subscribe:other subscribe:this", False),
        ("rpc", True),
        ("rpc unsubscribe", True),
        ("subscribe subscribe subscribe", False),
    ],
)
def test_a_pattern_is_a_sequence_of_acts(pattern, holds):
    acts = [("subscribe", "a"), ("subscribe", "b"), ("rpc", ""), ("unsubscribe", "a")]
    assert happened(acts, pattern, "a") is holds
