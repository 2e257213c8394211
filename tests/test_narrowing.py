"""What an audit block asks of a correlation beyond Sigma's condition: a share, a rise."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.correlation import Correlator
from pipeline.correlation.narrowing import Slope, per_cent
from pipeline.errors import RuleError
from pipeline.report.parts import impacts
from tests.fakes.traffic import Unforgetting
from tests.support import BASE, SECOND, detection, rule_text, ruleset

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.detection import Detection
    from pipeline.incident import Incident

LOG = "projects/demo/logs/requests"
SHARE = """\
title: Many fail
name: many
correlation:
  type: event_count
  rules: [a]
  group-by: [service, logName]
  timespan: 60s
  condition: {gte: 3}
generate: true
level: high
audit:
  entity: [service]
  share: SHARE
  title: "{{ count }} of {{ total }}, {{ share }} %, {{ since }} to {{ until }}"
  impact: "{{ share }} % failed"
  caused_by: [{rule: a, same: [service], within: 1s}]
"""
SURGE = """\
title: Many at once
name: surging
correlation:
  type: event_count
  rules: [a, b]
  group-by: [service]
  timespan: 60s
  condition: {gte: 3}
generate: true
level: critical
audit:
  surge: SURGE
  title: "{{ count }}, {{ earlier }} before, {{ since }} to {{ until }}"
"""
RISING = """\
title: It fills up
name: filling
correlation:
  type: value_percentile
  rules: [a]
  group-by: [service]
  timespan: 1d
  condition: {field: used, percentile: 95, gte: 50}
level: medium
audit:
  rising: {limit: LIMIT, within: 2h, points: 4, over: 1h}
  title: "{{ points }}: {{ first }} to {{ last }} %, {{ per_hour }} an hour, full at {{ full_at }}"
