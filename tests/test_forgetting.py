"""What a correlator forgets, nobody misses: also where correlations and people had a say."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from pipeline.correlation import CorrelationSettings, Correlator
from pipeline.lifecycle import LifecycleSettings
from pipeline.verdicts import Kind, Verdict
from tests.support import SECOND, detection, rule_text, ruleset, temporal_text

EDGE = "same: [service], within: 2m"
RULES = ruleset(
    rule_text("a"),
    rule_text("b", audit=f"{{caused_by: [{{rule: [a, many], {EDGE}}}]}}"),
    rule_text("c", audit=f"{{caused_by: [{{rule: b, {EDGE}}}, {{rule: f, {EDGE}}}]}}"),
    rule_text("d"),
    rule_text("f", level="low"),
    temporal_text("together", "d", "a", timespan="1m"),
    "title: m\nname: many\ncorrelation: {type: event_count, rules: [f], group-by: [service], "
    "timespan: 3m, condition: {gte: 2}}\n",
)
SETTINGS = CorrelationSettings(
    episode_gap=200 * SECOND,
    trace_span=200 * SECOND,
    trace_limit=3,
    lifecycle=LifecycleSettings(resolve_after=100 * SECOND, max_duration=700 * SECOND),
    allowed_lateness=50 * SECOND,
)
SEEN = st.tuples(
    st.sampled_from("abcdff"),
    st.integers(0, 40).map(lambda tens: tens * 50),
    st.sampled_from(("backend", "auth")),
    st.sampled_from(("", "", "t", "u")),
)
SAID = st.sampled_from((Kind.MERGE, Kind.SPLIT, Kind.RESOLVE, None, None))


def correlator() -> Correlator:
    """Return one that knows nothing yet."""
    return Correlator(RULES, SETTINGS)


def said(kind: Kind, known: Correlator, data: st.DataObject, number: int) -> Verdict | None:
    """Let somebody decide about incidents that are known."""
    incidents = known.incidents()
    if len(incidents) < 1 + (kind is Kind.MERGE):
        return None
    first, *others = data.draw(st.permutations(incidents))
    if kind is Kind.SPLIT and len(first.symptoms) == 1:
        return None
    symptom = data.draw(st.sampled_from(first.symptoms))
    handle = (symptom.fingerprint, symptom.first_seen)
    verdict = Verdict(kind, first.id, handle, known.now, "ana", number=number)
    if kind is not Kind.MERGE:
        return verdict
    return replace(verdict, other=others[0].anchor, other_incident=others[0].id)


@settings(max_examples=200)
@given(st.lists(SEEN, max_size=16), st.data())
def test_what_is_forgotten_is_not_missed(
    seen: list[tuple[str, int, str, str]], data: st.DataObject
) -> None:
    """Whatever shares a trace, is counted, was merged, split or resolved."""
    whole, sparing = correlator(), correlator()
    gone: set[str] = set()
    verdicts: list[Verdict] = []
    for index, (rule, at, service, trace) in enumerate(sorted(seen, key=lambda one: one[1])):
        item = detection(rule, at=at, service=service, key=f"entry-{index}")
        item = structs.replace(item, trace=trace)
        for one in (whole, sparing):
            one.on_detections(item.key, item.richness, [item])
            one.on_time(item.timestamp)
        kind = data.draw(SAID)
        verdict = said(kind, sparing, data, index) if kind else None
        verdicts += [verdict] if verdict else []
        for one in (whole, sparing):
            one.on_verdicts(verdicts)
        if data.draw(st.booleans()):
            gone.update(sparing.evict())
    left = tuple(incident for incident in whole.incidents() if incident.id not in gone)
    assert sparing.incidents() == left


def test_an_old_part_of_what_people_parted_stays_with_the_rest() -> None:
    """It explains what is left, which would look like another incident without it."""
    made = correlator()
    seen = [detection("a", at=0), *(detection("b", at=at) for at in (60, 250, 440, 630, 820))]
    for item in seen:
        made.on_detections(item.key, item.richness, [item])
        made.on_time(item.timestamp)
    split = Verdict(Kind.SPLIT, "inc-1", (seen[0].fingerprint, seen[0].timestamp), made.now, "ana")
    made.on_verdicts([split])
    before = made.incidents()
    assert [[item.rule for item in incident.symptoms] for incident in before] == [
        ["a"],
        ["b"],
        ["b"],
    ]
    assert made.evict() == ()
    assert made.incidents() == before
    made.on_idle(5000 * SECOND)
    assert len(made.evict()) == 3
    assert made.incidents() == ()
