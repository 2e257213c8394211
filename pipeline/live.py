"""A run that never ends: receipts are correlated, and what changed is concluded and recorded.

One process does this at a time, whoever holds the lease; the commit itself asks for it. All that it
knows beside what is committed can be read again: from detections that are open, lines that wait,
and receipts that no commit made needless. So it can be killed anywhere, and another goes on.

What a receipt tells of an entry replaces what was told of it before: one that is read twice, or
written twice because messages came again, changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pipeline import receipts
from pipeline.audit import SECOND
from pipeline.concluding import Moment
from pipeline.correlation.links import Anchor
from pipeline.correlation.thinning import LATE_LIMITS, LIMITS
from pipeline.deployments import History
from pipeline.entry.value import come_by
from pipeline.filling import RECEIVED, may_come_late
from pipeline.holding import Standing
from pipeline.lifecycle import DAY, MINUTE
from pipeline.merging import Merging
from pipeline.ports import Progress
from pipeline.received import LATE
from pipeline.report import Action
from pipeline.retention import RETENTION
from pipeline.silence import lasts, quiet
from pipeline.taking import Taking
from pipeline.tally import Unheard

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pipeline.catalog import Catalog
    from pipeline.concluding import Concluding
    from pipeline.correlation import Correlator
    from pipeline.detection import Detector
    from pipeline.holding import Account
    from pipeline.incident import Incident
    from pipeline.ports import Outcome, Store
    from pipeline.remembering import Remembering
    from pipeline.report import LedgerEntry, Policy
    from pipeline.traffic import Traffic

LEASE: Final = "correlation"
"""Who holds this one correlates."""

AT_ONCE: Final = 200
"""Receipts that are read at once."""

AGAIN: Final = 5 * SECOND
"""After which time something is decided again that has not changed, but waits."""

LISTENING: Final = MINUTE
"""Event time between two looks for services that fell silent."""

TIDYING: Final = 10 * MINUTE
"""Event time between two times that what is over is forgotten."""

PRUNING: Final = 60 * MINUTE
"""Time between two times that the store puts away and forgets what is over for long."""

MARKING: Final = 10 * SECOND
"""Time between two marks of how far entries came."""

TICK: Final = 2 * SECOND
"""How far event time goes on by the clock at once: each time all incidents are looked at."""

IDLE: Final = 10 * SECOND
"""How long nothing has to come that moves event time, for it to go on by the clock."""

PATIENCE: Final = 4
"""How many times as long lines wait for others by the clock while something comes late.

Who has them may be killed, and who gets them next, too: each keeps them for a lease.
"""

LATELY: Final = 2 * MINUTE
"""How long something may come late after something else did; half a minute where all is taken."""

BEHIND: Final = 5 * SECOND
"""How far event time stays behind the clock then: what is logged now is still on its way."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a step came to: how many receipts were read, and the outcomes that are recorded now."""

    receipts: int = 0
    outcomes: tuple[Outcome, ...] = ()


