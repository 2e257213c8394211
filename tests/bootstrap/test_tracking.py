"""Issues brought up to date again and again: rehearsed first, then within a budget, then all."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from pipeline.bootstrap.reporting import apply_in, outbox_of, read_tracker
from pipeline.bootstrap.sharing import REHEARSED
from pipeline.bootstrap.tracking import Reading, Rehearsing, Tracking
from pipeline.cli import app
from pipeline.errors import SinkError
from pipeline.lifecycle import HOUR, MINUTE
from pipeline.sinks.github.pacing import Budget, Pacer
from pipeline.stores.sql.store import SqlStore
from tests.fakes.github import TOKEN, FakeGithub, running
from tests.fakes.github.state import beginning
from tests.support import SECOND
from tests.test_cli import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.bootstrap.reporting import Tracker
    from pipeline.document import IncidentDocument
    from pipeline.ports import Changed, Store
    from pipeline.report import LedgerEntry

HERE, ELSEWHERE = "example/platform", "example/shop"
FULL = "asyncpg.exceptions.TooManyConnectionsError: sorry, too many clients already"
TITLES = [
    "[P1] backend: Missing critical tables: user_sessions",
    "[P1] shop: The database has no connection slot left",
]


@pytest.fixture
def github() -> Iterator[FakeGithub]:
    """Lend a fake GitHub without issues."""
    with running(FakeGithub()) as fake:
        yield fake


@pytest.fixture
def tracker(github: FakeGithub) -> Tracker:
    """Return where reports go: to the fake."""
    return tracker_of(github)


def tracker_of(github: FakeGithub, **more: str) -> Tracker:
    """Return where reports go, with some settings."""
    return read_tracker(
        environment={
            "FIVEWHYS_GITHUB_REPOSITORY": HERE,
            "FIVEWHYS_GITHUB_TOKEN": TOKEN,
            "FIVEWHYS_GITHUB_URL": github.base,
            "FIVEWHYS_MARKER_KEY": "a key of sixteen bytes or more",
            **more,
        }
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Lend a store with two incidents that were decided to be reported."""
    url = f"sqlite:///{tmp_path}/store.db"
    replay(url, MISSING, failing("00:40:00"))
    with SqlStore(url) as opened:
        yield opened


def failing(time: str) -> dict[str, object]:
    """Return a record of another service's failure at a time."""
    labels = {"service_name": "shop", "revision_name": "shop-00001-abc"}
    resource = {"type": "cloud_run_revision", "labels": labels}
    told = {"insertId": f"b{time}", "timestamp": f"2025-09-10T{time}Z", "textPayload": FULL}
    return {**MISSING, **told, "resource": resource}


def replay(url: str, *records: dict[str, object], catalog: Path | None = None) -> None:
    """Keep in a store what some records make."""
    lines = "".join(f"{json.dumps(one)}\n" for one in records)
    out = f"{url.removeprefix('sqlite:///')}.out"
    words = ["--catalog", str(catalog)] if catalog else []
    told = CliRunner().invoke(app, ["replay", "-", "--store", url, "--out", out, *words], lines)
    assert told.exit_code == 0, told.output


def issues(github: FakeGithub) -> list[str]:
    """Return the titles of all issues."""
    return [one.title for one in github.state.repositories[HERE].issues.values()]


class Counted(SqlStore):
    """A store that counts what is read of incidents, and lets nobody read all of them."""

    read = 0

    def changed(self, since: int) -> Changed:
        """Count the incidents."""
        found = super().changed(since)
        self.read += len(found.told)
        return found

    def incidents(self, *, every: bool = False) -> tuple[IncidentDocument, ...]:
        """Fail."""
        raise NotImplementedError

    def ledger(self) -> dict[str, LedgerEntry]:
        """Fail."""
        raise NotImplementedError


@dataclass
class Clock:
    """A clock that tests move on."""

    now: int = field(default_factory=time.time_ns)

    def __call__(self) -> int:
        """Return the time."""
        return self.now


def no_time(_seconds: float) -> None:
    """Let no time pass."""


@pytest.fixture
def counted(store: Store, tmp_path: Path) -> Iterator[Counted]:  # noqa: ARG001 - it fills the file
    """Lend the same store, counting."""
    with Counted(f"sqlite:///{tmp_path}/store.db") as opened:
        yield opened


def test_only_what_changed_is_read(
    tracker: Tracker, counted: Counted, github: FakeGithub, tmp_path: Path
) -> None:
    """And nothing but two requests are made where nothing did."""
    clock = Clock()
    tracking = Tracking(tracker, counted, clock)
    tracking.report(no_time)
    assert (counted.read, len(issues(github))) == (2, 2)
    clock.now += 2 * MINUTE  # what was written is no longer fresh
    tracking.report(no_time)
    before = len(github.seen)
    for _ in range(3):
        clock.now += MINUTE
        tracking.report(no_time)
    assert counted.read == 2
    assert [one.verb for one in github.seen[before:]] == ["GET"] * 6
    replay(f"sqlite:///{tmp_path}/store.db", failing("00:41:00"))
    tracking.report(no_time)
    assert counted.read == 4  # a replay records all of its incidents anew
    assert len(github.seen) > before + 8


