"""Saved failures: they read back as they were, run again as they are, and complain where they are broken."""

import base64
import json
import re
import shlex
import warnings

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.errors import NonInteractiveExampleWarning
from servers import COMMAND, free_port, liveproto

from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.check import mark_of
from liveproto_conformance.execute import Outcome
from liveproto_conformance.failures.card import card_of, check_command, replay_command
from liveproto_conformance.failures.failure import MissedError, failure_of
from liveproto_conformance.failures.repro import decode, document, encode, path_of, read, save
from liveproto_conformance.resources import load_schema
from liveproto_conformance.strategies import json_values
from liveproto_conformance.target import Settings, UsageError, make_settings
from liveproto_conformance.verdict import Status

IDS = "wire.an_id_is_echoed_unchanged"
GENERATED = [check for check in catalogue().values() if check.generated]


def failed(check_id, values, message="expected a, got b", command="liveproto replay x"):
    """The card of a check that failed with these values."""
    failure = failure_of(MissedError(AssertionError(message), values, ()))
    card = card_of(catalogue()[check_id], Outcome(status=Status.FAIL, message=message, failure=failure), 7, command)
    assert card is not None
    return card


@pytest.fixture
def saved(tmp_path):
    """Save a failure, with parts of the document changed, and return its path."""

    def make(**changes):
        path = tmp_path / "repro" / "failure.json"
        save(failed(IDS, {"ids": [1, 2]}), Settings(url="http://h"), path)
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
        return path

    return make


# -- values ------------------------------------------------------------------------------------------------------------

payloads = st.recursive(
    st.one_of(json_values(2), st.binary(max_size=5)),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.sampled_from(["a", "$bytes", "$object"]), inner)),
    max_leaves=8,
)


@given(value=payloads)
def test_values_read_back_as_they_were(value):
    assert decode(json.loads(json.dumps(encode(value)))) == value


def one_of(check):
    """One value of everything a check is given by Hypothesis."""
    mark = mark_of(check.function)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonInteractiveExampleWarning)
        if mark.machine is None:
            return {name: strategy.example() for name, strategy in mark.strategies.items()}
        names = mark.machine.names()
        drawn = {name: {k: s.example() for k, s in mark.machine.strategies(name).items()} for name in names}
        return {"steps": [[name, drawn[name]] for name in names]}


@pytest.mark.parametrize("check", GENERATED, ids=lambda check: check.id)
def test_the_input_of_every_check_can_be_saved_and_read(check, tmp_path):
    values = one_of(check)
    path = tmp_path / path_of(check.id)
    card = failed(check.id, values)
    save(card, Settings(url="http://h"), path)
    repro = read(path)
    assert repro.check is check
    assert json.dumps(encode(repro.values)) == json.dumps(encode(values))


def test_a_saved_failure_is_of_its_schema_and_has_no_secret():
    target = make_settings(
        {"url": "http://user:hunter2@h?auth_token=hunter2", "limits": {"channels": 128}, "grafana": "12.4"}, {}
    )
    text = json.dumps(document(failed(IDS, {"ids": [2**32]}), target))
    jsonschema.Draft202012Validator(load_schema("repro.schema.json")).validate(json.loads(text))
    assert "hunter2" not in text
    assert base64.b64encode(b"user:hunter2").decode() not in text
    assert json.loads(text)["settings"] == {
        "grafana": "12.4", "timeout": 5.0, "quiet": 0.1, "capabilities": {}, "limits": {"channels": 128}
    }  # fmt: skip


def test_both_schemas_agree_on_a_card():
    report, repro = load_schema("report.schema.json")["$defs"], load_schema("repro.schema.json")["$defs"]
    for name in ("RequirementId", "Level", "Card", "Place", "Exchange"):
        assert report[name] == repro[name]


