"""Lines of Telegraf to frame JSON, beside the C extension line_protocol_parser with orjson, in one run.

Both sides hold what a long-lived server holds: ours one Converter, the peer a cache of label texts, which is the best
use of it that we know. Fields come in random order, as Telegraf sends them. Claims: at least 1.3 times as fast as the
peer at bodies of 1,000 and of 100,000 lines and 0.8 times at 20, an odd line in 1,000 costs at most 1.3 times, and the
peak of memory is at most 12 times the body. Exits 1 where one does not hold. The cold figure is a new Converter's.

Both sides take turns, and how they compare is the median over the rounds: what slows the machine down for a while slows
both. Times are those of the best round.
"""

import statistics
import sys
import time
import tracemalloc
from pathlib import Path

import orjson
from line_protocol_parser import parse_line

from liveproto.frames import frame_json
from liveproto.frames.converter import Converter

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import telegraf

NOW_NS = telegraf.START_NS
ROUNDS = 15
ROUND_LINES = 4_000
CLAIMS = {20: 0.8, 1_000: 1.3, 100_000: 1.3}
GOALS = {20: 1.0, 1_000: 1.5, 100_000: 1.5}
MAX_ODD = 1.3
MAX_MEMORY = 12

ODD_LINES = {
    "comment": "# a comment",
    "blank line": "",
    "CRLF": "cpu,host=a usage_user=1,usage_system=2 1750000000000000000\r",
    "escaped quote": 'system,host=a uptime_format="up \\"long\\"" 1750000000000000000',
    "newline in a string": 'system,host=a uptime_format="up\nlong" 1750000000000000000',
    "number without its zero": "cpu,host=a usage_user=.5,usage_system=2 1750000000000000000",
    "no time": "cpu,host=a usage_user=1,usage_system=2",
    "UTF-8 tag": "cpu,host=a,room=K\u00fcche usage_user=1,usage_system=2 1750000000000000000",
    "tag beyond Latin-1": "cpu,host=a,room=\u0441\u0435\u0440\u0432\u0435\u0440 usage_user=1 1750000000000000000",
    "tag with a backslash": "disk,path=C:\\Users used_percent=1 1750000000000000000",
    "other type": 'cpu,host=a usage_user="none",usage_system=2 1750000000000000000',
    "unsigned": "cpu,host=a usage_user=1u,usage_system=2 1750000000000000000",
    "more spaces": "cpu,host=a  usage_user=1,usage_system=2  1750000000000000000",
}


def ours(data, converter):
    """Frame JSON of a body."""
    return [frame_json.encode(frame) for frame in converter.convert(data, now_ns=NOW_NS)]


def theirs(data, labels_of):
    """The same by the C extension and orjson."""
    tables = {}
    for line in data.decode().split("\n"):
        if not line:
            continue
        metric = parse_line(line)
        end = line.find(" ")
        while line[end - 1] == "\\":
            end = line.find(" ", end + 1)
        head = line[:end]
        labels = labels_of.get(head)
        if labels is None:
            labels = labels_of[head] = ", ".join([f"{key}={value}" for key, value in sorted(metric["tags"].items())])
        table = tables.get(metric["measurement"])
        if table is None:
            table = tables[metric["measurement"]] = ([], [], {})
        cells, times_ns, columns = table
        row = len(cells)
        cells.append(labels)
        times_ns.append(metric["time"])
        fields = metric["fields"]
        if fields.keys() - columns.keys():
            columns.update({key: [] for key in sorted(fields) if key not in columns})
        for key, value in fields.items():
            column = columns[key]
            if len(column) != row:
                column.extend([None] * (row - len(column)))
            column.append(value)
    return [orjson.dumps(message(name, *table)) for name, table in tables.items()]


KINDS = {int: ("number", "float64"), float: ("number", "float64"), bool: ("boolean", "bool"), str: ("string", "string")}


