"""`ports.Inbox` in plain dicts."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.ports import Poison


@dataclass(slots=True)
class MemoryInbox:
    """An inbox that lasts as long as it is held."""

    _inbox: dict[int, tuple[int, bytes, bool]] = field(default_factory=dict)
    _held: bytes = b""
    _poison: dict[str, Poison] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _marks: dict[str, int] = field(default_factory=dict)

    def receive(self, receipt: bytes, poison: Sequence[Poison], at: int) -> None:
        """Keep what a batch came to at a time (ns UTC)."""
        if receipt:
            self._inbox[next(self._numbers)] = (at, receipt, True)
        for one in poison:
            self._poison.pop(one.name, None)
            self._poison[one.name] = one._replace(number=next(self._numbers))

    def receipts(self, limit: int, beyond: int = 0) -> list[tuple[int, bytes]]:
        """Return the receipts that no commit made needless, the first ones `beyond` a number."""
        needed = ((number, kept[1]) for number, kept in self._inbox.items() if kept[2])
        return [*islice((one for one in needed if one[0] > beyond), limit)]

    def backlog(self) -> int:
        """Return how many receipts there are that no commit made needless."""
        return sum(needed for *_, needed in self._inbox.values())

    def recent(self, since: int) -> list[bytes]:
        """Return what is kept of those received since a time that commits made needless."""
        told = (kept for at, kept, needed in self._inbox.values() if not needed and at >= since)
        return [kept for kept in told if kept]

    def held(self) -> bytes:
        """Return the lines that waited when the last progress was made."""
        return self._held

    def mark(self, name: str) -> int:
        """Return the time that was kept by a name, 0 if none was."""
        return self._marks.get(name, 0)

    def keep_mark(self, name: str, at: int) -> None:
        """Keep a time by a name, in place of what was."""
        self._marks[name] = at

    def poison(self) -> list[Poison]:
        """Return what is in quarantine, in the order in which it came."""
        return [*self._poison.values()]

    def release_poison(self, numbers: Iterable[int]) -> int:
        """Take some out of quarantine; return how many were in it."""
        given = set(numbers)
        gone = [name for name, one in self._poison.items() if one.number in given]
        for name in gone:
            del self._poison[name]
        return len(gone)

    def _reduce(self, numbers: Sequence[int], requests: bytes) -> None:
        """Keep of what is needless only its requests, and when the last of it came."""
        last = max(numbers, default=0)
        for number in numbers:
            at, *_ = self._inbox.pop(number)
            if number == last:
                self._inbox[number] = (at, requests, False)

    def _clear_inbox(self, since: int) -> None:
        """Forget what came to nothing more before a time."""
        kept = self._inbox.items()
        self._inbox = {number: one for number, one in kept if one[2] or one[0] >= since}
