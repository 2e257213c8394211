"""Flows: what stands there, a report, and how all has to be in the end whatever happens."""

from __future__ import annotations

from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from pipeline.incident import State
from pipeline.lifecycle import DAY, HOUR, MINUTE
from pipeline.stores.memory import MemoryStore
from pipeline.tracker.model import Kind, News, Wanted
from pipeline.tracker.ownership import NO_MORE
from tests.fakes.github import FakeGithub, Seen, running
from tests.fakes.github.state import Milestone
from tests.sinks.github.reporting import FINGERPRINT, OTHERS, Desk
from tests.sinks.github.support import HERE, Time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.ports import Store
    from tests.fakes.github.state import Issue


def nothing(_: Desk) -> None:
    """Check nothing more."""


@dataclass(frozen=True)
class Flow:
    """`prepare` makes what stands there and returns the report.

    In the end the issues with its marker are `numbers`; the one that it is about, `own`, is open or
    `closed`, says what it should and bears the comments of news and those with further `keys`, once
    each, and what `people` wrote in it is there; `also` checks the rest.
    """

    prepare: Callable[[Desk], Wanted]
    numbers: tuple[int, ...] = (1,)
    own: int = 1
    closed: bool = False
    keys: tuple[str, ...] = ()
    people: bool = True
    title: str = "A better title"
    also: Callable[[Desk], None] = nothing


def people_write(desk: Desk, number: int = 1) -> None:
    """Let people write before, behind and below what we wrote."""
    people, issue = desk.github.people, desk.issues[number]
    people.edit(HERE, number, f"{OTHERS}\n\n{issue.body}\n\n{OTHERS}")
    people.rename(HERE, number, "A better title")
    people.label(HERE, number, ["theirs"])
    people.comment(HERE, number, OTHERS)


def filed(desk: Desk, first: Wanted, span: int = HOUR) -> None:
    """File a first report, in which people write, and let time pass."""
    assert desk.apply(first).failures == {}
    people_write(desk)
    desk.later(span)


# --- an issue of its own --------------------------------------------------------------------------


def created(desk: Desk) -> Wanted:
    """Prepare nothing but a first report with a comment, and somebody to look after it."""
    since = "2026-01-01T00:00:00Z"
    desk.place.milestones.append(Milestone(1, 1, "Autumn", "admin", since))
    return desk.wanted(
        assignees=("maintainer",),
        milestone="Autumn",
        type="Bug",
        news=(News("first", "It was seen."),),
    )


def updated(desk: Desk) -> Wanted:
    """Prepare an issue in which people wrote, and another report with news."""
    first = desk.wanted()
    filed(desk, first)
    news = (News("update-1", "A new symptom."),)
    body = "## Problem\n\nThe second report."
    return replace(first, body=body, labels=("fivewhys", "P0"), news=news)


def corrected(desk: Desk) -> Wanted:
    """Prepare news that say something else now, and other people, labels and a type."""
    first = desk.wanted(assignees=("maintainer",), news=(News("one", "The first."),))
    filed(desk, first)
    return replace(
        first,
        state=State.QUIET,
        type="Bug",
        assignees=("triager",),
        labels=("fivewhys", "P2"),
        news=(News("one", "Put right."),),
    )


def is_corrected(desk: Desk) -> None:
    """Check labels, people and the comment."""
    issue = desk.issues[1]
    assert set(issue.labels) == {"fivewhys", "P2", "quiet", "theirs"}
    assert (issue.assignees, issue.type) == (["triager"], "Bug")
    assert sum("Put right." in one.body for one in issue.comments) == 1


def reopened(desk: Desk) -> Wanted:
    """Prepare an issue that people closed, and what is seen again."""
    filed(desk, desk.wanted(), 0)
    desk.github.people.close(HERE, 1)
    desk.later()
    return desk.wanted(state=State.REGRESSED, news=(News("back", "It is back."),))


def followed(desk: Desk) -> Wanted:
    """Prepare an issue that people closed so long ago that another one follows it."""
    filed(desk, desk.wanted(), 0)
    desk.github.people.close(HERE, 1)
    desk.later(8 * DAY)
    return desk.wanted(state=State.REGRESSED)


