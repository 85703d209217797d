"""badge.json: what shields.io needs, and numbers that agree with the verdict."""

import json

import pytest
from reports import ended

from liveproto_conformance.report.badge import badge_of
from liveproto_conformance.verdict import Status


@pytest.mark.parametrize(
    ("statuses", "message", "color"),
    [
        ([Status.PASS, Status.PASS], "conformant 2/2", "brightgreen"),
        ([Status.PASS, Status.NOT_APPLICABLE, Status.INFO], "conformant 1/1", "brightgreen"),
        ([Status.PASS, Status.XFAIL], "conformant 1/2", "brightgreen"),
        ([Status.PASS, Status.FAIL], "not conformant 1/2", "red"),
        ([Status.PASS, Status.NOT_EXERCISED], "incomplete 1/2", "yellow"),
        ([Status.PASS, Status.HARNESS_ERROR], "error of the kit 1/2", "lightgrey"),
        ([], "incomplete 0/0", "yellow"),
    ],
)
def test_badges(statuses, message, color):
    assert json.loads(badge_of(ended(*statuses))) == {
        "schemaVersion": 1,
        "label": "liveproto core+grafana, Grafana 12.4",
        "message": message,
        "color": color,
    }
