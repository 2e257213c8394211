"""How many issues may be opened within a day, and which of those that are wanted go first.

For a team that has just begun with this: nobody reads a hundred new issues. What does not fit waits
for its time, and is counted and shown as everything that waits.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pipeline.lifecycle import DAY
from pipeline.tracker.courses import Course
from pipeline.tracker.model import OVER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.tracker.locating import Survey
    from pipeline.tracker.model import TrackerPolicy
    from pipeline.tracker.writing import Draft

WITHIN: Final = DAY


def rationed(
    drafts: Mapping[str, Draft], survey: Survey, now: int, policy: TrackerPolicy
) -> dict[str, Draft]:
    """Return drafts that open no more issues than the policy allows within a day.

    What goes on is before what is over, then the more urgent, a storm before its incidents. What
    we asked for without an answer counts as opened.
    """
    told = dict(drafts)
    if not policy.new_issues:
        return told
    opened = survey.opened(now - WITHIN)
    new = [key for key, draft in drafts.items() if draft.course is Course.CREATE]
    room = max(0, policy.new_issues - len(opened))
    due = min(opened, default=now) + WITHIN
    for key in sorted(new, key=lambda key: _rank(drafts[key]))[room:]:
        told[key] = _later(drafts[key], policy.new_issues, due)
    return told


def _rank(draft: Draft) -> tuple[bool, int, bool]:
    wanted = draft.case.wanted
    return wanted.state in OVER, wanted.urgency, not wanted.children


def _later(draft: Draft, most: int, due: int) -> Draft:
    reason = f"{most:,} new issue{'s' * (most > 1)} within a day are as many as may be opened"
    place = draft.case.place
    number = place.issue.number if place else None
    return replace(draft, course=Course.LEAVE, reason=reason, place=place, number=number, due=due)
