"""The CSV download of the Logs Explorer: a column for each dotted path, all values text."""

from __future__ import annotations

import csv
import itertools
from typing import TYPE_CHECKING, Any

from pipeline.entry import Rejection, is_entry_field, path_segments
from pipeline.sources.files.records import Read, read_record
from pipeline.sources.files.streams import MAX_RECORD, TOO_LARGE, split_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_GUARD = "'"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MIN_COLUMNS = 2

Path = tuple[str, ...]
Line = tuple[int, bytes | None]


def is_csv_header(line: bytes) -> bool:
    """Say whether a line names columns of which at least one is a field of an entry."""
    names = [path[0] for path in _paths(_cells(line))]
    return len(names) >= _MIN_COLUMNS and any(is_entry_field(name) for name in names)


def read_csv(name: str, chunks: Iterable[bytes]) -> Iterator[Read]:
    """Read rows, the first of which names the columns.

    Spreadsheets take a cell that begins with `=`, `+`, `-` or `@` for a formula, so downloads guard
    such cells, or every cell, with a leading `'`; the guard is taken off.
    """
    lines = enumerate(split_lines(chunks), 1)
    _, first = next(lines, (0, None))
    header = _cells(first or b"")
    paths = _paths(header)
    guarded = any(cell.startswith(_GUARD) for cell in header)
    for line, row in _rows(lines, len(paths)):
        place = f"{name}:{line}"
        if row is None:
            yield Rejection(place, f"a row that is {TOO_LARGE}, or has a quote that never ends")
        elif len(row) != len(paths):
            yield Rejection(place, f"a row of {len(row)} cells under {len(paths)} columns")
        else:
            yield from read_record(_record(paths, row, guarded=guarded), place)


def _rows(lines: Iterator[Line], width: int) -> Iterator[tuple[int, list[str] | None]]:
    """Yield rows with the line they begin on; None for one that does not end.

    A quoted cell may span lines. When its quote never ends, reading goes on with the next line that
    is a row by itself, so that a lost quote does not cost the file.
    """
    while (first := next(lines, None)) is not None:
        taken, whole = _take_row(first, lines)
        if not whole:
            yield first[0], None
            rest = itertools.chain(taken[1:], lines)
            lines = itertools.dropwhile(lambda line: not _is_row(line[1], width), rest)
        elif cells := _cells(b"\n".join(line or b"" for _, line in taken)):
            yield first[0], cells


def _take_row(first: Line, lines: Iterator[Line]) -> tuple[list[Line], bool]:
    """Take lines up to the one where no quote is open; say whether there was one in time."""
    taken, size, quotes = [first], 0, 0
    for number, line in itertools.chain([first], lines):
        if number != first[0]:
            taken.append((number, line))
        size += MAX_RECORD + 1 if line is None else len(line)
        quotes += line.count(b'"') if line else 0
        if size > MAX_RECORD or quotes % 2 == 0:
            return taken, size <= MAX_RECORD
    return taken, False


def _is_row(line: bytes | None, width: int) -> bool:
    return line is not None and line.count(b'"') % 2 == 0 and len(_cells(line)) == width


def _cells(line: bytes) -> list[str]:
    """Return the cells of a row; one cell, the line itself, if it is no CSV."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD * 2))
    text = line.decode("utf-8", "replace").removesuffix("\r")
    try:
        return next(csv.reader([text]), [])
    except csv.Error:
        return [text]


def _paths(header: Sequence[str]) -> list[Path]:
    names = (cell.strip().removeprefix(_GUARD) for cell in header)
    return [tuple(segment.text for segment in path_segments(name)) for name in names]


def _record(paths: Sequence[Path], row: Sequence[str], *, guarded: bool) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for path, cell in zip(paths, row, strict=True):
        if value := _unguarded(cell, guarded=guarded):
            _put(record, path, value)
    return record


def _unguarded(cell: str, *, guarded: bool) -> str:
    is_guarded = cell.startswith(_GUARD) and (guarded or cell[1:].startswith(_FORMULA))
    return cell[1:] if is_guarded else cell


def _put(record: dict[str, Any], path: Path, value: str) -> None:
    """Put the value at its path; of two columns that exclude each other the first one stays."""
    node = record
    for key in path[:-1]:
        node = node.setdefault(key, {})
        if not isinstance(node, dict):
            return
    node.setdefault(path[-1], value)
