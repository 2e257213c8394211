"""JSON lines: what a log sink writes, and the quickest container to read."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from pipeline.entry import Rejection, decode_json, parse_entry, parse_line
from pipeline.errors import EntryError
from pipeline.sources.files.records import Read, has_entry, read_json, read_piece
from pipeline.sources.files.splitter import Piece
from pipeline.sources.files.streams import TOO_LARGE, BrokenStreamError, Lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_OPENERS = (b"{", b"[", b"[{")


def is_opener(line: bytes) -> bool:
    """Say whether a line only opens what the lines after it go on with."""
    return line.strip() in _OPENERS


def read_json_lines(name: str, chunks: Iterable[bytes], number: int = 1) -> Iterator[Read]:
    """Read one record a line, `number` being that of the first.

    From a line that is but an opening bracket on, read plain JSON. Where the text breaks off, say
    so last.
    """
    reading = Lines(chunks, number)
    pieces = iter(reading)
    try:
        for lines in pieces:
            for place, line in enumerate(lines, reading.number):
                entry = parse_line(line or b"", f"{name}:{place}")
                if entry is not None:
                    yield entry
                elif line is not None and is_opener(line):
                    left = itertools.chain([lines[place - reading.number :]], pieces)
                    yield from read_json(name, map(_joined, left), line=place)
                    return
                else:
                    yield from _read_any_line(name, place, line)
    except BrokenStreamError as error:
        yield Rejection(f"{name}:{reading.number}", str(error))


def read_line(name: str, number: int, line: bytes | None) -> list[Read]:
    """Read the record of a line; None is one that was too long to keep."""
    entry = parse_line(line or b"", f"{name}:{number}")
    return _read_any_line(name, number, line) if entry is None else [entry]


def _read_any_line(name: str, number: int, line: bytes | None) -> list[Read]:
    try:
        return [*parse_entry(decode_json(line or b""), place=f"{name}:{number}")]
    except (ValueError, EntryError):
        return _read_odd_line(name, number, line)


def _read_odd_line(name: str, number: int, line: bytes | None) -> list[Read]:
    if line is None:
        return [Rejection(f"{name}:{number}", TOO_LARGE)]
    if not line.strip():
        return []
    several = [*read_json(name, [line], line=number)]
    return several if has_entry(several) else read_piece(name, Piece(number, line))


def _joined(lines: list[bytes | None]) -> bytes:
    """Join lines again; where one was too long to keep, its object will turn out broken."""
    return b"".join((line or b"") + b"\n" for line in lines)
