"""What of a failure that goes on and on is only counted from some time on.

Nothing that comes in time can change what is older than the watermark. Of what is alike to links,
the first and the last of each minute stay there, of each hour when it is older than a day, and with
them what shares an entry or a trace; the first one stands for those between. Whether the same
incidents come of what stays is tried each time, and what is missed stays whole. Times are event
time, in nanoseconds UTC.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, groupby, islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from pipeline.correlation.counted import bundle_of
from pipeline.correlation.episodes import Facet
from pipeline.correlation.forest import Forest
from pipeline.correlation.keys import FIRST, LAST
from pipeline.correlation.settled import pages_of
from pipeline.correlation.settling import Known
from pipeline.correlation.symptoms import FIRST_SAMPLES
from pipeline.correlation.traces import CROWD
from pipeline.lifecycle import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from pipeline.correlation.counted import Bundle
    from pipeline.correlation.deriving import Told
    from pipeline.correlation.keys import Key, Others
    from pipeline.correlation.making import Made
    from pipeline.correlation.rows import Rows
    from pipeline.correlation.settled import Book, Page
    from pipeline.correlation.settling import Settling
    from pipeline.detection import Detection
    from pipeline.traffic import Question

TRIES: Final = 3
"""So often it is tried, each time with more that stays whole."""


class Limits(NamedTuple):
    """So many (`least`) and such a `part` of all have to go for it to be worth the trouble.

    The first ones of those that are alike (`beginning`) all stay: they tell how a failure began.
    """

    least: int = 1_000
    part: float = 1 / 8
    beginning: int = 100


LIMITS: Final = Limits()
LATE_LIMITS: Final = Limits(least=100_000)
"""While what was logged long ago still comes: it may be what is counted, or come again. Without a
limit a long gap would take all memory."""

_NOTHING: Final[Book] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Correlated:
    """Rows, those that correlations made of them, and the incidents of both."""

    rows: Rows
    told: Told
    made: tuple[Made, ...]


@dataclass(frozen=True, slots=True)
class Gone:
    """Entries that are only counted from now on, and what is told of those that stand for them.

    `unasked` is what no correlation asks about requests any more, as that is settled.
    """

    keys: tuple[Key, ...]
    bundle: Bundle
    standing: tuple[Detection, ...]
    settled: tuple[Page, ...] = ()
    unasked: tuple[Question, ...] = ()


def is_much(rows: Rows, watermark: int, limits: Limits) -> bool:
    """Return whether there may be enough to let go."""
    begun = limits.beginning
    known = Known(LAST, watermark)
    every = (_between(facet, watermark, begun, known) for facet in rows.all_facets())
    return sum(1 for _ in islice(chain.from_iterable(every), limits.least)) == limits.least


def thin(
    before: Correlated,
    settling: Settling,
    correlate: Callable[[Rows], Correlated],
    limits: Limits,
) -> Correlated | None:
    """Return the same incidents of fewer rows, None if there is too little to let go."""
    whole = set[Facet]()
    for _ in range(TRIES):
        rows = _thinned(before, settling, whole, limits)
        if rows is None:
            return None
        after = correlate(rows)
        missed = [*_differing(before.made, after.made)]
        if not missed:
            return after
        whole.update(_facets_of(before, missed))
    return None


def gone_of(
    before: Rows, after: Rows, settled: Book = _NOTHING, unasked: tuple[Question, ...] = ()
) -> Gone:
    """Return what went between two states of the rows, and what is `settled` of the latter."""
    gone = before.identities() - after.identities()
    keys = tuple(map(before.key, gone))
    standing = (
        after.told(one) or ()
        for one in after.identities()
        if _others_of(after, one) != _others_of(before, one)
    )
    told = tuple(chain.from_iterable(standing))
    return Gone(keys, bundle_of(keys), told, pages_of(settled), unasked)


def _others_of(rows: Rows, identity: int) -> list[Others | None]:
    return [rows.others.get(row) for row in rows.rows_of(identity)]


def _differing(before: Iterable[Made], after: Iterable[Made]) -> Iterator[Made]:
    """Yield incidents that are not the same afterwards, or nobody knows any more."""
    left = {item.anchor: replace(item, rows={}) for item in after}
    return (item for item in before if replace(item, rows={}) != left.get(item.anchor))


def _facets_of(before: Correlated, made: Iterable[Made]) -> Iterator[Facet]:
    """Yield what some incidents and their context are made of."""
    for item in made:
        for row in chain.from_iterable(item.rows.values()):
            yield before.rows.facet(before.told.base(row))
        for symptom in item.context:
            yield from before.rows.by_fingerprint[symptom.fingerprint]


def _thinned(
    before: Correlated, settling: Settling, whole: AbstractSet[Facet], limits: Limits
) -> Rows | None:
    """Let go what is only counted, if it is enough; of facets that are to be `whole`, nothing."""
    rows = before.rows
    thick = [facet for facet in rows.all_facets() if facet not in whole]
    every = (
        _between(facet, settling.watermark, limits.beginning, settling.known(facet))
        for facet in thick
    )
    between = dict(chain.from_iterable(every))
    if len(between) < limits.least:
        return None
    bonds = _bonds(rows)
    for row in _shown(before):
        between.pop(row, None)
    kept = {bonds.find(row) for row in rows.living() if row not in between}
    gone = {row: first for row, first in between.items() if bonds.find(row) not in kept}
    if len(gone) < max(limits.least, limits.part * len(rows)):
        return None
    others = _others(rows, gone, whole, settling)
    return rows.only((row for row in rows.living() if row not in gone), FIRST, others)


def _others(
    rows: Rows, gone: Mapping[int, int], whole: AbstractSet[Facet], settling: Settling
) -> dict[int, Others]:
    """Return for which others each row stands, once some went."""
    told = {row: [*others] for row, others in rows.others.items()}
    for row, first in gone.items():
        told.setdefault(first, []).append((rows.times[row], 1))
        told[first] += told.pop(row, ())
    others = dict(rows.others)
    for row, found in told.items():
        facet = rows.facet(row)
        if facet not in whole:
            others[row] = settling.counted(facet, rows.times[row], sorted(found))
    return others


def _shown(before: Correlated) -> Iterator[int]:
    """Yield the rows that are samples of symptoms."""
    for members in chain.from_iterable(item.rows.values() for item in before.made):
        yield from map(before.told.base, (*members[:FIRST_SAMPLES], members[-1]))


def _between(facet: Facet, watermark: int, begun: int, known: Known) -> Iterator[tuple[int, int]]:
    """Yield what is neither the first nor the last of its time and run, with the first one."""
    times = facet.times
    end = bisect_left(times, known.until)
    old = min(bisect_left(times, watermark - DAY), end)
    for start, stop, span in ((begun, old, HOUR), (max(begun, old), end, MINUTE)):
        for _, group in groupby(range(start, stop), key=partial(_cell, facet, known, span)):
            first, *others = group
            yield from ((facet.rows[index], facet.rows[first]) for index in others[:-1])


def _cell(facet: Facet, known: Known, span: int, index: int) -> tuple[int, int]:
    time = facet.times[index]
    return time // span, known.part(time)


def _bonds(rows: Rows) -> Forest:
    """Return what stays or goes together: what shares an entry, or a trace that is evidence.

    Of a trace that is none as many stay as it takes to know that.
    """
    forest = Forest(len(rows))
    for row, first in rows.shared_entries().items():
        forest.join((row,), first)
    by_trace: dict[int, list[int]] = defaultdict(list)
    for trace, row in rows.traced():
        by_trace[trace].append(row)
    for members in by_trace.values():
        together = members[: CROWD + 1]
        forest.join(together, together[0])
    return forest
