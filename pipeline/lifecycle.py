"""Where an incident stands: new, ongoing, escalating, flapping, regressed, quiet or resolved.

A pure function of what was seen, what was said, and how far event time has come, so that neither
the order of entries nor the number of runs has a say in it. Times and spans are nanoseconds, UTC.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from pipeline.audit import SECOND
from pipeline.entry import format_timestamp
from pipeline.incident import State
from pipeline.revisions import is_older
from pipeline.verdicts import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pipeline.verdicts import Verdict

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

TWICE = 2
"""Reopenings that make an incident flap."""


@dataclass(frozen=True, slots=True)
class LifecycleSettings:
    """Spans in nanoseconds.

    `quiet_after`, `resolve_after`: silence that makes an incident quiet, then resolved. `grace`:
    what is logged so soon after a resolution was still on its way. An incident escalates when in
    the last `short` span it is seen at least `least` times and `factor` times as often as in the
    `long` span before, of which there must be `baseline` at least. It flaps from its second
    reopening within `flapping` until that span has passed without another. It lasts no longer than
    `max_duration`.
    """

    quiet_after: int = HOUR
    resolve_after: int = DAY
    grace: int = 5 * MINUTE
    short: int = 10 * MINUTE
    long: int = 6 * HOUR
    baseline: int = HOUR
    factor: int = 4
    least: int = 10
    flapping: int = 7 * DAY
    max_duration: int = 30 * DAY


@dataclass(frozen=True, slots=True)
class History:
    """What was said of an incident: when it was first reported (0: never), and the verdicts.

    `ended`: it lasted as long as one may, and what came later is another incident.
    """

    reported_at: int = 0
    verdicts: tuple[Verdict, ...] = ()
    ended: bool = False


Judged = tuple[State, str]


@dataclass(frozen=True, slots=True)
class _Case:
    """One incident at one time.

    `times` are those that count, in order; `reopenings` say when it came back, and after what.
    """

    times: Sequence[int]
    reopenings: Sequence[tuple[int, str]]
    history: History
    now: int
    settings: LifecycleSettings

    @property
    def silence(self) -> int:
        """How long it was not seen."""
        return self.now - self.times[-1]

    @property
    def unseen(self) -> str:
        """Since when."""
        return f"not seen since {format_timestamp(self.times[-1])}"


def state_of(
    sightings: Mapping[str, Sequence[int]],
    history: History,
    now: int,
    settings: LifecycleSettings,
) -> Judged:
    """Return the state of an incident at `now` (event time), and the reason for it.

    `sightings` are the times of its detections, in order, by revision ("" for those without). What
    is dated further ahead than a day is not counted yet, unless there is nothing else and nobody
    said that it is resolved.
    """
    resolutions = sorted(
        (item for item in history.verdicts if item.kind is Kind.RESOLVE),
        key=lambda item: (item.at, item.number),
    )
    told = sorted(_counting(sightings, resolutions, settings.grace))
    times = told[: bisect_right(told, now + DAY)]  # no clock is ahead by more
    if resolutions and (not times or resolutions[-1].at >= times[-1]):
        return State.RESOLVED, _resolved(resolutions[-1], sightings)
    times = times or told
    reopenings = _reopenings(times, resolutions, settings.resolve_after)
    case = _Case(times, reopenings, history, now, settings)
    return next(judged for test in _TESTS if (judged := test(case)))


def parts(start: int, end: int, settings: LifecycleSettings) -> int:
    """Return of how many incidents one that lasted from `start` to `end` consists."""
    return (end - start) // settings.max_duration + 1


def part_of(time: int, start: int, settings: LifecycleSettings) -> int:
    """Return to which of them, counted from 0, a detection at `time` belongs."""
    return (time - start) // settings.max_duration


def span_text(span: int) -> str:
    """Return a span as people say it: `10 min`, `36 h`, `7 d`; the largest unit that divides it."""
    units = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"))
    for size, unit in units:
        if span and span % size == 0:
            return f"{span // size} {unit}"
    return f"{span / SECOND:g} s"


# --- what counts ----------------------------------------------------------------------------------


def _counting(
    sightings: Mapping[str, Sequence[int]], resolutions: Sequence[Verdict], grace: int
) -> Iterator[int]:
    """Yield the times that count: not those that the resolution before them explains.

    These were on their way when it was resolved, or come from a revision older than the one that
    mended it, as they do while that is rolled out.
    """
    if not resolutions:
        yield from chain.from_iterable(sightings.values())
        return
    begins = [item.at for item in resolutions]
    for revision, times in sightings.items():
        for time in times:
            index = bisect_right(begins, time - 1) - 1  # the last one before it
            if index < 0 or not _explains(resolutions[index], revision, time, grace):
                yield time


def _explains(resolution: Verdict, revision: str, time: int, grace: int) -> bool:
    return time <= resolution.at + grace or is_older(revision, resolution.revision)


def _reopenings(
    times: Sequence[int], resolutions: Sequence[Verdict], resolve_after: int
) -> list[tuple[int, str]]:
    """Return when an incident came back after it was resolved, and what had resolved it.

    It was seen once more after each resolution.
    """
    silence = f"it was not seen for {span_text(resolve_after)}"
    back = {after: silence for before, after in pairwise(times) if after - before >= resolve_after}
    back |= {times[bisect_right(times, item.at)]: item.text for item in resolutions}
    return sorted(back.items())


def _resolved(resolution: Verdict, sightings: Mapping[str, Sequence[int]]) -> str:
    """Say who resolved it, and what was seen later that is no regression."""
    later = {
        revision: len(times) - bisect_right(times, resolution.at)
        for revision, times in sightings.items()
        if is_older(revision, resolution.revision)
    }
    count = sum(later.values())
    names = ", ".join(sorted(name for name in later if later[name]))
    more = f"; {count:,} seen since in the older {names}: no regression" if count else ""
    return resolution.text + more


# --- the states, the first that holds -------------------------------------------------------------


def _ended(case: _Case) -> Judged | None:
    if not case.history.ended:
        return None
    lasts = span_text(case.settings.max_duration)
    return State.RESOLVED, f"closed after {lasts}, max_duration; what came later is another one"


def _flapping(case: _Case) -> Judged | None:
    span = case.settings.flapping
    times = [time for time, _ in case.reopenings]
    if len(times) < TWICE or times[-1] - times[-TWICE] > span or case.now - times[-1] > span:
        return None
    listed = " and ".join(format_timestamp(time) for time in times[-TWICE:])
    reason = f"came back twice within {span_text(span)}, at {listed}; silence does not resolve it"
    return State.FLAPPING, reason


def _resolved_by_silence(case: _Case) -> Judged | None:
    if case.silence < case.settings.resolve_after:
        return None
    return State.RESOLVED, f"{case.unseen}, longer than resolve_after"


def _quiet(case: _Case) -> Judged | None:
    if case.silence < case.settings.quiet_after:
        return None
    return State.QUIET, f"{case.unseen}, longer than quiet_after"


def _escalating(case: _Case) -> Judged | None:
    """Hold the last short span against the rate of the long one before it."""
    settings = case.settings
    begin = case.now - settings.short
    before = bisect_right(case.times, begin)
    recent = len(case.times) - before
    long = min(settings.long, begin - case.times[0])
    if recent < settings.least or long < settings.baseline:
        return None
    usual = (before - bisect_right(case.times, begin - long - 1)) * settings.short / long
    if recent < settings.factor * usual:
        return None
    short = span_text(settings.short)
    reason = (
        f"{recent:,} in the last {short}, {usual:.1f} per {short} over the {_about(long)} before"
    )
    return State.ESCALATING, reason


def _regressed(case: _Case) -> Judged | None:
    if not case.reopenings:
        return None
    time, what = case.reopenings[-1]
    return State.REGRESSED, f"seen again at {format_timestamp(time)}, after: {what}"


def _ongoing(case: _Case) -> Judged | None:
    come = bisect_right(case.times, case.now)  # what is dated ahead was in that report, or will be
    if not come or not 0 < case.history.reported_at < case.times[come - 1]:
        return None
    last = format_timestamp(case.times[come - 1])
    return State.ONGOING, f"seen again since its first report, last at {last}"


def _new(_: _Case) -> Judged:
    return State.NEW, "its first report holds all that was seen"


_TESTS: tuple[Callable[[_Case], Judged | None], ...] = (
    _ended,
    _flapping,
    _resolved_by_silence,
    _quiet,
    _escalating,
    _regressed,
    _ongoing,
    _new,
)


def _about(span: int) -> str:
    """Return a span to the minute, as `6 h` or `95 min`."""
    return span_text(span - span % MINUTE)
