"""Which detections belong together: the connected components of all links."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, cast

from pipeline.audit import ABOVE
from pipeline.correlation.causes import Causes
from pipeline.correlation.forest import Forest
from pipeline.correlation.headers import headers
from pipeline.correlation.links import edge_reason, repetition_reason, shared_traces
from pipeline.correlation.resources import shared_resources
from pipeline.incident import Link

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from pipeline.correlation.causes import Spans
    from pipeline.correlation.episodes import Facet, Found, Topology
    from pipeline.correlation.explanations import Explained, Explanations
    from pipeline.correlation.rows import Rows
    from pipeline.rule import RuleSet

Ends = tuple[str, str, str]


@dataclass(slots=True)
class Component:
    """Rows by fingerprint, each in order of time; links by kind and ends.

    `roots` are the fingerprints of which nothing in here has a cause: no other component begins
    with the same of these. `previous` is the part before, `ended` whether there is one after, of
    what lasted longer than one incident may.
    """

    rows: dict[str, list[int]] = field(default_factory=dict)
    links: dict[Ends, Link] = field(default_factory=dict)
    roots: set[str] = field(default_factory=set)
    previous: Component | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What components are made of; `found` is what correlations link."""

    ruleset: RuleSet
    rows: Rows
    found: Sequence[Found]
    spans: Spans
    topology: Topology
    trace_span: int
    trace_limit: int


