"""The reasons of `caused_by` edges, and shared traces."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.audit import SECOND
from pipeline.correlation.causes import are_rivals
from pipeline.correlation.databases import told
from pipeline.correlation.episodes import Found, Seen, undirected
from pipeline.correlation.keys import order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from pipeline.audit import Edge
    from pipeline.correlation.episodes import Topology
    from pipeline.correlation.rows import Rows

__all__ = ["Anchor", "order"]


@dataclass(frozen=True, order=True, slots=True)
class Anchor:
    """What an incident was first known by; its id never changes afterwards.

    `reported_at` is the event time of its first report.
    """

    time: int
    fingerprint: str
    incident_id: str
    reported_at: int = 0


def edge_reason(effect: Seen, cause: Seen, edge: Edge, topology: Topology) -> str:
    """Say why a cause explains an effect: when it was logged and what both share."""
    seconds = (effect.time - cause.time) / SECOND
    about, other = effect.facet, cause.facet
    shared = ", ".join(f"{name} {about.fields[name]}" for name in edge.same)
    where = f" on the same {shared}" if shared else ""
    when = f"{seconds:.3f} s after" if seconds >= 0 else f"{-seconds:.3f} s before"
    limit = f"{edge.within // SECOND} s"
    reason = f"{about.rule} is explained by {other.rule}: logged {when} it{where} (limit {limit})"
    if edge.via:
        path = " -> ".join(topology.dependency(about.service, other.service))
        reason += f"; {about.service} depends on {other.service} by the catalog ({path})"
    reason += told(edge, about, other, topology)
    if are_rivals(about, other.service, other.revision):
        reason += f"; on another revision ({other.revision}), as nothing on its own explains it"
    return reason


def repetition_reason(effect: Seen, repetition: Seen, gap: int) -> str:
    """Say why an effect without a cause of its own is where its nearest repetition is."""
    seconds = (effect.time - repetition.time) / SECOND
    about = effect.facet
    when = f"{seconds:.3f} s after" if seconds >= 0 else f"{-seconds:.3f} s before"
    where = f"service {about.service}" + (about.revision and f", revision {about.revision}")
    return (
        f"{about.rule} has no cause that is left and goes with its nearest repetition that has "
        f"one: logged {when} it on the same {where} (limit {gap // SECOND} s)"
    )


def shared_traces(
    rows: Rows, part: Callable[[int], object], context: AbstractSet[str], *, span: int, limit: int
) -> Iterator[Found]:
    """Link what has one trace, each within `span` (ns) of the next; rules of `context` never do.

    A trace that touches more than `limit` parts of symptoms is no evidence: everything has it.
    """
    by_trace: dict[int, list[int]] = defaultdict(list)
    for trace, row in rows.traced():
        if rows.facet(row).rule not in context:
            by_trace[trace].append(row)
    for members in by_trace.values():
        if len(members) > 1:
            members.sort(key=rows.times.__getitem__)
            yield from _shared_trace(rows, members, part, span=span, limit=limit)


def _shared_trace(
    rows: Rows, members: Sequence[int], part: Callable[[int], object], *, span: int, limit: int
) -> Iterator[Found]:
    run = [members[0]]
    runs = [run]
    for row in members[1:]:
        if rows.times[row] - rows.times[run[-1]] > span:
            run = []
            runs.append(run)
        run.append(row)
    for run in runs:
        first = {part(row): row for row in reversed(run)}
        if 1 < len(first) <= limit:
            seen = sorted(map(rows.one, first.values()), key=_time_and_symptom)
            reason = f"both have the trace {rows.detection(run[0]).trace}"
            for other in seen[1:]:
                yield undirected("trace", seen[0], other, reason)


def _time_and_symptom(seen: Seen) -> tuple[int, str]:
    return (seen.time, seen.facet.fingerprint)
