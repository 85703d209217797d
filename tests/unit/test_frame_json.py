"""Frame JSON, against what grafana-plugin-sdk-go writes and reads: its source and its golden file."""

import json
import math
from pathlib import Path

import msgspec
import pytest

from liveproto.errors import FrameError
from liveproto.frames.frame import DataFrame, Field, FieldType
from liveproto.frames.frame_json import decode, decode_data, encode, encode_data, encode_schema, read_message

GOLDEN = Path(__file__).parents[3] / "shared" / "data" / "frame-all-types.golden.json"
NAN, INF = math.nan, math.inf


def frame_of(type_, values, **options):
    return DataFrame(fields=(Field("v", FieldType(type_), values, **options),))


def column_text(type_, values, **options):
    """What stands between the brackets of the only column, and what follows the columns."""
    text = encode_data(frame_of(type_, values, nullable=None in values, **options)).decode()
    column, _, rest = text.removeprefix('{"values":[[').partition("]]")
    return column, rest.removesuffix("}")


def message(*, type_="float64", nullable=False, values="[[1]]", rest="", field=""):
    null = ',"nullable":true' if nullable else ""
    schema = f'{{"fields":[{{"name":"v","typeInfo":{{"frame":"{type_}"{null}}}{field}}}]}}'
    return f'{{"schema":{schema},"data":{{"values":{values}{rest}}}}}'.encode()


def read_values(**parts):
    return list(decode(message(**parts)).fields[0].values)


def refusal(data, schema=None):
    with pytest.raises(FrameError) as caught:
        read_message(data, schema)
    return str(caught.value)


def test_an_empty_frame_is_written_as_go_writes_it():
    assert encode(DataFrame("hello")) == b'{"schema":{"name":"hello","fields":[]},"data":{"values":[]}}'
    assert encode(DataFrame()) == b'{"schema":{"fields":[]},"data":{"values":[]}}'


def test_keys_stand_in_the_order_of_go():
    field = Field("v", FieldType.FLOAT64, [1.5], nullable=True, labels={"b": "2", "a": "1"}, config={"unit": "s"})
    frame = DataFrame("n", (field,), "A", {"channel": "stream/a/b", "type": "timeseries-wide"})
    assert encode(frame).decode() == (
        '{"schema":{"name":"n","refId":"A",'
        '"meta":{"type":"timeseries-wide","typeVersion":[0,0],"channel":"stream/a/b"},'
        '"fields":[{"name":"v","type":"number","typeInfo":{"frame":"float64","nullable":true},'
        '"labels":{"a":"1","b":"2"},"config":{"unit":"s"}}]},"data":{"values":[[1.5]]}}'
    )


def test_what_a_field_lacks_is_not_written():
    bare = DataFrame(fields=(Field("", FieldType.BOOL, []), Field("", FieldType.BOOL, [], labels={}, config={})))
    assert encode_schema(bare).decode() == (
        '{"fields":[{"type":"boolean","typeInfo":{"frame":"bool"}},'
        '{"type":"boolean","typeInfo":{"frame":"bool"},"labels":{},"config":{}}]}'
    )


def test_config_and_meta_follow_the_order_of_go_and_keep_what_they_hold():
    config = {"mine": 1, "custom": {"z": 1, "a": 2}, "min": None, "displayName": "d"}
    text = encode_schema(DataFrame(fields=(Field("v", FieldType.BOOL, [], config=config),))).decode()
    assert '"config":{"displayName":"d","min":null,"custom":{"z":1,"a":2},"mine":1}' in text
    meta = {"typeVersion": [1, 2], "custom": {"Hi": "there"}}
    assert encode_schema(DataFrame(meta=meta)) == (
        b'{"meta":{"typeVersion":[1,2],"custom":{"Hi":"there"}},"fields":[]}'
    )


def test_meta_has_no_other_keys():
    with pytest.raises(FrameError, match=r"unknown key in meta: 'chanel' \(GL-FRAME-004\)"):
        encode_schema(DataFrame(meta={"chanel": "x"}))


