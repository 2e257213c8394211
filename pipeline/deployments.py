"""Deployments: which revision began to log when, and what that says about an incident.

All of it comes from entries: what each revision's entries come to (`entry.sighting`), and the audit
entry of whoever replaced the service. That a revision began is said only where an earlier one of
its service logged before it, or an audit entry announced it: the first entry of an export is the
beginning of nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from pipeline.audit import SECOND
from pipeline.entry import format_timestamp
from pipeline.entry.sighting import bare_time, merge_lasts, merge_sightings, whole_time
from pipeline.facts import Fact, entry_ref, sample_ref

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pipeline.detection import Sample
    from pipeline.entry.sighting import Running, Sighting
    from pipeline.incident import Incident, Place, Symptom

MOST = 20_000
"""Revisions that a run can tell of; where more seem to log, their names are no names."""

KEPT = 90 * 24 * 3600 * SECOND
"""How long a revision is remembered after its last entry."""

BEFORE = 3600 * SECOND
"""How long before an incident a deployment may lie to stand in its timeline."""

APART = 60 * SECOND
"""How long after the first revision of a service another has to begin to be taken for a new one:
of two that both serve an export begins with one, and then has the other."""

ANNOUNCED = "service-replaced"
"""The signature of rules about entries that say a service is replaced."""

AFTER_DEPLOYMENT = "first_seen_after_deployment"
"""The kind of fact that relates a symptom to the beginning of a revision."""

NONE: Mapping[Running, str] = MappingProxyType({})

_UNITS = ((172_800, 86_400, "d"), (7_200, 3_600, "h"), (120, 60, "min"), (0, 1, "s"))
_COMMIT_DIGITS = 12


@dataclass(slots=True)
class Sightings:
    """What all entries of a run tell of revisions; the order they are told in does not matter."""

    known: dict[Running, Sighting] = field(default_factory=dict)
    too_many: bool = False
    most: int = MOST
    changed: set[Running] = field(default_factory=set, compare=False)
    """Those added, changed or forgotten; who looked at them clears it."""
    _until: int = field(default=0, compare=False)

    def add(self, more: Mapping[Running, Sighting], lasts: Mapping[Running, str] = NONE) -> None:
        """Add some, and when those added before logged last.

        Nothing is known any more once there are too many to be true, until `forget` ends that.
        """
        if not self.too_many:
            before = {running: self.known.get(running) for running in chain(more, lasts)}
            merge_sightings(self.known, more)
            merge_lasts(self.known, lasts)
            self.changed |= {name for name, one in before.items() if self.known.get(name) != one}
            self.too_many = len(self.known) > self.most
        if self.too_many:
            self.changed |= self.known.keys()
            self.known.clear()

    def forget(self, now: int) -> None:
        """Forget those of long ago (event time, ns UTC), and with them that there were too many.

        Not before a store forgot what it was told until then: it would get as many each time.
        """
        kept = recent(self.known, now)
        self.changed |= self.known.keys() - kept.keys()
        self.known = kept
        if self.too_many:
            self._until = self._until or now + KEPT
            self.too_many = now < self._until
        if not self.too_many:
            self._until = 0

    def redacted(
        self, redact: Callable[[str], str], identify: Callable[[str], str]
    ) -> dict[Running, Sighting]:
        """Return them fit to be stored and shown; `identify` keeps identifiers apart."""
        clean: dict[Running, Sighting] = {}
        for (service, version), one in self.known.items():
            name = redact(service), redact(version)
            merge_sightings(clean, {name: fit_sighting(one, redact, identify)})
        return clean


def fit_sighting(
    one: Sighting, redact: Callable[[str], str], identify: Callable[[str], str]
) -> Sighting:
    """Return a sighting fit to be stored and shown; `identify` keeps identifiers apart."""
    return msgspec.structs.replace(
        one,
        log_name=identify(one.log_name),
        insert_id=identify(one.insert_id),
        commit=redact(one.commit),
    )


@dataclass(frozen=True, slots=True)
class Deployment:
    """One revision of a service; times in nanoseconds UTC.

    `first_seen` and `last_seen` are of its own entries, `ref` cites the first of them. `previous`
    is the revision that began to log before it, if one is known.
    """

    service: str
    revision: str
    commit: str
    first_seen: int
    last_seen: int
    ref: str
    previous: Deployment | None = None

    @property
    def name(self) -> str:
        """What a reader is told: `revision X`, or `commit X` where there are no revisions."""
        if self.revision == self.commit:
            return f"commit {self.commit[:_COMMIT_DIGITS]}"
        return f"revision {self.revision}"


@dataclass(frozen=True, slots=True)
class Announcement:
    """An audit entry that says a service was replaced, and by whom if that is no secret."""

    sample: Sample
    by: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """What deployments have to do with one incident.

    `begun` are those whose beginning lies within it or up to an hour before, in order of time;
    `latest` is the last of its services at all; `facts` relate its root to the revision that it was
    first seen on, for each service; `here` are these revisions.
    """

    begun: tuple[Deployment, ...] = ()
    latest: Deployment | None = None
    here: tuple[Deployment, ...] = ()
    facts: tuple[Fact, ...] = ()


class History:
    """The deployments of all services, in order."""

    def __init__(self, sightings: Mapping[Running, Sighting]) -> None:
        self._sightings: defaultdict[str, list[tuple[str, Sighting]]] = defaultdict(list)
        for (service, revision), one in sightings.items():
            self._sightings[service].append((revision, one))
        self._services: dict[str, tuple[Deployment, ...]] = {}

    def rollout(self, incident: Incident, incidents: Iterable[Incident]) -> Rollout:
        """Say what deployments have to do with an incident; `incidents` are all there are."""
        fingerprint = incident.root.fingerprint
        places = [
            place
            for symptom in chain.from_iterable(item.symptoms for item in incidents)
            if symptom.fingerprint == fingerprint
            for place in symptom.places
        ]
        facts = [self._fact(place, places, incident) for place in _firsts(incident.root)]
        here = (self._at(place) for place in _firsts(incident.root))
        known = self._known(incident)
        since = incident.first_seen - BEFORE
        return Rollout(
            begun=tuple(one for one in known if since <= one.first_seen <= incident.last_seen),
            latest=known[-1] if known else None,
            here=tuple(item for item in here if item),
            facts=tuple(fact for fact in facts if fact),
        )

    def _of(self, service: str) -> tuple[Deployment, ...]:
        """Return the deployments of a service; nobody asks for those of most."""
        if service not in self._services:
            told = self._sightings.get(service, ())
            self._services[service] = _in_order(_deployment(service, *each) for each in told)
        return self._services[service]

    def _known(self, incident: Incident) -> list[Deployment]:
        """Return those of the incident's services whose beginning is known, in order."""
        found = [
            item
            for service in incident.services
            for item in self._of(service)
            if item.previous or _announcement(item, incident)
        ]
        return sorted(found, key=lambda item: (item.first_seen, item.service, item.revision))

    def _at(self, place: Place) -> Deployment | None:
        """Return the deployment of a place."""
        return next((item for item in self._of(place.service) if _holds(item, place)), None)

    def _fact(self, place: Place, places: Sequence[Place], incident: Incident) -> Fact | None:
        """Relate a symptom to the beginning of the revision it was first seen on, if known."""
        here = self._at(place)
        if here is None or place.first_seen < here.first_seen:  # as an audit entry may be
            return None
        announced = _announcement(here, incident)
        if here.previous is None and announced is None:
            return None
        elsewhere = [
            one for one in places if one.service == place.service and not _holds(here, one)
        ]
        return _after_deployment(here, place, elsewhere, announced)


