"""Filling gaps: what was logged while nobody received is read again from where it is stored.

A sink that was cut off, a subscription that expired, a stop that was longer than messages are kept:
nobody delivers what was logged meanwhile. So a run that begins reads what was logged since the last
entry that was received. What it has already, or gets by the subscription, too, counts once.

Up to where it has been read is kept in the store, so that whoever goes on after a kill does so from
there; one process at a time reads, whoever holds the lease.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from pipeline.audit import SECOND
from pipeline.entry import format_timestamp
from pipeline.lifecycle import DAY, MINUTE
from pipeline.ports import Feed
from pipeline.received import LATE, Received

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.ports import Inbox, Store
    from pipeline.receiving import Receiver

RECEIVED: Final = "received"
"""The mark up to which entries came from the subscription."""

FILLING: Final = "filling"
"""The mark from which on a gap is still to be read, and the lease of who reads."""

GIVEN_UP: Final = "given up"
"""The mark from which on a gap is to be read, but not before the next start."""

MARGIN: Final = 10 * MINUTE
"""How much is read again: entries come out of order, and the mark is not kept for each."""

FURTHEST: Final = 7 * 24 * 60 * MINUTE
"""How far back a gap is read: as far as a subscription keeps messages by default."""

LEASED: Final = 120 * SECOND
"""How long the lease holds: longer than a page and a wait for quota take."""


class Gap(NamedTuple):
    """What is to be read: from `since`, before `until`; `lost` are ns before it that are not."""

    since: int
    until: int
    lost: int = 0

    @property
    def left_out(self) -> str:
        """What is not read, in words, and what to do about it: a replay wants to be alone."""
        before = self.since - self.lost
        days = -(-(self.until - before) // DAY)
        return (
            f"nobody received since {format_timestamp(before)}, and what was logged until "
            f"{format_timestamp(self.since)} is not read: stop the service, let `fivewhys replay "
            "--from-logging` read that into its store, and start it again "
            f"(`infra/upkeep.sh rebuild {days}d` does all of it)"
        )


class Ending(Feed, Protocol):
    """A feed that comes to an end."""

    @property
    def is_over(self) -> bool:
        """Whether everything was delivered and acknowledged."""


class Filling:
    """Reads a gap, step by step.

    `open_` opens what is read; it tells its second argument up to when all of it is acknowledged.
    `receiver` builds who takes what a feed delivers. `taken` counts the entries that were read.
    """

    def __init__(
        self,
        *,
        store: Store,
        open_: Callable[[Gap, Callable[[int], None]], Ending],
        receiver: Callable[[Feed], Receiver],
        holder: str,
    ) -> None:
        self.is_over = False
        self.taken = 0
        self._store = store
        self._open = open_
        self._receiver_of = receiver
        self._holder = holder
        self._until = 0
        self._feed: Ending | None = None
        self._receiver: Receiver | None = None

    def begin(self, now: int) -> Gap | None:
        """Note what is to be read, before anything is received; `now` is the time (ns UTC).

        Raises:
            StoreError: the store cannot be read or written.

        """
        found, self._until = gap_of(self._store.mark(FILLING), self._store.mark(RECEIVED), now), now
        self.is_over = found is None
        if found:
            self._store.keep_mark(GIVEN_UP, 0)
            self._store.keep_mark(FILLING, found.since)
        return found

    def step(self, now: int) -> Received | None:
        """Read on; return what came, None if another process reads.

        Raises:
            SourceError: it cannot be read; says whether a retry can help.
            StoreError: nothing can be kept; what was read comes again.

        """
        if not self._is_mine(now):
            self._feed = self._receiver = None
            return None
        receiver = self._receiver or self._opened()
        received = receiver.step() if receiver else Received()
        self.taken += received.entries
        if self._feed is None or self._feed.is_over:
            self._store.keep_mark(FILLING, 0)
            self.stop()
        return received

    def stop(self) -> None:
        """Read no more; what is left is noted."""
        self.is_over = True
        self._store.release(FILLING, self._holder)

    def give_up(self) -> None:
        """Leave what is left to the next start; nobody waits for it until then.

        Raises:
            StoreError: that cannot be noted.

        """
        _give_up(self._store)
        self.stop()

    def _is_mine(self, now: int) -> bool:
        """Whether this process reads; what it has opened is of before, if another one did."""
        if self._receiver is not None:
            return self._store.renew(FILLING, self._holder, now + LEASED)
        return self._store.lease(FILLING, self._holder, now + LEASED, now)

    def _opened(self) -> Receiver | None:
        """Begin where the last one who read has come to; None if nothing is left."""
        since = self._store.mark(FILLING)
        if not since:
            return None
        self._feed = self._open(Gap(since, self._until), self._keep)
        self._receiver = self._receiver_of(self._feed)
        return self._receiver

    def _keep(self, at: int) -> None:
        self._store.keep_mark(FILLING, at)


def gap_of(filling: int, received: int, now: int) -> Gap | None:
    """Return what is to be read by both marks (ns UTC, 0: none); None before the first run."""
    if not filling and not received:
        return None
    since = filling or received - MARGIN
    furthest = max(since, now - FURTHEST)
    return Gap(furthest, now, furthest - since)


def leave(store: Store, holder: str, now: int) -> None:
    """Leave the gap there is, if any, to the next start with a filter; `now` is in ns UTC.

    Not where another process reads it.

    Raises:
        StoreError: the store cannot be read or written.

    """
    if _is_filling(store) and store.lease(FILLING, holder, now + LEASED, now):
        _give_up(store)
        store.release(FILLING, holder)


def may_come_late(inbox: Inbox, now: int, lately: int) -> bool:
    """Say whether what was logged before is still to come, as far as any process knows.

    Something came late less than `lately` ago (ns), or a gap is not filled, nor given up.

    Raises:
        StoreError: the store cannot be read.

    """
    return _is_filling(inbox) or abs(now - inbox.mark(LATE)) < lately


def _give_up(inbox: Inbox) -> None:
    inbox.keep_mark(GIVEN_UP, inbox.mark(FILLING))


def _is_filling(inbox: Inbox) -> bool:
    return inbox.mark(FILLING) not in {0, inbox.mark(GIVEN_UP)}
