"""What Sigma has no word for, and an audit block may ask of a correlation beyond its condition.

`share`: what is counted is a part of all requests of the span, and so many times the part that it
was before. Nothing is a part of requests of which none went well before: an export that was cut by
severity has errors of hours of which it has nothing else. `surge`: what is counted is so many times
what spans of that length had on average in the time before. `rising`: values lie on a line, found
by least squares, that goes up to a limit and meets it soon. The sums are exact, and moving a span
by one value costs the same however many there are in it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from fractions import Fraction
from itertools import accumulate
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple, Union, cast

from pipeline.audit import SECOND
from pipeline.entry import format_timestamp
from pipeline.rule.model import exact_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.audit import Rising, Share, Surge
    from pipeline.correlation.sigma import Measure
    from pipeline.rule import Correlation

    Total = Callable[[int, int], int]

More = Union["Sharing", "Surging", "Slope"]
"""What is asked beyond the condition, of a span that detections enter and leave."""

Timed = tuple[int, "Sequence[int | Fraction]"]
"""The time of a detection (ns UTC), and what it adds to the measure."""

Numbers = tuple[tuple[float, ...], dict[str, Any]]
"""What titles may say of a run, after its rank among what they may say of parts of it."""

STRAIGHT = Fraction(9, 10)
"""How much of the values' scatter a line has to account for (r squared) to be told."""

HOUR = 3600 * SECOND
_HUNDRED = 100


def narrowing(
    correlation: Correlation, times: Sequence[int], parts: Sequence[Sequence[object]], total: Total
) -> More | None:
    """Return what an audit block asks beyond the condition of one group, None for nothing.

    `times` are those of all its detections, in order, `parts` what each adds; `total` says how many
    different requests of the group there were from a time to another, both included (ns UTC), 0 if
    nobody can tell.
    """
    audit = correlation.audit
    if audit.share:
        return Sharing(audit.share, correlation.timespan, times, total)
    if audit.surge:
        return Surging(audit.surge, correlation.timespan, times, parts)
    return Slope(audit.rising) if audit.rising else None


class Narrowed:
    """A measure of which more is asked; what it is told are a time and its parts."""

    def __init__(self, measure: Measure, more: More) -> None:
        self._measure = measure
        self._more = more.anew()

    def add(self, what: Timed) -> None:
        """Take one in."""
        self._measure.add(what[1])
        self._more.add(what)

    def drop(self, what: Timed) -> None:
        """Let the earliest go."""
        self._measure.drop(what[1])
        self._more.drop(what)

    def holds(self) -> bool:
        """Return whether both hold now."""
        return self._measure.holds() and self._more.holds()


# --- a part of all requests ---------------------------------------------------------------------


class Sharing:
    """Whether what a span has is enough of all requests there were in it."""

    def __init__(self, share: Share, timespan: int, times: Sequence[int], total: Total) -> None:
        self._share = share
        self._timespan = timespan
        self._times = times
        self._total = total
        self._least = dict[int, tuple[int, int]]()
        self._inside = deque[Timed]()
        self._count = 0

    def anew(self) -> Sharing:
        """Return the same of an empty span; what was asked once is not asked again."""
        other = Sharing(self._share, self._timespan, self._times, self._total)
        other._least = self._least
        return other

    def add(self, what: Timed) -> None:
        """Take one in, the latest."""
        self._inside.append(what)
        self._count += len(what[1])

    def drop(self, what: Timed) -> None:
        """Let the earliest go."""
        self._inside.popleft()
        self._count -= len(what[1])

    def holds(self) -> bool:
        """Return whether it is enough now."""
        start = self._inside[0][0]
        if start not in self._least:
            self._least[start] = self._needed(start)
        least, most = self._least[start]
        return least <= self._count <= most

    def numbers(self, what: Sequence[Timed], spans: Sequence[tuple[int, int]]) -> Numbers:
        """Return what titles may say: of the span with the greatest part, the first of several.

        `spans` are those of one run, as indices of what was told.
        """
        found = [(what[start][0], end - start) for start, end in spans]
        start, count = max(found, key=lambda one: (one[1] / self._of(one[0]), -one[0]))
        total = self._of(start)
        return (count / total, -start), {
            "count": count,
            "total": total,
            "share": _rounded(Fraction(_HUNDRED * count, total)),
            "since": _clock(start),
            "until": _clock(start + self._timespan),
        }

    def _of(self, start: int) -> int:
        return self._total(start, start + self._timespan)

    def _needed(self, start: int) -> tuple[int, int]:
        """Return how many are enough in the span that begins at a time, and the most there are."""
        share, total = self._share, self._of(start)
        least = ceil(Fraction(str(share.gte)) * total / _HUNDRED)
        if share.times is None:
            return least, total
        since = start - share.before
        before = self._total(since, start - SECOND)
        known = bisect_left(self._times, start) - bisect_left(self._times, since)
        if before < total:  # too few to compare with
            return least, 0
        return max(least, ceil(Fraction(str(share.times)) * known * total / (before or 1))), total


# --- many more than before -----------------------------------------------------------------------


