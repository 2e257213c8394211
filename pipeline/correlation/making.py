"""From components to incidents: symptoms, context, root and id."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.correlation.healing import healed, heals, is_told
from pipeline.correlation.heeding import verdicts_by_component
from pipeline.correlation.links import Anchor
from pipeline.correlation.symptoms import make_symptom
from pipeline.rule import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from pipeline.correlation.components import Component
    from pipeline.correlation.episodes import Facet, Group
    from pipeline.correlation.rows import Rows
    from pipeline.incident import Link, Symptom
    from pipeline.rule import Correlation, Rule, RuleSet
    from pipeline.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Made:
    """What an incident is, apart from what time makes of it.

    It is not `told` while it is of no account (`healing.py`), unless it was reported before.
    """

    anchor: Anchor
    absorbed: tuple[str, ...]
    symptoms: tuple[Symptom, ...]
    context: tuple[Symptom, ...]
    links: tuple[Link, ...]
    root: Symptom
    first_seen: int
    last_seen: int
    rows: Mapping[str, Sequence[int]]
    verdicts: tuple[Verdict, ...] = ()
    previous: str = ""
    ended: bool = False
    told: bool = True


def unused_id(text: str, taken: AbstractSet[str]) -> str:
    """Return the id of an incident that began with this; another one, if that is taken already."""
    while (identifier := f"inc-{hashlib.sha256(text.encode()).hexdigest()[:12]}") in taken:
        text += "+"
    return identifier


class Maker:
    """Makes incidents of components."""

    def __init__(
        self,
        ruleset: RuleSet,
        rows: Rows,
        anchors: Iterable[Anchor],
        verdicts: Sequence[Verdict] = (),
    ) -> None:
        self._verdicts = verdicts
        self._ruleset = ruleset
        self._rows = rows
        self._anchors = sorted(anchors)
        self._context = _ContextIndex(ruleset, rows)

    def make(self, components: Iterable[Component]) -> tuple[Made, ...]:
        """Return incidents in order of first_seen."""
        ordered = sorted(components, key=self._start)
        known = self._known(ordered)
        taken = {anchor.incident_id for anchor in self._anchors}
        said = verdicts_by_component(ordered, self._verdicts, self._rows.times)
        names: dict[int, str] = {}
        made = []
        for index, component in enumerate(ordered):
            mine = known.get(index)
            anchor = mine[0] if mine else self._new_anchor(component, taken)
            taken.add(anchor.incident_id)
            absorbed = tuple(one.incident_id for one in mine[1:]) if mine else ()
            names[id(component)] = anchor.incident_id
            made.append(
                replace(
                    self._make(component, anchor, absorbed),
                    verdicts=said.get(index, ()),
                    previous=names.get(id(component.previous), ""),
                    ended=component.ended,
                )
            )
        return tuple(sorted(made, key=lambda item: (item.first_seen, item.anchor.incident_id)))

    def _start(self, component: Component) -> list[tuple[int, str]]:
        times = self._rows.times
        return sorted((times[rows[0]], name) for name, rows in component.rows.items())

    # --- ids --------------------------------------------------------------------------------------

    def _known(self, ordered: Sequence[Component]) -> dict[int, list[Anchor]]:
        """Return by component the anchors that it holds, the oldest first.

        An anchor is held by what has its fingerprint before and after its time; of several, by
        what has it nearest.
        """
        wanted = {anchor.fingerprint for anchor in self._anchors}
        holders: dict[str, list[tuple[int, list[int]]]] = defaultdict(list)
        for index, component in enumerate(ordered):
            for name in component.rows.keys() & wanted:
                times = [self._rows.times[row] for row in component.rows[name]]
                holders[name].append((index, times))
        known: dict[int, list[Anchor]] = defaultdict(list)
        for anchor in self._anchors:
            held = [
                (_distance(times, anchor.time), index)
                for index, times in holders[anchor.fingerprint]
                if times[0] <= anchor.time <= times[-1]
            ]
            if held:
                known[min(held)[1]].append(anchor)
        return known

    def _new_anchor(self, component: Component, taken: set[str]) -> Anchor:
        """Name an incident after what began first in it, of what nothing in it explains."""
        names = component.roots or component.rows.keys()
        time, name = min((self._rows.times[component.rows[one][0]], one) for one in names)
        return Anchor(time, name, unused_id(f"{name} {time}", taken))

    # --- symptoms ---------------------------------------------------------------------------------

    def _make(self, component: Component, anchor: Anchor, absorbed: tuple[str, ...]) -> Made:
        links = tuple(sorted(component.links.values()))
        found = map(self._symptom, component.rows.values())
        symptoms = in_order(healed(found, self._healing(component), links))
        first_seen = min(item.first_seen for item in symptoms)
        return Made(
            anchor=anchor,
            absorbed=absorbed,
            symptoms=symptoms,
            context=in_order(
                self._symptom(rows) for rows in self._context.near(symptoms, first_seen)
            ),
            links=links,
            root=_root(symptoms, links),
            first_seen=first_seen,
            last_seen=max(item.last_seen for item in symptoms),
            rows=component.rows,
            told=anchor.reported_at > 0 or is_told(symptoms, links),
        )

    def _symptom(self, rows: Sequence[int]) -> Symptom:
        return make_symptom(self._rule(rows), self._rows, rows)

    def _healing(self, component: Component) -> set[str]:
        named = component.rows.items()
        return {name for name, rows in named if heals(self._rule(rows), self._rows, rows)}

    def _rule(self, rows: Sequence[int]) -> Rule | Correlation:
        return self._ruleset.makers[self._rows.facet(rows[0]).rule]


def noise_of(ruleset: RuleSet, rows: Rows) -> tuple[Symptom, ...]:
    """Return what settled rows have of noise: a symptom a fingerprint, in order of first_seen."""
    noisy = {name: rule for name, rule in ruleset.rules.items() if rule.audit.noise}
    by_rule = ((noisy.get(facets[0].rule), facets) for facets in rows.by_fingerprint.values())
    members = ((rule, rows.merged(facets)) for rule, facets in by_rule if rule is not None)
    return in_order(make_symptom(rule, rows, mine) for rule, mine in members if mine)


class _ContextIndex:
    """Finds context by its fields and time."""

    def __init__(self, ruleset: RuleSet, rows: Rows) -> None:
        self._rows = rows
        self._abouts = {
            name: rule.audit.context for name, rule in ruleset.rules.items() if rule.audit.context
        }
        self._groups: dict[tuple[str, Group], list[Facet]] = defaultdict(list)
        for facet in rows.all_facets() if self._abouts else ():
            about = self._abouts.get(facet.rule)
            group = facet.group(about.same) if about else None
            if group is not None and facet.rows:
                self._groups[facet.rule, group].append(facet)

    def near(self, symptoms: Sequence[Symptom], first_seen: int) -> list[list[int]]:
        """Return the context of an incident: rows in order of time, for each fingerprint."""
        found: dict[str, list[int]] = defaultdict(list)
        for name, about in self._abouts.items():
            for group in {_group(item.fields, about.same) for item in symptoms} - {None}:
                for facet in self._groups.get((name, group or ()), ()):
                    begin = bisect_left(facet.times, first_seen - about.within)
                    after = about.within if about.after is None else about.after
                    end = bisect_right(facet.times, first_seen + after)
                    found[facet.fingerprint] += facet.rows[begin:end]
        return [sorted(rows, key=self._rows.times.__getitem__) for rows in found.values() if rows]


def _group(fields: Mapping[str, object], names: Sequence[str]) -> Group | None:
    values = [fields.get(name) for name in names]
    return None if any(value in (None, "") for value in values) else tuple(map(repr, values))


def _distance(times: Sequence[int], time: int) -> int:
    """Return how far the nearest of some times is."""
    index = bisect_left(times, time)
    return min(abs(one - time) for one in times[max(index - 1, 0) : index + 1])


def in_order(symptoms: Iterable[Symptom]) -> tuple[Symptom, ...]:
    """Return symptoms in order of first_seen."""
    return tuple(sorted(symptoms, key=lambda item: (item.first_seen, item.fingerprint)))


def _root(symptoms: Sequence[Symptom], links: Sequence[Link]) -> Symptom:
    """Return the symptom that no other explains.

    Of several, one that explains others; then the most severe; then the earliest.
    """
    directed = [link for link in links if link.kind == "caused_by" and link.effect != link.cause]
    effects, causes = {link.effect for link in directed}, {link.cause for link in directed}
    return min(
        symptoms,
        key=lambda item: (
            item.fingerprint in effects,
            item.fingerprint not in causes,
            -LEVELS.index(item.level),
            item.first_seen,
            item.fingerprint,
        ),
    )