@pytest.mark.parametrize(
    ("type_", "values", "text"),
    [
        ("int64", [-(2**63), None, 2**63 - 1], "-9223372036854775808,null,9223372036854775807"),
        ("uint64", [2**64 - 1], "18446744073709551615"),
        ("string", ['a\n"é\x00', None, "null"], '"a\\n\\"é\\u0000",null,"null"'),
        ("bool", [True, None, False], "true,null,false"),
        ("float64", [None, 0.5, None], "null,0.5,null"),
        ("enum", [3, None], "3,null"),
        ("json.RawMessage", [msgspec.Raw(b'{ "a" : [ 1, "x y" ] }'), b"12345678901234567890", None],
         '{"a":[1,"x y"]},12345678901234567890,null'),
    ],
)  # fmt: skip
def test_values_are_written_as_json(type_, values, text):
    assert column_text(type_, values) == (text, "")


@pytest.mark.parametrize("value", [0.0, 1.0, 5e-324, 1e-6, 1e21, 1.7976931348623157e308, -9007199254740993.0])
def test_a_float_is_read_back_as_itself(value):
    assert json.loads(column_text("float64", [value])[0]) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (9.99999993922529e-08, "1e-7"), (0.10000000149011612, "0.1"), (0.1, "0.1"), (16777217, "16777216.0"),
        (-0.0, "-0.0"), (0, "0.0"), (1.401298464324817e-45, "1e-45"), (1e-46, "0.0"),
        (3.4028234663852886e38, "3.4028235e38"), (2.0**127, "1.7014118e38"), (2.0**-96, "1.2621775e-29"),
        (2.0**-126, "1.1754944e-38"), (-1.17549421e-38, "-1.1754942e-38"), (123456.789, "123456.79"),
    ],
)  # fmt: skip
def test_a_float32_has_the_fewest_digits(value, text):
    assert column_text("float32", [value, None]) == (f"{text},null", "")


def test_what_no_float32_holds_is_refused():
    with pytest.raises(FrameError, match="column 'v': float too large"):
        encode(frame_of("float32", [3.4028236e38]))


def test_a_zero_keeps_its_sign_also_as_go_writes_it():
    assert [str(value) for value in read_values(values="[[-0, -0.0 ,1e-0,-0e1,0,null]]", nullable=True)] == [
        "-0.0", "-0.0", "1.0", "-0.0", "0.0", "None",
    ]  # fmt: skip
    assert str(read_values(values="[[-0 ]]")[0]) == "-0.0"


def test_a_newline_of_raw_json_does_not_reach_the_wire():
    assert b"\n" not in encode(frame_of("json.RawMessage", [b'{\n"a":1}\n']))


@pytest.mark.parametrize(
    ("values", "column", "entities"),
    [
        ([NAN], "null", '{"NaN":[0]}'),
        ([1.0, INF, -INF, INF], "1.0,null,null,null", '{"Inf":[1,3],"NegInf":[2]}'),
        ([None, NAN, 2.5, -INF, NAN], "null,null,2.5,null,null", '{"NaN":[1,4],"NegInf":[3]}'),
        ([INF, -INF], "null,null", '{"Inf":[0],"NegInf":[1]}'),
    ],
)
@pytest.mark.parametrize("type_", ["float64", "float32"])
def test_special_floats_are_null_and_listed(type_, values, column, entities):
    assert column_text(type_, values) == (column, f',"entities":[{entities}]')


@pytest.mark.parametrize("values", [[1.0, None], [1.7e308, None, 1.7e308], [None], [-1e308, -1e308, None, 1.0]])
def test_nulls_and_sums_beyond_a_float_are_nothing_special(values):
    assert column_text("float64", values)[1] == ""


@pytest.mark.parametrize(
    ("values", "column", "nanos"),
    [
        ([1_600_000_000_000_000_000, 0, -1_000_000], "1600000000000,0,-1", ""),
        ([-1, 999_999, 1_000_001], "-1,0,1", "[999999,999999,1]"),
        ([None, 5_000_001, 0], "null,5,0", "[0,1,0]"),
        ([None, None], "null,null", ""),
    ],
)
def test_times_are_milliseconds_rounded_down_and_what_is_left(values, column, nanos):
    assert column_text("time.Time", values) == (column, f',"nanos":[{nanos}]' if nanos else "")


def test_what_stands_beside_the_columns_has_an_element_for_each():
    fields = (
        Field("t", FieldType.TIME, [1]),
        Field("s", FieldType.STRING, ["NaN"]),
        Field("f", FieldType.FLOAT64, [NAN]),
    )
    assert encode_data(DataFrame(fields=fields)) == (
        b'{"values":[[0],["NaN"],[null]],"entities":[null,null,{"NaN":[0]}],"nanos":[[1],null,null]}'
    )


