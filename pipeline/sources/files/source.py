"""`FileSource`: tells the container of each file and hands its records out, every one of them."""

from __future__ import annotations

import itertools
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from pipeline.entry import Rejection, decode_json
from pipeline.sources.files.cloud import CloudFile, is_cloud
from pipeline.sources.files.csv_text import is_csv_header, read_csv
from pipeline.sources.files.json_lines import is_opener, read_json_lines
from pipeline.sources.files.paths import STDIN, find_files
from pipeline.sources.files.records import Read, read_json
from pipeline.sources.files.streams import HEAD, BrokenStreamError, Stream
from pipeline.sources.files.yaml_text import read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pipeline.sources.files.blocks import Block
    from pipeline.sources.files.streams import Readable

    T = TypeVar("T")
    Reader = Callable[[str, Iterable[bytes]], Iterator[Read]]
    LinesReader = Callable[[str, Stream], Iterator[T]]
    Batch = Block | list[Read]

_MAX_LINES = 100
_BATCH = 500
_BEGINNING = 64
_YAML = re.compile(rb"""(?:---|%YAML|\#|-[ ]|["']?[\w.@/$-]{1,100}["']?:(?:[ \r\n]|$))""")
_EMPTY = "empty file"
_BINARY = "binary file: neither text nor gzip nor zstd"
_UNKNOWN = "not a format of log exports: JSON, JSON lines, YAML or the CSV of the Logs Explorer"


class FileSource:
    """Reads entries from files, globs, folders, `gs://BUCKET/PREFIX` and standard input (`-`).

    Folders, and what begins with a prefix, are searched for log files.
    `stdin` stands in for standard input; both are read as bytes.
    """

    def __init__(self, paths: Sequence[str], *, stdin: BinaryIO | None = None) -> None:
        self._paths = tuple(paths)
        self._stdin = stdin

    def read(self) -> Iterator[Read]:
        """Yield every record: the entries it holds, or one rejection with its place and reason.

        Raises SourceError at once, naming every path that can't be read, before anything is.
        """
        return self._read_all(find_files(self._paths), _read_lines)

    def batches(self) -> Iterator[Batch]:
        """Yield the same records, those of large files of JSON lines in blocks of raw lines.

        Raises SourceError at once, naming every path that can't be read, before anything is.
        """
        return _gathered(self._read_all(find_files(self._paths), _read_blocks))

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks among the batches once more."""
        files = [file for file in find_files(self._paths) if file != STDIN]
        return (item for item in self._read_all(files, _read_blocks) if not isinstance(item, Read))

    def _read_all(self, files: Iterable[str], read_lines: LinesReader[T]) -> Iterator[T | Read]:
        return itertools.chain.from_iterable(self._read_one(file, read_lines) for file in files)

    def _read_one(self, file: str, read_lines: LinesReader[T]) -> Iterator[T | Read]:
        if file == STDIN:
            return _read_stream("stdin", self._stdin or sys.stdin.buffer, _read_lines)
        return _read_file(file, read_lines)


def can_be_read_again(file: str) -> bool:
    """Return whether a file is more than a pipe."""
    return is_cloud(file) or Path(file).is_file()


def _gathered(items: Iterable[Read | Block]) -> Iterator[Batch]:
    """Put records that come one by one into lists."""
    held: list[Read] = []
    for item in items:
        if isinstance(item, Read):
            held.append(item)
        if held and (not isinstance(item, Read) or len(held) == _BATCH):
            yield held
            held = []
        if not isinstance(item, Read):
            yield item
    if held:
        yield held


def _read_file(name: str, read_lines: LinesReader[T]) -> Iterator[T | Read]:
    if is_cloud(name):
        with CloudFile(name) as stored:
            yield from _read_stream(name, stored, read_lines)
        return
    try:
        file = Path(name).open("rb", buffering=0)  # noqa: SIM115 - closed below
    except OSError as error:
        yield Rejection(name, f"could not be opened: {error.strerror or error}")
        return
    with file:
        yield from _read_stream(name, file, read_lines)


def _read_stream(name: str, file: Readable, read_lines: LinesReader[T]) -> Iterator[T | Read]:
    stream = Stream(file)
    reader = _reader_of(stream.head)
    if isinstance(reader, str):
        return iter([Rejection(name, str(stream.error or reader))])
    if reader is read_json_lines:
        return read_lines(name, stream)
    return _read_with(reader, name, stream)


def _read_with(reader: Reader, name: str, stream: Stream) -> Iterator[Read]:
    """Read what may break off; its reader does not know where."""
    try:
        yield from reader(name, stream)
    except BrokenStreamError as error:
        yield Rejection(f"{name}:{stream.lines + 1}", str(error))


def _read_lines(name: str, stream: Stream) -> Iterator[Read]:
    return read_json_lines(name, stream.pieces())


def _read_blocks(name: str, stream: Stream) -> Iterator[Read | Block]:
    """Read a large file in blocks; a pipe, which can be read but once, line by line."""
    if len(stream.head) < HEAD or not can_be_read_again(name):
        return _read_lines(name, stream)
    from pipeline.sources.files.blocks import read_blocks  # noqa: PLC0415 - numpy is slow to load

    if is_cloud(name):
        return read_blocks(name, stream.pieces(), None)
    with Path(name).open("rb") as file:
        is_plain = file.read(_BEGINNING) == stream.head[:_BEGINNING]
    return read_blocks(name, stream.pieces(), 0 if is_plain else None)


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
