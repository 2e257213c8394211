"""A tracker in memory, with a ledger beside it, for tests of plans."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pipeline.audit import SECOND
from pipeline.tracker.knowing import intended, learned
from pipeline.tracker.marker import Signer
from pipeline.tracker.model import (
    Closing,
    Comment,
    Issue,
    Kind,
    Known,
    Step,
    TrackerPolicy,
    Wanted,
)
from pipeline.tracker.planning import plan, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

SIGNER = Signer(b"a key of sixteen bytes or more", "example/platform")
NOW = 1_000_000 * SECOND
DAY = 86_400 * SECOND
POLICY = TrackerPolicy()
US = "fivewhys[bot]"


def wanted(key: str = "inc-a", **values: Any) -> Wanted:
    """Return what an incident wants; `values` override."""
    told: dict[str, Any] = {
        "title": "[P1] backend: tables are missing",
        "body": f"## Problem\n\nThe report of {key}.\n",
        "signature": "missing-table",
        "last_seen": NOW,
        "labels": ("fivewhys", "P1"),
    }
    return Wanted(key, **{**told, **values})


def known(number: int = 1, **values: Any) -> Known:
    """Return what the ledger knows of an issue."""
    return Known(number, **values)


@dataclass
class Tracker:
    """Issues by number, and what our ledger says; steps take effect as they would on GitHub."""

    policy: TrackerPolicy = POLICY
    now: int = NOW
    issues: dict[int, Issue] = field(default_factory=dict)
    ledger: dict[str, Known] = field(default_factory=dict)
    last: int = 0

    # --- us ---------------------------------------------------------------------------------------

    def plan(self, *items: Wanted) -> tuple[Step, ...]:
        """Return the plan for what incidents want."""
        return plan(items, self.issues.values(), self.ledger, self.now, self.policy, signer=SIGNER)

    def apply(self, *items: Wanted) -> tuple[Step, ...]:
        """Plan, take all steps, and return them."""
        self.ledger = settle(items, self.issues.values(), self.ledger, SIGNER, self.policy)
        steps = self.plan(*items)
        for step in steps:
            self.take(step)
        return steps

    def interrupted(self, items: Sequence[Wanted], steps: int, *, has_effect: bool) -> None:
        """Plan, take some steps, and die in the next, before or after it has its effect."""
        self.ledger = settle(items, self.issues.values(), self.ledger, SIGNER, self.policy)
        told = [step for step in self.plan(*items) if step.kind is not Kind.LEAVE]
        for step in told[:steps]:
            self.take(step)
        for step in told[steps : steps + 1]:
            if step.incident:
                before = self.ledger.get(step.incident, Known())
                self.ledger[step.incident] = intended(before, step, self.now)
            if has_effect:
                self._effect(step)

    def take(self, step: Step) -> None:
        """Take a step and keep the ledger."""
        if step.kind is Kind.LEAVE:
            return
        before = self.ledger.get(step.incident, Known())
        self.ledger[step.incident] = intended(before, step, self.now)
        number = self._effect(step)
        self.ledger[step.incident] = learned(self.ledger[step.incident], step, self.now, number)
        self.ledger.pop("", None)

    def _effect(self, step: Step) -> int:
        if step.kind is Kind.CREATE:
            return self.file(**step.fields, author=US)
        number = step.number or self._created(step.incident)
        issue = self.issues[number]
        self.issues[number] = _EFFECTS[step.kind](self, issue, step)
        if step.kind is Kind.SUB_ISSUE:
            child = step.other_number or self._created(step.other)
            assert not self.issues[child].parent
            self.issues[child] = replace(self.issues[child], parent=number)
        return number

    def _created(self, incident: str) -> int:
        return self.ledger[incident].number

    # --- people -----------------------------------------------------------------------------------

    def file(self, **values: Any) -> int:
        """File an issue and return its number."""
        self.last += 1
        told = {"number": self.last, "id": 1000 + self.last, "comments": ()}
        self.issues[self.last] = Issue(**{**told, "created_at": self.now, **values})
        return self.last

    def change(self, number: int, **values: Any) -> None:
        """Change an issue."""
        self.issues[number] = replace(self.issues[number], **values)

    def edit(self, number: int, change: Callable[[str], str]) -> None:
        """Edit the body of an issue."""
        self.change(number, body=change(self.issues[number].body))

    def close(self, number: int, reason: str = Closing.COMPLETED) -> None:
        """Close an issue now."""
        self.change(number, is_open=False, state_reason=reason, closed_at=self.now)

    def comment(self, issue: Issue, body: str, author: str) -> Issue:
        """Return an issue with one more comment."""
        self.last += 1
        comments = (*(issue.comments or ()), Comment(self.last, body, author))
        return replace(issue, comments=comments)

    # --- what one can see -------------------------------------------------------------------------

    def kinds(self, steps: Iterable[Step]) -> list[str]:
        """Return the kinds of steps."""
        return [step.kind.value for step in steps]

    @property
    def open(self) -> list[int]:
        """The numbers of the open issues."""
        return [issue.number for issue in self.issues.values() if issue.is_open]

    def bodies(self, number: int) -> list[str]:
        """Return the texts of the comments on an issue."""
        return [comment.body for comment in self.issues[number].comments or ()]


def _edited(_: Tracker, issue: Issue, step: Step) -> Issue:
    values: dict[str, Any] = dict(step.fields)
    return replace(issue, **values)


def _commented(tracker: Tracker, issue: Issue, step: Step) -> Issue:
    return tracker.comment(issue, str(step.fields["body"]), US)


def _comment_edited(_: Tracker, issue: Issue, step: Step) -> Issue:
    body = str(step.fields["body"])
    told = issue.comments or ()
    assert step.comment in {one.id for one in told}
    comments = tuple(replace(one, body=body) if one.id == step.comment else one for one in told)
    return replace(issue, comments=comments)


def _more(name: str) -> Callable[[Tracker, Issue, Step], Issue]:
    def effect(_: Tracker, issue: Issue, step: Step) -> Issue:
        values: dict[str, Any] = {name: (*getattr(issue, name), *step.fields[name])}
        return replace(issue, **values)

    return effect


def _less(name: str) -> Callable[[Tracker, Issue, Step], Issue]:
    def effect(_: Tracker, issue: Issue, step: Step) -> Issue:
        left = tuple(one for one in getattr(issue, name) if one not in step.fields[name])
        values: dict[str, Any] = {name: left}
        return replace(issue, **values)

    return effect


def _closed(tracker: Tracker, issue: Issue, step: Step) -> Issue:
    reason = str(step.fields["state_reason"])
    return replace(issue, is_open=False, state_reason=reason, closed_at=tracker.now)


def _reopened(_: Tracker, issue: Issue, __: Step) -> Issue:
    return replace(issue, is_open=True, state_reason="reopened", closed_at=0)


_EFFECTS: dict[Kind, Callable[[Tracker, Issue, Step], Issue]] = {
    Kind.EDIT: _edited,
    Kind.COMMENT: _commented,
    Kind.EDIT_COMMENT: _comment_edited,
    Kind.LABEL: _more("labels"),
    Kind.UNLABEL: _less("labels"),
    Kind.ASSIGN: _more("assignees"),
    Kind.UNASSIGN: _less("assignees"),
    Kind.CLOSE: _closed,
    Kind.LINK_DUPLICATE: _closed,
    Kind.REOPEN: _reopened,
    Kind.SUB_ISSUE: lambda _, issue, __: issue,
}
