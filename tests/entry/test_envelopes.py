"""What entries come wrapped in."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry import LogEntry, parse_entry
from pipeline.errors import EntryError

ENTRY = {"insertId": "a", "timestamp": "2025-09-10T00:33:54Z", "textPayload": "up ÿ?>"}
[EXPECTED] = parse_entry(dict(ENTRY))
SENT = "2025-09-10T00:40:00Z"
SENT_NS = 1_757_464_800_000_000_000


def b64(value: Any, *, url_safe: bool = False) -> str:
    """Encode a value as Pub/Sub does; bytes as they are, anything else as JSON."""
    raw = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
    return (base64.urlsafe_b64encode if url_safe else base64.b64encode)(raw).decode()


def push(data: Any, **message: Any) -> dict[str, Any]:
    """Return the body of a Pub/Sub push."""
    return {
        "message": {
            "data": data,
            "messageId": "1",
            "message_id": "1",
            "publishTime": SENT,
            "publish_time": SENT,
            **message,
        },
        "subscription": "projects/acme/subscriptions/logs",
    }


DATA = b64(ENTRY)
TYPE = "type.googleapis.com/google.pubsub.v1.PubsubMessage"


@pytest.mark.parametrize(
    "record",
    [
        push(DATA),
        push(b64(ENTRY, url_safe=True).rstrip("=")),
        push(json.dumps(ENTRY)),
        {"ackId": "x", "message": {"data": DATA, "messageId": "1"}},
        {"message": {"data": DATA}},
        {"data": DATA, "attributes": {"k": "v"}},
        {"@type": TYPE, "attributes": None, "data": DATA},
        {"context": {"eventId": "1", "timestamp": SENT}, "data": {"@type": TYPE, "data": DATA}},
        {"specversion": "1.0", "type": "x", "time": SENT, "data": ENTRY},
        {"specversion": "1.0", "type": "x", "data": json.dumps(ENTRY)},
        {"specversion": "1.0", "type": "x", "data_base64": DATA},
        {"specversion": "1.0", "type": "x", "data": push(DATA)},
        {"event": {"original": json.dumps(ENTRY)}, "@timestamp": SENT},
        {"event.original": json.dumps(ENTRY)},
        {"input": {"message": json.dumps(ENTRY)}},
        {"_source": {"event": {"original": json.dumps(ENTRY)}}},
        {"logEntry": ENTRY},
        {"message": f" {json.dumps(ENTRY)}"},
        json.dumps(ENTRY),
        json.dumps(ENTRY).encode(),
    ],
)
def test_an_entry_is_found_in_each_kind_of_envelope(record: Any) -> None:
    """Pushed, pulled, legacy, CloudEvents, JSON inside JSON: the same entry comes out."""
    assert parse_entry(record) == [EXPECTED]


@pytest.mark.parametrize(
    ("attributes", "time"),
    [
        ({"logging.googleapis.com/timestamp": "2025-09-10T00:39:59Z"}, SENT_NS - 10**9),
        ({"logging.googleapis.com/timestamp": "odd"}, SENT_NS),
        ({}, SENT_NS),
        (None, SENT_NS),
    ],
)
def test_an_entry_without_a_time_has_the_one_of_its_message(attributes: Any, time: int) -> None:
    """The attribute that the log sink sets, else the time of publishing."""
    [entry] = parse_entry(push(b64({"insertId": "a"}), attributes=attributes))
    assert entry.timestamp == time


@pytest.mark.parametrize(
    "record",
    [
        {"specversion": "1.0", "time": SENT, "data": {"insertId": "a"}},
        {"context": {"timestamp": SENT}, "data": {"insertId": "a"}},
    ],
)
def test_an_event_has_a_time_too(record: Any) -> None:
    """It is the entry's when the entry has none, and beats the time it was handed to us."""
    assert parse_entry(record, received=1)[0].timestamp == SENT_NS


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (push(b64(b"plain text")), "Pub/Sub message whose data is text that is no JSON"),
        (push("not base64, not JSON"), "Pub/Sub message whose data is text that is no JSON"),
        (push(b64(b"\x01\x02\x03\x04")), "Pub/Sub message whose data is 4 bytes that are no text"),
        (push(b64(b"\xff\xfe")), "Pub/Sub message whose data is 2 bytes that are no text"),
        (push(b64([ENTRY])), "a list, not an object"),
        (push(b64(5)), "a number, not an object"),
        (push(""), "Pub/Sub message without data"),
        (push(None), "Pub/Sub message without data"),
        ({"specversion": "1.0"}, "CloudEvent without data"),
        ({"specversion": "1.0", "data": 1.5}, "a number, not an object"),
        ({"message": {"text": "x"}}, "none of insertId"),
        ({"context": {}, "data": 5}, "none of insertId"),
        ({"event": {"original": '{"insertId": '}}, "an entry inside JSON that is itself no JSON"),
        ({"event": "x", "message": "plain"}, "none of insertId"),
        ("{", "no JSON"),
        ('"text"', "text, not an object"),
        (None, "nothing, not an object"),
        (True, "a truth value, not an object"),
        ([ENTRY], "a list, not an object"),
    ],
)
def test_poison_is_refused_with_its_reason(record: Any, reason: str) -> None:
    """Never a crash, and never the content itself in the reason."""
    with pytest.raises(EntryError, match=reason):
        parse_entry(record)


def test_envelopes_without_end_are_refused() -> None:
    """More layers than anyone means are not opened."""
    record: Any = ENTRY
    for _ in range(9):
        record = {"logEntry": record}
    with pytest.raises(EntryError, match="more than 8 times"):
        parse_entry(record)


KEYS = st.sampled_from(
    ["message", "data", "data_base64", "specversion", "context", "attributes", "messageId", "@type",
     "event", "original", "input", "metadata", "protoPayload", "line", "timestamp", "publishTime"]
)  # fmt: skip
RECORDS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(DATA),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(RECORDS, st.none() | st.integers(min_value=0, max_value=10**18))
def test_any_record_gives_entries_or_one_reason(record: Any, received: int | None) -> None:
    """Nothing but EntryError is ever raised, and a record without a reason gives an entry."""
    refused = ""
    entries: list[LogEntry] = []
    try:
        entries = parse_entry(record, received=received)
    except EntryError as error:
        refused = str(error)
    assert bool(refused) is not bool(entries)
    assert all(entry.insert_id for entry in entries)