@pytest.mark.parametrize(
    "disturb", ["people", "somebody else", "time", "a failure", "a clock that was set back"]
)
def test_what_happens_elsewhere_makes_it_look_at_all(
    disturb: str, tracker: Tracker, counted: Counted, github: FakeGithub
) -> None:
    """A comment, another process that writes, an hour, or a request that was not answered."""
    clock = Clock()
    tracking = Tracking(tracker, counted, clock)
    tracking.report(no_time)
    clock.now += 2 * MINUTE
    if disturb == "a failure":
        github.fail("issues/list-for-repo #1-9 = 502")
    tracking.report(no_time)
    clock.now += MINUTE
    before = len(github.seen)
    if disturb == "people":
        github.clock.advance((clock.now - time.time_ns()) / SECOND)
        github.people.comment(HERE, 1, "why?")
    if disturb == "somebody else":
        pace = counted.pace(tracker.server)
        counted.keep_pace(tracker.server, replace(pace, writes=(*pace.writes, time.time_ns())))
    clock.now += {"time": HOUR, "a clock that was set back": -HOUR}.get(disturb, 0)
    tracking.report(no_time)
    assert len(github.seen) > before + 2


def test_the_requests_of_all_rounds_are_within_one_budget(
    tracker: Tracker, store: Store, github: FakeGithub
) -> None:
    """Each round has clients of its own; GitHub counts what all of them ask."""
    few = replace(tracker, pacer=Pacer(Budget(calls_an_hour=40)))
    clock = Clock()
    tracking = Tracking(few, store, clock)
    for _ in range(60):
        clock.now += 5 * SECOND
        tracking.report(no_time)
    assert issues(github) == TITLES
    assert len(github.seen) == 40


def test_the_end_of_a_silence_is_noticed(store: Store, tmp_path: Path) -> None:
    """Until then it was held back."""
    reading = Reading(store)
    assert reading.read()
    assert not reading.read()
    (one, _) = reading.incidents.documents
    url = f"sqlite:///{tmp_path}/store.db"
    told = CliRunner().invoke(
        app, ["incidents", "silence", one, "2h", "--store", url, "--by", "ana"]
    )
    assert told.exit_code == 0, told.output
    begun = time.time_ns()
    replay(url, MISSING)
    assert reading.read()
    assert not reading.ends_silence(begun, begun + HOUR)
    assert reading.ends_silence(begun + HOUR, begun + 3 * HOUR)
    assert not reading.ends_silence(begun + 3 * HOUR, begun + 4 * HOUR)


def test_a_rehearsal_says_each_step_once_and_writes_nothing(
    tracker: Tracker, store: Store, github: FakeGithub
) -> None:
    """What is new is said when it is new; that nothing is left to do is said as well."""
    said: list[str] = []
    rehearsing = Rehearsing(tracker, store, lambda *words: said.append(" ".join(words)))
    rehearsing.report(no_time)
    names = [one.id for one in store.incidents()]
    why = "no issue bears its marker"
    assert said == [
        f'NOTICE plan: {HERE}: create an issue for {name} "{title}": {why}'
        for name, title in zip(names, TITLES, strict=True)
    ]
    said.clear()
    rehearsing.report(no_time)
    assert said == []
    assert issues(github) == []
    assert {one.verb for one in github.seen} == {"GET"}
    Tracking(tracker, store).report(no_time)
    rehearsing.report(no_time)
    rehearsing.report(no_time)
    assert said == ["NOTICE plan: nothing to do"]


def test_a_rehearsal_that_cannot_list_issues_is_tried_again(
    tracker: Tracker, store: Store, github: FakeGithub
) -> None:
    """Whoever runs it says so, as of anything that failed."""
    github.fail("issues/list-for-repo #1 = 404")
    with pytest.raises(SinkError):
        Rehearsing(tracker, store, lambda *_: None).report(no_time)


def test_a_budget_opens_a_few_issues_and_lets_the_rest_wait(
    tracker: Tracker, store: Store, github: FakeGithub
) -> None:
    """In the outbox, with the reason; what waits for its time is not late."""
    few = replace(tracker, policy=replace(tracker.policy, new_issues=1))
    for _ in range(2):
        Tracking(few, store).report(no_time)
        assert issues(github) == TITLES[:1]
        (waiting,) = outbox_of(store, is_tracked=True).waiting
        assert waiting.reason == "1 new issue within a day are as many as may be opened"
    Tracking(tracker, store).report(no_time)
    assert issues(github) == TITLES
    assert outbox_of(store, is_tracked=True).waiting == ()


