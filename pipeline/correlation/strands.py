"""The causes that come into question for effects of one place, in order of time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.audit import Edge
    from pipeline.correlation.episodes import Facet

UNKNOWN = -(2**63)
"""No time: earlier than any."""

NOTHING = UNKNOWN - 1
"""Not even that."""

NEVER = 2**64
"""Nanoseconds that are further away than any time."""


class Strand:
    """Causes by one edge, in order of time."""

    def __init__(self, edge: Edge, times: Sequence[int], rows: Sequence[int]) -> None:
        self.edge = edge
        self.rows = rows
        self._moments = [-NEVER, *times, NEVER]

    def nearest(self, times: Sequence[int], skew: int) -> list[int]:
        """Return for each time in order when the last cause was that is not after it.

        `UNKNOWN` says that there are only later ones, as far as clocks and the edge allow;
        `NOTHING` that there are none.
        """
        moments = self._moments
        within, ahead = self.edge.within, max(skew, self.edge.before)
        found, index, before, after = [], 0, -NEVER, -NEVER
        for time in times:  # the innermost loop of all: a call takes longer
            if after <= time:
                index = bisect_right(moments, time, index)
                before, after = moments[index - 1], moments[index]
            if time - before <= within:
                found.append(before)
            else:
                found.append(UNKNOWN if after - time <= ahead else NOTHING)
        return found

    def after(self, time: int, skew: int) -> int | None:
        """Return when the first cause after a time was, as far as clocks and the edge allow."""
        first = self._moments[bisect_right(self._moments, time)]
        return None if first - time > max(skew, self.edge.before) else first

    def between(self, first: int, last: int) -> Sequence[int]:
        """Return the causes from one time to another, both included."""
        begin = bisect_left(self._moments, first)
        return self.rows[begin - 1 : bisect_right(self._moments, last, begin) - 1]

    def explain(
        self, effects: Iterable[int], firsts: Iterable[int], lasts: Iterable[int]
    ) -> tuple[list[int], list[int]]:
        """Return effects and their causes in columns; each has those from its first to its last.

        Both are times and included.
        """
        ones, others, moments, rows = list[int](), list[int](), self._moments, self.rows
        for effect, first, last in zip(effects, firsts, lasts, strict=True):
            index = bisect_left(moments, first)
            while moments[index] <= last:  # mostly one, and then a second search takes longer
                ones.append(effect)
                others.append(rows[index - 1])
                index += 1
        return ones, others


@dataclass(slots=True)
class Pool:
    """Facets of causes that agree on the fields of an edge, by service and revision."""

    facets: dict[str, dict[str, list[Facet]]] = field(default_factory=dict)

    def add(self, facet: Facet) -> None:
        """Add a facet."""
        revisions = self.facets.setdefault(facet.service, {})
        revisions.setdefault(facet.revision, []).append(facet)

    def every(self) -> Iterator[Facet]:
        """Yield all of them."""
        for revisions in self.facets.values():
            yield from chain.from_iterable(revisions.values())


def nearest_causes(strands: Sequence[Strand], times: Sequence[int], skew: int) -> list[int]:
    """Return for each time when the nearest cause of all strands was (`Strand.nearest`)."""
    found, *others = [strand.nearest(times, skew) for strand in strands]
    return [*map(max, found, *others)] if others else found
