"""The named detections of a rule or filter, read item by item, so that each mistake has its line.

What they may look like is said in pySigma's `SigmaDetection.from_definition`: a mapping (all of
it), a list of mappings (one of them), or keywords.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sigma.exceptions import SigmaTypeError
from sigma.rule import SigmaDetection, SigmaDetectionItem
from sigma.types import (
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    sigma_type,
)

from pipeline.rule.expressions import compile_expression
from pipeline.rule.modifiers import modifiers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sigma.types import SigmaType

    from pipeline.errors import Mistake
    from pipeline.rule.expressions import Policy
    from pipeline.yamltext import Document, Path

_TEXTS = "text or a list of texts"
_SCALARS = (str, int, float, bool, type(None))
_NEED_A_FIELD: Mapping[type[SigmaType], str] = {
    SigmaNull: "null is no keyword; name the field that is missing",
    SigmaFieldReference: "a reference to a field needs a field to compare it with",
    SigmaTimestampPart: "a part of a time needs the field that holds the time",
}


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the detections of one document; mistakes go to `found`."""

    document: Document
    policy: Policy
    found: list[Mistake]

    def detections(self, section: str, others: Iterable[str]) -> dict[str, SigmaDetection | None]:
        """Return the named detections of a section, None where one is wrong.

        `others` are the keys of the section that are no detections.
        """
        definitions = self.document.value.get(section)
        named = definitions.items() if isinstance(definitions, dict) else ()
        return {
            str(name): self._named(name, definition, (section, str(name)))
            for name, definition in named
            if name not in others
        }

    def _named(self, name: object, definition: object, path: Path) -> SigmaDetection | None:
        if not isinstance(name, str):
            self._mistake(f"the name {name!r} is no text; put it in quotes", path)
        elif name == "timeframe" and isinstance(definition, str | int):
            self._mistake("timeframe is gone from Sigma; write a correlation", path)
        else:
            return self._detection(definition, path)
        return None

    def _mistake(self, message: str, path: Path) -> None:
        self.found.append(self.document.mistake(message, path))

    def _detection(self, definition: object, path: Path) -> SigmaDetection | None:
        parts: list[SigmaDetectionItem | SigmaDetection | None]
        if isinstance(definition, dict):
            parts = [self._item(key, value, (*path, str(key))) for key, value in definition.items()]
        elif isinstance(definition, list) and not all(map(_is_scalar, definition)):
            parts = [self._detection(item, (*path, at)) for at, item in enumerate(definition)]
        else:
            parts = [self._item("", definition, path)]
        if not parts:
            self._mistake("Detection is empty", path)
        whole = [part for part in parts if part is not None]
        return SigmaDetection(whole) if whole and len(whole) == len(parts) else None

    def _item(self, key: object, value: Any, path: Path) -> SigmaDetectionItem | None:
        try:
            return _item(key, value, self.policy)
        except (TypeError, ValueError) as error:
            self._mistake(str(error), path)
            return None


def _is_scalar(value: object) -> bool:
    return isinstance(value, _SCALARS)


def _item(key: object, value: Any, policy: Policy) -> SigmaDetectionItem:
    """Make one item; refuse also what pySigma makes something else of than it says.

    Raises:
        ValueError or TypeError: with what is wrong.

    """
    values = value if isinstance(value, list) else [value]
    if not isinstance(key, str):
        message = f"the field {key!r} is no text; put it in quotes"
        raise ValueError(message)  # noqa: TRY004 - a mistake of the user's, not a type of ours
    if not values:
        message = f"{key!r} has no value; write null for a field that is missing"
        raise ValueError(message)
    field, *names = key.split("|")
    expression = "re" in names
    wanted, kinds = (_TEXTS, (str,)) if expression else ("text, a number or the like", _SCALARS)
    if not all(isinstance(item, kinds) for item in values):
        message = f"{key!r} must be {wanted}, not {value!r:.80}"
        raise ValueError(message)
    read = SigmaString.from_str if expression else _value
    modifiers, texts = modifiers_of(names), [read(text) for text in values]
    try:
        item = SigmaDetectionItem(field or None, modifiers, texts, policy=policy)
    except SigmaTypeError as error:  # which shows addresses of objects
        shown = "null" if value is None else f"{value!r:.80}"
        message = f"the modifiers of {key!r:.80} are not for {shown}, or not in this order"
        raise ValueError(message) from error
    if not field:
        _check_keywords(item.value)
    return item


def _value(value: Any) -> SigmaType:
    sigma = sigma_type(value)
    if isinstance(sigma, SigmaNumber) and isinstance(value, int):
        sigma.number = value  # pySigma rounds what has more than 53 bits
    return sigma


def _check_keywords(values: Iterable[SigmaType]) -> None:
    for value in values:
        if type(value) in _NEED_A_FIELD:
            raise ValueError(_NEED_A_FIELD[type(value)])


def groups_of(part: SigmaDetection | SigmaDetectionItem) -> Iterator[str]:
    """Yield the named groups in the expressions of a detection (RE2, as they will be run)."""
    if isinstance(part, SigmaDetection):
        for item in part.detection_items:
            yield from groups_of(item)
    else:
        yield from _groups_in(part.value)


def _groups_in(values: Iterable[SigmaType]) -> Iterator[str]:
    for value in values:
        if type(value) is SigmaExpansion:
            yield from _groups_in(value.values)
        elif type(value) is SigmaRegularExpression and "<" in (text := str(value.regexp)):
            yield from compile_expression(text).groupindex
