"""``liveproto show``: what of a trace is seen, and how."""

import base64
import json
import os
import pty
import re
import signal
import subprocess
import threading
import time

import pytest
from rich.cells import cell_len
from servers import COMMAND, environment, liveproto
from traces import CLEAN, CONNECT, CONNECTED, PUBLICATION, SUBSCRIBE, SUBSCRIBED, close, write_trace

from liveproto_conformance.traces.trace import TraceWriter

OTHER = ("<", "text", b'{"push":{"channel":"x/y/z","pub":{"data":1}}}')
ROW = re.compile(r" *\d+\.\d{6} +(\d+) ([<>]) (\w+) +(.*)")


def shown(path, *options):
    """Rows as connection, direction, kind and text; other lines as they are."""
    done = liveproto("show", path, *options, cwd=path.parent)
    assert done.returncode == 0, done.stderr
    matches = ((ROW.fullmatch(line), line) for line in done.stdout.splitlines())
    return [match.groups() if match else line for match, line in matches]


def row(event, connection=1):
    return (str(connection), event[0], event[1], event[2].decode())


def test_every_event_is_a_row_of_columns(tmp_path):
    path = write_trace(tmp_path / "t", *CLEAN, close(3001, "shutdown"))
    assert shown(path) == [*map(row, CLEAN), ("1", "<", "close", '[3001, "shutdown"]')]


def test_a_message_is_shown_line_by_line(tmp_path):
    path = write_trace(tmp_path / "t", ("<", "text", b'{"a":1}\n{"b":2}\n'), ("<", "text", b""))
    first, second, third, empty = shown(path)
    assert first == ("1", "<", "text", '{"a":1}')
    assert second == " " * 27 + '{"b":2}'
    assert third.strip() == ""
    assert empty == ("1", "<", "text", "")


def test_binary_is_escaped(tmp_path):
    path = write_trace(tmp_path / "t", (">", "binary", b"\x00\xffa\x1b"))
    assert shown(path) == [("1", ">", "binary", r"\x00\xffa\x1b")]


EVENTS = (
    ("<", "open", b"{}", 1),
    (*CONNECT, 1),
    (*CONNECT, 2),
    (*CONNECTED, 1),
    (*CONNECTED, 2),
    (*SUBSCRIBE, 2),
    (*SUBSCRIBED, 2),
    (*SUBSCRIBED, 1),
    (*PUBLICATION, 2),
    (*OTHER, 2),
    (">", "http", b'POST /api/live/publish\nHost: h\n\n{"channel":"a/b/c","data":1}', 3),
    (*close(1000), 2),
)


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ((), range(12)),
        (("--connection", "2"), [2, 4, 5, 6, 8, 9, 11]),
        (("--connection", "1", "--connection", "3"), [0, 1, 3, 7, 10]),
        (("--direction", "client"), [1, 2, 5, 10]),
        (("--direction", "server", "--connection", "1"), [0, 3, 7]),
        (("--kind", "open", "--kind", "close"), [0, 11]),
        (("--grep", '"client":"u"'), [3, 4]),
        (("--grep", "nowhere"), []),
        (("--channel", "a/b/c"), [5, 6, 8, 10]),
        (("--channel", "a/b/c", "--direction", "server"), [6, 8]),
        (("--channel", "a/b/c", "--grep", "n"), [5, 8, 10]),
        (("--channel", "a/b"), []),
        (("--check", "sub."), []),
    ],
)
def test_filters(tmp_path, options, numbers):
    path = write_trace(tmp_path / "t", *EVENTS)
    rows = [line for line in shown(path, *options) if isinstance(line, tuple)]
    assert rows == [row((*EVENTS[n][:2], EVENTS[n][2].split(b"\n")[0]), EVENTS[n][3]) for n in numbers]


def test_a_channel_of_a_connect_result_is_found(tmp_path):
    subscribed = ("<", "text", b'{"id":1,"connect":{"client":"u","subs":{"a/b/c":{}}}}')
    path = write_trace(tmp_path / "t", CONNECT, subscribed, ("<", "text", b"[" * 50_000), ("<", "text", b"[1]"))
    assert shown(path, "--channel", "a/b/c") == [row(subscribed)]


@pytest.mark.parametrize(
    ("context", "rows"),
    [
        (0, ["hit", "hit"]),
        (1, ["...", "2", "hit", "4", "...", "7", "hit", "9"]),
        (2, ["...", "1", "2", "hit", "4", "5", "6", "7", "hit", "9"]),
        (9, ["0", "1", "2", "hit", "4", "5", "6", "7", "hit", "9"]),
    ],
)
def test_context(tmp_path, context, rows):
    texts = [b"hit" if n in {3, 8} else b"%d" % n for n in range(10)]
    path = write_trace(tmp_path / "t", *(("<", "text", text) for text in texts))
    found = shown(path, "--grep", "hit", "-C", str(context))
    assert [line if isinstance(line, str) else line[3] for line in found] == rows


