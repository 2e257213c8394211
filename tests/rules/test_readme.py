"""What rules/README.md says of the rules that are there.

The table is made from the rules: `UPDATE_SNAPSHOTS=1 pytest tests/rules/test_readme.py` writes it.
"""

from __future__ import annotations

import os
import re
from itertools import chain, groupby
from typing import TYPE_CHECKING

from tests.rules.showing import ROOT, RULES, ruleset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.rule import Correlation, Rule

README = ROOT / "rules/README.md"
UPDATE = "UPDATE_SNAPSHOTS"
HEADING, END = "## What is here\n\n", "\n<!-- end of the table -->"
CAUSES = 6
"""How many causes a row names."""

FAILURES = "## What may go wrong, and what tells of it"


def text() -> str:
    """Read the README."""
    return README.read_text(encoding="utf-8")


def table() -> str:
    """Make the table of all rules and correlations, by area."""
    lines = ["| rule | level | recognises | explained by |", "|---|---|---|---|"]
    areas = groupby(sorted(RULES, key=lambda name: (RULES[name].parent.name, name)), area_of)
    for area, names in areas:
        lines.append(f"| **{area}** | | | |")
        lines += map(row, names)
    return "\n".join(lines)


def area_of(name: str) -> str:
    """Return the folder that a rule stands in."""
    return RULES[name].parent.name


def row(name: str) -> str:
    """Return one row."""
    rules, correlations = ruleset().rules, {one.name: one for one in ruleset().correlations}
    made = rules.get(name) or correlations[name]
    causes = list(dict.fromkeys(chain.from_iterable(edge.rule for edge in made.audit.caused_by)))
    shown = ", ".join(causes[:CAUSES])
    more = f" and {len(causes) - CAUSES} more" if len(causes) > CAUSES else ""
    link = f"[{name}]({area_of(name)}/{name}.yml)"
    return f"| {link} | {level(made)} | {made.title} | {shown}{more} |"


def level(made: Rule | Correlation) -> str:
    """Return how urgent it is, or what else it is."""
    kinds = {
        "context": made.audit.context is not None,
        "noise": made.audit.noise,
        "link": made.name not in ruleset().makers,
        "counted": made.name in ruleset().silent,
    }
    return next((kind for kind, is_so in kinds.items() if is_so), made.level)


def test_the_table_has_every_rule_as_it_is() -> None:
    """Level, title and causes; a change of a rule changes it."""
    before, _, rest = text().partition(HEADING)
    shown, end, after = rest.partition(END)
    assert end
    if os.environ.get(UPDATE):
        README.write_text(f"{before}{HEADING}{table()}{END}{after}", encoding="utf-8")
        return
    assert shown == table(), f"run {UPDATE}=1 pytest tests/rules/test_readme.py"


def named() -> Iterator[tuple[str, str]]:
    """Yield each failure that the README lists, with the cell that says what tells of it."""
    section = text().partition(FAILURES)[2].partition("\n## ")[0]
    for line in section.splitlines():
        if line.startswith("| ") and not line.startswith(("| failure", "| **")):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            yield cells[0], cells[1]


def test_what_tells_of_a_failure_is_there() -> None:
    """Every rule and whys template that the list names exists; what logs cannot show says so."""
    whys = {path.stem for path in (ROOT / "templates/whys").glob("*.yml")}
    rows = list(named())
    assert len(rows) > 40
    for failure, told in rows:
        rules = re.findall(r"`(\w+)`", re.sub(r"whys `\w+`", "", told))
        templates = re.findall(r"whys `(\w+)`", told)
        assert rules or templates or told.startswith("not in logs:"), failure
        assert [name for name in rules if name not in RULES] == [], failure
        assert [name for name in templates if name not in whys] == [], failure
