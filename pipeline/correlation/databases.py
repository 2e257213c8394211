"""Which database is meant: edges between a service and the own log of a database.

Instances of one project share nothing that both sides show. So a service's words count that name
its Cloud SQL instance; else the catalog does, which may say on which a service depends. Where
neither does and several databases come into question, none of them explains what the service says.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING

from pipeline.audit import DATABASE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.audit import Edge
    from pipeline.correlation.episodes import Facet, Group, Topology
    from pipeline.correlation.rows import Rows
    from pipeline.rule import RuleSet

_PARTS = 3


def agree(edge: Edge, effect: Facet, cause: Facet, topology: Topology) -> bool:
    """Return whether one side of an edge may mean the database in whose log the other stands."""
    if edge.database is None:
        return True
    log, client = (cause, effect) if edge.database == "cause" else (effect, cause)
    meant = _meant(client, topology)
    return not meant or log.fields.get(DATABASE) in meant


def part_of_key(facet: Facet) -> Group:
    """Return what a facet says of a database, as part of a key; it repeats nothing of another."""
    name = facet.fields.get(DATABASE)
    return ("", str(name)) if name else ()


def told(edge: Edge, effect: Facet, cause: Facet, topology: Topology) -> str:
    """Say why the database of an edge is the one that is meant, "" for an edge to none."""
    if edge.database is None:
        return ""
    log, client = (cause, effect) if edge.database == "cause" else (effect, cause)
    name = log.fields.get(DATABASE) or log.service or "this database"
    if _named(client):
        return f"; {client.service or client.rule} names {name}"
    if topology.databases(client.service):
        return f"; {client.service} uses {name} by the catalog"
    if edge.database == "effect":
        return f"; nothing says which database {client.service or client.rule} uses"
    return f"; nothing says which database is meant, and {name} is the only one in question"


class Doubts:
    """What an effect may be explained by that does not say which of several databases it means."""

    def __init__(
        self, edges: Iterable[tuple[Edge, Iterable[Facet]]], effect: Facet, topology: Topology
    ) -> None:
        """`edges` come with the facets of their causes, `effect` is a facet of their effects."""
        self._logs: list[tuple[Edge, list[list[int]]]] = []
        for edge, causes in edges:
            if edge.database == "cause" and not _meant(effect, topology):
                logs = _times_by_log(causes)
                self._logs += [(edge, logs)] if len(logs) > 1 else []

    def __bool__(self) -> bool:
        """Say whether there is any doubt at any time."""
        return bool(self._logs)

    def at(self, time: int, skew: int) -> tuple[Edge, ...]:
        """Return the edges by which more than one database comes into question at a time (ns)."""
        return tuple(
            edge
            for edge, logs in self._logs
            if sum(_tells(log, time - edge.within, time + max(skew, edge.before)) for log in logs)
            > 1
        )


def same_doubts(ruleset: RuleSet, rows: Rows, skew: int) -> Iterator[list[int]]:
    """Yield rows in logs of databases that may raise a doubt together: one needs the others."""
    edges = chain.from_iterable(maker.audit.caused_by for maker in ruleset.makers.values())
    for edge in (one for one in edges if one.database == "cause"):
        facets = [one for one in rows.all_facets() if one.rule in edge.rule and one.rows]
        run: list[int] = []
        for row in rows.merged(facets) if facets else ():
            apart = rows.times[row] - rows.times[run[-1]] if run else 0
            if apart > edge.within + max(skew, edge.before):
                yield run
                run = []
            run.append(row)
        if run:
            yield run


def _meant(client: Facet, topology: Topology) -> frozenset[str]:
    """Return the database that a client names, else those the catalog does; empty if unknown."""
    return _named(client) or topology.databases(client.service)


def _named(client: Facet) -> frozenset[str]:
    """Return the database whose connection name a client says.

    A replica's own log has the id of the replica instead, which is not what it follows.
    """
    parts = str(client.fields.get(DATABASE) or "").rsplit(":", _PARTS - 1)
    if len(parts) < _PARTS:
        return frozenset()
    project, _, instance = parts
    return frozenset([f"{project}:{instance}"])


def _times_by_log(facets: Iterable[Facet]) -> list[list[int]]:
    """Return when each database said something; one without a name is its service."""
    found: dict[str, list[int]] = defaultdict(list)
    for facet in facets:
        found[str(facet.fields.get(DATABASE) or facet.service)] += facet.times
    return [sorted(times) for times in found.values()]


def _tells(times: Sequence[int], first: int, last: int) -> bool:
    index = bisect_left(times, first)
    return index < len(times) and times[index] <= last