"""


@dataclass
class Steady(Unforgetting):
    """So many requests in each second from `since` on (`episodes.Traffic`)."""

    each: int = 1
    since: int = -10_000
    asked: list[tuple[str, str]] = field(default_factory=list)

    def total(self, place: tuple[str, str], since: int, until: int) -> int:
        """Return how many."""
        self.asked.append(place)
        first, last = ((time - BASE) // SECOND for time in (since, until))
        return self.each * (last - first + 1) if self.since < first else 0


def sharing(seen: Iterable[Detection], share: str, traffic: Any = None) -> tuple[Incident, ...]:
    """Return the incidents of what rule a saw among requests."""
    rules = ruleset(rule_text("a"), SHARE.replace("SHARE", share))
    made = Correlator(rules, traffic=traffic)
    for one in seen:
        made.on_detections(one.key, one.richness, [one])
    return made.incidents()


def failed(*seconds: float, service: str = "shop", log: str = LOG) -> list[Detection]:
    """Return requests that failed at some seconds."""
    return [detection("a", at=at, service=service, logName=log) for at in seconds]


def titles(made: Iterable[Incident], rule: str = "many") -> list[str]:
    """Return the titles of the symptoms of a rule."""
    return [one.title for incident in made for one in incident.symptoms if one.rule == rule]


def test_more_requests_are_counted_though_nothing_more_was_seen() -> None:
    """What holds of a share is asked anew once somebody knows more; else incidents are the same."""
    traffic = Steady(each=1)
    rules = ruleset(rule_text("a"), SHARE.replace("SHARE", "{gte: 5}"))
    made = Correlator(rules, traffic=traffic)
    for one in failed(*range(0, 60, 2)):
        made.on_detections(one.key, one.richness, [one])
    before = made.incidents()
    assert len(titles(before)) == 1
    made.on_verdicts(())
    assert made.incidents() is before
    traffic.each, traffic.version = 1_000, 1
    assert titles(made.incidents()) == []
    before = made.incidents()
    assert made.incidents() is before


def test_requests_that_nobody_asks_for_change_nothing() -> None:
    """Only a share of what was seen is one of requests."""
    traffic = Steady()
    rules = ruleset(rule_text("a"), rule_text("b"), SHARE.replace("SHARE", "{gte: 5}"))
    made = Correlator(rules, traffic=traffic)
    (other,) = [detection("b", at=1)]
    made.on_detections(other.key, other.richness, [other])
    before = made.incidents()
    traffic.version = 1
    assert made.incidents() is before


# --- how it is written ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            SHARE.replace("[service, logName]", "[service]"),
            "share counts requests by service and log: add logName to group-by",
        ),
        (SHARE.replace("event_count", "temporal"), "share is for an event_count of one rule"),
        (SHARE.replace("[a]", "[a, b]"), "share is for an event_count of one rule"),
        (SHARE.replace("SHARE", "{gte: 0}"), "greater than 0"),
        (SHARE.replace("SHARE", "{gte: 101}"), "less than or equal to 100"),
        (SHARE.replace("SHARE", "{gte: 1, times: 1}"), "greater than 1"),
        (SHARE.replace("SHARE", "{gte: 1, of: lines}"), "requests"),
        (SHARE.replace("SHARE", "{of: requests}"), "gte"),
        (SHARE.replace("{{ total }}", "{{ limit }}"), "the template uses 'limit'"),
        (SHARE.replace("% failed", "% {{ full_at }}"), "the template uses 'full_at'"),
        (SURGE.replace("event_count", "temporal"), "surge is for an event_count that is no share"),
        (
            SHARE.replace("share: SHARE", "share: {gte: 5}\n  surge: {times: 5}"),
            "surge is for an event_count that is no share",
        ),
        (SURGE.replace("SURGE", "{times: 1}"), "greater than 1"),
        (SURGE.replace("SURGE", "{before: 1h}"), "times"),
        (SURGE.replace("SURGE", "{times: 5, before: often}"), "often"),
        (SURGE.replace("{{ earlier }}", "{{ total }}"), "the template uses 'total'"),
        (rule_text("x", audit="{surge: {times: 5}}"), "surge is for a correlation"),
        (RISING.replace("value_percentile", "value_count"), "rising is for value_sum"),
        (RISING.replace("LIMIT", "0"), "a limit is a number above 0, or the name of a field"),
        (RISING.replace("LIMIT", "-5"), "a limit is a number above 0, or the name of a field"),
        (RISING.replace("LIMIT", "''"), "a limit is a number above 0, or the name of a field"),
        (RISING.replace("points: 4", "points: 2"), "greater than or equal to 3"),
        (RISING.replace("within: 2h", "within: soon"), "soon"),
        (rule_text("x", audit="{share: {gte: 5}}"), "share is for a correlation"),
        (rule_text("x", audit="{rising: {limit: 1, within: 1h}}"), "rising is for a correlation"),
    ],
)
def test_what_is_written_wrong_is_refused_where_it_stands(text: str, message: str) -> None:
    """With its line."""
    with pytest.raises(RuleError) as caught:
        ruleset(
            rule_text("a"),
            rule_text("b"),
            text.replace("SHARE", "{gte: 5}").replace("SURGE", "{times: 5}"),
        )
    told = [str(one) for one in caught.value.mistakes if message in str(one)]
    assert told
    assert all(re.match(r"rule-2\.yml:\d+: ", one) for one in told)


def test_a_condition_says_what_narrows_it() -> None:
    """In the reason of its links."""
    share, surge, rising = ruleset(
        rule_text("a"),
        rule_text("b"),
        SHARE.replace("SHARE", "{gte: 5}"),
        SURGE.replace("SURGE", "{times: 2.5}"),
        RISING.replace("LIMIT", "size"),
    ).correlations
    told = "event_count of a, b >= 3, 2.5 times as many as in the 3600 s before"
    assert surge.condition == told
    assert share.condition == "event_count of a >= 3, 5 % of all requests"
    assert rising.condition == "value_percentile 95 of used >= 50, rising towards size"


# --- a share --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "each", "expected"),
    [
        ("{gte: 5}", 1, ["4 of 61, 6.6 %, 00:00 to 00:01"]),  # both seconds at the ends count
        ("{gte: 6.6}", 1, []),
        ("{gte: 6.5}", 1, ["4 of 61, 6.6 %, 00:00 to 00:01"]),
        ("{gte: 100}", 1, []),
        ("{gte: 5}", 2, []),
        ("{gte: 1}", 0, []),
    ],
)
def test_a_share_is_of_all_requests_of_the_span(share: str, each: int, expected: list[str]) -> None:
    """Exactly, and never of none."""
    assert titles(sharing(failed(0, 1, 2, 3), share, Steady(each))) == expected


def test_few_are_no_share() -> None:
    """Sigma's condition holds besides."""
    assert titles(sharing(failed(0, 1), "{gte: 1}", Steady())) == []
    assert titles(sharing(failed(0, 1, 100, 101), "{gte: 1}", Steady())) == []


