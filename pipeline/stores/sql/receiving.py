"""The inbox in SQL: receipts until they are correlated, and messages in quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from pipeline.errors import LeaseLostError
from pipeline.ports import Poison, Standing
from pipeline.stores.sql.tables import held, inbox, incidents, leases, marks, quarantine

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection, Row, Select

    from pipeline.ports import Progress

_CHUNK = 500
"""Values in one `IN`; databases bound the number of parameters."""

POISON = select(quarantine).order_by(quarantine.c.number)
"""All that is in quarantine."""

HELD = select(held.c.receipt)
"""What waited when the last progress was made."""

BACKLOG = select(func.count()).select_from(inbox).where(inbox.c.needed == 1)
"""How many receipts no commit made needless."""


_WAITING = BACKLOG.add_columns(func.min(inbox.c.received_at))
_LATEST = select(func.max(inbox.c.received_at))
_POISONED = select(func.count()).select_from(quarantine)
_STATES = (
    select(incidents.c.state, func.count())
    .where(incidents.c.absorbed_by.is_(None), incidents.c.away == 0)
    .group_by(incidents.c.state)
)


def standing(connection: Connection) -> Standing:
    """Count what there is."""
    waiting, oldest = connection.execute(_WAITING).one()
    latest = connection.execute(_LATEST).scalar()
    poison = connection.execute(_POISONED).scalar_one()
    states = {str(row.state): int(row[1]) for row in connection.execute(_STATES)}
    return Standing(waiting, oldest or 0, latest or 0, poison, states)


def needed(limit: int, beyond: int) -> Select[Any]:
    """Return what asks for the first receipts beyond a number that no commit made needless."""
    told = (inbox.c.needed == 1) & (inbox.c.number > beyond)
    waiting = select(inbox.c.number, inbox.c.receipt).where(told)
    return waiting.order_by(inbox.c.number).limit(limit)


def recent(since: int, after: int) -> Select[Any]:
    """Return what asks for some received since a time that commits made needless.

    They are those with the first numbers after one, but for what nothing is kept of.
    """
    told = (inbox.c.needed == 0) & (inbox.c.received_at >= since) & (inbox.c.receipt != b"")
    some = select(inbox.c.number, inbox.c.receipt).where(told, inbox.c.number > after)
    return some.order_by(inbox.c.number).limit(_CHUNK)


def receive(connection: Connection, receipt: bytes, poison: Sequence[Poison], at: int) -> None:
    """Keep what a batch came to; what is in quarantine already is replaced."""
    if receipt:
        row = {"received_at": at, "needed": 1, "receipt": receipt}
        connection.execute(insert(inbox), row)
    if poison:
        _quarantine(connection, poison)


def _quarantine(connection: Connection, poison: Sequence[Poison]) -> None:
    names = [one.name for one in poison]
    for start in range(0, len(names), _CHUNK):
        same = quarantine.c.name.in_(names[start : start + _CHUNK])
        connection.execute(delete(quarantine).where(same))
    latest = {one.name: one for one in poison}.values()
    connection.execute(insert(quarantine), [_row(one) for one in latest])


def refuse(connection: Connection, number: int, poison: Poison, name: str, holder: str) -> None:
    """Put a receipt into quarantine, if it is still needed.

    Raises:
        LeaseLostError: somebody else holds the lease.

    """
    hold(connection, name, holder)
    it = (inbox.c.number == number) & (inbox.c.needed == 1)
    if connection.execute(delete(inbox).where(it)).rowcount:
        _quarantine(connection, [poison])


def go_on(connection: Connection, progress: Progress) -> None:
    """Note how far a run has come; forget what need not be kept any more.

    Raises:
        LeaseLostError: somebody else holds its lease.

    """
    hold(connection, progress.name, progress.holder)
    _reduce(connection, progress.receipts, progress.requests)
    old = (inbox.c.needed == 0) & (inbox.c.received_at < progress.since)
    connection.execute(delete(inbox).where(old))
    connection.execute(delete(held).where(held.c.name == progress.name))
    if progress.held:
        connection.execute(insert(held), {"name": progress.name, "receipt": progress.held})


def _reduce(connection: Connection, numbers: Sequence[int], requests: bytes) -> None:
    """Keep of what is needless only its requests, and when the last of it came."""
    last = inbox.c.number == max(numbers, default=0)
    for start in range(0, len(numbers), _CHUNK):
        some = inbox.c.number.in_(numbers[start : start + _CHUNK])
        connection.execute(delete(inbox).where(some, ~last))
    connection.execute(update(inbox).where(last).values(needed=0, receipt=requests))


def hold(connection: Connection, name: str, holder: str) -> None:
    """Make sure that a lease is held until the end of the transaction.

    Raises:
        LeaseLostError: somebody else holds it.

    """
    mine = (leases.c.name == name) & (leases.c.holder == holder)
    # Also a lock: where several may write at once, nobody takes the lease before this is done.
    if not connection.execute(update(leases).where(mine).values(holder=holder)).rowcount:
        message = f"another process holds the lease {name!r}: nothing was recorded"
        raise LeaseLostError(message)


def holder_of(name: str) -> Select[Any]:
    """Return what asks who had a lease last."""
    return select(leases.c.holder).where(leases.c.name == name)


def mark_of(name: str) -> Select[Any]:
    """Return what asks for the time that was kept by a name."""
    return select(marks.c.at).where(marks.c.name == name)


def keep_mark(connection: Connection, name: str, at: int) -> None:
    """Keep a time by a name, in place of what was."""
    if not connection.execute(update(marks).where(marks.c.name == name).values(at=at)).rowcount:
        connection.execute(insert(marks), {"name": name, "at": at})


def numbered(row: Row[Any]) -> tuple[int, bytes]:
    """Restore a receipt, after its number."""
    return int(row.number), bytes(row.receipt)


def to_poison(row: Row[Any]) -> Poison:
    """Restore what is in quarantine."""
    return Poison(row.name, row.reason, row.text, row.at, row.number)


def release(connection: Connection, numbers: Iterable[int]) -> int:
    """Take some out of quarantine; return how many were in it."""
    given = sorted(set(numbers))
    count = 0
    for start in range(0, len(given), _CHUNK):
        some = quarantine.c.number.in_(given[start : start + _CHUNK])
        count += connection.execute(delete(quarantine).where(some)).rowcount
    return count


def _row(one: Poison) -> dict[str, Any]:
    return {"name": one.name, "reason": one.reason, "text": one.text, "at": one.at}
