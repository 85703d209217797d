"""What the probe finds out, and the sentence for a target that cannot be tested."""

import json
import re
import sys
from contextlib import contextmanager

import attrs
import pytest
from servers import TEXT, Playing, frame, free_port, respond, serving, until_gone, upgrade

from liveproto.channel import Organisation
from liveproto.grafana.release import Release
from liveproto.grafana.scopes import FORBIDDEN, Act, Granted, decide
from liveproto.wire.messages import Error
from liveproto_conformance.bench import Bench
from liveproto_conformance.drive.http import HttpClient, grafana_version
from liveproto_conformance.probe import probe, root
from liveproto_conformance.reference.server import Parts, ReferenceServer
from liveproto_conformance.requirements import Profile
from liveproto_conformance.target import Settings, UsageError, tls_context
from liveproto_conformance.verdict import NothingTestedError

CONTEXT = {"organisation": Organisation(1), "release": Release(12, 4)}


@contextmanager
def bench_for(url, **settings):
    yield Bench(Settings(url=url, **settings), "lpnonce")


def facts_of(server, *, path="", **settings):
    with Playing(server) as playing, bench_for(playing.http_url + path, **settings) as bench:
        root(bench)
        return probe(bench)


def refusing(refused):
    """A server that refuses these acts on these channels."""

    def decide_(channel, act, **context):
        return FORBIDDEN if refused(channel, act) else decide(channel, act, **context)

    return ReferenceServer(parts=Parts(decide=decide_))


# -- what it finds -----------------------------------------------------------------------------------------------------


def test_of_the_embedded_server_everything_is_found():
    facts = facts_of(ReferenceServer())
    assert facts.channel_template == "default/plugin/liveproto/{name}"
    assert facts.publish_via == "ws"
    assert facts.ws_publish_evidence is None
    assert (facts.detected, facts.version) == ("12.4.0", Release(12, 4))
    assert facts.profiles == (Profile.CORE, Profile.GRAFANA)
    assert (facts.http_prefix, facts.grafana_prefix) == ("default/", "default")


def test_an_older_release_has_the_number_of_the_organisation_before_channels():
    facts = facts_of(ReferenceServer(release=Release(12, 0)))
    assert facts.version == Release(12, 0)
    assert facts.grafana_prefix == "1"
    assert facts.channel_template == "1/plugin/liveproto/{name}"


def test_the_version_that_is_given_wins_over_the_one_that_is_detected():
    facts = facts_of(ReferenceServer(), grafana=Release(12, 1))
    assert (facts.detected, facts.version) == ("12.4.0", Release(12, 1))


def test_profile_core_leaves_grafana_out():
    assert facts_of(ReferenceServer(), profile=Profile.CORE).profiles == (Profile.CORE,)


def test_where_clients_may_not_publish_http_is_used_and_the_refusal_kept():
    server = refusing(lambda _, act: act is Act.PUBLISH)
    facts = facts_of(server)
    assert facts.publish_via == "http"
    assert re.fullmatch(r"publish to default/plugin/\S+ was answered 403 Forbidden", facts.ws_publish_evidence)


def test_a_route_that_is_asked_for_is_the_only_one_tried():
    assert facts_of(ReferenceServer(), publish_via="http").publish_via == "http"
    server = refusing(lambda _, act: act is Act.PUBLISH)
    facts = facts_of(server, publish_via="ws")
    assert facts.publish_via is None
    assert "403 Forbidden" in facts.publish_evidence


def test_the_command_of_the_user_publishes():
    with Playing(ReferenceServer()) as playing:
        curl = (
            "import json, os, urllib.request as r; c = os.environ['CHANNEL'].removeprefix('default/');"
            f" r.urlopen('{playing.http_url}/api/live/publish',"
            " json.dumps({'channel': c, 'data': json.loads(os.environ['DATA'])}).encode())"
        )
        command = f'{sys.executable} -c "{curl}"'
        with bench_for(playing.http_url, publish_via="command", publish_command=command) as bench:
            root(bench)
            assert probe(bench).publish_via == "command"
        with bench_for(playing.http_url, publish_via="command", publish_command="exit 3") as bench:
            root(bench)
            facts = probe(bench)
            assert facts.publish_via is None
            assert "the publish command returned 3" in facts.publish_evidence


