"""What is published: generated mornings side by side, with copies, out of order."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, Final

from pipeline.entry import format_timestamp, parse_timestamp
from tests.scenarios.morning import make_morning
from tests.scenarios.truth import HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.scenarios.truth import Morning

AGO: Final = 16 * HOUR
"""Where the mornings begin: so long ago that all incidents are quiet, and none is resolved."""

LASTING: Final = 4 * HOUR
"""Mornings that last longer are left out."""

AGAIN: Final = 0.05
"""Share of entries that are published once more, later."""

LATER: Final = 8 * MINUTE
"""How much later at most, by the time of the entries around it."""

DISORDER: Final = MINUTE // 3
"""How far entries are out of order at most, beside that of the mornings themselves.

In the large storm that is six seconds by the clock. What was in the hands of who was killed comes
again after fifteen; together they fit into the half a minute in which lines are read together.
"""


def make_texts(seed: int, count: int) -> list[bytes]:
    """Make so many messages in the order in which they are to be published."""
    chance = random.Random(seed)  # noqa: S311 - the same messages each time is the point
    begin = time.time_ns() // MINUTE * MINUTE - AGO
    written = [item for morning in mornings(seed, count) for item in shifted(morning, begin)]
    found = sorted(written)[: round(count / (1 + AGAIN))]
    placed = [(at + chance.randint(0, DISORDER), text) for at, text in found]
    copies = chance.sample(found, count - len(found))
    placed += [(at + chance.randint(0, LATER), text) for at, text in copies]
    return [text for _, text in sorted(placed)]


def mornings(seed: int, count: int) -> Iterator[Morning]:
    """Yield mornings with more entries than that in all."""
    total = 0
    while total < count:
        morning = make_morning(seed)
        seed += 1
        if morning.written[-1].arrives - morning.written[0].arrives < LASTING:
            total += len(morning.written)
            yield morning


def shifted(morning: Morning, begin: int) -> Iterator[tuple[int, bytes]]:
    """Yield the entries of a morning, as if it had begun then, with when they arrive."""
    ahead = begin - min(item.at for item in morning.written)
    for item in morning.written:
        entry = {**item.entry, "insertId": f"{morning.seed}-{item.key}"}
        for name in ("timestamp", "receiveTimestamp"):
            if name in entry:
                entry[name] = format_timestamp(parse_timestamp(entry[name]) + ahead)
        yield item.arrives + ahead, json.dumps(entry).encode()
