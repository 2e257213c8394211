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


@dataclass(frozen=True, slots=True)
class Strand:
    """Causes by one edge, in order of time."""

    edge: Edge
    within: int
    times: Sequence[int]
    rows: Sequence[int]

    def before(self, time: int) -> int:
        """Return when the last cause was that is not after a time, `UNKNOWN` if there is none."""
        index = bisect_right(self.times, time)
        if not index or time - self.times[index - 1] > self.within:
            return UNKNOWN
        return self.times[index - 1]

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
