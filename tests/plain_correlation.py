"""The sentences of `correlation/causes.py`, `headers.py` and `links.py` over all pairs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from pipeline.audit import ABOVE
from pipeline.correlation.headers import WITHIN
from pipeline.correlation.resources import SPAN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pipeline.audit import Edge
    from pipeline.correlation import CorrelationSettings
    from pipeline.correlation.episodes import Topology
    from pipeline.detection import Detection
    from pipeline.rule import RuleSet

    Related = Callable[[int, int], bool]


@dataclass
class Plain:
    """Detections that count, and the sets of those that belong together."""

    rules: RuleSet
    settings: CorrelationSettings
    topology: Topology
    seen: Sequence[Detection]

    def __post_init__(self) -> None:
        self.parts = [{index} for index in range(len(self.seen))]

    def components(self) -> list[list[Detection]]:
        """Return what belongs together."""
        self._attribute()
        part = {index: number for number, mine in enumerate(self.parts) for index in mine}
        links = [*self._traced(part), *self._temporal(), *self._resources()]
        for left, right in links:
            self._unite(left, right)
        return [[self.seen[index] for index in part] for part in self.parts]

    def _unite(self, left: int, right: int) -> None:
        joined = [part for part in self.parts if part & {left, right}]
        self.parts = [part for part in self.parts if part not in joined]
        self.parts.append(set[int]().union(*joined))

    # --- causes -----------------------------------------------------------------------------------

    def _attribute(self) -> None:
        every = range(len(self.seen))
        edges = {name: rule.audit.caused_by for name, rule in self.rules.rules.items()}
        effects = [one for one in every if edges[self.seen[one].rule]]
        explained = [one for one in effects if self._explain(one, edges, rivals=False)]
        left = [one for one in effects if one not in explained]
        left = [one for one in left if not self._repeat(one, explained)]
        left = [one for one in left if not self._explain(one, edges, rivals=True)]
        headers = [(one, other) for one in every for other in self._below(one)]
        below = {one for one, _ in headers}
        alone = [one for one in every if one in left or one not in (*effects, *below)]
        for one, other in combinations(alone, 2):
            if self._same(one, other) and self._apart(one, other) <= self.settings.episode_gap:
                self._unite(one, other)
        for one, other in headers:
            self._unite(one, other)

    def _below(self, line: int) -> Iterator[int]:
        """Yield what was seen next in the traceback that stands right below a line."""
        time, above = self.seen[line].timestamp, self.seen[line].fields.get(ABOVE, ())
        for name in above:
            later = [
                one
                for one in range(len(self.seen))
                if self.seen[one].fingerprint == name
                and time <= self.seen[one].timestamp <= time + WITHIN
            ]
            first = min((self.seen[one].timestamp for one in later), default=0)
            yield from (one for one in later if self.seen[one].timestamp == first)

    def _explain(self, effect: int, edges: dict[str, tuple[Edge, ...]], *, rivals: bool) -> bool:
        mine = edges[self.seen[effect].rule]
        causes = [
            cause
            for cause in range(len(self.seen))
            if any(self._may_explain(edge, effect, cause) for edge in mine)
        ]
        surest = [one for one in causes if self._have_one_trace(effect, one)]
        if surest and not rivals:
            for cause in surest:
                self._unite(effect, cause)
            return True
        causes = [
            cause
            for cause in causes
            if self._are_rivals(effect, cause) is rivals
            and any(self._may_explain(edge, effect, cause, by_time=True) for edge in mine)
        ]
        if not causes:
            return False
        time, times = self.seen[effect].timestamp, [self.seen[one].timestamp for one in causes]
        nearest = max((one for one in times if one <= time), default=min(times))
        for cause in causes:
            if self._are_together(effect, self.seen[cause].timestamp, nearest):
                self._unite(effect, cause)
        return True

    def _have_one_trace(self, left: int, right: int) -> bool:
        return self.seen[left].trace == self.seen[right].trace != ""

    def _may_explain(self, edge: Edge, effect: int, cause: int, *, by_time: bool = False) -> bool:
        one, other = self.seen[effect], self.seen[cause]
        after = one.timestamp - other.timestamp
        if by_time and edge.one_trace and one.trace and other.trace:
            return False
        return (
            other.rule in edge.rule
            and one.fingerprint != other.fingerprint
            and -max(self.settings.clock_skew, edge.before) <= after <= edge.within
            and all(one.fields.get(name) == other.fields.get(name) != "" for name in edge.same)
            and (edge.via is None or bool(self.topology.dependency(one.service, other.service)))
            and (edge.database is None or self._may_mean(edge, effect, cause))
        )

    def _may_mean(self, edge: Edge, effect: int, cause: int) -> bool:
        """Return whether a service may mean the database that a log is of."""
        log, client = (cause, effect) if edge.database == "cause" else (effect, cause)
        meant = self._meant(client)
        if meant:
            return self.seen[log].fields.get("database") in meant
        return edge.database == "effect" or len(self._in_trouble(edge, effect)) == 1

    def _meant(self, client: int) -> set[str]:
        named = self.seen[client].fields.get("database", "")
        if named.count(":") > 1:
            return {":".join(named.split(":")[0::2])}
        return set(self.topology.databases(self.seen[client].service))

    def _in_trouble(self, edge: Edge, effect: int) -> set[str]:
        one = self.seen[effect]
        return {
            other.fields.get("database") or other.service
            for other in self.seen
            if other.rule in edge.rule
            and all(one.fields.get(name) == other.fields.get(name) != "" for name in edge.same)
            and one.timestamp - edge.within <= other.timestamp
            and other.timestamp <= one.timestamp + max(self.settings.clock_skew, edge.before)
        }

    def _are_rivals(self, left: int, right: int) -> bool:
        one, other = self.seen[left], self.seen[right]
        known = "" not in (one.service, one.revision, other.revision)
        return known and one.service == other.service and one.revision != other.revision

    def _are_together(self, effect: int, time: int, nearest: int) -> bool:
        first, last = sorted((time, nearest))
        between = (
            first <= item.timestamp < last
            for index, item in enumerate(self.seen)
            if self._same(index, effect)
            and item.service == self.seen[effect].service
            and item.revision == self.seen[effect].revision
        )
        return last - first <= self.settings.together and not any(between)

    def _repeat(self, effect: int, explained: Iterable[int]) -> bool:
        one = self.seen[effect]
        near = [
            (self._apart(effect, index), self.seen[index].timestamp, self.seen[index].key, index)
            for index in explained
            if self._same(effect, index)
            and self.seen[index].service == one.service
            and one.revision in ("", self.seen[index].revision)
            and one.fields.get("database") in (None, self.seen[index].fields.get("database"))
            and self._apart(effect, index) <= self.settings.episode_gap
        ]
        if near:
            self._unite(effect, min(near)[-1])
        return bool(near)

    def _same(self, left: int, right: int) -> bool:
        return self.seen[left].fingerprint == self.seen[right].fingerprint

    def _apart(self, left: int, right: int) -> int:
        return abs(self.seen[left].timestamp - self.seen[right].timestamp)

    # --- links without direction ------------------------------------------------------------------

    def _traced(self, part: dict[int, int]) -> Iterator[tuple[int, int]]:
        for trace in {item.trace for item in self.seen} - {""}:
            ordered = [one for one in range(len(self.seen)) if self.seen[one].trace == trace]
            ordered.sort(key=lambda one: self.seen[one].timestamp)
            runs = [ordered[:1]]
            for before, after in pairwise(ordered):
                if self._apart(before, after) > self.settings.trace_span:
                    runs.append([])
                runs[-1].append(after)
            for run in runs:
                touched = {(self.seen[one].fingerprint, part[one]) for one in run}
                if len(touched) <= self.settings.trace_limit:
                    yield from pairwise(run)

    def _resources(self) -> Iterator[tuple[int, int]]:
        about = [
            (index, resource)
            for index, item in enumerate(self.seen)
            if self.rules.rules[item.rule].audit.about
            for resource in self.topology.resources(item.service)
        ]
        for (left, one), (right, other) in combinations(about, 2):
            if one == other and self._apart(left, right) <= SPAN:
                yield left, right

    def _temporal(self) -> Iterator[tuple[int, int]]:
        """Of correlations of two rules that are not the same, by service."""
        for correlation in self.rules.correlations:
            for left, right in combinations(range(len(self.seen)), 2):
                one, other = self.seen[left], self.seen[right]
                if (
                    {one.rule, other.rule} == set(correlation.rules)
                    and one.service == other.service != ""
                    and self._apart(left, right) <= correlation.timespan
                ):
                    yield left, right
