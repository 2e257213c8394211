"""Conditions of a Sigma rule compiled to predicates over a `LogEntry`.

A predicate runs in time linear in the entry: strings are compared with string methods, everything
else with RE2. Semantics follow the Sigma specification 2.1: strings are case-insensitive and know
the wildcards `*` and `?`, a field with several values matches when any of them does, `null` matches
a missing field. What cannot be evaluated is an error when the rule is loaded.
"""

from __future__ import annotations

import ipaddress
import operator
from typing import TYPE_CHECKING, Any

import re2
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import (
    CompareOperators,
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SpecialChars,
)

from pipeline.errors import Mistake, RuleError
from pipeline.fingerprint import parse_exception
from pipeline.rule import compile_expression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sigma.types import SigmaType

    from pipeline.entry import LogEntry
    from pipeline.fingerprint import ExceptionInfo
    from pipeline.rule import Rule

    Captures = dict[str, str]
    Values = tuple[object, ...]
    Predicate = Callable[[LogEntry, Captures], bool]
    ValueTest = Callable[[object, Captures], bool]
    Getter = Callable[[LogEntry], Values]

_COMPARISONS: Mapping[CompareOperators, Callable[[float, float], bool]] = {
    CompareOperators.LT: operator.lt,
    CompareOperators.LTE: operator.le,
    CompareOperators.GT: operator.gt,
    CompareOperators.GTE: operator.ge,
}


# --- fields ---------------------------------------------------------------------------------------


def _text(name: str) -> Getter:
    """Return the getter of an attribute of the entry; an empty one is missing."""

    def get(entry: LogEntry) -> Values:
        value = getattr(entry, name)
        return (value,) if value else ()

    return get


def _severity(entry: LogEntry) -> Values:
    """Return the effective severity, by name and by the number the Logging API gives it."""
    return (entry.severity.name, entry.severity.value)


def _exception(name: str) -> Getter:
    def get(entry: LogEntry) -> Values:
        found = parse_exception(entry.message)
        return () if found is None else _EXCEPTION_PARTS[name](found)

    return get


_EXCEPTION_PARTS: Mapping[str, Callable[[ExceptionInfo], Values]] = {
    "type": lambda found: (found.type,),
    "message": lambda found: (found.message,),
    "module": lambda found: (found.module,) if found.module else (),
    "frames": lambda found: tuple(
        f"{frame.file}:{frame.line} in {frame.function}" for frame in found.frames
    ),
}

_NAMED: Mapping[str, Getter] = {
    **{
        name: _text(name)
        for name in ("message", "service", "revision", "instance", "project", "trace")
    },
    "severity": _severity,
    **{f"exception.{name}": _exception(name) for name in _EXCEPTION_PARTS},
}

# Sigma's taxonomy for `product: gcp, service: gcp.audit` names these fields.
_TAXONOMY: Mapping[str, str] = {
    "gcp.audit.method_name": "protoPayload.methodName",
    "gcp.audit.resource_name": "protoPayload.resourceName",
    "gcp.audit.service_name": "protoPayload.serviceName",
}


def field_getter(name: str) -> Getter:
    """Compile a field name of a rule to a function that returns all values an entry has for it.

    A named field first, then the dotted path in the entry, then the same path inside jsonPayload,
    then what Sigma's taxonomy means by it; of these the first one that is there.
    """
    if name in _NAMED:
        return _NAMED[name]
    sigma = _TAXONOMY.get(name, name.removeprefix("data."))
    paths = tuple(dict.fromkeys((name, f"jsonPayload.{name}", sigma, f"jsonPayload.{sigma}")))

    def get(entry: LogEntry) -> Values:
        return next((found for path in paths if (found := entry.lookup(path))), ())

    return get


def every_value(value: object) -> Iterator[object]:
    """Yield every scalar at any depth of an entry's document: what a keyword is searched in."""
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, dict):
            waiting.extend(current.values())
        elif isinstance(current, list):
            waiting.extend(current)
        elif current is not None:
            yield current


