"""Detections to incidents.

A symptom's detections form episodes; links join episodes; incidents are the connected components.
All of it is a function of the set of detections, so the result does not depend on the order,
chunking or repetition in which they arrived. Time is told (`on_time`), never read.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from pipeline.audit import SECOND
from pipeline.correlation.links import CORRELATIONS, Anchor, Episode, caused_by, order, union
from pipeline.correlation.symptoms import make_symptom
from pipeline.incident import Incident, Link, State, priority_of, state_of
from pipeline.rule import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipeline.correlation.links import Found, Placed
    from pipeline.detection import Detection
    from pipeline.incident import Symptom
    from pipeline.rule import Rule, RuleSet


@dataclass(frozen=True, slots=True)
class CorrelationSettings:
    """Spans in nanoseconds.

    `episode_gap`: a longer silence of a symptom starts a new episode. `clock_skew`: how much later
    than its effect a cause may be logged. `group_wait`: how long an incident settles before its
    first report. `quiet_after`, `resolve_after`: silence that makes it quiet, then resolved.
    """

    episode_gap: int = 24 * 3600 * SECOND
    clock_skew: int = 5 * SECOND
    group_wait: int = 30 * SECOND
    quiet_after: int = 3600 * SECOND
    resolve_after: int = 24 * 3600 * SECOND
    latest: int | None = None


Key = tuple[str, int, str]
Richness = tuple[int, int, int, str]


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the richest copy of an entry showed, by rule."""

    richness: Richness
    detections: Mapping[str, Detection]


@dataclass(slots=True)
class _Component:
    episodes: list[Episode] = field(default_factory=list)
    links: dict[tuple[str, str, str], Link] = field(default_factory=dict)


