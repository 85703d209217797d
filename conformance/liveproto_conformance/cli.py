"""The command line."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from liveproto_conformance.options import OPTIONS, TARGET_OPTIONS
from liveproto_conformance.verdict import Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from liveproto.frames.converter import FrameFormat
    from liveproto.frames.line_protocol import Dialect
    from liveproto_conformance.options import Option
    from liveproto_conformance.target import Settings


class _Group(click.Group):
    """Usage errors are exit 4."""

    def main(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - click's own
        try:
            return super().main(*args, **{**kwargs, "standalone_mode": False})
        except click.UsageError as error:
            error.show()
            sys.exit(Exit.USAGE)
        except click.ClickException as error:
            error.show()
            sys.exit(Exit.USAGE)
        except click.Abort:
            sys.exit(Exit.INTERRUPTED)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="liveproto")
def cli() -> None:
    """Judge, serve and watch Grafana Live (Centrifuge V2) over its WebSocket."""


def _with_options(command: Callable[..., None], options: Sequence[Option] = OPTIONS) -> Callable[..., None]:
    for option in reversed(options):
        extra: dict[str, Any] = {"is_flag": True, "default": None} if option.kind is None else {"type": option.kind}
        if option.repeat:
            extra["multiple"] = True
        elif option.kind is not None:
            extra["metavar"] = option.metavar
        command = click.option(f"--{option.name}", help=option.help, **extra)(command)
    return command


@cli.command()
@click.argument("url", required=False)
@click.option("-k", "select", metavar="EXPR", help="only checks that match, as pytest's -k")
@click.option("--random", "random_seed", is_flag=True, help="a seed of its own for this run; it is printed")
@click.option("--config", type=click.Path(path_type=Path), help="liveproto.toml; default: the one in this folder")
@_with_options
def check(url: str | None, select: str | None, config: Path | None, *, random_seed: bool, **options: Any) -> None:  # noqa: ANN401
    """Judge the server at URL; without URL (and --start) the embedded reference server."""
    from liveproto_conformance.ending import exit_of  # noqa: PLC0415 - list and explain stay fast

    if random_seed:
        options["seed"] = secrets.randbelow(2**32)
    settings = settings_of({**options, "url": url, "select": select}, config)
    sys.exit(exit_of(lambda: _check(settings)))


def _check(settings: Settings) -> Exit:
    from liveproto_conformance.launch import starting  # noqa: PLC0415 - list and explain stay fast

    with starting(settings) as running:
        from liveproto_conformance.judge_target import judge_target  # noqa: PLC0415 - the server starts meanwhile

        return judge_target(settings, running, datetime.now().astimezone().date())


def settings_of(values: dict[str, Any], config: Path | None) -> Settings:
    """Merge options over the configuration file; usage errors become click's."""
    from liveproto_conformance.target import (  # noqa: PLC0415 - list and explain stay fast
        CONFIG_FILE,
        UsageError,
        settings_from,
    )

    path = config or (Path(CONFIG_FILE) if Path(CONFIG_FILE).is_file() else None)
    try:
        return settings_from(path, values, os.environ)
    except UsageError as error:
        raise click.UsageError(str(error)) from error


@cli.command()
@click.option("--port", default=3000, show_default=True, help="0 takes a free one")
@click.option("--grafana", default="12.4", show_default=True, metavar="V", help="release whose rules it plays")
@click.option("--ping", default=25.0, show_default=True, metavar="S", help="interval; 0 for none")
@click.option("--pong", default=10.0, show_default=True, metavar="S", help="timeout; 0 for none")
@click.option("--stale", default=15.0, show_default=True, metavar="S", help="delay")
@click.option("--message-size-limit", default=65_536, show_default=True, metavar="BYTES")
@click.option("--mutant", metavar="NAME", help="serve with one fault; see liveproto list --mutants")
@click.option("--twin", type=click.Choice(["permissive"]), help="serve with every freedom the protocol leaves")
@click.option("--timer-ping", type=float, hidden=True)
@click.option("--timer-pong", type=float, hidden=True)
@click.option("--timer-stale", type=float, hidden=True)
@click.option("--until-eof", is_flag=True, hidden=True)
def serve(**options: Any) -> None:  # noqa: ANN401
    """Serve Grafana Live on loopback."""
    from liveproto_conformance.reference.serve import serve_forever  # noqa: PLC0415 - list and explain stay fast

    try:
        serve_forever(**options)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.UsageError(f"port {options['port']}: {error.strerror}") from error


