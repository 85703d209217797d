"""What is judged and how: the settings of one run, from options and liveproto.toml.

Not here: sockets (``drive``), what the target turns out to be (``probe``).
"""

from __future__ import annotations

import base64
import difflib
import re
import shlex
import ssl
import tomllib
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit, urlunsplit

import attrs

from liveproto.grafana.release import Release, parse_release
from liveproto.session.monitor.raw import as_object
from liveproto_conformance.requirements import Level, Profile
from liveproto_conformance.toml_lines import line_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

LIVE_PATH: Final = "/api/live/ws"
CONFIG_FILE: Final = "liveproto.toml"
PUBLISH_ROUTES: Final = ("ws", "http", "push", "command")
CAPABILITIES: Final = ("publish", "presence", "history", "rpc", "send", "join_leave")
LIMITS: Final = ("message_bytes", "channel_bytes", "channels", "stale_s")


class UsageError(Exception):
    """The settings are wrong: exit 4; ``key`` is that of liveproto.toml, where a single one is at fault."""

    def __init__(self, message: str, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


@attrs.frozen
class Timers:
    """Delays a target is known to have, in seconds."""

    pong_s: float
    stale_s: float


GRAFANA_TIMERS: Final = Timers(pong_s=10.0, stale_s=15.0)


@attrs.frozen(kw_only=True)
class Settings:
    """Everything a user may choose for a run; times in seconds."""

    url: str | None = None
    profile: Profile | None = None
    grafana: Release | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
    ca_file: str | None = None
    insecure: bool = False
    publish_via: str | None = None
    publish_command: str | None = None
    """Run by the shell with CHANNEL and DATA in its environment, for ``publish_via = "command"``."""
    channel_template: str | None = None
    start: str | None = None
    ready: str | None = None
    start_timeout: float = 15.0
    fast: bool = False
    select: str | None = None
    req: str | None = None
    level: Level | None = None
    max_examples: int | None = None
    """Generated examples for each check; by default fewer in a fast run."""
    max_time: float = 600.0
    seed: int = 0
    timeout: float = 5.0
    quiet: float = 0.1
    max_connections: int = 20
    strict: bool = False
    allow_incomplete: bool = False
    expected: str | None = None
    """File of known failures; by default the one in the current folder."""
    baseline_update: bool = False
    report_dir: str | None = None
    capabilities: Mapping[str, bool] = attrs.field(factory=dict[str, bool])
    limits: Mapping[str, int] = attrs.field(factory=dict[str, int])
    timer_url: str | None = None
    """A second listener with short timers, which the embedded server has."""
    timers: Timers = GRAFANA_TIMERS

    @property
    def examples(self) -> int:
        """Examples to generate for each check."""
        return self.max_examples or (FAST_EXAMPLES if self.fast else FULL_EXAMPLES)


FAST_EXAMPLES: Final = 11
FULL_EXAMPLES: Final = 52

_MAX_SECONDS: Final = 86_400
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t -~]*")
_CHOICES: Final[Mapping[str, type[Profile | Level]]] = {"profile": Profile, "level": Level}
_TABLES: Final = {"capabilities": (CAPABILITIES, bool), "limits": (LIMITS, int)}
_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "url": str,
    "profile": str,
    "grafana": str,
    "token": str,
    "token_env": str,
    "basic": str,
    "basic_env": str,
    "headers": dict,
    "ca_file": str,
    "insecure": bool,
    "publish_via": str,
    "publish_command": str,
    "channel_template": str,
    "start": str,
    "ready": str,
    "start_timeout": (int, float),
    "fast": bool,
    "select": str,
    "req": str,
    "level": str,
    "max_examples": int,
    "max_time": (int, float),
    "seed": int,
    "timeout": (int, float),
    "quiet": (int, float),
    "max_connections": int,
    "strict": bool,
    "allow_incomplete": bool,
    "expected": str,
    "report_dir": str,
}
"""Keys of liveproto.toml and the type each must have."""


