"""A receipt that can never be recorded stops no other, and an outage costs none."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from pipeline import receipts
from pipeline.bootstrap import quarantine
from pipeline.bootstrap.serving import Parts, Service
from pipeline.bootstrap.tenure import LEASED
from pipeline.errors import FivewhysError, LeaseLostError, StoreError
from pipeline.live import AT_ONCE, LEASE, Live, Step
from pipeline.ports import Progress
from pipeline.retrying import Retrying
from pipeline.singling import Refused, Singling
from pipeline.stores.memory import MemoryStore
from pipeline.stores.sql.store import SqlStore
from tests.support import BASE, SECOND
from tests.test_live import LATER, RULES, House, line, replayed, summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TRIES = 3
RETRYING = Retrying(tries=TRIES, first=0.001, longest=0.002)
TEXTS = [line("missing", at) for at in range(9)]


class _Refusing:
    """A store that takes no row of what was logged at some seconds, or none at all."""

    def begin(self) -> None:
        """Refuse nothing yet."""
        self.refused: set[int] = set()
        self.is_down = self.takes_nothing = False
        self.recorded: list[int] = []

    def record(self, detections: Any, *args: Any, **kwargs: Any) -> None:
        """Record, or refuse all of it."""
        found = list(detections)
        seconds = {item.key[1] // SECOND - BASE // SECOND for item in found}
        if self.is_down or self.takes_nothing or seconds & self.refused:
            message = "a row is refused"
            raise StoreError(message)
        self.recorded.append(len(kwargs["progress"].receipts))
        super().record(found, *args, **kwargs)  # type: ignore[misc]

    def refuse(self, *args: Any) -> None:
        """Put into quarantine, unless it is down."""
        if self.is_down:
            message = "it is down"
            raise StoreError(message)
        super().refuse(*args)  # type: ignore[misc]


class _Memory(_Refusing, MemoryStore):
    """In plain dicts."""


class _Sql(_Refusing, SqlStore):
    """In a database."""


@pytest.fixture(params=["memory", "sqlite"], name="store")
def each_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Lend each kind of store."""
    kind = request.param
    store: Any = _Memory() if kind == "memory" else _Sql(f"sqlite:///{tmp_path}/store.db")
    store.begin()
    with store:
        yield store


class Run:
    """Who correlates, again and again, whatever fails; each message has a receipt of its own."""

    def __init__(self, store: Any, count: int = len(TEXTS)) -> None:
        self.house = House(RULES, store, at_once=1)
        self.store = store
        self.singling = Singling(store, "me", RETRYING)
        self.live: Any = None
        self.errors: list[str] = []
        self.refused: list[Refused] = []
        self.house.feed.publish(TEXTS[:count])
        while self.house.feed.left:
            self.house.receiver.step()

    def step(self) -> None:
        """Make one step; begin anew after a failure."""
        self.house.now += SECOND
        self.live = self.live or self.house.live("me")
        try:
            found = self.singling.step(self.live, self.house.now, is_current=False)
        except FivewhysError as error:
            self.errors.append(str(error))
            self.live = None
            return
        if isinstance(found, Refused):
            self.refused.append(found)
            self.live = None

    def steps(self, count: int) -> None:
        """Make some."""
        for _ in range(count):
            self.step()

    def expected(self, without: int) -> tuple[dict[str, Any], int]:
        """Return what comes of all but one."""
        return replayed([text for at, text in enumerate(TEXTS) if at != without], RULES)


@pytest.mark.parametrize("poison", [0, 4, 8])
def test_what_is_refused_goes_into_quarantine_and_all_else_goes_on(store: Any, poison: int) -> None:
    """Wherever it stands; what is not refused counts once, and then it all is read at once."""
    run = Run(store)
    store.refused = {poison}
    run.steps(30)
    (refused,) = run.refused
    (kept,) = store.poison()
    assert (kept.name, kept.reason) == refused
    assert kept.reason == "a row is refused"
    assert not store.receipts(1)
    assert run.singling.at_once == AT_ONCE
    expected, end = run.expected(poison)
    assert sum(store.recorded) == len(TEXTS) - 1
    assert run.house.finish(end) == expected


