"""Which revisions logged, and when: told by every entry, parsed or not.

What the entries of one revision come to is small, and can be merged in any order. Entries of Cloud
Audit Logs do not count: they tell of a revision, and are not its own.

Times are texts here, as `outline.Columns` has them: most of them are never looked at again.
"""

from __future__ import annotations

from itertools import compress
from operator import eq
from typing import TYPE_CHECKING

import msgspec

from pipeline.entry.origin import COMMIT, REVISION, SERVICE, commit_of, running_of
from pipeline.entry.timestamps import format_timestamp, parse_timestamp
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
_NEVER = "~"  # sorts after all times
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


def merge_lasts(known: dict[Running, Sighting], lasts: Mapping[Running, str]) -> None:
    """Move the times of the last entries of revisions that are known."""
    for running, last in lasts.items():
        one = known.get(running)
        if one is not None and one.last < last:
            known[running] = Sighting(one.first, one.log_name, one.insert_id, one.commit, last)


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
    if not told or not entry.is_dated:
        return {}
    time = entry.bare_time
    return {
        (service, revision or commit): Sighting(time, entry.log_name, entry.insert_id, commit, time)
    }


class Watch:
    """Tells what the entries of outlines show, and nothing of it twice.

    `most` bounds the revisions that it remembers to have told of; then it begins anew.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._firsts: dict[Running, str] = {}
        self._most = most

    def tell(self, columns: Columns) -> tuple[dict[Running, Sighting], dict[Running, str]]:
        """Return what outlines in the order of time show that was not told before.

        Of a revision that was, if none of these is earlier, it is only the time of the last.
        """
        columns = _own(columns)
        times = columns.times
        labels = [one.resource.labels for one in columns.found]
        running = [(one.service_name, one.revision_name) for one in labels]
        firsts = dict(zip(reversed(running), reversed(range(len(running))), strict=True))
        lasts = dict(zip(running, times, strict=True))
        told = self._firsts.get
        new = {each: at for each, at in firsts.items() if told(each, _NEVER) >= times[at]}
        news = {each: _sighting(columns, at, lasts.pop(each)) for each, at in new.items()}
        if new:
            _see_to_the_odd(news, running, columns)
            self._remember(news)
        return news, lasts

    def _remember(self, news: Mapping[Running, Sighting]) -> None:
        self._firsts.update({running: one.first for running, one in news.items()})
        if len(self._firsts) > self._most:
            self._firsts.clear()


def _see_to_the_odd(
    news: dict[Running, Sighting], running: Sequence[Running], columns: Columns
) -> None:
    """Settle which of several is the first of its time, and what ran that is no revision."""
    again = _repeated(columns.times).intersection([one.first for one in news.values()])
    odd = [each for each in news if not all(each)]
    for each in odd:
        del news[each]
    if again or odd:
        for at, (each, time) in enumerate(zip(running, columns.times, strict=True)):
            if time in again or not all(each):
                where = each if all(each) else _elsewhere(columns.found[at])
                merge_sightings(news, {where: _sighting(columns, at, time)} if where else {})


def _own(columns: Columns) -> Columns:
    """Leave out what tells of others."""
    audits = {name for name in set(columns.log_names) if AUDIT_LOGS in name}
    if not audits:
        return columns
    return columns.select([at for at, name in enumerate(columns.log_names) if name not in audits])


def _repeated(times: Sequence[str]) -> set[str]:
    """Return which of the times, which are in order, stand there more than once."""
    return set(compress(times, map(eq, times, times[1:])))


def _elsewhere(one: Outline) -> Running | None:
    """Say what runs that is no revision of a Cloud Run service."""
    service = _first(one.resource.labels, SERVICE)
    version = service and (_first(one.resource.labels, REVISION) or _commit(one.labels))
    return (service, version) if version else None


def _sighting(columns: Columns, at: int, last: str) -> Sighting:
    """Return what begins at one row and ends at a time."""
    found, log_names, times = columns
    return Sighting(times[at], log_names[at], found[at].insertId, _commit(found[at].labels), last)


def _commit(labels: msgspec.Raw) -> str:
    try:
        return _COMMIT.decode(labels).commit
    except msgspec.MsgspecError:  # no labels, or no text
        return ""


def _first(labels: ResourceLabels, names: Iterable[str]) -> str:
    return next((value for name in names if (value := getattr(labels, name))), "")
