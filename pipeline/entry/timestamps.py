"""Times of entries: nanoseconds since the epoch, UTC, because nanoseconds order entries.

RFC 3339 is what Cloud Logging writes; the other forms are what exports, loggers and people make of
it. No function here reads a clock.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN_TIME = 0
"""The time of an entry that says nothing about its time and that nobody saw arrive.

It stays an entry, because it is one and its text may be what a rule looks for. It doesn't get the
time of its neighbours or of the run: either would depend on where and when it was read, and the
same entries have to give the same incidents in any order and at any time. 1970 is plainly no time
of a log entry, and it is too far from any other entry to be taken for its cause.
"""

_SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = 253_402_300_800 * _SECOND  # the first nanosecond of the year 10000
_FIRST = -62_135_596_800 * _SECOND  # the first nanosecond of the year 1
_RFC_3339_LENGTH = 20  # up to the seconds, and the Z
_MOST_DIGITS = 9
_NANOS: tuple[int, ...] = tuple(10 ** (_MOST_DIGITS - digits) for digits in range(_MOST_DIGITS + 1))
"""What a fraction of so many digits counts."""

# Every part is bounded or possessive: nothing here can backtrack further than a zone is long.
_DATE_TIME = r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}"
_DATE_AND_TIME = re.compile(_DATE_TIME)
_TIME = re.compile(
    rf"({_DATE_TIME})(?:[.,]([0-9]{{0,9}}))?(?: ?(?:([Zz]|UTC)|([+-])([0-9]{{2}}):?([0-9]{{2}})?))?"
)
_TIME_IN_TEXT = re.compile(
    rf"[\[(]?({_DATE_TIME}(?:[.,][0-9]{{1,9}})?"
    r"(?: ?(?:[Zz]\b|UTC\b|[+-][0-9]{2}:?[0-9]{2}\b))?)"
)

_PAYLOAD_TIMES = ("timestamp", "time", "ts", "@timestamp", "asctime", "datetime", "eventTime")
# A number of this size counts these: seconds, milliseconds, microseconds, else nanoseconds.
_UNITS = ((10**11, _SECOND), (10**14, 10**6), (10**17, 10**3))

_FIELD_TIMES = ("timestamp", "receiveTimestamp")


def parse_timestamp(text: str) -> int:
    """Return the nanoseconds since the epoch that a timestamp stands for.

    RFC 3339 with 0 to 9 digits of a second's fraction; a space may stand for the `T`, a slash for a
    hyphen, a comma for the point; the zone may be `Z`, `UTC`, an offset or missing, which is UTC.
    Raises ValueError when it is none of these, or no date of the calendar.
    """
    if len(text) >= _RFC_3339_LENGTH and text[-1] == "Z" and text[10] == "T":
        digits = text[20:-1]
        if text[19] == "." and digits.isdecimal() and len(digits) <= _MOST_DIGITS:
            return _whole_seconds(text[:19]) + int(digits) * _NANOS[len(digits)]
        if text[19:] == "Z":
            return _whole_seconds(text[:19])
    return _parse_any(text)


def is_timestamp(text: str) -> bool:
    """Say whether `parse_timestamp` reads the text."""
    try:
        parse_timestamp(text)
    except ValueError:
        return False
    return True


def format_timestamp(ns: int) -> str:
    """Return nanoseconds since the epoch as RFC 3339 in UTC: `2025-09-10T00:33:54Z`.

    A fraction is written only when there is one, with 3, 6 or 9 digits as proto JSON has it.
    Raises ValueError outside the years 1 to 9999.
    """
    if not _FIRST <= ns < _LAST:
        message = f"{ns} ns is outside the years 1 to 9999"
        raise ValueError(message)
    seconds, nanos = divmod(ns, _SECOND)
    days, seconds = divmod(seconds, 86_400)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{_day(days)}T{hours:02}:{minutes:02}:{seconds:02}{_fraction(nanos)}Z"


@lru_cache(maxsize=512)
def _day(days: int) -> str:
    """Return the day so many days after the first of 1970 as `YYYY-MM-DD`."""
    return (_EPOCH + timedelta(days=days)).date().isoformat()


def instant(value: Any) -> int | None:
    """Return the time that any value of a timestamp field stands for, None when it is no time.

    Text as above, or a number of seconds, milliseconds, microseconds or nanoseconds since the epoch
    (told apart by size), also as text; or the object `{seconds, nanos}` of a protobuf timestamp.
    """
    if isinstance(value, str):
        return _instant_of_text(value.strip())
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _instant_of_number(repr(value))
    if isinstance(value, dict) and isinstance(value.get("seconds"), (str, int)):
        return _instant_of_proto(value)
    return None


def time_of_fields(document: Mapping[str, Any]) -> int | None:
    """Return the time that the entry's own two timestamp fields give, None when neither does."""
    own = document.get("timestamp")
    try:  # what nearly every entry has, without the detours for what else may stand there
        time = parse_timestamp(own) if isinstance(own, str) else None
    except ValueError:
        time = None
    if time is not None and _FIRST <= time < _LAST:
        return time
    return _first_instant(document, _FIELD_TIMES)


