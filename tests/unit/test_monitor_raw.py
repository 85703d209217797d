"""Reading lines without the codec."""

import pytest

from liveproto.session.monitor.raw import (
    as_list,
    as_object,
    canonical,
    count_keys,
    is_json,
    is_whole_number,
    read_line,
    split_lines,
)


def test_a_line_is_a_value_and_what_follows():
    line = read_line(b' {"a":1} \t x \r')
    assert (line.value, line.object, line.rest, line.fault, line.repeats_key) == ({"a": 1}, {"a": 1}, "x", None, False)


@pytest.mark.parametrize("raw", [b"", b"{", b"NaN", b"[-Infinity]", b"01x", b"'a'", b"[" * 100_000])
def test_what_is_not_json_has_a_fault_or_a_rest(raw):
    line = read_line(raw)
    assert line.fault is not None or line.rest
    assert not is_json(raw)


def test_repeated_keys_are_noticed_at_every_level():
    assert read_line(b'{"a":{"b":1,"b":2}}').repeats_key
    assert read_line(b'{"a":{"b":1},"b":2}').repeats_key is False
    ours = [b'{"a":1,"a":2}', b'{"a":{"b":1,"b":2}}', b'{"a":{"b":{"c":1,"c":2}}}', b"5"]
    assert [read_line(raw).repeats_command_key for raw in ours] == [True, True, False, False]


def test_bytes_that_are_no_utf8_are_named_and_read():
    line = read_line(b'{"id":1,"x":"\xff"}')
    assert line.fault == "not UTF-8"
    assert line.object["id"] == 1
    assert read_line('{"x":"é"}'.encode()).fault is None


def test_numbers_are_exact_as_far_as_python_reads_them():
    assert read_line(b"12345678901234567890").value == 12345678901234567890
    assert read_line(b"1" * 5_000).value == float("inf")


def test_values_by_kind():
    assert as_object([]) is None
    assert (as_list([1]), as_list({})) == ([1], [])
    assert is_whole_number(1)
    assert not any(map(is_whole_number, (True, 1.0, None)))


def test_messages_are_split_at_newlines_but_the_last():
    assert split_lines(b"a\nb\n") == [b"a", b"b"]
    assert split_lines(b"\n\n") == [b"", b""]


def test_known_keys_are_read_in_any_case():
    written = {"ID": 1, "Subscribe": {"CHANNEL": "a", "Data": 1}, "Other": 2}
    assert canonical(written) == {"id": 1, "subscribe": {"channel": "a", "Data": 1}, "Other": 2}
    assert canonical({"rpc": 5}) == {"rpc": 5}


def test_keys_that_become_one_are_fewer():
    value = {"id": 1, "subscribe": {"channel": "a", "Channel": "b"}}
    assert (count_keys(value), count_keys(canonical(value))) == (4, 3)


@pytest.mark.parametrize("inner", [b"", b'"]["', b"1,{}", b'"\\"]"'])
def test_what_is_nested_too_deep_is_not_looked_into(inner):
    line = read_line(b'{"id":2,"rpc":{"data":' + b"[" * 50_000 + inner + b"]" * 50_000 + b'},"x":"]"} y')
    assert (line.fault, line.rest, line.object["id"], line.object["x"]) == (None, "y", 2, "]")
    assert line.raw.count(b"[") == 98


@pytest.mark.parametrize("text", [b'"["', b'"\\"["'])
def test_many_brackets_side_by_side_are_not_deep(text):
    raw = b"[" + b"[]," * 500 + text + b",{}]"
    assert read_line(raw).raw == raw


def test_brackets_in_texts_hide_no_depth():
    raw = b'["]",' * 50_000 + b'"["]' + b',"["]' * 49_999
    assert read_line(raw).raw.count(b'["]"') == 99


def test_text_without_an_end_is_read_once():
    assert read_line(b"[" * 101 + rb"\\\"" * 100_000).fault
