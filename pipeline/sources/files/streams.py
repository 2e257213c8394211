"""Bytes in pieces: decompressed, as UTF-8 without a byte order mark, cut into lines.

Memory is bounded by the pieces and by the longest line that is kept, never by the file.
"""

from __future__ import annotations

import codecs
import itertools
import zlib
from functools import partial
from typing import TYPE_CHECKING, Protocol

import zstandard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHUNK = 768 * 1024
"""Bytes in a piece, roughly: what a few of a MiB free, glibc returns to the system each time."""

HEAD = 1024 * 1024
"""Bytes at the beginning that are looked at to tell the format."""

MAX_RECORD = 16 * 1024 * 1024
"""Bytes of a record or line; Cloud Logging's own limit for an entry is 256 KiB."""

TOO_LARGE = f"larger than {MAX_RECORD // 2**20} MiB, which no log entry is"

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_ZSTD_STEP = 1024  # a block of 4 bytes can stand for 128 KiB, so one step gives 32 MiB at most
_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class Readable(Protocol):
    """What is read from its beginning to its end."""

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes, b"" at the end."""


class BrokenStreamError(Exception):
    """The data ended early or stopped making sense; everything before it has been handed out."""


class Stream:
    """The text of one file: its head at once, all of it in pieces.

    `lines` counts the line ends handed out so far, to say where a broken stream ended; `error` is
    set when that is within the head.
    """

    def __init__(self, file: Readable) -> None:
        self.lines = 0
        self._chunks = _as_utf8(_decompressed(_read(file)))
        self._first: list[bytes] = []
        self.error: BrokenStreamError | None = None
        self._fill_head()
        self.head = b"".join(self._first)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the pieces, once; BrokenStreamError after the last one that was whole."""
        for chunk in self.pieces():
            yield chunk
            self.lines += chunk.count(b"\n")

    def pieces(self) -> Iterator[bytes]:
        """Yield the same, for one who counts the lines himself."""
        yield from itertools.chain(self._first, self._chunks)
        if self.error:
            raise self.error

    def _fill_head(self) -> None:
        size = 0
        try:
            while size < HEAD and (chunk := next(self._chunks, b"")):
                self._first.append(chunk)
                size += len(chunk)
        except BrokenStreamError as error:
            self.error = error


class Lines:
    """The lines of a text in pieces, without their ends, in lists; None is one beyond `limit`.

    `number` is that of the line that the next list begins with, also when there is none, as the
    text breaks off.
    """

    def __init__(self, chunks: Iterable[bytes], number: int = 1, limit: int = MAX_RECORD) -> None:
        self.number = number
        self._chunks = chunks
        self._limit = limit

    def __iter__(self) -> Iterator[list[bytes | None]]:
        """Yield a list for each piece, once."""
        rest, skipping = b"", False
        for chunk in self._chunks:
            lines: list[bytes | None] = [*chunk.split(b"\n")]
            lines[0] = rest + (lines[0] or b"")
            if len(rest) + len(chunk) > self._limit:
                lines[:-1] = [self._short(line) for line in lines[:-1]]
            rest = lines.pop() or b""
            if skipping:
                lines[:1] = [None] * len(lines[:1])
                skipping = not lines
            skipping |= len(rest) > self._limit
            rest = b"" if skipping else rest
            yield lines
            self.number += len(lines)
        if rest or skipping:
            yield [None if skipping else rest]

    def _short(self, line: bytes | None) -> bytes | None:
        return line if len(line or b"") <= self._limit else None


def split_lines(chunks: Iterable[bytes]) -> Iterator[bytes | None]:
    """Yield the lines without their ends; None for one longer than `MAX_RECORD`."""
    return itertools.chain.from_iterable(Lines(chunks))


def _read(file: Readable) -> Iterator[bytes]:
    try:
        yield from iter(partial(file.read, CHUNK), b"")  # nobody here holds a piece meanwhile
    except OSError as error:
        message = f"could not be read further: {error.strerror or error}"
        raise BrokenStreamError(message) from None


def _decompressed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress by the magic bytes; what a file is called says nothing about what is in it."""
    chunks = _rejoined(chunks, len(_ZSTD))
    first = next(chunks, b"")
    chunks = itertools.chain([first], chunks)
    if first.startswith(_GZIP):
        return _gunzip(chunks)
    return _unzstd(chunks) if first.startswith(_ZSTD) else chunks


def _gunzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = _new_gzip()
    for chunk in chunks:
        data = chunk
        while data:
            if unpacker.eof:  # several members one after another are one file
                unpacker = _new_gzip()
            try:
                yield unpacker.decompress(data, CHUNK)
            except zlib.error as error:
                message = f"the gzip data is damaged here: {error}"
                raise BrokenStreamError(message) from None
            data = unpacker.unused_data or unpacker.unconsumed_tail
    if not unpacker.eof:
        message = "the gzip data ends here, too early: the file is truncated"
        raise BrokenStreamError(message)


def _new_gzip() -> zlib._Decompress:
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)


def _unzstd(chunks: Iterator[bytes]) -> Iterator[bytes]:
    context = zstandard.ZstdDecompressor()
    unpacker = context.decompressobj()
    for step in _steps(chunks, _ZSTD_STEP):
        data = step
        while data:
            if unpacker.eof:  # several frames one after another are one file
                unpacker = context.decompressobj()
            try:
                yield unpacker.decompress(data)
            except zstandard.ZstdError as error:
                message = f"the zstd data is damaged here: {error}"
                raise BrokenStreamError(message) from None
            data = unpacker.unused_data if unpacker.eof else b""
    if not unpacker.eof:
        message = "the zstd data ends here, too early: the file is truncated"
        raise BrokenStreamError(message)


def _steps(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    for chunk in chunks:
        yield from (chunk[start : start + size] for start in range(0, len(chunk), size))


def _as_utf8(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Take a byte order mark off; recode the UTF-16 that a PowerShell redirection writes."""
    chunks = _rejoined(chunks, len(codecs.BOM_UTF8))
    first = next(chunks, b"")
    encoding = _UTF_16.get(first[:2])
    if encoding is None:
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from filter(None, chunks)
        return
    recoded = codecs.iterdecode(itertools.chain([first[2:]], chunks), encoding, errors="replace")
    yield from (text.encode("utf-8", "replace") for text in recoded if text)


def _rejoined(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Yield the same bytes, the first piece at least `size` long if there are as many."""
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) >= size:
            break
    yield first
    yield from chunks
