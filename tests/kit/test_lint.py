"""``liveproto lint``: what a trace is judged to be, and what of it reaches a terminal."""

import json
import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import liveproto
from traces import CLEAN, CONNECT, CONNECTED, PUBLICATION, SUBSCRIBED, close, write_trace

from liveproto_conformance.traces.lint import lint
from liveproto_conformance.traces.trace import TraceWriter
from liveproto_conformance.verdict import Exit

CLEAN_EXIT, FINDINGS, USAGE, NOTHING = 0, 1, 4, 5
STRANGE_ID = ("<", "text", b'{"id":77,"subscribe":{}}')
PONG = (">", "text", b"{}")
LOST = ("<", "lost", b"a message of more than 16777216 bytes passed")


def judged(folder, *events, **options):
    """Judge a trace in a process; return the exit code and the report."""
    path = write_trace(folder / "t.cborseq", *events, **options)
    done = liveproto("lint", path, "--format", "json", cwd=folder)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def broken(report):
    return {one["id"]: one["broken"] for one in report["requirements"] if one["broken"]}


def test_clean_traffic_is_exit_0_and_says_what_was_exercised(tmp_path):
    code, report = judged(tmp_path, *CLEAN, close(1000, direction=">"))
    assert code == CLEAN_EXIT
    assert (report["findings"], report["verdict"], report["damage"]) == ([], "NO MUST BROKEN", None)
    assert (report["connections"], report["messages"]) == (1, len(CLEAN))
    assert report["bytes"] == sum(len(event[2]) for event in CLEAN)
    occasions = {one["id"]: one["occasions"] for one in report["requirements"]}
    assert occasions["GL-WIRE-034"] == 2
    assert occasions["GL-SUB-015"] == 1


def test_a_broken_must_is_exit_1_and_points_at_its_line(tmp_path):
    two_lines = ("<", "text", b"{}\n" + STRANGE_ID[2])
    code, report = judged(tmp_path, *((*event, 5) for event in (CONNECT, CONNECTED)), (*two_lines, 5))
    assert code == FINDINGS
    (finding,) = [one for one in report["findings"] if one["requirement"] == "GL-WIRE-034"]
    place = {key: finding[key] for key in ("side", "connection", "message", "line", "level", "shown", "sent_by")}
    assert place == {
        "side": "server",
        "connection": 5,
        "message": 2,
        "line": 1,
        "level": "MUST",
        "shown": '{"id":77,"subscribe":{}}',
        "sent_by": "server",
    }
    assert "77" in finding["text"]


def test_a_broken_should_is_a_finding_and_exit_0(tmp_path):
    code, report = judged(tmp_path, *CLEAN, close(3501, "something else"))
    assert (code, report["verdict"]) == (CLEAN_EXIT, "NO MUST BROKEN")
    assert broken(report)["GL-CODE-004"] == 1


def test_each_connection_is_judged_by_itself(tmp_path):
    events = [(*event, number) for number in (1, 2) for event in CLEAN]
    assert judged(tmp_path, *events)[0] == CLEAN_EXIT
    (tmp_path / "t.cborseq").unlink()
    mixed = [(*event, 1 + (event is SUBSCRIBED)) for event in CLEAN]
    code, report = judged(tmp_path, *mixed)
    assert code == FINDINGS
    assert {finding["connection"] for finding in report["findings"]} >= {2}


@pytest.mark.parametrize(
    ("command", "options", "requirements"),
    [
        ("record", (), {"GL-PING-011", "GL-WIRE-034"}),
        ("record", ("--side", "client"), {"GL-PING-011"}),
        ("record", ("--side", "server"), {"GL-WIRE-034"}),
        ("check", (), {"GL-WIRE-034"}),
        ("check", ("--side", "client"), {"GL-PING-011"}),
    ],
)
def test_whom_it_judges(tmp_path, command, options, requirements):
    path = write_trace(tmp_path / "t", CONNECT, CONNECTED, PONG, STRANGE_ID, command=command)
    done = liveproto("lint", path, "--format", "json", *options, cwd=tmp_path)
    assert done.returncode == FINDINGS
    assert set(broken(json.loads(done.stdout))) == requirements


def test_what_was_under_way_when_a_side_closed_is_not_judged(tmp_path):
    code, report = judged(tmp_path, *CLEAN, close(1000, direction=">"), STRANGE_ID, close(1000))
    assert (code, report["messages"]) == (CLEAN_EXIT, len(CLEAN))


def test_a_connection_is_judged_until_something_of_it_is_lost(tmp_path):
    code, report = judged(tmp_path, *CLEAN, LOST, STRANGE_ID)
    assert code == CLEAN_EXIT
    assert report["lost"] == [{"connection": 1, "text": LOST[2].decode()}]


@pytest.mark.parametrize(
    "events",
    [(), (close(1006),), ((">", "http", b"GET /\n"),), ((">", "open", b"{}"), ("<", "lost", b"Protobuf"))],
    ids=["none", "close", "http", "lost"],
)
def test_without_messages_there_is_nothing_to_judge(tmp_path, events):
    path = write_trace(tmp_path / "t", *events)
    done = liveproto("lint", path, cwd=tmp_path)
    assert done.returncode == NOTHING
    assert done.stdout.splitlines()[-1].startswith("NOTHING TO JUDGE")


