"""The same stimuli to centrifuge v0.35.0 and to the embedded server: every difference is listed, or a fault of ours.

The stimuli are those of the recorded traffic of centrifuge 0.28 and of ``stimuli.json``, sent to the peer's open
setting, which shows the protocol, and to its Grafana setting, which has Grafana's handlers too. What SPEC.md leaves
unspecified is in ``undefined.py``; every other difference stands in ``differences.toml``, alone or as the work of a
policy, and one that no longer occurs fails.
"""

import gzip
import json
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from availability import unavailable
from policies import POLICIES, without_policies
from scripted import socket_url
from transcript import Scenario, ended_by, play
from undefined import FREEDOMS, freedoms_of

HERE = Path(__file__).parent
CAPTURES = HERE.parents[2] / "shared" / "captures" / "centrifuge-0.28-v2.json.gz"
OPENINGS = {
    "subprotocol centrifuge-json": (("centrifuge-json",), ""),
    "subprotocol unknown": (("liveproto-unknown",), ""),
    "subprotocol both, json first": (("centrifuge-json", "centrifuge-protobuf"), ""),
    "cf_protocol_version=v2": ((), "?cf_protocol_version=v2"),
}
"""How a recorded connection was opened, where that mattered; the recordings do not say."""
OTHER_DIALECTS = {
    "subprotocol centrifuge-protobuf",
    "subprotocol both, protobuf first",
    "format=protobuf",
    "cf_protocol=protobuf",
    "format=protobuf sending text json",
    "cf_protocol_version=v1 with V1 connect",
}
"""Recorded scenarios that are not of the JSON dialect of protocol V2."""
NO_CREDENTIALS = {"no credentials"}
"""Recorded scenarios that need a header; both servers connect everybody."""
REASONS = {"version", "Grafana policy"}


def recorded_scenarios():
    """What the recorded client sent, a scenario each."""
    if not CAPTURES.exists():
        unavailable(f"no recorded traffic at {CAPTURES}")
    recorded = json.loads(gzip.decompress(CAPTURES.read_bytes()))
    names = {each["scenario"] for each in recorded}
    assert names >= OTHER_DIALECTS | OPENINGS.keys() | NO_CREDENTIALS
    for each in recorded:
        name = each["scenario"]
        messages = tuple(
            event["v"] if event["ev"] == "send-text" else bytes.fromhex(event["v"])
            for event in each["events"]
            if event["ev"] in {"send-text", "send-bin"}
        )
        if messages and name not in OTHER_DIALECTS | NO_CREDENTIALS:
            yield Scenario(name, messages, *OPENINGS.get(name, ((), "")))


def own_scenarios():
    """What ``stimuli.json`` adds."""
    for each in json.loads((HERE / "stimuli.json").read_text()):
        yield Scenario(each["scenario"], tuple(map(own_message, each["messages"])))


def own_message(message):
    if isinstance(message, str):
        return message
    return bytes.fromhex(message["hex"]) if "hex" in message else message["binary"].encode()


def play_all(scenarios, *servers):
    """Play every scenario on each server, all servers at once; a server is (URL, whether to translate channels)."""

    def play_on(server):
        url, translate = server
        return [play(socket_url(url), scenario, translate=translate) for scenario in scenarios]

    with ThreadPoolExecutor(len(servers)) as pool:
        return list(pool.map(play_on, servers))


class Comparison:
    """What the peer and the embedded server did differently, scenario by scenario, and what excused it."""

    def __init__(self, setting, scenarios, peer, ours):
        self.setting = setting
        self.freedoms = set()
        self.policies = set()
        self.differences = {}
        for scenario, theirs, own in zip(scenarios, peer, ours, strict=True):
            if found := list(self._compare(scenario, theirs, own)):
                self.differences[scenario.name] = found

    def _compare(self, scenario, theirs, own):
        """List the lines that only one of them sent, with the number of the message; nothing after an excused one."""
        if theirs[0] != own[0]:
            yield f"subprotocol: {theirs[0]} and {own[0]}"
        for number, (message, *both) in enumerate(zip(scenario.messages, theirs[1], own[1], strict=True), 1):
            if both[0].lines() == both[1].lines():
                continue
            if free := freedoms_of(message):
                self.freedoms |= free
                return
            used, over, *lines = without_policies(message, *both)
            self.policies |= used
            yield from (f"{number} peer: {line}" for line in lines[0] if line not in lines[1])
            yield from (f"{number} embedded: {line}" for line in lines[1] if line not in lines[0])
            if over or both[0].closed != both[1].closed:
                return


@pytest.fixture(scope="module")
def comparisons(go_peer, embedded_urls):
    """Both settings of the peer, each compared with the embedded server."""
    scenarios = [*recorded_scenarios(), *own_scenarios()]
    assert len({scenario.name for scenario in scenarios}) == len(scenarios)
    with go_peer("open") as open_, go_peer("grafana") as grafana:
        opened, handled, own = play_all(scenarios, (open_, False), (grafana, True), (embedded_urls[0], True))
    return {
        "open": Comparison("open", scenarios, opened, own),
        "grafana": Comparison("grafana", scenarios, handled, own),
    }


@pytest.fixture(scope="module")
def committed():
    document = tomllib.loads((HERE / "differences.toml").read_text())
    for entry in (*document["policy"], *document["difference"]):
        assert entry["reason"] in REASONS, entry
        assert entry["what"], entry
    return document


@pytest.mark.parametrize("setting", ["open", "grafana"])
def test_every_difference_is_listed_and_every_listed_one_occurs(comparisons, committed, setting):
    listed = {e["scenario"]: e["lines"] for e in committed["difference"] if setting in e["settings"]}
    assert comparisons[setting].differences == listed


def test_every_policy_is_listed_and_every_listed_one_occurs(comparisons, committed):
    listed = {(setting, e["name"]) for e in committed["policy"] for setting in e["settings"]}
    assert {name for _, name in listed} == POLICIES.keys()
    assert {(setting, name) for setting, c in comparisons.items() for name in c.policies} == listed


def test_every_freedom_occurs(comparisons):
    assert comparisons["open"].freedoms == FREEDOMS.keys()


def test_a_silent_connection_ends_alike(go_peer, embedded_urls):
    with go_peer("open", "--ping", "2s", "--pong", "1s", "--stale", "2s") as url:
        ends = [
            ended_by(socket_url(each), messages, wait_s=6.0)
            for messages in ((), ('{"id":1,"connect":{}}',))
            for each in (url, embedded_urls[1])
        ]
    assert ends == ["CLOSE 3502 stale"] * 2 + ["CLOSE 3012 no pong"] * 2
