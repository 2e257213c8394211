"""What should stand in a repository, held against what stands there, until nothing is left to do.

Each request is noted before it is sent and after it was answered. After one whose effect nobody
knows, issues are listed and the plan is made again before anything else is written: whatever was
written bears a marker, and is found by it. So a stop at any point repeats nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Final

from pipeline.audit import SECOND
from pipeline.errors import LeaseLostError
from pipeline.sinks.github.book import LEASE
from pipeline.sinks.github.failures import (
    CallError,
    Denied,
    Later,
    NeverReached,
    NotThere,
    UnknownEffect,
)
from pipeline.sinks.github.rounds import Applied, Round, notes_of
from pipeline.sinks.github.taking import take
from pipeline.tracker.locating import Survey, concerned, unlisted
from pipeline.tracker.looking import sight
from pipeline.tracker.marker import Signer
from pipeline.tracker.model import Kind
from pipeline.tracker.planning import plan, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pipeline.sinks.github.asking import World
    from pipeline.sinks.github.book import Book
    from pipeline.sinks.github.client import Client
    from pipeline.sinks.github.guiding import Guide
    from pipeline.sinks.github.hearing import Ear
    from pipeline.tracker.model import Issue, Known, Step, TrackerPolicy, Wanted

ROUNDS: Final = 4
"""How often issues are listed and the plan is made, at most."""

PATIENCE: Final = 90 * SECOND
"""How long is waited at most to see whether an issue appears that was asked for."""

SETTLING: Final = 3 * SECOND
"""What GitHub is given to finish what it did not answer, before issues are listed again."""

_ASKING: Final = SECOND
"""How often it is asked whether another writer is through."""

_EVERYONE: Final = (Denied, Later, NeverReached)
"""What keeps every other request from getting out, too."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps, and the issues that they were made from.

    `notes` say what incidents, named first, of which something is done do not get, and why.
    """

    steps: tuple[Step, ...]
    issues: tuple[Issue, ...]
    notes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class House:
    """How we behave in a repository: the `label` of our issues, and the `key` of our markers.

    Markers that were signed with `former` keys are ours, too.
    """

    label: str
    key: bytes = field(repr=False)
    policy: TrackerPolicy
    former: tuple[bytes, ...] = field(default=(), repr=False)


class Reconciler:
    """Brings the issues of one repository to what incidents want.

    `world` is the clock and what lets time pass; an `ear` hears what people decide in issues, a
    `guide` knows what else there is in the repository.
    """

    def __init__(  # noqa: PLR0913 - all that it works with
        self,
        client: Client,
        book: Book,
        house: House,
        world: World,
        *,
        ear: Ear | None = None,
        guide: Guide | None = None,
    ) -> None:
        self._client = client
        self._book = book
        self._house = house
        self._world = world
        self._ear = ear
        self._guide = guide

    def plan(self, wanted: Iterable[Wanted]) -> Plan:
        """Return what `apply` would do, and what is left alone and why.

        Raises:
            CallError: issues cannot be listed.

        """
        self._book.read()
        told = [self._book.with_news(one) for one in wanted]
        compared, issues, same = self._listed(told)
        heard = self._heard(compared, issues, same, keeps=False)
        fitted = self._fitted(heard, issues, same)
        steps = self._planned(fitted, issues, same)
        return Plan(steps, issues, tuple(notes_of(fitted, steps)))

    def apply(self, ask: Callable[[], Sequence[Wanted]]) -> Applied:
        """Do what a plan says, and plan again after any doubt.

        It may `ask` what is wanted only when nobody else writes any more: who wrote before knew
        less, and nothing that is older is written over what they wrote.
        What could not be done waits in the ledger with its reason; nothing is raised for it.
        """
        applied = Applied()
        if not self._is_our_turn():
            message = "another process writes to the repository; what is left waits for the next"
            applied.failures |= {one.key: Later(message) for one in ask()}
            return applied
        with self._book.writing():
            self._book.read()
            told = [self._book.with_news(one) for one in ask()]
            state = Round(self._book, told, applied)
            try:
                self._reconcile(state)
            except LeaseLostError:
                state.lost()
        return applied

    def _is_our_turn(self) -> bool:
        """Wait until no other writes, as long as one that was killed may seem to."""
        until = self._world.clock() + LEASE + _ASKING
        while not self._book.take():
            if self._world.clock() >= until:
                return False
            self._world.sleep(_ASKING / SECOND)
        return True

    def _reconcile(self, state: Round) -> None:
        for left in reversed(range(ROUNDS)):
            pause = self._once(state)
            if pause is None or not left:
                return
            self._world.sleep(pause / SECOND)

    def _once(self, state: Round) -> int | None:
        """Plan and take steps until one is in doubt; return when to plan again, None if never."""
        try:
            wanted, issues, same = self._listed(state.wanted)
            if not self._book.renew():
                state.lost()
                return None
            for one in wanted if self._guide else ():
                self._book.liken(one)
            known, policy = self._book.known(), self._house.policy
            for incident, found in settle(wanted, issues, known, self._signer, policy).items():
                self._book.learn(incident, found)
            sights = self._sights(wanted, issues)
            heard = self._heard(wanted, issues, same, keeps=True)
            state.want(self._fitted(heard, issues, same))
            steps = self._planned(state.wanted, issues, same)
        except NotThere:
            return 0
        except CallError as failure:
            state.give_up(failure)
            return None
        state.begin(steps, self._owners(steps), sights)
        pause = self._take_all(state)
        state.end()
        return self._doubt(state) if pause is None and not state.is_over else pause

    def _take_all(self, state: Round) -> int | None:
        """Take steps; what fails keeps the rest of its incident waiting, and no other."""
        while state.left:
            step, owner = state.left[0]
            if not self._book.renew():
                state.lost()
                return None
            try:
                if not state.is_stuck(step, owner):
                    self._take(state, step)
            except CallError as failure:
                self._book.failed(step, failure)
                state.fail(owner, failure)
                if isinstance(failure, UnknownEffect | NotThere):
                    return SETTLING
                if isinstance(failure, _EVERYONE):
                    state.give_up(failure)
                    return None
            state.left.popleft()
        return None

    def _take(self, state: Round, step: Step) -> None:
        number = step.number or state.created.get(step.incident, 0)
        other = step.other_number or state.created.get(step.other, 0)
        self._book.intend(step)
        taken = take(self._client, step, number, other)
        state.applied.done.append(step)
        self._book.took(step, taken)
        if step.kind is Kind.CREATE:
            state.created[step.incident] = taken

    def _doubt(self, state: Round) -> int | None:
        """Return when it is clear that what was asked for without an answer will not appear."""
        known = self._book.known()
        asked = [known[one.key].asked_at for one in state.wanted if one.key in known]
        latest = max(asked, default=0)
        pause = max(0, latest + self._house.policy.doubt - self._world.clock())
        return pause if latest and pause <= PATIENCE else None

    # --- what stands there ------------------------------------------------------------------------

    @cached_property
    def _signer(self) -> Signer:
        """What signs our markers: for this repository, whatever it is called."""
        place, house = str(self._client.repository().id), self._house
        return Signer(house.key, place, tuple(Signer(key, place) for key in house.former))

    def _listed(
        self, wanted: Sequence[Wanted]
    ) -> tuple[Sequence[Wanted], tuple[Issue, ...], frozenset[str]]:
        """Return all issues with our label, those that we know, and comments where they matter.

        With them what is wanted, once it was compared with issues of people's; and those incidents
        of which all is the same as when nothing was left to do.
        """
        known = self._book.known()
        issues = {issue.number: issue for issue in self._client.issues(self._house.label)}
        for number in sorted(unlisted(issues.values(), _near(wanted, known))):
            issues[number] = self._client.issue(number)
        if self._guide:
            there = [*issues.values()]
            wanted, lost = self._guide.compared(
                wanted, there, known, self._signer, self._book.remembered
            )
            issues |= {issue.number: issue for issue in lost}
        for number in sorted({one.adopt for one in wanted if one.adopt} - issues.keys()):
            issues[number] = self._client.issue(number)
        sights = self._sights(wanted, issues.values())
        same = frozenset(one.key for one in wanted if self._book.is_same(one, sights[one.key]))
        others = [one for one in wanted if one.key not in same]
        for number in sorted(concerned(others, issues.values(), known, self._signer)):
            issues[number] = replace(issues[number], comments=self._client.comments(number))
        return wanted, tuple(issues.values()), same

    def _sights(self, wanted: Iterable[Wanted], issues: Iterable[Issue]) -> dict[str, str]:
        survey = Survey(issues, self._book.known(), self._signer)
        policy, now = self._house.policy, self._world.clock()
        return {one.key: sight(one, survey, policy, now) for one in wanted}

    def _heard(
        self,
        wanted: Sequence[Wanted],
        issues: Sequence[Issue],
        same: frozenset[str],
        *,
        keeps: bool,
    ) -> Sequence[Wanted]:
        """Return what is wanted, with answers to what people ask for."""
        if self._ear is None:
            return wanted
        survey = Survey(issues, self._book.known(), self._signer)
        return self._ear.heard(wanted, survey, same, keeps=keeps)

    def _fitted(
        self, wanted: Sequence[Wanted], issues: Sequence[Issue], same: frozenset[str]
    ) -> Sequence[Wanted]:
        """Return what is wanted, less what the repository does not have."""
        if self._guide is None:
            return wanted
        others = [one for one in wanted if one.key not in same and not one.held]
        fitted = self._guide.fitted(others, issues, self._book.known(), self._signer)
        by_key = {one.key: one for one in fitted}
        return tuple(by_key.get(one.key, one) for one in wanted)

    def _planned(
        self, wanted: Sequence[Wanted], issues: Sequence[Issue], same: frozenset[str]
    ) -> tuple[Step, ...]:
        known, policy, now = self._book.known(), self._house.policy, self._world.clock()
        return plan(wanted, issues, known, now, policy, signer=self._signer, same=same)

    def _owners(self, steps: Iterable[Step]) -> list[str]:
        """Return to which incident each step belongs; a second issue says so in what it is told."""
        return [step.incident or step.other or self._said_of(step) for step in steps]

    def _said_of(self, step: Step) -> str:
        found = self._signer.read(str(step.fields.get("body", "")))
        return next((one.mark.incident for one in found if one.mark), "")


def _near(wanted: Sequence[Wanted], known: Mapping[str, Known]) -> Mapping[str, Known]:
    """Return what is known of those incidents that a plan has to do with."""
    names = chain.from_iterable((one.key, *one.absorbed, *one.children) for one in wanted)
    return {name: known[name] for name in names if name in known}
