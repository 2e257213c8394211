"""Sigma correlations over what was seen: which groups matched when, and what that makes of them.

A match links what took part, or is a symptom of its own, or both; the rule set says which.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, pairwise
from operator import le
from typing import TYPE_CHECKING, Any

from pipeline import fingerprint
from pipeline.audit import LOG_NAME, SECOND, SERVICE
from pipeline.correlation.episodes import Found, undirected
from pipeline.correlation.keys import FIRST
from pipeline.correlation.narrowing import per_cent
from pipeline.correlation.settled import Settled
from pipeline.correlation.sigma import Columns, nobody_tells, runs, settle
from pipeline.detection import Detection
from pipeline.rule.model import exact_number

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Hashable, Iterator, Mapping, Sequence

    from pipeline.correlation.episodes import Facet, Seen, Traffic
    from pipeline.correlation.settled import Book, Place
    from pipeline.rule import Correlation

    Part = tuple[Any, ...]
    Group = tuple[Hashable, ...]

_ONE: tuple[int, ...] = (1,)
_NOTHING = (None, "")


@dataclass(frozen=True, slots=True)
class Match:
    """One group for which a correlation matched in one run of time.

    `members` took part, in order of time; `held` is when the condition first held (ns UTC);
    `numbers` are what its audit block asks for beyond that.
    """

    correlation: Correlation
    members: tuple[Seen, ...]
    held: int
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, Any]:
        """What its own detections carry: the group, and whatever all members agree on."""
        names, first = self.correlation.fields, self.members[0].facet
        facets = {id(item.facet): item.facet for item in self.members}.values()
        every = [{name: self._shown(facet, name) for name in names} for facet in facets]
        group = {name: self._shown(first, name) for name in self.correlation.group_by}
        return {
            name: every[0][name] if all(one[name] == every[0][name] for one in every) else ""
            for name in names
        } | {**group, **self.numbers}

    def _shown(self, facet: Facet, name: str) -> Any:
        return facet.fields.get(self.correlation.field_of(facet.rule, name), "")

    @property
    def reason(self) -> str:
        """Why its members belong together."""
        correlation = self.correlation
        shown = {name: self._shown(self.members[0].facet, name) for name in correlation.group_by}
        shared = ", ".join(f"{name} {value}" for name, value in shown.items())
        order = " in this order" if correlation.kind == "temporal_ordered" else ""
        span = f"within {correlation.timespan // SECOND} s"
        reason = f"{correlation.name}: {correlation.condition}{order} {span}"
        return f"{reason} for {shared}" if shared else reason

    def links(self) -> Iterator[Found]:
        """Yield links that make one incident of the members: each with the next."""
        reason = self.reason
        for left, right in pairwise(self.members):
            yield undirected(self.correlation.kind, left, right, reason)


class Derived(Detection, frozen=True, gc=False):
    """A detection of a correlation: one of its members told anew.

    It is dated as `Deriving.time` says; its sample is the member's.
    """

    at: int = 0

    @property
    def timestamp(self) -> int:
        """Event time: nanoseconds since the epoch, UTC."""
        return self.at


class Deriving:
    """What all the correlation's own detections of one match have in common."""

    def __init__(self, match: Match) -> None:
        self._since = 0 if match.correlation.audit.share else match.held
        self.fields = match.fields
        self._rule = match.correlation.name
        names = match.correlation.audit.entity
        self._entity = {name: self.fields[name] for name in names}
        self.fingerprint = fingerprint.of_entity(self._rule, self._entity)

    def time(self, time: int) -> int:
        """Return when its detection of a member is that was at a time.

        What is a part of all requests began with the first of them: each goes with its member.
        """
        return max(time, self._since)

    def detection(self, base: Detection, time: int) -> Derived:
        """Return the detection that tells a member's own anew, as one of a time (ns UTC)."""
        told = {name: getattr(base, name) for name in Detection.__struct_fields__}
        told |= {
            "rule": self._rule,
            "fingerprint": self.fingerprint.value,
            "explanation": self.fingerprint.explanation,
            "entity": self._entity,
            "fields": self.fields,
        }
        return Derived(**told, at=time)


