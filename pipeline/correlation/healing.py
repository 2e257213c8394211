"""Failures that heal: each of their entries says that another attempt follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pipeline.audit import AGAIN, SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.correlation.rows import Rows
    from pipeline.rule import Correlation, Rule

HEALING: Final = "low"
"""The level of what heals and belongs to nothing else."""

_PAUSE: Final = 120 * SECOND
"""A longer pause between two attempts begins anew; those who back off wait a minute at most."""
_MANY: Final = 10
_LONG: Final = 300 * SECOND
"""So many attempts over so long a time do not heal any more."""


def heals(rule: Rule | Correlation, rows: Rows, members: Sequence[int]) -> bool:
    """Return whether a symptom, given as rows in order of time, is of no account by itself."""
    if not rule.audit.heals:
        return False
    if not all(facet.fields.get(AGAIN) for facet in rows.last_by_facet(members)):
        return False
    return not _goes_on([rows.times[row] for row in members])


def _goes_on(times: Sequence[int]) -> bool:
    """Return whether many attempts, none long after the one before, take long."""
    begin = 0
    for index, time in enumerate(times):
        if time - times[max(index - 1, 0)] > _PAUSE:
            begin = index
        if index - begin + 1 >= _MANY and time - times[begin] >= _LONG:
            return True
    return False
