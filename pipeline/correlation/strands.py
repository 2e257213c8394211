"""The causes that come into question for effects of one place, in order of time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.audit import Edge
    from pipeline.correlation.episodes import Facet

UNKNOWN = -(2**63)
"""No time: earlier than any."""


@dataclass(frozen=True, slots=True)
class Strand:
    """Causes by one edge, in order of time."""

    edge: Edge
    within: int
    times: Sequence[int]
    rows: Sequence[int]

    def after(self, time: int, skew: int) -> int | None:
        """Return when the first cause after a time was, as far as clocks and the edge allow."""
        index = bisect_right(self.times, time)
        if index == len(self.times) or self.times[index] - time > max(skew, self.edge.before):
            return None
        return self.times[index]

    def between(self, first: int, last: int) -> Sequence[int]:
        """Return the causes from one time to another, both included."""
        return self.rows[bisect_left(self.times, first) : bisect_right(self.times, last)]


@dataclass(slots=True)
class Pool:
    """Facets of causes that agree on the fields of an edge, by service and revision."""

    facets: dict[str, dict[str, list[Facet]]] = field(default_factory=dict)
    strands: dict[tuple[object, ...], Strand] = field(default_factory=dict)

    def add(self, facet: Facet) -> None:
        """Add a facet."""
        revisions = self.facets.setdefault(facet.service, {})
        revisions.setdefault(facet.revision, []).append(facet)


def nearest_causes(
    strands: Sequence[Strand], times: Sequence[int], skew: int
) -> Iterator[int | None]:
    """Yield for each time when the last cause was that is not after it.

    `UNKNOWN` says that there are only later ones, as far as clocks and edges allow; None that there
    is none.
    """
    reaches = [
        (_quick(one.times, len(times)), one.within, max(skew, one.edge.before)) for one in strands
    ]
    for time in times:
        nearest = None
        for moments, within, ahead in reaches:  # the innermost loop of all: a call takes longer
            index = bisect_right(moments, time)
            if index and time - moments[index - 1] <= within:
                if nearest is None or moments[index - 1] > nearest:
                    nearest = moments[index - 1]
            elif nearest is None and index < len(moments) and moments[index] - time <= ahead:
                nearest = UNKNOWN
        yield nearest


def _quick(times: Sequence[int], searches: int) -> Sequence[int]:
    """Return times as what they are found in soonest: an array makes a number of each it looks at.

    To copy them takes as long as a few searches.
    """
    return [*times] if len(times) < 4 * searches else times
