"""What a run writes, inside the one transaction that it is given."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from sqlalchemy import bindparam, delete, insert, select, tuple_, update

from pipeline.correlation.counted import KEPT
from pipeline.deployments import kept_since
from pipeline.entry.beats import merge_beats
from pipeline.entry.sighting import merge_sightings
from pipeline.report import Action
from pipeline.silence import beats_since
from pipeline.stores.sql.rows import (
    answer_row,
    beat_row,
    detection_row,
    document_row,
    incident_row,
    ledger_row,
    sighting_row,
    to_answer,
    to_beat,
    to_json,
    to_sighting,
)
from pipeline.stores.sql.tables import (
    counted,
    deployments,
    detections,
    documents,
    incidents,
    ledger,
    marks,
    minutes,
    requests,
    settled,
)
from pipeline.traffic import Question, asked_since, merged

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Row, Table

    from pipeline.correlation.keys import Key
    from pipeline.correlation.thinning import Gone
    from pipeline.detection import Detection
    from pipeline.entry.beats import Day
    from pipeline.entry.sighting import Running, Sighting
    from pipeline.ports import Outcome

_ENTRY = ("log_name", "timestamp", "insert_id")
_DAY = ("project", "service", "date")
_RUNNING = ("service", "revision")
_ONCE = ("incident_id", "decided_at", "action", "digest")

_REVISION = "revision"
"""The mark that is no time, but how often incidents were written."""

_CHUNK = 500
"""Values in one `IN`; databases bound the number of parameters.

