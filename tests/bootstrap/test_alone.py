"""A replay beside others: it records alone, and a running service is not written over."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import pytest
from typer.testing import CliRunner

from pipeline.bootstrap.alone import alone
from pipeline.bootstrap.serving import Parts, Service
from pipeline.bootstrap.spreading import spread_over
from pipeline.bootstrap.tenure import LEASED
from pipeline.cli import app
from pipeline.errors import StoreError
from pipeline.live import LEASE, Live
from pipeline.stores.memory import MemoryStore
from pipeline.stores.sql.store import SqlStore
from tests.bootstrap.test_spreading import batches
from tests.support import SECOND, rule_text, ruleset
from tests.test_live import House, line

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from typer.testing import Result

    from pipeline.ports import Lease

SHORT: Final = 1.0
"""Seconds for which a lease holds in these tests."""

HOUR: Final = 3600


def shortly(store: Any) -> AbstractContextManager[Lease]:
    """Be alone, with a lease that is short and renewed often."""
    return alone(store, leased=round(SHORT * SECOND), renewed=SHORT / 20)


def free(store: Any) -> bool:
    """Say whether another one could correlate now, and let it."""
    now = time.time_ns()
    return bool(store.lease(LEASE, "other", now + 1, now))


def waited(is_so: Callable[[], bool]) -> bool:
    """Wait until something is so; say whether it came to be."""
    until = time.monotonic() + 20
    while not is_so() and time.monotonic() < until:
        time.sleep(0.01)
    return is_so()


def test_nobody_else_correlates_meanwhile() -> None:
    """Not after a lease would be over either, and at once when it is done, or fails."""
    store = MemoryStore()
    with shortly(store) as lease:
        assert store.holder(LEASE) == lease.holder
        time.sleep(1.5 * SHORT)
        assert not free(store)
    assert free(store)
    with suppress(ZeroDivisionError), shortly(store):
        time.sleep(1 / 0)
    assert store.holder(LEASE) == ""


def test_who_lives_is_not_pushed_aside() -> None:
    """It is named, and so is what to do; nobody waits for longer than a dead one would hold it."""
    store = MemoryStore()
    now = time.time_ns()
    store.lease(LEASE, "host-7-ab", now + 60 * SECOND, now)
    begun = time.monotonic()
    with pytest.raises(StoreError, match=r"host-7-ab correlates there.* stop it"), shortly(store):
        pytest.fail("it may not begin")
    assert SHORT <= time.monotonic() - begun < 10
    assert store.holder(LEASE) == "host-7-ab"


def test_what_a_killed_one_held_is_waited_for() -> None:
    """Its lease is soon over."""
    store = MemoryStore()
    now = time.time_ns()
    store.lease(LEASE, "killed", now + round(SHORT * SECOND), now)
    with shortly(store) as lease:
        assert time.time_ns() >= now + round(SHORT * SECOND)
        assert store.holder(LEASE) == lease.holder


def test_who_gives_it_back_between_two_looks_has_no_name() -> None:
    """And is waited for as long."""

    class Taken(MemoryStore):
        def lease(self, *_: object) -> bool:
            return False

    with pytest.raises(StoreError, match="another process correlates there"), shortly(Taken()):
        pytest.fail("it may not begin")


def test_a_store_that_fails_for_a_moment_is_asked_again() -> None:
    """Whether the lease was lost meanwhile shows when it is recorded."""
    asked: list[int] = []

    class Failing(MemoryStore):
        def renew(self, name: str, holder: str, until: int) -> bool:
            asked.append(until)
            if len(asked) in {1, 2}:
                message = "the database is locked"
                raise StoreError(message)
            return super().renew(name, holder, until)

    with shortly(Failing()):
        assert waited(lambda: len(asked) > 4)


def test_what_was_lost_is_not_taken_again() -> None:
    """Another one has it: what was read before is not all that there is."""
    store = MemoryStore()
    with shortly(store) as lease:
        store.release(*lease)
        now = time.time_ns()
        store.lease(LEASE, "other", now + SECOND, now)
        time.sleep(0.3)
        store.release(LEASE, "other")
        time.sleep(0.3)
        assert store.holder(LEASE) == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
def test_no_thread_is_there_while_processes_are_forked() -> None:
    """A lock that it held would be held for ever there; it goes on afterwards."""
    lock = threading.Lock()

    class Slow(MemoryStore):
        def renew(self, name: str, holder: str, until: int) -> bool:
            with lock:
                time.sleep(0.2)
                return super().renew(name, holder, until)

    store = Slow()
    with shortly(store) as lease:
        assert waited(lock.locked)
        told = [*spread_over(2)(lambda _: (os.getpid(), lock.locked()), batches(9))]
        time.sleep(1.5 * SHORT)
        assert not free(store)
        assert store.holder(LEASE) == lease.holder
    assert {held for process, held in told if process != os.getpid()} == {False}


# --- a replay beside a service --------------------------------------------------------------------

TEXTS: Final = {name: rule_text(name, level="critical") for name in ("missing", "refused")}
EARLY: Final = [line("missing", at) for at in range(20)] + [line("refused", at) for at in range(21)]
"""What was logged hours ago, of two failures."""


@pytest.fixture
def replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Replay what was logged early into a store, as a person types it."""
    monkeypatch.chdir(tmp_path)
    export = tmp_path / "early.jsonl"
    export.write_bytes(b"\n".join(EARLY) + b"\n")
    for name, text in TEXTS.items():
        (tmp_path / f"{name}.yml").write_text(text, encoding="utf-8")

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, ["replay", str(export), "--rules", str(tmp_path), *words])

    return run


