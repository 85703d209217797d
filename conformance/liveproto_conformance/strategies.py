"""Hypothesis strategies for protocol input, public for tests of other implementations.

Each makes plain JSON values or text as a client would send it, never our own records.
"""

from __future__ import annotations

import itertools
import json
from typing import Any, Final

from hypothesis import strategies as st

MAX_ID: Final = 2**32 - 1

_text: Final = st.text(st.characters(codec="utf-8"), max_size=12)
_scalars: Final = st.one_of(
    # Half of the numbers are in no double.
    st.sampled_from([
        None, True, False, 0, 1, -1, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**64 - 1, 10**20 + 1, 1 - 2**63
    ]),
    _text,
    st.integers(-(2**70), 2**70),
    # Plus zero, because -0.0 is the same number and need not survive.
    st.floats(allow_nan=False, allow_infinity=False, width=32).map(lambda number: number + 0.0),
)  # fmt: skip


def json_values(depth: int = 2) -> st.SearchStrategy[Any]:
    """JSON values of any type, so many arrays and objects within each other, with integers beyond 2^53."""
    values = _scalars
    for _ in range(depth):
        values = st.one_of(_scalars, st.lists(values, max_size=3), st.dictionaries(_text, values, max_size=3))
    return values


def command_ids() -> st.SearchStrategy[int]:
    """Legal command ids, the bounds often, as Hypothesis does."""
    return st.integers(1, MAX_ID)


def illegal_ids() -> st.SearchStrategy[str]:
    """JSON texts that are no legal command id, and not zero either."""
    return st.one_of(
        st.integers(MAX_ID + 1, 2**70).map(str),
        st.integers(-(2**40), -1).map(str),
        st.integers(1, 10**6).map(lambda n: f"{n}.0"),
        st.integers(1, 9).map(lambda n: f"{n}e0"),
        st.integers(1, 10**6).map(lambda n: f'"{n}"'),
        st.sampled_from(["true", "[1]", "{}", '""', "1.5", "0.1", str(MAX_ID + 1), "-1"]),
    )


def padding() -> st.SearchStrategy[str]:
    """White space that may surround a command on its line."""
    return st.sampled_from(["".join(each) for size in range(4) for each in itertools.product(" \t\r", repeat=size)])


def unknown_members() -> st.SearchStrategy[dict[str, Any]]:
    """Members that no request has, for every level of a command."""
    names = ("x", "X_1", "méta", "data2", "", "ids")
    values: tuple[Any, ...] = (
        None, True, 0, -1.5, "", "é\n", [], {}, [{"id": 1}], {"channel": "x"}, {"connect": {}}
    )  # fmt: skip
    one: list[dict[str, Any]] = [{name: value} for name in names for value in values]
    several: list[dict[str, Any]] = [dict(zip(names, values[first:], strict=False)) for first in range(len(values))]
    return st.sampled_from(one + several)


def not_json() -> st.SearchStrategy[str]:
    """Lines that are not JSON text, and not blank."""
    return st.one_of(
        st.sampled_from(
            ["{", "}", '{"id":2', '{"id":2,}', "{'id':2}", "nul", "x", "{,}", '{"id"}', '{"id":}', "\\", "{]"]
        ),
        st.text("abcxyz{}[]:,", min_size=1, max_size=8).filter(lambda text: not _is_json_prefix(text)),
    )


def not_objects() -> st.SearchStrategy[str]:
    """Lines that are JSON, but no object."""
    return st.one_of(
        st.integers(-(2**40), 2**40).map(str),
        st.sampled_from(["null", "true", "false", "[]", "[{}]", '""', '"x"', "0", "1.5", "-1", "1e3", '[{"id":2}]']),
    )


def invalid_payloads() -> st.SearchStrategy[str]:
    """Texts outside the JSON grammar, to stand where a payload does."""
    return st.sampled_from([
        "NaN", "Infinity", "-Infinity", "01", "-", "1.", ".5", "+1", "[1,]", '{"a":1,}', "tru", "'x'", '"\\x"', "0x10",
        '"\\u12"', "[1 2]", '{"a" 1}', "{1:2}",
    ])  # fmt: skip


def wrong_types() -> st.SearchStrategy[str]:
    """Values of a wrong type for a field that holds text."""
    return st.sampled_from(["1", "true", "[]", "{}", "1.5", '["x"]'])


def line_bodies() -> st.SearchStrategy[list[tuple[int, str, int]]]:
    """Lines of line protocol: which of three measurements, what follows it, and the number of the line's time."""
    fields = st.lists(st.tuples(_field_keys, _field_values), min_size=1, max_size=3, unique_by=lambda pair: pair[0])
    joined = fields.map(lambda pairs: ",".join(map("=".join, pairs)))
    rest = st.tuples(st.sampled_from(_tag_sets()), joined).map(" ".join)
    return st.lists(st.tuples(st.integers(0, 2), rest, st.integers(0, 3)), min_size=1, max_size=5)


def _tag_sets() -> list[str]:
    """Up to three tags in any order, each key with two values."""
    keys = ("host", "a", "B", r"a\ key", r"a\,b", "é")
    values = ("x", "y", r"two\ words", r"1\,2", r"k\=v", "ü", '"quoted"', "0")
    tags = [[f",{key}={value}" for key, value in zip(keys, chosen, strict=False)] for chosen in (values, values[2:])]
    return ["".join(each) for of_key in tags for size in range(4) for each in itertools.permutations(of_key, size)]


_field_keys: Final = st.sampled_from(["value", "a", "b", "Zeit", r"a\ key", r"k\=v", "é", "labels"])
_field_values: Final = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(lambda number: f"{number}i"),
    st.integers(0, 2**64 - 1).map(lambda number: f"{number}u"),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["0", "1", "-1.5", ".5", "1.", "1e3", "t", "T", "true", "f", "False", "FALSE"]),
    st.sampled_from(['""', '"text"', '"NaN"', '"nan"', r'"\"\\"', '"a, b=c"', '"<é>"', '"two\nlines"', '"1"']),
)


def _is_json_prefix(text: str) -> bool:
    try:
        json.JSONDecoder().raw_decode(text.strip())
    except ValueError:
        return False
    return True
