"""What threads pull ahead: bounded, taken together, and given back in the end."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import SourceError
from pipeline.ports import Message
from pipeline.sources.pubsub.ahead import PULLERS, Ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SHORT = 0.005
"""Seconds that a pull waits for messages."""


class Subscription:
    """Delivers some messages at once, whatever is asked for; counts what is in the hands of all."""

    def __init__(self, count: int, at_once: int = 10, size: int = 1) -> None:
        self.left = [Message(f"h{at}", f"m{at}", b"x" * size) for at in range(count)]
        self.given: list[Message] = []
        self.asked: list[int] = []
        self.pulling = 0
        self.failure: Exception | None = None
        self._at_once = at_once
        self._lock = threading.Lock()

    def ask(self, count: int) -> Sequence[Message]:
        """Pull so many at most."""
        with self._lock:
            self.asked.append(count)
            if self.failure:
                raise self.failure
            some = min(count, self._at_once)
            found, self.left = self.left[:some], self.left[some:]
            self.pulling += 1
        if not found:
            time.sleep(SHORT)
        with self._lock:
            self.pulling -= 1
        return found

    def give_back(self, messages: Sequence[Message]) -> None:
        """Take messages back."""
        with self._lock:
            self.given += messages


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so; fail if it never is."""
    until = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < until, "it never was so"
        time.sleep(0.001)


def ahead(subscription: Subscription, messages: int = 100, size: int = 10_000) -> Ahead:
    """Begin to pull, without taking anything."""
    found = Ahead(subscription.ask, subscription.give_back, messages, size)
    subscription.left, left = [], subscription.left
    assert not found.take()
    subscription.left = left
    return found


def test_what_several_pulls_brought_is_taken_at_once() -> None:
    """Each message once; and then it says that a pull brought none."""
    subscription = Subscription(250)
    pulled = ahead(subscription)
    wait_until(lambda: len(subscription.left) <= 200)
    batches = []
    while found := pulled.take():
        batches.append(found)
        time.sleep(2 * SHORT)
    pulled.stop()
    assert sorted(one.name for batch in batches for one in batch) == sorted(
        f"m{at}" for at in range(250)
    )
    assert max(map(len, batches)) > 10


def test_no_more_is_pulled_ahead_than_one_has_in_hand() -> None:
    """However long nobody takes anything: neither more messages nor more bytes."""
    many, large = Subscription(1_000), Subscription(100, at_once=1, size=1_000)
    for subscription in (many, large):
        pulled = ahead(subscription, size=20_000)
        before = len(subscription.left)
        time.sleep(20 * SHORT)
        wait_until(lambda of=subscription: not of.pulling)  # type: ignore[misc]
        pulled.stop()
        pulled.join(1)
        taken = before - len(subscription.left)
        assert 0 < taken <= 100
        assert sum(len(one.data) for one in subscription.given) <= 2 * 20_000
        assert max(subscription.asked) <= 100 // PULLERS


def test_a_batch_is_bounded_in_bytes_and_holds_one_at_least() -> None:
    """A message that is larger than all that may be in hand is taken alone."""
    subscription = Subscription(4, size=900)
    pulled = ahead(subscription, size=1_000)
    for _ in range(4):
        (one,) = pulled.take()
        assert len(one.data) == 900
    pulled.stop()


def test_one_pulls_where_nothing_comes() -> None:
    """The others join once messages come."""
    subscription = Subscription(0)
    pulled = ahead(subscription)
    most = 0
    for _ in range(20):
        pulled.take()
        most = max(most, subscription.pulling)
    pulled.stop()
    assert most <= 1


def test_what_fails_is_told_to_who_takes_and_nobody_pulls_till_then() -> None:
    """Whoever takes decides when it is tried again."""
    subscription = Subscription(5)
    subscription.failure = SourceError("no route", recoverable=True)
    pulled = Ahead(subscription.ask, subscription.give_back, 100, 1_000)
    for number in (1, 2):
        with pytest.raises(SourceError, match="no route"):
            pulled.take()
        time.sleep(4 * SHORT)
        assert len(subscription.asked) == number
    subscription.failure = None
    assert len(pulled.take()) == 5
    pulled.stop()


def test_what_fails_is_told_to_all_who_wait() -> None:
    """Not only to one of them; the first who takes again has it tried again."""
    asking = threading.Event()
    asked: list[int] = []
    told: list[str] = []

    def ask(count: int) -> Sequence[Message]:
        asked.append(count)
        asking.wait(20)
        message = "no route"
        raise SourceError(message, recoverable=True)

    pulled = Ahead(ask, lambda _: None, 100, 1_000)

    def take() -> None:
        with pytest.raises(SourceError) as caught:
            pulled.take()
        told.append(str(caught.value))

    takers = [threading.Thread(target=take, daemon=True) for _ in range(3)]
    for taker in takers:
        taker.start()
    time.sleep(20 * SHORT)
    asking.set()
    for taker in takers:
        taker.join(10)
    assert told == ["no route"] * 3
    before = len(asked)  # once, unless the last of them was slow to wait
    take()
    assert len(asked) == before + 1
    pulled.stop()


def test_what_nobody_takes_is_given_back() -> None:
    """Also what comes when it is over already; and whoever waits is told that nothing came."""
    subscription = Subscription(30)
    pulled = ahead(subscription)
    wait_until(lambda: not subscription.left)
    pulled.stop()
    assert pulled.take() == ()
    pulled.join(10)
    assert sorted(subscription.given) == sorted(
        Message(f"h{at}", f"m{at}", b"x") for at in range(30)
    )


def test_who_waits_is_told_that_it_is_over() -> None:
    """At once, though a pull still waits."""
    over = threading.Event()

    def ask(_: int) -> Sequence[Message]:
        over.wait(20)
        return [Message("h", "m", b"x")]

    given: list[Message] = []
    pulled = Ahead(ask, given.extend, 100, 1_000)
    taken: list[Sequence[Message]] = []
    taker = threading.Thread(target=lambda: taken.append(pulled.take()))
    taker.start()
    time.sleep(SHORT)
    pulled.stop()
    taker.join(10)
    assert taken == [()]
    over.set()
    pulled.join(10)
    assert len(given) == 1


def test_one_that_was_stopped_before_pulls_nothing() -> None:
    """It begins no thread."""
    subscription = Subscription(3)
    pulled = Ahead(subscription.ask, subscription.give_back, 100, 1_000)
    pulled.stop()
    assert pulled.take() == ()
    assert subscription.asked == []
