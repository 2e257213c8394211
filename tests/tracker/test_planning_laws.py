"""What holds of plans whatever people do to the issues in between, and wherever we are killed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.incident import State
from pipeline.tracker.marker import Side
from pipeline.tracker.model import OVER, Closing, Kind, News, TrackerPolicy, Wanted
from pipeline.tracker.ownership import parts_of
from pipeline.tracker.planning import plan
from tests.tracker.support import DAY, NOW, SIGNER, Tracker, wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

KEYS = ("inc-a", "inc-b", "storm")
LONG = "\n".join(f"{number:1000}" for number in range(66))

BLOCKS = ("## Next", "- [ ] look\n- [ ] mend", "```text\nraw\n\nmore\n```", "It failed.")

bodies = st.lists(
    st.sampled_from([*BLOCKS, "a", "b", "c", "LONG"]),
    min_size=1,
    max_size=4,
).map("\n\n".join)


def grown(items: Sequence[Wanted]) -> list[Wanted]:
    """Return incidents with the long texts that they stand for, which no failing case shows."""
    return [
        replace(
            item,
            body=item.body.replace("LONG", LONG),
            news=tuple(News(one.key, one.text.replace("LONG", LONG)) for one in item.news),
        )
        for item in items
    ]


@st.composite
def incidents(draw: st.DrawFn) -> list[Wanted]:
    """Draw what incidents want at one time."""
    keys = draw(st.lists(st.sampled_from(KEYS), unique=True, min_size=1))
    left = tuple(key for key in KEYS[:2] if key not in keys)
    return [
        wanted(
            key,
            title=draw(st.sampled_from(["one", "two"])),
            body=draw(bodies),
            state=draw(st.sampled_from(State)),
            signature=draw(st.sampled_from(["same", "same", "same", "other"])),
            last_seen=NOW + draw(st.sampled_from([0, 2, 5, 20])) * DAY,
            labels=("fivewhys", draw(st.sampled_from(["P1", "P0"]))),
            assignees=draw(st.sampled_from([(), ("ana",), ("bo", "ana")])),
            type=draw(st.sampled_from(["", "Bug"])),
            news=tuple(News(name, draw(bodies)) for name in draw(st.sampled_from(["", "1", "12"]))),
            absorbed=left if draw(st.booleans()) else (),
            children=KEYS[:2] if key == "storm" else (),
            close=draw(st.booleans()),
        )
        for key in keys
    ]


@dataclass
class People:
    """People who change issues, and what of it has to stay."""

    tracker: Tracker
    notes: dict[int, list[str]] = field(default_factory=dict)
    titles: dict[int, str] = field(default_factory=dict)
    labels: set[int] = field(default_factory=set)
    said: dict[int, list[str]] = field(default_factory=dict)
    reopened: set[int] = field(default_factory=set)
    cuts: int = 0
    count: int = 0

    def act(self, what: str, which: int) -> None:
        """Do something to one of the issues."""
        numbers = sorted(self.tracker.issues)
        if numbers:
            self.count += 1
            _ACTIONS[what](self, numbers[which % len(numbers)])

    def note(self, number: int, *, above: bool) -> None:
        """Write something around our part."""
        text = f"note {self.count} of ours,\r\nas it is\t"
        self.notes.setdefault(number, []).append(text)
        self.tracker.edit(number, lambda body: f"{text}\n{body}" if above else f"{body}\n{text}")

    def retitle(self, number: int) -> None:
        """Give an issue another title."""
        self.titles[number] = f"title {self.count}"
        self.tracker.change(number, title=self.titles[number])

    def label(self, number: int) -> None:
        """Put a label on an issue."""
        self.labels.add(number)
        issue = self.tracker.issues[number]
        if "Theirs" not in issue.labels:
            self.tracker.change(number, labels=("Theirs", *issue.labels))

    def talk(self, number: int) -> None:
        """Comment on an issue, citing ours."""
        issue = self.tracker.issues[number]
        quoted = "".join(f"> {line}\n" for line in issue.body.splitlines()[:3])
        text = f"{quoted}said {self.count}"
        self.said.setdefault(number, []).append(text)
        self.tracker.issues[number] = self.tracker.comment(issue, text, "ana")

    def hide(self, number: int) -> None:
        """Delete all comments on an issue."""
        self.said.pop(number, None)
        self.tracker.change(number, comments=())

    def open(self, number: int) -> None:
        """Open an issue."""
        if not self.tracker.issues[number].is_open:
            self.reopened.add(number)
            self.tracker.change(number, is_open=True, state_reason="reopened", closed_at=0)

    def close(self, number: int, reason: str) -> None:
        """Close an issue."""
        if self.tracker.issues[number].is_open:
            self.tracker.close(number, reason)

    def duplicate(self, number: int) -> None:
        """File a copy of an issue."""
        issue = self.tracker.issues[number]
        self.tracker.file(title=issue.title, body=issue.body, labels=issue.labels, author="ana")

    def check(self) -> None:
        """Nothing that they did is lost."""
        for number, issue in self.tracker.issues.items():
            assert all(note in issue.body for note in self.notes.get(number, ()))
            assert issue.title == self.titles.get(number, issue.title)
            assert number not in self.labels or "Theirs" in issue.labels
            told = self.tracker.bodies(number)
            assert [text for text in told if "said " in text] == self.said.get(number, [])


def _cut(end: str) -> Callable[[People, int], None]:
    def act(people: People, number: int) -> None:
        def cut(body: str) -> str:
            lines = body.split("\n")
            return "\n".join(line for line in lines if f"fivewhys:v1 {end}" not in line)

        people.cuts += 1
        people.tracker.edit(number, cut)

    return act


_ACTIONS: dict[str, Callable[[People, int], None]] = {
    "note above": lambda people, number: people.note(number, above=True),
    "note below": lambda people, number: people.note(number, above=False),
    "title": People.retitle,
    "label": People.label,
    "unlabel": lambda people, number: people.tracker.change(number, labels=("Theirs",)),
    "talk": People.talk,
    "hide": People.hide,
    "open": People.open,
    "done": lambda people, number: people.close(number, Closing.COMPLETED),
    "declined": lambda people, number: people.close(number, Closing.NOT_PLANNED),
    "same": lambda people, number: people.close(number, Closing.DUPLICATE),
    "lock": lambda people, number: people.tracker.change(number, locked=True),
    "copy": People.duplicate,
    "tick": lambda people, number: people.tracker.edit(
        number, lambda body: body.replace("- [ ] look", "- [x] look")
    ),
    "browser": lambda people, number: people.tracker.edit(
        number,
        lambda body: (
            body.replace("\r\n", "\n").replace("\n", "\r\n") if number not in people.notes else body
        ),
    ),
    "no begin": _cut(Side.BEGIN),
    "no end": _cut(Side.END),
}
"""All that people do; "unlabel" takes away all that is not theirs."""

actions = st.lists(st.tuples(st.sampled_from(sorted(_ACTIONS)), st.integers(0, 5)), max_size=6)
rounds = st.lists(st.tuples(incidents(), actions, st.integers(0, 10)), min_size=2, max_size=4)
policies = st.builds(TrackerPolicy, closes=st.booleans(), logins=st.sampled_from([frozenset()]))


def check_done(tracker: Tracker, items: Sequence[Wanted]) -> None:
    """All is done that was planned: the next plan is empty, nothing stands there twice."""
    left = [step for step in tracker.plan(*items) if step.kind is not Kind.LEAVE]
    assert [(step.kind, step.reason) for step in left] == []
    for issue in tracker.issues.values():
        parts = chain.from_iterable(
            parts_of(comment.body, SIGNER) for comment in issue.comments or ()
        )
        keys = Counter((part.mark.incident, part.mark.key) for part in parts)
        assert set(keys.values()) <= {1}


def check_one(people: People, items: Sequence[Wanted]) -> None:
    """Each incident has one open issue, but for those that people opened again, or locked."""
    tracker = people.tracker
    steps = tracker.plan(*items)
    for item in items:
        theirs = [
            issue.number
            for issue in tracker.issues.values()
            if issue.is_open
            and not issue.locked
            and issue.number not in people.reopened
            and any(part.mark.incident == item.key for part in parts_of(issue.body, SIGNER))
        ]
        reason = next(step.reason for step in steps if step.incident == item.key)
        assert len(theirs) <= 1
        is_left = "closed" in reason or people.cuts or people.reopened
        if item.state not in OVER and not is_left:
            assert theirs or any(issue.locked for issue in tracker.issues.values())


@settings(max_examples=40)
@given(rounds, policies)
def test_a_plan_that_was_applied_leaves_nothing_to_do(
    history: list[tuple[list[Wanted], list[tuple[str, int]], int]], policy: TrackerPolicy
) -> None:
    """And nothing that people did is lost, whatever they did."""
    tracker = Tracker(policy)
    people = People(tracker)
    for short, acts, days in history:
        items = grown(short)
        tracker.now += days * DAY // 2
        tracker.apply(*items)
        people.check()
        check_done(tracker, items)
        check_one(people, items)
        for what, which in acts:
            people.act(what, which)


@settings(max_examples=40)
@given(rounds, st.randoms(use_true_random=False))
def test_the_order_of_the_list_does_not_matter(
    history: list[tuple[list[Wanted], list[tuple[str, int]], int]], random: Random
) -> None:
    """Whatever page of the list an issue came on."""
    tracker = Tracker()
    people = People(tracker)
    for short, acts, days in history:
        items = grown(short)
        tracker.now += days * DAY // 2
        shuffled = list(tracker.issues.values())
        random.shuffle(shuffled)
        told = plan(items, shuffled, tracker.ledger, tracker.now, tracker.policy, signer=SIGNER)
        assert told == tracker.plan(*items)
        tracker.apply(*items)
        for what, which in acts:
            people.act(what, which)


@settings(max_examples=60)
@given(incidents(), actions, incidents(), st.integers(0, 12), st.booleans())
def test_killed_anywhere_nothing_is_done_twice(
    before: list[Wanted],
    acts: list[tuple[str, int]],
    short: list[Wanted],
    steps: int,
    has_effect: bool,  # noqa: FBT001 - drawn by Hypothesis
) -> None:
    """Be it before a request had its effect or after it: the next run finishes what was begun."""
    tracker = Tracker()
    people = People(tracker)
    items = grown(short)
    tracker.apply(*grown(before))
    for what, which in acts:
        people.act(what, which)
    tracker.interrupted(items, steps, has_effect=has_effect)
    tracker.now += tracker.policy.doubt
    tracker.apply(*items)
    people.check()
    check_done(tracker, items)
