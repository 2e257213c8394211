"""What holds of correlation whatever was detected, in whatever order it was told."""

from __future__ import annotations

import json
from itertools import pairwise, product
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from pipeline.audit import ABOVE
from pipeline.catalog import load_catalog
from pipeline.correlation import CorrelationSettings, Correlator
from pipeline.correlation.links import Anchor
from pipeline.lifecycle import LifecycleSettings
from tests.plain_correlation import Plain
from tests.support import BASE, SECOND, detection, rule_text, ruleset, temporal_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.correlation import Key, Richness
    from pipeline.detection import Detection
    from pipeline.incident import Incident

    Copy = tuple[Key, Richness, tuple[Detection, ...]]
    Part = frozenset[tuple[str, int, int, int]]

SPAN, GAP, SKEW, TOGETHER = 200, 600, 5, 30
EDGE = "same: [service], within: 5m"
RULES = ruleset(
    rule_text("a", level="low"),
    rule_text("b", audit=f"{{caused_by: [{{rule: a, {EDGE}}}]}}"),
    rule_text("c", audit=f"{{caused_by: [{{rule: [b, f], {EDGE}, before: 10s}}, {{rule: c}}]}}"),
    rule_text("d", level="critical", audit="{about: resource}"),
    temporal_text("together", "b", "d", timespan=f"{SPAN}s"),
    rule_text("e", audit="{context: {same: [service], within: 10m}}"),
    rule_text(
        "f",
        audit="{caused_by: [{rule: [a, b], via: depends_on, one_trace: true, within: 2m}, "
        "{rule: d}]}",
    ),
    rule_text("g", level="low", audit="{noise: true}"),
    rule_text("h", audit="{fallback: true}"),
    rule_text("i", level="low"),
    rule_text("j", audit="{caused_by: [{rule: i, database: cause, within: 2m, before: 10s}]}"),
    rule_text("k", audit="{caused_by: [{rule: j, database: effect, within: 2m}]}"),
)
APART = "eg"
"""Rules whose detections are in no incident: context and noise."""
CATALOG = load_catalog(
    "services: {backend: {depends_on: [auth, db]}, auth: {depends_on: [backend, db, first]}}\n"
    "resources: {db: {}, first: {match: {database: ['p:1']}}}\n",
    "catalog.yml",
)
SETTINGS = CorrelationSettings(
    episode_gap=GAP * SECOND,
    clock_skew=SKEW * SECOND,
    together=TOGETHER * SECOND,
    trace_span=400 * SECOND,
    trace_limit=3,
    lifecycle=LifecycleSettings(resolve_after=300 * SECOND),
    allowed_lateness=200 * SECOND,
)

# Near and at the limits of every span, and what lies beside them.
TIMES = st.builds(
    lambda hundreds, beside: hundreds * 100 + beside,
    st.integers(0, 20),
    st.sampled_from((0, 0, 1, SKEW, SKEW + 1, 10, TOGETHER, TOGETHER + 1)),
)
SEEN = st.tuples(
    st.sampled_from("abcdefghhiijjk"),
    TIMES,
    st.sampled_from(("backend", "auth", "")),
    st.sampled_from((1, 1, 2)),
    st.sampled_from(("one", "two", "")),
    st.sampled_from(("", "", "", "", "t", "u")),
)
Sight = tuple[str, int, str, int, str, str]
ABOVE_SOMETHING = 2
NAMED: dict[tuple[str, int], str] = {
    ("i", 1): "p:1",
    ("i", 2): "p:2",
    ("j", 2): "p:r:2",
    ("k", 1): "p:1",
    ("k", 2): "p:2",
}
"""The database that a detection names."""


def sighted(sight: Sight, key: str) -> Detection:
    """Make a detection; its revision and its trace are in no fingerprint.

    A fallback rule sees a line above a traceback, in which something else was seen, or any other.
    """
    rule, at, service, n, revision, trace = sight
    made = detection(rule, at=at, service=service, n=0 if rule == "j" else n, key=key)
    if rule == "h" and n == ABOVE_SOMETHING:
        above = [detection(one, service=service, n=1).fingerprint for one in "ac"]
        made = structs.replace(made, fields={**made.fields, ABOVE: above})
    if (rule, n) in NAMED:
        made = structs.replace(made, fields={**made.fields, "database": NAMED[rule, n]})
    return structs.replace(made, revision=revision, trace=trace)


def made(seen: Iterable[Sight]) -> list[Detection]:
    """Make detections, each from an entry of its own."""
    return [sighted(sight, f"entry-{index}") for index, sight in enumerate(seen)]


DETECTIONS = st.lists(SEEN, max_size=16).map(made)


@st.composite
def copies(draw: st.DrawFn) -> list[Copy]:
    """Make entries that several rules may see, some with a poorer copy that shows something else.

    The richest copy shows something: a copy that shows nothing is kept away by whoever reads.
    """
    told: list[Copy] = []
    for index, (rule, *sight) in enumerate(draw(st.lists(SEEN, max_size=10))):
        rules = {rule, *draw(st.sets(st.sampled_from("abcdefghijk"), max_size=2))}
        shown = [sighted((one, *sight), f"id-{index}") for one in rules]
        for payloads in range(draw(st.integers(1, 2))):
            richness = (payloads, 1, 1, "")
            found = shown if payloads else [shown[0], *shown[2:]]
            same = tuple(structs.replace(item, richness=richness) for item in found)
            told.append((shown[0].key, richness, same))
    return told


