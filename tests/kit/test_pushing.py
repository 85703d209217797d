"""What a check pushes with: values compared as a browser reads them, and targets that do not take line protocol."""

import pytest
from aiohttp import web

from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.mutants.trial import against, run_checks, served
from liveproto_conformance.pushing import difference, same, shown
from liveproto_conformance.reference.server import Parts
from liveproto_conformance.target import make_settings
from liveproto_conformance.verdict import Status


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (-0.0, 0),
        (9223372036854775808.0, 9223372036854776000),
        ({"a": [1, None], "b": {}}, {"b": {}, "a": [1.0, None]}),
        ("é", "\u00e9"),
        (10**400, 10**400),
    ],
)
def test_values_that_are_the_same(one, other):
    assert difference(one, other) is None
    assert difference(other, one) is None
    same(one, other)


@pytest.mark.parametrize(
    ("one", "other", "place"),
    [
        (1, True, ("", 1, True)),
        (0, False, ("", 0, False)),
        (0, None, ("", 0, None)),
        ("1", 1, ("", "1", 1)),
        ([], {}, ("", [], {})),
        ([1], {"0": 1}, ("", [1], {"0": 1})),
        ([1, 2], [1], ("", [1, 2], [1])),
        ([1, [2, 3]], [1, [2, 4]], ("/1/1", 3, 4)),
        ({"a": {"b": [True]}}, {"a": {"b": [1]}}, ("/a/b/0", True, 1)),
        ({"a": 1}, {"a": 1, "b": 2}, ("", {"a": 1}, {"a": 1, "b": 2})),
        (10**400, 10**401, ("", 10**400, 10**401)),
    ],
)
def test_values_that_differ_and_where(one, other, place):
    assert difference(one, other) == place


def test_a_failure_tells_the_place_and_both_values():
    with pytest.raises(AssertionError) as failure:
        same({"data": [1, 2]}, {"data": [1, 3]}, "on cpu")
    assert str(failure.value) == 'expected 2 at /data/1 on cpu, got 3 in {"data":[1,3]}'


def test_what_is_shown_is_cut():
    assert shown("x" * 1000) == '"' + "x" * 299 + "…"
    assert shown([1]) == "[1]"


def answering(status):
    """A server whose endpoints for pushing answer a status, and nothing else."""

    @web.middleware
    async def refuse(request, handler):
        if "/push/" in request.path or request.path.endswith("/list"):
            return web.Response(status=status)
        return await handler(request)

    return Parts(middlewares=(refuse,))


@pytest.mark.parametrize(
    ("status", "expected"),
    [(404, Status.NOT_APPLICABLE), (401, Status.NOT_EXERCISED), (403, Status.NOT_EXERCISED)],
)
def test_a_target_that_takes_no_line_protocol_does_not_fail(status, expected):
    areas = ("ingest.", "stream.", "line.", "frame.", "conv.")
    checks = [check for check in catalogue().values() if check.id.startswith(areas)]
    with served(answering(status)) as urls:
        settings = against(make_settings({"fast": True, "timeout": 1.0}, {}), urls)
        outcomes = run_checks(settings, checks)
    listed = {"stream.the_list_has_each_channel_with_its_schema", "stream.the_minute_rate_counts_frames"}
    assert {id_: outcome.status for id_, outcome in outcomes.items() if outcome.status is not expected} == {}
    assert listed <= outcomes.keys()
    assert all(str(status) in outcome.message for outcome in outcomes.values())
