"""Who correlates waits for who reports: what is decided does not pile up without end."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from itertools import count, cycle, pairwise
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.audit import SECOND
from pipeline.bootstrap.outgoing import MOST, Outgoing
from pipeline.bootstrap.serving import PAUSE
from pipeline.errors import SinkError, StoreError
from pipeline.live import LEASE, Step
from pipeline.report import Action
from pipeline.retrying import Retrying
from pipeline.stores.memory import MemoryStore
from pipeline.vitals import COMES_AGAIN
from tests.bootstrap.test_serving import Nothing, service
from tests.stores.support import outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.ports import Outcome

EACH = 4_000
"""Incidents that are decided about at once."""

TWICE = Retrying(5, 2)
OURS, THEIRS = StoreError("no"), SinkError("no", recoverable=False)

TOLD = "correlate: 10,000 incidents wait to be reported: it goes on after that"


class Deciding(Nothing):
    """Decides about incidents of these names, so many at each of nine steps."""

    def __init__(self, names: Iterable[int], action: Action = Action.CREATE) -> None:
        self.steps = 0
        self._names = iter(names)
        self._like = outcome(action=action)

    def step(self, *_: object, **__: object) -> Any:
        """Decide, as long as there is something to decide about."""
        time.sleep(0.01)
        if self.steps == 9:
            return Step()
        self.steps += 1
        return Step(outcomes=tuple(self._made(f"inc-{next(self._names)}") for _ in range(EACH)))

    def _made(self, name: str) -> Outcome:
        return replace(self._like, incident=replace(self._like.incident, id=name))


def steps_beside(live: Deciding, *, reports: bool = True) -> tuple[list[int], list[str]]:
    """Return how many steps there were while each round of reports took long, and the warnings."""
    seen: list[int] = []
    said: list[str] = []

    def report(_: object) -> None:
        before = -1
        while live.steps > before:
            before = live.steps
            time.sleep(5 * PAUSE)
        seen.append(live.steps)
        if live.steps == 9:
            one.stop()

    def log(severity: str, text: str) -> None:
        if severity == "WARNING":
            said.append(text)

    one = service(report if reports else None, live=live, ends_after=15, log=log)
    if not reports:
        threading.Thread(target=lambda: report(None)).start()
    one.run()
    return seen, said


def test_no_more_is_correlated_than_can_be_reported() -> None:
    """It goes on when a round of reports is over; that it waits is said each time."""
    seen, said = steps_beside(Deciding(count()))
    assert seen[-1] == 9
    assert all(after - before <= 3 for before, after in pairwise([0, *seen]))
    assert set(said) == {TOLD}
    assert 1 < len(said) < len(seen)


@pytest.mark.parametrize(
    ("live", "reports"),
    [
        (Deciding(cycle(range(EACH))), True),
        (Deciding(count(), Action.LEAVE), True),
        (Deciding(count()), False),
    ],
    ids=["the same ones again", "left alone", "nobody reports"],
)
def test_what_need_not_be_reported_keeps_nobody_waiting(live: Deciding, *, reports: bool) -> None:
    """An incident counts once: of what was decided about it only the last counts."""
    seen, said = steps_beside(live, reports=reports)
    assert seen[-1] == 9
    assert said == []


def test_who_waits_and_gets_the_lease_again_wakes_who_reports() -> None:
    """The round that failed while another one had the lease is made up for at once."""
    store, live, rounds = MemoryStore(), Deciding(count()), list[float]()

    def report(_: object) -> None:
        rounds.append(time.monotonic())
        while live.steps < 3:
            time.sleep(PAUSE)
        if len(rounds) == 1:
            now = time.time_ns()
            store.release(LEASE, "one")
            assert store.lease(LEASE, "another", now + 3 * SECOND, now)
            time.sleep(3 * PAUSE)  # by then it is known that another one has it
            message = "not now"
            raise StoreError(message)
        one.stop()

    one = service(report, live=live, store=store, ends_after=15, report_every=60.0)
    one.run()
    assert len(rounds) == 2


@pytest.mark.parametrize(
    ("error", "is_tried"),
    [(THEIRS, True), (OURS, False)],
    ids=["tracker", "store"],
)
def test_a_drain_does_not_wait_for_a_tracker_for_ever(error: Exception, *, is_tried: bool) -> None:
    """What was tried so often stays as it is, and the next run tries again; the store is ours."""
    rounds = list[float]()

    def report(_: object) -> None:
        rounds.append(time.monotonic())
        raise error

    one = service(report, ends_idle=True, ends_after=COMES_AGAIN / SECOND + 5, retrying=TWICE)
    one.vitals.started_at -= COMES_AGAIN
    begun = time.monotonic()
    one.run()
    assert (time.monotonic() - begun < 4) == is_tried
    assert (len(rounds) == TWICE.tries) == is_tried


def test_what_is_told_again_is_waited_for_again() -> None:
    """Each time so many tries may fail."""
    one = Outgoing(print, TWICE)
    one.ask()
    found = []
    for _ in range(2):
        one.failed(OURS)
        one.failed(THEIRS)
        found.append(one.is_told)
        one.failed(THEIRS)
        found.append(one.is_told)
        one.told(one.wait(0))
        one.ask()
    assert found == [False, True, False, True]


def test_what_was_asked_for_meanwhile_is_not_told_yet() -> None:
    """A round tells what had been decided when it began."""
    said: list[str] = []
    one = Outgoing(said.append, TWICE)
    one.ask(f"inc-{at}" for at in range(MOST))
    asked = one.wait(0)
    one.ask(["inc-1", "inc-1", "more"])
    found = [(one.is_full(), one.is_told) for _ in range(2)]
    one.told(asked)
    found.append((one.is_full(), one.is_told))
    one.ask(f"inc-{at}" for at in range(3, MOST + 1))
    found.append((one.is_full(), one.is_told))
    one.told(one.wait(0))
    found.append((one.is_full(), one.is_told))
    assert found == [(True, False), (True, False), (False, False), (True, False), (False, True)]
    assert said == [TOLD, TOLD]


def test_who_waits_is_woken() -> None:
    """By what is new, or for another reason; then there is nothing to wait for any more."""
    one = Outgoing(print, TWICE)
    one.wake()
    begun = time.monotonic()
    assert one.wait(60) == 0
    one.ask()
    assert one.wait(60) == 1
    assert time.monotonic() < begun + 30
    assert not one.is_told
