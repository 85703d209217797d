"""Settings: URLs, credentials, liveproto.toml, and what is said about a value that makes no sense."""

import base64

import pytest

from liveproto.grafana.release import Release
from liveproto_conformance.requirements import Level, Profile
from liveproto_conformance.target import (
    Settings,
    UsageError,
    http_base,
    make_settings,
    parse_header,
    read_config,
    settings_from,
    tls_context,
    websocket_url,
)


@pytest.mark.parametrize(
    ("url", "websocket", "http"),
    [
        ("http://h:3000", "ws://h:3000/api/live/ws", "http://h:3000"),
        ("http://h:3000/", "ws://h:3000/api/live/ws", "http://h:3000"),
        ("https://h", "wss://h/api/live/ws", "https://h"),
        ("https://h/grafana/", "wss://h/grafana/api/live/ws", "https://h/grafana"),
        ("http://h/a/b?x=1", "ws://h/a/b/api/live/ws?x=1", "http://h/a/b"),
        ("http://h/#top", "ws://h/api/live/ws", "http://h"),
        ("http://[::1]:3000", "ws://[::1]:3000/api/live/ws", "http://[::1]:3000"),
        ("ws://h/connection/websocket", "ws://h/connection/websocket", "http://h"),
        ("ws://h/sub/api/live/ws", "ws://h/sub/api/live/ws", "http://h/sub"),
        ("wss://h:1/x?y=z#f", "wss://h:1/x?y=z", "https://h:1"),
    ],
)
def test_urls(url, websocket, http):
    assert websocket_url(url) == websocket
    assert http_base(url) == http


@pytest.mark.parametrize(
    "url",
    ["", "localhost:3000", "h", "ftp://h", "http://", "http:///path", "http://h:x", "http://h:99999", "ws://[::1"],
)
def test_what_is_no_url_is_a_usage_error(url):
    with pytest.raises(UsageError):
        make_settings({"url": url}, {})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"profile": "grafan"}, "profile: expected core or grafana, got 'grafan'; did you mean 'grafana'?"),
        ({"profile": "x"}, "profile: expected core or grafana, got 'x'"),
        ({"level": "shuold"}, "level: expected MUST or SHOULD or MAY, got 'shuold'; did you mean 'SHOULD'?"),
        (
            {"publish_via": "htp"},
            "publish_via: expected ws or http or push or command, got 'htp'; did you mean 'http'?",
        ),
        ({"publish_via": "command"}, "publish_via = command: expected publish_command, the shell command to run"),
        ({"grafana": "new"}, "grafana: expected a Grafana version such as 12.4, got 'new'"),
        ({"channel_template": "x"}, "channel_template: expected {name} in it, got 'x'"),
        ({"start": "serve"}, "start: expected {port} in the command, got 'serve'"),
        ({"start": "serve '{port}"}, 'start: No closing quotation: "serve \'{port}"'),
        ({"start": "s {port}", "ready": "/health"}, "ready: expected http(s)://..., got '/health'"),
        ({"max_examples": 0}, "max_examples: expected at least 1, got 0"),
        ({"max_connections": -1}, "max_connections: expected at least 1, got -1"),
        ({"timeout": 0}, "timeout: expected more than 0 and at most 86400 seconds, got 0"),
        ({"quiet": -0.5}, "quiet: expected more than 0 and at most 86400 seconds, got -0.5"),
        ({"timeout": float("nan")}, "timeout: expected more than 0 and at most 86400 seconds, got nan"),
        ({"max_time": float("inf")}, "max_time: expected more than 0 and at most 86400 seconds, got inf"),
        ({"token": "a", "basic": "b:c"}, "expected one kind of credentials, got token and basic"),
        ({"url": "http://u:p@h", "token": "a"}, "expected one kind of credentials, got token and basic"),
        ({"token_env": "NONE"}, "token_env: the environment has no NONE"),
        ({"basic_env": "NONE"}, "basic_env: the environment has no NONE"),
        ({"basic": "user"}, "basic: expected USER:PASSWORD"),
        ({"token": "a\nb"}, "header 'Authorization': expected printable ASCII on one line, got its value"),
        ({"headers": {"X Y": "1"}}, "header 'X Y': expected printable ASCII on one line, got '1'"),
        ({"headers": {"X": 1}}, "header 'X': expected printable ASCII on one line, got 1"),
    ],
)
def test_a_bad_value_is_named_with_what_would_do(values, message):
    with pytest.raises(UsageError) as caught:
        make_settings(values, {})
    assert str(caught.value) == message


