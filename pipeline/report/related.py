"""Which other incidents a reader should know of: the same failure before, and its neighbours."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.audit import SECOND
from pipeline.deployments import span_text
from pipeline.entry import format_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.incident import Incident

SAME_BEFORE = "the same failure before"
"""How the reason begins for which an incident of the same fingerprint is related that is over."""

UNLINKED = "nothing in the entries links the two"

SHORTLY = 300 * SECOND
"""How long before an incident one may have been over to be named: of two databases that went down,
say, of which nothing tells on which one the services depend that failed then."""

MOST = 5
"""Related incidents that a report names."""

NEAREST = 50
"""How many are looked at: the last of a failure or a service to begin before the end of this."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What is to be known of another incident; times in nanoseconds UTC.

    `issue` is how the tracker calls its issue, "" as long as nobody knows.
    """

    first_seen: int
    id: str
    fingerprint: str
    title: str
    services: tuple[str, ...]
    last_seen: int
    issue: str = ""


@dataclass(frozen=True, slots=True)
class Related:
    """Another incident, and why it is named."""

    incident: Neighbour
    reason: str


def neighbour(incident: Incident) -> Neighbour:
    """Return what other incidents are to know of this one."""
    return Neighbour(
        incident.first_seen,
        incident.id,
        incident.fingerprint,
        incident.title,
        incident.services,
        incident.last_seen,
    )


class Neighbourhood:
    """All incidents of a run and of its store; of two that tell of one the first counts."""

    def __init__(self, known: Iterable[Neighbour] = ()) -> None:
        every: dict[str, Neighbour] = {}
        for one in known:
            every.setdefault(one.id, one)
        ordered = sorted(every.values(), key=lambda one: (one.first_seen, one.id))
        self._by_time = ordered
        self._by_fingerprint: defaultdict[str, list[Neighbour]] = defaultdict(list)
        self._by_service: defaultdict[str, list[Neighbour]] = defaultdict(list)
        for one in ordered:
            self._by_fingerprint[one.fingerprint].append(one)
            for service in one.services:
                self._by_service[service].append(one)

    def of(self, incident: Incident) -> tuple[Related, ...]:
        """Return the related ones, the closest first, each with the reason and once.

        Closest is the same failure before, then what went on at the same time on one of its
        services, then what else did, then what had just been over. The one that it continues is
        told by itself.
        """
        found: dict[str, Related] = {}
        others = {incident.id, incident.previous, *incident.absorbed}
        for one, reason in self._told(incident):
            if one.id not in others:
                found.setdefault(one.id, Related(one, reason))
        return tuple(found.values())[:MOST]

    def _told(self, incident: Incident) -> Iterator[tuple[Neighbour, str]]:
        begin, end = incident.first_seen, incident.last_seen
        for one in _latest(self._by_fingerprint.get(incident.fingerprint, ()), begin):
            span = span_text(max(0, begin - one.last_seen))
            over = f"{SAME_BEFORE}: last seen {span} earlier, at {_time(one)}"
            yield one, over if one.last_seen < begin else "the same failure at the same time"
        for service in incident.services:
            for one in _latest(self._by_service.get(service, ()), end):
                if one.last_seen >= begin:
                    yield one, f"at the same time, also on {service}"
        for one in _latest(self._by_time, end):
            if one.last_seen >= begin:
                yield one, f"at the same time; {UNLINKED}"
        for one in _latest(self._by_time, begin):
            if begin - SHORTLY <= one.last_seen < begin:
                yield one, f"{span_text(begin - one.last_seen)} before; {UNLINKED}"


def _latest(ordered: Sequence[Neighbour], until: int) -> Sequence[Neighbour]:
    """Return those that began last, up to a time, the last first."""
    end = bisect_right(ordered, until, key=lambda one: one.first_seen)
    return ordered[max(0, end - NEAREST) : end][::-1]


def _time(one: Neighbour) -> str:
    return format_timestamp(one.last_seen)
