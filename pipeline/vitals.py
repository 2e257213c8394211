"""How a run that never ends is: what can be watched, whether it goes on, and what is wrong.

Three conditions look alike from afar and are told apart here: a service is quiet while others are
not; nothing comes of any service, though the subscription can be pulled from; and we are behind.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from pipeline.audit import SECOND
from pipeline.errors import FivewhysError, SinkError, SourceError, StoreError
from pipeline.exposition import COUNTER, HISTOGRAM, Histogram, Metric, one
from pipeline.incident import State
from pipeline.lifecycle import DAY, HOUR, MINUTE, span_text
from pipeline.received import Received

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pipeline.ports import Standing

STALLED: Final = 3 * MINUTE
"""After so long without a round that succeeded a thread is taken for dead, if nothing else is said;
who correlates after `LONGER` as much: it may have a large store to read, or much to look into."""

LONGER: Final = 5

FRESH: Final = MINUTE
"""For so long what was looked at last holds."""

LATE: Final = 2 * MINUTE
"""Entries older than this when they are taken say that we are behind."""

PATIENCE: Final = MINUTE
"""For so long we have to be late to be behind."""

SILENT: Final = 15 * MINUTE
"""After so long without an entry of any service the sink is suspected, if nothing else is said."""

QUIET: Final = 5 * SECOND
"""For so long nothing has to come for a run to be idle."""

ANSWERS: Final = 15 * SECOND
"""For so long an answer holds: a pull waits for 5 s, and where nothing came asks for 5 s why."""

COMES_AGAIN: Final = 26 * SECOND
"""After so long what was lost on its way, or in the hands of who was killed, comes again.

