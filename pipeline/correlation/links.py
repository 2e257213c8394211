"""Episodes and the links that join them: `caused_by` edges and Sigma correlations.

A kind of correlation is one function from placed detections to links and one row in `CORRELATIONS`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.audit import SECOND
from pipeline.incident import Link
from pipeline.rule import TemporalCorrelation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pipeline.audit import Edge
    from pipeline.detection import Detection


@dataclass(frozen=True, order=True, slots=True)
class Anchor:
    """What an incident was first known by; its id never changes afterwards.

    `reported_at` is the event time of its first report.
    """

    time: int
    fingerprint: str
    incident_id: str
    reported_at: int = 0


@dataclass(eq=False, slots=True)
class Episode:
    """Detections of one fingerprint without a gap, in order of time; a node of the link graph."""

    detections: list[Detection]
    parent: Episode | None = None

    @property
    def fingerprint(self) -> str:
        """Whom it is about."""
        return self.detections[0].fingerprint

    @property
    def start(self) -> tuple[int, str]:
        """When it began, and whom it is about: orders episodes."""
        return (self.detections[0].timestamp, self.fingerprint)

    def find(self) -> Episode:
        """Return the representative of its component (path halving)."""
        node = self
        while node.parent is not None:
            if node.parent.parent is not None:
                node.parent = node.parent.parent
            node = node.parent
        return node

    def holds(self, anchor: Anchor) -> bool:
        """Return whether an incident was first known by this episode."""
        first, last = self.detections[0].timestamp, self.detections[-1].timestamp
        return anchor.fingerprint == self.fingerprint and first <= anchor.time <= last


@dataclass(frozen=True, slots=True)
class Found:
    """A link between two episodes, before it is told of their symptoms."""

    effect: Episode
    cause: Episode
    kind: str
    reason: str

    def link(self) -> Link:
        """Return the link between the symptoms of the two episodes."""
        return Link(self.kind, self.effect.fingerprint, self.cause.fingerprint, self.reason)


Placed = tuple["Detection", Episode]


def order(detection: Detection) -> tuple[int, tuple[str, int, str], str]:
    """Return the canonical order of detections: event time, then the entry, then the rule."""
    return (detection.timestamp, detection.key, detection.rule)


def union(left: Episode, right: Episode) -> None:
    """Join two components; the earlier representative stays, in whatever order they are joined."""
    first, second = sorted((left.find(), right.find()), key=lambda item: item.start)
    if first is not second:
        second.parent = first


def _group(detection: Detection, names: Sequence[str]) -> tuple[str, ...] | None:
    """Return the values of fields as a key, or None when one is missing."""
    values = [detection.fields.get(name) for name in names]
    return None if any(value in (None, "") for value in values) else tuple(map(repr, values))


def _grouped(placed: Iterable[Placed], names: Sequence[str]) -> dict[tuple[str, ...], list[Placed]]:
    groups: dict[tuple[str, ...], list[Placed]] = defaultdict(list)
    for item in placed:
        key = _group(item[0], names)
        if key is not None:
            groups[key].append(item)
    return groups


def caused_by(
    effects: list[Placed], causes: list[Placed], edge: Edge, clock_skew: int
) -> Iterator[Found]:
    """Link an effect's episode to every other that holds a cause with the same fields, in time.

    Every one, not only the nearest: otherwise a further cause would undo the link to an earlier
    one, and split an incident. The reason names the first effect and its nearest cause there.
    """
    groups = _grouped(causes, edge.same)
    for key, members in _grouped(effects, edge.same).items():
        episodes = _by_episode(groups.get(key, ()))
        linked: set[tuple[Episode, Episode]] = set()
        for effect, own in members:
            for other, found in episodes.items():
                if other is own or (own, other) in linked:
                    continue
                cause = _nearest(found, effect.timestamp, edge.within, clock_skew)
                if cause is not None:
                    linked.add((own, other))
                    yield Found(own, other, "caused_by", _edge_reason(effect, cause, edge))


def _by_episode(placed: Iterable[Placed]) -> dict[Episode, list[Detection]]:
    episodes: dict[Episode, list[Detection]] = defaultdict(list)
    for detection, episode in placed:
        episodes[episode].append(detection)
    return episodes


def _nearest(
    causes: Sequence[Detection], effect: int, within: int, clock_skew: int
) -> Detection | None:
    """Return the latest cause not after the effect, else the first that clock skew puts after."""
    after = bisect_right(causes, effect, key=lambda item: item.timestamp)
    if after and effect - causes[after - 1].timestamp <= within:
        return causes[after - 1]
    if after < len(causes) and causes[after].timestamp - effect <= clock_skew:
        return causes[after]
    return None


def _edge_reason(effect: Detection, cause: Detection, edge: Edge) -> str:
    seconds = (effect.timestamp - cause.timestamp) / SECOND
    shared = ", ".join(f"{name} {effect.fields[name]}" for name in edge.same)
    where = f" on the same {shared}" if shared else ""
    when = f"{seconds:.3f} s after" if seconds >= 0 else f"{-seconds:.3f} s before"
    limit = f"{edge.within // SECOND} s"
    return f"{effect.rule} is explained by {cause.rule}: logged {when} it{where} (limit {limit})"


def _temporal(
    correlation: TemporalCorrelation, by_rule: Mapping[str, list[Placed]]
) -> Iterator[Found]:
    """Link what lies in a sliding span in which every rule of a `temporal` correlation matched."""
    placed = sorted(
        (item for name in correlation.rules for item in by_rule.get(name, ())),
        key=lambda item: order(item[0]),
    )
    for members in _grouped(placed, correlation.group_by).values():
        fields = members[0][0].fields
        shared = ", ".join(f"{name} {fields[name]}" for name in correlation.group_by)
        reason = (
            f"{correlation.name}: {', '.join(correlation.rules)} within "
            f"{correlation.timespan // SECOND} s" + (f" for {shared}" if shared else "")
        )
        for left, right in _pairs_in_full_spans(members, correlation):
            if left is not right:
                ends = sorted((left, right), key=lambda item: item.start)
                yield Found(ends[1], ends[0], "temporal", reason)


def _pairs_in_full_spans(
    members: list[Placed], correlation: TemporalCorrelation
) -> Iterator[tuple[Episode, Episode]]:
    """Yield neighbours inside every span that holds all rules (two pointers, linear)."""
    inside: dict[str, int] = defaultdict(int)
    end = joined = 0
    for start, (first, _) in enumerate(members):
        while (
            end < len(members)
            and members[end][0].timestamp - first.timestamp <= correlation.timespan
        ):
            inside[members[end][0].rule] += 1
            end += 1
        if all(inside[name] for name in correlation.rules):
            for index in range(max(start, joined), end - 1):
                yield members[index][1], members[index + 1][1]
            joined = max(joined, end - 1)
        inside[first.rule] -= 1


CORRELATIONS: Mapping[
    type, Callable[[TemporalCorrelation, Mapping[str, list[Placed]]], Iterator[Found]]
] = {TemporalCorrelation: _temporal}