# -- broken files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 1, column 1: "),
        ('{\n  "format": 1,,\n}', "line 2, column 15: "),
        ("[]", "top level: "),
        ("{}", "top level: "),
        ("[" * 100_000, "no JSON text"),
        ("\ud800", "no JSON text"),
        ("1" * 5000, "no JSON text"),
    ],
)
def test_a_file_that_is_no_saved_failure_is_refused(tmp_path, text, complaint):
    path = tmp_path / "broken.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(UsageError, match=re.escape(complaint)):
        read(path)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"format": 2}, "format: 1 was expected"),
        ({"valeus": {}}, "unknown key 'valeus'; did you mean 'values'?"),
        ({"check": "wire.an_id_is_echoed"}, f"there is no 'wire.an_id_is_echoed'; did you mean '{IDS}'?"),
        ({"settings": {"timeuot": 5}}, "settings: "),
        ({"values": {}}, "values: expected ids, got nothing"),
        ({"values": {"ids": {"$bytes": "%"}}}, "values: "),
        ({"values": []}, "values: "),
    ],
)
def test_a_saved_failure_that_makes_no_sense_is_refused(saved, changes, complaint):
    with pytest.raises(UsageError, match=re.escape(complaint)):
        read(saved(**changes))


SESSION = next(check for check in GENERATED if mark_of(check.function).machine is not None)


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ([["subscribed", {}]], "steps[0]: there is no step 'subscribed'; did you mean 'subscribe'?"),
        ([["subscribe", {"nowhere": 1}]], "steps[0]: subscribe: expected"),
        (["subscribe"], 'steps[0]: expected a name and an object of arguments, got "subscribe"'),
    ],
)
def test_steps_that_are_none_are_refused(saved, steps, complaint):
    with pytest.raises(UsageError, match=re.escape(complaint)):
        read(saved(check=SESSION.id, values={"steps": steps}))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        read(tmp_path / "none.json")


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_command_can_be_pasted(tmp_path):
    target = make_settings({"url": "http://h:1/a path?x=1&y=2", "ca_file": "it's.pem", "insecure": True}, {})
    command = replay_command(target, tmp_path / "my report" / "x.json", {})
    assert shlex.split(command) == [
        "liveproto", "replay", f"{tmp_path}/my report/x.json", "http://h:1/a path?x=1&y=2",
        "--ca-file", "it's.pem", "--insecure",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "environment", "expected"),
    [
        ({"token": "hunter2"}, {"EMPTY": "", "GRAFANA_TOKEN": "hunter2"}, "--token-env GRAFANA_TOKEN"),
        ({"token": "hunter2"}, {}, '--token "$TOKEN"'),
        ({"basic": "admin:hunter2"}, {"LOGIN": "admin:hunter2"}, "--basic-env LOGIN"),
        ({"basic": "admin:hunter2"}, {}, '--basic "$BASIC"'),
        ({"headers": {"X-Api-Key": "hunter2"}}, {}, '--header "X-Api-Key: $X_API_KEY"'),
        ({"publish_via": "command", "publish_command": "x hunter2"}, {}, '--publish-command "$PUBLISH_COMMAND"'),
    ],
)
def test_the_command_names_secrets_and_has_none(tmp_path, values, environment, expected):
    command = replay_command(make_settings({"url": "http://h", **values}, {}), tmp_path / "x.json", environment)
    assert command.endswith(f" http://h {expected}")
    assert "hunter2" not in command


def test_the_command_starts_what_the_run_has_started(tmp_path):
    started = Settings(url="http://127.0.0.1:4711", start="serve --port {port}", ready="http://127.0.0.1:{port}/x")
    path = tmp_path / "x.json"
    assert replay_command(started, path, {}) == (
        f"liveproto replay {path} --start 'serve --port {{port}}' --ready 'http://127.0.0.1:{{port}}/x'"
    )
    below = Settings(url="http://127.0.0.1:4711/below", start="serve --port {port}")
    assert " 'http://127.0.0.1:{port}/below' " in replay_command(below, path, {})


def test_the_embedded_server_needs_no_url(tmp_path):
    embedded = Settings(url="http://127.0.0.1:4711", timer_url="ws://127.0.0.1:4712")
    assert replay_command(embedded, tmp_path / "x.json", {}) == f"liveproto replay {tmp_path}/x.json"


