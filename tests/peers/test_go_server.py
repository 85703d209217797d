"""The kit held against centrifuge v0.35.0 itself: a check that fails here is wrong, and what it cannot try is listed.

``expected_<setting>.toml`` names every check that does not pass, with the reason. The lists may only shrink: a check
that is not listed must pass, and one that passes must not be listed.
"""

import json
import os
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

SETTINGS = ("open", "grafana", "stock")
FAST_RUNS = 2 if os.environ.get("CI") == "true" else 1
SHORT_TIMERS = ("--ping", "2s", "--pong", "1s", "--stale", "2s")
NO_PING_MEANWHILE = ("--ping", "10m")
LIMITS = "[limits]\nmessage_bytes = 65536\nchannel_bytes = 255\nchannels = 128\nstale_s = 2\n"
MESSAGE_LIMIT = "[limits]\nmessage_bytes = 65536\n"
HERE = Path(__file__).parent
TIMEOUT_S = 150


def start_judging(url, directory, *options, config):
    directory.mkdir()
    (directory / "liveproto.toml").write_text(config)
    command = [sys.executable, "-m", "liveproto_conformance", "check", url, "--report-dir", ".", *options]
    return subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish_judging(process, directory):
    """Return what the run said, its exit code and its report."""
    try:
        said, _ = process.communicate(timeout=TIMEOUT_S)
    finally:
        process.kill()
        process.wait()
    return said, process.returncode, json.loads((directory / "report.json").read_text())


def statuses(report):
    return {check["id"]: check["status"] for check in report["checks"]}


def listed(name, lane):
    """The statuses that ``expected_<name>.toml`` lists for runs with the timer lane ("timers") or without ("fast")."""
    entries = tomllib.loads((HERE / f"expected_{name}.toml").read_text())["expect"]
    assert all(entry["reason"] for entry in entries)
    assert all(entry.keys() <= {"checks", "status", "reason", "lane"} for entry in entries)
    applicable = [
        (check, entry["status"]) for entry in entries if entry.get("lane", lane) == lane for check in entry["checks"]
    ]
    assert [id_ for id_, count in Counter(check for check, _ in applicable).items() if count > 1] == []
    return dict(applicable)


def complaints(report, name, lane):
    """What of a run is not as listed, each with what to do about it."""
    expected, found = listed(name, lane), statuses(report)
    messages = {check["id"]: check["message"] for check in report["checks"]}
    for id_ in sorted(expected.keys() | found.keys()):
        status = found.get(id_)
        if status == "PASS" and id_ in expected:
            yield f"{id_} passes now: remove it from expected_{name}.toml"
        elif status is None:
            yield f"{id_} is not a check of this run: remove it from expected_{name}.toml"
        elif status != expected.get(id_, "PASS"):
            yield f"{id_} is {status}, expected {expected.get(id_, 'PASS')} ({messages[id_]}): the list may only shrink"


@pytest.fixture(scope="module", params=SETTINGS)
def runs(request, go_peer, tmp_path_factory):
    """One setting judged by the core profile: once with the timer lane, else without; all at the same time."""
    setting, folder = request.param, tmp_path_factory.mktemp(request.param)
    core = ("--profile", "core")
    with go_peer(setting, *SHORT_TIMERS) as short, go_peer(setting, *NO_PING_MEANWHILE) as quiet:
        begun = {folder / "timers": start_judging(short, folder / "timers", *core, config=LIMITS)}
        for number in range(FAST_RUNS):
            directory = folder / f"fast-{number}"
            begun[directory] = start_judging(quiet, directory, *core, "--fast", config=LIMITS)
        return setting, [finish_judging(process, directory) for directory, process in begun.items()]


@pytest.fixture(scope="module", autouse=True)
def grafana_judging(go_peer, tmp_path_factory):
    """The profile of Grafana 12.1 with its own timers, which takes 50 s, beside everything else."""
    directory = tmp_path_factory.mktemp("grafana-12.1") / "run"
    with go_peer("grafana", "--grafana-version", "12.1.0") as url:
        options = ("--profile", "grafana", "--grafana", "12.1")
        process = start_judging(url, directory, *options, config=MESSAGE_LIMIT)
        try:
            yield process, directory
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def test_the_library_conforms(runs):
    _, judged = runs
    for said, code, report in judged:
        assert code == 0, said
        assert report["verdict"] == "conformant"
        assert report["counts"]["PASS"] >= 50


def test_what_does_not_pass_is_listed_with_its_reason(runs):
    setting, judged = runs
    for (_, _, report), lane in zip(judged, ["timers"] + ["fast"] * FAST_RUNS, strict=True):
        assert list(complaints(report, setting, lane)) == []


def test_every_run_has_the_same_verdicts(runs):
    setting, ((_, _, timers), *fast) = runs
    maps = [statuses(report) for _, _, report in fast]
    assert all(each == maps[0] for each in maps)
    assert sorted(statuses(timers).keys() - maps[0].keys()) == sorted(fast[0][2]["not_scored"])
    # The passive rules of pings, which only the timer lane waits for.
    unlike = {id_ for id_, status in maps[0].items() if statuses(timers)[id_] != status}
    assert unlike == listed(setting, "fast").keys() - listed(setting, "timers").keys()


def test_every_run_has_the_same_stimuli(runs):
    _, (_, *fast) = runs
    assert len({report["stimuli_sha256"] for _, _, report in fast}) == 1


def test_the_library_conforms_with_subscriptions_of_its_own(go_peer, tmp_path):
    directory = tmp_path / "run"
    with go_peer("open", *NO_PING_MEANWHILE, "--feed", "500us") as url:
        process = start_judging(url, directory, "--profile", "core", "--fast", config=LIMITS)
        said, code, report = finish_judging(process, directory)
    assert code == 0, said
    assert list(complaints(report, "open", "fast")) == []


def test_the_library_with_grafanas_handlers_conforms_to_grafana_12_1(grafana_judging):
    said, code, report = finish_judging(*grafana_judging)
    assert code == 0, said
    assert report["grafana"] == {"detected": "12.1.0", "used": "12.1"}
    assert report["profiles"] == ["core", "grafana"]
    assert list(complaints(report, "grafana_12_1", "timers")) == []