def test_without_traffic_nothing_is_a_share() -> None:
    """Nor is anything of requests of which none is known to have gone well before."""
    assert titles(sharing(failed(0, 1, 2), "{gte: 1}")) == []
    assert titles(sharing(failed(0, 1, 2), "{gte: 1}", Steady(since=0))) == []


def test_more_than_all_is_no_share() -> None:
    """What is counted is not what is a part of them then."""
    many = [detection("a", at=0.01 * n, service="shop", logName=LOG) for n in range(90)]
    assert titles(sharing(many, "{gte: 1}", Steady())) == []
    assert titles(sharing(many[:61], "{gte: 1}", Steady())) == ["61 of 61, 100 %, 00:00 to 00:01"]


def test_the_greatest_share_of_a_run_is_told() -> None:
    """The first of several that are equal."""
    seen = failed(0, 30, 60, 61, 62, 63, 64, 120)
    assert titles(sharing(seen, "{gte: 1}", Steady())) == ["6 of 61, 9.8 %, 00:00 to 00:01"]


def test_requests_are_counted_by_service_and_log() -> None:
    """Each group asks for its own."""
    traffic = Steady()
    seen = [*failed(0, 1, 2), *failed(0, 1, 2, service="till"), *failed(5, 6, log="other")]
    assert len(titles(sharing(seen, "{gte: 1}", traffic))) == 2
    assert set(traffic.asked) == {("shop", LOG), ("till", LOG)}


def test_what_is_a_share_goes_with_what_it_counts() -> None:
    """It is in the incident of each, explained by it, and begins with the first of them."""
    (made,) = sharing(failed(0, 1, 2, 3), "{gte: 1}", Steady())
    assert {one.rule for one in made.symptoms} == {"a", "many"}
    assert made.root.rule == "a"
    (many,) = [one for one in made.symptoms if one.rule == "many"]
    assert (many.count, many.first_seen, many.impact) == (4, BASE, "6.6 % failed")


def test_a_report_says_first_how_much_it_is() -> None:
    """Before what users notice of each single one."""
    audit = "{impact: Users get errors, user_visible: true}"
    share = SHARE.replace("SHARE", "{gte: 1}").replace("audit:\n", "audit:\n  user_visible: true\n")
    rules = ruleset(rule_text("a", audit=audit), share)
    made = Correlator(rules, traffic=Steady())
    for one in failed(0, 1, 2):
        made.on_detections(one.key, one.richness, [one])
    (incident,) = made.incidents()
    assert [one.text for one in impacts(incident)] == ["4.9 % failed", "Users get errors"]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ((), True),
        ((-100,), True),
        (
            (-100, -90),
            False,
        ),  # two of 120 are a part as great as one of 60, of which five is little
        ((-400, -390, -380), True),
    ],
)
def test_a_share_may_have_to_be_greater_than_before(
    before: Sequence[int], *, expected: bool
) -> None:
    """So many times the part that it was in the time before the span."""
    seen = failed(*before, 0, 1, 2, 3)
    share = "{gte: 1, times: 4, before: 2m}"
    assert bool(titles(sharing(seen, share, Steady()))) is expected


