"""One Sigma document read by pySigma, with every mistake in it located.

pySigma stops at the first mistake of a detection, knows no lines, and ends in some error of
Python's where a value is of a type it does not expect. Therefore types are checked before it reads
a document, and each detection item is first tried by itself.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
import re2
from sigma import exceptions
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from pipeline.rule.conditions import outline
from pipeline.rule.detections import Reader, groups_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sigma.rule import SigmaDetection

    from pipeline.errors import Mistake
    from pipeline.rule.expressions import Policy
    from pipeline.yamltext import Document, Path

_NEEDED = ("type", "rules", "group-by", "timespan")
_WORDS = re2.compile(r"\b(?:AND|OR|NOT)\b")

T = TypeVar("T", SigmaRule, SigmaCorrelationRule, SigmaFilter)

_CONDITION: Path = ("detection", "condition")
_PATHS: Mapping[type[Exception], Path] = {
    exceptions.SigmaAuthorError: ("author",),
    exceptions.SigmaConditionError: _CONDITION,
    exceptions.SigmaCorrelationConditionError: ("correlation", "condition"),
    exceptions.SigmaDateError: ("date",),
    exceptions.SigmaDescriptionError: ("description",),
    exceptions.SigmaFalsePositivesError: ("falsepositives",),
    exceptions.SigmaFieldsError: ("fields",),
    exceptions.SigmaFilterConditionError: ("filter", "condition"),
    exceptions.SigmaFilterRuleReferenceError: ("filter", "rules"),
    exceptions.SigmaIdentifierError: ("id",),
    exceptions.SigmaLevelError: ("level",),
    exceptions.SigmaLicenseError: ("license",),
    exceptions.SigmaLogsourceError: ("logsource",),
    exceptions.SigmaModifiedError: ("modified",),
    exceptions.SigmaNameError: ("name",),
    exceptions.SigmaReferencesError: ("references",),
    exceptions.SigmaRelatedError: ("related",),
    exceptions.SigmaScopeError: ("scope",),
    exceptions.SigmaStatusError: ("status",),
    exceptions.SigmaTagError: ("tags",),
    exceptions.SigmaTaxonomyError: ("taxonomy",),
    exceptions.SigmaTimespanError: ("correlation", "timespan"),
    exceptions.SigmaTitleError: ("title",),
}
"""Where each error of pySigma's belongs; one that is not here belongs to the main section."""

_OTHERS: Mapping[str, tuple[str, ...]] = {
    "detection": ("condition",),
    "filter": ("rules", "condition"),
}
"""What stands beside the detections of a section."""

_STAND_IN = {"field": 1}
"""What pySigma reads in place of a rule's detections."""

_TEXT, _TEXTS = "text", "text or a list of texts"
_TYPES: tuple[tuple[Path, str], ...] = (
    (("id",), _TEXT),
    (("name",), _TEXT),
    (_CONDITION, _TEXTS),
    (("correlation", "rules"), _TEXTS),
    (("correlation", "group-by"), _TEXTS),
)
"""What pySigma takes for granted, or turns into text unseen."""


