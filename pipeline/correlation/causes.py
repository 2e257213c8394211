"""Which cause explains which effect: `caused_by` edges between single detections.

* A cause may explain an effect when their `same` fields are equal, or the catalog says that the
  effect's service depends on the cause's (`via: depends_on`); when it lies at most `within` before
  the effect, or clock skew puts it after; and when it has another fingerprint.
* The nearest such cause of all edges of a rule does: the latest that is not after the effect, else
  the first after it. So do causes that lie `together` with it, unless the effect was seen on that
  revision in between: two missing tables explain one failed start, and two failures one after the
  other explain an exit each.
* What another revision of the same service logged explains an effect only if nothing else does: no
  cause on its own revision, and no repetition there that has one.
* An effect without a cause goes with its nearest repetition on the same service and revision that
  has one (on the same service, if its revision is unknown), at most an episode's gap away: exports
  are cut, so that causes are missing.
* What is left makes episodes, as detections of rules without edges do.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pipeline.audit import Edge
    from pipeline.correlation.episodes import Facet, Group, Topology
    from pipeline.correlation.rows import Rows
    from pipeline.rule import RuleSet

    Unite = Callable[[int, int], None]
    Place = tuple[str, str]

UNKNOWN = -(2**63)
"""No time: earlier than any."""

STRANDS = 16
"""Merged causes that are kept for the next symptom of the same service."""


class Explained(NamedTuple):
    """One row explains another; rows are handles of detections."""

    effect: int
    cause: int
    edge: Edge


@dataclass(frozen=True, slots=True)
class Spans:
    """How far links reach, in nanoseconds; see `CorrelationSettings`."""

    gap: int
    skew: int
    together: int


@dataclass(frozen=True, slots=True)
class _Strand:
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
class _Pool:
    """Facets of causes that agree on the fields of an edge, by service and revision."""

    facets: dict[str, dict[str, list[Facet]]] = field(default_factory=dict)
    strands: dict[tuple[object, ...], _Strand] = field(default_factory=dict)

    def add(self, facet: Facet) -> None:
        """Add a facet."""
        revisions = self.facets.setdefault(facet.service, {})
        revisions.setdefault(facet.revision, []).append(facet)


class Causes:
    """Attributes the effects of a rule set to their causes."""

    def __init__(
        self, ruleset: RuleSet, rows: Rows, spans: Spans, topology: Topology, unite: Unite
    ) -> None:
        self._ruleset = ruleset
        self._rows = rows
        self._spans = spans
        self._topology = topology
        self._unite = unite
        self._explained: list[Explained] = []
        self._pools: dict[tuple[Sequence[str], Sequence[str]], dict[Group, _Pool]] = {}
        self._by_rule: dict[str, list[Facet]] = defaultdict(list)
        for facet in rows.all_facets():
            if facet.rows:
                self._by_rule[facet.rule].append(facet)

    def attribute(self) -> list[Explained]:
        """Unite effects with causes and repetitions; return which cause explains which effect."""
        for name, rule in self._ruleset.makers.items():
            by_fingerprint: dict[str, list[Facet]] = defaultdict(list)
            for facet in self._by_rule.get(name, ()) if rule.audit.caused_by else ():
                by_fingerprint[facet.fingerprint].append(facet)
            ordered = sorted(by_fingerprint.values(), key=lambda facets: facets[0].service)
            for facets in ordered:
                self._symptom(facets, rule.audit.caused_by)
        return self._explained

    def _symptom(self, facets: Sequence[Facet], edges: Sequence[Edge]) -> None:
        """Attribute all effects of one fingerprint, in the order that the module's words have."""
        own = self._times_by_place(facets)
        with_cause, left = list[_Effect](), list[_Effect]()
        for facet in facets:
            found, rest = self._explain(facet, facet.rows, edges, own[_place(facet)], rivals=False)
            with_cause += [_Effect(facet, row) for row in found]
            left += [_Effect(facet, row) for row in rest]
        if not left:
            return
        left = self._repeat(left, with_cause)
        by_facet: dict[Facet, list[int]] = defaultdict(list)
        for effect in left:
            by_facet[effect.facet].append(effect.row)
        alone: list[int] = []
        for facet, rows in by_facet.items():
            _, rest = self._explain(facet, rows, edges, own[_place(facet)], rivals=True)
            alone += rest
        self._make_episodes(alone)

    def _times_by_place(self, facets: Sequence[Facet]) -> dict[Place, Sequence[int]]:
        """Return when effects of a fingerprint were seen, by service and revision."""
        groups: dict[Place, list[Facet]] = defaultdict(list)
        for facet in facets:
            groups[_place(facet)].append(facet)
        return {
            place: members[0].times if len(members) == 1 else self._times(members)
            for place, members in groups.items()
        }

    def _times(self, facets: Sequence[Facet]) -> array[int]:
        return array("q", [self._rows.times[row] for row in self._rows.merged(facets)])

    # --- the nearest cause ------------------------------------------------------------------------

    def _explain(
        self,
        facet: Facet,
        rows: Sequence[int],
        edges: Sequence[Edge],
        repeated: Sequence[int],
        *,
        rivals: bool,
    ) -> tuple[Sequence[int], Sequence[int]]:
        """Unite effects of one facet with their causes; return those with and without one.

        `repeated` says when the same was seen on the same revision. What a later effect of the
        same nearest cause is explained by explains the earlier one too, so it is united once.
        """
        strands = list(self._strands(facet, edges, rivals=rivals))
        if not strands:
            return (), rows
        found, late = list[int](), list[int]()
        last, known = UNKNOWN, 0
        times = self._rows.times
        for row in rows:
            time = times[row]
            nearest = UNKNOWN
            for strand in strands:
                nearest = max(nearest, strand.before(time))
            if nearest == UNKNOWN:
                late.append(row)
                continue
            found.append(row)
            if nearest == last:
                self._unite(row, known)
                continue
            index = bisect_left(repeated, nearest)
            first = max(nearest - self._spans.together, repeated[index - 1] + 1 if index else 0)
            for strand in strands:
                begin = max(first, time - strand.edge.within)
                for cause in strand.between(begin, nearest):
                    last, known = nearest, cause
                    self._take(row, cause, strand.edge)
        return found, self._explain_skewed(found, late, strands, repeated)

    def _explain_skewed(
        self,
        found: list[int],
        late: Sequence[int],
        strands: Sequence[_Strand],
        repeated: Sequence[int],
    ) -> Sequence[int]:
        """Do the same for effects whose cause clock skew put after them; return those without."""
        left: list[int] = []
        last, known = None, None
        for row in reversed(late):
            time, skew = self._rows.times[row], self._spans.skew
            first = min(
                (one for strand in strands if (one := strand.after(time, skew)) is not None),
                default=None,
            )
            if first is None:
                left.append(row)
                continue
            found.append(row)
            if first == last and known is not None:
                self._take(row, *known)
                continue
            index = bisect_left(repeated, first)
            end = first + self._spans.together
            end = min(end, repeated[index]) if index < len(repeated) else end
            for strand in strands:
                limit = min(end, time + max(skew, strand.edge.before))
                for cause in strand.between(first, limit):
                    last, known = first, (cause, strand.edge)
                    self._take(row, cause, strand.edge)
        return left

    def _take(self, effect: int, cause: int, edge: Edge) -> None:
        self._unite(effect, cause)
        self._explained.append(Explained(effect, cause, edge))

    # --- which causes come into question ----------------------------------------------------------

    def _strands(self, facet: Facet, edges: Sequence[Edge], *, rivals: bool) -> Iterator[_Strand]:
        for edge in edges:
            group = facet.group(edge.same)
            pool = None if group is None else self._pool(edge).get(group)
            if pool is None:
                continue
            itself = facet.fingerprint if facet.rule in edge.rule else ""
            key = (id(edge), facet.service, facet.revision, rivals, itself)
            if key not in pool.strands:
                if len(pool.strands) >= STRANDS:
                    pool.strands.clear()
                pool.strands[key] = self._strand(pool, facet, edge, rivals=rivals)
            if pool.strands[key].rows:
                yield pool.strands[key]

    def _pool(self, edge: Edge) -> dict[Group, _Pool]:
        known = self._pools.get((edge.rule, edge.same))
        if known is None:
            known = self._pools[edge.rule, edge.same] = {}
            for facet in chain.from_iterable(self._by_rule.get(name, ()) for name in edge.rule):
                group = facet.group(edge.same)
                if group is not None:
                    known.setdefault(group, _Pool()).add(facet)
        return known

    def _strand(self, pool: _Pool, facet: Facet, edge: Edge, *, rivals: bool) -> _Strand:
        facets = [
            one
            for service, revisions in pool.facets.items()
            if edge.via is None or self._topology.dependency(facet.service, service)
            for revision, members in revisions.items()
            if are_rivals(facet, service, revision) is rivals
            for one in members
            if one.fingerprint != facet.fingerprint
        ]
        if not facets:
            return _Strand(edge, edge.within, (), ())
        if len(facets) == 1:
            return _Strand(edge, edge.within, facets[0].times, facets[0].rows)
        return _Strand(edge, edge.within, self._times(facets), self._rows.merged(facets))

    # --- repetitions ------------------------------------------------------------------------------

    def _repeat(self, left: list[_Effect], with_cause: list[_Effect]) -> list[_Effect]:
        """Unite effects with their nearest repetition that has a cause; return those without."""
        if not with_cause:
            return left
        index: dict[Group, list[int]] = defaultdict(list)
        for facet, row in with_cause:
            index[_place(facet)].append(row)
            index[(facet.service,)].append(row)
        near: dict[Group, _Repetitions] = {}
        rest: list[_Effect] = []
        for effect in left:
            facet, row = effect
            place = _place(facet) if facet.revision else (facet.service,)
            if place not in near:
                near[place] = _Repetitions(self._rows, index.get(place, ()))
            other = near[place].nearest(self._rows.times[row], self._spans.gap)
            if other is None:
                rest.append(effect)
            else:
                self._unite(row, other)
        return rest

    def _make_episodes(self, rows: Sequence[int]) -> None:
        """Unite effects without a gap in between."""
        ordered = sorted(rows, key=self._rows.times.__getitem__)
        for before, after in pairwise(ordered):
            if self._rows.times[after] - self._rows.times[before] <= self._spans.gap:
                self._unite(before, after)


