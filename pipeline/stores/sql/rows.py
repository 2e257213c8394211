"""Values to rows and back. JSON is written as it is; `AnyText` sees to what SQL cannot hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.correlation.counted import Bundle
from pipeline.correlation.links import Anchor
from pipeline.correlation.settled import Page
from pipeline.detection import Detection
from pipeline.document import IncidentDocument
from pipeline.entry.sighting import Sighting
from pipeline.report import Action, LedgerEntry, Neighbour
from pipeline.traffic import Question

if TYPE_CHECKING:
    from sqlalchemy import Row

    from pipeline.entry.beats import Day
    from pipeline.entry.sighting import Running
    from pipeline.ports import Outcome

Values = dict[str, Any]


def detection_row(detection: Detection) -> Values:
    """Return the row of a detection; its document alone restores it."""
    log_name, timestamp, insert_id = detection.key
    return {
        "timestamp": timestamp,
        "log_name": log_name,
        "insert_id": insert_id,
        "rule": detection.rule,
        "richness": to_json(detection.richness),
        "fingerprint": detection.fingerprint,
        "document": to_json(detection.document()),
    }


def to_detection(document: str) -> Detection:
    """Restore a detection."""
    return Detection.of(json.loads(document))


def to_bundle(row: Row[Any]) -> Bundle:
    """Restore what knows entries that are only counted."""
    return Bundle(row.since, row.until, row.names)


def to_page(row: Row[Any]) -> Page:
    """Restore what is settled of a group."""
    return Page.of(json.loads(row.document))


def incident_row(outcome: Outcome) -> Values:
    """Return the row of an incident that no other absorbed."""
    incident = outcome.incident
    fingerprint, time = incident.anchor
    return {
        "id": incident.id,
        "anchor_time": time,
        "anchor_fingerprint": fingerprint,
        "absorbed_by": None,
        "fingerprint": incident.fingerprint,
        "state": incident.state.value,
        "priority": incident.priority,
        "title": incident.title,
        "first_seen": incident.first_seen,
        "last_seen": incident.last_seen,
        "services": to_json(outcome.document.services),
        "away": 0,
    }


def document_row(outcome: Outcome) -> Values:
    """Return the row of an incident's document."""
    document = to_json(outcome.document.model_dump())
    return {"incident_id": outcome.incident.id, "document": document}


def to_incident(document: str) -> IncidentDocument:
    """Restore the document of an incident."""
    return IncidentDocument.model_validate(json.loads(document))


def to_neighbour(row: Row[Any]) -> Neighbour:
    """Restore what other incidents are to know of one."""
    return Neighbour(
        first_seen=row.first_seen,
        id=row.id,
        fingerprint=row.fingerprint,
        title=row.title,
        services=tuple(json.loads(row.services)),
        last_seen=row.last_seen,
    )


def ledger_row(outcome: Outcome, now: int) -> Values:
    """Return the row of a decision taken at `now` (event time)."""
    incident = outcome.incident
    return {
        "incident_id": incident.id,
        "decided_at": now,
        "action": outcome.decision.action.value,
        "reason": outcome.decision.reason,
        "digest": outcome.report.digest,
        "symptoms": to_json([symptom.fingerprint for symptom in incident.symptoms]),
        "state": incident.state.value,
    }


def to_ledger_entry(row: Row[Any]) -> LedgerEntry:
    """Restore an entry of the ledger."""
    return LedgerEntry(
        incident_id=row.incident_id,
        decided_at=row.decided_at,
        action=Action(row.action),
        reason=row.reason,
        digest=row.digest,
        symptoms=tuple(json.loads(row.symptoms)),
        state=row.state,
    )


def to_anchor(row: Row[Any]) -> Anchor:
    """Restore an anchor from an incident and the time of its first report."""
    return Anchor(row.anchor_time, row.anchor_fingerprint, row.id, row.decided_at)


def sighting_row(running: Running, one: Sighting) -> Values:
    """Return the row of a revision that logged."""
    service, revision = running
    return {"service": service, "revision": revision, **msgspec.structs.asdict(one)}


def to_sighting(row: Row[Any]) -> tuple[Running, Sighting]:
    """Restore which revision logged, and when."""
    return (row.service, row.revision), Sighting(
        *(getattr(row, name) for name in Sighting.__struct_fields__)
    )


def answer_row(asked: Question, total: int) -> Values:
    """Return the row of a question about requests and its answer."""
    return {**asked._asdict(), "total": total}


def to_answer(row: Row[Any]) -> tuple[Question, int]:
    """Restore a question about requests, and its answer."""
    return Question(*row[: len(Question._fields)]), row.total


def to_json(value: object) -> str:
    """Write JSON that `json.loads` reads back exactly.

    ASCII escapes would not do: two lone surrogates in a row would come back as one character.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_members)


def beat_row(day: Day, bits: int) -> Values:
    """Return the row of the minutes of a day."""
    project, service, date = day
    return {"project": project, "service": service, "date": date, "bits": f"{bits:x}"}


def to_beat(row: Row[Any]) -> tuple[Day, int]:
    """Restore the minutes of a day."""
    return (row.project, row.service, row.date), int(row.bits, 16)


def _members(value: Any) -> Values:
    """Return a mapping or a dataclass as a dict of its members; TypeError for anything else."""
    if isinstance(value, Mapping):
        return dict(value)
    return {field.name: getattr(value, field.name) for field in fields(value)}
