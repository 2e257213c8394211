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
    bounds = pairwise([-NEVER, *middles, NEVER])  # up to a middle the earlier one is the nearest
    end = 0
    for (at, after), (low, high) in zip(pairwise([0, *news, None]), bounds, strict=True):
        moment = moments[at or 0]
        first = bisect_left(times, max(low + 1, moment - gap), end)
        end = bisect_right(times, min(high, moment + gap), first)
        if first < end:
            yield _first(rows, ordered[at:after]), first, end


def _first(rows: Rows, same: Sequence[int]) -> int:
    """Return the first in canonical order of rows of one time."""
    return same[0] if len(same) == 1 else min(same, key=lambda row: rows.detection(row).key)
