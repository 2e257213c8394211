"""The modifiers of the Sigma specification 2.1, and what they make of a value.

pySigma has most of them. Here stand the ones that it lacks (`utf16le`), that need our settings
(`expand`), or that it leaves to a query language: what begins or ends with an expression.
"""

from __future__ import annotations

import re
from itertools import chain, product
from typing import TYPE_CHECKING, Any

from sigma.exceptions import SigmaValueError
from sigma.modifiers import (
    SigmaCaseSensitiveModifier,
    SigmaContainsModifier,
    SigmaEndswithModifier,
    SigmaModifier,
    SigmaRegularExpressionModifier,
    SigmaStartswithModifier,
    SigmaTimestampModifier,
    SigmaValueModifier,
    SigmaWideModifier,
    SigmaWindowsDashModifier,
    modifier_mapping,
)
from sigma.types import (
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    TimestampPart,
    char_mapping,
)

from pipeline.rule.expressions import Policy, wildcard_expression

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Modifier = type[SigmaModifier[Any, Any]]

MOST_EXPANSIONS = 10_000
"""Texts that the placeholders of one value may stand for; more is a mistake in the settings."""

# `\%` is a percent sign; a name holds neither percent signs nor backslashes.
_WILDCARD = re.compile("([*?])")
_PLACEHOLDER = re.compile(r"\\%|%([^%\\]+)%")
_OTHER_DASHES = re.compile("\\B[\u2013\u2014\u2015]\\b")


def _rewritten(value: SigmaRegularExpression, text: str) -> SigmaRegularExpression:
    return SigmaRegularExpression(text, set(value.flags), value.policy)