def encoding_mistakes(document: Document) -> Iterator[Mistake]:
    """Yield the texts that no encoder accepts (half a surrogate pair), at any depth."""
    with suppress(TypeError):  # quick, and it has doubts about more than texts
        orjson.dumps(document.value, option=orjson.OPT_NON_STR_KEYS)
        return
    waiting: list[tuple[object, Path]] = [(document.value, ())]
    while waiting:
        value, path = waiting.pop()
        if isinstance(value, dict):
            waiting += [(key, path) for key in value]
            waiting += [(item, (*path, str(key))) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [(item, (*path, index)) for index, item in enumerate(value)]
        elif isinstance(value, str) and not _encodable(value):
            yield document.mistake("holds half a character (a lone surrogate)", path)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_rule(
    document: Document, policy: Policy, mistakes: list[Mistake]
) -> tuple[SigmaRule | None, tuple[str, ...] | None]:
    """Return the rule, None if there are mistakes, and the named groups of its expressions.

    The groups are None when an item is wrong, so that nobody misses a group that it may have.
    """
    sigma, parts = _read(SigmaRule.from_dict, "detection", document, policy, mistakes)
    whole = [part for part in parts.values() if part is not None]
    if len(whole) < len(parts):
        return sigma, None
    return sigma, tuple(sorted({group for part in whole for group in groups_of(part)}))


def read_filter(document: Document, policy: Policy, mistakes: list[Mistake]) -> SigmaFilter | None:
    """Return the filter, None if there are mistakes."""
    return _read(SigmaFilter.from_dict, "filter", document, policy, mistakes)[0]


def _read(
    make: Callable[..., T],
    section: str,
    document: Document,
    policy: Policy,
    mistakes: list[Mistake],
) -> tuple[T | None, dict[str, SigmaDetection | None]]:
    """Return what pySigma makes of a document, and the detections of its section by name.

    pySigma reads it with stand-ins for these, so that a wrong one hides no other mistake.
    """
    found = list(_type_mistakes(document))
    typed, errors = not found, list[Exception]()
    parts = Reader(document, policy, found).detections(section, _OTHERS[section])
    value = _with_stand_ins(document, section)
    sigma = _attempt(lambda: make(value, collect_errors=True), errors)
    if sigma is not None:
        block = getattr(sigma, section)
        errors += _condition_errors(block.condition, tuple(parts)) if typed else []
        block.detections = parts
    found += _located(document, errors, found, (section,))
    mistakes += found
    return None if found else sigma, parts


def _with_stand_ins(document: Document, section: str) -> dict[str, Any]:
    value: dict[str, Any] = document.value
    block = value.get(section)
    if not isinstance(block, dict):
        return value
    others = {key: block[key] for key in _OTHERS[section] if key in block}
    return value | {section: others if len(others) == len(block) else {"": _STAND_IN} | others}


def _condition_errors(conditions: Iterable[str], names: tuple[str, ...]) -> Iterator[Exception]:
    """Parse the conditions over stand-ins."""
    try:
        for condition in conditions:
            outline(condition, names)
    except (SigmaError, RecursionError) as error:
        yield error


def read_correlation(document: Document, mistakes: list[Mistake]) -> SigmaCorrelationRule | None:
    """Return the correlation, None if there are mistakes.

    `mistakes` has those already that are known of its condition, aliases and options; pySigma then
    reads it with stand-ins for these, so that they hide no other and are not told twice.
    """
    found = list(_type_mistakes(document))
    errors: list[Exception] = []
    value = _without_options(document.value) if mistakes else _with_one_bound(document.value)
    sigma = _attempt(lambda: SigmaCorrelationRule.from_dict(value, collect_errors=True), errors)
    found += _located(document, errors, [*mistakes, *found], ("correlation",))
    mistakes += found
    return None if found else sigma


def _without_options(value: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value["correlation"][key] for key in _NEEDED if key in value["correlation"]}
    return value | {"correlation": kept | {"condition": {"gte": 1, "field": "x"}}}


def _with_one_bound(value: dict[str, Any]) -> dict[str, Any]:
    """Return a correlation as pySigma takes it: one bound, words of a condition in small letters.

    The specification lets several bounds make a range, and writes AND for `and`.
    """
    block = value["correlation"]
    condition = block.get("condition")
    if isinstance(condition, dict):
        bounds = [key for key in condition if key not in ("field", "percentile")][:1]
        condition = {key: condition[key] for key in ("field", *bounds) if key in condition}
    elif isinstance(condition, str):
        condition = _WORDS.sub(lambda found: found[0].lower(), condition)
    else:
        return value
    return value | {"correlation": block | {"condition": condition}}


def _attempt(read: Callable[[], T], errors: list[Exception]) -> T | None:
    """Return what pySigma read, None when it ended in an error; note all its errors."""
    try:
        sigma = read()
    except Exception as error:  # noqa: BLE001 - whatever a value of an unexpected type leads to
        errors.append(error)
        return None
    errors += sigma.errors
    return sigma


def _located(
    document: Document, errors: list[Exception], found: list[Mistake], section: Path
) -> Iterator[Mistake]:
    """Yield the errors that say something new; one without a place of its own may be known."""
    known = {mistake.message for mistake in found}
    for error in errors:
        reason = _reason(error)
        if reason not in known and (type(error) in _PATHS or not known):
            path = _PATHS.get(type(error), section)
            yield document.mistake(reason, (*section, "condition") if path == _CONDITION else path)


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(error) if isinstance(error, SigmaError) else f"{type(error).__name__}: {error}"


def _type_mistakes(document: Document) -> Iterator[Mistake]:
    for path, wanted in _TYPES:
        holder = document.value if len(path) == 1 else document.value.get(path[0])
        if not isinstance(holder, dict) or path[-1] not in holder:
            continue
        value = holder[path[-1]]
        if not _all_text(value if wanted == _TEXTS and isinstance(value, list) else [value]):
            yield document.mistake(f"{path[-1]} must be {wanted}, not {value!r:.80}", path)


def _all_text(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)
