"""The reporter never files twice, whatever happens at whichever request."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.audit import SECOND
from pipeline.lifecycle import HOUR
from pipeline.sinks.github.book import LEASE
from pipeline.sinks.github.failures import Later, NotThere, Refused, UnknownEffect
from pipeline.stores.memory import MemoryStore
from pipeline.tracker.model import News
from tests.fakes.github import FAULTS, FakeGithub, running
from tests.sinks.github.flows import FLOWS, begun, calls_of, check
from tests.sinks.github.reporting import Desk
from tests.sinks.github.support import HERE, PATIENT, Hasty, Time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.sinks.github.rounds import Applied
    from pipeline.tracker.delivering import Delivery
    from pipeline.tracker.model import Wanted

SHORT = {"slow": "slow:0.05"}


@pytest.mark.parametrize("flow", FLOWS)
def test_a_flow_without_faults(flow: str) -> None:
    """Once is enough, and what was said is not said again."""
    with begun(flow) as (desk, wanted):
        applied = desk.apply(wanted)
        assert applied.failures == {}
        assert applied.done
        assert desk.plan(wanted) == []
        check(desk, flow, wanted)


STRUCK = [
    *sorted(fault for fault in FAULTS if not fault.startswith("kill")),
    *("403-secondary:7", "429:7", "503:7"),  # these with a `Retry-After`
]
"""Those that kill are struck by in processes of their own: test_processes.py."""

MEANT = {
    ("adopt", "404"): "the issue to go on in is not there: there is one of its own",
    ("adopt", "410"): "likewise",
    ("adopt", "stale"): "nobody sees it yet",
    ("correct", "404"): "the repository has no types, and nobody whom issues are assigned to",
}
"""What GitHub says that is believed, whether it is a fault or not."""


@pytest.mark.parametrize("fault", STRUCK)
@pytest.mark.parametrize("flow", FLOWS)
def test_a_fault_at_each_request_of_a_flow(flow: str, fault: str) -> None:
    """At the end: one issue, each comment once, nothing of people's lost, nothing left to do."""
    for number, call in enumerate(calls_of(flow), start=1):
        if call.verb == "GET" and fault.endswith("-after"):
            continue  # it has no effect that could have happened: the same as before
        with begun(flow) as (desk, wanted):
            desk.github.fail(f"* #{number} = {SHORT.get(fault, fault)}")
            hasty: Any = Hasty(desk.github, number)
            desk.apply(wanted, patience=hasty if fault.startswith("timeout") else PATIENT)
            hasty.settle()
            (struck,) = [one.operation for one in desk.github.seen if one.fault]
            assert struck == call.operation
            check(desk, flow, wanted, wholly=(flow, fault) not in MEANT)


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Lend a repository without issues."""
    passing = Time()
    with running(FakeGithub(clock=passing.clock)) as github:
        yield Desk(github, passing)


def waiting(desk: Desk, incident: str = "inc-a") -> Delivery:
    """Return what is kept of an incident."""
    return desk.store.deliveries(HERE)[incident]


class Crawling(Time):
    """Time that does not jump, as two share it."""

    def sleep(self, seconds: float) -> None:
        """Let a little of it pass."""
        time.sleep(0.001)
        self.clock.advance(min(seconds, 0.01))


# --- who writes -----------------------------------------------------------------------------------


def test_two_writers_at_once_make_one_issue(desk: Desk) -> None:
    """One waits for the other, and then finds everything done."""
    desk.passing = Crawling(desk.passing.clock)
    wanted = desk.wanted(news=(News("first", "It was seen."),))
    barrier = threading.Barrier(2)

    def write(_: int) -> Applied:
        barrier.wait()
        return desk.apply(wanted)

    with ThreadPoolExecutor(2) as pool:
        applied = [*pool.map(write, range(2))]
    assert [one.failures for one in applied] == [{}, {}]
    assert sorted(len(one.done) for one in applied) == [0, 2]
    check(desk, "create", wanted)


def test_what_is_wanted_is_asked_when_nobody_else_writes_any_more(desk: Desk) -> None:
    """Who wrote meanwhile may have known more than anybody knew before."""
    now = desk.passing.now()
    assert desk.store.lease(HERE, "other", now + LEASE, now)

    def ask() -> tuple[Wanted, ...]:
        later = desk.passing.now()
        assert later >= now + LEASE
        assert not desk.store.lease(HERE, "a third", later + LEASE, later)
        return (desk.wanted(),)

    assert desk.use(lambda one: one.apply(ask)).failures == {}
    assert len(desk.of("inc-a")) == 1


def test_a_lease_that_nobody_gave_back_runs_out(desk: Desk) -> None:
    """As that of a process that was killed."""
    now = desk.passing.now()
    assert desk.store.lease(HERE, "killed", now + LEASE, now)
    assert desk.apply(desk.wanted()).failures == {}
    assert desk.passing.now() >= now + LEASE


def test_who_never_gets_its_turn_writes_nothing(desk: Desk) -> None:
    """Neither to GitHub nor to the ledger, which is the other's."""
    now = desk.passing.now()
    desk.store.lease(HERE, "other", now + 2 * LEASE, now)
    failure = desk.apply(desk.wanted()).failures["inc-a"]
    assert isinstance(failure, Later)
    assert desk.issues == {}
    assert desk.store.deliveries(HERE) == {}


