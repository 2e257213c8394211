"""What is to be done in each repository: which incidents have issues there, and what they want.

Others may write there until it is our turn. So what is wanted is read then, and not before: what is
older is never written over what another one wrote who knew more.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Final

from pipeline.bootstrap.standing import called_now, standing
from pipeline.bootstrap.storms import stormy
from pipeline.incident import State
from pipeline.report import Action
from pipeline.tracker.routing import repository_of
from pipeline.tracker.wanting import all_wanted, begun_at, farewell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pipeline.bootstrap.reporting import Tracker
    from pipeline.bootstrap.standing import Standing, Stray
    from pipeline.document import IncidentDocument
    from pipeline.ports import Outcome, Store
    from pipeline.report import LedgerEntry
    from pipeline.tracker.model import Known, Wanted

REHEARSED: Final = "rehearsed"
"""The mark of when a run last said what it would do in GitHub, and did nothing."""


@dataclass(frozen=True, slots=True)
class Incidents:
    """Incidents and the last decisions about them, by id."""

    documents: Mapping[str, IncidentDocument]
    ledger: Mapping[str, LedgerEntry]


def incidents_of(store: Store, outcomes: Iterable[Outcome] = ()) -> Incidents:
    """Return the incidents of a store, once outcomes are recorded there."""
    documents = {document.id: document for document in store.incidents()}
    ledger = dict(store.ledger())
    for outcome in outcomes:
        documents[outcome.incident.id] = outcome.document
        for name in outcome.incident.absorbed:
            documents.pop(name, None)
        if outcome.decision.action is not Action.LEAVE:
            ledger[outcome.incident.id] = outcome.ledger_entry(outcome.incident.last_seen)
    return Incidents(documents, ledger)


@dataclass(slots=True)
class Share:
    """What is to be done in one repository (`tracker`), of those of the `main` one.

    `find` reads incidents as they are, `called` says how a repository is called now. `documents`
    are those of the incidents there by id, as they were when it was asked for last; `notes` are of
    incidents that are left alone then, as their issues are where nobody leads us.
    """

    tracker: Tracker
    main: Tracker
    store: Store
    find: Callable[[], Incidents]
    called: Callable[[str], str]
    documents: dict[str, IncidentDocument] = field(default_factory=dict)
    notes: tuple[tuple[str, str], ...] = ()

    def ask(self) -> tuple[Wanted, ...]:
        """Return what is wanted there by now."""
        found = self.find()
        places = standing(self.main, self.store, found.documents.keys(), self.called)
        shared = _shared_out(self.main, places, found.documents)
        self.documents.clear()  # who has them sees them change
        self.documents.update(shared[self.tracker.repository.casefold()])
        wanted = _wanted(self.tracker, self.store, self.documents, found, places)
        strays = places.strays if self.tracker is self.main else {}
        left = [strays[name] for name in sorted(strays)]
        self.notes = tuple(_notes(left, found.documents))
        return (*wanted, *(stray.wanted for stray in left))


def shares(tracker: Tracker, store: Store, find: Callable[[], Incidents]) -> Iterator[Share]:
    """Yield what is to be done where, each when all before it was done.

    Repositories with which no incident has to do are left out, unless there is no other.
    """
    called = cache(partial(called_now, tracker, store))
    for one in _concerned(tracker, store, find, called):
        yield Share(one, tracker, store, find, called)


def _concerned(
    tracker: Tracker, store: Store, find: Callable[[], Incidents], called: Callable[[str], str]
) -> Iterator[Tracker]:
    every = tracker.all
    if len(every) == 1:
        yield tracker
        return
    found = find()
    places = standing(tracker, store, found.documents.keys(), called)
    shared = _shared_out(tracker, places, found.documents)
    for one in every:
        own = shared[one.repository.casefold()]
        is_ours = one is tracker and (places.strays or not found.documents)
        if own or is_ours or any(_gone(one, store, found, own, places)):
            yield one


def _notes(
    left: Iterable[Stray], documents: Mapping[str, IncidentDocument]
) -> Iterator[tuple[str, str]]:
    """Yield what brings those back of which there may be more to say."""
    return (one.note for one in left if documents[one.incident].state != State.RESOLVED)


def _shared_out(
    tracker: Tracker, places: Standing, documents: Mapping[str, IncidentDocument]
) -> dict[str, dict[str, IncidentDocument]]:
    """Return which incidents have their issues where.

    One that has an issue stays where that is, or is in none of the shares if the settings do not
    name the repository.
    """
    shares: dict[str, dict[str, IncidentDocument]] = {
        one.repository.casefold(): {} for one in tracker.all
    }
    for name, document in documents.items():
        if name not in places.strays:
            repository = places.settled.get(name) or repository_of(document, tracker.routing)
            shares[repository.casefold()][name] = document
    return shares


def _wanted(
    tracker: Tracker,
    store: Store,
    own: Mapping[str, IncidentDocument],
    found: Incidents,
    places: Standing,
) -> tuple[Wanted, ...]:
    """Return what is wanted of a repository: by its incidents and storms, and by farewells."""
    related = {one.id for document in own.values() for one in document.related}
    kept = store.deliveries(tracker.name, related)  # the same failure may be long ago
    known = {name: row.known for name, row in kept.items()}
    numbers = {name: one.number for name, one in known.items()}
    every = all_wanted(own.values(), found.ledger, time.time_ns(), tracker.routing, numbers)
    told = begun_at(every, store.mark(REHEARSED), known)
    gone = _farewells(tracker, store, known, _others(own, found), places)
    return (*stormy(told, own, known, tracker, store), *gone)


def _gone(
    tracker: Tracker,
    store: Store,
    found: Incidents,
    own: Mapping[str, IncidentDocument],
    places: Standing,
) -> Iterator[Wanted]:
    """Yield the farewells of a repository alone."""
    known = {name: row.known for name, row in store.deliveries(tracker.name).items()}
    return _farewells(tracker, store, known, _others(own, found), places)


def _others(own: Mapping[str, IncidentDocument], found: Incidents) -> list[IncidentDocument]:
    return [item for name, item in found.documents.items() if name not in own]


def _farewells(
    tracker: Tracker,
    store: Store,
    known: Mapping[str, Known],
    others: Iterable[IncidentDocument],
    standing: Standing,
) -> Iterator[Wanted]:
    """Yield what incidents want that have an issue here and became part of others elsewhere."""
    places = {
        incident: (one.repository, delivery.known.number)
        for one in tracker.all[1:]
        for incident, delivery in store.deliveries(one.name).items()
        if delivery.known.number
    }
    strays = standing.strays.values()
    places |= {one.incident: (one.repository, one.number) for one in strays if one.number}
    for document in others:
        for name in document.absorbed if document.id in places else ():
            if name in known and known[name].number:
                yield farewell(name, document.id, *places[document.id])
