"""When the next request may go; told what time it is, never asking.

Budgets lie below GitHub's own (5,000 requests an hour, 900 points and 80 writes a minute, 500
writes an hour; a read is one point, a write five: GitHub's documentation on rate limits), so that
the limits are not met in the first place. Times are nanoseconds since the epoch, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from pipeline.audit import SECOND
from pipeline.lifecycle import HOUR, MINUTE
from pipeline.tracker.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 2 * HOUR
"""No wait is longer, whatever an answer says: GitHub's limits end within the hour."""

_POINTS = {False: 1, True: 5}
_DOUBLINGS = 7

_Uses: TypeAlias = "list[tuple[int, int]]"
"""What was used when, oldest first."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What we allow ourselves. `reserve` requests of GitHub's hourly count are left to others."""

    calls_an_hour: int = 4_000
    points_a_minute: int = 600
    writes_a_minute: int = 50
    writes_an_hour: int = 400
    between_writes: int = SECOND
    after_limit: int = MINUTE
    reserve: int = 100


@dataclass(frozen=True, slots=True)
class Ready:
    """The earliest time of a request, and what it waits for ("" if it need not wait)."""

    at: int
    reason: str = ""


class Pacer:
    """The budgets of one writer.

    Say `began` and `ended` of each request, `counted`, `limited` and `accepted` of what answers
    tell; `resume` with what was before this process.
    """

    def __init__(self, budget: Budget | None = None) -> None:
        self._budget = budget or Budget()
        self._calls: _Uses = []
        self._writes: _Uses = []
        self._points: _Uses = []
        self._last_write = 0
        self._until = Ready(0)
        self._limits_in_a_row = 0

    def ready(self, now: int, *, write: bool) -> Ready:
        """Return when a request may go; `at` is `now` if it may go at once."""
        self._forget(now)
        return max([Ready(now), *self._bounds(now, write=write)], key=lambda bound: bound.at)

    def began(self, now: int, *, write: bool) -> None:
        """Note that a request goes out."""
        self._calls.append((now, 1))
        self._points.append((now, _POINTS[write]))
        if write:
            self._writes.append((now, 1))

    def ended(self, now: int, *, write: bool) -> None:
        """Note that one is over, however it went; the pause between writes begins here."""
        if write:
            self._last_write = now

    def counted(self, now: int, remaining: int, reset: int) -> None:
        """Note how many requests GitHub says are left until a time; the last are not ours."""
        if remaining < self._budget.reserve:
            self.hold(now, reset, "GitHub's requests of this hour are nearly used up")

    def limited(self, now: int, until: int = 0) -> int:
        """Note that GitHub refused a request for its limits until a time, 0 if it names none.

        Returns until when nothing is sent. Without a time it is a minute, doubled each time in a
        row, as GitHub asks for.
        """
        self._limits_in_a_row += 1
        doubled = self._budget.after_limit << min(self._limits_in_a_row - 1, _DOUBLINGS)
        self.hold(now, until or now + doubled, "GitHub's limit")
        return self._until.at

    def accepted(self) -> None:
        """Note that GitHub did not complain; the next limit is the first again."""
        self._limits_in_a_row = 0

    def hold(self, now: int, until: int, reason: str) -> None:
        """Send nothing until a time, unless something holds for longer already."""
        until = min(until, now + LONGEST)
        if until > self._until.at:
            self._until = Ready(until, reason)

    def pace(self) -> Pace:
        """Return what is to outlast this process."""
        writes = tuple(at for at, _ in self._writes)
        return Pace(writes, self._until.at, self._until.reason, self._limits_in_a_row)

    def resume(self, pace: Pace) -> None:
        """Know what others wrote, and what GitHub told them."""
        known = {at for at, _ in self._writes}
        more = [at for at in pace.writes if at not in known]
        self._writes = sorted([*self._writes, *((at, 1) for at in more)])
        self._points = sorted([*self._points, *((at, _POINTS[True]) for at in more)])
        self._last_write = max([self._last_write, *more])
        self._limits_in_a_row = max(self._limits_in_a_row, pace.limits)
        if pace.until > self._until.at:
            self._until = Ready(pace.until, pace.reason)

    def _forget(self, now: int) -> None:
        """Drop what is over; a clock that was set back turns times of the future into now."""
        self._calls = _since(self._calls, now, HOUR)
        self._writes = _since(self._writes, now, HOUR)
        self._points = _since(self._points, now, MINUTE)
        self._last_write = min(self._last_write, now)
        self._until = Ready(min(self._until.at, now + LONGEST), self._until.reason)

    def _bounds(self, now: int, *, write: bool) -> Iterable[Ready]:
        budget, points = self._budget, _POINTS[write]
        yield self._until
        yield Ready(_free(self._calls, 1, budget.calls_an_hour, HOUR), "our requests an hour")
        yield Ready(_free(self._points, points, budget.points_a_minute, MINUTE), "our pace")
        if write:
            recent = _since(self._writes, now, MINUTE)
            yield Ready(_free(recent, 1, budget.writes_a_minute, MINUTE), "our writes a minute")
            yield Ready(_free(self._writes, 1, budget.writes_an_hour, HOUR), "our writes an hour")
            if self._last_write:
                yield Ready(self._last_write + budget.between_writes, "a pause between writes")


def _since(uses: _Uses, now: int, span: int) -> _Uses:
    return [(min(at, now), weight) for at, weight in uses if at > now - span]


def _free(uses: _Uses, wanted: int, most: int, span: int) -> int:
    """Return when `wanted` more fit into `most` within a span."""
    over = sum(weight for _, weight in uses) + wanted - most
    free = 0
    for at, weight in uses:
        if over <= 0:
            break
        over -= weight
        free = at + span
    return free


class Circuit(StrEnum):
    """Whether requests may go: all, none, or one that tries whether GitHub is back."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker:
    """Stops sending when GitHub does not answer, and tries again with one request at a time.

    It opens after `most` failures in a row for `first`, and for twice as long after each trial
    that fails, up to `longest`.
    """

    def __init__(self, most: int = 5, first: int = 30 * SECOND, longest: int = 15 * MINUTE) -> None:
        self._most = most
        self._first = first
        self._longest = longest
        self._failures = 0
        self._span = 0
        self._until = 0

    def circuit(self, now: int) -> Circuit:
        """Return what may go now."""
        if not self._span:
            return Circuit.CLOSED
        # A clock that was set back must not keep it open for ever.
        return Circuit.OPEN if now < self._until <= now + self._span else Circuit.HALF_OPEN

    def ready(self, now: int) -> Ready:
        """Return when a request, perhaps a trial, may go."""
        if self.circuit(now) is Circuit.OPEN:
            return Ready(self._until, "GitHub did not answer several times in a row")
        return Ready(now)

    def resume(self, pace: Pace) -> None:
        """Go on where another process was."""
        self._failures, self._span, self._until = pace.failures, pace.span, pace.closed_until

    def noted(self, pace: Pace) -> Pace:
        """Return a pace with what is to outlast this process."""
        return replace(pace, failures=self._failures, span=self._span, closed_until=self._until)

    def failed(self, now: int) -> None:
        """Note a request without an answer that counts."""
        self._failures += 1
        if self._span or self._failures >= self._most:
            self._span = min(2 * self._span or self._first, self._longest)
            self._until = now + self._span

    def succeeded(self) -> None:
        """Note an answer, be it a refusal."""
        self._failures = self._span = self._until = 0
