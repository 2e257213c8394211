"""Conditions of rules as trees, each text parsed once for all rules whose detections are called so.

pySigma's own `parse()` copies the tree of a condition for every rule and every call, which takes
longer than all the rest of compiling.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sigma.conditions import ConditionFieldEqualsValueExpression
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaDetections
from sigma.types import SigmaNumber

if TYPE_CHECKING:
    from collections.abc import Callable


@lru_cache(maxsize=4096)
def outline(condition: str, names: tuple[str, ...]) -> Any:
    """Parse a condition; return pySigma's tree, with comparisons of the field NAME for detections.

    Raises:
        SigmaError: it is no condition, or names a detection that is not among `names`.
        RecursionError: it is nested too deeply.

    """
    stand_ins = {
        name: SigmaDetection([SigmaDetectionItem(name, [], [SigmaNumber(1)])]) for name in names
    }
    (parsed,) = SigmaDetections(stand_ins, [condition]).parsed_condition
    return parsed.parse()


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
