"""What to do about an incident's issue as a whole, and the named reason for it.

Leave it alone, create one, open it again, or bring the open one up to date: the first test of a
table that has an answer gives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pipeline.entry import format_timestamp
from pipeline.lifecycle import span_text
from pipeline.tracker.marker import FORMER
from pipeline.tracker.model import OVER, Closing

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.tracker.locating import Place, Places
    from pipeline.tracker.marker import Signer
    from pipeline.tracker.model import Gone, Issue, Known, TrackerPolicy, Wanted


class Course(StrEnum):
    """What becomes of an issue."""

    LEAVE = "leave"
    CREATE = "create"
    REOPEN = "reopen"
    UPDATE = "update"


Judged = tuple[Course, str]


@dataclass(frozen=True, slots=True)
class Case:
    """One incident at one time (`now`).

    `number` is that of the issue that the ledger named; `is_listed` says whether that was listed,
    `gone` what became of it. `known` is what is known now that its issue was found.
    """

    wanted: Wanted
    known: Known
    places: Places
    now: int
    policy: TrackerPolicy
    signer: Signer
    number: int = 0
    is_listed: bool = True
    gone: Gone | None = None

    @property
    def place(self) -> Place | None:
        """Its issue as it stands."""
        return self.places.place

    @property
    def doubted_until(self) -> int:
        """When it is clear that an issue that was asked for will not appear; 0 if it is now."""
        until = self.known.asked_at + self.policy.doubt
        is_open = self.place is not None and self.place.issue.is_open
        is_clear = is_open or not self.known.asked_at or self.now >= until
        return 0 if is_clear else until

    @property
    def lacks_key(self) -> bool:
        """Whether its issue is to be written into, and another key signed what is ours there."""
        place = self.place
        return bool(place and place.is_foreign and (place.issue.is_open or not self.is_over))

    @property
    def is_over(self) -> bool:
        """Whether nothing is seen any more."""
        return self.wanted.state in OVER

    @property
    def is_same(self) -> bool:
        """Whether it is the failure that its issue was about, as far as we know."""
        return self.known.signature in {"", self.wanted.signature}


def course_of(case: Case) -> Judged:
    """Say what to do."""
    for test in _ANY:
        judged = test(case)
        if judged:
            return judged
    if case.place is None:
        return Course.CREATE, "no issue bears its marker"
    issue = case.place.issue
    if issue.is_open:
        return Course.UPDATE, "the issue says what it should"
    return next(judged for closed in _CLOSED if (judged := closed(case, issue)))


def other_key(number: int) -> str:
    """Say why an issue is left alone that the ledger knows, and whose marker does not verify."""
    return f"another key than ours signed what we wrote into #{number}: add it to {FORMER}"


# --- whatever was found ---------------------------------------------------------------------------


def _held(case: Case) -> Judged | None:
    return (Course.LEAVE, case.wanted.held) if case.wanted.held else None


def _in_doubt(case: Case) -> Judged | None:
    if not case.doubted_until:
        return None
    asked = f"asked for at {format_timestamp(case.known.asked_at)} without an answer"
    return Course.LEAVE, f"{asked}; it may still appear"


def _unlisted(case: Case) -> Judged | None:
    if case.is_listed:
        return None
    return Course.LEAVE, f"#{case.number} was not listed; it has to be asked for by number"


def _gone(case: Case) -> Judged | None:
    if not case.gone or (case.place and case.place.issue.is_open):
        return None
    what = f"#{case.number} was {case.gone}"
    if case.is_same:
        return Course.LEAVE, f"{what}; left alone until the signature changes"
    return Course.CREATE, f"{what}, and the signature changed"


def _foreign(case: Case) -> Judged | None:
    if not case.lacks_key:
        return None
    return Course.LEAVE, other_key(case.number)


_ANY: tuple[Callable[[Case], Judged | None], ...] = (_held, _in_doubt, _unlisted, _gone, _foreign)


# --- a closed issue -------------------------------------------------------------------------------


def _over(case: Case, _: Issue) -> Judged | None:
    if not case.is_over:
        return None
    return Course.LEAVE, f"closed, and the incident is {case.wanted.state}"


def _locked(_: Case, issue: Issue) -> Judged | None:
    return (Course.LEAVE, "closed and locked") if issue.locked else None


def _parted(case: Case, issue: Issue) -> Judged | None:
    """Open again what we closed because it had become part of another incident."""
    if {case.known.ours.closed, issue.state_reason} != {Closing.DUPLICATE}:
        return None
    return Course.REOPEN, "an incident of its own again"


def _declined(case: Case, issue: Issue) -> Judged | None:
    if issue.state_reason not in _DECLINED or not case.is_same:
        return None
    why = _DECLINED[issue.state_reason]
    return Course.LEAVE, f"closed as {why}; left alone until the signature changes"


def _unseen(case: Case, issue: Issue) -> Judged | None:
    if case.wanted.last_seen > issue.closed_at + case.policy.grace:
        return None
    return Course.LEAVE, f"closed at {format_timestamp(issue.closed_at)}, and not seen since"


def _soon(case: Case, issue: Issue) -> Judged | None:
    closed_at, window = issue.closed_at, case.policy.reopen_window
    if case.wanted.last_seen > closed_at + window:
        return None
    when = f"seen again within {span_text(window)} of {format_timestamp(closed_at)}"
    return Course.REOPEN, f"{when}, when it was closed"


def _late(case: Case, issue: Issue) -> Judged:
    window = span_text(case.policy.reopen_window)
    return Course.CREATE, f"seen again more than {window} after #{issue.number} was closed"


_DECLINED: dict[str, str] = {Closing.NOT_PLANNED: "not planned", Closing.DUPLICATE: "a duplicate"}
_CLOSED: tuple[Callable[[Case, Issue], Judged | None], ...] = (
    _over,
    _locked,
    _parted,
    _declined,
    _unseen,
    _soon,
    _late,
)