@cli.command("list")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text")
@click.option("--mutants", is_flag=True, help="the named mutants instead")
def list_(format_: str, *, mutants: bool) -> None:
    """List every check and requirement."""
    from liveproto_conformance.listing import list_checks, list_mutants  # noqa: PLC0415 - each command its own

    click.echo(list_mutants() if mutants else list_checks(format_))


@cli.command()
@click.argument("id_", metavar="ID")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text")
def explain(id_: str, format_: str) -> None:
    """Explain a requirement or a check."""
    from liveproto_conformance.listing import explain as explained  # noqa: PLC0415 - each command its own

    try:
        click.echo(explained(id_, format_))
    except KeyError as error:
        raise click.UsageError(str(error.args[0])) from error


@cli.command()
@click.argument("url")
@click.argument("channels", nargs=-1, required=True, metavar="CHANNEL...")
@click.option("--json", "as_json", is_flag=True, help="one JSON object a line")
@click.option("--token", metavar="T", help="bearer token")
@click.option("--header", multiple=True, metavar="'K: V'")
def listen(url: str, channels: tuple[str, ...], token: str | None, header: tuple[str, ...], *, as_json: bool) -> None:
    """Subscribe to channels and print what arrives, reconnecting."""
    from liveproto_conformance.listen import listen_forever  # noqa: PLC0415 - each command its own

    settings = settings_of({"url": url, "token": token, "header": header}, None)
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(listen_forever(settings, channels, as_json=as_json))
    sys.exit(Exit.INTERRUPTED)


_FORMATS = click.Choice(["labels_column", "wide"], case_sensitive=False)


@cli.command()
@click.argument("url")
@click.argument("stream")
@click.argument("lines", type=click.File("rb"), default="-", metavar="[FILE|-]")
@click.option("--format", "frame_format", type=_FORMATS, help="of the frames; default: labels_column")
@click.option("--token", metavar="T", help="bearer token")
@click.option("--header", multiple=True, metavar="'K: V'")
def push(url: str, stream: str, lines: BinaryIO, frame_format: str | None, **credentials: Any) -> None:  # noqa: ANN401
    """Push line protocol to a stream of the server at URL."""
    from liveproto_conformance.push import push as push_lines  # noqa: PLC0415 - each command its own

    settings = settings_of({"url": url, **credentials}, None)
    sys.exit(push_lines(settings, stream, lines.read(), frame_format))


@cli.command()
@click.argument("lines", type=click.File("rb"), default="-", metavar="[FILE|-]")
@click.option("--format", "frame_format", type=_FORMATS, default="labels_column", show_default=True)
@click.option("--dialect", type=click.Choice(["grafana", "strict"]), default="grafana", show_default=True)
@click.option("--now", type=int, metavar="NS", help="time of lines without one; default: this moment")
def convert(lines: BinaryIO, frame_format: FrameFormat, dialect: Dialect, now: int | None) -> None:
    """Print the frames that line protocol becomes, with their channels, one JSON object a line."""
    from liveproto_conformance.convert import convert as convert_lines  # noqa: PLC0415 - each command its own

    sys.exit(convert_lines(lines.read(), frame_format, dialect, time.time_ns() if now is None else now))


_TRACE = click.Path(path_type=Path, exists=True, dir_okay=False)
_KINDS = ("open", "text", "binary", "close", "http", "lost")
_SIDES = click.Choice(["client", "server"])


@cli.command()
@click.option("--listen", default="127.0.0.1:3001", show_default=True, metavar="HOST:PORT", help="port 0: a free one")
@click.option("--upstream", required=True, metavar="URL", help="scheme, host and port of the server")
@click.option("-o", "path", required=True, type=click.Path(path_type=Path), metavar="FILE", help="must not exist")
@click.option(
    "--max-size",
    default=1024,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="MIB",
    help="of the trace; afterwards traffic passes unrecorded",
)
@click.option("--lint", is_flag=True, help="judge what passes, and say on stderr what is wrong as it passes")
def record(listen: str, upstream: str, path: Path, max_size: int, *, lint: bool) -> None:
    """Pass traffic on to a server and record it, until Ctrl-C."""
    from liveproto_conformance.recorder.record import record as record_until_stopped  # noqa: PLC0415 - each command its own
    from liveproto_conformance.target import UsageError  # noqa: PLC0415 - each command its own

    try:
        sys.exit(record_until_stopped(listen, upstream, path, max_size, lint=lint))
    except UsageError as error:
        raise click.UsageError(str(error)) from error