def test_what_can_be_recorded_again_later_counts_then(tmp_path: Path) -> None:
    """`fivewhys quarantine retry` puts it back, by its number, and it counts once."""
    url = f"sqlite:///{tmp_path}/store.db"
    with _Sql(url) as store:
        store.begin()
        run = Run(store)
        store.refused = {4}
        run.steps(30)
        (kept,) = store.poison()
        assert quarantine.retry(url, [kept.number]) == (1, 0)
        assert store.poison() == []
        assert store.backlog() == 1
        store.refused = set()
        expected, end = replayed(TEXTS, RULES)
        assert run.house.finish(end) == expected


def test_what_is_refused_again_is_kept_beside_what_was_before(store: Any) -> None:
    """A database may give its number again: nothing takes its place."""
    run = Run(store, 2)
    store.refused = {1}
    run.steps(20)
    run.house.feed.publish([TEXTS[0], line("down", 1)])
    run.house.receiver.step()
    run.house.receiver.step()
    run.steps(20)
    assert len({one.name for one in store.poison()}) == len(run.refused) == 2


def test_what_cannot_be_read_is_refused_too(store: Any) -> None:
    """Its bytes are in quarantine as they were."""
    run = Run(store, 2)
    data = b"\xc1 no receipt"
    store.receive(data, (), LATER)
    run.steps(20)
    (kept,) = store.poison()
    assert receipts.of_text(kept.text) == data
    assert kept.reason.startswith("DecodeError in _decoded, line ")
    assert sum(store.recorded) == 2


def test_an_outage_puts_nothing_away(store: Any) -> None:
    """However long it takes; after it all is read, first one, then twice as many."""
    run = Run(store)
    store.is_down = True
    run.steps(40)
    assert run.singling.at_once == 1
    assert (store.poison(), store.backlog()) == ([], len(TEXTS))
    store.is_down = False
    run.steps(5)
    assert [count for count in store.recorded if count] == [1, 2, 4, 2]
    assert run.refused == []
    expected, end = replayed(TEXTS, RULES)
    assert run.house.finish(end) == expected


def test_a_hiccup_reads_no_less_at_once(store: Any) -> None:
    """Only what fails as often as is tried."""
    run = Run(store)
    store.is_down = True
    run.steps(TRIES - 1)
    store.is_down = False
    run.step()
    assert store.recorded == [len(TEXTS)]


def test_one_that_fails_alone_is_tried_as_often_as_all(store: Any) -> None:
    """A store that is back a moment after it failed costs nothing."""
    run = Run(store)
    store.takes_nothing = True
    run.steps(2 * TRIES - 1)
    assert len(run.errors) == 2 * TRIES - 1
    store.takes_nothing = False
    run.steps(5)
    assert (store.poison(), store.backlog()) == ([], 0)


def test_where_the_next_one_fails_as_well_it_stays(store: Any) -> None:
    """The fault may be the store's: one is put away, no more, and it is said why."""
    run = Run(store)
    store.takes_nothing = True
    run.steps(40)
    assert len(store.poison()) == 1
    assert store.backlog() == len(TEXTS) - 1
    assert run.errors[-1].startswith("a row is refused; receipt 2 stays: another one was put into")
    store.takes_nothing = False
    run.steps(5)
    assert store.backlog() == 0
    assert quarantine_of(store) == ["receipt 1"]


def test_one_may_be_put_away_again_once_another_was_recorded(store: Any) -> None:
    """Two of them, with one in between."""
    run = Run(store)
    store.refused = {2, 4}
    run.steps(60)
    assert quarantine_of(store) == ["receipt 3", "receipt 5"]
    assert sum(store.recorded) == len(TEXTS) - 2


