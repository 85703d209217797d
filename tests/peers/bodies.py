"""Bodies as Telegraf posts them, each spoilt a little: comparable input for parsers and converters of line protocol.

Theory. A body is made of lines in Telegraf's shapes (fields in random order, as its default is), then changed in its
parts: odd but legal values, other kinds for a field, escapes, comments, missing times. A share of the bodies is changed
byte by byte too, which is what breaks grammars. One seed gives one sequence of bodies, on every machine.
"""

import random

import attrs

FIRST_TIME_NS = 1_718_000_000_000_000_000
STEP_NS = 10_000_000_000

ODD_VALUES = (
    b"0", b"-0", b"1", b"-1.5", b"1.", b".5", b"-.5", b"1e3", b"1E+05", b"1e-7", b"5e-324", b"1e-400", b"007", b"00.50",
    b"1e21", b"1e20", b"123456.7", b"1234567", b"0.0001", b"0.00001", b"1.7976931348623157e308", b"9007199254740993i",
    b"9223372036854775807i", b"-9223372036854775808i", b"0i", b"-0i", b"7u", b"18446744073709551615u", b"t", b"F",
    b"true", b"FALSE", b'""', b'"NaN"', b'"nan"', b'"a b,c=d"', b'"say \\"hi\\""', b'"back\\\\slash"', b'"tab\there"',
    b'"two\nlines"', b'"two\r\nlines"', b'"<b>&"', b'"\xc3\xa9\xe2\x82\xac"', b'"\xff\xfe"', b'"nul\x00"', b'"1"',
    b'"#"',
)  # fmt: skip
"""Legal in version 1."""

BAD_VALUES = (
    b"", b"NaN", b"Inf", b"+1", b"1i2", b"01i", b"-01i", b"00u", b"-1u", b"1e", b"1e400", b"1.2.3", b"0x1p-2", b"1_000",
    b"tr", b"TrUe", b"9223372036854775808i", b"18446744073709551616u", b'"open', b'"a\\nb"', b'"a"b', b"'a'", b"1 2",
    b"-", b".", b"1,", b"\\1",
)  # fmt: skip

SPECIAL = (
    *(bytes([code]) for code in b' ,="\\#\n\r\t\v\f\x00\x01\x7f\xff-.e0iut'),
    b"\r\n", b"\\\\", b"\\ ", b"\\,", b"\\=", b'\\"', b"\n\n", b" #", b"\n#c\n", b"\xc3\xa9",
)  # fmt: skip

NAMES = (b"cpu load", b"m,n", b"a=b", b'q"q', b"#x", b"tab\\", b"\xc3\xa9", b"\xff", b"labels", b"time", b"x" * 40)


@attrs.define
class Line:
    """One line in its parts, names and values as they will be written."""

    name: bytes
    tags: list[tuple[bytes, bytes]]
    fields: list[tuple[bytes, bytes]]
    time: bytes

    def text(self):
        head = b",".join([self.name, *(key + b"=" + value for key, value in self.tags)])
        fields = b",".join(key + b"=" + value for key, value in self.fields)
        return b" ".join([head, fields, self.time] if self.time else [head, fields])


def bodies(seed):
    """Yield bodies for ever."""
    rng = random.Random(seed)
    while True:
        lines = telegraf_lines(rng, rng.choice((1, 2, 3, 5, 8, 13, 25)))
        for change in rng.choices(PARTS, k=rng.choice((0, 1, 2, 4))):
            change(rng, lines)
        body = joined(rng, lines)
        for _ in range(rng.choice((0, 0, 0, 1, 2))):
            body = rng.choice(BYTES)(rng, body)
        yield body


def telegraf_lines(rng, count):
    """Lines of a few hosts' plug-ins; the same measurement comes with the same fields, but for ``system``."""
    time = FIRST_TIME_NS + rng.randrange(1000) * STEP_NS
    shapes = rng.choices(SHAPES, k=rng.choice((1, 1, 2, 3)))
    return [rng.choice(shapes)(rng, b"%d" % (time + rng.choice((0, 0, STEP_NS)))) for _ in range(count)]


def gauge(rng):
    return repr(rng.random() * 10 ** rng.randrange(-2, 9)).encode()


def counter(rng):
    return b"%di" % rng.randrange(10 ** rng.randrange(1, 18))


def shuffled(rng, fields):
    return rng.sample(fields, len(fields))


def host(rng):
    return (b"host", b"web-%02d" % rng.randrange(4))


def cpu(rng, time):
    keys = (b"usage_user", b"usage_system", b"usage_idle", b"usage_iowait")
    fields = [(key, gauge(rng)) for key in keys]
    return Line(b"cpu", [(b"cpu", b"cpu%d" % rng.randrange(3)), host(rng)], shuffled(rng, fields), time)


def disk(rng, time):
    fields = [(b"used_percent", gauge(rng)), (b"free", counter(rng)), (b"total", counter(rng))]
    tags = [(b"fstype", b"ext4"), host(rng), (b"path", rng.choice((b"/", b"/mnt/my\\ disk", b"/var/lib")))]
    return Line(b"disk", tags, shuffled(rng, fields), time)


def system(rng, time):
    shape = rng.randrange(3)
    if shape == 0:
        fields = [(b"load1", gauge(rng)), (b"load5", gauge(rng)), (b"n_cpus", counter(rng))]
    elif shape == 1:
        fields = [(b"uptime", counter(rng))]
    else:
        fields = [(b"uptime_format", b'"%d days, %2d:%02d"' % (rng.randrange(9), rng.randrange(24), rng.randrange(60)))]
    return Line(b"system", [host(rng)], shuffled(rng, fields), time)


