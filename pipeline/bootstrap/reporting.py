"""Building what reports to GitHub, from the environment and a store."""

from __future__ import annotations

import os
import secrets
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.bootstrap.keeping import (
    IN_MEMORY,
    check_kept_store,
    is_missing_file,
    open_kept_store,
    open_store,
)
from pipeline.bootstrap.lasting import read_key, read_policy
from pipeline.bootstrap.reading import Mistakes, read_redactor
from pipeline.bootstrap.routing import read_routing, read_similar, read_storms
from pipeline.bootstrap.vault import read_place
from pipeline.report import Action
from pipeline.sinks.github.asking import World
from pipeline.sinks.github.book import Book, Paces
from pipeline.sinks.github.client import Client
from pipeline.sinks.github.credentials import REPOSITORY, Credentials, read_credentials
from pipeline.sinks.github.guiding import Guide
from pipeline.sinks.github.hearing import Ear
from pipeline.sinks.github.reconciling import House, Reconciler
from pipeline.tracker.delivering import Delivery
from pipeline.tracker.gauging import Outbox, Waiting
from pipeline.tracker.model import TrackerPolicy
from pipeline.tracker.routing import LABEL, RoutingSettings, repository_of
from pipeline.tracker.similar import SimilarSettings
from pipeline.tracker.storming import StormSettings, with_storms
from pipeline.tracker.wanting import all_wanted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from pipeline.document import IncidentDocument
    from pipeline.ports import Outcome, Store
    from pipeline.report import LedgerEntry
    from pipeline.sinks.github.reconciling import Plan
    from pipeline.sinks.github.rounds import Applied
    from pipeline.tracker.model import Wanted


@dataclass(frozen=True, slots=True)
class Tracker:
    """Where reports go: to the repository of `credentials`, or to others that `routing` allows.

    `key` signs markers.
    """

    credentials: Credentials
    key: bytes = field(repr=False)
    policy: TrackerPolicy
    routing: RoutingSettings = field(default_factory=RoutingSettings)
    similar: SimilarSettings = field(default_factory=SimilarSettings)
    storms: StormSettings = field(default_factory=StormSettings)

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
        others = {name.casefold(): name for name in sorted(self.routing.repositories)}
        others.pop(self.repository.casefold(), None)
        return (self, *map(self.of, others.values()))


def read_tracker(store: str = "") -> Tracker:
    """Read the settings of GitHub; with a `store`, check that it is there.

    Raises:
        ConfigurationError: every mistake in them.

    """
    mistakes = Mistakes()
    if store:
        mistakes.attempt(lambda: check_kept_store(store), None)
    credentials = mistakes.attempt(
        lambda: read_credentials(os.environ, read_place), Credentials("")
    )
    key = mistakes.attempt(lambda: read_key(os.environ, read_place), b"")
    policy = mistakes.attempt(lambda: read_policy(os.environ), TrackerPolicy())
    routing = mistakes.attempt(lambda: read_routing(credentials.repository), RoutingSettings())
    similar = mistakes.attempt(read_similar, SimilarSettings())
    storms = mistakes.attempt(read_storms, StormSettings())
    mistakes.attempt(read_redactor, None)
    mistakes.raise_if_any()
    return Tracker(credentials, key, policy, routing, similar, storms)


def plan(tracker: Tracker, store: str, outcomes: Iterable[Outcome] = ()) -> list[tuple[str, Plan]]:
    """Return what would be done about the incidents of a store, once outcomes are kept there.

    By the repository, one after the other.

    Raises:
        StoreError: the store cannot be opened.
        SinkError: issues cannot be listed.

    """
    url = IN_MEMORY if is_missing_file(store) else store
    with open_store(url) as opened:
        found = _incidents(opened, outcomes)
        plans = []
        for one, documents in _shared_out(tracker, opened, found.documents):
            wanted = _wanted(one, opened, documents, found.ledger)
            with _reconciler(one, opened, documents, keeps=False) as reconciler:
                plans.append((one.repository, reconciler.plan(wanted)))
        return plans


def apply(tracker: Tracker, store: str) -> list[tuple[str, Applied]]:
    """Bring the issues of GitHub to what the incidents of a store want.

    By the repository, one after the other. What fails is kept in the store, and is part of what is
    returned.

    Raises:
        ConfigurationError: there is no such store, or a template raised.
        StoreError: it cannot be opened, or not be written.

    """
    with open_kept_store(store) as opened:
        found = _incidents(opened)
        done = []
        for one, documents in _shared_out(tracker, opened, found.documents):
            wanted = _wanted(one, opened, documents, found.ledger)
            with _reconciler(one, opened, documents, keeps=True) as reconciler:
                done.append((one.repository, reconciler.apply(wanted)))
        return done


