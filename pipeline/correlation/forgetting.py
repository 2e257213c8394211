"""Which incidents can be forgotten so that nobody misses them.

One stays as long as anything that it has to do with: parts that people or the longest duration cut
it into, what shares a trace with it (a trace that touches much is no evidence, so all of it has to
be known), logs of databases by whose number it is doubtful which of them explains something, and
what has one of its symptoms near enough to make an episode or a repetition.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING

from pipeline.correlation.forest import Forest
from pipeline.correlation.heeding import heed
from pipeline.verdicts import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pipeline.correlation.components import Component
    from pipeline.correlation.making import Made
    from pipeline.correlation.rows import Rows
    from pipeline.verdicts import Verdict


def kinship(
    rows: Rows,
    components: Sequence[Component],
    verdicts: Sequence[Verdict],
    together: Iterable[Sequence[int]] = (),
) -> Callable[[int], int]:
    """Return what tells by a row with which others it has to do, whatever parted them.

    `components` are those that links make; people merged some and split others, or the same ones.
    Rows that stand `together` need each other.
    """
    merges = [one for one in verdicts if one.kind is Kind.MERGE]
    made = (components, *(heed(components, given, rows.times) for given in (merges, verdicts)))
    forest = Forest(len(rows))
    by_trace: dict[int, list[int]] = defaultdict(list)
    for trace, row in rows.traced():
        by_trace[trace].append(row)
    ever = chain.from_iterable(made)
    whole = (list(chain.from_iterable(one.rows.values())) for one in ever)
    for members in chain(by_trace.values(), whole, together):
        forest.join(members, members[0])
    return forest.find


def split_off(
    made: Iterable[Made], limit: int, reach: int, kin: Callable[[int], int]
) -> tuple[list[Made], list[Made]]:
    """Tell incidents last seen before `limit` from the rest, and from what the rest needs.

    Times in nanoseconds; `reach` is how far apart two detections may have to do with each other.
    """
    families: dict[int, list[Made]] = defaultdict(list)
    for item in made:
        families[kin(next(iter(item.rows.values()))[0])].append(item)
    over, first = list(families.values()), dict[str, int]()
    rest: list[Made] = []
    while staying := [one for one in over if _stays(one, limit, reach, first)]:
        over = [one for one in over if one not in staying]
        for item in chain.from_iterable(staying):
            rest.append(item)
            for symptom in item.symptoms:
                known = first.get(symptom.fingerprint, symptom.first_seen)
                first[symptom.fingerprint] = min(known, symptom.first_seen)
    return list(chain.from_iterable(over)), rest


def _stays(family: Sequence[Made], limit: int, reach: int, first: Mapping[str, int]) -> bool:
    """Return whether one of a family is not over, or may have to do with what stays."""
    return any(item.last_seen >= limit for item in family) or any(
        symptom.last_seen >= first[symptom.fingerprint] - reach
        for item in family
        for symptom in item.symptoms
        if symptom.fingerprint in first
    )
