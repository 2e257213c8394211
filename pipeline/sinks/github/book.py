"""What our ledger has of one repository's issues: kept at once, so that a stop loses nothing.

Only who holds the lease of the repository writes into it, and only as long as nobody else held it
since it was read: the store sees to that at each write (`LeaseLostError`).
"""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.audit import SECOND
from pipeline.errors import StoreError
from pipeline.markdown import visible
from pipeline.sinks.github.failures import UnknownEffect
from pipeline.tracker.delivering import Delivery, digest
from pipeline.tracker.knowing import intended, learned, refused
from pipeline.tracker.model import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from pipeline.ports import Deliveries
    from pipeline.sinks.github.failures import CallError
    from pipeline.tracker.model import Known, Step, Wanted
    from pipeline.tracker.pace import Pace

_LOG = logging.getLogger(__name__)
_LOG.addHandler(logging.NullHandler())  # a command says it itself; whoever runs on listens

LEASE = 30 * SECOND
"""How long a writer that was killed keeps others from writing."""

RENEWED = 5.0
"""Seconds between renewals, which go on while a request takes long."""


@dataclass(frozen=True, slots=True)
class Paces:
    """What a `ledger` keeps of how fast a `server` was written to; `keeps` says to keep more."""

    ledger: Deliveries
    server: str
    keeps: bool = True

    def recall(self) -> Pace:
        """Return what was kept."""
        return self.ledger.pace(self.server)

    def keep(self, pace: Pace) -> Pace:
        """Keep it; return it with what others wrote meanwhile."""
        return self.ledger.keep_pace(self.server, pace) if self.keeps else pace


class Book:
    """The ledger of one `tracker`, as `holder` writes it; `now` reads the clock (ns UTC).

    Who writes renews the lease every so many seconds (`renewed`).
    """

    def __init__(
        self,
        ledger: Deliveries,
        tracker: str,
        holder: str,
        now: Callable[[], int],
        renewed: float = RENEWED,
    ) -> None:
        self._ledger = ledger
        self._tracker = tracker
        self._holder = holder
        self._now = now
        self._renewed = renewed
        self._rows: dict[str, Delivery] = {}

    # --- who writes -------------------------------------------------------------------------------

    def take(self) -> bool:
        """Become the only writer, unless another one is; return whether we are.

        Others may have written meanwhile, also if we wrote before: then everything is read anew.
        """
        now = self._now()
        return self._ledger.lease(self._tracker, self._holder, now + LEASE, now)

    def renew(self) -> bool:
        """Stay the only writer; return whether nobody else has been since we became it."""
        return self._ledger.renew(self._tracker, self._holder, self._now() + LEASE)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Stay the only writer meanwhile, however long a request takes; then let others write."""
        over = threading.Event()
        keeper = threading.Thread(target=self._keep_on, args=(over,), name="writer", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            over.set()
            keeper.join()
            self._ledger.release(self._tracker, self._holder)

    def _keep_on(self, over: threading.Event) -> None:
        while not over.wait(self._renewed):
            with suppress(StoreError):  # who writes asks before each step, and is told
                self.renew()

    # --- what is known ----------------------------------------------------------------------------

    def read(self) -> None:
        """Read what others may have written."""
        self._rows = dict(self._ledger.deliveries(self._tracker))

    def known(self) -> dict[str, Known]:
        """Return what is known of each incident's issue."""
        return {key: delivery.known for key, delivery in self._rows.items()}

    def remembered(self, incidents: Collection[str]) -> Collection[str]:
        """Return those of some incidents that the ledger knows, be it that they are put away."""
        return self._ledger.deliveries(self._tracker, incidents).keys() & {*incidents}

    def learn(self, incident: str, known: Known) -> None:
        """Keep what is known of an issue."""
        self._keep(incident, replace(self._row(incident), known=known))

    def liken(self, wanted: Wanted) -> None:
        """Keep what is said of others that an incident is like: it is compared but once."""
        known = self._row(wanted.key).known
        if known.likes != wanted.likes:
            self.learn(wanted.key, replace(known, likes=wanted.likes))

    def intend(self, step: Step) -> None:
        """Keep that a step is about to be taken."""
        self._learn(step, lambda known: intended(known, step, self._now()))

    def took(self, step: Step, number: int) -> None:
        """Keep that a step was taken, at the issue of that number."""
        created = number if step.kind is Kind.CREATE else 0
        self._learn(step, lambda known: learned(known, step, self._now(), created))

    def failed(self, step: Step, failure: CallError) -> None:
        """Keep that a step was not taken; of one that may have been, only a listing can tell."""
        if not isinstance(failure, UnknownEffect):
            self._learn(step, refused)

    # --- what waits -------------------------------------------------------------------------------

    def with_news(self, wanted: Wanted) -> Wanted:
        """Return what an incident wants with those news and answers that wait since earlier."""
        told, row = {item.key for item in wanted.news}, self._row(wanted.key)
        early = tuple(item for item in row.news if item.key not in told)
        return replace(wanted, news=(*early, *wanted.news), answers=row.answers)

    def is_same(self, wanted: Wanted, seen: str) -> bool:
        """Whether what is `seen` is what was seen when nothing was left to do."""
        row = self._row(wanted.key)
        return bool(seen) and row.seen == seen and not row.waits

    def is_new(self, wanted: Wanted) -> bool:
        """Whether an incident wants something else than what stands there, as far as we know."""
        row = self._row(wanted.key)
        if wanted.held:
            return False
        unsaid = {item.key for item in wanted.news} - row.known.said
        return row.waits or bool(unsaid) or row.told != digest(wanted)

    def wait(self, incident: str, failure: CallError | None = None) -> None:
        """Keep that something of an incident waits; a failure says why."""
        reason, until = (str(failure), failure.not_before) if failure else ("", 0)
        row = self._row(incident).waiting(self._now(), reason, until)
        self._keep(incident, row)
        if failure:
            _LOG.warning("%s waits for %s: %s", incident, self._tracker, visible(reason))

    def postpone(self, step: Step, wanted: Wanted | None = None) -> None:
        """Keep that something waits for its time; why it failed is the better reason."""
        row = self._row(step.incident)
        reason = row.reason if row.known.asked_at and row.reason else step.reason
        row = replace(row, news=wanted.news if wanted else row.news)
        self._keep(step.incident, row.postponed(self._now(), reason, step.due))

    def hold(self, wanted: Wanted) -> None:
        """Keep that nothing of an incident waits but news of before it was held."""
        row = self._row(wanted.key)
        kept = row.postponed(self._now(), wanted.held, 0) if row.news else row.done()
        self._keep(wanted.key, replace(kept, answers=()))

    def expect(self, wanted: Wanted) -> None:
        """Keep that an incident waits, and what is to be said about it."""
        row = self._row(wanted.key).waiting(self._now())
        self._keep(wanted.key, replace(row, news=wanted.news, answers=wanted.answers))

    def done(self, incident: str, wanted: Wanted | None = None, seen: str = "") -> None:
        """Keep that nothing of an incident waits any more."""
        self._keep(incident, self._row(incident).done(digest(wanted) if wanted else "", seen))

    def _row(self, incident: str) -> Delivery:
        return self._rows.get(incident, Delivery())

    def _learn(self, step: Step, change: Callable[[Known], Known]) -> None:
        if step.incident:  # a second issue is not in the ledger
            self.learn(step.incident, change(self._row(step.incident).known))

    def _keep(self, incident: str, delivery: Delivery) -> None:
        if delivery != self._row(incident):
            self._ledger.deliver(self._tracker, incident, delivery, self._holder)
            self._rows[incident] = delivery
