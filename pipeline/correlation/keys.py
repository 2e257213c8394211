"""What entries and their copies are known by, and the order of what was seen in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.detection import Detection

Key = tuple[str, int, str]
Richness = tuple[int, int, int, str]
Others = tuple[tuple[int, int], ...]

LAST = 2**63 - 1
"""Nanoseconds that fit into 64 bits, up to 2262; what claims a later time is of that one here."""

FIRST = -LAST
"""And what claims an earlier one, of this."""


def identity_of(key: Key) -> int:
    """Return what an entry is known by: Python's own hash, whose seed changes with each run.

    Two entries that differ share one with a probability of 1 in 10**19; no log text can be made to.
    """
    return hash(key)


def order(detection: Detection) -> tuple[int, Key, str]:
    """Return the canonical order of detections: event time, then the entry, then the rule."""
    return (detection.timestamp, detection.key, detection.rule)
