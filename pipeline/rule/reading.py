"""One Sigma document read by pySigma, with every mistake in it located.

pySigma stops at the first mistake of a detection, knows no lines, and ends in some error of
Python's where a value is of a type it does not expect. Therefore types are checked before it reads
a document, and each detection item is first tried by itself.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from sigma import exceptions
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.rule import SigmaDetectionItem, SigmaDetections, SigmaRule

from pipeline.rule.expressions import POLICY, compile_expression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipeline.errors import Mistake
    from pipeline.yamltext import Document, Path

T = TypeVar("T", SigmaRule, SigmaCorrelationRule)

_CONDITION: Path = ("detection", "condition")
_PATHS: Mapping[type[Exception], Path] = {
    exceptions.SigmaAuthorError: ("author",),
    exceptions.SigmaConditionError: _CONDITION,
    exceptions.SigmaCorrelationConditionError: ("correlation", "condition"),
    exceptions.SigmaDateError: ("date",),
    exceptions.SigmaDescriptionError: ("description",),
    exceptions.SigmaFalsePositivesError: ("falsepositives",),
    exceptions.SigmaFieldsError: ("fields",),
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
    document: Document, mistakes: list[Mistake]
) -> tuple[SigmaRule | None, tuple[str, ...] | None]:
    """Return the rule, None if there are mistakes, and the named groups of its expressions.

    The groups are None when an item is wrong, so that nobody misses a group that it may have.
    """
    found = list(_type_mistakes(document))
    errors = [] if found else list(_condition_errors(document.value.get("detection")))
    before = len(found)
    items = list(_detection_items(document, found))
    complete = len(found) == before
    sigma = _attempt(
        lambda: SigmaRule.from_dict(document.value, collect_errors=True, policy=POLICY), errors
    )
    found += _located(document, errors, found, ("detection",))
    mistakes += found
    groups = tuple(sorted(set(chain.from_iterable(map(_groups, items)))))
    return None if found else sigma, groups if complete else None


def read_correlation(document: Document, mistakes: list[Mistake]) -> SigmaCorrelationRule | None:
    """Return the correlation, None if there are mistakes."""
    found = list(_type_mistakes(document))
    errors: list[Exception] = []
    sigma = _attempt(
        lambda: SigmaCorrelationRule.from_dict(document.value, collect_errors=True), errors
    )
    found += _located(document, errors, found, ("correlation",))
    mistakes += found
    return None if found else sigma


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
            yield document.mistake(reason, _PATHS.get(type(error), section))


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


def _detection_items(document: Document, found: list[Mistake]) -> Iterator[SigmaDetectionItem]:
    """Try each item of the detection by itself, to name every wrong one with its line."""
    detection = document.value.get("detection")
    for name, definition in detection.items() if isinstance(detection, dict) else ():
        path = ("detection", str(name))
        if not isinstance(name, str):
            found.append(document.mistake(f"the name {name!r} is no text; put it in quotes", path))
        elif name != "condition":
            yield from _items(definition, path, document, found)


def _items(
    definition: object, path: Path, document: Document, found: list[Mistake]
) -> Iterator[SigmaDetectionItem]:
    if isinstance(definition, list):
        for index, item in enumerate(definition):
            yield from _items(item, (*path, index), document, found)
    elif isinstance(definition, dict):
        for key, value in definition.items():
            try:
                yield _item(key, value)
            except (TypeError, ValueError) as error:
                found.append(document.mistake(str(error), (*path, str(key))))


def _item(key: object, value: Any) -> SigmaDetectionItem:
    """Make one item; refuse also what pySigma makes something else of than it says.

    Raises:
        ValueError or TypeError: with what is wrong.

    """
    values = value if isinstance(value, list) else [value]
    message = ""
    if not isinstance(key, str):
        message = f"the field {key!r} is no text; put it in quotes"
    elif not values:
        message = f"{key!r} has no value; write null for a field that is missing"
    elif "re" in key.split("|")[1:] and not _all_text(values):
        message = f"{key!r} must be {_TEXTS}, not {value!r:.80}"
    if message:
        raise ValueError(message)
    return SigmaDetectionItem.from_mapping(str(key), value, policy=POLICY)


def _groups(item: SigmaDetectionItem) -> Iterator[str]:
    """Names of the groups in an item's expressions (RE2, as they will be run)."""
    for value in item.value:
        if hasattr(value, "regexp"):
            yield from compile_expression(str(value.regexp)).groupindex


def _condition_errors(detection: object) -> Iterator[Exception]:
    """Parse the conditions over stand-ins, so that a wrong detection item does not hide them."""
    if not isinstance(detection, dict) or "condition" not in detection:
        return
    stand_ins = {name: {"field": 1} for name in detection if name != "condition"}
    try:
        detections = SigmaDetections.from_dict({**stand_ins, "condition": detection["condition"]})
        for condition in detections.parsed_condition:
            condition.parse()
    except (SigmaError, RecursionError) as error:
        yield error
