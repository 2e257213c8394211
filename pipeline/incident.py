"""Symptoms, links and incidents, with the states and priorities that there are.

All times are nanoseconds since the epoch, UTC, and event time: when something was logged.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.detection import Detection, Sample
    from pipeline.verdicts import Verdict

PRIORITIES = ("P0", "P1", "P2", "P3", "P4")
"""Most urgent first."""


class State(StrEnum):
    """Where an incident stands; `pipeline.lifecycle` says when."""

    NEW = "new"
    ONGOING = "ongoing"
    ESCALATING = "escalating"
    REGRESSED = "regressed"
    FLAPPING = "flapping"
    QUIET = "quiet"
    RESOLVED = "resolved"


class Place(NamedTuple):
    """Where a symptom was seen, and when first and last: a service, and its revision if known."""

    first_seen: int
    last_seen: int
    service: str
    revision: str


@dataclass(frozen=True, slots=True)
class Symptom:
    """All detections of one fingerprint in one incident.

    `fields` are those of the earliest detection, with "" for what its rule could have captured and
    did not; `samples` a few, in order of time, the first and
    the last always among them; `places` where it was seen, in order of first_seen; `unknown`
    says that nothing but a fallback rule knows it; `owner` is whom its rule suggests to ask;
    `heals` says that its attempts were repeated, and nothing came of it.
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
    places: tuple[Place, ...] = ()
    unknown: bool = False
    owner: str = "service"
    heals: bool = False


@dataclass(frozen=True, order=True, slots=True)
class Link:
    """A reason why two symptoms belong to one incident.

    `kind` is `caused_by` (then `cause` explains `effect`), `repetition` (then both ends are one
    symptom, some of which has a cause only in others of its detections), or the kind of
    correlation, which has no direction. Both ends are fingerprints.
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
    `verdicts` are those of people about it, in the order given; `previous` is the incident that it
    continues because that had lasted as long as one may.
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
    verdicts: tuple[Verdict, ...] = ()
    previous: str = ""

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
