"""What the ledger knows of an issue: before a request, after it, and after an interruption.

`intended` is written before a step's request is sent, `learned` when it was answered. When nobody
heard the answer, `settled` takes from what stands in the tracker whether it had its effect.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pipeline.tracker.model import OVER, Kind, Known, Ours, folded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.tracker.locating import Place
    from pipeline.tracker.model import Step, Wanted

SCALARS: Final = ("title", "milestone", "type", "priority")
"""What an issue has one of, which we set and people may change."""

_WRITES_TEXT: Final = frozenset({Kind.CREATE, Kind.EDIT})


def intended(known: Known, step: Step, now: int) -> Known:
    """Return what to keep before a step is taken, at `now`."""
    asked_at = now if step.kind is Kind.CREATE else known.asked_at
    return replace(known, trying=_with(known.ours, step), asked_at=asked_at)


def refused(known: Known) -> Known:
    """Return what to keep when a step was refused for certain, so that it had no effect."""
    return replace(known, trying=None, asked_at=0)


def learned(known: Known, step: Step, now: int, number: int = 0) -> Known:
    """Return what to keep once a step was confirmed; `number` is that of a created issue."""
    if step.kind is Kind.CREATE:
        known = Known(number=number, after=step.after, likes=known.likes)
    if step.kind in _WRITES_TEXT and step.digest:
        known = replace(known, digest=step.digest, signature=step.signature, edited_at=now)
    said = known.said | ({step.key} if step.kind is Kind.COMMENT else set())
    again = known.reopened + (step.kind is Kind.REOPEN)
    ours = _with(known.ours, step)
    return replace(known, said=said, reopened=again, ours=ours, trying=None, asked_at=0)


def settled(known: Known, place: Place, wanted: Wanted, labels: frozenset[str]) -> Known:
    """Return what is known of an issue once it was listed.

    A request that nobody heard of again is confirmed by what stands there; what is neither wanted
    nor there any more is forgotten. `labels` are those wanted now, in lower case.
    """
    issue, after = place.issue, place.after
    asked_at = known.asked_at if known.number == issue.number else 0
    if known.number not in {0, issue.number}:
        known = Known(signature=known.signature, likes=known.likes)
    ours, trying = known.ours, known.trying or known.ours
    scalars = {name: getattr(trying, name) for name in SCALARS}
    seen = {name: value for name, value in scalars.items() if getattr(issue, name) == value}
    ours = replace(
        ours,
        labels=_settled(ours.labels, trying.labels, folded(issue.labels), labels),
        assignees=_settled(
            ours.assignees, trying.assignees, folded(issue.assignees), folded(wanted.assignees)
        ),
        closed=_closed(ours, trying, is_open=issue.is_open, is_over=wanted.state in OVER),
        **seen,
    )
    return replace(known, number=issue.number, after=after, asked_at=asked_at, ours=ours)


def _settled(
    ours: frozenset[str], trying: frozenset[str], standing: frozenset[str], wanted: frozenset[str]
) -> frozenset[str]:
    """Return which names are ours: what two of three say, unless nobody cares any more.

    One that stands and that we had, or were about to set; and one that we had and did not mean to
    take away, for when it does not stand, people took it away.
    """
    most = (ours & trying) | (ours & standing) | (trying & standing)
    return most & (wanted | standing)


def _closed(ours: Ours, trying: Ours, *, is_open: bool, is_over: bool) -> str:
    """Return as what we closed an issue; one that people opened again stays so while it is over."""
    if is_open:
        return ours.closed if is_over else ""
    return trying.closed or ours.closed


def _with(ours: Ours, step: Step) -> Ours:
    """Return what is ours once a step has had its effect."""
    begun = Ours() if step.kind is Kind.CREATE else ours
    scalars: dict[str, Any] = {name: step.fields[name] for name in SCALARS if name in step.fields}
    sets: dict[str, Any] = {
        name: change(getattr(begun, name), folded(step.fields[name]))
        for name, change in _SETS.get(step.kind, {}).items()
        if name in step.fields
    }
    children = begun.children | ({step.other} if step.kind is Kind.SUB_ISSUE else set())
    closed = str(step.fields.get("state_reason", "")) if step.kind in _CLOSES else begun.closed
    if step.kind is Kind.REOPEN:
        closed = ""
    return replace(begun, **scalars, **sets, children=children, closed=closed)


_CLOSES: Final = frozenset({Kind.CLOSE, Kind.LINK_DUPLICATE})
_Change: TypeAlias = "Callable[[frozenset[str], frozenset[str]], frozenset[str]]"
_SETS: Final[Mapping[Kind, Mapping[str, _Change]]] = {
    Kind.CREATE: {"labels": frozenset.union, "assignees": frozenset.union},
    Kind.LABEL: {"labels": frozenset.union},
    Kind.UNLABEL: {"labels": frozenset.difference},
    Kind.ASSIGN: {"assignees": frozenset.union},
    Kind.UNASSIGN: {"assignees": frozenset.difference},
}