class Surging:
    """Whether what a span has is many times what the spans before it had on average."""

    def __init__(
        self, surge: Surge, timespan: int, times: Sequence[int], parts: Sequence[Sequence[object]]
    ) -> None:
        self._surge = surge
        self._timespan = timespan
        self._times = times
        self._parts = parts
        self._sums = [0, *accumulate(map(len, parts))]
        many = Fraction(str(surge.times)) * Fraction(timespan, surge.before)
        self._whole, self._part = many.as_integer_ratio()  # it is asked for every span
        self._inside = deque[Timed]()
        self._count = 0

    def anew(self) -> Surging:
        """Return the same of an empty span."""
        return Surging(self._surge, self._timespan, self._times, self._parts)

    def add(self, what: Timed) -> None:
        """Take one in, the latest."""
        self._inside.append(what)
        self._count += len(what[1])

    def drop(self, what: Timed) -> None:
        """Let the earliest go."""
        self._inside.popleft()
        self._count -= len(what[1])

    def holds(self) -> bool:
        """Return whether it is so many times as much now; before it there may have been nothing."""
        earlier = self._earlier(self._inside[0][0])
        return self._count * self._part >= earlier * self._whole

    def numbers(self, what: Sequence[Timed], spans: Sequence[tuple[int, int]]) -> Numbers:
        """Return what titles may say: of the span that has the most, the first of several.

        `spans` are those of one run, as indices of what was told.
        """
        start, end = max(spans, key=lambda one: (self._between(*one), -one[0]))
        since = what[start][0]
        return (self._between(start, end), -since), {
            "count": self._between(start, end),
            "earlier": self._earlier(since),
            "since": _clock(since),
            "until": _clock(since + self._timespan),
        }

    def _between(self, start: int, end: int) -> int:
        return self._sums[end] - self._sums[start]

    def _earlier(self, start: int) -> int:
        """Return how many there were in the time before a span."""
        since = bisect_left(self._times, start - self._surge.before)
        return self._between(since, bisect_left(self._times, start))


# --- a line that goes up ------------------------------------------------------------------------


class Line(NamedTuple):
    """A line through values: `slope` a nanosecond, and when it meets the limit (ns UTC)."""

    slope: Fraction
    meets: int


class Slope:
    """Whether what a span has rises; values are per cent of the limit."""

    def __init__(self, rising: Rising) -> None:
        self._rising = rising
        self._inside = deque[Timed]()
        self._sums: list[int | Fraction] = [0] * 6

    def anew(self) -> Slope:
        """Return the same of an empty span."""
        return Slope(self._rising)

    def add(self, what: Timed) -> None:
        """Take one in, the latest."""
        self._inside.append(what)
        self._move(what, 1)

    def drop(self, what: Timed) -> None:
        """Let the earliest go."""
        self._inside.popleft()
        self._move(what, -1)

    def holds(self) -> bool:
        """Return whether the line goes up and meets the limit soon."""
        rising, inside = self._rising, self._inside
        far = inside[-1][0] - inside[0][0] >= rising.over
        line = self.line() if far and self._sums[0] >= rising.points else None
        return line is not None and line.meets <= inside[-1][0] + rising.within

    def line(self) -> Line | None:
        """Return the line through the values if it goes up, and they lie on it."""
        count, time, value, times, products, values = self._sums
        run = count * times - time * time
        rise = count * products - time * value
        scatter = count * values - value * value
        if rise <= 0 or rise * rise < STRAIGHT * run * scatter:
            return None
        slope = Fraction(rise) / run
        return Line(slope, ceil((_HUNDRED * count - value + slope * time) / (slope * count)))

    def numbers(self, what: Sequence[Timed], spans: Sequence[tuple[int, int]]) -> Numbers:
        """Return what titles may say: of the last of the spans of one run, which holds."""
        last = what[slice(*spans[-1])]
        here = self.anew()
        for one in last:
            here.add(one)
        line = cast("Line", here.line())
        shown = [value for _, parts in last for value in parts]
        return (last[0][0],), {
            "points": len(shown),
            "first": _rounded(Fraction(shown[0])),
            "last": _rounded(Fraction(shown[-1])),
            "per_hour": _rounded(line.slope * HOUR),
            "full_at": _minute(max(line.meets, last[-1][0])),
        }

    def _move(self, what: Timed, sign: int) -> None:
        at, parts = what
        for value in parts:
            own = (1, at, value, at * at, at * value, value * value)
            self._sums = [known + sign * one for known, one in zip(self._sums, own, strict=True)]


def per_cent(numbers: Sequence[int | Fraction], limit: object) -> tuple[Fraction, ...]:
    """Return values in per cent of their limit, a number above 0 or `%`; none without a limit."""
    whole = Fraction(_HUNDRED) if limit == "%" else exact_number(limit)
    if whole is None or whole <= 0:
        return ()
    return tuple(_HUNDRED * Fraction(number) / whole for number in numbers)


def _rounded(value: Fraction) -> str:
    """Return a number as people say it: `12`, or `1.5` below ten."""
    return f"{float(value):.0f}" if value >= 10 else f"{float(value):.1f}".removesuffix(".0")  # noqa: PLR2004 - two digits


def _clock(time: int) -> str:
    return format_timestamp(time)[11:16]


def _minute(time: int) -> str:
    return f"{format_timestamp(time)[:16].replace('T', ' ')} UTC"
