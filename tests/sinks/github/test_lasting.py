"""What outlasts a process: what was seen, what waits, and how fast it wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.lifecycle import HOUR, MINUTE
from pipeline.sinks.github.failures import UnknownEffect
from pipeline.tracker.model import News, TrackerPolicy
from tests.fakes.github import FakeGithub, running
from tests.sinks.github.reporting import Desk, Killed
from tests.sinks.github.support import HERE, Time
from tests.tracker.recorded import document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.tracker.delivering import Delivery
    from pipeline.tracker.model import Wanted


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Lend a repository without issues."""
    passing = Time()
    with running(FakeGithub(clock=passing.clock)) as github:
        yield Desk(github, passing)


def waiting(desk: Desk, incident: str = "inc-a") -> Delivery:
    """Return what is kept of an incident."""
    return desk.store.deliveries(HERE)[incident]


# --- budgets --------------------------------------------------------------------------------------


def test_budgets_hold_over_restarts(desk: Desk) -> None:
    """Each process would have had its own fifty writes a minute."""
    for number in range(25):
        desk.apply(desk.wanted(key=f"inc-{number}", news=(News("first", "It was seen."),)))
    writes = sorted(at for at in desk.store.pace("server").writes)
    assert len(writes) == 50
    began = desk.passing.now()
    desk.apply(desk.wanted(key="inc-51"))
    assert desk.passing.now() >= writes[0] + MINUTE > began


def test_a_circuit_that_is_open_outlasts_the_process(desk: Desk) -> None:
    """Nobody asks a GitHub that is down, before one trial."""
    desk.github.fail("* = 503")
    for _ in range(2):
        desk.apply(desk.wanted())
    assert desk.store.pace("server").closed_until > desk.passing.now()
    desk.github.faults.rules.clear()
    calls = len(desk.github.seen)
    began = desk.passing.now()
    assert desk.apply(desk.wanted()).failures == {}
    assert desk.passing.now() > began
    assert len(desk.github.seen) > calls
    assert desk.store.pace("server").failures == 0


# --- what waits -----------------------------------------------------------------------------------


def test_an_edit_that_waits_for_its_interval_stands_in_the_outbox(desk: Desk) -> None:
    """It failed at nothing; it says since when it waits and until when."""
    desk.apply(desk.wanted())
    edited = desk.passing.now()
    desk.later(MINUTE)
    applied = desk.apply(desk.wanted(body="Another."))
    assert (applied.failures, applied.done) == ({}, [])
    assert [*applied.postponed] == ["inc-a"]
    row = waiting(desk)
    assert (row.reason, row.attempts) == ("an edit waits for group_interval", 0)
    assert edited < row.since <= desk.passing.now() < row.not_before <= edited + 5 * MINUTE
    desk.later(MINUTE)
    desk.apply(desk.wanted(body="Another."))
    assert waiting(desk).since == row.since
    desk.later(5 * MINUTE)
    assert desk.apply(desk.wanted(body="Another.")).postponed == {}
    assert not waiting(desk).waits
    assert "Another." in (desk.issues[1].body or "")


def test_what_is_done_beside_an_edit_does_not_hide_that_it_waits(desk: Desk) -> None:
    """A label is set at once."""
    desk.apply(desk.wanted())
    desk.later(MINUTE)
    wanted = desk.wanted(body="Another.", labels=("fivewhys", "P0"))
    applied = desk.apply(wanted)
    assert [step.kind for step in applied.done] == ["label", "unlabel"]
    assert waiting(desk).waits
    desk.later()
    desk.apply(wanted)
    assert not waiting(desk).waits


def test_an_issue_that_may_still_appear_stands_in_the_outbox(desk: Desk) -> None:
    """Why it was not answered is said, and nobody waits for longer than a while."""
    desk.policy = TrackerPolicy(doubt=10 * MINUTE)
    desk.github.fail("issues/create #1 = 502")
    asked = desk.passing.now()
    assert isinstance(desk.apply(desk.wanted()).failures["inc-a"], UnknownEffect)
    assert desk.passing.now() < asked + 2 * MINUTE
    row = waiting(desk)
    assert row.attempts == 1
    assert "whether GitHub did it is not known" in row.reason
    assert row.not_before > desk.passing.now() + 5 * MINUTE
    desk.later(10 * MINUTE)
    assert desk.apply(desk.wanted()).failures == {}
    assert not waiting(desk).waits
    assert len(desk.issues) == 1


def test_what_a_killed_process_asked_for_stands_in_the_outbox(desk: Desk) -> None:
    """The next one does not ask again at once, and says so."""
    desk.policy = TrackerPolicy(doubt=10 * MINUTE)
    desk.github.fail("issues/create #1 = kill-before")
    with pytest.raises(Killed):
        desk.apply(desk.wanted())
    assert waiting(desk).waits
    desk.later(3 * MINUTE)
    applied = desk.apply(desk.wanted())
    assert applied.done == []
    assert "without an answer; it may still appear" in waiting(desk).reason
    desk.later(10 * MINUTE)
    desk.apply(desk.wanted())
    assert len(desk.issues) == 1