def test_columns_of_different_length_are_not_written():
    frame = DataFrame(fields=(Field("a", FieldType.BOOL, [True]), Field("b", FieldType.BOOL, [])))
    with pytest.raises(FrameError, match=r"column 'b': expected 1 rows, got 0 \(GL-FRAME-007\)"):
        encode(frame)


@pytest.mark.parametrize(
    ("type_", "value"),
    [("string", "\ud800"), ("float64", "a"), ("time.Time", "a"), ("string", object()), ("json.RawMessage", b"{")],
)
def test_what_cannot_be_json_is_named(type_, value):
    with pytest.raises(FrameError, match="column 'v'"):
        encode(frame_of(type_, [value] if type_ != "float64" else [value, NAN, None]))


@pytest.mark.parametrize("bad", [Field("b", FieldType.STRING, [object()]), Field("b", FieldType.FLOAT64, [b"1"])])
def test_the_one_that_cannot_be_json_is_named_among_others(bad):
    null = Field("a", FieldType.BOOL, [None], nullable=True)
    with pytest.raises(FrameError, match="column 'b'"):
        encode(DataFrame(fields=(null, bad, null)))


def test_a_text_of_null_is_nothing_special():
    fields = Field("s", FieldType.STRING, ["null"]), Field("f", FieldType.FLOAT64, [1.0])
    assert encode_data(DataFrame(fields=fields)) == b'{"values":[["null"],[1.0]]}'


def test_a_name_or_config_that_cannot_be_json_is_named():
    with pytest.raises(FrameError, match="schema of 'n'"):
        encode_schema(DataFrame("n", (Field("\udfff", FieldType.BOOL, []),)))
    with pytest.raises(FrameError, match="schema of 'n'"):
        encode_schema(DataFrame("n", (Field("v", FieldType.BOOL, [], config={"a": object()}),)))


def test_what_is_nested_too_deep_is_named():
    with pytest.raises(FrameError, match="column 'v'"):
        encode(frame_of("json.RawMessage", [b"[" * 100_000 + b"]" * 100_000]))
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(FrameError, match="schema of ''"):
        encode(DataFrame(meta={"custom": deep}))


def test_bytes_of_raw_json_that_are_not_utf8_are_replaced():
    assert column_text("json.RawMessage", [b'"a\xff"', b'{"\xc3": 1}'])[0] == '"a\ufffd",{"\ufffd":1}'
    with pytest.raises(FrameError, match="column 'v'"):
        encode(frame_of("json.RawMessage", [b"\xff"]))


def test_of_a_repeated_key_the_last_counts_and_the_first_has_the_place():
    data = message()[:-1] + b',"schema":{"fields":[{"name":"w","typeInfo":{"frame":"float64"}}]}}'
    assert [field.name for field in decode(data).fields] == ["w"]


def test_the_golden_frame_of_the_sdk_round_trips():
    if not GOLDEN.exists():
        pytest.skip(f"{GOLDEN} is not there")
    golden = GOLDEN.read_bytes()
    frame = decode(golden)
    columns = {field.name: field for field in frame.fields}
    assert json.loads(encode(frame)) == json.loads(golden)
    assert columns["uint64_values"].values == [0, 0, 1, 2**53 - 1, 2**64 - 1]
    assert columns["timestamps"].values == [0, 1568039445 * 10**9, 1568039450 * 10**9, 2**53 - 1, 2**63 - 1]
    assert columns["float64_nans"].values[0] == -INF
    assert columns["nullable_float64_values_nans"].values[:3] == [-INF, 0, None]
    assert {field.type for field in frame.fields} == set(FieldType)


def test_a_schema_alone_has_empty_columns():
    schema = decode(b'{"schema":{"name":"n","fields":[{"name":"a","typeInfo":{"frame":"bool"}}]}}')
    assert schema == DataFrame("n", (Field("a", FieldType.BOOL, []),))


def test_data_alone_is_read_with_the_schema_of_before():
    schema = DataFrame("n", (Field("a", FieldType.BOOL, [True], labels={"x": "y"}),), "A", {"custom": 1})
    whole = DataFrame("n", (Field("a", FieldType.BOOL, [False, False], labels={"x": "y"}),), "A", {"custom": 1})
    assert decode_data(b'{"data":{"values":[[false,false]]}}', schema) == whole


