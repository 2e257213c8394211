"""What a text must hold for an RE2 expression to match it.

Sound, not exact: whenever an expression matches a text, the text holds one of the expression's
literals, in any case of its letters. An expression of which that cannot be said has none.

A literal is a run of printable ASCII without what JSON may escape, so that it stands in the JSON of
a text, too. Texts that hold characters whose case folds into ASCII are the caller's business.
"""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager, nullcontext
from functools import cache
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from pipeline.entry.decoding import TOO_DEEP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

Literals = frozenset[str] | None


class Expression(str):
    """A literal that is looked for as an expression; any other is meant to the letter."""

    __slots__ = ()


SHORTEST = 4
"""Characters: a shorter literal stands in nearly every entry and screens nothing out."""

NUMBER = re.compile(r"[-+.0-9eE]+")
"""A text that may be a number, which JSON may write otherwise: 1e+16, 1e16."""

_UNESCAPED = re.compile(r"[\x20\x21\x23-\x2e\x30-\x5b\x5d-\x7e]+")  # ASCII less " / and \
_EMPTIED = re.compile("''|``|: -|-, ")  # what `LogEntry.unquoted` puts in place of a quotation
_EVERYWHERE = ".googleapis.com"
_IN_AUDIT_LOGS = ("authorizationinfo", "developer.gserviceaccount.com", "iam.gserviceaccount.com")
_WRITTEN = (TOO_DEEP.lower(), "-infinity")  # by whoever decodes the JSON: in a raw line it is not
_LETTERS = re.compile(r"[^\\.^$*+?{}\[\]()|]+")  # an expression that means its own letters
_READ_OTHERWISE = re.compile(r"\[:\^?[a-z]+:\]|\{,")  # [[:digit:]] is a class to RE2, {,1} letters

_parser: Any = re._parser  # type: ignore[attr-defined]  # noqa: SLF001 - the only parser at hand


def one_of(alternatives: Iterable[Literals]) -> Literals:
    """Any of the alternatives may hold: all their literals, or nothing known if one has none."""
    return _any_of(alternatives) or None


