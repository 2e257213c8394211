"""A repository of the fake GitHub with a ledger, and flows of reports to it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from pipeline.audit import SECOND
from pipeline.incident import State
from pipeline.lifecycle import HOUR, MINUTE
from pipeline.sinks.github.book import Book
from pipeline.sinks.github.reconciling import House, Reconciler
from pipeline.stores.memory import MemoryStore
from pipeline.tracker.marker import Signer
from pipeline.tracker.model import Kind, News, TrackerPolicy, Wanted
from pipeline.tracker.ownership import parts_of
from tests.fakes.github import FakeGithub, Seen, running
from tests.sinks.github.support import HERE, PATIENT, Time, client_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.ports import Deliveries
    from pipeline.sinks.github.asking import World
    from pipeline.sinks.github.client import Client
    from pipeline.sinks.github.reconciling import Applied
    from pipeline.sinks.github.wire import Patience
    from pipeline.tracker.model import Step
    from tests.fakes.github.state import Issue

KEY = b"a key of sixteen bytes or more"
HOUSE = House("fivewhys", KEY, TrackerPolicy())
OTHERS = "Text of people."


class Killed(BaseException):
    """The process ended here."""


class Mortal:
    """A client that is no more once `killed` is set: whoever uses it ends."""

    def __init__(self, client: Client, killed: threading.Event) -> None:
        self._client = client
        self._killed = killed

    def __getattr__(self, name: str) -> Any:
        """Return what the client has; a method ends when the process does."""
        found = getattr(self._client, name)
        return self._mortal(found) if callable(found) else found

    def _mortal(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any, **named: Any) -> Any:
            try:
                return method(*values, **named)
            finally:
                if self._killed.is_set():
                    raise Killed

        return call


@dataclass
class Desk:
    """What reports to the fake; each report is made by a process of its own."""

    github: FakeGithub
    passing: Time
    store: Deliveries = field(default_factory=MemoryStore)
    policy: TrackerPolicy = field(default_factory=TrackerPolicy)
    key: bytes = KEY
    count: int = 0

    def apply(self, *wanted: Wanted, patience: Patience = PATIENT) -> Applied:
        """Report; `Killed` ends it."""
        applied: Applied = self.use(lambda one: one.apply(wanted), patience)
        return applied

    def plan(self, *wanted: Wanted) -> list[Step]:
        """Return what would be done."""
        plan = self.use(lambda one: one.plan(wanted))
        return [step for step in plan.steps if step.kind is not Kind.LEAVE]

    def use(self, use: Callable[[Reconciler], Any], patience: Patience = PATIENT) -> Any:
        """Let a process use a reconciler."""
        self.count += 1
        killed = threading.Event()
        self.github.kill = killed.set
        with client_of(self.github, self.passing, patience=patience) as client:
            mortal: Any = Mortal(client, killed)
            holder, house = f"process-{self.count}", House("fivewhys", self.key, self.policy)
            return use(reconciler_of(mortal, self.store, holder, self.passing.world, house))

    # --- what stands there ------------------------------------------------------------------------

    @property
    def issues(self) -> dict[int, Issue]:
        """All issues by number."""
        return self.github.state.repositories[HERE].issues

    @property
    def signer(self) -> Signer:
        """What signs."""
        return Signer(self.key, str(self.github.state.repositories[HERE].id))

    def of(self, incident: str) -> list[Issue]:
        """Return the issues with the marker of an incident."""
        return [one for one in self.issues.values() if incident in self._incidents(one.body or "")]

    def said(self, issue: Issue) -> list[str]:
        """Return the keys of our comments on an issue."""
        parts = [part for one in issue.comments for part in parts_of(one.body, self.signer)]
        return [part.mark.key for part in parts]

    def _incidents(self, body: str) -> set[str]:
        return {part.mark.incident for part in parts_of(body.replace("\r", ""), self.signer)}

    def wanted(self, **values: Any) -> Wanted:
        """Return what an incident wants that is seen now."""
        told: dict[str, Any] = {
            "key": "inc-a",
            "title": "[P1] backend: tables are missing",
            "body": "## Problem\n\nThe first report.",
            "signature": "missing-table",
            "last_seen": self.passing.now(),
            "labels": ("fivewhys", "P1"),
        }
        return Wanted(**{**told, **values})

    def later(self, span: int = HOUR) -> None:
        """Let time pass."""
        self.passing.clock.advance(span / SECOND)


def reconciler_of(
    client: Client, store: Deliveries, holder: str, world: World, house: House = HOUSE
) -> Reconciler:
    """Make what a process reports with."""
    return Reconciler(client, Book(store, HERE, holder, world.clock), house, world)


# --- flows ----------------------------------------------------------------------------------------


def created(desk: Desk) -> Wanted:
    """Prepare nothing but a first report with a comment, and somebody to look after it."""
    return desk.wanted(assignees=("maintainer",), news=(News("first", "It was seen."),))


def updated(desk: Desk) -> Wanted:
    """Prepare an issue in which people wrote, and another report with news."""
    first = desk.wanted()
    desk.apply(first)
    _people_write(desk)
    desk.later()
    news = (News("update-1", "A new symptom."),)
    body = "## Problem\n\nThe second report."
    return replace(first, body=body, labels=("fivewhys", "P0"), news=news)


def reopened(desk: Desk) -> Wanted:
    """Prepare an issue that people closed, and what is seen again."""
    desk.apply(desk.wanted())
    _people_write(desk)
    desk.github.people.close(HERE, 1)
    desk.later()
    return desk.wanted(state=State.REGRESSED, news=(News("back", "It is back."),))


def closed(desk: Desk) -> Wanted:
    """Prepare an issue whose incident is resolved."""
    desk.apply(desk.wanted())
    _people_write(desk)
    desk.later()
    news = (News("resolved", "It is resolved."),)
    return desk.wanted(state=State.RESOLVED, close=True, news=news)


def doubled(desk: Desk) -> Wanted:
    """Prepare an issue that somebody filed once more."""
    first = desk.wanted()
    desk.apply(first)
    _people_write(desk)
    body = desk.issues[1].body or ""
    desk.github.people.open_issue(HERE, "The same again", f"{OTHERS}\n{body}", ["fivewhys"])
    desk.later(MINUTE)
    return first


FLOWS: dict[str, Callable[[Desk], Wanted]] = {
    "create": created,
    "update": updated,
    "reopen": reopened,
    "close": closed,
    "duplicate": doubled,
}


def _people_write(desk: Desk) -> None:
    people, issue = desk.github.people, desk.issues[1]
    people.edit(HERE, 1, f"{OTHERS}\n\n{issue.body}\n\n{OTHERS}")
    people.rename(HERE, 1, "A better title")
    people.label(HERE, 1, ["theirs"])
    people.comment(HERE, 1, OTHERS)


def check(desk: Desk, flow: str, wanted: Wanted) -> None:
    """Check that all is as it should, whatever happened on the way."""
    desk.later(2 * HOUR)
    applied, plan = desk.use(lambda one: (one.apply([wanted]), one.plan([wanted])))
    assert applied.failures == {}
    assert [step for step in plan.steps if step.kind is not Kind.LEAVE] == []
    assert [one for one in desk.store.deliveries(HERE).values() if one.waits] == []
    found = desk.of("inc-a")
    assert [one.number for one in found] == ([1, 2] if flow == "duplicate" else [1])
    issue = found[0]
    assert issue.state == ("closed" if flow == "close" else "open")
    assert wanted.body in (issue.body or "").replace("\r", "")
    assert sorted(desk.said(issue)) == sorted(item.key for item in wanted.news)
    if flow != "create":
        _check_people(issue)
    for second in found[1:]:
        assert (second.state, second.state_reason) == ("closed", "duplicate")
        assert desk.said(second) == ["duplicate"]
        assert OTHERS in (second.body or "")


def _check_people(issue: Issue) -> None:
    assert (issue.body or "").count(OTHERS) == 2
    assert [one.body for one in issue.comments].count(OTHERS) == 1
    assert issue.title == "A better title"
    assert "theirs" in issue.labels


@cache
def prepared(flow: str) -> tuple[Desk, Wanted]:
    """Return what stands there before the last report of a flow, and that."""
    passing = Time()
    with running(FakeGithub(clock=passing.clock)) as github:
        desk = Desk(github, passing)
        return desk, FLOWS[flow](desk)


@contextmanager
def begun(flow: str) -> Iterator[tuple[Desk, Wanted]]:
    """Lend a copy of it, of its own."""
    before, wanted = prepared(flow)
    passing = deepcopy(before.passing)
    state = deepcopy(before.github.state)
    with running(FakeGithub(state, passing.clock)) as github:
        yield replace(before, github=github, passing=passing, store=deepcopy(before.store)), wanted


@cache
def calls_of(flow: str) -> tuple[Seen, ...]:
    """Return the requests of the last report of a flow when nothing goes wrong."""
    with begun(flow) as (desk, wanted):
        desk.apply(wanted)
        return tuple(desk.github.seen)
