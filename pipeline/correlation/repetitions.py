"""Which of the repetitions of an effect that have a cause is the nearest to one that has none."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.correlation.rows import Rows


class Repetitions:
    """Rows that have a cause, by when they were; there is at least one."""

    def __init__(self, rows: Rows, members: Iterable[int]) -> None:
        self._rows = rows
        at: dict[int, list[int]] = defaultdict(list)
        for row in members:
            at[rows.times[row]].append(row)
        self._times = sorted(at)
        self._members = [at[time] for time in self._times]
        self._middles = [(before + after) // 2 for before, after in pairwise(self._times)]

    def nearest(self, rows: Sequence[int], gap: int) -> list[int | None]:
        """Return for each the nearest in time, of two the earlier; None if it is beyond `gap`.

        Up to the middle between two, the earlier one is the nearest. Of several at one time it is
        the first in canonical order.
        """
        found: list[int | None] = []
        times, middles, members = self._times, self._middles, self._members
        for time in map(self._rows.times.__getitem__, rows):
            index = bisect_left(middles, time)
            if not -gap <= time - times[index] <= gap:
                found.append(None)
                continue
            same = members[index]
            if len(same) > 1:
                same[:] = [min(same, key=lambda row: self._rows.detection(row).key)]
            found.append(same[0])
        return found
