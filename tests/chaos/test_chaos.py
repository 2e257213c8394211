"""A small storm, and what it is made of."""

from __future__ import annotations

import json
import signal
import socket
import socketserver
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from pipeline.ports import Standing
from pipeline.stores.sql.store import SqlStore
from tests.chaos.entries import make_texts
from tests.chaos.house import Findings, houses
from tests.chaos.proxy import proxy
from tests.chaos.storm import DRAIN, HOLDS, Plan, port_of, socket_of, storm
from tests.fakes.github import FakeGithub, running
from tests.test_running import asked, failing, free_port, sum_of, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.pubsub import Emulator

STOPS_IN = 20
"""Seconds within which a stop has to be over, on a machine that is busy with other tests."""

AT_ONCE = 5
"""Seconds, fewer than a stop waits for who does not answer."""

NONE = Findings({}, [], [], [], {"receipts": 0})


SMALL = Plan(kills=5, entries=1_000, seed=4)
"""Of entries of which several issues are filed."""


def test_a_small_storm_changes_nothing(emulator: Emulator, postgresql: str, tmp_path: Path) -> None:
    """Some kills and cuts, one and two replicas by turns; `make chaos` has hundreds."""
    result = storm(emulator, postgresql, SMALL, tmp_path, lambda _: None)
    assert result.problems == []
    assert result.summary.startswith("5 kills")
    assert result.issues
    assert result.caught
    assert all(result.cuts)


def test_told_to_stop_it_ends_in_time_whatever_does_not_answer(
    emulator: Emulator, postgresql: str, tmp_path: Path
) -> None:
    """With status 0, as nothing is lost by it; the store's own patience is longer."""
    log = tmp_path / "log"
    with running(FakeGithub()) as github:
        house = houses(emulator, postgresql, github)
        with proxy(socket_of(house.store)) as store:
            process = house.start(log, store_port=store.port)
            try:
                while b"started" not in log.read_bytes():
                    assert process.poll() is None
                    time.sleep(0.1)
                store.stall()
                process.send_signal(signal.SIGTERM)
                assert process.wait(STOPS_IN) == 0
            finally:
                process.kill()


def test_told_twice_to_stop_it_ends_at_once_and_loses_nothing(
    emulator: Emulator, postgresql: str, tmp_path: Path
) -> None:
    """What it has in hand and could not keep was not acknowledged."""
    log = tmp_path / "log"
    texts = [failing(at) for at in range(40)]
    with ExitStack() as stack:
        house = houses(emulator, postgresql, stack.enter_context(running(FakeGithub())))
        store = stack.enter_context(proxy(socket_of(house.store)))
        pubsub = stack.enter_context(proxy(port_of(emulator.address)))
        process = house.start(log, store_port=store.port, pubsub_port=pubsub.port)
        stack.callback(process.wait)
        stack.callback(process.kill)
        wait_until(lambda: pubsub.answered > 0)  # the first pull has its answer
        store.stall()
        before = pubsub.answered
        emulator.publish(house.topic, texts)
        wait_until(lambda: pubsub.answered >= before + sum(map(len, texts)))
        time.sleep(HOLDS[1])
        begun = time.monotonic()
        while process.poll() is None:
            process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
        assert process.returncode == 128 + signal.SIGTERM
        assert time.monotonic() - begun < AT_ONCE
        store.cut()  # behind the stall the server does not see that who had a lock is gone
        with SqlStore(house.store) as kept:
            assert kept.standing() == Standing()
        drain = house.start(tmp_path / "drain", "--until-idle")
        stack.callback(drain.kill)
        assert drain.wait(DRAIN) == 0
    assert sum_of(house.store) == len(texts)


def test_a_store_that_is_up_later_is_waited_for(
    emulator: Emulator, postgresql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a proxy of it may begin after us: it is said and counted."""
    log = tmp_path / "log"
    port = free_port()
    monkeypatch.setenv("FIVEWHYS_HTTP_PORT", str(port))
    with running(FakeGithub()) as github:
        house = houses(emulator, postgresql, github)
        with proxy(socket_of(house.store)) as store:
            store.cut()
            process = house.start(log, store_port=store.port)
            try:
                wait_until(lambda: b"it is tried again" in log.read_bytes())
                store.mend()
                wait_until(lambda: 'again_total{kind="store"} ' in asked(port, "/metrics"))
                wait_until(lambda: b"started" in log.read_bytes())
                assert process.poll() is None
            finally:
                process.kill()
                process.wait()


def test_half_of_the_time_there_are_two() -> None:
    """However few are killed."""
    for kills in (4, 5, 200):
        plan = Plan(kills, 1)
        double = sum(plan.is_double(killed) for killed in range(kills))
        assert double == kills // 2


def test_entries_come_twice_and_out_of_order() -> None:
    """As many as asked for, of which one in twenty or more is a copy."""
    entries = [json.loads(text) for text in make_texts(1, 1_000)]
    keys = [one["insertId"] for one in entries]
    times = [one["timestamp"] for one in entries]
    assert len(entries) == 1_000
    assert 850 < len(set(keys)) <= 1_000 / 1.05 + 1
    assert times != sorted(times)


def test_any_difference_is_told() -> None:
    """What is only there, or only here, or left."""
    assert list(NONE.differences(NONE)) == []
    other = Findings({"a": 1}, ["a"], ["An issue"], ["poison"], {"receipts": 2})
    told = list(other.differences(NONE))
    assert [text.partition(" ")[0].partition("\n")[0] for text in told] == [
        "incident",
        "ledger:",
        "issues",
        "poison",
        "2",
    ]


class Echo(socketserver.BaseRequestHandler):
    """Sends back what was said."""

    def handle(self) -> None:
        """Do it until nothing is said any more."""
        while said := self.request.recv(100):
            self.request.sendall(said)


@pytest.fixture(name="echo")
def _echo() -> Iterator[int]:
    """Serve whoever connects; lend the port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_address[1]
        server.shutdown()


def test_a_proxy_that_is_cut_resets_and_refuses(echo: int) -> None:
    """Until it is mended."""
    with proxy(echo) as one:
        with socket.create_connection(("127.0.0.1", one.port), timeout=5) as client:
            client.sendall(b"hello")
            assert client.recv(100) == b"hello"
            one.cut()
            with pytest.raises(ConnectionResetError):
                client.recv(100)
        with (
            pytest.raises(ConnectionResetError),
            socket.create_connection(("127.0.0.1", one.port), timeout=5) as refused,
        ):
            refused.recv(100)
        one.mend()
        with socket.create_connection(("127.0.0.1", one.port), timeout=5) as again:
            again.sendall(b"again")
            assert again.recv(100) == b"again"


def test_a_proxy_that_stalls_loses_nothing(echo: int) -> None:
    """It only keeps everybody waiting."""
    with proxy(echo) as one, socket.create_connection(("127.0.0.1", one.port)) as client:
        client.settimeout(0.5)
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
        one.stall()
        client.sendall(b"later")
        with pytest.raises(TimeoutError):
            client.recv(100)
        one.mend()
        client.settimeout(5)
        assert client.recv(100) == b"later"
