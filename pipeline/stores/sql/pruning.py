"""What a store forgets in SQL, inside the one transaction that it is given (`retention`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, exists, func, or_, select, update

from pipeline.ports import Changed
from pipeline.retention import Pruned
from pipeline.stores.sql.recording import delete_by, next_revision, revision
from pipeline.stores.sql.rows import to_incident, to_ledger_entry
from pipeline.stores.sql.tables import (
    deliveries,
    detections,
    documents,
    inbox,
    incidents,
    ledger,
    quarantine,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Select

    from pipeline.document import IncidentDocument
    from pipeline.report import LedgerEntry
    from pipeline.retention import Retention

IN_USE, PUT_AWAY, GONE = range(3)
"""Where an incident is (`tables.incidents`)."""

_CHUNK = 500
"""Values in one `IN`; databases bound the number of parameters."""

_HERE = incidents.c.absorbed_by.is_(None) & (incidents.c.away == IN_USE)

_DECIDED = select(ledger.c.incident_id)

_FIRST = (detections.c.timestamp == incidents.c.anchor_time) & (
    detections.c.fingerprint == incidents.c.anchor_fingerprint
)
UNREPORTED = select(incidents.c.id).where(
    _HERE, incidents.c.id.not_in(_DECIDED), exists().where(_FIRST)
)
"""Incidents in use, never reported, whose first detection is still kept."""

_AWAY = select(incidents.c.id).where(incidents.c.away != IN_USE)


def known_of(tracker: str) -> Select[tuple[str, str]]:
    """Return what asks for the deliveries to a tracker, but those of incidents put away."""
    mine = deliveries.c.tracker == tracker
    return select(deliveries).where(mine, deliveries.c.incident_id.not_in(_AWAY))


def known_also(tracker: str, names: Iterable[str]) -> Iterator[Select[tuple[str, str]]]:
    """Yield what asks for the deliveries of some incidents to a tracker."""
    mine = select(deliveries).where(deliveries.c.tracker == tracker)
    for some in _chunks(sorted(set(names))):
        yield mine.where(deliveries.c.incident_id.in_(some))


def neighbours(fingerprints: Iterable[str]) -> Select[tuple[object, ...]]:
    """Return what asks for incidents in use, and for those put away of some fingerprints."""
    same = and_(incidents.c.away == PUT_AWAY, incidents.c.fingerprint.in_(sorted(fingerprints)))
    asked = or_(incidents.c.away == IN_USE, same)
    return select(incidents).where(incidents.c.absorbed_by.is_(None), asked)


def changed(connection: Connection, since: int) -> Changed:
    """Return what changed of reported incidents since a revision."""
    last = revision(connection)
    mine = select(incidents.c.id).where(incidents.c.revision > since)
    told = _told(connection, mine.where(_HERE))
    gone = set(_names(connection, mine)) - set(_names(connection, mine.where(_HERE)))
    return Changed(last, told, frozenset(gone))


def untried(connection: Connection) -> dict[str, tuple[IncidentDocument, LedgerEntry]]:
    """Return incidents in use that were to be reported and of which no tracker knows, by id."""
    known = incidents.c.id.in_(select(deliveries.c.incident_id))
    mine = select(incidents.c.id).where(_HERE, ~known, incidents.c.id.in_(_DECIDED))
    return _told(connection, mine) if connection.execute(mine.limit(1)).first() else {}


def documented(*, every: bool) -> Select[Any]:
    """Return what asks for the documents of incidents in use, or of `every` one that has one."""
    asked = (
        select(incidents.c.first_seen, incidents.c.id, documents.c.document)
        .join(documents, documents.c.incident_id == incidents.c.id)
        .where(incidents.c.absorbed_by.is_(None))
    )
    return asked if every else asked.where(_is(IN_USE))


def put_away(
    connection: Connection, since: int, until: int
) -> dict[str, tuple[IncidentDocument, LedgerEntry]]:
    """Return incidents put away that were reported, and began from one time until another."""
    began = incidents.c.first_seen.between(since, until)
    mine = select(incidents.c.id).where(incidents.c.absorbed_by.is_(None), _is(PUT_AWAY), began)
    return _told(connection, mine)


def _told(
    connection: Connection, mine: Select[tuple[str]]
) -> dict[str, tuple[IncidentDocument, LedgerEntry]]:
    """Return those of some incidents that were reported, each with the last decision, by id.

    Both in one statement: of two each sees what is committed when it begins, and a document may be
    of a later commit than what is known of decisions.
    """
    lasts = select(func.max(ledger.c.sequence)).where(ledger.c.incident_id.in_(mine))
    asked = (
        select(ledger, documents.c.document)
        .join(documents, documents.c.incident_id == ledger.c.incident_id)
        .where(ledger.c.sequence.in_(lasts.group_by(ledger.c.incident_id)))
    )
    told = ((to_incident(row.document), to_ledger_entry(row)) for row in connection.execute(asked))
    return {document.id: (document, entry) for document, entry in told}


def prune(connection: Connection, until: int, clock: int, retention: Retention) -> Pruned:
    """Put away and forget what is long over at event time `until`; `clock` is the time (ns UTC)."""
    oldest = until - retention.incidents
    away = sorted(_over(connection, until - retention.in_use, oldest))
    _mark(connection, away, PUT_AWAY)
    gone = _names(connection, _old(PUT_AWAY, oldest))
    decisions = _compact(connection, away)
    _forget(connection, gone)
    told = (inbox.c.needed == 0) & (inbox.c.received_at < clock - retention.receipts)
    receipts = connection.execute(delete(inbox).where(told)).rowcount
    late = quarantine.c.at < clock - retention.quarantine
    poison = connection.execute(delete(quarantine).where(late)).rowcount
    return Pruned(len(away), len(gone), decisions, receipts, poison)


def _old(where: int, before: int) -> Select[tuple[str]]:
    """Return what asks for incidents that are somewhere and were last seen before a time."""
    old = (incidents.c.away == where) & (incidents.c.last_seen < before)
    return select(incidents.c.id).where(old).order_by(incidents.c.id)


def _over(connection: Connection, before: int, oldest: int) -> set[str]:
    """Return incidents in use that nobody saw or decided about since a time, and that do not wait.

    One that another absorbed stays as long as that.
    """
    old = set(_names(connection, _old(IN_USE, before)))
    if not old:
        return old
    recent = select(ledger.c.incident_id).where(ledger.c.decided_at >= before)
    old -= {*_names(connection, recent), *_undelivered(connection, oldest)}
    absorbed = select(incidents.c.id, incidents.c.absorbed_by).where(
        incidents.c.away == IN_USE, incidents.c.absorbed_by.is_not(None)
    )
    survivors = {name: by for name, by in connection.execute(absorbed) if name in old}
    stay = set(_names(connection, select(incidents.c.id).where(_is(IN_USE)))) - old
    while kept := {name for name, by in survivors.items() if name in old and by in stay}:
        old -= kept
        stay |= kept
    return old


def _undelivered(connection: Connection, oldest: int) -> Iterator[str]:
    """Yield incidents in use whose report waits for a tracker, or was never tried there.

    The latter only if they were seen since the `oldest` time: maybe nobody will ever try.
    """
    if connection.execute(select(deliveries.c.tracker).limit(1)).first() is None:
        return  # without a tracker nothing is ever tried
    rows = select(deliveries.c.incident_id, deliveries.c.document)
    kept = connection.execute(rows.where(deliveries.c.incident_id.not_in(_AWAY)))
    tried = {name: bool(json.loads(document)["since"]) for name, document in kept}
    decided = select(incidents.c.id).where(
        incidents.c.id.in_(select(ledger.c.incident_id)),
        incidents.c.absorbed_by.is_(None),
        incidents.c.last_seen >= oldest,
        _is(IN_USE),
    )
    names = {*tried, *_names(connection, decided)}
    yield from (name for name in names if tried.get(name, True))


def _compact(connection: Connection, names: Sequence[str]) -> int:
    """Forget all decisions about some incidents but their first and last ones; return how many."""
    count = 0
    for some in _chunks(names):
        mine = ledger.c.incident_id.in_(some)
        grouped = select(func.min(ledger.c.sequence), func.max(ledger.c.sequence)).where(mine)
        ends = [*connection.execute(grouped.group_by(ledger.c.incident_id))]
        kept = [number for row in ends for number in row]
        between = mine & ledger.c.sequence.not_in(kept)
        count += connection.execute(delete(ledger).where(between)).rowcount
    return count


def _forget(connection: Connection, names: Sequence[str]) -> None:
    """Forget incidents, but what those that were reported are known again by."""
    keys = [(name,) for name in names]
    delete_by(connection, documents, ("incident_id",), keys)
    delete_by(connection, deliveries, ("incident_id",), keys)
    _mark(connection, names, GONE)
    unreported = incidents.c.id.not_in(select(ledger.c.incident_id))
    connection.execute(delete(incidents).where(_is(GONE), unreported))


def _mark(connection: Connection, names: Sequence[str], away: int) -> None:
    number = next_revision(connection) if names else 0
    for some in _chunks(names):
        marked = update(incidents).where(incidents.c.id.in_(some))
        connection.execute(marked.values(away=away, revision=number))


def _names(connection: Connection, statement: Select[tuple[str]]) -> list[str]:
    return [str(name) for name in connection.execute(statement).scalars()]


def _is(away: int) -> ColumnElement[bool]:
    return incidents.c.away == away


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK))
