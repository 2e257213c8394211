"""A writer that was stopped for long, and then goes on where another one was meanwhile."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from pipeline.audit import SECOND
from pipeline.sinks.github.book import LEASE
from pipeline.sinks.github.failures import Later
from pipeline.sinks.github.rounds import Applied
from pipeline.stores.memory import MemoryStore
from tests.sinks.github.flows import FLOWS, begun, check
from tests.sinks.github.support import HERE, Time

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.tracker.delivering import Delivery
    from pipeline.tracker.model import Wanted
    from tests.sinks.github.reporting import Desk


class Stopped(MemoryStore):
    """A store whose first writer is stopped for long before its `at`th call that is about leases.

    Meanwhile the `other` one writes, and gives the lease back.
    """

    def __init__(self, desk: Desk, other: Callable[[], Applied], at: int) -> None:
        super().__init__()
        self.desk = desk
        self.other = other
        self.at = at
        self.called: list[str] = []
        self.done: Applied | None = None

    def stop(self, name: str, holder: str) -> None:
        """Be stopped, if it is time to."""
        if holder != "process-1" or threading.current_thread().name == "writer":
            return
        self.called.append(name)
        if len(self.called) == self.at:
            self.desk.passing.clock.advance((LEASE + SECOND) / SECOND)
            self.done = self.other()

    def lease(self, name: str, holder: str, until: int, now: int) -> bool:
        """Take it later."""
        self.stop("lease", holder)
        later = max(0, self.desk.passing.now() - now)
        return super().lease(name, holder, until + later, now + later)

    def renew(self, name: str, holder: str, until: int) -> bool:
        """Renew it later."""
        self.stop("renew", holder)
        return super().renew(name, holder, until)

    def deliver(self, tracker: str, incident: str, delivery: Delivery, holder: str = "") -> None:
        """Keep it later."""
        self.stop("deliver", holder)
        super().deliver(tracker, incident, delivery, holder)


def calls_about_leases(flow: str) -> int:
    """Return how many there are in a flow."""
    with begun(flow) as (desk, wanted):
        store = kept_in(desk, Stopped(desk, Applied, 0))
        desk.apply(wanted)
        return len(store.called)


def kept_in(desk: Desk, store: Stopped) -> Stopped:
    """Put what is kept of issues into another store."""
    for incident, delivery in desk.store.deliveries(HERE).items():
        store.deliver(HERE, incident, delivery)
    desk.store, desk.count = store, 0
    return store


@pytest.mark.parametrize("flow", FLOWS)
def test_who_was_stopped_for_long_does_not_go_on_where_another_one_was(flow: str) -> None:
    """Wherever it stood, and though the lease is free again: the other one did everything."""
    for at in range(2, calls_about_leases(flow) + 1):
        with begun(flow) as (desk, wanted):
            store = kept_in(desk, Stopped(desk, lambda: desk.apply(wanted), at))
            stopped = desk.apply(wanted)
            assert store.done is not None
            assert store.done.failures == {}
            assert [*map(type, stopped.failures.values())] == [Later], store.called
            check(desk, flow, wanted)


class Sleepy(Time):
    """Time in which the first process is stopped for long as its `at`th sleep ends.

    Meanwhile the `other` one writes, and gives the lease back.
    """

    at = 0
    slept = 0
    done: Applied | None = None
    other: Callable[[], Applied] = Applied

    def sleep(self, seconds: float) -> None:
        """Let time pass, and more than was asked for."""
        super().sleep(seconds)
        self.slept += 1
        if self.slept == self.at:
            self.clock.advance((LEASE + SECOND) / SECOND)
            self.done = self.other()


def asleep_in(desk: Desk, wanted: Wanted, at: int) -> Sleepy:
    """Let the time of a desk be one in which who writes is stopped."""
    passing = Sleepy(desk.passing.clock)
    passing.at, passing.other = at, lambda: desk.apply(wanted)
    desk.passing = passing
    return passing


def sleeps(flow: str) -> int:
    """Return how many there are in a flow."""
    with begun(flow) as (desk, wanted):
        passing = asleep_in(desk, wanted, 0)
        desk.apply(wanted)
        return passing.slept


@pytest.mark.parametrize("flow", FLOWS)
def test_who_was_stopped_before_a_request_does_not_send_it(flow: str) -> None:
    """It was noted long ago, as requests keep a pace: what is noted since is another one's."""
    for at in range(1, sleeps(flow) + 1):
        with begun(flow) as (desk, wanted):
            passing = asleep_in(desk, wanted, at)
            stopped = desk.apply(wanted)
            assert passing.done is not None
            assert passing.done.failures == {}
            assert [*map(type, stopped.failures.values())] == [Later]
            check(desk, flow, wanted)
