"""Who writes to a repository stays the only one, and is taken over once it is dead."""

from __future__ import annotations

import threading

import pytest

from pipeline.errors import LeaseLostError, StoreError
from pipeline.sinks.github.book import LEASE, Book
from pipeline.stores.memory import MemoryStore
from pipeline.tracker.model import Known
from tests.sinks.github.support import HERE, Time

OFTEN = 0.001


class Renewed(MemoryStore):
    """A store that says when a lease was renewed; at first it fails."""

    def __init__(self) -> None:
        super().__init__()
        self.again = threading.Event()
        self.asked = 0

    def renew(self, name: str, holder: str, until: int) -> bool:
        """Fail once, then do as asked."""
        self.asked += 1
        if self.asked == 1:
            message = "the store cannot be reached"
            raise StoreError(message)
        got = super().renew(name, holder, until)
        self.again.set()
        return got


def test_a_lease_is_renewed_while_a_request_takes_long() -> None:
    """Also when the store failed in between; after it, others may write at once."""
    store, passing = Renewed(), Time()
    one, other = (Book(store, HERE, name, passing.now, OFTEN) for name in ("one", "other"))
    assert one.take()
    with one.writing():
        for _ in range(3):
            passing.sleep(0.6 * LEASE / 1e9)
            store.again.clear()
            assert store.again.wait(30)
        assert not other.take()
    assert store.asked > 3
    assert other.take()


def test_a_lease_of_the_dead_is_over_in_seconds() -> None:
    """Nobody renews it."""
    store, passing = MemoryStore(), Time()
    assert Book(store, HERE, "dead", passing.now).take()
    passing.sleep(31)
    assert Book(store, HERE, "other", passing.now).take()


def test_who_renews_takes_nothing_that_another_one_had() -> None:
    """Also if that gave it back: what the first one knows is of before."""
    store, passing = Renewed(), Time()
    one, other = (Book(store, HERE, name, passing.now, OFTEN) for name in ("one", "other"))
    assert one.take()
    with one.writing():
        passing.sleep(31)
        assert other.take()
        with other.writing():
            pass
        store.again.clear()
        assert store.again.wait(30)
        assert not one.renew()
        with pytest.raises(LeaseLostError):
            one.learn("inc-a", Known(7))
    assert store.deliveries(HERE) == {}
    assert other.take()
