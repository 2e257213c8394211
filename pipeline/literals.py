"""What the JSON text of an entry must contain for a rule to match it.

Sound, not exact: whenever a rule matches an entry, the entry's JSON text holds one of the rule's
literals, in any case of its letters. A rule of which that cannot be said has none.

A literal is a run of printable ASCII without what JSON may escape. Texts in which JSON escaped more
than it had to, or that hold characters whose case folds into ASCII, are the screen's business.
"""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import SigmaExpansion, SigmaRegularExpression, SigmaString

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.rule import Rule

Literals = frozenset[str] | None

SHORTEST = 4
"""Characters: a shorter literal stands in nearly every entry and screens nothing out."""

# Fields whose values are made, not found: they need not stand in the text as they are compared.
_MADE = ("severity", "exception.message", "exception.module", "exception.frames")
_UNESCAPED = re.compile(r"[\x20\x21\x23-\x2e\x30-\x5b\x5d-\x7e]+")  # ASCII less " / and \
_NUMBER = re.compile(r"[-+.0-9eE]+")  # JSON may write it otherwise: 1e+16, 1e16

_parser: Any = re._parser  # type: ignore[attr-defined]  # noqa: SLF001 - the only parser at hand


def literals_of(rule: Rule) -> Literals:
    """Return lower-case literals of which a matching entry holds one; None: nothing is known."""
    return _one_of(map(_of_node, rule.conditions))


def _of_node(node: Any) -> Literals:
    if type(node) is ConditionOR:
        return _one_of(_of_node(argument) for argument in node.args)
    if type(node) is ConditionAND:
        return _best(_of_node(argument) for argument in node.args)
    if isinstance(node, ConditionFieldEqualsValueExpression) and node.field not in _MADE:
        return _of_value(node.value)
    if isinstance(node, ConditionValueExpression):
        return _of_value(node.value)
    return None


def _of_value(value: Any) -> Literals:
    if type(value) is SigmaExpansion:
        return _one_of(_of_value(item) for item in value.values)
    if type(value) is SigmaRegularExpression:
        return _of_expression(str(value.regexp))
    if isinstance(value, SigmaString):
        return _best(_of_text(part) for part in value.s if isinstance(part, str))
    return None


def _one_of(alternatives: Iterable[Literals]) -> Literals:
    """Any of the alternatives may hold: all their literals, or nothing known if one has none."""
    found: set[str] = set()
    for literals in alternatives:
        if literals is None:
            return None
        found |= literals
    return frozenset(found) or None


def _best(parts: Iterable[Literals]) -> Literals:
    """All of the parts hold: take the most telling one, that whose shortest literal is longest."""
    known = [literals for literals in parts if literals is not None]
    return max(
        known, key=lambda item: (min(map(len, item)), -len(item), sorted(item)), default=None
    )


def _of_text(text: str) -> Literals:
    """Return the longest run that JSON leaves as it is."""
    run = max(_UNESCAPED.findall(text), key=len, default="")
    tells = len(run) >= SHORTEST and not _NUMBER.fullmatch(run)
    return frozenset({run.lower()}) if tells else None


@cache
def _of_expression(expression: str) -> Literals:
    """Return what an RE2 expression requires, as far as Python's parser reads it alike.

    Where the two dialects differ, Python's refuses the expression or takes it to require less.
    """
    try:
        with _quiet() if "[" in expression else nullcontext():
            parsed = _parser.parse(expression)
    except (re.error, OverflowError, RecursionError):
        return None
    return _of_sequence(list(parsed))


@contextmanager
def _quiet() -> Iterator[None]:
    """Ignore what the parser has to say of the characters in a set."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _of_sequence(items: Sequence[tuple[Any, Any]]) -> Literals:
    """Return the best of a sequence: its runs of characters, and what its parts require."""
    found: list[Literals] = []
    run: list[str] = []
    for kind, value in items:
        if kind is _parser.LITERAL:
            run.append(chr(value))
            continue
        found += [_of_text("".join(run)), _of_part(str(kind), value)]
        run.clear()
    return _best([*found, _of_text("".join(run))])


def _of_part(kind: str, value: Any) -> Literals:
    if kind == "SUBPATTERN":
        return _of_sequence(list(value[-1]))
    if kind == "BRANCH":
        return _one_of(_of_sequence(list(branch)) for branch in value[1])
    if kind in {"MAX_REPEAT", "MIN_REPEAT"} and value[0] > 0:
        return _of_sequence(list(value[2]))
    return None
