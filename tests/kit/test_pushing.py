"""What a check pushes with: values compared as a browser reads them, and targets that do not take line protocol."""

import asyncio

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


def answering(status, when=lambda _: True):
    """A server whose endpoints for pushing answer a status, and nothing else, to some bodies."""

    @web.middleware
    async def refuse(request, handler):
        endpoint = "/push/" in request.path or request.path.endswith("/list")
        if endpoint and when(await request.read() if request.method == "POST" else b""):
            return web.Response(status=status)
        return await handler(request)

    return Parts(middlewares=(refuse,))


def outcomes_of(parts, *starts):
    """Run the checks whose ids begin so against a server."""
    checks = [check for check in catalogue().values() if check.id.startswith(starts)]
    with served(parts) as urls:
        return run_checks(against(make_settings({"fast": True, "timeout": 1.0}, {}), urls), checks)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (404, Status.NOT_APPLICABLE),
        (401, Status.NOT_EXERCISED),
        (403, Status.NOT_EXERCISED),
        (429, Status.NOT_EXERCISED),
        (502, Status.NOT_EXERCISED),
    ],
)
def test_a_target_that_takes_no_line_protocol_does_not_fail(status, expected):
    outcomes = outcomes_of(answering(status), "ingest.", "stream.", "line.", "frame.", "conv.")
    listed = {"stream.the_list_has_each_channel_with_its_schema", "stream.the_minute_rate_counts_frames"}
    assert {id_: outcome.status for id_, outcome in outcomes.items() if outcome.status is not expected} == {}
    assert listed <= outcomes.keys()
    assert all(str(status) in outcome.message for outcome in outcomes.values())


def test_a_404_in_place_of_a_refusal_is_no_missing_endpoint():
    @web.middleware
    async def hide(request, handler):
        answer = await handler(request)
        return web.Response(status=404) if answer.status == 500 else answer

    outcomes = outcomes_of(Parts(middlewares=(hide,)), "ingest.a_body_that", "ingest.one_line")
    assert outcomes["ingest.a_body_that_can_be_read_is_answered_200"].status is Status.PASS
    refusing = outcomes["ingest.one_line_that_cannot_be_read_refuses_the_body"]
    assert (refusing.status, "got HTTP 404" in refusing.message) == (Status.FAIL, True)


def test_a_valid_body_that_is_refused_fails_where_bodies_are_generated():
    outcomes = outcomes_of(answering(500, lambda body: b"\\" in body), "ingest.a_body_that", "ingest.each_frame")
    assert outcomes["ingest.a_body_that_can_be_read_is_answered_200"].status is Status.PASS
    assert outcomes["ingest.each_frame_is_published_on_the_channel_of_its_measurement"].status is Status.FAIL


def test_a_push_that_is_never_answered_fails_once_and_what_builds_on_it_waits():
    @web.middleware
    async def fall_silent(request, handler):
        if "/push/" in request.path:
            await asyncio.sleep(3)
        return await handler(request)

    outcomes = outcomes_of(Parts(middlewares=(fall_silent,)), "ingest.a_body_that", "ingest.the_content_type")
    assert outcomes["ingest.a_body_that_can_be_read_is_answered_200"].status is Status.FAIL
    waiting = outcomes["ingest.the_content_type_is_not_looked_at"]
    assert (waiting.status, waiting.waits_on) == (Status.NOT_EXERCISED, "GL-INGEST-001")


def test_a_list_that_is_longer_than_is_read_is_no_fault():
    @web.middleware
    async def long_list(request, handler):
        if request.path.endswith("/list"):
            return web.Response(text='{"channels":[' + " " * 17_000_000 + "]}")
        return await handler(request)

    outcomes = outcomes_of(Parts(middlewares=(long_list,)), "stream.the_list")
    assert {outcome.status for outcome in outcomes.values()} == {Status.NOT_EXERCISED}
