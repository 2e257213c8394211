"""What people decided about incidents holds, whatever entries come in whatever order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from pipeline.correlation import CorrelationSettings, Correlator
from pipeline.correlation.links import Anchor
from pipeline.incident import State
from pipeline.lifecycle import DAY, LifecycleSettings
from pipeline.verdicts import Kind, Verdict
from tests.support import BASE, SECOND, correlate, detection, rule_text, ruleset, temporal_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from pipeline.detection import Detection
    from pipeline.incident import Incident

EDGE = "same: [service], within: 5m"
RULES = ruleset(
    rule_text("cause"),
    rule_text("effect", audit=f"{{caused_by: [{{rule: cause, {EDGE}}}]}}"),
    rule_text("visible", audit=f"{{caused_by: [{{rule: effect, {EDGE}}}]}}"),
    rule_text("other"),
    temporal_text("together", "other", "cause"),
)
CAUSE, EFFECT, VISIBLE = detection("cause"), detection("effect", at=1), detection("visible", at=2)
AUTH = detection("cause", at=9, service="auth")
EARLIER, LATER = detection("cause", at=-50), detection("cause", at=60)


def handle(item: Detection) -> tuple[str, int]:
    """Return what a verdict names a detection by."""
    return (item.fingerprint, item.timestamp)


def merge(left: Detection, right: Detection, number: int = 1) -> Verdict:
    """Decide that the incidents of two detections are one."""
    return Verdict(
        Kind.MERGE,
        "inc-1",
        handle(left),
        BASE,
        "ana",
        handle(right),
        "inc-2",
        reason="one roll-out",
        number=number,
    )


def split(item: Detection, number: int = 1) -> Verdict:
    """Decide that the symptom of a detection is an incident of its own."""
    return Verdict(Kind.SPLIT, "inc-1", handle(item), BASE, "ana", number=number)


def heeded(
    verdicts: Iterable[Verdict], *detections: Detection, longest: int = 30 * DAY
) -> tuple[Incident, ...]:
    """Return the incidents that detections make under verdicts."""
    settings = CorrelationSettings(lifecycle=LifecycleSettings(max_duration=longest))
    made = correlate(RULES, *detections, settings=settings)
    made.on_verdicts(verdicts)
    return made.incidents()


def rules_of(found: Iterable[Incident]) -> list[list[str]]:
    """Return the incidents, each as the rules of its symptoms."""
    return [[symptom.rule for symptom in incident.symptoms] for incident in found]


# --- merge ----------------------------------------------------------------------------------------


def test_what_is_merged_is_one_incident() -> None:
    """The older id survives, and the link says who decided it and why."""
    before = heeded([], CAUSE, EFFECT, AUTH)
    (merged,) = heeded([merge(AUTH, CAUSE)], CAUSE, EFFECT, AUTH)
    assert merged.id == before[0].id
    assert merged.count == 3
    assert merged.services == ("auth", "backend")
    (link,) = (link for link in merged.links if link.kind == "decided")
    assert (link.effect, link.cause) == (AUTH.fingerprint, CAUSE.fingerprint)
    assert link.reason == "inc-1 and inc-2 merged by ana at 2025-09-10T00:00:00Z: one roll-out"
    assert [item.kind for item in merged.verdicts] == [Kind.MERGE]


def test_what_comes_later_is_merged_as_well() -> None:
    """The verdict is about the incident, not about what it was then."""
    for more in (EARLIER, LATER, VISIBLE):
        (merged,) = heeded([merge(CAUSE, AUTH)], CAUSE, EFFECT, AUTH, more)
        assert merged.count == 4


def test_two_times_of_one_symptom_may_be_merged() -> None:
    """What came back after more than a day is no incident of its own then."""
    again = detection("cause", at=2 * 24 * 3600)
    (merged,) = heeded([merge(CAUSE, again)], CAUSE, again)
    (symptom,) = merged.symptoms
    assert (symptom.count, symptom.last_seen) == (2, again.timestamp)


def test_a_reported_incident_that_is_merged_is_absorbed() -> None:
    """The tracker knows both; the younger one says no more."""
    made = correlate(RULES, CAUSE, AUTH)
    one, two = made.incidents()
    anchors = [Anchor(item.anchor[1], item.anchor[0], item.id, BASE) for item in (one, two)]
    made.restore((), anchors)
    made.on_verdicts([merge(CAUSE, AUTH)])
    (merged,) = made.incidents()
    assert (merged.id, merged.absorbed) == (one.id, (two.id,))


@pytest.mark.parametrize("left", [CAUSE, detection("cause", at=500), detection("gone")])
@pytest.mark.parametrize("right", [EFFECT, detection("gone")])
def test_a_merge_of_what_is_one_or_not_there_changes_nothing(
    left: Detection, right: Detection
) -> None:
    """Verdicts outlive what they are about."""
    found = heeded([merge(left, right), merge(right, left, 2)], CAUSE, EFFECT, AUTH)
    plain = heeded([], CAUSE, EFFECT, AUTH)
    assert [replace(item, verdicts=()) for item in found] == list(plain)


# --- split ----------------------------------------------------------------------------------------


def test_what_is_split_off_is_an_incident_of_its_own() -> None:
    """With all of its detections, those that come later included, and without links."""
    more = (detection("visible", at=3), detection("visible", at=-1))
    rest, apart = sorted(
        heeded([split(VISIBLE)], CAUSE, EFFECT, VISIBLE, *more),
        key=lambda item: -len(item.symptoms),
    )
    assert rules_of([rest, apart]) == [["cause", "effect"], ["visible"]]
    assert (apart.count, apart.links) == (3, ())
    assert (len(rest.links), rest.verdicts) == (1, ())
    assert [item.kind for item in apart.verdicts] == [Kind.SPLIT]


def test_what_held_together_only_through_it_falls_apart() -> None:
    """Its links are gone."""
    found = heeded([split(EFFECT)], CAUSE, EFFECT, VISIBLE, detection("other", at=3))
    assert rules_of(found) == [["cause", "other"], ["effect"], ["visible"]]


def test_a_split_of_what_is_not_there_changes_nothing() -> None:
    """Nor one of what is alone already."""
    for gone in (detection("gone"), detection("visible", at=99), CAUSE):
        assert len(heeded([split(gone)], CAUSE, AUTH)) == 2


def test_the_later_of_two_verdicts_holds() -> None:
    """Merge, then split; split, then merge; in whatever order they are told."""
    everything = (CAUSE, EFFECT, VISIBLE)
    parted = heeded([split(EFFECT, 2), merge(CAUSE, EFFECT, 1)], *everything)
    assert rules_of(parted) == [["cause"], ["effect"], ["visible"]]
    joined = heeded([merge(CAUSE, VISIBLE, 3), split(EFFECT, 2)], *everything)
    assert rules_of(joined) == [["cause", "visible"], ["effect"]]
    undone = heeded([merge(CAUSE, EFFECT, 3), split(EFFECT, 2)], CAUSE, EFFECT)
    assert rules_of(undone) == [["cause", "effect"]]


# --- what else is decided -------------------------------------------------------------------------


def test_a_resolution_makes_the_state_of_its_incident_alone() -> None:
    """Other verdicts about it are kept in the order given."""
    resolve = Verdict(Kind.RESOLVE, "inc-1", handle(EFFECT), BASE + 5 * SECOND, "ana", number=2)
    assign = replace(resolve, kind=Kind.ASSIGN, assignee="@bo", number=1)
    one, two = heeded([resolve, assign], CAUSE, EFFECT, AUTH)
    assert (one.state, two.state) == (State.RESOLVED, State.NEW)
    assert (one.verdicts, two.verdicts) == ((assign, resolve), ())


def test_of_two_incidents_the_nearest_one_is_meant() -> None:
    """Where both have the symptom before and after the time."""
    within = "{caused_by: [{rule: cause, same: [service], within: 10s}]}"
    rules = ruleset(rule_text("cause"), rule_text("effect", audit=within))
    effects = [
        detection("effect", at=at, service=where, n=1)
        for at, where in ((1, "a"), (5, "b"), (9, "a"))
    ]
    effects = [structs.replace(item, fingerprint="effect") for item in effects]
    causes = [detection("cause", at=at, service=where) for at, where in ((0, "a"), (4, "b"))]
    made = correlate(rules, *effects, *causes)
    made.on_verdicts(
        [replace(split(CAUSE), kind=Kind.ASSIGN, handle=("effect", BASE + 5 * SECOND))]
    )
    meant = [item for item in made.incidents() if item.verdicts]
    assert [item.services for item in meant] == [("b",)]


# --- the longest an incident may last -------------------------------------------------------------


def test_what_lasts_too_long_is_closed_and_goes_on_as_another() -> None:
    """Each part names the one before; links hold within a part."""
    hours = [detection("cause", at=hour * 3600) for hour in range(50)]
    first, second, third = heeded([], *hours, detection("effect", at=3601), longest=DAY)
    assert [item.count for item in (first, second, third)] == [25, 24, 2]
    assert (first.previous, second.previous, third.previous) == ("", first.id, second.id)
    assert [item.state for item in (first, second)] == [State.RESOLVED] * 2
    assert first.state_reason.startswith("closed after 1 d, max_duration")
    assert third.state is State.NEW
    assert [len(item.links) for item in (first, second, third)] == [1, 0, 0]


def test_a_part_in_which_nothing_was_seen_is_none() -> None:
    """The one before is the last one that was."""
    hours = [detection("cause", at=hour * 3600) for hour in (0, 20, 40, 60)]
    found = heeded([], *hours, longest=19 * 3600 * SECOND)
    assert [item.previous for item in found] == ["", *(item.id for item in found[:-1])]
    assert len(found) == 4


# --- laws -----------------------------------------------------------------------------------------

SEEN = st.lists(
    st.builds(
        detection,
        st.sampled_from(("cause", "effect", "visible", "other")),
        at=st.integers(0, 30).map(lambda tens: tens * 10),
        service=st.sampled_from(("backend", "auth")),
    ),
    min_size=2,
    max_size=12,
    unique_by=lambda item: item.key,
)


@st.composite
def told(draw: st.DrawFn) -> tuple[list[Detection], list[Verdict]]:
    """Draw detections, and verdicts about some of them."""
    seen = draw(SEEN)
    some = st.sampled_from(seen)
    kinds = st.one_of(st.builds(merge, some, some), st.builds(split, some))
    given_ = draw(st.lists(kinds, max_size=4))
    return seen, [replace(item, number=number) for number, item in enumerate(given_)]


@given(told(), st.randoms(use_true_random=False))
def test_neither_the_order_of_entries_nor_of_verdicts_matters(
    case: tuple[list[Detection], list[Verdict]], random: Random
) -> None:
    """Verdicts have numbers; they may be told before the entries or after."""
    seen, verdicts = case
    expected = heeded(verdicts, *seen)
    random.shuffle(seen)
    made = Correlator(RULES)
    made.on_verdicts(random.sample(verdicts, len(verdicts)))
    for item in seen:
        made.on_detections(item.key, item.richness, [item])
    assert made.incidents() == expected


@given(told())
def test_a_verdict_repeated_changes_nothing(
    case: tuple[list[Detection], list[Verdict]],
) -> None:
    """Each said twice in a row, as it is by somebody who is not sure."""
    seen, verdicts = case
    twice = [
        replace(item, number=2 * item.number + again) for item in verdicts for again in range(2)
    ]
    once, again = heeded(verdicts, *seen), heeded(twice, *seen)
    assert rules_of(once) == rules_of(again)
    assert [item.links for item in once] == [item.links for item in again]


@given(told())
def test_verdicts_lose_no_detection(case: tuple[list[Detection], list[Verdict]]) -> None:
    """Each is counted in one incident."""
    seen, verdicts = case
    assert sum(item.count for item in heeded(verdicts, *seen)) == len(seen)


@given(told())
def test_no_verdict_no_change(case: tuple[list[Detection], list[Verdict]]) -> None:
    """What is taken back leaves nothing behind."""
    seen, verdicts = case
    made = correlate(RULES, *seen)
    before = made.incidents()
    made.on_verdicts(verdicts)
    made.incidents()
    made.on_verdicts([])
    assert made.incidents() == before
