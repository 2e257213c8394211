"""The quick way to read a line gives what the long way gives, or nothing."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.entry import LogEntry, decode_json, parse_entry, parse_line
from pipeline.entry.shapes import canonical, is_canonical
from pipeline.errors import EntryError

TIME = "2025-09-10T00:33:54.5Z"
PLAIN: dict[str, Any] = {
    "insertId": "a",
    "logName": "projects/acme/logs/x",
    "timestamp": TIME,
    "receiveTimestamp": TIME,
    "severity": "ERROR",
    "textPayload": "{[é",
    "jsonPayload": {"message": "up", "context": {"user": 1}},
    "protoPayload": {"@type": "x.AuditLog"},
    "labels": {"instanceId": "0069"},
    "resource": {"type": "cloud_run_revision", "labels": {"service_name": "api"}},
    "httpRequest": {"requestMethod": "GET", "status": 503, "cacheHit": False},
    "sourceLocation": {"file": "a.py", "line": "12"},
    "traceSampled": True,
    "errorGroups": [{"id": "g"}],
}
NAMES = st.sampled_from(
    ["labels", "line", "type", "@type", "at_type", "methodName", "serviceName", "status", "x"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)
PARTS = st.fixed_dictionaries({}, optional={name: st.just(PLAIN[name]) for name in PLAIN})
ODD = st.fixed_dictionaries({}, optional=dict.fromkeys((*PLAIN, "insert_id", "x.y"), VALUES))
RECORDS = st.builds(lambda parts, odd: {**parts, **odd}, PARTS, ODD)


def hostile(record: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """Draw lines that hold the record, or something near it."""
    text = json.dumps(record, ensure_ascii=False).encode()
    deep = b'{"insertId": "a", "timestamp": "' + TIME.encode() + b'", "jsonPayload": '
    deep += b'{"a": [' * 60 + text + b"]}" * 60 + b"}"
    whole = st.sampled_from([
        text, text + b"\r", b" " + text, b"\xef\xbb\xbf" + text, text + text, text + b"," + text,
        text + b"],[" + text, b"[" + text + b"]", json.dumps(text.decode()).encode(),
        text.replace(b"a", b"\xe9"), b"1,2", b"{}],[{}", b"", b" ", b"{", b"null", b'"x"', deep,
    ])  # fmt: skip
    return whole | st.integers(0, len(text)).map(lambda end: text[:end])


def long_way(line: bytes) -> list[LogEntry] | None:
    """Return the entries of a line as any record is read, None if it has none."""
    try:
        return parse_entry(decode_json(line), place="x:1")
    except (ValueError, EntryError):
        return None


@given(RECORDS.flatmap(hostile))
@example(json.dumps(PLAIN).encode())
def test_a_line_gives_what_its_record_gives_or_takes_the_long_way(line: bytes) -> None:
    """Whatever the line: the same document, to the byte, and the same place."""
    quick = parse_line(line, "x:1")
    if quick is not None:
        [expected] = long_way(line) or []
        assert (repr(quick.document), quick.place) == (repr(expected.document), expected.place)
        assert quick == expected


@given(RECORDS)
def test_what_is_canonical_stays_as_it_is(record: dict[str, Any]) -> None:
    """Nothing that is taken as it stands would have been changed."""
    plain = {**record, "timestamp": TIME}
    if is_canonical(plain):
        assert repr(canonical(dict(plain), None)) == repr(plain)


def test_every_known_field_of_its_own_type_is_canonical() -> None:
    """So most lines take the quick way."""
    found = parse_line(json.dumps(PLAIN).encode(), "x:1")
    assert found == LogEntry(PLAIN)


@pytest.mark.parametrize(
    "change",
    [
        {"timestamp": None},
        {"insertId": 5},
        {"x": 1},
        {"resource": {"labels": []}},
        {"httpRequest": {"status": "500"}},
        {"httpRequest": {"status": True}},
        {"httpRequest": {"x": 1}},
        {"jsonPayload": {"@type": "x"}},
        {"jsonPayload": {"methodName": "x"}},
        {"protoPayload": {"line": []}},
        {"protoPayload": {"at_type": "x"}},
        {"sourceLocation": {"line": 12}},
        {"traceSampled": 1},
        {"labels": [{"key": "a", "value": "b"}]},
    ],
)  # fmt: skip
def test_what_has_to_be_mended_takes_the_long_way(change: dict[str, Any]) -> None:
    """One field is enough; what comes of it is in the tests of the shapes."""
    assert parse_line(json.dumps({**PLAIN, **change}).encode(), "x:1") is None


def test_a_record_without_time_or_name_takes_the_long_way() -> None:
    """It may be an entry, or an envelope, or nothing."""
    for missing in ({"timestamp"}, {"insertId", "logName"}):
        record = {name: value for name, value in PLAIN.items() if name not in missing}
        assert parse_line(json.dumps(record).encode(), "x:1") is None


@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]")])
def test_a_line_with_many_brackets_takes_the_long_way(opening: str, closing: str) -> None:
    """It may be nested too deeply, which takes a closer look."""
    payload = opening * 100 + "1" + closing * 100
    line = f'{{"insertId": "a", "timestamp": "{TIME}", "jsonPayload": {{"x": {payload}}}}}'
    assert parse_line(line.encode(), "x:1") is None
    assert long_way(line.encode()) is not None