def test_values_are_converted():
    settings = make_settings(
        {"profile": "CORE", "level": "must", "grafana": "v12.1.3", "url": None, "seed": 7, "publish_via": "http"}, {}
    )
    assert settings == Settings(
        profile=Profile.CORE, level=Level.MUST, grafana=Release(12, 1), seed=7, publish_via="http"
    )


@pytest.mark.parametrize(
    ("values", "authorization"),
    [
        ({"token": "abc"}, "Bearer abc"),
        ({"token_env": "T"}, "Bearer from-env"),
        ({"basic": "user:pa:ss"}, "Basic " + base64.b64encode(b"user:pa:ss").decode()),
        ({"basic_env": "B"}, "Basic " + base64.b64encode(b"a:b").decode()),
        ({"url": "http://us%40er:pass@h:1/x"}, "Basic " + base64.b64encode(b"us@er:pass").decode()),
    ],
)
def test_credentials_become_a_header(values, authorization):
    settings = make_settings(values, {"T": "from-env", "B": "a:b"})
    assert settings.headers == {"Authorization": authorization}


def test_credentials_of_the_url_do_not_stay_in_it():
    assert make_settings({"url": "https://user:secret@h:1/x"}, {}).url == "https://h:1/x"


def test_the_url_of_a_started_target_may_have_a_port_to_fill_in():
    settings = make_settings({"start": "s {port}", "url": "ws://127.0.0.1:{port}/connection/websocket"}, {})
    assert settings.url == "ws://127.0.0.1:{port}/connection/websocket"


@pytest.mark.parametrize(
    ("text", "header"), [("A: b", ("A", "b")), ("A:b:c", ("A", "b:c")), (" A :  b ", ("A", "b")), ("A:", ("A", ""))]
)
def test_headers(text, header):
    assert parse_header(text) == header


@pytest.mark.parametrize("text", ["", "A", ":b", " : b"])
def test_what_is_no_header(text):
    with pytest.raises(UsageError, match="expected 'Name: value'"):
        parse_header(text)


def config(folder, text, name="liveproto.toml"):
    path = folder / name
    path.write_text(text)
    return path


def test_a_configuration_has_the_settings_and_its_tables(tmp_path):
    path = config(
        tmp_path, 'url = "http://h"\nseed = 3\ntimeout = 2.5\n[capabilities]\npublish = false\n[limits]\nchannels = 9'
    )
    read = read_config(path)
    assert read == {
        "url": "http://h",
        "seed": 3,
        "timeout": 2.5,
        "capabilities": {"publish": False},
        "limits": {"channels": 9},
    }
    assert make_settings(read, {}).limits == {"channels": 9}


