"""What holds of correlation whatever was detected, in whatever order it was told."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise, product
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from pipeline.correlation import CorrelationSettings, Correlator
from pipeline.correlation.links import Anchor
from tests.support import BASE, SECOND, correlate, detection, rule_text, ruleset, temporal_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.correlation import Key, Richness
    from pipeline.detection import Detection
    from pipeline.incident import Incident

    Copy = tuple[Key, Richness, tuple[Detection, ...]]
    Part = frozenset[tuple[str, int, int, int]]

WITHIN, SPAN, GAP, SKEW = 300, 200, 600, 5
EDGE = "same: [service], within: 5m"
RULES = ruleset(
    rule_text("a", level="low"),
    rule_text("b", audit=f"{{caused_by: [{{rule: a, {EDGE}}}]}}"),
    rule_text("c", audit=f"{{caused_by: [{{rule: b, {EDGE}}}, {{rule: c, {EDGE}}}]}}"),
    rule_text("d", level="critical"),
    temporal_text("together", "b", "d", timespan=f"{SPAN}s"),
    rule_text("e", audit="{context: {same: [service], within: 10m}}"),
)
SETTINGS = CorrelationSettings(episode_gap=GAP * SECOND, clock_skew=SKEW * SECOND)

# Near and at the limits of every span, and clock skew beside them.
TIMES = st.builds(
    lambda hundreds, beside: hundreds * 100 + beside,
    st.integers(0, 30),
    st.sampled_from((0, 0, SKEW, SKEW + 1)),
)
SEEN = st.tuples(
    st.sampled_from("abcde"), TIMES, st.sampled_from(("backend", "auth", "")), st.integers(1, 2)
)


def made(seen: Iterable[tuple[str, int, str, int]]) -> list[Detection]:
    """Make detections, each from an entry of its own."""
    return [
        detection(rule, at=at, service=service, n=n, key=f"entry-{index}")
        for index, (rule, at, service, n) in enumerate(seen)
    ]


DETECTIONS = st.lists(SEEN, max_size=14).map(made)


@st.composite
def copies(draw: st.DrawFn) -> list[Copy]:
    """Make entries that several rules may see, some with a poorer copy that shows something else.

    The richest copy shows something: a copy that shows nothing is kept away by whoever reads.
    """
    told: list[Copy] = []
    for index, (rule, at, service, n) in enumerate(draw(st.lists(SEEN, max_size=10))):
        rules = {rule, *draw(st.sets(st.sampled_from("abcde"), max_size=2))}
        shown = [detection(one, at=at, service=service, n=n, key=f"id-{index}") for one in rules]
        for payloads in range(draw(st.integers(1, 2))):
            richness = (payloads, 1, 1, "")
            found = shown if payloads else [shown[0], *shown[2:]]
            same = tuple(replace(item, richness=richness) for item in found)
            told.append((shown[0].key, richness, same))
    return told


def incidents(found: Sequence[Detection]) -> tuple[Incident, ...]:
    """Return the incidents of detections."""
    return correlate(RULES, *found, settings=SETTINGS).incidents()


def as_told(chunks: Iterable[Iterable[Copy]]) -> tuple[Incident, ...]:
    """Return the incidents after a restart behind each chunk."""
    correlator = Correlator(RULES, SETTINGS)
    for chunk in chunks:
        restarted = Correlator(RULES, SETTINGS)
        restarted.restore(*correlator.snapshot())
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


# --- the reference: the design's sentences over all pairs, no matter how slow ---------------------


def shown(items: Iterable[Detection]) -> Part:
    """Return what an incident of these detections shows: count, first and last of each symptom."""
    times: dict[str, list[int]] = {}
    for item in items:
        times.setdefault(item.fingerprint, []).append(item.timestamp)
    return frozenset(
        (fingerprint, len(found), min(found), max(found)) for fingerprint, found in times.items()
    )


def same_service(left: Detection, right: Detection) -> bool:
    """Tell whether both come from one service that is known."""
    return left.service == right.service != ""


def one_episode(left: Detection, right: Detection) -> bool:
    """Tell whether one symptom was seen twice without a gap in between."""
    near = abs(left.timestamp - right.timestamp) <= GAP * SECOND
    return left.fingerprint == right.fingerprint and near


def explains(effect: Detection, cause: Detection) -> bool:
    """Tell whether an edge leads from the effect to the cause, in time."""
    edge = (effect.rule, cause.rule) in {("b", "a"), ("c", "b"), ("c", "c")}
    after = effect.timestamp - cause.timestamp
    return edge and same_service(effect, cause) and -SKEW * SECOND <= after <= WITHIN * SECOND


def correlated(left: Detection, right: Detection) -> bool:
    """Tell whether both rules of the temporal correlation matched within its span.

    It has two rules, so that what makes a span match is always a pair of one and the other.
    """
    near = abs(left.timestamp - right.timestamp) <= SPAN * SECOND
    return {left.rule, right.rule} == {"b", "d"} and same_service(left, right) and near


def reference(found: Sequence[Detection]) -> set[Part]:
    """Return the connected components of all detections but context."""
    counted = [item for item in found if item.rule != "e"]
    components = [{index} for index in range(len(counted))]
    for left, right in combinations(range(len(counted)), 2):
        one, other = counted[left], counted[right]
        if (
            one_episode(one, other)
            or explains(one, other)
            or explains(other, one)
            or correlated(one, other)
        ):
            joined = [part for part in components if part & {left, right}]
            components = [part for part in components if part not in joined]
            components.append(set[int]().union(*joined))
    return {shown(counted[index] for index in part) for part in components}


@given(DETECTIONS)
def test_incidents_are_the_connected_components_of_all_pairs(found: list[Detection]) -> None:
    """The quick way finds what the plain one finds."""
    shown_by = {
        frozenset(
            (item.fingerprint, item.count, item.first_seen, item.last_seen)
            for item in incident.symptoms
        )
        for incident in incidents(found)
    }
    assert shown_by == reference(found)


@given(DETECTIONS)
def test_no_detection_is_lost(found: list[Detection]) -> None:
    """Each one is counted in exactly one incident, context in none."""
    counted = [item for item in found if item.rule != "e"]
    assert sum(incident.count for incident in incidents(found)) == len(counted)
    assert all(any(made.has(item) for made in incidents(found)) for item in counted)


@given(DETECTIONS, st.integers(0, 14))
def test_a_further_detection_never_splits_an_incident(found: list[Detection], known: int) -> None:
    """What belonged together still does; late entries only join."""
    before, after = incidents(found[:known]), incidents(found)
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
    correlator = correlate(RULES, *found, settings=SETTINGS)
    correlator.restore((), anchors)
    ids = [name for item in correlator.incidents() for name in (item.id, *item.absorbed)]
    assert len(ids) == len(set(ids))
    assert {anchor.incident_id for anchor in anchors} <= set(ids)
    for incident in correlator.incidents():
        assert all(incident.anchor[1] <= _time(name, anchors) for name in incident.absorbed)


def _time(name: str, anchors: Iterable[Anchor]) -> int:
    return next(anchor.time for anchor in anchors if anchor.incident_id == name)
