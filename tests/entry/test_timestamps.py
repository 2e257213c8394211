"""Times of entries: nanoseconds since the epoch, from every spelling that is met."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry import UNKNOWN_TIME, LogEntry, format_timestamp, parse_entry, parse_timestamp
from pipeline.entry.timestamps import is_timestamp

SECOND = 1_000_000_000
MORNING = 1_757_464_434 * SECOND  # 2025-09-10T00:33:54Z


@given(st.integers(min_value=-62_135_596_800 * SECOND, max_value=253_402_300_800 * SECOND - 1))
def test_every_nanosecond_of_the_calendar_survives_the_round_trip(ns: int) -> None:
    """What `format_timestamp` writes, `parse_timestamp` reads back to the same nanosecond."""
    assert parse_timestamp(format_timestamp(ns)) == ns


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2025-09-10T00:33:54Z", MORNING),
        ("2025-09-10T00:33:54.1Z", MORNING + 100_000_000),
        ("2025-09-10T00:33:54.123456789Z", MORNING + 123_456_789),
        ("2025-09-10T00:33:54.000000001Z", MORNING + 1),
        ("2025-09-10T00:33:54.Z", MORNING),
        ("2025-09-10t00:33:54z", MORNING),
        ("2025-09-10 00:33:54", MORNING),
        ("2025-09-10 00:33:54.123", MORNING + 123_000_000),
        ("2025-09-10 00:33:54,123", MORNING + 123_000_000),
        ("2025-09-10 00:33:54.123456 UTC", MORNING + 123_456_000),
        ("2025/09/10 00:33:54", MORNING),
        ("2025-09-10T00:33:54+00:00", MORNING),
        ("2025-09-10T02:33:54+02:00", MORNING),
        ("2025-09-09T19:03:54.5-0530", MORNING + 500_000_000),
        ("2025-09-10T02:33:54+02", MORNING),
        ("1969-12-31T23:59:59.999999999Z", -1),
    ],
)
def test_each_spelling_of_a_time_is_read_to_the_nanosecond(text: str, ns: int) -> None:
    """0 to 9 digits of a fraction; Z, offsets, a space for the T; no zone means UTC."""
    assert parse_timestamp(text) == ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2025-09-10",
        "2025-13-10T00:33:54Z",
        "2025-09-10T24:33:54Z",
        "2025-09-10T00:33:54.1234567890Z",
        "2025-09-10T00:33:54.12x4Z",
        "2025-09-10T0x:33:54Z",
        "2025-09-10T00:33:54Z trailing",
        "2025-09-10T00:33:54Z123Z",
        "2025-09-10TZ",
    ],
)
def test_what_is_no_time_raises(text: str) -> None:
    """A text that is no timestamp, or no date of the calendar, raises ValueError."""
    with pytest.raises(ValueError, match=r"."):
        parse_timestamp(text)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (MORNING, "2025-09-10T00:33:54Z"),
        (MORNING + 120_000_000, "2025-09-10T00:33:54.120Z"),
        (MORNING + 120_450_000, "2025-09-10T00:33:54.120450Z"),
        (MORNING + 1, "2025-09-10T00:33:54.000000001Z"),
        (-62_135_596_800 * SECOND, "0001-01-01T00:00:00Z"),
    ],
)
def test_a_time_is_written_with_no_more_digits_than_it_has(ns: int, text: str) -> None:
    """No fraction when there is none, else 3, 6 or 9 digits."""
    assert format_timestamp(ns) == text


@pytest.mark.parametrize("ns", [253_402_300_800 * SECOND, -62_135_596_801 * SECOND])
def test_a_time_outside_the_calendar_cannot_be_written(ns: int) -> None:
    """Years before 1 and after 9999 have no RFC 3339 form."""
    with pytest.raises(ValueError, match="years 1 to 9999"):
        format_timestamp(ns)


def when(**fields: object) -> int:
    """Return the time of an entry with these fields."""
    [entry] = parse_entry({"insertId": "a", **fields})
    return entry.timestamp


@pytest.mark.parametrize(
    "value",
    [
        1_757_464_434,
        1_757_464_434.0,
        1_757_464_434_000.0,
        1_757_464_434_000_000,
        MORNING,
        "1757464434000",
        "1.757464434E9",
        {"seconds": 1_757_464_434, "nanos": 0},
        {"seconds": "1757464434"},
        " 2025-09-10T00:33:54Z ",
    ],
)
def test_numbers_and_protobuf_timestamps_are_times_too(value: object) -> None:
    """Seconds, milliseconds, microseconds and nanoseconds are told apart by their size."""
    assert when(timestamp=value) == MORNING


@pytest.mark.parametrize(
    "value",
    [
        True,
        -1,
        float("nan"),
        float("inf"),
        "soon",
        "1e999999",
        10**30,
        [],
        {},
        {"seconds": "x"},
        {"seconds": 10**30},
        {"seconds": 1, "nanos": [1]},
        "0001-01-01T00:00:00+01:00",
    ],
)
def test_a_timestamp_that_is_none_gives_way_to_the_next_time(value: object) -> None:
    """A value that stands for no time is passed over, whatever its type."""
    assert when(timestamp=value, receiveTimestamp="2025-09-10T00:33:54Z") == MORNING


def test_the_time_of_receipt_comes_before_times_in_the_payload() -> None:
    """Without a time of its own an entry has the time at which it was received."""
    record = {"insertId": "a", "textPayload": "2025-01-01 00:00:00 - x"}
    assert parse_entry(record, received=MORNING)[0].timestamp == MORNING
    assert parse_entry({**record, "timestamp": "?"}, received=MORNING)[0].timestamp == MORNING
    known = {**record, "timestamp": "2025-09-10T00:33:55Z"}
    assert parse_entry(known, received=MORNING)[0].timestamp == MORNING + SECOND


@pytest.mark.parametrize(
    "fields",
    [
        {"jsonPayload": {"time": "2025-09-10T00:33:54Z"}},
        {"jsonPayload": {"ts": 1_757_464_434.0}},
        {"jsonPayload": {"message": "2025-09-10 00:33:54 - app - INFO - up"}},
        {"textPayload": "[2025-09-10 00:33:54 +0000] [1] [INFO] Booting worker"},
        {"textPayload": "\n2025-09-10T02:33:54+02:00 INFO up"},
        {"textPayload": "2025/09/10 00:33:54 [error] 12#12: upstream closed"},
    ],
)
def test_the_payload_may_tell_the_time(fields: dict[str, object]) -> None:
    """An entry that nobody stamped takes the time in its payload, or at its text's beginning."""
    assert when(**fields) == MORNING


