"""Streams of lines, in which order they are read, and where what is behind begins anew."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from pipeline.exceptions.lines import Role, role_of
from pipeline.paragraphs import BESIDE, WITHIN, line_of, may_go_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pipeline.entry import LogEntry

FIRST: Final = frozenset({Role.HEADER, Role.START, Role.NAME})
_LAST: Final = frozenset({Role.START, Role.NAME})


def role_in(entry: LogEntry) -> Role | None:
    """Return what an entry can be in a traceback that is spread over several of them."""
    line = line_of(entry)
    return role_of(line) if line and "\n" not in line else None


def may_be_whole(entry: LogEntry) -> bool:
    """Say whether an entry of several lines begins as a traceback does."""
    first, more, _ = line_of(entry).partition("\n")
    return bool(more) and role_of(first) in FIRST


def is_near(part: LogEntry | None, entry: LogEntry) -> bool:
    """Say whether an entry is logged so soon after a line that it can go on with it."""
    return part is not None and entry.timestamp - part.timestamp <= WITHIN


def runs(
    entries: Iterable[LogEntry], role: Callable[[LogEntry], Role | None]
) -> Iterator[list[LogEntry]]:
    """Split entries into streams, and these where nothing can belong to what was before.

    `role` is `role_in`, or what it said before.
    """
    for _, stream in groupby(sorted(entries, key=_order), key=_stream):
        run: list[LogEntry] = []
        part: LogEntry | None = None
        for entry in stream:
            if run and not is_near(part, entry) and entry.timestamp - run[-1].timestamp > BESIDE:
                yield run
                run = []
            run.append(entry)
            part = entry if role(entry) else part
        yield run


def last_cut(run: Sequence[LogEntry], role: Callable[[LogEntry], Role | None]) -> int:
    """Return the last place where a run can be cut without being read in another way, else 0.

    That is behind a line that can be the last one of a traceback, if the next line that is of one
    begins another, and if the message that it ends does not go on.
    """
    begins = False
    for at in range(len(run) - 1, 0, -1):
        found = role(run[at])
        if found is not None:
            begins = found in FIRST
        ends = role(run[at - 1]) in _LAST
        if begins and ends and not may_go_on(run[at - 1], run[at]):
            return at
    return 0


def _stream(entry: LogEntry) -> tuple[str, ...]:
    return (entry.log_name, entry.service, entry.revision, entry.instance, entry.trace)


def _order(entry: LogEntry) -> tuple[tuple[str, ...], tuple[str, int, str]]:
    return (_stream(entry), entry.key)
