"""The ``liveproto`` command, as far as it works without the extra ``kit``."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Final

KIT_MODULES: Final = (
    "aiohttp",
    "cbor2",
    "click",
    "h11",
    "hypothesis",
    "jsonschema",
    "jsonschema_rs",
    "pytest",
    "rich",
    "websockets",
)
"""What the extra ``kit`` installs."""

EXIT_INTERRUPTED: Final = 2
EXIT_USAGE: Final = 4


def missing_modules() -> list[str]:
    """List the modules of the extra ``kit`` that are not installed."""
    return [name for name in KIT_MODULES if find_spec(name) is None]


def missing_kit() -> str | None:
    """Say in one line what to install, or None where everything is."""
    missing = missing_modules()
    return f'{", ".join(missing)} not installed: pip install "liveproto[kit]"' if missing else None


def main() -> None:
    """Run the command line, or say in one line what to install."""
    try:
        _run()
    except KeyboardInterrupt:
        raise SystemExit(EXIT_INTERRUPTED) from None


def _run() -> None:
    missing = missing_kit()
    if missing is not None:
        sys.stderr.write(f"liveproto: {missing}\n")
        raise SystemExit(EXIT_USAGE)
    from liveproto_conformance.cli import cli  # noqa: PLC0415 - needs the extra

    cli.main()
