"""The ledger was lost, and what is read again begins later: its failure finds the issue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.lifecycle import DAY
from pipeline.stores.memory import MemoryStore
from pipeline.tracker.model import Kind
from tests.fakes.github import FakeGithub, running
from tests.sinks.github.reporting import OTHERS, Desk
from tests.sinks.github.support import HERE, Time
from tests.tracker.recorded import document

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pipeline.tracker.delivering import Delivery
    from pipeline.tracker.model import Wanted

FORGOTTEN = "inc-a"
DOCUMENTS = {name: document(name) for name in (FORGOTTEN, "inc-b", "inc-c")}


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Lend a repository with an issue, around which people wrote, and no ledger any more."""
    passing = Time()
    with running(FakeGithub(clock=passing.clock)) as github:
        desk = Desk(github, passing, documents=DOCUMENTS)
        desk.apply(desk.wanted())
        github.people.edit(HERE, 1, f"{OTHERS}\n\n{desk.issues[1].body}\n\n{OTHERS}")
        desk.later()
        desk.store = MemoryStore()
        yield desk


def later(desk: Desk, key: str = "inc-b", signature: str = "missing-table") -> Wanted:
    """Return what an incident wants that began later."""
    return desk.wanted(key=key, signature=signature, body="What was seen since.")


def test_it_is_gone_on_in(desk: Desk) -> None:
    """Our part is another one, with its own marker; what people wrote stays; nothing is left."""
    applied = desk.apply(later(desk))
    assert [step.kind for step in applied.done] == [Kind.EDIT]
    (issue,) = desk.issues.values()
    body = issue.body or ""
    assert (body.count(OTHERS), body.count("<!-- fivewhys:")) == (2, 2)
    assert "What was seen since." in body
    assert "The first report." not in body
    assert (desk.of("inc-b"), desk.of(FORGOTTEN)) == ([issue], [])
    desk.later()
    assert desk.plan(later(desk)) == []


def test_with_the_same_text_its_marker_is_the_new_one(desk: Desk) -> None:
    """Else the next loss of the ledger would find the wrong incident there."""
    desk.apply(desk.wanted(key="inc-b"))
    assert ([one.number for one in desk.of("inc-b")], desk.of(FORGOTTEN)) == ([1], [])


@pytest.mark.parametrize("signature", ["another-failure", ""])
def test_another_failure_has_an_issue_of_its_own(desk: Desk, signature: str) -> None:
    """Also if nobody knows what it is about."""
    desk.apply(later(desk, signature=signature))
    assert [one.number for one in desk.of("inc-b")] == [2]


def test_its_own_incident_comes_first(desk: Desk) -> None:
    """What is read again has it: then the other one is another incident."""
    desk.apply(desk.wanted(), later(desk))
    assert [one.number for one in desk.of(FORGOTTEN)] == [1]
    assert [one.number for one in desk.of("inc-b")] == [2]


def test_an_absorbed_one_is_no_orphan(desk: Desk) -> None:
    """Its issue is closed as a duplicate of the survivor's."""
    wanted = desk.wanted(key="inc-b", absorbed=(FORGOTTEN,))
    desk.apply(wanted)
    assert [one.number for one in desk.of("inc-b")] == [2]
    assert desk.issues[1].state_reason == "duplicate"


def test_one_that_is_known_keeps_its_issue(desk: Desk) -> None:
    """The same failure again, of which the ledger knows the first incident: two issues."""
    desk.apply(desk.wanted())
    desk.apply(later(desk))
    assert [one.number for one in desk.of("inc-b")] == [2]


class Away(MemoryStore):
    """Keeps the incident of the issue, put away: it is told of only where somebody asks for it."""

    def deliveries(self, tracker: str, also: Collection[str] = ()) -> dict[str, Delivery]:
        """Return all others, and it if it is asked for."""
        found = super().deliveries(tracker, also)
        return {key: one for key, one in found.items() if key != FORGOTTEN or key in also}


def test_one_that_is_put_away_is_not_forgotten(desk: Desk) -> None:
    """The same failure weeks later is another incident, with an issue of its own."""
    desk.store = Away()
    desk.apply(desk.wanted())
    desk.apply(later(desk))
    assert [one.number for one in desk.of("inc-b")] == [2]
    assert [one.number for one in desk.of(FORGOTTEN)] == [1]


def test_of_two_the_latest_goes_on(desk: Desk) -> None:
    """The other one is opened: one issue is never about two incidents."""
    first = desk.wanted(key="inc-c", last_seen=desk.passing.now() - DAY)
    desk.apply(first, later(desk))
    assert [one.number for one in desk.of("inc-b")] == [1]
    assert [one.number for one in desk.of("inc-c")] == [2]


def test_what_people_did_not_plan_is_left_alone(desk: Desk) -> None:
    """They closed it about this failure; that the store was lost changes nothing."""
    desk.github.people.close(HERE, 1, "not_planned")
    desk.later()
    desk.apply(later(desk))
    assert [*desk.issues] == [1]
    assert desk.issues[1].state == "closed"


def test_the_open_one_is_gone_on_in(desk: Desk) -> None:
    """Of several about the same failure, whose incidents nobody knows."""
    desk.github.people.close(HERE, 1, "completed")
    desk.later(30 * DAY)
    desk.apply(later(desk, "inc-c"))
    assert [one.number for one in desk.of("inc-c")] == [2]
    desk.store = MemoryStore()
    desk.later()
    desk.apply(later(desk))
    assert [one.number for one in desk.of("inc-b")] == [2]
    assert desk.issues[1].state == "closed"


def test_another_key_signed_it(desk: Desk) -> None:
    """Then nobody can say that it is ours."""
    body = desk.issues[1].body
    desk.key = desk.key[::-1]
    desk.apply(later(desk))
    assert [one.number for one in desk.of("inc-b")] == [2]
    assert desk.issues[1].body == body
