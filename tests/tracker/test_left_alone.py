"""What is still done where an issue is left alone, and what waits for its time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.audit import SECOND
from pipeline.lifecycle import MINUTE
from pipeline.tracker.delivering import Delivery
from pipeline.tracker.model import Closing, Kind, Known, News, TrackerPolicy
from pipeline.tracker.planning import plan
from tests.tracker.support import DAY, NOW, POLICY, SIGNER, Tracker, known, wanted

ANSWER = News("answer-7", "It is silenced.")
HELD = "silenced until tomorrow"


def filed(policy: TrackerPolicy = POLICY) -> Tracker:
    """Return a tracker with the issue of an incident, an hour later."""
    tracker = Tracker(policy)
    tracker.apply(wanted())
    tracker.now += 60 * MINUTE
    return tracker


def test_what_is_held_back_is_left_alone() -> None:
    """Whatever it wants, and whatever it absorbed or is a storm of; the reason is said."""
    tracker = filed()
    tracker.apply(wanted(), wanted("inc-b"))
    item = wanted(
        body="Another.",
        labels=("P0",),
        news=(News("one", "New."),),
        absorbed=("inc-b",),
        children=("inc-b",),
        held=HELD,
    )
    (step,) = tracker.plan(item)
    assert (step.kind, step.number, step.reason, step.due) == (Kind.LEAVE, 1, HELD, 0)


def test_what_is_held_back_has_no_issue_made() -> None:
    """Not even where somebody waits for one to appear."""
    tracker = Tracker()
    for one in (Known(), Known(asked_at=NOW)):
        tracker.ledger = {"inc-a": one}
        (step,) = tracker.plan(wanted(held=HELD, answers=(ANSWER,)))
        assert (step.kind, step.reason, step.due) == (Kind.LEAVE, HELD, 0)


@pytest.mark.parametrize("why", ["held", "not planned", "over", "open"])
def test_people_are_answered_once_whatever_becomes_of_an_issue(why: str) -> None:
    """Nothing else is written because of that."""
    tracker = filed()
    item = wanted(answers=(ANSWER,), held=HELD if why == "held" else "")
    if why in {"not planned", "over"}:
        tracker.close(1, Closing.NOT_PLANNED if why == "not planned" else Closing.COMPLETED)
    before = replace(tracker.issues[1], comments=())
    steps = tracker.apply(item)
    assert [step.kind for step in steps if step.kind is not Kind.LEAVE] == [Kind.COMMENT]
    assert steps[0].reason == "people asked"
    assert "It is silenced." in tracker.bodies(1)[0]
    assert replace(tracker.issues[1], comments=()) == before
    assert [step.kind for step in tracker.plan(item)] == [Kind.LEAVE]


def test_nobody_is_answered_in_a_locked_issue() -> None:
    """There nobody may."""
    tracker = filed()
    tracker.change(1, locked=True)
    assert [step.kind for step in tracker.plan(wanted(held=HELD, answers=(ANSWER,)))] == ["leave"]


def test_an_answer_brings_no_edit_forward() -> None:
    """It is no news; the edit waits, and says until when."""
    tracker = filed()
    tracker.apply(wanted(body="Second."))
    tracker.now += MINUTE
    comment, left = tracker.plan(wanted(body="Third.", answers=(ANSWER,)))
    assert comment.kind is Kind.COMMENT
    assert left.kind is Kind.LEAVE
    assert left.due == tracker.now - MINUTE + POLICY.group_interval


def test_what_may_still_appear_says_until_when() -> None:
    """Then it is asked for again."""
    tracker = Tracker()
    tracker.ledger = {"inc-a": known(0, asked_at=NOW)}
    (step,) = tracker.plan(wanted())
    assert (step.kind, step.due) == (Kind.LEAVE, NOW + POLICY.doubt)
    tracker.now = step.due
    (step,) = tracker.plan(wanted())
    assert (step.kind, step.due) == (Kind.CREATE, 0)


def test_what_is_the_same_needs_no_comments() -> None:
    """It is left alone; others see its issue all the same."""
    tracker = filed()
    tracker.apply(wanted(), wanted("inc-b"))
    tracker.change(1, comments=None)
    same = frozenset({"inc-a"})
    storm = wanted("inc-s", children=("inc-a", "inc-b"))
    steps = plan(
        [wanted(absorbed=("inc-x",)), wanted("inc-b"), storm],
        tracker.issues.values(),
        tracker.ledger,
        tracker.now,
        POLICY,
        signer=SIGNER,
        same=same,
    )
    assert [step.kind for step in steps if step.incident == "inc-a"] == [Kind.LEAVE]
    added = {step.other: step.other_number for step in steps if step.kind is Kind.SUB_ISSUE}
    assert added == {"inc-a": 1, "inc-b": 2}


def test_how_often_is_flapping_can_be_said() -> None:
    """Once, in a house without patience."""
    tracker = filed(replace(POLICY, flapping=1))
    tracker.close(1)
    tracker.now += DAY
    tracker.apply(wanted(last_seen=tracker.now))
    assert "flapping" in tracker.issues[1].labels


def test_what_waits_for_its_time_was_not_tried_in_vain() -> None:
    """It waits since it began to."""
    first = Delivery(seen="abc").postponed(NOW, "an edit waits", NOW + MINUTE)
    assert (first.since, first.attempts, first.not_before) == (NOW, 0, NOW + MINUTE)
    assert (first.reason, first.seen) == ("an edit waits", "")
    again = first.postponed(NOW + SECOND, "an edit waits", NOW + MINUTE)
    assert again.since == NOW
    assert not again.done("told", "seen").waits
