"""A storm's issue for as long as any of its incidents goes on, others of which are put away."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.bootstrap.reporting import read_tracker
from pipeline.bootstrap.tracking import Tracking
from pipeline.incident import State
from pipeline.lifecycle import DAY
from pipeline.report import Action
from pipeline.sinks.github.pacing import Budget, Pacer
from pipeline.stores.memory.store import MemoryStore
from pipeline.stores.sql.store import SqlStore
from pipeline.tracker.delivering import Delivery
from pipeline.tracker.model import Known
from tests.fakes.github import TOKEN, FakeGithub, running
from tests.stores.support import BASE, outcome
from tests.tracker.recorded import document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.ports import Outcome, Store
    from tests.fakes.github.state import Issue

HERE, THERE = "example/platform", "example/auth"


@pytest.fixture
def github() -> Iterator[FakeGithub]:
    """Lend a fake GitHub without issues."""
    with running(FakeGithub()) as fake:
        yield fake


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Lend a store of each kind."""
    if request.param == "memory":
        yield MemoryStore()
    else:
        with SqlStore("sqlite://") as opened:
            yield opened


@pytest.fixture
def tracking(github: FakeGithub, store: Store) -> Tracking:
    """Return what brings issues up to date, at once; three incidents are a storm."""
    tracker = read_tracker(
        environment={
            "FIVEWHYS_GITHUB_REPOSITORY": HERE,
            "FIVEWHYS_GITHUB_TOKEN": TOKEN,
            "FIVEWHYS_GITHUB_URL": github.base,
            "FIVEWHYS_GITHUB_STORM": "3",
            "FIVEWHYS_GITHUB_CLOSE": "true",
            "FIVEWHYS_MARKER_KEY": "a key of sixteen bytes or more",
        }
    )
    policy, pacer = replace(tracker.policy, group_interval=0), Pacer(Budget(between_writes=0))
    return Tracking(replace(tracker, policy=policy, pacer=pacer), store)


def one(number: int, day: int = 0, state: State = State.ONGOING, absorbed: str = "") -> Outcome:
    """Return an incident that began some seconds after others, as of a later day."""
    made = outcome(
        f"inc-{number}",
        anchor=(f"v1-{number}", BASE + number),
        action=Action.UPDATE if day else Action.CREATE,
        body=f"Day {day}.",
        first_seen=BASE + number,
        last_seen=BASE + day * DAY + number,
        state=state,
        absorbed=(absorbed,) if absorbed else (),
    )
    symptoms = document().symptoms
    return replace(made, document=made.document.model_copy(update={"symptoms": symptoms}))


def report(tracking: Tracking, day: int, *outcomes: Outcome) -> None:
    """Record outcomes on a day, put away what is over by then, and report."""
    store, now = tracking.store, BASE + day * DAY
    store.record([], outcomes, now)
    store.prune(now, now)
    tracking.report(lambda _: None)


def storm(github: FakeGithub) -> Issue:
    """Return the one storm that has an issue."""
    (found,) = (
        issue for issue in github.state.repositories[HERE].issues.values() if "Storm" in issue.title
    )
    return found


def listed(issue: Issue) -> list[str]:
    """Return the incidents that it names, in order."""
    lines = (issue.body or "").splitlines()
    return [line.split("`")[1] for line in lines if line.startswith("- ")]


def test_what_is_put_away_stays_in_the_issue_of_its_storm(
    tracking: Tracking, github: FakeGithub, store: Store
) -> None:
    """It says all that it said, is closed once the last is resolved, and stays the only one."""
    report(tracking, 0, *map(one, range(4)))
    said = storm(github).body
    report(tracking, 10, one(3, 10))
    report(tracking, 20, one(3, 20))
    assert [item.id for item in store.incidents()] == ["inc-3"]
    assert storm(github).body == said
    assert listed(storm(github)) == ["inc-0", "inc-1", "inc-2", "inc-3"]
    assert storm(github).state == "open"
    report(tracking, 21, one(3, 21, State.RESOLVED))
    assert (storm(github).state, storm(github).body) == ("closed", said)
    report(tracking, 60)
    assert (storm(github).state, storm(github).body) == ("closed", said)
    assert len(github.state.repositories[HERE].issues) == 5


def test_what_became_part_of_another_leaves_the_issue_of_its_storm(
    tracking: Tracking, github: FakeGithub
) -> None:
    """Also where what it became part of is put away, and what is left goes on."""
    report(tracking, 0, *map(one, range(5)))
    report(tracking, 1, one(0, 1, absorbed="inc-1"))
    assert listed(storm(github)) == ["inc-0", "inc-2", "inc-3", "inc-4"]
    report(tracking, 20, one(4, 20))
    report(tracking, 21, one(4, 21))
    assert listed(storm(github)) == ["inc-0", "inc-2", "inc-3", "inc-4"]


def test_what_has_its_issue_elsewhere_is_of_no_storm_here(
    tracking: Tracking, github: FakeGithub, store: Store
) -> None:
    """Nor is what never had one, when it is put away."""
    report(tracking, 0, *map(one, range(4)))
    store.record([], [one(7), one(8)], BASE)
    store.deliver(tracking.tracker.of(THERE).name, "inc-7", Delivery(Known(1)))
    store.deliver(tracking.tracker.name, "inc-8", Delivery())
    report(tracking, 20, one(3, 20))
    assert [item.id for item in store.incidents()] == ["inc-3"]
    assert listed(storm(github)) == ["inc-0", "inc-1", "inc-2", "inc-3"]
