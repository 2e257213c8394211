"""Dotted paths into a document, whose keys may hold dots and quotes themselves."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

# The two halves of the alternation begin with different characters or end at a dot: linear.
_SEGMENT = re.compile(r'"((?:[^"\\]|\\.)*+)"(?=\.|$)|([^.]*+)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Segment(NamedTuple):
    """One part of a path; a quoted one is a whole key, an unquoted one may be a piece of a key."""

    text: str
    quoted: bool


def path_segments(path: str) -> tuple[Segment, ...]:
    """Split a path at the dots that stand outside quotes: `labels."a.b".c` has three segments."""
    segments: list[Segment] = []
    position = 0
    while position <= len(path):
        match = _SEGMENT.match(path, position)
        assert match is not None  # noqa: S101 - its second half matches the empty text as well
        quoted = match[1] is not None
        segments.append(Segment(_ESCAPED.sub(r"\1", match[1]) if quoted else match[2], quoted))
        position = match.end() + 1
    return tuple(segments)


def find(document: Mapping[str, Any], path: str) -> tuple[object, ...]:
    """Return every value at the path, in document order; a null counts as missing.

    A key may span several unquoted segments, so that `labels.run.googleapis.com/x` finds the key
    `run.googleapis.com/x`. Lists are walked, wherever they stand.
    """
    steps = _steps(path)
    found: list[object] = []
    pending: list[tuple[Any, int]] = [(document, 0)]
    while pending:
        node, at = pending.pop()
        if isinstance(node, list):
            pending.extend((item, at) for item in reversed(node))
        elif at == len(steps):
            if node is not None:
                found.append(node)
        elif isinstance(node, dict):
            pending.extend((node[key], after) for key, after in steps[at] if key in node)
    return tuple(found)


@lru_cache(maxsize=4096)
def _steps(path: str) -> tuple[tuple[tuple[str, int], ...], ...]:
    """Return, for each segment, the keys that may begin there and the segment that follows each.

    Longest key first: they are taken from the end, so that the shortest is looked at first.
    """
    segments = path_segments(path)
    return tuple(tuple(reversed(_keys(segments, start))) for start in range(len(segments)))


def _keys(segments: tuple[Segment, ...], start: int) -> list[tuple[str, int]]:
    keys = [(segments[start].text, start + 1)]
    if not segments[start].quoted:
        for end in range(start + 1, len(segments)):
            if segments[end].quoted:
                break
            keys.append((f"{keys[-1][0]}.{segments[end].text}", end + 1))
    return keys
