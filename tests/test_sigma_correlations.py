"""Every type of Sigma correlation, against values worked out by hand from the specification.

Detections are written `5a`: rule a, five seconds after the base; `5a(x=1 y=b)`: with these fields.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.correlation import Correlator
from pipeline.correlation.deriving import TellingShelf
from pipeline.correlation.episodes import MemoryShelf
from pipeline.correlation.keys import identity_of
from pipeline.correlation.sigma import Columns, runs, spans
from tests.support import BASE, SECOND, correlate, detection, rule_text, ruleset

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from pipeline.detection import Detection
    from pipeline.rule import RuleSet

WRITTEN = re.compile(r"([\d.]+)([a-d])(?:\(([^)]*)\))?")
Told = tuple[str, int, float, float]


def correlation_text(  # noqa: PLR0913 - what a document may say
    name: str,
    kind: str,
    rules: str,
    condition: str = "",
    *,
    group_by: str = "",
    span: str = "10s",
    more: str = "",
) -> str:
    """Write a correlation; `more` are further lines of the document."""
    lines = [f"title: About {name}", f"name: {name}", "correlation:", f"  type: {kind}"]
    lines += [f"  rules: [{rules}]"] if rules else []
    lines += [f"  timespan: {span}", f"  group-by: [{group_by}]"]
    lines += [f"  condition: {condition}"] if condition else []
    return "\n".join([*lines, more]) + "\n"


def rules_with(*texts: str) -> RuleSet:
    """Load the rules a to d and some correlations."""
    return ruleset(*(rule_text(name) for name in "abcd"), *texts)


def seen(written: str) -> list[Detection]:
    """Read detections as they are written above, each of an entry of its own."""
    found = []
    for index, (at, rule, fields) in enumerate(WRITTEN.findall(written)):
        told: dict[str, Any] = dict(part.split("=") for part in fields.split())
        key = told.pop("entry", f"entry-{index}")
        found.append(detection(rule, at=float(at), key=key, **told))
    return found


def symptoms(correlator: Correlator) -> list[Told]:
    """Return of each symptom its rule, count, first and last second."""
    return sorted(
        (one.rule, one.count, (one.first_seen - BASE) / SECOND, (one.last_seen - BASE) / SECOND)
        for incident in correlator.incidents()
        for one in incident.symptoms
    )


def told(text: str, written: str) -> list[Told]:
    """Return what a correlation called `x` makes of detections: its own symptoms."""
    found = symptoms(correlate(rules_with(text), *seen(written)))
    return [item for item in found if item[0] == "x"]


def together(text: str, written: str) -> list[str]:
    """Return which rules stand in one incident, incidents in order."""
    made = correlate(rules_with(text), *seen(written)).incidents()
    return ["".join(sorted({one.rule for one in incident.symptoms})) for incident in made]


# --- event_count ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "written", "expected"),
    [
        ("{gte: 3}", "0a 1a", []),
        ("{gte: 3}", "0a 1a 2a", [("x", 3, 2, 2)]),
        ("{gte: 3}", "0a 1a 2a 3a", [("x", 4, 2, 3)]),
        ("{gt: 3}", "0a 1a 2a", []),
        ("{gt: 3}", "0a 1a 2a 3a", [("x", 4, 3, 3)]),
        ("{eq: 3}", "0a 1a 2a", [("x", 3, 2, 2)]),
        ("{eq: 3}", "0a 1a 2a 3a", []),
        ("{eq: 3}", "0a 1a", []),
        ("{neq: 3}", "0a 1a 2a", []),
        ("{neq: 3}", "0a 1a", [("x", 2, 0, 1)]),
        ("{lt: 3}", "0a 1a", [("x", 2, 0, 1)]),
        ("{lt: 3}", "0a 1a 2a", []),
        ("{lte: 3}", "0a 1a 2a", [("x", 3, 0, 2)]),
        ("{lte: 3}", "0a 1a 2a 3a", []),
        # A range, both ends in and out.
        ("{gte: 3, lte: 4}", "0a 1a", []),
        ("{gte: 3, lte: 4}", "0a 1a 2a", [("x", 3, 2, 2)]),
        ("{gte: 3, lte: 4}", "0a 1a 2a 3a", [("x", 4, 2, 3)]),
        ("{gte: 3, lte: 4}", "0a 1a 2a 3a 4a", []),
        ("{gt: 3, lt: 5}", "0a 1a 2a", []),
        ("{gt: 3, lt: 5}", "0a 1a 2a 3a", [("x", 4, 3, 3)]),
        ("{gt: 3, lt: 5}", "0a 1a 2a 3a 4a", []),
        # The span has ten seconds, both ends included.
        ("{gte: 3}", "0a 5a 10a", [("x", 3, 10, 10)]),
        ("{gte: 3}", "0a 5a 10.001a", []),
        # It slides: no boundary parts what is near.
        ("{gte: 3}", "8a 9a 12a", [("x", 3, 12, 12)]),
        ("{gte: 3}", "0a 9a 12a 15a", [("x", 3, 15, 15)]),
        # One run as long as spans share a detection.
        ("{gte: 3}", "0a 5a 10a 15a 20a", [("x", 5, 10, 20)]),
        ("{gte: 3}", "0a 1a 2a 20a 21a 22a", [("x", 6, 2, 22)]),
        # At one time there is no before and after.
        ("{gte: 3}", "0a 0a 0a", [("x", 3, 0, 0)]),
        ("{eq: 2}", "0a 0a 0a", []),
    ],
)
def test_event_count(condition: str, written: str, expected: list[Told]) -> None:
    """It counts detections, per span of the condition's bounds."""
    assert told(correlation_text("x", "event_count", "a", condition), written) == expected


