"""The list of the kinds of fact in templates/whys/README.md: complete, and nothing made up."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.whys import load_whys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.whys.templates import Guard, WhysTemplate

ROOT = Path(__file__).parents[1]
MODULES = (
    ROOT / "pipeline/facts.py",
    ROOT / "pipeline/deployments.py",
    *sorted((ROOT / "pipeline/investigators").rglob("*.py")),
)
MAKERS = (
    "Fact", "changed", "fact", "of_commit",
    "_Told", "_expectation", "_listed", "_of_commit", "_stepped",
)  # fmt: skip
"""What is called with a kind of fact, by any of its arguments."""

OPEN = ("seen_", "claim_")
"""What comes before the name of a rule, or a kind that a program gives."""

ROWS = re.findall(
    r"^\| (`.*?) \|", (ROOT / "templates/whys/README.md").read_text("utf-8"), re.MULTILINE
)
LISTED = {kind for row in ROWS for kind in re.findall(r"`(\w+)`", row)}


def made() -> Iterator[str]:
    """Yield the kinds that are given to what makes facts, or named `kind` on the way there."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args):
                    yield from [*words(args)][:1] if name in MAKERS else ()
                case ast.Assign(targets=[ast.Name(id="kind" | "AFTER_DEPLOYMENT")], value=value):
                    yield from words([value])


def words(nodes: Iterable[ast.expr]) -> Iterator[str]:
    """Yield the texts of words alone that arguments are, or may be."""
    for node in nodes:
        match node:
            case ast.Constant(value=str(text)) if re.fullmatch(r"[a-z_]+", text):
                yield text
            case ast.IfExp(body=one, orelse=other):
                yield from words([one, other])


def asked(template: WhysTemplate) -> Iterator[Guard | str]:
    """Yield what a template asks for or cites."""
    for question in template.whys:
        yield from question.when
        for answer in question.answers:
            yield from (*answer.when, *answer.ruled_out_by)
            yield from answer.cites
    for step in template.next_steps:
        yield from (*step.when, *step.settled_by)
    for item in template.false_alarms:
        yield from (*item.when, *item.ruled_out_by)


def test_every_kind_that_is_made_is_listed() -> None:
    """Who writes a template finds there what can be asked for."""
    found = set(made())
    assert {"table_never_created", "service_healthy", "suspects"} <= found
    assert found <= LISTED


def test_every_kind_that_is_listed_is_made() -> None:
    """A kind that is gone, or has another name now, is asked for in vain."""
    source = "".join(path.read_text("utf-8") for path in MODULES)
    assert sorted(kind for kind in LISTED - {"seen_RULE", "claim_KIND"}) == sorted(
        kind for kind in LISTED if f'"{kind}"' in source
    )


def test_templates_ask_for_what_is_listed() -> None:
    """A misspelt kind in a guard would never hold, and nobody would hear of it."""
    files = sorted((ROOT / "templates/whys").glob("*.yml"))
    templates = load_whys((path.name, path.read_text("utf-8")) for path in files)
    for template in templates.by_name.values():
        kinds = {one if isinstance(one, str) else one.fact for one in asked(template)}
        assert {kind for kind in kinds if not kind.startswith(OPEN)} <= LISTED, template.name