class Linking:
    """Links the rows that there are at the moment."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._rows = evidence.rows
        self._rows.settle()
        self._forest = Forest(len(self._rows))
        self._blocks: list[tuple[str, Sequence[int]]] = []
        self._effects: list[tuple[str, Sequence[int]]] = []

    def components(self) -> list[Component]:
        """Return what belongs together, in no order; context and noise are in none."""
        self._make_episodes()
        one = self._evidence
        causes = Causes(one.ruleset, one.rows, one.spans, one.topology, self._forest)
        explained = causes.attribute()
        with_cause = set(explained.effects)
        above = [item for item in headers(self._rows) if not self._is_apart(item.cause.facet)]
        self._leave_alone({item.effect.row for item in above})
        with_cause.update(item.effect.row for item in above)
        found = [item for item in (*above, *self._found()) if self._is_new(item)]
        for item in found:
            self._forest.join((item.effect.row,), item.cause.row)
        heads = self._forest.flatten()
        components = self._gather(with_cause, heads)
        self._explain(components, heads, explained)
        self._repeat(components, heads, explained.repeated)
        self._reason(components, found)
        return list(components.values())

    def _make_episodes(self) -> None:
        makers = self._evidence.ruleset.makers
        for fingerprint, facets in self._rows.by_fingerprint.items():
            rows = self._rows.merged(facets)
            audit = makers[facets[0].rule].audit
            if audit.is_apart or not rows:
                continue
            if audit.caused_by or facets[0].fields.get(ABOVE):
                self._effects.append((fingerprint, rows))
            else:
                for block in self._episodes(rows):
                    self._forest.join(block, block[0])
                    self._blocks.append((fingerprint, block))

    def _leave_alone(self, above: AbstractSet[int]) -> None:
        """Make episodes of lines over a traceback of which nothing is left that was seen in it."""
        for _, rows in self._effects:
            edges = self._evidence.ruleset.makers[self._rows.facet(rows[0]).rule].audit.caused_by
            alone = [] if edges else [row for row in rows if row not in above]
            for block in self._episodes(alone) if alone else ():
                self._forest.join(block, block[0])

    def _episodes(self, rows: Sequence[int]) -> Iterable[Sequence[int]]:
        times, gap = self._rows.times, self._evidence.spans.gap
        if times[rows[-1]] - times[rows[0]] <= gap:
            return [rows]
        cuts = [
            index
            for index, (before, after) in enumerate(pairwise(rows), start=1)
            if times[after] - times[before] > gap
        ]
        return [rows[start:end] for start, end in pairwise([0, *cuts, len(rows)])]

    def _found(self) -> list[Found]:
        """Return what correlations and traces link beyond causes and episodes."""
        one, forest = self._evidence, self._forest
        found = [*one.found]
        part = lambda row: (self._rows.facet(row).fingerprint, forest.find(row))  # noqa: E731
        about = {name for name, maker in one.ruleset.makers.items() if maker.audit.about}
        found += shared_resources(self._rows, part, about, one.topology)
        found += shared_traces(
            self._rows,
            part,
            {name for name, rule in one.ruleset.rules.items() if rule.audit.is_apart},
            span=one.trace_span,
            limit=one.trace_limit,
        )
        return found

    def _is_apart(self, facet: Facet) -> bool:
        return self._evidence.ruleset.makers[facet.rule].audit.is_apart

    def _is_new(self, found: Found) -> bool:
        """Return whether it links more than two detections of one part of a symptom."""
        effect, cause = found.effect, found.cause
        return effect.facet.fingerprint != cause.facet.fingerprint or self._forest.find(
            effect.row
        ) != self._forest.find(cause.row)

    def _gather(self, with_cause: set[int], heads: Sequence[int]) -> dict[int, Component]:
        components: dict[int, Component] = defaultdict(Component)
        for fingerprint, block in self._blocks:
            component = components[heads[block[0]]]
            component.rows.setdefault(fingerprint, []).extend(block)
            component.roots.add(fingerprint)
        for fingerprint, rows in self._effects:
            for representative, members in _by_head(rows, heads).items():
                components[representative].rows[fingerprint] = members
                if with_cause.isdisjoint(members):
                    components[representative].roots.add(fingerprint)
        return components

    # --- reasons ----------------------------------------------------------------------------------

    def _explain(
        self, components: Mapping[int, Component], heads: Sequence[int], explained: Explanations
    ) -> None:
        """Note for each two symptoms the first effect and its nearest cause."""
        times = self._rows.times
        facets = cast("list[Facet]", self._rows.facets)
        best: dict[tuple[int, str, str], tuple[tuple[int, bool, int], list[Explained]]] = {}
        for item in explained:
            effect, cause, _ = item
            time = times[effect]
            ends = (heads[effect], facets[effect].fingerprint, facets[cause].fingerprint)
            known = best.get(ends)
            if known is not None and known[0][0] < time:
                continue
            distance = time - times[cause]
            rank = (time, distance < 0, abs(distance))
            if known is None or rank < known[0]:
                best[ends] = (rank, [item])
            elif rank == known[0]:
                known[1].append(item)
        for (owner, effect_name, cause_name), (_, items) in best.items():
            reason = min(map(self._edge_reason, items))
            link = Link("caused_by", effect_name, cause_name, reason)
            components[owner].links[link.kind, link.effect, link.cause] = link

    def _repeat(
        self,
        components: Mapping[int, Component],
        heads: Sequence[int],
        repeated: Iterable[tuple[Sequence[int], Sequence[int]]],
    ) -> None:
        """Note for each symptom the first effect that a repetition explains."""
        firsts: dict[tuple[int, str], list[tuple[int, int, str, str, int, int]]] = defaultdict(list)
        for rows, others in repeated:
            backwards = zip(reversed(rows), reversed(others), strict=True)
            by_head = dict(zip(map(heads.__getitem__, reversed(rows)), backwards, strict=True))
            for head, (row, other) in by_head.items():
                about, times = self._rows.facet(row), self._rows.times
                first = (times[row], times[other], about.service, about.revision, row, other)
                firsts[head, about.fingerprint].append(first)
        for (owner, name), found in firsts.items():
            one, two = map(self._rows.one, min(found)[-2:])
            reason = repetition_reason(one, two, self._evidence.spans.gap)
            components[owner].links["repetition", name, name] = Link(
                "repetition", name, name, reason
            )

    def _edge_reason(self, item: Explained) -> str:
        effect, cause, edge = item
        topology = self._evidence.topology
        return edge_reason(self._rows.one(effect), self._rows.one(cause), edge, topology)

    def _reason(self, components: Mapping[int, Component], found: list[Found]) -> None:
        """Note for each two symptoms and kind the first link; the later symptom is the effect."""
        ordered = sorted(found, key=lambda one: (one.effect.time, one.cause.time, one.reason))
        for item in ordered:
            component = components[self._forest.find(item.effect.row)]
            ends = (item.effect.facet.fingerprint, item.cause.facet.fingerprint)
            if item.kind != "caused_by":
                ends = cast("tuple[str, str]", sorted(ends, key=self._start(component)))[::-1]
            component.links.setdefault((item.kind, *ends), Link(item.kind, *ends, item.reason))

    def _start(self, component: Component) -> Callable[[str], tuple[int, str]]:
        return lambda name: (self._rows.times[component.rows[name][0]], name)


def _by_head(rows: Sequence[int], heads: Sequence[int]) -> dict[int, list[int]]:
    """Return the rows of each component; mostly it is one."""
    mine = [heads[row] for row in rows]
    if mine.count(mine[0]) == len(mine):
        return {mine[0]: [*rows]}
    found: dict[int, list[int]] = defaultdict(list)
    for row, head in zip(rows, mine, strict=True):
        found[head].append(row)
    return found
