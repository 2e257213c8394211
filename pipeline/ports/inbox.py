"""What is received, until it is correlated: a subscription, and the inbox that it is put into."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Message(NamedTuple):
    """What a subscription delivered: a log entry as JSON, as a log sink publishes it.

    `handle` is what it is acknowledged by, `name` its own for good. `attempt` is how often it was
    delivered, 0 if nobody counts; it was `published` then (ns UTC, to the second; 0: not known).
    """

    handle: str
    name: str
    data: bytes
    attempt: int = 0
    published: int = 0


class Feed(Protocol):
    """A subscription: what it delivers comes again until it is acknowledged."""

    def pull(self) -> Sequence[Message]:
        """Wait a while for messages; return nothing if none came.

        Raises:
            SourceError: it cannot be pulled from; says whether a retry can help.

        """

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Say that they need not come again. What gets lost on the way comes again all the same."""

    def give_back(self, messages: Sequence[Message]) -> None:
        """Say that they may come again at once."""


class Poison(NamedTuple):
    """A message in which no entry was found: its name, the reason, and its text, redacted.

    Or a receipt that could not be recorded, as text (`receipts.text_of`).

    `at` is when it came, in nanoseconds UTC; `number` is that of its row, 0 before it has one. No
    other one of the store ever has the same.
    """

    name: str
    reason: str
    text: str
    at: int
    number: int = 0


class Lease(NamedTuple):
    """What only one process at a time may do, by its name, and who does it."""

    name: str
    holder: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run that never ends has come: what a commit makes true, beside what was found.

    `receipts` are the numbers of those that need not be read again, `held` are lines of tracebacks
    that wait for what follows, as a receipt that says also for how long they and incidents wait,
    `at` is the time of the commit (ns UTC). Only the `holder` of the lease `name` may commit.
    `untold` are incidents, never reported, that are none after all: the lines that were held back
    say so.

    Of the receipts only the `requests` in them are kept, as a receipt, for who begins anew; of what
    was received before `since` (ns UTC) not even these.
    """

    receipts: tuple[int, ...]
    held: bytes
    at: int
    name: str
    holder: str
    untold: tuple[str, ...] = ()
    requests: bytes = b""
    since: int = 0


class Standing(NamedTuple):
    """What a store holds, as numbers; times in nanoseconds UTC, 0: none.

    So many receipts are `waiting` to be correlated, the `oldest` since then; the `latest` of all
    that are kept was received then. `poison` messages are in quarantine, and `incidents` there are,
    by state.
    """

    waiting: int = 0
    oldest: int = 0
    latest: int = 0
    poison: int = 0
    incidents: Mapping[str, int] = MappingProxyType({})


class Inbox(Protocol):
    """What was received and is not correlated yet (`receipts`); any process may put into it."""

    def receive(self, receipt: bytes, poison: Sequence[Poison], at: int) -> None:
        """Keep what a batch came to at a time (ns UTC); it is kept for certain once this returns.

        b"" is kept, too, if there is poison, and else is nothing.
        """

    def receipts(self, limit: int, beyond: int = 0) -> Sequence[tuple[int, bytes]]:
        """Return those that no commit made needless, by number, the first ones `beyond` one."""

    def refuse(self, number: int, poison: Poison, name: str, holder: str) -> None:
        """Put a receipt into quarantine, as poison, in place of where it was: both or nothing.

        One that is not there any more, or was made needless, changes nothing.

        Raises:
            LeaseLostError: somebody else holds the lease of this name.

        """

    def backlog(self) -> int:
        """Return how many receipts there are that no commit made needless."""

    def recent(self, since: int) -> Iterable[bytes]:
        """Yield what is kept of those received since a time that commits made needless."""

    def held(self) -> bytes:
        """Return what waited when the last progress was made; b"" if nothing did."""

    def poison(self) -> Sequence[Poison]:
        """Return what is in quarantine, in the order in which it came."""

    def release_poison(self, numbers: Iterable[int]) -> int:
        """Take some out of quarantine; return how many were in it."""

    def mark(self, name: str) -> int:
        """Return the time (ns UTC) that was kept by a name, 0 if none was."""

    def keep_mark(self, name: str, at: int) -> None:
        """Keep a time (ns UTC) by a name, in place of what was; it is kept once this returns."""

    def standing(self) -> Standing:
        """Return what there is, as numbers; asked often, so it reads no documents."""
