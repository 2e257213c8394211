"""How long a call may take, how often it is tried, and how long to wait in between.

Exponential with jitter (AWS Architecture Blog, "Exponential Backoff and Jitter": half of a wait
stands, half is drawn), so that processes that failed together do not come back together.
"""

from __future__ import annotations

from dataclasses import dataclass

_DOUBLED = 16
"""Doublings after which nothing doubles any more, however often something failed."""


@dataclass(frozen=True, slots=True)
class Retrying:
    """Spans in seconds: a call ends after `timeout`; `tries` of them, and it has failed.

    Waits begin at `first` and double up to `longest`.
    """

    timeout: float = 10
    tries: int = 5
    first: float = 0.5
    longest: float = 30

    def pause(self, failed: int, luck: float) -> float:
        """Return how long to wait after so many failures in a row; `luck` (0 to 1) is drawn."""
        whole = self.first * (1 << min(max(failed - 1, 0), _DOUBLED))
        return min(self.longest, whole) * (1 + luck) / 2

    def is_over(self, failed: int) -> bool:
        """Whether so many failures in a row are no hiccup any more."""
        return failed >= self.tries