def _any_of(alternatives: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    """Return the texts of all alternatives, None if those of one are not known."""
    found: set[str] = set()
    for texts in alternatives:
        if texts is None:
            return None
        found |= texts
    return frozenset(found)


def best(parts: Iterable[Literals]) -> Literals:
    """All of the parts hold: take the most telling one, that whose shortest literal is longest."""
    known = {literals for literals in parts if literals is not None}
    if len(known) < 2:  # noqa: PLR2004 - there is nothing to weigh
        return known.pop() if known else None
    return max(known, key=lambda item: (min(map(_weight, item)), -len(item), sorted(item)))


def _weight(literal: str) -> int:
    """Return how much it tells: a text more than a number, and what ends every name of an API none.

    `run.googleapis.com` stands in the log name of all that Cloud Run logs, `authorizationInfo` in
    every audit log.
    """
    if isinstance(literal, Expression) or any(literal in word for word in _IN_AUDIT_LOGS):
        return 0
    return len(literal.removesuffix(_EVERYWHERE))


def of_text(text: str) -> Literals:
    """Return the longest run that JSON leaves as it is, as does who leaves quotations out."""
    runs = [part for run in _UNESCAPED.findall(text) for part in _EMPTIED.split(run)]
    run = max(runs, key=len, default="").lower()
    tells = len(run) >= SHORTEST and not NUMBER.fullmatch(run)
    return frozenset({run}) if tells and not any(run in word for word in _WRITTEN) else None


@cache
def of_expression(expression: str) -> Literals:
    """Return what an RE2 expression requires, as far as Python's parser reads it alike.

    Where the two dialects differ, Python's refuses the expression or takes it to require less.
    """
    if _LETTERS.fullmatch(expression):
        return of_text(expression)
    parsed = parse(expression)
    try:
        return None if parsed is None else _of_sequence(parsed.data)
    except RecursionError:
        return None


def parse(expression: str) -> Any:
    """Return what Python's parser makes of an expression, None for one that it refuses.

    Nor is anything told of one in which it reads something else than RE2 does.
    """
    if _READ_OTHERWISE.search(expression):
        return None
    try:
        with _quiet() if "[" in expression else nullcontext():
            return _parser.parse(expression)
    except (re.error, OverflowError, RecursionError):
        return None


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
    parts = _known(_flat(items))
    whole = _of_parts(parts)
    at = next((at for at, (texts, _, one) in enumerate(parts) if _is_optional(texts, one)), None)
    if at is None:
        return whole
    before, (_, _, (kind, (_, most, part))), after = parts[:at], parts[at], parts[at + 1 :]
    there = _known(_flat(part.data) if most == 1 else [(kind, (1, most, part))])
    either = one_of(map(_of_parts, ([*before, *after], [*before, *there, *after])))
    return best([whole, either])


def _flat(items: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
    """Yield the parts of a sequence, those of a group in place of it."""
    for item in items:
        if item[0] is _parser.SUBPATTERN:
            yield from _flat(item[1][-1].data)
        else:
            yield item


def _known(items: Iterable[tuple[Any, Any]]) -> list[_Known]:
    """Return of each part the texts that it matches, what it requires if they are many, and it."""
    return [
        (texts, _of_part(kind, value) if _are_many(texts) else None, (kind, value))
        for texts, kind, value in _parts(items)
    ]


def _are_many(texts: _Texts) -> bool:
    return texts is None or len(texts) > _MOST_TEXTS


def _is_optional(texts: _Texts, part: tuple[Any, Any]) -> bool:
    """Say whether a part may be left out, and else is one of many texts."""
    kind, value = part
    return texts is None and kind in _REPEATS and value[0] == 0


def _of_parts(parts: Iterable[_Known]) -> Literals:
    found: list[Literals] = []
    run: list[frozenset[str]] = []
    count = 1
    for texts, required, _ in parts:
        if texts is None or len(texts) > _MOST_TEXTS:
            found += [_of_run(run), required]
            run, count = [], 1
            continue
        if count * len(texts) > _MOST_TEXTS:
            found.append(_of_run(run))
        run.append(texts)
        count *= len(texts)
        while count > _MOST_TEXTS:
            count //= len(run.pop(0))
    return best([*found, _of_run(run)])


def _of_run(run: Sequence[frozenset[str]]) -> Literals:
    """Return the texts that parts in a row may be, but for those in which another one stands."""
    texts = one_of(map(of_text, _rows(run))) or frozenset()
    if len(texts) < 2:  # noqa: PLR2004 - most are one text
        return texts or None
    found = {one for one in texts if not any(one != other and other in one for other in texts)}
    return frozenset(found) or None


def _of_part(kind: Any, value: Any) -> Literals:
    if kind is _parser.BRANCH:
        return one_of(_of_sequence(branch.data) for branch in value[1])
    if kind in _REPEATS and value[0] > 0:
        return _of_sequence(value[2].data)
    return None


# --- what a part of an expression is, to the letter -----------------------------------------------

_Texts = frozenset[str] | None
"""All texts that something matches; None: they are many, or not known."""

_Known = tuple[_Texts, Literals, tuple[Any, Any]]

_NO_TEXT = frozenset({""})
_MOST_TEXTS = 16
_REPEATS = (_parser.MAX_REPEAT, _parser.MIN_REPEAT)


def _parts(items: Iterable[tuple[Any, Any]]) -> Iterator[tuple[_Texts, Any, Any]]:
    """Yield each part of a sequence, letters in a row as one, after the texts that it matches."""
    letters: list[str] = []
    for kind, value in items:
        if kind is _parser.LITERAL:
            letters.append(chr(value))
            continue
        if letters:
            yield frozenset({"".join(letters)}), None, None
            letters.clear()
        texts = _TEXTS.get(kind)
        yield texts and texts(value), kind, value
    if letters:
        yield frozenset({"".join(letters)}), None, None


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


def _texts_of_set(items: Sequence[tuple[Any, Any]]) -> _Texts:
    plain = all(kind is _parser.LITERAL for kind, _ in items)
    return frozenset(chr(letter) for _, letter in items) if plain else None


def _texts_of_repeat(value: tuple[int, Any, Any]) -> _Texts:
    least, most, items = value
    if most != 1:
        return None
    texts = _texts_of(items.data)
    return texts if least else texts and texts | _NO_TEXT


_TEXTS: Mapping[Any, Callable[[Any], _Texts]] = {
    _parser.AT: lambda _: _NO_TEXT,  # it stands between texts, and is none
    _parser.IN: _texts_of_set,
    _parser.SUBPATTERN: lambda value: _texts_of(value[-1].data),
    _parser.BRANCH: lambda value: _any_of(_texts_of(branch.data) for branch in value[1]),
    _parser.MAX_REPEAT: _texts_of_repeat,
    _parser.MIN_REPEAT: _texts_of_repeat,
}