class Live:
    """Correlates what is received, for as long as its holder has the lease.

    `services` are those that logged steadily, with the last minute in which they did (ns UTC), and
    `quiet` those of them of which nothing is heard while others go on.
    """

    def __init__(  # noqa: PLR0913 - the parts of the house, each passed in by name
        self,
        *,
        detector: Detector,
        correlator: Correlator,
        concluding: Concluding,
        remembering: Remembering,
        store: Store,
        catalog: Catalog,
        policy: Policy,
        holder: str,
        traffic: Traffic | None = None,
        keeps: int = receipts.KEPT,
    ) -> None:
        """Take the parts; requests are kept for `keeps` (ns), for who takes over."""
        self._correlator = correlator
        self._concluding = concluding
        self._remembering = remembering
        self._store = store
        self._catalog = catalog
        self._policy = policy
        self._holder = holder
        self._keeps = keeps
        self._taking = Taking(detector, correlator, Unheard(), traffic)
        self._taken: list[int] = []
        self._ledger: dict[str, LedgerEntry] = {}
        self._told: dict[str, Incident | None] = {}
        self._current: frozenset[str] = frozenset()
        self._waiting: dict[str, tuple[int, int | None]] = {}
        self._expired: frozenset[int] = frozenset()
        self._since: dict[str, int] = {}
        self._merging = Merging()
        self._old_at = self._kept_at = 0
        self._patience, self._is_late = policy.group_wait, False
        self._received_until = self._marked = self._marked_at = self._looked_at = self._moved_at = 0
        self._heard_at = self._tidied_at = self._came_at = self._pruned_at = self._thinned_at = 0
        self.services: Mapping[str, int] = {}
        self.quiet: tuple[str, ...] = ()

    def begin(self, now: int) -> None:
        """Take up what another left; `now` is the time (ns UTC).

        Raises:
            StoreError: it cannot be read.

        """
        since = self._taking.go_on(self._store, now)
        self._ledger = dict(self._store.ledger())
        self._told = dict.fromkeys(self._store.unreported())  # by the rules of now they may be none
        self._since = {name: at for name, at in since.items() if name not in self._ledger}
        for entry in self._ledger.values():
            self._correlator.on_time(min(entry.decided_at, come_by(now)))
        parts = {name: at for name, at in since.items() if name in self._ledger}
        self._merging.begin(self._correlator.incidents(), parts)
        self._came_at = now
        self._received_until = self._marked = self._store.mark(RECEIVED)

    def is_settled(self, now: int) -> bool:
        """Whether each incident is known for so long that it was decided what to do about it."""
        return not self._unsettled(now)

    def _unsettled(self, now: int) -> dict[str, int]:
        over, since = self._taking.by_all(now - self._patience - 2 * AGAIN), self._since
        new = {name: since[name] for name in since.keys() & self._current if since[name] > over}
        return {**new, **self._merging.since}

    def is_done(self, now: int) -> bool:
        """Whether moreover no lines of tracebacks are held back."""
        return self.is_settled(now) and not self._taking.is_waiting(now - BEHIND)

    def step(
        self,
        now: int,
        *,
        is_current: bool,
        keeps_up: bool = False,
        at_once: int = AT_ONCE,
        beyond: int = 0,
    ) -> Step:
        """Read so many receipts, `beyond` a number, and record what changed; `now` is in ns UTC.

        `is_current` says that whoever receives is known to have nothing left to take, `keeps_up`
        that what is logged now would be here soon, unless the store knows of something late.

        Raises:
            LeaseLostError: another one correlates now: begin again with a new one, once it is over.
            StoreError: the store cannot be read or written; begin again with a new one.
            ValueError: what was received is no receipt, or one of another version.

        """
        before, late = self._correlator.now, self._correlator.late
        found = self._store.receipts(at_once, beyond)
        for number, receipt in found:
            examined = receipts.read(receipt)
            self._taking.take(examined, now)
            self._received_until = max(self._received_until, examined.watermark)
            self._taken.append(number)
        self._old_at = now if self._correlator.late > late else self._old_at
        is_still = keeps_up and len(found) < at_once and self._correlator.now == before
        self._tell_time(now, is_idle=is_current and not found, is_still=is_still)
        outcomes = self._conclude(now)
        self._commit(outcomes, now)
        self._mark(now)
        self._tidy(now)
        return Step(len(found), outcomes)

    def _tell_time(self, now: int, *, is_idle: bool, is_still: bool) -> None:
        """Let event time go on by the clock where nothing moves it; then what only time tells."""
        is_still = is_still and 0 <= now - self._looked_at < IDLE  # else all may have stood still
        self._came_at = min(self._came_at, now) if is_idle else now  # it may go back
        self._moved_at = self._moved_at if is_still else now
        self._taking.by_clock(now)
        due, since = now - BEHIND, now - IDLE
        goes_on = self._came_at <= since or (
            # No clock is behind by more: what comes then was logged long ago and published now.
            self._moved_at <= since
            and due - self._correlator.now <= DAY
            and not may_come_late(self._store, now, LATELY)
        )
        if goes_on and due - self._correlator.now >= TICK:
            self._correlator.on_time(due)
        event_time = self._correlator.now
        if not 0 <= now - self._looked_at < SECOND:
            self._looked_at = now
            # By the clock as well: who has other lines of one traceback in hand may be killed.
            wait = self._policy.group_wait
            late = abs(now - self._store.mark(LATE))
            is_old = abs(now - self._old_at) < LATELY  # what comes, though it may be on time
            self._is_late = is_old or may_come_late(self._store, now, LATELY)
            self._patience = wait * PATIENCE if late < (wait if is_idle else LATELY) else wait
            self._taking.on_time(event_time - wait, now - self._patience)
        if event_time - self._heard_at >= LISTENING:
            self._heard_at = event_time
            beats = self._taking.hear_silence({}, self._catalog.quiet_after, event_time)
            self.services = lasts(beats)
            self.quiet = quiet(self.services, event_time, self._catalog.quiet_after)

    def _conclude(self, now: int) -> tuple[Outcome, ...]:
        correlator = self._correlator
        correlator.on_verdicts(self._store.verdicts())
        incidents = correlator.incidents()
        self._current = frozenset(item.id for item in incidents)
        wait, by_all, merging = self._policy.group_wait, self._taking.by_all, self._merging
        # What says otherwise may be held back, as lines of tracebacks are.
        lines = 2 * AGAIN if self._taking.is_waiting(correlator.now) else 0
        merging.take(incidents, now, by_all(now - wait - lines), by_all(now - wait * PATIENCE))
        told = [item for item in incidents if not merging.holds(item)]
        chosen = [item for item in told if self._is_news(item, now)]
        if not chosen:
            return ()
        history = History(self._taking.sightings())
        settling = [item.id for item in chosen if self._is_settling(item, now)]
        moment = Moment(correlator.now, self._ledger, history, settling=settling)
        outcomes, accounts = self._concluding.conclude(incidents, moment, chosen)
        self._hear_ends(accounts)
        return outcomes

    def _hear_ends(self, accounts: Sequence[Account]) -> None:
        """Let all that waits be decided again once a suppression ended, as by a newer revision."""
        expired = {at for at, one in enumerate(accounts) if one.standing is Standing.EXPIRED}
        if expired - self._expired:
            self._waiting = dict.fromkeys(self._waiting, (0, 0))
        self._expired = frozenset(expired)

    def _is_news(self, incident: Incident, now: int) -> bool:
        """Whether an incident is to be decided about: it changed, or what it waits for came."""
        again, until = self._waiting.get(incident.id, (0, None))
        if until is not None and until <= self._correlator.now and again <= now:
            return True
        told = self._told.get(incident.id)
        return told is not incident and told != incident

    def _is_settling(self, incident: Incident, now: int) -> bool:
        """Whether an incident is known for less than `group_wait` by the clock (`waiting`).

        What was in the hands of somebody who was killed, or comes out of a backlog, may be behind
        event time; until it is here a symptom has not met its cause. Lines that are held back wait
        as long from when they came, or longer: they may say more than what is known.
        """
        if incident.id in self._ledger:
            return False
        wait, by_all = self._policy.group_wait, self._taking.by_all
        since = self._since.setdefault(incident.id, now)
        if since > by_all(now - wait - AGAIN):
            return since > by_all(now - wait) or self._taking.is_waiting(self._correlator.now)
        times = {sample.timestamp for one in incident.symptoms for sample in one.samples}
        return since > by_all(now - self._patience - AGAIN) and self._taking.holds(times)

    def _commit(self, outcomes: tuple[Outcome, ...], now: int) -> None:
        correlator, taking = self._correlator, self._taking
        # The absorbed, too: they may come back. What of them waits is not told of elsewhere yet.
        gone = set[str]() if self._merging.since else self._told.keys() - self._current
        untold = tuple(sorted(gone - self._ledger.keys()))
        is_due = self._merging.since and now - self._kept_at >= AGAIN  # for how long is to be kept
        if not (outcomes or self._taken or taking.touched or untold or is_due):
            return
        event_time = correlator.now
        held, since = taking.held(self._unsettled(now), now), now - self._keeps
        progress = Progress(
            tuple(self._taken), held, now, LEASE, self._holder, untold, taking.requests(), since
        )
        self._store.record(
            (item for item, _ in correlator.detections(taking.touched)),
            outcomes,
            event_time,
            correlator.cleared(taking.touched),
            taking.news(event_time),
            answers=taking.new_answers(event_time),
            beats=taking.new_beats(),
            progress=progress,
        )
        self._kept_at = now
        self._taken.clear()
        taking.recorded()
        for name in gone:
            self._forget(name)
        correlator.on_reports(self._reported(outcomes))
        for outcome in outcomes:
            self._note(outcome, now)

    def _reported(self, outcomes: Sequence[Outcome]) -> Iterator[Anchor]:
        """Yield what incidents were first reported as just now, as who takes over would read it."""
        for one in outcomes:
            incident, is_known = one.incident, one.incident.id in self._ledger
            if one.decision.action is not Action.LEAVE and not is_known:
                fingerprint, time = incident.anchor
                yield Anchor(time, fingerprint, incident.id, self._correlator.now)

    def _note(self, outcome: Outcome, now: int) -> None:
        """Remember what was told of an incident, and whether something waits."""
        incident, decision = outcome.incident, outcome.decision
        self._told[incident.id] = incident
        self._waiting.pop(incident.id, None)
        if decision.action is not Action.LEAVE:
            self._since.pop(incident.id, None)
            self._ledger[incident.id] = outcome.ledger_entry(self._correlator.now)
        known = self._ledger.get(incident.id)
        if known is None or known.digest != outcome.report.digest:
            self._waiting[incident.id] = (now + AGAIN, decision.until)

    def _forget(self, name: str) -> None:
        for known in (self._told, self._waiting, self._since):
            known.pop(name, None)

    def _mark(self, now: int) -> None:
        """Keep up to when entries came, for who fills the gap after a stop."""
        until = min(self._received_until, now)
        if until > self._marked and not 0 <= now - self._marked_at < MARKING:
            self._store.keep_mark(RECEIVED, until)
            self._marked, self._marked_at = until, now

    def _tidy(self, now: int) -> None:
        """Forget what is over for longer than anything can join it, and was reported if ever."""
        event_time = self._correlator.now
        self._thin(event_time)
        if event_time - self._tidied_at < TIDYING or not self.is_settled(now):
            return
        self._tidied_at = event_time
        gone = self._correlator.evict()
        if not gone and now - self._pruned_at < PRUNING:
            return
        self._taking.forget(event_time)
        self._remembering.keep(self._correlator.incidents())
        for name in gone:
            self._forget(name)
        before = self._correlator.watermark
        self._store.forget(self._correlator.entries(), before, LEASE, self._holder)
        if now - self._pruned_at >= PRUNING:
            self._pruned_at = now
            retention = replace(RETENTION, receipts=self._keeps)
            self._store.prune(min(event_time, now), now, retention)

    def _thin(self, event_time: int) -> None:
        """Only count what of long failures makes no difference any more.

        While something comes late that is next to nothing: more of it may come, or the same again.
        """
        if event_time - self._thinned_at < TIDYING:
            return
        gone = self._correlator.thin(LATE_LIMITS if self._is_late else LIMITS)
        if gone is not None or not self._is_late:  # else it is tried again as soon as it may
            self._thinned_at = event_time
        if gone is not None:
            self._store.thin(gone, LEASE, self._holder)
            self._taking.forget(event_time)
