"""What line-protocol v1 and Grafana's SDK say, as values of liveproto: ``conformance/peers/line-protocol-go``."""

import base64
import json

import attrs

from liveproto.frames.cells import text_of
from liveproto.frames.line_protocol import Kind, Metric

READERS = {
    Kind.INT: int,
    Kind.UINT: int,
    Kind.FLOAT: float.fromhex,
    Kind.BOOL: bool,
    Kind.STRING: base64.b64decode,
}


@attrs.frozen
class Refused:
    """The Go side's error; ``panic`` where it broke down instead."""

    message: str
    line: int = 0
    column: int = 0
    panic: bool = False


class GoOracle:
    """Asks the Go peer behind a pipe."""

    def __init__(self, pipe):
        self._pipe = pipe

    def parse_all(self, bodies, now_ns, precision_ns=1):
        """For each body its metrics as v1 reads them, or a Refused."""
        answers = self._ask("parse", "body", bodies, now_ns=str(now_ns), precision_ns=precision_ns)
        return [_metrics(answer) for answer in answers]

    def convert_all(self, bodies, now_ns):
        """For each body the frames in labels_column layout, the SDK's JSON with all numbers floats, or a Refused."""
        return [_frames(answer) for answer in self._ask("convert", "body", bodies, now_ns=str(now_ns))]

    def rewrite_all(self, frames):
        """For each frame's JSON the bytes the SDK writes after reading it, or a Refused."""
        return [
            _refused(answer) if "error" in answer else base64.b64decode(answer["frame"])
            for answer in self._ask("frame", "frame", frames, now_ns="0")
        ]

    def _ask(self, op, key, texts, **settings):
        requests = [{"op": op, key: base64.b64encode(text).decode(), **settings} for text in texts]
        return self._pipe.ask_all(requests)


def _refused(answer):
    return Refused(answer["error"], answer.get("line", 0), answer.get("column", 0), answer.get("panic", False))


def _metrics(answer):
    if "error" in answer:
        return _refused(answer)
    return tuple(map(metric_of, answer["points"]))


def metric_of(point):
    """A metric from its exact JSON: base64, integers as text, floats in hexadecimal."""
    decoded = base64.b64decode
    return Metric(
        name=decoded(point["name"]),
        tags=tuple((decoded(key), decoded(value)) for key, value in point["tags"]),
        fields=tuple((decoded(key), Kind(kind), READERS[Kind(kind)](value)) for key, kind, value in point["fields"]),
        time_ns=int(point["time_ns"]),
    )


def _frames(answer):
    if "error" in answer:
        return _refused(answer)
    return [json.loads(text_of(base64.b64decode(text)), parse_int=float) for text in answer["frames"]]