@pytest.mark.parametrize("refused", [{0, 1}, {2, 3, 4}, {0, 1, 2, 3, 5}])
def test_several_in_a_row_stop_nothing(store: Any, refused: set[int]) -> None:
    """What can be recorded shows that the store takes receipts: so the fault is theirs."""
    run = Run(store)
    store.refused = refused
    run.steps(80)
    assert quarantine_of(store) == [f"receipt {at + 1}" for at in sorted(refused)]
    assert sum(store.recorded) == len(TEXTS) - len(refused)
    assert store.backlog() == 0
    assert run.singling.at_once == AT_ONCE
    expected, end = replayed([text for at, text in enumerate(TEXTS) if at not in refused], RULES)
    assert run.house.finish(end) == expected


def test_the_last_one_stays_until_something_else_is_recorded(store: Any) -> None:
    """What comes then is not kept waiting by it."""
    run = Run(store)
    store.refused = {7, 8}
    run.steps(60)
    assert quarantine_of(store) == ["receipt 8"]
    assert store.backlog() == 1
    assert run.errors[-1].endswith("receipt 9 stays: another one was put into quarantine before")
    run.house.feed.publish([line("down", 1)])
    run.house.receiver.step()
    run.steps(10)
    assert quarantine_of(store) == ["receipt 8", "receipt 9"]
    assert store.backlog() == 0


def test_what_fails_without_a_receipt_is_no_receipts_fault(store: Any) -> None:
    """Whether there is one or not."""

    class Broken:
        def step(self, *_: object, **__: object) -> Any:
            message = "no template"
            raise FivewhysError(message)

    for count in (0, 1):
        run = Run(store, count)
        for _ in range(5 * TRIES):
            run.live = Broken()
            run.step()
        assert run.singling.at_once == 1
        assert set(run.errors) == {"no template"}
        assert store.backlog() == count
        assert store.poison() == []


def test_a_mistake_of_our_own_without_a_receipt_is_tried_again() -> None:
    """It would end the process else, at once and each time."""

    class Mistaken:
        def step(self, *_: object, **__: object) -> Any:
            message = "no such key"
            raise KeyError(message)

    mistaken: Any = Mistaken()
    singling = Singling(MemoryStore(), "me", RETRYING, at_once=1)
    with pytest.raises(FivewhysError, match=r"KeyError in step, line .*no such key"):
        singling.step(mistaken, LATER, is_current=False)


def test_a_failure_while_nothing_waits_blames_nothing() -> None:
    """The step without receipts succeeded just before, and another one emptied the inbox."""

    class Fickle:
        def step(self, *_: object, at_once: int, **__: object) -> Any:
            if at_once:
                message = "now"
                raise StoreError(message)
            return Step()

    fickle: Any = Fickle()
    singling = Singling(MemoryStore(), "me", RETRYING, at_once=1)
    for _ in range(2 * TRIES):
        with pytest.raises(StoreError, match="now"):
            singling.step(fickle, LATER, is_current=False)


def test_each_receipt_has_tries_of_its_own() -> None:
    """One that was committed late, before the others, is not taken for what failed so far."""

    class Shifting(MemoryStore):
        def receipts(self, _limit: int, _beyond: int = 0) -> list[tuple[int, bytes]]:
            seen.append(len(seen))
            return [(len(seen), b"receipt")]

    class Failing:
        def step(self, *_: object, at_once: int, **__: object) -> Any:
            if at_once:
                message = "now"
                raise StoreError(message)
            return Step()

    seen: list[int] = []
    failing: Any = Failing()
    singling = Singling(Shifting(), "me", RETRYING, at_once=1)
    for _ in range(2 * TRIES):
        with pytest.raises(StoreError, match="now"):
            singling.step(failing, LATER, is_current=False)


