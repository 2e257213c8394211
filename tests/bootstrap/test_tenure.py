"""Who correlates does so with what is known, and not with what was before another one did."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.audit import SECOND
from pipeline.bootstrap.serving import Parts, Service
from pipeline.errors import StoreError
from pipeline.live import LEASE
from pipeline.stores.memory import MemoryStore
from tests.test_live import RULES, House, line, replayed

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.live import Live

TEXTS = [line("missing", at) for at in range(4)]
HOUR = 3600 * SECOND


def wait(is_so: Callable[[], bool]) -> None:
    """Wait until something is so; fail if it never is."""
    until = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


class Store(MemoryStore):
    """Does something at the next call of some name that one of the processes makes."""

    def begin(self) -> None:
        """Do nothing yet."""
        self.next: dict[str, Callable[[], None]] = {}
        self.lock = threading.RLock()

    def at(self, names: tuple[str, ...], do: Callable[[], None]) -> None:
        """Do something at the next call of one of those names, once."""
        with self.lock:
            self.next = dict.fromkeys(names, do)

    def come_to(self, name: str, holder: str) -> None:
        """Do it, if it is to be done now."""
        with self.lock:
            if holder == "me" and name in self.next:
                do, self.next = self.next[name], {}
                do()

    @property
    def is_free(self) -> bool:
        """Whether nothing is being done."""
        with self.lock:
            return not self.next

    def lease(self, name: str, holder: str, until: int, now: int) -> bool:
        """Take it."""
        self.come_to("lease", holder)
        with self.lock:
            return super().lease(name, holder, until, now)

    def renew(self, name: str, holder: str, until: int) -> bool:
        """Renew it."""
        self.come_to("renew", holder)
        with self.lock:
            return super().renew(name, holder, until)

    def receipts(self, limit: int, beyond: int = 0) -> list[tuple[int, bytes]]:
        """Return some, as the one who correlates asks for."""
        self.come_to("receipts", "me")
        with self.lock:
            return super().receipts(limit, beyond)

    def record(self, *args: Any, **kwargs: Any) -> None:
        """Record."""
        self.come_to("record", kwargs["progress"].holder)
        with self.lock:
            super().record(*args, **kwargs)


class Run:
    """A process that goes on; others come and go in `house`."""

    def __init__(self, **parts: Any) -> None:
        self.store: Any = parts.pop("store", Store())
        self.store.begin()
        self.house = House(RULES, self.store, at_once=1)
        self.house.now = time.time_ns() + HOUR
        self.begun: list[Live] = []
        self.said: list[str] = []
        told: dict[str, Any] = {"store": self.store, "receivers": (), "live": self.live, **parts}
        self.service = Service(
            Parts(holder="me", log=lambda *words: self.said.append(": ".join(words)), **told)
        )

    def live(self, holder: str) -> Live:
        """Begin."""
        self.begun.append(self.house.live(holder))
        return self.begun[-1]

    def publish(self, *texts: bytes) -> None:
        """Let something come."""
        self.house.feed.publish(list(texts))
        while self.house.feed.left:
            self.house.receiver.step()

    def go_on(self, beside: Callable[[], None]) -> None:
        """Go on until something was done beside."""

        def do() -> None:
            try:
                beside()
            finally:
                self.service.stop()

        before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(do)
            self.service.run()
            done.result()
        for name, handler in before.items():
            signal.signal(name, handler)

    def be_another(self) -> None:
        """Take over from who was stopped, do what there is to do, and end."""
        self.store.release(LEASE, "me")  # it was over
        live = self.house.live("another")
        self.publish(*TEXTS[1:3])
        live.step(self.house.now, is_current=False)
        self.store.release(LEASE, "another")


@pytest.mark.parametrize("calls", [("lease", "renew"), ("receipts",), ("record",)], ids=" ".join)
def test_who_was_stopped_for_long_begins_anew(calls: tuple[str, ...]) -> None:
    """Another one correlated meanwhile, and is gone again: what it did is read."""
    run = Run()
    run.publish(TEXTS[0])

    def beside() -> None:
        wait(lambda: not run.store.backlog())
        run.store.at(calls, run.be_another)
        run.publish(*TEXTS[3:] if calls == ("record",) else ())
        wait(lambda: run.store.is_free)
        run.publish(*TEXTS[3:] if calls != ("record",) else ())
        wait(lambda: not run.store.backlog() and len(run.begun) > 1)

    run.go_on(beside)
    assert len(run.begun) == 2
    expected, end = replayed(TEXTS, RULES)
    assert run.house.finish(end) == expected


def test_a_store_that_failed_for_a_moment_is_no_reason_to_begin_anew() -> None:
    """Nobody else had the lease."""
    run = Run()
    run.publish(TEXTS[0])

    def fail() -> None:
        message = "it cannot be reached"
        raise StoreError(message)

    def beside() -> None:
        wait(lambda: not run.store.backlog())
        run.store.at(("lease", "renew"), fail)
        wait(lambda: bool(run.service.vitals.retries))
        run.publish(*TEXTS[1:])
        wait(lambda: not run.store.backlog())

    run.go_on(beside)
    assert len(run.begun) == 1
