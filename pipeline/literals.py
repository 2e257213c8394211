"""What the JSON text of an entry must contain for a rule to match it.

Sound, not exact: whenever a rule matches an entry, the entry's JSON text holds one of the rule's
literals, in any case of its letters. A rule of which that cannot be said has none.

What texts and expressions require, `wording.py` knows; texts in which JSON escaped more than it had
to, or that hold characters whose case folds into ASCII, are the screen's business. Of a field that
holds a number (`httpRequest.status|gte: 500`), or begins with one (`httpRequest.latency|re:
'^[1-9][0-9]'`), it is an expression: the field's own name and what comes behind it, however JSON
writes the number.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import (
    CompareOperators,
    SigmaCompareExpression,
    SigmaExpansion,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
)

from pipeline.entry import path_segments
from pipeline.matching import is_named, paths_of
from pipeline.wording import Expression, best, of_expression, of_text, one_of, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.rule import Rule
    from pipeline.wording import Literals

# Fields whose values are made, not found: they need not stand in the text as they are compared.
_MADE = ("severity", "exception.message", "exception.module", "exception.frames")

# A name and its value in JSON, perhaps in JSON that is a text in JSON: what may stand between them.
_COLON = r'\\*"[\s\\bfnrt]*:'
_BEFORE_NUMBER = r'(?:[\s+0"\\bfnrt\x80-\xff]|\\u[0-9a-f]{4})*'
_OTHERWISE = r"\[|[0-9]+[.e]|\.[0-9]"  # a list, or digits that do not show at once how much it is
_OTHER_TEXT = r"\[|[0-9.]+[eE]"  # a list, or a number that is a text by then and another one
_UNICODE = int(re.UNICODE)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_DEEPEST = 50
_LEAST = {CompareOperators.GTE: 0, CompareOperators.GT: 1}
"""How much more than its limit a whole number is at least."""


def literals_of(rule: Rule) -> Literals:
    """Return lower-case literals of which a matching entry holds one; None: nothing is known."""
    return one_of(map(_of_node, rule.conditions))


def _of_node(node: Any) -> Literals:
    if type(node) is ConditionOR:
        return one_of(_of_node(argument) for argument in node.args)
    if type(node) is ConditionAND:
        return best(_of_node(argument) for argument in node.args)
    if isinstance(node, ConditionFieldEqualsValueExpression) and node.field not in _MADE:
        return _of_value(node.value) or _of_start(node.field, node.value)
    if isinstance(node, ConditionValueExpression):
        return _of_value(node.value)
    return None


def _of_value(value: Any) -> Literals:
    if type(value) is SigmaExpansion:
        return one_of(_of_value(item) for item in value.values)
    if type(value) is SigmaRegularExpression:
        return of_expression(str(value.regexp))
    if isinstance(value, SigmaString):
        return best(of_text(part) for part in value.s if isinstance(part, str))
    return None


def _of_start(field: str, value: Any) -> Literals:
    """Return the field's name before the digits that its value begins with, if they are known."""
    names = {path_segments(path)[-1].text for path in paths_of(field)}
    name = names.pop()
    # Labels may be a list of keys and values, and a named field has no name in the text.
    told = not names and "labels" not in field and not is_named(field)
    if not told or not _PLAIN_NAME.fullmatch(name):
        return None
    digits, front = _digits(value), _front_of(value)
    if not digits and not front:
        return None
    begins = f"{digits}|{_OTHERWISE}" if digits else f"{front}|{_OTHER_TEXT}"
    spelt = _HUMP.sub("_?", name)
    return frozenset({Expression(f"{spelt}{_COLON}{_BEFORE_NUMBER}(?:{begins})")})


def _front_of(value: Any) -> str:
    """Return an expression for the digits that begin all texts which match, "" if unknown."""
    if type(value) is not SigmaRegularExpression or value.flags:
        return ""
    parsed = parse(str(value.regexp))
    if parsed is None:
        return ""
    begins = bool(parsed.data) and str(parsed.data[0][1]) == "AT_BEGINNING"
    return _front(parsed.data[1:]) if begins and parsed.state.flags == _UNICODE else ""


def _front(items: Sequence[tuple[Any, Any]], depth: int = 0) -> str:
    """Return an expression for the first digit of a sequence, and what surely comes behind it.

    Of what is nested deeper than anybody writes it says nothing.
    """
    found = ""
    for kind, value in items if depth < _DEEPEST else ():
        part, ends = _digit(str(kind), value, depth + 1)
        found += part
        if ends:
            break
    return found


def _digit(kind: str, value: Any, depth: int) -> tuple[str, bool]:
    """Return the expression of one digit, "" of anything else; whether nothing is known after."""
    if kind == "LITERAL" and chr(value) in "0123456789":
        return chr(value), False
    if kind == "IN" and all(map(_is_digits, value)):
        return f"[{''.join(chr(one[1][0]) + '-' + chr(one[1][1]) for one in value)}]", False
    if kind in {"MAX_REPEAT", "MIN_REPEAT"} and value[0] > 0:
        return _front(value[2].data, depth), True
    if kind == "SUBPATTERN":
        return _front(value[-1].data, depth), True
    if kind == "BRANCH":
        branches = [_front(branch.data, depth) for branch in value[1]]
        return f"(?:{'|'.join(branches)})" if all(branches) else "", True
    return "", True


def _is_digits(item: tuple[Any, Any]) -> bool:
    """Say whether an item of a set is a range of digits."""
    return str(item[0]) == "RANGE" and all(chr(end) in "0123456789" for end in item[1])


def _digits(value: Any) -> str:
    """Return an expression for the first digits of all whole numbers that match, "" if unknown."""
    if type(value) is SigmaNumber and isinstance(value.number, int) and value.number > 0:
        return str(value.number)
    if not isinstance(value, SigmaCompareExpression) or type(value.number) is not SigmaNumber:
        return ""
    if value.op not in _LEAST or value.number.number < 1:
        return ""
    least = str(int(value.number.number) + _LEAST[value.op])
    rest = "[0-9]" * (len(least) - 1)  # Hyperscan refuses [0-9]{0}
    return f"[{least[0]}-9]{rest}|[1-9]{rest}[0-9]"
