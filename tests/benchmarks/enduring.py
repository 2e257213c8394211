# ruff: noqa: T201 - a script: it prints
"""What a failure that never ends costs: memory, time of a step, room in the store, by detections.

    python -m tests.benchmarks.enduring [--detections 1000000] [--days 30] [--counted] [--quick]

One service fails in the same way all the time, evenly over the days; each detection is of an entry
of its own. They are correlated by the rules that come along and written to a store, as by
`fivewhys run`: every ten minutes what makes no difference any more is only counted. At each tenth
of the way all incidents are asked for once after one more detection, which is what a step of a run
costs, and what is over is forgotten. Times are those of the processor. `--counted`: it is one that
correlations count, so that it stays known for a while when each detection was. `--quick`: the store
is told only of what stays; it comes to the same, and to write what goes again takes most of the
time.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import structs

from pipeline.bootstrap.reading import load_rules
from pipeline.correlation import CorrelationSettings, Correlator
from pipeline.detection import Detector
from pipeline.entry import format_timestamp, parse_entry
from pipeline.lifecycle import DAY
from pipeline.live import LEASE, TIDYING
from pipeline.redaction import Redactor
from pipeline.stores.shelf import TemporaryShelf
from pipeline.stores.sql.store import SqlStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.detection import Detection

BEGIN: Final = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z."""

TEXT: Final = "asyncpg.exceptions.TooManyConnectionsError: sorry, too many clients already"
COUNTED: Final = (
    'Traceback (most recent call last):\n  File "/app/main.py", line 12, in get\nKeyError'
)
BATCH: Final = 1_000
MEGABYTE: Final = 1_000_000
HOLDER: Final = "one"


def detections(detector: Detector, text: str, count: int, span: int) -> Iterator[Detection]:
    """Yield what is seen in so many entries within a span, all alike but for key and time."""
    record = {
        "insertId": "e",
        "timestamp": format_timestamp(BEGIN),
        "logName": "projects/demo/logs/run.googleapis.com%2Fstderr",
        "severity": "ERROR",
        "resource": {
            "type": "cloud_run_revision",
            "labels": {"service_name": "backend", "revision_name": "backend-00001-abc"},
        },
        "textPayload": text,
    }
    (entry,) = parse_entry(record, place="made")
    (one,) = detector.detect(entry)
    for number in range(count):
        at, name = BEGIN + span * number // count, f"e{number:012d}"
        sample = structs.replace(one.sample, timestamp=at, insert_id=name)
        yield structs.replace(one, key=(one.key[0], at, name), sample=sample)


def resident() -> float:
    """Return how many megabytes this process has in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def main() -> None:
    """Measure, and print a line for each tenth."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--detections", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--counted", action="store_true")
    parser.add_argument("--quick", action="store_true")
    said = parser.parse_args()
    ruleset = load_rules((), "")
    detector = Detector(ruleset, Redactor())
    with tempfile.TemporaryDirectory() as folder:
        store = SqlStore(f"sqlite:///{folder}/store.db")
        correlator = Correlator(ruleset, CorrelationSettings(), shelf=TemporaryShelf())
        store.lease(LEASE, HOLDER, BEGIN, BEGIN)
        waiting: list[Detection] = []
        print(f"{resident():,.0f} MB at the beginning", flush=True)
        tenth, thinned_at, thinning = max(1, said.detections // 10), BEGIN, 0.0
        text, span = COUNTED if said.counted else TEXT, said.days * DAY
        for number, one in enumerate(detections(detector, text, said.detections, span), 1):
            correlator.on_detections(one.key, one.richness, [one])
            correlator.on_time(one.timestamp)
            waiting.append(one)
            is_due = one.timestamp - thinned_at >= TIDYING
            if (len(waiting) >= BATCH or is_due) and not said.quick:
                store.record(waiting, [], one.timestamp)
                waiting = []
            if is_due:
                begun, thinned_at = time.process_time(), one.timestamp
                gone = correlator.thin()
                thinned = time.process_time()
                went = set(gone.keys if gone else ())
                if went or not said.quick:
                    store.record([item for item in waiting if item.key not in went], [], thinned_at)
                    waiting = []
                writing = time.process_time()
                if gone is not None:
                    store.thin(gone, LEASE, HOLDER)
                thinning = max(thinning, time.process_time() - writing + thinned - begun)
            if not number % tenth:
                begun = time.process_time()
                found = correlator.incidents()
                step = time.process_time() - begun
                over = correlator.evict()
                evicting = time.process_time() - begun - step
                told = {
                    "detections": number,
                    "counted": sum(item.count for made in found for item in made.symptoms),
                    "incidents": len(found),
                    "forgotten": len(over),
                    "rss_mb": round(resident()),
                    "step_s": round(step, 2),
                    "evict_s": round(evicting, 2),
                    "longest_thinning_s": round(thinning, 2),
                    "store_mb": round(store.size().total / MEGABYTE, 1),
                    "kept": store.size().rows["detections"],
                }
                print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