def test_a_cut_trace_is_judged_up_to_there_and_says_where(tmp_path):
    path = write_trace(tmp_path / "t", *CLEAN, STRANGE_ID)
    whole = path.read_bytes()
    start = whole.rindex(b"\x87")
    path.write_bytes(whole[:-1])
    done = liveproto("lint", path, cwd=tmp_path)
    assert done.returncode == CLEAN_EXIT
    assert f"damaged at byte {start}: the end at byte {len(whole) - 1}; judged up to there" in done.stdout
    path.write_bytes(whole[:start] + b"\xff" + whole[start:])
    report = json.loads(liveproto("lint", path, "--format", "json", cwd=tmp_path).stdout)
    assert (report["damage"]["offset"], report["damage"]["cut"]) == (start, False)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b'{"format":1}', b"\x9b" + b"\xff" * 8])
def test_what_is_no_trace_is_a_usage_error(tmp_path, data):
    (tmp_path / "t").write_bytes(data)
    for tool in ("lint", "show"):
        done = liveproto(tool, "t", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (USAGE, "")
        assert "t is no trace: damaged at byte 0: " in done.stderr


@pytest.mark.parametrize("arguments", [(), ("absent",), (".",), ("t", "--side", "x")])
def test_usage(tmp_path, arguments):
    assert liveproto("lint", *arguments, cwd=tmp_path).returncode == USAGE


def test_people_see_the_rule_the_place_and_the_line(tmp_path):
    path = write_trace(tmp_path / "t", CONNECT, CONNECTED, STRANGE_ID, check="sub.x", command="check")
    lines = liveproto("lint", path, cwd=tmp_path).stdout.splitlines()
    assert lines[0] == "GL-WIRE-034 MUST  The id of a reply is the id of its command."
    assert lines[1].startswith("  server, connection 1, message 2, line 0")
    assert lines[1].endswith(" s, sub.x")
    assert re.fullmatch(" {4}.*77.*", lines[2])
    assert lines[3] == '    < {"id":77,"subscribe":{}}'
    assert lines[-1] == "NOT CONFORMANT: GL-WIRE-034 1"


def test_many_findings_are_counted_and_few_shown(tmp_path):
    path = write_trace(tmp_path / "t", CONNECT, CONNECTED, *[STRANGE_ID] * 300)
    shown = liveproto("lint", path, cwd=tmp_path).stdout
    assert shown.count('< {"id":77') == 5
    assert "  ... and 295 more" in shown
    report = json.loads(liveproto("lint", path, "--format", "json", cwd=tmp_path).stdout)
    assert broken(report) == {"GL-WIRE-034": 300}
    assert len(report["findings"]) == 100


HOSTILE = "\x1b[2J\x1b]0;title\x07\u202egnp.exe\u200b\x9b31m\r\b\t"


@pytest.mark.parametrize("format_", ["text", "json"])
def test_nothing_of_a_stranger_steers_the_terminal(tmp_path, format_):
    line = json.dumps({"id": 77, HOSTILE: HOSTILE}, ensure_ascii=False).encode() + b"\xff" + HOSTILE.encode() * 50
    events = (CONNECT, CONNECTED, ("<", "text", line), ("<", "binary", line), close(3501, HOSTILE), ("<", "lost", line))
    path = write_trace(tmp_path / "t", *events, check=HOSTILE)
    for tool in ("lint", "show"):
        shown = liveproto(tool, path, "--format", format_, cwd=tmp_path).stdout
        assert "title" in shown
        assert all(character.isprintable() or character == "\n" for character in shown)


def test_a_long_line_is_cut(tmp_path):
    path = write_trace(
        tmp_path / "t", CONNECT, CONNECTED, ("<", "text", b'{"id":77,"x":"' + "é".encode() * 100_000 + b'"}')
    )
    shown = liveproto("lint", path, cwd=tmp_path).stdout
    (line,) = [line for line in shown.splitlines() if line.startswith('    < {"id":77')][:1]
    assert line.endswith("é… (200,016 bytes)")
    assert max(map(len, shown.splitlines())) < 1000


def test_a_long_trace_is_judged_in_bounded_memory(tmp_path):
    with TraceWriter(tmp_path / "t", {}) as trace:
        for direction, kind, payload in CLEAN:
            trace.write(1, direction, kind, payload)
        large = PUBLICATION[2].replace(b'{"n":1}', b'"%s"' % (b"x" * 100_000))
        for _ in range(500):
            trace.write(1, "<", "text", large)
    tracemalloc.start()
    found = lint(tmp_path / "t")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.exit, found.messages) == (Exit.CONFORMANT, 505)
    assert peak < 8 * 1024 * 1024


@given(
    st.lists(
        st.tuples(
            st.sampled_from("<>"),
            st.sampled_from(["text", "binary", "close", "lost", "open", "http", "other"]),
            st.binary(max_size=40) | st.sampled_from([event[2] for event in CLEAN]),
            st.integers(0, 3),
        ),
        max_size=20,
    )
)
def test_no_events_make_it_raise(tmp_path_factory, events):
    found = lint(write_trace(tmp_path_factory.mktemp("any") / "t", *events))
    assert found.damage is None
    assert (found.exit is Exit.NOTHING_TESTED) == (found.messages == 0)


def test_many_lost_connections_are_counted_and_few_kept(tmp_path):
    code, report = judged(tmp_path, *((*event, number) for number in range(120) for event in (CONNECT, LOST)))
    assert (code, report["losses"], len(report["lost"])) == (CLEAN_EXIT, 120, 100)
