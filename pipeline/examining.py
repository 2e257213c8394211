"""From a batch of records to what a run has to know of them: the part that costs time.

An examination depends on nothing but its batch, so that batches can be examined in other processes
(`ports.Spread`), and what comes of it is small: identities of entries, and the few entries that
matter. Of a block of raw lines only those are parsed that a rule or a traceback may need, or that
are out of the ordinary (`entry.outline`); what is told of the others is the same as if they were.
What this program itself logged is counted, and nothing is told of it: it never feeds on that.
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from pipeline.detection import is_loud, words_of
from pipeline.entry import LogEntry, Rejection, parse_timestamp
from pipeline.entry.beats import beat_in, beats_in, merge_beats
from pipeline.entry.outline import columns_of, identities, last_time, loud_lines, outlines
from pipeline.entry.requests import (
    lasting,
    lasting_all,
    merge_requests,
    request_in,
    requests_in,
)
from pipeline.entry.severity import severity_of
from pipeline.entry.sighting import Watch, merge_sightings, sighting_of
from pipeline.entry.spoken import spoken
from pipeline.exceptions.lines import find_parts
from pipeline.joining import is_apart, is_part
from pipeline.novelty import Heard, Unknown
from pipeline.paragraphs import find_telling, is_line
from pipeline.received import OWN_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.detection import Detection, Detector
    from pipeline.entry.beats import Beats
    from pipeline.entry.outline import Columns, Outline
    from pipeline.entry.requests import Requests
    from pipeline.entry.sighting import Running, Sighting
    from pipeline.ports import Batch, Block

Key = tuple[str, int, str]
Richness = tuple[int, int, int, str]


@dataclass(frozen=True, slots=True)
class Window:
    """Which entries belong to the run: from `since`, up to and without `until` (ns UTC)."""

    since: int | None = None
    until: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it holds every time."""
        return self.since is None and self.until is None

    def holds(self, time: int) -> bool:
        """Return whether a timestamp lies inside."""
        after = self.since is None or time >= self.since
        return after and (self.until is None or time < self.until)


class Told(NamedTuple):
    """What the rules saw in a copy of an entry, which may be nothing."""

    identity: int
    richness: Richness
    detections: tuple[Detection, ...]


class Seen(NamedTuple):
    """What is known of a line before it is parsed: which rules to try, None if the entry tells.

    `is_plain`: as in `joining.is_part`.
    """

    rules: tuple[int, ...] | None
    is_plain: bool


UNSEEN: Final = Seen(None, is_plain=False)
_OWN: Final = f'"{OWN_LABEL}"'.encode()
_OWN_ESCAPED: Final = re.compile(rb"\\u00(?:2[eE]|[67])")
"""What stands in a line where a character of our label is escaped by its number."""


@dataclass(slots=True)
class Examined:
    """What there is to know of a batch; of entries that are only counted, their identities.

    `parsed` and `passed` are those of entries that were parsed and of lines that were not, one for
    each copy; `unknown` are those of an unknown severity among the former. `watermark` is the last
    event time. `silent` are copies in which nothing was seen. `parts` may be lines of a traceback.
    `span` is from the time of the first line to that of the last, where all stand in order of time.
    `own` were logged by this program itself: they are counted, and nothing is told of them.
    `sightings` say which revisions logged; of those that were told of before, `lasts` say when.
    `beats` are the minutes in which services logged. `requests` are those that entries tell of, if
    somebody counts them.
    """

    parsed: array[int] = field(default_factory=lambda: array("q"))
    passed: array[int] = field(default_factory=lambda: array("q"))
    unknown: array[int] = field(default_factory=lambda: array("q"))
    own: int = 0
    outside: int = 0
    watermark: int = 0
    span: tuple[str, str] | None = None
    rejections: list[Rejection] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    silent: list[tuple[int, Richness]] = field(default_factory=list)
    parts: list[LogEntry] = field(default_factory=list)
    sightings: dict[Running, Sighting] = field(default_factory=dict)
    lasts: dict[Running, str] = field(default_factory=dict)
    beats: Beats = field(default_factory=dict)
    requests: Requests = field(default_factory=dict)
    heard: Heard = field(default_factory=Heard)

    @property
    def read(self) -> int:
        """How many records it was."""
        return len(self.parsed) + len(self.passed) + len(self.rejections) + self.outside


