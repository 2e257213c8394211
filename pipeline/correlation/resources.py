"""Services that share a resource: a database that is down fails all of them, in one incident."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pipeline.correlation.episodes import undirected

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator

    from pipeline.correlation.episodes import Found, Seen, Topology
    from pipeline.correlation.rows import Rows

SPAN = 300_000_000_000
"""How far apart two services may notice it, in nanoseconds."""


def shared_resources(
    rows: Rows, part: Callable[[int], object], rules: Container[str], topology: Topology
) -> Iterator[Found]:
    """Link what rules about resources saw in services that share one, within `SPAN` of the next.

    `part` tells which part of a symptom a row is in: one link each will do.
    """
    about = [facet for facet in rows.all_facets() if facet.rule in rules]
    by_resource: dict[str, list[Seen]] = defaultdict(list)
    for seen in rows.seen(about):
        for resource in topology.resources(seen.facet.service):
            by_resource[resource].append(seen)
    for resource, members in sorted(by_resource.items()):
        reason = f"both depend on {resource} by the catalog"
        for run in _runs(members):
            first = {part(seen.row): seen for seen in reversed(run)}.values()
            known, *others = sorted(first, key=lambda seen: (seen.time, seen.facet.fingerprint))
            for other in others:
                yield undirected("resource", known, other, reason)


def _runs(members: Iterable[Seen]) -> Iterator[list[Seen]]:
    """Yield what has no longer time than `SPAN` in between; there is at least one."""
    run: list[Seen] = []
    for seen in members:
        if run and seen.time - run[-1].time > SPAN:
            yield run
            run = []
        run.append(seen)
    yield run
