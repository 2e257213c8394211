"""Another key signs: what the former one signed is ours where it is named, and left alone else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.lifecycle import HOUR
from pipeline.stores.memory import MemoryStore
from pipeline.tracker.model import Kind, News
from tests.fakes.github import FakeGithub, running
from tests.sinks.github.reporting import FINGERPRINT, KEY, Desk
from tests.sinks.github.support import HERE, Time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.tracker.delivering import Delivery

OTHER = KEY[::-1]
SETTING = "add it to FIVEWHYS_MARKER_KEY_FORMER"


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Lend a repository with an issue, after which the key was changed."""
    passing = Time()
    with running(FakeGithub(clock=passing.clock)) as github:
        desk = Desk(github, passing)
        desk.apply(desk.wanted(news=(News("first", "It was seen."),)))
        desk.key = OTHER
        desk.later()
        yield desk


def kept(desk: Desk, incident: str = "inc-a") -> Delivery:
    """Return what is kept of an incident."""
    return desk.store.deliveries(HERE)[incident]


def test_without_the_former_key_an_issue_is_left_alone(desk: Desk) -> None:
    """It stands in the outbox with the setting as its reason, and news wait for that."""
    body, labels = desk.issues[1].body, desk.issues[1].labels
    more = desk.wanted(body="More.", labels=("fivewhys", "P0"), news=(News("two", "New."),))
    for wanted in (more, desk.wanted(body="Even more.")):
        applied = desk.apply(wanted)
        assert (applied.done, applied.failures) == ([], {})
        assert SETTING in applied.postponed["inc-a"].reason
        assert (kept(desk).waits, kept(desk).attempts) == (True, 0)
        assert SETTING in kept(desk).reason
        desk.later()
    assert (desk.issues[1].body, desk.issues[1].labels) == (body, labels)
    assert len(desk.issues[1].comments) == 1
    desk.former = (KEY,)
    applied = desk.apply(desk.wanted(body="Even more."))
    assert [step.kind for step in applied.done] == [Kind.EDIT, Kind.COMMENT]
    assert (desk.said(desk.issues[1]), kept(desk).waits) == (["two"], False)


def test_with_the_former_key_all_goes_on(desk: Desk) -> None:
    """The next edit signs anew, so that the former key may go then; there is one part of ours."""
    desk.former = (KEY,)
    first = desk.wanted(news=(News("first", "It was seen."),))
    assert desk.plan(first) == []
    more = desk.wanted(body="More.", news=(News("first", "It was seen, and again."),))
    assert desk.apply(more).failures == {}
    assert (desk.issues[1].body or "").count("<!-- fivewhys:") == 2
    assert [one.number for one in desk.of("inc-a")] == [1]
    assert desk.said(desk.issues[1]) == ["first"]
    desk.former = ()
    assert desk.plan(more) == []
    desk.later()
    assert desk.apply(desk.wanted(body="Even more.")).failures == {}
    assert (desk.issues[1].body or "").count("<!-- fivewhys:") == 2


def test_a_ledger_that_was_lost_with_the_key_is_a_beginning(desk: Desk) -> None:
    """What nobody knows and another key signed is not ours, be it that it names the incident."""
    desk.github.people.edit(HERE, 1, f"{desk.issues[1].body}\n\n{FINGERPRINT}")
    body = desk.issues[1].body
    desk.store = MemoryStore()
    assert desk.apply(desk.wanted()).failures == {}
    assert [one.number for one in desk.of("inc-a")] == [2]
    assert desk.issues[1].body == body
    desk.former, desk.store = (KEY,), MemoryStore()
    assert desk.apply(desk.wanted()).failures == {}
    assert [desk.issues[number].state for number in (1, 2)] == ["open", "closed"]


def test_an_absorbed_incident_waits_for_the_key(desk: Desk) -> None:
    """However often that is looked at; then its issue is closed."""
    wanted = desk.wanted(key="inc-b", absorbed=("inc-a",))
    for _ in range(3):
        assert desk.apply(wanted).failures == {}
        assert (desk.issues[1].state, len(desk.issues[1].comments)) == ("open", 1)
        assert kept(desk).waits
        assert SETTING in kept(desk).reason
        desk.later(HOUR)
    desk.former = (KEY,)
    assert desk.apply(wanted).failures == {}
    assert (desk.issues[1].state, desk.issues[1].state_reason) == ("closed", "duplicate")
    assert not kept(desk).waits
