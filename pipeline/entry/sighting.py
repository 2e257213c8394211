"""Which revisions logged, and when: told by every entry, parsed or not.

What the entries of one revision come to is small, and can be merged in any order. Entries of Cloud
Audit Logs do not count: they tell of a revision, and are not its own.

Times are texts here, as `outline.Columns` has them: most of them are never looked at again.
"""

from __future__ import annotations

from itertools import compress
from operator import eq, gt
from typing import TYPE_CHECKING

import msgspec

from pipeline.entry.origin import COMMIT, REVISION, SERVICE, commit_of, running_of
from pipeline.entry.timestamps import UNKNOWN_TIME, format_timestamp, parse_timestamp
from pipeline.entry.value import UNTOLD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipeline.entry.outline import Columns, Outline, ResourceLabels
    from pipeline.entry.value import LogEntry

AUDIT_LOGS = "cloudaudit.googleapis.com"

Running = tuple[str, str]
"""A service, and its revision or version; its commit where it has neither."""


class Sighting(msgspec.Struct, gc=False, frozen=True):
    """What the entries of one revision come to: the first of them, and the time of the last.

    Times are RFC 3339 in UTC without what can be stripped off the end (`UNTOLD`).
    """

    first: str
    log_name: str
    insert_id: str
    commit: str
    last: str


class _Labels(msgspec.Struct, gc=False):
    commit: str = msgspec.field(name=COMMIT, default="")


_SECONDS = len("0000-00-00T00:00:00")
_COMMIT = msgspec.json.Decoder(_Labels)


def bare_time(time: int) -> str:
    """Return a time (nanoseconds UTC) as sightings have it."""
    return format_timestamp(time).rstrip(UNTOLD)


def whole_time(text: str) -> int:
    """Return the nanoseconds UTC of a time as sightings have it."""
    date, _, fraction = text.partition(".")
    return parse_timestamp(f"{date.ljust(_SECONDS, '0')}.{fraction}Z")


def merge_sightings(known: dict[Running, Sighting], more: Mapping[Running, Sighting]) -> None:
    """Add some to those that are known; the order in which any are added does not matter."""
    for running, one in more.items():
        known[running] = merged(known.get(running), one)


def merged(one: Sighting | None, other: Sighting) -> Sighting:
    """Return what two sightings of a revision come to; of two copies the one with a commit."""
    if one is None:
        return other
    if other.first > one.first:  # as nearly always, where entries come in order
        if other.last <= one.last:
            return one
        return Sighting(one.first, one.log_name, one.insert_id, one.commit, other.last)
    first = min(one, other, key=_first_entry)
    if _first_entry(one) == _first_entry(other):
        first = max(one, other, key=lambda item: item.commit)
    return msgspec.structs.replace(first, last=max(one.last, other.last))


def _first_entry(one: Sighting) -> tuple[str, str, str]:
    return one.first, one.log_name, one.insert_id


def sighting_of(entry: LogEntry) -> dict[Running, Sighting]:
    """Return what one entry tells; nothing if it names no service and revision, or no time."""
    service, revision = running_of(entry.document)
    commit = commit_of(entry.document)
    told = service and (revision or commit) and AUDIT_LOGS not in entry.log_name
    if not told or entry.timestamp == UNKNOWN_TIME or entry.event_time != entry.timestamp:
        return {}
    time = entry.bare_time
    return {
        (service, revision or commit): Sighting(time, entry.log_name, entry.insert_id, commit, time)
    }


def sightings_of(columns: Columns) -> dict[Running, Sighting]:
    """Return what the entries of these outlines tell."""
    columns = _in_order(_own(columns))
    order = range(len(columns.found))
    labels = [one.resource.labels for one in columns.found]
    running = [(one.service_name, one.revision_name) for one in labels]
    firsts = dict(zip(reversed(running), reversed(order), strict=True))
    lasts = dict(zip(running, order, strict=True))
    told = {each: _sighting(columns, at, lasts[each]) for each, at in firsts.items() if all(each)}
    again = _repeated(columns.times)
    if again:
        again.intersection_update([columns.times[at] for at in firsts.values()])
    if again or len(told) < len(firsts):
        for at, (each, time) in enumerate(zip(running, columns.times, strict=True)):
            if time in again or each not in told:
                where = each if all(each) else _elsewhere(columns.found[at])
                merge_sightings(told, {where: _sighting(columns, at, at)} if where else {})
    return told


def _own(columns: Columns) -> Columns:
    """Leave out what tells of others."""
    audits = {name for name in set(columns.log_names) if AUDIT_LOGS in name}
    if not audits:
        return columns
    return columns.select([at for at, name in enumerate(columns.log_names) if name not in audits])


def _in_order(columns: Columns) -> Columns:
    """Put outlines in the order of time."""
    times = columns.times
    if not any(map(gt, times, times[1:])):
        return columns
    return columns.select(sorted(range(len(times)), key=times.__getitem__))


def _repeated(times: Sequence[str]) -> set[str]:
    """Return which of the times, which are in order, stand there more than once."""
    return set(compress(times, map(eq, times, times[1:])))


def _elsewhere(one: Outline) -> Running | None:
    """Say what runs that is no revision of a Cloud Run service."""
    service = _first(one.resource.labels, SERVICE)
    version = service and (_first(one.resource.labels, REVISION) or _commit(one.labels))
    return (service, version) if version else None


def _sighting(columns: Columns, first: int, last: int) -> Sighting:
    """Sum up what lies between two places."""
    found, log_names, times = columns
    one = found[first]
    return Sighting(times[first], log_names[first], one.insertId, _commit(one.labels), times[last])


def _commit(labels: msgspec.Raw) -> str:
    try:
        return _COMMIT.decode(labels).commit
    except msgspec.MsgspecError:  # no labels, or no text
        return ""


def _first(labels: ResourceLabels, names: Iterable[str]) -> str:
    return next((value for name in names if (value := getattr(labels, name))), "")
