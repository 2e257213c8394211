"""What of a failure that goes on and on is only counted: nobody sees a difference."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from pipeline.correlation import Correlator
from pipeline.correlation.counted import KEPT, Bundle, Counted, bundle_of
from pipeline.correlation.deriving import Told
from pipeline.correlation.keys import identity_of
from pipeline.correlation.links import Anchor
from pipeline.correlation.making import Made
from pipeline.correlation.rows import Rows
from pipeline.correlation.settling import Settling
from pipeline.correlation.standing import count_of
from pipeline.correlation.symptoms import FIRST_SAMPLES
from pipeline.correlation.thinning import TRIES, Correlated, Limits, thin
from pipeline.incident import State
from pipeline.lifecycle import DAY, HOUR, MINUTE
from pipeline.verdicts import Kind, Verdict
from tests.support import BASE, SECOND, detection, rule_text, ruleset
from tests.test_correlation_laws import CATALOG, RULES, SETTINGS, Sight, made

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.detection import Detection
    from pipeline.incident import Incident
    from pipeline.rule import RuleSet

SMALL = Limits(least=1, part=0, beginning=FIRST_SAMPLES)
LONG = ruleset(
    rule_text("down"),
    rule_text("exit", audit="{caused_by: [{rule: down, same: [service], within: 1m}]}"),
    rule_text("noisy", level="low", audit="{noise: true}"),
    rule_text("deployed", audit="{context: {same: [service], within: 1m}}"),
    rule_text("failed", level="low"),
    "title: m\nname: many\ncorrelation: {type: event_count, rules: [failed], group-by: [service], "
    "timespan: 5m, condition: {gte: 10}}\n",
)

SURGING = ruleset(
    rule_text("failed", level="low"),
    "title: m\nname: many\ncorrelation: {type: event_count, rules: [failed], group-by: [service], "
    "timespan: 5m, condition: {gte: 10}}\n"
    "audit: {surge: {times: 3, before: 1h}, title: '{{ count }} in five minutes'}\n",
)


def every(seconds: int, rule: str = "down", *, until: int = HOUR, **about: Any) -> list[Detection]:
    """Return what is seen again and again."""
    times = range(0, until // SECOND, seconds)
    return [detection(rule, at=at, key=f"{rule}-{at}", **about) for at in times]


def told(correlator: Correlator, found: Iterable[Detection]) -> Correlator:
    """Tell a correlator of detections in order of time."""
    for item in sorted(found, key=lambda one: one.timestamp):
        correlator.on_detections(item.key, item.richness, [item])
        correlator.on_time(item.timestamp)
    return correlator


def both(found: Sequence[Detection], rules: RuleSet = LONG) -> tuple[Correlator, Correlator]:
    """Return two correlators that know the same, an hour after the last of it."""
    pair = told(Correlator(rules), found), told(Correlator(rules), found)
    for one in pair:
        one.on_idle(HOUR)
    return pair


def bare(incidents: Iterable[Incident]) -> list[object]:
    """Return what is told of incidents; in which state they are is a matter of the moment."""
    return [(one.id, one.root, one.symptoms, one.context, one.links) for one in incidents]


def test_a_long_failure_is_counted_and_looks_the_same() -> None:
    """Of each minute the first and the last one stay, and of the beginning all."""
    whole, sparing = both(every(1))
    gone = sparing.thin(Limits(beginning=100))
    assert gone is not None
    minutes = 2 * 58  # that are not over after the first hundred seconds
    assert len(sparing.entries()) == 100 + 2 + minutes
    assert len(gone.keys) == 3600 - len(sparing.entries())
    assert sparing.incidents() == whole.incidents()
    assert sum(n for item in gone.standing for _, n in item.others) == len(gone.keys)
    assert sparing.thin() is None


def test_what_is_older_than_a_day_is_counted_by_the_hour() -> None:
    """What stood for a minute is counted with all for which it stood."""
    whole, sparing = both(every(10, until=2 * HOUR))
    assert sparing.thin(SMALL) is not None
    assert len(sparing.entries()) == 2 * 120 + FIRST_SAMPLES
    for one in (whole, sparing):
        one.on_idle(DAY)
    assert sparing.thin(SMALL) is not None
    assert len(sparing.entries()) == 2 * 2 + FIRST_SAMPLES
    assert bare(sparing.incidents()) == bare(whole.incidents())
    assert sparing.incidents()[0].count == 720


@pytest.mark.parametrize(
    ("limits", "left"),
    [(Limits(3382, 0.9), 218), (Limits(3383, 0.9), 3600), (Limits(1, 0.95), 3600)],
)
def test_a_little_is_not_worth_the_trouble(limits: Limits, left: int) -> None:
    """Nor is it where much is left."""
    _, sparing = both(every(1))
    assert (sparing.thin(limits) is None) is (left == 3600)
    assert len(sparing.entries()) == left


def test_what_may_still_meet_what_comes_in_time_stays() -> None:
    """That is what is younger than the watermark."""
    sparing = told(Correlator(LONG), every(1, until=9 * MINUTE))
    assert sparing.thin(SMALL) is None


def test_what_comes_again_is_counted_once() -> None:
    """Whether it went, or stands for others: no copy of it says anything any more."""
    whole, sparing = both(every(1))
    assert sparing.thin(SMALL) is not None
    for item in every(1):
        sparing.on_detections(item.key, (*item.richness[:2], 10**6, ""), [item])
        sparing.on_detections(item.key, item.richness, [])
    assert sparing.late == 0
    assert bare(sparing.incidents()) == bare(whole.incidents())
    assert len(sparing.entries()) == 2 * 60 + FIRST_SAMPLES
    assert sparing.told(every(1)[30].key) is None


def test_it_lasts() -> None:
    """A snapshot has it, and so has what a store kept."""
    whole, sparing = both(every(1))
    gone = sparing.thin(SMALL)
    assert gone is not None
    resumed, restored = Correlator(LONG), Correlator(LONG)
    resumed.resume(json.loads(json.dumps(sparing.snapshot())))
    kept = {item.key: item for key in sparing.entries() for item in sparing.told(key) or ()}
    assert all(kept[item.key] == item for item in gone.standing)
    restored.restore(kept.values(), [], [gone.bundle])
    for one in (resumed, restored):
        told(one, every(1))
        one.on_time(whole.now)
        assert bare(one.incidents()) == bare(whole.incidents())
        assert one.entries() == sparing.entries()


def test_what_stands_for_others_is_not_replaced_by_a_copy_of_itself() -> None:
    """Also before anybody looked at it."""
    rows, item = Rows({"down": ()}), detection("down")
    rows.tell(item.key, item.richness, [structs.replace(item, others=((BASE, 6),))])
    rows.tell(item.key, (9, 9, 9, ""), [item])
    assert [one.others for one in rows.detections()] == [((BASE, 6),)]
    assert count_of(rows, rows.rows_of(identity_of(item.key))) == 7


def test_what_shares_a_trace_or_an_entry_stays_or_goes_together() -> None:
    """So the links that are told are those that there were."""
    down = [structs.replace(item, trace=f"t{at}") for at, item in enumerate(every(5))]
    failed = [
        structs.replace(detection("exit", at=5 * at + 1, key=f"exit-{at}"), trace=f"t{at}")
        for at in range(len(down))
    ]
    whole, sparing = both([*down, *failed])
    two = [structs.replace(item, rule="noisy", fingerprint="v1-noisy") for item in down]
    for one in (whole, sparing):
        for item, beside in zip(down, two, strict=True):
            one.on_detections(item.key, item.richness, [item, beside])
    assert sparing.thin(SMALL) is not None
    assert bare(sparing.incidents()) == bare(whole.incidents())
    assert sparing.noise() == whole.noise()
    shown = [len(sparing.told(key) or ()) for key in sparing.entries() if "down" in key[2]]
    assert set(shown) == {2}


def test_a_trace_that_everything_has_holds_nothing_back() -> None:
    """It is known as one all the same."""
    whole, sparing = both([structs.replace(item, trace="t") for item in every(1)])
    assert sparing.thin(SMALL) is not None
    assert len(sparing.entries()) <= 2 * 60 + 33
    assert bare(sparing.incidents()) == bare(whole.incidents())


def test_correlations_count_all_of_it() -> None:
    """What they made of it, and how many times it was there."""
    whole, sparing = both(every(2, "failed"))
    assert sparing.thin() is not None
    assert len(sparing.entries()) < 300
    assert [(item.rule, item.count) for item in sparing.incidents()[0].symptoms] == [("many", 1800)]
    assert bare(sparing.incidents()) == bare(whole.incidents())


@pytest.mark.parametrize(("often", "state"), [(2, State.NEW), (5, State.ESCALATING)])
def test_how_often_it_was_seen_tells_whether_a_failure_escalates(often: int, state: State) -> None:
    """And not how many rows there are."""
    now = 2 * HOUR // SECOND
    last = [
        detection("down", at=now + at / often, key=f"last-{at}") for at in range(600 * often + 1)
    ]
    whole, sparing = (told(Correlator(LONG), [*every(1, until=2 * HOUR), *last]) for _ in range(2))
    assert sparing.thin() is not None
    (before,), (after,) = whole.incidents(), sparing.incidents()
    assert after == before
    assert after.state is state


def test_people_are_told_how_often_it_was_seen_since() -> None:
    """However long ago: in a revision older than the one that mends it."""
    found = [structs.replace(item, revision="backend-00001-abc") for item in every(1)]
    pair = both(found)
    for one in pair:
        (incident,) = one.incidents()
        mended = Verdict(Kind.RESOLVE, incident.id, incident.anchor, BASE, "ana", number=1)
        one.on_verdicts([replace(mended, revision="backend-00002-abc")])
    whole, sparing = pair
    assert sparing.thin(SMALL) is not None
    for one in pair:
        one.on_idle(2 * DAY)
    assert sparing.incidents() == whole.incidents()
    assert "3,599 seen since in the older" in sparing.incidents()[0].state_reason


def test_correlations_know_when_each_was_seen() -> None:
    """What surges, in which five minutes the most, is told as before."""
    steady = every(20, "failed", until=3 * HOUR)
    burst = [detection("failed", at=7200 + at / 2, key=f"burst-{at}") for at in range(1200)]
    loud = [detection("failed", at=60 * at, key=f"loud-{at}", service="auth") for at in range(180)]
    whole, sparing = both([*steady, *burst, *loud], SURGING)
    assert sparing.thin(SMALL) is not None
    assert len(sparing.entries()) < 900
    assert bare(sparing.incidents()) == bare(whole.incidents())
    ((symptom,),) = (one.symptoms for one in sparing.incidents())
    assert symptom.rule == "many"
    assert len(burst) < symptom.count < len([*burst, *steady])


def test_what_would_be_missed_stays_whole() -> None:
    """A minute of which only a part is the context of an incident is told as it was."""
    deployed = every(1, "deployed", until=10 * MINUTE)
    broken = detection("down", at=330)
    beside = every(1, until=10 * MINUTE, service="auth")
    whole, sparing = both([*deployed, broken, *beside])
    (context,) = next(item.context for item in whole.incidents() if item.count == 1)
    gone = sparing.thin(SMALL)
    assert gone is not None
    assert bare(sparing.incidents()) == bare(whole.incidents())
    assert context.count == 121
    assert {key[2].split("-")[0] for key in gone.keys} == {"down"}


def test_what_stays_whole_goes_on_to_stand_for_others() -> None:
    """What was only counted before nobody missed."""

    def part(begin: int) -> list[Detection]:
        times = range(begin, begin + 600)
        deployed = [detection("deployed", at=at, key=f"d-{at}") for at in times]
        beside = [detection("down", at=at, key=f"b-{at}", service="auth") for at in times]
        return deployed + beside

    whole, sparing = both(part(0))
    first = sparing.thin(SMALL)
    assert first is not None
    for one in (whole, sparing):
        told(one, [*part(7200), detection("down", at=7530)])
        one.on_idle(HOUR)
    second = sparing.thin(SMALL)
    assert second is not None
    assert bare(sparing.incidents()) == bare(whole.incidents())
    assert {key[2][0] for key in first.keys} == {"b", "d"}
    assert {key[2][0] for key in second.keys} == {"b"}
    found = [item for key in sparing.entries() for item in sparing.told(key) or ()]
    kept = [item for item in found if item.rule == "deployed"]
    assert sum(1 + sum(n for _, n in item.others) for item in kept) == 1200


def test_it_is_given_up_where_something_is_always_missed() -> None:
    """Then everything stays as it is."""
    rows = Rows({"down": ()})
    (incident,) = told(Correlator(LONG), every(1)).incidents()
    for item in every(1):
        rows.tell(item.key, item.richness, [item])
    rows.settle()
    anchor = Anchor(BASE, "v1-down", "inc-1")
    missed = Made(anchor, (), incident.symptoms, (), (), incident.root, BASE, BASE, rows={})
    tried = list[int]()

    def correlate(fewer: Rows) -> Correlated:
        tried.append(len(fewer))
        return Correlated(fewer, Told(fewer, len(fewer)), ())

    before = Correlated(rows, Told(rows, len(rows)), (missed,))
    assert thin(before, Settling(LONG, BASE + DAY), correlate, SMALL) is None
    assert tried == [2 * 60 + FIRST_SAMPLES] * TRIES


# --- laws -----------------------------------------------------------------------------------------


@st.composite
def crowded(draw: st.DrawFn) -> list[Detection]:
    """Make many detections of few kinds within minutes."""
    names = draw(st.lists(st.sampled_from("abcdefghiijk"), min_size=1, max_size=3))
    traces = draw(st.sampled_from([("",), ("", "t"), ("", "t", "u", "v")]))
    sights: st.SearchStrategy[Sight] = st.tuples(
        st.sampled_from(names),
        st.integers(0, 400),
        st.just("backend"),
        st.just(1),
        st.just("one"),
        st.sampled_from(traces),
    )
    return made(draw(st.lists(sights, min_size=10, max_size=40)))


@given(crowded(), st.lists(st.integers(0, 40), max_size=2))
def test_nothing_looks_different_then_or_later(found: list[Detection], stops: list[int]) -> None:
    """Whatever rules and correlations make of it, as long as nothing comes late."""
    prompt = replace(SETTINGS, allowed_lateness=0)
    whole, sparing = (Correlator(RULES, prompt, topology=CATALOG) for _ in range(2))
    ordered = sorted(found, key=lambda item: item.timestamp)
    for index, item in enumerate(ordered):
        for one in (whole, sparing):
            told(one, [item])
        if index in stops:
            sparing.thin(SMALL)
            assert sparing.incidents() == whole.incidents()
    assert bare(sparing.incidents()) == bare(whole.incidents())
    assert [item.count for item in sparing.noise()] == [item.count for item in whole.noise()]


# --- what is counted ------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.text(), st.integers(), st.text()), min_size=1), st.data())
def test_counted_entries_are_known_and_no_others(
    keys: list[tuple[str, int, str]], data: st.DataObject
) -> None:
    """In whatever bundles they came."""
    cut = data.draw(st.integers(1, len(keys)))
    counted = Counted()
    assert not counted.has(keys[0])
    for part in (keys[:cut], keys[cut:]):
        if part:
            counted.add(bundle_of(part))
    assert all(map(counted.has, keys))
    others = {(log, time, f"{name}+") for log, time, name in keys} - set(keys)
    assert not any(map(counted.has, others))
    assert not any(counted.has((log, time + 2**70, name)) for log, time, name in keys)


def test_what_is_long_ago_is_not_known_any_more() -> None:
    """What comes again then counts once more."""
    counted = Counted([Bundle(1, 2, b"12345678")], 2)
    counted.forget(2 + KEPT)
    assert counted.bundles
    counted.forget(3 + KEPT)
    assert counted.bundles == []