def test_the_channels_of_the_user_are_the_only_ones_tried():
    facts = facts_of(ReferenceServer(), channel_template="default/stream/mine/{name}")
    assert facts.channel_template == "default/stream/mine/{name}"
    assert facts.publish_via == "push"
    assert facts.ws_publish_evidence is not None


def test_a_later_template_is_taken_where_only_it_can_be_subscribed():
    server = refusing(lambda channel, act: act is Act.SUBSCRIBE and "/plugin/" in channel)
    facts = facts_of(server)
    assert facts.channel_template == "default/stream/lpnonce/{name}"
    assert facts.publish_via == "push"
    assert "403 Forbidden" in facts.ws_publish_evidence


def test_where_nothing_can_be_subscribed_that_is_the_finding():
    facts = facts_of(refusing(lambda _, act: act is Act.SUBSCRIBE))
    assert facts.channel_template is None
    assert facts.publish_via is None
    assert facts.channel_evidence.startswith("no channel we tried could be subscribed: subscribe default/plugin/")


def test_any_channel_will_do_for_a_server_without_grammar():
    def decide_(channel, _, **__):
        parsed = decide("default/plugin/x/y", Act.SUBSCRIBE, **CONTEXT).channel
        plain = attrs.evolve(parsed, path=channel)
        return Granted(plain) if "/" not in channel else Error(code=102, message="unknown channel")

    facts = facts_of(ReferenceServer(parts=Parts(decide=decide_)))
    assert facts.channel_template == "{name}"
    assert facts.publish_via == "ws"


@pytest.mark.parametrize(
    ("answers", "version"),
    [
        ({"/api/health": '{"version":"12.3.1"}'}, "12.3.1"),
        (
            {"/api/health": '{"database":"ok"}', "/api/frontend/settings": '{"buildInfo":{"version":"11.6.0"}}'},
            "11.6.0",
        ),
        ({"/api/health": "ok", "/api/frontend/settings": '{"buildInfo":{"version":"11.6.0"}}'}, "11.6.0"),
        ({"/api/frontend/settings": '{"buildInfo":{"version":"11.6.0"}}'}, "11.6.0"),
        ({"/api/health": '{"version":""}'}, None),
        ({"/api/health": '{"version":12}'}, None),
        ({"/api/health": "[]"}, None),
        ({"/api/frontend/settings": '{"buildInfo":null}'}, None),
        ({}, None),
    ],
)
def test_where_the_version_is_read(answers, version):
    def handle(sock):
        request = b""
        while b"\r\n\r\n" not in request:
            request += sock.recv(4096)
        path = request.split(b" ")[1].decode()
        body = answers.get(path)
        status = "200 OK" if body is not None else "404 Not Found"
        text = (body or "").encode()
        sock.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n".encode() + text)
        until_gone(sock)

    with serving(handle) as port:
        client = HttpClient(f"http://127.0.0.1:{port}", headers={}, tls=tls_context(Settings()), timeout_s=2)
        assert grafana_version(client) == version


def test_no_http_at_all_is_no_version():
    client = HttpClient(f"http://127.0.0.1:{free_port()}", headers={}, tls=tls_context(Settings()), timeout_s=2)
    assert grafana_version(client) is None
    assert "ConnectionRefusedError" in str(client.get("/"))
    assert not client.post("/", "", "text/plain").ok


# -- what cannot be tested ---------------------------------------------------------------------------------------------


def answering(*replies, then=until_gone):
    """Accept a WebSocket and answer each message with the next of these, whatever it was."""

    def handle(sock):
        upgrade(sock)
        for reply in replies:
            sock.recv(65536)
            sock.sendall(frame(TEXT, reply.encode()))
        then(sock)

    return handle


def close_with(code, reason=""):
    def handle(sock):
        upgrade(sock)
        sock.recv(65536)
        sock.sendall(frame(8, code.to_bytes(2, "big") + reason.encode()))
        until_gone(sock)

    return handle


