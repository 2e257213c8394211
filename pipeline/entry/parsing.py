"""One decoded record in, the entries it holds out."""

from __future__ import annotations

from typing import Any

import orjson

from pipeline.entry.decoding import clean, decode_json, may_be_deep
from pipeline.entry.envelopes import unwrap
from pipeline.entry.layout_v1 import split_lines
from pipeline.entry.shapes import canonical, is_canonical
from pipeline.entry.timestamps import is_timestamp
from pipeline.entry.value import LogEntry
from pipeline.errors import EntryError


def parse_entry(record: object, *, place: str = "", received: int | None = None) -> list[LogEntry]:
    """Return the entries that one record holds: one, or more for a request log with its lines.

    `record` is a decoded LogEntry of any shape, or one wrapped in a Pub/Sub message, a CloudEvent,
    a shipper's document or a JSON string. `place` says where it was read. `received` (nanoseconds
    UTC) is taken for the time of an entry that has neither timestamp nor receiveTimestamp. The
    record may become the entry's document, so it belongs to the entry from now on.

    Raises EntryError, whose text is the reason, when the record holds no entry.
    """
    if is_canonical(record) and (received is None or is_timestamp(record["timestamp"])):
        return [LogEntry(record, place)]
    return _parse(_decoded(record), place, received)


def parse_line(line: bytes, place: str) -> LogEntry | None:
    """Return the entry of a line that is canonical JSON as it stands; None for any other line.

    What it returns is what `parse_entry` makes of the decoded line, without the detours that a line
    of a log sink has no need of.
    """
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return None if may_be_deep(line) or not is_canonical(record) else LogEntry(record, place)


def _decoded(record: object) -> Any:
    if not isinstance(record, (str, bytes)):
        return clean(record)
    try:
        return decode_json(record)
    except ValueError as error:
        message = f"no JSON: {error}"
        raise EntryError(message) from None


def _parse(record: Any, place: str, received: int | None) -> list[LogEntry]:
    inside, sent = unwrap(record, received)
    request, lines = split_lines(canonical(inside, sent))
    parent = LogEntry(request, place)
    return [parent, *(_entry_of_line(parent, i, line) for i, line in enumerate(lines, 1))]


def _entry_of_line(request: LogEntry, number: int, line: dict[str, Any]) -> LogEntry:
    """Make the entry of a request's line, whose id follows from its place in the request."""
    named = {**line, "insertId": f"{request.insert_id}#{number}"}
    return LogEntry(canonical(named, request.timestamp), request.place)
