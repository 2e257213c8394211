# ruff: noqa: T201 - a script: it prints
"""How fast `fivewhys run` is, and whether it stays small: `make load`.

    python -m tests.benchmarks.running [--entries 20000] [--latency 30] [--soak 180]

Spans are seconds, 0 leaves a part out. It needs the Pub/Sub emulator; README.md beside this file
says what is measured. No figure makes it fail.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.cloud.pubsub_v1.types import BatchSettings

from pipeline.entry import format_timestamp
from pipeline.sources.pubsub import PubSubFeed
from tests.benchmarks.table import Row, at_least, below, render
from tests.fakes import pubsub
from tests.scenarios.healthy import healthy_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from google.cloud.pubsub_v1.subscriber.message import Message

    from tests.fakes.pubsub import Emulator

COMMAND: Final = [sys.executable, "-c", "from pipeline.cli import main; main()", "run"]
RATE: Final = 1_000
"""Entries a second while latency is measured, and during the soak."""

KNOWN: Final = 50
"""One in so many is one that a rule knows, so that it can be seen in the ledger."""

TEXT: Final = "asyncpg.exceptions.TooManyConnectionsError: sorry, too many clients already"
PATIENCE: Final = 120
"""Seconds that anything may take."""


@dataclass(frozen=True, slots=True)
class Running:
    """A process of `fivewhys run` with its store (an SQLite file) and where it serves figures."""

    process: subprocess.Popen[bytes]
    store: Path
    port: int

    def entries(self) -> int:
        """Return how many entries it has received."""
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer,
        ):
            for line in answer.read().decode().splitlines():
                if line.startswith("fivewhys_received_entries_total"):
                    return int(float(line.split()[-1]))
        return 0

    def size(self) -> tuple[float, int, int]:
        """Return its memory (MB), its threads, and how many files and connections are open."""
        there = Path(f"/proc/{self.process.pid}")
        told = dict(line.split(":", 1) for line in (there / "status").read_text().splitlines())
        files = sum(1 for _ in (there / "fd").iterdir())
        return int(told["VmRSS"].split()[0]) / 1024, int(told["Threads"]), files


@contextmanager
def fivewhys(subscription: str, folder: Path) -> Iterator[Running]:
    """Run a process, and end it."""
    store = Path(tempfile.mkdtemp(dir=folder), "store.db")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "FIVEWHYS_SUBSCRIPTION": subscription,
        "FIVEWHYS_STORE": f"sqlite:///{store}",
        "FIVEWHYS_HTTP_PORT": str(port),
    }
    with subprocess.Popen(COMMAND, env=environment, stderr=subprocess.PIPE) as process:
        assert process.stderr
        process.stderr.readline()
        threading.Thread(target=process.stderr.read, daemon=True).start()
        try:
            yield Running(process, store, port)
        finally:
            process.terminate()
            process.wait()


# --- entries a second -----------------------------------------------------------------------------


def timed(count: Callable[[], int], total: int, pause: float = 0.005) -> float:
    """Return how many a second a growing count came to, from when it first grew.

    It is looked at after each `pause` (seconds). 0 if it never came to the total.
    """
    until = time.monotonic() + PATIENCE
    first = begun = now = 0.0
    while now < total:
        if time.monotonic() > until:
            return 0
        time.sleep(pause)
        now = count()
        if now and not first:
            first, begun = now, time.monotonic()
    passed = time.monotonic() - begun
    return (now - first) / passed if now > first else now / pause


def by_fivewhys(subscription: str, total: int, folder: Path) -> float:
    """Return how many entries a second `fivewhys run` receives."""
    with fivewhys(subscription, folder) as running:
        return timed(running.entries, total, 0.1)


def by_loop(subscription: str, total: int) -> float:
    """Return how many a second a loop pulls and acknowledges, in the way that fivewhys does."""
    done = [0]

    def work() -> None:
        with PubSubFeed(subscription) as feed:
            while done[0] < total:
                messages = feed.pull()
                feed.acknowledge(messages)
                done[0] += len(messages)

    threading.Thread(target=work, daemon=True).start()
    return timed(lambda: done[0], total)


def by_callback(subscription: str, total: int) -> float:
    """Return how many a second come to a callback of StreamingPull that acknowledges."""
    done = [0]
    lock = threading.Lock()

    def callback(message: Message) -> None:
        message.ack()
        with lock:
            done[0] += 1

    with SubscriberClient() as client:
        pulling = client.subscribe(subscription, callback, await_callbacks_on_shutdown=True)
        reached = timed(lambda: done[0], total)
        pulling.cancel()
        with suppress(Exception):
            pulling.result(timeout=10)
    return reached


def throughput(emulator: Emulator, total: int, folder: Path) -> list[Row]:
    """Measure all three, each on a subscription that holds the same entries."""
    texts = [json.dumps(entry).encode() for entry in islice(healthy_day(1, total), total)]
    found: list[float] = []
    ways: tuple[Callable[[str], float], ...] = (
        lambda name: by_fivewhys(name, total, folder),
        lambda name: by_loop(name, total),
        lambda name: by_callback(name, total),
    )
    for way in ways:
        topic, subscription = emulator.subscription(60)
        emulator.publish(topic, texts)
        found.append(way(subscription))
    ours, loop, callback = found
    told = f"{ours:,.0f} entries/s; loop {loop:,.0f}, callback {callback:,.0f}; {total:,} entries"
    return [
        at_least("run: entries a second, of a bare loop's", ours / loop, 0.8, detail=told),
        at_least("run: entries a second, of a callback's", ours / callback, 5),
    ]


# --- latency, and a soak --------------------------------------------------------------------------


class Publisher:
    """Publishes at a rate; each entry bears the time at which it is published."""

    def __init__(self, emulator: Emulator, topic: str) -> None:
        self._stopped = threading.Event()
        self._emulator, self._topic = emulator, topic
        self._thread = threading.Thread(target=self._run)
        self.count = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        begun = time.monotonic()
        with PublisherClient(BatchSettings(max_latency=0.01)) as client:
            while not self._stopped.wait(0.01):
                while self.count < (time.monotonic() - begun) * RATE:
                    client.publish(self._topic, made(self.count))
                    self.count += 1


def made(number: int) -> bytes:
    """Make an entry of now."""
    labels = {"service_name": "backend", "revision_name": "backend-00001-abc"}
    text = TEXT if number % KNOWN == 0 else f"INFO: request {number} served in {number % 90} ms"
    now = time.time_ns()
    entry = {
        "insertId": f"load-{number}-{now}",
        "logName": "projects/demo/logs/run.googleapis.com%2Fstderr",
        "timestamp": format_timestamp(now),
        "resource": {"type": "cloud_run_revision", "labels": labels},
        "textPayload": text,
    }
    return json.dumps(entry).encode()


def seen_late(store: Path, stopped: threading.Event) -> list[float]:
    """Return how long after their publication (s) detections were first seen in a ledger."""
    known: set[str] = set()
    found: list[float] = []
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
        while not stopped.wait(0.02):
            rows = connection.execute("SELECT DISTINCT insert_id FROM detections").fetchall()
            now = time.time_ns()
            for (key,) in rows:
                if key not in known:
                    known.add(key)
                    found.append((now - int(key.rpartition("-")[2])) / 1e9)
    return found


def latency(emulator: Emulator, seconds: int, folder: Path) -> list[Row]:
    """Measure how long entries take from being published to standing in the ledger."""
    topic, subscription = emulator.subscription(60)
    stopped, found = threading.Event(), []
    with ExitStack() as stack:
        running = stack.enter_context(fivewhys(subscription, folder))
        watch = threading.Thread(target=lambda: found.extend(seen_late(running.store, stopped)))
        watch.start()
        with Publisher(emulator, topic) as publisher:
            time.sleep(seconds)
        time.sleep(5)
        stopped.set()
        watch.join()
    rate, due = publisher.count / seconds, -(-publisher.count // KNOWN)
    told = f"{rate:,.0f} entries/s, {len(found):,} of {due:,} seen"
    return [
        below("run: published to ledger, 99 %", share(found, 0.99), 2, unit=" s", detail=told),
        below("run: published to ledger, half of them", share(found, 0.5), 2, unit=" s"),
    ]


def share(found: Sequence[float], part: float) -> float:
    """Return the value that a part of them is not above; infinite if there are none."""
    ordered = sorted(found)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("inf")


def soak(emulator: Emulator, seconds: int, folder: Path) -> list[Row]:
    """Measure whether memory, threads and connections grow."""
    topic, subscription = emulator.subscription(60)
    sizes: list[tuple[float, int, int]] = []
    with fivewhys(subscription, folder) as running, Publisher(emulator, topic) as publisher:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(min(5, seconds / 20))
            sizes.append(running.size())
        behind = publisher.count - running.entries()
    third = len(sizes) // 3
    early, late = (
        max(one[0] for one in part) for part in (sizes[third : 2 * third], sizes[-third:])
    )
    told = f"{publisher.count:,} entries in {seconds:,} s, {behind:,} on their way at the end"
    more = [
        max(one[at] for one in sizes[-third:]) - max(one[at] for one in sizes[:third])
        for at in (1, 2)
    ]
    return [
        below("soak: peak memory", max(one[0] for one in sizes), 300, unit=" MB", detail=told),
        below("soak: memory of the last third, of the second's", late / early, 1.1, unit=" times"),
        below("soak: threads more than at first", more[0], 1),
        below("soak: open files and connections more than at first", more[1], 3),
    ]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--latency", type=int, default=30)
    parser.add_argument("--soak", type=int, default=180)
    options = parser.parse_args()
    rows: list[Row] = []
    with pubsub.emulator() as emulator, tempfile.TemporaryDirectory() as name:
        os.environ["PUBSUB_EMULATOR_HOST"] = emulator.address
        for measured, size in (
            (throughput, options.entries),
            (latency, options.latency),
            (soak, options.soak),
        ):
            rows += measured(emulator, size, Path(name)) if size else []
    print(render(rows))


if __name__ == "__main__":
    main()