def test_event_count_counts_entries_of_all_its_rules() -> None:
    """One entry that two of the rules match is one event."""
    text = correlation_text("x", "event_count", "a, b", "{gte: 3}")
    assert told(text, "0a 1b 2a") == [("x", 3, 2, 2)]
    assert told(text, "0a(entry=one) 0b(entry=one) 2a") == []
    assert told(text, "0a(entry=one) 0b(entry=one) 1b 2a") == [("x", 4, 2, 2)]


# --- group-by -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0a(u=1) 1a(u=1)", [("x", 2, 1, 1)]),
        ("0a(u=1) 1a(u=2)", []),
        ("0a(u=1) 1a(u=2) 2a(u=1) 3a(u=2)", [("x", 2, 2, 2), ("x", 2, 3, 3)]),
        ("0a(u=1) 1a", []),
        ("0a 1a", []),
        ("0a(u=) 1a(u=)", []),
    ],
)
def test_groups_are_told_apart(written: str, expected: list[Told]) -> None:
    """Each is counted by itself; what lacks the field is in none."""
    text = correlation_text("x", "event_count", "a", "{gte: 2}", group_by="u")
    assert told(text, written) == expected


def test_several_fields_make_a_group_together() -> None:
    """All of them have to be equal."""
    text = correlation_text("x", "event_count", "a", "{gte: 2}", group_by="u, v")
    assert told(text, "0a(u=1 v=1) 1a(u=1 v=2)") == []
    assert told(text, "0a(u=1 v=1) 1a(u=1 v=1)") == [("x", 2, 1, 1)]


def test_a_value_is_the_same_however_it_was_logged() -> None:
    """As a number, a number with a fraction of nothing, or text."""
    text = correlation_text("x", "event_count", "a", "{gte: 4}", group_by="u")
    values: list[Any] = [200, 200.0, "200", [200]]
    made = correlate(
        rules_with(text), *(detection("a", at=at, u=value) for at, value in enumerate(values))
    )
    assert symptoms(made) == []
    made = correlate(
        rules_with(text),
        *(detection("a", at=at, u=value) for at, value in enumerate([*values[:3], 200])),
    )
    assert symptoms(made) == [("x", 4, 3, 3)]


def test_aliases_name_one_value_in_several_rules() -> None:
    """Each rule has it in a field of its own."""
    more = "  aliases: {ip: {a: source, b: target}}\n"
    text = correlation_text("x", "event_count", "a, b", "{gte: 2}", group_by="ip", more=more)
    assert told(text, "0a(source=1) 1b(target=1)") == [("x", 2, 1, 1)]
    assert told(text, "0a(source=1) 1b(source=1)") == []
    assert told(text, "0a(source=1) 1b(target=2)") == []
    (made,) = correlate(rules_with(text), *seen("0a(source=1) 1b(target=1)")).incidents()
    assert (made.root.entity, made.root.fields["ip"]) == ({"ip": "1"}, "1")
    rules = rules_with(text).rules
    assert rules["a"].fields == ("service", "source")
    assert rules["b"].fields == ("service", "target")


def test_an_alias_may_be_what_is_measured() -> None:
    """The field of a condition is looked up like those of group-by."""
    more = "  aliases: {n: {a: in, b: out}}\n"
    text = correlation_text("x", "value_sum", "a, b", "{field: n, gte: 5}", more=more)
    assert told(text, "0a(in=2) 1b(out=3)") == [("x", 2, 1, 1)]
    assert told(text, "0a(in=2) 1b(in=3)") == []


