"""Columns and rows of a window."""

import pytest

from liveproto.frames.frame import Field, FieldType
from liveproto.frames.stream_window import Window, axis_of, take, times_of


def time_of(*values, name="time"):
    return Field(name, FieldType.TIME, list(values))


def number(*values, name="v", **options):
    return Field(name, FieldType.FLOAT64, list(values), **options)


def window_of(*fields):
    window = Window()
    window.shape(fields)
    window.append(fields)
    return window


def columns(window):
    return [list(field.values) for field in window.fields()]


def test_a_new_window_has_nothing():
    window = Window()
    assert (window.rows, window.times, window.fields()) == (0, (), ())
    window.clear()
    window.trim(1, 1)
    assert window.rows == 0


def test_the_first_time_column_is_the_axis():
    assert times_of([number(1), time_of(5), time_of(6)]) == [5]
    assert times_of([number(1)]) == ()
    assert axis_of([number(1)]) is None


def test_rows_can_be_taken_out_of_columns():
    assert take([number(1, 2, 3)], [2, 0]) == (number(3, 1),)


def test_rows_come_behind_the_others_as_they_are():
    window = window_of(time_of(2, 1), number(20, 10))
    window.append((time_of(2), number(30)))
    assert columns(window) == [[2, 1, 2], [20, 10, 30]]
    assert window.times == [2, 1, 2]


def test_a_copy_does_not_change():
    window = window_of(time_of(1), number(10))
    copy = window.fields()
    window.append((time_of(2), number(20)))
    assert copy[0].values == [1]


def test_given_columns_are_not_changed():
    given = (time_of(1), number(10))
    window_of(*given).append(given)
    assert given == (time_of(1), number(10))


def test_a_column_that_rows_lack_is_null_and_nullable():
    window = window_of(time_of(1), number(10), number(11, name="w"))
    window.append((time_of(2), number(20, name="w"), number(99, name="unknown")))
    window.append((time_of(3), number(30, name="w")))
    assert columns(window) == [[1, 2, 3], [10, None, None], [11, 20, 30]]
    assert [field.nullable for field in window.fields()] == [False, True, False]


def test_no_rows_make_nothing_nullable():
    window = window_of(time_of(1), number(10))
    window.append((time_of(),))
    assert not any(field.nullable for field in window.fields())


def test_the_axis_is_known_by_any_name():
    window = window_of(time_of(1), time_of(5, name="other"))
    window.append((time_of(2, name="Time"), time_of(6, name="other")))
    assert columns(window) == [[1, 2], [5, 6]]


def test_columns_are_told_apart_by_type_labels_and_number():
    alike = [number(1), number(2), number(3, labels={"b": "1", "a": "2"}), number(4, labels={"a": "2"})]
    window = window_of(time_of(1), *alike)
    window.append((time_of(2), number(7, labels={"a": "2", "b": "1"}), number(8), number(9), number(6, labels={})))
    assert columns(window) == [[1, 2], [1, 8], [2, 9], [3, 7], [4, None]]


def test_a_new_shape_keeps_the_cells_it_knows():
    window = window_of(time_of(1, 2), number(10, 20), number(1, 2, name="gone"))
    window.shape((number(name="new"), time_of(name="Time"), number(config={"unit": "s"})))
    new, axis, old = window.fields()
    assert (new.values, axis.values, old.values) == ([None, None], [1, 2], [10, 20])
    assert (new.nullable, axis.nullable, old.nullable) == (True, False, False)
    assert (axis.name, old.config) == ("Time", {"unit": "s"})


def test_the_first_time_column_leaves_no_row_without_a_time():
    window = window_of(number(1, 2))
    window.shape((number(), time_of()))
    assert columns(window) == [[], []]
    assert not any(field.nullable for field in window.fields())


def test_a_column_stays_nullable_in_a_new_shape():
    window = window_of(time_of(1))
    window.shape((time_of(), number()))
    window.shape((time_of(), number()))
    assert [field.nullable for field in window.fields()] == [False, True]


def test_a_column_without_rows_is_as_nullable_as_told():
    window = Window()
    window.shape((number(nullable=True), number(name="w")))
    assert [field.nullable for field in window.fields()] == [True, False]


def test_a_window_grows_wider_by_what_it_does_not_have():
    window = window_of(time_of(1), number(10))
    window.widen((time_of(), number(), number(name="w")))
    assert columns(window) == [[1], [10], [None]]
    window.widen((number(name="w"),))
    assert len(columns(window)) == 3


def test_rows_of_unseen_time_are_added_in_order():
    window = window_of(time_of(2, 4), number(20, 40))
    window.add_unseen((time_of(1, 2, 3, 3, 4, 5), number(1, 2, 3, 4, 5, 6)), until_ns=4)
    assert columns(window) == [[1, 2, 3, 4, 5], [1, 20, 3, 40, 6]]


def test_behind_a_time_every_row_is_added():
    window = window_of(time_of(1, 5), number(10, 50))
    window.add_unseen((time_of(1, 5), number(11, 55)), until_ns=4)
    assert columns(window) == [[1, 5, 5], [10, 50, 55]]


def test_and_stays_where_it_came():
    window = window_of(time_of(3, 9, 6), number(30, 90, 60))
    window.add_unseen((time_of(8, 1), number(80, 10)), until_ns=4)
    assert columns(window) == [[1, 3, 9, 6, 8], [10, 30, 90, 60, 80]]


@pytest.mark.parametrize(("overwrite", "second"), [(True, [1, 30, 3]), (False, [1, 2, 3])])
def test_cells_meet_in_the_row_of_their_time(overwrite, second):
    window = window_of(time_of(1, 3, 4), number(1, 2, None), number(None, 5, 6, name="w"))
    window.merge((time_of(4, 3, 2), number(3, 30, 8), number(None, 9, 9, name="unknown")), overwrite=overwrite)
    assert columns(window) == [[1, 2, 3, 4], [second[0], 8, *second[1:]], [None, None, 5, 6]]


def test_the_last_cell_that_is_not_null_of_merged_rows_of_one_time_counts():
    window = window_of(time_of(1), number(None), number(None, name="w"))
    window.merge((time_of(1, 1, 2, 2), number(5, 6, 7, 8), number(3, None, 4, None, name="w")), overwrite=False)
    assert columns(window) == [[1, 2], [6, 8], [3, 4]]


@pytest.mark.parametrize(
    ("max_length", "max_age_ns", "kept"),
    [
        (5, None, [1, 2, 4, 8]),
        (4, None, [1, 2, 4, 8]),
        (2, None, [4, 8]),
        (5, 7, [1, 2, 4, 8]),
        (5, 6, [2, 4, 8]),
        (5, 0, [8]),
        (1, 7, [8]),
        (0, 7, []),
    ],
)
def test_rows_are_cut_off_the_front(max_length, max_age_ns, kept):
    window = window_of(time_of(1, 2, 4, 8), number(1, 2, 4, 8))
    window.trim(max_length, max_age_ns)
    assert columns(window) == [kept, kept]


def test_without_an_axis_rows_have_no_age():
    window = window_of(number(1, 2))
    window.trim(5, 0)
    assert columns(window) == [[1, 2]]


def test_all_rows_can_be_taken_out():
    window = window_of(time_of(1), number(10))
    window.clear()
    assert columns(window) == [[], []]
