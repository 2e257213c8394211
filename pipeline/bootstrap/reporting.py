"""Building what reports to GitHub, from the environment and a store."""

from __future__ import annotations

import os
import secrets
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING
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
from pipeline.bootstrap.sharing import REHEARSED, incidents_of, shares
from pipeline.bootstrap.vault import read_place
from pipeline.redaction import Redactor
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
from pipeline.tracker.routing import LABEL, RoutingSettings
from pipeline.tracker.similar import SimilarSettings
from pipeline.tracker.storming import StormSettings
from pipeline.tracker.wanting import all_wanted, begun_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pipeline.bootstrap.sharing import Incidents, Share
    from pipeline.ports import Outcome, Store
    from pipeline.sinks.github.reconciling import Plan
    from pipeline.sinks.github.rounds import Applied


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
    known = found or incidents_of(store, outcomes)
    plans = []
    for share in shares(tracker, store, lambda: known):
        with _reconciler(share, store, keeps=False) as reconciler:
            made = reconciler.plan(share.ask())
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
    find: Callable[[], Incidents] | None = None,
) -> list[tuple[str, Applied]]:
    """Do the same (`apply`) about a store that is open.

    `find` reads its incidents as they are; it is called again for each repository, when nobody else
    writes to that.
    """
    done = []
    for share in shares(tracker, store, find or partial(incidents_of, store)):
        with _reconciler(share, store, keeps=True, sleep=sleep) as reconciler:
            applied = reconciler.apply(share.ask)
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


@contextmanager
def _reconciler(
    share: Share, store: Store, *, keeps: bool, sleep: Callable[[float], None] = time.sleep
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
