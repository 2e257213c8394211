"""Building a run that never ends from its settings."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pipeline.audit import SECOND
from pipeline.bootstrap.keeping import open_patiently
from pipeline.bootstrap.reading import load_texts
from pipeline.bootstrap.serving import Parts, Service
from pipeline.bootstrap.tracing import read_tracing
from pipeline.bootstrap.watching import Patience, Tracked, Watching
from pipeline.concluding import Concluding
from pipeline.correlation import CorrelationSettings, Correlator
from pipeline.detection import Detector
from pipeline.entry.value import come_by
from pipeline.filling import leave
from pipeline.live import Live
from pipeline.receipts import kept_for
from pipeline.receiving import Left, Receiver
from pipeline.remembering import Remembering
from pipeline.report import Policy
from pipeline.settings import GITHUB, QUARANTINE
from pipeline.stores.shelf import TemporaryShelf
from pipeline.traffic import MOST, RecentRows, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.bootstrap.checking import House
    from pipeline.errors import StoreError
    from pipeline.filling import Filling
    from pipeline.ports import Feed, Poison, Store
    from pipeline.settings import Read, Settings


@contextmanager
def running(read: Read, house: House, log: Callable[[str, str], None]) -> Iterator[Service]:
    """Build a service, and close what it opened when done; `log` takes a severity and a text.

    Raises:
        StoreError: the store cannot be opened.
        SourceError: there are no credentials.

    """
    settings = read.settings
    from pipeline.sources.pubsub import PubSubFeed, PullSettings

    pulling = PullSettings(
        messages=settings.pull_messages, size=settings.pull_bytes, retrying=settings.retrying
    )
    holder = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    again = Counter[str]()

    def note(error: StoreError) -> None:
        again.update(store=1)
        log("WARNING", f"start: {error}; it is tried again")

    with ExitStack() as stack:
        feed = stack.enter_context(PubSubFeed(settings.subscription, pulling))
        store = stack.enter_context(open_patiently(settings.store, settings.retrying, note))
        left = Left(partial(_tell_left, log))
        receivers = tuple(
            _receiver(house, feed, store, settings, left) for _ in range(settings.receivers)
        )
        tracing = read_tracing(log)
        stack.callback(tracing.flush)
        service = Service(
            Parts(
                store=store,
                receivers=receivers,
                live=lambda holder: _live(house, settings, store, holder),
                holder=holder,
                report=_report(read, store, log, again),
                report_every=settings.report_every / SECOND,
                ends_after=settings.max_runtime / SECOND,
                ends_idle=settings.until_idle,
                retrying=settings.retrying,
                log=log,
                tracing=tracing,
                filling=_filling(house, store, settings, holder),
                stop_pulling=feed.stop,
            )
        )
        stack.enter_context(
            Watching(
                service.vitals,
                store,
                log,
                port=settings.http_port,
                tracked=_tracked(read, store),
                patience=Patience(settings.stalled_after, settings.silent_after),
                again=lambda: Counter(again) + Counter(pubsub=feed.retries),
            )
        )
        yield service


def _live(house: House, settings: Settings, store: Store, holder: str) -> Live:
    """Build who correlates, anew whenever this process begins to."""
    detector = Detector(house.ruleset, house.redactor)
    keeps = kept_for(house.ruleset)
    rows = RecentRows(keeps // SECOND, lambda: come_by(time.time_ns()) // SECOND)
    traffic = Traffic(rows, house.redactor.name, most=MOST) if house.counting else None
    remembering = Remembering(house.looks)
    policy = Policy(min_priority=settings.min_priority)
    return Live(
        detector=detector,
        correlator=Correlator(
            house.ruleset,
            CorrelationSettings(),
            topology=house.catalog,
            shelf=TemporaryShelf(),
            traffic=traffic,
        ),
        concluding=Concluding(
            detector=detector,
            catalog=house.catalog,
            texts=load_texts,
            investigators=(remembering,),
            store=store,
            policy=policy,
            suppressions=house.suppressions,
        ),
        remembering=remembering,
        store=store,
        catalog=house.catalog,
        policy=policy,
        holder=holder,
        traffic=traffic,
        keeps=keeps,
    )


def _filling(house: House, store: Store, settings: Settings, holder: str) -> Filling | None:
    """Return what reads what was logged while nobody received; None if nobody is to."""
    if not settings.logging_filter:
        leave(store, holder, time.time_ns())  # what was begun while there was one
        return None
    from pipeline.bootstrap.logs import filling

    # What holds no entry could be left to nobody here: there is no dead-letter topic.
    keeping = settings.model_copy(update={"poison": QUARANTINE})
    return filling(settings, store, lambda feed: _receiver(house, feed, store, keeping), holder)


def _tell_left(log: Callable[[str, str], None], poison: Poison) -> None:
    """Say what is left to the dead-letter topic, and why: nobody keeps that."""
    log("WARNING", f"message {poison.name} is left to the dead-letter topic: {poison.reason}")


def _receiver(
    house: House,
    feed: Feed,
    store: Store,
    settings: Settings,
    left: Callable[[Poison], None] = lambda _: None,
) -> Receiver:
    """Build who receives, with a detector of its own: several may work at once."""
    return Receiver(
        feed=feed,
        inbox=store,
        detector=Detector(house.ruleset, house.redactor),
        clock=time.time_ns,
        counting=house.counting,
        keeps_poison=settings.poison == QUARANTINE,
        left=left,
    )


def _report(
    read: Read, store: Store, log: Callable[[str, str], None], again: Counter[str]
) -> Callable[[Callable[[float], None]], None] | None:
    """Return what brings issues up to date, or only says how; None without a sink."""
    if GITHUB not in read.settings.sinks:
        return None
    from pipeline.bootstrap.reporting import read_tracker
    from pipeline.bootstrap.tracking import Rehearsing, Tracking
    from pipeline.sinks.github.asking import Manners

    manners = Manners.of(read.settings.retrying, lambda: again.update(github=1))
    tracker = replace(read_tracker(environment=read.environment), manners=manners)
    if read.settings.dry_run:
        return Rehearsing(tracker, store, log).report
    return Tracking(tracker, store).report


def _tracked(read: Read, store: Store) -> Tracked | None:
    """Return what tells what waits for a tracker; None where nothing is written to one."""
    if GITHUB not in read.settings.sinks or read.settings.dry_run:
        return None
    from pipeline.bootstrap import reporting

    tracker = reporting.read_tracker(environment=read.environment)
    return Tracked(
        lambda: reporting.outbox_of(store, is_tracked=True),
        lambda: reporting.writes_left(tracker, store),
    )
