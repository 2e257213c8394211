"""Which words are parameters too: a place where many values occur in otherwise equal skeletons.

What comes out depends on the set of skeletons alone, not on their order or number, as every step
looks at the whole set: for each place, the values that occur there while all else is equal.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from pipeline.mining.masking import PARAMETER, collapse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["IDENTIFIERS", "WORDS", "generalise"]

WORDS: Final = 12
"""Distinct plain words in one place that make it a parameter; fewer are states, verbs, units."""
IDENTIFIERS: Final = 4
"""Distinct identifiers (`auth.login`, `root_backup`) that do; two do if one has a number in it."""

_ROUNDS: Final = 4
_PLACES: Final = 40
"""Places of a skeleton that are looked at, from its start."""

_TOKEN: Final = re.compile(
    rb"(?:<\*>|[\w\x80-\xff$-]|(?<=[\w\x80-\xff>])\.(?=[\w\x80-\xff<]))+|\s+|.", re.DOTALL
)
_WORD: Final = re.compile(rb"(?:<\*>)*[\w\x80-\xff$]|<\*>")
_LETTERS: Final = re.compile(rb"[A-Za-z\x80-\xff]{3}")
_IDENTIFIER: Final = re.compile(rb".*(?:[0-9_$]|<\*>|\.\w)|[a-f]{8,}\Z", re.DOTALL)
_ADDRESS: Final = re.compile(rb".*(?:[0-9.]|<\*>)|[a-f]{8,}\Z", re.DOTALL)

_PRIME: Final = (1 << 61) - 1
_WEIGHTS: Final = tuple(pow(0x9E3779B97F4A7C15, number, _PRIME) for number in range(1, _PLACES * 4))

_Tokens = tuple[bytes, ...]
_Place = int
"""A hash of all that stands around it, so that many places fit in memory."""


def generalise(skeletons: Iterable[bytes]) -> dict[bytes, bytes]:
    """Return the template of each skeleton: the same text, or one with more parameters."""
    templates = {item: item for item in skeletons}
    for _ in range(_ROUNDS):
        replaced = _round(set(templates.values()))
        if not replaced:
            break
        templates = {item: replaced.get(text, text) for item, text in templates.items()}
    return templates


def _round(texts: set[bytes]) -> dict[bytes, bytes]:
    """Return the texts that have places where others have other values, with these masked."""
    tokens = {text: tuple(_TOKEN.findall(text)) for text in texts}
    parameters = _parameters(tokens.values())
    masked = ((text, _masked(parts, parameters)) for text, parts in tokens.items())
    return {text: other for text, other in masked if other != text}


def _parameters(texts: Iterable[_Tokens]) -> dict[_Place, set[bytes]]:
    """Return the places that are a parameter's, each with the values that it has."""
    values: dict[_Place, set[bytes]] = defaultdict(set)
    shared = _shared(texts)
    around: dict[_Place, tuple[_Tokens, int]] = {}
    for parts in texts:
        for index, place in _places(parts):
            if place in shared:
                values[place].add(parts[index])
                around[place] = (parts, index)
    found = ((place, _variable(*around[place], seen)) for place, seen in values.items())
    return {place: variable for place, variable in found if variable}


def _shared(texts: Iterable[_Tokens]) -> set[_Place]:
    """Return the places that have more than one value."""
    first: dict[_Place, bytes] = {}
    return {
        place
        for parts in texts
        for index, place in _places(parts)
        if first.setdefault(place, parts[index]) != parts[index]
    }


def _places(parts: _Tokens) -> Iterator[tuple[int, _Place]]:
    """Yield the tokens that a value can be, by number, with what stands around them."""
    terms = [weight * _hash(part) for weight, part in zip(_WEIGHTS, parts, strict=False)]
    rest = _hash(b"".join(parts[len(terms) :])) + len(parts)
    whole = sum(terms) + rest
    words = (index for index, part in enumerate(parts[: len(terms)]) if _WORD.match(part))
    for index, _ in zip(words, range(_PLACES), strict=False):
        yield index, (whole - terms[index] + _WEIGHTS[index]) % _PRIME


@lru_cache(100_000)
def _hash(token: bytes) -> int:
    """Return a number that is the same in each process."""
    return int.from_bytes(blake2b(token, digest_size=8).digest(), "big")


def _variable(parts: _Tokens, index: int, seen: set[bytes]) -> set[bytes]:
    """Return those values of a place that are a parameter's; none if nothing else is constant."""
    before, after = b"".join(parts[:index]), b"".join(parts[index + 1 :])
    if not (_LETTERS.search(before) or _LETTERS.search(after)):
        return set()
    if len(seen) >= WORDS or (PARAMETER in seen and before.endswith(b"=")):
        return seen
    quoted = before[-1:] in (b"'", b'"') and after[:1] == before[-1:]
    named = {value for value in seen if quoted or _IDENTIFIER.match(value)} - {PARAMETER}
    numbered = len(named) > 1 and any(PARAMETER in value for value in named)
    addressed = PARAMETER in seen and any(_ADDRESS.match(value) for value in named)
    enough = len(named) >= IDENTIFIERS or numbered or addressed
    return named | {PARAMETER} if enough else set()


def _masked(parts: _Tokens, parameters: dict[_Place, set[bytes]]) -> bytes:
    """Return a text with the values of parameters masked."""
    changed = list(parts)
    for index, place in _places(parts):
        if parts[index] in parameters.get(place, ()):
            changed[index] = PARAMETER
    text = b"".join(changed)
    return collapse(text) if changed != list(parts) else text
