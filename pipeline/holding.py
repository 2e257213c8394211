"""What suppressions hold back, and what became of each of them in a run.

A suppression accounts for the symptoms that it matches and for those that such a symptom explains.
An incident is held back when every symptom is accounted for: one that is new, and has a cause of
its own, brings it back up. What is held back is counted all the same.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from sigma.types import SigmaString

from pipeline.entry import format_timestamp
from pipeline.matching.values import string_test
from pipeline.revisions import is_older

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipeline.incident import Incident, Symptom
    from pipeline.matching.values import ValueTest
    from pipeline.suppressions import Placed, Until


class Standing(StrEnum):
    """What became of a suppression in a run."""

    ACTIVE = "active"
    UNUSED = "unused"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Account:
    """What a suppression did in a run; `incidents` and `detections` are what it held back."""

    placed: Placed
    standing: Standing
    reason: str
    incidents: int = 0
    detections: int = 0


@dataclass(frozen=True, slots=True)
class Applied:
    """What all suppressions did: those that hold an incident back, by its id, and the account."""

    held: Mapping[str, tuple[Placed, ...]] = field(default_factory=dict)
    accounts: tuple[Account, ...] = ()

    def reason(self, incident_id: str) -> str:
        """Return the named reason for which an incident is held back, "" if it is not."""
        return "; ".join(item.reason for item in self.held.get(incident_id, ()))

    def until(self, incident_id: str) -> int | None:
        """Return when one of those that hold an incident back ends first, None if no date says."""
        ends = (item.suppression.until.date for item in self.held.get(incident_id, ()))
        return min((end for end in ends if end is not None), default=None)


def apply(suppressions: Sequence[Placed], incidents: Sequence[Incident], now: int) -> Applied:
    """Say which incidents are held back at `now` (event time), and what each suppression did."""
    revisions = sorted({name for incident in incidents for name in incident.revisions})
    uses = [_Use(item, now, revisions) for item in suppressions]
    active = [use for use in uses if not use.expired]
    held = {}
    for incident in incidents:
        accounted = _accounted(incident, active)
        used = [use for use in active if use in accounted.values()]
        whole = len(accounted) == len(incident.symptoms)
        for use in used:
            use.matched += 1
            use.incidents += whole
        if whole:
            held[incident.id] = tuple(use.placed for use in used)
            for symptom in incident.symptoms:
                accounted[symptom.fingerprint].detections += symptom.count
    return Applied(held, tuple(use.account() for use in uses))


class _Use:
    """A suppression in one run, its patterns compiled to linear time, as in rules."""

    def __init__(self, placed: Placed, now: int, revisions: Iterable[str]) -> None:
        self.placed = placed
        self.expired = _expired(placed.suppression.until, now, revisions)
        self.matched = self.incidents = self.detections = 0
        match = placed.suppression.match
        self._tests = {
            name: [string_test(SigmaString(pattern)) for pattern in getattr(match, name)]
            for name in match.model_fields_set
        }

    def matches(self, symptom: Symptom) -> bool:
        """Return whether every key fits; a symptom of several services must fit with each."""
        return all(_fit(_values(symptom, name), tests) for name, tests in self._tests.items())

    def account(self) -> Account:
        """Return what it did."""
        if self.expired:
            reason = f"{self.expired}; remove it or say why it goes on"
            return Account(self.placed, Standing.EXPIRED, reason)
        if not self.matched:
            return Account(self.placed, Standing.UNUSED, "nothing in this run matches it")
        reason = "; ".join(self._notes())
        return Account(self.placed, Standing.ACTIVE, reason, self.incidents, self.detections)

    def _notes(self) -> Iterator[str]:
        until = self.placed.suppression.until
        yield f"it holds until {until.text}"
        if until.issue:
            yield f"whether issue {until.issue} is closed is not known here"
        if self.matched > self.incidents:
            yield f"{self.matched - self.incidents} more that it matches have another cause, too"


def _values(symptom: Symptom, name: str) -> tuple[str, ...]:
    return symptom.services if name == "service" else (getattr(symptom, name),)


def _fit(values: Iterable[str], tests: Sequence[ValueTest]) -> bool:
    found = [any(test(value, {}) for test in tests) for value in values]
    return bool(found) and all(found)


def _accounted(incident: Incident, active: Sequence[_Use]) -> dict[str, _Use]:
    """Return, by fingerprint, the first suppression that accounts for a symptom.

    It goes from causes to effects along `caused_by` links, as far as they lead.
    """
    found = {
        symptom.fingerprint: use
        for symptom in incident.symptoms
        for use in reversed(active)
        if use.matches(symptom)
    }
    known = {symptom.fingerprint for symptom in incident.symptoms}
    effects: dict[str, list[str]] = defaultdict(list)
    for link in incident.links:
        if link.kind == "caused_by" and link.effect in known:
            effects[link.cause].append(link.effect)
    waiting = [*found]
    while waiting:
        cause = waiting.pop()
        for effect in effects[cause]:
            if effect not in found:
                found[effect] = found[cause]
                waiting.append(effect)
    return found


def _expired(until: Until, now: int, revisions: Iterable[str]) -> str:
    """Return what ended a suppression, "" when nothing did."""
    if until.date is not None and now >= until.date:
        return f"it was to hold until {format_timestamp(until.date)}"
    newer = next((name for name in revisions if is_older(until.revision, name)), "")
    return f"revision {newer} is newer than {until.revision}" if newer else ""