# --- what was seen --------------------------------------------------------------------------------


def test_comments_are_read_only_where_something_happened(desk: Desk) -> None:
    """Of any number of issues: those that changed since they were last looked at."""
    every = [desk.wanted(key=f"inc-{number}") for number in range(7)]
    desk.apply(*every)
    desk.later()
    desk.apply(*every)
    desk.later()
    assert listed(desk, every) == []
    desk.github.people.comment(HERE, 3, "It hurts.")
    assert listed(desk, every) == [3]
    desk.later()
    assert listed(desk, every) == [3]
    assert listed(desk, every) == []
    every[4] = replace(every[4], body="Another.")
    assert listed(desk, every) == [5]
    desk.policy = TrackerPolicy(reopen_window=HOUR)
    desk.later()
    assert listed(desk, every) == [*range(1, 8)]
    desk.later()
    assert listed(desk, every) == []


def listed(desk: Desk, every: Sequence[Wanted]) -> list[int]:
    """Report, and return the numbers of the issues whose comments were read."""
    before = len(desk.github.calls("issues/list-comments"))
    assert desk.apply(*every).failures == {}
    calls = desk.github.calls("issues/list-comments")[before:]
    return [int(call.path.split("/")[-2]) for call in calls]


def test_a_comment_of_the_same_second_is_not_missed(desk: Desk) -> None:
    """GitHub tells whole seconds: what just changed is looked at again."""
    desk.apply(desk.wanted())
    desk.apply(desk.wanted())
    desk.github.people.comment(HERE, 1, "It hurts.")
    assert listed(desk, [desk.wanted()]) == [1]


def test_a_second_issue_is_found_although_the_first_is_as_it_was(desk: Desk) -> None:
    """It bears the same marker."""
    wanted = desk.wanted()
    for _ in range(2):
        desk.apply(wanted)
        desk.later()
    desk.github.people.open_issue(HERE, "Again", desk.issues[1].body or "", ["fivewhys"])
    desk.later()
    assert desk.apply(wanted).failures == {}
    assert [issue.state for issue in desk.issues.values()] == ["open", "closed"]


def test_a_quiet_report_takes_a_few_requests(desk: Desk) -> None:
    """One for the repository, and one for a hundred issues, read twice as they are several."""
    every = [desk.wanted(key=f"inc-{number}") for number in range(101)]
    for _ in range(2):
        assert desk.apply(*every).failures == {}
        desk.later()
    before = len(desk.github.seen)
    assert desk.apply(*every).done == []
    assert [call.operation for call in desk.github.seen[before:]] == [
        "repos/get",
        *["issues/list-for-repo"] * 4,
    ]


def test_what_does_not_get_out_is_logged(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Once for each try, on one line, with which incident and why."""
    desk.github.fail("issues/create = 422")
    with caplog.at_level("WARNING"):
        desk.apply(desk.wanted())
    (said,) = caplog.messages
    assert said.startswith(f"inc-a waits for {HERE}: create an issue")
    assert said.isprintable()


@pytest.mark.parametrize("call", ["issues/update", "issues/create-comment"])
def test_what_is_left_to_do_elsewhere_is_not_forgotten(desk: Desk, call: str) -> None:
    """The issue of an absorbed incident is closed, though that of the other needs nothing."""
    desk.apply(desk.wanted(), desk.wanted(key="inc-b"))
    desk.later()
    survivor = desk.wanted(absorbed=("inc-b",), last_seen=0)
    desk.apply(desk.wanted(last_seen=0), desk.wanted(key="inc-b"))
    desk.later()
    desk.github.fail(f"{call} #1 = kill-before")
    with pytest.raises(Killed):
        desk.apply(survivor)
    desk.later()
    assert desk.apply(survivor).failures == {}
    assert (desk.issues[2].state, desk.said(desk.issues[2])) == ("closed", ["absorbed-0-inc-a"])


def test_people_are_heard_among_issues_that_are_as_they_were(desk: Desk) -> None:
    """Whose comments are not read; one of these can be named in a command."""
    every = [desk.wanted(), desk.wanted(key="inc-b")]
    desk.documents = {one.key: document().model_copy(update={"id": one.key}) for one in every}
    for _ in range(2):
        desk.apply(*every)
        desk.later()
    assert listed(desk, every) == []
    desk.github.people.comment(HERE, 1, "/fivewhys merge #2", by="maintainer")
    assert listed(desk, every) == [1]
    assert desk.said(desk.issues[1]) == ["answer-" + str(desk.issues[1].comments[0].id)]
    (verdict,) = desk.store.verdicts()
    assert (verdict.incident, verdict.other_incident) == ("inc-a", "inc-b")
