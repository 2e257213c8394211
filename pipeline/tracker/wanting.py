"""From incidents as they were last recorded to what they want of the tracker."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pipeline import markdown
from pipeline.entry import parse_timestamp
from pipeline.incident import PRIORITIES, State
from pipeline.report import SAME_BEFORE, Action
from pipeline.tracker.model import News, Wanted
from pipeline.tracker.routing import RoutingSettings, route
from pipeline.verdicts import Kind

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from pipeline.document import IncidentDocument
    from pipeline.report import LedgerEntry

_MISSED: Final = "it was over before anything was to be written"

DEFAULT: Final = RoutingSettings()
"""Where nothing was set."""


def all_wanted(
    documents: Iterable[IncidentDocument],
    ledger: Mapping[str, LedgerEntry],
    now: int,
    settings: RoutingSettings = DEFAULT,
    numbers: Mapping[str, int] = MappingProxyType({}),
) -> tuple[Wanted, ...]:
    """Return what those incidents want that were decided to be reported.

    `ledger` has the last decision about each, `now` is the time (ns UTC) at which silences end,
    `numbers` those issues by incident that are known in the same repository.
    """
    told = ((one, wanted(one, ledger[one.id], settings)) for one in documents if one.id in ledger)
    return tuple(
        replace(want, held=_held(one, now), links=(*want.links, *_before(one, numbers)))
        for one, want in told
    )


def begun_at(
    told: Iterable[Wanted], rehearsed: int, known: Container[str] = ()
) -> tuple[Wanted, ...]:
    """Return what incidents want of a tracker in which nothing was written until a time.

    What was over by then (`rehearsed`, ns UTC) is not reported, but for incidents that are `known`
    there all the same.
    """
    return tuple(
        replace(one, held=one.held or _MISSED)
        if one.state is State.RESOLVED and one.last_seen <= rehearsed and one.key not in known
        else one
        for one in told
    )


def wanted(
    document: IncidentDocument, decided: LedgerEntry, settings: RoutingSettings = DEFAULT
) -> Wanted:
    """Return what an incident wants since a decision about it."""
    way = route(document, settings)
    return Wanted(
        key=document.id,
        title=way.title,
        body=document.report.body,
        state=State(document.state),
        signature=document.fingerprint,
        last_seen=parse_timestamp(document.last_seen),
        labels=way.labels,
        assignees=way.assignees,
        milestone=way.milestone,
        type=way.type,
        links=way.lines,
        news=_news(document, decided),
        absorbed=tuple(document.absorbed),
        close=_is_resolved_by_people(document),
        notes=way.notes,
        urgency=PRIORITIES.index(document.priority),
    )


def farewell(incident: str, survivor: str, repository: str, number: int) -> Wanted:
    """Return what an incident wants that became part of a survivor with an issue elsewhere."""
    where = f"{repository}#{number}"
    return Wanted(
        incident,
        "",
        "",
        State.RESOLVED,
        held=f"became part of {survivor}, whose issue is {where}",
        elsewhere=f"{markdown.code(survivor)}, whose issue is {where}",
    )


def _before(document: IncidentDocument, numbers: Mapping[str, int]) -> tuple[str, ...]:
    """Return a line about the issue of the same failure before, if there is one."""
    found = (
        numbers[one.id]
        for one in document.related
        if one.reason.startswith(SAME_BEFORE) and numbers.get(one.id)
    )
    return tuple(f"The same failure before: #{number}." for number in islice(found, 1))


def _held(document: IncidentDocument, now: int) -> str:
    """Return why nothing is reported about an incident, "" if something is."""
    for item in document.suppressed[:1]:
        return f"suppressed by {item.owner} ({item.place})"
    until = document.silenced_until
    return f"silenced until {until}" if until and parse_timestamp(until) > now else ""


def _news(document: IncidentDocument, decided: LedgerEntry) -> tuple[News, ...]:
    """Return the comment of a decision: only one that was taken, and only where there is news."""
    last = document.report.reported
    if decided.action != Action.UPDATE or last is None or not last.update:
        return ()
    return (News(f"{decided.action}-{decided.decided_at}-{decided.digest}", last.update),)


def _is_resolved_by_people(document: IncidentDocument) -> bool:
    """Whether the state is what a person said, not what silence did."""
    said = (item.text for item in document.verdicts if item.kind == Kind.RESOLVE)
    return document.state == State.RESOLVED and document.state_reason.startswith(tuple(said))