# --- what is measured in a field ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "condition", "written", "expected"),
    [
        ("value_count", "{field: v, gte: 3}", "0a(v=p) 1a(v=q)", []),
        ("value_count", "{field: v, gte: 3}", "0a(v=p) 1a(v=q) 2a(v=p)", []),
        ("value_count", "{field: v, gte: 3}", "0a(v=p) 1a(v=q) 2a(v=r)", [("x", 3, 2, 2)]),
        ("value_count", "{field: v, gte: 3}", "0a(v=p) 1a(v=q) 11a(v=r)", []),
        ("value_count", "{field: v, gte: 2}", "0a(v=p) 1a 2a(v=q)", [("x", 2, 2, 2)]),
        ("value_count", "{field: v, eq: 1}", "0a(v=p) 1a(v=p)", [("x", 2, 0, 1)]),
        ("value_count", "{field: v, eq: 1}", "0a(v=p) 1a(v=q)", []),
        ("value_count", "{field: [v, w], gte: 2}", "0a(v=p w=q) 1a(v=p w=q)", []),
        ("value_count", "{field: [v, w], gte: 2}", "0a(v=p w=q) 1a(v=q w=p)", [("x", 2, 1, 1)]),
        ("value_count", "{field: [v, w], gte: 2}", "0a(v=p w=q) 1a(v=q)", []),
        ("value_sum", "{field: v, gte: 10}", "0a(v=4) 1a(v=5)", []),
        ("value_sum", "{field: v, gte: 10}", "0a(v=4) 1a(v=6)", [("x", 2, 1, 1)]),
        ("value_sum", "{field: v, gt: 10}", "0a(v=4) 1a(v=6)", []),
        ("value_sum", "{field: v, gt: 10}", "0a(v=4) 1a(v=6.1)", [("x", 2, 1, 1)]),
        ("value_sum", "{field: v, gte: 10}", "0a(v=4) 11a(v=6)", []),
        ("value_sum", "{field: v, gte: 0.3}", "0a(v=0.1) 1a(v=0.2)", [("x", 2, 1, 1)]),
        ("value_sum", "{field: v, lte: 0.3}", "0a(v=0.1) 1a(v=0.2)", [("x", 2, 0, 1)]),
        ("value_sum", "{field: v, gte: 5}", "0a(v=4) 1a(v=no) 2a(v=true) 3a(v=nan)", []),
        ("value_sum", "{field: v, gte: 5}", "0a(v=9) 1a(v=-5)", []),
        ("value_sum", "{field: v, lt: -4}", "0a(v=-5)", [("x", 1, 0, 0)]),
        ("value_avg", "{field: v, gt: 500}", "0a(v=1000) 1a(v=0)", []),
        ("value_avg", "{field: v, gte: 500}", "0a(v=1000) 1a(v=0)", [("x", 2, 0, 1)]),
        ("value_avg", "{field: v, gt: 500}", "0a(v=1000) 1a(v=2)", [("x", 2, 0, 1)]),
        ("value_avg", "{field: v, gte: 4}", "0a(v=3) 1a 2a(v=5)", [("x", 2, 2, 2)]),
        ("value_avg", "{field: v, gt: 3, lt: 5}", "0a(v=2) 1a(v=6)", [("x", 2, 1, 1)]),
        ("value_avg", "{field: v, gt: 3, lt: 5}", "0a(v=6) 1a(v=6)", []),
        ("value_median", "{field: v, gte: 5}", "0a(v=1) 1a(v=5) 2a(v=90)", [("x", 3, 2, 2)]),
        ("value_median", "{field: v, gt: 5}", "0a(v=1) 1a(v=5) 2a(v=90)", []),
        ("value_median", "{field: v, eq: 3.5}", "0a(v=1) 1a(v=6)", [("x", 2, 1, 1)]),
        ("value_median", "{field: v, eq: 6}", "0a(v=1) 1a(v=6)", []),
    ],
)
def test_a_value_is_measured(kind: str, condition: str, written: str, expected: list[Told]) -> None:
    """Distinct values, sum, mean, median; what has no (numeric) value takes no part."""
    assert told(correlation_text("x", kind, "a", condition), written) == expected


@pytest.mark.parametrize(
    ("percentile", "bound", "expected"),
    [
        # Of 15, 20, 35, 40, 50 the nearest ranks are: 5 % -> 15, 30 % -> 20, 40 % -> 20,
        # 50 % -> 35, 100 % -> 50.
        ("5", "eq: 15", True),
        ("20", "eq: 15", True),
        ("20.1", "eq: 20", True),
        ("30", "eq: 20", True),
        ("40", "eq: 20", True),
        ("50", "eq: 35", True),
        ("50", "gt: 35", False),
        ("80", "eq: 40", True),
        ("81", "eq: 50", True),
        ("99.9", "gte: 50", True),
        ("100", "eq: 50", True),
        ("100", "gt: 50", False),
    ],
)
def test_a_percentile_is_the_nearest_rank(percentile: str, bound: str, *, expected: bool) -> None:
    """The smallest value that at least so many per cent of all values do not exceed."""
    condition = f"{{field: v, percentile: {percentile}, {bound}}}"
    text = correlation_text("x", "value_percentile", "a", condition)
    found = told(text, "0a(v=40) 1a(v=15) 2a(v=50) 3a(v=20) 4a(v=35)")
    assert bool(found) is expected


