"""How values are written for people: the filters of the issue's templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline import markdown
from pipeline.entry import format_timestamp, parse_timestamp
from pipeline.facts import plural
from pipeline.report.parts import raw_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MILLISECOND = 1_000_000
EXCERPT = 240
"""Characters of a text quoted as evidence on one line."""


def excerpt(text: str, most: int = EXCERPT) -> str:
    """Return the beginning of a text on one line, in at most `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def readable_time(timestamp: int) -> str:
    """Return a time as people read it, to the millisecond; the samples keep every digit."""
    return format_timestamp(timestamp - timestamp % MILLISECOND)


def readable_date(text: str) -> str:
    """Return an RFC 3339 time of the contract as people read it, to the millisecond."""
    return readable_time(parse_timestamp(text))


def joined(names: Sequence[str]) -> str:
    """Return names in a row; none is unknown."""
    return ", ".join(names) or "unknown"


def words(kind: str) -> str:
    """Return the name of a kind as words."""
    return kind.replace("_", " ")


def _yaml(text: str) -> markdown.Safe:
    return markdown.fence(text, "yaml")


FILTERS: tuple[tuple[str, Callable[..., object]], ...] = (
    ("time", readable_time),
    ("date", readable_date),
    ("plural", plural),
    ("joined", joined),
    ("words", words),
    ("excerpt", excerpt),
    ("code", markdown.code),
    ("link", markdown.link),
    ("fence", markdown.fence),
    ("yaml", _yaml),
    ("raw_lines", raw_lines),
)