class _Source(SigmaString):  # noqa: PLW1641 - no SigmaString has a hash
    """The text of an expression; pySigma reads letter by letter what is none, and puts it together.

    That takes longer than to compile it.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.original = text
        parts = filter(None, _WILDCARD.split(text))
        self.s = [char_mapping.get(part, part) for part in parts]

    def __str__(self) -> str:
        return self.original

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SigmaString) and self.s == other.s


class _Expression(SigmaRegularExpressionModifier):
    """An expression as it is written."""

    def modify(self, val: SigmaString) -> SigmaRegularExpression:
        if self.applied_modifiers:
            return super().modify(val)
        return SigmaRegularExpression(_Source(val.original), policy=self.detection_item.policy)


class _Contains(SigmaContainsModifier):
    """An expression is searched for anywhere already."""

    def modify(
        self, val: SigmaString | SigmaRegularExpression | SigmaFieldReference
    ) -> SigmaString | SigmaRegularExpression | SigmaFieldReference:
        return val if isinstance(val, SigmaRegularExpression) else super().modify(val)


class _StartsWith(SigmaStartswithModifier):
    """An expression that is found at the start of the text."""

    def modify(
        self, val: SigmaString | SigmaRegularExpression | SigmaFieldReference
    ) -> SigmaString | SigmaRegularExpression | SigmaFieldReference:
        if isinstance(val, SigmaRegularExpression):
            return _rewritten(val, rf"\A(?:{val.regexp})")
        return super().modify(val)


class _EndsWith(SigmaEndswithModifier):
    """An expression that is found at the end of the text."""

    def modify(
        self, val: SigmaString | SigmaRegularExpression | SigmaFieldReference
    ) -> SigmaString | SigmaRegularExpression | SigmaFieldReference:
        if isinstance(val, SigmaRegularExpression):
            return _rewritten(val, rf"(?:{val.regexp})\z")
        return super().modify(val)


class _WindowsDash(SigmaWindowsDashModifier):
    """Each of the five dashes stands for every other, whichever of them the rule has."""

    def modify(self, val: SigmaString) -> SigmaExpansion:
        return super().modify(val.map_str_parts(lambda part: _OTHER_DASHES.sub("-", part)))


class _TimePart(SigmaTimestampModifier):
    """A whole number; half an hour is a mistake and not the hour before it."""

    def modify(self, val: SigmaNumber) -> SigmaTimestampPart:
        if val.number != int(val.number):
            message = f"{val.number} is no whole number"
            raise SigmaValueError(message)
        return super().modify(val)


class _Expand(
    SigmaValueModifier[
        SigmaString | SigmaRegularExpression, SigmaString | SigmaRegularExpression | SigmaExpansion
    ]
):
    """Placeholders become what the settings say: texts, which may hold wildcards, one of them."""

    def modify(
        self, val: SigmaString | SigmaRegularExpression
    ) -> SigmaString | SigmaRegularExpression | SigmaExpansion:
        if isinstance(val, SigmaRegularExpression):
            return _rewritten(val, _PLACEHOLDER.sub(self._alternatives, str(val.regexp)))
        pieces = list(chain.from_iterable(map(self._pieces, val.s)))
        return SigmaExpansion([_joined(val, chosen) for chosen in self._products(pieces)])

    def _values(self, name: str) -> list[SigmaString]:
        policy = self.detection_item.policy
        if not isinstance(policy, Policy) or not policy.placeholders.get(name):
            message = (
                f"the placeholder %{name}% is filled by no setting; write `{name}: TEXT` in a "
                "YAML file and name that with --placeholders or FIVEWHYS_PLACEHOLDERS"
            )
            raise SigmaValueError(message)
        return [SigmaString(text) for text in policy.placeholders[name]]

    def _alternatives(self, found: re.Match[str]) -> str:
        """Return what an expression has for a placeholder."""
        if found[1] is None:
            return found[0]
        values = (wildcard_expression(value.s) for value in self._values(found[1]))
        return f"(?:{'|'.join(values)})"

    def _pieces(self, part: object) -> list[list[Sequence[Any]]]:
        """Return what each piece of a text may be; a wildcard is but itself."""
        if not isinstance(part, str):
            return [[(part,)]]
        pieces: list[list[Sequence[Any]]] = []
        end = 0
        for found in _PLACEHOLDER.finditer(part):
            pieces.append([(part[end : found.start()],)])
            name = found[1]
            pieces.append([("%",)] if name is None else [value.s for value in self._values(name)])
            end = found.end()
        return [*pieces, [(part[end:],)]]

    def _products(self, pieces: list[list[Sequence[Any]]]) -> list[tuple[Sequence[Any], ...]]:
        count = 1
        for piece in pieces:
            count *= len(piece)
        if count > MOST_EXPANSIONS:
            message = f"the placeholders stand for {count:,} texts; at most {MOST_EXPANSIONS:,} go"
            raise SigmaValueError(message)
        return list(product(*pieces))


def _joined(value: SigmaString, chosen: tuple[Sequence[Any], ...]) -> SigmaString:
    joined = type(value)()
    for part in chain.from_iterable(chosen):
        joined = joined + part if part != "" else joined
    return joined


def _time_part(part: TimestampPart) -> Modifier:
    return type(f"_{part.name}", (_TimePart,), {"time_part_unit": part})


MODIFIERS: Mapping[str, Modifier] = {
    **modifier_mapping,
    "contains": _Contains,
    "startswith": _StartsWith,
    "endswith": _EndsWith,
    "expand": _Expand,
    "re": _Expression,
    "utf16le": SigmaWideModifier,
    "windash": _WindowsDash,
    **{part.name.lower(): _time_part(part) for part in TimestampPart},
}


def modifiers_of(names: Sequence[str]) -> list[Modifier]:
    """Return the modifiers in the order in which they are applied.

    `cased` comes last: it says how a text is compared, and others make new texts of it.

    Raises:
        ValueError: there is no such modifier.

    """
    for name in names:
        if name not in MODIFIERS:
            message = f"Unknown modifier {name!r}"
            raise ValueError(message)
    found = [MODIFIERS[name] for name in names]
    return sorted(found, key=lambda modifier: modifier is SigmaCaseSensitiveModifier)
