"""What correlations made of long ago: runs that nothing that comes in time can change any more.

It is known of a group up to a time; of what is older correlations need to know no single time.
Times are event time, in nanoseconds UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Past(NamedTuple):
    """A run in which a correlation matched; what a group has from `since` to `until` took part.

    Both are included. `held` is when its condition first held, `numbers` are what titles may say:
    of two parts of one run those of the higher `rank`, of equal ones those of the earlier.
    """

    since: int
    until: int
    held: int
    rank: tuple[float, ...] = ()
    numbers: Mapping[str, Any] = {}


class Settled(NamedTuple):
    """The runs of one group, in order of time, as far as spans go that begin before `until`."""

    until: int
    runs: tuple[Past, ...] = ()


Place = tuple[str, str]
"""The name of a correlation, and its group as text."""

Book = Mapping[Place, Settled]
"""All that is settled."""


class Page(NamedTuple):
    """What is settled of one group, as a store keeps it."""

    place: Place
    settled: Settled

    def document(self) -> list[Any]:
        """Return it as plain JSON."""
        return [*self.place, self.settled.until, [[*run] for run in self.settled.runs]]

    @classmethod
    def of(cls, document: Sequence[Any]) -> Self:
        """Return what a document shows."""
        name, group, until, runs = document
        told = (Past(since, end, held, tuple(rank), more) for since, end, held, rank, more in runs)
        return cls((name, group), Settled(until, tuple(told)))


def pages_of(book: Book) -> tuple[Page, ...]:
    """Return a book as a store keeps it, in a canonical order."""
    return tuple(Page(place, book[place]) for place in sorted(book))


def joined(before: Sequence[Past], after: Iterable[Past]) -> tuple[Past, ...]:
    """Return the runs of spans and of those that begin later; what shares a detection is one."""
    found = [*before]
    for run in after:
        if found and run.since <= found[-1].until:
            run = _one(found.pop(), run)  # noqa: PLW2901 - the same run, from its beginning
        found.append(run)
    return tuple(found)


def _one(first: Past, second: Past) -> Past:
    best = max(first, second, key=lambda run: run.rank)
    return Past(first.since, max(first.until, second.until), first.held, best.rank, best.numbers)
