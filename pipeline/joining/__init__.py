"""A traceback that was written one line an entry, as one entry.

Cloud Run makes an entry of every line that a container writes to standard error without structure,
so a traceback arrives as many. `join` puts them together: out comes, for each traceback, its first
entry (same key, same fields) with the whole text as its `textPayload`. The entries it was made of
are not consumed: they stay what they are, and each is accounted for as before. A logger that tells
of an exception writes a line of its own right above the traceback; which that is, is told, too,
also of a traceback that came whole in one entry. Messages of several lines that are none are told
beside them (`paragraphs.py`).

The order in which entries arrive means nothing, since exports come newest first, oldest first and
unsorted. Entries are put into streams (log, service, revision, instance, trace), and a stream into
the order that Cloud Logging itself gives it: by timestamp, then by insertId. Only then are they
read. A line more than `WITHIN` after the one before it belongs to another traceback; lines that can
be of no traceback, and entries of several lines, are passed over.

`Joiner` does that while entries arrive, in bounded memory:

* As long as no more than its limit of lines is held, what it returned at the end (`flush`) is what
  `join` returns for all entries, whatever their order and however often they came.
* Past that it gives up those farthest in time from the entry that just arrived, a whole run of
  lines at a time. In an export that is sorted, in either direction, these are complete. In one
  that is not, lines that arrive after their run was given up are read by themselves: a traceback
  then lacks them, or is told twice, under one key, with the fuller copy being the richer one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from pipeline.entry.attempts import another_attempt
from pipeline.entry.severity import Severity
from pipeline.exceptions import parse_exception
from pipeline.exceptions.lines import Role
from pipeline.joining.streams import FIRST, is_near, last_cut, may_be_whole, role_in, runs
from pipeline.paragraphs import (
    WITHIN,
    Above,
    introduces,
    is_telling,
    line_of,
    may_be_above,
    paragraphs,
    said_by,
    tells_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.entry import LogEntry

    Key = tuple[str, int, str]
    _Said = tuple[tuple[LogEntry, ...], bool, bool]
    """Lines, whether they say that another attempt follows, and whether they only tell."""

HELD: Final = 20_000
"""Lines that a `Joiner` holds at most; one of 5,000 frames has half of that."""
LONG: Final = 16 * 1024 * 1024 // HELD
"""Characters with which a line counts as one more: so all that is held has 16 million at most, of
up to four bytes each."""
TEXT_LIMIT: Final = 256 * 1024
"""Characters of a joined text; past these only lines that are not indented count (the exception
of Python, causes of Java), as far as the same number again."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A traceback as one entry, the entries it was made of, and the one right above it.

    One that came whole was made of itself. `below` are lines behind it that belong to its message.
    """

    entry: LogEntry
    parts: tuple[LogEntry, ...]
    above: LogEntry | None = None
    below: tuple[LogEntry, ...] = ()

    @property
    def again(self) -> bool:
        """Whether what stands around it says that another attempt follows."""
        above = () if self.above is None else (self.above,)
        return another_attempt(said_by((*above, *self.below)))

    @property
    def told(self) -> bool:
        """Whether the line above only tells of it, as of what was handled."""
        return self.above is not None and introduces(self.above, self.entry.message)


@dataclass(frozen=True, slots=True)
class Released:
    """What was made of some entries, in order of time; `loose` belong to no traceback.

    Of these `again` are the keys of lines of messages that say that another attempt follows, `told`
    of those that only tell of what was handled.
    """

    joined: tuple[Joined, ...] = ()
    loose: tuple[LogEntry, ...] = ()
    again: frozenset[Key] = frozenset()
    told: frozenset[Key] = frozenset()


def join(entries: Iterable[LogEntry]) -> list[LogEntry]:
    """Return one entry for each traceback spread over several of the entries, in order of time."""
    found = _released(_distinct(entries)).joined
    return [one.entry for one in found if len(one.parts) > 1]


def is_part(entry: LogEntry, *, is_plain: bool = False) -> bool:
    """Say whether an entry can be a line of a traceback, all of one, or stand right above one.

    Joining passes all others over, unless it is told that they matter. `is_plain`: its line is none
    in which `find_parts` or `find_telling` found something, if it is a single one.
    """
    if may_be_whole(entry) or may_be_above(entry):
        return True
    return not is_plain and (role_in(entry) is not None or is_telling(entry))


def is_apart(text: str, severity: Severity) -> bool:
    """Say whether an entry with this textPayload ("" for none) and severity cannot be a part.

    The severity is its own, and its text is no line that has a role (`find_parts`).
    """
    line = text.rstrip()
    return not line or (severity == Severity.WARNING and "\n" not in line)


class Joiner:
    """Joins entries as they arrive; see the module for what their order means."""

    def __init__(self, limit: int = HELD) -> None:
        """Hold `limit` lines at most."""
        self._limit = limit
        self._held: dict[tuple[str, int, str], LogEntry] = {}
        self._came: dict[tuple[str, int, str], int] = {}
        self._roles: dict[tuple[str, int, str], Role | None] = {}  # they are asked at each step
        self._size = 0

    def on_entry(self, entry: LogEntry, came: int = 0, *, matters: bool = False) -> Released:
        """Take any entry; return what was released because room was needed, mostly nothing.

        `came` is when it arrived, where somebody counts that (ns). One that `matters` may begin a
        message of several lines, whatever it says.
        """
        if not (matters or is_part(entry)):
            return _NOTHING
        self._came.setdefault(entry.key, came)
        self._size -= _size(self._held.get(entry.key))
        _hold(self._held, entry)
        held = self._held[entry.key]
        self._roles[held.key] = role_in(held)
        self._size += _size(held)
        return self._make_room(entry.timestamp) if self._size > self._limit else _NOTHING

    def held(self) -> Iterable[LogEntry]:
        """Return the lines that wait for what follows."""
        return self._held.values()

    def came(self) -> Iterable[int]:
        """Return when each of them arrived (ns), in their order."""
        return [self._came[key] for key in self._held]

    def on_time(self, now: int, came: int = 0) -> Released:
        """Return what no entry from `now` on (event time, ns UTC) can add to, and let go of it.

        What arrived later than `came` is held all the same: other lines of it may be on their way.
        """
        return self._release([self._complete(run, now, came) for run in self._runs()])

    def is_waiting(self, now: int) -> bool:
        """Whether something is held that was logged before `now` (ns UTC); any thread may ask."""
        return any(entry.timestamp < now for entry in [*self._held.values()])

    def _complete(self, run: list[LogEntry], now: int, came: int) -> list[LogEntry]:
        """Return the run, or its beginning, if nothing can be added to it any more.

        Failures that never end make a run that never does.
        """
        known = [*takewhile(lambda one: self._is_known(one, now, came), run)]
        return known if len(known) == len(run) else known[: last_cut(known, self._role)]

    def _is_known(self, entry: LogEntry, now: int, came: int) -> bool:
        """Say whether all that was logged up to an entry is held.

        What is dated ahead of its arrival was not logged after that.
        """
        arrived = self._came[entry.key]
        logged = min(entry.timestamp, arrived) if arrived else entry.timestamp
        return logged + WITHIN < now and arrived <= came

    def flush(self) -> Released:
        """Return all that is left, and forget it."""
        return self._release(self._runs())

    def _runs(self) -> list[list[LogEntry]]:
        return list(runs(self._held.values(), self._role))

    def _role(self, entry: LogEntry) -> Role | None:
        return self._roles[entry.key]

    def _make_room(self, time: int) -> Released:
        """Release the runs farthest from `time` until half of the room is free."""
        far, excess = [], self._size - self._limit // 2
        for run in sorted(self._runs(), key=lambda run: _distance(run, time), reverse=True):
            if excess > 0:
                far.append(run)
                excess -= sum(map(_size, run))
        return self._release(far)

    def _release(self, runs: Sequence[Sequence[LogEntry]]) -> Released:
        entries = [entry for run in runs for entry in run]
        for entry in entries:
            self._size -= _size(self._held.pop(entry.key))
            del self._came[entry.key]
            del self._roles[entry.key]
        return _released(entries)


def _released(entries: Iterable[LogEntry]) -> Released:
    every = list(entries)
    read = [_read(run) for run in runs(every, role_in)]
    joined = [one for found, _ in read for one in found]
    said = [one for _, found in read for one in found]
    said += [(one.below, one.again, one.told) for one in joined]
    used = {part.key for one in joined for part in one.parts}
    used.update(one.above.key for one in joined if one.above is not None)
    return Released(
        tuple(sorted(joined, key=lambda one: one.entry.key)),
        tuple(sorted((one for one in every if one.key not in used), key=lambda one: one.key)),
        frozenset(line.key for lines, again, _ in said if again for line in lines),
        frozenset(line.key for lines, _, told in said if told for line in lines),
    )


def _read(run: Sequence[LogEntry]) -> tuple[list[Joined], list[_Said]]:
    """Return the tracebacks of a run, and the other messages of several lines."""
    joined: list[Joined] = list(_join_run(run))
    said: list[_Said] = []
    for one in paragraphs(run, [found.parts for found in joined]):
        if one.below is None:
            said.append((one.lines, one.again, one.told))
        else:
            joined[one.below] = replace(joined[one.below], below=one.lines)
    return joined, said


@dataclass(slots=True)
class _Group:
    """The lines of one traceback so far."""

    first: LogEntry
    above: LogEntry | None = None
    parts: list[LogEntry] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    size: int = 0
    python: bool = False
    unnamed: bool = False
    linked: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether its exception is named; only what belongs to its message may follow."""
        return self.python and not self.unnamed

    def goes_on(self, role: Role) -> bool:
        """Return whether a line of this role belongs to it."""
        if role is Role.HEADER:
            return self.linked
        if role is Role.NAME:
            return self.unnamed
        return role in {Role.REST, Role.LINK} or (role is Role.MORE and not self.python)

    def add(self, entry: LogEntry, role: Role) -> None:
        line = line_of(entry)
        self.parts.append(entry)
        self.python |= role is Role.HEADER
        self.unnamed = role is Role.HEADER or (self.unnamed and role is not Role.NAME)
        self.linked = role is Role.LINK
        self.size += len(line)
        if self.size <= (TEXT_LIMIT if line[:1].isspace() else 2 * TEXT_LIMIT):
            self.lines.append(line)

    def joined(self) -> Joined | None:
        """Return the traceback, None if it is none of several lines after all.

        One without a severity has that of the line above, if that is the line of an error.
        """
        text = "\n".join(self.lines) or str(self.first.document["textPayload"])
        found = parse_exception(text) if "\n" in text else None
        if found is None or not found.frames:
            return None
        above = self.above if self.above is not None and tells_of(self.above, text) else None
        document = {**self.first.document, "insertId": self.first.insert_id, "textPayload": text}
        if above is not None and not self.first.severity and above.severity >= Severity.WARNING:
            document["severity"] = above.severity.name
        return Joined(replace(self.first, document=document), tuple(self.parts), above)


