"""Every effect on one page: what the flow needs from the world, as Protocols.

Adapters live in the folders (`sources/`, `investigators/`, `stores/`, `sinks/`); the flow knows
only these. All times are nanoseconds since the epoch, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from pipeline.lifecycle import MINUTE
from pipeline.ports.inbox import Feed, Inbox, Lease, Message, Poison, Progress, Standing
from pipeline.report import LedgerEntry
from pipeline.retention import RETENTION

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from pipeline.correlation.counted import Bundle
    from pipeline.correlation.links import Anchor
    from pipeline.correlation.settled import Page
    from pipeline.correlation.thinning import Gone
    from pipeline.deployments import Rollout
    from pipeline.detection import Detection
    from pipeline.document import IncidentDocument
    from pipeline.entry import LogEntry, Rejection
    from pipeline.entry.beats import Beats, Day
    from pipeline.entry.sighting import Running, Sighting
    from pipeline.facts import Fact
    from pipeline.incident import Incident
    from pipeline.report import Decision, Neighbour, Report
    from pipeline.retention import Pruned, Retention
    from pipeline.tracker.delivering import Delivery
    from pipeline.tracker.pace import Pace
    from pipeline.traffic import Question
    from pipeline.verdicts import Verdict

    Key = tuple[str, int, str]

__all__ = [
    "AHEAD",
    "NOTHING",
    "UNASKED",
    "UNHEARD",
    "Batch",
    "Block",
    "Case",
    "Deliveries",
    "Feed",
    "Inbox",
    "Investigator",
    "Lease",
    "Message",
    "Outcome",
    "Poison",
    "Progress",
    "Sink",
    "Source",
    "Spool",
    "Spread",
    "Standing",
    "Store",
]

Work = TypeVar("Work")

AHEAD = 5 * MINUTE
"""How far clocks of several processes may be apart."""

NOTHING: Mapping[Running, Sighting] = MappingProxyType({})

UNASKED: Mapping[Question, int] = MappingProxyType({})

UNHEARD: Mapping[Day, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to about one incident; `reported` says whether the tracker knew it before."""

    incident: Incident
    report: Report
    decision: Decision
    document: IncidentDocument
    reported: bool = False

    def ledger_entry(self, decided_at: int) -> LedgerEntry:
        """Return the ledger's row of its decision, taken at an event time (ns UTC)."""
        return LedgerEntry(
            self.incident.id,
            decided_at,
            self.decision.action,
            self.decision.reason,
            self.report.digest,
            tuple(item.fingerprint for item in self.incident.symptoms),
            self.incident.state.value,
        )


class Block(Protocol):
    """Whole lines of JSON, each ended by a line feed, that were not parsed yet.

    `len()` is how many, 0 is the first. In a `regular` block each line begins and ends as an object
    does, and none is longer than `entry.outline.LONGEST`.
    """

    @property
    def data(self) -> bytes:
        """The lines."""

    @property
    def regular(self) -> bool:
        """Whether each line begins with `{` and ends with `}`, and none is very long."""

    def __len__(self) -> int: ...

    def lines_at(self, places: Sequence[int]) -> Sequence[int]:
        """Return in which line each of some places of the data lies."""

    def line(self, at: int) -> bytes:
        """Return one of the lines."""

    def read(self, lines: Iterable[int]) -> Iterator[LogEntry | Rejection]:
        """Parse some of the lines."""


Batch = Block | list["LogEntry | Rejection"]