def settings_from(path: Path | None, given: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Make settings of a configuration file, where there is one, and of options, which win.

    Args:
        path: of the file.
        given: options by the names of liveproto.toml, None for not given; ``header`` has texts, ``Name: value``.
        environment: where the names of credentials are looked up.

    Raises:
        UsageError: something makes no sense; what stands in the file is named with its line.
    """
    configured = {} if path is None else read_config(path)
    options = {key: value for key, value in given.items() if value is not None}
    if headers := dict(map(parse_header, options.pop("header", ()))):
        options["headers"] = headers
    try:
        return make_settings({**configured, **options}, environment)
    except UsageError as error:
        if path is None or error.key is None or error.key not in configured.keys() - options.keys():
            raise
        raise _fault_in(path, [error.key], str(error)) from error


def read_config(path: Path) -> dict[str, Any]:
    """Read liveproto.toml, or ``[tool.liveproto]`` of a pyproject.toml.

    Raises:
        UsageError: it cannot be read, or has an unknown key or a value of the wrong type: where, with a suggestion.
    """
    _, document = read_toml(path)
    for name in _table_of(path):
        document = document.get(name, {})
    for key, value in document.items():
        if key in _TABLES:
            names, kind = _TABLES[key]
            if (table := as_object(value)) is None:
                raise _fault_in(path, [key], f"expected a table [{key}]")
            for name, item in table.items():
                if complaint := wrong_key(name, item, dict.fromkeys(names, kind)):
                    raise _fault_in(path, [key, name], f"[{key}]: {complaint}")
        elif complaint := wrong_key(key, value, {**_TYPES, **dict.fromkeys(_TABLES, dict)}):
            raise _fault_in(path, [key], complaint)
    return document


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """Return the text of a file, and the document that it is in TOML.

    Raises:
        UsageError: it is not, or cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: {error}") from error


def _table_of(path: Path) -> tuple[str, ...]:
    return ("tool", "liveproto") if path.name == "pyproject.toml" else ()


def _fault_in(path: Path, keys: Sequence[str], complaint: str) -> UsageError:
    text, _ = read_toml(path)
    line = line_of(text, [*_table_of(path), *keys])
    return UsageError(f"{path}: line {line}: {complaint}", keys[0])


def wrong_key(key: str, value: object, known: Mapping[str, type | tuple[type, ...]]) -> str:
    """Say what is wrong with a key, or with the type of its value; empty where nothing is."""
    if key not in known:
        return f"unknown key {key!r}{meant(key, known)}"
    expected = known[key]
    wrong_bool = isinstance(value, bool) and expected is not bool
    if isinstance(value, expected) and not wrong_bool:
        return ""
    names = " or ".join(kind.__name__ for kind in (expected if isinstance(expected, tuple) else (expected,)))
    return f"{key}: expected {names}, got {value!r}"


def make_settings(values: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Make settings of option or configuration values (None stands for not given).

    Args:
        values: by the names of liveproto.toml; credentials become headers.
        environment: where ``token_env`` and ``basic_env`` are looked up.

    Raises:
        UsageError: a value makes no sense; the message says which and what would.
    """
    given = {key: value for key, value in values.items() if value is not None}
    headers = dict(given.pop("headers", {}))
    if "url" in given:
        _check_url(given["url"].replace("{port}", "1") if "start" in given else given["url"])
        given.update(_without_user(given["url"]))
    credentials = [name for name in ("token", "token_env", "basic", "basic_env") if name in given]
    if len(credentials) > 1:
        raise UsageError(f"expected one kind of credentials, got {' and '.join(credentials)}", credentials[0])
    for name in credentials:
        headers["Authorization"] = _authorization(name, given.pop(name), environment)
    try:
        if "grafana" in given:
            given["grafana"] = parse_release(given["grafana"])
    except ValueError as error:
        raise _wrong("grafana", str(error)) from error
    for key, kind in _CHOICES.items():
        if key in given:
            given[key] = kind(choice_of(key, given[key], [str(choice) for choice in kind]))
    if "publish_via" in given:
        choice_of("publish_via", given["publish_via"], PUBLISH_ROUTES)
    _check_values(given)
    _check_headers(headers)
    return Settings(headers=headers, **given)


def parse_header(text: str) -> tuple[str, str]:
    """Split ``Name: value``.

    Raises:
        UsageError: it is none.
    """
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"header: expected 'Name: value', got {text!r}")
    return name.strip(), value.strip()


def _without_user(url: str) -> dict[str, str]:
    """Take the credentials out of a URL, which is printed and reported."""
    user, at, _ = urlsplit(url).netloc.rpartition("@")
    return {"url": url.replace(f"{user}@", "", 1), "basic": unquote(user)} if at else {}


def meant(name: str, known: Iterable[str]) -> str:
    """Suggest what may be meant instead of a name, as the end of a sentence; empty where nothing is near."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def choice_of(key: str, value: str, choices: Sequence[str]) -> str:
    """Return the one of some choices that a value is, in whatever case.

    Raises:
        UsageError: it is none of them.
    """
    by_case = {choice.casefold(): choice for choice in choices}
    if value.casefold() in by_case:
        return by_case[value.casefold()]
    close = difflib.get_close_matches(value.casefold(), by_case, n=1)
    expected = f"expected {' or '.join(choices)}, got {value!r}"
    raise _wrong(key, expected + (f"; did you mean {by_case[close[0]]!r}?" if close else ""))


def _wrong(key: str, complaint: str) -> UsageError:
    return UsageError(f"{key}: {complaint}", key)


def _check_url(url: str) -> None:
    try:
        websocket_url(url)
    except UsageError as error:
        raise UsageError(str(error), "url") from error


def _check_headers(headers: Mapping[str, Any]) -> None:
    for name, value in headers.items():
        if not isinstance(value, str) or not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            shown = "its value" if name == "Authorization" else repr(value)
            raise UsageError(f"header {name!r}: expected printable ASCII on one line, got {shown}", "headers")


def _check_values(given: Mapping[str, Any]) -> None:
    if given.get("publish_via") == "command" and "publish_command" not in given:
        raise UsageError("publish_via = command: expected publish_command, the shell command to run", "publish_via")
    if "channel_template" in given and "{name}" not in given["channel_template"]:
        raise _wrong("channel_template", f"expected {{name}} in it, got {given['channel_template']!r}")
    for key in ("max_examples", "max_connections"):
        if given.get(key, 1) < 1:
            raise _wrong(key, f"expected at least 1, got {given[key]}")
    for key in ("timeout", "quiet", "max_time", "start_timeout"):
        if not 0 < given.get(key, 1) <= _MAX_SECONDS:
            raise _wrong(key, f"expected more than 0 and at most {_MAX_SECONDS} seconds, got {given[key]}")
    _check_start(given)


def _check_start(given: Mapping[str, Any]) -> None:
    try:
        command = shlex.split(given.get("start", "x"))
    except ValueError as error:
        raise _wrong("start", f"{error}: {given['start']!r}") from error
    if not command or "{port}" not in given.get("start", "{port}"):
        raise _wrong("start", f"expected {{port}} in the command, got {given['start']!r}")
    if "ready" in given and urlsplit(str(given["ready"])).scheme not in {"http", "https"}:
        raise _wrong("ready", f"expected http(s)://..., got {given['ready']!r}")


def _authorization(name: str, value: str, environment: Mapping[str, str]) -> str:
    if name.endswith("_env"):
        if value not in environment:
            raise _wrong(name, f"the environment has no {value}")
        value = environment[value]
    if name.startswith("token"):
        return f"Bearer {value}"
    if ":" not in value:
        raise _wrong(name, "expected USER:PASSWORD")
    return "Basic " + base64.b64encode(value.encode()).decode()


def websocket_url(url: str) -> str:
    """Turn a target URL into that of its WebSocket: http(s) gets the path of Grafana, ws(s) is taken as it is.

    Raises:
        UsageError: neither, or without host.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError as error:
        raise UsageError(f"{url!r}: {error}") from error
    if parts.scheme not in {"http", "https", "ws", "wss"} or not parts.hostname:
        hint = f"; did you mean 'http://{url}'?" if url and "//" not in url else ""
        raise UsageError(f"expected http(s)://HOST[:PORT][/PATH] or ws(s)://..., got {url!r}{hint}")
    if parts.scheme in {"ws", "wss"}:
        return urlunsplit(parts._replace(fragment=""))
    scheme = "wss" if parts.scheme == "https" else "ws"
    return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/") + LIVE_PATH, parts.query, ""))


def http_base(url: str) -> str:
    """Turn a target URL into that of its HTTP root, where ``/api/...`` is appended."""
    parts = urlsplit(websocket_url(url))
    scheme = "https" if parts.scheme == "wss" else "http"
    path = parts.path.removesuffix(LIVE_PATH) if parts.path.endswith(LIVE_PATH) else ""
    return urlunsplit((scheme, parts.netloc, path, "", ""))


def tls_context(settings: Settings) -> ssl.SSLContext:
    """Make the TLS context of a run.

    Raises:
        UsageError: the CA file cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"ca_file: {settings.ca_file}: {error}") from error
    if settings.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
