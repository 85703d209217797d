"""Collecting findings."""

from liveproto.session.monitor.findings import Finding, Findings, Side


def test_occasions_are_counted_and_misses_kept_with_their_place():
    findings = Findings(10)
    findings.next_message(1.5)
    findings.line = 2
    findings.require("GL-WIRE-004", Side.SERVER, holds=True, text="unused")
    findings.require("GL-WIRE-004", Side.SERVER, holds=[], text="why", pointer="/x")
    assert findings.triggers == {"GL-WIRE-004": 2}
    (found,) = findings.drain()
    assert found == Finding(
        requirement="GL-WIRE-004", side=Side.SERVER, message=0, line=2, pointer="/x", text="why", time_s=1.5
    )
    assert findings.drain() == []


def test_the_next_message_begins_at_its_first_line():
    findings = Findings(10)
    findings.next_message(0.0)
    findings.line = 3
    findings.next_message(0.0)
    assert (findings.message, findings.line) == (1, 0)


def test_findings_are_bounded_and_occasions_are_not():
    findings = Findings(2)
    for _ in range(5):
        findings.require("GL-WIRE-004", Side.CLIENT, holds=False, text="why")
    assert len(findings.drain()) == 2
    assert findings.triggers["GL-WIRE-004"] == 5
