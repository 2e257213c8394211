"""What was decided and is not reported yet: who decides waits for who reports, and wakes them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from pipeline.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipeline.errors import FivewhysError
    from pipeline.retrying import Retrying

MOST: Final = 10_000
"""Incidents that may wait to be reported before nothing more is correlated. Receipts wait then, and
once there are as many of these as may be, nothing more is received: the rest stays in Pub/Sub.

A round of reports about a storm may take hours, for which a new failure should not have to wait:
so it is as many as a process has room for, and not as many as it reports soon.
"""


class Outgoing:
    """Incidents about which there is something to report, and who waits for them.

    One thread decides, another one reports. What was decided is kept in the store: this only says
    that there is something new, and how much.
    """

    def __init__(self, warn: Callable[[str], None], retrying: Retrying) -> None:
        """Nothing waits; `warn` is told of it when too much does.

        `retrying` says how often a tracker is tried by who wants to end.
        """
        self._warn = warn
        self._retrying = retrying
        self._failed = 0
        self._was_full = False
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._asked = self._told = 0
        self._waiting: dict[str, int] = {}

    def ask(self, incidents: Iterable[str] = ()) -> None:
        """Ask for a round of reports, about some incidents (ids) or what was left by another."""
        with self._lock:
            self._asked += 1
            self._waiting |= dict.fromkeys(incidents, self._asked)
        self.wake()

    def wake(self) -> None:
        """Let nobody wait any longer."""
        self._news.set()

    def wait(self, seconds: float) -> int:
        """Wait until there is something new, or for a while; return what to say when it is told."""
        self._news.wait(seconds)
        self._news.clear()
        return self._asked

    def told(self, asked: int) -> None:
        """Note that all was reported that had been asked for by then (what `wait` returned)."""
        with self._lock:
            self._told, self._failed = asked, 0
            self._waiting = {name: at for name, at in self._waiting.items() if at > asked}

    def failed(self, error: FivewhysError) -> None:
        """Note that a round failed, and begin another one."""
        self._failed += isinstance(error, SinkError)  # what else fails is ours, and no tracker
        self.wake()

    def forget(self) -> None:
        """Let nobody wait for what is another's to report: who decides again asks for all of it."""
        with self._lock:
            self._waiting = {}

    @property
    def is_told(self) -> bool:
        """Whether all that was asked for was reported, or tried to be as often as it has to be."""
        return self._told == self._asked or self._retrying.is_over(self._failed)

    def is_full(self) -> bool:
        """Whether so much waits that nothing more may be decided; an incident counts once."""
        was_full, self._was_full = self._was_full, len(self._waiting) >= MOST
        if self._was_full and not was_full:
            self._warn(f"correlate: {MOST:,} incidents wait to be reported: it goes on after that")
        return self._was_full
