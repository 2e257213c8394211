"""The entries around first failures, from the export: it is read a second time, once for all.

Raw lines are searched with Hyperscan for the insertId of each first failure, and from where that is
found on for its instance and trace; only lines that hold one of these are looked at, and only those
that are kept are parsed. What stands above the place where something was found was not searched
for it, so as much of the export is read a third time, most often little of it.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from heapq import nlargest, nsmallest
from typing import TYPE_CHECKING, Any, NamedTuple

import hyperscan

from pipeline.entry import LogEntry, parse_line, parse_timestamp
from pipeline.entry.outline import outlines
from pipeline.entry.value import UNTOLD, log_name_of
from pipeline.errors import SourceError
from pipeline.investigators.nearby_logs.asking import (
    AFTER,
    MOST_AFTER,
    MOST_AT_START,
    MOST_BEFORE,
    SECOND,
    Answer,
    Asked,
    Near,
    Order,
    bare,
    near_of,
    order_of,
    same_as,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.ports import Batch, Block, Source

MOST_RECORDS = 20_000
"""Records of a file without raw lines (an array, CSV, YAML) that are read again: that is slow."""

LOOKING_BACK = 3600 * SECOND
"""Nanoseconds before the first failure in which the last healthy sign is looked for."""

_SAMPLES = 24
_MARGIN = 10 * SECOND

_SPARE = 2
"""Times as many as are wanted are held, at most."""

_TIME = re.compile(rb'"timestamp" ?: ?"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]{1,9})?)Z"')
_MADE = "sha256-"
"""How an insertId begins that no line holds, as the entry has none."""


@dataclass(frozen=True, slots=True)
class Export:
    """`Logs` that reads sources once more, each by its name; `unread` are those that cannot be."""

    sources: Sequence[tuple[str, Source]]
    unread: Sequence[str] = ()

    def near(self, asked: Sequence[Asked]) -> Answer:
        """Return what is near, and which sources were not read to their end."""
        hunt = _Hunt([_Search(one) for one in asked])
        unread = dict.fromkeys(f"{name} cannot be read twice" for name in self.unread)
        try:
            for at, batch in enumerate(self._batches(unread)):
                if hunt.is_over(batch):
                    break
                hunt.take(batch, at)
            for at, batch in enumerate(self._batches(unread)):
                if not hunt.goes_back(at):
                    break
                hunt.take(batch, at)
        except SourceError as error:
            unread[str(error)] = None
        found = hunt.found(complete=not unread)
        return Answer(found, "; ".join(unread))

    def _batches(self, unread: dict[str, None]) -> Iterator[Batch]:
        for name, source in self.sources:
            records = 0
            for batch in source.batches():
                records += len(batch) if isinstance(batch, list) else 0
                if records > MOST_RECORDS:
                    unread[f"of {name} only the first {MOST_RECORDS:,} records were read again"] = (
                        None
                    )
                    break
                yield batch


class _Held(NamedTuple):
    """A copy of an entry: the raw line, which is parsed if it is kept to the end, or the entry."""

    weight: tuple[int, bytes]
    record: LogEntry | bytes


class _Few:
    """The first few entries in order of time, or the last few; of copies the longest.

    Those that stand no chance any more are not even looked at: `wants` tells by their time.
    """

    def __init__(self, most: int, *, last: bool = False) -> None:
        self._most = most
        self._last = last
        self._held: dict[Order, _Held] = {}
        self._bound = ""  # the time of the worst one that is held, once there are enough

    def wants(self, time: str) -> bool:
        """Return whether an entry of that time could be among the few."""
        return not self._bound or (time >= self._bound if self._last else time <= self._bound)

    def pick(self, lines: Iterable[tuple[str, int]]) -> list[int]:
        """Return those of some lines, each with its time, that could be among the few."""
        wanted = [line for line in lines if self.wants(line[0])]
        pick = nlargest if self._last else nsmallest
        return [number for _, number in pick(_SPARE * self._most, wanted)]

    def take(self, order: Order, held: _Held) -> None:
        """Take one more."""
        known = self._held.get(order)
        if known is None or held.weight > known.weight:
            self._held[order] = held
        if len(self._held) >= _SPARE * self._most:
            self._trim()

    def _trim(self) -> None:
        kept = sorted(self._held, reverse=self._last)[: self._most]
        self._held = {order: self._held[order] for order in kept}
        self._bound = kept[-1][0] if len(kept) == self._most else ""

    def entries(self) -> Iterator[LogEntry]:
        """Yield the few."""
        self._trim()
        for held in self._held.values():
            record = held.record
            entry = parse_line(record, "") if isinstance(record, bytes) else record
            if entry is not None:
                yield entry


@dataclass(slots=True)
class _Search:
    """The search for the entries around one first failure, which may not be found yet."""

    asked: Asked
    anchor: LogEntry | None = None
    here: Order = ("", "", "")
    span: tuple[str, str] = ("", "")
    before: _Few = field(default_factory=lambda: _Few(MOST_BEFORE, last=True))
    after: _Few = field(default_factory=lambda: _Few(MOST_AFTER))
    start: _Few = field(default_factory=lambda: _Few(MOST_AT_START))

    @property
    def words(self) -> list[bytes]:
        """What stands in the lines that are looked at."""
        anchor = self.anchor
        if anchor is None:
            if self.asked.insert_id.startswith(_MADE):
                return [f'"{bare(self.asked.at)}'.encode()]
            return [_quoted(self.asked.insert_id)]
        words = [anchor.instance or anchor.revision or anchor.service, anchor.trace]
        return [_quoted(word)[at:] for at, word in enumerate(words) if word]

    def learn(self, entry: LogEntry) -> bool:
        """Take the first failure, if this is the entry; return whether that is news."""
        if self.anchor is not None or not self.asked.is_of(entry):
            return False
        self.anchor, self.here = entry, order_of(entry)
        ends = (entry.timestamp - LOOKING_BACK, entry.timestamp + AFTER)
        self.span = (bare(ends[0]), bare(ends[1]))
        return True

    def wants(self, first: str, last: str) -> bool:
        """Return whether entries from one time to another could be near."""
        here = self.here[0]
        return (
            (last >= self.span[0] and first <= here and self.before.wants(min(last, here)))
            or (last >= here and first <= self.span[1] and self.after.wants(max(first, here)))
            or (first <= here and self.start.wants(first))
        )

    def pick(self, lines: Sequence[tuple[str, int]]) -> set[int]:
        """Return which of some lines, each with its time, could be near."""
        here = self.here[0]
        start, end = self.span
        return {
            *self.before.pick(line for line in lines if start <= line[0] <= here),
            *self.after.pick(line for line in lines if here <= line[0] <= end),
            *self.start.pick(line for line in lines if line[0] <= here),
        }

    def hear(self, order: Order, held: _Held) -> None:
        """Take an entry that may be near."""
        if order < self.here:
            self.start.take(order, held)
            if order[0] >= self.span[0]:
                self.before.take(order, held)
        elif order > self.here and order[0] <= self.span[1]:
            self.after.take(order, held)

    def near(self, *, complete: bool) -> Near | None:
        """Return what was found, None if not even the first failure was."""
        if self.anchor is None:
            return None
        held = (self.before, self.after, self.start)
        entries = [entry for few in held for entry in few.entries()]
        return near_of(self.anchor, entries, "the export", complete=complete)


class _Words:
    """What stands in lines that some searches look for."""

    def __init__(self, searches: Sequence[_Search]) -> None:
        self.owners: dict[bytes, list[_Search]] = {}
        for search in searches:
            for word in search.words:
                self.owners.setdefault(word, []).append(search)
        self._database = _database([*self.owners]) if self.owners else None

    def lines(self, block: Block) -> Iterator[tuple[list[_Search], list[int]]]:
        """Yield for each word that is there whose it is, and in which lines it stands."""
        if self._database is None:
            return
        hits: dict[int, list[int]] = defaultdict(list)
        self._database.scan(block.data, match_event_handler=_note, context=hits)
        owners = [*self.owners.values()]
        for number, ends in hits.items():
            yield owners[number], sorted(block.lines_at(ends))


class _Hunt:
    """All searches at once."""

    def __init__(self, searches: Sequence[_Search]) -> None:
        self._searches = searches
        self._in_order = all(search.asked.in_order for search in searches)
        self._last = -1
        self._sort()

    def _sort(self) -> None:
        """Make ready to look for first failures, and for what is near those that are known."""
        self._open = [search for search in self._searches if search.anchor is None]
        self._known = [search for search in self._searches if search.anchor is not None]
        self._failures, self._near = _Words(self._open), _Words(self._known)

    def is_over(self, batch: Batch) -> bool:
        """Return whether nothing that is near can stand in a batch, nor after it.

        That can be told only of entries that are known to stand in order of time.
        """
        if isinstance(batch, list) or self._open or not self._in_order:
            return False
        span = _span(batch)
        return span is not None and all(search.span[1] < span[0] for search in self._known)

    def goes_back(self, at: int) -> bool:
        """Return whether a batch came before something was learned that it may hold."""
        return at <= self._last

    def take(self, batch: Batch, at: int) -> None:
        """Look at a batch; what is learned there is heard of from the next one on."""
        if isinstance(batch, list):
            learned = self._take_entries(batch)
        else:
            learned = self._find(batch)
            self._hear_block(batch)
        if learned:
            self._last = at
            self._sort()

    def _take_entries(self, records: Iterable[Any]) -> bool:
        """Look at entries; return whether one is a first failure that was not known."""
        entries = [record for record in records if isinstance(record, LogEntry)]
        for search in self._known:
            _hear(search, entries)
        return sum(search.learn(entry) for entry in entries for search in self._open) > 0

    def _find(self, block: Block) -> bool:
        """Look for first failures; return whether there is one."""
        found = 0
        for owners, lines in self._failures.lines(block):
            for record in block.read(lines):
                if isinstance(record, LogEntry):
                    found += sum(search.learn(record) for search in owners)
        return found > 0

    def _hear_block(self, block: Block) -> None:
        """Hear of what is near, if the times that stand in the block let anything be."""
        span = _span(block) if self._known else None
        if span and not any(search.wants(*span) for search in self._known):
            return
        for owners, lines in self._near.lines(block):
            timed = [(_time(block.line(at)), at) for at in lines]
            alone = [at for time, at in timed if not time]
            odd = [one for one in block.read(alone) if isinstance(one, LogEntry)]
            for search in owners:
                _hear_lines(search, block, [line for line in timed if line[0]])
                _hear(search, odd)

    def found(self, *, complete: bool) -> dict[str, Near]:
        """Return what was found, by incident."""
        near = {search.asked.incident: search.near(complete=complete) for search in self._searches}
        return {incident: one for incident, one in near.items() if one is not None}


def _hear(search: _Search, entries: Iterable[LogEntry]) -> None:
    """Tell a search of those entries that have something in common with its failure."""
    anchor = search.anchor
    for entry in entries:
        if anchor is not None and same_as(anchor, entry) is not None:
            search.hear(order_of(entry), _Held((len(entry.json), entry.json), entry))


def _hear_lines(search: _Search, block: Block, timed: Sequence[tuple[str, int]]) -> None:
    """Tell a search of raw lines, each with its time."""
    for at in sorted(search.pick(timed)):
        line = block.line(at)
        (outline,) = outlines(line, 1, regular=False)
        if outline is None:
            _hear(search, [one for one in block.read([at]) if isinstance(one, LogEntry)])
            continue
        order = (outline.timestamp.rstrip(UNTOLD), log_name_of(outline.logName), outline.insertId)
        search.hear(order, _Held((len(line), line), line))


def _span(block: Block) -> tuple[str, str] | None:
    """Return between which times the entries of a block lie, None if only a look at each can tell.

    An export is in order of time, or in the opposite one, nearly always. That it is shows in a
    few lines: of `_SAMPLES` in any other order hardly ever all are in this one. Near each other
    entries may still stand in another order, so a `_MARGIN` is left.
    """
    last = len(block) - 1
    at = [last * number // (_SAMPLES - 1) for number in range(_SAMPLES)] if last >= _SAMPLES else []
    times = [_time(block.line(number)) for number in at]
    if not all(times) or times not in (sorted(times), sorted(times, reverse=True)):
        return None
    if not times:
        return None
    first, final = sorted((times[0], times[-1]))
    try:
        return _moved(first, -_MARGIN), _moved(final, _MARGIN)
    except ValueError:  # it looks like a time and is none
        return None


def _moved(time: str, by: int) -> str:
    """Return a bare time moved by some nanoseconds; its seconds may have lost their zeros."""
    whole = time + "0000-00-00T00:00:00"[len(time) :]
    return bare(parse_timestamp(f"{whole}Z") + by)


def _time(line: bytes) -> str:
    """Return the time of a raw line as `LogEntry.bare_time` has it, "" if it has to be parsed."""
    found = _TIME.findall(line)
    if len(found) == 1:
        return str(found[0], "ascii").rstrip(UNTOLD)
    (outline,) = outlines(line, 1, regular=False)
    return outline.timestamp.rstrip(UNTOLD) if outline else ""


def _quoted(text: str) -> bytes:
    """Return a text as it stands in JSON, in quotes."""
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")


def _database(words: Sequence[bytes]) -> Any:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[*words],
        ids=[*range(len(words))],
        elements=len(words),
        flags=[0] * len(words),
        literal=True,
    )
    return database


def _note(number: int, _start: int, end: int, _flags: int, context: Any) -> None:
    """Note where a word ends: a callback of Hyperscan's."""
    context[number].append(end - 1)
