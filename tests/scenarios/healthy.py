"""A day on which all is well: entries of healthy services, in words that sound like trouble.

Every text of `healthy.yml` occurs, in the shapes in which the platform delivers it. Requests
fail once in a while for their senders' reasons (401, 404, 429, 499), some are slow, services are
deployed, scaled and restarted, a database is restarted in its maintenance window: nothing of it is
an incident.
"""

from __future__ import annotations

import random
from itertools import cycle
from typing import TYPE_CHECKING, Final

from tests.scenarios import wire
from tests.scenarios.calm import MAKERS, Day, instances
from tests.scenarios.truth import HOUR, SECOND
from tests.scenarios.world import make_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.scenarios.truth import Entry

ENTRIES: Final = 200_000
BEGIN: Final = 1_747_612_800 * SECOND  # 2025-05-19T00:00:00Z
DAY: Final = 24 * HOUR
DEPLOYMENTS: Final = 4
"""How many sound deployments there are in a day, each of another service."""


def healthy_day(seed: int = 1, entries: int = ENTRIES) -> Iterator[Entry]:
    """Yield so many entries of a healthy day (or a few more), nearly in order of time."""
    chance = random.Random(seed)  # noqa: S311 - the same day each time is the point
    world = make_world(chance)
    serving = {service.name: instances(chance, service, 1) for service in world.services}
    day = Day(chance, world, serving)
    turns = [cycle(items) for _, _, items in MAKERS]
    weights = [weight for _, weight, _ in MAKERS]
    written = deployed = number = 0
    first = [index for index, (_, _, items) in enumerate(MAKERS) for _ in items]
    chance.shuffle(first)  # each text once, whatever chance thinks of it
    while written < entries:
        at = BEGIN + written * DAY // entries + chance.randint(0, SECOND)
        if written * (DEPLOYMENTS + 1) // entries > deployed:
            deployed += 1
            made = [(at, wire.replaced(world.project, day.deploy(deployed)))]
        else:
            index = first.pop() if first else chance.choices(range(len(weights)), weights)[0]
            made = list(MAKERS[index][0](day, next(turns[index]), at))
        for when, entry in made:
            number += 1
            stamp = wire.wire_time(when)
            yield {"insertId": f"calm-{seed}-{number:07d}", **entry, "timestamp": stamp}
        written += len(made)