def is_followed(desk: Desk) -> None:
    """Check both."""
    first, second = desk.issues[1], desk.issues[2]
    assert (first.state, first.state_reason) == ("closed", "completed")
    assert "Follows #1." in (second.body or "")
    assert_people(first)


def closed(desk: Desk) -> Wanted:
    """Prepare an issue whose incident is resolved."""
    filed(desk, desk.wanted())
    news = (News("resolved", "It is resolved."),)
    return desk.wanted(state=State.RESOLVED, close=True, news=news)


def overflowing(desk: Desk) -> Wanted:
    """Prepare a report that needs comments to go on in, and grows."""
    filed(desk, desk.wanted(body=_long(70_000)))
    return desk.wanted(body=_long(140_000))


def shrunk(desk: Desk) -> Wanted:
    """Prepare a report that needed comments, and does not any more."""
    filed(desk, desk.wanted(body=_long(140_000)))
    return desk.wanted()


def is_shrunk(desk: Desk) -> None:
    """Check that the comments say so."""
    assert sum(NO_MORE in one.body for one in desk.issues[1].comments) == 2


def _long(size: int) -> str:
    return "\n\n".join(["## Problem", *("x" * 999 for _ in range(size // 1_000))])


def renamed(desk: Desk) -> Wanted:
    """Prepare another report to a repository that was renamed since."""
    first = desk.wanted()
    filed(desk, first)
    desk.github.people.rename_repository(HERE, "example/elsewhere")
    return replace(first, body="The second report.", news=(News("one", "More."),))


# --- people and other issues ----------------------------------------------------------------------


def doubled(desk: Desk) -> Wanted:
    """Prepare an issue that somebody filed once more."""
    first = desk.wanted()
    filed(desk, first, MINUTE)
    body = (desk.issues[1].body or "").replace(OTHERS, "")
    desk.github.people.open_issue(HERE, "The same again", f"{OTHERS}\n{body}", ["fivewhys"])
    return first


def is_doubled(desk: Desk) -> None:
    """Check that the second one says so, and keeps what people wrote."""
    second = desk.issues[2]
    assert (second.state, second.state_reason) == ("closed", "duplicate")
    assert desk.said(second) == ["duplicate"]
    assert OTHERS in (second.body or "")


def adopted(desk: Desk) -> Wanted:
    """Prepare an issue of people's to go on in, as it names the failure."""
    people, body = desk.github.people, f"{OTHERS}\n\n{FINGERPRINT}\n\n{OTHERS}"
    people.open_issue(HERE, "A better title", body, ["theirs"])
    people.comment(HERE, 1, OTHERS)
    desk.later(MINUTE)
    return desk.wanted(news=(News("one", "It was seen."),))


def commanded(desk: Desk) -> Wanted:
    """Prepare an issue in which people who may decide do, and others try."""
    first = desk.wanted()
    filed(desk, first, MINUTE)
    for login in ("admin", "stranger"):
        desk.github.people.comment(HERE, 1, "/fivewhys silence 7d", by=login)
    desk.github.people.label(HERE, 1, ["fivewhys:silence-30d"])
    return first


def is_commanded(desk: Desk) -> None:
    """Check that what was decided is kept once, and answered once."""
    given = [(one.kind, one.by) for one in desk.store.verdicts()]
    assert sorted(given) == [("silence", "@admin"), ("silence", "@maintainer")]
    issue = desk.issues[1]
    asked = next(one.id for one in issue.comments if one.user == "admin")
    answers = [key for key in desk.said(issue) if key.startswith("answer-")]
    assert len(answers) == 2
    assert f"answer-{asked}" in answers


def stormy(desk: Desk) -> Wanted:
    """Prepare two issues that turn out to be one storm."""
    filed(desk, desk.wanted())
    others = [desk.wanted(key=key) for key in ("inc-b", "inc-c")]
    assert desk.apply(*others).failures == {}
    desk.later()
    return desk.wanted(children=("inc-b", "inc-c"))


def is_stormy(desk: Desk) -> None:
    """Check that both are sub-issues, once."""
    assert desk.issues[1].sub_issues == [desk.issues[2].id, desk.issues[3].id]


def absorbing(desk: Desk) -> Wanted:
    """Prepare two issues of which one turns out to be about the other."""
    filed(desk, desk.wanted())
    assert desk.apply(desk.wanted(key="inc-b")).failures == {}
    people_write(desk, 2)
    desk.later()
    return desk.wanted(absorbed=("inc-b",))


def is_absorbed(desk: Desk) -> None:
    """Check that the other one is closed as a duplicate, says so once, and lost nothing."""
    other = desk.issues[2]
    assert (other.state, other.state_reason) == ("closed", "duplicate")
    assert other.duplicate_of == desk.issues[1].id
    assert len(desk.said(other)) == 1
    assert_people(other)


FLOWS: dict[str, Flow] = {
    "create": Flow(created, people=False, title="[P1] backend: tables are missing"),
    "update": Flow(updated),
    "correct": Flow(corrected, also=is_corrected),
    "reopen": Flow(reopened),
    "follow": Flow(
        followed,
        (1, 2),
        own=2,
        people=False,
        title="[P1] backend: tables are missing",
        also=is_followed,
    ),
    "close": Flow(closed, closed=True),
    "overflow": Flow(overflowing, keys=("overflow-1", "overflow-2")),
    "shrink": Flow(shrunk, keys=("overflow-1", "overflow-2"), also=is_shrunk),
    "rename": Flow(renamed),
    "duplicate": Flow(doubled, (1, 2), also=is_doubled),
    "adopt": Flow(adopted),
    "command": Flow(commanded, also=is_commanded),
    "storm": Flow(stormy, also=is_stormy),
    "absorb": Flow(absorbing, also=is_absorbed),
}


# --- what has to hold -----------------------------------------------------------------------------


def check(desk: Desk, name: str, wanted: Wanted, *, wholly: bool = True) -> None:
    """Check that all is as it should, whatever happened on the way.

    Not `wholly`: that there is no second issue, and that nothing is left to do.
    """
    flow = FLOWS[name]
    desk.later(2 * HOUR)
    applied, plan = desk.use(lambda one: (one.apply(lambda: [wanted]), one.plan([wanted])))
    assert applied.failures == {}
    assert [step for step in plan.steps if step.kind is not Kind.LEAVE] == []
    assert [one for one in desk.store.deliveries(HERE).values() if one.waits] == []
    numbers = tuple(one.number for one in desk.of("inc-a"))
    assert len(numbers) == len(flow.numbers)
    if not wholly:
        return
    assert numbers == flow.numbers
    issue = desk.issues[flow.own]
    assert issue.state == ("closed" if flow.closed else "open")
    assert issue.title == flow.title
    assert "overflow-1" in flow.keys or wanted.body in (issue.body or "").replace("\r", "")
    keys = [key for key in desk.said(issue) if not key.startswith("answer-")]
    assert sorted(keys) == sorted([*flow.keys, *(item.key for item in wanted.news)])
    if flow.people:
        assert_people(issue)
    flow.also(desk)


def assert_people(issue: Issue) -> None:
    """Assert that nothing of people's was lost."""
    assert (issue.body or "").count(OTHERS) == 2
    assert [one.body for one in issue.comments].count(OTHERS) == 1
    assert issue.title == "A better title"
    assert "theirs" in issue.labels


# --- each in a place of its own -------------------------------------------------------------------


@cache
def prepared(flow: str) -> tuple[Desk, Wanted]:
    """Return what stands there before the last report of a flow, and that."""
    passing = Time()
    with running(FakeGithub(clock=passing.clock)) as github:
        desk = Desk(github, passing)
        return desk, FLOWS[flow].prepare(desk)


@contextmanager
def begun(flow: str) -> Iterator[tuple[Desk, Wanted]]:
    """Lend a copy of it, of its own."""
    before, wanted = prepared(flow)
    passing = deepcopy(before.passing)
    state = deepcopy(before.github.state)
    with running(FakeGithub(state, passing.clock)) as github:
        yield replace(before, github=github, passing=passing, store=copied(before.store)), wanted


def copied(store: Store) -> Store:
    """Return another store with the same deliveries."""
    other = MemoryStore()
    for incident, delivery in store.deliveries(HERE).items():
        other.deliver(HERE, incident, delivery)
    return other


@cache
def calls_of(flow: str) -> tuple[Seen, ...]:
    """Return the requests of the last report of a flow when nothing goes wrong."""
    with begun(flow) as (desk, wanted):
        desk.apply(wanted)
        return tuple(desk.github.seen)