def test_without_a_file_the_check_is_run_again_with_its_seed():
    target = make_settings({"url": "http://h", "profile": "core", "seed": 5}, {})
    assert check_command(target, ["passive.a_b", "sub.c_d"], {}) == (
        "liveproto check http://h -k 'a_b or c_d' --seed 5 --profile core"
    )


# -- as a user ---------------------------------------------------------------------------------------------------------

MUTANT = f"{shlex.join(COMMAND)} serve --port {{port}} --mutant"


@pytest.fixture(scope="module")
def run_of_mutant(tmp_path_factory):
    """A run that saves two failures: one check with its own input, one with generated input."""
    folder = tmp_path_factory.mktemp("run")
    done = liveproto(
        "check", "--start", f"{MUTANT} unknown-keys-are-refused", "--fast", "--report-dir", "my report",
        "--timeout", "2", "-k", "unknown_keys or a_second_connect", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    return folder, done.stdout


def test_a_failure_is_saved_and_the_report_says_where(run_of_mutant):
    folder, _ = run_of_mutant
    report = json.loads((folder / "my report" / "report.json").read_text())
    jsonschema.Draft202012Validator(load_schema("report.schema.json")).validate(report)
    saved = {check["id"]: check["repro"] for check in report["checks"] if check["repro"] is not None}
    assert saved == {"wire.unknown_keys_are_ignored": "repro/wire.unknown_keys_are_ignored.json"}
    document = json.loads((folder / "my report" / saved["wire.unknown_keys_are_ignored"]).read_text())
    jsonschema.Draft202012Validator(load_schema("repro.schema.json")).validate(document)
    assert len(document["values"]["members"]) == 1


def test_the_command_of_the_card_shows_the_failure_again(run_of_mutant):
    folder, shown = run_of_mutant
    (command,) = [line.strip().removeprefix("again").strip() for line in shown.splitlines() if " again " in line]
    program, *arguments = shlex.split(command)
    assert program == "liveproto"
    done = liveproto(*arguments, cwd=folder)
    assert done.returncode == 1
    assert done.stdout.startswith("FAIL wire.unknown_keys_are_ignored\n")
    assert "observed  close 3501 'bad request'" in done.stdout


def test_what_is_mended_holds(run_of_mutant):
    folder, _ = run_of_mutant
    done = liveproto("replay", "my report/repro/wire.unknown_keys_are_ignored.json", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "HOLDS wire.unknown_keys_are_ignored: 3 times with the saved input\n")


def test_replay_says_where_nothing_is_reached(run_of_mutant):
    folder, _ = run_of_mutant
    url = f"http://127.0.0.1:{free_port()}"
    done = liveproto("replay", "my report/repro/wire.unknown_keys_are_ignored.json", url, cwd=folder)
    assert done.returncode == 5
    assert "cannot be reached" in done.stderr


def test_what_does_not_apply_is_not_tested(saved, tmp_path):
    path = saved(check="cmd.history_without_limit_is_a_position_only", values={})
    done = liveproto("replay", path, cwd=tmp_path)
    assert done.returncode == 5
    assert "NOT_APPLICABLE: history was answered 108" in done.stderr


def test_a_broken_file_is_a_usage_error(tmp_path):
    (tmp_path / "x.json").write_text('{"format": 1,\n "chek": 1}')
    done = liveproto("replay", "x.json", cwd=tmp_path)
    assert done.returncode == 4
    assert "Error: x.json: unknown key 'chek'; did you mean 'check'?" in done.stderr


def test_a_new_run_does_not_keep_what_an_earlier_one_has_saved(tmp_path):
    (tmp_path / "report" / "repro").mkdir(parents=True)
    (tmp_path / "report" / "repro" / "old.json").write_text("{}")
    done = liveproto("check", "--fast", "--report-dir", "report", "-k", "a_second_connect", cwd=tmp_path)
    assert done.returncode == 0
    assert list((tmp_path / "report" / "repro").iterdir()) == []
