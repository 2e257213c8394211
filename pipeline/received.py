"""What came of messages that were received, and the label of those that we sent ourselves.

It stands alone: who says how a run is needs nothing of what receives.
"""

from __future__ import annotations

from operator import add
from typing import Final, NamedTuple

OWN_LABEL: Final = "fivewhys.own"
"""The label that all entries of this program's own bear."""

LATE: Final = "late"
"""The mark of when something last came late: behind a backlog, or after who had it was killed."""

LATE_AFTER: Final = 8_000_000_000
"""How long (ns) after it was published something comes late: less than any lease."""


class Received(NamedTuple):
    """What came of messages: entries, detections, and how many messages held no entry.

    `own` are entries as well, our own ones: a message may hold several.
    `heard` are entries that tell of trouble, `unmatched` those among them that no rule matches.
    They were worked on for `working` until they were kept, and acknowledged in `acknowledging`
    more; the `latest` of them was logged then (all in nanoseconds, UTC; 0: there was none). So many
    messages came `late`, less those that the subscription is to deliver again.
    """

    messages: int = 0
    entries: int = 0
    detections: int = 0
    poison: int = 0
    own: int = 0
    heard: int = 0
    unmatched: int = 0
    working: int = 0
    acknowledging: int = 0
    latest: int = 0
    late: int = 0

    def and_more(self, other: Received) -> Received:
        """Return both together."""
        both = Received(*map(add, self, other))
        return both._replace(latest=max(self.latest, other.latest))