def test_with_too_little_before_there_is_nothing_to_compare_with() -> None:
    """A service that just begins is no change."""
    share = "{gte: 1, times: 4, before: 30s}"
    assert titles(sharing(failed(0, 1, 2, 3), share, Steady())) == []
    share = "{gte: 1, times: 4, before: 2m}"
    assert titles(sharing(failed(0, 1, 2, 3), share, Steady(since=-60))) == []


@given(st.lists(st.integers(0, 200), min_size=1, max_size=25), st.data())
def test_order_and_repetition_change_no_share(seconds: list[int], data: st.DataObject) -> None:
    """The incidents, their numbers included, are a function of what was seen."""
    seen = [
        detection("a", at=at, service="shop", logName=LOG, key=f"{index}")
        for index, at in enumerate(seconds)
    ]
    again = data.draw(st.permutations([*seen, *seen[:3]]))
    share = "{gte: 5, times: 2, before: 2m}"
    assert sharing(seen, share, Steady()) == sharing(again, share, Steady())


def test_a_snapshot_keeps_a_share() -> None:
    """Whoever goes on asks the traffic anew."""
    rules = ruleset(rule_text("a"), SHARE.replace("SHARE", "{gte: 1}"))
    before, after = Correlator(rules, traffic=Steady()), Correlator(rules, traffic=Steady())
    for one in failed(0, 1, 2):
        before.on_detections(one.key, one.richness, [one])
    after.resume(before.snapshot())
    assert after.incidents() == before.incidents()
    assert len(titles(after.incidents())) == 1


# --- many more than before ----------------------------------------------------------------------


def surging(seen: Iterable[Detection], surge: str = "{times: 5, before: 10m}") -> Correlator:
    """Return a correlator that was told what rules a and b saw."""
    made = Correlator(ruleset(rule_text("a"), rule_text("b"), SURGE.replace("SURGE", surge)))
    for one in seen:
        made.on_detections(one.key, one.richness, [one])
    return made


def errors(*seconds: float, rule: str = "a", service: str = "shop") -> list[Detection]:
    """Return errors at some seconds, each of another text."""
    return [detection(rule, at=at, service=service, text=f"{at}") for at in seconds]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ([], ["4, 0 before, 00:00 to 00:01"]),
        (range(-600, -100, 100), ["4, 5 before, 00:00 to 00:01"]),
        (range(-600, -111, 61)[1:], ["4, 8 before, 00:00 to 00:01"]),
        (range(-600, -111, 61), []),
        ([-601, *range(-539, -111, 61)], ["4, 8 before, 00:00 to 00:01"]),
    ],
)
def test_a_surge_is_many_times_what_was_usual_before(
    before: Sequence[float], expected: list[str]
) -> None:
    """Exactly so many times the mean of such spans; with nothing before, the count decides."""
    made = surging(errors(*before, 0, 1, 2, 3))
    assert titles(made.incidents(), "surging") == expected


def test_few_are_no_surge() -> None:
    """Sigma's condition holds besides."""
    assert titles(surging(errors(0, 1)).incidents(), "surging") == []


def test_a_surge_makes_one_incident_of_many_kinds() -> None:
    """It is linked to each of them, and to those of no other service."""
    seen = [*errors(0, 1, 2), *errors(1.5, rule="b"), *errors(0, 1, service="till")]
    made = surging(seen).incidents()
    assert sorted(len(incident.symptoms) for incident in made) == [1, 1, 5]
    (whole,) = [incident for incident in made if len(incident.symptoms) > 1]
    assert whole.root.rule == "surging"


