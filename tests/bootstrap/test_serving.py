"""The threads of a run: how they come to an end, and that nothing waits that could be told."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from pipeline.audit import SECOND
from pipeline.bootstrap.idling import OUTLIVED
from pipeline.bootstrap.serving import STOPS_IN, Parts, Service
from pipeline.bootstrap.tenure import LEASED
from pipeline.errors import StoreError
from pipeline.lifecycle import MINUTE
from pipeline.live import LEASE, Step
from pipeline.received import Received
from pipeline.report import Action
from pipeline.stores.memory import MemoryStore
from pipeline.vitals import COMES_AGAIN, QUIET
from tests.stores.support import outcome

if TYPE_CHECKING:
    from pipeline.ports import Store


class Nothing:
    """Receives nothing, and correlates it."""

    services: dict[str, int] = {}  # noqa: RUF012 - nobody writes it
    quiet = ()

    def step(self, *_: object, **__: object) -> Any:
        """Do nothing; what there is to be said of it both kinds of work can say."""
        time.sleep(0.01)
        return Both()

    def begin(self, _: int) -> None:
        """Take up nothing."""

    def is_done(self, _: int) -> bool:
        """Nothing is left, ever."""
        return True


class Both(Received):
    """What receiving nothing came to, and what correlating it did."""

    receipts = 0
    outcomes = Step().outcomes


def service(report: Any, live: Any = None, **parts: Any) -> Service:
    """Build a service that has nothing to do but report, unless somebody correlates."""
    nothing: Any = Nothing()
    return Service(
        Parts(
            store=parts.pop("store", None) or MemoryStore(),
            receivers=(nothing,),
            live=lambda _: live or nothing,
            holder="one",
            report=report,
            **parts,
        )
    )


def test_a_drain_reports_before_it_ends() -> None:
    """Also what another one left, and again if it fails."""
    calls: list[float] = []

    def report(_: object) -> None:
        calls.append(time.monotonic())
        if len(calls) == 1:
            message = "not now"
            raise StoreError(message)

    service(report, ends_idle=True).run()
    assert len(calls) == 2


class Behind(MemoryStore):
    """A store in which something waits for a while to be correlated."""

    until = 0.0

    def backlog(self) -> int:
        """Return how much waits."""
        return int(time.monotonic() < self.until)


def draining(store: Store, holds: float) -> tuple[Service, list[str]]:
    """Build a drain that began so long ago that nothing comes again; another one has the lease.

    It `holds` that for so many seconds. Return what is logged, too.
    """
    now, said = time.time_ns(), list[str]()
    assert store.lease(LEASE, "another", now + round(holds * SECOND), now)
    one = service(
        lambda _: None,
        store=store,
        ends_idle=True,
        ends_after=COMES_AGAIN / SECOND + 30,
        log=lambda *words: said.append(" ".join(words)),
    )
    one.vitals.started_at -= COMES_AGAIN
    return one, said


@pytest.mark.parametrize(("behind", "comes"), [(0, 0), (4, 0), (0, 1)])
def test_a_drain_ends_though_another_process_goes_on_correlating(
    behind: float, comes: float
) -> None:
    """Once that has all that was received, what becomes of it is for the other one to tell."""
    store = Behind()
    one, said = draining(store, 60)
    store.until = begun = time.monotonic() + behind
    if comes:

        def come() -> None:
            nonlocal begun
            one.vitals.came_at, begun = time.time_ns(), time.monotonic() + QUIET / SECOND

        threading.Timer(comes, come).start()
    one.run()
    assert OUTLIVED < time.monotonic() - begun < OUTLIVED + 5
    assert one.vitals.steps == 0
    assert [line for line in said if "another process" in line] == [
        "INFO another process goes on correlating: what was received is left to it"
    ]


def test_a_drain_waits_for_the_lease_of_who_was_killed() -> None:
    """What that one left would else be told by nobody."""
    one, said = draining(MemoryStore(), LEASED / SECOND)
    one.run()
    assert one.vitals.steps > 0
    assert one.vitals.reported_at
    assert [line for line in said if "another process" in line] == []


class Deciding(Nothing):
    """Comes to the same decision again and again."""

    def __init__(self, action: Action) -> None:
        self.action = action

    def step(self, *_: object, **__: object) -> Any:
        """Decide."""
        time.sleep(0.01)
        return Step(0, (outcome(action=self.action),))


@pytest.mark.parametrize(
    ("action", "ends_idle", "is_woken"),
    [(Action.LEAVE, False, False), (Action.LEAVE, True, True), (Action.UPDATE, False, True)],
)
def test_what_is_left_alone_wakes_nobody_who_reports(
    action: Action, *, ends_idle: bool, is_woken: bool
) -> None:
    """It is looked at when it is time to; a drain waits for nothing that could be told."""
    calls: list[object] = []
    one = service(calls.append, live=Deciding(action), ends_after=1.5, ends_idle=ends_idle)
    one.run()
    assert calls
    assert (len(calls) > 1) == is_woken


class Asked(Nothing):
    """Notes what it is told of what comes."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def step(self, *_: object, **told: object) -> Any:
        """Note it."""
        self.told.append(told["keeps_up"])
        return Step()