@cli.command()
@click.argument("trace", type=_TRACE)
@click.option("--side", type=_SIDES, help="whom to judge; default: both, and of a run of checks the server")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text")
def lint(trace: Path, side: str | None, format_: str) -> None:
    """Judge recorded traffic."""
    from liveproto.session.monitor import Side  # noqa: PLC0415 - each command its own
    from liveproto_conformance.report.console import make_console  # noqa: PLC0415 - each command its own
    from liveproto_conformance.report.lint_report import judged_as_json, print_judged  # noqa: PLC0415 - the same
    from liveproto_conformance.traces.lint import lint as lint_trace  # noqa: PLC0415 - each command its own

    judged = lint_trace(trace, None if side is None else Side(side))
    if not judged.header:
        raise click.UsageError(f"{trace} is no trace: {judged.damage}")
    if format_ == "json":
        click.echo(judged_as_json(trace, judged))
    else:
        print_judged(make_console(), trace, judged)
    sys.exit(judged.exit)


@cli.command()
@click.argument("trace", type=_TRACE)
@click.option("--connection", "connections", type=int, multiple=True, metavar="N", help="only these connections")
@click.option("--check", metavar="NAME", help="only what checks did whose names begin so")
@click.option("--direction", type=_SIDES, help="only what this side sent")
@click.option("--kind", "kinds", type=click.Choice(_KINDS), multiple=True, help="only events of these kinds")
@click.option("--grep", metavar="TEXT", help="look for events with this text")
@click.option("--channel", metavar="NAME", help="look for events that concern this channel")
@click.option(
    "-C", "context", type=click.IntRange(min=0), default=0, metavar="N", help="also N events around each found"
)
@click.option("--full", is_flag=True, help="do not cut lines to the width of the terminal")
@click.option("--follow", is_flag=True, help="wait for more, until Ctrl-C")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text")
def show(trace: Path, **options: Any) -> None:  # noqa: ANN401
    """Read a trace."""
    from liveproto_conformance.target import UsageError  # noqa: PLC0415 - each command its own
    from liveproto_conformance.traces.show import View  # noqa: PLC0415 - each command its own
    from liveproto_conformance.traces.show import show as show_events  # noqa: PLC0415 - each command its own

    try:
        sys.exit(show_events(trace, View(**options)))
    except UsageError as error:
        raise click.UsageError(str(error)) from error


def _with_target_options(command: Callable[..., None]) -> Callable[..., None]:
    return _with_options(command, TARGET_OPTIONS)


@cli.command()
@click.argument("repro", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("url", required=False)
@click.option("--config", type=click.Path(path_type=Path), help="liveproto.toml; default: the one in this folder")
@_with_target_options
def replay(repro: Path, url: str | None, config: Path | None, **options: Any) -> None:  # noqa: ANN401
    """Run a saved failure again on the server at URL: exit 1 where it fails again, 0 where it holds."""
    from liveproto_conformance.failures.replay import replay as replay_failure  # noqa: PLC0415 - each command its own
    from liveproto_conformance.failures.repro import read  # noqa: PLC0415 - each command its own
    from liveproto_conformance.target import UsageError  # noqa: PLC0415 - each command its own

    try:
        saved = read(repro)
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    given = {key: value for key, value in {**options, "url": url}.items() if value not in {None, ()}}
    settings = settings_of({**saved.settings, "seed": saved.seed, **given}, config)
    sys.exit(replay_failure(repro, saved, settings))


@cli.command()
@click.option("--mutant", "mutants", multiple=True, metavar="NAME", help="only this mutant, named or on the wire")
@click.option("--only", type=click.Choice(["null", "named", "wire", "twin"]), help="only one part")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="processes; default: three for each core")
@click.option(
    "--report-dir", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="write the matrix there"
)
def selftest(**options: Any) -> None:  # noqa: ANN401
    """Try the checks themselves: null servers, mutants, wire mutants, and the permissive twin."""
    from liveproto_conformance.ending import exit_of  # noqa: PLC0415 - each command its own
    from liveproto_conformance.selftest.selftest import Asked  # noqa: PLC0415 - each command its own
    from liveproto_conformance.selftest.selftest import selftest as test_kit  # noqa: PLC0415 - each command its own

    asked = Asked(**{key: value for key, value in options.items() if value is not None})
    sys.exit(exit_of(lambda: test_kit(asked)))