@pytest.mark.parametrize("call", ["issues/list-for-repo", "issues/create"])
def test_who_loses_its_turn_stops(desk: Desk, call: str) -> None:
    """It was so slow that another one took over."""
    taken: list[bool] = []

    class Slow(MemoryStore):
        """A store whose lease runs out at a request."""

        def renew(self, name: str, holder: str, until: int) -> bool:
            """Say that another one has it once the request was made."""
            if desk.github.calls(call):
                taken.append(True)
                return False
            return super().renew(name, holder, until)

    desk.store = Slow()
    applied = desk.apply(desk.wanted(news=(News("first", "It was seen."),)))
    assert taken == [True]
    assert isinstance(applied.failures["inc-a"], Later)
    assert desk.github.calls("issues/create-comment") == []


# --- what fails -----------------------------------------------------------------------------------


def test_what_github_refuses_keeps_no_other_from_getting_out(desk: Desk) -> None:
    """Its reason is kept, and the rest of it waits."""
    one = desk.wanted(news=(News("first", "It was seen."),))
    desk.github.fail("issues/create #1 = 422")
    applied = desk.apply(one, desk.wanted(key="inc-b"))
    assert [type(failure) for failure in applied.failures.values()] == [Refused]
    assert [len(desk.of(key)) for key in ("inc-a", "inc-b")] == [0, 1]
    assert "title is not to our taste" in waiting(desk).reason
    assert (waiting(desk).attempts, waiting(desk).news) == (1, one.news)
    assert not waiting(desk, "inc-b").waits
    assert desk.github.calls("issues/create-comment") == []


@pytest.mark.parametrize("fault", ["401", "403-forbidden", "403-secondary:120"])
def test_what_concerns_everybody_stops_all(desk: Desk, fault: str) -> None:
    """What was done is done, and all the rest waits for the same reason."""
    desk.github.fail(f"issues/create #2 = {fault}")
    every = [desk.wanted(key=f"inc-{name}") for name in "abc"]
    applied = desk.apply(*every)
    assert sorted(applied.failures) == ["inc-b", "inc-c"]
    assert len(desk.github.calls("issues/create")) == 2
    assert waiting(desk, "inc-b").reason == waiting(desk, "inc-c").reason != ""
    assert not waiting(desk).waits


def test_patience_that_github_asked_for_outlasts_the_process(desk: Desk) -> None:
    """Not even a listing goes out before."""
    desk.github.fail("issues/create #1 = 403-secondary:600")
    desk.apply(desk.wanted())
    until, calls = waiting(desk).not_before, len(desk.github.seen)
    assert until >= desk.passing.now() + 500 * SECOND
    again = desk.apply(desk.wanted()).failures["inc-a"]
    assert (again.not_before, len(desk.github.seen)) == (until, calls)
    desk.later(600 * SECOND)
    assert desk.apply(desk.wanted()).failures == {}
    assert len(desk.of("inc-a")) == 1


def test_only_what_is_new_waits_where_nothing_can_be_listed(desk: Desk) -> None:
    """What stood there as it should is not said to wait."""
    old = desk.wanted(key="inc-b")
    desk.apply(old)
    desk.github.fail("issues/list-for-repo = 502")
    applied = desk.apply(old, desk.wanted())
    assert set(applied.failures) == {"inc-a"}
    assert not waiting(desk, "inc-b").waits


def test_what_github_never_answers_waits(desk: Desk) -> None:
    """After a few rounds; it may have been done, and later it is found to be."""
    desk.github.fail("issues/create = 502")
    applied = desk.apply(desk.wanted())
    assert isinstance(applied.failures["inc-a"], UnknownEffect)
    assert len(desk.github.calls("issues/create")) == 2  # a round waits whether one appears
    desk.github.faults.rules.clear()
    check(desk, "create", desk.wanted())


def test_news_wait_even_if_a_later_report_does_not_tell_them(desk: Desk) -> None:
    """Each is said once, in order."""
    desk.apply(desk.wanted())
    desk.github.fail("issues/create-comment = 403-secondary:60")
    desk.apply(desk.wanted(news=(News("one", "The first."),)))
    desk.later()
    desk.github.faults.rules.clear()
    desk.apply(desk.wanted(news=(News("two", "The second."),)))
    assert desk.said(desk.issues[1]) == ["one", "two"]
    check(desk, "create", desk.wanted(news=(News("one", "The first."), News("two", "The second."))))


