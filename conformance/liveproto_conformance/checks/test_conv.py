"""CONV: which frames a server makes of lines.

A table has the lines of a body by requirement, those first that show in every other body too; ``line_tables`` tells
what ``cpu`` and ``@`` stand for.
"""

from __future__ import annotations

from typing import Final

from liveproto_conformance.check import check
from liveproto_conformance.line_tables import Lines, takes
from liveproto_conformance.pushing import WIDE, Ingest

FORMATS: Final = ("", WIDE)
CELLS: Final[Lines] = {
    "GL-CONV-003": (b"cpu v=1i,w=1.5 @", b"cpu v=9007199254740993i,w=2 @", b"cpu v=-9223372036854775808i,w=3i @"),
    "GL-CONV-004": (b"cpu u=5u,v=1 @", b"cpu u=18446744073709551615u,v=2 @"),
    "GL-CONV-005": (b"cpu a=t,b=F @", b"cpu b=true,a=false @"),
    "GL-CONV-006": (b'cpu s="",t="text" @', b'cpu s="<&>",t="\xc3\xa9" @'),
    "GL-CONV-007": (b'cpu a="NaN",b=1,s="nan" @', b'cpu a=2,b="NaN",s="NAN" @', b'cpu s=" NaN" @'),
    "GL-CONV-008": (b"cpu b=1,a=2,C=3 @", b"cpu z=1,\xc3\xa9=2,aa=3 @"),
}
ROWS: Final[Lines] = {
    "GL-CONV-011": (b"cpu v=1 @", b"cpu v=2 @"),
    "GL-CONV-013": (b"cpu a=1 @", b"cpu b=t @", b'cpu s="x" @', b"cpu a=2 @", b"cpu t=3 @"),
    "GL-CONV-012": (b"cpu b=1 @", b"cpu c=2,a=1 @", b"cpu b=2,B=3 @", b"cpu,x=y a=4,time=5,labels=6 @"),
    "GL-CONV-010": (b"cpu v=1 @", b"cpu,b=2,a=1 v=2 @", rb"cpu,a=1\,2,b=k\=v,c=two\ words v=3 @"),
    "GL-CONV-009": (
        b"cpu,host=a v=1 1600000000000000000",
        b"cpu,host=b v=2 1600000000000000000",
        b"cpu,host=a v=3 1600000000000000000",
        b"cpu,host=a v=4 1500000000000000000",
    ),
}
_ANY_TYPE: Final = (
    b"t", b"F", b"1i", b"-9223372036854775808i", b"18446744073709551615u", b"1", b"0.5", b"-1.25", b"999999", b"1e6",
    b"1234567.5", b"1e21", b"1.5e300", b"0.0001", b"0.00001", b"-0.000015", b"5e-324", b'"NaN"', b'"text"',
)  # fmt: skip
TYPES: Final[Lines] = {
    "GL-CONV-015": (b'cpu a="x" @', *(b"cpu a=" + value + b" @" for value in _ANY_TYPE)),
    "GL-CONV-014": (b"cpu a=1,b=t @", b"cpu a=2,b=f @", b'cpu c="x" @', b'cpu c="1" @'),
    "GL-CONV-016": (
        b"cpu a=t,b=1 @",
        b"cpu a=1,b=t @",
        b'cpu a="1",b="t" @',
        b"cpu a=f,b=5u @",
        b'cpu a=5u,b="NaN" @',
        b"cpu a=3i,b=3i @",
    ),
}
"""Field ``a`` has another type in each body."""
WIDE_ROWS: Final[Lines] = {
    "GL-CONV-019": (b"cpu,b=2,a=1 v=1 @", b"cpu v=2 @"),
    "GL-CONV-017": (
        b"cpu v=1 1600000000001000000",
        b"cpu v=2 1600000000000000000",
        b"cpu,a=b v=3 1600000000001000000",
        b"cpu v=4 1600000000002000000",
    ),
    "GL-CONV-018": (b"cpu b=1,a=2 1600000000000000000", b"cpu,x=y c=3,a=4 1600000000000000000"),
    "GL-CONV-020": (
        b"cpu,a=b v=1 1600000000000000000",
        b'cpu,a=b v="x" 1600000000000000000',
        b"cpu,a=b v=t 1600000000000000000",
    ),
}


@check("GL-CONV-001")
def test_a_frame_is_named_by_its_measurement(ingest: Ingest) -> None:
    cpu, mem = ingest.fresh(), f"{ingest.fresh()}/a=b"
    session = ingest.subscriber(cpu, mem)
    lines = (f"{mem} v=1 1000000", f"{cpu} v=1 1000000", f"{mem} v=2 0", f"{cpu} v=2 1000000", f"{cpu} v=3 0")
    for query in FORMATS:
        ingest.receives(session, ingest.push("\n".join(lines), query))


@check(*CELLS)
def test_values_become_cells_of_their_types(ingest: Ingest) -> None:
    for query in FORMATS:
        takes(ingest, CELLS, query)


@check(*ROWS)
def test_lines_become_the_rows_of_a_table(ingest: Ingest) -> None:
    takes(ingest, ROWS, "")


@check(*TYPES)
def test_a_column_has_the_type_of_its_first_value(ingest: Ingest) -> None:
    takes(ingest, TYPES, "")


@check(*WIDE_ROWS)
def test_lines_of_one_time_become_one_wide_row(ingest: Ingest) -> None:
    takes(ingest, WIDE_ROWS, WIDE)