def test_an_entry_that_no_time_can_be_found_for_is_kept_at_the_unknown_time() -> None:
    """It is an entry all the same; it gets the same time in every run."""
    assert when(textPayload="no time here") == UNKNOWN_TIME
    assert when(jsonPayload={"message": 5}) == UNKNOWN_TIME


@given(st.from_regex(r"2025-09-[0-3][0-9]T00:33:5[0-9](\.[0-9]{0,10})?Z?", fullmatch=True))
def test_the_usual_spelling_is_read_as_the_others_are(text: str) -> None:
    """The quick way to read `…T…Z` gives what a space for the T gives, or as little."""
    assert is_timestamp(text) == is_timestamp(text.replace("T", " "))
    if is_timestamp(text):
        assert parse_timestamp(text) == parse_timestamp(text.replace("T", " "))


def test_a_timestamp_beyond_the_calendar_gives_way_to_the_time_of_receipt() -> None:
    """An offset may lead out of the years that can be written."""
    times = {"timestamp": "9999-12-31T23:59:59-23:00", "receiveTimestamp": "2025-09-10T00:33:54Z"}
    assert LogEntry({"insertId": "a", **times}).timestamp == MORNING


def test_a_time_that_was_found_elsewhere_is_written_into_the_document() -> None:
    """So that a document that was stored gives the same entry when it is read again."""
    [entry] = parse_entry({"insertId": "a", "textPayload": "x"}, received=MORNING)
    assert entry.document["timestamp"] == "2025-09-10T00:33:54Z"
    assert parse_entry(entry.document) == [entry]


def test_an_entry_made_by_hand_finds_its_time_as_well() -> None:
    """A `LogEntry` built from a document without a timestamp looks into its text."""
    assert LogEntry({"textPayload": "2025-09-10 00:33:54 x"}).timestamp == MORNING
