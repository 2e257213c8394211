"""What a repository has for incidents, whatever fails while it is asked for."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.sinks.github.book import Book
from pipeline.sinks.github.guiding import Guide
from pipeline.sinks.github.reconciling import House, Reconciler
from pipeline.tracker.model import Kind
from tests.sinks.github.reporting import Desk, Killed, Mortal
from tests.sinks.github.support import HERE, PATIENT, client_of
from tests.tracker.recorded import document

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.sinks.github.wire import Patience
    from pipeline.tracker.model import Wanted
    from tests.fakes.github import FakeGithub
    from tests.sinks.github.support import Time

SAID = "Possibly the same as #1 (100 %: title)."
FAULTS = ("reset-after", "kill-before", "kill-after", "502-after", "403-secondary")


@dataclass
class Guided(Desk):
    """One that knows what there is in the repository."""

    def use(self, use: Callable[[Reconciler], Any], patience: Patience = PATIENT) -> Any:
        """Let a process use a reconciler."""
        self.count += 1
        killed = threading.Event()
        self.github.kill = killed.set
        with client_of(self.github, self.passing, patience=patience) as client:
            mortal: Any = Mortal(client, killed)
            book = Book(self.store, HERE, f"process-{self.count}", self.passing.now)
            house = House("fivewhys", self.key, self.policy)
            guide = Guide(mortal, self.documents, self.passing.now)
            return use(Reconciler(mortal, book, house, self.passing.world, guide=guide))


@pytest.fixture
def desk(github: FakeGithub, passing: Time) -> Guided:
    """Return a desk, and an issue of people's that is like its incident."""
    github.people.open_issue(HERE, "Backend: tables are missing", "Since today.")
    return Guided(github, passing, documents={"inc-a": document("inc-a", ["missing_table"])})


def first(desk: Guided) -> Wanted:
    """Return what its incident wants at first."""
    people = ("maintainer", "stranger")
    return desk.wanted(assignees=people, milestone="Sprint 1", type="bug")


def calls(desk: Guided) -> list[str]:
    """Return what a first report asks for."""
    desk.apply(first(desk))
    return [call.operation for call in desk.github.seen]


def check(desk: Guided) -> None:
    """Check that there is one issue, which has all that it can, and nothing left to do."""
    assert desk.apply(first(desk)).failures == {}
    (issue,) = desk.of("inc-a")
    assert SAID in (issue.body or "")
    assert (issue.assignees, issue.type, issue.milestone) == (["maintainer"], "Bug", None)
    assert desk.plan(first(desk)) == []


def test_what_is_needed_is_asked_for_once(desk: Guided) -> None:
    """Two listings, of ours and of what changed last; each login, milestones and types."""
    found = calls(desk)
    assert found == [
        "repos/get",
        "issues/list-for-repo",
        "issues/list-for-repo",
        "issues/check-user-can-be-assigned",
        "issues/check-user-can-be-assigned",
        "issues/list-milestones",
        "repos/list-issue-types",
        "issues/create",
    ]
    desk.later()
    check(desk)


def test_notes_say_what_is_left_out(desk: Guided) -> None:
    """Once it was done, and before."""
    expected = (
        ("inc-a", "stranger cannot be assigned to issues of the repository"),
        ("inc-a", "the repository has no milestone 'Sprint 1'"),
    )
    assert desk.use(lambda one: one.plan([first(desk)])).notes == expected
    assert desk.apply(first(desk)).notes == expected
    desk.later()
    assert desk.use(lambda one: one.plan([first(desk)])).notes == ()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("number", range(1, 9))
def test_a_fault_at_each_request(desk: Guided, number: int, fault: str) -> None:
    """At the end: one issue, with what it said of others at first, and nothing left to do."""
    desk.github.fail(f"* #{number} = {fault}")
    try:
        desk.apply(first(desk))
    except Killed:
        assert fault.startswith("kill")
    desk.later()
    check(desk)


def test_what_was_said_at_first_stays(desk: Guided) -> None:
    """Also of an issue of which nobody heard that it had been created."""
    desk.github.fail("issues/create #1 = kill-after")
    with pytest.raises(Killed):
        desk.apply(first(desk))
    desk.github.people.rename(HERE, 1, "Something else")
    desk.later()
    check(desk)


def test_an_issue_is_gone_on_in_whatever_fails(desk: Guided) -> None:
    """It is adopted once, and no other is opened."""
    desk.github.people.open_issue(HERE, "A question", "What is inc-aaaaaaaa?", by="maintainer")
    made = document("inc-aaaaaaaa", ["missing_table"])
    desk.documents = {made.id: made}
    wanted = desk.wanted(key=made.id)
    desk.github.fail("issues/update #1 = timeout-after")
    desk.apply(wanted)
    desk.later()
    assert desk.apply(wanted).failures == {}
    (issue,) = desk.of(made.id)
    assert (issue.number, issue.title) == (2, "A question")
    assert SAID in (issue.body or "")
    assert (issue.body or "").count("What is inc-aaaaaaaa?") == 1
    assert len(desk.issues) == 2
    assert desk.plan(wanted) == []


def test_a_storm_of_more_than_github_takes(desk: Guided) -> None:
    """A hundred are below its issue, and nothing is left to do."""
    keys = [f"inc-{number}" for number in range(103)]
    children = [desk.wanted(key=key, labels=("fivewhys",)) for key in keys]
    storm = desk.wanted(key="storm-0", children=tuple(keys))
    for _ in range(3):  # as many as the limits of an hour let out
        desk.apply(storm, *children)
        desk.later()
    (parent,) = desk.of("storm-0")
    assert len(parent.sub_issues) == 100
    assert len(desk.issues) == 105
    assert desk.plan(storm, *children) == []


def test_a_child_that_cannot_be_created_keeps_no_other_waiting(desk: Guided) -> None:
    """The others are below the storm's issue with the next report; it is still tried."""
    keys = ("inc-1", "inc-2", "inc-3")
    wanted = [desk.wanted(key="storm-0", children=keys), *(desk.wanted(key=key) for key in keys)]
    desk.github.fail("issues/create #2 = 422")
    assert {*desk.apply(*wanted).failures} == {"inc-1", "storm-0"}
    desk.later()
    desk.github.fail("issues/create = 422")
    assert {*desk.apply(*wanted).failures} == {"inc-1", "storm-0"}
    (parent,) = desk.of("storm-0")
    assert len(parent.sub_issues) == 2
    assert desk.of("inc-1") == []
    desk.github.faults.rules.clear()
    desk.later()
    assert desk.apply(*wanted).failures == {}
    assert len(parent.sub_issues) == 3


def test_steps_say_what_they_are_for(desk: Guided) -> None:
    """A child that is created by the same plan is put below its parent by it, too."""
    storm = desk.wanted(key="storm-0", children=("inc-1",))
    steps = desk.plan(storm, desk.wanted(key="inc-1"))
    assert [step.kind for step in steps] == [Kind.CREATE, Kind.CREATE, Kind.SUB_ISSUE]
    assert steps[-1].reason == "part of the storm"