class Source(Protocol):
    """Where entries come from."""

    def batches(self) -> Iterator[Batch]:
        """Yield every record, as what it is, as the reason why it is none, or in a block."""

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks once more."""


class Spread(Protocol):
    """How batches are worked on: one after the other, or by several processes."""

    def __call__(self, work: Callable[[Batch], Work], batches: Iterable[Batch]) -> Iterator[Work]:
        """Yield what the work on each batch comes to, in the order of the batches."""


@dataclass(frozen=True, slots=True)
class Case:
    """An incident to be investigated, with what deployments have to do with it.

    `facts` are what its entries, the catalog and deployments establish already; `in_order` says
    that all that was read is known to have stood in order of time.
    """

    incident: Incident
    rollout: Rollout
    facts: tuple[Fact, ...] = ()
    in_order: bool = False

    @property
    def services(self) -> tuple[str, ...]:
        """Its services as entries name them, those of the root first."""
        return tuple(dict.fromkeys((*self.incident.root.services, *self.incident.services)))

    @property
    def commit(self) -> str:
        """The commit on which the root was first seen; "" if no entry says."""
        return next((item.commit for item in self.rollout.here if item.commit), "")


class Investigator(Protocol):
    """Establishes facts about incidents."""

    def investigate(self, cases: Sequence[Case]) -> Mapping[str, Sequence[Fact]]:
        """Return, by incident id, what could be established.

        Nothing is raised for what could not.
        """


class Spool(Protocol):
    """Where a run puts rows of one size that it reads again only at its end, in any amount."""

    def add(self, data: bytes) -> None:
        """Add some rows."""

    def read(self) -> Iterator[bytes]:
        """Yield all bytes in pieces of whole rows."""


class Deliveries(Protocol):
    """What lasts of issues in trackers, and who may write there; times in nanoseconds UTC."""

    def trackers(self) -> Sequence[str]:
        """Return the names of those trackers of which something is known."""

    def deliveries(self, tracker: str, also: Collection[str] = ()) -> Mapping[str, Delivery]:
        """Return, by incident id, what is known of the issues in a tracker, and what waits.

        Of incidents that are put away, only that of some which are asked for, `also`.
        """

    def deliver(self, tracker: str, incident: str, delivery: Delivery, holder: str = "") -> None:
        """Keep what is known of the issue of an incident, in place of what was known.

        It is kept for certain once this returns. A `holder` is who writes to the tracker, by the
        lease of its name.

        Raises:
            LeaseLostError: the holder does not hold that lease any more; nothing is changed.

        """

    def lease(self, name: str, holder: str, until: int, now: int) -> bool:
        """Take or renew a lease, if nobody else holds it at `now`; return whether it is held.

        It does not say which of both: another may have held it and given it back since the last
        time, so whoever asks knows nothing of what that one did. `renew` tells.

        Of several who ask at once, one is told so. One that lasts for more than `AHEAD` longer than
        `until` was taken by a clock that was wrong: nobody holds it.
        """

    def renew(self, name: str, holder: str, until: int) -> bool:
        """Renew a lease if nobody else had it since it was taken; return whether it is held.

        One that is over is held on if nobody took it. It is never taken anew by this.
        """

    def release(self, name: str, holder: str) -> None:
        """Give a lease back, if it is held; somebody else's stays."""

    def holder(self, name: str) -> str:
        """Return who had a lease last and did not give it back; "" is nobody."""

    def pace(self, server: str) -> Pace:
        """Return how fast a server was written to lately."""

    def keep_pace(self, server: str, pace: Pace) -> Pace:
        """Keep how fast a server is written to, and return it with what others wrote meanwhile.

        It is kept for certain once this returns.
        """


class Changed(NamedTuple):
    """What changed of the incidents in use that were reported, up to a `revision`.

    `told` are documents with the last decision, by incident; `gone` are incidents that are not in
    use any more, or became part of others.
    """

    revision: int
    told: Mapping[str, tuple[IncidentDocument, LedgerEntry]]
    gone: frozenset[str]