Also rows that are written at once, so that the database hears of us again and again: one that
waits for somebody within a transaction keeps others waiting, and gives that up (`postgresql`).
"""

_IN_PORTIONS = {"yield_per": 10_000}
"""Rows that the database sends at once, where there may be many."""

_NEAR = 2
"""Columns of a key that are asked for each by itself; with more there would be too many ways to
combine their values."""


Told: TypeAlias = "Mapping[Key, Mapping[str, Detection]]"
"""Detections by entry, then by rule."""

_T = TypeVar("_T")


def gathered(given: Iterable[Detection]) -> Told:
    """Return detections as they are recorded: to be made before others have to wait."""
    by_entry: dict[Key, dict[str, Detection]] = defaultdict(dict)
    for detection in given:
        by_entry[detection.key][detection.rule] = detection
    return by_entry


def record_detections(connection: Connection, given: Told) -> None:
    """Replace what is known of the entries given, except where a richer copy told it."""
    # Of all together: very many may be of one time, as those are that have none.
    best = _richness(connection, sorted({time for _, time, _ in given}))
    for key, told in given.items():
        copies = {item.richness for item in told.values()}
        best[key] = max(copies | ({best[key]} if key in best else set()))
    for some in portions(given.items()):
        new = [
            detection_row(detection)
            for key, told in some
            for detection in told.values()
            if detection.richness == best[key]
        ]
        _replace_some(connection, detections, new, _ENTRY)


def _richness(connection: Connection, times: Sequence[int]) -> dict[Any, Any]:
    """Return, by key, how rich the known copies of the entries of these times were."""
    columns = [detections.c[name] for name in (*_ENTRY, "richness")]
    return {
        tuple(key): tuple(json.loads(richness))
        for start in range(0, len(times), _CHUNK)
        for *key, richness in connection.execute(
            select(*columns).where(detections.c.timestamp.in_(times[start : start + _CHUNK]))
        )
    }


def record_incidents(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    """Replace incidents by what they are now, and take out those that became part of others."""
    if not outcomes:
        return
    number = next_revision(connection)
    rows = ({**incident_row(one), "revision": number} for one in outcomes)
    _replace(connection, incidents, rows, ("id",))
    _replace(connection, documents, map(document_row, outcomes), ("incident_id",))
    absorbed = [
        {"the_id": name, "by": outcome.incident.id}
        for outcome in outcomes
        for name in outcome.incident.absorbed
    ]
    if absorbed:
        mark = update(incidents).where(incidents.c.id == bindparam("the_id"))
        connection.execute(mark.values(absorbed_by=bindparam("by"), revision=number), absorbed)
    passed = _superseded(connection, outcomes)
    delete_by(connection, incidents, ("id",), ((name,) for name in passed))
    gone = (*passed, *(one["the_id"] for one in absorbed))
    delete_by(connection, documents, ("incident_id",), ((name,) for name in gone))


def forget_untold(connection: Connection, names: Sequence[str]) -> None:
    """Take out incidents that were never reported and are none after all."""
    reported = set(connection.scalars(select(ledger.c.incident_id))) if names else set[str]()
    gone = [(name,) for name in names if name not in reported]
    delete_by(connection, incidents, ("id",), gone)
    delete_by(connection, documents, ("incident_id",), gone)


def revision(connection: Connection) -> int:
    """Return the revision of what was written last, 0 if nothing was.

    Not the highest that there is: who has that one may be taken out.
    """
    return connection.execute(select(marks.c.at).where(marks.c.name == _REVISION)).scalar() or 0


def next_revision(connection: Connection) -> int:
    """Return the revision of what is written now; nobody else writes meanwhile."""
    number = revision(connection) + 1
    _replace(connection, marks, [{"name": _REVISION, "at": number}], ("name",))
    return number


def _superseded(connection: Connection, outcomes: Sequence[Outcome]) -> list[str]:
    """Return incidents, never reported, whose first detection belongs to another one now.

    Until its first report an incident's id follows from its first detection, so that a late entry
    can give it another id.
    """
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for outcome in outcomes:
        for symptom in outcome.incident.symptoms:
            spans[symptom.fingerprint].append((symptom.first_seen, symptom.last_seen))

    def taken(row: Row[Any]) -> bool:
        held = spans.get(row.anchor_fingerprint, ())
        return any(first <= row.anchor_time <= last for first, last in held)

    current = {outcome.incident.id for outcome in outcomes}
    unreported = select(incidents).where(
        incidents.c.away == 0, incidents.c.id.not_in(select(ledger.c.incident_id))
    )
    return [
        row.id for row in connection.execute(unreported) if row.id not in current and taken(row)
    ]


def record_decisions(connection: Connection, outcomes: Sequence[Outcome], now: int) -> None:
    """Append what is to reach the tracker to the ledger, each decision once."""
    columns = [ledger.c[name] for name in _ONCE]
    known = connection.execute(select(*columns).where(ledger.c.decided_at == now))
    written = {tuple(row) for row in known}
    rows = (
        ledger_row(outcome, now)
        for outcome in outcomes
        if outcome.decision.action is not Action.LEAVE
    )
    new = (row for row in rows if tuple(row[name] for name in _ONCE) not in written)
    for some in portions(new):
        connection.execute(insert(ledger), some)


def record_sightings(connection: Connection, given: Mapping[Running, Sighting], now: int) -> None:
    """Merge what is told of revisions with what is known, and forget those of long ago."""
    before = dict(map(to_sighting, _known(connection, deployments, _RUNNING, given.keys())))
    known = dict(before)
    merge_sightings(known, given)
    changed = [running for running in given if known[running] != before.get(running)]
    new = [sighting_row(running, known[running]) for running in changed]
    _replace(connection, deployments, new, _RUNNING)
    connection.execute(delete(deployments).where(deployments.c.last < kept_since(now)))


def _known(
    connection: Connection, table: Table, key: Sequence[str], asked: Collection[tuple[Any, ...]]
) -> Iterable[Row[Any]]:
    """Yield the rows that have some keys, or all: nearly always there are few to ask for."""
    if not asked:
        return ()
    statement = select(table)
    if len(asked) <= _CHUNK // len(key):
        columns = [table.c[name] for name in key]
        statement = statement.where(tuple_(*columns).in_(asked))
        # Of SQLite only these ask an index.
        for at, column in enumerate(columns[:-1][:_NEAR]):
            statement = statement.where(column.in_({one[at] for one in asked}))
    return connection.execute(statement)


def record_answers(connection: Connection, given: Mapping[Question, int], now: int) -> None:
    """Merge answers with those known, and forget those of long ago."""
    known = dict(map(to_answer, _known(connection, requests, Question._fields, given.keys())))
    every = merged(known, given)
    new = [answer_row(asked, total) for asked, total in every.items() if known.get(asked) != total]
    _replace(connection, requests, new, Question._fields)
    connection.execute(delete(requests).where(requests.c.until < asked_since(now)))


def record_beats(connection: Connection, given: Mapping[Day, int], now: int) -> None:
    """Merge minutes with those known, and forget those of long ago."""
    known = dict(map(to_beat, _known(connection, minutes, _DAY, given.keys())))
    every = dict(known)
    merge_beats(every, given)
    new = [beat_row(day, every[day]) for day in given if known.get(day) != every[day]]
    _replace(connection, minutes, new, _DAY)
    connection.execute(delete(minutes).where(minutes.c.date < beats_since(now)))


def clear_entries(connection: Connection, keys: Iterable[tuple[str, int, str]]) -> None:
    """Forget what was detected in entries whose richest copy shows nothing."""
    delete_by(connection, detections, _ENTRY, set(keys))


def forget(connection: Connection, kept: Collection[tuple[str, int, str]], before: int) -> int:
    """Forget detections older than a time whose entries are not among those kept."""
    columns = [detections.c[name] for name in _ENTRY]
    old = select(*columns).where(detections.c.timestamp < before).distinct()
    gone = {tuple(row) for row in connection.execute(old, execution_options=_IN_PORTIONS)} - {
        (log_name, time, insert_id) for log_name, time, insert_id in kept
    }
    delete_by(connection, detections, _ENTRY, gone)
    return len(gone)


def thin(connection: Connection, gone: Gone) -> None:
    """Forget entries that are only counted, keep what stands for them, and what is settled."""
    delete_by(connection, detections, _ENTRY, gone.keys)
    record_detections(connection, gathered(gone.standing))
    delete_by(connection, requests, Question._fields, gone.unasked)
    bundle = gone.bundle
    connection.execute(delete(counted).where(counted.c.until < bundle.until - KEPT))
    connection.execute(insert(counted), bundle._asdict())
    connection.execute(delete(settled))
    for pages in portions({"document": to_json(page.document())} for page in gone.settled):
        connection.execute(insert(settled), pages)


def portions(given: Iterable[_T]) -> Iterator[list[_T]]:
    """Yield as many at a time as are written at once, none of them before it is asked for."""
    rest = iter(given)
    while some := [*islice(rest, _CHUNK)]:
        yield some


def _replace(
    connection: Connection,
    table: Table,
    new: Iterable[Mapping[str, Any]],
    key: Sequence[str],
) -> None:
    """Insert rows, of which no two share a key, in place of all that share one with them."""
    for some in portions(new):
        _replace_some(connection, table, some, key)


def _replace_some(
    connection: Connection, table: Table, new: Sequence[Mapping[str, Any]], key: Sequence[str]
) -> None:
    """Insert a few rows in place of all that share a key with them."""
    if not new:
        return
    delete_by(connection, table, key, {tuple(row[name] for name in key) for row in new})
    connection.execute(insert(table), new)


def delete_by(
    connection: Connection, table: Table, key: Sequence[str], keys: Iterable[tuple[Any, ...]]
) -> None:
    """Delete the rows that have one of the keys."""
    statement = delete(table).where(*(table.c[name] == bindparam(f"the_{name}") for name in key))
    given = ({f"the_{name}": item for name, item in zip(key, each, strict=True)} for each in keys)
    for some in portions(given):
        connection.execute(statement, some)
