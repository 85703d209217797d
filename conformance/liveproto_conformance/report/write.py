"""What a run leaves in its report directory: one document, and its readers' forms of it."""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from liveproto_conformance.report.badge import badge_of
from liveproto_conformance.report.html.page import html_of
from liveproto_conformance.report.json_report import json_of
from liveproto_conformance.report.junit import junit_of
from liveproto_conformance.report.summary import summary_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from liveproto_conformance.report.words import Document

REPORT: Final = "report.json"
PAGE: Final = "report.html"
SUMMARY: Final = "summary.md"
WRITERS: Final[Mapping[str, Callable[[Document], str]]] = {
    REPORT: json_of,
    PAGE: html_of,
    "junit.xml": partial(junit_of, page=PAGE),
    "badge.json": badge_of,
    SUMMARY: summary_of,
}
"""The files by name, the one that all others are made from first."""
_STEP_SUMMARY: Final = "GITHUB_STEP_SUMMARY"
"""Names the file that GitHub shows as the summary of a job's step."""


def write_reports(document: Document, directory: Path, environment: Mapping[str, str]) -> None:
    """Write every form of a run's document into a directory that exists, and show its summary where CI has a page."""
    for name, text_of in WRITERS.items():
        (directory / name).write_text(text_of(document), encoding="utf-8", errors="backslashreplace")
    if step := environment.get(_STEP_SUMMARY):
        # It is in the directory as well, and a verdict does not depend on who shows it.
        with contextlib.suppress(OSError), Path(step).open("a", encoding="utf-8") as file:
            file.write((directory / SUMMARY).read_text(encoding="utf-8"))
