"""Which issue is the one of an incident: by its marker, by the ledger, or by neither.

Never by search, title or label: of two issues that look alike only the marker says which is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.tracker.marker import failure_of
from pipeline.tracker.model import Closing, Known
from pipeline.tracker.ownership import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipeline.tracker.marker import Signer
    from pipeline.tracker.model import Comment, Gone, Issue, Wanted
    from pipeline.tracker.ownership import Part


@dataclass(frozen=True)
class Place:
    """An issue that an incident has to do with, and our part of it, None if it was lost.

    `after` is the number of the issue that it follows. One that `is_foreign` bears a marker of its
    incident which does not verify: another key signed it, so that nobody can say what is ours.
    """

    signer: Signer
    issue: Issue
    part: Part | None
    after: int = 0
    is_foreign: bool = False

    @property
    def is_copy(self) -> bool:
        """Whether the marker was written into another issue, and somebody copied it from there."""
        return self.part is not None and self.part.mark.issue not in {0, self.issue.number}

    @cached_property
    def said(self) -> Mapping[tuple[str, str], tuple[Comment, Part]]:
        """Our comments by incident and key, of several the oldest, and our part of each.

        Raises:
            ValueError: nobody listed the comments, so that nothing can be said about them.

        """
        if self.issue.comments is None:
            message = f"the comments of #{self.issue.number} were not listed"
            raise ValueError(message)
        return {
            (part.mark.incident, part.mark.key): (comment, part)
            for comment in sorted(self.issue.comments, key=lambda one: -one.id)
            for part in parts_of(comment.body, self.signer)
        }

    @property
    def is_second(self) -> bool:
        """Whether people take it for one that goes on, or it was closed as being a second one."""
        return self.issue.is_open or self.issue.state_reason == Closing.DUPLICATE

    @property
    def rank(self) -> tuple[bool, bool, int, int]:
        """What is before others: the open one, the one that follows, the oldest."""
        issue = self.issue
        is_duplicate = not issue.is_open and self.is_second
        return is_duplicate, not issue.is_open, -self.after, issue.number


@dataclass(frozen=True, slots=True)
class Places:
    """The issue of an incident, None if there is none, and others that bear its marker.

    Others are those that are open, or were closed as duplicates.
    """

    place: Place | None
    others: tuple[Place, ...] = ()


class Survey:
    """All issues that were listed, and whose they are."""

    def __init__(self, issues: Iterable[Issue], known: Mapping[str, Known], signer: Signer) -> None:
        ordered = sorted(issues, key=lambda issue: issue.number)
        self.signer = signer
        self._known = known
        self._issues = {issue.number: issue for issue in ordered if not issue.is_pull_request}
        self._marked: dict[str, list[Place]] = {}
        for issue in self._issues.values():
            for part in parts_of(issue.body, signer):
                if not part.mark.key:
                    place = Place(signer, issue, part, part.mark.after)
                    self._marked.setdefault(part.mark.incident, []).append(place)

    def has(self, number: int) -> bool:
        """Whether an issue was listed, be it that it is gone."""
        return number in self._issues

    def known(self, incident: str) -> Known:
        """Return what the ledger knows of an incident."""
        return self._known.get(incident, Known())

    def gone(self, number: int) -> Gone | None:
        """Return what became of an issue that is gone."""
        issue = self._issues.get(number)
        return issue.gone if issue else None

    @cached_property
    def _orphans(self) -> tuple[Place, ...]:
        """Issues of incidents of which the ledger does not know, the open and latest first."""
        found = (
            place
            for incident, places in self._marked.items()
            for place in places
            if incident not in self._known and not place.is_copy
        )
        return tuple(sorted(found, key=lambda one: (*one.rank[:2], -one.issue.number)))

    def orphans(self, signature: str) -> Iterator[Place]:
        """Yield the issues about the same failure whose incidents the ledger does not know.

        So it is when the store was lost, and what is read again begins later than they did.
        """
        failure = failure_of(signature)
        return (one for one in self._orphans if one.part and one.part.mark.failure == failure)

    def opened(self, since: int) -> list[int]:
        """Return when issues of ours were opened after a time, or asked for without an answer."""
        own = {one.issue.number: one for some in self._marked.values() for one in some}
        times = [one.issue.created_at for one in own.values() if not one.is_copy]
        asked = [
            known.asked_at
            for incident, known in self._known.items()
            if incident not in self._marked and not known.number
        ]
        return sorted(at for at in (*times, *asked) if at > since)

    def places(self, incident: str, adopt: int = 0) -> Places:
        """Return the issue of an incident; `adopt` is one to take if there is none."""
        marked = self._marked.get(incident, [])
        known = self.known(incident)
        number = known.number or (0 if any(not one.is_copy for one in marked) else adopt)
        issue = self._issues.get(number)
        places = [*marked]
        if issue and not issue.gone and all(one.issue is not issue for one in marked):
            is_foreign = bool(known.number) and _is_foreign(incident, issue, self.signer)
            left = next((one for one in self._orphans if one.issue is issue), None)
            part, after = (left.part, left.after) if left else (None, known.after)
            places.append(Place(self.signer, issue, part, after, is_foreign))
        places.sort(key=lambda one: one.rank)
        first = next((one for one in places if not one.is_copy), None)
        return Places(first, tuple(one for one in places if one is not first and one.is_second))


def _is_foreign(incident: str, issue: Issue, signer: Signer) -> bool:
    """Whether an issue bears a marker of the incident that our key did not sign."""
    claims = (one.claimed for one in signer.read(issue.body) if one.claimed)
    return any(one.incident == incident and not one.key for one in claims)


def unlisted(issues: Iterable[Issue], known: Mapping[str, Known]) -> frozenset[int]:
    """Return the numbers that the ledger knows and the list lacks: to be asked for one by one."""
    listed = {issue.number for issue in issues}
    return frozenset(one.number for one in known.values() if one.number) - listed


def concerned(
    wanted: Iterable[Wanted], issues: Iterable[Issue], known: Mapping[str, Known], signer: Signer
) -> frozenset[int]:
    """Return the numbers of those issues whose comments a plan has to see."""
    survey = Survey(issues, known, signer)
    found = [
        places
        for one in wanted
        for places in (survey.places(one.key, one.adopt), *map(survey.places, one.absorbed))
    ]
    return frozenset(
        place.issue.number
        for places in found
        for place in (places.place, *places.others)
        if place is not None
    )
