"""What people decide about incidents of a store: the verdict made of what they typed, and kept."""

from __future__ import annotations

import getpass
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

from pipeline.audit import parse_span
from pipeline.bootstrap.keeping import incident_in, open_kept_store
from pipeline.bootstrap.reading import read_redactor, read_time
from pipeline.entry import format_timestamp, parse_timestamp
from pipeline.errors import ConfigurationError, Mistake
from pipeline.revisions import check_revision
from pipeline.verdicts import Kind, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.document import IncidentDocument, SymptomDocument
    from pipeline.verdicts import Handle


@dataclass(frozen=True, slots=True)
class Said:
    """What belongs to every verdict: the store's URL, who says it ("" is the user), and why."""

    store: str
    by: str = ""
    reason: str = ""


def merge(said: Said, identifier: str, other: str) -> Verdict:
    """Decide that two incidents are one.

    Raises:
        ConfigurationError: one of them is not there, or both are the same.
        StoreError: the store cannot be opened, or several ids begin like one of them.

    """
    with open_kept_store(said.store) as store:
        left, right = (incident_in(store, name) for name in (identifier, other))
        if left.id == right.id:
            _mistake(f"{left.id} cannot be merged with itself")
        end = _handle(_root(right))
        return store.give(_verdict(said, Kind.MERGE, left, other=end, other_incident=right.id))


def split(said: Said, identifier: str, symptom: str) -> Verdict:
    """Decide that a symptom, named by rule or fingerprint, is an incident of its own.

    Raises:
        ConfigurationError: incident or symptom is not there, or it is the only one.
        StoreError: the store cannot be opened, or several ids begin like this.

    """
    with open_kept_store(said.store) as store:
        incident = incident_in(store, identifier)
        found = [item for item in incident.symptoms if symptom in {item.rule, item.fingerprint}]
        if len(found) != 1 or len(incident.symptoms) == 1:
            _mistake(_no_symptom(incident, symptom, len(found)))
        return store.give(_verdict(said, Kind.SPLIT, incident, handle=_handle(found[0])))


def resolve(said: Said, identifier: str, revision: str = "", at: str = "") -> Verdict:
    """Decide that an incident is resolved, now or since some time, perhaps by a revision.

    Raises:
        ConfigurationError: it is not there, the time lies ahead, or others cannot be older than the
            revision.
        StoreError: the store cannot be opened, or several ids begin like this.

    """
    now = time.time_ns()
    since = read_time(at, "--at")
    if since is not None and since > now:
        raise ConfigurationError([Mistake("--at", 0, f"{at} lies ahead")])
    if revision:
        try:
            check_revision(revision)
        except ValueError as error:
            raise ConfigurationError([Mistake("--revision", 0, str(error))]) from error
    with open_kept_store(said.store) as store:
        incident = incident_in(store, identifier)
        begin = now if since is None else since
        return store.give(_verdict(said, Kind.RESOLVE, incident, at=begin, revision=revision))


def silence(said: Said, identifier: str, span: str) -> Verdict:
    """Decide that an incident is not to be reported for some time.

    Raises:
        ConfigurationError: it is not there, or the span is none.
        StoreError: the store cannot be opened, or several ids begin like this.

    """
    now = time.time_ns()
    try:
        until = now + parse_span(span)
        format_timestamp(until)
    except ValueError as error:
        message = f"{span!r} is no span to silence for, such as 12h or 7d: {error}"
        raise ConfigurationError([Mistake("SPAN", 0, message)]) from error
    with open_kept_store(said.store) as store:
        incident = incident_in(store, identifier)
        return store.give(_verdict(said, Kind.SILENCE, incident, at=now, until=until))


def assign(said: Said, identifier: str, who: str) -> Verdict:
    """Decide who looks after an incident.

    Raises:
        ConfigurationError: it is not there, or nobody is named.
        StoreError: the store cannot be opened, or several ids begin like this.

    """
    if not who.strip():
        _mistake("name somebody, such as @ana")
    with open_kept_store(said.store) as store:
        incident = incident_in(store, identifier)
        return store.give(_verdict(said, Kind.ASSIGN, incident, assignee=who.strip()))


def undo(said: Said, number: int) -> Verdict:
    """Take back a verdict.

    Raises:
        ConfigurationError: no such verdict holds.
        StoreError: the store cannot be opened.

    """
    with open_kept_store(said.store) as store:
        found = store.undo(number, said.by or _user())
    if found is None:
        _mistake(f"no verdict {number} holds; `fivewhys incidents verdicts` lists those that do")
    return found


def verdicts_of(store: str) -> Sequence[Verdict]:
    """Return all verdicts that hold.

    Raises:
        ConfigurationError: there is no such store.
        StoreError: it cannot be opened.

    """
    with open_kept_store(store) as opened:
        return opened.verdicts()


def concerns(verdict: Verdict, incident: IncidentDocument) -> bool:
    """Return whether a verdict is about an incident, as that was last recorded."""
    return incident.id in {verdict.incident, verdict.other_incident} or any(
        handle is not None
        and item.fingerprint == handle[0]
        and parse_timestamp(item.first_seen) <= handle[1] <= parse_timestamp(item.last_seen)
        for handle in (verdict.handle, verdict.other)
        for item in incident.symptoms
    )


def _verdict(said: Said, kind: Kind, incident: IncidentDocument, **told: Any) -> Verdict:
    verdict = Verdict(
        kind,
        incident.id,
        handle=_handle(_root(incident)),
        at=time.time_ns(),
        by=said.by or _user(),
        reason=read_redactor().text(said.reason),
    )
    return replace(verdict, **told)


def _root(incident: IncidentDocument) -> SymptomDocument:
    return next(item for item in incident.symptoms if item.fingerprint == incident.fingerprint)


def _handle(symptom: SymptomDocument) -> Handle:
    return (symptom.fingerprint, parse_timestamp(symptom.first_seen))


def _user() -> str:
    """Return who uses this computer."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        _mistake("nobody knows who you are; say it with --by")


def _no_symptom(incident: IncidentDocument, symptom: str, count: int) -> str:
    if len(incident.symptoms) == 1:
        return f"{incident.id} has only one symptom; nothing can be split off"
    what = "several symptoms" if count else "no symptom"
    known = ", ".join(f"{item.rule} ({item.fingerprint})" for item in incident.symptoms)
    return f"{incident.id} has {what} {symptom!r}; name one by its fingerprint: {known}"


def _mistake(message: str) -> NoReturn:
    raise ConfigurationError([Mistake("", 0, message)])