def test_several_values_of_one_field_count_each() -> None:
    """A field of a list is several values at once."""
    for kind, bound in (("value_count", 3), ("value_sum", 12), ("value_percentile", 5)):
        extra = ", percentile: 100" if kind == "value_percentile" else ""
        text = correlation_text("x", kind, "a", f"{{field: v, gte: {bound}{extra}}}")
        made = correlate(rules_with(text), detection("a", v=[3, 4, 5]))
        assert symptoms(made) == [("x", 1, 0, 0)]
        made = correlate(rules_with(text), detection("a", v=[3, 4, 4]))
        assert symptoms(made) == []


# --- temporal -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "condition", "written", "expected"),
    [
        # All of them, in any order.
        ("temporal", "", "0a 5b 10c", ["abc"]),
        ("temporal", "", "0c 5a 10b", ["abc"]),
        ("temporal", "", "0a 5b 10.001c", ["a", "b", "c"]),
        ("temporal", "", "0a 5b", ["a", "b"]),
        # k of n: the count of different rules.
        ("temporal", "{gte: 2}", "0a 5b", ["ab"]),
        ("temporal", "{gte: 2}", "0a 5b 11c", ["abc"]),
        ("temporal", "{gte: 2}", "0a 5b 16c", ["ab", "c"]),
        ("temporal", "{eq: 2}", "0a 5b 6c", ["a", "b", "c"]),
        ("temporal", "{eq: 2}", "0a 5b", ["ab"]),
        ("temporal", "{gt: 1, lt: 3}", "0a 5b", ["ab"]),
        # Conditions over rules.
        ("temporal", "a and b and c", "0c 1b 2a", ["abc"]),
        ("temporal", "a AND b AND c", "0c 1b 2a", ["abc"]),
        ("temporal", "a and (b or c)", "0a 1c", ["ac"]),
        ("temporal", "a and (b or c)", "0b 1c", ["b", "c"]),
        ("temporal", "a and b or c", "0a 1b", ["ab"]),
        # Absence: nowhere in the span.
        ("temporal", "a and b and not c", "0a 5b", ["ab"]),
        ("temporal", "a and b and not c", "0a 3c 5b", ["a", "c", "b"]),
        ("temporal", "a and b and not c", "0a 5b 10c", ["a", "b", "c"]),
        ("temporal", "a and b and not c", "0a 5b 10.001c", ["ab", "c"]),
        ("temporal", "not (c or not (a and b))", "0a 5b", ["ab"]),
        ("temporal", "not (c or not (a and b))", "0a 5b 6c", ["a", "b", "c"]),
        # In order; equal times contradict none.
        ("temporal_ordered", "", "0a 5b 10c", ["abc"]),
        ("temporal_ordered", "", "0a 5c 10b", ["a", "c", "b"]),
        ("temporal_ordered", "", "0c 5b 10a", ["c", "b", "a"]),
        ("temporal_ordered", "", "0a 0b 0c", ["abc"]),
        ("temporal_ordered", "", "0c 0a 0b", ["abc"]),
        ("temporal_ordered", "", "0a 5c 6b 9c", ["abc"]),
        ("temporal_ordered", "", "0a 5b 10.001c", ["a", "b", "c"]),
        ("temporal_ordered", "{gte: 3}", "0a 1b 2c", ["abc"]),
        ("temporal_ordered", "a and b and not c", "0a 5b", ["ab"]),
        ("temporal_ordered", "a and b and not c", "0b 5a", ["b", "a"]),
        ("temporal_ordered", "a and b and not c", "0a 5b 10c", ["a", "b", "c"]),
        ("temporal_ordered", "a and b and not c", "0a 5b 10.5c", ["ab", "c"]),
    ],
)
def test_temporal_links(kind: str, condition: str, written: str, expected: list[str]) -> None:
    """What took part in a span in which the condition holds is one incident."""
    assert together(correlation_text("x", kind, "a, b, c", condition), written) == expected


def test_only_what_stands_in_the_sequence_takes_part() -> None:
    """A detection before the first rule's, or after the last one's, has nothing to do with it."""
    text = correlation_text("x", "temporal_ordered", "a, b")
    rules = rules_with(text)
    early, late = detection("b", at=0, u=1), detection("a", at=9, u=1)
    pair = (detection("a", at=3), detection("b", at=6))
    made = correlate(rules, early, *pair, late).incidents()
    assert [[(one.rule, one.count) for one in item.symptoms] for item in made] == [
        [("b", 1)],
        [("a", 1), ("b", 1)],
        [("a", 1)],
    ]


