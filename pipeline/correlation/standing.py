"""What rows come to, with the detections for which they stand (`thinning.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.correlation.rows import Rows


def count_of(rows: Rows, members: Sequence[int]) -> int:
    """Return for how many detections some rows stand, themselves included."""
    others = map(rows.others.get, members) if rows.others else ()
    return len(members) + sum(count for told in others if told for _, count in told)


def moments_of(rows: Rows, members: Sequence[int]) -> list[int]:
    """Return when all these were (ns UTC), in order."""
    found = [*map(rows.times.__getitem__, members)]
    for row in members if rows.others else ():
        for time, count in rows.others.get(row, ()):
            found += [time] * count
    return sorted(found)
