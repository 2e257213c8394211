"""The table that the benchmark prints: each figure beside what is wished for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import starmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HEADER = ("What", "Wish", "Reached", "", "Measured")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure; `met` is None where nothing could be measured, `detail` says from what it is."""

    what: str
    wish: str
    reached: str
    met: bool | None
    detail: str = ""

    @property
    def verdict(self) -> str:
        """Return the word for `met`."""
        return {True: "met", False: "missed", None: "-"}[self.met]


def at_least(what: str, reached: float, wish: float, *, unit: str = "", detail: str = "") -> Row:
    """Make the row of a figure that should be large."""
    return Row(
        what, f">= {number(wish)}{unit}", f"{number(reached)}{unit}", reached >= wish, detail
    )


def below(what: str, reached: float, wish: float, *, unit: str = "", detail: str = "") -> Row:
    """Make the row of a figure that should be small."""
    return Row(what, f"< {number(wish)}{unit}", f"{number(reached)}{unit}", reached < wish, detail)


def skipped(what: str, wish: str, reason: str) -> Row:
    """Make the row of what could not be measured."""
    return Row(what, wish, "-", None, reason)


def number(value: float) -> str:
    """Write two digits after the point up to ten, one up to a hundred, none beyond."""
    for limit, digits in ((10, 2), (100, 1)):
        if round(abs(value), digits) < limit:
            return f"{value:.{digits}f}"
    return f"{value:,.0f}"


def render(rows: Iterable[Row]) -> str:
    """Render the table in Markdown, its columns aligned."""
    lines = [HEADER, *((row.what, row.wish, row.reached, row.verdict, row.detail) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = tuple("-" * width for width in widths)
    return "\n".join(_line(line, widths) for line in (lines[0], rule, *lines[1:]))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return f"| {' | '.join(starmap(str.ljust, zip(cells, widths, strict=True)))} |"
