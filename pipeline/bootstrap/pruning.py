"""What a store takes, and making it smaller."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.bootstrap.keeping import check_kept_store, usual_timeout
from pipeline.bootstrap.reading import Mistakes, load_rules
from pipeline.receipts import kept_for
from pipeline.retention import RETENTION
from pipeline.rule import RuleSet
from pipeline.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.retention import Pruned, Size
    from pipeline.stores.sql.store import SqlStore


def size(url: str) -> Size:
    """Return how many rows a store has of what, and how many bytes it takes.

    Raises:
        ConfigurationError: there is no such file.
        StoreError: it cannot be opened.

    """
    with _opened(url) as store:
        return store.size()


def prune(url: str, *, rules: Sequence[str] = (), placeholders: str = "") -> tuple[Pruned, Size]:
    """Put away and forget what is over for long, and give back all room that nothing takes.

    How long is counted from the last time of which the store tells. Requests are kept as long as
    rules ask for them, as in a run: those of the settings of `fivewhys run` unless others are
    named. Return what was pruned, and what is left.

    Raises:
        ConfigurationError: every mistake in the rules and settings; there is no such file.
        StoreError: it cannot be opened, or not be written.

    """
    mistakes = Mistakes()
    mistakes.attempt(lambda: check_kept_store(url), None)
    read = read_settings({}, needed=())
    for mistake in read.mistakes:
        mistakes.note(mistake)
    said, expanded = rules or read.settings.rules, placeholders or read.settings.placeholders
    ruleset = mistakes.attempt(lambda: load_rules(said, expanded), RuleSet())
    mistakes.raise_if_any()
    retention = replace(RETENTION, receipts=kept_for(ruleset))
    clock = time.time_ns()
    with _opened(url) as store:
        decided = (one.decided_at for one in store.ledger().values())
        seen = (one.last_seen for one in store.neighbours())
        until = min(clock, max((*decided, *seen), default=clock))
        pruned = store.prune(until, clock, retention)
        store.compact()
        return pruned, store.size()


def _opened(url: str) -> SqlStore:
    check_kept_store(url)
    from pipeline.stores.sql.store import SqlStore

    return SqlStore(url, usual_timeout())
