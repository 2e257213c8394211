"""What a store takes, and making it smaller."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pipeline.bootstrap.keeping import check_kept_store, usual_timeout

if TYPE_CHECKING:
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


def prune(url: str) -> tuple[Pruned, Size]:
    """Put away and forget what is over for long, and give back all room that nothing takes.

    How long is counted from the last time of which the store tells. Return what was pruned, and
    what is left.

    Raises:
        ConfigurationError: there is no such file.
        StoreError: it cannot be opened, or not be written.

    """
    clock = time.time_ns()
    with _opened(url) as store:
        decided = (one.decided_at for one in store.ledger().values())
        seen = (one.last_seen for one in store.neighbours())
        until = min(clock, max((*decided, *seen), default=clock))
        pruned = store.prune(until, clock)
        store.compact()
        return pruned, store.size()


def _opened(url: str) -> SqlStore:
    check_kept_store(url)
    from pipeline.stores.sql.store import SqlStore

    return SqlStore(url, usual_timeout())