def test_no_columns_at_all_are_no_rows():
    assert read_values(values="[]") == []
    assert decode(b'{"schema":{"fields":[]},"data":{"values":[]}}') == DataFrame()


def test_a_message_says_whether_it_brought_a_schema():
    assert read_message(message(), None).has_schema
    assert not read_message(b'{"data":{"values":[[1]]}}', decode(message())).has_schema
    assert read_message(b"{}", decode(message())).frame.rows == 0


@pytest.mark.parametrize(
    ("alias", "type_", "nullable"),
    [
        ("int", "int64", False),
        ("double", "float64", False),
        ("float", "float64", False),
        ("boolean", "bool", False),
        ("time", "time.Time", False),
        ("json", "json.RawMessage", False),
        ("*string", "string", True),
        ("*float64", "float64", True),
    ],
)
def test_go_reads_other_names_of_types_too(alias, type_, nullable):
    field = decode(message(type_=alias, values="[]")).fields[0]
    assert (field.type, field.nullable) == (type_, nullable)


@pytest.mark.parametrize(
    ("parts", "values"),
    [
        ({"type_": "uint64", "values": "[[18446744073709551615,0]]"}, [2**64 - 1, 0]),
        ({"type_": "int64", "nullable": True, "values": "[[-9223372036854775808,null]]"}, [-(2**63), None]),
        ({"type_": "time.Time", "values": "[[-1,1]]", "rest": ',"nanos":[[999999,0]]'}, [-1, 1_000_000]),
        ({"type_": "time.Time", "nullable": True, "values": "[[null]]", "rest": ',"nanos":[[0]]'}, [None]),
        ({"type_": "time.Time", "nullable": True, "values": "[[null,2]]"}, [None, 2_000_000]),
        ({"values": "[[null,1]]", "rest": ',"entities":[{"Inf":[0]}]'}, [INF, 1.0]),
        ({"values": "[[1]]", "rest": ',"nanos":[null],"entities":[null]'}, [1.0]),
        ({"type_": "json.RawMessage", "nullable": True, "values": '[[{"a":1},null]]'}, [msgspec.Raw(b'{"a":1}'), None]),
        ({"type_": "json.RawMessage", "values": "[[null]]"}, [msgspec.Raw(b"null")]),
        ({"type_": "enum", "values": "[[65535]]"}, [65535]),
        ({"type_": "float32", "values": "[[3.4028235e38]]"}, [3.4028235e38]),
    ],
)
def test_values_are_read(parts, values):
    assert read_values(**parts) == values


