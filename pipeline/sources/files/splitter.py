"""Cuts a stream of JSON text into its objects, whatever stands between them.

One scanner reads arrays, objects one after another and objects that wrap a list, because it looks
for the objects only; whether one is valid is its reader's business. So a broken object costs no
other: strings end at a line's end at the latest, as they must in JSON, and a `{` where JSON allows
none begins a new object.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pipeline.sources.files.streams import MAX_RECORD, TOO_LARGE

if TYPE_CHECKING:
    from collections.abc import Iterator

# Up to the next bracket that stands outside strings; possessive throughout, so it never backtracks.
_RUN = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\\n]++|\\.)*+")*+')
_STRING = re.compile(rb'"(?:[^"\\\n]++|\\.)*+"')
_IN_STRING = re.compile(rb'(?:[^"\\\n]++|\\.)*+')
_BETWEEN = b" \t\r\n,"
_CLOSES = {ord("}"): ord("{"), ord("]"): ord("[")}
_BRACE, _LIST, _QUOTE = ord("{"), ord("["), ord('"')
_MAX_LISTS = 1000

_CUT = "an object that does not end where the next one begins"
_EARLY_END = "the text ends inside an object that began here"
_STRAY = "text that is no JSON object"


class Piece(NamedTuple):
    """A piece of the text that begins on a line: an object, or what is wrong with it."""

    line: int
    data: bytes
    wrong: str = ""


class Splitter:
    """Takes chunks of text, gives its top-level objects.

    With `inside`, objects are looked into: what it gives are the objects that are elements of a
    list, at any depth but not within one another. That is how an object too large to be an entry
    is read, and one that turns out to be a wrapper.
    """

    def __init__(self, line: int = 1, *, inside: bool = False, limit: int = MAX_RECORD) -> None:
        self._inside = inside
        self._limit = limit
        self._buffer = b""
        self._at = 0  # everything before has been scanned
        self._before = 0  # the last byte before `_at` that is no white space
        self._in_string = False  # whether `_at` lies in a string that is not closed yet
        self._start = -1  # where the object begins that is being read, -1 between objects
        self._gap = 0  # where the text between objects begins
        self._open = bytearray()  # the brackets that are open inside the object
        self._around = bytearray()  # the brackets that are open around it
        self._skipped_from = 0  # the line of an object too large to keep, 0 if there is none
        self._muted = False  # whether the text between objects was found to be too large
        self._wrapper: tuple[int, int] | None = None  # depth and line of a large object looked into
        self._given = 0
        self._line, self._counted = line, 0

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """Yield what the text so far holds whole."""
        self._buffer += chunk
        yield from self._scan()
        if self._start >= 0 and self._at - self._start > self._limit:
            yield from self._give_up_on_large_object()
        if self._start < 0 and self._at - self._gap > self._limit:
            yield from self._give_up_on_large_gap()
        self._forget()

    def finish(self) -> Iterator[Piece]:
        """Yield what is left when the text has ended."""
        if self._start >= 0:
            yield self._piece(len(self._buffer), _EARLY_END)
        else:
            yield from self._between(len(self._buffer))
        yield from self._leave_wrapper(depth=0)

    def _scan(self) -> Iterator[Piece]:
        while self._at < len(self._buffer):
            if self._in_string and not self._leave_string():
                return
            self._run()
            if self._at < len(self._buffer):
                byte = self._buffer[self._at]
                if byte == _QUOTE:
                    self._in_string = True
                else:
                    yield from self._bracket(byte, self._at)
                self._at += 1
                self._before = byte

    def _run(self) -> None:
        """Move to the next bracket, or to a string that is not closed in the text so far."""
        match = _RUN.match(self._buffer, self._at)
        if match and (text := match[0].rstrip()):
            self._before = text[-1]
        self._at = match.end() if match else self._at

    def _leave_string(self) -> bool:
        """Move behind the string; False if its end is yet to come."""
        match = _IN_STRING.match(self._buffer, self._at)
        self._at = match.end() if match else self._at
        stop = self._buffer[self._at : self._at + 2]
        if stop in (b"", b"\\"):
            return False
        self._at += not stop.startswith(b"\n")  # its quote, or the backslash before a line's end
        self._in_string = False
        return True

    def _bracket(self, byte: int, at: int) -> Iterator[Piece]:
        if self._start < 0:
            yield from self._between(at)
            self._muted = False
        if byte not in _CLOSES:
            yield from self._opening(byte, at)
        elif self._start < 0:
            yield from self._closing_around(byte)
        else:
            yield from self._closing(byte, at)

    def _opening(self, byte: int, at: int) -> Iterator[Piece]:
        if self._start >= 0 and (byte != _BRACE or self._may_open()):
            self._open.append(byte)
            return
        if self._start >= 0:
            yield self._piece(at, _CUT)
        if byte == _BRACE and (not self._inside or self._around[-1:] == b"["):
            self._start = at
            self._open = bytearray([byte])
        elif len(self._around) < _MAX_LISTS:
            self._around.append(byte)

    def _may_open(self) -> bool:
        """Say whether JSON allows an object here: after a key, or as an element of a list."""
        return self._before in (b":" if self._open[-1] == _BRACE else b",[")

    def _closing(self, byte: int, at: int) -> Iterator[Piece]:
        if self._open[-1] != _CLOSES[byte]:
            yield self._piece(at, _CUT)
            yield from self._closing_around(byte)
            self._gap = at + 1
            return
        self._open.pop()
        if not self._open:
            yield self._piece(at + 1)

    def _closing_around(self, byte: int) -> Iterator[Piece]:
        if self._around[-1:] == bytes([_CLOSES[byte]]):
            self._around.pop()
            yield from self._leave_wrapper(len(self._around))

    def _between(self, end: int) -> Iterator[Piece]:
        """Look at the text up to `end`, which lies between objects; strings may hold entries."""
        start, self._gap = self._gap, end + 1
        text = self._buffer[start:end]
        if self._inside or self._muted or not text.strip(_BETWEEN):
            return
        for match in _STRING.finditer(text):
            yield Piece(self._line_at(start + match.start()), match[0])
        if _STRING.sub(b"", text).strip(_BETWEEN):
            yield Piece(self._line_of_text(start, end), b"", _STRAY)

    def _piece(self, end: int, wrong: str = "") -> Piece:
        """Take the object that is being read, up to `end`."""
        data, line = self._buffer[self._start : end], self._line_at(self._start)
        skipped, self._skipped_from = self._skipped_from, 0
        self._start, self._gap = -1, end
        self._given += 1
        return Piece(skipped, b"", TOO_LARGE) if skipped else Piece(line, data, wrong)

    def _give_up_on_large_object(self) -> Iterator[Piece]:
        """Look into the object: it must be a wrapper. When that was done already, skip it."""
        line = self._line_at(self._start)
        if self._inside:
            self._skipped_from = self._skipped_from or line
            self._line_at(self._at)
            self._start = self._at
            return
        self._inside, self._given = True, 0
        self._wrapper = (len(self._around), line)
        self._around.append(_BRACE)
        self._at = self._gap = self._start + 1
        self._start, self._in_string, self._before = -1, False, _BRACE
        yield from self._scan()

    def _give_up_on_large_gap(self) -> Iterator[Piece]:
        """Drop the text, say so once, and wait for a bracket."""
        if not (self._inside or self._muted):
            yield Piece(self._line_of_text(self._gap, self._at), b"", TOO_LARGE)
        self._gap, self._muted = self._at, True

    def _leave_wrapper(self, depth: int) -> Iterator[Piece]:
        if self._wrapper is None or depth > self._wrapper[0]:
            return
        if not self._given:
            yield Piece(self._wrapper[1], b"", TOO_LARGE)
        self._wrapper, self._inside = None, False

    def _line_at(self, position: int) -> int:
        self._line += self._buffer.count(b"\n", self._counted, position)
        self._counted = max(position, self._counted)
        return self._line

    def _line_of_text(self, start: int, end: int) -> int:
        lead = end - start - len(self._buffer[start:end].lstrip(_BETWEEN))
        return self._line_at(start + lead)

    def _forget(self) -> None:
        """Drop the text that nothing points to any more."""
        keep = self._start if self._start >= 0 else min(self._gap, self._at)
        self._line_at(keep)
        self._buffer = self._buffer[keep:]
        self._at, self._counted = self._at - keep, self._counted - keep
        self._start, self._gap = min(self._start, 0), max(self._gap - keep, 0)
