"""What rows come to, with the detections for which they stand (`thinning.py`)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pipeline.correlation.keys import FIRST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.correlation.rows import Rows


def count_of(rows: Rows, members: Sequence[int]) -> int:
    """Return for how many detections some rows stand, themselves included."""
    others = map(rows.others.get, members) if rows.others else ()
    return len(members) + sum(count for told in others if told for _, count in told)


def moments_of(rows: Rows, members: Sequence[int], since: int = FIRST) -> list[int]:
    """Return when all these were (ns UTC), in order.

    Before `since` of those for which a row stands only one of several that go together.
    """
    found = [*map(rows.times.__getitem__, members)]
    for row in members if rows.others else ():
        for time, count in rows.others.get(row, ()):
            found += [time] * (count if time >= since else 1)
    return sorted(found)


def sightings_of(rows: Rows, members: Sequence[int], since: int | None) -> dict[str, list[int]]:
    """Return when all these were, in order, by revision ("" for all if nobody asks for these).

    With `since` (ns UTC) nobody does, nor for how many there were before.
    """
    if since is not None:
        return {"": moments_of(rows, members, since)}
    found: dict[str, list[int]] = defaultdict(list)
    for row in members:
        found[rows.facet(row).revision].append(row)
    return {revision: moments_of(rows, mine) for revision, mine in found.items()}
