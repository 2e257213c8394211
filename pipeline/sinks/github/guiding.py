"""What a repository has for an incident: issues that are like it, people, milestones and types.

Each is asked for once, and only when an incident needs it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from pipeline.tracker.locating import Survey
from pipeline.tracker.ownership import parts_of
from pipeline.tracker.routing import fitted
from pipeline.tracker.similar import (
    Library,
    SimilarSettings,
    adopted,
    candidates,
    lines_in,
    links,
    subject,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from pipeline.document import IncidentDocument
    from pipeline.sinks.github.client import Client
    from pipeline.tracker.locating import Place
    from pipeline.tracker.marker import Signer
    from pipeline.tracker.model import Issue, Known, Wanted

_Found = tuple[tuple[str, ...], int]
"""Lines for `Wanted.likes`, and the number of the issue to adopt, 0 for none."""


@dataclass(slots=True)
class Guide:
    """Knows what there is for the incidents of `documents`, by id; `now` reads the clock (ns)."""

    client: Client
    documents: Mapping[str, IncidentDocument]
    now: Callable[[], int]
    settings: SimilarSettings = field(default_factory=SimilarSettings)
    _library: Library | None = None
    _found: dict[str, _Found] = field(default_factory=dict)

    def compared(
        self,
        wanted: Sequence[Wanted],
        issues: Sequence[Issue],
        known: Mapping[str, Known],
        signer: Signer,
        remembered: Callable[[Collection[str]], Collection[str]],
    ) -> tuple[tuple[Wanted, ...], tuple[Issue, ...]]:
        """Return what incidents want, with the issues that are like them; and issues to be added.

        Those without an issue are compared, and one that names such an incident may be adopted; so
        may one of ours about the same failure, if nothing of its incident is `remembered`. Of
        others the ledger tells what was said of them at first. To be added are issues with their
        marker that were not among those with our label, because people took it away.

        Raises:
            CallError: issues cannot be listed, or nobody could find out who may write.

        """
        survey = Survey(issues, known, signer)
        new = [one for one in wanted if _is_new(one, survey) and one.key in self.documents]
        lost = self._lost(new, issues, known, signer) if new and self.settings.compares else ()
        if lost:
            survey = Survey([*issues, *lost], known, signer)
        orphans = _orphans([one for one in new if _is_new(one, survey)], wanted, survey)
        named = {_of(place) for places in orphans.values() for place in places}
        told = _gone_on(orphans, remembered(named) if named else ())
        new = [one for one in new if one.key not in told]
        told |= {one.key: self._of(one.key) for one in new if _is_new(one, survey)}
        return tuple(
            _with(one, *(told.get(one.key) or (_likes(one.key, survey), 0))) for one in wanted
        ), lost

    def fitted(
        self,
        wanted: Iterable[Wanted],
        issues: Iterable[Issue],
        known: Mapping[str, Known],
        signer: Signer,
    ) -> tuple[Wanted, ...]:
        """Return what incidents want, less what the repository does not have.

        Raises:
            CallError: nobody could find out what it has.

        """
        survey = Survey(issues, known, signer)
        places = [(one, survey.places(one.key, one.adopt).place) for one in wanted]
        return tuple(
            fitted(one, place.issue if place else None, self.client) for one, place in places
        )

    def _lost(
        self,
        new: Sequence[Wanted],
        issues: Iterable[Issue],
        known: Mapping[str, Known],
        signer: Signer,
    ) -> tuple[Issue, ...]:
        """Return the issues of incidents from which people took our label; read the others."""
        if self._library is None:
            listed = self.client.recent(self.settings.most_issues)
            ours = {one.number for one in known.values()}
            self._library = Library(listed, ours, signer, self.now(), self.settings)
        names, there = {one.key for one in new}, {one.number for one in issues}
        return tuple(
            self.client.issue(one.number)
            for one in self._library.marked
            if one.number not in there and names & _incidents(one, signer)
        )

    def _of(self, incident: str) -> _Found:
        """Return what is said of an incident that has no issue; the same however often asked."""
        if self._library is None:
            return (), 0
        if incident not in self._found:
            found = self._library.similar(subject(self.documents[incident]))
            authors = {one.issue.author for one in candidates(found, self.settings)}
            writers = [name for name in sorted(authors) if self._writes(name)]
            number = adopted(found, writers, self.settings)
            self._found[incident] = links(found, self.settings, number), number
        return self._found[incident]

    def _writes(self, login: str) -> bool:
        return bool(login) and self.client.permission(login) in _WRITE


_WRITE = frozenset({"admin", "write"})


def _is_new(wanted: Wanted, survey: Survey) -> bool:
    """Whether an incident has no issue, and none may be on its way."""
    known = survey.known(wanted.key)
    has_any = wanted.held or known.number or known.asked_at or survey.places(wanted.key).place
    return not has_any


def _orphans(
    new: Iterable[Wanted], wanted: Iterable[Wanted], survey: Survey
) -> dict[str, list[Place]]:
    """Return issues of ours in which incidents could go on, by incident; the last seen first."""
    named = {key for one in wanted for key in (one.key, *one.absorbed)}
    found = {
        one.key: [place for place in survey.orphans(one.signature) if _of(place) not in named]
        for one in sorted(new, key=lambda one: (-one.last_seen, one.key))
    }
    return {key: places for key, places in found.items() if places}


def _gone_on(orphans: Mapping[str, Iterable[Place]], away: Collection[str]) -> dict[str, _Found]:
    """Return in which of them each goes on: in one whose incident is not `away`, but forgotten."""
    told: dict[str, _Found] = {}
    taken: set[int] = set()
    for key, places in orphans.items():
        free = (one for one in places if _of(one) not in away and one.issue.number not in taken)
        for place in islice(free, 1):
            told[key] = lines_in(place.part.inside if place.part else ""), place.issue.number
            taken.add(place.issue.number)
    return told


def _of(place: Place) -> str:
    """Return the incident that a place's marker names."""
    return place.part.mark.incident if place.part else ""


def _likes(incident: str, survey: Survey) -> tuple[str, ...]:
    """Return what was said of others: as the ledger has it or, if that was lost, the issue."""
    known, place = survey.known(incident), survey.places(incident).place
    if known.number or place is None or place.part is None or place.part.is_edited:
        return known.likes
    return lines_in(place.part.inside)


def _with(wanted: Wanted, likes: tuple[str, ...], adopt: int) -> Wanted:
    return replace(wanted, likes=likes, adopt=adopt)


def _incidents(issue: Issue, signer: Signer) -> set[str]:
    return {part.mark.incident for part in parts_of(issue.body, signer)}
