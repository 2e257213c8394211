"""The whole run: read, detect, correlate, investigate, explain, decide, record, send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.concluding import Concluding, Moment, Texts
from pipeline.deployments import History, Sightings, recent
from pipeline.errors import LeaseLostError, SinkError
from pipeline.examining import Examiner, Told
from pipeline.ports import UNASKED, Progress, Work
from pipeline.result import Result
from pipeline.selfaudit import audit_document
from pipeline.taking import Taking
from pipeline.tally import Tally
from pipeline.traffic import still_asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pipeline.catalog import Catalog
    from pipeline.correlation import Correlator
    from pipeline.detection import Detector
    from pipeline.entry.beats import Day
    from pipeline.entry.sighting import Running, Sighting
    from pipeline.examining import Window
    from pipeline.ports import (
        Batch,
        Investigator,
        Lease,
        Outcome,
        Sink,
        Source,
        Spool,
        Spread,
        Store,
    )
    from pipeline.report import LedgerEntry, Policy
    from pipeline.suppressions import Placed
    from pipeline.traffic import Traffic

__all__ = ["Replay", "Texts", "in_turn"]


def in_turn(work: Callable[[Batch], Work], batches: Iterable[Batch]) -> Iterator[Work]:
    """Work on batches one after the other (`ports.Spread`)."""
    return map(work, batches)


class Replay:
    """One run over a source that ends: everything is read, then reported once.

    With a `lease`, one of those who correlate in the same store, it records only if that is held
    from before it began.
    """

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
        lease: Lease | None = None,
    ) -> None:
        self._detector = detector
        self._correlator = correlator
        self._catalog = catalog
        self._store = store
        self._sinks = sinks
        self._policy = policy
        self._window = window
        self._dry_run = dry_run
        self._spread = spread
        self._rules_version = rules_version
        self._traffic = traffic
        self._lease = lease
        self._tally = Tally(spool)
        self._taking = Taking(detector, correlator, self._tally, traffic)
        self._concluding = Concluding(
            detector=detector,
            catalog=catalog,
            texts=texts,
            investigators=investigators,
            store=store,
            policy=policy,
            suppressions=suppressions,
        )

    def run(self, source: Source, on_records: Callable[[int], None] = lambda _: None) -> Result:
        """Take a source to its end; `on_records` is told how many more were read (for progress).

        The ledger is written before anything is sent, so that a crash in between repeats nothing.

        Raises:
            SourceError: the source cannot be read.
            LeaseLostError: another process correlated meanwhile; nothing is recorded or sent.
            StoreError: the store cannot be read or written.
            SinkError: what is recorded did not get out.

        """
        taking, correlator = self._taking, self._correlator
        taking.begin(self._store)
        latest, counting = correlator.latest, self._traffic is not None
        examiner = Examiner(self._detector, self._window, taking.known, latest, counting=counting)
        for examined in self._spread(examiner, source.batches()):
            taking.take(examined)
            on_records(examined.read)
        taking.flush()
        self._hear_all_copies(source)
        beats = taking.hear_silence(self._store.beats(), self._catalog.quiet_after)
        ledger = self._store.ledger()
        self._come_to_an_end(ledger)
        sightings = taking.sightings()
        moment = Moment(correlator.now, ledger, self._history(sightings), taking.is_in_order)
        outcomes, accounts = self._concluding.conclude(correlator.incidents(), moment)
        if not self._dry_run:
            self._commit(outcomes, sightings, beats)
        entries = self._tally.document()
        dropped = entries.rejected + entries.outside
        return Result(
            entries,
            tuple(self._tally.rejections),
            outcomes,
            lambda: correlator.detections(taking.touched),
            audit_document(self._tally.audit(), late=0, dropped=dropped),  # all was waited for
            accounts,
            correlator.noise(),
            self._rules_version,
        )

    def _come_to_an_end(self, ledger: Mapping[str, LedgerEntry]) -> None:
        """Let everything settle; an older export takes event time not behind what was decided."""
        self._correlator.on_time(self._correlator.now + self._policy.group_wait)
        for entry in ledger.values():
            self._correlator.on_time(entry.decided_at)

    def _history(self, sightings: Mapping[Running, Sighting]) -> History:
        """Return the deployments that this run or one before it saw."""
        every = Sightings(too_many=self._taking.has_too_many)
        every.add(self._store.sightings())
        every.add(sightings)
        return History(every.known)

    def _commit(
        self,
        outcomes: Sequence[Outcome],
        sightings: Mapping[Running, Sighting],
        beats: Mapping[Day, int],
    ) -> None:
        found = (item for item, _ in self._correlator.detections(self._taking.touched))
        cleared = self._correlator.cleared(self._taking.touched)
        now = self._correlator.now
        asked = self._traffic.answers if self._traffic is not None else UNASKED
        seen, told = recent(sightings, now), still_asked(asked, now)
        try:
            self._store.record(
                found,
                outcomes,
                now,
                cleared,
                seen,
                answers=told,
                beats=beats,
                progress=self._progress(),
            )
        except LeaseLostError as error:
            message = f"{error}; run it again while nobody else correlates there"
            raise LeaseLostError(message) from error
        self._send(outcomes)

    def _progress(self) -> Progress | None:
        """Return that what was received waits as before, and who has to hold the lease."""
        if self._lease is None:
            return None
        return Progress((), self._store.held(), self._correlator.now, *self._lease)

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

    def _hear_all_copies(self, source: Source) -> None:
        """Let also those copies speak in which nothing was seen, about entries that matter.

        One that was not even parsed is read again, which happens only where copies of one entry
        differ in what the rules look for.
        """
        known = self._taking.known.keys()
        self._taking.hear(Told(one, rich, ()) for one, rich in self._tally.silent(known))
        wanted = self._tally.passed(known)
        if wanted:
            examiner = Examiner(self._detector, self._window, wanted)
            for found in map(examiner.again, source.blocks()):
                self._taking.hear(found)
