"""What did not reach a tracker yet, as a document and as gauges that can be watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pipeline.audit import SECOND
from pipeline.entry import format_timestamp
from pipeline.exposition import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pipeline.tracker.delivering import Delivery

NEVER_TRIED: Final = "it was interrupted, or never tried"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits of an incident for a tracker."""

    tracker: str
    incident: str
    delivery: Delivery

    @property
    def reason(self) -> str:
        """Why it waits."""
        return self.delivery.reason or NEVER_TRIED

    def age(self, now: int) -> int:
        """Return for how long, in nanoseconds."""
        return max(0, now - self.delivery.since)


@dataclass(frozen=True, slots=True)
class Outbox:
    """All that waits at a time (`now`, nanoseconds UTC), oldest first, and all known trackers."""

    now: int
    trackers: tuple[str, ...]
    waiting: tuple[Waiting, ...] = ()


def document(outbox: Outbox) -> dict[str, Any]:
    """Return what waits as plain JSON; ages are in seconds, times RFC 3339, "" for none."""
    return {
        "time": format_timestamp(outbox.now),
        "trackers": list(outbox.trackers),
        "waiting": [_told(one, outbox.now) for one in outbox.waiting],
    }


def gauges(outbox: Outbox) -> Iterator[Metric]:
    """Yield what can be watched; of a tracker that nothing waits for it is 0."""
    mine = {name: [one for one in outbox.waiting if one.tracker == name] for name in _names(outbox)}
    for name, (meaning, value) in _GAUGES.items():
        values = {tracker: value(found, outbox.now) for tracker, found in mine.items()}
        yield Metric(f"fivewhys_outbox_{name}", meaning, values, "tracker")


def _names(outbox: Outbox) -> Iterable[str]:
    return dict.fromkeys((*outbox.trackers, *(one.tracker for one in outbox.waiting)))


def _told(one: Waiting, now: int) -> dict[str, Any]:
    since, until = one.delivery.since, one.delivery.not_before
    return {
        "tracker": one.tracker,
        "incident": one.incident,
        "since": format_timestamp(since),
        "age_seconds": one.age(now) // SECOND,
        "attempts": one.delivery.attempts,
        "reason": one.reason,
        "not_before": format_timestamp(until) if until else "",
    }


def _failed(found: Sequence[Waiting], _: int) -> float:
    return sum(one.delivery.attempts > 0 for one in found)


def _oldest(found: Sequence[Waiting], now: int) -> float:
    """Return the age of the oldest; what only waits for its time to come is not late."""
    late = (one for one in found if one.delivery.attempts or one.delivery.not_before <= now)
    return max((one.age(now) for one in late), default=0) // SECOND


_GAUGES: Final[Mapping[str, tuple[str, Callable[[Sequence[Waiting], int], float]]]] = {
    "waiting": ("Incidents of which something did not get out yet.", lambda f, _: len(f)),
    "failed": ("Those of them that were tried in vain.", _failed),
    "oldest_seconds": ("For how long the oldest of them waits that is due.", _oldest),
}
