"""The threads of a run that never ends, and how they come to an end.

Some receive, one correlates if it gets the lease, one reports. All of them meet in the store only:
whatever one of them has done is kept there before the next one sees it, so that the process can be
killed at any moment.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from random import SystemRandom
from typing import TYPE_CHECKING, Final

from pipeline.audit import SECOND
from pipeline.bootstrap.idling import LEFT, Beside
from pipeline.bootstrap.logs import read_on
from pipeline.bootstrap.outgoing import Outgoing
from pipeline.bootstrap.resting import rest_after
from pipeline.bootstrap.tenure import ASIDE, RENEWED, Tenure
from pipeline.bootstrap.tracing import Tracing
from pipeline.entry import format_timestamp
from pipeline.errors import FivewhysError, LeaseLostError, NewerError, SourceError, StoreError
from pipeline.live import AT_ONCE, BEHIND
from pipeline.report import Action
from pipeline.retrying import Retrying
from pipeline.singling import Refused
from pipeline.vitals import NOBODY, Vitals

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from pipeline.filling import Filling
    from pipeline.live import Live
    from pipeline.ports import Store
    from pipeline.receiving import Receiver

PAUSE: Final = 0.2
"""Seconds to wait where there was nothing to do."""

STOPS_IN: Final = 6.0
"""Seconds after which a stop waits for nobody any more; who still works loses nothing by it."""

LETS_GO_IN: Final = 0.5
"""Seconds for which a stop tries to give the lease back, which is over soon in any case."""

ENDS_IN: Final = 7.5
"""Seconds after which a process that was told to stop is gone, whatever does not answer it."""

BACKLOG: Final = 1_000
"""Receipts that may wait to be correlated before no more is received."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the threads work with; `live` builds who correlates, `report` is None without a sink.

    Each of the `receivers` has a thread. `report` is given what lets time pass (seconds).
    Who fails too often to correlate lets others do so for `aside` (seconds).
    `ends_after` (seconds, 0: never) and `ends_idle` say when a run ends by itself, `retrying` when
    what failed is tried again. `log` takes a severity and a text; `tracing` makes a span of each
    round. `filling` reads what was logged while nobody received, None if nobody is to.
    `stop_pulling` ends the waiting for messages; a handler of signals may call it.
    """

    store: Store
    receivers: tuple[Receiver, ...]
    live: Callable[[str], Live]
    holder: str
    report: Callable[[Callable[[float], None]], None] | None = None
    report_every: float = 60
    ends_after: float = 0
    ends_idle: bool = False
    retrying: Retrying = field(default_factory=Retrying)
    aside: float = ASIDE
    log: Callable[[str, str], None] = lambda _severity, _text: None
    tracing: Tracing = field(default_factory=Tracing)
    filling: Filling | None = None
    stop_pulling: Callable[[], None] = lambda: None


class _StoppedError(Exception):
    """Whoever waits is told to stop."""


class Service:
    """Runs until it is told to stop."""

    def __init__(self, parts: Parts) -> None:
        self.vitals = Vitals(started_at=time.time_ns())
        self._parts = parts
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._outgoing = Outgoing(partial(parts.log, "WARNING"), parts.retrying)
        self._signals = 0
        self._fatal: FivewhysError | None = None
        self._tenure = Tenure(parts.store, parts.holder, parts.retrying, parts.aside)
        self._beside = Beside()
        self._live: Live | None = None
        self._is_settled = False

    def run(self) -> None:
        """Go on until told to stop, by a signal or a limit.

        Raises:
            SourceError: the subscription cannot be pulled from, and no retry can help.
            FivewhysError: a thread ended by a mistake of our own.

        """
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._on_signal)
        rounds: list[tuple[str, Callable[[], bool]]] = [
            (f"receive {number}".removesuffix(" 1"), partial(self._receive, one))
            for number, one in enumerate(self._parts.receivers, 1)
        ]
        rounds += [("correlate", self._correlate), ("lease", self._renew)]
        if self._parts.report:
            rounds.append(("report", self._report))
        if self._parts.filling and self._begin_filling(self._parts.filling):
            rounds.append(("fill", partial(self._fill, self._parts.filling)))
        threads = [
            threading.Thread(target=self._go_on, args=(name, work), name=name, daemon=True)
            for name, work in rounds
        ]
        for thread in threads:
            thread.start()
        self._parts.log("INFO", "started")
        while not self._stopping.wait(PAUSE):
            dead = [thread.name for thread in threads if not thread.is_alive()]
            if dead and not self._stopping.is_set():
                message = f"{dead[0]}: it ended by a mistake of our own, which the log has"
                self._fatal = FivewhysError(message)
            if dead or self._is_over():
                self.stop()
        until = time.monotonic() + STOPS_IN
        for thread in threads:
            thread.join(max(0, until - time.monotonic()))
        releasing = threading.Thread(target=self._tenure.end, daemon=True)
        releasing.start()
        releasing.join(LETS_GO_IN)
        self._parts.log("INFO", f"stopped; received {self.vitals.received.messages:,} messages")
        if self._fatal is not None:
            raise self._fatal

    def stop(self) -> None:
        """Let every thread come to its end."""
        self.vitals.is_stopping = True
        self._stopping.set()
        self._outgoing.wake()
        self._parts.stop_pulling()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Stop; when told so again, at once: nothing is lost by it."""
        self._signals += 1
        if self._signals > 1:
            os._exit(128 + number)
        last = threading.Timer(ENDS_IN, os._exit, (0,))
        last.daemon = True
        last.start()
        self.stop()

    def _is_over(self) -> bool:
        parts, vitals, now = self._parts, self.vitals, time.time_ns()
        if parts.ends_after and now - vitals.started_at >= parts.ends_after * SECOND:
            return True
        if not parts.ends_idle:
            return False
        is_current = self._is_current(now)
        if is_current and self._is_settled and self._is_told and not self._may_have_backlog():
            return True
        is_beside = is_current and self._tenure.is_anothers and not self._may_have_backlog()
        if not self._beside.lasts(is_so=is_beside):
            return False
        parts.log("INFO", LEFT)
        return True

    def _may_have_backlog(self) -> bool:
        try:
            return self._parts.store.backlog() > 0
        except StoreError:
            return True

    @property
    def _is_told(self) -> bool:
        """Whether what was decided was reported, or tried to be."""
        return self._parts.report is None or self._outgoing.is_told

    def _is_current(self, now: int) -> bool:
        """Whether the subscription is known to have had nothing for a while, and no gap is open."""
        return not self._is_filling and self.vitals.is_current(now)

    @property
    def _is_filling(self) -> bool:
        filling = self._parts.filling
        return filling is not None and not filling.is_over

    # --- threads ----------------------------------------------------------------------------------

    def _go_on(self, name: str, work: Callable[[], bool]) -> None:
        """Do rounds of some work until told to stop; what fails is tried again, later and later.

        The work says whether there was something to do. What failed too often in a row is an error,
        and tried again all the same.
        """
        failed = 0
        while not self._stopping.is_set():
            with self._parts.tracing(name) as span:
                try:
                    span.is_of_worth = work()
                except FivewhysError as error:
                    failed += 1
                    self._note(name, error, failed)
                else:
                    failed = 0
                    self.vitals.rounds[name] = time.time_ns()
                    self.vitals.troubles.pop(name, None)
            if failed:
                self._stopping.wait(self._parts.retrying.pause(failed, SystemRandom().random()))

    def _note(self, name: str, error: FivewhysError, failed: int) -> None:
        """Note that a thread failed so often in a row; end where no retry can help."""
        if isinstance(error, SourceError) and not error.recoverable:
            self._fatal = error
            self.stop()
            return
        if name.startswith("receive"):
            self.vitals.failed_at = time.time_ns()
        self.vitals.failed(name, error)
        severity = "ERROR" if self._parts.retrying.is_over(failed) else "WARNING"
        self._parts.log(severity, f"{name}: {error}; it is tried again")

    def _receive(self, receiver: Receiver) -> bool:
        if self._parts.store.backlog() >= BACKLOG:
            self._stopping.wait(PAUSE)
            return False
        received = receiver.step()
        with self._lock:
            self.vitals.took(received, time.time_ns())
        return received.messages > 0

    def _begin_filling(self, filling: Filling) -> bool:
        """Note from when on is to be read, before anything is received."""
        gap = filling.begin(time.time_ns())
        if gap is None:
            return False
        since = format_timestamp(gap.since)
        self._parts.log("INFO", f"fill: reads again what was logged since {since}")
        if gap.lost:
            self._parts.log("WARNING", f"fill: {gap.left_out}")
        return True

    def _fill(self, filling: Filling) -> bool:
        """Read on in a gap; one that cannot be read keeps nothing else from going on."""
        if not self._is_filling or self._parts.store.backlog() >= BACKLOG:
            self._stopping.wait(PAUSE)
            return False
        try:
            received = read_on(filling, time.time_ns())
        except SourceError as error:
            if error.recoverable:
                raise
            filling.give_up()
            self._parts.log("ERROR", f"fill: {error}; the next start tries again")
            return False
        if received is None:
            self._stopping.wait(RENEWED)
            return False
        if filling.is_over:
            self._parts.log("INFO", f"fill: {filling.taken:,} entries were read again")
        return received.messages > 0

    def _correlate(self) -> bool:
        vitals = self.vitals
        if not self._is_mine() or self._outgoing.is_full():
            self._stopping.wait(PAUSE)
            return False
        try:
            self._live = live = self._going_on() or self._begun()
            now = time.time_ns()
            self._is_settled = False
            keeps_up = not self._is_filling and vitals.keeps_up(now)
            step = self._tenure.singling.step(
                live, now, is_current=self._is_current(now), keeps_up=keeps_up
            )
        except LeaseLostError:
            self._lose()
            return False
        except NewerError:  # let another process correlate, which may be newer
            self._lose()
            self._tenure.end()
            raise
        except FivewhysError:
            self._fail()
            raise
        self._tenure.stepped()
        if isinstance(step, Refused):
            self._note_refused(step)
            return True
        vitals.stepped_at = time.time_ns()
        vitals.steps += 1
        vitals.services, vitals.quiet = live.services, live.quiet
        if step.outcomes:
            vitals.concluded += len(step.outcomes)
            news = [one for one in step.outcomes if one.decision.action is not Action.LEAVE]
            # What is left alone can wait for the next round of reports; after a drain is no other.
            if self._parts.report and (news or self._parts.ends_idle):
                self._outgoing.ask(one.incident.id for one in news)
        self._is_settled = live.is_done(now)  # only now: what was decided is known to be asked for
        if not step.receipts:
            self._stopping.wait(PAUSE)
            return bool(step.outcomes)
        took = (vitals.stepped_at - now) / SECOND
        vitals.stepped.observe(took)
        if step.receipts < AT_ONCE == self._tenure.singling.at_once:
            self._stopping.wait(rest_after(took))
        return True

    def _is_mine(self) -> bool:
        """Whether this process correlates; what it knows is of before, if another one did."""
        if self.vitals.is_correlating and self._tenure.renew():
            return True
        self._lose()
        is_over = self._stopping.wait(self._tenure.rest())
        self.vitals.is_correlating = not is_over and self._tenure.take()
        return self.vitals.is_correlating

    def _fail(self) -> None:
        """Begin anew, as we know what the store does not; where that never helps, let others."""
        is_begun, self._live = self._live is not None, None
        count = self._tenure.failed(is_begun=is_begun)
        if count:
            self._lose()
            message = f"it failed {count} times in a row: for {self._parts.aside:g} s another"
            self._parts.log("WARNING", f"correlate: {message} process may")

    def _lose(self) -> None:
        """Know nothing any more of what only who correlates knows."""
        vitals = self.vitals
        self._live, self._is_settled, vitals.is_correlating = None, False, False
        self._tenure.lost()
        self._outgoing.forget()
        vitals.services, vitals.quiet = NOBODY, ()

    def _note_refused(self, refused: Refused) -> None:
        """Note that a receipt is in quarantine; who read it begins anew."""
        self._live = None
        self.vitals.refused += 1
        message = f"correlate: {refused.name} cannot be recorded and is in quarantine now"
        self._parts.log("ERROR", f"{message} (`fivewhys quarantine list`): {refused.reason}")

    def _going_on(self) -> Live | None:
        """Return who correlates, unless the clock went back: what waits there does so by it."""
        return self._live if time.time_ns() >= self.vitals.stepped_at - BEHIND else None

    def _begun(self) -> Live:
        live = self._parts.live(self._parts.holder)
        live.begin(time.time_ns())
        self._tenure.began()
        self._outgoing.ask()  # whoever correlated before may not have got to it
        return live

    def _renew(self) -> bool:
        """Renew the lease while a step takes long."""
        if self.vitals.is_correlating:
            self._tenure.renew()
        self._stopping.wait(RENEWED)
        return False

    def _report(self) -> bool:
        asked = self._outgoing.wait(self._parts.report_every)
        if self._parts.report and self.vitals.is_correlating and not self._stopping.is_set():
            try:
                self._parts.report(self._sleep)
            except _StoppedError:
                return False
            except FivewhysError as error:
                self._outgoing.failed(error)
                raise
            self._outgoing.told(asked)
            self.vitals.reported_at = time.time_ns()
            return True
        return False

    def _sleep(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            _StoppedError: we are told to stop.

        """
        if self._stopping.wait(seconds):
            raise _StoppedError
