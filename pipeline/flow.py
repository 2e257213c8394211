"""The whole run: read, detect, correlate, investigate, explain, decide, record, send."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from pipeline.correlation.rows import identity_of as redacted_identity
from pipeline.deployments import History, Sightings, recent
from pipeline.document import incident_document
from pipeline.entry.beats import merge_beats
from pipeline.entry.value import identity_of
from pipeline.errors import SinkError
from pipeline.examining import Examiner
from pipeline.facts import known_facts
from pipeline.holding import apply
from pipeline.joining import Joiner
from pipeline.novelty import Heard
from pipeline.ports import UNASKED, Case, Outcome, Work
from pipeline.report import Action, Neighbourhood, decide, neighbour, render
from pipeline.result import Result
from pipeline.selfaudit import audit_document
from pipeline.silence import (
    Minutes,
    contradicted,
    deletions,
    is_heard,
    is_silence,
    silences,
    without,
)
from pipeline.tally import Tally
from pipeline.traffic import still_asked
from pipeline.updating import update, with_update
from pipeline.verdicts import silence_of
from pipeline.whys import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pipeline.catalog import Catalog
    from pipeline.correlation import Correlator
    from pipeline.deployments import Rollout
    from pipeline.detection import Detection, Detector
    from pipeline.document import IncidentDocument
    from pipeline.entry import LogEntry
    from pipeline.entry.beats import Beats, Day
    from pipeline.entry.sighting import Running, Sighting
    from pipeline.examining import Examined, Key, Richness, Window
    from pipeline.facts import Fact
    from pipeline.holding import Applied
    from pipeline.incident import Incident
    from pipeline.joining import Joined, Released
    from pipeline.ports import Batch, Investigator, Sink, Source, Spool, Spread, Store
    from pipeline.report import Decision, LedgerEntry, Policy, Related
    from pipeline.suppressions import Placed
    from pipeline.traffic import Traffic
    from pipeline.whys import WhysTemplates


@dataclass(frozen=True, slots=True)
class Texts:
    """The templates of explanations, issues and comments, and where those of Markdown stand."""

    whys: WhysTemplates
    issue: str
    issue_place: str
    update: str = ""
    update_place: str = ""


def in_turn(work: Callable[[Batch], Work], batches: Iterable[Batch]) -> Iterator[Work]:
    """Work on batches one after the other (`ports.Spread`)."""
    return map(work, batches)


class Replay:
    """One run over a source that ends: everything is read, then reported once."""

    def __init__(  # noqa: PLR0913 - the parts of the house, each passed in by name
        self,
        *,
        detector: Detector,
        correlator: Correlator,
        spool: Callable[[int], Spool],
        catalog: Catalog,
        texts: Callable[[str], Texts],
        investigators: Sequence[Investigator],
        store: Store,
        sinks: Sequence[Sink],
        policy: Policy,
        window: Window,
        suppressions: Sequence[Placed] = (),
        dry_run: bool = False,
        spread: Spread = in_turn,
        rules_version: str = "",
        traffic: Traffic | None = None,
    ) -> None:
        self._detector = detector
        self._correlator = correlator
        self._catalog = catalog
        self._texts = texts
        self._investigators = investigators
        self._store = store
        self._sinks = sinks
        self._policy = policy
        self._window = window
        self._suppressions = suppressions
        self._dry_run = dry_run
        self._spread = spread
        self._rules_version = rules_version
        self._traffic = traffic
        self._joiner = Joiner()
        self._tally = Tally(spool)
        self._known: dict[int, int] = {}  # by its identity as read: its identity once redacted
        self._touched: set[int] = set()
        self._sightings = Sightings()
        self._minutes = Minutes()
        self._silences: Sequence[Key] = ()
        self._read_until: str | None = ""  # None once something stood out of the order of time

    def run(self, source: Source, on_records: Callable[[int], None] = lambda _: None) -> Result:
        """Take a source to its end; `on_records` is told how many more were read (for progress).

        The ledger is written before anything is sent, so that a crash in between repeats nothing.
        """
        self._correlator.restore(self._store.detections(), self._store.anchors())
        self._correlator.on_verdicts(self._store.verdicts())
        if self._traffic is not None:
            self._traffic.recall(self._store.answers())
        keys = self._correlator.entries()
        self._known = {identity_of(key): redacted_identity(key) for key in keys}
        self._silences = [key for key in keys if is_silence(key)]
        latest, counting = self._correlator.latest, self._traffic is not None
        examiner = Examiner(self._detector, self._window, self._known, latest, counting=counting)
        for examined in self._spread(examiner, source.batches()):
            self._take(examined)
            on_records(examined.read)
        self._tell_released(self._joiner.flush())
        self._hear_all_copies(source)
        beats = self._hear_silence()
        ledger = self._store.ledger()
        self._come_to_an_end(ledger)
        sightings = self._sightings.redacted(self._detector.redact, self._detector.identify)
        history = self._history(sightings)
        incidents = self._correlator.incidents()
        applied = apply(self._suppressions, incidents, self._correlator.now)
        cases = [self._case(item, history.rollout(item, incidents)) for item in incidents]
        facts = self._facts(cases)
        nearby = Neighbourhood([*map(neighbour, incidents), *self._store.neighbours()])
        outcomes = tuple(
            self._conclude(
                case,
                facts[case.incident.id],
                ledger,
                applied,
                nearby.of(case.incident),
            )
            for case in cases
        )
        if not self._dry_run:
            self._commit(outcomes, sightings, beats)
        entries = self._tally.document()
        dropped = entries.rejected + entries.outside
        return Result(
            entries,
            tuple(self._tally.rejections),
            outcomes,
            lambda: self._correlator.detections(self._touched),
            audit_document(self._tally.audit(), late=0, dropped=dropped),  # all was waited for
            applied.accounts,
            self._correlator.noise(),
            self._rules_version,
        )

    def _come_to_an_end(self, ledger: Mapping[str, LedgerEntry]) -> None:
        """Let everything settle; an older export takes event time not behind what was decided."""
        self._correlator.on_time(self._correlator.now + self._policy.group_wait)
        for entry in ledger.values():
            self._correlator.on_time(entry.decided_at)

    def _history(self, sightings: Mapping[Running, Sighting]) -> History:
        """Return the deployments that this run or one before it saw."""
        every = Sightings(too_many=self._sightings.too_many)
        every.add(self._store.sightings())
        every.add(sightings)
        return History(every.known)

    def _commit(
        self,
        outcomes: Sequence[Outcome],
        sightings: Mapping[Running, Sighting],
        beats: Mapping[Day, int],
    ) -> None:
        found = (item for item, _ in self._correlator.detections(self._touched))
        cleared = self._correlator.cleared(self._touched)
        now = self._correlator.now
        asked = self._traffic.answers if self._traffic is not None else UNASKED
        seen, told = recent(sightings, now), still_asked(asked, now)
        self._store.record(found, outcomes, now, cleared, seen, answers=told, beats=beats)
        self._send(outcomes)

    def _send(self, outcomes: Sequence[Outcome]) -> None:
        """Send every outcome to every sink; one that fails keeps no other from getting out."""
        failed: list[SinkError] = []
        for sink in self._sinks:
            for outcome in outcomes:
                try:
                    sink.send(outcome)
                except SinkError as error:
                    failed.append(error)
        if failed:
            reasons = "\n".join(dict.fromkeys(map(str, failed)))
            raise SinkError(reasons, recoverable=all(error.recoverable for error in failed))

    def _take(self, examined: Examined) -> None:
        self._tally.take(examined)
        span, before = examined.span, self._read_until
        follows = before is not None and span is not None and before <= span[0]
        self._read_until = span[1] if span is not None and follows else None
        self._sightings.add(examined.sightings, examined.lasts)
        self._minutes.add(examined.beats)
        if self._traffic is not None:
            self._traffic.add(examined.requests)
        self._correlator.on_time(examined.watermark)
        for told in examined.told:
            key = told.detections[0].key
            self._known[told.identity] = redacted_identity(key)
            self._tell(key, told.richness, told.detections)
        for part in examined.parts:
            self._tell_released(self._joiner.on_entry(part))

    def _hear_all_copies(self, source: Source) -> None:
        """Let also those copies speak in which nothing was seen, about entries that matter.

        A richer copy takes back what a poorer one showed. One that was not even parsed is read
        again, which happens only where copies of one entry differ in what the rules look for.
        """
        for identity, richness in self._tally.silent(self._known.keys()):
            self._tell(self._key(identity), richness, ())
        wanted = self._tally.passed(self._known.keys())
        if wanted:
            examiner = Examiner(self._detector, self._window, wanted)
            for found in map(examiner.again, source.blocks()):
                for told in found:
                    self._tell(self._key(told.identity), told.richness, told.detections)

    def _hear_silence(self) -> Beats:
        """Tell which services fell silent, and take back what is not true; return the minutes."""
        own, correlator = self._minutes.redacted(self._detector.redact), self._correlator
        every = dict(self._store.beats())
        merge_beats(every, own)
        found = silences(every, self._catalog.quiet_after)
        if found:  # as it nearly never is
            known = (item for item, _ in correlator.detections(self._known.values()))
            found = without(deletions(known), found)
        for key in contradicted(self._silences, found, every):
            for told in correlator.told(key) or ():
                self._tell(key, told.richness, ())
        for entry in (one.entry for one in found if is_heard(one, own)):
            self._tell_entry(entry, self._detector.known(entry))
        return own

    def _key(self, identity: int) -> Key:
        return self._correlator.key(self._known[identity])

    def _tell_released(self, released: Released) -> None:
        """Tell of what may have been lines of tracebacks, as these or by themselves."""
        heard = Heard()
        for joined in released.joined:
            self._tell_joined(joined, heard)
        for entry in released.loose:
            self._tell_alone(replace(entry), heard)  # what is derived from it is not kept with it
        self._tally.hear(heard)

    def _tell_joined(self, joined: Joined, heard: Heard) -> None:
        """Detect in a traceback whose lines came one an entry; it is no further entry.

        Of its lines fallback rules say nothing; if they did in an earlier run, it is taken back.
        """
        alone = [self._detector.known(part) for part in joined.parts]
        for part, found in zip(joined.parts[1:], alone[1:], strict=True):
            self._tell_entry(part, found)
        whole = self._detector.detect_joined(joined.entry, alone)
        self._tell_entry(joined.entry, whole)
        told = [*whole, *chain.from_iterable(alone)]
        known = self._detector.is_known(told)
        heard.take(joined.entry, self._detector.redact_all, known=known)
        if joined.above is not None:
            names = [item.fingerprint for item in told]
            self._tell_alone(joined.above, heard, above=names, known=known)

    def _tell_alone(
        self, entry: LogEntry, heard: Heard, *, above: Sequence[str] = (), known: bool = False
    ) -> None:
        """Tell what fallback rules see in an entry of which the others were told before."""
        matched = bool(self._detector.known(entry))
        heard.take(entry, self._detector.redact_all, known=known or matched)
        if not matched:
            self._tell_entry(entry, self._detector.unknown(entry, above))

    def _tell_entry(self, entry: LogEntry, found: Sequence[Detection]) -> None:
        key = self._detector.key_of(entry)
        if found:
            self._known[entry.identity] = redacted_identity(key)
        if found or self._correlator.told(key) is not None:
            self._tell(key, entry.richness, found)

    def _tell(self, key: Key, richness: Richness, found: Iterable[Detection]) -> None:
        self._correlator.on_detections(key, richness, found)
        self._touched.add(redacted_identity(key))

    def _case(self, incident: Incident, rollout: Rollout) -> Case:
        facts = (*known_facts(incident, self._catalog), *rollout.facts)
        return Case(incident, rollout, facts, in_order=self._read_until is not None)

    def _facts(self, cases: Sequence[Case]) -> Mapping[str, Sequence[Fact]]:
        """Return, by incident, what is known and what investigators establish."""
        facts = {case.incident.id: [*case.facts] for case in cases}
        for investigator in self._investigators:
            for identifier, found in investigator.investigate(cases).items():
                facts[identifier] += map(self._redacted, found)
        return facts

    def _redacted(self, fact: Fact) -> Fact:
        """Return a fact without secrets: source code and answers of services may hold some."""
        redact = self._detector.redact
        return replace(
            fact,
            text=redact(fact.text),
            ref=redact(fact.ref),
            data=self._detector.redact_value(fact.data),
            url=fact.url if redact(fact.url) == fact.url else "",  # less of it leads nowhere
        )

    def _conclude(
        self,
        case: Case,
        facts: Sequence[Fact],
        ledger: Mapping[str, LedgerEntry],
        applied: Applied,
        related: Sequence[Related],
    ) -> Outcome:
        """Explain, render and decide."""
        incident, rollout = case.incident, case.rollout
        texts = self._texts(incident.root.whys)
        explanation = explain(incident, facts, texts.whys)
        report = render(
            incident,
            explanation,
            texts.issue,
            texts.issue_place,
            rollout,
            facts=facts,
            related=related,
        )
        known = ledger.get(incident.id)
        now = self._correlator.now
        silence = silence_of(incident.verdicts, now)
        held = applied.reason(incident.id) or (silence.text if silence else "")
        decision = decide(incident, report, known, now, self._policy, held=held, rollout=rollout)
        document = incident_document(
            incident,
            explanation,
            report,
            decision,
            suppressed=applied.held.get(incident.id, ()),
            silence=silence,
            rollout=rollout,
            facts=facts,
            related=related,
        )
        document = self._updated(document, texts, decision, reported=known is not None)
        return Outcome(incident, report, decision, document, reported=known is not None)

    def _updated(
        self, document: IncidentDocument, texts: Texts, decision: Decision, *, reported: bool
    ) -> IncidentDocument:
        """Say in a document what changed since its last report, if there was one."""
        before = self._store.incident(document.id) if reported else None
        text = update(before, document, texts.update, texts.update_place) if before else None
        return with_update(document, before, text or "", sent=decision.action != Action.LEAVE)