def test_pyproject_has_a_table_of_ours(tmp_path):
    path = config(tmp_path, '[project]\nname = "x"\n[tool.liveproto]\nfast = true', "pyproject.toml")
    assert read_config(path) == {"fast": True}
    assert read_config(config(tmp_path, "", "pyproject.toml")) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sede = 1", "line 1: unknown key 'sede'; did you mean 'seed'?"),
        ("# mine\nseed = 3\n\ntimout = 1", "line 4: unknown key 'timout'; did you mean 'timeout'?"),
        ("zzz = 1", "line 1: unknown key 'zzz'"),
        ("seed = true", "line 1: seed: expected int, got True"),
        ("fast = 1", "line 1: fast: expected bool, got 1"),
        ("timeout = '5'", "line 1: timeout: expected int or float, got '5'"),
        ("baseline_update = true", "line 1: unknown key 'baseline_update'"),
        ("limits = 1", "line 1: expected a table [limits]"),
        ("[limits]\nchanels = 1", "line 2: [limits]: unknown key 'chanels'; did you mean 'channels'?"),
        ("[limits]\nchannels = 1.5", "line 2: [limits]: channels: expected int, got 1.5"),
        ("seed = 1\nlimits.channels = 1.5", "line 2: [limits]: channels: expected int, got 1.5"),
        ("[capabilities]\npublish = 1", "line 2: [capabilities]: publish: expected bool, got 1"),
        ("[capabilites]\npublish = true", "line 1: unknown key 'capabilites'; did you mean 'capabilities'?"),
        ("seed =", "Invalid value (at end of document)"),
        ("seed = 1\nseed = 2\n", "Cannot overwrite a value (at line 2, column 9)"),
    ],
)
def test_a_mistake_in_the_configuration_is_named_with_its_line(tmp_path, text, message):
    path = config(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_config(path)
    assert str(caught.value) == f"{path}: {message}"


def test_lines_of_a_pyproject_are_those_of_the_file(tmp_path):
    path = config(tmp_path, '[project]\nname = "x"\n[tool.liveproto]\nfats = true', "pyproject.toml")
    with pytest.raises(UsageError, match=r"pyproject.toml: line 4: unknown key 'fats'; did you mean 'fast'\?"):
        read_config(path)
    path.write_text('[tool.liveproto]\nprofile = "grafan"')
    with pytest.raises(UsageError, match=r"pyproject.toml: line 2: profile: expected core or grafana, got 'grafan'"):
        settings_from(path, {}, {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'seed = 1\nprofile = "grafan"',
            "line 2: profile: expected core or grafana, got 'grafan'; did you mean 'grafana'?",
        ),
        ('grafana = "new"', "line 1: grafana: expected a Grafana version such as 12.4, got 'new'"),
        (
            'publish_via = "command"',
            "line 1: publish_via = command: expected publish_command, the shell command to run",
        ),
        ("\ntimeout = 0", "line 2: timeout: expected more than 0 and at most 86400 seconds, got 0"),
        ('token_env = "NONE"', "line 1: token_env: the environment has no NONE"),
        (
            'url = "localhost:3000"',
            "line 1: expected http(s)://HOST[:PORT][/PATH] or ws(s)://..., got 'localhost:3000';",
        ),
        ("[headers]\nX = 1", "line 1: header 'X': expected printable ASCII on one line, got 1"),
        ('start = "serve"', "line 1: start: expected {port} in the command, got 'serve'"),
    ],
)
def test_a_bad_value_of_the_configuration_is_named_with_its_line(tmp_path, text, message):
    path = config(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        settings_from(path, {}, {})
    assert str(caught.value).startswith(f"{path}: {message}")


def test_a_bad_option_is_not_looked_for_in_the_configuration(tmp_path):
    path = config(tmp_path, 'profile = "core"')
    with pytest.raises(UsageError) as caught:
        settings_from(path, {"profile": "grafan"}, {})
    assert str(caught.value) == "profile: expected core or grafana, got 'grafan'; did you mean 'grafana'?"


def test_options_win_over_the_configuration_and_headers_are_read(tmp_path):
    path = config(tmp_path, "seed = 3\nfast = true")
    given = settings_from(path, {"seed": 4, "fast": None, "header": ("A: b",)}, {})
    assert given == Settings(seed=4, fast=True, headers={"A": "b"})


def test_a_configuration_that_is_missing(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        read_config(tmp_path / "none.toml")


def test_certificates_that_cannot_be_read(tmp_path):
    broken = config(tmp_path, "x", "ca.pem")
    for path in (broken, tmp_path / "none.pem"):
        with pytest.raises(UsageError, match="ca_file"):
            tls_context(Settings(ca_file=str(path)))


def test_a_url_without_scheme_is_completed_in_the_message():
    with pytest.raises(UsageError, match="did you mean 'http://localhost:3000'"):
        make_settings({"url": "localhost:3000"}, {})
