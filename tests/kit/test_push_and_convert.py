"""``liveproto push`` and ``liveproto convert`` as users start them."""

import json
import subprocess

import httpx
import pytest
from servers import COMMAND, Playing, environment, free_port, liveproto

from liveproto_conformance.mutants.registry import parts_of
from liveproto_conformance.reference.server import ReferenceServer

LINES = """\
cpu,host=a usage=1.5,temp=40i 1600000000000000000
mem used=7u
cpu,host=b usage=2 1600000001000000000
"""
NOW = 1_700_000_000_123_456_789


def convert(tmp_path, text, *options, file="-"):
    command = [*COMMAND, "convert", file, *options]
    body = text.encode() if isinstance(text, str) else text
    return subprocess.run(
        command, input=body, cwd=tmp_path, env=environment(), capture_output=True, timeout=60, check=False
    )


def printed(done):
    assert (done.returncode, done.stderr) == (0, b"")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_each_frame_is_printed_with_its_channel_on_a_line(tmp_path):
    cpu, mem = printed(convert(tmp_path, LINES, "--now", str(NOW)))
    assert (list(cpu), list(cpu["frame"])) == (["channel", "frame"], ["schema", "data"])
    assert (cpu["channel"], mem["channel"]) == ("stream/telegraf/cpu", "stream/telegraf/mem")
    assert [field["name"] for field in cpu["frame"]["schema"]["fields"]] == ["labels", "time", "temp", "usage"]
    assert cpu["frame"]["data"]["values"] == [
        ["host=a", "host=b"],
        [1600000000000, 1600000001000],
        [40, None],
        [1.5, 2],
    ]
    assert mem["frame"]["data"] == {"values": [[""], [1700000000123], [None]], "nanos": [None, [456789], None]}


def test_wide_frames(tmp_path):
    frames = printed(convert(tmp_path, LINES, "--format", "wide", "--now", str(NOW)))
    assert [frame["channel"].rpartition("/")[2] for frame in frames] == ["cpu", "mem", "cpu"]
    assert frames[0]["frame"]["schema"]["fields"][1]["labels"] == {"host": "a"}


def test_a_file_is_read_and_lines_without_time_are_of_now(tmp_path):
    (tmp_path / "lines.txt").write_text("m v=1\n")
    ((first),) = printed(convert(tmp_path, "", file="lines.txt"))
    assert first["frame"]["data"]["values"][1][0] > NOW // 1_000_000


def test_an_empty_body_prints_nothing(tmp_path):
    assert printed(convert(tmp_path, "# nothing\n")) == []


@pytest.mark.parametrize("frame_format", ["labels_column", "wide"])
def test_the_strict_dialect(tmp_path, frame_format):
    options = ("--dialect", "strict", "--format", frame_format)
    tabbed = 'm,a=1,a=2 s="x\\ty",v=1,v=2 1600000000000000000'
    (printed_frame,) = printed(convert(tmp_path, tabbed, *options))
    values = printed_frame["frame"]["data"]["values"]
    assert values[-2:] == [["x\ty"], [2]]
    assert ("a=2" in str(values[0])) == (frame_format == "labels_column")
    refused = convert(tmp_path, tabbed)
    assert (refused.returncode, refused.stdout) == (1, b"")


def test_a_measurement_that_is_not_utf8(tmp_path):
    (frame,) = printed(convert(tmp_path, b"\xffm v=1 1"))
    assert frame["channel"] == "stream/telegraf/\ufffdm"


@pytest.mark.parametrize("dialect", ["grafana", "strict"])
def test_what_cannot_be_read_is_shown_with_line_column_and_caret(tmp_path, dialect):
    done = convert(tmp_path, "m v=1\nm,a=1 v=,w=2 5\n", "--dialect", dialect)
    assert (done.returncode, done.stdout) == (1, b"")
    first, line, caret = done.stderr.decode().splitlines()
    assert first.startswith("line 2, column 9, ")
    assert line == "    m,a=1 v=,w=2 5"
    assert caret == "    " + " " * 8 + "^"


@pytest.mark.parametrize(
    "arguments",
    [
        ("convert", "--format", "prometheus"),
        ("convert", "--dialect", "v3"),
        ("convert", "--now", "x"),
        ("convert", "no"),
    ],
)
def test_usage_errors(tmp_path, arguments):
    done = liveproto(*arguments, cwd=tmp_path)
    assert done.returncode == 4
    assert "Error" in done.stderr


# -- push --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server():
    with Playing(ReferenceServer()) as server:
        yield server


def push(tmp_path, url, stream, text, *options):
    command = [*COMMAND, "push", url, stream, *options]
    return subprocess.run(
        command,
        input=text,
        text=True,
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )


def columns(server, channel):
    listed = httpx.get(server.http_url + "/api/live/list").json()["channels"]
    (entry,) = [entry for entry in listed if entry["channel"] == channel]
    return [field["name"] for field in entry["data"]["schema"]["fields"]]


@pytest.mark.parametrize(
    ("options", "expected"),
    [((), ["labels", "time", "usage"]), (("--format", "WIDE"), ["time", "usage"])],
)
def test_lines_are_pushed_to_the_stream(tmp_path, server, options, expected):
    name = f"a b/{len(options)}"
    done = push(tmp_path, server.http_url, name, "cpu usage=2 1600000001000000000\n", "-", *options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert columns(server, f"stream/{name}/cpu") == expected


def test_the_url_of_the_websocket_and_a_file_will_do(tmp_path, server):
    (tmp_path / "lines.txt").write_text(LINES)
    done = push(tmp_path, server.url, "filed", "", "lines.txt")
    assert (done.returncode, done.stderr) == (0, "")
    assert columns(server, "stream/filed/mem") == ["labels", "time", "used"]


def test_a_refusal_tells_the_status_and_where_the_body_is_wrong(tmp_path, server):
    done = push(tmp_path, server.http_url, "x", "cpu v=1\ncpu v=\n")
    assert (done.returncode, done.stdout) == (1, "")
    first, second, *_ = done.stderr.splitlines()
    assert first == f"{server.http_url}: HTTP 500 "
    assert second.startswith("line 2, column 7, ")


def test_credentials_go_along(tmp_path):
    with Playing(ReferenceServer(parts=parts_of("the-anonymous-are-sent-to-login"))) as server:
        without = push(tmp_path, server.http_url, "x", LINES)
        assert (without.returncode, without.stderr.count("\n")) == (1, 1)
        assert "HTTP 302" in without.stderr
        assert push(tmp_path, server.http_url, "x", LINES, "--token", "secret").returncode == 0
        assert push(tmp_path, server.http_url, "x", LINES, "--header", "Authorization: x").returncode == 0


def test_nobody_there_is_exit_5(tmp_path):
    done = push(tmp_path, f"http://127.0.0.1:{free_port()}", "x", LINES)
    assert (done.returncode, done.stdout) == (5, "")
    assert "refused" in done.stderr


def test_a_url_that_is_none_is_exit_4(tmp_path):
    assert push(tmp_path, "nowhere", "x", LINES).returncode == 4