class _Effect(NamedTuple):
    facet: Facet
    row: int


class _Repetitions:
    """Rows that have a cause, one for each time: of several the first in canonical order."""

    def __init__(self, rows: Rows, members: Iterable[int]) -> None:
        by_time: dict[int, list[int]] = defaultdict(list)
        for row in members:
            by_time[rows.times[row]].append(row)
        self._rows = rows
        self._by_time = by_time
        self._times = sorted(by_time)

    def nearest(self, time: int, gap: int) -> int | None:
        """Return the nearest in time, of two the earlier; None if it is further than `gap`."""
        times = self._times
        if not times:
            return None
        index = bisect_left(times, time)
        if index == len(times) or (index and time - times[index - 1] <= times[index] - time):
            index -= 1
        best = times[index]
        if abs(best - time) > gap:
            return None
        rows = self._by_time[best]
        if len(rows) > 1:
            rows[:] = [min(rows, key=lambda row: self._rows.detection(row).key)]
        return rows[0]


def _place(facet: Facet) -> Place:
    return (facet.service, facet.revision)


def are_rivals(facet: Facet, service: str, revision: str) -> bool:
    """Return whether a place is another revision of the same service; both have to be known."""
    same = bool(service) and service == facet.service
    return same and "" not in (revision, facet.revision) and revision != facet.revision
