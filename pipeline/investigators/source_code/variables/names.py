"""Which names of variables an incident is about, and which two names may be meant for one.

Two are taken for one where they differ in case or underscores, in what stands before or after, in
the order of their words, or in a letter. Names that are only alike are a suggestion.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import re2
from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from pipeline.exceptions import parse_exception
from pipeline.facts import sample_ref

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.incident import Symptom

MOST = 6
"""Variables of an incident that are looked for."""

ALIKE = 80
"""RapidFuzz's ratio (of 100) from which names are worth a look."""

_LONG = 4
"""Letters of a word in which one may be a slip."""

_FIELD = re2.compile(r"^[A-Za-z_][\w.]{0,127}$")
_TOKEN = re2.compile(r"\b([A-Z][A-Z0-9]*_[A-Z0-9_]+)\b")
_ABSENT = re2.compile(
    r"(?i)required|missing|not set|not found|not defined|undefined|must not be empty|\bset the\b"
    r"|must be (?:set|given|defined|provided)"
)
_MISSING = re2.compile(r"(?i)KeyError|" + _ABSENT.pattern.removeprefix("(?i)"))


@dataclass(frozen=True, slots=True)
class Asked:
    """A setting that an entry names: of a model, or a variable itself.

    `told` says that the entry is about a setting, not only that a name like that stands in it;
    `missing` that it is not there, rather than wrong.
    """

    name: str
    ref: str
    told: bool
    missing: bool = False


def asked(root: Symptom) -> list[Asked]:
    """Return what the root names, each once."""
    found: dict[str, Asked] = {}
    for sample in root.samples:
        for name, told, missing in _of_text(root, sample.text):
            found.setdefault(name, Asked(name, sample_ref(sample), told, missing))
    return list(found.values())[:MOST]


def _of_text(root: Symptom, text: str) -> Iterator[tuple[str, bool, bool]]:
    named = str(root.fields.get("setting") or root.fields.get("variable") or "")
    fields = list(_fields(text))
    yield from ((name, True, missing) for name, missing in fields)
    about = [line for line in text.split("\n") if named in line]
    if _FIELD.match(named) and about:
        yield named, True, any(map(_MISSING.search, about))
    info = parse_exception(text)
    if info is not None and not fields:
        for line in info.message[:2_000].split("\n"):
            for match in _TOKEN.finditer(line):
                yield match.group(1), False, _ABSENT.search(line) is not None


def _fields(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the fields that a model of pydantic refuses, with whether they are missing."""
    _, found, rest = text.partition(" for ")
    if "validation error" not in text or not found:
        return
    for name, what in pairwise(rest.split("\n")):
        if _FIELD.match(name) and what.startswith("  "):
            yield name, "required" in what.lower() or "missing" in what


def is_meant(one: str, other: str) -> bool:
    """Say whether two names are the same but for the ways in which one is written for another."""
    words, others = one.upper().split("_"), other.upper().split("_")
    if "".join(words) == "".join(others) or sorted(words) == sorted(others):
        return True
    short, long = sorted((words, others), key=len)
    if len(short) < len(long):
        return len(short) > 1 and short in (long[: len(short)], long[-len(short) :])
    differing = [pair for pair in zip(words, others, strict=True) if pair[0] != pair[1]]
    return len(differing) == 1 and _is_slip(*differing[0])


def alike(one: str, other: str) -> float:
    """Return how alike two names are, of 100; 0 for what differs in numbers alone."""
    letters = [name.translate(_NO_DIGITS) for name in (one, other)]
    return 0.0 if letters[0] == letters[1] else fuzz.ratio(one.upper(), other.upper())


_NO_DIGITS = str.maketrans("", "", "0123456789")


def _is_slip(one: str, other: str) -> bool:
    long = min(len(one), len(other)) >= _LONG and one.isalpha() and other.isalpha()
    return long and OSA.distance(one, other) == 1