def test_two_sequences_in_one_span_are_one_match() -> None:
    """a1 a2 b1 b2 hold a1-b2 as well; further apart they do not."""
    text = correlation_text("x", "temporal_ordered", "a, b")
    for distance, incidents in ((1, 1), (20, 2)):
        found = [
            detection(rule, at=at, u=number)
            for number, start in enumerate((0, distance))
            for rule, at in (("a", start), ("b", start + 5))
        ]
        assert len(correlate(rules_with(text), *found).incidents()) == incidents


def test_a_condition_alone_names_the_rules() -> None:
    """Without a list of rules these are those of the condition, in its order."""
    text = correlation_text("x", "temporal_ordered", "", "b and a")
    assert together(text, "0b 1a") == ["ab"]
    assert together(text, "0a 1b") == ["a", "b"]


@pytest.mark.parametrize(
    ("kind", "condition", "reason"),
    [
        ("temporal", "", "x: a, b, c within 10 s for service backend"),
        ("temporal", "{gte: 2}", "x: >= 2 of a, b, c within 10 s for service backend"),
        ("temporal", "a and (b or c)", "x: (a and (b or c)) within 10 s for service backend"),
        ("temporal", "a and b and not (c and a)", "x: (a and b and not (c and a)) within"),
        ("temporal_ordered", "", "x: a, b, c in this order within 10 s for service backend"),
    ],
)
def test_a_link_says_why(kind: str, condition: str, reason: str) -> None:
    """The condition, the order, the span and the group."""
    text = correlation_text("x", kind, "a, b, c", condition, group_by="service")
    written = "0a 1b" if "not" in condition else "0a 1b 2c"
    if "not" in condition:
        text = text.replace("not (c and a)", "not (c or d)").replace("a, b, c]", "a, b, c, d]")
        reason = reason.replace("not (c and a)", "not (c or d)")
    (made,) = correlate(rules_with(text), *seen(written)).incidents()
    assert {link.kind for link in made.links} == {kind}
    assert all(link.reason.startswith(reason) for link in made.links)


def test_a_temporal_correlation_with_an_audit_block_is_a_symptom_as_well() -> None:
    """Dated to when its condition first held; linked to what took part."""
    more = 'level: critical\naudit: {title: "b never came on {{ service }}", user_visible: true}'
    text = correlation_text("x", "temporal", "", "a and not b", group_by="service", more=more)
    made = correlate(rules_with(text), *seen("0a 20a 25b 40a 41a")).incidents()
    ((symptom, base),) = [item.symptoms for item in made if item.root.rule == "x"]
    assert (symptom.rule, base.rule) == ("a", "x")
    assert told(text, "0a 20a 25b 40a 41a") == [("x", 3, 0, 41)]
    assert made[0].title == "backend: b never came on backend"
    assert {(link.kind, link.reason) for link in made[0].links} == {
        ("temporal", "x: (a and not b) within 10 s for service backend")
    }


# --- what a match makes ---------------------------------------------------------------------------

COUNTED = correlation_text(
    "x",
    "event_count",
    "a",
    "{gte: 2}",
    group_by="u",
    more="level: critical\naudit:\n  title: 'too many of {{ u }}'\n  impact: bad\n  whys: why\n",
)


def test_a_match_is_a_symptom_of_its_own() -> None:
    """Title, level and audit block are the correlation's; samples and services its members'."""
    found = [detection("a", at=at, service=f"s{at}", u=7) for at in (0, 1, 2)]
    (made,) = correlate(rules_with(COUNTED), *found).incidents()
    (symptom,) = made.symptoms
    assert (symptom.title, symptom.level, symptom.impact, symptom.whys) == (
        "too many of 7",
        "critical",
        "bad",
        "why",
    )
    assert (symptom.rule, symptom.signature, symptom.count) == ("x", "x", 3)
    assert symptom.entity == {"u": 7}
    assert symptom.explanation == ("rule: x", "u: 7")
    assert symptom.services == ("s0", "s1", "s2")
    assert [item.timestamp for item in symptom.samples] == [
        BASE,
        BASE + SECOND,
        BASE + 2 * SECOND,
    ]


def test_it_carries_what_its_members_agree_on() -> None:
    """Beyond the group: fields that others ask it for."""
    effect = rule_text("e", audit="{caused_by: [{rule: x, same: [v], within: 5m}]}")
    rules = ruleset(rule_text("a"), effect, COUNTED)
    assert rules.rules["a"].fields == ("service", "u", "v")
    late = detection("e", at=5, v=1)
    for values, linked in (((1, 1), True), ((1, 2), False)):
        found = [detection("a", at=at, u=7, v=value) for at, value in enumerate(values)]
        made = correlate(rules, *found, late).incidents()
        assert len(made) == (1 if linked else 2)
        assert made[0].root.rule == "x"
        assert made[0].root.fields == {"service": "backend", "u": 7, "v": 1 if linked else ""}