@dataclass(frozen=True, slots=True)
class Asked:
    """A correlation, and all that was seen of its rules.

    `by_rule` is in canonical order. `entry` tells the entry of a row: one that several rules match
    counts once. `counts` has the rows that count several times, `traffic` says how many requests
    there were, and `book` what is settled.
    """

    correlation: Correlation
    by_rule: Mapping[str, Sequence[Seen]]
    entry: Callable[[int], Hashable]
    counts: Mapping[int, int] = field(default_factory=dict)
    traffic: Traffic | None = None
    book: Book = field(default_factory=dict)

    def matches(self) -> Iterator[Match]:
        """Yield the matches."""
        for place, group in self._groups():
            for run in runs(self._columns(group), self.book.get(place)):
                members = tuple([group.seen[index] for index in run.members])
                yield Match(self.correlation, members, run.held, run.numbers)

    def settled(self, places: Container[Place], until: int) -> Iterator[tuple[Place, Settled]]:
        """Yield what is settled of groups once no span that begins before a time changes any more.

        That is of all `places`, and of what is settled already.
        """
        for place, group in self._groups():
            before = self.book.get(place)
            if place in places:
                before = before or Settled(FIRST)
                yield place, settle(self._columns(group), before, until)
            elif before:
                yield place, before

    def _columns(self, group: _Members) -> Columns:
        """Return what counts of a group, and what tells of all requests."""
        correlation, parts, total = self.correlation, group.parts, nobody_tells
        if not correlation.is_temporal and len({*group.kinds}) > 1:
            parts = list(_once(group, self.entry))
        if correlation.audit.share and self.traffic:
            requests = _requests_of(correlation, group.seen[0].facet)
            total = partial(self.traffic.total, requests)
        return Columns(correlation, group.times, group.kinds, parts, total)

    def _groups(self) -> Iterator[tuple[Place, _Members]]:
        """Yield what each group has, in order of time; what lacks a field is in none."""
        correlation, counts = self.correlation, self.counts
        groups: dict[Place, _Members] = defaultdict(_Members)
        for kind, name in enumerate(correlation.rules):
            known: dict[int, tuple[_Members | None, Part, int]] = {}
            for seen in self.by_rule.get(name, ()):
                time, row, facet = seen
                found = known.get(id(facet))
                if found is None:
                    place, part = place_of(correlation, facet)
                    members = None if place is None else groups[place]
                    found = known[id(facet)] = (members, part, self._since(place))
                members, part, since = found
                if members is not None:
                    members.times.append(time)
                    members.kinds.append(kind)
                    members.seen.append(seen)
                    several = row in counts and time >= since
                    members.parts.append(part * counts[row] if several else part)
        for place, members in groups.items():
            yield place, members.in_order()

    def _since(self, place: Place | None) -> int:
        """Return since when it matters how much a row of a group counts."""
        settled = None if place is None else self.book.get(place)
        return FIRST if settled is None else settled.until


def _requests_of(correlation: Correlation, facet: Facet) -> tuple[str, str]:
    """Return the service and the log of which the requests count for a group."""
    shown = [
        facet.fields.get(correlation.field_of(facet.rule, name)) for name in (SERVICE, LOG_NAME)
    ]
    return (str(shown[0]), str(shown[1]))


@dataclass(frozen=True, slots=True)
class _Members:
    """What one group has, in columns: a million small objects would keep the collector busy."""

    times: list[int] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    def in_order(self) -> _Members:
        """Return them in order of time; what was at one time stays as it is, in that of rules."""
        if all(map(le, self.times, islice(self.times, 1, None))):  # mostly it is of one rule
            return self
        order = sorted(range(len(self.times)), key=self.times.__getitem__)
        columns = (self.times, self.kinds, self.seen, self.parts)
        return _Members(*([column[index] for index in order] for column in columns))  # type: ignore[arg-type]


def place_of(correlation: Correlation, facet: Facet) -> tuple[Place | None, Part]:
    """Return the group of detections, None for none, and what each adds to the measure."""
    group, part = _placed(correlation, facet)
    return (None, ()) if group is None or not part else ((correlation.name, repr(group)), part)


def _placed(correlation: Correlation, facet: Facet) -> tuple[Group | None, Part]:
    rule, shown = facet.rule, facet.fields
    values = [shown.get(correlation.field_of(rule, name)) for name in correlation.group_by]
    if any(value in _NOTHING for value in values):
        return None, ()
    group = tuple(_comparable(value) for value in values)
    measured = [shown.get(correlation.field_of(rule, name)) for name in correlation.measured]
    if not measured:
        return group, _ONE
    if any(value in _NOTHING for value in measured):
        return group, ()
    if correlation.kind == "value_count":
        return group, _distinct(measured)
    several = measured[0] if isinstance(measured[0], list) else measured
    numbers = [number for value in several if (number := exact_number(value)) is not None]
    rising = correlation.audit.rising
    if rising is None:
        return group, tuple(numbers)
    limits = [shown.get(correlation.field_of(rule, name)) for name in correlation.limits]
    return group, per_cent(numbers, limits[0] if limits else rising.limit)


def _distinct(measured: Sequence[Any]) -> Part:
    """Return the values of a field, each of several; those of several fields are one together."""
    if len(measured) > 1:
        return (tuple(_comparable(value) for value in measured),)
    (value,) = measured
    return tuple(map(_comparable, value if isinstance(value, list) else (value,)))


def _comparable(value: Any) -> Hashable:
    """Return one text for a value however its log wrote it: 200, 200.0 and "200" are the same."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return tuple(map(_comparable, value))
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _once(group: _Members, entry: Callable[[int], Hashable]) -> Iterator[Part]:
    """Yield what each adds to the measure; of one entry only the first adds anything."""
    counted: set[Hashable] = set()
    first = None
    for time, seen, part in zip(group.times, group.seen, group.parts, strict=True):
        if first is None or time != first.time:  # copies of an entry have one time
            counted, first = set(), seen
            yield part
            continue
        counted.add(entry(first.row))
        identity = entry(seen.row)
        yield () if identity in counted else part
        counted.add(identity)
