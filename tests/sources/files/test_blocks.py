"""Blocks of raw lines hold what reading line by line reads, and travel as little as can be."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry import LogEntry, Rejection
from pipeline.entry.outline import LONGEST
from pipeline.errors import SourceError
from pipeline.sources.files import FileSource
from pipeline.sources.files.blocks import Block, read_blocks
from pipeline.sources.files.json_lines import read_json_lines
from pipeline.sources.files.streams import HEAD, MAX_RECORD

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Read = LogEntry | Rejection


def line(key: str, text: str = "well") -> bytes:
    """Write an entry on a line."""
    record = {"insertId": key, "logName": "l", "timestamp": "2025-09-10T00:00:00Z"}
    return json.dumps({**record, "textPayload": text}).encode() + b"\n"


def taken(items: Iterable[Read | Block]) -> list[Read]:
    """Read every line of every block, and what is no block as it is."""
    found: list[Read] = []
    for item in items:
        found += [item] if isinstance(item, Read) else item.read(range(len(item)))
    return found


def told(found: Iterable[Read]) -> list[tuple[str, str]]:
    """Return the place of each record, and its id or the reason why it is none."""
    return [
        (one.place, one.reason if isinstance(one, Rejection) else one.insert_id) for one in found
    ]


LINES = st.sampled_from(
    [
        *[line("a"), line("b"), line("c", "missing\n"), line("a").replace(b": ", b":")],
        *[b"\n", b" \n", b"\r\n", b"{}\n", b"[\n", b"{\n", b" [{ \r\n", b"]\n", b"}\n", b"},{\n"],
        *[line("a").rstrip() + line("b"), line("a")[:20] + b"\n", b" " + line("a"), b"\xff\n"],
        *[line("a").rstrip() + b"\r\n", line("long", "x" * LONGEST), b"1}\n", b"[1]\n"],
    ]
)


@st.composite
def chunks(draw: st.DrawFn) -> list[bytes]:
    """Make lines, the last without an end perhaps, in pieces that end anywhere."""
    data = b"".join(draw(st.lists(LINES, max_size=8)))
    data = data[: len(data) - draw(st.integers(0, 3))]
    cuts = sorted(draw(st.sets(st.integers(0, len(data)), max_size=6)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@given(chunks())
def test_every_record_is_read_as_without_blocks(pieces: list[bytes]) -> None:
    """With its place, however the bytes arrive."""
    expected = told(read_json_lines("f", [b"".join(pieces)]))
    assert told(taken(read_blocks("f", pieces, None))) == expected


@given(chunks())
def test_regular_blocks_hold_objects(pieces: list[bytes]) -> None:
    """Each of their lines begins and ends as one, and none is very long."""
    for item in read_blocks("f", pieces, None):
        if isinstance(item, Block):
            lines = item.data.split(b"\n")[:-1]
            assert len(lines) == len(item)
            regular = all(
                one.endswith(b"}") and (one.startswith(b"{") or not at) and len(one) <= LONGEST
                for at, one in enumerate(lines)
            )
            assert item.regular is regular


@given(st.lists(st.integers(0, 5), min_size=1), st.data())
def test_places_are_told_by_line(lengths: list[int], data: st.DataObject) -> None:
    """The end of what was found on a line may be the end of that line."""
    raw = b"".join(b"x" * length + b"\n" for length in lengths)
    (block,) = (item for item in read_blocks("f", [raw], None) if isinstance(item, Block))
    place = data.draw(st.integers(0, len(raw) - 1))
    assert block.lines_at([place, 0]) == [raw.count(b"\n", 0, place), 0]
    assert block.lines_at([]) == []


def only_block(name: str, data: bytes, offset: int | None = None) -> Block:
    """Return the one block that lines are."""
    (block,) = read_blocks(name, [data], offset)
    assert isinstance(block, Block)
    return block


def test_some_of_the_lines_may_be_read() -> None:
    """In the order they are asked for, with the places they have in their file."""
    data = b"".join(line(key) for key in "abc")
    block = only_block("f", data)
    assert told(block.read([2, 0])) == [("f:3", "c"), ("f:1", "a")]
    (first, second) = read_blocks("f", [data[: len(line("a"))], data[len(line("a")) :]], None)
    assert isinstance(first, Block)
    assert isinstance(second, Block)
    assert told(second.read([1])) == [("f:3", "c")]


def test_a_block_of_a_plain_file_travels_as_its_place(tmp_path: Path) -> None:
    """It is read again where it arrives."""
    path = tmp_path / "f.jsonl"
    data = line("a") + line("b", "x" * 5_000)
    path.write_bytes(b"0123" + data)
    block = only_block(str(path), data, 4)
    sent = pickle.dumps(block)
    assert len(sent) < 1_000
    arrived = pickle.loads(sent)  # noqa: S301 - our own
    assert (arrived.data, told(taken([arrived]))) == (data, told(taken([block])))


def test_a_file_that_changes_meanwhile_is_told(tmp_path: Path) -> None:
    """A block of which less is there than there was, or nothing, is no block."""
    path = tmp_path / "f.jsonl"
    path.write_bytes(line("a") + line("b"))
    sent = pickle.dumps(only_block(str(path), path.read_bytes(), 0))
    path.write_bytes(line("a"))
    with pytest.raises(SourceError, match="could not be read again: it is shorter now"):
        pickle.loads(sent)  # noqa: S301 - our own
    path.unlink()
    with pytest.raises(SourceError, match="could not be read again: No such file"):
        pickle.loads(sent)  # noqa: S301 - our own


def test_a_block_of_anything_else_travels_whole() -> None:
    """Of what has no place in a file."""
    block = only_block("f", line("a") + line("b"))
    arrived = pickle.loads(pickle.dumps(block))  # noqa: S301 - our own
    assert told(taken([arrived])) == [("f:1", "a"), ("f:2", "b")]
    assert (arrived.regular, arrived.offset) == (True, None)


@pytest.mark.parametrize("size", [MAX_RECORD - 100, MAX_RECORD + 100, MAX_RECORD + 5_000_000])
@pytest.mark.parametrize("end", [b"\n" + line("z"), b""], ids=["between", "last"])
@pytest.mark.parametrize("step", [1_000_000, 100_000_000])
def test_a_line_too_long_to_be_an_entry_is_rejected(size: int, end: bytes, step: int) -> None:
    """Wherever it stands and however it arrives, as when it is read line by line."""
    data = line("a") + line("b", "x" * size).rstrip() + end
    pieces = [data[start : start + step] for start in range(0, len(data), step)]
    expected = told(read_json_lines("f", pieces))
    assert told(taken(read_blocks("f", pieces, None))) == expected
    assert ("larger than" in expected[1][1]) is (size > MAX_RECORD)


# --- files ----------------------------------------------------------------------------------------

MANY = [line(f"n{number}", "x" * 300) for number in range(2 * HEAD // 350)]


def files(path: Path) -> FileSource:
    """Return a source of one file."""
    return FileSource([str(path)])


def from_batches(source: FileSource) -> tuple[list[tuple[str, str]], int]:
    """Return what the batches of a source hold, and how many of them are blocks."""
    batches = list(source.batches())
    items = [item for batch in batches for item in (batch if isinstance(batch, list) else [batch])]
    blocks = [batch for batch in batches if not isinstance(batch, list)]
    again = list(source.blocks())
    assert [len(one) for one in again] == [len(one) for one in blocks]
    return told(taken(items)), len(blocks)


@pytest.mark.parametrize(
    ("before", "wrap", "offset"),
    [(b"", bytes, True), (b"\xef\xbb\xbf", bytes, False), (b"", gzip.compress, False)],
    ids=["plain", "with a mark", "compressed"],
)
def test_a_large_file_is_read_in_blocks(
    tmp_path: Path,
    before: bytes,
    wrap: type[bytes],
    offset: bool,  # noqa: FBT001 - a parameter
) -> None:
    """They hold what is read without; those of a plain file alone know where they stand in it."""
    path = tmp_path / "f.jsonl"
    path.write_bytes(wrap(before + b"".join(MANY) + b"no JSON\n" + line("last")))
    found, blocks = from_batches(files(path))
    assert found == told(files(path).read())
    assert blocks > 1
    for block in files(path).blocks():
        assert isinstance(block, Block)
        assert (block.offset is not None) is offset
        arrived = pickle.loads(pickle.dumps(block))  # noqa: S301 - our own
        assert arrived.data == block.data


def test_a_large_file_that_becomes_something_else(tmp_path: Path) -> None:
    """From a line that only opens what follows on, records are read, with the right places."""
    path = tmp_path / "f.jsonl"
    path.write_bytes(b"".join(MANY) + b"[\n" + line("x") + b",\n" + line("y") + b"]\n")
    found, blocks = from_batches(files(path))
    assert blocks > 0
    assert found == told(files(path).read())
    assert found[-2:] == [(f"{path}:{len(MANY) + 2}", "x"), (f"{path}:{len(MANY) + 4}", "y")]


@pytest.mark.parametrize("cut", [1, 5_000])
def test_a_large_file_that_is_damaged(tmp_path: Path, cut: int) -> None:
    """What was whole is read, and the rejection says where it ended."""
    path = tmp_path / "f.jsonl.gz"
    path.write_bytes(gzip.compress(os.urandom(0) + b"".join(MANY) + b"".join(MANY))[:-cut])
    found, blocks = from_batches(files(path))
    assert found == told(files(path).read())
    assert "truncated" in found[-1][1]
    assert blocks > 0


def test_a_small_file_and_standard_input_are_read_by_records(tmp_path: Path) -> None:
    """What is small needs no blocks; what comes once cannot be read again."""
    path = tmp_path / "f.jsonl"
    path.write_bytes(line("a"))
    assert from_batches(files(path)) == ([(f"{path}:1", "a")], 0)
    stdin = FileSource(["-"], stdin=io.BytesIO(b"".join(MANY)))
    assert all(isinstance(batch, list) for batch in stdin.batches())
    assert list(stdin.blocks()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_read_once_and_by_records(tmp_path: Path) -> None:
    """To open it again would wait for ever."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"".join(MANY),))
    writer.start()
    batches = list(files(path).batches())
    writer.join()
    assert all(isinstance(batch, list) for batch in batches)
    assert sum(map(len, batches)) == len(MANY)
