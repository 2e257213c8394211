"""How long who correlates rests after a step, so that receipts come together.

A step over many costs little more than one over few, and those who receive need the time.
"""

from __future__ import annotations

from typing import Final

RESTS: Final = 0.3
"""Seconds that it rests at most after a short step."""

RESTING: Final = 9
"""For so many times as long as a short step took."""

LONG: Final = 3
"""For so many times as long as a longer one took."""

LONGEST: Final = 5.0
"""Seconds that it rests at most."""


def rest_after(took: float) -> float:
    """Return how long to rest after a step that took so many seconds: three quarters of the time.

    Less once a step takes so long that who waits for what is correlated would wait for too long.
    """
    return max(min(RESTS, RESTING * took), min(LONGEST, LONG * took))
