"""Examining batches here, or in several processes where that is worth while."""

from __future__ import annotations

import os
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING

from pipeline.errors import ConfigurationError, Mistake
from pipeline.flow import in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pipeline.ports import Batch, Spread, Work

ALONE = 16
"""Batches (some 12 MB) that are worked on here before others are asked: most exports are less."""


def spread_over(jobs: int) -> Spread:
    """Return how to work on batches with so many processes; 0 takes one for each processor.

    Raises:
        ConfigurationError: this platform cannot do that.

    """
    possible = hasattr(os, "fork")
    if jobs > 1 and not possible:
        reason = "this platform cannot fork processes; leave it out"
        raise ConfigurationError([Mistake("--jobs", 0, reason)])
    jobs = jobs or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
    return partial(_spread, jobs) if jobs > 1 and possible else in_turn


def _spread(jobs: int, work: Callable[[Batch], Work], batches: Iterable[Batch]) -> Iterator[Work]:
    rest = iter(batches)
    yield from map(work, islice(rest, ALONE))
    first = next(rest, None)
    if first is not None:
        from pipeline.bootstrap.processes import in_processes

        yield from in_processes(jobs, work, chain([first], rest))
