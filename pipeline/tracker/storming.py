"""Storms: many incidents that began within a short time, and an issue that has theirs below it.

No entry links the incidents of a storm, or they would be one. What they share is when they began,
which may be chance, the beginning of an export, or a cause that nothing shows: so each keeps an
issue of its own, and the storm's says what came together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from pipeline import markdown
from pipeline.entry import format_timestamp, parse_timestamp
from pipeline.incident import State
from pipeline.lifecycle import DAY, MINUTE
from pipeline.tracker.model import OVER, TrackerPolicy, Wanted
from pipeline.tracker.routing import labelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pipeline.document import IncidentDocument
    from pipeline.report import LedgerEntry
    from pipeline.tracker.model import Known
    from pipeline.tracker.routing import RoutingSettings

Told: TypeAlias = "Mapping[str, tuple[IncidentDocument, LedgerEntry]]"
"""Incidents by id, each with the last decision about it."""

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


def with_storms(  # noqa: PLR0913 - what they are of, and by what they are told
    wanted: Iterable[Wanted],
    documents: Mapping[str, IncidentDocument],
    known: Mapping[str, Known],
    routing: RoutingSettings,
    settings: StormSettings,
    *,
    away: Iterable[Wanted] = (),
) -> tuple[Wanted, ...]:
    """Return what incidents of a repository want, after what the storms want that they are of.

    What is held back is of none. `known` is the ledger: a storm that has an issue stays the same,
    whatever comes or goes of it. Those that are put `away` are of it as long as any other is, so
    that its issue says no less once they are; nobody looks after them: they are over.
    """
    told = tuple(wanted)
    over = (replace(one, state=State.RESOLVED) for one in away)
    found = _named(_parts((*told, *over), documents), known, settings)
    looked_after = {one.key for one in told}
    keys = sorted(key for key in found if looked_after & {*_names(found[key])})
    return (*(_storm(key, found[key], routing) for key in keys), *told)


def put_away(
    wanted: Iterable[Wanted],
    documents: Mapping[str, IncidentDocument],
    known: Mapping[str, Known],
    settings: StormSettings,
    ask: Callable[[int, int], Told],
) -> Told:
    """Return which incidents that are put away may be of a storm that others of are not.

    `ask` tells those that began from one time until another (ns UTC).
    """
    found = _named(_parts(wanted, documents), known, settings)
    told = [
        _around(parts[0].began, parts[-1].began, settings.within, ask) for parts in found.values()
    ]
    return {key: one for some in told for key, one in some.items() if key not in documents}


def _around(first: int, last: int, within: int, ask: Callable[[int, int], Told]) -> Told:
    """Return those that began near a span, or near one of those; how near is `within`.

    None that began more than a day before or after it: it is asked again for each time that it got
    longer, and where incidents come without end, they would all be read.
    """
    found: Told = {}
    least, most = first - DAY, last + DAY
    while len(found) < len(more := ask(max(first - within, least), min(last + within, most))):
        times = [parse_timestamp(document.first_seen) for document, _ in more.values()]
        found, first, last = more, min(first, *times), max(last, *times)
    return found


def _parts(wanted: Iterable[Wanted], documents: Mapping[str, IncidentDocument]) -> list[_Part]:
    """Return incidents that may be of a storm, in order of when they began."""
    told = (
        _Part(parse_timestamp(documents[one.key].first_seen), one, documents[one.key])
        for one in wanted
        if not one.held
    )
    return sorted(told, key=lambda part: (part.began, part.wanted.key))


def _names(parts: Iterable[_Part]) -> tuple[str, ...]:
    return tuple(part.wanted.key for part in parts)


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
        names = _names(cluster)
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
        children=_names(parts),
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
