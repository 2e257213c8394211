"""Conditions of rules as trees, each text parsed once for all rules whose detections are called so.

pySigma's own `parse()` copies the tree of a condition for every rule and every call, which takes
longer than all the rest of compiling.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
)
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaDetections
from sigma.types import SigmaNumber

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_STAND_IN = SigmaNumber(1)
_PART = re.compile(r"(not )?(?!(?:and|or|not)\Z)([A-Za-z0-9_]+)")


@lru_cache(maxsize=4096)
def outline(condition: str, names: tuple[str, ...]) -> Any:
    """Parse a condition; return pySigma's tree, with comparisons of the field NAME for detections.

    Raises:
        SigmaError: it is no condition, or names a detection that is not among `names`.
        RecursionError: it is nested too deeply.

    """
    if (plain := _conjunction(condition, names)) is not None:
        return plain
    stand_ins = {
        name: SigmaDetection([SigmaDetectionItem(name, [], [_STAND_IN])]) for name in names
    }
    (parsed,) = SigmaDetections(stand_ins, [condition]).parsed_condition
    return parsed.parse()


def _conjunction(condition: str, names: Sequence[str]) -> Any:
    """Return the tree of `a and not b and c`; None for a condition of any other form.

    Most are of this one, and pySigma's parser takes longer for it than for all else in a rule.
    """
    parts: list[Any] = []
    for text in condition.split(" and "):
        found = _PART.fullmatch(text)
        if found is None or found[2] not in names:
            return None
        part = ConditionFieldEqualsValueExpression(found[2], _STAND_IN)
        parts.append(ConditionNOT([part]) if found[1] else part)
    return parts[0] if len(parts) == 1 else ConditionAND(parts)


def conditions_of(detections: SigmaDetections) -> tuple[Any, ...]:
    """Return the tree of each condition, with what the detections say; nobody may change them.

    Raises:
        SigmaError: a condition or a detection is wrong.
        RecursionError: one is nested too deeply.

    """
    names = tuple(detections.detections)
    trees: dict[str, Any] = {}

    def detection(name: str) -> Any:
        if name not in trees:
            trees[name] = detections[name].postprocess(detections)
        return trees[name]

    return tuple(_filled(outline(text, names), detection) for text in detections.condition)


def _filled(node: Any, detection: Callable[[str], Any]) -> Any:
    if isinstance(node, ConditionFieldEqualsValueExpression):
        return detection(node.field)
    return type(node)([_filled(argument, detection) for argument in node.args])
