"""The whole run: read, detect, correlate, investigate, explain, decide, record, send."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.document import EntriesDocument, RejectionDocument, RunDocument, incident_document
from pipeline.entry import Rejection, format_timestamp
from pipeline.errors import SinkError
from pipeline.facts import known_facts
from pipeline.joining import Joiner
from pipeline.ports import Outcome, Rank
from pipeline.report import decide, render
from pipeline.whys import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pipeline.catalog import Catalog
    from pipeline.correlation import Correlator
    from pipeline.detection import Detection, Detector
    from pipeline.entry import LogEntry
    from pipeline.incident import Incident
    from pipeline.ports import Identities, Investigator, Sink, Source, Store
    from pipeline.report import LedgerEntry, Policy
    from pipeline.whys import WhysTemplates


@dataclass(frozen=True, slots=True)
class Window:
    """Which entries belong to the run: from `since`, up to and without `until` (ns UTC)."""

    since: int | None = None
    until: int | None = None

    def holds(self, entry: LogEntry) -> bool:
        """Return whether the entry's event time lies inside."""
        after = self.since is None or entry.timestamp >= self.since
        return after and (self.until is None or entry.timestamp < self.until)


@dataclass(frozen=True, slots=True)
class Texts:
    """The templates that explanations and issues are made of, and where the issue's stands."""

    whys: WhysTemplates
    issue: str
    issue_place: str


@dataclass(slots=True)
class Tally:
    """Accounts for every record: read = accepted + duplicates + rejected."""

    accepted: int = 0
    duplicates: int = 0
    outside: int = 0
    unknown_severities: int = 0
    rejections: list[Rejection] = field(default_factory=list)

    @property
    def read(self) -> int:
        """Records read that belong to the run."""
        return self.accepted + self.duplicates + len(self.rejections)

    def document(self) -> EntriesDocument:
        """Return the account in the form of the public contract."""
        return EntriesDocument(
            read=self.read,
            accepted=self.accepted,
            duplicates=self.duplicates,
            rejected=len(self.rejections),
            outside=self.outside,
            unknown_severities=self.unknown_severities,
        )


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to."""

    tally: Tally
    outcomes: tuple[Outcome, ...]
    detections: Mapping[tuple[str, int, str], tuple[Detection, ...]]

    def document(self) -> RunDocument:
        """Return the run in the form of the public contract."""
        return RunDocument(
            entries=self.tally.document(),
            rejections=[
                RejectionDocument(place=item.place, reason=item.reason)
                for item in self.tally.rejections
            ],
            incidents=[outcome.document for outcome in self.outcomes],
        )

    def detection_lines(self) -> Iterator[dict[str, str | None]]:
        """Yield every detection of the run and the incident it belongs to, in order of time."""
        found = [item for items in self.detections.values() for item in items]
        for item in sorted(found, key=lambda item: (item.timestamp, item.key, item.rule)):
            owner = next((out.incident.id for out in self.outcomes if out.incident.has(item)), None)
            yield {
                "insert_id": item.sample.insert_id,
                "log_name": item.sample.log_name,
                "timestamp": format_timestamp(item.timestamp),
                "rule": item.rule,
                "fingerprint": item.fingerprint,
                "incident_id": owner,
            }


class Replay:
    """One run over a source that ends: everything is read, then reported once."""

    def __init__(  # noqa: PLR0913 - the parts of the house, each passed in by name
        self,
        *,
        detector: Detector,
        correlator: Correlator,
        identities: Identities,
        catalog: Catalog,
        texts: Texts,
        investigators: Sequence[Investigator],
        store: Store,
        sinks: Sequence[Sink],
        policy: Policy,
        window: Window,
        dry_run: bool = False,
    ) -> None:
        self._detector = detector
        self._correlator = correlator
        self._identities = identities
        self._catalog = catalog
        self._texts = texts
        self._investigators = investigators
        self._store = store
        self._sinks = sinks
        self._policy = policy
        self._window = window
        self._dry_run = dry_run
        self._joiner = Joiner()
        self._tally = Tally()
        self._detected: dict[tuple[str, int, str], tuple[Detection, ...]] = {}

    def run(self, source: Source, on_record: Callable[[], None] = lambda: None) -> Result:
        """Take a source to its end; `on_record` is called after each record (for a progress bar).

        The ledger is written before anything is sent, so that a crash in between repeats nothing.
        """
        self._correlator.restore(self._store.detections(), self._store.anchors())
        for record in source.read():
            self._take(record)
            on_record()
        self._tell_joined(self._joiner.flush())
        ledger = self._store.ledger()
        self._come_to_an_end(ledger)
        outcomes = tuple(self._conclude(item, ledger) for item in self._correlator.incidents())
        if not self._dry_run:
            self._commit(outcomes)
        return Result(self._tally, outcomes, self._detected)

    def _come_to_an_end(self, ledger: Mapping[str, LedgerEntry]) -> None:
        """Let everything settle; an older export takes event time not behind what was decided."""
        self._correlator.on_time(self._correlator.now + self._policy.group_wait)
        for entry in ledger.values():
            self._correlator.on_time(entry.decided_at)

    def _commit(self, outcomes: Sequence[Outcome]) -> None:
        found = [item for detections in self._detected.values() for item in detections]
        cleared = [key for key, detections in self._detected.items() if not detections]
        self._store.record(found, outcomes, self._correlator.now, cleared)
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

    def _take(self, record: LogEntry | Rejection) -> None:
        if isinstance(record, Rejection):
            reason = self._detector.redact(record.reason)  # which may quote what was read
            self._tally.rejections.append(Rejection(record.place, reason))
        elif not self._window.holds(record):
            self._tally.outside += 1
        else:
            self._accept(record)
            self._tell_joined(self._joiner.on_entry(record))

    def _accept(self, entry: LogEntry) -> None:
        """Detect in the first copy of an entry and in each richer one."""
        rank = self._identities.rank(entry)
        self._tally.accepted += rank is Rank.FIRST
        self._tally.duplicates += rank is not Rank.FIRST
        self._tally.unknown_severities += rank is Rank.FIRST and entry.has_unknown_severity
        self._correlator.on_time(entry.event_time)
        if rank is not Rank.NO_RICHER:
            self._tell(entry, self._detector.detect(entry))

    def _tell_joined(self, entries: Iterable[LogEntry]) -> None:
        """Detect in tracebacks whose lines came one an entry; they are no further entries."""
        for entry in entries:
            self._tell(entry, self._detector.detect_joined(entry))

    def _tell(self, entry: LogEntry, found: list[Detection]) -> None:
        key = self._detector.key_of(entry)
        self._correlator.on_detections(key, entry.richness, found)
        told = self._correlator.told(key)
        if told is not None:
            self._detected[key] = told

    def _conclude(self, incident: Incident, ledger: Mapping[str, LedgerEntry]) -> Outcome:
        """Investigate, explain, render and decide."""
        facts = list(known_facts(incident, self._catalog))
        for investigator in self._investigators:
            facts += investigator.investigate(incident)
        explanation = explain(incident, facts, self._texts.whys)
        report = render(incident, explanation, self._texts.issue, self._texts.issue_place)
        known = ledger.get(incident.id)
        decision = decide(incident, report, known, self._correlator.now, self._policy)
        document = incident_document(incident, explanation, report, decision)
        return Outcome(incident, report, decision, document, reported=known is not None)
