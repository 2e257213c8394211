"""Detections to incidents.

Incidents are the connected components of links between detections: repetitions of a symptom without
a long silence make an episode, `causes.py` says which cause explains which effect, `links.py` has
traces and Sigma correlations. All of it is a function of the set of detections, so the result does
not depend on the order, chunking or repetition in which they arrived. Time is told, never read.
"""

from __future__ import annotations

from functools import partial
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any

from pipeline.correlation.causes import Spans
from pipeline.correlation.components import Evidence, Linking
from pipeline.correlation.counted import Counted
from pipeline.correlation.databases import same_doubts
from pipeline.correlation.deriving import correlate
from pipeline.correlation.episodes import MemoryShelf, NoTopology
from pipeline.correlation.forgetting import kinship, split_off
from pipeline.correlation.heeding import cut, heed
from pipeline.correlation.keys import Key, Richness, identity_of, order
from pipeline.correlation.making import Maker, in_order, noise_of
from pipeline.correlation.reach import asked_fields, reach_of
from pipeline.correlation.rows import Rows
from pipeline.correlation.settings import CorrelationSettings
from pipeline.correlation.settled import pages_of
from pipeline.correlation.settling import Settling
from pipeline.correlation.snapshots import read_snapshot, write_snapshot
from pipeline.correlation.standing import sightings_of
from pipeline.correlation.thinning import LIMITS, Correlated, Gone, Limits, gone_of, is_much, thin
from pipeline.incident import Incident, State, Symptom
from pipeline.lifecycle import History, state_of
from pipeline.priority import priority_of
from pipeline.verdicts import resolution_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, KeysView

    from pipeline.correlation.components import Component
    from pipeline.correlation.counted import Bundle
    from pipeline.correlation.deriving import Told
    from pipeline.correlation.episodes import Shelf, Topology, Traffic
    from pipeline.correlation.links import Anchor
    from pipeline.correlation.making import Made
    from pipeline.correlation.settled import Book, Page
    from pipeline.detection import Detection
    from pipeline.rule import RuleSet
    from pipeline.verdicts import Verdict

__all__ = ["CorrelationSettings", "Correlator", "Key", "Richness"]