@pytest.mark.parametrize(
    ("handle", "words"),
    [
        (respond("401 Unauthorized"), r"HTTP 401\. Give credentials: --token"),
        (respond("403 Forbidden"), r"HTTP 403\. The credentials may not use it, or a proxy"),
        (respond("404 Not Found"), r"HTTP 404\. Is the path right\?"),
        (respond("200 OK", b"{}"), r"HTTP 200\. Is ws://\S+ a Grafana Live or Centrifuge endpoint\?"),
        (lambda sock: sock.sendall(b"220 smtp ready\r\n\r\n"), r"not answered with HTTP\. Is"),
        (until_gone, r"no answer to the handshake within 0.5 s\. Is it a web server\?"),
        (answering(), r"connect was never answered: expected a reply with id 1 within 0.5 s"),
        (answering('{"id":7,"connect":{"client":"c"}}'), r"connect was never answered: .* got none"),
        (answering('{"id":1,"connect":{}}'), r"the connect result has no client: \{\}\."),
        (answering('{"id":1,"connect":{"client":5}}'), r"the connect result has no client"),
        (
            answering('{"id":1,"error":{"code":101,"message":"unauthorized"}}'),
            r'expected a "connect" result .* got .*101',
        ),
        (answering("hello"), r"connect was never answered"),
        (close_with(3500, "invalid token"), r"close 3500 'invalid token'\. Is"),
        (close_with(3504, "connection limit"), r"close 3504 'connection limit'\. It is at its connection limit"),
        (close_with(1000), r"close 1000 ''"),
    ],
)
def test_what_never_answered_connect_is_a_sentence_with_advice(handle, words):
    with serving(handle) as port, bench_for(f"http://127.0.0.1:{port}", timeout=0.5) as bench:
        with pytest.raises(NothingTestedError, match=words) as caught:
            root(bench)
        assert str(caught.value).startswith(f"ws://127.0.0.1:{port}/api/live/ws: ")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "https://127.0.0.1:{port}", "http://no-such-host.invalid"])
def test_what_cannot_be_reached_is_a_sentence_with_advice(url):
    url = url.format(port=free_port())
    with (
        bench_for(url, timeout=2.0) as bench,
        pytest.raises(NothingTestedError, match=r"cannot be reached: .*Is it running"),
    ):
        root(bench)


def test_tls_with_what_does_not_speak_it():
    with (
        serving(respond("200 OK")) as port,
        bench_for(f"https://127.0.0.1:{port}", timeout=0.5) as bench,
        pytest.raises(NothingTestedError, match=r"TLS failed: .* See --ca-file and --insecure\.|no answer"),
    ):
        root(bench)


def test_a_token_in_the_url_is_not_shown():
    url = f"ws://127.0.0.1:{free_port()}/x?auth_token=secret"
    with bench_for(url) as bench:
        with pytest.raises(NothingTestedError) as caught:
            root(bench)
        assert "secret" not in str(caught.value)
        assert bench.url.endswith("=secret")


def test_what_answers_connect_and_nothing_else_is_left_after_one_timeout():
    reply = json.dumps({"id": 1, "connect": {"client": "c"}})
    with serving(answering(reply)) as port, bench_for(f"ws://127.0.0.1:{port}/", timeout=0.3) as bench:
        root(bench)
        facts = probe(bench)
    assert facts.channel_template is None
    assert "expected a reply with id 2 within 0.3 s" in facts.channel_evidence
    assert facts.channel_evidence.count("expected a reply") == 1


def test_what_closes_at_every_subscribe_is_probed_to_its_end():
    reply = json.dumps({"id": 1, "connect": {"client": "c"}})
    with (
        serving(answering(reply, then=lambda sock: sock.recv(1000))) as port,
        bench_for(f"ws://127.0.0.1:{port}/", timeout=0.5) as b,
    ):
        root(b)
        facts = probe(b)
    assert facts.channel_template is None
    assert facts.profiles == (Profile.CORE,)


def test_profile_grafana_without_version_asks_for_it():
    reply = json.dumps({"id": 1, "connect": {"client": "c"}})
    with (
        serving(answering(reply)) as port,
        bench_for(f"ws://127.0.0.1:{port}/", profile=Profile.GRAFANA, timeout=0.3) as bench,
    ):
        root(bench)
        with pytest.raises(UsageError, match=r"does not tell its version; give --grafana"):
            probe(bench)
