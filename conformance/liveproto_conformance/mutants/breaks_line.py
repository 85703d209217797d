"""Mutants of LINE: servers that read line protocol otherwise."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Final, get_args

import attrs

from liveproto.errors import LineErrorKind, LineProtocolError
from liveproto.frames.converter import FrameFormat, convert_metrics
from liveproto.frames.grafana_grammar import GRAFANA
from liveproto.frames.line_grammar import Fault, Grammar, Kind, read_bool, read_float, read_point, skip_to_point
from liveproto.frames.line_protocol import Metric
from liveproto.frames.strict_grammar import STRICT
from liveproto_conformance.mutants.registry import mutant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from liveproto.frames.frame import DataFrame
    from liveproto.frames.line_grammar import Point, Value
    from liveproto_conformance.reference.server import Parts

_INT64: Final = 2**63


@attrs.frozen
class _Reader:
    """A converter with a grammar of its own."""

    frame_format: FrameFormat
    grammar: Grammar
    change: Callable[[Metric], Metric]
    unit_ns: int

    def convert(self, data: bytes, *, now_ns: int) -> list[DataFrame]:
        """Convert one body."""
        try:
            points = list(self._points(data))
        except Fault as fault:
            raise LineProtocolError(fault.expected, LineErrorKind.VALUE, 1, 1, b"") from None
        metrics = [
            self.change(Metric(point.measurement, point.tags, point.fields, now_ns if at is None else at))
            for point in points
            for at in [point.time_ns]
        ]
        return convert_metrics(metrics, self.frame_format)

    def _points(self, data: bytes) -> Iterator[Point]:
        at = skip_to_point(self.grammar, data, 0)
        while at < len(data):
            point, at = read_point(self.grammar, data, at, self.unit_ns)
            yield point
            at = skip_to_point(self.grammar, data, at)


def _reads(
    parts: Parts,
    *,
    change: Callable[[Metric], Metric] = lambda metric: metric,
    unit_ns: int = 1,
    **tokens: Any,  # noqa: ANN401 - those of a grammar
) -> Parts:
    """Read lines with other tokens, or change what was read."""
    grammar = attrs.evolve(GRAFANA, **tokens)
    converters = {name: _Reader(name, grammar, change, unit_ns) for name in get_args(FrameFormat)}

    def ingest(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - those of the rules
        return parts.ingest(*arguments, **{**options, "converters": converters})

    return attrs.evolve(parts, ingest=ingest)


def _rewrites(parts: Parts, pattern: bytes, replacement: bytes) -> Parts:
    """Change the text of every body before it is read."""

    def ingest(query: Any, body: bytes, **options: Any) -> Any:  # noqa: ANN401 - those of the rules
        return parts.ingest(query, re.sub(pattern, replacement, body), **options)

    return attrs.evolve(parts, ingest=ingest)


def _scalar(old: bytes, new: bytes) -> re.Pattern[bytes]:
    """Change the pattern of values in one place."""
    assert GRAFANA.scalar.pattern.count(old) == 1, old
    return re.compile(GRAFANA.scalar.pattern.replace(old, new))


def _as_written(token: bytes) -> bytes:
    return token


def _unescaped(token: bytes) -> bytes:
    return re.sub(rb"\\(.)", rb"\1", token)


def _with(name: str, kind: Kind, read: Callable[[bytes], Value | None]) -> dict[str, object]:
    """Change the reader of a kind of value."""
    return {**GRAFANA.scalars, name: (kind, read)}


# -- white space, comments, line ends ----------------------------------------------------------------------------------

_SHAPES: Final = "line.white_space_comments_and_line_ends_are_no_points"


@mutant("GL-LINE-001", must_fail=_SHAPES, why="a line ends with LF, and a CR before it is data")
def lines_end_with_lf_alone(parts: Parts) -> Parts:
    return _reads(parts, line_end=re.compile(rb"[\t\v\f ]*+(?:\n|\Z)"))


@mutant("GL-LINE-002", must_fail=_SHAPES, why="comments are an invention of files, and a push is none")
def comments_are_refused(parts: Parts) -> Parts:
    return _reads(parts, comment=re.compile(rb"(?!)"))


@mutant("GL-LINE-003", must_fail=_SHAPES, why="white space at the end of a line begins a timestamp")
def white_space_at_the_end_of_a_line_is_refused(parts: Parts) -> Parts:
    return _reads(parts, line_end=re.compile(rb"\r?\n|\r?\Z"))


@mutant("GL-LINE-027", must_fail=_SHAPES, why="the documents know one white space, which is the space")
def white_space_is_the_space_alone(parts: Parts) -> Parts:
    return _reads(parts, space=STRICT.space, line_end=STRICT.line_end)


@mutant("GL-LINE-037", must_fail=_SHAPES, why="comments are text, and text has no control characters")
def comments_hold_no_control_characters(parts: Parts) -> Parts:
    return _reads(parts, comment=STRICT.comment)


# -- names -------------------------------------------------------------------------------------------------------------

_NAMES: Final = "line.keys_and_tag_values_are_read_as_they_are_escaped"
_TAGS: Final = "line.tags_are_read_in_the_order_of_their_keys"
_MEASUREMENTS: Final = "line.measurements_are_read_as_they_are_escaped"


@mutant("GL-LINE-009", must_fail=_NAMES, why="a quote opens a string, wherever it stands")
def a_quote_in_a_name_is_refused(parts: Parts) -> Parts:
    return _reads(parts, tag=re.compile(GRAFANA.tag.pattern.replace(rb",=", rb',="')))


@mutant("GL-LINE-010", must_fail=_NAMES, why="names are cut with regard to escapes, and then kept as they are")
def keys_keep_their_escapes(parts: Parts) -> Parts:
    return _reads(parts, unescape_key=_as_written)


@mutant("GL-LINE-010", must_fail=_MEASUREMENTS, why="a measurement names a channel, in which a backslash does no harm")
def measurements_keep_their_escapes(parts: Parts) -> Parts:
    return _reads(parts, unescape_measurement=_as_written)


@mutant("GL-LINE-011", must_fail=_NAMES, why="a backslash is taken away, whatever it stands before")
def every_backslash_escapes(parts: Parts) -> Parts:
    return _reads(parts, unescape_key=_unescaped)


@mutant("GL-LINE-028", must_fail=_NAMES, why="names are text, and text has no control characters")
def names_hold_no_control_characters(parts: Parts) -> Parts:
    return _reads(parts, tag=STRICT.tag)


@mutant("GL-LINE-029", must_fail=_NAMES, why="the keys of fields are cut as those of tags are")
def field_keys_are_cut_as_tag_keys(parts: Parts) -> Parts:
    return _reads(parts, field_key=GRAFANA.tag)


@mutant("GL-LINE-030", must_fail=_NAMES, why="the keys of tags are cut as those of fields are")
def tag_keys_are_cut_as_field_keys(parts: Parts) -> Parts:
    return _reads(parts, tag=GRAFANA.field_key)


@mutant("GL-LINE-031", must_fail=_NAMES, why="the documents have no escape for a quote in a name")
def a_quote_is_never_escaped_in_a_name(parts: Parts) -> Parts:
    return _reads(parts, unescape_key=STRICT.unescape_key)


@mutant("GL-LINE-026", must_fail=_TAGS, why="tags stay in an order that a map happens to have")
def tags_are_read_backwards(parts: Parts) -> Parts:
    return _reads(parts, change=lambda metric: attrs.evolve(metric, tags=metric.tags[::-1]))


@mutant("GL-LINE-038", must_fail=_TAGS, why="a tag that is there already is not looked at again")
def of_repeated_tags_the_first_counts(parts: Parts) -> Parts:
    def first(metric: Metric) -> Metric:
        fields = {field[0]: field for field in metric.fields}
        return attrs.evolve(metric, tags=tuple(dict(metric.tags[::-1]).items())[::-1], fields=tuple(fields.values()))

    return _reads(parts, keeps_duplicates=True, change=first)


# -- values ------------------------------------------------------------------------------------------------------------

_STRINGS: Final = "line.strings_hold_what_stands_between_quotes"
_VALUES: Final = "line.values_are_read_as_they_are_written"


@mutant("GL-LINE-012", must_fail=_STRINGS, why="a body is cut into lines before anything is read")
def a_string_ends_with_its_line(parts: Parts) -> Parts:
    return _reads(parts, string=re.compile(rb'"[^\n\f\r"\\]*+(?:\\["\\][^\n\f\r"\\]*+)*+'))


@mutant("GL-LINE-013", must_fail=_STRINGS, why="a string is what stands between its quotes, byte for byte")
def strings_keep_their_escapes(parts: Parts) -> Parts:
    return _reads(parts, unescape_string=_as_written)


@mutant("GL-LINE-016", must_fail=_VALUES, why="true and false are the words of JSON")
def booleans_are_true_and_false(parts: Parts) -> Parts:
    return _reads(parts, scalar=_scalar(rb"true|True|TRUE|false|False|FALSE|[tTfF]", rb"true|false"))


@mutant("GL-LINE-019", must_fail=_VALUES, why="a number is one of JSON, whose grammar has digits on both sides")
def floats_are_those_of_json(parts: Parts) -> Parts:
    json_float = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE]"
    return _reads(parts, scalar=_scalar(rb"-?(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE]", json_float))


def _without_underflow(text: bytes) -> float | None:
    value = read_float(text)
    return None if value == 0 and re.search(rb"^[^eE]*[1-9]", text) else value


@mutant("GL-LINE-020", must_fail=_VALUES, why="strtod sets ERANGE for a number that is too small, too")
def a_float_that_is_too_small_is_refused(parts: Parts) -> Parts:
    return _reads(parts, scalars=_with("float", Kind.FLOAT, _without_underflow))


@mutant("GL-LINE-039", must_fail=_VALUES, why="a field that is there already is not looked at again")
def of_repeated_fields_the_first_counts(parts: Parts) -> Parts:
    def first(metric: Metric) -> Metric:
        fields = {field[0]: field for field in metric.fields[::-1]}
        return attrs.evolve(metric, tags=tuple(dict(metric.tags).items()), fields=tuple(fields.values())[::-1])

    return _reads(parts, keeps_duplicates=True, change=first)


# -- timestamps --------------------------------------------------------------------------------------------------------

_TIMES: Final = "line.timestamps_are_nanoseconds"


@mutant("GL-LINE-022", must_fail=_TIMES, why="nothing was measured before 1970")
def a_timestamp_has_no_sign(parts: Parts) -> Parts:
    return _reads(parts, timestamp=re.compile(rb"[0-9]{1,19}"))


@mutant("GL-LINE-023", must_fail=_TIMES, why="what the clock of most systems tells are microseconds")
def timestamps_are_microseconds(parts: Parts) -> Parts:
    return _reads(parts, unit_ns=1000)


@mutant("GL-LINE-024", must_fail=_TIMES, why="the time is zero where there is none")
def a_timestamp_of_zero_is_none(parts: Parts) -> Parts:
    return _reads(parts, change=lambda metric: attrs.evolve(metric, time_ns=metric.time_ns or time.time_ns()))


@mutant(
    "GL-LINE-024",
    must_fail="line.a_point_without_timestamp_has_the_time_of_its_arrival",
    why="a point without a timestamp keeps the zero it was made with",
)
def a_missing_timestamp_is_zero(parts: Parts) -> Parts:
    def ingest(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - those of the rules
        return parts.ingest(*arguments, **{**options, "now_ns": 0})

    return attrs.evolve(parts, ingest=ingest)


# -- what is refused ---------------------------------------------------------------------------------------------------

_MISSHAPEN: Final = "line.a_line_of_another_shape_is_refused"
_BAD_STRINGS: Final = "line.a_string_that_is_not_closed_or_escapes_otherwise_is_refused"
_BAD_VALUES: Final = "line.a_value_that_is_none_or_out_of_range_is_refused"
_BAD_TIMES: Final = "line.a_timestamp_that_is_none_or_out_of_range_is_refused"


@mutant("GL-LINE-004", must_fail=_MISSHAPEN, why="a line without fields has nothing to publish, and nothing is wrong")
def a_line_without_fields_is_skipped(parts: Parts) -> Parts:
    return _rewrites(parts, rb"(?m)^[^ \n]+ ?$", b"")


@mutant("GL-LINE-005", must_fail=_MISSHAPEN, why="a tag without a value is left out, as Telegraf does when it writes")
def tags_without_value_are_left_out(parts: Parts) -> Parts:
    return _rewrites(parts, rb",[^=, ]+=(?=[, ])", b"")


@mutant("GL-LINE-006", must_fail=_MISSHAPEN, why="white space around separators does no harm")
def white_space_may_stand_around_separators(parts: Parts) -> Parts:
    return _rewrites(parts, rb"(?<!\\) *([,=]) *", rb"\1")


@mutant("GL-LINE-007", must_fail=_MISSHAPEN, why="universal newlines: a CR ends a line too")
def a_cr_ends_a_line(parts: Parts) -> Parts:
    return _rewrites(parts, rb"\r\n?", b"\n")


@mutant("GL-LINE-008", must_fail=_MISSHAPEN, why="a pair is cut at its first equals sign, and the rest is the value")
def a_tag_value_may_hold_equals_signs(parts: Parts) -> Parts:
    return _rewrites(parts, rb"(,[^=, ]+=[^=, ]+)=", rb"\1\\=")


@mutant("GL-LINE-025", must_fail=_MISSHAPEN, why="a line is split at white space, and three parts are taken of it")
def what_follows_a_timestamp_is_ignored(parts: Parts) -> Parts:
    return _rewrites(parts, rb"( \d{19}) [^\n]*", rb"\1")


@mutant("GL-LINE-014", must_fail=_BAD_STRINGS, why="a string that is open at the end of a body ends there")
def a_string_ends_with_its_body(parts: Parts) -> Parts:
    return _rewrites(parts, rb'="([^"]*)\Z', rb'="\1"')


@mutant("GL-LINE-015", must_fail=_BAD_STRINGS, why="a value is over at its closing quote, and the next comma is sought")
def text_after_a_closing_quote_is_ignored(parts: Parts) -> Parts:
    return _rewrites(parts, rb'"[a-z0-9]+(?= )', b'"')


@mutant("GL-LINE-032", must_fail=_BAD_STRINGS, why="Telegraf writes newlines of strings as backslash and n")
def strings_have_the_escapes_of_telegraf(parts: Parts) -> Parts:
    return _reads(parts, string=STRICT.string, unescape_string=STRICT.unescape_string)


@mutant("GL-LINE-033", must_fail=_BAD_STRINGS, why="whatever stands between quotes is data")
def strings_hold_any_byte(parts: Parts) -> Parts:
    return _reads(parts, string=re.compile(rb'"[^"\\]*+(?:\\["\\][^"\\]*+)*+'))


@mutant("GL-LINE-016", must_fail=_BAD_VALUES, why="words are compared without regard to case, and yes is true")
def other_words_are_booleans(parts: Parts) -> Parts:
    return _reads(
        parts,
        scalar=_scalar(rb"(?P<bool>", rb"(?P<bool>(?i:true|false|yes|no)|"),
        scalars=_with("bool", Kind.BOOL, lambda text: read_bool(text) or text == b"yes"),
    )


@mutant("GL-LINE-017", must_fail=_BAD_VALUES, why="digits are added up in 64 bits, and nobody looks at what is lost")
def integers_wrap_around(parts: Parts) -> Parts:
    wrapped = _with("int", Kind.INT, lambda text: (int(text[:-1]) + _INT64) % (2 * _INT64) - _INT64)
    return _reads(parts, scalars=wrapped)


@mutant("GL-LINE-018", must_fail=_BAD_VALUES, why="a number out of range becomes the nearest one within")
def unsigned_integers_are_clamped(parts: Parts) -> Parts:
    return _reads(parts, scalars=_with("uint", Kind.UINT, lambda text: min(int(text[:-1]), 2 * _INT64 - 1)))


@mutant("GL-LINE-020", must_fail=_BAD_VALUES, why="a float that is too large is infinite, and that is a float")
def floats_may_be_infinite(parts: Parts) -> Parts:
    return _reads(parts, scalars=_with("float", Kind.FLOAT, float))


@mutant("GL-LINE-021", must_fail=_BAD_VALUES, why="numbers are read by a function that takes a plus")
def a_number_may_have_a_plus(parts: Parts) -> Parts:
    return _reads(parts, scalar=_scalar(rb"(?P<float>-?", rb"(?P<float>[+-]?"))


@mutant("GL-LINE-034", must_fail=_BAD_VALUES, why="a zero before other digits changes no number")
def integers_may_begin_with_zeros(parts: Parts) -> Parts:
    return _reads(parts, scalar=_scalar(rb"-?(?:0|[1-9][0-9]*+)i", rb"-?[0-9]++i"))


@mutant("GL-LINE-035", must_fail=_BAD_VALUES, why="the newer library reads whatever ParseFloat of Go does")
def floats_may_have_underscores(parts: Parts) -> Parts:
    floats = _with("float", Kind.FLOAT, lambda text: read_float(text.replace(b"_", b"")))
    digits = _scalar(rb"(?:[0-9]++(?:\.[0-9]*+)?+", rb"(?:[0-9]++(?:_[0-9]++)*+(?:\.[0-9]*+)?+")
    return _reads(parts, scalar=digits, scalars=floats)


@mutant("GL-LINE-022", must_fail=_BAD_TIMES, why="timestamps are read by a function that takes a plus")
def a_timestamp_may_have_a_plus(parts: Parts) -> Parts:
    return _rewrites(parts, rb" \+(\d+)(?=\n|\Z)", rb" \1")


@mutant("GL-LINE-036", must_fail=_BAD_TIMES, why="a zero before other digits changes no time")
def a_timestamp_may_have_any_number_of_zeros(parts: Parts) -> Parts:
    return _reads(parts, timestamp=STRICT.timestamp)