def test_what_is_counted_is_no_symptom() -> None:
    """Neither below the bound nor above it."""
    for written in ("0a(u=1)", "0a(u=1) 20a(u=1)", "0a 1a"):
        assert symptoms(correlate(rules_with(COUNTED), *seen(written))) == []
    assert symptoms(correlate(rules_with(COUNTED), *seen("0a(u=1) 1a(u=1)"))) == [("x", 2, 1, 1)]


@pytest.mark.parametrize(
    ("extra", "silent"),
    [
        ([], {"a"}),
        ([correlation_text("y", "event_count", "a", "{gte: 9}")], {"a"}),
        ([correlation_text("y", "event_count", "a", "{gte: 9}", more="generate: true")], set()),
        ([correlation_text("y", "event_count", "a", "{gte: 9}", more="  generate: true")], set()),
        ([correlation_text("y", "temporal", "a, b")], set()),
        ([rule_text("e", audit="{caused_by: [{rule: a}]}")], set()),
        ([correlation_text("y", "event_count", "x", "{gte: 2}")], {"a", "x"}),
    ],
)
def test_what_is_counted_and_nothing_else_is_silent(extra: list[str], silent: set[str]) -> None:
    """A rule that something else names, or that a correlation generates, remains a symptom."""
    assert rules_with(COUNTED, *extra).silent == silent


def test_a_silent_rule_is_no_effect_of_anything() -> None:
    """Its own edges would link what nobody sees."""
    counted = rule_text("a", audit="{caused_by: [{rule: b}]}")
    made = correlate(ruleset(counted, rule_text("b"), COUNTED), *seen("0b 1a(u=1)"))
    assert symptoms(made) == [("b", 1, 0, 0)]


def test_generate_links_the_match_to_what_it_counted() -> None:
    """Both are symptoms of one incident, and the link says why."""
    text = COUNTED.replace("  group-by", "  generate: true\n  group-by")
    made = correlate(rules_with(text), *seen("0a(u=1) 1a(u=1) 50a(u=2)")).incidents()
    assert [[(one.rule, one.count) for one in item.symptoms] for item in made] == [
        [("a", 2), ("x", 2)],
        [("a", 1)],
    ]
    assert {(link.kind, link.reason) for link in made[0].links} == {
        ("event_count", "x: event_count of a >= 2 within 10 s for u 1")
    }


def test_a_match_may_be_a_cause_and_an_effect() -> None:
    """Edges lead to correlations and from them."""
    cause = COUNTED + "  caused_by: [{rule: b, within: 1m}]\n"
    effect = rule_text("e", audit="{caused_by: [{rule: x, within: 1m}]}")
    rules = ruleset(rule_text("a"), rule_text("b"), effect, cause)
    (made,) = correlate(rules, *seen("0b 1a(u=1) 2a(u=1)"), detection("e", at=9)).incidents()
    assert [one.rule for one in made.symptoms] == ["b", "x", "e"]
    assert made.root.rule == "b"
    assert [link.kind for link in made.links] == ["caused_by", "caused_by"]


@pytest.mark.parametrize(
    ("kind", "percentile", "reason"),
    [
        ("value_sum", "", "x: value_sum of v >= 5 and < 7.5 within 10 s"),
        ("value_percentile", "percentile: 95, ", "x: value_percentile 95 of v >= 5 and < 7.5"),
    ],
)
def test_a_reason_names_what_was_measured(kind: str, percentile: str, reason: str) -> None:
    """The measure, the field, and every bound."""
    condition = f"{{field: v, {percentile}gte: 5, lt: 7.5}}"
    text = correlation_text("x", kind, "a", condition, more="generate: true")
    (made,) = correlate(rules_with(text), *seen("0a(v=6)")).incidents()
    assert all(link.reason.startswith(reason) for link in made.links)


# --- chains ---------------------------------------------------------------------------------------

LOGINS = """\
title: Multiple failed logins followed by a successful one
id: 5f1e3a0c-58c5-4b0f-8d27-1f0f5d2ac001
correlation:
  type: temporal_ordered
  rules: [5f1e3a0c-58c5-4b0f-8d27-1f0f5d2ac002, good]
  group-by: [user]
  timespan: 10m
level: high
---
title: Multiple failed logins
id: 5f1e3a0c-58c5-4b0f-8d27-1f0f5d2ac002
name: many_bad
correlation:
  type: event_count
  rules: [bad]
  group-by: [user]
  timespan: 10m
  condition:
    gte: 10
"""


def test_a_chain_of_correlations() -> None:
    """Failed logins in number, then one that succeeds: one incident, of one user."""
    rules = ruleset(LOGINS, rule_text("bad"), rule_text("good"))
    assert [item.kind for item in rules.correlations] == ["event_count", "temporal_ordered"]
    bad = [detection("bad", at=at, user="eve") for at in range(10)]
    good = [detection("good", at=60, key=user, user=user) for user in ("eve", "bob")]
    made = correlate(rules, *bad, *good).incidents()
    assert [[one.rule for one in item.symptoms] for item in made] == [
        ["many_bad", "good"],
        ["good"],
    ]
    assert [
        [one.rule for one in item.symptoms]
        for item in correlate(rules, *bad[1:], *good).incidents()
    ] == [["good"], ["good"]]