def test_who_lost_the_lease_puts_nothing_away(store: Any) -> None:
    """Neither by a step nor by what it would refuse."""
    run = Run(store, 1)
    live = run.house.live("me")
    run.house.live("another")
    for at_once in (AT_ONCE, 1):
        singling = Singling(store, "me", RETRYING, at_once=at_once)
        for _ in range(2 * TRIES):
            with pytest.raises(LeaseLostError):
                singling.step(live, LATER, is_current=False)
        assert singling.at_once == at_once
    store.refused = {0}
    run.singling = Singling(store, "me", Retrying(tries=1), at_once=1)
    live = run.house.live("me")
    store.refuse = lambda *args: (
        store.lease(LEASE, "another", LATER * 3, LATER * 2 + 1),
        type(store).refuse(store, *args),
    )
    with pytest.raises(LeaseLostError):
        run.singling.step(live, LATER, is_current=False)
    assert store.poison() == []
    assert store.backlog() == 1


def test_a_run_goes_on_past_it() -> None:
    """With its threads: it is logged and counted, and the rest is recorded."""
    store = _Memory()
    store.begin()
    run = Run(store)
    store.refused = {4}

    def wait(service: Service) -> None:
        _wait(lambda: not store.backlog())
        service.stop()

    service, said = _run(run, wait)
    assert store.backlog() == 0
    assert service.vitals.refused == 1
    (told,) = [text for text in said if "is in quarantine now" in text]
    assert told.startswith("ERROR: correlate: receipt 5 ")
    assert told.endswith(": a row is refused")
    assert summary(store.incidents()).keys() == run.expected(4)[0].keys()


NEWER = b'[2, "what a later version tells"]'


def test_what_a_newer_one_wrote_is_left_to_it(store: Any) -> None:
    """It is not to blame, however often it is met."""
    run = Run(store)
    store.receive(NEWER, (), LATER)
    run.steps(4 * TRIES)
    assert run.refused == []
    assert store.backlog() == len(TEXTS) + 1
    assert run.singling.at_once == AT_ONCE
    assert {text.partition(":")[0] for text in run.errors} == {
        "a newer fivewhys wrote a receipt of version 2, of which this one reads 1"
    }


def test_who_meets_it_lets_a_newer_one_correlate() -> None:
    """And goes on once that is gone, and has read what it wrote."""
    store = _Memory()
    store.begin()
    run = Run(store)
    store.receive(NEWER, (), LATER)

    def be_newer(service: Service) -> None:
        _wait(lambda: bool(service.vitals.troubles))
        now = time.time_ns()
        _wait(lambda: store.lease(LEASE, "newer", now + LEASED, time.time_ns()))
        assert time.time_ns() < now + LEASED, "it was given back, and not only over"
        (newer,) = (number for number, receipt in store.receipts(99) if receipt == NEWER)
        store.record([], [], BASE, progress=Progress((newer,), b"", LATER, LEASE, "newer"))
        _wait(lambda: "correlate" in service.vitals.rounds)
        store.release(LEASE, "newer")
        _wait(lambda: not store.backlog())
        service.stop()

    _, said = _run(run, be_newer)
    assert store.backlog() == 0
    assert store.poison() == []
    told = [text for text in said if "a newer fivewhys wrote a receipt of version 2" in text]
    assert told[0].startswith("WARNING: correlate: ")
    assert summary(store.incidents()) == run.expected(99)[0]


def _wait(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not is_so() and time.monotonic() < until:
        time.sleep(0.01)


def _run(run: Run, other: Callable[[Service], None]) -> tuple[Service, list[str]]:
    """Let a service go on beside another thread, which stops it; return what it logged, too."""
    said: list[str] = []

    def live(holder: str) -> Live:
        run.house.now = time.time_ns() + LEASED  # until when it has the lease
        return run.house.live(holder)

    service = Service(
        Parts(
            store=run.store,
            receivers=(),
            live=live,
            holder="me",
            retrying=RETRYING,
            log=lambda *words: said.append(": ".join(words)),
        )
    )
    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    beside = threading.Thread(target=other, args=(service,))
    beside.start()
    service.run()
    beside.join()
    for name, handler in before.items():
        signal.signal(name, handler)
    return service, said


def quarantine_of(store: Any) -> list[str]:
    """Return which receipts are in quarantine, without the time at which they came there."""
    return [one.name.rpartition(" ")[0] for one in store.poison()]
