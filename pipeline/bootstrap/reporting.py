"""Building what reports to GitHub, from the environment and a store."""

from __future__ import annotations

import os
import secrets
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pipeline.bootstrap.keeping import (
    IN_MEMORY,
    check_kept_store,
    is_missing_file,
    open_kept_store,
    open_store,
)
from pipeline.bootstrap.lasting import read_former, read_key, read_policy
from pipeline.bootstrap.reading import Mistakes, read_redactor
from pipeline.bootstrap.routing import read_routing, read_similar, read_storms
from pipeline.bootstrap.standing import standing
from pipeline.bootstrap.storms import stormy
from pipeline.bootstrap.vault import read_place
from pipeline.incident import State
from pipeline.redaction import Redactor
from pipeline.report import Action
from pipeline.settings import read_settings
from pipeline.sinks.github.asking import Manners, World
from pipeline.sinks.github.book import Book, Paces
from pipeline.sinks.github.client import Client
from pipeline.sinks.github.credentials import REPOSITORY, Credentials, read_credentials
from pipeline.sinks.github.guiding import Guide
from pipeline.sinks.github.hearing import Ear
from pipeline.sinks.github.pacing import Budget, Pacer
from pipeline.sinks.github.reconciling import House, Reconciler
from pipeline.tracker.delivering import Delivery
from pipeline.tracker.gauging import Outbox, Waiting
from pipeline.tracker.model import TrackerPolicy
from pipeline.tracker.routing import LABEL, RoutingSettings, repository_of
from pipeline.tracker.similar import SimilarSettings
from pipeline.tracker.storming import StormSettings
from pipeline.tracker.wanting import all_wanted, begun_at, farewell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pipeline.bootstrap.standing import Standing, Stray
    from pipeline.document import IncidentDocument
    from pipeline.ports import Outcome, Store
    from pipeline.report import LedgerEntry
    from pipeline.sinks.github.reconciling import Plan
    from pipeline.sinks.github.rounds import Applied
    from pipeline.tracker.model import Known, Wanted


REHEARSED: Final = "rehearsed"
"""The mark of when a run last said what it would do in GitHub, and did nothing."""


@dataclass(frozen=True, slots=True)
class Tracker:
    """Where reports go: to the repository of `credentials`, or to others that `routing` allows.

    `key` signs markers, those that `former` keys signed are ours, too. `manners` say how long
    requests may take, the `redactor` what is taken out of what people write to us. The `pacer` is
    that of the server: it knows of the requests of all clients, one after the other.
    """

    credentials: Credentials
    key: bytes = field(repr=False)
    policy: TrackerPolicy
    routing: RoutingSettings = field(default_factory=RoutingSettings)
    similar: SimilarSettings = field(default_factory=SimilarSettings)
    storms: StormSettings = field(default_factory=StormSettings)
    former: tuple[bytes, ...] = field(default=(), repr=False)
    manners: Manners = field(default_factory=Manners)
    redactor: Redactor = field(default_factory=Redactor)
    pacer: Pacer = field(default_factory=Pacer, repr=False, compare=False)

    @property
    def repository(self) -> str:
        """The repository (`owner/name`)."""
        return self.credentials.repository

    @property
    def name(self) -> str:
        """How the ledger calls it: the server, and the repository there."""
        return f"{self.server}/{self.repository}".casefold()

    @property
    def server(self) -> str:
        """The server, whose limits hold for all of its repositories."""
        return urlsplit(self.credentials.url).netloc.casefold()

    def of(self, repository: str) -> Tracker:
        """Return the one of another repository."""
        return replace(self, credentials=replace(self.credentials, repository=repository))

    @property
    def all(self) -> tuple[Tracker, ...]:
        """All repositories that reports may go to, each once, this one first."""
        names = (*sorted(self.routing.repositories), self.routing.repository)
        others = {name.casefold(): name for name in names if name}
        others.pop(self.repository.casefold(), None)
        return (self, *map(self.of, others.values()))


