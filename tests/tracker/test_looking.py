"""What has to be looked at again, and what is as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipeline.tracker.locating import Survey
from pipeline.tracker.looking import FRESH, sight
from pipeline.tracker.marker import Signer
from pipeline.tracker.model import Gone, Issue, Known, News
from tests.tracker.support import NOW, POLICY, SIGNER, Tracker, wanted

LATER = NOW + 2 * FRESH


def filed() -> Tracker:
    """Return a tracker with the issues of two incidents."""
    tracker = Tracker()
    tracker.apply(wanted(), wanted("inc-b"))
    for number in (1, 2):
        tracker.change(number, updated_at=NOW)
    return tracker


def seen(tracker: Tracker, item: Any = None, now: int = LATER, **values: Any) -> str:
    """Return what is seen of the first incident."""
    told: dict[str, Any] = {"signer": SIGNER, "policy": POLICY} | values
    survey = Survey(tracker.issues.values(), tracker.ledger, told["signer"])
    return sight(item or wanted(), survey, told["policy"], now)


def test_what_did_not_change_is_the_same() -> None:
    """Also at another time, and whatever happens to other issues."""
    tracker = filed()
    first = seen(tracker)
    tracker.change(2, updated_at=LATER)
    assert seen(tracker, now=LATER + FRESH) == first != ""


CHANGES: dict[str, dict[str, Any]] = {
    "body": {"body": "Another."},
    "held": {"held": "silenced"},
    "news": {"news": (News("one", "A comment."),)},
    "absorbed": {"absorbed": ("inc-b",)},
    "children": {"children": ("inc-b",)},
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_wants_something_else_is_looked_at(change: str) -> None:
    """Whatever it is."""
    tracker = filed()
    assert seen(tracker, replace(wanted(), **CHANGES[change])) != seen(tracker)


def test_what_an_issue_is_now_is_looked_at() -> None:
    """It was changed, has another parent, is deleted, or somebody filed it twice."""
    tracker = filed()
    found = {seen(tracker)}
    tracker.change(1, updated_at=NOW + 1)
    found.add(seen(tracker))
    tracker.change(1, parent=2)
    found.add(seen(tracker))
    tracker.file(body=tracker.issues[1].body, updated_at=NOW)
    found.add(seen(tracker))
    tracker.issues = {1: Issue(1, gone=Gone.DELETED)}
    found.add(seen(tracker))
    tracker.ledger = {"inc-a": Known()}
    found.add(seen(tracker))
    assert len(found) == 6


def test_another_policy_or_key_looks_again() -> None:
    """They decide what is to be done, and what is ours; in which order names stand does not."""
    tracker = filed()
    logins = replace(POLICY, logins=frozenset({"a", "b"}))
    found = [
        seen(tracker),
        seen(tracker, policy=replace(POLICY, closes=True)),
        seen(tracker, policy=logins),
        seen(tracker, signer=Signer(b"another key of sixteen bytes", SIGNER.repository)),
        seen(tracker, signer=replace(SIGNER, former=(SIGNER,))),
    ]
    assert len({*found}) == 5


def test_what_just_changed_is_looked_at_again() -> None:
    """More may have happened in the same second; answers that wait change nothing."""
    tracker = filed()
    assert seen(tracker, now=NOW + FRESH - 1) == ""
    assert seen(tracker, now=NOW + FRESH) != ""
    answered = replace(wanted(), answers=(News("answer-1", "Done."),))
    assert seen(tracker, answered) == seen(tracker)
