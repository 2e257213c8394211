"""What is asked about the entries around a first failure, and what is found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from pipeline.entry.value import UNTOLD
from pipeline.logquery import written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.entry import LogEntry
    from pipeline.ports import Case

SECOND = 1_000_000_000
BEFORE, AFTER = 300 * SECOND, 120 * SECOND
"""Nanoseconds before and after the first failure that are near."""

STARTING = 120 * SECOND
"""Nanoseconds from the first entry of an instance that count as its start."""

MOST_BEFORE, MOST_AFTER, MOST_AT_START = 64, 16, 40
"""Entries that are looked at; more than are shown, as the last healthy one may stand further up."""

Order = tuple[str, str, str]


class Same(StrEnum):
    """What an entry has in common with the first failure; the closest counts."""

    INSTANCE = "instance"
    TRACE = "trace"
    REVISION = "revision"


@dataclass(frozen=True, slots=True)
class Asked:
    """The first failure of an incident: the first sample of its root; `at` is ns UTC.

    `in_order` says that the entries are known to stand in order of time where they were read.
    """

    incident: str
    at: int
    log_name: str
    insert_id: str
    in_order: bool = False

    def is_of(self, entry: LogEntry) -> bool:
        """Return whether this is the entry."""
        return entry.insert_id == self.insert_id and entry.log_name == self.log_name


@dataclass(frozen=True, slots=True)
class Near:
    """What was found: the failing entry itself, and entries that have something in common with it.

    Each entry is there once. `before` and `after` are in order of time, the nearest of them last
    and first; `start` are the first entries of the same instance, up to `STARTING` after the very
    first. Where `complete`, no entry before the failure was left out but for the limits here.
    """

    anchor: LogEntry
    before: tuple[LogEntry, ...]
    after: tuple[LogEntry, ...]
    start: tuple[LogEntry, ...]
    source: str
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found, by incident, and in plain words what was not looked at; "" is all was."""

    found: Mapping[str, Near]
    unread: str = ""


class Logs(Protocol):
    """Where entries can be looked up again."""

    def near(self, asked: Sequence[Asked]) -> Answer:
        """Return what is near; of an incident whose first failure is not there, nothing."""


def asked_of(case: Case) -> Asked:
    """Return the first failure of an incident."""
    first = case.incident.root.samples[0]
    return Asked(
        case.incident.id, first.timestamp, first.log_name, first.insert_id, in_order=case.in_order
    )


def order_of(entry: LogEntry) -> Order:
    """Return what entries are sorted by: time, then what tells those of one time apart."""
    return (entry.bare_time, entry.log_name, entry.insert_id)


def bare(time: int) -> str:
    """Return a time as `LogEntry.bare_time` has it."""
    return written(time).rstrip(UNTOLD)


def same_as(anchor: LogEntry, entry: LogEntry) -> Same | None:
    """Return what an entry has in common with another one, None if nothing that counts.

    The revision counts only where nobody knows the instance of the other one.
    """
    if anchor.instance and entry.instance == anchor.instance:
        return Same.INSTANCE
    if anchor.trace and entry.trace == anchor.trace:
        return Same.TRACE
    alike = (anchor.service, anchor.revision) == (entry.service, entry.revision)
    return Same.REVISION if not anchor.instance and anchor.service and alike else None


def near_of(
    anchor: LogEntry, entries: Sequence[LogEntry], source: str, *, complete: bool = True
) -> Near:
    """Sort entries into those before, after and at the start; copies of one count once."""
    richest: dict[tuple[str, int, str], LogEntry] = {anchor.key: anchor}
    for entry in entries:
        known = richest.get(entry.key)
        if known is None or entry.richness > known.richness:
            richest[entry.key] = entry
    own = [entry for entry in sorted(richest.values(), key=order_of) if same_as(anchor, entry)]
    here = order_of(anchor)
    before = [entry for entry in own if order_of(entry) < here]
    after = [entry for entry in own if order_of(entry) > here]
    starting = [one for one in own if same_as(anchor, one) is not Same.TRACE]
    start = [one for one in starting if one.timestamp <= starting[0].timestamp + STARTING]
    return Near(
        anchor,
        tuple(before[-MOST_BEFORE:]),
        tuple(after[:MOST_AFTER]),
        tuple(start[:MOST_AT_START]),
        source,
        complete,
    )
