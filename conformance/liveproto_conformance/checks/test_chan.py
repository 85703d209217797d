"""CHAN: channel addresses, as Grafana reads them."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from liveproto_conformance.bench import Stand
from liveproto_conformance.check import check, generated
from liveproto_conformance.session import Session

_NAME: Final = "abcXYZ019_-"
_REFUSED: Final = " %:+@!?#&*(),;<>|~\"'\t\u00e9\u00df\u0441\U0001f600"
"""Characters that no part of a channel may have."""
_MAX_BYTES: Final = 160


def _subscribes(session: Session, *channels: str) -> None:
    distinct = list(dict.fromkeys(channels))
    for reply in session.pipeline([session.command("subscribe", {"channel": channel}) for channel in distinct]):
        reply.result("subscribe")
    session.pipeline([session.command("unsubscribe", {"channel": channel}) for channel in distinct])


def _is_invalid(session: Session, channel: str) -> None:
    session.request("subscribe", {"channel": channel}).refused(400)


@check("GL-CHAN-001")
@generated(rest=st.sampled_from(["stream", "stream/", "stream/a", "stream/a/", "/a/b", "stream//b", "//", "a", ""]))
def test_a_channel_has_three_parts(stand: Stand, session: Session, rest: str) -> None:
    _subscribes(session, stand.grafana_channel("stream/a/b"))
    _is_invalid(session, stand.grafana_channel(rest))


@check("GL-CHAN-001")
@generated(
    namespace=st.text(_NAME, min_size=1, max_size=20),
    paths=st.lists(st.text(_NAME, min_size=1, max_size=20), min_size=12, max_size=12),
)
def test_a_channel_of_three_parts_is_accepted(stand: Stand, session: Session, namespace: str, paths: list[str]) -> None:
    _subscribes(session, *(stand.grafana_channel(f"stream/{namespace}/{path}") for path in paths))


@check("GL-CHAN-002")
def test_a_dot_in_the_namespace_is_refused(stand: Stand, session: Session) -> None:
    _subscribes(session, stand.grafana_channel("stream/ab/c"))
    _is_invalid(session, stand.grafana_channel("stream/a.b/c"))


@check("GL-CHAN-003")
def test_a_dot_in_the_namespace_is_accepted(stand: Stand, session: Session) -> None:
    _subscribes(session, stand.grafana_channel("stream/a.b/c"))


@check("GL-CHAN-003")
def test_other_characters_in_scope_and_namespace_are_refused(stand: Stand, session: Session) -> None:
    for bad in f"{_REFUSED}=":
        _is_invalid(session, stand.grafana_channel(f"str{bad}/ab/c"))
        _is_invalid(session, stand.grafana_channel(f"stream/a{bad}b/c"))


@check("GL-CHAN-004")
@generated(paths=st.lists(st.text(_NAME + "/=.", min_size=1, max_size=30), min_size=12, max_size=12))
def test_a_path_may_have_slashes_equal_signs_and_dots(stand: Stand, session: Session, paths: list[str]) -> None:
    _subscribes(session, *(stand.grafana_channel(f"stream/{stand.bench.nonce}/{path}") for path in paths))


@check("GL-CHAN-004")
def test_other_characters_in_a_path_are_refused(stand: Stand, session: Session) -> None:
    for bad in f"{_REFUSED}\x7f":
        _is_invalid(session, stand.grafana_channel(f"stream/a/b{bad}c"))
        _is_invalid(session, stand.grafana_channel(f"stream/a/b{bad}"))


@check("GL-CHAN-005")
def test_a_channel_may_have_160_bytes_beside_its_prefix(stand: Stand, session: Session) -> None:
    start = "stream/a/"
    _subscribes(session, stand.grafana_channel(start + "x" * (_MAX_BYTES - len(start))))
    _is_invalid(session, stand.grafana_channel(start + "x" * (_MAX_BYTES + 1 - len(start))))


@check("GL-CHAN-006")
def test_a_grammar_fault_is_answered_with_its_message(stand: Stand, session: Session) -> None:
    error = session.request("subscribe", {"channel": stand.grafana_channel("stream/a")}).refused(400)
    assert error.message == "invalid channel ID", f"expected message 'invalid channel ID', got {error}"
    assert not error.temporary, f"expected an error that is not temporary, got {error}"
    session.still_serves()


@check("GL-CHAN-007")
def test_the_decimal_prefix_is_accepted(stand: Stand, session: Session) -> None:
    prefix = stand.bench.known.grafana_prefix
    assert prefix.isdecimal(), f"expected a decimal prefix, got {prefix!r}"
    _subscribes(session, f"{prefix}/stream/a/b")


@check("GL-CHAN-008")
def test_the_namespace_prefix_is_accepted(stand: Stand, session: Session) -> None:
    prefix = stand.bench.known.grafana_prefix
    assert not prefix.isdecimal(), f"expected a namespace, got {prefix!r}"
    _subscribes(session, f"{prefix}/stream/a/b")


@check("GL-CHAN-009")
@generated(prefix=st.sampled_from(["0", "-1", "x", "", "org-0", "org-x", "1x", "default-", " 1"]))
def test_an_unreadable_prefix_is_a_temporary_error(session: Session, prefix: str) -> None:
    error = session.request("subscribe", {"channel": f"{prefix}/stream/a/b"}).refused(100)
    assert error.temporary, f"expected a temporary error, got {error}"


@check("GL-CHAN-010")
def test_the_prefix_of_another_organisation_is_denied(stand: Stand, session: Session) -> None:
    _subscribes(session, stand.grafana_channel("stream/a/b"))
    other = "997" if stand.bench.known.grafana_prefix.isdecimal() else "org-997"
    error = session.request("subscribe", {"channel": f"{other}/stream/a/b"}).refused(103)
    assert not error.temporary, f"expected an error that is not temporary, got {error}"


@check("GL-CHAN-011")
@generated(scope=st.sampled_from(["liveproto", "Stream", "STREAM", "streams", "push", "telemetry"]))
def test_an_unknown_scope_is_a_temporary_error(stand: Stand, session: Session, scope: str) -> None:
    error = session.request("subscribe", {"channel": stand.grafana_channel(f"{scope}/a/b")}).refused(100)
    assert error.temporary, f"expected a temporary error, got {error}"


@check("GL-CHAN-013")
@generated(odd=st.sampled_from(list("[\\]^`")))
def test_the_characters_between_z_and_a_are_accepted_or_refused(stand: Stand, session: Session, odd: str) -> None:
    channel = stand.grafana_channel(f"stream/a/b{odd}c")
    reply = session.request("subscribe", {"channel": channel})
    if reply.error is None:
        session.unsubscribe(channel)
    else:
        reply.refused(400)