def counts(store: SqlStore) -> dict[str, int]:
    """Return how often each failure was seen, by incident."""
    return {one.id: sum(item.count for item in one.symptoms) for one in store.incidents()}


def test_a_replay_records_nothing_beside_a_service(
    tmp_path: Path, replay: Callable[..., Result]
) -> None:
    """It says so; once the service is stopped it records, and who comes next goes on with that."""
    url = f"sqlite:///{tmp_path}/store.db"
    with SqlStore(url) as store:
        house = House(ruleset(*TEXTS.values()), store)
        refused: list[Result] = []

        def live(holder: str) -> Live:
            house.now = time.time_ns() + LEASED  # until when it has the lease
            return house.live(holder)

        def beside(service: Service) -> None:
            house.feed.publish([line("missing", 6 * HOUR)])
            house.receiver.step()
            waited(lambda: len(counts(store)) == 1)
            refused.append(replay("--store", url))
            refused.append(replay("--store", url, "--dry-run"))
            service.stop()

        service = Service(Parts(store=store, receivers=(), live=live, holder="host-7-ab"))
        thread = threading.Thread(target=beside, args=(service,))
        thread.start()
        service.run()
        thread.join()
        wrong, dry = refused
        assert wrong.exit_code == 2, wrong.output
        assert "host-7-ab correlates there" in wrong.stderr
        assert dry.exit_code == 0, dry.output
        assert [*counts(store).values()] == [1]
        assert len(store.detections()) == 1

        assert replay("--store", url).exit_code == 0
        known = counts(store)
        assert sorted(known.values()) == [21, 21]
        assert store.holder(LEASE) == ""
        heir = house.live("heir")
        house.feed.publish([line("missing", 6 * HOUR + 10), line("refused", 100)])
        house.receiver.step()
        house.step(heir)
        assert counts(store).keys() == known.keys()
        assert sorted(counts(store).values()) == [22, 22]


def test_a_replay_whose_lease_is_lost_records_nothing(
    tmp_path: Path, replay: Callable[..., Result]
) -> None:
    """As to who stood still for long: another one correlated meanwhile, and knows better."""
    url = f"sqlite:///{tmp_path}/store.db"
    with SqlStore(url) as store:
        stolen = threading.Thread(target=steal, args=(store,))
        stolen.start()
        result = replay("--store", url, "--investigator", "sleep 1")
        stolen.join()
        assert result.exit_code == 1, result.output
        assert "nothing was recorded; run it again" in result.stderr
        assert counts(store) == {}
        assert store.detections() == ()
        assert store.holder(LEASE) == "thief"
    assert not [*tmp_path.glob("fivewhys-out/*")]


def steal(store: SqlStore) -> None:
    """Take the lease as soon as somebody has it, as if its time were over."""
    assert waited(lambda: store.holder(LEASE) != "")
    now = time.time_ns() + 60 * SECOND
    assert store.lease(LEASE, "thief", now + SECOND, now)


def test_who_holds_it_is_who_replays(tmp_path: Path) -> None:
    """Its name says on which machine, and in which process."""
    with SqlStore(f"sqlite:///{tmp_path}/s.db") as store, shortly(store) as lease:
        held: Lease = lease
        assert held.name == LEASE
        assert len(held.holder.split("-")) >= 3
