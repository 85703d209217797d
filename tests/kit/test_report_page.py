"""report.html as text: whole, self-contained, and safe from whatever a target has sent."""

import base64
import hashlib
from collections import Counter
from html.parser import HTMLParser

import pytest
from reports import REASON, TRAFFIC, ended, expecting, failing, hostile, running
from test_report import fail, must_checks

from liveproto_conformance.report.html.diagram import diagram_of
from liveproto_conformance.report.html.markup import Markup, join, markup, tag
from liveproto_conformance.report.html.page import html_of
from liveproto_conformance.report.json_report import make_report
from liveproto_conformance.verdict import Status


class Page(HTMLParser):
    """The elements of a page, and the text in each kind of them."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self._open = [], {}, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)
        self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        for name in set(self._open):
            self.texts[name][-1] += data

    def values(self, attribute):
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]


def test_text_becomes_markup_once():
    assert markup("a<b>&\"'\n\x00") == "a&lt;b&gt;&amp;&quot;&#x27;\n\\x00"
    assert markup(markup("<")) == "&lt;"
    assert join(["<", Markup("<br>")]) == "&lt;<br>"


def test_an_element_has_its_attributes_and_children():
    assert tag("p", "<", tag("b", "x"), class_="a", data_row='"', hidden=True, open=False) == (
        '<p class="a" data-row="&quot;" hidden>&lt;<b>x</b></p>'
    )
    assert tag("input", type="search") == '<input type="search">'


def test_it_needs_nothing_but_itself():
    page = Page(html_of(failing()[0]))
    assert page.values("src") == []
    assert all(link.startswith(("#", "data:image/svg+xml,")) for link in page.values("href"))
    assert not any(word in "".join(page.texts["style"]) for word in ("url(", "@import"))


def test_every_id_is_there_once_and_every_link_has_its_goal():
    page = Page(html_of(failing()[0]))
    ids = Counter(page.values("id"))
    assert set(ids.values()) == {1}
    assert {link[1:] for link in page.values("href") if link.startswith("#")} <= set(ids)


def test_every_check_and_rule_can_be_linked_to():
    document, _ = failing()
    ids = set(Page(html_of(document)).values("id"))
    assert {entry["id"] for part in ("checks", "requirements") for entry in document[part]} <= ids


def test_its_policy_lets_our_script_run_and_no_other():
    page = Page(html_of(failing()[0]))
    (script,) = page.texts["script"]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = (value for value in page.values("content") if "default-src" in value)
    assert policy.startswith("default-src 'none';")
    assert f"script-src 'sha256-{digest}';" in policy


def test_what_a_target_sent_is_text_and_short():
    document, _ = hostile()
    text = html_of(document)
    assert len(text) < 300_000
    page = Page(text)
    assert Counter(name for name, _ in page.elements if name in {"script", "img", "iframe", "object"}) == {"script": 1}
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert not any(character in text for character in "\x00\x1b\u202e\ud800")
    assert f"({document['checks'][0]['card']['traffic'][1]['size']:,} bytes)" in text


def test_a_failure_shows_its_card():
    document, failed = failing()
    page = Page(html_of(document))
    article = page.texts["article"][0]
    rule = failed.requirements[0]
    for words in (rule.id, rule.text.replace("`", ""), f"Source ({rule.status}): {rule.source}", "no error", "n=1"):
        assert words in article
    for words in ('{"id":3,"error":{"code":100}}', "connection 4, message 1, line 1", "liveproto replay x"):
        assert words in article


@pytest.mark.parametrize("status", list(Status))
def test_a_check_without_card_tells_its_message(status):
    page = Page(html_of(ended(status, message="because of that")))
    assert "because of that" in page.texts["main"][0] or status is Status.PASS
    assert ("article" in page.texts) == (status in {"FAIL", "XPASS", "HARNESS_ERROR", "FLAKY", "WARN"})


def test_known_failures_have_their_reason_and_those_out_of_date_a_section():
    document, (known, stale, *_) = expecting()
    page = Page(html_of(document))
    sections = {attributes["id"]: index for index, (_, attributes) in enumerate(
        (name, attributes) for name, attributes in page.elements if name == "section"
    )}  # fmt: skip
    assert f"line 2: {stale} holds: take the entry out" in page.texts["section"][sections["outdated"]]
    unjudged = page.texts["section"][sections["unjudged"]]
    assert f"{REASON} (https://t/1)" in unjudged
    assert known in unjudged
    assert "outdated" not in Page(html_of(failing()[0])).values("id")


def test_of_nothing_it_says_so_and_has_no_tables():
    page = Page(html_of(ended()))
    assert "No check has run." in page.texts["main"][0]
    assert "table" not in page.texts


def card_of(message, traffic):
    with running() as run:
        fail(run, must_checks()[0], message, traffic=traffic)
        return make_report(run)["checks"][0]["card"]


def test_a_diagram_has_a_lifeline_for_each_connection_and_an_arrow_for_each_message():
    page = Page(diagram_of(card_of('expected no error, got {"id":3,"error":{"code":100}}', TRAFFIC)))
    kinds = [value.split() for value in page.values("class")]
    assert sum(kind[0] == "life" for kind in kinds) == 4
    messages = [kind[1:] for kind in kinds if kind[0] == "message"]
    assert messages == [
        ["out", "text"], ["in", "text"], ["out", "text"], ["out", "http"], ["in", "text", "marked"], ["in", "close"]
    ]  # fmt: skip
    assert '{"id":3,"error":{"code":100}}2 lines' in "".join(page.texts["div"])


def test_a_diagram_shows_what_did_not_come_after_the_message_it_was_waited_for_after():
    page = Page(diagram_of(card_of("expected a reply with id 1, got none", TRAFFIC[:2])))
    kinds = [value for value in page.values("class") if value.startswith(("message", "wait"))]
    assert kinds == ["message out text", "wait marked", "message in text"]
    assert "waited for: a reply with id 1" in "".join(page.texts["div"])


def test_without_traffic_there_is_no_diagram():
    assert diagram_of(card_of("expected a, got b", [])) == ""