def recent(sightings: Mapping[Running, Sighting], now: int) -> dict[Running, Sighting]:
    """Return those that are remembered at `now` (event time, ns UTC)."""
    since = kept_since(now)
    return {running: one for running, one in sightings.items() if one.last >= since}


def kept_since(now: int) -> str:
    """Return the time, as sightings have it, of the last entry of who is just remembered then."""
    return bare_time(max(now - KEPT, 0))


def _deployment(service: str, revision: str, one: Sighting) -> Deployment:
    first, last = (whole_time(text) for text in (one.first, one.last))
    ref = entry_ref(one.log_name, one.insert_id)
    return Deployment(service, revision, one.commit, first, last, ref)


def _in_order(items: Iterable[Deployment]) -> tuple[Deployment, ...]:
    """Put the revisions of a service in order, each knowing the one before it.

    What began to log at the same time as the first one may have run as long as that.
    """
    ordered = sorted(items, key=lambda item: (item.first_seen, item.revision))
    known = ordered[:1]
    for before, item in pairwise(ordered):
        began = item.first_seen >= ordered[0].first_seen + APART
        known.append(replace(item, previous=replace(before, previous=None)) if began else item)
    return tuple(known)


def _firsts(symptom: Symptom) -> Iterator[Place]:
    """Yield, for each service of a symptom, the place where it was seen first."""
    services: set[str] = set()
    for place in sorted(symptom.places, key=lambda item: (item.first_seen, item.revision)):
        if place.service not in services:
            services.add(place.service)
            yield place


