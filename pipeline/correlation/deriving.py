"""What Sigma correlations make of the rows: links, and rows of their own."""

from __future__ import annotations

from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from operator import itemgetter
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.audit import COMPONENT
from pipeline.correlation.episodes import Facet, Found, Seen, undirected
from pipeline.correlation.matches import Asked, Deriving

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from pipeline.correlation.episodes import Shelf, Traffic
    from pipeline.correlation.matches import Match
    from pipeline.correlation.rows import Rows
    from pipeline.correlation.settled import Book, Place, Settled
    from pipeline.detection import Detection
    from pipeline.rule import Correlation, RuleSet


_NOTHING_SETTLED: Book = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Told:
    """The rows that make symptoms, and what correlations link.

    `own` is the first of the correlations' rows, `bases` has for each which row it tells anew.
    """

    rows: Rows
    own: int
    found: list[Found] = field(default_factory=list)
    bases: array[int] = field(default_factory=lambda: array("q"))

    def base(self, row: int) -> int:
        """Return the row of an entry that a row stands for: itself, if it is one."""
        return row if row < self.own else self.bases[row - self.own]


def correlate(
    ruleset: RuleSet, rows: Rows, traffic: Traffic | None = None, book: Book = _NOTHING_SETTLED
) -> Told:
    """Return the rows with those of correlations after them, and without those that are silent.

    The rows that are given stay as they are; handles are the same. `traffic` says how many requests
    there were, and `book` what is settled.
    """
    rows.settle()
    if not ruleset.correlations:
        return Told(rows, len(rows))
    return Correlating(ruleset, rows, traffic, book).told()


class Correlating:
    """Evaluates all correlations of a rule set, each after those it refers to."""

    def __init__(self, ruleset: RuleSet, rows: Rows, traffic: Traffic | None, book: Book) -> None:
        self._ruleset = ruleset
        self._book = book
        self._traffic = traffic
        self._shelf = TellingShelf(rows.shelf)
        self._told = Told(rows.beside(self._shelf), len(rows))
        self._entry = rows.shared_entries()
        self._standing: list[int] = []
        self._counts: dict[int, int] = {}
        self._by_rule: dict[str, list[Facet]] = defaultdict(list)
        for facet in rows.all_facets():
            self._by_rule[facet.rule].append(facet)

    def told(self) -> Told:
        """Return the rows and links."""
        for correlation in self._ruleset.correlations:
            for match in self._asked(correlation).matches():
                if correlation.is_temporal:
                    self._told.found.extend(match.links())
                if correlation.derives:
                    self._derive(match)
        self._told.rows.leave_out(self._ruleset.silent)
        return self._told

    def settled(
        self, places: Container[Place], ends: Mapping[str, int]
    ) -> Iterator[tuple[Place, Settled]]:
        """Yield what is settled now: also of some places, with `ends` by correlation (ns UTC).

        Up to there nothing comes any more for the spans that begin before. What is settled of
        groups of which there is nothing left goes. What these correlations count is of no other.
        """
        for correlation in self._ruleset.correlations:
            if correlation.name in ends:
                yield from self._asked(correlation).settled(places, ends[correlation.name])

    def _asked(self, correlation: Correlation) -> Asked:
        entry = self._entry
        by_rule = {name: self._seen(name, correlation) for name in correlation.rules}
        of = lambda row: entry.get(row, row)  # noqa: E731
        return Asked(correlation, by_rule, of, self._counts, self._traffic, self._book)

    def _seen(self, rule: str, correlation: Correlation) -> list[Seen]:
        """Return what was seen of a rule; what is only counted has a handle below zero."""
        rows, facets = self._told.rows, sorted(self._by_rule[rule], key=_canonical)
        found, further = rows.seen(facets), list[Seen]()
        if correlation.is_temporal or not rows.others:
            return found
        for one in (one for one in found if one.row in rows.others):
            for time, count in rows.others[one.row]:
                self._standing.append(one.row)
                handle = -len(self._standing)
                further.append(Seen(time, handle, one.facet))
                if count > 1:
                    self._counts[handle] = count
        return sorted([*found, *further], key=itemgetter(0))

    def _derive(self, match: Match) -> None:
        """Add a row for each member of a match; link it to the member, if that is a symptom."""
        told, deriving = self._told, Deriving(match)
        kind, reason = match.correlation.kind, match.reason
        facets: dict[tuple[str, str], Facet] = {}
        known: dict[int, int] = {}
        others: dict[int, list[tuple[int, int]]] = {}
        for seen in match.members:
            time, count = deriving.time(seen.time), self._counts.get(seen.row, 1)
            member = seen if seen.row >= 0 else seen._replace(row=self._standing[-seen.row - 1])
            if member.row in known:
                others[known[member.row]].append((time, count))
                continue
            place = (member.facet.service, member.facet.revision)
            facet = facets.get(place)
            if facet is None:
                facet = facets[place] = self._facet(match.correlation.name, deriving, *place)
            silent = member.facet.rule in self._ruleset.silent
            where = self._shelf.tell(deriving, told.rows.place(member.row), time)
            row = told.rows.append(facet, time, where, trace_of=member.row if silent else None)
            told.bases.append(told.base(member.row))
            if member.row in told.rows.others:
                known[member.row] = row
                others[row] = [(time, count - 1)] if count > 1 else []
            if not silent and match.correlation.name not in self._ruleset.silent:
                found = undirected(kind, Seen(time, row, facet), member, reason)
                told.found.append(found)
        told.rows.others.update((row, tuple(more)) for row, more in others.items())

    def _facet(self, name: str, deriving: Deriving, service: str, revision: str) -> Facet:
        topology = self._told.rows.topology
        fields = {**deriving.fields, COMPONENT: topology.service_of(service) or service}
        facet = Facet(name, deriving.fingerprint.value, service, revision, fields)
        self._by_rule[name].append(facet)
        return facet


class TellingShelf:
    """A shelf on which a correlation's own detections lie, too, below zero; made when looked at."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._told: list[Deriving] = []
        self._places = array("q")
        self._times = array("q")

    def tell(self, deriving: Deriving, place: int, time: int) -> int:
        """Return where the detection lies that tells the one at `place` anew, at a time (ns)."""
        self._told.append(deriving)
        self._places.append(place)
        self._times.append(time)
        return -len(self._told)

    def put(self, detections: Iterable[Detection]) -> Sequence[int]:
        """Keep detections."""
        return self._shelf.put(detections)

    def get(self, place: int) -> Detection:
        """Return a detection."""
        if place >= 0:
            return self._shelf.get(place)
        told = -place - 1
        return self._told[told].detection(self.get(self._places[told]), self._times[told])

    def keep(self, places: Sequence[int]) -> Sequence[int]:
        """Have nothing but what lies at some places that are not below zero."""
        return self._shelf.keep(places)


def _canonical(facet: Facet) -> tuple[str, ...]:
    """Order facets in a way that does not depend on which of them was seen first."""
    fields = repr(sorted(facet.fields.items()))
    return (facet.fingerprint, facet.service, facet.revision, fields)
