"""What a program says is recognised in each shape in which Cloud Logging delivers it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from sigma.conditions import ConditionFieldEqualsValueExpression, ConditionNOT

from pipeline.matching import compile_rule, field_getter
from tests.rules.shapes import SHAPES, placed, read, shapes_of
from tests.rules.showing import cases_of, ruleset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.entry import LogEntry

PLACES = ("resource.", "logName", "labels.")
"""Fields that say where an entry comes from; a rule that asks for them keeps to that place."""

EXCEPTIONS = {
    "unknown_pattern": "a fallback rule, tried only on what no other rule matches",
}
"""Rules of which this cannot be told one by one, each with the reason."""

RULES = [name for name in ruleset().rules if name not in EXCEPTIONS]


def fields_of(name: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the fields that a rule asks for, and those that its filters look at."""
    found: tuple[set[str], set[str]] = (set(), set())
    waiting = [(tree, False) for tree in ruleset().rules[name].conditions]
    while waiting:
        node, refuted = waiting.pop()
        if isinstance(node, ConditionFieldEqualsValueExpression):
            found[refuted].add(node.field)
        else:
            inside = refuted is not (type(node) is ConditionNOT)
            waiting += [(one, inside) for one in getattr(node, "args", ())]
    return frozenset(found[0]), frozenset(found[1])


@cache
def seen(name: str) -> Any:
    """Compile a rule to what it tells of an entry: its captures and its entity, None if nothing."""
    rule = ruleset().rules[name]
    match = compile_rule(rule)

    def look(entry: LogEntry) -> tuple[dict[str, str], dict[str, Any]] | None:
        captures = match(entry)
        if captures is None:
            return None
        rest = [field for field in rule.audit.entity if field not in rule.groups]
        return captures, {field: field_getter(field)(entry) for field in rest}

    return look


def moves(name: str, *, anywhere: bool) -> bool:
    """Say whether a rule may see its entries elsewhere, too; `anywhere`: its filters as well.

    One with a filter for some logs keeps to the others.
    """
    asked, refuted = fields_of(name)
    fields = asked | (refuted if anywhere else refuted & {"logName"})
    return not any(field.startswith(PLACES) for field in fields)


def rewrapped(
    entry: dict[str, Any], severity: str, *, elsewhere: bool, plain: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield an entry in its shapes, of other places and plain lines only if these are wanted."""
    for shape, wrapped in shapes_of(entry, severity):
        if (elsewhere or "Kubernetes" not in shape) and (plain or "standard error" not in shape):
            yield shape, wrapped


def shown(name: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield the entries that a rule matches, in the shapes that tell all that it asks for.

    Where a line has no level, JSON has the one that a logger would give it.
    """
    asked, _ = fields_of(name)
    usual = "WARNING" if ruleset().rules[name].audit.noise else "ERROR"
    elsewhere, plain = moves(name, anywhere=False), "severity" not in asked
    for case in cases_of(name).matches:
        entry = placed(case.entry)
        found = read(entry).severity
        severity = found.name if found else usual
        for shape, wrapped in rewrapped(entry, severity, elsewhere=elsewhere, plain=plain):
            yield f"{case.name}, as {shape}", entry, wrapped


@pytest.mark.parametrize("name", RULES)
def test_a_rule_sees_its_text_in_every_shape(name: str) -> None:
    """With the same captures and the same entity, so that it is the same issue."""
    look = seen(name)
    assert {
        case: told
        for case, entry, wrapped in shown(name)
        if (told := (look(read(entry)), look(read(wrapped))))[0] != told[1]
    } == {}


@pytest.mark.parametrize("name", RULES)
def test_a_near_miss_is_one_in_every_shape(name: str) -> None:
    """A level that the entry itself has stays; a line that has none has none in JSON either."""
    look, elsewhere = seen(name), moves(name, anywhere=True)
    taken = {}
    for case in cases_of(name).ignores:
        severity = case.entry.get("severity") or ""
        plain = not severity
        for shape, wrapped in rewrapped(case.entry, severity, elsewhere=elsewhere, plain=plain):
            found = look(read(wrapped))
            if found is not None:
                taken[f"{case.name}, as {shape}"] = found
    assert taken == {}


def test_most_rules_are_about_what_programs_say() -> None:
    """Only what the platform itself writes comes in one shape."""
    spoken = {name: {case.rpartition(", as ")[2] for case, *_ in shown(name)} for name in RULES}
    assert sum(len(found) >= len(SHAPES) - 2 for found in spoken.values()) > len(RULES) / 2
    assert set.union(*spoken.values()) == set(SHAPES)
