"""What a run takes in: from what was examined to what the correlator is told.

Copies of entries, lines of tracebacks and the silence of services come together here. What is told
of an entry replaces what was told of it before, so whatever is taken twice counts once.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, cast

import msgspec

from pipeline import receipts
from pipeline.correlation.keys import identity_of as redacted_identity
from pipeline.deployments import Sightings, fit_sighting, recent
from pipeline.entry.beats import merge_beats
from pipeline.entry.requests import merge_requests
from pipeline.entry.sighting import merge_sightings
from pipeline.entry.value import come_by, identity_of
from pipeline.errors import NewerError
from pipeline.joining import Joiner
from pipeline.novelty import Heard
from pipeline.ports import UNASKED
from pipeline.silence import (
    Minutes,
    contradicted,
    deletions,
    is_heard,
    is_silence,
    past,
    silences,
    without,
)
from pipeline.traffic import still_asked
from pipeline.waiting import Waits, by_all

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from pipeline.correlation import Correlator
    from pipeline.detection import Detection, Detector
    from pipeline.entry import LogEntry
    from pipeline.entry.beats import Beats
    from pipeline.entry.requests import Requests
    from pipeline.entry.sighting import Running, Sighting
    from pipeline.examining import Examined, Key, Richness, Told
    from pipeline.joining import Joined, Released
    from pipeline.ports import Store
    from pipeline.traffic import Question, Traffic


class Account(Protocol):
    """Adds up what was examined and heard."""

    def take(self, examined: Examined) -> None:
        """Add what was examined."""

    def hear(self, heard: Heard) -> None:
        """Add what was heard of trouble."""


@dataclass(slots=True)
class Redacted:
    """What `sightings` come to, fit to be stored and shown; only what changed is redacted anew.

    `identify` keeps identifiers apart. `news` are the names of those that are others than before;
    who kept these clears it.
    """

    sightings: Sightings
    redact: Callable[[str], str]
    identify: Callable[[str], str]
    news: set[Running] = field(default_factory=set)
    _known: dict[Running, Sighting] = field(default_factory=dict)
    _sources: defaultdict[Running, set[Running]] = field(default_factory=lambda: defaultdict(set))

    def every(self) -> Mapping[Running, Sighting]:
        """Return all of them, as they are now."""
        for name in {self._placed(running) for running in self.sightings.changed}:
            self._renew(name)
        self.sightings.changed.clear()
        return MappingProxyType(self._known)

    def _placed(self, running: Running) -> Running:
        """Note whether a revision is one of those of its redacted name, and return that."""
        service, version = running
        name = self.redact(service), self.redact(version)
        note = set.add if running in self.sightings.known else set.discard
        note(self._sources[name], running)
        return name

    def _renew(self, name: Running) -> None:
        """Merge anew what has one redacted name: what is forgotten cannot be taken out."""
        clean: dict[Running, Sighting] = {}
        for running in self._sources[name]:
            one = fit_sighting(self.sightings.known[running], self.redact, self.identify)
            merge_sightings(clean, {name: one})
        before = self._known.pop(name, None)
        self._known |= clean
        if not clean:
            del self._sources[name]
            self.news.discard(name)
        elif clean[name] != before:
            self.news.add(name)


class Taking:
    """Tells a correlator what was examined; `touched` are the entries (redacted) of this run."""

    def __init__(
        self,
        detector: Detector,
        correlator: Correlator,
        account: Account,
        traffic: Traffic | None = None,
    ) -> None:
        self.touched: set[int] = set()
        self._detector = detector
        self._correlator = correlator
        self._account = account
        self._traffic = traffic
        self._joiner = Joiner()
        self._known: dict[int, int] = {}  # by its identity as read: its identity once redacted
        self._sightings = Sightings()
        self._redacted = Redacted(self._sightings, detector.redact_name, detector.identify)
        self._minutes = Minutes()
        self._requests: Requests = {}
        self._silences: Sequence[Key] = ()
        self._began = 0
        self._read_until: str | None = ""  # None once something stood out of the order of time

    def begin(self, store: Store, latest: int | None = None) -> None:
        """Take up what earlier runs kept.

        What is read live does not begin long ago, and its event time is `latest` at most (ns UTC).
        """
        detections = tuple(store.detections())
        is_live = latest is not None
        first = min((item.timestamp for item in detections), default=0) if is_live else None
        known = (store.anchors(first), store.counted(), store.settled())
        self._correlator.restore(detections, *known, latest=latest)
        self._correlator.on_verdicts(store.verdicts())
        if self._traffic is not None:
            self._traffic.recall(store.answers())
        keys = self._correlator.entries()
        self._known = {identity_of(key): redacted_identity(key) for key in keys}
        self._silences = [key for key in keys if is_silence(key)]

    def go_on(self, store: Store, now: int) -> dict[str, int]:
        """Take up what another process left, `now` (ns UTC); return since when incidents wait.

        Beside what `begin` takes up these are revisions, minutes, lines that were held back, and
        requests.
        """
        self.begin(store, come_by(now))
        self._began = now
        self._sightings.add(store.sightings())
        self._minutes.add(store.beats())
        lines, waits = receipts.held_read(store.held())
        for part, came in zip(lines, waits.came(now), strict=False):
            self._joiner.on_entry(part, came, matters=True)
        if self._traffic is not None:
            for receipt in store.recent(0):
                with suppress(NewerError):  # who wrote it is gone, or does not count any more
                    self._traffic.add(receipts.read(receipt).requests)
        return waits.since(now)

    def held(self, incidents: Mapping[str, int], now: int) -> bytes:
        """Return what is held back, as a receipt that `go_on` reads; b"" if nothing is.

        What was taken has to come from receipts. `incidents` are those that wait, since when.
        """
        waits = Waits.of(self._joiner.came(), incidents, now)
        return receipts.held_written(self._joiner.held(), waits)

    def by_clock(self, now: int) -> None:
        """Take what the clock says (ns UTC), which may have gone back since it began."""
        self._began = min(self._began, now)

    def by_all(self, until: int) -> int:
        """Return since when something waits that is over for who waits since `until` (ns UTC)."""
        return by_all(until, self._began)

    def requests(self) -> bytes:
        """Return the requests that were taken and are not recorded, as a receipt."""
        return receipts.requests_written(self._requests, self._correlator.now)

    def recorded(self) -> None:
        """Begin to note anew what is touched or changed, and requests: what was is recorded."""
        self.touched, self._requests = set(), {}
        self._redacted.news.clear()
        self._minutes.changed.clear()
        if self._traffic is not None:
            self._traffic.changed.clear()

    def forget(self, now: int) -> None:
        """Forget entries that the correlator forgot, and what is long ago (event time, ns UTC)."""
        self._sightings.forget(now)
        self._minutes.forget(now)
        kept = self._correlator.identities()
        self._known = {read: known for read, known in self._known.items() if known in kept}
        self._silences = [key for key in self._silences if redacted_identity(key) in kept]

    @property
    def known(self) -> Mapping[int, int]:
        """The entries that matter: by their identity as read, that once redacted."""
        return self._known

    @property
    def is_in_order(self) -> bool:
        """Whether all that was taken is known to have stood in order of time."""
        return self._read_until is not None

    @property
    def has_too_many(self) -> bool:
        """Whether more revisions were told of than can be true."""
        return self._sightings.too_many

    def sightings(self) -> Mapping[Running, Sighting]:
        """Return which revisions logged, and when, redacted."""
        return self._redacted.every()

    def news(self, now: int) -> Mapping[Running, Sighting]:
        """Return those that are not recorded so, of what is remembered at `now` (event time)."""
        every = self._redacted.every()
        return recent({running: every[running] for running in self._redacted.news}, now)

    def beats(self) -> Beats:
        """Return in which minutes services logged, redacted."""
        return self._minutes.redacted(self._detector.redact_name)

    def new_beats(self) -> Beats:
        """Return those of the services and days of which more was told than is recorded."""
        return self._minutes.news(self._detector.redact_name)

    def new_answers(self, now: int) -> Mapping[Question, int]:
        """Return the answers about requests that are not recorded so, if asked for at `now`."""
        return UNASKED if self._traffic is None else still_asked(self._traffic.news(), now)

    def take(self, examined: Examined, came: int = 0) -> None:
        """Take what was examined; `came` is when it arrived, where somebody counts that (ns).

        Then event time has come no further: clocks of those who log may be wrong, and one line that
        is dated ahead must not make all that goes on look as if it were over.
        """
        self._account.take(examined)
        span, before = examined.span, self._read_until
        follows = before is not None and span is not None and before <= span[0]
        self._read_until = span[1] if span is not None and follows else None
        self._sightings.add(examined.sightings, examined.lasts)
        self._minutes.add(examined.beats)
        if self._traffic is not None:
            self._traffic.add(examined.requests)
            merge_requests(self._requests, examined.requests if came else {})
        latest = come_by(came) if came else examined.watermark
        self._correlator.on_time(min(examined.watermark, latest))
        for told in examined.told:
            key = told.detections[0].key
            self._known[told.identity] = redacted_identity(key)
            self._tell(key, told.richness, told.detections)
        for part in examined.parts:
            self._tell_released(self._joiner.on_entry(part, came, matters=True))

    def flush(self) -> None:
        """Take what was held back, because lines of tracebacks might have followed."""
        self._tell_released(self._joiner.flush())

    def on_time(self, now: int, came: int = 0) -> None:
        """Take what no entry from `now` on (event time, ns UTC) can add to; it `came` then."""
        self._tell_released(self._joiner.on_time(now, self.by_all(came)))

    def is_waiting(self, now: int) -> bool:
        """Whether lines of tracebacks are held back that were logged before `now` (ns UTC)."""
        return self._joiner.is_waiting(now)

    def holds(self, times: Collection[int]) -> bool:
        """Whether a line that was logged at one of some times (ns UTC) is held back."""
        return any(one.timestamp in times for one in self._joiner.held())

    def hear(self, told: Iterable[Told]) -> None:
        """Take what the rules see in further copies of entries that matter, which may be nothing.

        A richer copy takes back what a poorer one showed.
        """
        for one in told:
            self._tell(self._key(one.identity), one.richness, one.detections)

    def hear_silence(
        self, before: Beats, quiet_after: Callable[[str], int | None], until: int | None = None
    ) -> Beats:
        """Tell which services fell silent, and take back what is not true; return the minutes.

        `before` are the minutes of earlier runs, `quiet_after` says when silence is told; of these
        minutes none counts that begins after `until` (ns UTC).
        """
        own, correlator = self.beats(), self._correlator
        own = own if until is None else past(own, until)
        every = dict(before)
        merge_beats(every, own)
        found = silences(every, quiet_after)
        if found:  # as it nearly never is
            known = (item for item, _ in correlator.detections(self._known.values()))
            found = without(deletions(known), found)
        for key in contradicted(self._silences, found, every):
            for told in correlator.told(key) or ():
                self._tell(key, told.richness, ())
        for entry in (one.entry for one in found if is_heard(one, own)):
            self._tell_entry(entry, self._detector.known(entry))
            self._silences = [*self._silences, self._detector.key_of(entry)]
        return own

    def _key(self, identity: int) -> Key:
        return self._correlator.key(self._known[identity])

    def _tell_released(self, released: Released) -> None:
        """Tell of what may have been lines of tracebacks, as these or by themselves."""
        heard = Heard()
        for joined in released.joined:
            self._tell_joined(joined, heard)
        for entry in released.loose:
            again, told = entry.key in released.again, entry.key in released.told
            alone = replace(entry)  # what is derived from it is not kept with it
            self._tell_alone(alone, heard, again=again, told=told)
        self._account.hear(heard)

    def _tell_joined(self, joined: Joined, heard: Heard) -> None:
        """Detect in a traceback whose lines came one an entry; it is no further entry.

        Of its lines fallback rules say nothing; if they did in an earlier run, it is taken back.
        """
        detector, marks = self._detector, {"again": joined.again, "told": joined.told}
        alone = [detector.marked(detector.known(part), **marks) for part in joined.parts]
        for part, found in zip(joined.parts[1:], alone[1:], strict=True):
            self._tell_entry(part, found)
        whole = detector.marked(detector.detect_joined(joined.entry, alone), **marks)
        self._tell_entry(joined.entry, whole)
        told = [*whole, *chain.from_iterable(alone)]
        known = self._detector.is_known(told)
        heard.take(joined.entry, self._detector.redact_all, known=known)
        if joined.above is not None:
            names = [item.fingerprint for item in told]
            self._tell_above(joined)
            self._tell_alone(joined.above, heard, above=names, known=known, again=joined.again)

    def _tell_above(self, joined: Joined) -> None:
        """Tell anew what rules see in the line above a traceback, if they see anything in it."""
        above, detector = cast("LogEntry", joined.above), self._detector
        found = detector.known_above(above, joined.entry)
        if found is not None:
            self._tell_entry(above, detector.marked(found, again=joined.again))

    def _tell_alone(  # noqa: PLR0913 - what the lines around it say
        self,
        entry: LogEntry,
        heard: Heard,
        *,
        above: Sequence[str] = (),
        known: bool = False,
        again: bool = False,
        told: bool = False,
    ) -> None:
        """Tell what fallback rules see in an entry of which the others were told before.

        These are told anew where the lines around it say more of it.
        """
        detector = self._detector
        found = detector.known(entry)
        heard.take(entry, detector.redact_all, known=known or bool(found))
        if not found:
            unknown = detector.unknown(entry, above)
            self._tell_entry(entry, detector.marked(unknown, again=again, told=told))
        elif (again or told) and not above:
            self._tell_entry(entry, detector.marked(found, again=again, told=told))

    def _tell_entry(self, entry: LogEntry, found: Sequence[Detection]) -> None:
        """Tell what is seen in an entry now, whatever was told of it before.

        What was held back may have lost its secrets, and be poorer by them than it was.
        """
        key = self._detector.key_of(entry)
        before = self._correlator.told(key)
        if found:
            self._known[entry.identity] = redacted_identity(key)
        if found or before is not None:
            richness = max([entry.richness, *(item.richness for item in before or ())])
            richest = [msgspec.structs.replace(item, richness=richness) for item in found]
            self._tell(key, richness, richest)

    def _tell(self, key: Key, richness: Richness, found: Iterable[Detection]) -> None:
        self._correlator.on_detections(key, richness, found)
        self.touched.add(redacted_identity(key))
