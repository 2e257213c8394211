"""Conditions of a Sigma rule compiled to predicates over a `LogEntry`.

A predicate runs in time linear in the entry. Semantics follow the Sigma specification 2.1: strings
are case-insensitive and know the wildcards `*` and `?`, a field with several values matches when
any of them does, `null` matches a missing field. An object is no value: only what it holds is.
What cannot be evaluated is an error when the rule is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import (
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaRegularExpression,
)

from pipeline.audit import Audit
from pipeline.entry import LogEntry, Severity
from pipeline.errors import Mistake, RuleError
from pipeline.matching.fields import (
    absence,
    every_value,
    field_getter,
    is_named,
    paths_of,
    presence,
)
from pipeline.matching.values import STRING_METHODS, as_text, keyword_test, required_by, value_test

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sigma.types import SigmaType

    from pipeline.matching.fields import Values
    from pipeline.matching.values import ValueTest
    from pipeline.rule import Rule

    Captures = dict[str, str]
    Getter = Callable[[LogEntry], Values]
    Predicate = Callable[[LogEntry, Captures], bool]
    Match = Callable[[LogEntry], Captures | None]

__all__ = ["compile_rule", "every_value", "field_getter", "is_named", "paths_of", "severities_of"]

SEVERAL = 32
"""Times that an expression is tried before it is found out what it requires."""


def _field_equals(field: str, sigma: SigmaType) -> Predicate:
    # To ask isinstance of an abstract class takes as long as all the rest.
    if type(sigma) is SigmaNull:
        absent = absence(field)
        return lambda entry, _: absent(entry)
    if type(sigma) is SigmaExists:
        present, wanted = presence(field), bool(sigma)
        return lambda entry, _: present(entry) is wanted
    if type(sigma) is SigmaExpansion:
        return _any_of([_field_equals(field, value) for value in sigma.values])
    get = field_getter(field)
    if type(sigma) is SigmaFieldReference:
        return _field_reference(get, sigma)
    test = value_test(sigma)
    if field == "message":
        return _message_is(sigma, test)
    return lambda entry, captures: any(
        test(value, captures) for value in get(entry) if not isinstance(value, dict)
    )


def _message_is(sigma: SigmaType, test: ValueTest) -> Predicate:
    """Compile a test of the message, which is only made where the words stand that it requires.

    Which these are is found out when it was tried `SEVERAL` times: most expressions never are.
    """
    if type(sigma) is not SigmaRegularExpression:
        return lambda entry, captures: bool(entry.message) and test(entry.message, captures)
    words: Sequence[str] | None = None
    left = SEVERAL

    def matches(entry: LogEntry, captures: Captures) -> bool:
        nonlocal words, left
        if words is None:
            left -= 1
            words = sorted(required_by(sigma) or ()) if left < 0 else None
        if words:
            folded = entry.folded
            if folded is not None and not any(map(folded.__contains__, words)):
                return False
        return bool(entry.message) and test(entry.message, captures)

    return matches


def _field_reference(get: Getter, sigma: SigmaFieldReference) -> Predicate:
    other = field_getter(sigma.field)
    method = STRING_METHODS[sigma.ends_with, sigma.starts_with]

    def matches(entry: LogEntry, _: Captures) -> bool:
        wanted = _texts(other(entry))
        return any(method(value, text) for value in _texts(get(entry)) for text in wanted)

    return matches


def _texts(values: Values) -> list[str]:
    return [as_text(value).casefold() for value in values if not isinstance(value, dict)]


def _keyword(sigma: SigmaType) -> Predicate:
    if type(sigma) is SigmaExpansion:
        return _any_of([_keyword(value) for value in sigma.values])
    test = keyword_test(sigma)
    return lambda entry, captures: any(
        test(value, captures) for value in every_value(entry.document)
    )


def _any_of(predicates: list[Predicate]) -> Predicate:
    if len(predicates) == 1:
        return predicates[0]

    def matches(entry: LogEntry, captures: Captures) -> bool:
        for test in predicates:  # noqa: SIM110 - any() takes twice the time
            if test(entry, captures):
                return True
        return False

    return matches


def _all_of(predicates: list[Predicate]) -> Predicate:
    def matches(entry: LogEntry, captures: Captures) -> bool:
        found: Captures = {}  # a branch that fails half-way must leave nothing behind
        for test in predicates:
            if not test(entry, found):
                return False
        captures.update(found)
        return True

    return matches


def _not(predicates: list[Predicate]) -> Predicate:
    """Negate; what a refuted expression captured says nothing about the entry."""
    (test,) = predicates
    return lambda entry, _: not test(entry, {})


_CONNECTIVES: Mapping[type, Callable[[list[Predicate]], Predicate]] = {
    ConditionAND: _all_of,
    ConditionOR: _any_of,
    ConditionNOT: _not,
}


def _condition(node: Any) -> Predicate:
    if isinstance(node, ConditionFieldEqualsValueExpression):
        return _field_equals(node.field, node.value)
    if isinstance(node, ConditionValueExpression):
        return _keyword(node.value)
    return _CONNECTIVES[type(node)]([_condition(argument) for argument in node.args])


def compile_rule(rule: Rule) -> Match:
    """Compile a rule to a function: entry in; out its named groups as text, or None for no match.

    It is compiled once, for all that ask: it is checked, and several threads examine by it.

    Raises:
        RuleError: the rule asks for something that cannot be evaluated, with its place.

    """
    found: Match | None = rule.made.get("match")
    if found is None:
        found = rule.made["match"] = _compiled(rule)
    return found


def _compiled(rule: Rule) -> Match:
    try:
        conditions = [_condition(tree) for tree in rule.conditions]
    except (RecursionError, ValueError) as error:
        file, _, line = rule.place.rpartition(":")
        reason = str(error) if isinstance(error, ValueError) else "nested too deeply"
        raise RuleError([Mistake(file, int(line), reason)]) from error
    predicate = _any_of(conditions)
    sees_all = rule.audit.quotes or rule.audit == Audit()  # a rule of others runs as it is

    def match(entry: LogEntry) -> Captures | None:
        captures: Captures = {}
        seen = entry if sees_all else entry.unquoted
        return captures if predicate(seen, captures) else None

    return match


def severities_of(rule: Rule) -> frozenset[Severity]:
    """Return all severities that an entry which the rule matches may have.

    Sound, not exact: whatever else is asked of an entry may hold, and may not.
    """
    entries = {severity: LogEntry({"severity": severity.name}) for severity in Severity}
    return frozenset(
        severity
        for severity, entry in entries.items()
        if any(_outcomes(tree, entry)[0] for tree in rule.conditions)
    )


def _outcomes(node: Any, entry: LogEntry) -> tuple[bool, bool]:
    """Return whether a condition may hold and may fail for an entry of this one's severity."""
    if isinstance(node, ConditionFieldEqualsValueExpression) and _is_of_severity(node):
        holds = _condition(node)(entry, {})
        return holds, not holds
    if type(node) not in _CONNECTIVES:
        return True, True
    may_hold, may_fail = zip(*(_outcomes(argument, entry) for argument in node.args), strict=True)
    if type(node) is ConditionNOT:
        return may_fail[0], may_hold[0]
    if type(node) is ConditionAND:
        return all(may_hold), any(may_fail)
    return any(may_hold), all(may_fail)


def _is_of_severity(node: ConditionFieldEqualsValueExpression) -> bool:
    """Say whether a comparison looks at the severity and at nothing else."""
    values = node.value.values if type(node.value) is SigmaExpansion else [node.value]
    return node.field == "severity" and SigmaFieldReference not in map(type, values)