class Correlator:
    """Holds the detections of open episodes and says which incidents they make."""

    def __init__(self, ruleset: RuleSet, settings: CorrelationSettings | None = None) -> None:
        self._ruleset = ruleset
        self._settings = settings or CorrelationSettings()
        self._entries: dict[Key, _Entry] = {}
        self._anchors: set[Anchor] = set()
        self._now = 0

    @property
    def latest(self) -> int | None:
        """The last time that is somebody's, None if every time is."""
        return self._settings.latest

    @property
    def now(self) -> int:
        """The watermark: how far event time has come."""
        return self._now

    def on_detections(self, key: Key, richness: Richness, detections: Iterable[Detection]) -> None:
        """Take what was detected in one copy of an entry; none is worth telling, too.

        Each rule counts once for an entry, and of several copies the richest one speaks; the same
        copy again tells what the rules see in it now. A copy
        that shows nothing is forgotten unless it takes back what a poorer one showed: memory does
        not grow with what nothing was seen in. Whoever may read a poorer copy after it tells it
        again (`flow`).
        """
        told = {item.rule: item for item in detections if item.rule in self._ruleset.rules}
        known = self._entries.get(key)
        if (known is None and told) or (known is not None and richness >= known.richness):
            self._entries[key] = _Entry(richness, told)

    def entries(self) -> frozenset[Key]:
        """Return the keys of the entries that matter."""
        return frozenset(self._entries)

    def told(self, key: Key) -> tuple[Detection, ...] | None:
        """Return what the richest copy of an entry showed; None if it never mattered."""
        known = self._entries.get(key)
        return None if known is None else tuple(known.detections.values())

    def on_time(self, watermark: int) -> None:
        """Event time has come to `watermark`; it never goes back.

        A time after the settings' `latest` is nobody's time: one entry that claims to be of the
        year 9999 must not make every incident look long over.
        """
        if self._settings.latest is None or watermark <= self._settings.latest:
            self._now = max(self._now, watermark)

    def notify_at(self) -> int | None:
        """Return the next time at which a further incident will have settled, if there is one."""
        due = [self.settles_at(incident) for incident in self.incidents()]
        return min((time for time in due if time > self._now), default=None)

    def settles_at(self, incident: Incident) -> int:
        """Return the time of an incident's first report."""
        return incident.first_seen + self._settings.group_wait

    def snapshot(self) -> tuple[tuple[Detection, ...], tuple[Anchor, ...]]:
        """Return everything a restarted correlator needs, in a canonical order."""
        return tuple(sorted(self._detections(), key=order)), tuple(sorted(self._anchors))

    def restore(self, detections: Iterable[Detection], anchors: Iterable[Anchor]) -> None:
        """Take up a snapshot; `anchors` are of incidents that were reported before.

        Event time had come at least as far as the last of the detections.
        """
        for key, group in groupby(sorted(detections, key=order), key=lambda item: item.key):
            found = list(group)
            self.on_detections(key, found[0].richness, found)
            self.on_time(found[0].timestamp)
        self._anchors.update(anchors)

    def _detections(self) -> Iterator[Detection]:
        for entry in self._entries.values():
            yield from entry.detections.values()

    def incidents(self) -> tuple[Incident, ...]:
        """Return the incidents as of now, in order of first_seen."""
        by_rule: dict[str, list[Placed]] = defaultdict(list)
        episodes = list(self._episodes())
        for episode in episodes:
            for detection in episode.detections:
                by_rule[detection.rule].append((detection, episode))
        for placed in by_rule.values():
            placed.sort(key=lambda item: order(item[0]))
        found = list(self._links(by_rule))
        for item in found:
            union(item.effect, item.cause)
        context = {
            name: [detection for detection, _ in placed]
            for name, placed in by_rule.items()
            if self._ruleset.rules[name].audit.context
        }
        made = [self._incident(part, context) for part in self._components(episodes, found)]
        return tuple(sorted(made, key=lambda item: (item.first_seen, item.id)))

    # --- episodes and links -----------------------------------------------------------------------

    def _episodes(self) -> Iterator[Episode]:
        by_fingerprint: dict[str, list[Detection]] = defaultdict(list)
        for detection in self._detections():
            by_fingerprint[detection.fingerprint].append(detection)
        for detections in by_fingerprint.values():
            detections.sort(key=order)
            start = 0
            for index, (before, after) in enumerate(pairwise(detections), start=1):
                if after.timestamp - before.timestamp > self._settings.episode_gap:
                    yield Episode(detections[start:index])
                    start = index
            yield Episode(detections[start:])

    def _links(self, by_rule: Mapping[str, list[Placed]]) -> Iterator[Found]:
        for rule in self._ruleset.rules.values():
            for edge in rule.audit.caused_by:
                effects, causes = by_rule.get(rule.name, []), by_rule.get(edge.rule, [])
                yield from caused_by(effects, causes, edge, self._settings.clock_skew)
        for correlation in self._ruleset.correlations:
            yield from CORRELATIONS[type(correlation)](correlation, by_rule)

    def _components(self, episodes: list[Episode], found: list[Found]) -> Iterable[_Component]:
        """Return what belongs together. Context has no links: `pipeline.rule` sees to that."""
        components: dict[Episode, _Component] = defaultdict(_Component)
        for episode in episodes:
            if not self._rule(episode).audit.context:
                components[episode.find()].episodes.append(episode)
        for item in found:
            link = item.link()
            links = components[item.effect.find()].links
            ends = (link.kind, link.effect, link.cause)
            links.setdefault(ends, link)
        return components.values()

    def _rule(self, episode: Episode) -> Rule:
        return self._ruleset.rules[episode.detections[0].rule]

    # --- incidents --------------------------------------------------------------------------------

    def _incident(self, part: _Component, context: Mapping[str, list[Detection]]) -> Incident:
        symptoms = self._symptoms(part.episodes)
        links = tuple(sorted(part.links.values()))
        first_seen = min(episode.start for episode in part.episodes)[0]
        anchor, absorbed = self._anchor(part.episodes)
        state, state_reason = self._state(symptoms, anchor)
        priority, priority_reason = priority_of(symptoms)
        return Incident(
            id=anchor.incident_id,
            anchor=(anchor.fingerprint, anchor.time),
            root=_root(symptoms, links),
            symptoms=symptoms,
            context=self._context(symptoms, context, first_seen),
            links=links,
            absorbed=absorbed,
            state=state,
            state_reason=state_reason,
            priority=priority,
            priority_reason=priority_reason,
        )

    def _symptoms(self, episodes: Sequence[Episode]) -> tuple[Symptom, ...]:
        by_fingerprint: dict[str, list[Detection]] = defaultdict(list)
        for episode in sorted(episodes, key=lambda item: item.start):
            by_fingerprint[episode.fingerprint] += episode.detections
        made = [
            make_symptom(self._ruleset.rules[detections[0].rule], detections)
            for detections in by_fingerprint.values()
        ]
        return tuple(sorted(made, key=lambda item: (item.first_seen, item.fingerprint)))

    def _state(self, symptoms: Sequence[Symptom], anchor: Anchor) -> tuple[State, str]:
        return state_of(
            max(symptom.last_seen for symptom in symptoms),
            self._now,
            reported_at=anchor.reported_at,
            quiet_after=self._settings.quiet_after,
            resolve_after=self._settings.resolve_after,
        )

    def _anchor(self, episodes: Sequence[Episode]) -> tuple[Anchor, tuple[str, ...]]:
        """Return the anchor of the oldest known incident in here, else a new one; absorbed ids."""
        known = sorted(
            anchor for anchor in self._anchors if any(item.holds(anchor) for item in episodes)
        )
        if known:
            return known[0], tuple(anchor.incident_id for anchor in known[1:])
        time, fingerprint = min(episode.start for episode in episodes)
        digest = hashlib.sha256(f"{fingerprint} {time}".encode()).hexdigest()
        return Anchor(time, fingerprint, f"inc-{digest[:12]}"), ()

    def _context(
        self,
        symptoms: Sequence[Symptom],
        context: Mapping[str, list[Detection]],
        first_seen: int,
    ) -> tuple[Symptom, ...]:
        made = []
        for name, detections in sorted(context.items()):
            near = [item for item in detections if self._is_context(item, symptoms, first_seen)]
            by_fingerprint: dict[str, list[Detection]] = defaultdict(list)
            for detection in near:
                by_fingerprint[detection.fingerprint].append(detection)
            made += [
                make_symptom(self._ruleset.rules[name], items) for items in by_fingerprint.values()
            ]
        return tuple(sorted(made, key=lambda item: (item.first_seen, item.fingerprint)))

    def _is_context(
        self, detection: Detection, symptoms: Sequence[Symptom], first_seen: int
    ) -> bool:
        about = self._ruleset.rules[detection.rule].audit.context
        return (
            about is not None
            and abs(detection.timestamp - first_seen) <= about.within
            and any(
                all(_same(detection.fields.get(name), item.fields.get(name)) for name in about.same)
                for item in symptoms
            )
        )


def _same(left: object, right: object) -> bool:
    """Two fields that are there and equal; a missing one is equal to nothing."""
    return left not in (None, "") and left == right


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
