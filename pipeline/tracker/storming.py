"""Storms: many incidents that began within a short time, and an issue that has theirs below it.

No entry links the incidents of a storm, or they would be one. What they share is when they began,
which may be chance, the beginning of an export, or a cause that nothing shows: so each keeps an
issue of its own, and the storm's says what came together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pipeline import markdown
from pipeline.entry import format_timestamp, parse_timestamp
from pipeline.incident import State
from pipeline.lifecycle import MINUTE
from pipeline.tracker.model import OVER, TrackerPolicy, Wanted
from pipeline.tracker.routing import labelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipeline.document import IncidentDocument
    from pipeline.tracker.model import Known
    from pipeline.tracker.routing import RoutingSettings

NAME: Final = "storm"
"""The label of a storm's issue; its key begins with it."""

MOST_LISTED: Final = 300
"""Incidents that a storm's issue names."""

_INCIDENT: Final = "inc-"
_MINUTES: Final = len("2025-09-10T00:33")


@dataclass(frozen=True, slots=True)
class StormSettings:
    """What a storm is: `least` incidents (0: nothing) that began `within` so many nanoseconds."""

    least: int = 20
    within: int = 10 * MINUTE


@dataclass(frozen=True, slots=True)
class _Part:
    """An incident of a storm, what it wants, and when it began (ns UTC)."""

    began: int
    wanted: Wanted
    document: IncidentDocument


def with_storms(
    wanted: Iterable[Wanted],
    documents: Mapping[str, IncidentDocument],
    known: Mapping[str, Known],
    routing: RoutingSettings,
    settings: StormSettings,
) -> tuple[Wanted, ...]:
    """Return what incidents of a repository want, after what the storms want that they are of.

    What is held back is of none. `known` is the ledger: a storm that has an issue stays the same,
    whatever comes or goes of it.
    """
    told = tuple(wanted)
    parts = sorted(
        (
            _Part(parse_timestamp(documents[one.key].first_seen), one, documents[one.key])
            for one in told
            if not one.held
        ),
        key=lambda part: (part.began, part.wanted.key),
    )
    found = _named(parts, known, settings)
    return (*(_storm(key, found[key], routing) for key in sorted(found)), *told)


def _named(
    parts: Sequence[_Part], known: Mapping[str, Known], settings: StormSettings
) -> dict[str, list[_Part]]:
    """Return the parts of storms by the storm's key, in order.

    That is made of the incident with which it began, unless one of its parts is known to belong to
    another. Of one that is known those parts are left that are still wanted.
    """
    if not settings.least:
        return {}
    of = {
        part: key
        for key in sorted(known, reverse=True)
        if key.startswith(f"{NAME}-")
        for part in (*known[key].ours.children, key.replace(NAME, _INCIDENT[:-1], 1))
    }
    storm = {part.wanted.key: of[part.wanted.key] for part in parts if part.wanted.key in of}
    for cluster in _clusters(parts, settings):
        names = [part.wanted.key for part in cluster]
        first = names[0].removeprefix(_INCIDENT)
        key = next((of[name] for name in names if name in of), f"{NAME}-{first}")
        storm = {**dict.fromkeys(names, key), **storm}
    found: dict[str, list[_Part]] = {}
    for part in parts:
        if part.wanted.key in storm:
            found.setdefault(storm[part.wanted.key], []).append(part)
    return found


def _clusters(parts: Sequence[_Part], settings: StormSettings) -> Iterator[Sequence[_Part]]:
    """Yield parts that came together: spans that hold enough of them, joined where they overlap."""
    spans: list[tuple[int, int]] = []
    end = 0
    for begin, part in enumerate(parts):
        while end < len(parts) and parts[end].began <= part.began + settings.within:
            end += 1
        if end - begin >= settings.least:
            overlaps = bool(spans) and begin < spans[-1][1]
            spans[-1:] = [(spans[-1][0], end)] if overlaps else [*spans[-1:], (begin, end)]
    return (parts[begin:end] for begin, end in spans)


# --- what its issue says --------------------------------------------------------------------------


def _storm(key: str, parts: Sequence[_Part], routing: RoutingSettings) -> Wanted:
    priority = min(part.document.priority for part in parts)
    labels, notes = labelled((priority, NAME), routing)
    since = format_timestamp(parts[0].began)[:_MINUTES].replace("T", " ")
    return Wanted(
        key,
        f"[{priority}] Storm: many incidents since {since} UTC",
        "\n".join(_body(parts)),
        _state(part.wanted.state for part in parts),
        NAME,
        max(part.wanted.last_seen for part in parts),
        labels,
        children=tuple(part.wanted.key for part in parts),
        close=all(part.wanted.close for part in parts),
        notes=notes,
        urgency=min(part.wanted.urgency for part in parts),
    )


def _state(states: Iterable[State]) -> State:
    told = {*states}
    if told <= OVER:
        return State.QUIET if State.QUIET in told else State.RESOLVED
    return State.ONGOING


def _body(parts: Sequence[_Part]) -> Iterator[str]:
    first, last = (format_timestamp(part.began) for part in (parts[0], parts[-1]))
    limit = TrackerPolicy().sub_issues
    yield "## Problem\n"
    yield f"**{len(parts):,} incidents were first seen between {first} and {last}.**\n"
    yield (
        "Nothing in the entries links them, or they would be one incident. That they came together "
        "may be chance, or have a cause that no entry shows. Each has an issue of its own below."
    )
    if len(parts) > limit:
        yield f"GitHub takes {limit} sub-issues of one issue: the others are only named here."
    yield "\n## Incidents\n"
    for part in parts[:MOST_LISTED]:
        name, told = markdown.code(part.wanted.key), markdown.inline(part.document.title)
        yield f"- {format_timestamp(part.began)} {part.document.priority} {name}: {told}"
    if len(parts) > MOST_LISTED:
        yield f"- … and {len(parts) - MOST_LISTED:,} more"