def test_what_was_over_before_the_rehearsal_ended_is_never_filed(
    tracker: Tracker, store: Store, github: FakeGithub, tmp_path: Path
) -> None:
    """Once it comes back, it is; nor does it stand in the outbox meanwhile."""
    url = f"sqlite:///{tmp_path}/store.db"
    replay(url, failing("23:59:00"), {**failing("23:59:01"), "timestamp": "2025-09-12T00:00:00Z"})
    states = {one.title: one.state for one in store.incidents()}
    assert states[TITLES[0].removeprefix("[P1] ")] == "resolved", states
    Rehearsing(tracker, store, lambda *_: None).report(no_time)
    assert store.mark(REHEARSED)
    Tracking(tracker, store).report(no_time)
    assert issues(github) == TITLES[1:]
    assert outbox_of(store, is_tracked=True).waiting == ()


@pytest.mark.parametrize("waits", [True, False])
def test_who_had_to_wait_for_another_one_writes_nothing_that_is_older(
    tracker: Tracker, store: Store, github: FakeGithub, tmp_path: Path, *, waits: bool
) -> None:
    """It asks what is wanted when it is its turn: neither text nor comments go back in time.

    Whether it waited for the other one, or that was through just before.
    """
    url = f"sqlite:///{tmp_path}/store.db"
    other, again = Tracking(tracker, store), (failing("00:40:00"), failing("00:50:00"))
    other.report(no_time)
    replay(url, MISSING, *again)
    told: list[str] = []

    def let_the_other_one_write() -> None:
        late = {**failing("09:00:00"), "timestamp": "2025-09-12T09:00:00Z", "severity": "INFO"}
        replay(url, MISSING, *again, {**late, "textPayload": "all is well"})
        other.report(no_time)
        told[:] = texts(github)

    def sleep(_seconds: float) -> None:
        if not told:
            store.release(tracker.name, "other")
            let_the_other_one_write()

    class Late(SqlStore):
        """A store to which somebody comes just before it is our turn."""

        def lease(self, name: str, holder: str, until: int, now: int) -> bool:
            if not waits and not told:
                let_the_other_one_write()
            return super().lease(name, holder, until, now)

    if waits:
        now = time.time_ns()
        assert store.lease(tracker.name, "other", now + 30 * SECOND, now)
    with Late(url) as late:
        Tracking(tracker, late).report(sleep)
    assert sum("| State | resolved" in text for text in told) == 2
    assert texts(github) == told


def texts(github: FakeGithub) -> list[str]:
    """Return what issues say, and their comments."""
    return [
        text
        for one in github.state.repositories[HERE].issues.values()
        for text in (one.body or "", *(said.body for said in one.comments))
    ]


def test_what_is_new_once_a_repository_was_done_is_looked_after_next(tmp_path: Path) -> None:
    """It was read, for a repository after that one; nothing else brings anybody back to it."""
    url, catalog = f"sqlite:///{tmp_path}/store.db", tmp_path / "catalog.yml"
    catalog.write_text(f"services: {{shop: {{repository: {ELSEWHERE}}}}}", encoding="utf-8")
    both = (MISSING, failing("00:40:00"))
    late = {**failing("09:00:00"), "timestamp": "2025-09-12T09:00:00Z", "textPayload": "well"}
    coming: list[dict[str, object]] = []

    class Busy(SqlStore):
        """A store in which something changes between two repositories."""

        def lease(self, name: str, holder: str, until: int, now: int) -> bool:
            if name.endswith(ELSEWHERE) and coming:
                replay(url, *both, coming.pop(), catalog=catalog)
            return super().lease(name, holder, until, now)

    replay(url, *both, catalog=catalog)
    with running(FakeGithub(beginning(HERE, ELSEWHERE))) as github, Busy(url) as store:
        clock, tracker = Clock(), tracker_of(github, FIVEWHYS_GITHUB_REPOSITORIES=ELSEWHERE)
        tracking = Tracking(tracker, store, clock)
        for _ in range(2):
            tracking.report(no_time)
            clock.now += 2 * MINUTE  # what was written is no longer fresh
        replay(url, *both, catalog=catalog)
        coming.append(late)
        tracking.report(no_time)
        assert not coming
        assert "| State | new" in texts(github)[0]
        tracking.report(no_time)
        assert "| State | resolved" in texts(github)[0]


def test_who_was_taken_over_from_while_it_waited_writes_nothing_more(
    tracker: Tracker, store: Store, github: FakeGithub
) -> None:
    """Between two writes it waits a second, and may be stopped for long."""
    written: list[int] = []

    def be_stopped(_seconds: float) -> None:
        later = time.time_ns() + 60 * SECOND  # the lease is over by then
        store.lease(tracker.name, "another", later + SECOND, later)
        written.append(sum(one.verb != "GET" for one in github.seen))

    ((_, applied),) = apply_in(tracker, store, be_stopped)
    assert len(applied.failures) == 2
    assert sum(one.verb != "GET" for one in github.seen) == written[0]
