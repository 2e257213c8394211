"""Which revisions logged, and when: told by every entry, parsed or not.

What the entries of one revision come to is small, and can be merged in any order. Entries of Cloud
Audit Logs do not count: they tell of a revision, and are not its own.

Times are texts here, as `outline.times_of` has them: most of them are never looked at again.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain, compress
from operator import eq, gt
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pipeline.entry.origin import COMMIT, REVISION, SERVICE, commit_of, running_of
from pipeline.entry.outline import times_of
from pipeline.entry.timestamps import UNKNOWN_TIME, format_timestamp, parse_timestamp
from pipeline.entry.value import UNTOLD, log_name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipeline.entry.outline import Outline, ResourceLabels
    from pipeline.entry.value import LogEntry

AUDIT_LOGS = "cloudaudit.googleapis.com"

Running = tuple[str, str]
"""A service, and its revision or version; its commit where it has neither."""


class Sighting(NamedTuple):
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
    first = min(one, other, key=lambda item: item[:3])
    if one[:3] == other[:3]:
        first = max(one, other, key=lambda item: item.commit)
    return first._replace(last=max(one.last, other.last))


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


def sightings_of(found: Sequence[Outline]) -> dict[Running, Sighting]:
    """Return what the entries of these outlines tell."""
    times = times_of(found)
    order = range(len(found))
    if any(map(gt, times, times[1:])):
        found = [found[at] for at in sorted(order, key=times.__getitem__)]
        times.sort()
    labels = [one.resource.labels for one in found]
    running = [(one.service_name, one.revision_name) for one in labels]
    firsts = dict(zip(reversed(running), reversed(order), strict=True))
    lasts = dict(zip(running, order, strict=True))
    again = compress(running, chain([False], map(eq, times, times[1:])))
    odd = {each for each in firsts if not all(each)}.union(again)
    told = {
        each: _sighting(found[at], times[at], times[lasts[each]])
        for each, at in firsts.items()
        if each not in odd and not _is_audit(found[at]) and not _is_audit(found[lasts[each]])
    }
    if len(told) < len(firsts):
        rest = (at for at in order if running[at] not in told)
        merge_sightings(told, _one_by_one(rest, running, found, times))
    return told


def _one_by_one(
    places: Iterable[int],
    running: Sequence[Running],
    found: Sequence[Outline],
    times: Sequence[str],
) -> dict[Running, Sighting]:
    """Sum up outlines of which the first is not plain to see, or where they ran."""
    told: dict[Running, Sighting] = {}
    for at in places:
        one = found[at]
        where = running[at] if all(running[at]) else _elsewhere(one)
        if where and not _is_audit(one):
            told[where] = merged(told.get(where), _sighting(one, times[at], times[at]))
    return told


def _elsewhere(one: Outline) -> Running | None:
    """Say what runs that is no revision of a Cloud Run service."""
    service = _first(one.resource.labels, SERVICE)
    version = service and (_first(one.resource.labels, REVISION) or _commit(one.labels))
    return (service, version) if version else None


def _is_audit(one: Outline) -> bool:
    return AUDIT_LOGS in one.logName


def _sighting(one: Outline, first: str, last: str) -> Sighting:
    first, last = first.rstrip(UNTOLD), last.rstrip(UNTOLD)
    return Sighting(first, log_name_of(one.logName), one.insertId, _commit(one.labels), last)


def _commit(labels: msgspec.Raw) -> str:
    return _commit_in(bytes(labels))


@lru_cache(maxsize=4096)
def _commit_in(labels: bytes) -> str:
    try:
        return _COMMIT.decode(labels).commit
    except msgspec.MsgspecError:  # no labels, or no text
        return ""


def _first(labels: ResourceLabels, names: Iterable[str]) -> str:
    return next((value for name in names if (value := getattr(labels, name))), "")