def read_tracker(store: str = "", environment: Mapping[str, str] | None = None) -> Tracker:
    """Read the settings of GitHub; with a `store`, check that it is there.

    Without an `environment` these are the settings of `fivewhys run`, from wherever it has them.

    Raises:
        ConfigurationError: every mistake in them.

    """
    mistakes, manners = Mistakes(), Manners()
    if environment is None:
        read = read_settings({}, needed=())
        for mistake in read.mistakes:
            mistakes.note(mistake)
        environment, manners = read.environment, Manners.of(read.settings.retrying)
    if store:
        mistakes.attempt(lambda: check_kept_store(store), None)
    credentials = mistakes.attempt(
        lambda: read_credentials(environment, read_place), Credentials("")
    )
    key = mistakes.attempt(lambda: read_key(environment, read_place), b"")
    former = mistakes.attempt(lambda: read_former(environment, read_place), tuple[bytes, ...]())
    policy = mistakes.attempt(lambda: read_policy(environment), TrackerPolicy())
    routing = mistakes.attempt(
        lambda: read_routing(credentials.repository, environment), RoutingSettings()
    )
    similar = mistakes.attempt(lambda: read_similar(environment), SimilarSettings())
    storms = mistakes.attempt(lambda: read_storms(environment), StormSettings())
    redactor = mistakes.attempt(lambda: read_redactor(environment), Redactor())
    mistakes.raise_if_any()
    return Tracker(credentials, key, policy, routing, similar, storms, former, manners, redactor)


def plan(tracker: Tracker, store: str, outcomes: Iterable[Outcome] = ()) -> list[tuple[str, Plan]]:
    """Return what would be done about the incidents of a store, once outcomes are kept there.

    By the repository, one after the other.

    Raises:
        StoreError: the store cannot be opened.
        SinkError: issues cannot be listed.

    """
    url = IN_MEMORY if is_missing_file(store) else store
    with open_store(url) as opened:
        return plan_in(tracker, opened, outcomes)


def plan_in(
    tracker: Tracker,
    store: Store,
    outcomes: Iterable[Outcome] = (),
    found: Incidents | None = None,
) -> list[tuple[str, Plan]]:
    """Return the same (`plan`) about a store that is open, and whose incidents may be known."""
    found = found or _incidents(store, outcomes)
    plans = []
    for share in _shares(tracker, store, found):
        with _reconciler(share, store, keeps=False) as reconciler:
            made = reconciler.plan(share.wanted)
            made = replace(made, notes=(*made.notes, *share.notes))
            plans.append((share.tracker.repository, made))
    return plans


def apply(
    tracker: Tracker, store: str, sleep: Callable[[float], None] = time.sleep
) -> list[tuple[str, Applied]]:
    """Bring the issues of GitHub to what the incidents of a store want.

    `sleep` lets time pass (seconds); what it raises ends this at once, and loses nothing.
    By the repository, one after the other. What fails is kept in the store, and is part of what is
    returned.

    Raises:
        ConfigurationError: there is no such store.
        StoreError: it cannot be opened, or not be written.

    """
    with open_kept_store(store) as opened:
        return apply_in(tracker, opened, sleep)


def apply_in(
    tracker: Tracker,
    store: Store,
    sleep: Callable[[float], None] = time.sleep,
    found: Incidents | None = None,
) -> list[tuple[str, Applied]]:
    """Do the same (`apply`) about a store that is open, and whose incidents may be known."""
    found = found or _incidents(store)
    done = []
    for share in _shares(tracker, store, found):
        with _reconciler(share, store, keeps=True, sleep=sleep) as reconciler:
            applied = reconciler.apply(share.wanted)
            applied.notes = (*applied.notes, *share.notes)
            done.append((share.tracker.repository, applied))
    return done


def outbox(store: str) -> Outbox:
    """Return what waits: what was not done, and what was decided and never tried.

    Raises:
        ConfigurationError: there is no such store.
        StoreError: it cannot be opened.

    """
    environment = read_settings({}, needed=()).environment
    with open_kept_store(store) as opened:
        return outbox_of(opened, is_tracked=bool(environment.get(REPOSITORY)))


