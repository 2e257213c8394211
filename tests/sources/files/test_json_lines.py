"""JSON lines: each is read by itself, and all of them alike, whichever way they are handed in."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry import LogEntry, Rejection, decode_json, parse_entry
from pipeline.errors import EntryError
from pipeline.sources.files.json_lines import is_opener, read_json_lines, read_line

PLAIN = json.dumps({"insertId": "a", "timestamp": "2025-09-10T00:33:54Z"}).encode()
SNAKE = PLAIN.replace(b"insertId", b"insert_id")
SLOPPY = PLAIN.replace(b'"a"', b"NaN")
LINES = st.lists(
    st.sampled_from([
        PLAIN, SNAKE, SLOPPY, PLAIN + b"\r", b" " + PLAIN, PLAIN + PLAIN, PLAIN + b"," + PLAIN,
        b"[" + PLAIN + b"]", PLAIN[:-1], PLAIN[1:], b"", b" ", b"1,2", b"{}", b"{}],[{}", b"null",
        b"\xff", b'{"entries": [' + PLAIN + b"]}",
    ]),
    max_size=8,
)  # fmt: skip


@given(LINES, st.integers(1, 5))
def test_lines_are_read_each_by_itself(lines: list[bytes], number: int) -> None:
    """What a line holds does not depend on its neighbours; places follow from its number."""
    together = list(read_json_lines("x", [b"\n".join(lines)], number))
    alone = [read_line("x", at, line) for at, line in enumerate(lines, number)]
    assert together == list(itertools.chain.from_iterable(alone))
    assert all(item.place for item in together)


@given(LINES)
def test_a_line_with_an_entry_gives_what_its_record_gives(lines: list[bytes]) -> None:
    """The quick way is no other way."""
    for line in lines:
        try:
            expected = parse_entry(decode_json(line), place="x:1")
        except (ValueError, EntryError):
            continue
        found = read_line("x", 1, line)
        assert found == expected
        assert [item.place for item in found] == [item.place for item in expected]


def test_a_line_that_was_not_kept_is_one_rejection() -> None:
    """None stands for it."""
    [found] = read_line("x", 7, None)
    assert isinstance(found, Rejection)
    assert found.place == "x:7"


@pytest.mark.parametrize("line", [b"{", b" [ ", b"[{"])
def test_an_opening_bracket_makes_plain_json_of_the_rest(line: bytes) -> None:
    """Lines before it are read as lines."""
    assert is_opener(line)
    inside = PLAIN[1:] if line.endswith(b"{") else PLAIN
    closing = b"]" if line.strip().startswith(b"[") else b""
    found = list(read_json_lines("x", [b"\n".join([PLAIN, line, inside, closing])], 3))
    assert [isinstance(item, LogEntry) for item in found] == [True, True]
    assert found[0].place == "x:3"
