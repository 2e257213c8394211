"""How long who correlates rests after a step, so that receipts come together.

A step over many costs little more than one over few, and those who receive need the time.
"""

from __future__ import annotations

from typing import Final

RESTS: Final = 0.3
"""Seconds that it rests at most after a short step."""

RESTING: Final = 9
"""For so many times as long as a short step took."""

LONGEST: Final = 5.0
"""Seconds that it rests at most after a long one: as long as that took."""


def rest_after(took: float) -> float:
    """Return how long to rest after a step that took so many seconds: at least half of the time.

    Unless a step takes longer than `LONGEST`.
    """
    return max(min(RESTS, RESTING * took), min(LONGEST, took))
