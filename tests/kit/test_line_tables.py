"""What a table of lines says of a server that does not agree with it: which line, and which requirement."""

import pytest
from aiohttp import web

from liveproto_conformance.bench import Bench, Stand
from liveproto_conformance.line_tables import filled, refuses, takes
from liveproto_conformance.mutants.trial import against, served
from liveproto_conformance.probe import probe, root
from liveproto_conformance.pushing import Ingest
from liveproto_conformance.reference.server import Parts
from liveproto_conformance.target import make_settings

TAKEN = {"GL-LINE-001": (b"cpu v=1 @",), "GL-LINE-003": (b"cpu v=2 @", b" cpu  v=3 @", b"cpu v=4 @")}


@web.middleware
async def dislikes_threes(request, handler):
    if "/push/" in request.path and b"v=3" in await request.read():
        return web.Response(status=500)
    return await handler(request)


@pytest.fixture
def on():
    """``on(table, act, parts)``: do this with a table on such a server."""

    def act_on(act, table, parts):
        with served(parts) as urls:
            bench = Bench(against(make_settings({"timeout": 1.0}, {}), urls), "lpnonce")
            root(bench)
            probe(bench)
            with Stand(bench, "line.test") as stand:
                act(Ingest(stand), table)

    return act_on


def test_cpu_and_at_stand_for_a_measurement_and_a_time():
    times = iter((10, 20, 30))
    assert filled(b"cpu v=1 @\ncpu,a=cpu v=@", "m1", times) == b"m1 v=1 10\nm1,a=m1 v=20"
    assert next(times) == 30


def test_tables_that_are_right_pass(on):
    on(takes, TAKEN, Parts())
    on(refuses, {"GL-LINE-004": (b"cpu", b"cpu @")}, Parts())


def test_of_a_body_that_is_refused_the_line_is_found(on):
    with pytest.raises(AssertionError, match=r"^expected 200 to b' m\d+  v=3 \d+', got HTTP 500  \(GL-LINE-003\)$"):
        on(takes, TAKEN, Parts(middlewares=(dislikes_threes,)))


def test_a_line_that_is_taken_is_named(on):
    with pytest.raises(AssertionError, match=r"^expected 500 to b'm\d+ good=1 \d+\\nm\d+ v=1', got HTTP 200  \(GL-"):
        on(refuses, {"GL-LINE-004": (b"cpu", b"cpu v=1")}, Parts())


def test_what_is_published_of_a_refused_body_is_noticed(on):
    @web.middleware
    async def grumbles(request, handler):
        response = await handler(request)
        is_bad = "/push/" in request.path and b"v=1" in await request.read()
        return web.Response(status=500) if is_bad else response

    with pytest.raises(AssertionError, match=r"^expected nothing to be published on m\d+, got .* \(GL-LINE-004\)$"):
        on(refuses, {"GL-LINE-004": (b"cpu v=1",)}, Parts(middlewares=(grumbles,)))
