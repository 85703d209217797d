"""The one loader of SPEC.md and schemas/: from the wheel, or from the checkout of an editable installation."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

_PACKAGE: Final = Path(__file__).parent
_WHEEL_DATA: Final = _PACKAGE / "data"
_ROOT: Final = _WHEEL_DATA if _WHEEL_DATA.is_dir() else _PACKAGE.parent.parent


def cache_folder() -> Path | None:
    """Return where a checkout keeps what is slow to make; an installed kit keeps nothing."""
    return None if _WHEEL_DATA.is_dir() else _ROOT / ".hypothesis"


def read_text(name: str) -> str:
    """Read ``SPEC.md`` or a file below ``schemas/`` by its path in the repository."""
    return (_ROOT / name).read_text(encoding="utf-8")


@cache
def load_schema(name: str) -> Any:  # noqa: ANN401 - a JSON document
    """Load one file of ``schemas/``."""
    return json.loads(read_text(f"schemas/{name}"))
