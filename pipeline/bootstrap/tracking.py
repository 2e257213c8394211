"""Bringing the issues of GitHub up to date again and again, or only saying what would be done."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.bootstrap.reporting import REHEARSED, apply_in, plan_in
from pipeline.tracker.telling import briefly

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.bootstrap.reporting import Tracker
    from pipeline.ports import Store


@dataclass(slots=True)
class Tracking:
    """Does what incidents want of a tracker."""

    tracker: Tracker
    store: Store

    def report(self, sleep: Callable[[float], None]) -> None:
        """Bring all issues up to date; `sleep` lets time pass (seconds)."""
        apply_in(self.tracker, self.store, sleep)


@dataclass(slots=True)
class Rehearsing:
    """Says what `Tracking` would do, each step once; `log` takes a severity and a text."""

    tracker: Tracker
    store: Store
    log: Callable[[str, str], None]
    _told: frozenset[str] | None = field(default=None, init=False)

    def report(self, _sleep: Callable[[float], None]) -> None:
        """Say what is new in the plan.

        Raises:
            SinkError: issues cannot be listed.

        """
        self.store.keep_mark(REHEARSED, time.time_ns())
        lines = {
            f"{repository} {key}": f"{repository}: {text}"
            for repository, plan in plan_in(self.tracker, self.store)
            for key, text in briefly(plan.steps)
        }
        for key in (key for key in lines if key not in (self._told or ())):
            self.log("NOTICE", f"plan: {lines[key]}")
        if not lines and self._told != frozenset():
            self.log("NOTICE", "plan: nothing to do")
        self._told = frozenset(lines)