def outbox_of(store: Store, *, is_tracked: bool) -> Outbox:
    """Return what waits in a store that is open (`outbox`).

    What was never tried waits where a repository is set (`is_tracked`), or once was.
    """
    now = time.time_ns()
    names = tuple(store.trackers())
    rows = [
        Waiting(tracker, incident, delivery)
        for tracker in names
        for incident, delivery in store.deliveries(tracker).items()
    ]
    new = _untried(store, now) if names or is_tracked else []
    waiting = sorted(
        (one for one in (*rows, *new) if one.delivery.waits),
        key=lambda one: (one.delivery.since, one.tracker, one.incident),
    )
    return Outbox(now, names, tuple(waiting))


def writes_left(tracker: Tracker, store: Store) -> dict[str, float]:
    """Return how many writes a tracker's server may get this hour, 0 while it asks for patience."""
    now = time.time_ns()
    pace = store.pace(tracker.server).at(now)
    is_held = max(pace.until, pace.closed_until) > now
    left = max(0, Budget().writes_an_hour - len(pace.writes))
    return {tracker.server: 0 if is_held else left}


def _untried(store: Store, now: int) -> list[Waiting]:
    """Return those incidents that were decided to be reported, and that nobody reported yet."""
    found = store.untried()
    ledger = {name: entry for name, (_, entry) in found.items()}
    wanted = all_wanted((document for document, _ in found.values()), ledger, now)
    return [
        Waiting("", one.key, Delivery(since=ledger[one.key].decided_at))
        for one in begun_at(wanted, store.mark(REHEARSED))
        if not one.held
    ]


@dataclass(frozen=True, slots=True)
class _Share:
    """What is to be done in one repository: its incidents by id, and what is wanted there.

    `notes` are of incidents that are left alone as their issues are where nobody leads us.
    """

    tracker: Tracker
    documents: Mapping[str, IncidentDocument]
    wanted: tuple[Wanted, ...]
    notes: tuple[tuple[str, str], ...] = ()


@contextmanager
def _reconciler(
    share: _Share, store: Store, *, keeps: bool, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Reconciler]:
    tracker, documents = share.tracker, share.documents
    holder = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(8)}"
    book = Book(store, tracker.name, holder, time.time_ns)
    house = House(LABEL, tracker.key, tracker.policy, tracker.former)
    world = World(time.time_ns, sleep, Paces(store, tracker.server, keeps=keeps), book.renew)
    manners, pacer = tracker.manners, tracker.pacer
    with Client(tracker.credentials, world, manners=manners, pacer=pacer) as client:
        ear = Ear(client, store, documents, tracker.redactor)
        guide = Guide(client, documents, world.clock, tracker.similar)
        yield Reconciler(client, book, house, world, ear=ear, guide=guide)


@dataclass(frozen=True, slots=True)
class Incidents:
    """Incidents and the last decisions about them, by id."""

    documents: Mapping[str, IncidentDocument]
    ledger: Mapping[str, LedgerEntry]


def _incidents(store: Store, outcomes: Iterable[Outcome] = ()) -> Incidents:
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


def _shares(tracker: Tracker, store: Store, found: Incidents) -> Iterator[_Share]:
    """Yield what is to be done where, each when all before it was done.

    Repositories with which no incident has to do are left out, unless there is no other.
    """
    places = standing(tracker, store, found.documents.keys())
    documents = _shared_out(tracker, places, found.documents)
    for one in tracker.all:
        own = documents[one.repository.casefold()]
        wanted = _wanted(one, store, own, found, places)
        left = [places.strays[name] for name in sorted(places.strays) if one is tracker]
        wanted = (*wanted, *(stray.wanted for stray in left))
        if wanted or own or (one is tracker and not found.documents):
            yield _Share(one, own, wanted, tuple(_notes(left, found.documents)))


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
    others = [item for name, item in found.documents.items() if name not in own]
    gone = _farewells(tracker, store, known, others, places)
    return (*stormy(told, own, known, tracker, store), *gone)


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
