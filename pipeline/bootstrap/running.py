"""Building a run that never ends from its settings."""

from __future__ import annotations

import os
import re
import secrets
import socket
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pipeline.audit import SECOND
from pipeline.bootstrap.investigating import Looking, investigators, read_looking
from pipeline.bootstrap.keeping import IN_MEMORY, check_store, open_store
from pipeline.bootstrap.reading import (
    Mistakes,
    load_rules,
    load_texts,
    read_catalog,
    read_priority,
    read_redactor,
    read_span,
    read_suppressions,
)
from pipeline.bootstrap.serving import Parts, Service
from pipeline.catalog import Catalog
from pipeline.concluding import Concluding
from pipeline.correlation import CorrelationSettings, Correlator
from pipeline.detection import Detector
from pipeline.errors import Mistake
from pipeline.incident import PRIORITIES
from pipeline.live import Live, Remembering
from pipeline.receipts import KEPT
from pipeline.receiving import Receiver
from pipeline.redaction import Redactor
from pipeline.report import Policy
from pipeline.rule import RuleSet
from pipeline.stores.shelf import TemporaryShelf
from pipeline.traffic import RecentRows, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pipeline.ports import Investigator, Store
    from pipeline.sources.pubsub import PubSubFeed
    from pipeline.suppressions import Placed


GITHUB: Final = "github"

SUBSCRIPTION: Final = re.compile(r"projects/[a-z0-9.:-]{3,}/subscriptions/[A-Za-z][\w.~+%-]{2,254}")
"""What a subscription is called."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line and the environment say about a run, unchecked; spans in seconds."""

    subscription: str = ""
    store: str = ""
    rules: Sequence[str] = ()
    placeholders: str = ""
    catalog: str = ""
    suppressions: str = ""
    repo: str = ""
    min_priority: str = PRIORITIES[-1]
    sinks: Sequence[str] = ()
    max_runtime: str = ""
    until_idle: bool = False
    receivers: int = 1
    keeps_poison: bool = True
    probe: bool = False
    investigators: Sequence[str] = ()


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
        traffic = Traffic(RecentRows(KEPT // SECOND), self.redactor.text) if self.counting else None
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
def running(options: RunOptions, log: Callable[[str, str], None]) -> Iterator[Service]:
    """Build a service, and close what it opened when done; `log` takes a severity and a text.

    Raises:
        ConfigurationError: every mistake in the options and in all files they name.
        StoreError: the store cannot be opened.
        SourceError: there are no credentials.

    """
    house, ends_after = _read(options)
    from pipeline.sources.pubsub import PubSubFeed

    with ExitStack() as stack:
        store = stack.enter_context(open_store(options.store))
        feed = stack.enter_context(PubSubFeed(options.subscription))
        receivers = tuple(_receiver(house, feed, store, options) for _ in range(options.receivers))
        yield Service(
            Parts(
                store=store,
                receivers=receivers,
                live=lambda holder: house.live(store, holder),
                holder=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
                report=_report(options),
                ends_after=ends_after,
                ends_idle=options.until_idle,
                log=log,
            )
        )


def _receiver(house: _House, feed: PubSubFeed, store: Store, options: RunOptions) -> Receiver:
    """Build who receives, with a detector of its own: several may work at once."""
    return Receiver(
        feed=feed,
        inbox=store,
        detector=Detector(house.ruleset, house.redactor),
        clock=time.time_ns,
        counting=house.counting,
        keeps_poison=options.keeps_poison,
    )


def _report(options: RunOptions) -> Callable[[], None] | None:
    """Return what brings issues up to date; None without a sink."""
    if GITHUB not in options.sinks:
        return None
    from pipeline.bootstrap import reporting

    tracker = reporting.read_tracker()

    def report() -> None:
        reporting.apply(tracker, options.store)

    return report


def _read(options: RunOptions) -> tuple[_House, float]:
    """Read and check everything before anything is touched."""
    mistakes = Mistakes()
    ruleset = mistakes.attempt(lambda: load_rules(options.rules, options.placeholders), RuleSet())
    catalog = mistakes.attempt(lambda: read_catalog(options.catalog), Catalog())
    none: tuple[Placed, ...] = ()
    nobody: tuple[Investigator, ...] = ()
    suppressions = mistakes.attempt(lambda: read_suppressions(options.suppressions), none)
    priority = mistakes.attempt(
        lambda: read_priority(options.min_priority, "--min-priority"), PRIORITIES[-1]
    )
    ends_after = mistakes.attempt(lambda: read_span(options.max_runtime, "--max-runtime"), 0)
    redactor = mistakes.attempt(read_redactor, Redactor())
    looking = mistakes.attempt(
        lambda: read_looking(
            catalog,
            repo=options.repo,
            logs=(),
            probe=options.probe,
            commands=options.investigators,
            only="",
        ),
        Looking({}),
    )
    looks = mistakes.attempt(lambda: investigators(looking, catalog, redactor.text), nobody)
    _check_places(options, mistakes)
    mistakes.raise_if_any()
    policy = Policy(min_priority=priority)
    house = _House(ruleset, catalog, redactor, policy, suppressions, looks)
    return house, ends_after / SECOND


def _check_places(options: RunOptions, mistakes: Mistakes) -> None:
    """Note what is wrong with where entries come from, and where what is found goes."""
    if not SUBSCRIPTION.fullmatch(options.subscription):
        message = (
            "it is not set; name the subscription of the log sink: projects/P/subscriptions/S"
            if not options.subscription
            else f"{options.subscription!r} is none; write projects/P/subscriptions/S"
        )
        mistakes.note(Mistake("FIVEWHYS_SUBSCRIPTION", 0, message))
    if options.store in {"", IN_MEMORY}:
        message = "name a store that outlasts the process: sqlite:///FILE"
        mistakes.note(Mistake("FIVEWHYS_STORE", 0, message))
    else:
        mistakes.attempt(lambda: check_store(options.store), None)
    if GITHUB in options.sinks:
        from pipeline.bootstrap.reporting import read_tracker

        mistakes.attempt(read_tracker, None)
