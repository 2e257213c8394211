"""A budget of new issues: what is opened first, and what waits."""

from __future__ import annotations

import pytest

from pipeline.incident import State
from pipeline.tracker.model import Kind, Step, TrackerPolicy
from tests.tracker.support import DAY, NOW, POLICY, Tracker, known, wanted

TWO = TrackerPolicy(new_issues=2)
ONE = TrackerPolicy(new_issues=1)


def opened(steps: tuple[Step, ...]) -> list[str]:
    """Return the incidents for which an issue is created."""
    return [step.incident for step in steps if step.kind is Kind.CREATE]


def test_no_more_are_opened_within_a_day() -> None:
    """The rest waits, with the reason and until when; then the next ones come."""
    tracker = Tracker(TWO)
    items = [wanted(f"inc-{name}") for name in "abcde"]
    assert opened(tracker.apply(*items)) == ["inc-a", "inc-b"]
    steps = tracker.plan(*items)
    assert opened(steps) == []
    left = [(step.incident, step.reason, step.due) for step in steps if step.due]
    reason = "2 new issues within a day are as many as may be opened"
    assert left == [(f"inc-{name}", reason, NOW + DAY) for name in "cde"]
    tracker.now += DAY - 1
    assert opened(tracker.plan(*items)) == []
    tracker.now += 1
    assert opened(tracker.apply(*items)) == ["inc-c", "inc-d"]
    tracker.now += DAY
    assert opened(tracker.apply(*items)) == ["inc-e"]


def test_without_one_all_are_opened() -> None:
    """That is the default."""
    items = [wanted(f"inc-{number}") for number in range(30)]
    assert len(opened(Tracker().apply(*items))) == 30


def test_what_goes_on_and_is_urgent_is_opened_first() -> None:
    """A storm before the incidents of which it is made; what is over comes last."""
    items = [
        wanted("inc-over", state=State.QUIET, urgency=0),
        wanted("inc-low", urgency=3),
        wanted("inc-high", urgency=1),
        wanted("storm-high", urgency=1, children=("inc-high",)),
    ]
    order = []
    tracker = Tracker(ONE)
    for _ in items:
        order += opened(tracker.apply(*items))
        tracker.now += DAY
    assert order == ["storm-high", "inc-high", "inc-low", "inc-over"]


def test_issues_that_are_there_are_kept_up_whatever_the_budget_says() -> None:
    """And opened again: that makes no new one."""
    tracker = Tracker(ONE)
    tracker.apply(wanted("inc-a"))
    tracker.now += 10 * DAY
    tracker.apply(wanted("inc-a"), wanted("inc-b"))
    assert len(tracker.issues) == 2
    changed = wanted("inc-a", body="It went on.")
    assert [step.kind for step in tracker.plan(changed)] == [Kind.EDIT]


@pytest.mark.parametrize(("asked", "more"), [(NOW - 1, []), (NOW - DAY, ["inc-b"])])
def test_what_was_asked_for_without_an_answer_counts(asked: int, more: list[str]) -> None:
    """It may be there; so nobody opens two in its place."""
    tracker = Tracker(ONE, ledger={"inc-a": known(0, asked_at=asked)})
    assert opened(tracker.plan(wanted("inc-b"))) == more


def test_one_that_people_copied_our_text_into_does_not_count() -> None:
    """It is none of ours."""
    tracker = Tracker(TWO)
    tracker.apply(wanted("inc-a"))
    tracker.now += POLICY.group_interval
    edited = wanted("inc-a", body="It went on.")
    tracker.apply(edited)
    tracker.file(body=tracker.issues[1].body)
    assert opened(tracker.plan(edited, wanted("inc-b"))) == ["inc-b"]


def test_the_failure_that_comes_back_late_waits_as_well() -> None:
    """Its closed issue stays as it is meanwhile."""
    tracker = Tracker(ONE)
    tracker.apply(wanted("inc-a"))
    tracker.close(1)
    tracker.now += 20 * DAY
    tracker.apply(wanted("inc-b"))
    (step,) = tracker.plan(wanted("inc-a", last_seen=tracker.now))
    assert (step.kind, step.number, step.due) == (Kind.LEAVE, 1, tracker.now + DAY)