def time_of_content(document: Mapping[str, Any]) -> int | None:
    """Return a time found in the payload: one of its time fields, or one its text begins with."""
    payload = document.get("jsonPayload")
    texts = [document.get("textPayload")]
    if isinstance(payload, dict):
        if (found := _first_instant(payload, _PAYLOAD_TIMES)) is not None:
            return found
        texts += [payload.get("message"), payload.get("textPayload")]
    for text in texts:
        if isinstance(text, str) and (match := _TIME_IN_TEXT.match(text.lstrip())):
            return instant(match[1])
    return None


def _first_instant(values: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    for name in names:
        if name in values and (time := instant(values[name])) is not None:
            return time
    return None


@lru_cache(maxsize=4096)
def _whole_seconds(text: str) -> int:
    """Return the nanoseconds up to the whole second of `YYYY-MM-DDTHH:MM:SS`.

    Kept, because the entries of one second stand together in every export.
    """
    if _DATE_AND_TIME.fullmatch(text) is None:
        message = f"no timestamp: {text!r}"
        raise ValueError(message)
    hours, minutes, seconds = int(text[11:13]), int(text[14:16]), int(text[17:])
    if hours > 23 or minutes > 59 or seconds > 59:  # noqa: PLR2004 - what a clock shows
        message = f"no time of a day: {text!r}"
        raise ValueError(message)
    return _midnight(text[:10]) + (3600 * hours + 60 * minutes + seconds) * _SECOND


@lru_cache(maxsize=512)
def _midnight(text: str) -> int:
    """Return the nanoseconds up to the beginning of a day `YYYY-MM-DD`."""
    day = date.fromisoformat(text.replace("/", "-"))
    return (day - _EPOCH.date()).days * 86_400 * _SECOND


def _parse_any(text: str) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        message = f"no timestamp: {text[:40]!r}"
        raise ValueError(message)
    seconds, fraction, _, sign, hours, minutes = match.groups()
    offset = int(hours or 0) * 3600 + int(minutes or 0) * 60
    ns = _whole_seconds(seconds) + int((fraction or "").ljust(9, "0"))
    return ns - (-offset if sign == "-" else offset) * _SECOND


def _fraction(nanos: int) -> str:
    if not nanos:
        return ""
    digits = f"{nanos:09}"
    for width in (3, 6):
        if digits[width:].strip("0") == "":
            return f".{digits[:width]}"
    return f".{digits}"


def _instant_of_text(text: str) -> int | None:
    try:
        return _in_calendar(parse_timestamp(text))
    except ValueError:
        return _instant_of_number(text)


def _instant_of_number(digits: str) -> int | None:
    """Tell the unit by the size: seconds have 10 digits now, milliseconds 13, and so on."""
    try:
        value = Decimal(digits)
    except ArithmeticError:
        return None
    if not (value.is_finite() and 0 < value < _LAST):
        return None
    unit = next((unit for limit, unit in _UNITS if value < limit), 1)
    return _in_calendar(int(value * unit))


def _instant_of_proto(value: Mapping[str, Any]) -> int | None:
    try:
        return _in_calendar(int(value["seconds"]) * _SECOND + int(value.get("nanos") or 0))
    except (ValueError, TypeError, OverflowError):
        return None


def _in_calendar(ns: int) -> int | None:
    return ns if _FIRST <= ns < _LAST else None
