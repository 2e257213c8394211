"""Causes that share a trace with their effect: nothing is surer, whatever else is nearer."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pipeline.correlation.databases import agree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.audit import Edge
    from pipeline.correlation.episodes import Facet, Topology
    from pipeline.correlation.rows import Rows

CROWD = 32
"""Detections from which on a trace is no evidence: whatever gave everything one trace lied."""


class Traces:
    """What may explain an effect within its trace."""

    def __init__(self, rows: Rows, topology: Topology, skew: int) -> None:
        """Gather the rows of each trace; `skew` is how far clocks differ, in nanoseconds."""
        self._rows = rows
        self._topology = topology
        self._skew = skew
        members: dict[int, list[int]] = defaultdict(list)
        for trace, row in rows.traced():
            members[trace].append(row)
        self._crowds = {trace for trace, found in members.items() if len(found) > CROWD}
        self._members = {
            trace: found for trace, found in members.items() if 1 < len(found) <= CROWD
        }

    def __bool__(self) -> bool:
        """Say whether any two detections share a trace."""
        return bool(self._members)

    def trace(self, row: int) -> int:
        """Return what stands for the trace of a row, 0 if it has none that says anything."""
        trace = self._rows.trace(row)
        return 0 if trace in self._crowds else trace

    def causes(self, row: int, edges: Sequence[Edge]) -> Iterator[tuple[int, Edge]]:
        """Yield the causes of an effect in its trace, each after the edge that it is one by."""
        effect = self._rows.facet(row)
        for other in self._members.get(self._rows.trace(row), ()):
            cause = self._rows.facet(other)
            if cause.fingerprint == effect.fingerprint:
                continue
            after = self._rows.times[row] - self._rows.times[other]
            for edge in edges:
                if (
                    cause.rule in edge.rule
                    and -max(self._skew, edge.before) <= after <= edge.within
                    and self._agree(effect, cause, edge)
                ):
                    yield other, edge

    def _agree(self, effect: Facet, cause: Facet, edge: Edge) -> bool:
        group = effect.group(edge.same)
        if group is None or group != cause.group(edge.same):
            return False
        if not agree(edge, effect, cause, self._topology):
            return False
        return not edge.via or bool(self._topology.dependency(effect.service, cause.service))
