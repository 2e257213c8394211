"""Symptoms, incidents and their lifecycle.

All times are nanoseconds since the epoch, UTC, and event time: when something was logged.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pipeline.entry import format_timestamp
from pipeline.rule import LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.detection import Detection, Sample

PRIORITIES = ("P0", "P1", "P2", "P3", "P4")
"""Most urgent first."""


class State(StrEnum):
    """Where an incident stands: `new` until it is seen again after its first report."""

    NEW = "new"
    ONGOING = "ongoing"
    QUIET = "quiet"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Symptom:
    """All detections of one fingerprint in one incident.

    `fields` are those of the earliest detection; `samples` a few, in order of time, the first and
    the last always among them.
    """

    rule: str
    signature: str
    title: str
    level: str
    fingerprint: str
    explanation: tuple[str, ...]
    entity: Mapping[str, Any]
    fields: Mapping[str, Any]
    count: int
    first_seen: int
    last_seen: int
    services: tuple[str, ...]
    revisions: tuple[str, ...]
    samples: tuple[Sample, ...]
    impact: str
    user_visible: bool
    whys: str
    state_lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, order=True, slots=True)
class Link:
    """A reason why two symptoms belong to one incident.

    `kind` is `caused_by` (then `cause` explains `effect`), or the kind of correlation, which has no
    direction. Both ends are fingerprints.
    """

    kind: str
    effect: str
    cause: str
    reason: str


@dataclass(frozen=True, slots=True)
class Incident:
    """Symptoms that share a cause.

    `id` comes from the anchor: the symptom it was first known by and when that began. `symptoms`
    are in order of first_seen, the root among them; `context` explains and never counts.
    """

    id: str
    anchor: tuple[str, int]
    root: Symptom
    symptoms: tuple[Symptom, ...]
    context: tuple[Symptom, ...]
    links: tuple[Link, ...]
    absorbed: tuple[str, ...]
    state: State
    state_reason: str
    priority: str
    priority_reason: str

    @property
    def fingerprint(self) -> str:
        """What stays the same when the same failure comes back: the root symptom's."""
        return self.root.fingerprint

    @property
    def first_seen(self) -> int:
        """Event time of the first detection."""
        return min(symptom.first_seen for symptom in self.symptoms)

    @property
    def last_seen(self) -> int:
        """Event time of the last detection."""
        return max(symptom.last_seen for symptom in self.symptoms)

    @property
    def count(self) -> int:
        """Number of detections, context left out."""
        return sum(symptom.count for symptom in self.symptoms)

    @property
    def services(self) -> tuple[str, ...]:
        """Services of all symptoms, sorted."""
        return tuple(sorted({name for item in self.symptoms for name in item.services}))

    @property
    def revisions(self) -> tuple[str, ...]:
        """Revisions of all symptoms, sorted."""
        return tuple(sorted({name for item in self.symptoms for name in item.revisions}))

    @property
    def title(self) -> str:
        """`service: what the root says`, without priority."""
        where = ", ".join(self.root.services)
        return f"{where}: {self.root.title}" if where else self.root.title

    @property
    def is_open(self) -> bool:
        """Whether anybody still has to look at it."""
        return self.state is not State.RESOLVED

    def has(self, detection: Detection) -> bool:
        """Return whether a detection is part of a symptom or of the context."""
        return any(
            item.fingerprint == detection.fingerprint
            and item.first_seen <= detection.timestamp <= item.last_seen
            for item in (*self.symptoms, *self.context)
        )


def state_of(
    last_seen: int, now: int, *, reported_at: int, quiet_after: int, resolve_after: int
) -> tuple[State, str]:
    """Place an incident in its lifecycle at `now`; return state and reason.

    All times are event times; `reported_at` is 0 for an incident that was never reported.
    """
    silence = now - last_seen
    since = format_timestamp(last_seen)
    if silence >= resolve_after:
        return State.RESOLVED, f"not seen since {since}, longer than resolve_after"
    if silence >= quiet_after:
        return State.QUIET, f"not seen since {since}, longer than quiet_after"
    if 0 < reported_at < last_seen:
        return State.ONGOING, f"seen again since its first report, last at {since}"
    return State.NEW, "its first report holds all that was seen"


def priority_of(symptoms: Sequence[Symptom]) -> tuple[str, str]:
    """Rank by the most severe symptom, one step up when it spreads over services.

    critical is P1, high P2, medium P3, low P4; two or more services make it one more urgent.
    """
    worst = max(symptoms, key=lambda item: LEVELS.index(item.level))
    rank = len(LEVELS) - LEVELS.index(worst.level)
    reason = f"{worst.rule} is of level {worst.level}"
    services = {name for item in symptoms for name in item.services}
    if len(services) > 1:
        rank -= 1
        reason += f", and {len(services)} services are affected"
    return PRIORITIES[min(rank, len(PRIORITIES) - 1)], reason