# --- values ---------------------------------------------------------------------------------------


def _as_text(value: object) -> str:
    """Return the text that Sigma compares with: JSON's words for booleans, digits for numbers."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _encodable(text: str) -> str:
    """RE2 works on UTF-8, which has no lone surrogates."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def _string(sigma: SigmaString, *, keyword: bool = False) -> ValueTest:
    parts = _parts(sigma)
    cased = isinstance(sigma, SigmaCasedString)
    if keyword:
        parts = [SpecialChars.WILDCARD_MULTI, *parts, SpecialChars.WILDCARD_MULTI]
    plain = _plain_string(parts, cased=cased)
    if plain is not None:
        return plain
    expression = "".join(_part_expression(part) for part in parts)
    flags = "s" if cased else "is"
    compiled = compile_expression(f"(?{flags})^(?:{expression})$")
    return lambda value, _: compiled.search(_encodable(_as_text(value))) is not None


def _parts(sigma: SigmaString) -> list[Any]:
    """Return plain texts and wildcards; nothing fills a placeholder here."""
    if any(isinstance(part, Placeholder) for part in sigma.s):
        message = f"the placeholder in {sigma.to_plain()!r} is filled by no setting"
        raise ValueError(message)
    return list(sigma.s)


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
    method = _STRING_METHODS[front, back]
    if cased:
        return lambda value, _: method(_as_text(value), wanted)
    folded = wanted.casefold()
    return lambda value, _: method(_as_text(value).casefold(), folded)


_STRING_METHODS: Mapping[tuple[bool, bool], Callable[[str, str], bool]] = {
    (False, False): operator.eq,
    (True, True): operator.contains,
    (False, True): str.startswith,
    (True, False): str.endswith,
}


def _part_expression(part: object) -> str:
    if part is SpecialChars.WILDCARD_MULTI:
        return ".*"
    if part is SpecialChars.WILDCARD_SINGLE:
        return "."
    return str(re2.escape(str(part)))


def _expression(sigma: SigmaRegularExpression) -> ValueTest:
    flags = "".join(sorted(sigma.sigma_to_re_flag[flag] for flag in sigma.flags))
    _parts(sigma.regexp)
    compiled = compile_expression((f"(?{flags})" if flags else "") + str(sigma.regexp))

    def test(value: object, captures: Captures) -> bool:
        found = compiled.search(_encodable(_as_text(value)))
        if found is None:
            return False
        for name, text in found.groupdict().items():
            if text is not None:
                captures[name] = text
        return True

    return test


def _number(sigma: SigmaNumber) -> ValueTest:
    wanted = float(sigma.number)
    return lambda value, _: _as_number(value) == wanted


def _as_number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)  # type: ignore[arg-type]  # what is no number is caught
    except (TypeError, ValueError, OverflowError):
        return None


def _compare(sigma: SigmaCompareExpression) -> ValueTest:
    compare, limit = _COMPARISONS[sigma.op], float(sigma.number.number)

    def test(value: object, _: Captures) -> bool:
        number = _as_number(value)
        return number is not None and compare(number, limit)

    return test


def _cidr(sigma: SigmaCIDRExpression) -> ValueTest:
    network = sigma.network

    def test(value: object, _: Captures) -> bool:
        try:
            return ipaddress.ip_address(_as_text(value).strip()) in network
        except ValueError:
            return False

    return test


def _boolean(sigma: SigmaBool) -> ValueTest:
    wanted = "true" if sigma.boolean else "false"
    return lambda value, _: _as_text(value).lower() == wanted


_VALUE_TESTS: Mapping[type[SigmaType], Callable[[Any], ValueTest]] = {
    SigmaString: _string,
    SigmaCasedString: _string,
    SigmaRegularExpression: _expression,
    SigmaNumber: _number,
    SigmaBool: _boolean,
    SigmaCompareExpression: _compare,
    SigmaCIDRExpression: _cidr,
}