def _join_run(run: Iterable[LogEntry]) -> Iterator[Joined]:
    for group in _groups(run):
        if (joined := group.joined()) is not None:
            yield joined


def _groups(run: Iterable[LogEntry]) -> Iterator[_Group]:
    group: _Group | None = None
    above = Above()
    for entry in run:
        role = role_in(entry)
        if role is None:
            if may_be_whole(entry):
                yield _Group(entry, above.right_above(entry), [entry])
                above = Above()
            else:
                above.take(entry)
            continue
        ended = group is None or group.is_whole
        if role is Role.REST and ended and above.goes_on(entry):
            continue
        if group is None or not (group.goes_on(role) and is_near(group.parts[-1], entry)):
            if group is not None:
                yield group
            group = _Group(entry, above.right_above(entry)) if role in FIRST else None
        above = Above()
        if group is not None:
            group.add(entry, role)
    if group is not None:
        yield group


def _distinct(entries: Iterable[LogEntry]) -> Iterable[LogEntry]:
    held: dict[tuple[str, int, str], LogEntry] = {}
    for entry in filter(is_part, entries):
        _hold(held, entry)
    return held.values()


def _hold(held: dict[tuple[str, int, str], LogEntry], entry: LogEntry) -> None:
    """Keep the richest of the copies of an entry, without what was derived from it.

    That takes more room than the entry itself.
    """
    known = held.get(entry.key)
    if known is None or entry.richness > replace(known).richness:
        held[entry.key] = replace(entry)


def _distance(run: Sequence[LogEntry], time: int) -> int:
    return max(run[0].timestamp - time, time - run[-1].timestamp, 0)


def _size(entry: LogEntry | None) -> int:
    """Return how many lines it has; long ones count as several."""
    if entry is None:
        return 0
    size = len(str(entry.document.get("textPayload")))  # with white space at its end
    return 1 + line_of(entry).count("\n") + size // LONG


_NOTHING: Final = Released()