class Gap:
    """One that is filled, or is not."""

    def __init__(self, *, is_over: bool) -> None:
        self.is_over = is_over

    def begin(self, _: int) -> None:
        """Leave the reading to another process."""


@pytest.mark.parametrize("is_over", [True, False])
def test_who_correlates_is_told_whether_we_keep_up(*, is_over: bool) -> None:
    """That is, the subscription answers, and no gap is open."""
    asked = Asked()
    one = service(
        None, live=asked, ends_after=COMES_AGAIN / SECOND + 2, filling=Gap(is_over=is_over)
    )
    one.vitals.started_at -= COMES_AGAIN
    one.run()
    assert asked.told[-1] is is_over


class Timed(Nothing):
    """Goes on until the clock went back, once."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.steps: list[int] = []
        self.service: Service | None = None

    def begin(self, now: int) -> None:
        """Note when."""
        self.begun.append(now)

    def step(self, *_: object, **__: object) -> Any:
        """Note when."""
        self.steps.append(time.time_ns())
        return Step()

    def is_done(self, now: int) -> bool:
        """Have made a step by a clock that was ahead: the second one."""
        if self.service and len(self.steps) == 2:
            self.service.vitals.stepped_at = now + MINUTE
        return True


def test_who_correlates_begins_anew_once_the_clock_went_back() -> None:
    """What waits does so by the clock, and would for as long as that went back."""
    timed = Timed()
    one = timed.service = service(None, live=timed, ends_after=2.5)
    one.run()
    assert len(timed.begun) == 2
    assert timed.steps[1] < timed.begun[1] <= timed.steps[2]
    assert len(timed.steps) > 3


def test_a_stop_ends_a_report_that_waits() -> None:
    """At its next pause, however long that is; it is not tried again."""
    begun, slept = threading.Event(), []

    def report(sleep: Any) -> None:
        begun.set()
        slept.append("begun")
        sleep(600)
        slept.append("done")

    one = service(report)

    def stop() -> None:
        begun.wait()
        one.stop()

    threading.Thread(target=stop).start()
    one.run()
    assert slept == ["begun"]
    assert one.vitals.reported_at == 0


ENDING: Final = """
import os, signal
from tests.bootstrap.test_serving import service
service(lambda _: None, ends_after=0.1).run()
os.kill(os.getpid(), signal.SIGTERM)
print("closed")
"""


def test_the_first_signal_ends_nothing_at_once_that_ends_by_itself() -> None:
    """It may still close what is open; a job that ended otherwise would be started again."""
    ended = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, b"closed\n")


def test_a_stop_does_not_wait_for_ever() -> None:
    """A request that gets no answer is left to itself."""
    hanging = threading.Event()
    one = service(lambda _: hanging.wait())
    threading.Timer(0.5, one.stop).start()
    begun = time.monotonic()
    one.run()
    hanging.set()
    assert STOPS_IN <= time.monotonic() - begun < STOPS_IN + 3
