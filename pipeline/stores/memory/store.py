"""`ports.Store` in plain dicts: a run that keeps nothing needs no database."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from pipeline.correlation.links import Anchor
from pipeline.deployments import recent
from pipeline.entry.beats import merge_beats
from pipeline.entry.sighting import merge_sightings
from pipeline.errors import StoreError
from pipeline.ports import NOTHING, UNASKED, UNHEARD, Changed, Standing
from pipeline.report import Action, neighbour
from pipeline.retention import RETENTION, Pruned
from pipeline.silence import recent_beats
from pipeline.stores.memory.detections import MemoryDetections
from pipeline.tracker.pace import Pace
from pipeline.traffic import merged, still_asked

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from types import TracebackType

    from pipeline.detection import Detection
    from pipeline.document import IncidentDocument
    from pipeline.entry.beats import Beats, Day
    from pipeline.entry.sighting import Running, Sighting
    from pipeline.ports import Outcome, Poison, Progress
    from pipeline.report import LedgerEntry, Neighbour
    from pipeline.retention import Retention
    from pipeline.tracker.delivering import Delivery
    from pipeline.traffic import Answers, Question
    from pipeline.verdicts import Verdict

    Key = tuple[str, int, str]


@dataclass(slots=True)
class MemoryStore(MemoryDetections):
    """A store that lasts as long as it is held.

    One that ends with its run need not keep detections: only a later run asks for them.
    """

    keeps_detections: bool = True
    _outcomes: dict[str, Outcome] = field(default_factory=dict)
    _absorbed: set[str] = field(default_factory=set)
    _sightings: dict[Running, Sighting] = field(default_factory=dict)
    _beats: Beats = field(default_factory=dict)
    _decisions: dict[tuple[object, ...], LedgerEntry] = field(default_factory=dict)
    _verdicts: dict[int, Verdict] = field(default_factory=dict)
    _given: int = 0
    _deliveries: dict[str, dict[str, Delivery]] = field(default_factory=lambda: defaultdict(dict))
    _paces: dict[str, Pace] = field(default_factory=dict)
    _away: set[str] = field(default_factory=set)
    _gone: set[str] = field(default_factory=set)
    _revision: int = 0
    _revisions: dict[str, int] = field(default_factory=dict)

    @property
    def decisions(self) -> tuple[LedgerEntry, ...]:
        """Every decision that reached the tracker, in the order they were taken."""
        return tuple(self._decisions.values())

    def anchors(self, since: int | None = None) -> tuple[Anchor, ...]:
        """Return the anchors of all incidents that were ever reported, absorbed ones too.

        With a time `since`, of those that are in use or began since then.
        """
        firsts: dict[str, int] = {}
        for entry in self.decisions:
            firsts.setdefault(entry.incident_id, entry.decided_at)
        found = sorted(self._anchor(name, time) for name, time in firsts.items())
        if since is None:
            return tuple(found)
        return tuple(one for one in found if one.time >= since or one.incident_id not in self._away)

    def _anchor(self, name: str, reported_at: int) -> Anchor:
        fingerprint, time = self._outcomes[name].incident.anchor
        return Anchor(time, fingerprint, name, reported_at)

    def ledger(self) -> dict[str, LedgerEntry]:
        """Return, by incident id, the last decision that reached the tracker."""
        return {entry.incident_id: entry for entry in self.decisions}

    def record(  # noqa: PLR0913 - all of a run, in one transaction
        self,
        detections: Iterable[Detection],
        outcomes: Sequence[Outcome],
        now: int,
        cleared: Iterable[Key] = (),
        sightings: Mapping[Running, Sighting] = NOTHING,
        *,
        answers: Mapping[Question, int] = UNASKED,
        beats: Mapping[Day, int] = UNHEARD,
        progress: Progress | None = None,
    ) -> None:
        """Take in a run. `now` is event time (ns UTC); the same run again changes nothing.

        What is given about an entry replaces what was known of it, unless that was told by a
        richer copy; of entries that are `cleared` nothing stays.

        Raises:
            LeaseLostError: somebody else holds the lease that the progress names.

        """
        if progress is not None:
            self._go_on(progress)
            for name in set(progress.untold) - self.ledger().keys():
                self._outcomes.pop(name, None)
        for key in cleared:
            self._entries.pop(key, None)
        if self.keeps_detections:
            self._record_detections(detections)
        self._outcomes |= {outcome.incident.id: outcome for outcome in outcomes}
        self._number(name for one in outcomes for name in (one.incident.id, *one.incident.absorbed))
        for names in (self._absorbed, self._away, self._gone):
            names -= {outcome.incident.id for outcome in outcomes}
        self._absorbed |= {name for outcome in outcomes for name in outcome.incident.absorbed}
        for name in self._superseded(outcomes):
            del self._outcomes[name]
        for outcome in outcomes:
            self._decide(outcome, now)
        merge_sightings(self._sightings, sightings)
        self._sightings = recent(self._sightings, now)
        self._answers = still_asked(merged(self._answers, answers), now)
        merge_beats(self._beats, beats)
        self._beats = recent_beats(self._beats, now)

    def _number(self, names: Iterable[str]) -> None:
        """Note that some incidents changed."""
        self._revision += 1
        self._revisions |= dict.fromkeys(names, self._revision)

    def changed(self, since: int) -> Changed:
        """Return what changed of reported incidents since a revision; at -1 everything did."""
        new = {name for name, number in self._revisions.items() if number > since}
        gone = frozenset(new & (self._away | self._absorbed))
        return Changed(self._revision, self._told(new), gone)

    def unreported(self) -> list[str]:
        """Return ids of those in use, never reported, whose first detection is still kept."""
        kept = {(one.fingerprint, one.key[1]) for one in self.detections()}
        here = self._outcomes.keys() - self._absorbed - self._away - self.ledger().keys()
        return [name for name in here if self._outcomes[name].incident.anchor in kept]

    def untried(self) -> dict[str, tuple[IncidentDocument, LedgerEntry]]:
        """Return incidents in use that were to be reported and of which no tracker knows."""
        known = {name for told in self._deliveries.values() for name in told}
        return self._told(self._outcomes.keys() - known)

    def put_away(self, since: int, until: int) -> dict[str, tuple[IncidentDocument, LedgerEntry]]:
        """Return reported incidents that are put away, of those that began from then until then."""
        began = {name: item.incident.first_seen for name, item in self._outcomes.items()}
        names = {name for name, at in began.items() if name in self._away and since <= at <= until}
        return self._told(names, every=True)

    def _told(
        self, names: Collection[str], *, every: bool = False
    ) -> dict[str, tuple[IncidentDocument, LedgerEntry]]:
        """Return those of some incidents that were reported, with the last decision."""
        ledger, known = self.ledger(), self.incidents(every=every)
        found = (one for one in known if one.id in names and one.id in ledger)
        return {one.id: (one, ledger[one.id]) for one in found}

    def _superseded(self, outcomes: Sequence[Outcome]) -> list[str]:
        """Return incidents, never reported, whose first detection belongs to another one now."""
        spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for outcome in outcomes:
            for symptom in outcome.incident.symptoms:
                spans[symptom.fingerprint].append((symptom.first_seen, symptom.last_seen))

        def is_taken(name: str) -> bool:
            fingerprint, time = self._outcomes[name].incident.anchor
            return any(first <= time <= last for first, last in spans.get(fingerprint, ()))

        current = {outcome.incident.id for outcome in outcomes}
        others = self._outcomes.keys() - self.ledger() - current - self._away
        return [name for name in others if is_taken(name)]

    def _decide(self, outcome: Outcome, now: int) -> None:
        """Append what is to reach the tracker, each decision once."""
        incident, decision = outcome.incident, outcome.decision
        if decision.action is Action.LEAVE:
            return
        once = (incident.id, now, decision.action, outcome.report.digest)
        self._decisions.setdefault(once, outcome.ledger_entry(now))

    def answers(self) -> Answers:
        """Return how many requests there were, as far as somebody asked."""
        return dict(self._answers)

    def beats(self) -> Beats:
        """Return in which minutes services logged."""
        return dict(self._beats)

    def sightings(self) -> dict[Running, Sighting]:
        """Return which revisions logged, and when."""
        return dict(self._sightings)

    def incidents(self, *, every: bool = False) -> tuple[IncidentDocument, ...]:
        """Return incidents as last recorded, in order of first_seen; `every`: those put away too.

        Of what was forgotten there is nothing.
        """
        hidden = self._absorbed | (self._gone if every else self._away)
        left = (item for name, item in self._outcomes.items() if name not in hidden)
        ordered = sorted(left, key=lambda item: (item.incident.first_seen, item.incident.id))
        return tuple(item.document for item in ordered)

    def incident(self, identifier: str) -> IncidentDocument | None:
        """Return one incident by its id or by a beginning of it that only one has.

        Raises:
            StoreError: several ids begin so; it names them.

        """
        documents = {document.id: document for document in self.incidents(every=True)}
        if identifier in documents:
            return documents[identifier]
        names = sorted(name for name in documents if name.startswith(identifier))
        if len(names) > 1:
            message = f"{identifier!r} may be {', '.join(names)}: give more of the id"
            raise StoreError(message)
        return documents[names[0]] if names else None

    def neighbours(self, fingerprints: Collection[str] = ()) -> tuple[Neighbour, ...]:
        """Return what other incidents are to know of each, as last recorded.

        Of those put away, only of such as have one of the fingerprints.
        """
        return tuple(
            neighbour(item.incident)
            for name, item in self._outcomes.items()
            if name not in self._absorbed | self._gone
            and (name not in self._away or item.incident.fingerprint in fingerprints)
        )

    def prune(self, until: int, clock: int, retention: Retention = RETENTION) -> Pruned:
        """Put away and forget what is over for long at an event time."""
        away = self._over(until - retention.in_use, until - retention.incidents)
        self._away |= away
        self._number(away)
        gone = {
            name
            for name in self._away - self._gone
            if self._outcomes[name].incident.last_seen < until - retention.incidents
        }
        decisions = self._compact(away)
        self._gone |= gone
        for known in self._deliveries.values():
            for name in gone & known.keys():
                del known[name]
        for name in gone - self.ledger().keys():
            del self._outcomes[name]
            self._away.remove(name)
            self._gone.remove(name)
        receipts = len(self._inbox)
        self._clear_inbox(clock - retention.receipts)
        late = {one.number for one in self.poison() if one.at < clock - retention.quarantine}
        receipts -= len(self._inbox)
        return Pruned(len(away), len(gone), decisions, receipts, self.release_poison(late))

    def _over(self, before: int, oldest: int) -> set[str]:
        """Return incidents in use that nobody saw or decided about since a time.

        Those that were never tried in a tracker stay until the `oldest` time at which any is seen.
        """
        known = {name: item for told in self._deliveries.values() for name, item in told.items()}
        untried = self.ledger().keys() - known - self._absorbed if known else set()
        stay = {
            name
            for name, item in self._outcomes.items()
            if item.incident.last_seen >= before
            or (name in known and known[name].waits)
            or (name in untried and item.incident.last_seen >= oldest)
        }
        stay |= {one.incident_id for one in self.decisions if one.decided_at >= before}
        for outcome in self._outcomes.values():
            if outcome.incident.id in stay:
                stay.update(outcome.incident.absorbed)
        return self._outcomes.keys() - self._away - stay

    def _compact(self, names: Collection[str]) -> int:
        """Forget all decisions about some incidents but their first and last ones."""
        last = {one.incident_id: key for key, one in self._decisions.items()}
        first = {one.incident_id: key for key, one in reversed(self._decisions.items())}
        between = [
            key
            for key, one in self._decisions.items()
            if one.incident_id in names
            and key not in {first[one.incident_id], last[one.incident_id]}
        ]
        for key in between:
            del self._decisions[key]
        return len(between)

    def verdicts(self) -> tuple[Verdict, ...]:
        """Return what people decided and did not take back, in the order given."""
        return tuple(self._verdicts.values())

    def give(self, verdict: Verdict) -> Verdict:
        """Keep a verdict; return it with its number. What is said twice in a row is kept once."""
        held = self.verdicts()
        if held and held[-1].says_as(verdict):
            return held[-1]
        self._given += 1
        return self._verdicts.setdefault(self._given, replace(verdict, number=self._given))

    def undo(self, number: int, by: str) -> Verdict | None:  # noqa: ARG002 - nobody asks later
        """Take back a verdict that holds; return it, None if no such verdict holds."""
        return self._verdicts.pop(number, None)

    def trackers(self) -> list[str]:
        """Return the names of those trackers of which something is known."""
        return sorted(name for name, found in self._deliveries.items() if found)

    def deliveries(self, tracker: str, also: Collection[str] = ()) -> dict[str, Delivery]:
        """Return, by incident id, what is known of the issues in a tracker.

        Of incidents that are put away, only that of some which are asked for, `also`.
        """
        known, hidden = self._deliveries[tracker], self._away - set(also)
        return {name: item for name, item in known.items() if name not in hidden}

    def deliver(self, tracker: str, incident: str, delivery: Delivery, holder: str = "") -> None:
        """Keep what is known of the issue of an incident, in place of what was known.

        Raises:
            LeaseLostError: the holder does not hold the tracker's lease any more.

        """
        if holder:
            self._hold(tracker, holder)
        self._deliveries[tracker][incident] = delivery

    def pace(self, server: str) -> Pace:
        """Return how fast a server was written to lately."""
        return self._paces.get(server, Pace())

    def keep_pace(self, server: str, pace: Pace) -> Pace:
        """Keep how fast a server is written to, and return it with what others wrote meanwhile."""
        self._paces[server] = pace.after(self.pace(server))
        return self._paces[server]

    def holder(self, name: str) -> str:
        """Return who had a lease last and did not give it back; "" is nobody."""
        return self._leases.get(name, ("", 0))[0]

    def standing(self) -> Standing:
        """Return what there is, as numbers."""
        waiting = [at for at, _, needed in self._inbox.values() if needed]
        latest = max((at for at, *_ in self._inbox.values()), default=0)
        states = Counter(one.state for one in self.incidents())
        return Standing(len(waiting), min(waiting, default=0), latest, len(self._poison), states)

    def refuse(self, number: int, poison: Poison, name: str, holder: str) -> None:
        """Put a receipt into quarantine, if it is still needed."""
        self._hold(name, holder)
        if self._inbox.get(number, (0, b"", False))[2]:
            del self._inbox[number]
            self.receive(b"", [poison], poison.at)

    def _go_on(self, progress: Progress) -> None:
        self._hold(progress.name, progress.holder)
        self._reduce(progress.receipts, progress.requests)
        self._clear_inbox(progress.since)
        self._held = progress.held

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing to close: what was kept goes with the store."""