@pytest.mark.parametrize(
    ("data", "requirement"),
    [
        (b'{"schema":{"fields":[]},"extra":1}', "unknown key in message: 'extra' (GL-FRAME-017)"),
        (b'{"schema":{"fields":[]},"data":{"values":[],"enums":[]}}', "unknown key in data: 'enums' (GL-FRAME-017)"),
        (b'{"schema":{"fields":[],"fields2":[]}}', "unknown field `fields2`"),
        (b'{"schema":{"name":"n"}}', "missing required field `fields`"),
        (message(field=',"tags":{}'), "unknown field `tags`"),
        (b'{"schema":{"fields":[{"typeInfo":{"frame":"bool","size":1}}]}}', "unknown field `size`"),
        (b'{"data":{"values":[]},"schema":{"fields":[]}}',
         "expected 'schema' first in message, got 'data' (GL-FRAME-018)"),
        (message(values='[[1]],"x":1').replace(b'"values":[[1]],"x":1', b'"nanos":[null],"values":[[1]]'),
         "expected 'values' first in data, got 'nanos' (GL-FRAME-018)"),
        (b'{"schema":{"fields":[]},"data":{}}', "expected values in data (GL-FRAME-018)"),
        (b'{"data":{"values":[[1]]}}', "push message mismatch: expected a schema before data (GL-FRAME-019)"),
        (b"{}", "push message mismatch: expected a schema before data (GL-FRAME-019)"),
        (message(type_="complex128"), "field 'v': unknown type 'complex128' (GL-FRAME-020)"),
        (message(type_="**bool"), "field 'v': unknown type '**bool' (GL-FRAME-020)"),
        (message(type_="*boolean"), "field 'v': unknown type '*boolean' (GL-FRAME-020)"),
        (message(type_="*int", nullable=True), "field 'v': unknown type '*int' (GL-FRAME-020)"),
        (b'{"schema":{"fields":[{"name":"v","type":"number"}]}}', "missing required field `typeInfo`"),
        (message(field=',"type":"string"'), "field 'v': expected type 'number', got 'string' (GL-FRAME-021)"),
        (message(values="[[1],[2]]"), "push message mismatch: expected 1 columns, got 2 (GL-FRAME-022)"),
        (message(rest=',"nanos":[]'), "expected 1 elements in nanos, got 0 (GL-FRAME-022)"),
        (message(rest=',"entities":[null,null]'), "expected 1 elements in entities, got 2 (GL-FRAME-022)"),
        (message(type_="uint64", values="[[18446744073709551616]]"), "expected at most 64 bits (GL-FRAME-023)"),
        (message(values="[[1,null]]"), "null in row 1 of a column that is not nullable (GL-FRAME-024)"),
        (message(type_="string", values='[["a"]]', rest=',"entities":[{"NaN":[0]}]'), "no float (GL-FRAME-025)"),
        (message(rest=',"entities":[{"NaN":[0]}]'), "NaN in row 0, which is no null (GL-FRAME-025)"),
        (message(rest=',"entities":[{"Inf":[1]}]'), "Inf in row 1, which is no null (GL-FRAME-025)"),
        (message(rest=',"entities":[{"Undef":[0]}]'), "entities: Invalid enum value 'Undef'"),
        (message(rest=',"entities":[{"NaN":[-1]}]'), "entities: Expected `int`"),
        (message(rest=',"nanos":[[0]]'), "nanos of a column that is no time (GL-FRAME-026)"),
        (message(type_="time.Time", values="[[1]]", rest=',"nanos":[[0,0]]'), "expected 1 nanos, got 2 (GL-FRAME-026)"),
        (message(type_="time.Time", values="[[1]]", rest=',"nanos":[[1000000]]'), "nanos: Expected `int`"),
        (message(type_="time.Time", values="[[1]]", rest=',"nanos":[[-1]]'), "nanos: Expected `int`"),
        (b"[]", "message: Expected `object`, got `array`"),
        (b'{"schema"', "message: Input data was truncated"),
        (b'{"schema":{"name":"\xff","fields":[]}}', "UTF-8"),
        (message() + b"x", "message: JSON is malformed"),
        (b'{"schema":' + b"[" * 100_000, "message: "),
        (b'{"schema":{"fields":[],"meta":{"custom":' + b"[" * 100_000 + b"]" * 100_000 + b"}}}", ": "),
    ],
)  # fmt: skip
def test_what_go_does_not_write_is_refused(data, requirement):
    assert requirement.lower() in refusal(data).lower()


@pytest.mark.parametrize(
    ("type_", "cell"),
    [
        ("int8", "128"), ("int8", "-129"), ("int16", "32768"), ("int32", "-2147483649"),
        ("int64", "9223372036854775808"), ("uint8", "-1"), ("uint8", "256"), ("uint16", "65536"),
        ("uint32", "4294967296"), ("uint64", "-1"), ("enum", "65536"), ("int64", "1.5"), ("int64", '"1"'),
        ("float32", "3.4028236e38"), ("float64", "1e400"), ("float64", '"NaN"'), ("bool", "1"), ("string", "1"),
        ("time.Time", "1.5"), ("time.Time", '"2020"'),
    ],
)  # fmt: skip
def test_a_value_outside_its_type_is_refused(type_, cell):
    assert "column 'v'" in refusal(message(type_=type_, values=f"[[{cell}]]"))


def test_rows_of_different_number_are_refused():
    fields = '{"name":"a","typeInfo":{"frame":"bool"}},{"name":"b","typeInfo":{"frame":"bool"}}'
    data = f'{{"schema":{{"fields":[{fields}]}},"data":{{"values":[[true],[]]}}}}'.encode()
    assert refusal(data) == "expected 1 rows in column 'b', got 0 (GL-FRAME-022)"


def test_data_alone_brings_no_schema():
    with pytest.raises(FrameError, match=r"expected data alone, got a schema \(GL-FRAME-019\)"):
        decode_data(message(), DataFrame())


def test_a_read_frame_does_not_hold_the_message():
    data = message(type_="json.RawMessage", values='[[{"a":1}]]')
    assert bytes(decode(data).fields[0].values[0]) == b'{"a":1}'
