"""Where an application of plans stands: what was done, what failed, and what waits for what."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pipeline.sinks.github.failures import Later
from pipeline.tracker.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipeline.sinks.github.book import Book
    from pipeline.sinks.github.failures import CallError
    from pipeline.tracker.model import Step, Wanted

_UNSEEN: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(slots=True)
class Applied:
    """What was done, what failed and what is left for later, by incident.

    `plan` is the last one that was made; `notes` are as those of a `Plan`.
    """

    done: list[Step] = field(default_factory=list)
    failures: dict[str, CallError] = field(default_factory=dict)
    postponed: dict[str, Step] = field(default_factory=dict)
    plan: tuple[Step, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()


class Round:
    """Where an application stands; `left` are steps of the last plan, with whose they are."""

    def __init__(self, book: Book, wanted: Sequence[Wanted], applied: Applied) -> None:
        self._asked = {one.key: one for one in wanted}
        self.want(wanted)
        self.applied = applied
        self.left: deque[tuple[Step, str]] = deque()
        self.created: dict[str, int] = {}
        self.is_over = False
        self._book = book
        self._begun: set[str] = set()
        self._stuck: set[str] = set()

    def want(self, wanted: Sequence[Wanted]) -> None:
        """Say what incidents want."""
        self.wanted = wanted
        self._by_key = {one.key: one for one in wanted}

    def begin(
        self, steps: tuple[Step, ...], owners: Sequence[str], sights: Mapping[str, str]
    ) -> None:
        """Keep whose steps are to be taken, before the first is; `sights` are what was seen."""
        self.applied.plan = steps
        self.applied.postponed = {step.incident: step for step in steps if step.due or step.waits}
        self.applied.notes = (*dict.fromkeys((*self.applied.notes, *notes_of(self.wanted, steps))),)
        pairs = zip(steps, owners, strict=True)
        self.left = deque(pair for pair in pairs if pair[0].kind is not Kind.LEAVE)
        self._begun = {owner for _, owner in self.left}
        self.created, self._stuck = {}, set()
        for owner in sorted(self._begun):
            self._expect(owner)
        every = {key for one in self.wanted for key in (one.key, *one.absorbed)}
        self._finish(every - self._begun, self._lasting(sights))

    def _lasting(self, sights: Mapping[str, str]) -> dict[str, str]:
        """Return what was seen of incidents for which nothing is to be done, here or elsewhere."""
        busy = {step.other for step, _ in self.left}.union(self._begun, self.applied.postponed)
        return {
            one.key: sights.get(one.key, "")
            for one in self.wanted
            if busy.isdisjoint((one.key, *one.absorbed, *one.children))
        }

    def is_stuck(self, step: Step, owner: str) -> bool:
        """Whether a step has to wait for one that failed."""
        if step.other in self._stuck and owner not in self._stuck:
            self.fail(owner, self.applied.failures[step.other])
        return owner in self._stuck

    def fail(self, owner: str, failure: CallError) -> None:
        """Keep why the rest of an incident waits."""
        self._stuck.add(owner)
        self.applied.failures[owner] = failure
        self._book.wait(owner, failure)

    def give_up(self, failure: CallError) -> None:
        """Keep that everything waits that is to be done, as far as anybody knows."""
        self.end()
        self.is_over = True
        waiting = {owner for _, owner in self.left}
        waiting |= {one.key for one in self.wanted if self._book.is_new(one)}
        for owner in sorted(waiting - self._stuck):
            self._expect(owner)
            self.fail(owner, failure)

    def lost(self) -> None:
        """Say that another one writes now; the ledger is theirs."""
        self.is_over = True
        self._begun = set()
        failure = Later("another process took over writing to the repository")
        self.applied.failures |= {one.key: failure for one in self.wanted}

    def end(self) -> None:
        """Keep that nothing waits where all steps were taken."""
        self._finish(self._begun - self._stuck - {owner for _, owner in self.left})

    def _expect(self, owner: str) -> None:
        if owner in self._by_key:
            self._book.expect(self._by_key[owner])
        else:
            self._book.wait(owner)

    def _finish(self, incidents: Iterable[str], sights: Mapping[str, str] = _UNSEEN) -> None:
        """Keep that nothing waits of incidents, unless something is left for later."""
        known = self._book.known()
        for incident in sorted(incidents):
            wanted = self._by_key.get(incident)
            if incident in self.applied.postponed:
                self._book.postpone(self.applied.postponed[incident], wanted)
            elif wanted and wanted.held and incident in known:
                self._book.hold(wanted)
            elif incident in known and not known[incident].asked_at:
                self.applied.failures.pop(incident, None)
                self._book.done(incident, self._asked.get(incident), sights.get(incident, ""))


def notes_of(wanted: Iterable[Wanted], steps: Iterable[Step]) -> Iterator[tuple[str, str]]:
    """Yield what those incidents do not get of which something is done."""
    begun = {step.incident for step in steps if step.kind is not Kind.LEAVE}
    return ((one.key, note) for one in wanted if one.key in begun for note in one.notes)
