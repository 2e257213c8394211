"""The threads of a run: what is noted of each, and what becomes of the run when one ends."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from pipeline.audit import SECOND
from pipeline.bootstrap.serving import BACKLOG, PAUSE, Parts, Service
from pipeline.bootstrap.tracing import Span, Tracing
from pipeline.detection import Detector
from pipeline.errors import FivewhysError, SourceError, StoreError
from pipeline.receiving import Receiver
from pipeline.redaction import Redactor
from pipeline.stores.memory import MemoryStore
from pipeline.vitals import stalled
from tests.fakes.feed import MemoryFeed
from tests.support import entry, rule_text, ruleset

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.live import Live
    from pipeline.ports import Message

RULES = ruleset(rule_text("missing"))
LOCK = threading.Lock()


class Feed(MemoryFeed):
    """A subscription that has nothing for a moment, or fails."""

    failure: SourceError | None = None

    def pull(self) -> Sequence[Message]:
        """Deliver some."""
        time.sleep(0.01)
        if self.failure:
            raise self.failure
        with LOCK:
            return super().pull()


def service(
    feed: MemoryFeed,
    live: Callable[[str], Live],
    said: list[str] | None = None,
    tracing: Tracing | None = None,
    waiting: int = 0,
) -> Service:
    """Build a run over a subscription, with two who receive; so many receipts wait already."""
    store = MemoryStore()
    for number in range(waiting):
        store.receive(b"%d" % number, (), 1)
    receivers = tuple(
        Receiver(feed=feed, inbox=store, detector=Detector(RULES, Redactor()), clock=time.time_ns)
        for _ in range(2)
    )
    told = [] if said is None else said
    return Service(
        Parts(
            store=store,
            receivers=receivers,
            live=live,
            holder="me",
            log=lambda *words: told.append(": ".join(words)),
            tracing=tracing or Tracing(),
        )
    )


class Kept:
    """Keeps the spans that are over."""

    def __init__(self, spans: list[Span]) -> None:
        self.over = spans.append

    def flush(self) -> None:
        """Nothing waits."""


def stopped_when(run: Service, is_so: Callable[[], bool]) -> threading.Thread:
    """Stop a run once something is so, or after a while."""

    def wait() -> None:
        until = time.monotonic() + 20
        while not is_so() and time.monotonic() < until:
            time.sleep(0.01)
        run.stop()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def nobody(_: str) -> Live:
    """Fail to begin."""
    message = "the store is of no use"
    raise StoreError(message)


def test_what_came_is_noted_and_spans_of_idle_rounds_are_not() -> None:
    """By each thread: when it last succeeded, and how often it did not."""
    feed = Feed(at_once=9)
    feed.publish([entry("missing", key=f"k{at}").json for at in range(3)])
    over: list[Span] = []
    said: list[str] = []
    run = service(feed, nobody, said, Tracing(Kept(over)))
    vitals = run.vitals
    waiting = stopped_when(run, lambda: vitals.received.messages == 3 and bool(vitals.retries))
    run.run()
    waiting.join()
    assert vitals.received.entries == 3
    assert vitals.batches.total > 0
    assert {"receive", "receive 2", "lease"} <= vitals.rounds.keys()
    assert "correlate" not in vitals.rounds
    assert vitals.troubles == {"correlate": "the store cannot be used: see the log"}
    assert [one.name.partition(" ")[0] for one in over] == ["receive"]
    assert "INFO: started" in said
    assert "WARNING: correlate: the store is of no use; it is tried again" in said
    assert vitals.is_stopping


@pytest.mark.parametrize(("waiting", "taken"), [(BACKLOG, 0), (BACKLOG - 1, 3)])
def test_no_more_is_received_than_can_be_correlated(waiting: int, taken: int) -> None:
    """The rest stays in the subscription; who waits for that is no thread that hangs."""
    feed = Feed(at_once=9)
    feed.publish([entry("missing", key=f"k{at}").json for at in range(3)])
    run = service(feed, nobody, waiting=waiting)
    stopped = stopped_when(run, lambda: run.vitals.retries.get("correlate", 0) > 1)
    run.run()
    stopped.join()
    assert run.vitals.received.messages == taken
    assert feed.left == 3 - taken
    assert run.vitals.rounds["receive"] > run.vitals.started_at + PAUSE * SECOND


def test_a_subscription_that_never_will_do_ends_it() -> None:
    """No retry can help."""
    feed = Feed()
    feed.failure = SourceError("it does not exist")
    with pytest.raises(SourceError, match="does not exist"):
        service(feed, nobody).run()


def test_one_that_fails_now_is_pulled_from_again() -> None:
    """Until then it is not alive for long."""
    feed = Feed()
    feed.failure = SourceError("no route", recoverable=True)
    run = service(feed, nobody)
    waiting = stopped_when(run, lambda: run.vitals.retries.get("receive 2", 0) > 0)
    run.run()
    waiting.join()
    assert "receive" not in run.vitals.rounds
    assert "cannot be pulled from" in stalled(run.vitals, 2 * time.time_ns())[0]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_ends_by_a_mistake_ends_the_run() -> None:
    """Whoever started it sees that it failed, and starts another one."""

    def mistaken(_: str) -> Live:
        raise ZeroDivisionError

    with pytest.raises(FivewhysError, match="correlate: it ended by a mistake of our own"):
        service(Feed(), mistaken).run()
