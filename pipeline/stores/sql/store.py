"""`ports.Store` in SQL: what runs found, and the ledger of what was decided."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sqlalchemy import func, or_, select

from pipeline.correlation.links import order
from pipeline.errors import StoreError
from pipeline.ports import NOTHING, UNASKED, UNHEARD
from pipeline.retention import RETENTION, Size
from pipeline.stores.sql import delivering, pruning, receiving, recording, rows, verdicts
from pipeline.stores.sql.database import TIMEOUT, Database
from pipeline.stores.sql.tables import (
    counted,
    deployments,
    detections,
    documents,
    incidents,
    ledger,
    metadata,
    minutes,
    requests,
    settled,
)
from pipeline.tracker.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from sqlalchemy import Select

    from pipeline.correlation.counted import Bundle
    from pipeline.correlation.keys import Key
    from pipeline.correlation.links import Anchor
    from pipeline.correlation.settled import Page
    from pipeline.correlation.thinning import Gone
    from pipeline.detection import Detection
    from pipeline.document import IncidentDocument
    from pipeline.entry.beats import Day
    from pipeline.entry.sighting import Running, Sighting
    from pipeline.ports import Changed, Outcome, Poison, Progress, Standing
    from pipeline.report import LedgerEntry, Neighbour
    from pipeline.retention import Pruned, Retention
    from pipeline.tracker.delivering import Delivery
    from pipeline.traffic import Question
    from pipeline.verdicts import Verdict

CANDIDATES = 5
"""How many incidents an error names when a beginning of an id fits several."""

_T = TypeVar("_T")


class SqlStore:
    """A store at a database URL: `sqlite://` in memory, `sqlite:///FILE` to keep it.

    Every method raises StoreError, in plain words, when the database fails; LeaseLostError, where
    it changes something as the holder of a lease, when another one has that.
    """

    def __init__(self, url: str = "sqlite://", timeout: float = TIMEOUT) -> None:
        """Open the store; make or migrate its tables. Its calls end after `timeout` seconds.

        Raises:
            StoreError: it cannot be opened, is not ours, or is of a newer schema.

        """
        self._database = Database(url, timeout)

    def detections(self) -> tuple[Detection, ...]:
        """Return all detections, in canonical order: time, log, insert id, rule."""
        found = self._read(select(detections.c.document), lambda row: rows.to_detection(row[0]))
        return tuple(sorted(found, key=order))

    def anchors(self, since: int | None = None) -> tuple[Anchor, ...]:
        """Return the anchors of what was ever reported; `since`: is in use or began since then."""
        firsts = select(func.min(ledger.c.sequence)).group_by(ledger.c.incident_id)
        reported = (
            select(incidents, ledger.c.decided_at)
            .join(ledger, ledger.c.incident_id == incidents.c.id)
            .where(ledger.c.sequence.in_(firsts))
        )
        if since is not None:
            in_use = incidents.c.away == pruning.IN_USE
            reported = reported.where(or_(in_use, incidents.c.anchor_time >= since))
        return tuple(sorted(self._read(reported, rows.to_anchor)))

    def ledger(self) -> dict[str, LedgerEntry]:
        """Return, by incident id, the last decision that reached the tracker."""
        lasts = select(func.max(ledger.c.sequence)).group_by(ledger.c.incident_id)
        statement = select(ledger).where(ledger.c.sequence.in_(lasts)).order_by(ledger.c.sequence)
        entries = self._read(statement, rows.to_ledger_entry)
        return {entry.incident_id: entry for entry in entries}

    def record(  # noqa: PLR0913 - all of a run, in one transaction
        self,
        detections: Iterable[Detection],
        outcomes: Sequence[Outcome],
        now: int,
        cleared: Iterable[tuple[str, int, str]] = (),
        sightings: Mapping[Running, Sighting] = NOTHING,
        *,
        answers: Mapping[Question, int] = UNASKED,
        beats: Mapping[Day, int] = UNHEARD,
        progress: Progress | None = None,
    ) -> None:
        """Commit a run in one transaction: all of it or nothing. `now` is event time (ns UTC).

        What is given about an entry replaces what was known of it, unless that was told by a
        richer copy; of entries that are `cleared` nothing stays. Recording the same run again
        changes nothing.

        Raises:
            LeaseLostError: somebody else holds the lease that the progress names.

        """
        told, gone = recording.gathered(detections), [*cleared]  # nobody waits for that
        with self._database.writing() as connection:
            if progress is not None:
                receiving.go_on(connection, progress)
                recording.forget_untold(connection, progress.untold)
            recording.clear_entries(connection, gone)
            recording.record_detections(connection, told)
            recording.record_incidents(connection, outcomes)
            recording.record_decisions(connection, outcomes, now)
            recording.record_sightings(connection, sightings, now)
            recording.record_answers(connection, answers, now)
            recording.record_beats(connection, beats, now)

    def sightings(self) -> dict[Running, Sighting]:
        """Return which revisions logged, and when."""
        return dict(self._read(select(deployments), rows.to_sighting))

    def answers(self) -> dict[Question, int]:
        """Return how many requests there were, as far as somebody asked."""
        return dict(self._read(select(requests), rows.to_answer))

    def beats(self) -> dict[Day, int]:
        """Return in which minutes services logged."""
        return dict(self._read(select(minutes), rows.to_beat))

    def incidents(self, *, every: bool = False) -> tuple[IncidentDocument, ...]:
        """Return incidents as last recorded, in order of first_seen; `every`: those put away too.

        Of what was forgotten there is nothing.
        """
        statement = pruning.documented(every=every)
        found = self._read(
            statement, lambda row: (row.first_seen, row.id, rows.to_incident(row.document))
        )
        return tuple(document for *_, document in sorted(found, key=lambda item: item[:2]))

    def changed(self, since: int) -> Changed:
        """Return what changed of reported incidents since a revision; at -1 everything did."""
        with self._database.reading() as connection, self._legible():
            return pruning.changed(connection, since)

    def unreported(self) -> list[str]:
        """Return ids of those in use, never reported, whose first detection is still kept."""
        return self._read(pruning.UNREPORTED, lambda row: str(row.id))

    def untried(self) -> dict[str, tuple[IncidentDocument, LedgerEntry]]:
        """Return incidents in use that were to be reported and of which no tracker knows."""
        with self._database.reading() as connection, self._legible():
            return pruning.untried(connection)

    def put_away(self, since: int, until: int) -> dict[str, tuple[IncidentDocument, LedgerEntry]]:
        """Return reported incidents that are put away, of those that began from then until then."""
        with self._database.reading() as connection, self._legible():
            return pruning.put_away(connection, since, until)

    def incident(self, identifier: str) -> IncidentDocument | None:
        """Return one incident by its id or by a beginning of it that only one has.

        Raises:
            StoreError: several ids begin so; it names them.

        """
        found = self._document(identifier)
        if found:
            return found
        known = incidents.c.absorbed_by.is_(None) & (incidents.c.away != pruning.GONE)
        listed = select(incidents.c.id).where(known)
        ids = sorted(self._read(listed, lambda row: str(row.id)))
        chosen = [name for name in ids if name.startswith(identifier)]
        if len(chosen) > 1:
            raise StoreError(_ambiguous(identifier, chosen))
        return self._document(chosen[0]) if chosen else None

    def _document(self, name: str) -> IncidentDocument | None:
        """Return an incident that no other absorbed by its whole id."""
        statement = (
            select(documents.c.document)
            .join(incidents, documents.c.incident_id == incidents.c.id)
            .where(incidents.c.id == name, incidents.c.absorbed_by.is_(None))
        )
        found = self._read(statement, lambda row: rows.to_incident(row[0]))
        return found[0] if found else None

    def neighbours(self, fingerprints: Collection[str] = ()) -> tuple[Neighbour, ...]:
        """Return what others are to know of each; put away, only those with the fingerprints."""
        return tuple(self._read(pruning.neighbours(fingerprints), rows.to_neighbour))

    def verdicts(self) -> tuple[Verdict, ...]:
        """Return what people decided and did not take back, in the order given."""
        return tuple(self._read(verdicts.HOLDING, verdicts.to_verdict))

    def give(self, verdict: Verdict) -> Verdict:
        """Keep a verdict; return it with its number. What is said twice in a row is kept once."""
        with self._database.writing() as connection:
            return verdicts.give(connection, verdict)

    def undo(self, number: int, by: str) -> Verdict | None:
        """Take back a verdict that holds; return it, None if no such verdict holds."""
        with self._database.writing() as connection:
            return verdicts.undo(connection, number, by)

    def trackers(self) -> tuple[str, ...]:
        """Return the names of those trackers of which something is known."""
        return tuple(self._read(delivering.TRACKERS, lambda row: str(row.tracker)))

    def deliveries(self, tracker: str, also: Collection[str] = ()) -> dict[str, Delivery]:
        """Return, by incident id, what is known of the issues in a tracker.

        Of incidents that are put away, only that of some which are asked for, `also`.
        """
        asked = (pruning.known_of(tracker), *pruning.known_also(tracker, also))
        return dict(chain.from_iterable(self._read(one, delivering.to_delivery) for one in asked))

    def deliver(self, tracker: str, incident: str, delivery: Delivery, holder: str = "") -> None:
        """Keep what is known of the issue of an incident, in place of what was known."""
        with self._database.writing() as connection:
            if holder:
                receiving.hold(connection, tracker, holder)
            delivering.deliver(connection, tracker, incident, delivery)

    def lease(self, name: str, holder: str, until: int, now: int) -> bool:
        """Take or renew a lease, if nobody else holds it at `now`; return whether it is held."""
        with self._database.writing() as connection:
            return delivering.lease(connection, name, holder, until, now)

    def renew(self, name: str, holder: str, until: int) -> bool:
        """Renew a lease if nobody else had it since it was taken; return whether it is held."""
        with self._database.writing() as connection:
            return delivering.renew(connection, name, holder, until)

    def release(self, name: str, holder: str) -> None:
        """Give a lease back."""
        with self._database.writing() as connection:
            delivering.release(connection, name, holder)

    def holder(self, name: str) -> str:
        """Return who had a lease last and did not give it back; "" is nobody."""
        return next(iter(self._read(receiving.holder_of(name), lambda row: str(row.holder))), "")

    def pace(self, server: str) -> Pace:
        """Return how fast a server was written to lately."""
        return next(iter(self._read(delivering.pace_of(server), delivering.to_pace)), Pace())

    def keep_pace(self, server: str, pace: Pace) -> Pace:
        """Keep how fast a server is written to, and return it with what others wrote meanwhile."""
        with self._database.writing() as connection:
            return delivering.keep_pace(connection, server, pace)

    def forget(self, kept: Collection[Key], before: int, name: str, holder: str) -> int:
        """Forget detections older than a time whose entries are not among those kept."""
        with self._database.writing() as connection:
            receiving.hold(connection, name, holder)
            return recording.forget(connection, kept, before)

    def thin(self, gone: Gone, name: str, holder: str) -> None:
        """Forget entries that are only counted, and keep what stands for them: both or nothing."""
        with self._database.writing() as connection:
            receiving.hold(connection, name, holder)
            recording.thin(connection, gone)

    def counted(self) -> list[Bundle]:
        """Return what knows the entries that are only counted."""
        return self._read(select(counted).order_by(counted.c.number), rows.to_bundle)

    def settled(self) -> list[Page]:
        """Return what correlations made of entries that are only counted."""
        return self._read(select(settled).order_by(settled.c.number), rows.to_page)

    def prune(self, until: int, clock: int, retention: Retention = RETENTION) -> Pruned:
        """Put away and forget what is over for long at an event time; give some room back."""
        with self._database.writing() as connection:
            pruned = pruning.prune(connection, until, clock, retention)
        self._database.give_back(whole=False)
        return pruned

    def compact(self) -> None:
        """Give back all room that nothing takes; others may have to wait meanwhile."""
        self._database.give_back(whole=True)

    def size(self) -> Size:
        """Return how many rows there are of what, and how many bytes the database takes."""
        counts = {
            table.name: select(func.count()).select_from(table) for table in metadata.sorted_tables
        }
        found = {name: self._read(one, lambda row: int(row[0]))[0] for name, one in counts.items()}
        return Size(found, self._database.size())

    def receive(self, receipt: bytes, poison: Sequence[Poison], at: int) -> None:
        """Keep what a batch came to at a time (ns UTC)."""
        if receipt or poison:
            lend = self._database.writing if poison else self._database.adding
            with lend() as connection:
                receiving.receive(connection, receipt, poison, at)

    def receipts(self, limit: int, beyond: int = 0) -> list[tuple[int, bytes]]:
        """Return the receipts that no commit made needless, the first ones `beyond` a number."""
        return self._read(receiving.needed(limit, beyond), receiving.numbered)

    def refuse(self, number: int, poison: Poison, name: str, holder: str) -> None:
        """Put a receipt into quarantine, as poison, in place of where it was: both or nothing."""
        with self._database.writing() as connection:
            receiving.refuse(connection, number, poison, name, holder)

    def backlog(self) -> int:
        """Return how many receipts there are that no commit made needless."""
        (count,) = self._read(receiving.BACKLOG, lambda row: int(row[0]))
        return count

    def recent(self, since: int) -> Iterator[bytes]:
        """Yield what is kept of those received since a time that commits made needless."""
        found = [(0, b"")]
        while found := self._read(receiving.recent(since, found[-1][0]), receiving.numbered):
            yield from (receipt for _, receipt in found)

    def held(self) -> bytes:
        """Return the lines that waited when the last progress was made."""
        return b"".join(self._read(receiving.HELD, lambda row: bytes(row.receipt)))

    def mark(self, name: str) -> int:
        """Return the time that was kept by a name, 0 if none was."""
        return next(iter(self._read(receiving.mark_of(name), lambda row: int(row.at))), 0)

    def keep_mark(self, name: str, at: int) -> None:
        """Keep a time by a name, in place of what was."""
        with self._database.writing() as connection:
            receiving.keep_mark(connection, name, at)

    def poison(self) -> list[Poison]:
        """Return what is in quarantine, in the order in which it came."""
        return self._read(receiving.POISON, receiving.to_poison)

    def release_poison(self, numbers: Iterable[int]) -> int:
        """Take some out of quarantine; return how many were in it."""
        with self._database.writing() as connection:
            return receiving.release(connection, numbers)

    def standing(self) -> Standing:
        """Return what there is, as numbers."""
        with self._database.reading() as connection:
            return receiving.standing(connection)

    def close(self) -> None:
        """Close the database; one in memory is gone then."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self, statement: Select[Any], restore: Callable[[Any], _T]) -> list[_T]:
        with self._database.reading() as connection, self._legible():
            return [restore(row) for row in connection.execute(statement)]

    @contextmanager
    def _legible(self) -> Iterator[None]:
        try:
            yield
        except (KeyError, TypeError, ValueError) as error:
            message = (
                f"{self._database.name}: it holds a record that this version cannot read, "
                f"as another wrote it or its text was changed: {error}"
            )
            raise StoreError(message) from error


def _ambiguous(identifier: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - CANDIDATES} more" if len(names) > CANDIDATES else ""
    return f"{identifier!r} may be {', '.join(names[:CANDIDATES])}{more}: give more of the id"