def test_checks_are_headings_and_a_filter(tmp_path):
    with TraceWriter(tmp_path / "t", {}) as trace:
        for check in ("sub.a", "sub.a", "pub.b", "sub.a"):
            trace.write(1, ">", "text", b"{}", check, 3)
    event = ("1", ">", "text", "{}")
    assert shown(tmp_path / "t") == [
        "sub.a example 3", event, event, "pub.b example 3", event, "sub.a example 3", event,
    ]  # fmt: skip
    assert shown(tmp_path / "t", "--check", "pub") == ["pub.b example 3", event]


def test_json_is_one_object_a_line_and_whole(tmp_path):
    path = write_trace(tmp_path / "t", CONNECT, ("<", "binary", b"\xff\x00"), check="sub.a")
    first, second = map(json.loads, liveproto("show", path, "--format", "json", cwd=tmp_path).stdout.splitlines())
    assert first.pop("time_ns") <= second.pop("time_ns")
    assert path.read_bytes()[second.pop("offset")] == 0x87
    del first["offset"]
    common = {"connection": 1, "check": "sub.a", "example": 0}
    assert first == {**common, "direction": ">", "kind": "text", "payload": CONNECT[2].decode()}
    assert second == {
        **common,
        "direction": "<",
        "kind": "binary",
        "payload_base64": base64.b64encode(b"\xff\x00").decode(),
    }


def test_a_damaged_trace_is_shown_up_to_there(tmp_path):
    path = write_trace(tmp_path / "t", *CLEAN)
    data = path.read_bytes()
    path.write_bytes(data + b"\xff" + data)
    done = liveproto("show", path, cwd=tmp_path)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, len(CLEAN))
    assert f"damaged at byte {len(data)}: " in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path):
    path = write_trace(tmp_path / "t", *CLEAN * 2000)
    command = " ".join([*COMMAND, "show", str(path)])
    done = subprocess.run(
        ["sh", "-c", f"{command} | head -n 1"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")


def following(path, *options):
    return subprocess.Popen(
        [*COMMAND, "show", str(path), "--follow", *options],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_following_shows_what_is_written_later_until_a_signal(tmp_path):
    with TraceWriter(tmp_path / "t", {}) as trace, following(tmp_path / "t", "--connection", "1") as process:
        try:
            for number in range(3):
                trace.write(2, ">", "text", b"of another")
                trace.write(1, ">", "text", b"number %d" % number)
                assert ROW.fullmatch(process.stdout.readline().rstrip("\n"))[4] == f"number {number}"
            process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=10)
        finally:
            process.kill()
    assert (process.returncode, rest, errors) == (0, "", "")


def test_following_waits_for_the_rest_of_an_event(tmp_path):
    data = write_trace(tmp_path / "whole", *CLEAN).read_bytes()
    (tmp_path / "t").write_bytes(data[:-5])
    with following(tmp_path / "t") as process:
        try:
            for _ in CLEAN[1:]:
                process.stdout.readline()
            time.sleep(0.5)
            with (tmp_path / "t").open("ab") as file:
                file.write(data[-5:])
            assert ROW.fullmatch(process.stdout.readline().rstrip("\n"))[4] == PUBLICATION[2].decode()
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=10) == ("", "")
        finally:
            process.kill()
    assert process.returncode == 0


def test_following_ends_at_damage_that_no_writing_mends(tmp_path):
    path = write_trace(tmp_path / "t", *CLEAN)
    path.write_bytes(path.read_bytes() + b"\xff")
    done = liveproto("show", path, "--follow", cwd=tmp_path, timeout=20)
    assert done.returncode == 0
    assert "damaged at byte" in done.stderr


def on_terminal(columns, *arguments):
    """Run a command on a terminal of some width; return the lines that reach it, without their styles."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        env=environment(COLUMNS=str(columns), TERM="xterm"),
        stdout=theirs,
        stdin=theirs,
    )
    os.close(theirs)
    pieces = []

    def read():
        try:
            while piece := os.read(ours, 65_536):
                pieces.append(piece)
        except OSError:
            """The other end is closed."""

    thread = threading.Thread(target=read)
    thread.start()
    process.wait(20)
    thread.join(5)
    os.close(ours)
    styles = re.compile(r"\x1b\[[0-9;]*m")
    return styles.sub("", b"".join(pieces).decode()).splitlines()


@pytest.mark.parametrize("text", ["x" * 500, "é" * 500, "漢" * 500, "\x1b[31m" * 100])
def test_on_a_terminal_lines_are_cut_to_its_width(tmp_path, text):
    path = write_trace(tmp_path / "t", ("<", "text", text.encode()), ("<", "text", b"end"))
    first, second = on_terminal(60, "show", path)
    assert first.endswith("…")
    assert 55 < cell_len(first) <= 60
    assert second.rstrip().endswith("end")
    whole = on_terminal(60, "show", path, "--full")
    assert len(whole) == 2
    assert "…" not in whole[0]


@pytest.mark.parametrize(
    "arguments", [(), ("absent",), ("t", "--kind", "x"), ("t", "-C", "-1"), ("t", "--connection", "x")]
)
def test_usage(tmp_path, arguments):
    write_trace(tmp_path / "t")
    assert liveproto("show", *arguments, cwd=tmp_path).returncode == 4
