"""What the JSON text of an entry must contain for a rule to match it.

Sound, not exact: whenever a rule matches an entry, the entry's JSON text holds one of the rule's
literals, in any case of its letters. A rule of which that cannot be said has none.

A literal is a run of printable ASCII without what JSON may escape. Texts in which JSON escaped more
than it had to, or that hold characters whose case folds into ASCII, are the screen's business.
Of a field that holds a number (`httpRequest.status|gte: 500`), or begins with one
(`httpRequest.latency|re: '^[1-9][0-9]'`), it is an expression: the field's own name and what comes
behind it, however JSON writes the number.
"""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager, nullcontext
from functools import cache
from itertools import product
from math import prod
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
from pipeline.entry.decoding import TOO_DEEP
from pipeline.matching import is_named, paths_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pipeline.rule import Rule

Literals = frozenset[str] | None


class Expression(str):
    """A literal that is looked for as an expression; any other is meant to the letter."""

    __slots__ = ()


SHORTEST = 4
"""Characters: a shorter literal stands in nearly every entry and screens nothing out."""

# Fields whose values are made, not found: they need not stand in the text as they are compared.
_MADE = ("severity", "exception.message", "exception.module", "exception.frames")
_UNESCAPED = re.compile(r"[\x20\x21\x23-\x2e\x30-\x5b\x5d-\x7e]+")  # ASCII less " / and \
_EVERYWHERE = ".googleapis.com"
_IN_AUDIT_LOGS = ("authorizationinfo", "developer.gserviceaccount.com", "iam.gserviceaccount.com")
_WRITTEN = (TOO_DEEP.lower(), "-infinity")  # by whoever decodes the JSON: in a raw line it is not
_LETTERS = re.compile(r"[^\\.^$*+?{}\[\]()|]+")  # an expression that means its own letters
_NUMBER = re.compile(r"[-+.0-9eE]+")  # JSON may write it otherwise: 1e+16, 1e16

# A name and its value in JSON, perhaps in JSON that is a text in JSON: what may stand between them.
_COLON = r'\\*"[\s\\bfnrt]*:'
_BEFORE_NUMBER = r'(?:[\s+0"\\bfnrt\x80-\xff]|\\u[0-9a-f]{4})*'
_OTHERWISE = r"\[|[0-9]+[.e]|\.[0-9]"  # a list, or digits that do not show at once how much it is
_OTHER_TEXT = r"\[|[0-9.]+[eE]"  # a list, or a number that is a text by then and another one
_UNICODE = int(re.UNICODE)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LEAST = {CompareOperators.GTE: 0, CompareOperators.GT: 1}
"""How much more than its limit a whole number is at least."""

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
        return _of_value(node.value) or _of_start(node.field, node.value)
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
        known, key=lambda item: (min(map(_weight, item)), -len(item), sorted(item)), default=None
    )


def _weight(literal: str) -> int:
    """Return how much it tells: a text more than a number, and what ends every name of an API none.

    `run.googleapis.com` stands in the log name of all that Cloud Run logs, `authorizationInfo` in
    every audit log.
    """
    if isinstance(literal, Expression) or any(literal in word for word in _IN_AUDIT_LOGS):
        return 0
    return len(literal.removesuffix(_EVERYWHERE))


def _of_text(text: str) -> Literals:
    """Return the longest run that JSON leaves as it is."""
    run = max(_UNESCAPED.findall(text), key=len, default="").lower()
    tells = len(run) >= SHORTEST and not _NUMBER.fullmatch(run)
    return frozenset({run}) if tells and not any(run in word for word in _WRITTEN) else None


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
    try:
        parsed = _parser.parse(str(value.regexp))
    except (re.error, OverflowError, RecursionError):
        return ""
    begins = bool(parsed.data) and str(parsed.data[0][1]) == "AT_BEGINNING"
    return _front(parsed.data[1:]) if begins and parsed.state.flags == _UNICODE else ""


def _front(items: Sequence[tuple[Any, Any]]) -> str:
    """Return an expression for the first digit of a sequence, and what surely comes behind it."""
    found = ""
    for kind, value in items:
        part, ends = _digit(str(kind), value)
        found += part
        if ends:
            break
    return found


def _digit(kind: str, value: Any) -> tuple[str, bool]:
    """Return the expression of one digit, "" of anything else; whether nothing is known after."""
    if kind == "LITERAL" and chr(value) in "0123456789":
        return chr(value), False
    if kind == "IN" and all(map(_is_digits, value)):
        return f"[{''.join(chr(one[1][0]) + '-' + chr(one[1][1]) for one in value)}]", False
    if kind in {"MAX_REPEAT", "MIN_REPEAT"} and value[0] > 0:
        return _front(value[2].data), True
    if kind == "SUBPATTERN":
        return _front(value[-1].data), True
    if kind == "BRANCH":
        branches = [_front(branch.data) for branch in value[1]]
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


@cache
def _of_expression(expression: str) -> Literals:
    """Return what an RE2 expression requires, as far as Python's parser reads it alike.

    Where the two dialects differ, Python's refuses the expression or takes it to require less.
    """
    if _LETTERS.fullmatch(expression):
        return _of_text(expression)
    try:
        with _quiet() if "[" in expression else nullcontext():
            parsed = _parser.parse(expression)
    except (re.error, OverflowError, RecursionError):
        return None
    return _of_sequence(parsed.data)


