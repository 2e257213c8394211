"""Which reported incidents became parts of others, told once they are for a while.

What is out of order can look so until its cause is here, some seconds later: the issue of one would
be closed as a duplicate, and opened again. What people merged does not look so, it is so: at once.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.verdicts import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipeline.incident import Incident


class Merging:
    """Knows which parts are waited for; whoever asks tells the time."""

    def __init__(self) -> None:
        """Begin without any."""
        self._since: Mapping[str, int] = {}
        self._merged: frozenset[str] = frozenset()
        self._held: Mapping[str, int] = {}

    @property
    def since(self) -> Mapping[str, int]:
        """Since when (ns UTC) those that wait are parts of others, by their ids."""
        return MappingProxyType(self._since)

    def begin(self, incidents: Iterable[Incident], since: Mapping[str, int]) -> None:
        """Take up since when parts wait; all other parts of these incidents are told as such."""
        parts = _parts(incidents)
        self._since = {name: at for name, at in since.items() if name in parts}
        self._merged = parts - since.keys()

    def take(self, incidents: Iterable[Incident], now: int, over: int, at_last: int) -> None:
        """Take what incidents there are `now`.

        Parts of one wait until all of them are parts since `over`, or some of them wait since
        `at_last`, lest an incident of which more and more is a part, or now this and now that,
        never be told of (all of them ns UTC).
        """
        merged = set[str]()
        waiting, held = dict[str, int](), dict[str, int]()
        for incident in incidents:
            if not incident.absorbed:
                continue
            told = self._merged | _said(incident)
            new = {
                name: self._since.get(name, now) for name in incident.absorbed if name not in told
            }
            first = min((*new.values(), self._held.get(incident.id, now)))
            if new and max(new.values()) > over and first > at_last:
                waiting |= new
                held[incident.id] = first
            merged |= set(incident.absorbed) - waiting.keys()
        self._since, self._merged, self._held = waiting, frozenset(merged), held

    def holds(self, incident: Incident) -> bool:
        """Return whether an incident has parts that wait."""
        return not self._since.keys().isdisjoint(incident.absorbed)


def _parts(incidents: Iterable[Incident]) -> frozenset[str]:
    return frozenset(name for one in incidents for name in one.absorbed)


def _said(incident: Incident) -> frozenset[str]:
    """Return the ids of which people said that they are one with an incident, also by others."""
    merges = [
        {item.incident, item.other_incident}
        for item in incident.verdicts
        if item.kind is Kind.MERGE
    ]
    found = {incident.id}
    for _ in merges:  # as far as one leads to the next
        found.update(*(ends for ends in merges if ends & found))
    return frozenset(found)
