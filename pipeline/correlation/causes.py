"""Which cause explains which effect: `caused_by` edges between single detections.

* A cause may explain an effect when their `same` fields are equal, or the catalog says that the
  effect's service depends on the cause's (`via: depends_on`); when it lies at most `within` before
  the effect, or clock skew puts it after; and when it has another fingerprint.
* Causes that share its trace explain an effect, all of them, wherever else a nearer one may be.
* Otherwise the nearest such cause of all edges of a rule does: the latest that is not after the
  effect, else the first after it. So do causes that lie `together` with it, unless the effect was
  seen on that revision in between: two missing tables explain one failed start, and two failures
  one after the other explain an exit each.
* A cause in the own log of a database has to be of the one that is meant (`databases.py`).
* What another revision of the same service logged explains an effect only if nothing else does: no
  cause on its own revision, and no repetition there that has one.
* An effect without a cause goes with its nearest repetition on the same service and revision that
  has one (on the same service, if its revision is unknown; that names the same database, if it
  names one), at most an episode's gap away: exports are cut, so that causes are missing.
* What is left makes episodes, as detections of rules without edges do.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING, NamedTuple

from pipeline.audit import DATABASE
from pipeline.correlation.databases import Doubts, agree, part_of_key
from pipeline.correlation.explanations import Explanations
from pipeline.correlation.repetitions import nearest_repetitions
from pipeline.correlation.strands import NOTHING, UNKNOWN, Pool, Strand, nearest_causes
from pipeline.correlation.traces import Traces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipeline.audit import Edge
    from pipeline.correlation.episodes import Facet, Group, Topology
    from pipeline.correlation.forest import Forest
    from pipeline.correlation.rows import Rows
    from pipeline.rule import RuleSet

    Place = tuple[str, str]

STRANDS = 64
"""Merged causes that are kept for the next symptom of the same service."""


@dataclass(frozen=True, slots=True)
class Spans:
    """How far links reach, in nanoseconds; see `CorrelationSettings`."""

    gap: int
    skew: int
    together: int


class Causes:
    """Attributes the effects of a rule set to their causes."""

    def __init__(
        self, ruleset: RuleSet, rows: Rows, spans: Spans, topology: Topology, forest: Forest
    ) -> None:
        self._ruleset = ruleset
        self._rows = rows
        self._spans = spans
        self._topology = topology
        self._forest = forest
        self._traces = Traces(rows, topology, spans.skew)
        self._explained = Explanations()
        self._pools: dict[tuple[Sequence[str], Sequence[str]], dict[Group, Pool]] = {}
        self._kept: dict[tuple[object, ...], Strand] = {}
        self._by_rule: dict[str, list[Facet]] = defaultdict(list)
        for facet in rows.all_facets():
            if facet.rows:
                self._by_rule[facet.rule].append(facet)

    def attribute(self) -> Explanations:
        """Join effects to causes and repetitions; return which cause explains which effect."""
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
        with_cause, left = list[_Effects](), list[_Effects]()
        for facet in facets:
            found, rest = self._explain(facet, facet.rows, edges, own[_place(facet)], rivals=False)
            with_cause += [_Effects(facet, found)] if found else []
            left += [_Effects(facet, rest)] if rest else []
        alone: list[int] = []
        for facet, rows in self._repeat(left, with_cause) if left else ():
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
        """Join effects of one facet to their causes; return those with and without one.

        `repeated` says when the same was seen on the same revision.
        """
        found, rest = list[int](), rows
        if self._traces and not rivals:
            found, rest = self._explain_by_trace(rows, edges)
        parts = self._parts(facet, rest, edges)
        left: list[int] = []
        for (has_trace, doubted), part in parts.items():
            sure = [edge for edge in edges if edge not in doubted] if doubted else edges
            strands = list(self._strands(facet, sure, rivals=rivals, has_trace=has_trace))
            with_cause, without = self._explain_by_time(part, strands, repeated)
            found += with_cause
            left += without
        if len(parts) > 1:
            left.sort(key=self._rows.times.__getitem__)
        return found, left

    def _parts(
        self, facet: Facet, rows: Sequence[int], edges: Sequence[Edge]
    ) -> Mapping[tuple[bool, tuple[Edge, ...]], Sequence[int]]:
        """Sort effects by whether they have a trace, if that matters, and by doubtful edges."""
        doubts = self._doubts(facet, edges)
        by_trace = any(edge.one_trace for edge in edges)
        if not (doubts or by_trace):
            return {(False, ()): rows} if rows else {}
        found: dict[tuple[bool, tuple[Edge, ...]], list[int]] = defaultdict(list)
        for row in rows:
            doubted = doubts.at(self._rows.times[row], self._spans.skew) if doubts else ()
            found[by_trace and bool(self._traces.trace(row)), doubted].append(row)
        return found

    def _doubts(self, facet: Facet, edges: Sequence[Edge]) -> Doubts:
        """Return which edges to the logs of databases are doubtful, and when."""
        pools = ((edge, self._pooled(facet, edge)) for edge in edges if edge.database)
        asking = ((edge, pool.every()) for edge, pool in pools if pool)
        return Doubts(asking, facet, self._topology)

    def _explain_by_trace(
        self, rows: Sequence[int], edges: Sequence[Edge]
    ) -> tuple[list[int], list[int]]:
        found, left = list[int](), list[int]()
        for row in rows:
            causes = list(self._traces.causes(row, edges)) if self._traces.trace(row) else ()
            for cause, edge in causes:
                self._take([row], [cause], edge)
            (found if causes else left).append(row)
        return found, left

    def _explain_by_time(
        self, rows: Sequence[int], strands: Sequence[Strand], repeated: Sequence[int]
    ) -> tuple[Sequence[int], Sequence[int]]:
        """Do so with the nearest causes.

        What a later effect of the same nearest cause is explained by explains the earlier one too,
        so it is only joined to that.
        """
        if not strands:
            return (), rows
        own = self._rows.facet(rows[0])
        times = own.times if rows is own.rows else [self._rows.times[row] for row in rows]
        found, late, left = list[int](), list[int](), list[int]()
        first_ones: dict[int, int] = {}
        others, theirs = list[int](), list[int]()
        nearest_ones = nearest_causes(strands, times, self._spans.skew)
        for row, nearest in zip(rows, nearest_ones, strict=True):
            if nearest > UNKNOWN:
                found.append(row)
                first = first_ones.setdefault(nearest, row)
                if first != row:
                    others.append(row)
                    theirs.append(first)
            else:
                (left if nearest == NOTHING else late).append(row)
        self._take_nearest(first_ones, strands, repeated)
        self._forest.unite(others, theirs)
        if late:
            self._explain_skewed(late, strands, repeated)
        return found + late, left

    def _take_nearest(
        self, effects: Mapping[int, int], strands: Sequence[Strand], repeated: Sequence[int]
    ) -> None:
        """Take the nearest causes and those together with them, by when the nearest ones were."""
        rows, times = effects.values(), self._rows.times
        firsts = _firsts(effects, repeated, self._spans.together)
        for strand in strands:
            begins = map(max, firsts, [times[row] - strand.edge.within for row in rows])
            self._take(*strand.explain(rows, begins, effects), strand.edge)

    def _explain_skewed(
        self, late: Sequence[int], strands: Sequence[Strand], repeated: Sequence[int]
    ) -> None:
        """Do the same for effects whose cause clock skew put after them."""
        last, known = None, None
        for row in reversed(late):
            time, skew = self._rows.times[row], self._spans.skew
            after = (strand.after(time, skew) for strand in strands)
            first = min(one for one in after if one is not None)
            if first == last and known is not None:
                self._take([row], *known)
                continue
            index = bisect_left(repeated, first)
            end = first + self._spans.together
            end = min(end, repeated[index]) if index < len(repeated) else end
            limits = (min(end, time + max(skew, strand.edge.before)) for strand in strands)
            taken = [
                (strand.between(first, limit), strand.edge)
                for strand, limit in zip(strands, limits, strict=True)
            ]
            for causes, edge in taken:
                self._take([row] * len(causes), causes, edge)
            last, known = first, [(causes[-1:], edge) for causes, edge in taken if causes][-1]

    def _take(self, effects: Sequence[int], causes: Sequence[int], edge: Edge) -> None:
        self._forest.unite(effects, causes)
        self._explained.take(effects, causes, edge)

    # --- which causes come into question ----------------------------------------------------------

    def _strands(
        self, facet: Facet, edges: Sequence[Edge], *, rivals: bool, has_trace: bool
    ) -> Iterator[Strand]:
        for edge in edges:
            chosen = _Chosen(
                rivals=rivals,
                untraced=edge.one_trace and has_trace,
                named=self._named(facet, edge),
                database=str(facet.fields.get(DATABASE) or "") if edge.database else "",
            )
            pool = self._pooled(facet, edge)
            if pool is None:
                continue
            itself = facet.fingerprint if facet.rule in edge.rule else ""
            key = (id(pool), id(edge), facet.service, facet.revision, chosen, itself)
            if key not in self._kept:
                if len(self._kept) >= STRANDS:
                    self._kept.clear()
                self._kept[key] = self._strand(pool, facet, edge, chosen)
            if self._kept[key].rows:
                yield self._kept[key]

    def _pooled(self, facet: Facet, edge: Edge) -> Pool | None:
        """Return the causes that share with a facet what an edge asks for."""
        group = facet.group(edge.same)
        return None if group is None else self._pool(edge).get(group)

    def _pool(self, edge: Edge) -> dict[Group, Pool]:
        known = self._pools.get((edge.rule, edge.same))
        if known is None:
            known = self._pools[edge.rule, edge.same] = {}
            for facet in chain.from_iterable(self._by_rule.get(name, ()) for name in edge.rule):
                group = facet.group(edge.same)
                if group is not None:
                    known.setdefault(group, Pool()).add(facet)
        return known

    def _named(self, facet: Facet, edge: Edge) -> str:
        """Return the service that an effect itself names as the one to blame, "" if none."""
        return self._topology.named(str(facet.fields.get(edge.named, ""))) if edge.named else ""

    def _strand(self, pool: Pool, facet: Facet, edge: Edge, chosen: _Chosen) -> Strand:
        facets = [
            one
            for service, revisions in pool.facets.items()
            if edge.via is None or self._topology.dependency(facet.service, service)
            if chosen.named in ("", self._topology.service_of(service))
            for revision, members in revisions.items()
            if are_rivals(facet, service, revision) is chosen.rivals
            for one in members
            if one.fingerprint != facet.fingerprint and agree(edge, facet, one, self._topology)
        ]
        if not facets:
            return Strand(edge, (), ())
        if chosen.untraced:
            rows = [row for row in self._rows.merged(facets) if not self._traces.trace(row)]
            times = array("q", [self._rows.times[row] for row in rows])
            return Strand(edge, times, rows)
        if len(facets) == 1:
            return Strand(edge, facets[0].times, facets[0].rows)
        return Strand(edge, self._times(facets), self._rows.merged(facets))

    # --- repetitions ------------------------------------------------------------------------------

    def _repeat(self, left: list[_Effects], with_cause: list[_Effects]) -> list[_Effects]:
        """Join effects to their nearest repetition that has a cause; return those without."""
        by_place: dict[Group, list[_Effects]] = defaultdict(list)
        for one in left:
            where = _place(one.facet) if one.facet.revision else (one.facet.service,)
            by_place[*where, *part_of_key(one.facet)].append(one)
        members: dict[Group, list[int]] = defaultdict(list)
        for facet, rows in with_cause:
            places: tuple[Group, ...] = (_place(facet), (facet.service,))
            named = {(*place, *part_of_key(facet)) for place in places}
            for place in named.union(places):
                members[place] += rows
        rest: list[_Effects] = []
        for place, effects in by_place.items():
            rest += self._join(effects, members[place]) if place in members else effects
        return rest

    def _join(self, effects: Sequence[_Effects], members: Sequence[int]) -> list[_Effects]:
        """Join effects to their nearest repetitions; return those that have none."""
        rows = effects[0].rows
        if len(effects) > 1:
            rows = sorted(chain(*(one.rows for one in effects)), key=self._rows.times.__getitem__)
        repeated, repetitions, alone, done = list[int](), list[int](), list[int](), 0
        for member, first, end in nearest_repetitions(self._rows, rows, members, self._spans.gap):
            self._forest.join(rows[first:end], member)
            repeated.append(rows[first])
            repetitions.append(member)
            if done < first:
                alone += rows[done:first]
            done = end
        alone += rows[done:]
        self._explained.repeated.append((array("q", repeated), array("q", repetitions)))
        return self._by_facet(alone)

    def _by_facet(self, rows: Iterable[int]) -> list[_Effects]:
        found: dict[Facet, list[int]] = defaultdict(list)
        for row in rows:
            found[self._rows.facet(row)].append(row)
        return [_Effects(facet, members) for facet, members in found.items()]

    def _make_episodes(self, rows: Sequence[int]) -> None:
        """Join effects without a gap in between."""
        ordered = sorted(rows, key=self._rows.times.__getitem__)
        for before, after in pairwise(ordered):
            if self._rows.times[after] - self._rows.times[before] <= self._spans.gap:
                self._forest.join((after,), before)


def _firsts(moments: Iterable[int], repeated: Sequence[int], together: int) -> list[int]:
    """Return when the first cause may have been that is together with the nearest, of each one.

    It is after the last time before it at which the effect was `repeated`.
    """
    firsts = []
    for nearest in moments:
        index, first = bisect_left(repeated, nearest), nearest - together
        firsts.append(max(first, repeated[index - 1] + 1) if index else first)
    return firsts


class _Chosen(NamedTuple):
    """Which causes of an edge come into question: `named` is the only service that does, if any.

    `database` is what the effect says of a database, if the edge asks for it.
    """

    rivals: bool
    untraced: bool
    named: str
    database: str


class _Effects(NamedTuple):
    facet: Facet
    rows: Sequence[int]


def _place(facet: Facet) -> Place:
    return (facet.service, facet.revision)


def are_rivals(facet: Facet, service: str, revision: str) -> bool:
    """Return whether a place is another revision of the same service; both have to be known."""
    same = bool(service) and service == facet.service
    return same and "" not in (revision, facet.revision) and revision != facet.revision
