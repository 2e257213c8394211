"""What can be told of raw lines without parsing them: whose copy each is, and its time.

An outline is decoded by msgspec, which reads a few fields, checks that the rest is JSON, and builds
nothing of it: a third of the time that parsing takes. A line that is out of the ordinary in any
way has none: it has to be parsed.
"""

from __future__ import annotations

from operator import gt
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pipeline.entry.message import message_of
from pipeline.entry.severity import Severity, is_unknown, severity_of, severity_of_text
from pipeline.entry.shapes import spellings
from pipeline.entry.timestamps import is_timestamp, parse_timestamp
from pipeline.entry.value import UNTOLD, log_name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 16 * 1024
"""Bytes of a line; a longer one may be nested so deeply that not every decoder reads it."""


class Payload(msgspec.Struct, gc=False):
    """An object without a list of lines; those of a request log are entries, too."""

    line: str | float | bool | None = None


_NONE = msgspec.Raw()


class ResourceLabels(msgspec.Struct, gc=False, frozen=True):
    """The labels of a monitored resource that say what runs there (as the tables in `origin`)."""

    revision_name: str = ""
    service_name: str = ""
    worker_pool_name: str = ""
    job_name: str = ""
    function_name: str = ""
    module_id: str = ""
    container_name: str = ""
    version_id: str = ""


class Request(msgspec.Struct, gc=False, frozen=True):
    """What an entry says of an HTTP request."""

    status: int | str | None = None


class Resource(msgspec.Struct, gc=False, frozen=True):
    """A monitored resource."""

    labels: ResourceLabels = ResourceLabels()


class Outline(msgspec.Struct, gc=False):
    """The fields of a line that say whose copy it is, of when, and what a traceback is made of.

    A field whose value has another type is out of the ordinary, and so are `metadata`, which is of
    the Logging API v1, and the `SPELLINGS`.
    """

    insertId: str  # noqa: N815 - the names that stand in the line
    logName: str  # noqa: N815
    timestamp: str
    receiveTimestamp: str = ""  # noqa: N815
    severity: str = ""
    textPayload: str = ""  # noqa: N815
    jsonPayload: Payload | None = None  # noqa: N815
    protoPayload: Payload | None = None  # noqa: N815
    traceSampled: bool | None = None  # noqa: N815
    metadata: None = None
    resource: Resource = Resource()
    labels: msgspec.Raw = _NONE
    httpRequest: Request | None = None  # noqa: N815


SPELLINGS = tuple(
    f'"{spelling}'
    for name in ("jsonPayload", "protoPayload", "receiveTimestamp", "severity", "textPayload")
    for spelling in dict.fromkeys(spellings(name))
    if spelling != name
)
"""What stands in a line that has one of these fields in another spelling, which an outline has not:
whoever takes the outlines of lines has to parse these."""


_DECODER = msgspec.json.Decoder(Outline)
_DIGITS = str.maketrans("123456789", "000000000")
_FRACTIONS = ("", *(f".{'0' * n}" for n in range(1, 10)))
_SHAPES = {len(shape): shape for shape in (f"0000-00-00T00:00:00{part}Z" for part in _FRACTIONS)}
_MIDNIGHT = "T00:00:00Z"


