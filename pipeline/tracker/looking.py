"""Whether all is still as it was when an incident's issue was last looked at.

What a tracker tells of issues in a listing costs a request for a hundred of them, their comments
one each. So these are only read where something happened: GitHub says so by `updated_at`, which a
comment, a label and an edit move on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pipeline.lifecycle import MINUTE
from pipeline.tracker.delivering import hashed
from pipeline.tracker.marker import Mark, Side

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.tracker.locating import Survey
    from pipeline.tracker.model import Issue, TrackerPolicy, Wanted

FRESH: Final = MINUTE
"""How long more may happen to an issue at what it says is the time of its last change.

Trackers tell whole seconds, clocks differ a little.
"""


def sight(wanted: Wanted, survey: Survey, policy: TrackerPolicy, now: int) -> str:
    """Return a digest of all that a plan about an incident is made of, but for comments.

    "" where an issue changed so lately that the same digest could mean something else. What is
    the same as at a time when nothing was left to do leaves nothing to do, if nothing waits.
    """
    issues = [*_concerned(wanted, survey)]
    if any(issue.updated_at > now - FRESH for issue in issues):
        return ""
    known = survey.known(wanted.key).number
    told = (
        replace(wanted, answers=()),
        replace(policy, logins=frozenset()),
        sorted(policy.logins),
        [one.write(Mark(Side.BEGIN, wanted.key)) for one in (survey.signer, *survey.signer.former)],
        (known, survey.gone(known)),
        [(issue.number, issue.updated_at, issue.parent) for issue in issues],
    )
    return hashed(repr(told))


def _concerned(wanted: Wanted, survey: Survey) -> Iterator[Issue]:
    """Yield the issues of an incident, of those it absorbed, and of those it is a storm of."""
    adopts: Iterable[tuple[str, int]] = (
        (wanted.key, wanted.adopt),
        *((key, 0) for key in (*wanted.absorbed, *wanted.children)),
    )
    for key, adopt in adopts:
        places = survey.places(key, adopt)
        yield from (place.issue for place in (places.place, *places.others) if place)
