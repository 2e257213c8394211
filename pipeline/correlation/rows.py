"""The detections that count, in rows: 8 bytes for each thing that links need of one.

Of several copies of an entry the richest speaks. Whole detections lie on a shelf.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import chain, groupby, islice, takewhile
from operator import itemgetter
from typing import TYPE_CHECKING, cast

from msgspec import structs

from pipeline.audit import COMPONENT
from pipeline.correlation.episodes import Facet, MemoryShelf, NoTopology, Seen
from pipeline.correlation.keys import FIRST, LAST, identity_of, order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, KeysView, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from pipeline.correlation.episodes import Shelf, Topology
    from pipeline.correlation.keys import Key, Others, Richness
    from pipeline.detection import Detection

AT_ONCE = 1_000
"""Detections that become rows together."""


@dataclass(slots=True)
class Rows:
    """Detections by entry, by facet and by fingerprint; `asked` names the fields links look at.

    `version` changes with every change. What is told waits until there is enough of it, or until
    it is looked at: to fill columns together takes half as long. Facets know of their rows when
    these were settled. `others` has the rows that stand for others: at which times, and how many.
    """

    asked: Mapping[str, Sequence[str]]
    shelf: Shelf = field(default_factory=MemoryShelf)
    topology: Topology = field(default_factory=NoTopology)
    version: int = 0
    times: array[int] = field(default_factory=lambda: array("q"))
    facets: list[Facet | None] = field(default_factory=list)
    by_fingerprint: dict[str, list[Facet]] = field(default_factory=lambda: defaultdict(list))
    others: dict[int, Others] = field(default_factory=dict)
    _places: array[int] = field(default_factory=lambda: array("q"))
    _traces: array[int] = field(default_factory=lambda: array("q"))
    _entries: dict[int, tuple[int, ...] | int] = field(default_factory=dict)
    _cleared: dict[int, tuple[Key, Richness]] = field(default_factory=dict)
    _facets: dict[int, Facet] = field(default_factory=dict)
    _waiting: list[Detection] = field(default_factory=list)
    _settled: int = 0

    def __len__(self) -> int:
        """Return how many rows there are, those that were taken back included."""
        return len(self.times) + len(self._waiting)

    # --- entries ----------------------------------------------------------------------------------

    def tell(self, key: Key, richness: Richness, detections: Iterable[Detection]) -> bool:
        """Take what a copy of an entry shows; return whether it is a new entry that matters."""
        asked = self.asked
        told = [item for item in detections if item.rule in asked]
        identity = hash(key)  # `identity_of`, which is called for each detection
        known = self._entries.get(identity)
        if known is not None:
            if richness >= self._richness(identity, known) and not self._stands(identity):
                self._take_back(known)
                self._replace(key, richness, told)
            return False
        if told:
            self.version += 1
            one = len(told) == 1  # mostly, and then a call less
            rows = self._row(told[0], richness) if one else self._add(richness, told)
            self._entries[identity] = rows
        return bool(told)

    def clear(self, key: Key, richness: Richness) -> None:
        """Take it that the richest copy of an entry shows nothing, whatever a poorer one does."""
        self._replace(key, richness, [])

    def identities(self) -> KeysView[int]:
        """Return what the entries that matter are known by."""
        return self._entries.keys()

    def key(self, identity: int) -> Key:
        """Return the key of an entry that matters."""
        rows = self.rows_of(identity)
        return self.detection(rows[0]).key if rows else self._cleared[identity][0]

    def told(self, identity: int) -> tuple[Detection, ...] | None:
        """Return what the richest copy of an entry shows; None if it never mattered."""
        if identity not in self._entries:
            return None
        return tuple(map(self.detection, self.rows_of(identity)))

    def cleared(self) -> Iterator[tuple[Key, Richness]]:
        """Yield the entries whose richest copy took back what a poorer one showed."""
        yield from self._cleared.values()

    def rows_of(self, identity: int) -> tuple[int, ...]:
        """Return the rows of an entry, none if it shows nothing."""
        known = self._entries.get(identity, ())
        return (known,) if isinstance(known, int) else known

    def detection(self, row: int) -> Detection:
        """Return a whole detection."""
        if row >= len(self._places):
            self._take_in()
        found = self.shelf.get(self._places[row])
        others = self.others.get(row, ())
        return structs.replace(found, others=others) if others else found

    def detections(self) -> Iterator[Detection]:
        """Yield all of them, in no order."""
        yield from (self.detection(row) for row in self.living())

    def living(self) -> Iterator[int]:
        """Yield the rows that nothing took back."""
        self._take_in()
        yield from (row for row, facet in enumerate(self.facets) if facet is not None)

    def facet(self, row: int) -> Facet:
        """Return the facet of a row that nothing took back."""
        return cast("Facet", self.facets[row])

    def last_by_facet(self, rows: Sequence[int]) -> dict[Facet, int]:
        """Return the last of some rows of one fingerprint for each of its facets."""
        facet = self.facet(rows[0])
        if len(self.by_fingerprint[facet.fingerprint]) == 1:
            return {facet: rows[-1]}
        facets = cast("Iterable[Facet]", map(self.facets.__getitem__, rows))
        return dict(zip(facets, rows, strict=True))

    def one(self, row: int) -> Seen:
        """Return a detection as links see it."""
        return Seen(self.times[row], row, self.facet(row))

    def trace(self, row: int) -> int:
        """Return what stands for the trace of a row, 0 if it has none."""
        return self._traces[row]

    def traced(self) -> Iterator[tuple[int, int]]:
        """Yield the rows that have a trace, each after what stands for it."""
        for row, trace in enumerate(self._traces):
            if trace and self.facets[row] is not None:
                yield trace, row

    def _richness(self, identity: int, known: tuple[int, ...] | int) -> Richness:
        if known == ():
            return self._cleared[identity][1]
        return self.detection(known if isinstance(known, int) else known[0]).richness

    def _stands(self, identity: int) -> bool:
        """Return whether an entry stands for others, too: then it stays as it is."""
        return bool(self.others) and any(row in self.others for row in self.rows_of(identity))

    def _take_back(self, known: tuple[int, ...] | int) -> None:
        self._take_in()
        for row in (known,) if isinstance(known, int) else known:
            self.facet(row).has_lost = True
            self.facets[row] = None

    def _replace(self, key: Key, richness: Richness, told: Sequence[Detection]) -> None:
        """Put in the place of what was known what a copy shows, which may be nothing."""
        self.version += 1
        identity = identity_of(key)
        if told:
            self._cleared.pop(identity, None)
            self._entries[identity] = self._add(richness, told)
        else:
            self._cleared[identity] = (key, richness)
            self._entries[identity] = ()

    def _add(self, richness: Richness, told: Sequence[Detection]) -> tuple[int, ...] | int:
        once = {item.rule: item for item in told}.values()
        rows = tuple(self._row(item, richness) for item in once)
        return rows if len(rows) > 1 else rows[0]

    def _row(self, detection: Detection, richness: Richness) -> int:
        if detection.richness is not richness and detection.richness != richness:
            detection = structs.replace(detection, richness=richness)
        if len(self._waiting) >= AT_ONCE:
            self._take_in()
        self._waiting.append(detection)
        return len(self.times) + len(self._waiting) - 1

    def _take_in(self) -> None:
        """Make rows of what waits."""
        waiting, self._waiting = self._waiting, []
        times = [item.sample.timestamp for item in waiting]
        if waiting and not FIRST <= min(times) <= max(times) <= LAST:
            times = [max(FIRST, min(LAST, time)) for time in times]
        told = enumerate((item.others for item in waiting), len(self.times))
        self.others.update((row, others) for row, others in told if others)
        self.times.fromlist(times)
        self.facets.extend(self._facets_of(waiting))
        self._places.extend(self.shelf.put(waiting))
        self._traces.fromlist([hash(item.trace) if item.trace else 0 for item in waiting])

    def _facets_of(self, detections: Iterable[Detection]) -> Iterator[Facet]:
        """Yield what each detection shares with those that are alike, known by Python's own hash.

        Only text is compared as it is: 1 equals True and 1.0.
        """
        asked, known = self.asked, self._facets
        for one in detections:
            get = one.fields.get
            names = asked[one.rule]
            shown = [value if type(value := get(name)) is str else (repr(value),) for name in names]
            identity = hash((one.rule, one.fingerprint, one.service, one.revision, *shown))
            found = known.get(identity)
            if found is None:
                found = known[identity] = self._new_facet(one)
            yield found

    def _new_facet(self, detection: Detection) -> Facet:
        fields = {name: detection.fields.get(name) for name in self.asked[detection.rule]}
        if COMPONENT in fields:
            component = self.topology.service_of(detection.service)
            fields[COMPONENT] = component or detection.service
        about = (detection.rule, detection.fingerprint, detection.service, detection.revision)
        facet = Facet(*about, fields)
        self.by_fingerprint[detection.fingerprint].append(facet)
        return facet

    # --- beside what was seen ---------------------------------------------------------------------

    def beside(self, shelf: Shelf) -> Rows:
        """Return the same rows on another shelf; to these others can be added for a while."""
        by_fingerprint: dict[str, list[Facet]] = defaultdict(list)
        by_fingerprint |= {name: [*facets] for name, facets in self.by_fingerprint.items()}
        return replace(
            self,
            shelf=shelf,
            times=self.times[:],
            facets=self.facets[:],
            by_fingerprint=by_fingerprint,
            others=dict(self.others),
            _places=self._places[:],
            _traces=self._traces[:],
            _facets=dict(self._facets),
        )

    def place(self, row: int) -> int:
        """Return where the whole detection lies."""
        return self._places[row]

    def shared_entries(self) -> dict[int, int]:
        """Return, for rows of entries that have several, one row that stands for the entry."""
        return {
            row: rows[0]
            for rows in self._entries.values()
            if not isinstance(rows, int)
            for row in rows
        }

    def append(self, facet: Facet, time: int, place: int, *, trace_of: int | None) -> int:
        """Add a row, not before the last of its facet, that shares the trace of another.

        All rows are settled, and this one is at once.
        """
        row = len(self.times)
        if not facet.rows:
            self.by_fingerprint[facet.fingerprint].append(facet)
            self._facets[hash(("beside", row))] = facet
        facet.rows.append(row)
        facet.times.append(time)
        self._settled += 1
        self.times.append(time)
        self.facets.append(facet)
        self._places.append(place)
        self._traces.append(0 if trace_of is None else self._traces[trace_of])
        return row

    def leave_out(self, rules: AbstractSet[str]) -> None:
        """Let go of what some rules saw."""
        for key, facet in [*self._facets.items()]:
            if facet.rule in rules:
                del self._facets[key]
                self.by_fingerprint.pop(facet.fingerprint, None)
                for row in facet.rows:
                    self.facets[row] = None

    # --- in order of time -------------------------------------------------------------------------

    def settle(self) -> None:
        """Put the rows of every facet in order of time, and leave out what was taken back."""
        self._take_in()
        fresh: dict[Facet | None, list[int]] = defaultdict(list)
        for row, facet in enumerate(islice(self.facets, self._settled, None), self._settled):
            fresh[facet].append(row)
        self._settled = len(self.facets)
        for facet in self._facets.values():
            rows = fresh.get(facet, ())
            if rows or facet.has_lost:
                known = (row for row in facet.rows if self.facets[row] is facet)
                facet.take([*known, *rows], self.times)

    def all_facets(self) -> Iterable[Facet]:
        """Return all facets, those without rows included."""
        return self._facets.values()

    def merged(self, facets: Sequence[Facet]) -> Sequence[int]:
        """Return the rows of facets in order of time."""
        if len(facets) == 1:
            return facets[0].rows
        rows = list(chain.from_iterable(facet.rows for facet in facets))
        rows.sort(key=self.times.__getitem__)
        return rows

    def seen(self, facets: Iterable[Facet]) -> list[Seen]:
        """Return detections as links see them, in canonical order."""
        found = [
            Seen(time, row, facet)
            for facet in facets
            for time, row in zip(facet.times, facet.rows, strict=True)
        ]
        found.sort(key=itemgetter(0))
        return found

    def in_order(self, rows: Iterable[int]) -> Iterator[tuple[int, Detection]]:
        """Yield detections in canonical order, each after its row."""
        ordered = sorted(rows, key=self.times.__getitem__)
        for _, same in groupby(ordered, key=self.times.__getitem__):
            found = [(row, self.detection(row)) for row in same]
            yield from sorted(found, key=lambda item: order(item[1]))

    def first(self, rows: Sequence[int], count: int) -> list[Detection]:
        """Return the first few of rows in order of time, in canonical order."""
        return self._until(rows, min(count, len(rows)))[:count]

    def last(self, rows: Sequence[int]) -> Detection:
        """Return the last of rows in order of time, in canonical order."""
        return self._until(rows[::-1], 1)[-1]

    def _until(self, rows: Sequence[int], count: int) -> list[Detection]:
        """Look at some rows, and at all that were in the same instant as the last of them."""
        limit = self.times[rows[count - 1]]
        same = takewhile(lambda row: self.times[row] == limit, rows[count:])
        return sorted(map(self.detection, (*rows[:count], *same)), key=order)

    # --- forgetting -------------------------------------------------------------------------------

    def only(self, rows: Iterable[int], since: int, others: Mapping[int, Others]) -> Rows:
        """Return some of the rows on the same shelf; only one of both can be gone on with.

        Forgotten are all others, their entries, and what was cleared before `since` (ns UTC);
        `others` says for which ones a row stands from now on.
        """
        self.settle()
        fresh = {row: index for index, row in enumerate(sorted(rows))}
        entries, facets = dict(self._renumbered(fresh, since)), dict[int, Facet]()
        left = replace(
            self,
            version=self.version + 1,
            times=array("q", [self.times[row] for row in fresh]),
            facets=[],
            by_fingerprint=defaultdict(list),
            others={fresh[row]: told for row, told in others.items() if row in fresh},
            _places=array("q", [self._places[row] for row in fresh]),
            _traces=array("q", [self._traces[row] for row in fresh]),
            _entries=entries,
            _cleared={one: kept for one, kept in self._cleared.items() if one in entries},
            _facets=facets,
            _settled=len(fresh),
        )
        anew: dict[Facet | None, Facet] = {}
        for key, facet in self._facets.items():
            mine = [fresh[row] for row in facet.rows if row in fresh]
            if mine:
                anew[facet] = facets[key] = replace(facet)
                anew[facet].take(mine, left.times)
                left.by_fingerprint[facet.fingerprint].append(anew[facet])
        left.facets += [anew[self.facets[row]] for row in fresh]
        return left

    def _renumbered(
        self, fresh: Mapping[int, int], since: int
    ) -> Iterator[tuple[int, tuple[int, ...] | int]]:
        for identity, known in self._entries.items():
            if known == ():
                if self._cleared[identity][0][1] >= since:
                    yield identity, ()
                continue
            rows = tuple(fresh[row] for row in self.rows_of(identity) if row in fresh)
            if rows:
                yield identity, rows[0] if len(rows) == 1 else rows

    def tidy_shelf(self) -> None:
        """Have nothing else on the shelf."""
        self._places = array("q", self.shelf.keep(self._places))