def outbox(store: str) -> Outbox:
    """Return what waits: what was not done, and what was decided and never tried.

    Raises:
        ConfigurationError: there is no such store.
        StoreError: it cannot be opened.

    """
    now = time.time_ns()
    with open_kept_store(store) as opened:
        names = tuple(opened.trackers())
        rows = [
            Waiting(tracker, incident, delivery)
            for tracker in names
            for incident, delivery in opened.deliveries(tracker).items()
        ]
        tried = {one.incident for one in rows}
        new = _untried(opened, tried, now) if names or os.environ.get(REPOSITORY) else []
    waiting = sorted(
        (one for one in (*rows, *new) if one.delivery.waits),
        key=lambda one: (one.delivery.since, one.tracker, one.incident),
    )
    return Outbox(now, names, tuple(waiting))


def _untried(store: Store, tried: Collection[str], now: int) -> list[Waiting]:
    """Return those incidents that were decided to be reported, and that nobody reported yet."""
    ledger = store.ledger()
    return [
        Waiting("", one.key, Delivery(since=ledger[one.key].decided_at))
        for one in all_wanted(store.incidents(), ledger, now)
        if one.key in ledger.keys() - tried and not one.held
    ]


@contextmanager
def _reconciler(
    tracker: Tracker, store: Store, documents: Mapping[str, IncidentDocument], *, keeps: bool
) -> Iterator[Reconciler]:
    holder = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(8)}"
    book = Book(store, tracker.name, holder, time.time_ns)
    house = House(LABEL, tracker.key, tracker.policy)
    world = World(time.time_ns, time.sleep, Paces(store, tracker.server, keeps=keeps))
    with Client(tracker.credentials, world) as client:
        ear = Ear(client, store, documents, read_redactor())
        guide = Guide(client, documents, world.clock, tracker.similar)
        yield Reconciler(client, book, house, world, ear=ear, guide=guide)


@dataclass(frozen=True, slots=True)
class _Incidents:
    """Incidents and the last decisions about them, by id."""

    documents: Mapping[str, IncidentDocument]
    ledger: Mapping[str, LedgerEntry]


def _incidents(store: Store, outcomes: Iterable[Outcome] = ()) -> _Incidents:
    """Return the incidents of a store, once outcomes are recorded there."""
    documents = {document.id: document for document in store.incidents()}
    ledger = dict(store.ledger())
    for outcome in outcomes:
        documents[outcome.incident.id] = outcome.document
        for name in outcome.incident.absorbed:
            documents.pop(name, None)
        if outcome.decision.action is not Action.LEAVE:
            ledger[outcome.incident.id] = outcome.ledger_entry(outcome.incident.last_seen)
    return _Incidents(documents, ledger)


def _wanted(
    tracker: Tracker,
    store: Store,
    documents: Mapping[str, IncidentDocument],
    ledger: Mapping[str, LedgerEntry],
) -> tuple[Wanted, ...]:
    """Return what is wanted of one repository: what incidents want there, and storms of these."""
    told = all_wanted(documents.values(), ledger, time.time_ns(), tracker.routing)
    known = {name: row.known for name, row in store.deliveries(tracker.name).items()}
    return with_storms(told, documents, known, tracker.routing, tracker.storms)


def _shared_out(
    tracker: Tracker, store: Store, documents: Mapping[str, IncidentDocument]
) -> list[tuple[Tracker, dict[str, IncidentDocument]]]:
    """Return which incidents have their issues where; repositories without any are left out.

    One that has an issue stays where that is, as long as the settings allow the repository.
    """
    trackers = {one.repository.casefold(): one for one in tracker.all}
    settled = {
        incident: repository
        for repository, one in trackers.items()
        for incident, delivery in store.deliveries(one.name).items()
        if delivery.known.number or delivery.known.asked_at
    }
    shares: dict[str, dict[str, IncidentDocument]] = {name: {} for name in trackers}
    for name, document in documents.items():
        repository = repository_of(document, tracker.routing).casefold()
        shares[settled.get(name, repository)][name] = document
    has_any = {name: share for name, share in shares.items() if share} or {
        tracker.repository.casefold(): {}
    }
    return [(trackers[name], share) for name, share in has_any.items()]
