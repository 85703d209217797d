"""Writes what is made from other text: parts of SPEC.md and docs/verdicts.md, and three files below schemas/.

``python -m liveproto_conformance.generate`` in a checkout; with ``--check`` it writes nothing and fails on
a difference.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from liveproto.session import states
from liveproto.wire.codes import Disconnect
from liveproto_conformance.catalogue import catalogue, verified_by
from liveproto_conformance.figures import figures_of
from liveproto_conformance.requirements import as_json, parse_spec
from liveproto_conformance.schema_tools import closed

if TYPE_CHECKING:
    import enum
    from collections.abc import Mapping

    from liveproto.session.machine import Transition

ROOT: Final = Path(__file__).parents[2]
_FACT: Final = re.compile(r"\b[TG]\d{2,3}\b")


def render_table(
    table: Mapping[tuple[Any, Any], Transition[Any]], rows: type[enum.Enum], columns: list[enum.Enum]
) -> str:
    """Render a transition table in Markdown, with its diagram in Mermaid below."""
    head = ["| input | " + " | ".join(f"{state.value}" for state in columns) + " |", "|---|" + "---|" * len(columns)]
    lines = [f"| {row.value} | " + " | ".join(_cell(table, column, row) for column in columns) + " |" for row in rows]
    return "\n".join([*head, *lines, "", *_diagram(table)])


def _cell(table: Mapping[tuple[Any, Any], Transition[Any]], state: enum.Enum, input_: enum.Enum) -> str:
    transition = table.get((state, input_))
    if transition is None:
        return "—"
    target = "·" if transition.target is state else transition.target.value
    answer = transition.answer
    code = "" if answer is None else f" {answer.code if isinstance(answer, Disconnect) else int(answer)}"
    return f"{target}{code} ({transition.requirement})"


def _diagram(table: Mapping[tuple[Any, Any], Transition[Any]]) -> list[str]:
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, input_), transition in table.items():
        if transition.target is not state:
            arrows.setdefault((state.name, transition.target.name), []).append(input_.name.lower())
    lines = [f"    {source} --> {target}: {', '.join(inputs)}" for (source, target), inputs in arrows.items()]
    return ["```mermaid", "stateDiagram-v2", *lines, "```"]


def render_facts(spec: str) -> str:
    """Render which requirements cite which fact."""
    carriers: dict[str, list[str]] = {}
    for requirement in parse_spec(spec).values():
        for fact in _FACT.findall(requirement.source):
            carriers.setdefault(fact, []).append(requirement.id)
    rows = [f"| {fact} | {', '.join(ids)} |" for fact, ids in sorted(carriers.items())]
    return "\n".join(["| fact | requirements |", "|---|---|", *rows])


def render_spec(spec: str) -> str:
    """Return SPEC.md with its generated parts made anew."""
    s = states.ServerState
    parts = {
        "server": render_table(
            states.SERVER_TRANSITIONS, states.ServerInput, [s.OPEN, s.CONNECTING, s.CONNECTED, s.REFUSED]
        ),
        "channel": render_table(states.CHANNEL_TRANSITIONS, states.ChannelInput, list(states.ChannelState)),
        "client": render_table(states.CLIENT_TRANSITIONS, states.ClientInput, list(states.ClientState)),
        "subscription": render_table(
            states.SUBSCRIPTION_TRANSITIONS, states.SubscriptionInput, list(states.SubscriptionState)
        ),
        "facts": render_facts(spec),
    }
    return filled(spec, parts)


def filled(page: str, parts: Mapping[str, str]) -> str:
    """Put each part between the markers of its name."""
    for name, text in parts.items():
        start, end = f"<!-- generated: {name} -->\n", "<!-- end -->"
        before, _, rest = page.partition(start)
        _, _, after = rest.partition(end)
        page = f"{before}{start}{text}\n{end}{after}"
    return page


def render_verdicts(docs: Path) -> dict[Path, str]:
    """Return docs/verdicts.md with the figures of the self-test beside it."""
    selftest, page = docs / "selftest.json", docs / "verdicts.md"
    figures = figures_of(json.loads(selftest.read_text(encoding="utf-8")))
    return {page: filled(page.read_text(encoding="utf-8"), figures)}


def render_requirements(spec: str) -> str:
    """Make requirements.json of SPEC.md and the checks there are."""
    entries = [as_json(requirement, verified_by(requirement.id)) for requirement in parse_spec(spec).values()]
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"


def render_checks() -> str:
    """Make checks.json of the checks there are."""
    entries = [
        {
            "id": check.id,
            "requirements": [requirement.id for requirement in check.requirements],
            "level": check.level.value,
            "lane": check.lane.name.lower(),
            "generated": check.generated,
        }
        for check in catalogue().values()
    ]
    return json.dumps(entries, indent=2) + "\n"


def generated_files(root: Path) -> dict[Path, str]:
    """Make every generated file of a checkout, by path."""
    spec_path, schemas = root / "SPEC.md", root / "schemas"
    spec = render_spec(spec_path.read_text(encoding="utf-8"))
    reader = json.loads((schemas / "wire.schema.json").read_text(encoding="utf-8"))
    return {
        spec_path: spec,
        schemas / "requirements.json": render_requirements(spec),
        schemas / "checks.json": render_checks(),
        schemas / "wire-writer.schema.json": json.dumps(closed(reader), indent=2, ensure_ascii=False) + "\n",
        **render_verdicts(root / "docs"),
    }


def main(arguments: list[str]) -> int:
    """Write the generated files, or with --check tell which are not up to date."""
    stale = [
        (path, text)
        for path, text in generated_files(ROOT).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path, text in stale:
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)} {'differs' if '--check' in arguments else 'written'}\n")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
