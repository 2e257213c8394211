"""A store in plain dicts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.correlation.links import Anchor
from pipeline.errors import StoreError
from pipeline.report import Action, LedgerEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.detection import Detection
    from pipeline.document import IncidentDocument
    from pipeline.incident import Incident
    from pipeline.ports import Outcome


@dataclass(slots=True)
class MemoryStore:
    """`ports.Store` that lasts as long as it is held; every decision is in `decisions`."""

    decisions: list[LedgerEntry] = field(default_factory=list)
    _entries: dict[tuple[str, int, str], dict[str, Detection]] = field(default_factory=dict)
    _outcomes: dict[str, Outcome] = field(default_factory=dict)
    _absorbed: set[str] = field(default_factory=set)

    def detections(self) -> tuple[Detection, ...]:
        """Return all detections in order of time, log, insert id and rule."""
        found = [item for told in self._entries.values() for item in told.values()]
        return tuple(sorted(found, key=lambda item: (item.timestamp, item.key, item.rule)))

    def anchors(self) -> tuple[Anchor, ...]:
        """Return an anchor for each incident that has a decision."""
        firsts: dict[str, int] = {}
        for entry in self.decisions:
            firsts.setdefault(entry.incident_id, entry.decided_at)
        return tuple(sorted(self._anchor(name, time) for name, time in firsts.items()))

    def _anchor(self, name: str, reported_at: int) -> Anchor:
        fingerprint, time = self._outcomes[name].incident.anchor
        return Anchor(time, fingerprint, name, reported_at)

    def ledger(self) -> dict[str, LedgerEntry]:
        """Return the last decision about each incident."""
        return {entry.incident_id: entry for entry in self.decisions}

    def record(
        self,
        detections: Iterable[Detection],
        outcomes: Sequence[Outcome],
        now: int,
        cleared: Iterable[tuple[str, int, str]] = (),
    ) -> None:
        """Take in what a run came to."""
        for key in cleared:
            self._entries.pop(key, None)
        given: dict[tuple[str, int, str], list[Detection]] = {}
        for detection in detections:
            given.setdefault(detection.key, []).append(detection)
        for key, found in given.items():
            self._record_entry(key, found)
        self._outcomes.update({outcome.incident.id: outcome for outcome in outcomes})
        self._absorbed -= {outcome.incident.id for outcome in outcomes}
        self._absorbed |= {name for outcome in outcomes for name in outcome.incident.absorbed}
        self._drop_superseded(outcomes)
        for outcome in outcomes:
            self._decide(outcome, now)

    def _record_entry(self, key: tuple[str, int, str], found: list[Detection]) -> None:
        best = max(item.richness for item in (*found, *self._entries.get(key, {}).values()))
        told = {item.rule: item for item in found if item.richness == best}
        if told:
            self._entries[key] = told

    def _drop_superseded(self, outcomes: Sequence[Outcome]) -> None:
        reported = {entry.incident_id for entry in self.decisions}
        current = {outcome.incident.id for outcome in outcomes}
        for name in set(self._outcomes) - reported - current:
            fingerprint, time = self._outcomes[name].incident.anchor
            if any(_holds(outcome.incident, fingerprint, time) for outcome in outcomes):
                del self._outcomes[name]

    def _decide(self, outcome: Outcome, now: int) -> None:
        entry = LedgerEntry(
            incident_id=outcome.incident.id,
            decided_at=now,
            action=outcome.decision.action,
            reason=outcome.decision.reason,
            digest=outcome.report.digest,
            symptoms=tuple(item.fingerprint for item in outcome.incident.symptoms),
            state=outcome.incident.state.value,
        )
        if entry.action is not Action.LEAVE and _once(entry) not in map(_once, self.decisions):
            self.decisions.append(entry)

    def incidents(self) -> tuple[IncidentDocument, ...]:
        """Return the incidents that no other absorbed, in order of first_seen."""
        left = (item for name, item in self._outcomes.items() if name not in self._absorbed)
        ordered = sorted(left, key=lambda item: (item.incident.first_seen, item.incident.id))
        return tuple(item.document for item in ordered)

    def incident(self, identifier: str) -> IncidentDocument | None:
        """Return the incident whose id begins so.

        Raises:
            StoreError: several do.

        """
        documents = {document.id: document for document in self.incidents()}
        if identifier in documents:
            return documents[identifier]
        names = sorted(name for name in documents if name.startswith(identifier))
        if len(names) > 1:
            raise StoreError(", ".join(names))
        return documents[names[0]] if names else None


def _holds(incident: Incident, fingerprint: str, time: int) -> bool:
    return any(
        item.fingerprint == fingerprint and item.first_seen <= time <= item.last_seen
        for item in incident.symptoms
    )


def _once(entry: LedgerEntry) -> tuple[str, int, Action, str]:
    return (entry.incident_id, entry.decided_at, entry.action, entry.digest)
