"""Frames and fields as values."""

import json

import pytest
from msgspec.structs import replace

from liveproto.frames.frame import DataFrame, Field, FieldType

KINDS = {
    "number": "int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64",
    "string": "string",
    "boolean": "bool",
    "time": "time.Time",
    "enum": "enum",
    "other": "json.RawMessage",
}


@pytest.mark.parametrize(("kind", "types"), KINDS.items())
def test_every_type_has_a_kind(kind, types):
    assert {FieldType(name).kind for name in types.split()} == {kind}


def test_there_are_no_other_types():
    assert sorted(FieldType) == sorted(" ".join(KINDS.values()).split())


def test_a_type_is_its_name():
    assert json.dumps(FieldType.TIME) == '"time.Time"'


def test_a_frame_has_the_rows_of_its_first_column():
    assert DataFrame().rows == 0
    assert DataFrame(fields=(Field("a", FieldType.BOOL, [True, False]),)).rows == 2


def test_fields_and_frames_do_not_change_but_have_changed_copies():
    field = Field("a", FieldType.BOOL, [True])
    with pytest.raises(AttributeError):
        field.name = "b"
    assert replace(field, name="b") == Field("b", FieldType.BOOL, [True])
    assert replace(DataFrame("f", (field,)), fields=()) == DataFrame("f")


def test_a_field_is_not_nullable_unless_told():
    assert not Field("a", FieldType.BOOL).nullable
