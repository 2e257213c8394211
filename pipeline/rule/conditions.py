"""Conditions of rules as trees, each text parsed once for all rules whose detections are called so.

pySigma's own `parse()` copies the tree of a condition for every rule and every call, which takes
longer than all the rest of compiling.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
)
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaDetections
from sigma.types import SigmaNumber

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_STAND_IN = SigmaNumber(1)
_WORD = re.compile(r"[A-Za-z0-9_]+|[^A-Za-z0-9_ ]")
_OPERATORS = ("and", "or", "not")


@lru_cache(maxsize=4096)
def outline(condition: str, names: tuple[str, ...]) -> Any:
    """Parse a condition; return pySigma's tree, with comparisons of the field NAME for detections.

    Raises:
        SigmaError: it is no condition, or names a detection that is not among `names`.
        RecursionError: it is nested too deeply.

    """
    with suppress(_UnusualError):
        return _Reader(condition, names).tree()
    stand_ins = {
        name: SigmaDetection([SigmaDetectionItem(name, [], [_STAND_IN])]) for name in names
    }
    (parsed,) = SigmaDetections(stand_ins, [condition]).parsed_condition
    return parsed.parse()


class _UnusualError(Exception):
    """A condition is not made of names, `and`, `or`, `not` and parentheses alone."""


class _Reader:
    """Reads such conditions, which nearly all are; pySigma's parser takes a hundred times as long.

    What binds more tightly and how nodes are nested is as pySigma has it.
    """

    def __init__(self, condition: str, names: Sequence[str]) -> None:
        self._words = [*_WORD.findall(condition), ""][::-1]
        self._names = names

    def tree(self) -> Any:
        """Return the tree of the whole condition."""
        tree = self._either()
        self._expect("")
        return tree

    def _either(self) -> Any:
        return self._chain(self._both, "or", ConditionOR)

    def _both(self) -> Any:
        return self._chain(self._one, "and", ConditionAND)

    def _chain(self, part: Callable[[], Any], word: str, node: Callable[[list[Any]], Any]) -> Any:
        parts = [part()]
        while self._words[-1] == word:
            self._words.pop()
            parts.append(part())
        return parts[0] if len(parts) == 1 else node(parts)

    def _one(self) -> Any:
        word = self._words.pop()
        if word == "not":
            return ConditionNOT([self._one()])
        if word == "(":
            tree = self._either()
            self._expect(")")
            return tree
        if not word or word in _OPERATORS or word not in self._names:
            raise _UnusualError
        return ConditionFieldEqualsValueExpression(word, _STAND_IN)

    def _expect(self, word: str) -> None:
        if self._words.pop() != word:
            raise _UnusualError


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
