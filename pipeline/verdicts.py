"""Verdicts: what people decided about incidents, for every run to respect.

A verdict names what it is about by a handle: a fingerprint and the event time of one of its
detections. Ids may change while late entries come in; a handle stays true.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pipeline.entry import format_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Handle = tuple[str, int]
"""A fingerprint and the time of a detection of it, in nanoseconds UTC."""


class Kind(StrEnum):
    """What a person can decide about an incident."""

    MERGE = "merge"
    SPLIT = "split"
    RESOLVE = "resolve"
    SILENCE = "silence"
    ASSIGN = "assign"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One decision of a person; times in nanoseconds UTC.

    `incident` is the id that it was said of, `at` when it was said, or since when it is to hold.
    `other` belongs to a merge, `until` to a silence, `revision` (what mended it, "" if that was no
    revision) to a resolution, `assignee` to an assignment. `number` is the store's; of two that
    contradict each other the one with the higher number holds.
    """

    kind: Kind
    incident: str
    handle: Handle
    at: int
    by: str
    other: Handle | None = None
    other_incident: str = ""
    until: int = 0
    revision: str = ""
    assignee: str = ""
    reason: str = ""
    number: int = 0

    def says_as(self, other: Verdict) -> bool:
        """Return whether two say the same, whoever says it and when.

        Only what is resolved can be resolved again later, as it may have come back in between.
        """
        return self._meaning == other._meaning

    @property
    def _meaning(self) -> tuple[object, ...]:
        ends = sorted(end for end in (self.handle, self.other) if end)
        since = self.at if self.kind is Kind.RESOLVE else 0
        return (self.kind, *ends, since, self.until, self.revision, self.assignee)

    @property
    def text(self) -> str:
        """What it says, by whom and when, on one line."""
        said = f"{_TEXTS[self.kind](self)} by {self.by} at {format_timestamp(self.at)}"
        return f"{said}: {self.reason}" if self.reason else said


_TEXTS: dict[Kind, Callable[[Verdict], str]] = {
    Kind.MERGE: lambda given: f"{given.incident} and {given.other_incident} merged",
    Kind.SPLIT: lambda given: f"{given.handle[0]} split off from {given.incident}",
    Kind.RESOLVE: lambda given: (
        f"resolved in revision {given.revision}" if given.revision else "resolved"
    ),
    Kind.SILENCE: lambda given: f"silenced until {format_timestamp(given.until)}",
    Kind.ASSIGN: lambda given: f"assigned to {given.assignee}",
}


def silence_of(verdicts: Iterable[Verdict], now: int) -> Verdict | None:
    """Return the silence that holds at `now` (event time); the last one given speaks."""
    given = [item for item in verdicts if item.kind is Kind.SILENCE]
    return given[-1] if given and now < given[-1].until else None


def resolution_of(verdicts: Iterable[Verdict]) -> Verdict | None:
    """Return the last resolution that was given, None if there is none."""
    return next((item for item in [*verdicts][::-1] if item.kind is Kind.RESOLVE), None)


def assignee_of(verdicts: Iterable[Verdict]) -> str:
    """Return to whom an incident is assigned, "" if to nobody; the last one given speaks."""
    return next((item.assignee for item in [*verdicts][::-1] if item.kind is Kind.ASSIGN), "")