def message(name, labels, times_ns, columns):
    """What the peer hands to orjson."""
    fields = [
        {"name": "labels", "type": "string", "typeInfo": {"frame": "string"}},
        {"name": "time", "type": "time", "typeInfo": {"frame": "time.Time"}},
    ]
    for key, column in columns.items():
        column.extend([None] * (len(labels) - len(column)))
        kind, frame = KINDS[type(next(value for value in column if value is not None))]
        fields.append({"name": key, "type": kind, "typeInfo": {"frame": frame, "nullable": True}})
    data = {"values": [labels, [time_ns // 1_000_000 for time_ns in times_ns], *columns.values()]}
    rest = [time_ns % 1_000_000 for time_ns in times_ns]
    if any(rest):
        data["nanos"] = [None, rest, *[None] * len(columns)]
    return {"schema": {"name": name, "fields": fields}, "data": data}


def bodies(lines):
    """Bodies of a size, cut from one long stream, so that small ones begin anywhere."""
    count = max(1, min(50, ROUND_LINES // lines))
    every = telegraf.lines(lines * count)
    return ["".join([line + "\n" for line in every[at : at + lines]]).encode() for at in range(0, len(every), lines)]


def seconds(function, data, state, lines):
    """Seconds of processor time for each line, of one pass over at least ``ROUND_LINES`` lines."""
    times = max(1, ROUND_LINES // (lines * len(data)))
    started = time.process_time()
    for _ in range(times):
        for body in data:
            function(body, state)
    return (time.process_time() - started) / (times * lines * len(data))


def race(one, other, lines):
    """The best times of two contenders that take turns, and how much longer the other one takes."""
    rounds = [(seconds(*one, lines), seconds(*other, lines)) for _ in range(ROUNDS)]
    return *map(min, zip(*rounds, strict=True)), statistics.median(theirs / ours for ours, theirs in rounds)


def compare(lines):
    """Print and return how much faster we are at a size of body."""
    data = bodies(lines)
    converter, labels_of = Converter(), {}
    for body in data:
        assert list(map(orjson.loads, ours(body, converter))) == list(map(orjson.loads, theirs(body, labels_of)))
    our_s, their_s, ratio = race((ours, data, converter), (theirs, data, labels_of), lines)
    cold = seconds(lambda body, _: ours(body, Converter()), data, None, lines)
    mb = sum(map(len, data)) / len(data) / lines / our_s / 1e6
    print(
        f"{lines:>7,} lines: ours {our_s * 1e6:.2f} us a line ({mb:.0f} MB/s), cold {cold * 1e6:.2f};"
        f" peer {their_s * 1e6:.2f}; {ratio:.2f}x (claim {CLAIMS[lines]}, goal {GOALS[lines]})"
    )
    return ratio


def odd(name, line):
    """Print and return what one odd line among 1,000 costs."""
    plain = telegraf.lines(1_000)
    strange = [*plain[:500], line, *plain[500:]]
    data = ["".join([line + "\n" for line in lines]).encode() for lines in (plain, strange)]
    converter = Converter()
    *_, ratio = race((ours, data[:1], converter), (ours, data[1:], converter), 1_000)
    print(f"  {name}: {ratio:.2f}x")
    return ratio


def memory(name, data, frame_format="labels_column"):
    """Print and return the peak of memory while a body is converted, as a multiple of the body."""
    tracemalloc.start()
    frames = Converter(frame_format).convert(data, now_ns=NOW_NS)
    peak = tracemalloc.get_traced_memory()[1] / len(data)
    tracemalloc.stop()
    print(f"  {name}, {len(data):,} bytes, {len(frames)} frames: {peak:.1f} times the body")
    return peak


def main():
    """Print the figures and say which claim does not hold."""
    broken = [f"{lines} lines: below {claim}" for lines, claim in CLAIMS.items() if compare(lines) < claim]
    print("one odd line among 1,000 costs")
    broken += [f"{name}: above {MAX_ODD}" for name, line in ODD_LINES.items() if odd(name, line) > MAX_ODD]
    print("peak of memory")
    for frame_format in ("labels_column", "wide"):
        for lines in (1_000, 20_000):
            if memory(f"{frame_format}, {lines:,} lines", telegraf.body(lines), frame_format) > MAX_MEMORY:
                broken.append(f"memory of {lines} lines, {frame_format}: above {MAX_MEMORY}")
    print("\n".join(broken) or "every claim holds")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
