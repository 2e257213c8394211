"""A verdict made of what a person says about an incident, on a command line or in a tracker.

What is wrong is a ValueError that says what to say instead, in plain text; it may quote the person.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipeline.audit import parse_span
from pipeline.entry import format_timestamp, parse_timestamp
from pipeline.revisions import check_revision
from pipeline.verdicts import Kind, Verdict

if TYPE_CHECKING:
    from pipeline.document import IncidentDocument, SymptomDocument
    from pipeline.verdicts import Handle


@dataclass(frozen=True, slots=True)
class Voice:
    """Who decides, when or since when (nanoseconds UTC), and why; the reason is redacted."""

    by: str
    at: int
    reason: str = ""


def merge(voice: Voice, incident: IncidentDocument, other: IncidentDocument) -> Verdict:
    """Decide that two incidents are one.

    Raises:
        ValueError: they are the same already.

    """
    if incident.id == other.id:
        message = f"{incident.id} cannot be merged with itself"
        raise ValueError(message)
    end = _handle(_root(other))
    return _verdict(voice, Kind.MERGE, incident, other=end, other_incident=other.id)


def split(voice: Voice, incident: IncidentDocument, symptom: str) -> Verdict:
    """Decide that a symptom, named by rule or fingerprint, is an incident of its own.

    Raises:
        ValueError: it has no such symptom, several, or no other.

    """
    found = [item for item in incident.symptoms if symptom in {item.rule, item.fingerprint}]
    if len(found) != 1 or len(incident.symptoms) == 1:
        raise ValueError(_no_symptom(incident, symptom, len(found)))
    return _verdict(voice, Kind.SPLIT, incident, handle=_handle(found[0]))


def resolve(voice: Voice, incident: IncidentDocument, revision: str = "") -> Verdict:
    """Decide that an incident is resolved, perhaps by a revision.

    Raises:
        ValueError: others cannot be older than the revision.

    """
    if revision:
        check_revision(revision)
    return _verdict(voice, Kind.RESOLVE, incident, revision=revision)


def silence(voice: Voice, incident: IncidentDocument, span: str) -> Verdict:
    """Decide that an incident is not to be reported for some time.

    Raises:
        ValueError: the span is none, or leads where no time is.

    """
    try:
        until = voice.at + parse_span(span)
        format_timestamp(until)
    except ValueError as error:
        message = f"{span!r} is no span to silence for, such as 12h or 7d: {error}"
        raise ValueError(message) from error
    return _verdict(voice, Kind.SILENCE, incident, until=until)


def assign(voice: Voice, incident: IncidentDocument, who: str) -> Verdict:
    """Decide who looks after an incident.

    Raises:
        ValueError: nobody is named.

    """
    if not who.strip():
        message = "name somebody, such as @ana"
        raise ValueError(message)
    return _verdict(voice, Kind.ASSIGN, incident, assignee=who.strip())


def _verdict(voice: Voice, kind: Kind, incident: IncidentDocument, **told: Any) -> Verdict:
    handle = _handle(_root(incident))
    made = Verdict(kind, incident.id, handle, at=voice.at, by=voice.by, reason=voice.reason)
    return replace(made, **told)


def _root(incident: IncidentDocument) -> SymptomDocument:
    return next(item for item in incident.symptoms if item.fingerprint == incident.fingerprint)


def _handle(symptom: SymptomDocument) -> Handle:
    return (symptom.fingerprint, parse_timestamp(symptom.first_seen))


def _no_symptom(incident: IncidentDocument, symptom: str, count: int) -> str:
    if len(incident.symptoms) == 1:
        return f"{incident.id} has only one symptom; nothing can be split off"
    what = "several symptoms" if count else "no symptom"
    known = ", ".join(f"{item.rule} ({item.fingerprint})" for item in incident.symptoms)
    return f"{incident.id} has {what} {symptom!r}; name one by its fingerprint: {known}"
