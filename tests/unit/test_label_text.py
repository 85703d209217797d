"""Label texts; the answers of @grafana/data 13.2.3 differ where a test says so."""

import time

import pytest

from liveproto.frames.label_text import parse_label_text


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("", {}),
        ("host=a", {"host": "a"}),
        ("core=0, host=a", {"core": "0", "host": "a"}),
        ("a=1,b=2", {"a": "1", "b": "2"}),
        ("a=1,   b=2", {"a": "1", "b": "2"}),
        ("a=", {"a": ""}),
        ("host=server 01, é=漢", {"host": "server 01", "é": "漢"}),
        ("a=1, a=2", {"a": "2"}),
        ('{__name__="up", job="a,b", x="c=d"}', {"__name__": "up", "job": "a,b", "x": "c=d"}),
        ('{a!="1", b=~"2"}', {"a": "1", "b": "2"}),
        ("{}", {}),
    ],
)
def test_labels_are_read_as_the_browser_reads_them(text, labels):
    assert parse_label_text(text) == labels
    assert list(parse_label_text(text)) == list(labels)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("path=/a?b=c", {"path": "/a?b=c"}),  # there {"path": "/a?b"}
        ("os=Linux 5.4, SMP, host=a", {"os": "Linux 5.4, SMP", "host": "a"}),  # there {"os": ..., "SMP": undefined}
        ("alone", {"alone": ""}),  # there {"alone": undefined}
    ],
)
def test_no_text_of_an_ambiguous_value_is_lost(text, labels):
    assert parse_label_text(text) == labels


def test_white_space_is_looked_at_once():
    started = time.process_time()
    assert parse_label_text("a=1," + " " * 50_000) == {"a": "1," + " " * 50_000}
    assert time.process_time() - started < 1