That is longer than such a lease (`checkup.LEASED`) with the pause that a subscription makes before
it delivers a second time: 10 seconds, if it has a retry policy that says nothing else.
"""

SERVICES: Final = 200
"""Services that are named; where more seem to log, their names are no names."""

CORRELATE: Final = "correlate"
FILL: Final = "fill"
WATCH: Final = "watch"

WATCHED: Final = ("receive", CORRELATE, "lease")
"""Threads that have to go on: what writes to GitHub may have to wait for an hour."""

BEHIND: Final = "behind"
NOTHING_COMES: Final = "nothing_comes"
SERVICE_QUIET: Final = "service_quiet"

CONDITIONS: Final = (BEHIND, NOTHING_COMES, SERVICE_QUIET)

_KINDS: Final[Mapping[type, str]] = {StoreError: "store", SinkError: "github"}

_FAILED: Final[Mapping[str, str]] = {
    "github": "GitHub cannot be written to",
    "logging": "the Logging API cannot be read",
    "pubsub": "the subscription cannot be pulled from",
    "store": "the store cannot be reached",
}
"""What is told of each kind to strangers: no error is quoted, as it names hosts and databases."""

NOBODY: Final[Mapping[str, int]] = MappingProxyType({})


class Condition(NamedTuple):
    """What is wrong, and in words what it means; `severity` is that of Cloud Logging."""

    name: str
    severity: str
    text: str


@dataclass(slots=True)
class Vitals:
    """How the threads are; times in nanoseconds UTC, 0: never. Each field has one writer.

    `rounds` says when each thread last ended a round that succeeded. `pulled_at` is when the
    subscription last answered, `came_at` when something came that is to be correlated. `heard_at`
    is when an entry of whatever service came last, `current_at` when we had all there was;
    `failed_at` is when messages could last not be pulled, or not be kept. Whoever looks at what
    grows has to copy it first: threads go on meanwhile. `services` are those that logged steadily,
    with the last minute in which they did; `quiet` those of them of which nothing is heard while
    others are. `refused` are receipts that went into quarantine. `retries`
    are rounds that failed by thread, `failures` the same by what did not do what was asked of it.
    `troubles` are words for whoever asks, by thread: `trouble` of what it failed by last.
    """

    started_at: int = 0
    pulled_at: int = 0
    came_at: int = 0
    failed_at: int = 0
    heard_at: int = 0
    current_at: int = 0
    stepped_at: int = 0
    reported_at: int = 0
    lag: int = 0
    is_correlating: bool = False
    is_stopping: bool = False
    received: Received = field(default_factory=Received)
    steps: int = 0
    concluded: int = 0
    refused: int = 0
    services: Mapping[str, int] = field(default_factory=lambda: NOBODY)
    quiet: tuple[str, ...] = ()
    rounds: dict[str, int] = field(default_factory=dict)
    retries: dict[str, int] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    troubles: dict[str, str] = field(default_factory=dict)
    batches: Histogram = field(default_factory=Histogram)
    acknowledged: Histogram = field(default_factory=Histogram)
    stepped: Histogram = field(default_factory=Histogram)

    @property
    def doubted_at(self) -> int:
        """When something may last have been on its way to nobody."""
        return max(self.started_at, self.failed_at)

    def is_current(self, now: int) -> bool:
        """Whether the subscription is known to have had nothing for a while.

        What the program itself logged is nothing, and so is what holds no entry; but where these
        come late, others may be behind them.
        """
        last = max(self.came_at, self.doubted_at)
        since = max(self.came_at + QUIET, self.doubted_at + COMES_AGAIN)
        return self.pulled_at > last and now >= since

    def keeps_up(self, now: int) -> bool:
        """Whether the subscription answers, and nothing is on its way to nobody, maybe."""
        return now - self.pulled_at <= ANSWERS and now - self.doubted_at >= COMES_AGAIN

    def failed(self, name: str, error: FivewhysError) -> None:
        """Note that a round of a thread failed, which is tried again."""
        self.retries[name] = self.retries.get(name, 0) + 1
        self.troubles[name] = trouble(name, error)
        self.failures[_kind(name, error)] += 1

    def took(self, received: Received, now: int) -> None:
        """Note what one pull came to."""
        self.pulled_at, self.came_at = now, min(self.came_at, now)  # the clock may go back
        self.started_at, self.failed_at = min(self.started_at, now), min(self.failed_at, now)
        if not received.messages:
            self.current_at, self.lag = now, 0
            return
        if received.late or received.entries:
            self.came_at = now
        self.received = self.received.and_more(received)
        self.batches.observe(received.working / SECOND)
        self.acknowledged.observe((received.working + received.acknowledging) / SECOND)
        if received.entries:
            self.heard_at = now
            self.lag = max(0, now - received.latest)
            if self.lag <= LATE:
                self.current_at = now
        elif not received.late and now - self.heard_at > QUIET:  # no entries between these
            self.current_at, self.lag = now, 0


def trouble(name: str, error: Exception) -> str:
    """Return what kind of thing failed a thread, as fit for strangers; the log has the whole."""
    if not isinstance(error, FivewhysError):
        return "a mistake of our own: see the log"
    failed = _FAILED.get(_kind(name, error), "it failed")
    if isinstance(error, StoreError) and not error.recoverable:
        failed = "the store cannot be used"
    return f"{failed}: see the log"


def _kind(name: str, error: FivewhysError) -> str:
    """Return what did not do what a thread asked of it."""
    if isinstance(error, SourceError):
        return "logging" if name == FILL else "pubsub"
    return next((kind for one, kind in _KINDS.items() if isinstance(error, one)), "other")


def stalled(vitals: Vitals, now: int, after: int = STALLED) -> list[str]:
    """Return which threads do not go on, each in words; none where all is well."""
    last = {name: vitals.rounds.get(name, vitals.started_at) for name in _threads(vitals)}
    return [
        f"{name}: nothing succeeded for {_span(now - at)}{_why(vitals, name)}"
        for name, at in last.items()
        if now - at > (after * LONGER if name == CORRELATE else after)
    ]


def unready(vitals: Vitals, standing_at: int, now: int) -> list[str]:
    """Return why it is not ready; `standing_at` is when the store was last read."""
    reached = f"for {_span(now - standing_at)}" if standing_at else "yet"
    reasons = {
        "it is stopping": vitals.is_stopping,
        f"the store was not reached {reached}{_why(vitals, WATCH)}": now - standing_at > FRESH,
        "the subscription was not pulled from yet": not vitals.pulled_at,
    }
    return [reason for reason, is_so in reasons.items() if is_so]


def conditions(
    vitals: Vitals, standing: Standing | None, now: int, silent: int = SILENT
) -> list[Condition]:
    """Return what is wrong with what comes; nothing while nothing can be pulled.

    `silent` is how long nothing may come of any service.
    """
    return [*_behind(vitals, standing, now)] or [*_silent(vitals, standing, now, silent)]


def _behind(vitals: Vitals, standing: Standing | None, now: int) -> Iterator[Condition]:
    since = max(vitals.current_at, vitals.started_at)
    if _is_pulling(vitals, now) and now - since > PATIENCE:
        text = f"we are behind: what is taken was logged {_span(vitals.lag)} ago"
        yield Condition(BEHIND, "WARNING", text)
    elif standing is not None and standing.oldest and now - standing.oldest > PATIENCE:
        age = _span(now - standing.oldest)
        text = f"we are behind: {standing.waiting:,} batches wait to be correlated, one for {age}"
        yield Condition(BEHIND, "WARNING", text)


def _silent(
    vitals: Vitals, standing: Standing | None, now: int, silent: int
) -> Iterator[Condition]:
    """Yield what is quiet; another process may be heard of by what the store has."""
    heard = max(vitals.heard_at, vitals.started_at, standing.latest if standing else 0)
    if _is_pulling(vitals, now) and now - heard > silent:
        yield Condition(
            NOTHING_COMES,
            "WARNING",
            f"nothing came of any service for {_span(now - heard)}, though the subscription can be "
            "pulled from; does the log sink's filter still match, and may its writer identity "
            "publish to the topic (roles/pubsub.publisher)?",
        )
    elif vitals.quiet:
        more = f" and {len(vitals.quiet) - 5} more" if len(vitals.quiet) > 5 else ""  # noqa: PLR2004 - as many as one reads
        text = f"nothing is heard of {', '.join(vitals.quiet[:5])}{more}, while others go on"
        yield Condition(SERVICE_QUIET, "NOTICE", text)


def _is_pulling(vitals: Vitals, now: int) -> bool:
    return bool(vitals.pulled_at) and now - vitals.pulled_at <= FRESH


def _threads(vitals: Vitals) -> list[str]:
    """Return the names of all threads that have to go on: of one kind there may be several."""
    others = (name for name in [*vitals.rounds] if name.partition(" ")[0] in WATCHED)
    return [*dict.fromkeys((*WATCHED, *others))]


def _why(vitals: Vitals, name: str) -> str:
    trouble = vitals.troubles.get(name)
    return f": {trouble}" if trouble else ""


def _span(time: int) -> str:
    """Return a span in the largest unit of which it has two."""
    unit = next((unit for unit in (DAY, HOUR, MINUTE) if time >= 2 * unit), SECOND)
    return span_text(time // unit * unit)


# --- metrics --------------------------------------------------------------------------------------


def metrics(
    vitals: Vitals, standing: Standing | None, found: Iterable[Condition], now: int
) -> Iterator[Metric]:
    """Yield all that can be watched of a process and its store; no text of any entry is in it."""
    yield one("fivewhys_start_time_seconds", "When it began.", vitals.started_at / SECOND)
    yield from _counted(vitals)
    yield from _timed(vitals, now)
    yield from _threaded(vitals, now)
    if standing is not None:
        yield from _kept(standing, now)
    so = {condition.name for condition in found}
    states: dict[str, float] = {name: float(name in so) for name in CONDITIONS}
    yield Metric("fivewhys_condition", "1: it is so (README).", states, "condition")
    names = dict(sorted(vitals.services.items())[:SERVICES])
    seconds = {name: at / SECOND for name, at in names.items()}
    said = "The last minute in which a service logged that logged steadily."
    yield Metric("fivewhys_service_last_heard_seconds", said, seconds, "service")


_COUNTS: Final = {
    "messages": "Messages that were pulled.",
    "entries": "Entries in them.",
    "detections": "What rules saw in them.",
    "poison": "Messages in which there was no entry.",
    "own": "Entries of this program's own, dropped.",
    "heard": "Entries that tell of trouble.",
    "unmatched": "Those of them that no rule knows.",
}


def _counted(vitals: Vitals) -> Iterator[Metric]:
    received = vitals.received
    for name, meaning in _COUNTS.items():
        value = getattr(received, name)
        yield one(f"fivewhys_received_{name}_total", meaning, value, COUNTER)
    share = received.unmatched / received.heard if received.heard else 0
    yield one("fivewhys_unmatched_share", "Share of trouble that no rule knows.", share)
    yield one("fivewhys_steps_total", "Steps of correlation.", vitals.steps, COUNTER)
    said = "Receipts that could not be recorded, put into quarantine."
    yield one("fivewhys_receipts_refused_total", said, vitals.refused, COUNTER)
    yield one("fivewhys_outcomes_total", "Decisions recorded.", vitals.concluded, COUNTER)


def _timed(vitals: Vitals, now: int) -> Iterator[Metric]:
    times = {
        "batch": ("From pulled to kept.", vitals.batches),
        "acknowledge": ("From pulled to acknowledged.", vitals.acknowledged),
        "step": ("A step of correlation that read something.", vitals.stepped),
    }
    for name, (meaning, values) in times.items():
        yield Metric(f"fivewhys_{name}_seconds", meaning, values, kind=HISTOGRAM)
    said = "How old the entries were that were taken last; 0 once there are no more."
    yield one("fivewhys_lag_seconds", said, vitals.lag / SECOND)
    lasts = {
        "pull": vitals.pulled_at,
        "entry": vitals.heard_at,
        "step": vitals.stepped_at,
        "report": vitals.reported_at,
    }
    ages = {name: (now - at) / SECOND for name, at in lasts.items() if at}
    yield Metric("fivewhys_last_seconds", "For how long there was none.", ages, "what")


def _threaded(vitals: Vitals, now: int) -> Iterator[Metric]:
    correlating = float(vitals.is_correlating)
    yield one("fivewhys_correlating", "1: this process is who correlates.", correlating)
    rounds = {name: (now - at) / SECOND for name, at in dict(vitals.rounds).items()}
    yield Metric("fivewhys_round_age_seconds", "Since it last succeeded.", rounds, "thread")
    failing = {name: float(name in vitals.troubles) for name in vitals.rounds | vitals.retries}
    yield Metric("fivewhys_failing", "1: it fails, and is tried again.", failing, "thread")
    retries = dict(vitals.retries)
    yield Metric("fivewhys_retries_total", "How often it failed.", retries, "thread", COUNTER)


def _kept(standing: Standing, now: int) -> Iterator[Metric]:
    oldest = max(0, now - standing.oldest) / SECOND if standing.oldest else 0
    yield one("fivewhys_inbox_batches", "Batches that wait to be correlated.", standing.waiting)
    yield one("fivewhys_inbox_oldest_seconds", "For how long the oldest waits.", oldest)
    yield one("fivewhys_quarantine_messages", "Messages in quarantine.", standing.poison)
    states = {state.value: standing.incidents.get(state.value, 0) for state in State}
    yield Metric("fivewhys_incidents", "Incidents by state.", states, "state")


# --- figures --------------------------------------------------------------------------------------

_NAMES: Final[Mapping[str, tuple[str, Callable[[Iterable[float]], float]]]] = {
    "fivewhys_correlating": ("correlating", sum),
    "fivewhys_inbox_batches": ("inbox_batches", sum),
    "fivewhys_inbox_oldest_seconds": ("inbox_oldest_seconds", max),
    "fivewhys_lag_seconds": ("lag_seconds", max),
    "fivewhys_outbox_failed": ("outbox_failed", sum),
    "fivewhys_outbox_oldest_seconds": ("outbox_oldest_seconds", max),
    "fivewhys_outbox_waiting": ("outbox_waiting", sum),
    "fivewhys_quarantine_messages": ("quarantine_messages", sum),
    "fivewhys_received_entries_total": ("entries", sum),
    "fivewhys_received_messages_total": ("messages", sum),
}
"""Metrics of which the log tells, under which name, and what becomes of several values."""


def figures(found: Iterable[Metric], stalled: int) -> dict[str, float]:
    """Return what the log tells of metrics each minute, for those who cannot ask for them.

    `stalled` is how many threads do not go on. What is not known now is left out.
    """
    told: dict[str, float] = {"stalled": stalled}
    for metric in found:
        if isinstance(metric.values, Histogram) or not metric.values:
            continue
        if metric.name in _NAMES:
            name, merged = _NAMES[metric.name]
            told[name] = round(merged(metric.values.values()), 3)
        elif metric.name == "fivewhys_condition":
            told |= metric.values
        elif metric.name == "fivewhys_incidents":
            told["incidents_open"] = sum(metric.values.values()) - metric.values[State.RESOLVED]
    return told
