"""Statements of SQL that create, rename, drop and change tables, found in any text."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SLOT = "\ufffc"
"""What stands in a text where a program puts something in."""

LONGEST = 128
"""Characters of a table's name; longer ones are none."""

_NAME = r"""(?:["`\[]?[\w$-]+["`\]]?\s*\.\s*)*["`\[]?([\w$]+)["`\]]?"""
_DOWN = re2.compile(r"(?im)^\s*--\s*(?:migrate:down|\+goose\s+down|\+migrate\s+down|down\b|@undo)")
_LINE_END = re2.compile(r"\n")
_COMMENT = re2.compile(r"--[^\n]*|/\*(?s:.*?)\*/")


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """What a statement does to a table: `create`, `drop`, `rename` (to `other`).

    `line` begins with 1; `table` is "" where a program puts the name in.
    """

    line: int
    what: str
    table: str
    other: str = ""


_IF = r"(?:if\s+(?:not\s+)?exists\s+)?"
_STATEMENTS = tuple(
    (what, re2.compile(rf"(?i)\b{pattern}"))
    for what, pattern in (
        ("create", rf"create\s+(?:unlogged\s+|external\s+|foreign\s+)?table\s+{_IF}{_NAME}"),
        ("create", rf"create\s+(?:or\s+replace\s+)?(?:materialized\s+)?view\s+{_IF}{_NAME}"),
        (
            "create",
            rf"select\b[^;]{{1,500}}?\binto\s+(?:unlogged\s+)?(?:table\s+)?{_NAME}\s+from\b",
        ),
        ("drop", rf"drop\s+table\s+{_IF}{_NAME}"),
        ("rename", rf"alter\s+table\s+{_IF}(?:only\s+)?{_NAME}\s+rename\s+to\s+{_NAME}"),
        ("rename", rf"rename\s+table\s+{_NAME}\s+to\s+{_NAME}"),
    )
)
_MORE_DROPPED = re2.compile(rf"^\s*,\s*{_NAME}")
_OPEN = re2.compile(rf"(?i)\bcreate\s+table\s+(?:if\s+not\s+exists\s+)?[\w.\"`]*[{SLOT}{{%$]")


_EXECUTED = re2.compile(r"(?i)\bexecute\b[^;\n]*\bcreate\b[^;\n]*(?:\|\||%)")
"""What puts a statement together while it runs."""


def bare(name: str) -> str:
    """Return a table's name without schema and quotes, in lower case, as databases compare them."""
    return name.rpartition(".")[2].strip("\"'`[] ").lower()


def clean(text: str) -> str:
    """Return a text without halves of characters, which no file or message can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def is_name(name: str) -> bool:
    """Say whether this can be the name of a table that code spells out."""
    return 0 < len(name) <= LONGEST and name.replace("_", "a").replace("$", "a").isalnum()


@lru_cache(maxsize=20_000)
def changes(text: str) -> tuple[Change, ...]:
    """Return what the statements in a text do to tables, in order of their lines.

    What a migration tool runs only on the way back is left out.
    """
    if down := _DOWN.search(text):
        text = text[: down.start()]
    text = _COMMENT.sub(_blank, text)
    ends = [match.start() for match in _LINE_END.finditer(text)]
    found = [
        Change(bisect_left(ends, match.start()) + 1, "create", "")
        for pattern in (_OPEN, _EXECUTED)
        for match in pattern.finditer(text)
    ]
    for what, pattern in _STATEMENTS:
        for match in pattern.finditer(text):
            line = bisect_left(ends, match.start()) + 1
            names = [bare(name) for name in match.groups()]
            found.append(Change(line, what, *names))
            if what == "drop":
                found += (Change(line, what, name) for name in _further(text, match.end()))
    return tuple(sorted(found))


def queries(table: str) -> Callable[[str], bool]:
    """Return what says whether a text is a statement that needs a table."""
    name = rf"""(?:["`]?\w+["`]?\.)?["`]?{re2.escape(table)}["`]?"""
    pattern = re2.compile(
        rf"(?is)^\s*(?:(?:select|with|explain|insert|delete|merge)\b.*\b(?:from|join|into|using)\s+{name}"
        rf"|select\b.*\b(?:table_?name|relname)\b.*'{re2.escape(table)}'"
        rf"|update\s+(?:only\s+)?{name}\s.*\bset\b|truncate\s+(?:table\s+)?{name}"
        rf"|lock\s+(?:table\s+)?{name}|copy\s+{name})(?:[^\w]|$)"
    )
    return lambda text: pattern.search(text) is not None


def _further(text: str, end: int) -> Iterator[str]:
    """Yield the names after the first of a list."""
    while match := _MORE_DROPPED.search(text[end : end + 4 * LONGEST]):
        yield bare(match[1])
        end += match.end()


def _blank(match: re2._Match[str]) -> str:
    """Return as many lines as a comment has."""
    return "\n" * match[0].count("\n") or " "


def adding(text: str, column: str) -> Iterator[int]:
    """Yield the lines of a text in which a statement adds a column, beginning with 1."""
    text = _COMMENT.sub(_blank, text)
    pattern = re2.compile(rf'(?i)\badd\s+(?:column\s+)?{_IF}["`]?{re2.escape(column)}\b')
    for match in pattern.finditer(text):
        yield text.count("\n", 0, match.start()) + 1
