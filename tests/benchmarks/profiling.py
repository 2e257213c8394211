"""Where the time of a program goes: the share of each module, from what cProfile wrote."""

from __future__ import annotations

import pstats
import sysconfig
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.measuring import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Function = tuple[str, int, str]
    Times = tuple[int, int, float, float]
    Stats = Mapping[Function, tuple[int, int, float, float, Mapping[Function, Times]]]

_BUILT_IN = "~"
"""How pstats names the file of a function that is not written in Python."""


def read_profile(path: Path) -> dict[str, float]:
    """Return each module's share of a profile's time, the largest first."""
    return shares(vars(pstats.Stats(str(path)))["stats"])


def shares(stats: Stats) -> dict[str, float]:
    """Sum the time by module; what is not written in Python counts for the module that calls it.

    `stats` is the table of pstats: function -> calls (twice), own and total seconds, and the same
    by caller. The shares add up to 1 and are ordered by size.
    """
    spent: defaultdict[str, float] = defaultdict(float)
    for function, times in stats.items():
        for module, seconds in _attributed(function[0], times[2], times[4]):
            spent[module] += seconds
    whole = sum(spent.values()) or 1.0
    ordered = sorted(spent.items(), key=lambda item: -item[1])
    return {module: seconds / whole for module, seconds in ordered}


def _attributed(
    file: str, own: float, callers: Mapping[Function, Times]
) -> Iterator[tuple[str, float]]:
    if file != _BUILT_IN or not callers:
        yield _module(file), own
        return
    for caller, times in callers.items():
        yield _module(caller[0]), times[2]


def _module(file: str) -> str:
    """Name a module: `pipeline/entry/parsing.py`, a library's or the standard library's package."""
    if file.startswith("<frozen importlib"):
        return "(import)"
    path = Path(file)
    # The first that holds: libraries may lie below the checkout or the standard library.
    for folder in (sysconfig.get_path("purelib"), sysconfig.get_path("stdlib")):
        if path.is_relative_to(folder):
            return Path(path.relative_to(folder).parts[0]).stem
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else file
