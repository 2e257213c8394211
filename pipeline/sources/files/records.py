"""From a piece of a file to the entries in it, or to the one reason why there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.entry import LogEntry, Rejection, decode_json, parse_entry
from pipeline.errors import EntryError
from pipeline.sources.files.splitter import Piece, Splitter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Read = LogEntry | Rejection

_MAX_WRAPPERS = 3


def read_json(name: str, chunks: Iterable[bytes], *, line: int = 1) -> Iterator[Read]:
    """Read JSON text: an array, objects one after another, an object that wraps a list."""
    splitter = Splitter(line)
    for chunk in chunks:
        for piece in splitter.feed(chunk):
            yield from read_piece(name, piece)
    for piece in splitter.finish():
        yield from read_piece(name, piece)


def read_piece(name: str, piece: Piece, wrappers: int = _MAX_WRAPPERS) -> list[Read]:
    """Return the entries of one JSON object, or of the list that it wraps; else one rejection.

    An object is taken for a wrapper only if that gives an entry; `wrappers` may lie in one another.
    """
    place = f"{name}:{piece.line}"
    reason = piece.wrong
    if not reason:
        try:
            return [*parse_entry(decode_json(piece.data), place=place)]
        except ValueError as error:
            reason = f"no JSON: {error}"
        except EntryError as error:
            reason = str(error)
    inner = _read_inside(name, piece, wrappers - 1) if wrappers else []
    return inner if has_entry(inner) else [Rejection(place, reason)]


def read_record(record: object, place: str) -> list[Read]:
    """Return the entries of one decoded record, else one rejection."""
    try:
        return [*parse_entry(record, place=place)]
    except EntryError as error:
        return [Rejection(place, str(error))]


def has_entry(found: Iterable[Read]) -> bool:
    """Say whether there is an entry among what was read."""
    return any(isinstance(item, LogEntry) for item in found)


def _read_inside(name: str, piece: Piece, wrappers: int) -> list[Read]:
    splitter = Splitter(piece.line, inside=True)
    pieces = [*splitter.feed(piece.data), *splitter.finish()]
    return [item for inner in pieces for item in read_piece(name, inner, wrappers)]
