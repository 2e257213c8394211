"""Every effect on one page: what the flow needs from the world, as Protocols.

Adapters live in the folders (`sources/`, `investigators/`, `stores/`, `sinks/`); the flow knows
only these. All times are nanoseconds since the epoch, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipeline.correlation.links import Anchor
    from pipeline.detection import Detection
    from pipeline.document import IncidentDocument
    from pipeline.entry import LogEntry, Rejection
    from pipeline.facts import Fact
    from pipeline.incident import Incident
    from pipeline.report import Decision, LedgerEntry, Report


class Rank(Enum):
    """How a copy of an entry compares with the copies of it that were read before."""

    FIRST = "first"
    RICHER = "richer"
    NO_RICHER = "no richer"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to about one incident; `reported` says whether the tracker knew it before."""

    incident: Incident
    report: Report
    decision: Decision
    document: IncidentDocument
    reported: bool = False


class Source(Protocol):
    """Where entries come from."""

    def read(self) -> Iterator[LogEntry | Rejection]:
        """Yield every record, as the entry it is or as the reason why it is none."""


class Investigator(Protocol):
    """Establishes facts about an incident."""

    def investigate(self, incident: Incident) -> Sequence[Fact]:
        """Return what could be established; nothing is raised for what could not."""


class Identities(Protocol):
    """Which entries were read before in this run, and how rich the best copy was."""

    def rank(self, entry: LogEntry) -> Rank:
        """Remember the entry; say how it compares with the copies read before."""


class Store(Protocol):
    """What lasts: detections, incidents and the ledger of decisions."""

    def detections(self) -> Iterable[Detection]:
        """Return the detections of incidents that are not over."""

    def anchors(self) -> Iterable[Anchor]:
        """Return the anchors of all incidents that were ever reported."""

    def ledger(self) -> Mapping[str, LedgerEntry]:
        """Return, by incident id, the last decision that reached the tracker."""

    def record(
        self,
        detections: Iterable[Detection],
        outcomes: Sequence[Outcome],
        now: int,
        cleared: Iterable[tuple[str, int, str]] = (),
    ) -> None:
        """Commit a run in one transaction: all of it or nothing. `now` is event time.

        What is given about an entry replaces what was known of it, unless a richer copy told that;
        of entries that are `cleared`, because their richest copy shows nothing, nothing stays.
        Decisions other than to leave alone are appended to the ledger, each once.
        """

    def incidents(self) -> Sequence[IncidentDocument]:
        """Return all incidents as last recorded, in order of first_seen."""

    def incident(self, identifier: str) -> IncidentDocument | None:
        """Return one incident by its id or by a beginning of it that only one has."""


class Sink(Protocol):
    """Where reports go."""

    def send(self, outcome: Outcome) -> None:
        """Do what was decided.

        Raises:
            SinkError: it did not get out; says whether a retry can help.

        """
