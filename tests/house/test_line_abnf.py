"""The ABNF of line protocol in SPEC.md accepts what the parser accepts, in both dialects."""

import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liveproto.errors import LineErrorKind
from liveproto.frames.line_protocol import parse

SPEC = (Path(__file__).parents[2] / "SPEC.md").read_text()
SECTION = SPEC.partition("\n## 12. LINE")[2].partition("\n## 13.")[0]
SHAPE, GRAFANA, STRICT = re.findall(r"```abnf\n(.+?)```", SECTION, re.DOTALL)

RULES_OF_RFCS = """
SP     = %x20
HTAB   = %x09
CR     = %x0D
LF     = %x0A
DQUOTE = %x22
DIGIT  = %x30-39
HEXDIG = %x30-39 / %x41-46 / %x61-66
UTF8-2 = %xC2-DF tail
UTF8-3 = %xE0 %xA0-BF tail / %xE1-EC tail tail / %xED %x80-9F tail / %xEE-EF tail tail
UTF8-4 = %xF0 %x90-BF tail tail / %xF1-F3 tail tail tail / %xF4 %x80-8F tail tail
tail   = %x80-BF
"""
TOKEN = re.compile(r'%x[0-9A-F-]+|(?:%s)?"[^"]*"|\d*\*\d*|[A-Za-z][\w-]*|[\[\]()/]')


def rules(*texts):
    """Read rules, each possibly on several lines, as name and right side."""
    text = re.sub(r" +;.*$", "", "\n".join(texts), flags=re.MULTILINE)
    lines = re.sub(r"\n +", " ", text).splitlines()
    return dict(re.split(r" += +", line, maxsplit=1) for line in lines if line)


def expression(name, by_name):
    """Turn a rule into a regular expression; none of these rules is recursive."""
    return alternatives(iter(TOKEN.findall(by_name[name])), by_name)


def alternatives(tokens, by_name):
    found, times = "(?:", ""
    for token in tokens:
        if token in {")", "]"}:
            break
        if "*" in token and not token.endswith('"'):
            times = "{{{},{}}}".format(*(token.split("*")))
            continue
        found += "|" if token == "/" else element(token, tokens, by_name) + times
        times = ""
    return found + ")"


def element(token, tokens, by_name):
    if token == "(":
        return alternatives(tokens, by_name)
    if token == "[":
        return alternatives(tokens, by_name) + "?"
    if token.startswith("%x"):
        return "[{}]".format("-".join(rf"\x{octet}" for octet in token[2:].split("-")))
    if token.endswith('"'):
        return f"(?{'' if token.startswith('%s') else 'i'}:{re.escape(token.split(chr(34))[1])})"
    if token == "measurement":
        # SPEC.md has it in words.
        return "(?!#)" + expression(token, by_name)
    return expression(token, by_name)


@cache
def body(dialect):
    by_name = rules(SHAPE, {"grafana": GRAFANA, "strict": STRICT}[dialect], RULES_OF_RFCS)
    return re.compile(expression("body", by_name).encode())


def parser_accepts(data, dialect):
    """None where a number is out of range, which a grammar does not know."""
    errors = parse(data, now_ns=0, dialect=dialect, on_error="collect").errors
    return None if any(error.kind is LineErrorKind.RANGE for error in errors) else not errors


DIALECTS = pytest.mark.parametrize("dialect", ["grafana", "strict"])
PIECES = [
    *rb'm|a|=|,| |  |\|\\|\ |\,|\=|"|\"|#|0|7|12|-|+|.'.split(b"|"),
    *b"\n|\r\n|\r|\t|\v|\f|\x00|\x7f|\xff|\xc3\xa9|\xed\xa0\x80".split(b"|"),
]
VALUES = [
    *rb'1|-1.5|1.|.5|1e5|1E-05|5i|-5i|007i|5u|00u|t|True|FALSE|tRUE|.|""|"a b"|"\""|"\n"|1_0|0x1.8p3|0x_1P+1'.split(
        b"|"
    ),
    *b'"x\ny"|"\r\n"|"\r"|"\xf0\x9f\x99\x82"'.split(b"|"),
]
NAMES = b'm|k|a\\ b|a\\,b|a\\=b|a\\"b|a\\\\|"q"|\\#x|a\\\\\\ b|\xc3\xa9|\x01|='.split(b"|")
ENDS = b"|\n|\r\n|\r| 5|  -7 |\n\n| 00000000000000000001|\n# c\t\n|\n #c\r\n".split(b"|")

names, values = st.sampled_from(NAMES), st.sampled_from(VALUES)
pairs = st.lists(st.builds(b"%b=%b".__mod__, st.tuples(names, names)), max_size=2)
fields = st.lists(st.builds(b"%b=%b".__mod__, st.tuples(names, values)), min_size=1, max_size=3)
lines = st.builds(
    lambda name, tags, fields, end: b",".join([name, *tags]) + b" " + b",".join(fields) + end,
    names, pairs, fields, st.sampled_from(ENDS),
)  # fmt: skip
almost_lines = st.builds(
    lambda line, at, gone, piece: line[: at % (len(line) + 1)] + piece + line[at % (len(line) + 1) + gone :],
    lines, st.integers(0, 60), st.integers(0, 2), st.sampled_from(PIECES),
)  # fmt: skip
bodies = st.builds(b"".join, st.lists(lines | almost_lines | st.sampled_from(PIECES), max_size=4))


@DIALECTS
@settings(max_examples=500)
@given(data=bodies)
def test_the_abnf_of_the_specification_is_the_grammar_of_the_parser(dialect, data):
    accepted = parser_accepts(data, dialect)
    assert accepted is None or accepted == bool(body(dialect).fullmatch(data))


@DIALECTS
@pytest.mark.parametrize(
    ("data", "accepted"),
    [
        (b"m v=1", True),
        (b"", True),
        (b"#\n\nm,a=b v=t 5\n", True),
        (b"m", False),
        (b"m v=\n", False),
        (b"m v=1 x", False),
    ],
)
def test_the_abnf_is_read_rightly(dialect, data, accepted):
    assert bool(body(dialect).fullmatch(data)) is accepted


def test_the_abnf_tells_the_dialects_apart():
    for data in (b"m\tv=1", b"m v=\xff=1", b"#\t", b"\xff v=1", b"m v=1,\x01=2"):
        assert bool(body("grafana").fullmatch(data)) == parser_accepts(data, "grafana")
        assert not body("strict").fullmatch(data)
    for data in (b"m v=1_0", b"m v=007i", b'm v="\\n"', b"m v=1 00000000000000000001"):
        assert body("strict").fullmatch(data)
        assert not body("grafana").fullmatch(data)
