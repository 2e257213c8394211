"""Blocks of raw JSON lines, for whoever can tell that most of them need no parsing."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.entry import Rejection
from pipeline.entry.outline import LONGEST
from pipeline.errors import SourceError
from pipeline.sources.files.json_lines import read_json_lines, read_line
from pipeline.sources.files.streams import MAX_RECORD, BrokenStreamError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.sources.files.records import Read

_OPENS = re.compile(rb"^[^\S\n]*(?:\[\{?|\{)[^\S\n]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of a file (`ports.Block`), `number` being that of the first.

    One that stands in its file as it is here has an `offset` there: to another process it travels
    as that, and is read again.
    """

    name: str
    number: int
    data: bytes
    ends: np.ndarray[Any, np.dtype[np.intp]]
    regular: bool
    offset: int | None = None

    def __len__(self) -> int:
        return len(self.ends)

    def lines_at(self, places: Sequence[int]) -> Sequence[int]:
        """Return in which line each of some places of the data lies; 0 is the first."""
        found: list[int] = np.searchsorted(self.ends, places).tolist()
        return found

    def line(self, at: int) -> bytes:
        """Return one of the lines; 0 is the first."""
        return self.data[self.ends[at - 1] + 1 if at else 0 : self.ends[at]]

    def read(self, lines: Iterable[int]) -> Iterator[Read]:
        """Parse some of the lines; 0 is the first."""
        for at in lines:
            yield from read_line(self.name, self.number + at, self.line(at))

    def __reduce__(self) -> tuple[Any, ...]:
        data: bytes | int = self.data if self.offset is None else len(self.data)
        return _arrived, (self.name, self.number, data, self.ends, self.regular, self.offset)


def read_blocks(name: str, chunks: Iterable[bytes], offset: int | None) -> Iterator[Read | Block]:
    """Cut chunks of JSON lines into blocks; `offset` says where the first begins in its file.

    What makes more than lines of it (an opening bracket by itself, a line too long to be an entry)
    is read as `read_json_lines` does, from there on.
    """
    reading = _Reading(name, offset)
    try:
        yield from reading.read(iter(chunks))
    except BrokenStreamError as error:
        yield Rejection(f"{name}:{reading.number}", str(error))


@dataclass(slots=True)
class _Reading:
    """How far a file was read: `number` is that of the line that comes next."""

    name: str
    offset: int | None
    number: int = 1

    def read(self, chunks: Iterator[bytes]) -> Iterator[Read | Block]:
        rest = b""
        for chunk in chunks:
            cut = chunk.rfind(b"\n") + 1
            data = b"".join((rest, memoryview(chunk)[:cut])) if cut else b""  # copied once
            text = np.frombuffer(data, np.uint8)
            ends = np.flatnonzero(text == ord("\n"))
            closed = bool((text[ends - 1] == ord("}")).all())
            longest = max(len(rest), int(np.diff(ends, prepend=-1).max(initial=0)) - 1)
            if (not closed and _OPENS.search(data)) or longest > MAX_RECORD:
                left = self._counted(itertools.chain([rest, chunk], chunks))
                yield from read_json_lines(self.name, left, self.number)
                return
            if data:
                opened = bool((text[ends[:-1] + 1] == ord("{")).all())
                regular = closed and opened and longest <= LONGEST
                block = Block(self.name, self.number, data, ends, regular, self.offset)
                self.offset = None if self.offset is None else self.offset + len(data)
                self.number += len(ends)
                rest = chunk[cut:]
                del chunk, data, text  # whose memory the next ones then take over
                yield block
                del block
            else:
                rest += chunk
        yield from read_json_lines(self.name, [rest], self.number)

    def _counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self.number += chunk.count(b"\n")


def _arrived(  # noqa: PLR0913, PLR0917 - how pickle calls
    name: str,
    number: int,
    data: bytes | int,
    ends: np.ndarray[Any, np.dtype[np.intp]],
    regular: bool,  # noqa: FBT001
    offset: int,
) -> Block:
    """Return a block in the process it was sent to."""
    found = _again(name, offset, data) if isinstance(data, int) else data
    return Block(name, number, found, ends, regular, offset)


def _again(name: str, offset: int, size: int) -> bytes:
    reason = "it is shorter now"
    try:
        with Path(name).open("rb") as file:
            file.seek(offset)
            data = file.read(size)
    except OSError as error:
        data, reason = b"", str(error.strerror or error)
    if len(data) < size:
        message = (
            f"{name} could not be read again: {reason}; nothing was reported; "
            "try again when nobody changes it, or with --jobs 1"
        )
        raise SourceError(message)
    return data
