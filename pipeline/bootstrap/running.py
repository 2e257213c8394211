"""Building a run that never ends from its settings."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pipeline.audit import SECOND
from pipeline.bootstrap.investigating import Looking, investigators, read_looking
from pipeline.bootstrap.keeping import check_store, open_store
from pipeline.bootstrap.logs import LOGGING_FILTER, logging_client
from pipeline.bootstrap.reading import (
    Mistakes,
    load_rules,
    load_texts,
    read_catalog,
    read_redactor,
    read_suppressions,
)
from pipeline.bootstrap.serving import Parts, Service
from pipeline.bootstrap.tracing import read_tracing
from pipeline.bootstrap.watching import Patience, Tracked, Watching
from pipeline.catalog import Catalog
from pipeline.concluding import Concluding
from pipeline.correlation import CorrelationSettings, Correlator
from pipeline.detection import Detector
from pipeline.live import Live, Remembering
from pipeline.receipts import KEPT
from pipeline.receiving import Receiver
from pipeline.redaction import Redactor
from pipeline.report import Policy
from pipeline.rule import RuleSet
from pipeline.settings import GITHUB, QUARANTINE
from pipeline.stores.shelf import TemporaryShelf
from pipeline.traffic import RecentRows, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pipeline.filling import Filling
    from pipeline.ports import Feed, Investigator, Store
    from pipeline.settings import Read, Settings
    from pipeline.suppressions import Placed


@dataclass(frozen=True, slots=True)
class _House:
    """What is read at the start, and built anew whenever this process begins to correlate."""

    ruleset: RuleSet
    catalog: Catalog
    redactor: Redactor
    policy: Policy
    suppressions: Sequence[Placed]
    looks: Sequence[Investigator]
    counting: bool = field(init=False)

    def __post_init__(self) -> None:
        counting = any(item.audit.share for item in self.ruleset.correlations)
        object.__setattr__(self, "counting", counting)

    def live(self, store: Store, holder: str) -> Live:
        """Build who correlates."""
        detector = Detector(self.ruleset, self.redactor)
        traffic = Traffic(RecentRows(KEPT // SECOND), self.redactor.name) if self.counting else None
        remembering = Remembering(self.looks)
        return Live(
            detector=detector,
            correlator=Correlator(
                self.ruleset,
                CorrelationSettings(),
                topology=self.catalog,
                shelf=TemporaryShelf(),
                traffic=traffic,
            ),
            concluding=Concluding(
                detector=detector,
                catalog=self.catalog,
                texts=load_texts,
                investigators=(remembering,),
                store=store,
                policy=self.policy,
                suppressions=self.suppressions,
            ),
            remembering=remembering,
            store=store,
            catalog=self.catalog,
            policy=self.policy,
            holder=holder,
            traffic=traffic,
        )


@contextmanager
def running(read: Read, log: Callable[[str, str], None]) -> Iterator[Service]:
    """Build a service, and close what it opened when done; `log` takes a severity and a text.

    Raises:
        ConfigurationError: every mistake in the settings and in all files they name.
        StoreError: the store cannot be opened.
        SourceError: there are no credentials.

    """
    house, settings = _house(read), read.settings
    from pipeline.sources.pubsub import PubSubFeed, PullSettings

    pulling = PullSettings(
        messages=settings.pull_messages, size=settings.pull_bytes, retrying=settings.retrying
    )
    holder = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    with ExitStack() as stack:
        store = stack.enter_context(open_store(settings.store, settings.retrying.timeout))
        feed = stack.enter_context(PubSubFeed(settings.subscription, pulling))
        receivers = tuple(
            _receiver(house, feed, store, settings) for _ in range(settings.receivers)
        )
        again = Counter[str]()
        tracing = read_tracing(log)
        stack.callback(tracing.flush)
        service = Service(
            Parts(
                store=store,
                receivers=receivers,
                live=lambda holder: house.live(store, holder),
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
                again=lambda: again + Counter(pubsub=feed.retries),
            )
        )
        yield service


def _filling(house: _House, store: Store, settings: Settings, holder: str) -> Filling | None:
    """Return what reads what was logged while nobody received; None if nobody is to."""
    if not settings.logging_filter:
        return None
    from pipeline.bootstrap.logs import filling

    # What holds no entry could be left to nobody here: there is no dead-letter topic.
    keeping = settings.model_copy(update={"poison": QUARANTINE})
    return filling(settings, store, lambda feed: _receiver(house, feed, store, keeping), holder)


def _receiver(house: _House, feed: Feed, store: Store, settings: Settings) -> Receiver:
    """Build who receives, with a detector of its own: several may work at once."""
    return Receiver(
        feed=feed,
        inbox=store,
        detector=Detector(house.ruleset, house.redactor),
        clock=time.time_ns,
        counting=house.counting,
        keeps_poison=settings.poison == QUARANTINE,
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


def _house(read: Read) -> _House:
    """Read and check everything before anything is touched.

    Raises:
        ConfigurationError: every mistake in the settings and in all files they name.

    """
    settings, environment, mistakes = read.settings, read.environment, Mistakes()
    for mistake in read.mistakes:
        mistakes.note(mistake)
    ruleset = mistakes.attempt(lambda: load_rules(settings.rules, settings.placeholders), RuleSet())
    catalog = mistakes.attempt(lambda: read_catalog(settings.catalog), Catalog())
    none: tuple[Placed, ...] = ()
    nobody: tuple[Investigator, ...] = ()
    suppressions = mistakes.attempt(lambda: read_suppressions(settings.suppressions), none)
    redactor = mistakes.attempt(lambda: read_redactor(environment), Redactor())
    looking = mistakes.attempt(
        lambda: read_looking(
            catalog,
            repo=settings.repo,
            logs=(),
            probe=settings.probe,
            commands=settings.investigators,
            only="",
            environment=environment,
        ),
        Looking({}),
    )
    looks = mistakes.attempt(lambda: investigators(looking, catalog, redactor.text), nobody)
    if settings.store:
        mistakes.attempt(lambda: check_store(settings.store), None)
    if settings.logging_filter:
        mistakes.attempt(lambda: logging_client(LOGGING_FILTER), None)
    if GITHUB in settings.sinks:
        from pipeline.bootstrap.reporting import read_tracker

        mistakes.attempt(lambda: read_tracker(environment=environment), None)
    mistakes.raise_if_any()
    policy = Policy(min_priority=settings.min_priority)
    return _House(ruleset, catalog, redactor, policy, suppressions, looks)
