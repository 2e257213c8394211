"""Since when correlations have to know the single times of what they count.

A span that begins so long ago that nothing comes for it in time does not change any more. What all
such spans of a group made is settled (`settled.py`), and of what no later span looks at, nor
compares with, it is known in which runs it took part, and how many there were: not when each was.
What a correlation counts that others count themselves stays known. Times are event time, in
nanoseconds UTC.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import chain, groupby
from typing import TYPE_CHECKING, NamedTuple

from pipeline.correlation.deriving import Correlating
from pipeline.correlation.keys import FIRST, LAST
from pipeline.correlation.matches import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.correlation.episodes import Facet, Traffic
    from pipeline.correlation.keys import Others
    from pipeline.correlation.rows import Rows
    from pipeline.correlation.settled import Book, Place
    from pipeline.rule import Correlation, RuleSet


class Known(NamedTuple):
    """Of detections that are alike each time is known from `since` on.

    In which runs each took part is certain of those before `until`; `cuts` are the times at which
    other runs, or none, begin.
    """

    since: int
    until: int
    cuts: Sequence[int] = ()

    def part(self, time: int) -> int:
        """Return the same for times that no cut parts."""
        return bisect_right(self.cuts, time)


class Settling:
    """What is settled at a watermark, and what is known of times from then on."""

    def __init__(self, ruleset: RuleSet, watermark: int) -> None:
        """Take what correlations there are."""
        self._ruleset = ruleset
        self.watermark = watermark
        chained = set(chain.from_iterable(item.rules for item in ruleset.correlations))
        counting = [item for item in ruleset.correlations if not item.is_temporal]
        self._counting = {
            name: [item for item in counting if name in item.rules] for name in ruleset.rules
        }
        self._ends = {
            item.name: watermark - item.timespan
            for item in counting
            if item.name not in chained and ruleset.rules.keys() >= {*item.rules}
        }
        self.book: Book = {}
        self._known: dict[int, Known] = {}

    def settle(self, rows: Rows, traffic: Traffic | None, book: Book, least: int) -> None:
        """Settle the groups of what there are many of: `least` rows, or some that stand for others.

        `book` is what was settled before.
        """
        standing = {id(rows.facet(row)) for row in rows.others}
        many = (one for one in rows.all_facets() if len(one.rows) > least or id(one) in standing)
        places = {place for facet in many for _, place in self._places(facet)}
        self.book = dict(
            Correlating(self._ruleset, rows, traffic, book).settled(places, self._ends)
        )

    def known(self, facet: Facet) -> Known:
        """Return what is known of the times of detections."""
        found = self._known.get(id(facet))
        if found is None:
            found = self._known[id(facet)] = self._asked(facet)
        return found

    def counted(self, facet: Facet, time: int, told: Sequence[tuple[int, int]]) -> Others:
        """Return what is kept of those for which a row of a time stands: when, and how many.

        They are given in order of time.
        """
        known = self.known(facet)
        if known.since == LAST:
            return ((time, sum(count for _, count in told)),)
        old = bisect_left(told, (known.since,))
        groups = groupby(told[:old], key=lambda one: known.part(one[0]))
        return (*(_together([*members]) for _, members in groups), *told[old:])

    def _asked(self, facet: Facet) -> Known:
        places = [*self._places(facet)]
        settled = [one for _, place in places if (one := self.book.get(place))]
        runs = chain.from_iterable(one.runs for one in settled)
        cuts = sorted({cut for run in runs for cut in (run.since, run.until + 1)})
        until = min((one.until for one in settled), default=self.watermark)
        return Known(min((self._needed(*one) for one in places), default=LAST), until, cuts)

    def _needed(self, correlation: Correlation, place: Place) -> int:
        settled = self.book.get(place)
        if settled is None or correlation.name not in self._ends:
            return FIRST
        return settled.until - max(correlation.timespan, looks_back(correlation))

    def _places(self, facet: Facet) -> Iterator[tuple[Correlation, Place]]:
        """Yield the correlations that count some detections, and the group of each."""
        for correlation in self._counting[facet.rule]:
            place, _ = place_of(correlation, facet)
            if place is not None:
                yield correlation, place


def asks_back(ruleset: RuleSet) -> int:
    """Return how far before event time correlations ask for requests: nanoseconds."""
    asking = (item for item in ruleset.correlations if item.audit.share)
    return max((item.timespan + looks_back(item) for item in asking), default=0)


def looks_back(correlation: Correlation) -> int:
    """Return how far before a span a correlation looks."""
    audit = correlation.audit
    if audit.surge:
        return audit.surge.before
    return audit.share.before if audit.share and audit.share.times else 0


def _together(members: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return members[0][0], sum(count for _, count in members)