def test_a_correlation_counts_the_matches_of_another() -> None:
    """Distinct users who failed too often: each detection of a match counts, and a user once."""
    inner = correlation_text("y", "event_count", "a", "{gte: 2}", group_by="u")
    outer = correlation_text("x", "value_count", "y", "{field: u, gte: 2}")
    assert told(f"{inner}---\n{outer}", "0a(u=1) 1a(u=1) 2a(u=2)") == []
    found = told(f"{inner}---\n{outer}", "0a(u=1) 1a(u=1) 2a(u=2) 3a(u=2)")
    assert found == [("x", 4, 3, 3)]


def test_an_outer_group_may_be_what_the_inner_matches_agree_on() -> None:
    """A field the inner correlation does not group by is there if its members agree on it."""
    inner = correlation_text("y", "event_count", "a", "{gte: 2}", group_by="u")
    outer = correlation_text("x", "event_count", "y", "{gte: 2}", group_by="v")
    text = f"{inner}---\n{outer}"
    assert told(text, "0a(u=1 v=1) 1a(u=1 v=1)") == [("x", 2, 1, 1)]
    assert told(text, "0a(u=1 v=1) 1a(u=1 v=2)") == []


# --- what lasts -----------------------------------------------------------------------------------


def test_a_detection_that_only_counts_belongs_to_the_match() -> None:
    """Whoever asks is told the incident of what was made of it, if anything was."""
    found = seen("0a(u=1) 1a(u=1) 50a(u=1) 51b")
    correlator = correlate(rules_with(COUNTED), *found)
    first, second = correlator.incidents()
    owners = [owner for _, owner in correlator.detections(identity_of(one.key) for one in found)]
    assert owners == [first.id, first.id, None, second.id]


def test_a_snapshot_keeps_what_only_counts() -> None:
    """The detection that makes it enough may come after a restart."""
    rules, (first, second) = rules_with(COUNTED), seen("0a(u=1) 1a(u=1)")
    before, after = correlate(rules, first), Correlator(rules)
    assert before.incidents() == ()
    after.resume(before.snapshot())
    after.on_detections(second.key, second.richness, [second])
    assert symptoms(after) == [("x", 2, 1, 1)]
    assert after.incidents() == correlate(rules, first, second).incidents()


def test_what_only_counts_is_forgotten_when_nothing_can_come_of_it() -> None:
    """Not while it is recent, and not while what was made of it is not over."""
    hour, day = 3600, 24 * 3600
    rules = rules_with(COUNTED)
    for now, kept in ((hour, 3), (10 * day, 0)):
        correlator = correlate(rules, *seen("0a(u=1) 1a(u=1) 50a(u=1) 51b"))
        correlator.on_time(BASE + now * SECOND)
        over = correlator.evict()
        assert len(over) == (0 if kept else 2)
        assert len([key for key in correlator.entries() if key[2] != "entry-3"]) == kept
        assert len(correlator.incidents()) == (2 if kept else 0)


def test_a_match_that_goes_on_keeps_all_it_was_made_of() -> None:
    """Its beginning, and so its identity, stays although that alone would be over."""
    text = correlation_text("x", "event_count", "a", "{gte: 2}", span="1d")
    hours = [detection("a", at=hour * 3600, key=f"{hour}") for hour in range(0, 240, 12)]
    correlator = correlate(rules_with(text), *hours, detection("b", at=0))
    correlator.on_time(BASE + 240 * 3600 * SECOND)
    (before,) = [item for item in correlator.incidents() if item.root.rule == "x"]
    assert len(correlator.evict()) == 1
    assert correlator.incidents() == (before,)
    assert before.count == 20


def test_the_detections_of_a_match_lie_on_a_shelf_like_any_other() -> None:
    """What is put there by others is theirs."""
    shelf = MemoryShelf()
    (one,) = seen("0a")
    telling = TellingShelf(shelf)
    (place,) = telling.put([one])
    assert telling.get(place) == shelf.get(place) == one
    assert [*telling.keep([])] == []
    assert len(shelf) == 0


def test_who_it_is_about_may_be_part_of_its_group() -> None:
    """Then several groups are one symptom."""
    text = COUNTED.replace("[u]", "[u, v]").replace("audit:", "audit:\n  entity: [u]")
    made = correlate(rules_with(text), *seen("0a(u=1 v=1) 1a(u=1 v=1) 2a(u=1 v=2) 3a(u=1 v=2)"))
    assert symptoms(made) == [("x", 4, 1, 3)]


# --- laws -----------------------------------------------------------------------------------------

