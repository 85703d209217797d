"""States and inputs have names for people, and each violation its requirement. Cells are tested at the machines."""

import pytest

from liveproto.session.states import (
    ChannelInput,
    ChannelState,
    ClientInput,
    ClientState,
    ServerInput,
    ServerState,
    SubscriptionInput,
    SubscriptionState,
    violated_requirement,
)


@pytest.mark.parametrize(
    ("enumeration", "names"),
    [
        (ServerState, "OPEN CONNECTING CONNECTED REFUSED CLOSED FAILED"),
        (ChannelState, "ABSENT SUBSCRIBING SUBSCRIBED"),
        (ChannelInput, "SUBSCRIBE UNSUBSCRIBE ACCEPT REFUSE REVOKE PUSH"),
        (ClientState, "DISCONNECTED WAITING ASKING OPENING CONNECTING CONNECTED"),
        (SubscriptionState, "UNSUBSCRIBED QUEUED RETRYING ASKING SUBSCRIBING SUBSCRIBED"),
    ],
)
def test_members(enumeration, names):
    assert [member.name for member in enumeration] == names.split()


@pytest.mark.parametrize(
    "enumeration",
    [
        ServerState,
        ServerInput,
        ChannelState,
        ChannelInput,
        ClientState,
        ClientInput,
        SubscriptionState,
        SubscriptionInput,
    ],
)
def test_descriptions_tell_members_apart(enumeration):
    assert len({member.value for member in enumeration}) == len(enumeration.__members__)


@pytest.mark.parametrize(
    ("state", "input_", "requirement"),
    [
        ("OPEN", "SUBSCRIBE", "GL-CONN-002"),
        ("OPEN", "SEND", "GL-CONN-002"),
        ("OPEN", "PONG_UNEXPECTED", "GL-CONN-002"),
        ("OPEN", "UNKNOWN", "GL-CONN-002"),
        ("OPEN", "WITHOUT_ID", "GL-CONN-002"),
        ("OPEN", "CONNECT_WITHOUT_ID", "GL-CONN-005"),
        ("OPEN", "UNDECODABLE", "GL-WIRE-013"),
        ("CONNECTED", "CONNECT", "GL-CONN-004"),
        ("CONNECTED", "CONNECT_WITHOUT_ID", "GL-CONN-005"),
        ("CONNECTED", "WITHOUT_ID", "GL-WIRE-038"),
        ("CONNECTED", "SUBSCRIBE_INCOMPLETE", "GL-SUB-002"),
        ("CONNECTED", "SUBSCRIBE_DELTA_UNKNOWN", "GL-SUB-030"),
        ("CONNECTED", "UNSUBSCRIBE_INCOMPLETE", "GL-SUB-012"),
        ("CONNECTED", "PUBLISH_INCOMPLETE", "GL-PUB-003"),
        ("CONNECTED", "PUBLISH_WITHOUT_DATA", "GL-PUB-004"),
        ("CONNECTED", "LOOKUP_INCOMPLETE", "GL-CMD-005"),
        ("CONNECTED", "REFRESH_UNEXPECTED", "GL-CMD-007"),
        ("CONNECTED", "PONG_UNEXPECTED", "GL-PING-004"),
        ("CONNECTED", "UNKNOWN", "GL-WIRE-043"),
        ("CONNECTED", "UNDECODABLE", "GL-WIRE-013"),
    ],
)
def test_violated_requirement(state, input_, requirement):
    assert violated_requirement(ServerState[state], ServerInput[input_]) == requirement