# --- conditions -----------------------------------------------------------------------------------


def _field_equals(field: str, sigma: SigmaType) -> Predicate:
    get = field_getter(field)
    if isinstance(sigma, SigmaNull):
        return lambda entry, _: not get(entry)
    if isinstance(sigma, SigmaExists):
        wanted = bool(sigma)
        return lambda entry, _: bool(get(entry)) is wanted
    if isinstance(sigma, SigmaFieldReference):
        return _field_reference(get, sigma)
    if isinstance(sigma, SigmaExpansion):
        return _any_of([_field_equals(field, value) for value in sigma.values])
    test = _value_test(sigma)
    return lambda entry, captures: any(test(value, captures) for value in get(entry))


def _field_reference(get: Getter, sigma: SigmaFieldReference) -> Predicate:
    other = field_getter(sigma.field)
    method = _STRING_METHODS[sigma.ends_with, sigma.starts_with]

    def matches(entry: LogEntry, _: Captures) -> bool:
        wanted = [_as_text(value).casefold() for value in other(entry)]
        found = [_as_text(value).casefold() for value in get(entry)]
        return any(method(value, text) for value in found for text in wanted)

    return matches


def _keyword(sigma: SigmaType) -> Predicate:
    if isinstance(sigma, SigmaExpansion):
        return _any_of([_keyword(value) for value in sigma.values])
    test = _string(sigma, keyword=True) if isinstance(sigma, SigmaString) else _value_test(sigma)
    return lambda entry, captures: any(
        test(value, captures) for value in every_value(entry.document)
    )


def _value_test(sigma: SigmaType) -> ValueTest:
    make = _VALUE_TESTS.get(type(sigma))
    if make is None:
        message = f"values of the kind {type(sigma).__name__} are not supported"
        raise ValueError(message)
    return make(sigma)


def _any_of(predicates: list[Predicate]) -> Predicate:
    return lambda entry, captures: any(test(entry, captures) for test in predicates)


def _all_of(predicates: list[Predicate]) -> Predicate:
    def matches(entry: LogEntry, captures: Captures) -> bool:
        found: Captures = {}  # a branch that fails half-way must leave nothing behind
        if not all(test(entry, found) for test in predicates):
            return False
        captures.update(found)
        return True

    return matches


def _not(predicates: list[Predicate]) -> Predicate:
    """Negate; what a refuted expression captured says nothing about the entry."""
    (test,) = predicates
    return lambda entry, _: not test(entry, {})


_CONNECTIVES: Mapping[type, Callable[[list[Predicate]], Predicate]] = {
    ConditionAND: _all_of,
    ConditionOR: _any_of,
    ConditionNOT: _not,
}


def _condition(node: Any) -> Predicate:
    if isinstance(node, ConditionFieldEqualsValueExpression):
        return _field_equals(node.field, node.value)
    if isinstance(node, ConditionValueExpression):
        return _keyword(node.value)
    return _CONNECTIVES[type(node)]([_condition(argument) for argument in node.args])


def compile_rule(rule: Rule) -> Callable[[LogEntry], Captures | None]:
    """Compile a rule to a function: entry in; out its named groups as text, or None for no match.

    Raises:
        RuleError: the rule asks for something that cannot be evaluated, with its place.

    """
    try:
        conditions = [_condition(item.parse()) for item in rule.sigma.detection.parsed_condition]
    except (RecursionError, ValueError) as error:
        file, _, line = rule.place.rpartition(":")
        reason = str(error) if isinstance(error, ValueError) else "nested too deeply"
        raise RuleError([Mistake(file, int(line), reason)]) from error
    predicate = _any_of(conditions)

    def match(entry: LogEntry) -> Captures | None:
        captures: Captures = {}
        return captures if predicate(entry, captures) else None

    return match
