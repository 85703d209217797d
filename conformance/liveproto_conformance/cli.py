"""The command line."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from liveproto_conformance.options import OPTIONS
from liveproto_conformance.verdict import Exit

if TYPE_CHECKING:
    from collections.abc import Callable

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
@click.version_option(version("liveproto"))
def cli() -> None:
    """Judge, serve and watch Grafana Live (Centrifuge V2) over its WebSocket."""


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(OPTIONS):
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
    from liveproto_conformance.judge_target import judge_target  # noqa: PLC0415 - list and explain stay fast

    if random_seed:
        options["seed"] = secrets.randbelow(2**32)
    settings = settings_of({**options, "url": url, "select": select}, config)
    sys.exit(judge_target(settings))


def settings_of(values: dict[str, Any], config: Path | None) -> Settings:
    """Merge options over the configuration file; usage errors become click's."""
    from liveproto_conformance.target import (  # noqa: PLC0415 - list and explain stay fast
        CONFIG_FILE,
        UsageError,
        make_settings,
        parse_header,
        read_config,
    )

    path = config or (Path(CONFIG_FILE) if Path(CONFIG_FILE).is_file() else None)
    try:
        configured = read_config(path) if path is not None else {}
        given = {key: value for key, value in values.items() if value is not None}
        if headers := dict(map(parse_header, given.pop("header", ()))):
            given["headers"] = headers
        return make_settings({**configured, **given}, os.environ)
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
