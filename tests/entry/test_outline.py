"""What is told of a raw line without parsing it is what parsing it tells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry import format_timestamp, parse_entry
from pipeline.entry.outline import (
    LONGEST,
    SPELLINGS,
    columns_of,
    identities,
    last_time,
    loud_lines,
    outlines,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.entry import LogEntry
    from pipeline.entry.outline import Outline

PLAIN = {
    "insertId": "a",
    "logName": "projects/p/logs/run.googleapis.com%2Fstderr",
    "timestamp": "2025-09-10T00:00:00Z",
}


def outline(*, regular: bool = True, **fields: Any) -> Outline | None:
    """Return the outline of a line like `PLAIN`; a field that is None is left out."""
    record = {name: value for name, value in {**PLAIN, **fields}.items() if value is not None}
    (found,) = outlines(json.dumps(record).encode() + b"\n", 1, regular=regular)
    return found


def known(raw: bytes, count: int) -> list[Outline]:
    """Return the outlines of lines that all have one, read in one go."""
    found = outlines(raw, count, regular=True)
    assert found == outlines(raw, count, regular=False)
    return [one for one in found if one is not None]


@pytest.mark.parametrize("regular", [True, False])
def test_a_line_of_a_log_sink_has_one(*, regular: bool) -> None:
    """It holds what the line says of whose it is, of when, and its text."""
    found = outline(
        regular=regular,
        severity="ERROR",
        textPayload="down",
        receiveTimestamp="2025-09-10T00:00:01.5Z",
        resource={"type": "global", "labels": {}},
        jsonPayload={"line": 7},
        protoPayload={"line": "7"},
    )
    assert found is not None
    assert (found.insertId, found.logName, found.timestamp) == tuple(PLAIN.values())
    assert (found.severity, found.textPayload) == ("ERROR", "down")


@pytest.mark.parametrize(
    ("fields", "loud"),
    [
        ({"severity": "INFO", "textPayload": "ERROR: down"}, []),
        ({"severity": "warning"}, [0]),
        ({"severity": "CRITICAL"}, [0]),
        ({"severity": "DEFAULT", "textPayload": "ERROR: down"}, [0]),
        ({"textPayload": "down"}, []),
    ],
)
def test_lines_of_warnings_and_worse_are_told(fields: dict[str, Any], loud: list[int]) -> None:
    """By their severity; without one by the level that their text begins with."""
    assert loud_lines([outline(**fields)]) == loud


ODD: list[dict[str, Any]] = [
    {"insertId": ""},
    {"insertId": 7},
    {"logName": 7},
    {"logName": []},
    {"severity": "LOUD"},
    {"severity": 500},
    {"textPayload": 7},
    {"textPayload": {}},
    {"textPayload": ["a"]},
    {"jsonPayload": "a"},
    {"jsonPayload": []},
    {"jsonPayload": {"line": []}},
    {"jsonPayload": {"line": {}}},
    {"protoPayload": "{}"},
    {"protoPayload": {"line": [{}]}},
    {"metadata": {"severity": "LOUD"}},
    {"traceSampled": "no"},
    {"timestamp": 5},
    {"receiveTimestamp": "2025-09-09T23:59:59Z"},
    {"receiveTimestamp": "soon"},
    {"odd": "x" * LONGEST},
]
NO_TIMES = (
    "", "soon", "2025-09-10", "2025-09-10T00:00:00", "2025-09-10 00:00:00Z",
    "2025-09-10T02:00:00+02:00", "2025-09-10T00:00:00.1234567890Z", "2025-09-10T00:00:00.Z",
    "2025-02-30T00:00:00Z", "2025-09-10T24:00:00Z", "2025-09-10T00:60:00Z", "0000-01-01T00:00:00Z",
    "2025-09-10t00:00:00z", "2025/09/10T00:00:00Z", "2025-09-1\u0660T00:00:00Z",
    "2025-09-10T00:00:00Z\n", "2025-09-10T00:00:00Z\n2025-09-10T00:00:00Z",
)  # fmt: skip


def short(fields: object) -> str:
    """Name a case by what it holds, cut off."""
    return repr(fields)[:60]


@pytest.mark.parametrize("regular", [True, False], ids=["regular", "any"])
@pytest.mark.parametrize("fields", [*ODD, *({"timestamp": time} for time in NO_TIMES)], ids=short)
def test_a_line_out_of_the_ordinary_has_none(fields: dict[str, Any], *, regular: bool) -> None:
    """Also between two that are not, which have theirs."""
    if not (regular and "odd" in fields):  # a long line is never a regular one
        assert outline(regular=regular, **fields) is None
    raw = b"".join(json.dumps({**PLAIN, **one}).encode() + b"\n" for one in ({}, fields, {}))
    found = outlines(raw, 3, regular=regular and "odd" not in fields)
    assert [one is None for one in found] == [False, True, False]


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_a_line_without_a_field_of_the_key_has_none(name: str) -> None:
    """What the parser makes up for it is not told."""
    without: dict[str, Any] = {name: None}
    assert outline(**without) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"\n",
        b"[]\n",
        b"null\n",
        b'{"insertId":"a"\n',
        b'{"insertId":"\xff","logName":"l","timestamp":"2025-09-10T00:00:00Z"}\n',
        b'{"insertId":"\\ud800","logName":"l","timestamp":"2025-09-10T00:00:00Z"}\n',
        b'{"insertId":"a\x01","logName":"l","timestamp":"2025-09-10T00:00:00Z"}\n',
        json.dumps(PLAIN).encode() * 2 + b"\n",
        json.dumps(PLAIN).encode() + b" x\n",
    ],
)
def test_what_is_no_object_by_itself_has_none(raw: bytes) -> None:
    """A broken line, two objects, no object, text that is not UTF-8."""
    assert outlines(raw, 1, regular=False) == [None]
    assert outlines(raw, 1, regular=True) == [None]


def test_objects_and_lines_are_counted_together() -> None:
    """Of two objects on one line and none on another each line is judged by itself."""
    one = json.dumps(PLAIN).encode()
    found = outlines(one + one + b"\n" + b"{}\n" + one + b"\n", 3, regular=True)
    assert [item is None for item in found] == [True, True, False]


def test_other_spellings_are_what_an_outline_does_not_know() -> None:
    """No spelling among them is that of a field it has."""
    assert all(name.startswith('"') for name in SPELLINGS)
    assert {'"text_payload', '"TextPayload', '"protopayload', '"SEVERITY'} <= set(SPELLINGS)
    assert not {'"textPayload', '"severity', '"receiveTimestamp'} & set(SPELLINGS)


# --- laws -----------------------------------------------------------------------------------------

TIMES = st.builds(
    lambda ns, digits: (
        f"{format_timestamp(ns)[:19]}{f'.{ns % 10**9:09}'[: digits + 1] if digits else ''}Z"
    ),
    st.integers(-62_135_596_800 * 10**9, 253_402_300_800 * 10**9 - 1),
    st.integers(0, 9),
)
NAMES = st.sampled_from(["l", "a%2Fb", "a/b", "%E9", "%", "\u00e9%C3%A9", ""])
RECORDS = st.fixed_dictionaries(
    {"insertId": st.text(min_size=1).filter(lambda text: text.isprintable()), "logName": NAMES}
)


def parsed(raw: bytes) -> LogEntry:
    """Return the entry of a line."""
    (entry,) = parse_entry(json.loads(raw))
    return entry


@given(st.lists(st.tuples(RECORDS, TIMES), min_size=1, max_size=6), st.booleans())
def test_an_outline_tells_the_identity_and_the_time_of_its_entry(
    made: Sequence[tuple[dict[str, Any], str]],
    escape: bool,  # noqa: FBT001 - drawn
) -> None:
    """However the time is written and the log's name is encoded."""
    lines = [
        json.dumps({**record, "timestamp": time}, ensure_ascii=escape).encode()
        for record, time in made
    ]
    found = columns_of(known(b"".join(line + b"\n" for line in lines), len(lines)))
    entries = [parsed(line) for line in lines]
    assert identities(found) == [entry.identity for entry in entries]
    assert last_time(found) == max(entry.timestamp for entry in entries)


@given(st.lists(TIMES, min_size=2, max_size=2, unique=True), NAMES)
def test_different_entries_have_different_identities(times: list[str], name: str) -> None:
    """One time written in two ways is one time."""
    lines = [
        json.dumps({"insertId": "a", "logName": name, "timestamp": time}).encode() for time in times
    ]
    one, other = identities(columns_of(known(b"".join(line + b"\n" for line in lines), 2)))
    first, second = map(parsed, lines)
    assert (one == other) is (first.key == second.key)