def _holds(deployment: Deployment, place: Place) -> bool:
    """Say whether a place of its service is of this deployment; a commit is told by the time."""
    if place.revision or deployment.revision != deployment.commit:
        return place.revision == deployment.revision
    return deployment.first_seen <= place.first_seen <= deployment.last_seen


def _announcement(deployment: Deployment, incident: Incident) -> Announcement | None:
    """Return the last audit entry that said this deployment was coming."""
    after = deployment.previous.first_seen if deployment.previous else 0
    found = [
        Announcement(sample, _address(symptom.fields.get("by")))
        for symptom in incident.context
        if symptom.signature == ANNOUNCED
        and deployment.service in symptom.services
        and (not symptom.revisions or deployment.revision in symptom.revisions)
        for sample in symptom.samples
        if after < sample.timestamp <= deployment.first_seen
    ]
    return max(found, key=lambda item: item.sample, default=None)


def _address(value: object) -> str:
    """Return an address that was not redacted."""
    return value if isinstance(value, str) and "@" in value else ""


def _after_deployment(
    here: Deployment,
    place: Place,
    elsewhere: Sequence[Place],
    announced: Announcement | None,
) -> Fact:
    """State how long after the beginning of a revision a symptom was first seen on it."""
    earlier = sorted(one for one in elsewhere if one.first_seen < place.first_seen)
    absent = here.previous is not None and not earlier
    nanoseconds = place.first_seen - here.first_seen
    text = f"first seen {span_text(nanoseconds)} after {here.name} of {here.service} started"
    data = {
        "service": here.service,
        "revision": here.revision,
        "commit": here.commit,
        "started_at": format_timestamp(here.first_seen),
        "seconds": nanoseconds / SECOND,
        "previous": here.previous.revision if here.previous else "",
        "previous_commit": here.previous.commit if here.previous else "",
        "absent_before": absent,
        "also_on": sorted({one.revision for one in elsewhere}),
        "announced_at": format_timestamp(announced.sample.timestamp) if announced else "",
        "announced_by": announced.by if announced else "",
    }
    ref = ", ".join([here.ref, *([sample_ref(announced.sample)] if announced else [])])
    return Fact(
        AFTER_DEPLOYMENT, text + _before_text(place, here.previous, earlier, elsewhere), ref, data
    )


def _before_text(
    place: Place,
    previous: Deployment | None,
    earlier: Sequence[Place],
    elsewhere: Sequence[Place],
) -> str:
    """Say what is known of the time before a symptom was first seen at a place.

    The revision before may go on to log; how long it does is told at no time by what is known then.
    """
    if earlier:
        where = f"revision {earlier[0].revision}" if earlier[0].revision else earlier[0].service
        return f"; seen before, on {where} at {_time_text(earlier[0].first_seen)}"
    if previous is None:
        return "; no earlier one logged in what was read"
    since = _time_text(previous.first_seen)
    later = [one.first_seen for one in elsewhere if _holds(previous, one)]
    if later:
        began = _time_text(min(later))
        return f", absent before: {previous.name} logged without it from {since} until {began}"
    until = _time_text(min(previous.last_seen, place.first_seen))
    return f", absent before: {previous.name} logged from {since} to {until} without it"


def _time_text(time: int) -> str:
    """Return a time as people read it, to the second below."""
    return format_timestamp(time - time % SECOND)


def deployment_text(deployment: Deployment) -> str:
    """Say that a revision began to log, of which commit it is, and what came before."""
    text = f"{deployment.name} of {deployment.service} started (first entry)"
    if deployment.commit and deployment.commit != deployment.revision:
        text += f", commit {deployment.commit[:_COMMIT_DIGITS]}"
    before = deployment.previous
    if before is None:
        return text
    same = before.commit == deployment.commit
    commit = "the same commit" if same else f"commit {before.commit[:_COMMIT_DIGITS]}"
    told = before.commit and before.commit != before.revision
    return f"{text}; before it {before.name}" + (f", {commit}" if told else "")


def span_text(nanoseconds: int) -> str:
    """Return a span as people say it: `3 s`, `5 min`, `26 h`, `3 d`, rounded down."""
    seconds = nanoseconds // SECOND
    size, unit = next((size, unit) for least, size, unit in _UNITS if seconds >= least)
    return f"{seconds // size} {unit}" if seconds else "less than 1 s"
