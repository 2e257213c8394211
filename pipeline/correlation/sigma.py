"""When a Sigma correlation matches: detections of one group -> the runs of time in which it did.

Spans slide: what is looked at are the spans of the correlation's `timespan` (both ends included)
that can take in no further detection. In these the condition has to hold, so that "3 to 5" is not
true of the beginning of a hundred. Spans that share a detection make one run, which is dated to the
moment at which the condition first held within the first of them.

All of it is a function of the detections and their event times; equal times are treated alike.
Sums and means are exact. A percentile is the nearest rank: the smallest value that at least so many
per cent of the values do not exceed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pipeline.correlation.narrowing import Narrowed, narrowing
from pipeline.correlation.settled import Past, Settled, joined
from pipeline.rule.model import holds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pipeline.rule import Correlation

    Part = tuple[Any, ...]

_HUNDRED = 100


@dataclass(frozen=True, slots=True)
class Run:
    """A run of time in which a correlation matched.

    `members` are the indices of the detections that took part, ascending; `held` is the event time
    at which its condition first held, `spans` are the indices of the spans in which it did, and
    `numbers` what titles may say of them (`rank`: see `settled.Past`).
    """

    members: Sequence[int]
    held: int
    spans: list[tuple[int, int]] = field(default_factory=list)
    numbers: Mapping[str, Any] = field(default_factory=dict)
    rank: tuple[float, ...] = ()


def nobody_tells(_since: int, _until: int) -> int:
    """Say that no requests are known."""
    return 0


class Columns(NamedTuple):
    """The detections of one group, in columns and in order of time.

    Of each, `kinds` has the index of its rule in `correlation.rules`, by which equal times are in
    order, and `parts` what it adds to the measure: the values of the field, () when another
    detection of the same entry adds them already. `total` is that of `narrowing`.
    """

    correlation: Correlation
    times: Sequence[int]
    kinds: Sequence[int]
    parts: Sequence[Part]
    total: Callable[[int, int], int] = nobody_tells


def runs(group: Columns, settled: Settled | None = None) -> list[Run]:
    """Return when a correlation matched; spans that are `settled` are not looked at again."""
    times = group.times
    if settled is None:
        return _fresh(group, (0, len(times)))
    fresh = _fresh(group, (bisect_left(times, settled.until), len(times)))
    every = joined(settled.runs, (_past(run, times) for run in fresh))
    found = (_run(one, times) for one in every)
    return [one for one in found if one.members]


def settle(group: Columns, settled: Settled, until: int) -> Settled:
    """Return what is settled once nothing comes any more for spans that begin before a time.

    The correlation is not temporal.
    """
    until, times = max(until, settled.until), group.times
    fresh = _fresh(group, (bisect_left(times, settled.until), bisect_left(times, until)))
    return Settled(until, joined(settled.runs, (_past(run, times) for run in fresh)))


def _past(run: Run, times: Sequence[int]) -> Past:
    end = run.spans[-1][1]
    return Past(times[run.members[0]], times[end - 1], run.held, run.rank, run.numbers)


def _run(past: Past, times: Sequence[int]) -> Run:
    members = range(bisect_left(times, past.since), bisect_right(times, past.until))
    return Run(members, past.held, numbers=past.numbers)


def _fresh(group: Columns, starts: tuple[int, int]) -> list[Run]:
    """Return the runs of the spans that begin at one index or later, but before another."""
    correlation, times, kinds, parts, total = group
    measure = partial(_MEASURES[correlation.kind], correlation)
    more = narrowing(correlation, times, parts, total)
    make: Callable[[], Measure] = measure if more is None else lambda: Narrowed(measure(), more)
    what: Sequence[Any] = kinds if correlation.is_temporal else parts
    if more is not None:
        what = list(zip(times, parts, strict=True))
    held = list(_held(make, times, what, correlation.timespan, starts))
    if correlation.kind == "temporal_ordered":
        return _sequences(correlation, times, kinds, held)
    wanted = [name in correlation.wanted for name in correlation.rules]
    found: list[Run] = []
    members: list[int] = []
    done = 0
    for start, end in held:
        if not members or members[-1] < start:
            members = []
            found.append(Run(members, _first(make(), times, what, start, end)))
        members += [index for index in range(max(start, done), end) if wanted[kinds[index]]]
        found[-1].spans.append((start, end))
        done = end
    if more is not None:
        told = [more.numbers(what, run.spans) for run in found]
        found = [
            replace(run, rank=rank, numbers=numbers)
            for run, (rank, numbers) in zip(found, told, strict=True)
        ]
    return found


# --- spans --------------------------------------------------------------------------------------


def spans(
    times: Sequence[int], timespan: int, starts: tuple[int, int] | None = None
) -> Iterator[tuple[int, int]]:
    """Yield, as (start, end) indices, the spans that can take in no further time.

    Only those that begin at the first index of `starts` or later, but before the second.
    """
    low, high = starts or (0, len(times))
    end = bisect_right(times, times[low - 1] + timespan) if low else 0
    for start, first in enumerate(islice(times, low, high), low):
        before = end
        while end < len(times) and times[end] - first <= timespan:
            end += 1
        if end > before:
            yield start, end


def _held(
    make: Callable[[], Measure],
    times: Sequence[int],
    what: Sequence[object],
    timespan: int,
    starts: tuple[int, int],
) -> Iterator[tuple[int, int]]:
    """Yield the spans that keep to the condition; each detection enters and leaves once."""
    measure = make()
    low = high = starts[0]
    for start, end in spans(times, timespan, starts):
        for index in range(high, end):
            measure.add(what[index])
        for index in range(low, start):
            measure.drop(what[index])
        low, high = start, end
        if measure.holds():
            yield start, end


def _first(
    measure: Measure, times: Sequence[int], what: Sequence[object], start: int, end: int
) -> int:
    """Return the earliest time in a span at which the condition held of what it had by then."""
    for index in range(start, end - 1):
        measure.add(what[index])
        if times[index] != times[index + 1] and measure.holds():
            return times[index]
    return times[end - 1]


# --- order --------------------------------------------------------------------------------------


def _sequences(
    correlation: Correlation,
    times: Sequence[int],
    kinds: Sequence[int],
    held: Sequence[tuple[int, int]],
) -> list[Run]:
    """Return runs of detections that stand in a sequence of all wanted rules, in their order.

    One may stand in many: the shortest decides in which spans it does.
    """
    lows, highs = [times[start] for start, _ in held], [times[end - 1] for _, end in held]
    placed: list[tuple[int, int, int, int]] = []
    for index, (start, end) in _shortest(correlation, times, kinds).items():
        first, last = bisect_left(highs, end), bisect_right(lows, start) - 1
        if first <= last:
            placed.append((first, last, index, end))
    found: list[tuple[list[int], list[int]]] = []
    furthest = -1
    for first, last, index, end in sorted(placed):
        if first > furthest:
            found.append(([], []))
        furthest = max(furthest, last)
        found[-1][0].append(index)
        found[-1][1].append(end)
    return [Run(sorted(members), min(ends)) for members, ends in found]


def _shortest(
    correlation: Correlation, times: Sequence[int], kinds: Sequence[int]
) -> dict[int, tuple[int, int]]:
    """Return, by index, from when to when the shortest sequence goes that a detection stands in.

    Equal times contradict no order.
    """
    order = [kind for kind, name in enumerate(correlation.rules) if name in correlation.wanted]
    places = {kind: place for place, kind in enumerate(order)}
    starts, ends = dict[int, int](), dict[int, int]()
    latest, earliest = dict[int, int](), dict[int, int]()
    for index, kind in enumerate(kinds):
        place = places.get(kind)
        if place is not None and (place == 0 or place - 1 in latest):
            latest[place] = starts[index] = latest[place - 1] if place else times[index]
    for index in reversed(range(len(kinds))):
        place = places.get(kinds[index])
        if place is not None and (place == len(order) - 1 or place + 1 in earliest):
            last = place == len(order) - 1
            earliest[place] = ends[index] = times[index] if last else earliest[place + 1]
    return {index: (starts[index], ends[index]) for index in starts.keys() & ends.keys()}


# --- what is measured in a span -----------------------------------------------------------------


class Measure(Protocol):
    """What a condition looks at, of the detections that are in a span."""

    def add(self, what: Any, /) -> None:
        """Take one in."""

    def drop(self, what: Any, /) -> None:
        """Let one go that was taken in."""

    def holds(self) -> bool:
        """Return whether the condition holds now."""


class _Rules:
    """Which rules there are."""

    def __init__(self, correlation: Correlation) -> None:
        self._correlation = correlation
        self._counts = [0] * len(correlation.rules)
        self._index = {name: kind for kind, name in enumerate(correlation.rules)}

    def add(self, kind: int) -> None:
        self._counts[kind] += 1

    def drop(self, kind: int) -> None:
        self._counts[kind] -= 1

    def holds(self) -> bool:
        expression = self._correlation.expression
        if expression is not None:
            return holds(expression, lambda name: self._counts[self._index[name]])
        return self._correlation.is_kept(len(self._counts) - self._counts.count(0))


class _Count:
    """How many values there are; what other measures are made of."""

    def __init__(self, correlation: Correlation) -> None:
        self._correlation = correlation
        self._count = 0

    def add(self, parts: Part) -> None:
        self._count += len(parts)

    def drop(self, parts: Part) -> None:
        self._count -= len(parts)

    def holds(self) -> bool:
        return self._correlation.is_kept(self._value())

    def _value(self) -> int | Fraction:
        return self._count


class _Distinct(_Count):
    """How many different values there are."""

    def __init__(self, correlation: Correlation) -> None:
        super().__init__(correlation)
        self._values = dict[Any, int]()

    def add(self, parts: Part) -> None:
        for part in parts:
            self._values[part] = self._values.get(part, 0) + 1

    def drop(self, parts: Part) -> None:
        for part in parts:
            left = self._values.pop(part) - 1
            if left:
                self._values[part] = left

    def _value(self) -> int:
        return len(self._values)


class _Sum(_Count):
    """The sum of the values, which are exact."""

    _sum: int | Fraction = 0

    def add(self, parts: Part) -> None:
        super().add(parts)
        self._sum += sum(parts)

    def drop(self, parts: Part) -> None:
        super().drop(parts)
        self._sum -= sum(parts)

    def _value(self) -> int | Fraction:
        return self._sum


class _Mean(_Sum):
    """The sum of the values by their number."""

    def _value(self) -> int | Fraction:
        return Fraction(self._sum) / self._count


class _Sorted(_Count):
    """The values in order."""

    def __init__(self, correlation: Correlation) -> None:
        super().__init__(correlation)
        self._values = list[Any]()

    def add(self, parts: Part) -> None:
        for part in parts:
            insort(self._values, part)

    def drop(self, parts: Part) -> None:
        for part in parts:
            del self._values[bisect_left(self._values, part)]


class _Percentile(_Sorted):
    """The value of the nearest rank."""

    def _value(self) -> int | Fraction:
        rank = ceil((self._correlation.percentile or _HUNDRED) * len(self._values) / _HUNDRED)
        value: int | Fraction = self._values[rank - 1]
        return value


class _Median(_Sorted):
    """The value in the middle, the mean of both if there are two."""

    def _value(self) -> int | Fraction:
        middle, odd = divmod(len(self._values), 2)
        return Fraction(self._values[middle] + self._values[middle - (not odd)]) / 2


_MEASURES: Mapping[str, Callable[[Correlation], Measure]] = {
    "event_count": _Count,
    "value_count": _Distinct,
    "value_sum": _Sum,
    "value_avg": _Mean,
    "value_median": _Median,
    "value_percentile": _Percentile,
    "temporal": _Rules,
    "temporal_ordered": _Rules,
}
