"""Building what reports to GitHub, from the environment and a store."""

from __future__ import annotations

import os
import secrets
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pipeline.bootstrap.keeping import (
    IN_MEMORY,
    check_kept_store,
    is_missing_file,
    open_kept_store,
    open_store,
)
from pipeline.bootstrap.reading import Mistakes, read_redactor, read_setting, read_span
from pipeline.errors import ConfigurationError, Mistake
from pipeline.report import Action, LedgerEntry
from pipeline.sinks.github.asking import World
from pipeline.sinks.github.book import Book
from pipeline.sinks.github.client import Client
from pipeline.sinks.github.credentials import Credentials, read_credentials
from pipeline.sinks.github.hearing import Ear
from pipeline.sinks.github.reconciling import House, Reconciler
from pipeline.tracker.marker import Signer
from pipeline.tracker.model import TrackerPolicy
from pipeline.tracker.wanting import LABEL, all_wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.ports import Outcome, Store
    from pipeline.sinks.github.reconciling import Applied, Plan
    from pipeline.tracker.delivering import Delivery
    from pipeline.tracker.model import Wanted

MARKER_KEY: Final = "FIVEWHYS_MARKER_KEY"
CLOSES: Final = "FIVEWHYS_GITHUB_CLOSE"
REOPEN_WINDOW: Final = "FIVEWHYS_GITHUB_REOPEN_WINDOW"


@dataclass(frozen=True, slots=True)
class Tracker:
    """The repository that reports go to; `key` signs markers."""

    credentials: Credentials
    key: bytes = field(repr=False)
    policy: TrackerPolicy

    @property
    def name(self) -> str:
        """How the ledger calls it: the server, and the repository there."""
        host = urlsplit(self.credentials.url).netloc
        return f"{host}/{self.credentials.repository}".casefold()


def read_tracker(store: str = "") -> Tracker:
    """Read the settings of GitHub; with a `store`, check that it is there.

    Raises:
        ConfigurationError: every mistake in them.

    """
    mistakes = Mistakes()
    if store:
        mistakes.attempt(lambda: check_kept_store(store), None)
    credentials = mistakes.attempt(
        lambda: read_credentials(os.environ, lambda name: Path(name).read_text(encoding="utf-8")),
        Credentials(""),
    )
    key = mistakes.attempt(_read_key, b"")
    closes = mistakes.attempt(lambda: read_setting(CLOSES, default=False), otherwise=False)
    window = mistakes.attempt(
        lambda: read_span(os.environ.get(REOPEN_WINDOW, ""), REOPEN_WINDOW), 0
    )
    mistakes.attempt(read_redactor, None)
    mistakes.raise_if_any()
    policy = TrackerPolicy(closes=closes, reopen_window=window or TrackerPolicy().reopen_window)
    return Tracker(credentials, key, policy)


def plan(tracker: Tracker, store: str, outcomes: Iterable[Outcome] = ()) -> Plan:
    """Return what would be done about the incidents of a store, once outcomes are kept there.

    Raises:
        StoreError: it cannot be opened.
        SinkError: issues cannot be listed.

    """
    url = IN_MEMORY if is_missing_file(store) else store
    with open_store(url) as opened, _reconciler(tracker, opened) as reconciler:
        return reconciler.plan(_wanted(opened, outcomes))


def apply(tracker: Tracker, store: str) -> Applied:
    """Bring the issues of GitHub to what the incidents of a store want.

    What fails is kept in the store, and is part of what is returned.

    Raises:
        ConfigurationError: there is no such store.
        StoreError: it cannot be opened, or not be written.

    """
    with open_kept_store(store) as opened, _reconciler(tracker, opened) as reconciler:
        return reconciler.apply(_wanted(opened))


def outbox(store: str) -> tuple[int, list[tuple[str, str, Delivery]]]:
    """Return the time (ns UTC) and what waits, oldest first: tracker, incident, since when and why.

    Raises:
        ConfigurationError: there is no such store.
        StoreError: it cannot be opened.

    """
    with open_kept_store(store) as opened:
        waiting = [
            (tracker, incident, delivery)
            for tracker in opened.trackers()
            for incident, delivery in opened.deliveries(tracker).items()
            if delivery.waits
        ]
    return time.time_ns(), sorted(waiting, key=lambda item: (item[2].since, item[:2]))


def _read_key() -> bytes:
    key = os.environ.get(MARKER_KEY, "").strip().encode()
    if not key:
        message = (
            "it is not set; set it to a secret of 16 or more random bytes (openssl rand -hex 32) "
            "and keep it: by it our issues are found again"
        )
        raise ConfigurationError([Mistake(MARKER_KEY, 0, message)])
    return Signer(key, "").key


@contextmanager
def _reconciler(tracker: Tracker, store: Store) -> Iterator[Reconciler]:
    holder = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(8)}"
    book = Book(store, tracker.name, holder, time.time_ns)
    house = House(LABEL, tracker.key, tracker.policy)
    documents = {document.id: document for document in store.incidents()}
    world = World(time.time_ns, time.sleep)
    with Client(tracker.credentials, world) as client:
        ear = Ear(client, store, documents, read_redactor())
        yield Reconciler(client, book, house, world, ear)


def _wanted(store: Store, outcomes: Iterable[Outcome] = ()) -> tuple[Wanted, ...]:
    """Return what the incidents of a store want, once outcomes are recorded there."""
    documents = {document.id: document for document in store.incidents()}
    ledger = dict(store.ledger())
    for outcome in outcomes:
        documents[outcome.incident.id] = outcome.document
        for name in outcome.incident.absorbed:
            documents.pop(name, None)
        if outcome.decision.action is not Action.LEAVE:
            ledger[outcome.incident.id] = _decided(outcome)
    return all_wanted(documents.values(), ledger, time.time_ns())


def _decided(outcome: Outcome) -> LedgerEntry:
    """Return the ledger's row of a decision that was not recorded."""
    return LedgerEntry(
        outcome.incident.id,
        outcome.incident.last_seen,
        outcome.decision.action,
        outcome.decision.reason,
        outcome.report.digest,
        tuple(item.fingerprint for item in outcome.incident.symptoms),
        outcome.incident.state,
    )
