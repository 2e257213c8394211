"""Bytes in pieces: decompressed, as UTF-8 without a byte order mark, cut into lines.

Memory is bounded by the pieces and by the longest line that is kept, never by the file.
"""

from __future__ import annotations

import codecs
import zlib
from typing import TYPE_CHECKING, BinaryIO

import zstandard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHUNK = 256 * 1024
"""Bytes in a piece, roughly."""

HEAD = 1024 * 1024
"""Bytes at the beginning that are looked at to tell the format."""

MAX_RECORD = 16 * 1024 * 1024
"""Bytes of a record or line; Cloud Logging's own limit for an entry is 256 KiB."""

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_ZSTD_STEP = 1024  # a block of a few bytes can stand for 128 KiB; so no step gives more than 32 MiB
_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class BrokenStreamError(Exception):
    """The data ended early or stopped making sense; everything before it has been handed out."""


class Stream:
    """The text of one file as pieces of UTF-8, and how many of its lines were handed out."""

    def __init__(self, file: BinaryIO) -> None:
        self.lines = 0
        self._chunks = _as_utf8(_decompressed(_chunks(file)))
        self.head, self._rest = _peek(self._chunks, HEAD)
        self.broken: str = ""

    def __iter__(self) -> Iterator[bytes]:
        """Yield the pieces, once. Raises BrokenStreamError after the last one that was whole."""
        for chunk in self._rest:
            yield chunk
            self.lines += chunk.count(b"\n")