class Store(Deliveries, Inbox, Protocol):
    """What lasts: detections, incidents, the ledger of decisions, deliveries, and the inbox."""

    def detections(self) -> Iterable[Detection]:
        """Return the detections of incidents that are not over."""

    def anchors(self, since: int | None = None) -> Iterable[Anchor]:
        """Return the anchors of all incidents that were ever reported.

        With a time `since`, of those that are in use or began since then.
        """

    def ledger(self) -> Mapping[str, LedgerEntry]:
        """Return, by incident id, the last decision that reached the tracker."""

    def record(  # noqa: PLR0913 - all of a run, in one transaction
        self,
        detections: Iterable[Detection],
        outcomes: Sequence[Outcome],
        now: int,
        cleared: Iterable[tuple[str, int, str]] = (),
        sightings: Mapping[Running, Sighting] = NOTHING,
        *,
        answers: Mapping[Question, int] = UNASKED,
        beats: Mapping[Day, int] = UNHEARD,
        progress: Progress | None = None,
    ) -> None:
        """Commit a run in one transaction: all of it or nothing. `now` is event time.

        What is given about an entry replaces what was known of it, unless a richer copy told that;
        of entries that are `cleared`, because their richest copy shows nothing, nothing stays.
        Decisions other than to leave alone are appended to the ledger, each once. Sightings are
        merged with those known; a revision is forgotten `deployments.KEPT` after its last entry.
        Of two answers to a question the greater counts; it is forgotten `traffic.KEPT` after it.
        Beats are merged with those known; a day is forgotten `silence.KEPT` days after it.

        Raises:
            LeaseLostError: somebody else holds the lease that the progress names; nothing is kept.

        """

    def forget(self, kept: Collection[Key], before: int, name: str, holder: str) -> int:
        """Forget the detections older than a time (ns UTC) whose entries are not among those kept.

        Incidents stay. Return how many were forgotten.

        Raises:
            LeaseLostError: somebody else holds the lease of this name; nothing is changed.

        """

    def thin(self, gone: Gone, name: str, holder: str) -> None:
        """Forget entries that are only counted, and keep what stands for them: both or nothing.

        Raises:
            LeaseLostError: somebody else holds the lease of this name; nothing is changed.

        """

    def counted(self) -> Sequence[Bundle]:
        """Return what knows the entries that are only counted, those of long ago left out."""

    def settled(self) -> Sequence[Page]:
        """Return what correlations made of entries that are only counted, as of the last ones."""

    def sightings(self) -> Mapping[Running, Sighting]:
        """Return which revisions logged, and when."""

    def answers(self) -> Mapping[Question, int]:
        """Return how many requests there were, as far as somebody asked."""

    def beats(self) -> Beats:
        """Return in which minutes services logged."""

    def incidents(self, *, every: bool = False) -> Sequence[IncidentDocument]:
        """Return incidents as last recorded, in order of first_seen; `every`: those put away, too.

        Of what was forgotten there is nothing.
        """

    def changed(self, since: int) -> Changed:
        """Return what changed of incidents since a revision, as far as they were reported.

        A revision is a number that grows; before the first one, at -1, everything changed. What
        was written meanwhile may be told twice.
        """

    def unreported(self) -> Collection[str]:
        """Return ids of those in use, never reported, whose first detection is still kept."""

    def untried(self) -> Mapping[str, tuple[IncidentDocument, LedgerEntry]]:
        """Return incidents in use that were to be reported and of which no tracker knows, by id.

        Each with the last decision; asked often, so it reads the documents of no others.
        """

    def put_away(
        self, since: int, until: int
    ) -> Mapping[str, tuple[IncidentDocument, LedgerEntry]]:
        """Return reported incidents that are put away, of those that began from then until then.

        By id, each with the last decision (ns UTC, both included).
        """

    def incident(self, identifier: str) -> IncidentDocument | None:
        """Return one incident by its id or by a beginning of it that only one has."""

    def neighbours(self, fingerprints: Collection[str] = ()) -> Sequence[Neighbour]:
        """Return what other incidents are to know of each, as last recorded.

        Of those put away, only of such as have one of the fingerprints.
        """

    def prune(self, until: int, clock: int, retention: Retention = RETENTION) -> Pruned:
        """Put away and forget what is over for long at event time `until` (`retention`).

        `clock` is the time, by which what was received is forgotten. What is recorded again is in
        use again; a forgotten incident that was reported is still known by its anchor.
        """

    def verdicts(self) -> Sequence[Verdict]:
        """Return what people decided and did not take back, in the order given."""

    def give(self, verdict: Verdict) -> Verdict:
        """Keep a verdict; return it with its number. What is said twice in a row is kept once."""

    def undo(self, number: int, by: str) -> Verdict | None:
        """Take back a verdict that holds; return it, None if no such verdict holds."""


class Sink(Protocol):
    """Where reports go."""

    def send(self, outcome: Outcome) -> None:
        """Do what was decided.

        Raises:
            SinkError: it did not get out; says whether a retry can help.

        """
