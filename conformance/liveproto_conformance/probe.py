"""Finds out what a target is before it is judged: reachable, which Grafana, which channels, how to publish.

Every finding keeps its evidence, which the report shows. Nothing here is a verdict but one: a target that never
answered ``connect`` cannot be tested.
"""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING, Final

import attrs

from liveproto.channel import Organisation, PrefixForm
from liveproto.grafana.release import Release, parse_release
from liveproto_conformance.bench import Facts, Stand
from liveproto_conformance.check import NoReplyError, NotExercisedError, text_of
from liveproto_conformance.drive.http import grafana_version
from liveproto_conformance.drive.websocket import ConnectionEndedError, NotWebSocketError
from liveproto_conformance.report.printable import printable
from liveproto_conformance.requirements import Profile
from liveproto_conformance.target import LIVE_PATH, UsageError
from liveproto_conformance.verdict import NothingTestedError

if TYPE_CHECKING:
    from liveproto_conformance.bench import Bench
    from liveproto_conformance.session import Session

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404
_REDIRECTS: Final = range(300, 400)
_CONNECTION_LIMIT: Final = 3504
_PROBE: Final = "probe"
_DEFAULT_ORG: Final = 1
_ORGS: Final = range(1, 1 << 63)
_SHOWN: Final = 300


def root(bench: Bench) -> None:
    """Connect once, with the right id and a client (GL-CONN-001).

    Raises:
        NothingTestedError: in words for the person who typed the URL.
    """
    url = bench.shown_url
    with Stand(bench, _PROBE) as stand:
        try:
            session = stand.unconnected()
        except NotWebSocketError as error:
            raise NothingTestedError(f"{url}: {error}. {_http_advice(error.status, url)}") from error
        except OSError as error:
            raise NothingTestedError(f"{url}: {_dial_fault(error, bench.settings.timeout)}") from error
        try:
            session.connect()
        except AssertionError as error:
            closed = session.connection.closed
            limit = closed is not None and closed.code == _CONNECTION_LIMIT
            advice = "It is at its connection limit." if limit else f"Is {url} a Centrifuge V2 JSON endpoint?"
            told = _told(text_of(error))
            raise NothingTestedError(f"{url}: connect was never answered: {told}. {advice}") from error
        if not session.client:
            told = _told(str(session.connect_result))
            raise NothingTestedError(f"{url}: the connect result has no client: {told}.")


def _dial_fault(error: OSError, timeout_s: float) -> str:
    match error:
        case ssl.SSLError():
            return f"TLS failed: {error}. See --ca-file and --insecure."
        case TimeoutError():
            return f"no answer to the handshake within {timeout_s:g} s. Is it a web server? See --timeout."
        case _:
            return f"cannot be reached: {error.strerror or error}. Is it running, and are host and port right?"


def _http_advice(status: int | None, url: str) -> str:
    if status == _UNAUTHORIZED:
        return "Give credentials: --token, --token-env, --basic or --header."
    if status == _FORBIDDEN:
        return "The credentials may not use it, or a proxy changed the Origin or Host header."
    if status == _NOT_FOUND:
        return f"Is the path right? For http(s) URLs {LIVE_PATH} is added, ws(s) URLs are taken as they are."
    if status in _REDIRECTS:
        return "Give the URL that it leads to."
    return f"Is {url} a Grafana Live or Centrifuge endpoint?"


def probe(bench: Bench) -> Facts:
    """Find out what a reachable target is.

    Raises:
        UsageError: profile ``grafana`` was asked for and the version is not known.
    """
    settings = bench.settings
    told = grafana_version(bench.http)
    detected = None if told is None else _told(told)
    version = settings.grafana or _parsed(detected)
    if settings.profile is Profile.GRAFANA and version is None:
        raise UsageError("profile grafana: the target does not tell its version; give --grafana 12.4")
    grafana = version is not None and settings.profile is not Profile.CORE
    facts = Facts(
        url=bench.shown_url,
        channel_template=None,
        channel_evidence="",
        publish_via=None,
        publish_evidence="",
        detected=detected,
        version=version,
        profiles=(Profile.CORE, Profile.GRAFANA) if grafana else (Profile.CORE,),
        http_prefix="",
        grafana_prefix="",
    )
    bench.facts = facts = attrs.evolve(facts, grafana_prefix=_prefix(bench, version))
    evidence: list[str] = []
    found = _find_template(bench, facts, evidence) or attrs.evolve(
        facts, channel_evidence=f"no channel we tried could be subscribed: {_joined(evidence)}"
    )
    bench.facts = attrs.evolve(found, publish_evidence=f"no way to publish was found: {_joined(evidence)}")
    return bench.facts