def outlines(data: bytes, count: int, *, regular: bool) -> Sequence[Outline | None]:
    """Return the outline of each of `count` lines; None for one that has to be parsed.

    Of `regular` lines each begins and ends as an object does and has `LONGEST` bytes at most. Then
    none of the objects ends on another line than it began, since `}` and `{` are never neighbours
    in JSON; and as many objects as lines are one a line.
    """
    if regular:
        try:
            found = _DECODER.decode_lines(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            found = []
        if len(found) == count:
            return found if _are_plain(found) else [_plain(outline) for outline in found]
    return [_outline(line) for line in data.split(b"\n")[:count]]


def loud_lines(found: Sequence[Outline | None]) -> list[int]:
    """Return which of the outlines may be of a WARNING or worse, or of a traceback, in order.

    No other line has one: of those without a severity its text tells, and if it has none or a
    payload beside, nothing does.
    """
    severities = [outline.severity if outline else "" for outline in found]
    kinds = {text: severity_of(text) for text in set(severities)}
    loud = {text for text, kind in kinds.items() if kind >= Severity.WARNING}
    none = {text for text, kind in kinds.items() if not kind}
    if not loud and not none:
        return []
    return [
        at
        for at, text in enumerate(severities)
        if text in loud or (text in none and (one := found[at]) and _may_be_loud(one))
    ]


def _may_be_loud(outline: Outline) -> bool:
    text = outline.textPayload
    if not text or outline.jsonPayload is not None:
        return True
    message = message_of({"textPayload": text})
    return "\n" in message or severity_of_text(message) >= Severity.WARNING


class Columns(NamedTuple):
    """Outlines, and what each of them tells of its entry, written as it is in an entry's key.

    The times sort as times do.
    """

    found: Sequence[Outline]
    log_names: Sequence[str]
    times: Sequence[str]

    def select(self, places: Sequence[int]) -> Columns:
        """Return some of the rows, in the order of the places; 0 is the first."""
        found, log_names, times = self
        return Columns(
            [found[at] for at in places],
            [log_names[at] for at in places],
            [times[at] for at in places],
        )

    def in_order(self) -> Columns:
        """Return the rows in the order of time."""
        times = self.times
        if not any(map(gt, times, times[1:])):
            return self
        return self.select(sorted(range(len(times)), key=times.__getitem__))


def columns_of(found: Sequence[Outline]) -> Columns:
    """Return the columns of outlines."""
    log_names = list(map(log_name_of, [one.logName for one in found]))
    return Columns(found, log_names, [one.timestamp.rstrip(UNTOLD) for one in found])


def identities(columns: Columns) -> list[int]:
    """Return the identity of each outline, which is that of the entry it is the outline of."""
    found, log_names, times = columns
    return list(map(hash, zip(log_names, times, [one.insertId for one in found], strict=True)))


def last_time(columns: Columns) -> int:
    """Return the last of the timestamps, in nanoseconds UTC."""
    at = columns.times.index(max(columns.times))
    return parse_timestamp(columns.found[at].timestamp)


def _outline(line: bytes) -> Outline | None:
    if len(line) > LONGEST:
        return None
    try:
        return _plain(_DECODER.decode(line))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _plain(outline: Outline) -> Outline | None:
    return outline if _are_plain((outline,)) else None


def _are_plain(found: Sequence[Outline]) -> bool:
    """Say whether each is one entry with an insertId, a known severity and times to rely on.

    A timestamp later than its arrival is an entry's time only up to a day (`LogEntry.event_time`).
    """
    times = [outline.timestamp for outline in found]
    received = [outline.receiveTimestamp for outline in found]
    if any(received):
        pairs = zip(times, received, strict=True)
        if any(arrived and arrived < time for time, arrived in pairs):
            return False
        times += filter(None, received)
    ids = [outline.insertId for outline in found]
    return (
        all(ids)
        and not any(map(is_unknown, {outline.severity for outline in found}))
        and _are_times(times)
    )


def _are_times(texts: Sequence[str]) -> bool:
    """Say whether all are times of the calendar, written as Cloud Logging writes them."""
    sizes = set(map(len, texts))
    if not all(_have_shape(texts, size, alone=len(sizes) == 1) for size in sizes):
        return False
    hours = {text[11:13] for text in texts}
    minutes = {part for text in texts for part in (text[14:16], text[17:19])}
    return (
        max(hours, default="") <= "23"
        and max(minutes, default="") <= "59"
        and all(is_timestamp(f"{day}{_MIDNIGHT}") for day in {text[:10] for text in texts})
    )


def _have_shape(texts: Sequence[str], size: int, *, alone: bool) -> bool:
    """Say whether all texts of a size are written as times of that size are."""
    some = texts if alone else [text for text in texts if len(text) == size]
    return "".join(some).translate(_DIGITS) == _SHAPES.get(size, "") * len(some)
