"""Captured texts to values: what an expression found -> text, numbers, lists and times."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import re2

from pipeline.entry import format_timestamp, parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.audit import CaptureType

CAPTURE_LIMIT = 500
"""Characters of a captured text that tell whom a symptom is about."""

# A quote opens an item only where one can begin: the apostrophe of "it's" does not.
_LIST_ITEM = re2.compile(r"""(?:^|[\[({,])\s*(?:'([^']*)'|"([^"]*)")""")
_LARGEST = 2**63 - 1  # what JSON and SQL keep of a whole number


def convert(text: str, kind: CaptureType) -> Any:
    """Read a captured text as the type its rule gives it; what does not fit stays text.

    Of a text only `CAPTURE_LIMIT` characters stay: expressions need no bounds, which RE2 unrolls.
    """
    try:
        return _CONVERSIONS[kind](text)
    except ValueError:
        return text[:CAPTURE_LIMIT]


def _items(text: str) -> list[str]:
    """Read `['a', 'b']`, `{'a'}`, `["a"]` or `a, b` as a list of texts.

    Of quoted items one that was cut off is left out: half a name is the name of nothing.
    """
    quoted = [single or double for single, double in _LIST_ITEM.findall(text)]
    return quoted or [
        item for item in (part.strip(" '\"") for part in text.strip("[]{}() ").split(",")) if item
    ]


def _whole(text: str) -> int:
    number = int(text)
    if abs(number) > _LARGEST:
        message = f"{number} is beyond 64 bits"
        raise ValueError(message)
    return number


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        message = f"{text} is no finite number"
        raise ValueError(message)
    return number


_CONVERSIONS: Mapping[CaptureType, Callable[[str], Any]] = {
    "str": lambda text: text[:CAPTURE_LIMIT],
    "int": _whole,
    "float": _finite,
    "list": _items,
    "set": lambda text: sorted(set(_items(text))),
    "timestamp": lambda text: format_timestamp(parse_timestamp(text)),
}
