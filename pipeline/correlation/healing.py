"""Failures that heal: each of their entries says that another attempt follows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pipeline.audit import AGAIN, SECOND, TOLD
from pipeline.correlation.standing import moments_of
from pipeline.rule import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from pipeline.correlation.rows import Rows
    from pipeline.incident import Link, Symptom
    from pipeline.rule import Correlation, Rule

HEALING: Final = "low"
"""The level of what heals and belongs to nothing else."""

_PAUSE: Final = 120 * SECOND
"""A longer pause between two attempts begins anew; those who back off wait a minute at most."""
_MANY: Final = 10
_LONG: Final = 300 * SECOND
"""So many attempts over so long a time do not heal any more."""


def heals(rule: Rule | Correlation, rows: Rows, members: Sequence[int]) -> bool:
    """Return whether a symptom, given as rows in order of time, is of no account by itself.

    Attempts that go on are; what is only told of is not, however often.
    """
    fields = [facet.fields for facet in rows.last_by_facet(members)]
    if all(item.get(TOLD) for item in fields):
        return True
    if not rule.audit.heals or not all(item.get(AGAIN) or item.get(TOLD) for item in fields):
        return False
    return not _goes_on(moments_of(rows, members))


def healed(
    symptoms: Iterable[Symptom], healing: AbstractSet[str], links: Sequence[Link]
) -> Iterator[Symptom]:
    """Yield symptoms, those that heal marked so, unless something came of them.

    `healing` are fingerprints. What is of a low level, as the database's own log of what a service
    tries again, is nothing that came of it.
    """
    every = {item.fingerprint: item for item in symptoms}
    waiting = [
        item.fingerprint
        for item in every.values()
        if item.fingerprint not in healing and LEVELS.index(item.level) > LEVELS.index(HEALING)
    ]
    counted = set(waiting)
    while waiting:
        effect = waiting.pop()
        causes = {one for link in links for one in _behind(link, effect)} - counted
        counted |= causes
        waiting += causes
    for name, item in every.items():
        heals_on = name in healing and name not in counted
        yield replace(item, level=HEALING, user_visible=False, heals=True) if heals_on else item


def is_told(symptoms: Sequence[Symptom], links: Sequence[Link]) -> bool:
    """Return whether symptoms are an incident: not if all heal, or are low and come of it."""
    effects = {link.effect for link in links if link.kind == "caused_by"}
    return not all(
        item.heals or (item.level == HEALING and item.fingerprint in effects) for item in symptoms
    )


def _behind(link: Link, effect: str) -> set[str]:
    """Return what a link says came before an effect; what has no direction is both."""
    ends = {link.effect, link.cause}
    if effect not in ends:
        return set()
    return {link.cause} - {effect} if link.kind == "caused_by" else ends - {effect}


def _goes_on(times: Sequence[int]) -> bool:
    """Return whether many attempts, none long after the one before, take long."""
    begin = 0
    for index, time in enumerate(times):
        if time - times[max(index - 1, 0)] > _PAUSE:
            begin = index
        if index - begin + 1 >= _MANY and time - times[begin] >= _LONG:
            return True
    return False
