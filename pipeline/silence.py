"""Services that logged steadily and are not heard of any more: told only where logs can tell it.

What is looked at are the minutes in which each service of a project logged (`entry.beats`). A
service is silent if nothing of it is there for so long, while before

* it logged in each ten minutes of `STEADY` hours; and not all that was logged were errors, which an
  export may be cut to;
* a witness, another service of the project, did so, too, and went on all the time that it is
  silent: the export goes on, and has more than one service;
* no other service begins there and goes on, as when it gets a new name; and nobody deleted it.

How long that is the catalog says. Where it does not, many services are quiet at night; then a
silence is told only if the day before the service logged at that time and for `LONGER` more, and if
it did not tail off in its last hour and never paused a third as long.

A silence is told by an entry of its own making, which rules see like any other. It is no entry of
the export, and counted nowhere. All of it is a function of the set of minutes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pipeline.audit import SECOND
from pipeline.entry import LogEntry, format_timestamp, parse_timestamp
from pipeline.entry.beats import MINUTES, ORDINARY, merge_beats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pipeline.detection import Detection
    from pipeline.entry.beats import Beats, Day

    Key = tuple[str, int, str]
    Deletion = tuple[str, int]
    QuietAfter = Callable[[str], int | None]

MINUTE = 60 * SECOND
STEADY = 6
"""Hours for which a service has to have logged steadily."""
SPAN = 10
"""Minutes, in each of which a steady service logs."""
QUIET_AFTER = 30
"""Minutes of silence that are told where the catalog says nothing else."""
PAUSES = 3
"""How many times as long as any pause before it a silence has to be, at least."""
LONGER = 180
"""Minutes for which it has to have gone on the day before: evenings do not end by the clock."""
NEVER = 0
"""Of a service whose silence is never told."""
KEPT = 3
"""Days for which minutes are kept."""
LATEST = 40
"""Days up to the last one of a project that are looked at: a wrong clock is no year of silence."""
MOST = 20_000
"""Days of services that a run can tell of; where more seem to log, their names are no names."""

LOG = "fivewhys.silence"
"""The log in which a silence is told."""
DELETED = ("service_deleted",)
"""Rules about entries that say a service is gone; they capture which as `deleted`."""

_BEFORE = STEADY * 60
_HOUR = 60


class Silence(NamedTuple):
    """A service from which nothing came for so many minutes; `since` is the first (ns UTC).

    `last` is the last minute in which it logged. `witness` is who went on; `told` says that the
    catalog has the number of minutes.
    """

    project: str
    service: str
    since: int
    last: int
    minutes: int
    witness: str
    told: bool

    @property
    def entry(self) -> LogEntry:
        """The entry that tells of it."""
        start = format_timestamp(self.since)
        than = "longer than the catalog allows" if self.told else "unlike the day before"
        return LogEntry(
            {
                "insertId": f"silence-{self.service}-{start}",
                "logName": f"projects/{self.project}/logs/{LOG}",
                "timestamp": start,
                "severity": "NOTICE",
                "resource": {
                    "type": "generic_task",
                    "labels": {"project_id": self.project, "service_name": self.service},
                },
                "jsonPayload": {
                    "message": f"{self.service} has logged nothing for {self.minutes} minutes, "
                    f"{than}; its last entry is of {format_timestamp(self.last)[11:16]} UTC, "
                    f"{self.witness} went on",
                },
            },
            "silence",
        )


@dataclass(slots=True)
class Minutes:
    """What all entries of a run tell of minutes; the order they are told in does not matter.

    `changed` are the days of services of which more was told; who kept these clears it.
    """

    known: Beats = field(default_factory=dict)
    too_many: bool = False
    most: int = MOST
    changed: set[Day] = field(default_factory=set, compare=False)
    _until: int = field(default=0, compare=False)

    def add(self, more: Mapping[Day, int]) -> None:
        """Add some; nothing is known any more once there are too many to be true.

        Until `forget` ends that.
        """
        if not self.too_many:
            self.changed |= {day for day, told in more.items() if told & ~self.known.get(day, 0)}
            merge_beats(self.known, more)
            self.too_many = len(self.known) > self.most
        if self.too_many:
            self.known.clear()
            self.changed.clear()

    def forget(self, now: int) -> None:
        """Forget those of long ago (event time, ns UTC), and with them that there were too many.

        Not before a store forgot what it was told until then: it would get as many each time.
        """
        self.known = recent_beats(self.known, now)
        self.changed &= self.known.keys()
        if self.too_many:
            self._until = self._until or now + (KEPT + 1) * MINUTES * MINUTE
            self.too_many = now < self._until
        if not self.too_many:
            self._until = 0

    def redacted(self, redact: Callable[[str], str]) -> Beats:
        """Return them fit to be stored and shown."""
        clean: Beats = {}
        for (project, service, date), minutes in self.known.items():
            merge_beats(clean, {(redact(project), redact(service), date): minutes})
        return clean

    def news(self, redact: Callable[[str], str]) -> Beats:
        """Return those that changed, fit to be stored: what is stored has to be merged with."""
        return Minutes({day: self.known[day] for day in self.changed}).redacted(redact)


def recent_beats(beats: Mapping[Day, int], now: int) -> Beats:
    """Return those that are remembered at `now` (event time, ns UTC)."""
    since = beats_since(now)
    return {day: minutes for day, minutes in beats.items() if day[2] >= since}


def beats_since(now: int) -> str:
    """Return the first day that is remembered at `now` (event time, ns UTC)."""
    return format_timestamp(max(now - KEPT * MINUTES * MINUTE, 0))[:10]


def past(beats: Mapping[Day, int], now: int) -> Beats:
    """Return the minutes that have begun at an event time (ns UTC).

    Who is dated ahead goes on in others, where nobody else can.
    """
    text = format_timestamp(now)
    date, minute = text[:10], int(text[11:13]) * 60 + int(text[14:16])
    begun = ORDINARY | (2 << minute) - 1
    known = {day: minutes for day, minutes in beats.items() if day[2] <= date}
    cut = {day: known[day] & begun for day in known if day[2] == date}
    return {day: minutes for day, minutes in (known | cut).items() if minutes}


def deletions(detections: Iterable[Detection]) -> list[Deletion]:
    """Return which services were deleted, and when (ns UTC)."""
    return [
        (str(one.fields.get("deleted", "")), one.timestamp)
        for one in detections
        if one.rule in DELETED
    ]


def without(deleted: Iterable[Deletion], found: Iterable[Silence]) -> list[Silence]:
    """Return the silences of those that nobody deleted, up to an hour before or at any time after.

    A service may be deleted once it is not used any more.
    """
    last = dict(sorted(deleted))  # of several the last
    return [one for one in found if last.get(one.service, 0) < one.last - _HOUR * MINUTE]


def silences(beats: Mapping[Day, int], quiet_after: QuietAfter) -> list[Silence]:
    """Return all silences in some minutes, each told anew as often as its time has passed again.

    `quiet_after` says after how many minutes the silence of a service is told, None if the catalog
    does not say.
    """
    found: list[Silence] = []
    for project in sorted({day[0] for day in beats}):
        lines = _Lines(project, beats)
        for service in lines.services:
            after = quiet_after(service)
            if after != NEVER:
                found += lines.silences(service, after)
    return found


def lasts(beats: Mapping[Day, int]) -> dict[str, int]:
    """Return which services logged steadily, and the last minute (ns UTC) in which they did."""
    found: dict[str, int] = {}
    for project in sorted({day[0] for day in beats}):
        for service, last in _Lines(project, beats).lasts():
            found[service] = max(last, found.get(service, last))
    return found


def quiet(known: Mapping[str, int], now: int, quiet_after: QuietAfter) -> tuple[str, ...]:
    """Return of which services (`lasts`) nothing is heard at an event time, while others go on."""
    if all(now - last > SPAN * MINUTE for last in known.values()):
        return ()
    names = []
    for service, last in known.items():
        after = quiet_after(service)
        if after != NEVER and now - last > (after or QUIET_AFTER) * MINUTE:
            names.append(service)
    return tuple(sorted(names))


def is_heard(silence: Silence, own: Mapping[Day, int]) -> bool:
    """Return whether one export has both the last minute of a service and its witness at the end.

    Two may have been filtered in different ways.
    """
    end = silence.last + silence.minutes * MINUTE
    spans = ((silence.service, silence.last, 1), (silence.witness, end, SPAN))
    return all(
        any(_has(own, silence.project, name, last - back * MINUTE) for back in range(size))
        for name, last, size in spans
    )


def _has(beats: Mapping[Day, int], project: str, service: str, time: int) -> bool:
    text = format_timestamp(time)
    minute = int(text[11:13]) * 60 + int(text[14:16])
    return bool(beats.get((project, service, text[:10]), 0) >> minute & 1)


def is_silence(key: Key) -> bool:
    """Return whether the key of an entry is that of one that tells of a silence."""
    return key[0].endswith(f"/logs/{LOG}")


def contradicted(
    keys: Iterable[Key], known: Sequence[Silence], beats: Mapping[Day, int]
) -> list[Key]:
    """Return which silences, by the keys of their entries, are none in the light of all minutes.

    Where not all hours before one are known any more, it stays.
    """
    true = {one.entry.key for one in known}
    firsts: dict[str, int] = {}
    for project, _, date in beats:
        start = parse_timestamp(f"{date}T00:00:00Z")
        firsts[project] = min(firsts.get(project, start), start)
    return [
        key
        for key in keys
        if key not in true
        and firsts.get(key[0].split("/")[1], key[1]) + (_BEFORE + MINUTES) * MINUTE <= key[1]
    ]


class _Lines:
    """The minutes of all services of a project as texts of 0 and 1, which have the same length."""

    def __init__(self, project: str, beats: Mapping[Day, int]) -> None:
        dates = {day[2] for day in beats if day[0] == project}
        starts = {date: parse_timestamp(f"{date}T00:00:00Z") for date in dates}
        since = max(starts.values()) - LATEST * MINUTES * MINUTE
        own = {
            day[1:]: minutes
            for day, minutes in beats.items()
            if day[0] == project and starts[day[2]] >= since
        }
        self._project = project
        self._start = min(starts[date] for _, date in own)
        total = defaultdict[str, int](int)
        self._ordinary = {
            (starts[date] - self._start) // MINUTE // MINUTES
            for (_, date), minutes in own.items()
            if minutes & ORDINARY
        }
        for (service, date), minutes in own.items():
            if service:
                total[service] |= minutes << (starts[date] - self._start) // MINUTE
        size = max((minutes.bit_length() for minutes in total.values()), default=0)
        self._lines = {name: f"{minutes:0{size}b}"[::-1] for name, minutes in total.items()}
        self._size = size

    @property
    def services(self) -> list[str]:
        """Their names in order."""
        return sorted(self._lines)

    def lasts(self) -> Iterator[tuple[str, int]]:
        """Yield those that logged steadily for hours, with their last minute."""
        for service, line in self._lines.items():
            at = line.rfind("1")
            if at + 1 >= _BEFORE and self._is_steady(service, at + 1 - _BEFORE, at):
                yield service, self._start + at * MINUTE

    def silences(self, service: str, after: int | None) -> list[Silence]:
        """Return the silences of one service; `after` is what the catalog says."""
        line = self._lines[service]
        found: list[Silence] = []
        gap = "1" + "0" * (after or QUIET_AFTER)
        at = line.find(gap, _BEFORE - 1)
        while at >= 0:
            found += self._silence(service, at, after)
            at = line.find(gap, at + 1)
        return found

    def _silence(self, service: str, at: int, after: int | None) -> list[Silence]:
        """Return the silence after a minute, as often as it is told."""
        line = self._lines[service]
        first = at + 1 - _BEFORE
        need = after or max(QUIET_AFTER, PAUSES * _pause(line[first : at + 1]))
        if not self._is_steady(service, first, at) or not self._is_ordinary(first, at):
            return []
        if after is None and not self._is_unusual(service, at, need):
            return []
        found: list[Silence] = []
        end = at + need
        while end < self._size and end <= at + MINUTES and "1" not in line[at + 1 : end + 1]:
            witness = self._witness(service, first, end)
            if not witness or self._is_replaced(service, at, end):
                break
            since, last = (self._start + one * MINUTE for one in (end + 1 - need, at))
            told = after is not None
            found.append(Silence(self._project, service, since, last, end - at, witness, told))
            end += need
        return found

    def _is_steady(self, service: str, first: int, last: int) -> bool:
        """Return whether a service logged in each whole span of some minutes, the last included."""
        line = self._lines[service]
        ends = range(last + 1, first + SPAN - 1, -SPAN)
        return all("1" in line[end - SPAN : end] for end in ends)

    def _is_ordinary(self, first: int, last: int) -> bool:
        """Return whether not all of the project were errors, on the days of two minutes."""
        return not self._ordinary.isdisjoint((first // MINUTES, last // MINUTES))

    def _is_unusual(self, service: str, at: int, need: int) -> bool:
        """Return whether it did not tail off, and the day before went on for long."""
        before = at + 1 - MINUTES
        if before < 0 or _tails_off(self._lines[service][at + 1 - _BEFORE : at + 1]):
            return False
        return self._is_steady(service, before, before + need + LONGER - 1)

    def _witness(self, service: str, first: int, last: int) -> str:
        """Return the first service by name that went on, "" if none did."""
        others = (name for name in self.services if name != service)
        return next((name for name in others if self._is_steady(name, first, last)), "")

    def _is_replaced(self, service: str, at: int, last: int) -> bool:
        """Return whether another service begins about there and goes on."""
        begins = ((name, line.index("1")) for name, line in self._lines.items() if name != service)
        return any(
            at - _HOUR <= begin <= last and self._is_steady(name, begin, last)
            for name, begin in begins
        )


def _pause(line: str) -> int:
    """Return the longest pause in some minutes."""
    return max(map(len, line.split("1")))


def _tails_off(line: str) -> bool:
    """Return whether the last hour has less than three quarters of what an hour had on average."""
    return 4 * STEADY * line[-_HOUR:].count("1") < 3 * line.count("1")
