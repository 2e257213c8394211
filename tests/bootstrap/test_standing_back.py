"""Who fails again and again lets others try, and goes on where there are none."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pipeline.bootstrap.tenure import CHANCES
from pipeline.errors import FivewhysError, StoreError
from pipeline.live import LEASE, Step
from pipeline.retrying import Retrying
from pipeline.singling import Refused, Singling
from tests.bootstrap.test_tenure import HOUR, TEXTS, Run, Store, wait
from tests.support import BASE, SECOND
from tests.test_live import RULES, replayed

TRIES = 3
RETRYING = Retrying(tries=TRIES, first=0.001, longest=0.002)
LONG = 600.0
SHORT = 0.02
WELL = 10**9


class Sick:
    """Cannot correlate until it failed so often to begin, and so often in a step."""

    services: dict[str, int] = {}  # noqa: RUF012 - nobody writes it
    quiet = ()

    def __init__(self, *, begins_after: int = 0, steps_after: int = 0) -> None:
        self.begins_after = begins_after
        self.steps_after = steps_after
        self.begun = self.stepped = 0

    def begin(self, _: int) -> None:
        """Begin, if it can."""
        self.begun += 1
        self._be(is_well=self.begun > self.begins_after)

    def step(self, *_: object, **__: object) -> Step:
        """Make a step, if it can."""
        self.stepped += 1
        self._be(is_well=self.stepped > self.steps_after)
        return Step()

    def is_done(self, _: int) -> bool:
        """Nothing is left, ever."""
        return True

    @staticmethod
    def _be(*, is_well: bool) -> None:
        if not is_well:
            message = "the temporary file that holds what was detected failed: no room"
            raise StoreError(message)


def run_of(sick: Any, aside: float) -> Run:
    """Build a process that is sick."""
    return Run(live=lambda _: sick, retrying=RETRYING, aside=aside)


def take_over(run: Run) -> None:
    """Take the lease as another process, once who had it gives it back."""

    def is_ours() -> bool:
        now = time.time_ns()
        return bool(run.store.lease(LEASE, "another", now + HOUR, now))

    wait(lambda: bool(run.service.vitals.retries))
    wait(is_ours)


@pytest.mark.parametrize(
    ("sick", "failures"),
    [(Sick(begins_after=WELL), TRIES), (Sick(steps_after=WELL), CHANCES * TRIES)],
    ids=["to begin", "in steps"],
)
def test_who_fails_again_and_again_lets_another_one_try(sick: Sick, failures: int) -> None:
    """It does not take the lease again; what it failed at is told."""
    run = run_of(sick, LONG)

    def beside() -> None:
        take_over(run)
        wait(lambda: run.service.vitals.retries == {"correlate": failures})
        assert not run.service.vitals.is_correlating
        run.store.release(LEASE, "another")
        time.sleep(0.5)
        take_over(run)
        assert "correlate" not in run.service.vitals.rounds

    run.go_on(beside)
    assert run.service.vitals.retries == {"correlate": failures}
    assert [text for text in run.said if "another process may" in text] == [
        f"WARNING: correlate: it failed {failures} times in a row: for 600 s another process may"
    ]


@pytest.mark.parametrize(
    "sick",
    [Sick(begins_after=7 * TRIES), Sick(steps_after=4 * CHANCES * TRIES)],
    ids=["to begin", "in steps"],
)
def test_who_is_alone_goes_on_trying(sick: Sick) -> None:
    """Until it is well it is not taken for that, though it stands back in between."""
    run = run_of(sick, SHORT)

    def beside() -> None:
        wait(lambda: run.service.vitals.steps > 0)

    run.go_on(beside)
    assert run.service.vitals.retries == {"correlate": sick.begins_after + sick.steps_after}
    assert len([text for text in run.said if "another process may" in text]) > 2
    assert not run.service.vitals.troubles


def test_what_fails_now_and_then_is_no_reason_to_stand_back() -> None:
    """It counts how often it failed in a row."""

    class Fickle(Sick):
        """Fails in two of three steps."""

        def step(self, *_: object, **__: object) -> Step:
            """Make every third one."""
            self.stepped += 1
            self._be(is_well=self.stepped % 3 == 0)
            return Step()

    fickle = Fickle()
    run = run_of(fickle, LONG)
    run.go_on(lambda: wait(lambda: fickle.stepped > 3 * CHANCES * TRIES))
    assert not [text for text in run.said if "another process may" in text]


# --- receipts that cannot be recorded -------------------------------------------------------------


class Refusing(Store):
    """A store that takes no row of what was logged at some seconds, or none at all."""

    refused: frozenset[int] = frozenset()

    def record(self, detections: Any, *args: Any, **kwargs: Any) -> None:
        """Record, or refuse all of it."""
        found = list(detections)
        if {item.key[1] // SECOND - BASE // SECOND for item in found} & self.refused:
            message = "a row is refused"
            raise StoreError(message)
        super().record(found, *args, **kwargs)


def refusing(refused: set[int], aside: float) -> Run:
    """Build a process over a store that refuses what was logged at some seconds."""
    store = Refusing()
    store.refused = frozenset(refused)
    run = Run(store=store, retrying=RETRYING, aside=aside)
    run.publish(*TEXTS)
    return run


def names(run: Run) -> list[str]:
    """Return what is in quarantine, without the time at which it came there."""
    return [one.name.rpartition(" ")[0] for one in run.store.poison()]


def expected(*refused: int) -> tuple[dict[str, Any], int]:
    """Return what comes of all others."""
    return replayed([text for at, text in enumerate(TEXTS) if at not in refused], RULES)


def correlate(run: Run) -> None:
    """Be another process, which has the lease, until nothing is left."""
    singling, live = Singling(run.store, "another", RETRYING), None
    while run.store.backlog():
        run.house.now += SECOND
        live = live or run.house.live("another")
        try:
            found = singling.step(live, run.house.now, is_current=False)
        except FivewhysError:
            live = None
        else:
            live = None if isinstance(found, Refused) else live


def test_a_receipt_is_put_away_before_anybody_stands_back() -> None:
    """Whoever is alone finds out which one it is."""
    run = refusing({1}, LONG)
    run.go_on(lambda: wait(lambda: not run.store.backlog()))
    assert names(run) == ["receipt 2"]
    assert run.service.vitals.retries == {"correlate": 2 * TRIES}
    assert not [text for text in run.said if "another process may" in text]
    found, end = expected(1)
    assert run.house.finish(end) == found


def test_a_receipt_that_stays_is_put_away_by_another_process() -> None:
    """By one that put none away yet, where nothing is left that could be recorded."""
    run = refusing({2, 3}, LONG)

    def beside() -> None:
        take_over(run)
        assert names(run) == ["receipt 3"]
        correlate(run)

    run.go_on(beside)
    assert sorted(names(run)) == ["receipt 3", "receipt 4"]
    found, end = expected(2, 3)
    assert run.house.finish(end) == found


def test_who_is_alone_puts_only_one_away_though_it_stands_back() -> None:
    """The fault may be the store's: what was learned of that is not forgotten."""
    run = refusing({*range(len(TEXTS))}, SHORT)

    def beside() -> None:
        wait(lambda: run.service.vitals.retries.get("correlate", 0) > 5 * CHANCES * TRIES)

    run.go_on(beside)
    assert names(run) == ["receipt 1"]
    assert run.store.backlog() == len(TEXTS) - 1


def test_who_comes_back_puts_no_more_away_than_before() -> None:
    """Nor if another one failed as well meanwhile."""
    run = refusing({*range(len(TEXTS))}, SHORT)

    def beside() -> None:
        for _ in range(3):
            take_over(run)
            time.sleep(0.3)  # so that it is asked for
            run.store.release(LEASE, "another")
            run.service.vitals.retries.clear()
            wait(lambda: run.service.vitals.retries.get("correlate", 0) > CHANCES * TRIES)

    run.go_on(beside)
    assert names(run) == ["receipt 1"]
