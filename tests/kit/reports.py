"""Documents of runs: with an outcome for each check that is given, or with what a hostile target has sent."""

import contextlib

from test_report import FACTS, fail, give, must_checks

from liveproto_conformance.bench import Bench
from liveproto_conformance.report.json_report import make_report
from liveproto_conformance.run import Run
from liveproto_conformance.target import Settings
from liveproto_conformance.verdict import Status

EVIL = "<script>document.title='owned'</script></pre>\"'><img src=http://127.0.0.1:9/x>\u202e\x00\x1b[2J`|\ud800&amp;"
TRAFFIC = [
    (3, ">", b'{"id":1,"connect":{}}'),
    (3, "<", b'{"id":1,"connect":{"client":"c"}}'),
    (4, ">", b'{"id":2,"rpc":{}}\n{"id":3,"rpc":{}}'),
    (0, ">", b"POST /api/live/push/x\nm v=1"),
    (4, "<", b'{"id":2,"rpc":{}}\n{"id":3,"error":{"code":100}}'),
    (3, "close", b'[3501,"bad request"]'),
]


@contextlib.contextmanager
def running():
    """A run that has not begun."""
    bench = Bench(Settings(url="ws://h/api/live/ws", seed=9), "lpnonce")
    bench.facts = FACTS
    yield Run(bench)


def ended(*statuses, message="why"):
    """The document of a run whose checks came out like this."""
    with running() as run:
        for status, check in zip(statuses, must_checks(), strict=False):
            give(run, check, status, "" if status is Status.PASS else message)
        return make_report(run)


def failing():
    """The document of a run with every status, and one failure that has a card; and the check that failed."""
    with running() as run:
        failed, *others = must_checks()[::4]
        fail(run, failed, 'expected no error, got {"id":3,"error":{"code":100}}', {"n": 1}, TRAFFIC)
        for number, check in enumerate(others):
            give(run, check, list(Status)[number % len(Status)], f"because of {number % 3}")
        run.not_scored.append("ping.left_out")
        return make_report(run), failed


def hostile():
    """The document of a run with a target that sent whatever might break a page; and the check that failed."""
    flood = b"\xff" + EVIL.encode(errors="surrogatepass") + b"y" * 10_000_000
    with running() as run:
        failed, *others = must_checks()
        fail(
            run,
            failed,
            f"expected {EVIL}, got {EVIL * 100}",
            {EVIL: EVIL},
            [(1, ">", EVIL[:40].encode()), (1, "<", flood)],
        )
        for status, check in zip(Status, others, strict=False):
            give(run, check, status, EVIL + "z" * 1_000_000)
        report = make_report(run)
    report["target"]["url"] = f"ws://h/{EVIL}"
    report["grafana"]["detected"] = EVIL
    return report, failed