def test_an_entry_of_which_two_rules_tell_counts_once_in_a_surge() -> None:
    """In the span as in the time before it."""
    twice = [
        detection(rule, at=at, service="shop", key=f"{at}") for at in (0, 1, 2) for rule in "ab"
    ]
    made = surging([])
    for one, other in zip(twice[::2], twice[1::2], strict=True):
        made.on_detections(one.key, one.richness, [one, other])
    assert titles(made.incidents(), "surging") == ["3, 0 before, 00:00 to 00:01"]


def test_the_span_with_the_most_is_told_of_a_surge() -> None:
    """The first of several."""
    made = surging(errors(0, 30, 60, 61, 62, 63, 121, 122))
    assert titles(made.incidents(), "surging") == ["5, 1 before, 00:00 to 00:01"]


@given(st.lists(st.integers(0, 200), min_size=1, max_size=25), st.data())
def test_order_and_repetition_change_no_surge(seconds: list[int], data: st.DataObject) -> None:
    """The incidents, their numbers included, are a function of what was seen."""
    seen = [
        detection("a" if index % 3 else "b", at=at, service="shop", key=f"{index}")
        for index, at in enumerate(seconds)
    ]
    again = data.draw(st.permutations([*seen, *seen[:3]]))
    surge = "{times: 2, before: 90s}"
    assert surging(seen, surge).incidents() == surging(again, surge).incidents()


@given(st.lists(st.integers(0, 400), min_size=1, max_size=40), st.sampled_from([1.5, 2, 5]))
def test_a_surge_is_what_counting_by_hand_finds(seconds: list[int], times: float) -> None:
    """Some span of the detections keeps to both conditions, or none does."""
    seen = [detection("a", at=at, service="shop", key=f"{at}/{n}") for n, at in enumerate(seconds)]
    told = titles(surging(seen, f"{{times: {times}, before: 2m}}").incidents(), "surging")
    found, last = False, -1
    for start in sorted(set(seconds)):
        inside = [at for at in seconds if start <= at <= start + 60]
        earlier = sum(start - 120 <= at < start for at in seconds)
        if max(inside) > last:  # else the span before takes in all of this one
            found |= len(inside) >= 3 and 2 * len(inside) >= Fraction(times) * earlier
        last = max(inside)
    assert bool(told) is found


def test_a_snapshot_keeps_a_surge() -> None:
    """Nothing else is needed to go on."""
    before, after = surging(errors(0, 1, 2, 3)), surging([])
    after.resume(before.snapshot())
    assert after.incidents() == before.incidents()
    assert len(titles(after.incidents(), "surging")) == 1


# --- a rise ---------------------------------------------------------------------------------------


def rising(values: Iterable[tuple[float, Any]], limit: str = "100", **more: Any) -> list[str]:
    """Return what is told of values, each after its minute."""
    rules = ruleset(rule_text("a"), RISING.replace("LIMIT", limit))
    made = Correlator(rules)
    for index, (minute, value) in enumerate(values):
        one = detection("a", at=minute * 60, service="shop", key=f"{index}", used=value, **more)
        made.on_detections(one.key, one.richness, [one])
    return titles(made.incidents(), "filling")


LINE = [(minute, 40 + minute / 2) for minute in range(0, 90, 15)]
"""From 40 to 77.5 in 75 minutes: 100 is met at 02:00."""
TOLD = ["6: 40 to 78 %, 30 an hour, full at 2025-09-10 02:00 UTC"]


@pytest.mark.parametrize(
    ("limit", "more", "values"),
    [
        ("100", {}, LINE),
        ("size", {"size": 100}, LINE),
        ("size", {"size": "%"}, LINE),
        ("200", {}, [(minute, 2 * value) for minute, value in LINE]),
        ("size", {"size": "50"}, [(minute, str(value / 2)) for minute, value in LINE]),
    ],
)
def test_a_rise_says_when_the_limit_is_met(
    limit: str, more: dict[str, Any], values: list[tuple[float, Any]]
) -> None:
    """In per cent of the limit, which is a number or stands beside each value."""
    assert rising(values, limit, **more) == TOLD


