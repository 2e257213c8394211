"""The causes that come into question for effects of one place, in order of time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.audit import Edge
    from pipeline.correlation.episodes import Facet

UNKNOWN = -(2**63)
"""No time: earlier than any."""

NOTHING = UNKNOWN - 1
"""Not even that."""

NEVER = 2**64
"""Nanoseconds that are further away than any time."""


@dataclass(frozen=True, slots=True)
class Strand:
    """Causes by one edge, in order of time."""

    edge: Edge
    within: int
    times: Sequence[int]
    rows: Sequence[int]

    def nearest(self, times: Sequence[int], skew: int) -> list[int]:
        """Return for each time when the last cause was that is not after it.

        `UNKNOWN` says that there are only later ones, as far as clocks and the edge allow;
        `NOTHING` that there are none.
        """
        moments = [-NEVER, *self.times, NEVER]
        within, ahead = self.within, max(skew, self.edge.before)
        found = []
        for time in times:  # the innermost loop of all: a call takes longer
            index = bisect_right(moments, time)
            before = moments[index - 1]
            if time - before <= within:
                found.append(before)
            else:
                found.append(UNKNOWN if moments[index] - time <= ahead else NOTHING)
        return found

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


def nearest_causes(strands: Sequence[Strand], times: Sequence[int], skew: int) -> list[int]:
    """Return for each time when the nearest cause of all strands was (`Strand.nearest`)."""
    found, *others = [strand.nearest(times, skew) for strand in strands]
    return [*map(max, found, *others)] if others else found
