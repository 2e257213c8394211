"""What people decide in issues: heard in comments and labels, kept in the store, answered once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.tracker.asking import RESERVED, CommandSettings, Labelled, requests
from pipeline.tracker.commands import Hearing, heed
from pipeline.tracker.locating import Survey
from pipeline.tracker.model import Known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipeline.document import IncidentDocument
    from pipeline.ports import Store
    from pipeline.redaction import Redactor
    from pipeline.sinks.github.client import Client
    from pipeline.tracker.asking import Request
    from pipeline.tracker.marker import Signer
    from pipeline.tracker.model import Issue, Wanted

_SETTINGS = CommandSettings()


@dataclass(frozen=True, slots=True)
class Ear:
    """Hears what people ask for in the issues of `documents`, incidents by id."""

    client: Client
    store: Store
    documents: Mapping[str, IncidentDocument]
    redactor: Redactor

    def heard(
        self,
        wanted: Sequence[Wanted],
        issues: Iterable[Issue],
        known: Mapping[str, Known],
        signer: Signer,
        *,
        keeps: bool,
    ) -> tuple[Wanted, ...]:
        """Return what incidents want, with answers; `keeps` says to store verdicts before that.

        Raises:
            CallError: nobody could find out what somebody may do.
            StoreError: the verdicts cannot be kept.

        """
        survey = Survey(issues, known, signer)
        places = {one.key: survey.places(one.key, one.adopt).place for one in wanted}
        found = {key: place.issue for key, place in places.items() if place}
        numbers = {
            issue.number: self.documents[key]
            for key, issue in found.items()
            if key in self.documents
        }
        return tuple(
            self._with_answers(one, found[one.key], known, signer, numbers, keeps=keeps)
            if one.key in self.documents and one.key in found
            else one
            for one in wanted
        )

    def _with_answers(  # noqa: PLR0913 - one incident, and all that it is judged by
        self,
        wanted: Wanted,
        issue: Issue,
        known: Mapping[str, Known],
        signer: Signer,
        numbers: Mapping[int, IncidentDocument],
        *,
        keeps: bool,
    ) -> Wanted:
        said = known.get(wanted.key, Known()).said
        asked = requests(issue, self._labelled(issue), said, signer, _SETTINGS)
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
        told = {item.key for item in wanted.news}
        answers = (item for item in heard.answers if item.key not in told)
        return replace(wanted, news=(*wanted.news, *answers))

    def _permissions(self, asked: Iterable[Request]) -> dict[str, str]:
        return {by: self.client.permission(by) for by in sorted({one.by for one in asked})}

    def _labelled(self, issue: Issue) -> Iterator[Labelled]:
        """Yield who set the labels that decide something."""
        if not any(name.casefold().startswith(RESERVED) for name in issue.labels):
            return
        for event in self.client.events(issue.number):
            if event.kind == "labeled" and event.label.casefold().startswith(RESERVED):
                yield Labelled(event.at, event.label, event.actor, event.at)