KINDS = {
    "event_count": "{gte: 3, lte: 4}",
    "value_count": "{field: v, gte: 2}",
    "value_sum": "{field: v, gt: 4, lte: 7}",
    "value_avg": "{field: v, gte: 2}",
    "value_median": "{field: v, gte: 2}",
    "value_percentile": "{field: v, percentile: 75, gt: 2}",
    "temporal": "(a and b) and not c",
    "temporal_ordered": "(a and b) and not c",
}
EVENT = st.tuples(st.integers(0, 40), st.integers(0, 2), st.integers(0, 3))


def _plain(kind: str, inside: Sequence[tuple[int, int, int]]) -> bool:
    """Say whether the condition above holds in a span, from its definition."""
    values = sorted(value for *_, value in inside)
    there = {rule for _, rule, _ in inside}
    middle = len(values) // 2
    mean_of_middle = (values[middle] + values[~middle]) / 2
    firsts = [time for time, rule, _ in inside if rule == 0]
    lasts = [time for time, rule, _ in inside if rule == 1]
    both = {0, 1} <= there and 2 not in there
    return {
        "event_count": 3 <= len(inside) <= 4,
        "value_count": len(set(values)) >= 2,
        "value_sum": 4 < sum(values) <= 7,
        "value_avg": sum(values) >= 2 * len(values),
        "value_median": mean_of_middle >= 2,
        "value_percentile": min(
            one for one in values if 4 * sum(other <= one for other in values) >= 3 * len(values)
        )
        > 2,
        "temporal": both,
        "temporal_ordered": both and min(firsts) <= max(lasts),
    }[kind]


def _taking_part(
    kind: str, span: Sequence[int], events: Sequence[tuple[int, int, int]]
) -> list[int]:
    """Return what takes part in a span that matched: c never does, a and b in order only."""
    if kind == "temporal_ordered":
        lasts = [index for index in span if events[index][1] == 1]
        firsts = [index for index in span if events[index][1] == 0]
        return [one for one in firsts if events[one][0] <= events[lasts[-1]][0]] + [
            one for one in lasts if events[one][0] >= events[firsts[0]][0]
        ]
    return [index for index in span if kind != "temporal" or events[index][1] < 2]


@given(st.sampled_from(list(KINDS)), st.lists(EVENT, max_size=12).map(sorted))
def test_runs_are_those_of_a_plain_reading(kind: str, events: list[tuple[int, int, int]]) -> None:
    """Every span that can take in no more, looked at one by one."""
    name = "a, b, c"
    (correlation,) = rules_with(correlation_text("x", kind, name, KINDS[kind])).correlations
    times, kinds = [time * SECOND for time, *_ in events], [rule for _, rule, _ in events]
    found = runs(Columns(correlation, times, kinds, [(value,) for *_, value in events]))
    every = [
        [one for one in range(len(events)) if 0 <= times[one] - times[start] <= 10 * SECOND]
        for start in range(len(events))
    ]
    full = [one for one in every if not any(set(one) < set(other) for other in every)]
    matched = [one for one in full if _plain(kind, [events[index] for index in one])]
    wanted = {index for one in matched for index in _taking_part(kind, one, events)}
    members = {index for run in found for index in run.members}
    assert members == wanted
    for run in found:
        assert list(run.members) == sorted(set(run.members))
        assert times[run.members[0]] <= run.held <= times[run.members[-1]]
    assert len(members) == sum(len(run.members) for run in found)


@given(
    st.sampled_from(list(KINDS)),
    st.lists(EVENT, max_size=10),
    st.randoms(use_true_random=False),
)
def test_the_order_of_arrival_changes_nothing(
    kind: str, events: list[tuple[int, int, int]], random: Random
) -> None:
    """Neither of counts nor of links, ties included."""
    rules = rules_with(correlation_text("x", kind, "a, b, c", KINDS[kind], more="generate: true"))
    found = [
        detection("abc"[rule], at=time, key=f"{index}", v=value)
        for index, (time, rule, value) in enumerate(events)
    ]
    expected = correlate(rules, *found).incidents()
    shuffled = random.sample(found, len(found))
    made = correlate(rules)
    for one in shuffled:
        made.on_detections(one.key, one.richness, [one])
    assert made.incidents() == expected


@given(st.lists(st.integers(0, 30)).map(sorted), st.integers(0, 10))
def test_spans_are_full_and_cover_everything(times: list[int], timespan: int) -> None:
    """Each holds what it can, none lies in another, and every time is in one."""
    found = list(spans(times, timespan))
    assert {index for start, end in found for index in range(start, end)} == {*range(len(times))}
    for start, end in found:
        assert times[end - 1] - times[start] <= timespan
        assert start == 0 or times[end - 1] - times[start - 1] > timespan
        assert end == len(times) or times[end] - times[start] > timespan