def container(rng, time):
    fields = [
        (b"usage", counter(rng)),
        (b"usage_percent", gauge(rng)),
        (b"container_id", b'"%064x"' % rng.getrandbits(256)),
    ]
    return Line(b"docker", [(b"container_name", b"api-%d" % rng.randrange(3)), host(rng)], shuffled(rng, fields), time)


def sensor(rng, time):
    fields = [(b"value", rng.choice((gauge(rng), counter(rng)))), (b"ok", rng.choice((b"true", b"false")))]
    return Line(b"sensor", [], shuffled(rng, fields), time)


SHAPES = (cpu, disk, system, container, sensor)


def odd_value(rng, lines):
    fields = rng.choice(lines).fields
    at = rng.randrange(len(fields))
    fields[at] = (fields[at][0], rng.choice(ODD_VALUES))


def bad_value(rng, lines):
    fields = rng.choice(lines).fields
    at = rng.randrange(len(fields))
    fields[at] = (fields[at][0], rng.choice(BAD_VALUES))


def odd_column(rng, lines):
    """Give every line that has the field a value of its own choice: a column of mixed kinds."""
    key = rng.choice(rng.choice(lines).fields)[0]
    values = rng.sample(ODD_VALUES, 3)
    for line in lines:
        line.fields = [(name, rng.choice(values) if name == key else value) for name, value in line.fields]


def other_times(rng, lines):
    times = (b"", b"", b"0", b"-1", b"5", b"1000001", b"-9223372036854775808", b"9223372036854775807", b"0001")
    rng.choice(lines).time = rng.choice(times)


def bad_time(rng, lines):
    times = (b"1.5", b"1e3", b"+5", b"-", b"9223372036854775808", b"00000000000000000001", b"5 6", b"5i", b"a")
    rng.choice(lines).time = rng.choice(times)


def repeated_field(rng, lines):
    fields = rng.choice(lines).fields
    fields.insert(rng.randrange(len(fields) + 1), (rng.choice(fields)[0], rng.choice(ODD_VALUES)))


def fewer_fields(rng, lines):
    fields = rng.choice(lines).fields
    if len(fields) > 1:
        fields.pop(rng.randrange(len(fields)))


def more_fields(rng, lines):
    fields = rng.choice(lines).fields
    key = rng.choice(NAMES).replace(b" ", b"\\ ").replace(b",", b"\\,").replace(b"=", b"\\=")
    fields.insert(rng.randrange(len(fields) + 1), (key, rng.choice(ODD_VALUES)))


def more_tags(rng, lines):
    tags = rng.choice(lines).tags
    key, value = (rng.choice(NAMES).replace(b" ", b"\\ ").replace(b",", b"\\,").replace(b"=", b"\\=") for _ in range(2))
    tags.insert(rng.randrange(len(tags) + 1), (key, value))


def repeated_tag(rng, lines):
    tags = rng.choice(lines).tags
    if tags:
        tags.append((rng.choice(tags)[0], b"again"))


def empty_part(rng, lines):
    line = rng.choice(lines)
    choice = rng.randrange(4)
    if choice == 0:
        line.name = b""
    elif choice == 1:
        line.tags.append((b"", b"v"))
    elif choice == 2:
        line.tags.append((b"k", b""))
    else:
        line.fields.append((b"", b"1"))


def other_name(rng, lines):
    line = rng.choice(lines)
    line.name = rng.choice(NAMES).replace(b" ", b"\\ ").replace(b",", b"\\,")


PARTS = (
    odd_value, odd_value, odd_value, odd_column, odd_column, other_times, other_times, repeated_field, fewer_fields,
    fewer_fields, more_fields, more_tags, repeated_tag, other_name, bad_value, bad_time, empty_part,
)  # fmt: skip


def joined(rng, lines):
    """Join lines as Telegraf does, or with comments, blank lines, CRLF, spaces at the ends or no newline at the end."""
    texts = [line.text() for line in lines]
    style = rng.randrange(8)
    if style == 0:
        texts.insert(rng.randrange(len(texts) + 1), rng.choice((b"", b"# note", b"  ", b"\t#\x00", b"#")))
    elif style == 1:
        at = rng.randrange(len(texts))
        texts[at] = rng.choice((b" ", b"\t", b"  ")) + texts[at] + rng.choice((b"", b" ", b"  "))
    end = b"\r\n" if style == 2 else b"\n"
    return end.join(texts) + (b"" if style == 3 else end)


def insert_bytes(rng, body):
    at = rng.randrange(len(body) + 1)
    return body[:at] + rng.choice(SPECIAL) + body[at:]


def replace_byte(rng, body):
    at = rng.randrange(len(body))
    return body[:at] + rng.choice(SPECIAL) + body[at + 1 :]


def cut_bytes(rng, body):
    at = rng.randrange(len(body))
    return body[:at] + body[at + rng.choice((1, 1, 2, 5)) :]


def cut_end(rng, body):
    return body[: rng.randrange(1, len(body) + 1)]


def repeat_bytes(rng, body):
    at = rng.randrange(len(body))
    length = rng.choice((1, 2, 8, 40))
    return body[: at + length] + body[at:]


def backslash_at_end(rng, body):
    return body.rstrip(b"\n") + rng.choice((b"\\", b"\n\\", b"\nm\\"))


BYTES = (
    insert_bytes, insert_bytes, insert_bytes, insert_bytes, replace_byte, replace_byte, cut_bytes, cut_end,
    repeat_bytes, backslash_at_end,
)  # fmt: skip
