# ruff: noqa: T201 - a script: it prints
"""How fast `fivewhys run` is, and whether it stays small: `make load`.

    python -m tests.benchmarks.running [--entries 40000] [--rounds 3] [--latency 30] [--soak 180]
    python -m tests.benchmarks.running --only entries --day mixed
    python -m tests.benchmarks.running --only soak --soak 1800

Spans are seconds, 0 leaves a part out. The soak says each minute how large the process is. It needs
the Pub/Sub emulator; README.md beside this file says what is measured. No figure makes it fail.
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
from google.cloud.pubsub_v1.types import (
    BatchSettings,
    LimitExceededBehavior,
    PublisherOptions,
    PublishFlowControl,
)

from pipeline.entry import format_timestamp
from pipeline.sources.pubsub import PubSubFeed
from tests.benchmarks import corpus
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
MEMORY: Final = "2g"
"""What the emulator may take."""

WAITING: Final = PublishFlowControl(
    message_limit=2 * RATE, limit_exceeded_behavior=LimitExceededBehavior.BLOCK
)
"""How many entries may be on their way to the emulator."""

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


@dataclass(frozen=True, slots=True)
class Reached:
    """Entries a second, and what each cost (microseconds of CPU): who takes them, the emulator."""

    rate: float
    own: float
    emulator: float

    def __str__(self) -> str:
        """Say all of it."""
        return f"{self.rate:,.0f}/s, CPU {self.own:.0f} us + {self.emulator:.0f} us"


def cpu(pid: int) -> float:
    """Return the seconds of CPU that a process has taken."""
    told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def timed(
    count: Callable[[], int], total: int, pids: tuple[int, int], pause: float = 0.005
) -> Reached:
    """Return what a growing count came to, from when it first grew until it is the total.

    It is looked at after each `pause` (seconds). All is 0 if it never came to the total. `pids`:
    who takes the entries, and the emulator.
    """
    until = time.monotonic() + PATIENCE
    first = now = 0
    begun, before = 0.0, (0.0, 0.0)
    while now < total:
        if time.monotonic() > until:
            return Reached(0, 0, 0)
        time.sleep(pause)
        now = count()
        if now and not first:
            first, begun, before = now, time.monotonic(), (cpu(pids[0]), cpu(pids[1]))
    passed = time.monotonic() - begun
    if now == first:
        return Reached(now / pause, 0, 0)
    own, emulator = (cpu(pid) - used for pid, used in zip(pids, before, strict=True))
    each = 1e6 / (now - first)
    return Reached((now - first) / passed, own * each, emulator * each)


def by_fivewhys(emulator: Emulator, subscription: str, total: int, folder: Path) -> Reached:
    """Receive with `fivewhys run`."""
    with fivewhys(subscription, folder) as running:
        return timed(running.entries, total, (running.process.pid, emulator.pid), 0.1)


def by_loop(emulator: Emulator, subscription: str, total: int) -> Reached:
    """Pull and acknowledge in a loop, by the feed that fivewhys has, and do nothing else."""
    done = [0]

    def work() -> None:
        with PubSubFeed(subscription) as feed:
            while done[0] < total:
                messages = feed.pull()
                feed.acknowledge(messages)
                done[0] += len(messages)

    threading.Thread(target=work, daemon=True).start()
    return timed(lambda: done[0], total, (os.getpid(), emulator.pid))


def by_callback(emulator: Emulator, subscription: str, total: int) -> Reached:
    """Acknowledge in a callback of StreamingPull."""
    done = [0]
    lock = threading.Lock()

    def callback(message: Message) -> None:
        message.ack()
        with lock:
            done[0] += 1

    with SubscriberClient() as client:
        pulling = client.subscribe(subscription, callback, await_callbacks_on_shutdown=True)
        reached = timed(lambda: done[0], total, (os.getpid(), emulator.pid))
        pulling.cancel()
        with suppress(Exception):
            pulling.result(timeout=10)
    return reached


def _healthy(total: int) -> Iterator[bytes]:
    """Yield entries that look like failures and are none, as rules are tried on."""
    return (json.dumps(entry).encode() for entry in healthy_day(1, total))


def _mixed(total: int) -> Iterator[bytes]:
    """Yield entries as those of the file of `make bench`: half requests, 0.3 % errors."""
    chunks = corpus.entries(total * corpus.BATCH, corpus.expressions(40))
    return (line for chunk in chunks for line in chunk.splitlines())


DAYS: Final[dict[str, Callable[[int], Iterator[bytes]]]] = {"healthy": _healthy, "mixed": _mixed}
"""What entries are like, by name."""


def throughput(emulator: Emulator, texts: Sequence[bytes], rounds: int, folder: Path) -> list[Row]:
    """Measure all three in turn, each on a subscription that holds the same entries.

    The figure of each is the median of the rounds; a callback is slow, and gets fewer entries.
    """
    total = len(texts)
    few = max(1, total // 8)
    ways: tuple[tuple[int, Callable[[str], Reached]], ...] = (
        (total, lambda name: by_fivewhys(emulator, name, total, folder)),
        (total, lambda name: by_loop(emulator, name, total)),
        (few, lambda name: by_callback(emulator, name, few)),
    )
    found: tuple[list[Reached], ...] = ([], [], [])
    for _ in range(rounds):
        for kept, (count, way) in zip(found, ways, strict=True):
            topic, subscription = emulator.subscription(60)
            emulator.publish(topic, texts[:count])
            kept.append(way(subscription))
    ours, loop, callback = (sorted(kept, key=lambda one: one.rate)[rounds // 2] for kept in found)
    return [
        at_least(
            "run: entries a second, of a bare loop's",
            ours.rate / loop.rate,
            0.8,
            detail=f"run {ours} of the emulator; loop {loop}; {total:,} entries, {rounds} rounds",
        ),
        at_least(
            "run: entries a second, of a callback's",
            ours.rate / callback.rate,
            5,
            detail=f"callback {callback}",
        ),
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
        options = PublisherOptions(flow_control=WAITING)
        with PublisherClient(BatchSettings(max_latency=0.01), options) as client:
            while not self._stopped.wait(0.01):
                while self.count < (time.monotonic() - begun) * RATE:
                    last = client.publish(self._topic, made(self.count))
                    self.count += 1
            last.result()


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
    """Measure whether memory, threads and connections grow, and say each minute how many."""
    topic, subscription = emulator.subscription(60)
    sizes: list[tuple[float, int, int]] = []
    with fivewhys(subscription, folder) as running, Publisher(emulator, topic) as publisher:
        begun = told = time.monotonic()
        while (now := time.monotonic()) < begun + seconds:
            time.sleep(min(5, seconds / 20))
            sizes.append(running.size())
            if now >= told + 60:
                told += 60
                behind = publisher.count - running.entries()
                memory, threads, files = sizes[-1]
                passed = f"{(now - begun) / 60:3.0f} min: {memory:4.0f} MB, {threads} threads"
                print(f"{passed}, {files} files, {behind:,} entries on their way", flush=True)
        behind = publisher.count - running.entries()
    third = len(sizes) // 3
    early, late = (
        max(one[0] for one in part) for part in (sizes[third : 2 * third], sizes[-third:])
    )
    detail = f"{publisher.count:,} entries in {seconds:,} s, {behind:,} on their way at the end"
    more = [
        max(one[at] for one in sizes[-third:]) - max(one[at] for one in sizes[:third])
        for at in (1, 2)
    ]
    most = max(one[0] for one in sizes)
    return [
        below("soak: peak memory", most, 300, unit=" MB", detail=detail),
        below("soak: memory of the last third, of the second's", late / early, 1.1, unit=" times"),
        below("soak: threads more than at first", more[0], 1),
        below("soak: open files and connections more than at first", more[1], 3),
    ]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--day", choices=DAYS, default="healthy")
    parser.add_argument("--latency", type=int, default=30)
    parser.add_argument("--soak", type=int, default=180)
    parser.add_argument("--only", choices=("entries", "latency", "soak"))
    options = parser.parse_args()
    rows: list[Row] = []
    with pubsub.emulator(MEMORY) as emulator, tempfile.TemporaryDirectory() as name:
        os.environ["PUBSUB_EMULATOR_HOST"] = emulator.address
        folder = Path(name)
        parts: dict[str, Callable[[int], list[Row]]] = {
            "entries": lambda size: throughput(
                emulator, [*islice(DAYS[options.day](size), size)], options.rounds, folder
            ),
            "latency": lambda size: latency(emulator, size, folder),
            "soak": lambda size: soak(emulator, size, folder),
        }
        for part, measure in parts.items():
            size = getattr(options, part)
            rows += measure(size) if size and options.only in {None, part} else []
    print(render(rows))


if __name__ == "__main__":
    main()
