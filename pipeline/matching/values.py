"""Values of a rule compiled to tests of one value of an entry.

Strings are compared with string methods where these say the same as the wildcards, everything else
by RE2, so that a test takes time linear in the value.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
    TimestampPart,
)

from pipeline.entry import parse_timestamp
from pipeline.rule import compile_expression, wildcard_expression
from pipeline.wording import of_expression

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sigma.types import SigmaType

    from pipeline.wording import Literals

    Captures = dict[str, str]
    ValueTest = Callable[[object, Captures], bool]

_COMPARISONS: Mapping[CompareOperators, Callable[[float, float], bool]] = {
    CompareOperators.LT: operator.lt,
    CompareOperators.LTE: operator.le,
    CompareOperators.GT: operator.gt,
    CompareOperators.GTE: operator.ge,
}
_WHOLE_DIGITS = 1e21  # from here on JSON writes a number with an exponent
_SECOND = 1_000_000_000

# What JSON takes for a number, with the zeros and signs that people add; no part can backtrack.
_INTEGER = re.compile(r"[+-]?[0-9]++\Z")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?\Z")


def as_text(value: object) -> str:
    """Return the text that Sigma compares with: JSON's words for booleans, digits for numbers."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and abs(value) < _WHOLE_DIGITS and value.is_integer():
        return str(int(value))
    return str(value)


def _as_number(value: object) -> float | None:
    """Return a number exactly, also from its digits; None for what is none, as a boolean."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    text = str(value)
    try:
        if _INTEGER.match(text):
            return int(text)
        return float(text) if _DECIMAL.match(text) else None
    except ValueError:  # more digits than Python reads
        return None


def _encodable(text: str) -> str:
    """RE2 works on UTF-8, which has no lone surrogates."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def string_test(sigma: SigmaString, *, anywhere: bool = False) -> ValueTest:
    """Compile a text with wildcards; `anywhere`: it may be any part of the value."""
    parts: list[Any] = list(sigma.s)
    cased = isinstance(sigma, SigmaCasedString)
    if anywhere:
        parts = [SpecialChars.WILDCARD_MULTI, *parts, SpecialChars.WILDCARD_MULTI]
    plain = _plain_string(parts, cased=cased)
    if plain is not None:
        return plain
    flags = "s" if cased else "is"
    compiled = compile_expression(rf"(?{flags})\A(?:{wildcard_expression(parts)})\z")
    return lambda value, _: compiled.search(_encodable(as_text(value))) is not None


def _plain_string(parts: list[Any], *, cased: bool) -> ValueTest | None:
    """Return a string method for the common forms: equal, contains, starts with, ends with."""
    many = SpecialChars.WILDCARD_MULTI
    front = bool(parts) and parts[0] is many
    back = len(parts) > 1 and parts[-1] is many
    inner = [part for part in parts if part is not many]
    if any(not isinstance(part, str) for part in inner) or len(inner) > 1:
        return None
    if len(parts) - len(inner) > front + back:
        return None
    wanted = inner[0] if inner else ""
    method = STRING_METHODS[front, back]
    if cased:
        return lambda value, _: method(as_text(value), wanted)
    folded = wanted.casefold()
    return lambda value, _: method(as_text(value).casefold(), folded)


STRING_METHODS: Mapping[tuple[bool, bool], Callable[[str, str], bool]] = {
    (False, False): operator.eq,
    (True, True): operator.contains,
    (False, True): str.startswith,
    (True, False): str.endswith,
}
"""How a text is compared that may have something (before it, after it)."""


def required_by(sigma: SigmaRegularExpression) -> Literals:
    """Return lower-case literals of which a text that matches holds one; None: nothing is known."""
    return of_expression(_written(sigma))


def _written(sigma: SigmaRegularExpression) -> str:
    flags = "".join(sorted(sigma.sigma_to_re_flag[flag] for flag in sigma.flags))
    return (f"(?{flags})" if flags else "") + str(sigma.regexp)


def _expression(sigma: SigmaRegularExpression) -> ValueTest:
    compiled = compile_expression(_written(sigma))

    def test(value: object, captures: Captures) -> bool:
        found = compiled.search(_encodable(as_text(value)))
        if found is None:
            return False
        for name, text in found.groupdict().items():
            if text is not None:
                captures[name] = text
        return True

    return test


def _number(sigma: SigmaNumber) -> ValueTest:
    wanted = sigma.number
    return lambda value, _: _as_number(value) == wanted


def _compare(sigma: SigmaCompareExpression) -> ValueTest:
    compare, limit = _COMPARISONS[sigma.op], sigma.number.number
    read: Callable[[object], float | None] = _as_number
    if isinstance(sigma.number, SigmaTimestampPart):
        read = _part_of_time(sigma.number.timestamp_part)

    def test(value: object, _: Captures) -> bool:
        number = read(value)
        return number is not None and compare(number, limit)

    return test


_TIME_PARTS: Mapping[TimestampPart, Callable[[datetime], int]] = {
    TimestampPart.MINUTE: operator.attrgetter("minute"),
    TimestampPart.HOUR: operator.attrgetter("hour"),
    TimestampPart.DAY: operator.attrgetter("day"),
    TimestampPart.WEEK: lambda time: time.isocalendar().week,
    TimestampPart.MONTH: operator.attrgetter("month"),
    TimestampPart.YEAR: operator.attrgetter("year"),
}


def _part_of_time(part: TimestampPart) -> Callable[[object], float | None]:
    read = _TIME_PARTS[part]

    def part_of(value: object) -> float | None:
        time = _as_time(value) if isinstance(value, str) else None
        return None if time is None else read(time)

    return part_of


def _as_time(text: str) -> datetime | None:
    """Read a time as it is written: Sigma's time modifiers convert no time zone."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return datetime.fromtimestamp(parse_timestamp(text) // _SECOND, UTC)
    except ValueError:
        return None


def _time_part(sigma: SigmaTimestampPart) -> ValueTest:
    read, wanted = _part_of_time(sigma.timestamp_part), sigma.number
    return lambda value, _: read(value) == wanted


def _cidr(sigma: SigmaCIDRExpression) -> ValueTest:
    network = sigma.network

    def test(value: object, _: Captures) -> bool:
        try:
            return ipaddress.ip_address(as_text(value).strip()) in network
        except ValueError:
            return False

    return test


def _boolean(sigma: SigmaBool) -> ValueTest:
    wanted = as_text(sigma.boolean)
    return lambda value, _: as_text(value).lower() == wanted


_VALUE_TESTS: Mapping[type[SigmaType], Callable[[Any], ValueTest]] = {
    SigmaString: string_test,
    SigmaCasedString: string_test,
    SigmaRegularExpression: _expression,
    SigmaNumber: _number,
    SigmaTimestampPart: _time_part,
    SigmaBool: _boolean,
    SigmaCompareExpression: _compare,
    SigmaCIDRExpression: _cidr,
}


def value_test(sigma: SigmaType) -> ValueTest:
    """Compile a value.

    Raises:
        ValueError: RE2 cannot run it.

    """
    return _VALUE_TESTS[type(sigma)](sigma)


def keyword_test(sigma: SigmaType) -> ValueTest:
    """Compile a keyword, which is found anywhere in a value; numbers and booleans as their text."""
    if isinstance(sigma, SigmaBool):
        sigma = SigmaString(as_text(sigma.boolean))
    elif type(sigma) is SigmaNumber:
        sigma = SigmaString(as_text(sigma.number))
    if isinstance(sigma, SigmaString):
        return string_test(sigma, anywhere=True)
    return value_test(sigma)