@pytest.mark.parametrize(
    "values",
    [
        LINE[:3],  # too few
        [(minute / 2, value) for minute, value in LINE],  # too short a time
        [(minute, 120 - value) for minute, value in LINE],  # it falls
        [(minute, 77) for minute, _ in LINE],  # nothing changes
        [(0, 40), (15, 80), (30, 42), (45, 83), (60, 45), (75, 85)],  # it swings
        [(0, 40), (15, 40), (30, 40), (45, 90), (60, 90), (75, 90)],  # it stepped up once
        [(minute, 70 + minute / 60) for minute, _ in LINE],  # it takes a day
        [(minute, value / 2) for minute, value in LINE],  # Sigma's condition does not hold
        [(minute, "much") for minute, _ in LINE],
        [(0, value) for _, value in LINE],
    ],
)
def test_what_does_not_rise_along_a_line_is_not_told(values: list[tuple[float, Any]]) -> None:
    """Or not enough, or not for long enough."""
    assert rising(values) == []


def test_values_without_a_limit_take_no_part() -> None:
    """Nor with one that is none."""
    assert rising(LINE, "size") == []
    assert rising(LINE, "size", size=0) == []
    assert rising(LINE, "size", size="unknown") == []


def test_a_limit_that_is_met_is_met_at_the_last_value() -> None:
    """Nothing is foretold of the past."""
    values = [(minute, 60 + minute) for minute in range(0, 75, 15)]
    assert rising(values) == ["5: 60 to 120 %, 60 an hour, full at 2025-09-10 01:00 UTC"]


def test_the_last_span_of_a_run_is_told() -> None:
    """What was foretold before is no longer the news."""
    slow = [(hour * 60, 10 + hour * 3.4) for hour in range(27)]
    assert rising(slow) == ["25: 17 to 98 %, 3.4 an hour, full at 2025-09-11 02:28 UTC"]


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 100)), max_size=20), st.data())
def test_order_and_repetition_change_no_rise(
    values: list[tuple[int, int]], data: st.DataObject
) -> None:
    """The line is one through a set of points."""
    seen = [
        detection("a", at=minute * 60, service="shop", key=f"{index}", used=value)
        for index, (minute, value) in enumerate(values)
    ]
    rules = ruleset(rule_text("a"), RISING.replace("LIMIT", "100"))
    made = []
    for told in (seen, data.draw(st.permutations([*seen, *seen[:2]]))):
        correlator = Correlator(rules)
        for one in told:
            correlator.on_detections(one.key, one.richness, [one])
        made.append(correlator.incidents())
    assert made[0] == made[1]


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.fractions(0, 100)), min_size=2, max_size=12),
    st.integers(0, 11),
)
def test_what_left_the_span_leaves_nothing_behind(
    values: list[tuple[int, Fraction]], gone: int
) -> None:
    """The sums are exact."""
    rules = ruleset(rule_text("a"), RISING.replace("LIMIT", "100"))
    asked = rules.correlations[0].audit.rising
    assert asked is not None
    ordered = [(BASE + time * SECOND, (value,)) for time, value in sorted(values)]
    moved, fresh = Slope(asked), Slope(asked)
    for one in ordered:
        moved.add(one)
    for one in ordered[: min(gone, len(ordered) - 1)]:
        moved.drop(one)
    for one in ordered[min(gone, len(ordered) - 1) :]:
        fresh.add(one)
    assert moved.line() == fresh.line()


def test_per_cent_is_exact() -> None:
    """A third of it is a third."""
    assert per_cent([1, Fraction(1, 2)], 3) == (Fraction(100, 3), Fraction(50, 3))
    assert per_cent([7], None) == ()
    assert per_cent([7], -1) == ()