@contextmanager
def _quiet() -> Iterator[None]:
    """Ignore what the parser has to say of the characters in a set."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _of_sequence(items: Sequence[tuple[Any, Any]]) -> Literals:
    """Return the best of a sequence: the texts that its runs may be, and what its parts require.

    `session[ _](?:maker|factory)` may be four texts, each of which tells more than `session`, and
    `redis(?:[+][a-z]+)?://` is `redis:` or `redis+`, both of which tell more than `redis`.
    """
    items = [*_flat(items)]
    at = _at_optional(items)
    if at is None:
        return _of_parts(items)
    before, (kind, (_, most, part)), after = items[:at], items[at], items[at + 1 :]
    there = _flat(part.data) if most == 1 else [(kind, (1, most, part))]
    either = _one_of(map(_of_parts, ([*before, *after], [*before, *there, *after])))
    return _best([_of_parts(items), either])


def _flat(items: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
    """Yield the parts of a sequence, those of a group in place of it."""
    for kind, value in items:
        if str(kind) == "SUBPATTERN":
            yield from _flat(value[-1].data)
        else:
            yield kind, value


def _at_optional(items: Sequence[tuple[Any, Any]]) -> int | None:
    """Return where the first part stands that may be left out, and else is one of many texts."""
    for at, (kind, value) in enumerate(items):
        optional = str(kind) in {"MAX_REPEAT", "MIN_REPEAT"} and value[0] == 0
        if optional and _texts_of_repeat(value) is None:
            return at
    return None


def _of_parts(items: Sequence[tuple[Any, Any]]) -> Literals:
    found: list[Literals] = []
    run: list[frozenset[str]] = []
    for texts, kind, value in _parts(items):
        if texts is None or len(texts) > _MOST_TEXTS:
            found += [_of_run(run), _of_part(kind, value)]
            run.clear()
            continue
        if _count(run) * len(texts) > _MOST_TEXTS:
            found.append(_of_run(run))
        run.append(texts)
        while _count(run) > _MOST_TEXTS:
            del run[0]
    return _best([*found, _of_run(run)])


def _of_run(run: Sequence[frozenset[str]]) -> Literals:
    """Return the texts that parts in a row may be, but for those in which another one stands."""
    texts = _one_of(map(_of_text, _rows(run))) or ()
    found = {one for one in texts if not any(one != other and other in one for other in texts)}
    return frozenset(found) or None


def _of_part(kind: str, value: Any) -> Literals:
    if kind == "BRANCH":
        return _one_of(_of_sequence(branch.data) for branch in value[1])
    if kind in {"MAX_REPEAT", "MIN_REPEAT"} and value[0] > 0:
        return _of_sequence(value[2].data)
    return None


# --- what a part of an expression is, to the letter -----------------------------------------------

_Texts = frozenset[str] | None
"""All texts that something matches; None: they are many, or not known."""

_NO_TEXT = frozenset({""})
_MOST_TEXTS = 16


def _parts(items: Iterable[tuple[Any, Any]]) -> Iterator[tuple[_Texts, str, Any]]:
    """Yield each part of a sequence, letters in a row as one, after the texts that it matches."""
    letters: list[str] = []
    for kind, value in items:
        if kind is _parser.LITERAL:
            letters.append(chr(value))
            continue
        if letters:
            yield frozenset({"".join(letters)}), "", None
            letters.clear()
        texts = _TEXTS.get(str(kind))
        yield texts and texts(value), str(kind), value
    if letters:
        yield frozenset({"".join(letters)}), "", None


def _count(parts: Iterable[frozenset[str]]) -> int:
    return prod(map(len, parts))


def _rows(parts: Iterable[frozenset[str]]) -> Iterator[str]:
    """Yield each text that parts in a row may be."""
    return map("".join, product(*parts))


def _texts_of(items: Iterable[tuple[Any, Any]]) -> _Texts:
    """Return the texts that a sequence matches."""
    known: list[frozenset[str]] = []
    for texts, _, _ in _parts(items):
        if texts is None or _count(known) * len(texts) > _MOST_TEXTS:
            return None
        known.append(texts)
    return frozenset(_rows(known))


def _texts_of_any(branches: Iterable[_Texts]) -> _Texts:
    found: set[str] = set()
    for texts in branches:
        if texts is None:
            return None
        found |= texts
    return frozenset(found)


def _texts_of_set(items: Sequence[tuple[Any, Any]]) -> _Texts:
    plain = all(kind is _parser.LITERAL for kind, _ in items)
    return frozenset(chr(letter) for _, letter in items) if plain else None


def _texts_of_repeat(value: tuple[int, Any, Any]) -> _Texts:
    least, most, items = value
    if most != 1:
        return None
    texts = _texts_of(items.data)
    return texts if least else texts and texts | _NO_TEXT


_TEXTS: Mapping[str, Callable[[Any], _Texts]] = {
    "AT": lambda _: _NO_TEXT,  # it stands between texts, and is none
    "IN": _texts_of_set,
    "SUBPATTERN": lambda value: _texts_of(value[-1].data),
    "BRANCH": lambda value: _texts_of_any(_texts_of(branch.data) for branch in value[1]),
    "MAX_REPEAT": _texts_of_repeat,
    "MIN_REPEAT": _texts_of_repeat,
}
