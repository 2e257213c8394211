"""What a `.dockerignore` keeps out of a build, as the builder itself decides it.

BuildKit reads the file with moby/patternmatcher (`ignorefile.ReadAll`, `PatternMatcher`) and walks
the context with tonistiigi/fsutil (`filter.go`): a folder's results are handed on to what lies in
it, a pattern that cannot change the result so far is not tried, and a folder that is excluded is
not entered unless an exception could begin in it. The documentation says that the last line which
matches decides; where the two differ, the verdict is in doubt.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 1_000
"""Letters of a pattern; a longer one is not tried, and leaves all in doubt."""

MOST = 5_000
"""Lines that are read; of a longer file nothing is said."""

_QUIET = re2.Options()
_QUIET.log_errors = False

_GOOD = re2.compile(r"^(?:\\.|\[\^?(?:(?:\\.|[^\\\]-])(?:-(?:\\.|[^\\\]-]))?)+\]|[^\[\\])*$")
"""What Go's `filepath.Match` takes: of `[]`, ranges begin and end with a letter."""

_ESCAPED = frozenset(".+()|{}$")
_WILD = frozenset("*[]?^\\")


class BadPatternError(ValueError):
    """A pattern that no builder takes: the build fails, or nobody knows what it does."""


@dataclass(frozen=True)
class Line:
    """A line with a pattern: its number (1 is the first), as it is written, and as it is used.

    `keeps` says that it is an exception, which begins with `!`.
    """

    number: int
    written: str
    pattern: str
    keeps: bool = False

    def matches(self, path: str) -> bool:
        """Say whether the pattern is that of a path itself.

        Raises:
            BadPatternError: it is none.

        """
        how, what = self._compiled
        if how == "exact":
            return path == self.pattern
        if how == "prefix":
            return path.startswith(what)
        if how == "suffix":
            return path.endswith(what) or (what.startswith("/") and path == what[1:])
        return bool(self._expression.search(path))

    def might_be_in(self, folder: str) -> bool:
        """Say whether an exception may be about something in a folder."""
        bare = self.pattern.removesuffix("/**").removesuffix("/*")
        return bool(_WILD.intersection(bare)) or f"{bare}/".startswith(f"{folder}/")

    @cached_property
    def _compiled(self) -> tuple[str, str]:
        """How the pattern is compared, and what with."""
        if len(self.pattern) > LONGEST or not _GOOD.search(self.pattern):
            raise BadPatternError(self.written)
        return _translated(self.pattern)

    @cached_property
    def _expression(self) -> re2._Regexp[str]:
        try:
            return re2.compile(self._compiled[1], options=_QUIET)
        except re2.error as error:
            raise BadPatternError(self.written) from error


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a path is kept out, the line that decides it, and one that says otherwise."""

    excluded: bool
    line: Line | None = None
    doubt: Line | None = None


def read(text: str) -> tuple[Line, ...]:
    """Return the lines that hold a pattern; comments begin in the first column.

    Raises:
        BadPatternError: there are too many, or one is an exception from nothing.

    """
    found: list[Line] = []
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        bare = raw.strip()
        if raw.startswith("#") or not bare:
            continue
        keeps = bare.startswith("!")
        pattern = _clean(bare[1:].strip() if keeps else bare)
        if not pattern or len(found) == MOST:
            raise BadPatternError(bare)
        found.append(Line(number, bare, pattern, keeps))
    return tuple(found)


def verdict(lines: Sequence[Line], path: str) -> Verdict:
    """Decide about a file, by its path in the build's context.

    Raises:
        BadPatternError: a pattern is none.

    """
    last = _walked(lines, path)
    documented = _last_match(lines, path)
    excluded = last is not None and not last.keeps
    said = documented is not None and not documented.keeps
    return Verdict(excluded, last, documented if said != excluded else None)


def _walked(lines: Sequence[Line], path: str) -> Line | None:
    """Return the line that decides when all folders of a path are walked through."""
    above: tuple[bool, ...] = (False,) * len(lines)
    last: Line | None = None
    for place in _places(path):
        above, last = _step(lines, place, above)
        if last is not None and not last.keeps and place != path:
            exceptions = [line for line in lines if line.keeps]
            if not any(line.might_be_in(place) for line in exceptions):
                return last
    return last


def _step(
    lines: Sequence[Line], place: str, above: tuple[bool, ...]
) -> tuple[tuple[bool, ...], Line | None]:
    """Return which lines match a place, given those that match its folder, and which decides."""
    excluded, last, matched = False, None, []
    for line, before in zip(lines, above, strict=True):
        counts = line.keeps == excluded
        match = before or (counts and line.matches(place))
        matched.append(match)
        if match:
            excluded, last = not line.keeps, line
    return tuple(matched), last


def _last_match(lines: Sequence[Line], path: str) -> Line | None:
    """Return the last line that matches a path, or a folder above it."""
    places = _places(path)
    return next((line for line in reversed(lines) if any(map(line.matches, places))), None)


def _places(path: str) -> list[str]:
    """Return the folders above a file, the topmost first, and the file."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _clean(pattern: str) -> str:
    """Return a pattern as Go's `filepath.Clean` has it, relative to the context."""
    if not pattern:
        return ""
    whole = posixpath.normpath(pattern)
    if whole.startswith("//"):
        whole = whole[1:]
    return whole[1:] if len(whole) > 1 and whole.startswith("/") else whole


def _translated(pattern: str) -> tuple[str, str]:
    """Return how a pattern is compared (exact, prefix, suffix, expression), and what with."""
    how, parts, at = "exact", ["^"], 0
    while at < len(pattern):
        begins, letter = at == 0, pattern[at]
        at += 1
        if pattern.startswith("**", at - 1):
            at += 1 + pattern.startswith("/", at + 1)
            how, part = _stars(how, at_end=at == len(pattern), begins=begins)
        elif letter == "\\":
            how, part, at = "expression", f"\\{pattern[at]}", at + 1
        elif letter in "*?":
            how, part = "expression", "[^/]*" if letter == "*" else "[^/]"
        elif letter in "[]":
            how, part = "expression", letter
        else:
            part = f"\\{letter}" if letter in _ESCAPED else letter
        parts.append(part)
    texts = {"exact": pattern, "prefix": pattern[:-2], "suffix": pattern[2:]}
    return how, texts.get(how, "".join(parts) + "$")


def _stars(how: str, *, at_end: bool, begins: bool) -> tuple[str, str]:
    """Return what `**` makes of a pattern: at its end all below is meant, else any folders."""
    if begins:
        return "suffix", ".*" if at_end else "(.*/)?"
    if at_end:
        return ("prefix", "") if how == "exact" else ("expression", ".*")
    return "expression", "(.*/)?"