def test_an_issue_that_goes_on_the_way_is_looked_for_again(desk: Desk) -> None:
    """It was deleted between the listing and the comment."""
    desk.apply(desk.wanted())
    desk.github.fail("issues/list-comments #1 = 404")
    applied = desk.apply(desk.wanted(news=(News("one", "The first."),)))
    assert applied.failures == {}
    assert desk.said(desk.issues[1]) == ["one"]


# --- what people and other incidents do -----------------------------------------------------------


def test_a_ledger_that_was_lost_makes_no_second_issue(desk: Desk) -> None:
    """Also when the repository was renamed meanwhile: the marker is found."""
    wanted = desk.wanted()
    desk.apply(wanted)
    desk.github.people.rename(HERE, 1, "A better title")
    desk.store = MemoryStore()
    applied = desk.apply(wanted)
    assert [step.kind for step in applied.done] == []
    assert desk.issues[1].title == "A better title"
    assert waiting(desk).known.number == 1


def test_an_issue_whose_label_people_took_is_known_by_its_number(desk: Desk) -> None:
    """It is not listed any more, and no second one is made."""
    desk.apply(desk.wanted())
    desk.github.people.unlabel(HERE, 1, ["fivewhys"])
    desk.apply(desk.wanted(body="More."))
    assert [*desk.issues] == [1]


def test_the_issue_of_an_absorbed_incident_is_closed_as_a_duplicate(desk: Desk) -> None:
    """Of the one that is created in the same plan."""
    desk.apply(desk.wanted(key="inc-b"))
    desk.later(HOUR)
    applied = desk.apply(desk.wanted(absorbed=("inc-b",)))
    assert applied.failures == {}
    (issue,) = desk.of("inc-b")
    assert (issue.state, issue.state_reason) == ("closed", "duplicate")
    assert issue.duplicate_of == desk.of("inc-a")[0].id
    assert desk.plan(desk.wanted(absorbed=("inc-b",))) == []


def test_a_step_waits_for_the_one_that_it_needs(desk: Desk) -> None:
    """No issue is closed as a duplicate of one that was not created."""
    desk.apply(desk.wanted(key="inc-b"))
    desk.github.fail("issues/create = 422")
    applied = desk.apply(desk.wanted(absorbed=("inc-b",)))
    assert sorted(applied.failures) == ["inc-a", "inc-b"]
    assert desk.issues[1].state == "open"
    assert desk.issues[1].comments == []


def test_what_the_repository_does_not_know_is_left_out(desk: Desk) -> None:
    """A stranger, a milestone or a type must not keep a report from getting out."""
    wanted = desk.wanted(assignees=("nobody-here",), milestone="Never", type="Unheard of")
    assert desk.apply(wanted).failures == {}
    assert desk.plan(wanted) == []
    issue = desk.issues[1]
    assert (issue.assignees, issue.milestone, issue.type) == ([], None, None)


def test_what_changes_of_an_issue_follows(desk: Desk) -> None:
    """Who looks after it, its type, and a comment that says something else now."""
    first = desk.wanted(assignees=("maintainer",), news=(News("one", "The first."),))
    desk.apply(first)
    desk.later()
    again = replace(first, assignees=("triager",), type="Bug", news=(News("one", "Put right."),))
    assert desk.apply(again).failures == {}
    issue = desk.issues[1]
    assert (issue.assignees, issue.type) == (["triager"], "Bug")
    assert ["Put right." in one.body for one in issue.comments] == [True]
    assert desk.apply(replace(again, type="Unheard of")).failures == {}
    assert desk.plan(replace(again, type="Unheard of")) == []


def test_what_is_linked_may_be_gone(desk: Desk) -> None:
    """Then all is looked at again, and what cannot be linked waits."""
    desk.apply(desk.wanted(), desk.wanted(key="inc-b"))
    storm = desk.wanted(key="inc-s", children=("inc-a", "inc-b"))
    desk.github.fail("issues/get = 404")
    applied = desk.apply(storm)
    assert isinstance(applied.failures["inc-s"], NotThere)
    desk.github.faults.rules.clear()
    assert desk.apply(storm).failures == {}
    assert len(desk.of("inc-s")[0].sub_issues) == 2


def test_incidents_of_a_storm_become_sub_issues(desk: Desk) -> None:
    """Of the one issue that is created with them."""
    storm = desk.wanted(key="inc-s", children=("inc-a", "inc-b"))
    applied = desk.apply(storm, desk.wanted(), desk.wanted(key="inc-b"))
    assert applied.failures == {}
    assert len(desk.of("inc-s")[0].sub_issues) == 2
    assert desk.plan(storm, desk.wanted(), desk.wanted(key="inc-b")) == []
