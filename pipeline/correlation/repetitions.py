"""Which of the repetitions of an effect that have a cause is the nearest to one that has none."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

from pipeline.correlation.strands import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.correlation.rows import Rows


def nearest_repetitions(
    rows: Rows, effects: Sequence[int], members: Iterable[int], gap: int
) -> Iterator[tuple[int, int, int]]:
    """Yield the members that are the nearest to some effects, each with its first and its end.

    Effects are rows in order of time; of each the nearest in time counts, of two the earlier, and
    of several at one time the first in canonical order. None is further away than `gap` (ns).
    """
    times = [rows.times[row] for row in effects]
    ordered = sorted(members, key=rows.times.__getitem__)
    moments = [rows.times[row] for row in ordered]
    news = [at for at, (one, other) in enumerate(pairwise(moments), start=1) if one != other]
    middles = [(moments[new - 1] + moments[new]) // 2 for new in news]
    end, whole = 0, len(times)
    for at, after, middle in zip([0, *news], [*news, None], [*middles, NEVER], strict=True):
        if end == whole:
            break
        first, end = end, bisect_right(times, middle, end)  # up to there it is the nearest
        if first < end:
            moment, last = moments[at], end
            if times[first] < moment - gap:
                first = bisect_left(times, moment - gap, first, last)
            if times[last - 1] > moment + gap:
                last = bisect_right(times, moment + gap, first, last)
            if first < last:
                yield _first(rows, ordered[at:after]), first, last


def _first(rows: Rows, same: Sequence[int]) -> int:
    """Return the first in canonical order of rows of one time."""
    return same[0] if len(same) == 1 else min(same, key=lambda row: rows.detection(row).key)
