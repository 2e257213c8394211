"""What is still done where an issue is left alone, and what waits for its time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.audit import SECOND
from pipeline.incident import State
from pipeline.lifecycle import MINUTE
from pipeline.tracker.delivering import Delivery
from pipeline.tracker.marker import Signer
from pipeline.tracker.model import Closing, Kind, Known, News, Step, TrackerPolicy, Wanted
from pipeline.tracker.ownership import parts_of
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


# --- another key ----------------------------------------------------------------------------------

OTHER = Signer(b"another key of sixteen bytes", SIGNER.repository)
ANEW = replace(OTHER, former=(SIGNER,))


def signed_by(tracker: Tracker, signer: Signer, *items: Wanted) -> tuple[Step, ...]:
    """Return the plan of who signs so."""
    issues = tracker.issues.values()
    return plan(items, issues, tracker.ledger, tracker.now, tracker.policy, signer=signer)


def test_an_issue_that_another_key_signed_is_left_alone() -> None:
    """Whatever it wants, once, with what brings it back; it waits, and answers are still made."""
    tracker = filed()
    item = wanted(body="Another.", labels=("P0",), news=(News("one", "New."),), answers=(ANSWER,))
    answer, step = signed_by(tracker, OTHER, item)
    assert (answer.kind, answer.key) == (Kind.COMMENT, ANSWER.key)
    assert (step.kind, step.number, step.waits, step.due) == (Kind.LEAVE, 1, True, 0)
    assert step.reason.endswith(
        "signed what we wrote into #1: add it to FIVEWHYS_MARKER_KEY_FORMER"
    )
    assert [one.kind for one in signed_by(tracker, ANEW, item)][:2] == [Kind.EDIT, Kind.COMMENT]
    (held,) = signed_by(tracker, OTHER, wanted(held=HELD))
    assert (held.reason, held.waits) == (HELD, False)


def test_nothing_waits_for_a_key_where_nothing_is_to_be_done() -> None:
    """The incident is over, and its issue closed; seen again, it does."""
    tracker = filed()
    tracker.close(1)
    (step,) = signed_by(tracker, OTHER, wanted(state=State.RESOLVED))
    assert (step.reason, step.waits) == ("closed, and the incident is resolved", False)
    (step,) = signed_by(tracker, OTHER, wanted(last_seen=tracker.now + DAY))
    assert (step.kind, step.waits) == (Kind.LEAVE, True)


def test_a_former_key_is_replaced_with_the_next_edit() -> None:
    """Until then it counts, and people's text stays."""
    tracker = filed()
    tracker.edit(1, lambda body: f"Before.\n{body}\nBehind.")
    assert [one.kind for one in signed_by(tracker, ANEW, wanted())] == [Kind.LEAVE]
    (step,) = signed_by(tracker, ANEW, wanted(body="Another."))
    tracker.take(step)
    body = tracker.issues[1].body
    assert (parts_of(body, SIGNER), len(parts_of(body, OTHER))) == ((), 1)
    assert body.startswith("Before.\n<!--")
    assert body.endswith("-->\nBehind.")
    assert body.count("<!--") == 2


def test_an_unknown_issue_that_another_key_signed_is_not_ours() -> None:
    """Nor is one that is known and bears the marker of something else, or none."""
    tracker = filed()
    tracker.ledger.clear()
    assert [one.kind for one in signed_by(tracker, OTHER, wanted())] == [Kind.CREATE]
    tracker.ledger = {"inc-a": known(1)}
    tracker.edit(1, lambda body: body.replace("inc-a", "inc-b"))
    (step, *_) = signed_by(tracker, OTHER, wanted())
    assert step.kind is Kind.EDIT


def test_an_absorbed_incidents_issue_that_another_key_signed_stays_open() -> None:
    """It waits, too, and says why; nor is it put below a storm, or closed for one elsewhere."""
    tracker = Tracker()
    tracker.apply(wanted("inc-b"))
    item = wanted(absorbed=("inc-b",))
    step = signed_by(tracker, OTHER, item)[-1]
    assert (step.kind, step.incident, step.number, step.waits) == (Kind.LEAVE, "inc-b", 1, True)
    assert [one.kind for one in signed_by(tracker, ANEW, item)][1:] == [
        Kind.LINK_DUPLICATE,
        Kind.COMMENT,
    ]
    storm = signed_by(tracker, OTHER, wanted("inc-s", children=("inc-b",)))
    assert [one.kind for one in storm] == [Kind.CREATE]
    (left,) = signed_by(tracker, OTHER, wanted("inc-b", held=HELD, elsewhere="`inc-c`"))
    assert left.kind is Kind.LEAVE
    tracker.close(1)
    assert [one.kind for one in signed_by(tracker, OTHER, item)] == [Kind.CREATE]