def correlator_of(found: Iterable[Detection]) -> Correlator:
    """Return a correlator that was told of detections."""
    correlator = Correlator(RULES, SETTINGS, topology=CATALOG)
    for item in found:
        correlator.on_detections(item.key, item.richness, [item])
    return correlator


def incidents(found: Iterable[Detection]) -> tuple[Incident, ...]:
    """Return the incidents of detections."""
    return correlator_of(found).incidents()


def as_told(chunks: Iterable[Iterable[Copy]]) -> tuple[Incident, ...]:
    """Return the incidents after a restart behind each chunk."""
    correlator = correlator_of(())
    for chunk in chunks:
        restarted = correlator_of(())
        restarted.resume(json.loads(json.dumps(correlator.snapshot())))
        correlator = restarted
        for key, richness, found in chunk:
            correlator.on_detections(key, richness, found)
    correlator.on_time(BASE + 4000 * SECOND)
    return correlator.incidents()


@given(copies(), st.data())
def test_any_order_repetition_and_chunking_gives_the_same_incidents(
    told: list[Copy], data: st.DataObject
) -> None:
    """Whatever comes first, twice, or after a restart."""
    repeated = data.draw(st.lists(st.sampled_from(told), max_size=4)) if told else []
    shuffled = data.draw(st.permutations(told + repeated))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=3)))
    bounds = [0, *cuts, len(shuffled)]
    chunks = [shuffled[start:end] for start, end in pairwise(bounds)]
    assert as_told(chunks) == as_told([told])


Shown = frozenset[tuple[str, int, int, int]]


def shown(items: Iterable[Detection]) -> Shown:
    """Return what an incident of these detections shows: count, first and last of each symptom."""
    times: dict[str, list[int]] = {}
    for item in items:
        times.setdefault(item.fingerprint, []).append(item.timestamp)
    return frozenset(
        (fingerprint, len(found), min(found), max(found)) for fingerprint, found in times.items()
    )


@settings(max_examples=400)
@given(DETECTIONS)
def test_incidents_are_what_the_plain_reference_finds(found: list[Detection]) -> None:
    """The quick way finds what all pairs and union-find make of the sentences."""
    counted = [item for item in found if item.rule not in APART]
    plain = Plain(RULES, SETTINGS, CATALOG, counted).components()
    assert sorted(
        sorted(
            (item.fingerprint, item.count, item.first_seen, item.last_seen)
            for item in incident.symptoms
        )
        for incident in incidents(found)
    ) == sorted(sorted(shown(part)) for part in plain)


@given(DETECTIONS)
def test_no_detection_is_lost(found: list[Detection]) -> None:
    """Each one is counted in exactly one incident, context and noise in none; noise by itself."""
    counted = [item for item in found if item.rule not in APART]
    assert sum(incident.count for incident in incidents(found)) == len(counted)
    assert all(any(made.has(item) for made in incidents(found)) for item in counted)
    noise = [item for item in found if item.rule == "g"]
    assert sum(symptom.count for symptom in correlator_of(found).noise()) == len(noise)


@given(DETECTIONS, st.integers(0, 16))
def test_a_further_detection_splits_only_what_it_explains_better(
    found: list[Detection], known: int
) -> None:
    """What belonged together still does, but for effects that find a nearer cause.

    An episode of what nothing explains stays whole: late entries only join.
    """
    found = [
        structs.replace(item, trace="") for item in found
    ]  # one that touches too much is no evidence
    roots = [item for item in found if item.rule in "ad"]
    before, after = incidents(roots[:known]), incidents(found)
    for incident in before:
        owners = {
            made.id
            for made, symptom in product(after, incident.symptoms)
            for later in made.symptoms
            if later.fingerprint == symptom.fingerprint
            and later.first_seen <= symptom.first_seen
            and symptom.last_seen <= later.last_seen
        }
        assert len(owners) == 1


@given(DETECTIONS, st.integers(0, 14))
def test_a_reported_incident_keeps_its_id_or_is_absorbed_by_an_older_one(
    found: list[Detection], known: int
) -> None:
    """Exactly one incident has the id, or names it among those that it absorbed."""
    anchors = [
        Anchor(incident.anchor[1], incident.anchor[0], incident.id)
        for incident in incidents(found[:known])
    ]
    correlator = correlator_of(found)
    correlator.restore((), anchors)
    ids = [name for item in correlator.incidents() for name in (item.id, *item.absorbed)]
    assert len(ids) == len(set(ids))
    assert {anchor.incident_id for anchor in anchors} <= set(ids)
    for incident in correlator.incidents():
        assert all(incident.anchor[1] <= _time(name, anchors) for name in incident.absorbed)


def _time(name: str, anchors: Iterable[Anchor]) -> int:
    return next(anchor.time for anchor in anchors if anchor.incident_id == name)


@given(DETECTIONS, st.lists(st.integers(0, 16), max_size=2))
def test_what_is_forgotten_changes_nothing_that_is_left(
    found: list[Detection], stops: list[int]
) -> None:
    """A correlator that forgets in between shows what one shows that keeps everything."""
    ordered = sorted(found, key=lambda item: item.timestamp)
    whole, sparing = correlator_of(()), correlator_of(())
    gone: set[str] = set()
    for index, item in enumerate(ordered):
        for correlator in (whole, sparing):
            correlator.on_detections(item.key, item.richness, [item])
            correlator.on_time(item.timestamp)
        if index in stops:
            for correlator in (whole, sparing):
                correlator.on_idle(90 * SECOND)
            gone.update(sparing.evict())
    for correlator in (whole, sparing):
        correlator.on_idle(1000 * SECOND)
    left = [incident for incident in whole.incidents() if incident.id not in gone]
    assert sparing.incidents() == tuple(left)