class Correlator:
    """Holds the detections of open episodes and says which incidents they make."""

    def __init__(
        self,
        ruleset: RuleSet,
        settings: CorrelationSettings | None = None,
        *,
        topology: Topology | None = None,
        shelf: Shelf | None = None,
        traffic: Traffic | None = None,
    ) -> None:
        """Begin without detections.

        `topology` says which services there are and what each depends on: a catalog. `shelf` is
        where whole detections lie; memory if left out. `traffic` knows all requests by the time
        that incidents are asked for.
        """
        self._ruleset = ruleset
        self._settings = settings or CorrelationSettings()
        self._topology = topology or NoTopology()
        self._traffic = traffic
        self._rows = Rows(asked_fields(ruleset), shelf or MemoryShelf(), self._topology)
        self._anchors: set[Anchor] = set()
        self._verdicts: tuple[Verdict, ...] = ()
        self._now = 0
        self._lateness = self._settings.allowed_lateness
        self._late = 0
        self._counted = Counted()
        self._settled: Book = {}
        self._correlated: tuple[tuple[int, int], Correlated] | None = None
        self._known: tuple[tuple[Made, ...], int, tuple[Incident, ...]] | None = None
        shares = (item.rules for item in ruleset.correlations if item.audit.share)
        self._sharing = frozenset(chain.from_iterable(shares))

    # --- time -------------------------------------------------------------------------------------

    @property
    def latest(self) -> int | None:
        """The last time that is somebody's, None if every time is."""
        return self._settings.latest

    @property
    def now(self) -> int:
        """How far event time has come."""
        return self._now

    @property
    def watermark(self) -> int:
        """What is older than this comes late."""
        return self._now - self._lateness

    @property
    def late(self) -> int:
        """How many entries came late; they count and join like any other."""
        return self._late

    def on_time(self, now: int) -> None:
        """Event time has come to `now`; it never goes back.

        A time after the settings' `latest` is nobody's time: one entry that claims to be of the
        year 9999 must not make every incident look long over.
        """
        if now > self._now and (self._settings.latest is None or now <= self._settings.latest):
            self._now = now

    def on_idle(self, span: int) -> None:
        """Nothing was logged for `span` ns: event time goes on all the same."""
        self.on_time(self._now + span)

    def notify_at(self) -> int | None:
        """Return the next time at which a further incident will have settled, if there is one."""
        wait = self._settings.group_wait
        due = (item.first_seen + wait for item in self._told_components())
        return min((time for time in due if time > self._now), default=None)

    # --- detections -------------------------------------------------------------------------------

    def on_detections(self, key: Key, richness: Richness, detections: Iterable[Detection]) -> None:
        """Take what was detected in one copy of an entry; none is worth telling, too.

        Each rule counts once for an entry, and of several copies the richest one speaks; the same
        copy again tells what the rules see in it now. A copy that shows nothing is forgotten unless
        it takes back what a poorer one showed: memory does not grow with what nothing was seen in.
        Whoever may read a poorer copy after it tells it again (`flow`). Of an entry that is only
        counted (`thin`) no copy says anything any more.
        """
        if self._counted.has(key):
            return
        if self._rows.tell(key, richness, detections) and key[1] < self._now - self._lateness:
            self._late += 1

    def identities(self) -> KeysView[int]:
        """Return by what the entries that matter are known (`keys.identity_of`)."""
        return self._rows.identities()

    def entries(self) -> frozenset[Key]:
        """Return the keys of the entries that matter."""
        return frozenset(map(self._rows.key, self._rows.identities()))

    def told(self, key: Key) -> tuple[Detection, ...] | None:
        """Return what the richest copy of an entry showed; None if it never mattered."""
        return self._rows.told(identity_of(key))

    def key(self, identity: int) -> Key:
        """Return the key of an entry that matters; `keys.identity_of` is its identity."""
        return self._rows.key(identity)

    def cleared(self, identities: Iterable[int]) -> Iterator[Key]:
        """Yield those of some entries whose richest copy shows nothing."""
        known = self._rows.identities()
        yield from (
            self._rows.key(one)
            for one in identities
            if one in known and not self._rows.rows_of(one)
        )

    def detections(self, identities: Iterable[int]) -> Iterator[tuple[Detection, str | None]]:
        """Yield what some entries show, in canonical order, and the id of its incident.

        Context, noise and what heals by itself are in no incident.
        """
        told = self._all().told
        owners = {
            told.base(row): item.anchor.incident_id
            for item in reversed(self._told_components())
            for rows in item.rows.values()
            for row in rows
        }
        rows = [row for one in identities for row in self._rows.rows_of(one)]
        for row, detection in self._rows.in_order(rows):
            yield detection, owners.get(row)

    # --- what lasts -------------------------------------------------------------------------------

    def restore(
        self,
        detections: Iterable[Detection],
        anchors: Iterable[Anchor],
        counted: Iterable[Bundle] = (),
        settled: Iterable[Page] = (),
        *,
        latest: int | None = None,
    ) -> None:
        """Take up what a store kept; `anchors` are of incidents that were reported before.

        Event time had come at least as far as the last of the detections, though not beyond
        `latest` (ns UTC). `counted` are entries that are only counted, `settled` is what
        correlations made of them.
        """
        late = self._late
        for key, group in groupby(sorted(detections, key=order), key=lambda item: item.key):
            found = list(group)
            self.on_detections(key, found[0].richness, found)
            self.on_time(min(found[0].timestamp, latest or found[0].timestamp))
        for bundle in counted:
            self._counted.add(bundle)
        self.on_reports(anchors)
        self._settled = dict(settled)
        self._late, self._correlated = late, None

    def on_reports(self, anchors: Iterable[Anchor]) -> None:
        """Take what incidents were reported as: these ids stay, whatever is told of them later."""
        known = self._anchors.union(anchors)
        if known != self._anchors:
            self._anchors, self._correlated = known, None

    def on_verdicts(self, verdicts: Iterable[Verdict]) -> None:
        """Take what people decided: all that holds, in place of what was taken before."""
        given = tuple(sorted(verdicts, key=lambda item: item.number))
        if given != self._verdicts:
            self._verdicts, self._correlated = given, None

    def snapshot(self) -> dict[str, Any]:
        """Return everything a restarted correlator needs, as plain JSON in a canonical order."""
        known = (self._counted.bundles, pages_of(self._settled))
        return write_snapshot(self._rows, self._anchors, *known, now=self._now, late=self._late)

    def resume(self, snapshot: dict[str, Any]) -> None:
        """Go on, before anything else is told, where another correlator's snapshot was made.

        Raises:
            ValueError: it is the snapshot of another version.

        """
        found = read_snapshot(snapshot)
        for key, richness, detections in found.entries:
            self._rows.tell(key, richness, detections)
        for key, richness in found.cleared:
            self._rows.clear(key, richness)
        for bundle in found.counted:
            self._counted.add(bundle)
        self._anchors.update(found.anchors)
        self._settled = dict(found.settled)
        self._now, self._late, self._correlated = found.now, found.late, None

    def evict(self) -> tuple[str, ...]:
        """Forget incidents that are over for longer than anything can join them; return their ids.

        What an incident that is not over has to do with stays as long as that may matter
        (`forgetting.py`), so that incidents are what they would be if nothing were forgotten. There
        are three limits to this. An entry that comes later than the allowed lateness, and a verdict
        about what is forgotten, find nothing and begin anew. And a trace that was lent to more
        detections than are evidence (`traces.CROWD`) may look honest again when all of them are
        forgotten.
        """
        reach = reach_of(self._ruleset, self._settings)
        reach = max(reach, self._settings.lifecycle.resolve_after)
        limit = self.watermark - reach
        told, made = self._all().told, self._components()
        together = same_doubts(self._ruleset, told.rows, self._settings.clock_skew)
        kin = kinship(told.rows, self._linked(told), self._verdicts, together)
        over, rest = split_off(made, limit, reach, kin)
        kept = {told.base(row) for item in rest for rows in item.rows.values() for row in rows}
        since = min((item.first_seen - reach for item in rest), default=limit)
        kept |= {row for row in self._rows.living() if self._tells_since(row, min(limit, since))}
        if len(kept) == sum(1 for _ in self._rows.living()):
            return ()
        self._rows = self._rows.only(kept, limit, self._rows.others)
        self._rows.tidy_shelf()
        gone = {name for item in over for name in (item.anchor.incident_id, *item.absorbed)}
        self._anchors = {anchor for anchor in self._anchors if anchor.incident_id not in gone}
        return tuple(item.anchor.incident_id for item in over if item.told)

    def thin(self, limits: Limits = LIMITS) -> Gone | None:
        """Only count what of long failures makes no difference any more (`thinning.py`).

        Return what went, None if there is too little to let go (`limits`). Incidents stay as they
        are. An entry that comes later than the allowed lateness may miss what went, and what is
        settled of it (`settling.py`), and one that is counted so counts once more if it comes again
        after `counted.KEPT`.
        """
        self._rows.settle()
        if not is_much(self._rows, self.watermark, limits):
            return None
        before, settling = self._all(), Settling(self._ruleset, self.watermark)
        settling.settle(before.rows, self._traffic, self._settled, limits.beginning)
        if self._traffic:
            self._traffic.ask_anew()
        after = thin(before, settling, partial(self._correlate, book=settling.book), limits)
        if after is None:
            return None
        unasked = self._traffic.forget(self.watermark) if self._traffic else ()
        gone = gone_of(before.rows, after.rows, settling.book, unasked)
        self._settled = settling.book
        self._counted.forget(self._now)
        self._counted.add(gone.bundle)
        self._rows, self._correlated = after.rows, None  # detections lie elsewhere from now on
        self._rows.tidy_shelf()
        return gone

    def _tells_since(self, row: int, time: int) -> bool:
        """Return whether a row that is in no incident itself may tell of one since a time."""
        rule = self._ruleset.rules[self._rows.facet(row).rule]
        unseen = rule.audit.is_apart or rule.name in self._ruleset.silent
        return unseen and self._rows.times[row] >= time

    # --- incidents --------------------------------------------------------------------------------

    def incidents(self) -> tuple[Incident, ...]:
        """Return the incidents as of now, by first_seen; the same ones if nothing changed."""
        made, now = self._components(), self._now
        if self._known is None or self._known[0] is not made or self._known[1] != now:
            self._known = (made, now, tuple(map(self._incident, self._told_components())))
        return self._known[2]

    def noise(self) -> tuple[Symptom, ...]:
        """Return what is of no account, in order of first_seen.

        The symptoms of rules of noise, each once, and those that heal and belong to nothing else.
        """
        healing = chain(*(item.symptoms for item in self._components() if not item.told))
        return in_order((*healing, *noise_of(self._ruleset, self._all().told.rows)))

    def _told_components(self) -> tuple[Made, ...]:
        return tuple(item for item in self._components() if item.told)

    def _components(self) -> tuple[Made, ...]:
        return self._all().made

    def _all(self) -> Correlated:
        """Correlate what there is, once for every change."""
        version = self._version()
        if self._correlated is None or self._correlated[0] != version:
            self._correlated = (version, self._correlate(self._rows, self._settled))
        return self._correlated[1]

    def _version(self) -> tuple[int, int]:
        return (self._rows.version, self._asked_of_traffic())

    def _correlate(self, rows: Rows, book: Book) -> Correlated:
        told = correlate(self._ruleset, rows, self._traffic, book)
        times, longest = told.rows.times, self._settings.lifecycle.max_duration
        heeded = heed(self._linked(told), self._verdicts, times)
        maker = Maker(self._ruleset, told.rows, self._anchors, self._verdicts)
        return Correlated(rows, told, maker.make(cut(heeded, longest, times)))

    def _asked_of_traffic(self) -> int:
        """Return the version of what is known of requests, 0 as long as nobody asks for shares."""
        if self._traffic is None:
            return 0
        seen = {facet.rule for facet in self._rows.all_facets()}
        is_derived = not self._sharing <= self._ruleset.rules.keys()
        return self._traffic.version if is_derived or self._sharing & seen else 0

    def _linked(self, told: Told) -> list[Component]:
        """Return what links make of the rows."""
        one = self._settings
        spans = Spans(one.episode_gap, one.clock_skew, one.together)
        evidence = Evidence(
            self._ruleset,
            told.rows,
            told.found,
            spans,
            self._topology,
            one.trace_span,
            one.trace_limit,
        )
        return Linking(evidence).components()

    def _incident(self, made: Made) -> Incident:
        state, state_reason = self._state(made)
        priority, priority_reason = priority_of(made.symptoms, state)
        return Incident(
            id=made.anchor.incident_id,
            anchor=(made.anchor.fingerprint, made.anchor.time),
            root=made.root,
            symptoms=made.symptoms,
            context=made.context,
            links=made.links,
            absorbed=made.absorbed,
            state=state,
            state_reason=state_reason,
            priority=priority,
            priority_reason=priority_reason,
            verdicts=made.verdicts,
            previous=made.previous,
        )

    def _state(self, made: Made) -> tuple[State, str]:
        history = History(made.anchor.reported_at, made.verdicts, made.ended)
        spans, rows = self._settings.lifecycle, [*chain.from_iterable(made.rows.values())]
        compared = self._now - spans.short - spans.long
        since = None if resolution_of(made.verdicts) else compared
        sightings = sightings_of(self._all().told.rows, rows, since)
        return state_of(sightings, history, self._now, spans)
