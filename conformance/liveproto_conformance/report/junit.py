"""junit.xml: a run as CI servers read it, valid for the schema that Jenkins judges such files by.

Theory. That schema knows properties of a suite and none of a case, so a suite is an area, and its properties are named
after its checks. What a person must look at is never among the skipped: a check that could not be carried out is an
error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from liveproto_conformance.report.words import by_area, outdated_of, profile_of, reason_of, rows_of, shown
from liveproto_conformance.verdict import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from liveproto_conformance.report.words import Document

_KINDS: Final[Mapping[str, str]] = {
    Status.FAIL: "failure",
    Status.XPASS: "failure",
    Status.FLAKY: "failure",
    Status.HARNESS_ERROR: "error",
    Status.NOT_EXERCISED: "error",
    Status.NOT_APPLICABLE: "skipped",
    Status.XFAIL: "skipped",
    Status.WARN: "system-out",
    Status.INFO: "system-out",
}
"""The element that says how a case ended; one that passed has none."""


def junit_of(document: Document, page: str) -> str:
    """Write a run as JUnit's XML.

    Args:
        document: report.json's.
        page: the HTML report, whose parts the properties link to, relative to the file this goes to.
    """
    outdated = outdated_of(document["expectations"])
    totals = _totals(document["checks"], document["wall_s"], outdated)
    root = ET.Element("testsuites", {"name": "liveproto", **totals})
    root.extend(_suite(document, area, checks, page) for area, checks in by_area(document).items())
    if outdated:
        root.append(_outdated(outdated))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(document: Document, area: str, checks: list[Document], page: str) -> ET.Element:
    duration_s = sum(check["duration_s"] for check in checks)
    suite = ET.Element("testsuite", {"name": area, **_totals(checks, duration_s)})
    suite.set("skipped", str(_count(checks, "skipped")))
    grafana = document["grafana"]
    facts = {
        "target": shown(document["target"]["url"]),
        "profile": profile_of(document["profiles"], grafana["used"], grafana["detected"]),
        "seed": str(document["seed"]),
    }
    for check in checks:
        facts[f"{check['id']}.requirements"] = " ".join(check["requirements"])
        facts[f"{check['id']}.link"] = f"{page}#{check['id']}"
    properties = ET.SubElement(suite, "properties")
    properties.extend(ET.Element("property", name=name, value=value) for name, value in facts.items())
    suite.extend(_case(area, check) for check in checks)
    return suite


def _outdated(lines: list[str]) -> ET.Element:
    """Make the suite of the expectations that fail a run, whatever the checks came to."""
    suite = ET.Element("testsuite", {"name": "expectations", **_totals([], 0, lines), "skipped": "0"})
    for line in lines:
        case = ET.SubElement(suite, "testcase", name=line, classname="liveproto.expectations", time=_seconds(0))
        ET.SubElement(case, "failure", type="expectation", message=line)
    return suite


def _totals(checks: list[Document], duration_s: float, outdated: Sequence[str] = ()) -> dict[str, str]:
    counts = {
        "tests": len(checks) + len(outdated),
        "failures": _count(checks, "failure") + len(outdated),
        "errors": _count(checks, "error"),
    }
    return {name: str(count) for name, count in counts.items()} | {"time": _seconds(duration_s)}


def _count(checks: list[Document], kind: str) -> int:
    return sum(_KINDS.get(check["status"]) == kind for check in checks)


def _seconds(duration_s: float) -> str:
    return f"{duration_s:.3f}"


def _case(area: str, check: Document) -> ET.Element:
    name = check["id"].partition(".")[2]
    case = ET.Element("testcase", name=name, classname=f"liveproto.{area}", time=_seconds(check["duration_s"]))
    status, kind = check["status"], _KINDS.get(check["status"])
    if kind is None:
        return case
    message = shown(reason_of(check) or "no message")
    end = ET.SubElement(case, kind)
    end.text = f"{status}: {message}" if check["card"] is None else _card(check["card"])
    if kind != "system-out":
        end.set("type", check["level"] if kind == "failure" else status)
        end.set("message", message)
    return case


def _card(card: Document) -> str:
    rules = [f"{rule['id']} {rule['level']}: {rule['text']} ({rule['source']})" for rule in card["rules"]]
    return "\n".join([*rules, *(f"{label}: {text}" for label, text in rows_of(card))])
