"""Who owns a file, as GitHub reads CODEOWNERS.

The first of the three places that has one counts, and in it the last pattern that matches; one
without owners says that nobody is. Patterns are those of .gitignore without `!`, `[ ]` and escapes,
and `docs/*` is not for what lies deeper.
https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.investigators.source_code.checkout import Checkout

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")

_LONGEST = 500
"""Characters of a pattern; none that a person writes comes near."""


@dataclass(frozen=True, slots=True)
class Owned:
    """A line of CODEOWNERS: who owns what its pattern matches."""

    path: str
    line: int
    pattern: str
    owners: tuple[str, ...]


def owned(checkout: Checkout, path: str) -> Owned | None:
    """Return the line that decides on a file; None if none does."""
    place = next((place for place in PLACES if place in checkout), "")
    found = [one for one in _lines(place, checkout.text(place)) if _matches(one.pattern, path)]
    return found[-1] if found else None


def _lines(place: str, text: str) -> Iterator[Owned]:
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.partition("#")[0].split()
        if words and len(words[0]) <= _LONGEST and not words[0].startswith("!"):
            yield Owned(place, number, words[0], tuple(words[1:]))


def _matches(pattern: str, path: str) -> bool:
    """Say whether a pattern is for a file; one of a folder is for all that lies in it."""
    anchored = "/" in pattern.rstrip("/")
    deeper = "/.+" if pattern.endswith("/") else "" if pattern.endswith("/*") else "(?:/.+)?"
    start = "" if anchored else "(?:.*/)?"
    body = "".join(map(_part, re.split(r"(/?\*\*/?|\*|\?)", pattern.strip("/"))))
    return re2.fullmatch(start + body + deeper, path) is not None


def _part(text: str) -> str:
    """Return the expression for a wildcard, or for what stands between two of them."""
    if "**" in text:
        inner = text.startswith("/") and text.endswith("/")
        return "/(?:.*/)?" if inner else "(?:.*/)?" if text.endswith("/") else "/?.*"
    return {"*": "[^/]*", "?": "[^/]"}.get(text) or str(re2.escape(text))
