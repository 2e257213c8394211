"""`FileSource`: tells the container of each file and hands its records out, every one of them."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pipeline.entry import Rejection, decode_json
from pipeline.sources.files.csv_text import is_csv_header, read_csv
from pipeline.sources.files.json_lines import is_opener, read_json_lines
from pipeline.sources.files.paths import STDIN, find_files
from pipeline.sources.files.records import Read, read_json
from pipeline.sources.files.streams import BrokenStreamError, Stream
from pipeline.sources.files.yaml_text import read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Reader = Callable[[str, Iterable[bytes]], Iterator[Read]]

_MAX_LINES = 100
_YAML = re.compile(rb"""(?:---|%YAML|\#|-[ ]|["']?[\w.@/$-]{1,100}["']?:(?:[ \r\n]|$))""")
_EMPTY = "empty file"
_BINARY = "binary file: neither text nor gzip nor zstd"
_UNKNOWN = "not a format of log exports: JSON, JSON lines, YAML or the CSV of the Logs Explorer"


class FileSource:
    """Reads entries from files, globs, folders (searched for log files) and standard input (`-`).

    `stdin` stands in for standard input; both are read as bytes.
    """

    def __init__(self, paths: Sequence[str], *, stdin: BinaryIO | None = None) -> None:
        self._paths = tuple(paths)
        self._stdin = stdin

    def read(self) -> Iterator[Read]:
        """Yield every record: the entries it holds, or one rejection with its place and reason.

        Raises SourceError at once, naming every path that can't be read, before anything is.
        """
        return self._read(find_files(self._paths))

    def _read(self, files: Sequence[str]) -> Iterator[Read]:
        for file in files:
            if file == STDIN:
                yield from _read_stream("stdin", self._stdin or sys.stdin.buffer)
            else:
                yield from _read_file(file)


def _read_file(name: str) -> Iterator[Read]:
    try:
        file = Path(name).open("rb", buffering=0)  # noqa: SIM115 - closed below
    except OSError as error:
        yield Rejection(name, f"could not be opened: {error.strerror or error}")
        return
    with file:
        yield from _read_stream(name, file)


def _read_stream(name: str, file: BinaryIO) -> Iterator[Read]:
    stream = Stream(file)
    reader = _reader_of(stream.head)
    if isinstance(reader, str):
        yield Rejection(name, str(stream.error or reader))
        return
    try:
        yield from reader(name, stream)
    except BrokenStreamError as error:
        yield Rejection(f"{name}:{stream.lines + 1}", str(error))


def _reader_of(head: bytes) -> Reader | str:
    """Return who reads a text that begins like this, or the reason why nobody does."""
    text = head.lstrip()
    if b"\0" in head:
        return _BINARY
    answers: tuple[tuple[Callable[[bytes], object], Reader | str], ...] = (
        (lambda text: not text, _EMPTY),
        (lambda text: text.startswith((b"[", b'"')), read_json),
        (lambda text: is_opener(text.partition(b"\n")[0]), read_json),
        (_has_json_line, read_json_lines),
        (lambda text: text.startswith(b"{"), read_json),
        (lambda text: is_csv_header(text.partition(b"\n")[0]), read_csv),
        (_YAML.match, read_yaml),
    )
    return next((answer for holds, answer in answers if holds(text)), _UNKNOWN)


def _has_json_line(text: bytes) -> bool:
    """Say whether one of the first lines is an object by itself, not indented in another one."""
    lines = text.split(b"\n", _MAX_LINES)[:_MAX_LINES]
    return any(line.startswith(b"{") and _is_json(line) for line in lines)


def _is_json(line: bytes) -> bool:
    try:
        decode_json(line)
    except ValueError:
        return False
    return True
