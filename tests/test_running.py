"""`fivewhys run` as a process over the real Pub/Sub emulator: killed, doubled, told to stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from contextlib import closing, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from google.cloud.pubsub_v1 import SubscriberClient

from pipeline import receipts
from pipeline.filling import FILLING, may_come_late
from pipeline.ownlog import FIGURES
from pipeline.sources.pubsub import PubSubFeed
from pipeline.stores.sql.store import SqlStore
from tests.fakes.pubsub import PROJECT
from tests.support import BASE, SECOND, entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.fakes.pubsub import Emulator

COMMAND = [sys.executable, "-c", "from pipeline.cli import main; main()", "run"]
EXPORT = Path(__file__).parent.parent / "examples" / "staging-2025-09-10.jsonl"
STOPS_IN = 8
"""Seconds that Cloud Run leaves, less some."""

TAKEN_OVER_IN = 30
"""Seconds: the leases of who correlated (6) and of messages on their way (10) have to be over."""


def environment(subscription: str, store: str) -> dict[str, str]:
    """Return the settings of a run."""
    return {**os.environ, "FIVEWHYS_SUBSCRIPTION": subscription, "FIVEWHYS_STORE": store}


@contextmanager
def running(subscription: str, store: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run a process, and kill it if it is still there at the end."""
    with subprocess.Popen(
        [*COMMAND, *options],
        env=environment(subscription, store),
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def wait_until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so; fail if it never is."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it never was so"
        time.sleep(0.1)


def counts(url: str) -> dict[str, dict[str, int]]:
    """Return how often each symptom was seen, by incident title."""
    with SqlStore(url) as store:
        return {
            one.title: {item.title: item.count for item in one.symptoms}
            for one in store.incidents()
        }


def test_a_drain_takes_everything_once_and_ends(emulator: Emulator, tmp_path: Path) -> None:
    """The example export, published twice: two incidents, each entry counted once.

    Of a gap that was to be filled while there was a filter nothing is expected any more.
    """
    url = f"sqlite:///{tmp_path}/store.db"
    with SqlStore(url) as store:
        store.keep_mark(FILLING, BASE)
    topic, subscription = emulator.subscription()
    texts = [text.encode() for text in EXPORT.read_text(encoding="utf-8").splitlines()]
    emulator.publish(topic, texts + texts[::3])
    done = subprocess.run(
        [*COMMAND, "--until-idle"],
        env=environment(subscription, url),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0
    assert messages(done.stderr.splitlines()) == [
        "started",
        f"stopped; received {len(texts + texts[::3]):,} messages",
    ]
    with SqlStore(url) as store:
        assert store.receipts(1) == []
        assert len(store.ledger()) == 2
        found = {item.rule: item.count for one in store.incidents() for item in one.symptoms}
        assert not may_come_late(store, time.time_ns(), 0)
    assert found["missing_table"] == 9


def test_a_kill_loses_nothing_and_repeats_nothing(emulator: Emulator, tmp_path: Path) -> None:
    """Three processes are killed with work in hand; a fourth finishes it."""
    url = f"sqlite:///{tmp_path}/store.db"
    topic, subscription = emulator.subscription()
    lines = [failing(at) for at in range(300)]
    for number in range(3):
        emulator.publish(topic, lines[number::3])
        with running(subscription, url) as child:
            time.sleep(1.5 + number / 2)
            child.send_signal(signal.SIGKILL)
    with running(subscription, url) as child:
        wait_until(lambda: sum_of(url) == 300)
        stop(child)
    assert sum_of(url) == 300


def test_a_drain_waits_for_what_the_dead_had_in_hand(emulator: Emulator, tmp_path: Path) -> None:
    """It comes again when its lease is over, and counts."""
    url = f"sqlite:///{tmp_path}/store.db"
    topic, subscription = emulator.subscription(deadline=15)
    emulator.publish(topic, [failing(at) for at in range(10)])
    with PubSubFeed(subscription) as dead:
        assert len(dead.pull()) == 10
    with running(subscription, url, "--until-idle") as child:
        assert child.wait(120) == 0
    assert sum_of(url) == 10


@pytest.mark.parametrize("is_first", [True, False])
def test_two_replicas_share_the_work_and_one_correlates(
    emulator: Emulator,
    tmp_path: Path,
    is_first: bool,  # noqa: FBT001 - drawn
) -> None:
    """Whichever of them dies, who correlates or who does not, the other goes on within seconds."""
    url = f"sqlite:///{tmp_path}/store.db"
    topic, subscription = emulator.subscription()
    with running(subscription, url) as one:
        emulator.publish(topic, [failing(0)])
        wait_until(lambda: sum_of(url) == 1)
        with running(subscription, url) as other:
            emulator.publish(topic, [failing(at) for at in range(1, 100)])
            wait_until(lambda: sum_of(url) == 100)
            dies, lives = (one, other) if is_first else (other, one)
            dies.send_signal(signal.SIGKILL)
            emulator.publish(topic, [failing(at) for at in range(100, 150)])
            wait_until(lambda: sum_of(url) == 150, TAKEN_OVER_IN)
            stop(lives)


def test_requests_of_an_hour_ago_are_compared_with(emulator: Emulator, tmp_path: Path) -> None:
    """Half of the requests are slow for ten minutes, none in the 80 before: a run tells of it."""
    url = f"sqlite:///{tmp_path}/store.db"
    topic, subscription = emulator.subscription()
    with running(subscription, url) as child:
        for since in range(0, 4_800, 600):
            emulator.publish(topic, [answered(since + at, 0.2) for at in range(0, 600, 10)])
            wait_until(partial(is_correlated, url, since + 590))
        mixed = [answered(at, 1 + 5 * (at % 20 // 10)) for at in range(4_800, 5_400, 10)]
        emulator.publish(topic, mixed)
        wait_until(lambda: any("took 5 s or longer" in title for title in counts(url)))
        stop(child)


def test_stopped_for_longer_than_its_lease_it_repeats_nothing(
    emulator: Emulator, tmp_path: Path
) -> None:
    """As a machine is that is moved: another process goes on meanwhile, and both do afterwards."""
    url = f"sqlite:///{tmp_path}/store.db"
    topic, subscription = emulator.subscription()
    with running(subscription, url) as one:
        emulator.publish(topic, [failing(at) for at in range(40)])
        wait_until(lambda: sum_of(url) == 40)
        with running(subscription, url) as other:
            # The first is for whom it stops, the second for all: without a terminal nobody is.
            for number in (signal.SIGTSTP, signal.SIGSTOP):
                one.send_signal(number)
            emulator.publish(topic, [failing(at) for at in range(40, 80)])
            wait_until(lambda: sum_of(url) == 80)
            one.send_signal(signal.SIGCONT)
            emulator.publish(topic, [failing(at) for at in range(80, 120)])
            wait_until(lambda: sum_of(url) == 120)
            stop(one)
            stop(other)
    assert sum_of(url) == 120


def test_told_to_stop_it_ends_in_time(emulator: Emulator, tmp_path: Path) -> None:
    """With status 0; so does a limit of its own."""
    url = f"sqlite:///{tmp_path}/store.db"
    _, subscription = emulator.subscription()
    with running(subscription, url) as child:
        assert child.stderr is not None
        assert messages(iter(child.stderr.readline, ""), 1) == ["started"]
        stop(child)
    with running(subscription, url, "--max-runtime", "2s") as child:
        assert child.wait(60) == 0


def test_it_says_how_it_is_while_it_runs(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alive, ready once both sides were reached, with metrics of what came, and in its log whose.

    No text of any entry is in the metrics.
    """
    url = f"sqlite:///{tmp_path}/store.db"
    topic, subscription = emulator.subscription()
    emulator.publish(topic, [failing(0), b"{"])
    port = free_port()
    monkeypatch.setenv("FIVEWHYS_HTTP_PORT", str(port))
    with running(subscription, url) as child:
        wait_until(lambda: asked(port, "/readyz") == "ok\n")
        wait_until(lambda: 'fivewhys_incidents{state="new"} 1\n' in asked(port, "/metrics"))
        text = asked(port, "/metrics")
        assert asked(port, "/livez") == "ok\n"
        stop(child)
        assert child.stderr is not None
        said = [json.loads(line) for line in child.stderr]
    for line in ("received_entries_total 1", "quarantine_messages 1", "correlating 1"):
        assert f"\nfivewhys_{line}\n" in text
    assert 'fivewhys_batch_seconds_bucket{le="60"} ' in text
    assert "asyncpg" not in text
    assert any(one["message"] == "started" for one in said)
    assert all(one["logging.googleapis.com/labels"]["fivewhys.own"] == "1" for one in said)


def test_poison_is_left_to_the_dead_letter_topic(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It blocks nothing and nobody waits for it; the log says what was wrong with it, once.

    It does so whoever of several receivers gets it.
    """
    url = f"sqlite:///{tmp_path}/store.db"
    (topic, _), (letters, listener) = emulator.subscription(), emulator.subscription()
    subscription = f"{PROJECT}/subscriptions/d{uuid.uuid4().hex}"
    policy = {"dead_letter_topic": letters, "max_delivery_attempts": 5}
    with SubscriberClient() as client:
        client.create_subscription(
            request={"name": subscription, "topic": topic, "dead_letter_policy": policy}
        )
    emulator.publish(topic, [b"{", *(failing(at) for at in range(3)), b"[1]"])
    monkeypatch.setenv("FIVEWHYS_POISON", "dead-letter")
    monkeypatch.setenv("FIVEWHYS_RECEIVERS", "3")
    with running(subscription, url, "--until-idle") as child:
        assert child.wait(120) == 0
        assert child.stderr is not None
        said = [one for one in messages(child.stderr) if "dead-letter" in one]
    assert sorted(one.partition(": ")[2][:7] for one in said) == ["a list,", "no JSON"]
    assert sum_of(url) == 3
    with SqlStore(url) as store:
        assert store.poison() == []
        assert len(store.ledger()) == 1
    with PubSubFeed(listener) as feed:
        left: set[bytes] = set()
        while len(left) < 2:
            left |= {one.data for one in feed.pull()}
    assert left == {b"{", b"[1]"}


def test_what_hinders_it_is_said_as_entries_too(tmp_path: Path) -> None:
    """With the status that a command has for it."""
    done = subprocess.run(
        COMMAND,
        env=environment("nonsense", f"sqlite:///{tmp_path}/store.db"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    (said,) = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 2
    assert said["severity"] == "CRITICAL"
    assert said["message"].startswith("FIVEWHYS_SUBSCRIPTION: ")


def messages(lines: Iterable[str], count: int | None = None) -> list[str]:
    """Return what a process said, or so much of it, without the figures of each minute."""
    said = (json.loads(line)["message"] for line in lines)
    return [*islice((one for one in said if one != FIGURES), count)]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def asked(port: int, path: str) -> str:
    """Ask a process over HTTP; return "" while there is no answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def failing(at: int) -> bytes:
    """Write an entry of a failure that a shipped rule knows."""
    text = "asyncpg.exceptions.TooManyConnectionsError: sorry, too many clients already"
    return entry(text, at=at, key=f"entry-{at}").json


def answered(at: int, seconds: float) -> bytes:
    """Write a request log of a request that took so long."""
    request = {"status": 200, "requestMethod": "GET", "latency": f"{seconds}s"}
    log_name = "projects/demo/logs/run.googleapis.com%2Frequests"
    key = f"request-{at}"
    return entry(at=at, key=key, severity="INFO", logName=log_name, httpRequest=request).json


def is_correlated(url: str, at: int) -> bool:
    """Say whether entries were correlated up to a time."""
    with SqlStore(url) as store:
        return any(receipts.read(one).watermark >= BASE + at * SECOND for one in store.recent(0))


def sum_of(url: str) -> int:
    """Return how many detections all incidents have."""
    return sum(sum(symptoms.values()) for symptoms in counts(url).values())


def stop(child: subprocess.Popen[str]) -> None:
    """Tell a process to stop, and see that it does."""
    begun = time.monotonic()
    child.send_signal(signal.SIGTERM)
    assert child.wait(STOPS_IN) == 0
    assert time.monotonic() - begun < STOPS_IN
