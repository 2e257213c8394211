"""Bringing the issues of GitHub up to date again and again, or only saying what would be done."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pipeline.bootstrap.keeping import open_kept_store
from pipeline.bootstrap.reporting import apply_in, plan_in
from pipeline.bootstrap.sharing import REHEARSED, Incidents
from pipeline.bootstrap.standing import newest
from pipeline.entry import parse_timestamp
from pipeline.errors import SinkError
from pipeline.lifecycle import MINUTE
from pipeline.tracker.looking import FRESH
from pipeline.tracker.telling import briefly

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.bootstrap.reporting import Tracker
    from pipeline.document import IncidentDocument
    from pipeline.ports import Store
    from pipeline.report import LedgerEntry
    from pipeline.sinks.github.reconciling import Plan
    from pipeline.sinks.github.rounds import Applied
    from pipeline.tracker.pace import Pace

WHOLLY: Final = 10 * MINUTE
"""After so long all is looked at again, though nothing seems to have changed."""


@dataclass(slots=True)
class Reading:
    """The reported incidents in use of a store, of which only what is new is read each time."""

    store: Store
    _revision: int = field(default=-1, init=False)
    _documents: dict[str, IncidentDocument] = field(default_factory=dict, init=False)
    _ledger: dict[str, LedgerEntry] = field(default_factory=dict, init=False)

    def read(self) -> bool:
        """Read what changed since the last time; return whether anything did."""
        found = self.store.changed(self._revision)
        self._revision = found.revision
        for name in found.gone - found.told.keys():
            self._documents.pop(name, None)
            self._ledger.pop(name, None)
        self._documents |= {name: document for name, (document, _) in found.told.items()}
        self._ledger |= {name: entry for name, (_, entry) in found.told.items()}
        return bool(found.told or found.gone)

    @property
    def incidents(self) -> Incidents:
        """All of them, in order of first_seen."""
        ordered = sorted(self._documents.values(), key=lambda one: (one.first_seen, one.id))
        return Incidents({one.id: one for one in ordered}, self._ledger)

    def ends_silence(self, since: int, now: int) -> bool:
        """Whether somebody silenced one of them until a time between two others (ns UTC)."""
        until = (one.silenced_until for one in self._documents.values() if one.silenced_until)
        return any(since < parse_timestamp(text) <= now for text in until)


@dataclass(slots=True)
class Tracking:
    """Does what incidents want of a tracker; `clock` tells the time (ns UTC).

    As long as no incident changed, nothing waits, nobody else wrote and no issue changed, there is
    nothing to do: two small requests to each repository tell so.
    """

    tracker: Tracker
    store: Store
    clock: Callable[[], int] = time.time_ns
    _reading: Reading = field(init=False)
    _looked_at: int = field(default=0, init=False)
    _waits: bool = field(default=False, init=False)
    _has_news: bool = field(default=False, init=False)
    _pace: Pace | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._reading = Reading(self.store)

    def report(self, sleep: Callable[[float], None]) -> None:
        """Bring all issues up to date; `sleep` lets time pass (seconds)."""
        now = self.clock()
        if not self._reading.read() and self._is_quiet(now, sleep):
            return
        self._waits = True  # if this does not come to its end
        self._has_news = False
        done = apply_in(self.tracker, self.store, sleep, self._find)
        self._waits = self._has_news or any(_waits(applied) for _, applied in done)
        self._pace = self.store.pace(self.tracker.server)
        self._looked_at = now

    def _find(self) -> Incidents:
        """Return incidents as they are by now; what is new is too late for what was done before."""
        self._has_news = self._reading.read() or self._has_news
        return self._reading.incidents

    def _is_quiet(self, now: int, sleep: Callable[[float], None]) -> bool:
        """Whether all is known to be as it was when it was last looked at."""
        since = self._looked_at
        return (
            not self._waits
            and since <= now < since + WHOLLY
            and not self._reading.ends_silence(since, now)
            and self.store.pace(self.tracker.server) == self._pace
            and self._has_no_newer(since - FRESH, sleep)
        )

    def _has_no_newer(self, since: int, sleep: Callable[[float], None]) -> bool:
        try:
            return newest(self.tracker, self.store, sleep) < since
        except SinkError:
            return False  # who looks at all of it notes why that cannot be done


def _waits(applied: Applied) -> bool:
    return bool(applied.failures or applied.postponed)


@dataclass(slots=True)
class Rehearsing:
    """Says what `Tracking` would do, each step once; `log` takes a severity and a text."""

    tracker: Tracker
    store: Store
    log: Callable[[str, str], None]
    _reading: Reading = field(init=False)
    _told: frozenset[str] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._reading = Reading(self.store)

    def report(self, _sleep: Callable[[float], None]) -> None:
        """Say what is new in the plan.

        Raises:
            SinkError: issues cannot be listed.

        """
        self.store.keep_mark(REHEARSED, time.time_ns())
        self._reading.read()
        lines = {
            f"{repository} {key}": f"{repository}: {text}"
            for repository, plan in plan_in(self.tracker, self.store, found=self._reading.incidents)
            for key, text in briefly(plan.steps)
        }
        for key in (key for key in lines if key not in (self._told or ())):
            self.log("NOTICE", f"plan: {lines[key]}")
        if not lines and self._told != frozenset():
            self.log("NOTICE", "plan: nothing to do")
        self._told = frozenset(lines)


def rehearse(tracker: Tracker, store: str) -> list[tuple[str, Plan]]:
    """Return what would be done about the incidents of a store, once, by the repository.

    As while a run rehearses: what is over by now gets no issue later, unless it comes back.

    Raises:
        ConfigurationError: there is no such store.
        StoreError: it cannot be opened, or not be written.
        SinkError: issues cannot be listed.

    """
    with open_kept_store(store) as opened:
        opened.keep_mark(REHEARSED, time.time_ns())
        return plan_in(tracker, opened)
