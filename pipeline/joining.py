"""A traceback that was written one line an entry, as one entry.

Cloud Run makes an entry of every line that a container writes to standard error without structure,
so a traceback arrives as many. `join` puts them together: out comes, for each traceback, its first
entry (same key, same fields) with the whole text as its `textPayload`. The entries it was made of
are not consumed: they stay what they are, and each is accounted for as before.

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
from itertools import groupby
from typing import TYPE_CHECKING, Final

from pipeline.exceptions import parse_exception
from pipeline.exceptions.lines import Role, role_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.entry import LogEntry

WITHIN: Final = 1_000_000_000
"""Nanoseconds after one line of a traceback within which its next one is logged."""
HELD: Final = 20_000
"""Lines that a `Joiner` holds at most; one of 5,000 frames has half of that."""
TEXT_LIMIT: Final = 256 * 1024
"""Characters of a joined text; past these only lines that are not indented count (the exception
of Python, causes of Java), as far as the same number again."""


def join(entries: Iterable[LogEntry]) -> list[LogEntry]:
    """Return one entry for each traceback spread over several of the entries, in order of time."""
    joined = [found for run in _runs(_distinct(entries)) for found in _join_run(run)]
    return sorted(joined, key=lambda entry: entry.key)


def is_part(entry: LogEntry) -> bool:
    """Say whether an entry can be a line of a traceback; joining passes all others over."""
    return _role(entry) is not None


class Joiner:
    """Joins entries as they arrive; see the module for what their order means."""

    def __init__(self, limit: int = HELD) -> None:
        """Hold `limit` lines at most."""
        self._limit = limit
        self._held: dict[tuple[str, int, str], LogEntry] = {}

    def on_entry(self, entry: LogEntry) -> list[LogEntry]:
        """Take any entry; return what was joined because room was needed, mostly nothing."""
        if not is_part(entry):
            return []
        _hold(self._held, entry)
        return self._make_room(entry.timestamp) if len(self._held) > self._limit else []

    def on_time(self, now: int) -> list[LogEntry]:
        """Return what no entry from `now` on (event time, ns UTC) can add to, and let go of it."""
        return self._release([run for run in self._runs() if run[-1].timestamp + WITHIN < now])

    def flush(self) -> list[LogEntry]:
        """Return all that is left, and forget it."""
        return self._release(self._runs())

    def _runs(self) -> list[list[LogEntry]]:
        return list(_runs(self._held.values()))

    def _make_room(self, time: int) -> list[LogEntry]:
        """Release the runs farthest from `time` until half of the room is free."""
        far, excess = [], len(self._held) - self._limit // 2
        for run in sorted(self._runs(), key=lambda run: _distance(run, time), reverse=True):
            if excess > 0:
                far.append(run)
                excess -= len(run)
        return self._release(far)

    def _release(self, runs: Sequence[Sequence[LogEntry]]) -> list[LogEntry]:
        entries = [entry for run in runs for entry in run]
        for entry in entries:
            del self._held[entry.key]
        return join(entries)


@dataclass(slots=True)
class _Group:
    """The lines of one traceback so far."""

    first: LogEntry
    lines: list[str] = field(default_factory=list)
    size: int = 0
    python: bool = False
    unnamed: bool = False
    linked: bool = False

    def goes_on(self, role: Role) -> bool:
        """Return whether a line of this role belongs to it."""
        if role is Role.HEADER:
            return self.linked
        if role is Role.NAME:
            return self.unnamed
        return role in {Role.REST, Role.LINK} or (role is Role.MORE and not self.python)

    def add(self, line: str, role: Role) -> None:
        self.python |= role is Role.HEADER
        self.unnamed = role is Role.HEADER or (self.unnamed and role is not Role.NAME)
        self.linked = role is Role.LINK
        self.size += len(line)
        if self.size <= (TEXT_LIMIT if line[:1].isspace() else 2 * TEXT_LIMIT):
            self.lines.append(line)

    def joined(self) -> LogEntry | None:
        """Return the entry it makes, None if it is no traceback of several lines after all."""
        text = "\n".join(self.lines)
        found = parse_exception(text) if len(self.lines) > 1 else None
        if found is None or not found.frames:
            return None
        document = {**self.first.document, "insertId": self.first.insert_id, "textPayload": text}
        return replace(self.first, document=document)


def _join_run(run: Iterable[LogEntry]) -> Iterator[LogEntry]:
    for group in _groups(run):
        if (joined := group.joined()) is not None:
            yield joined


def _groups(run: Iterable[LogEntry]) -> Iterator[_Group]:
    group: _Group | None = None
    for entry, role in _parts(run):
        if group is None or not group.goes_on(role):
            if group is not None:
                yield group
            group = _Group(entry) if role in _FIRST else None
        if group is not None:
            group.add(_line(entry), role)
    if group is not None:
        yield group


def _parts(entries: Iterable[LogEntry]) -> Iterator[tuple[LogEntry, Role]]:
    return ((entry, role) for entry in entries if (role := _role(entry)) is not None)


def _runs(entries: Iterable[LogEntry]) -> Iterator[list[LogEntry]]:
    """Split entries into streams, and these where nothing was logged for longer than `WITHIN`."""
    for _, stream in groupby(sorted(entries, key=_order), key=_stream):
        run: list[LogEntry] = []
        for entry in stream:
            if run and entry.timestamp - run[-1].timestamp > WITHIN:
                yield run
                run = []
            run.append(entry)
        yield run


def _distinct(entries: Iterable[LogEntry]) -> Iterable[LogEntry]:
    held: dict[tuple[str, int, str], LogEntry] = {}
    for entry, _ in _parts(entries):
        _hold(held, entry)
    return held.values()


def _hold(held: dict[tuple[str, int, str], LogEntry], entry: LogEntry) -> None:
    """Keep the richest of the copies of an entry."""
    known = held.get(entry.key)
    if known is None or entry.richness > known.richness:
        held[entry.key] = entry


def _stream(entry: LogEntry) -> tuple[str, ...]:
    return (entry.log_name, entry.service, entry.revision, entry.instance, entry.trace)


def _order(entry: LogEntry) -> tuple[tuple[str, ...], tuple[str, int, str]]:
    return (_stream(entry), entry.key)


def _distance(run: Sequence[LogEntry], time: int) -> int:
    return max(run[0].timestamp - time, time - run[-1].timestamp, 0)


def _role(entry: LogEntry) -> Role | None:
    line = _line(entry)
    return role_of(line) if line and "\n" not in line else None


def _line(entry: LogEntry) -> str:
    text = entry.document.get("textPayload")
    return text.rstrip() if isinstance(text, str) else ""


_FIRST: Final = frozenset({Role.HEADER, Role.START, Role.NAME})
