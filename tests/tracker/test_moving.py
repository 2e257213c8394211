"""An incident that became part of one whose issue is in another repository."""

from __future__ import annotations

import pytest

from pipeline.tracker.model import Closing, Kind
from pipeline.tracker.planning import plan
from pipeline.tracker.wanting import farewell
from tests.tracker.support import SIGNER, Tracker, wanted

GONE = farewell("inc-a", "inc-s", "example/auth", 7)


@pytest.fixture
def tracker() -> Tracker:
    """Return one in which the incident has an issue."""
    made = Tracker()
    made.apply(wanted())
    return made


def test_its_issue_is_closed_and_says_so(tracker: Tracker) -> None:
    """Once; its title and report stay."""
    before = tracker.issues[1]
    close, comment = tracker.apply(GONE)
    assert (close.kind, comment.kind) == (Kind.CLOSE, Kind.COMMENT)
    assert close.reason == "became part of inc-s, whose issue is example/auth#7"
    issue = tracker.issues[1]
    assert (issue.is_open, issue.state_reason) == (False, Closing.DUPLICATE)
    assert (issue.title, issue.body, issue.labels) == (before.title, before.body, before.labels)
    assert "`inc-a` became part of `inc-s`, whose issue is example/auth#7." in tracker.bodies(1)[0]
    (left,) = tracker.plan(GONE)
    assert (left.kind, left.reason) == (Kind.LEAVE, close.reason)


def test_what_people_open_again_stays_open(tracker: Tracker) -> None:
    """It is not closed twice, also where people deleted the comment."""
    tracker.apply(GONE)
    tracker.change(1, is_open=True, state_reason="reopened", comments=())
    assert [step.kind for step in tracker.plan(GONE)] == [Kind.LEAVE]


@pytest.mark.parametrize("steps", [0, 1])
@pytest.mark.parametrize("has_effect", [True, False])
def test_an_interruption_repeats_nothing(
    tracker: Tracker,
    steps: int,
    has_effect: bool,  # noqa: FBT001 - a column of a table
) -> None:
    """Wherever it comes."""
    tracker.interrupted([GONE], steps, has_effect=has_effect)
    tracker.apply(GONE)
    assert (tracker.issues[1].is_open, len(tracker.bodies(1))) == (False, 1)
    assert [step.kind for step in tracker.plan(GONE)] == [Kind.LEAVE]


def test_what_people_closed_or_locked_is_left_alone(tracker: Tracker) -> None:
    """They said why."""
    tracker.close(1, Closing.NOT_PLANNED)
    assert [step.kind for step in tracker.plan(GONE)] == [Kind.LEAVE]
    tracker.change(1, is_open=True, state_reason="", locked=True)
    assert [step.kind for step in tracker.plan(GONE)] == [Kind.LEAVE]


def test_what_is_the_same_or_not_there_is_left_alone(tracker: Tracker) -> None:
    """As with any other."""
    issues, ledger, now = tracker.issues.values(), tracker.ledger, tracker.now
    same = frozenset({"inc-a"})
    steps = plan([GONE], issues, ledger, now, tracker.policy, signer=SIGNER, same=same)
    assert [step.kind for step in steps] == [Kind.LEAVE]
    assert [step.kind for step in Tracker().plan(GONE)] == [Kind.LEAVE]


def test_an_incident_of_its_own_again_is_opened_again(tracker: Tracker) -> None:
    """When people part the two."""
    tracker.apply(GONE)
    assert "reopen" in tracker.kinds(tracker.apply(wanted()))
    assert tracker.issues[1].is_open
    tracker.apply(GONE)
    assert (tracker.issues[1].is_open, len(tracker.bodies(1))) == (False, 2)
