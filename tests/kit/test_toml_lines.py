"""Where a key stands in a TOML document, whatever stands before it."""

import tomllib

import pytest

from liveproto_conformance.toml_lines import line_of, statements

DOCUMENT = '''# The head
title = "x"

[[expect]]
check = "a"
reason = """
[[expect]]
check = "no"
"""
list = [
  1, # one
  2,
]

# About the second
[[expect]] # second
check.id = 1
  [limits]
channels = 9
inline = {deep = 1}
[a.b]
c = 2'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (["title"], 2),
        (["expect"], 4),
        (["expect", 0], 4),
        (["expect", 0, "check"], 5),
        (["expect", 0, "reason"], 6),
        (["expect", 0, "list", 1], 10),
        (["expect", 1], 16),
        (["expect", 1, "check", "id"], 17),
        (["limits"], 18),
        (["limits", "channels"], 19),
        (["limits", "inline", "deep"], 20),
        (["a"], 21),
        (["a", "b", "c"], 22),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_key_stands_where_its_statement_begins(path, line, newline):
    assert line_of(DOCUMENT.replace("\n", newline), path) == line


def test_statements_are_documents_and_together_the_document():
    parts = list(statements(DOCUMENT))
    assert "".join(statement for _, statement in parts) == DOCUMENT + "\n"
    assert [line for line, statement in parts if statement.lstrip().startswith("[[")] == [4, 16]
    for line, statement in parts:
        tomllib.loads(statement)
        assert DOCUMENT.split("\n")[line - 1] == statement.split("\n")[0]