def _find_template(bench: Bench, facts: Facts, evidence: list[str]) -> Facts | None:
    """Return the first channels that can be subscribed and published to, else the first that can be subscribed."""
    best: Facts | None = None
    prefix = facts.grafana_prefix
    for template in _templates(bench, prefix):
        candidate = attrs.evolve(
            facts,
            channel_template=template,
            channel_evidence=f"subscribed to {template}",
            http_prefix=next((p for p in (f"{prefix}/", "1/", "default/") if template.startswith(p)), ""),
        )
        try:
            chosen = _try_template(bench, candidate, evidence)
        except (NoReplyError, NotExercisedError) as error:
            # Each further try of a target that fell silent would cost the timeout.
            evidence.append(f"{template}: {text_of(error)}")
            break
        except (AssertionError, ConnectionEndedError, NotWebSocketError, OSError) as error:
            evidence.append(f"{template}: {text_of(error)}")
            continue
        if chosen is not None and chosen.publish_via is not None:
            return chosen
        best = best or chosen
    return best


def _told(text: str) -> str:
    """Bound what the target has said, and make it fit for a terminal."""
    return printable(text[:_SHOWN])


def _joined(evidence: list[str]) -> str:
    return "; ".join(map(_told, evidence))


def _parsed(version: str | None) -> Release | None:
    try:
        return parse_release(version) if version else None
    except ValueError:
        return None


def _prefix(bench: Bench, version: Release | None) -> str:
    answer = bench.http.get("/api/org")
    try:
        org = int(json.loads(answer.body)["id"]) if answer.ok else _DEFAULT_ORG
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        org = _DEFAULT_ORG
    org = org if org in _ORGS else _DEFAULT_ORG
    return Organisation(org).prefix(version.prefix_form if version is not None else PrefixForm.DECIMAL)


def _templates(bench: Bench, prefix: str) -> list[str]:
    if bench.settings.channel_template is not None:
        return [bench.settings.channel_template]
    prefixes = dict.fromkeys((prefix, "1", "default"))
    grafana = [
        f"{prefix}/{scope}"
        for prefix in prefixes
        for scope in ("plugin/liveproto/{name}", f"stream/{bench.nonce}/{{name}}")
    ]
    return [*grafana, "{name}", "public:{name}"]


def _try_template(bench: Bench, candidate: Facts, evidence: list[str]) -> Facts | None:
    bench.facts = attrs.evolve(candidate, publish_via=None)
    with Stand(bench, _PROBE) as stand:
        session = stand.connected()
        channel = stand.fresh_channel()
        reply = session.request("subscribe", {"channel": channel})
        if reply.error is not None:
            evidence.append(f"subscribe {channel}: error {reply.error.code} {reply.error.message}")
            return None
        asked = bench.settings.publish_via
        refusal = _ws_refusal(stand, session)
        routes = (asked,) if asked else ("ws", "http", "push")
        for route in routes:
            bench.facts = attrs.evolve(candidate, publish_via=route, ws_publish_evidence=refusal)
            failure = _try_route(stand, session, channel)
            if failure is None:
                return bench.facts
            evidence.append(f"{route} to {channel}: {failure}")
        return attrs.evolve(candidate, publish_via=None, ws_publish_evidence=refusal)


def _ws_refusal(stand: Stand, session: Session) -> str | None:
    channel = stand.fresh_channel()
    error = session.request("publish", {"channel": channel, "data": {}}).error
    return None if error is None else _told(f"publish to {channel} was answered {error.code} {error.message}")


def _try_route(stand: Stand, session: Session, channel: str) -> str | None:
    facts = stand.bench.known
    if facts.publish_via == "ws" and facts.ws_publish_evidence is not None:
        return facts.ws_publish_evidence
    if facts.publish_via == "push" and "/stream/" not in channel:
        return "push publishes to stream channels only"
    try:
        if facts.publish_via == "push":
            # The names of the push route are counted, so the channel is one of them.
            channel = stand.fresh_channel()
            session.subscribe(channel)
        stand.delivers(session, channel)
    except (NotExercisedError, AssertionError) as error:
        return text_of(error)
    return None
