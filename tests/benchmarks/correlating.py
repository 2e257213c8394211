# ruff: noqa: T201 - a script: it prints
"""What correlation costs: `python -m tests.benchmarks.correlating [DETECTIONS ...]`.

Made-up detections of 10,000 fingerprints: 500 services with a chain of 20 symptoms each, every one
explained by the one before, ten detections a second, in any order of symptoms. Seconds of CPU:
`told` until the correlator has them all, `correlated` for the incidents of all of them, `again` to
be asked once more when nothing changed. Making the detections does not count.
"""

from __future__ import annotations

import gc
import random
import resource
import sys
from time import process_time
from typing import TYPE_CHECKING, Final

from pipeline.cli import YOUNG_OBJECTS
from pipeline.correlation import Correlator
from pipeline.detection import Detection, Sample
from pipeline.stores.shelf import TemporaryShelf
from tests.support import BASE, SECOND, rule_text, ruleset

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICES: Final = 500
SYMPTOMS: Final = 20
SIZES: Final = (100_000, 300_000, 1_000_000)
AT_ONCE: Final = 10_000
TEXT: Final = "something went wrong while the service was starting, and this is what it said of it"


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Print a row for each number of detections; garbage is looked for as in every run."""
    gc.set_threshold(YOUNG_OBJECTS)
    print("| detections | told | correlated | again | microseconds each | incidents | memory |")
    print("|---|---|---|---|---|---|---|")
    for size in sizes:
        print(row(size), flush=True)


def row(size: int) -> str:
    """Measure one size."""
    edge = "{{caused_by: [{{rule: r{}, same: [service], within: 5m}}]}}"
    rules = ruleset(
        *(
            rule_text(f"r{index}", audit=edge.format(index - 1) if index else "")
            for index in range(SYMPTOMS)
        )
    )
    with TemporaryShelf() as shelf:
        correlator = Correlator(rules, shelf=shelf)
        told = sum(_tell(correlator, some) for some in _detections(size))
        start = process_time()
        count = len(correlator.incidents())
        correlated = process_time() - start
        start = process_time()
        correlator.notify_at()
        again = process_time() - start
    each = (told + correlated) / size * 1_000_000
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return (
        f"| {size:,} | {told:.2f} s | {correlated:.2f} s | {again:.3f} s | {each:.1f} "
        f"| {count:,} | {memory} MB |"
    )


def _tell(correlator: Correlator, detections: list[Detection]) -> float:
    start = process_time()
    for item in detections:
        correlator.on_detections(item.key, item.richness, (item,))
        correlator.on_time(item.timestamp)
    return process_time() - start


def _detections(size: int) -> Iterator[list[Detection]]:
    chosen = random.Random(1)  # noqa: S311 - the same detections each time
    for first in range(0, size, AT_ONCE):
        yield [_detection(number, chosen) for number in range(first, min(size, first + AT_ONCE))]


def _detection(number: int, chosen: random.Random) -> Detection:
    rule, service = f"r{chosen.randrange(SYMPTOMS)}", f"s{chosen.randrange(SERVICES)}"
    key = ("log", BASE + number * SECOND // 10, f"id-{number}")
    fields = {"service": service}
    return Detection(
        rule=rule,
        key=key,
        richness=(1, 1, 1, "x"),
        fingerprint=f"{rule} {service}",
        explanation=(rule,),
        entity=fields,
        fields=fields,
        service=service,
        revision=f"{service}-00001",
        sample=Sample(key[1], key[0], key[2], "ERROR", TEXT),
    )


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or SIZES)
