"""What people decide about incidents of a store: the verdict on what they typed, and kept."""

from __future__ import annotations

import getpass
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from pipeline import judging
from pipeline.bootstrap.keeping import incident_in, open_kept_store
from pipeline.bootstrap.reading import read_redactor, read_time
from pipeline.entry import parse_timestamp
from pipeline.errors import ConfigurationError, Mistake
from pipeline.judging import Voice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.document import IncidentDocument
    from pipeline.ports import Store
    from pipeline.verdicts import Verdict


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

    def judge(voice: Voice, incident: IncidentDocument, store: Store) -> Verdict:
        return judging.merge(voice, incident, incident_in(store, other))

    return _give(said, identifier, judge)


def split(said: Said, identifier: str, symptom: str) -> Verdict:
    """Decide that a symptom, named by rule or fingerprint, is an incident of its own.

    Raises:
        ConfigurationError: incident or symptom is not there, or it is the only one.
        StoreError: the store cannot be opened, or several ids begin like this.

    """
    return _give(said, identifier, lambda voice, found, _: judging.split(voice, found, symptom))


def resolve(said: Said, identifier: str, revision: str = "", at: str = "") -> Verdict:
    """Decide that an incident is resolved, now or since some time, perhaps by a revision.

    Raises:
        ConfigurationError: it is not there, the time lies ahead, or others cannot be older than the
            revision.
        StoreError: the store cannot be opened, or several ids begin like this.

    """
    since = read_time(at, "--at")
    if since is not None and since > time.time_ns():
        _mistake(f"{at} lies ahead", "--at")

    def judge(voice: Voice, incident: IncidentDocument, _: Store) -> Verdict:
        begun = voice if since is None else replace(voice, at=since)
        return judging.resolve(begun, incident, revision)

    return _give(said, identifier, judge, "--revision")


def silence(said: Said, identifier: str, span: str) -> Verdict:
    """Decide that an incident is not to be reported for some time.

    Raises:
        ConfigurationError: it is not there, or the span is none.
        StoreError: the store cannot be opened, or several ids begin like this.

    """

    def judge(voice: Voice, incident: IncidentDocument, _: Store) -> Verdict:
        return judging.silence(voice, incident, span)

    return _give(said, identifier, judge, "SPAN")


def assign(said: Said, identifier: str, who: str) -> Verdict:
    """Decide who looks after an incident.

    Raises:
        ConfigurationError: it is not there, or nobody is named.
        StoreError: the store cannot be opened, or several ids begin like this.

    """
    return _give(said, identifier, lambda voice, found, _: judging.assign(voice, found, who))


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


def _give(
    said: Said,
    identifier: str,
    judge: Callable[[Voice, IncidentDocument, Store], Verdict],
    place: str = "",
) -> Verdict:
    """Keep what is decided about an incident; a mistake is one of `place`."""
    voice = Voice(said.by or _user(), time.time_ns(), read_redactor().text(said.reason))
    with open_kept_store(said.store) as store:
        incident = incident_in(store, identifier)
        try:
            verdict = judge(voice, incident, store)
        except ValueError as error:
            _mistake(str(error), place)
        return store.give(verdict)


def _user() -> str:
    """Return who uses this computer."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        _mistake("nobody knows who you are; say it with --by")


def _mistake(message: str, place: str = "") -> NoReturn:
    raise ConfigurationError([Mistake(place, 0, message)])
