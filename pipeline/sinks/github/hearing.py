"""What people decide in issues: heard in comments and labels, kept in the store, answered once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pipeline.tracker.asking import RESERVED, CommandSettings, Labelled, requests
from pipeline.tracker.commands import Hearing, heed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipeline.document import IncidentDocument
    from pipeline.ports import Store
    from pipeline.redaction import Redactor
    from pipeline.sinks.github.client import Client
    from pipeline.tracker.asking import Request
    from pipeline.tracker.locating import Survey
    from pipeline.tracker.model import Issue, Wanted

_SETTINGS = CommandSettings()


@dataclass(frozen=True, slots=True)
class Ear:
    """Hears what people ask for in the issues of `documents`, incidents by id."""

    client: Client
    store: Store
    documents: Mapping[str, IncidentDocument]
    redactor: Redactor
    _asked: dict[str, str] = field(default_factory=dict)

    def heard(
        self, wanted: Sequence[Wanted], survey: Survey, same: frozenset[str], *, keeps: bool
    ) -> tuple[Wanted, ...]:
        """Return what incidents want, with answers; `keeps` says to store verdicts before that.

        Of incidents that are the `same` as before nothing is heard: their comments were not read.

        Raises:
            CallError: nobody could find out what somebody may do.
            StoreError: the verdicts cannot be kept.

        """
        places = {one.key: survey.places(one.key, one.adopt).place for one in wanted}
        found = {key: place.issue for key, place in places.items() if place}
        numbers = {
            issue.number: self.documents[key]
            for key, issue in found.items()
            if key in self.documents
        }
        return tuple(
            self._with_answers(one, found[one.key], survey, numbers, keeps=keeps)
            if one.key in self.documents and one.key in found and one.key not in same
            else one
            for one in wanted
        )

    def _with_answers(
        self,
        wanted: Wanted,
        issue: Issue,
        survey: Survey,
        numbers: Mapping[int, IncidentDocument],
        *,
        keeps: bool,
    ) -> Wanted:
        said = survey.known(wanted.key).said.union(item.key for item in wanted.answers)
        asked = requests(issue, self._labelled(issue), said, survey.signer, _SETTINGS)
        if not asked:
            return wanted
        hearing = Hearing(
            self.documents[wanted.key],
            numbers,
            self._permissions(asked),
            self.store.verdicts(),
            self.client.repository().full_name,
            self.redactor,
            _SETTINGS,
        )
        heard = heed(asked, hearing)
        for verdict in heard.verdicts if keeps else ():
            self.store.give(verdict)
        return replace(wanted, answers=(*wanted.answers, *heard.answers))

    def _permissions(self, asked: Iterable[Request]) -> dict[str, str]:
        for who in sorted({one.by for one in asked} - self._asked.keys()):
            self._asked[who] = self.client.permission(who)
        return self._asked

    def _labelled(self, issue: Issue) -> Iterator[Labelled]:
        """Yield who set the labels that decide something."""
        if not any(name.casefold().startswith(RESERVED) for name in issue.labels):
            return
        for event in self.client.events(issue.number):
            if event.kind == "labeled" and event.label.casefold().startswith(RESERVED):
                yield Labelled(event.at, event.label, event.actor, event.at)