class Examiner:
    """Examines batches, each by itself, save that it tells of revisions only what is new."""

    def __init__(  # noqa: PLR0913 - what does not change during a run
        self,
        detector: Detector,
        window: Window,
        wanted: Iterable[int] = (),
        latest: int | None = None,
        *,
        counting: bool = False,
        lasting: bool = False,
    ) -> None:
        """Take what does not change during a run.

        `wanted` are identities of entries of which every copy has to be parsed; times after
        `latest` (ns UTC) are nobody's. `counting`: requests are told of. `lasting`: another process
        may go on with what is told.
        """
        self._detector = detector
        self._window = window
        self._wanted = frozenset(wanted)
        self._latest = latest
        self._counting = counting
        self._lasting = lasting
        self._watch = Watch()

    def __call__(self, batch: Batch) -> Examined:
        """Examine a block of raw lines, or records."""
        examined = Examined()
        if isinstance(batch, list):
            self._take_records(batch, examined)
        elif self._detector.screen.is_blind:
            self._take_records(batch.read(range(len(batch))), examined)
        else:
            self._take_block(batch, examined)
        return examined

    def again(self, block: Block) -> list[Told]:
        """Tell what the rules see in the lines of a block whose entries are `wanted`.

        A line may hold further entries, which were told before.
        """
        found = _outlines(block)
        inside = self._inside(found)
        known = identities(columns_of([one for at in inside if (one := found[at])]))
        examined = Examined()
        read = block.read(self._among_wanted(inside, known))
        self._take_records((one for one in read if isinstance(one, LogEntry)), examined)
        silent = [Told(one, richness, ()) for one, richness in examined.silent]
        return [told for told in (*examined.told, *silent) if told.identity in self._wanted]

    def _take_block(self, block: Block, examined: Examined) -> None:
        tried = self._tried(block)
        found = _outlines(block, [at for at, rules in tried.items() if rules is None])
        inside = self._inside(found)
        columns = columns_of([one for at in inside if (one := found[at])])
        told = identities(columns)
        texts = [outline.textPayload if outline else "" for outline in found]
        parts = {*find_parts(texts), *find_telling(texts)}
        lines = {*tried, *parts, *self._among_wanted(inside, told)}
        loud = set(loud_lines(found)).difference(lines)
        heard = [(at, one) for at, one in zip(inside, told, strict=True) if at in loud]
        lines.update(self._hear(block, found, heard, examined))
        odd = {at for at, outline in enumerate(found) if outline is None}
        passed = [one for at, one in zip(inside, told, strict=True) if at not in lines]
        examined.passed.extend(passed)
        examined.outside += len(found) - len(lines | odd) - len(passed)
        if len(columns.found) == len(found) and columns.in_order() is columns:
            examined.span = (columns.times[0], columns.times[-1])
        if self._counting:
            numbers = lasting_all(columns) if self._lasting else told
            examined.requests = requests_in(columns, numbers)
        self._sight(columns, examined)
        self._take_records(block.read(sorted(odd)), examined)
        for at in sorted(lines - odd):
            rules = tried.get(at, ())
            seen = Seen(rules, is_plain=rules is not None and at not in parts)
            self._take_records(block.read([at]), examined, seen)

    def _tried(self, block: Block) -> dict[int, tuple[int, ...] | None]:
        """Return which rules to try on which lines, None where only the entry tells."""
        screen = self._detector.screen
        places = screen.places(block.data)
        numbers: dict[int, set[int]] = defaultdict(set)
        for at, (_, number) in zip(block.lines_at([end for end, _ in places]), places, strict=True):
            numbers[at].add(number)
        return {at: screen.tried_for(held) for at, held in numbers.items()}

    def _hear(
        self,
        block: Block,
        found: Sequence[Outline | None],
        loud: Iterable[tuple[int, int]],
        examined: Examined,
    ) -> Iterator[int]:
        """Take what loud lines say that no rule may match; yield those that have to be parsed.

        `loud` has the number of each line and the identity of its entry.
        """
        heard: list[Unknown] = []
        for at, identity in loud:
            outline = found[at]
            text = self._words(outline, block.line(at)) if outline else ""
            if outline and text:
                time = parse_timestamp(outline.timestamp)
                heard.append(Unknown(identity, time, outline.insertId, text))
            else:
                yield at
        examined.heard.note(heard, self._detector.redact_all)

    def _words(self, outline: Outline, line: bytes) -> str:
        """Return what an entry says of which nothing else counts, "" if more of it does."""
        severity = severity_of(outline.severity)
        if not severity or self._detector.may_heed(severity):
            return ""
        entry = spoken(line) if is_apart(outline.textPayload, severity) else None
        return words_of(entry) if entry else ""

    def _inside(self, found: Sequence[Outline | None]) -> Sequence[int]:
        """Return which lines have an outline, and a time in the window."""
        if self._window.is_open:
            return range(len(found)) if all(found) else [at for at, one in enumerate(found) if one]
        holds = self._window.holds
        return [at for at, one in enumerate(found) if one and holds(parse_timestamp(one.timestamp))]

    def _among_wanted(self, lines: Sequence[int], told: Sequence[int]) -> list[int]:
        if not self._wanted:
            return []
        return [at for at, one in zip(lines, told, strict=True) if one in self._wanted]

    def _sight(self, columns: Columns, examined: Examined) -> None:
        """Note when revisions were seen, and move event time."""
        if self._latest is not None:
            columns = _timely(columns, self._latest)
        if columns.found:
            columns = columns.in_order()
            examined.watermark = parse_timestamp(columns.found[-1].timestamp)
            examined.sightings, examined.lasts = self._watch.tell(columns)
            examined.beats = beats_in(columns)

    def _take_records(
        self,
        records: Iterable[LogEntry | Rejection],
        examined: Examined,
        seen: Seen | None = None,
    ) -> None:
        """Take what was parsed; `seen` says what is known of its line, and that it was sighted."""
        for record in records:
            if isinstance(record, Rejection):
                reason = self._detector.redact(record.reason)  # which may quote what was read
                examined.rejections.append(Rejection(record.place, reason))
            elif not self._window.holds(record.timestamp):
                examined.outside += 1
            elif _is_own(record):
                examined.parsed.append(self._identity(record))
                examined.own += 1
            else:
                if seen is None:
                    self._sight_entry(record, examined)
                self._take_entry(record, examined, seen or UNSEEN)

    def _sight_entry(self, entry: LogEntry, examined: Examined) -> None:
        if self._latest is None or entry.event_time <= self._latest:
            examined.watermark = max(examined.watermark, entry.event_time)
            merge_sightings(examined.sightings, sighting_of(entry))
            merge_beats(examined.beats, beat_in(entry))
            if self._counting:
                number = lasting(entry) if self._lasting else entry.identity
                merge_requests(examined.requests, request_in(entry, number))

    def _take_entry(self, entry: LogEntry, examined: Examined, seen: Seen) -> None:
        examined.parsed.append(self._identity(entry))
        if entry.has_unknown_severity:
            examined.unknown.append(self._identity(entry))
        part = is_part(entry, is_plain=seen.is_plain)
        detect = self._detector.known if part else self._detector.detect
        found = detect(entry, seen.rules)
        part = part or (is_line(entry) and self._detector.may_heal(found))
        if part:
            examined.parts.append(entry)
        else:
            known = self._detector.is_known(found)
            examined.heard.take(entry, self._detector.redact_all, known=known)
        if found:
            examined.told.append(Told(self._identity(entry), entry.richness, tuple(found)))
        elif not (self._lasting or (part and is_loud(entry))):  # else told once lines are joined
            examined.silent.append((entry.identity, entry.richness))

    def _identity(self, entry: LogEntry) -> int:
        """Return the identity, which means nothing to another process."""
        return 0 if self._lasting else entry.identity


def _outlines(block: Block, escaped: Iterable[int] = ()) -> Sequence[Outline | None]:
    """Return the outline of each line; None for one that has to be parsed, as our own have.

    In some lines characters may be escaped by their numbers, which no logger does to a label.
    """
    found = outlines(block.data, len(block), regular=block.regular)
    own = {at for at in escaped if _OWN_ESCAPED.search(block.line(at))}
    if _OWN in block.data:
        own.update(at for at in range(len(block)) if _OWN in block.line(at))
    return [None if at in own else one for at, one in enumerate(found)] if own else found


def _is_own(entry: LogEntry) -> bool:
    labels = entry.document.get("labels")
    return isinstance(labels, dict) and OWN_LABEL in labels


def _timely(columns: Columns, latest: int) -> Columns:
    """Leave out what claims to be of a time that is nobody's."""
    if not columns.found or last_time(columns) <= latest:
        return columns
    times = enumerate(parse_timestamp(one.timestamp) for one in columns.found)
    return columns.select([at for at, time in times if time <= latest])
