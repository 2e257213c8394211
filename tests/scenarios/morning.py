"""A morning from its seed: a world, incidents side by side, noise, duplicates, disorder, a cut."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Final

from tests.scenarios.kinds import KINDS
from tests.scenarios.noise import traffic
from tests.scenarios.stage import Stage
from tests.scenarios.truth import HOUR, LATENESS, MINUTE, SECOND, Morning, Written
from tests.scenarios.world import make_world

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.scenarios.kinds import Kind
    from tests.scenarios.truth import Truth
    from tests.scenarios.world import Service

BASE: Final = 1_747_634_400 * SECOND  # 2025-05-19T06:00:00Z
NAMES: Final = tuple(KINDS)
TWICE: Final = 0.02
"""Share of entries that arrive twice."""


def make_morning(seed: int) -> Morning:
    """Make the morning of a seed, from 1; seeds in a row take the kinds in turn to lead."""
    chance = random.Random(seed)  # noqa: S311 - the same morning each time is the point
    name = NAMES[(seed - 1) % len(NAMES)]
    world = make_world(chance)
    begin = BASE + (seed % 60) * 24 * HOUR
    stage = Stage(chance, world, begin, begin + KINDS[name].hours * HOUR)
    for service in world.services:
        stage.serve(service, stage.begin)
    plan = _plan(stage, name)
    stage.targets = {service.name for _, services in plan for service in services}
    for kind, services in plan:
        window = 40 * MINUTE if kind.hours > 3 else (stage.end - stage.begin) // 2
        kind.play(stage, services, stage.begin + 10 * MINUTE + chance.randint(0, window))
    traffic(stage, chance.uniform(1.5, 12) * 3 / KINDS[name].hours)
    return _finish(stage, seed, name)


def _plan(stage: Stage, name: str) -> list[tuple[Kind, tuple[Service, ...]]]:
    """Choose up to three more kinds beside the one that leads, each with services of its own."""
    chance, lead = stage.chance, KINDS[name]
    free = list(stage.world.services)
    chance.shuffle(free)
    more = [kind for kind in KINDS.values() if not kind.leads_only]
    kinds = [lead] if lead.alone else [lead, *chance.choices(more, k=chance.randint(0, 3))]
    return [(kind, _take(free, kind.services)) for kind in kinds if len(free) >= kind.services]


def _take(free: list[Service], count: int) -> tuple[Service, ...]:
    """Take services off the free ones; two of them neither of which calls the other, if there are.

    What fails at once for reasons of its own must not look like cause and effect.
    """
    groups = list(combinations(free, count))
    apart = [group for group in groups if not any(_calls(*pair) for pair in permutations(group, 2))]
    chosen = (apart or groups)[0]
    free[:] = [service for service in free if service not in chosen]
    return chosen


def _calls(caller: Service, callee: Service) -> bool:
    return callee.name in caller.calls


def _finish(stage: Stage, seed: int, name: str) -> Morning:
    written = sorted(stage.written, key=lambda item: (item.at, item.key))
    if stage.cut:
        written = _cut_off(stage, written)
    twice = [
        replace(item, arrives=min(item.at + LATENESS, stage.later(item.arrives, 0.1, 5)))
        for item in written
        if stage.chance.random() < TWICE
    ]
    arrived = sorted([*written, *twice], key=lambda item: (item.arrives, item.key))
    truths = _still_true(stage.truths, written)
    return Morning(seed, name, tuple(arrived), stage.world.catalog(), truths)


def _cut_off(stage: Stage, written: Sequence[Written]) -> list[Written]:
    """Keep the newest entries of each severity, the same number of each.

    The number is such that of the severity that the cause is logged with, all from the first part
    of the incident are lost.
    """
    causes = [item for item in written if item.mark.cause]
    since = causes[0].at + round((causes[-1].at - causes[0].at) * stage.cut)
    lost = _severity(causes[0])
    most = sum(1 for item in written if _severity(item) == lost and item.at >= since)
    kept: Counter[str] = Counter()
    result: list[Written] = []
    for item in reversed(written):
        kept[_severity(item)] += 1
        if kept[_severity(item)] <= most:
            result.append(item)
    return result[::-1]


def _severity(item: Written) -> str:
    return str(item.entry.get("severity", "DEFAULT"))


def _still_true(truths: Sequence[Truth], written: Sequence[Written]) -> tuple[Truth, ...]:
    """Return the incidents of which there are entries, and whether their cause is among these."""
    shown: dict[int, list[bool]] = defaultdict(list)
    for item in written:
        if item.mark.incident and item.mark.asked:
            shown[item.mark.incident].append(item.mark.cause)
    return tuple(
        replace(truth, rooted=any(shown[truth.number])) for truth in truths if shown[truth.number]
    )
