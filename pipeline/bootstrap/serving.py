"""The threads of a run that never ends, and how they come to an end.

Some receive, one correlates if it gets the lease, one reports. All of them meet in the store only:
whatever one of them has done is kept there before the next one sees it, so that the process can be
killed at any moment.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from pipeline.audit import SECOND
from pipeline.errors import FivewhysError, LeaseLostError, SourceError
from pipeline.live import LEASE
from pipeline.receiving import Received
from pipeline.retrying import Retrying

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from pipeline.live import Live
    from pipeline.ports import Store
    from pipeline.receiving import Receiver

LEASED: Final = 6 * SECOND
"""How long a lease holds that nobody renews: as long a dead process keeps others waiting."""

RENEWED: Final = 2.0
"""Seconds between renewals."""

PAUSE: Final = 0.2
"""Seconds to wait where there was nothing to do."""

QUIET: Final = 5.0
"""Seconds for which nothing has to come for a run to be idle."""

BACKLOG: Final = 1_000
"""Receipts that may wait to be correlated before no more is received."""


@dataclass(slots=True)
class Vitals:
    """How the threads are; times in nanoseconds UTC, 0: never. Each field has one writer."""

    started_at: int = 0
    pulled_at: int = 0
    came_at: int = 0
    stepped_at: int = 0
    reported_at: int = 0
    is_correlating: bool = False
    received: Received = field(default_factory=Received)
    steps: int = 0
    concluded: int = 0
    retries: dict[str, int] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the threads work with; `live` builds who correlates, `report` is None without a sink.

    Each of the `receivers` has a thread. `ends_after` (seconds, 0: never) and `ends_idle` say when
    a run ends by itself, `retrying` when what failed is tried again. `log` takes a severity and a
    text.
    """

    store: Store
    receivers: tuple[Receiver, ...]
    live: Callable[[str], Live]
    holder: str
    report: Callable[[], None] | None = None
    report_every: float = 60
    ends_after: float = 0
    ends_idle: bool = False
    retrying: Retrying = field(default_factory=Retrying)
    log: Callable[[str, str], None] = lambda _severity, _text: None


class Service:
    """Runs until it is told to stop."""

    def __init__(self, parts: Parts) -> None:
        self.vitals = Vitals(started_at=time.time_ns())
        self._parts = parts
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._fatal: FivewhysError | None = None
        self._live: Live | None = None

    def run(self) -> None:
        """Go on until told to stop, by a signal or a limit.

        Raises:
            SourceError: the subscription cannot be pulled from, and no retry can help.

        """
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._on_signal)
        rounds: list[tuple[str, Callable[[], None]]] = [
            ("receive", partial(self._receive, one)) for one in self._parts.receivers
        ]
        rounds += [("correlate", self._correlate), ("lease", self._renew)]
        if self._parts.report:
            rounds.append(("report", self._report))
        threads = [
            threading.Thread(target=self._go_on, args=(name, work), name=name)
            for name, work in rounds
        ]
        for thread in threads:
            thread.start()
        self._parts.log("INFO", "started")
        while not self._stopping.wait(PAUSE):
            if self._is_over() or not all(thread.is_alive() for thread in threads):
                self.stop()
        for thread in threads:
            thread.join()
        self._parts.store.release(LEASE, self._parts.holder)
        self._parts.log("INFO", f"stopped; received {self.vitals.received.messages:,} messages")
        if self._fatal is not None:
            raise self._fatal

    def stop(self) -> None:
        """Let every thread come to its end."""
        self._stopping.set()
        self._news.set()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Stop; when told so again, at once: nothing is lost by it."""
        if self._stopping.is_set():
            os._exit(128 + number)
        self.stop()

    def _is_over(self) -> bool:
        parts, vitals, now = self._parts, self.vitals, time.time_ns()
        if parts.ends_after and now - vitals.started_at >= parts.ends_after * SECOND:
            return True
        if not parts.ends_idle or not self._is_current(now):
            return False
        live = self._live
        return live is not None and live.is_settled(now) and not parts.store.backlog()

    def _is_current(self, now: int) -> bool:
        """Whether the subscription is known to have had nothing for a while."""
        vitals = self.vitals
        since = max(vitals.came_at, vitals.started_at)
        return vitals.pulled_at > since and now - since >= QUIET * SECOND

    # --- threads ----------------------------------------------------------------------------------

    def _go_on(self, name: str, work: Callable[[], None]) -> None:
        """Do rounds of some work until told to stop; what fails is tried again, later and later.

        What failed too often in a row is an error, and tried again all the same.
        """
        failed, retrying = 0, self._parts.retrying
        while not self._stopping.is_set():
            try:
                work()
            except FivewhysError as error:
                if isinstance(error, SourceError) and not error.recoverable:
                    self._fatal = error
                    self.stop()
                    return
                failed += 1
                self.vitals.retries[name] = self.vitals.retries.get(name, 0) + 1
                self.vitals.troubles[name] = str(error)
                severity = "ERROR" if retrying.is_over(failed) else "WARNING"
                self._parts.log(severity, f"{name}: {error}; it is tried again")
                self._stopping.wait(retrying.pause(failed, random.random()))  # noqa: S311 - no secret
            else:
                failed = 0
                self.vitals.troubles.pop(name, None)

    def _receive(self, receiver: Receiver) -> None:
        if self._parts.store.backlog() >= BACKLOG:
            self._stopping.wait(PAUSE)
            return
        received = receiver.step()
        now = time.time_ns()
        with self._lock:
            self.vitals.pulled_at = now
            if received.messages:
                self.vitals.came_at = now
                self.vitals.received = self.vitals.received.and_more(received)

    def _correlate(self) -> None:
        vitals = self.vitals
        vitals.is_correlating = self._is_mine()
        if not vitals.is_correlating:
            self._live = None
            self._stopping.wait(PAUSE)
            return
        try:
            self._live = live = self._live or self._begun()
            now = time.time_ns()
            step = live.step(now, is_current=self._is_current(now))
        except LeaseLostError:
            self._live = None
            return
        except FivewhysError:
            self._live = None  # it knows what the store does not: begin anew
            raise
        vitals.stepped_at = time.time_ns()
        vitals.steps += 1
        if step.outcomes:
            vitals.concluded += len(step.outcomes)
            self._news.set()
        if not step.receipts:
            self._stopping.wait(PAUSE)

    def _begun(self) -> Live:
        live = self._parts.live(self._parts.holder)
        live.begin(time.time_ns())
        return live

    def _is_mine(self) -> bool:
        now = time.time_ns()
        return self._parts.store.lease(LEASE, self._parts.holder, now + LEASED, now)

    def _renew(self) -> None:
        """Renew the lease while a step takes long."""
        if self.vitals.is_correlating:
            self._is_mine()
        self._stopping.wait(RENEWED)

    def _report(self) -> None:
        self._news.wait(self._parts.report_every)
        self._news.clear()
        if self._parts.report and self.vitals.is_correlating and not self._stopping.is_set():
            self._parts.report()
            self.vitals.reported_at = time.time_ns()
