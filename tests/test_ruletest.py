"""The tests beside rules: their form, and what a failing one says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.errors import RuleError
from pipeline.ruletest import run_tests
from tests.support import detector, rule_text, ruleset

if TYPE_CHECKING:
    from pipeline.ruletest import TestResult

CORRELATION = (
    "title: Both\nname: both\ncorrelation:\n  type: temporal\n  rules: [cause, other]\n"
    "  group-by: [service]\n  timespan: 5m\n"
)
RULES = ruleset(
    rule_text("cause", r"lacks (?P<tables>\[.*\])", audit="{captures: {tables: list}}"),
    rule_text(
        "effect",
        audit="{caused_by: [{rule: cause, same: [service], within: 5m}]}",
        level="critical",
    ),
    rule_text("other"),
    rule_text("seen", level="informational", audit="{context: {}}"),
    CORRELATION,
)
DETECTOR = detector(RULES)


def run(text: str, name: str = "rules/area/cause.test.yml") -> list[TestResult]:
    """Run one test file."""
    return run_tests(RULES, DETECTOR, [(name, text)])


def difference(text: str, name: str = "rules/area/cause.test.yml") -> str:
    """Run a file with one test; return the difference it shows."""
    (result,) = run(text, name)
    assert result.passed is (not result.difference)
    return result.difference


def case(kind: str, text: str, rest: str = "") -> str:
    """Write a file with one case."""
    return f'{kind}:\n  - name: n\n    entry: {{textPayload: "{text}"}}\n{rest}'


def timeline(steps: str, expected: str, rest: str = "") -> str:
    """Write a file with one timeline; steps are `+0s cause; +2s effect`, all of one service."""
    texts = {"cause": "lacks ['a']"}
    lines = ["timelines:", "  - name: n", "    steps:"]
    for step in steps.split("; ") if steps else ():
        at, rule = step.split()
        resource = "{type: cloud_run_revision, labels: {service_name: backend}}"
        entry = f'{{textPayload: "{texts.get(rule, rule)}", resource: {resource}}}'
        lines.append(f"      - {{at: {at}, entry: {entry}}}")
    if not steps:
        lines[-1] += " []"
    return "\n".join([*lines, f"    expect_incidents: {expected}", rest])


def test_a_step_may_be_many_entries_alike() -> None:
    """At times of their own; each is one entry, and a request counts as one."""
    counted = """\
title: Many fail
name: many
correlation:
  type: event_count
  rules: [failed]
  group-by: [service, logName]
  timespan: 60s
  condition: {gte: 3}
audit: {entity: [service], share: {gte: 40}}
"""
    failed = "title: f\nname: failed\nlogsource: {product: gcp}\n"
    failed += "detection: {a: {httpRequest.status: 500}, condition: a}\n"
    request = "logName: projects/demo/logs/requests, resource: {labels: {service_name: shop}}"
    text = f"""\
timelines:
  - name: n
    steps:
      - {{at: +0s, times: 5, every: 2s, entry: {{{request}, httpRequest: {{status: 200}}}}}}
      - {{at: +4s, times: 3, entry: {{{request}, httpRequest: {{status: 500}}}}}}
    expect_incidents: [{{root: many, symptoms: [many]}}]
"""
    rules = ruleset(failed, counted)
    assert run_tests(rules, detector(rules), [("many.test.yml", text)])[0].difference == ""


# --- matches and ignores --------------------------------------------------------------------------


def test_a_result_says_which_test_of_which_rule_it_is() -> None:
    """The place is that of the case; the rule is the file's name."""
    text = case("matches", "lacks ['a']") + case("ignores", "has all")
    for name in ("rules/area/cause.test.yml", "cause.test.yml", "rules\\\\area\\\\cause.test.yml"):
        first, second = run(text, name)
        assert (first.place, first.rule, first.name, first.passed) == (
            f"{name}:2",
            "cause",
            "n",
            True,
        )
        assert second.place == f"{name}:5"


def test_a_match_that_fails_says_what_matched_instead() -> None:
    """Expected, actual, and the message as it was read."""
    assert difference(case("matches", "other text")) == (
        "- expected: cause matches\n+ actual:   matched by other; message ['other text']"
    )
    assert "matched by no rule; message ['text']" in difference(case("matches", "text"))


def test_an_entry_that_should_be_ignored_says_what_matched() -> None:
    """Another rule may match it."""
    assert difference(case("ignores", "other text")) == ""
    assert difference(case("ignores", "lacks ['a']")) == (
        "- expected: cause does not match\n+ actual:   matched by cause; message [\"lacks ['a']\"]"
    )


@pytest.mark.parametrize(
    ("captures", "expected"),
    [
        ("{tables: [a]}", ""),
        ("{}", "- expected: captures {}\n+ actual:   captures {'tables': ['a']}"),
        (
            "{tables: [a, b]}",
            "- expected: captures {'tables': ['a', 'b']}\n+ actual:   captures {'tables': ['a']}",
        ),
    ],
)
def test_captures_are_exactly_those(captures: str, expected: str) -> None:
    """Typed as the rule types them; not checked when left out."""
    assert difference(case("matches", "lacks ['a']", f"    captures: {captures}\n")) == expected


def test_an_empty_file_has_no_tests() -> None:
    """Whether a rule needs some is not said here."""
    assert run("# later\n") == []
    assert run("matches: []\n") == []


# --- timelines ------------------------------------------------------------------------------------

ONE = "[{root: cause, symptoms: [cause, effect]}]"


def test_a_timeline_may_have_a_catalog() -> None:
    """Edges ask it; what is wrong in it is told with the file, the line and the timeline."""
    right = "    catalog: {services: {backend: {}}}"
    assert difference(timeline("+0s cause; +2s effect", ONE, right)) == ""
    wrong = "    catalog: {services: {backend: {depends_on: [nobody]}}}"
    with pytest.raises(RuleError) as caught:
        run(timeline("+0s cause", "[]", wrong))
    (mistake,) = caught.value.mistakes
    assert str(mistake).startswith(
        "rules/area/cause.test.yml:6: the catalog of 'n': backend depends"
    )


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("+0s cause; +2s effect", ONE),
        ("+0s cause; +2s effect", "[{root: cause, symptoms: [effect, cause], context: []}]"),
        (
            "+0s cause; +301s effect",
            "[{root: cause, symptoms: [cause]}, {root: effect, symptoms: [effect]}]",
        ),
        ("+0s seen; +5m cause", "[{root: cause, symptoms: [cause], context: [seen]}]"),
        ("+0s seen; +1h cause", "[{root: cause, symptoms: [cause], context: []}]"),
        ("+0s cause; +1m other", "[{root: cause, symptoms: [cause, other]}]"),
        ("+0m seen", "[]"),
        ("", "[]"),
    ],
)
def test_a_timeline_makes_exactly_its_incidents(steps: str, expected: str) -> None:
    """Edges, context and correlations hold, or do not, at those times."""
    assert difference(timeline(steps, expected)) == ""


@pytest.mark.parametrize(
    ("steps", "expected", "shown"),
    [
        (
            "+0s cause",
            "[]",
            "- expected: no incident\n+ actual:   root cause, symptoms cause",
        ),
        (
            "+0s nothing",
            ONE,
            "- expected: root cause, symptoms cause, effect\n+ actual:   no incident",
        ),
        (
            "+0s cause; +400s effect",
            ONE,
            (
                "- expected: root cause, symptoms cause, effect\n"
                "+ actual:   root cause, symptoms cause; root effect, symptoms effect"
            ),
        ),
        (
            "+0s seen; +1s cause",
            "[{root: cause, symptoms: [cause], context: []}]",
            (
                "- expected: root cause, symptoms cause, context none\n"
                "+ actual:   root cause, symptoms cause, context seen"
            ),
        ),
    ],
)
def test_a_timeline_that_fails_says_what_it_made(steps: str, expected: str, shown: str) -> None:
    """Context is shown where it was asked for."""
    assert difference(timeline(steps, expected)) == shown


@pytest.mark.parametrize(
    ("steps", "at", "shown"),
    [
        ("+5s cause", "+35s", ""),
        ("+0s cause; +60s cause", "+30s", ""),
        ("+0s cause", "+31s", "- expected: first report at +31s\n+ actual:   first report at +30s"),
        ("+0s seen", "+0s", "- expected: first report at +0s\n+ actual:   first report never"),
    ],
)
def test_a_timeline_may_say_when_the_first_report_is_due(steps: str, at: str, shown: str) -> None:
    """Half a minute after the first detection of an incident."""
    expected = "[]" if "seen" in steps else "[{root: cause, symptoms: [cause]}]"
    assert difference(timeline(steps, expected, f"    expect_incident_at: {at}")) == shown


def test_a_correlation_has_tests_of_its_own() -> None:
    """Timelines; it matches no entry itself."""
    text = timeline("+0s other; +2s cause", "[{root: other, symptoms: [cause, other]}]")
    (result,) = run(text, "both.test.yml")
    assert result.rule == "both"
    assert "both matches" in difference(case("matches", "other"), "both.test.yml")


def test_a_correlation_that_counts_has_timelines_as_well() -> None:
    """Its symptom begins when the condition first holds; what it counts is none."""
    rules = ruleset(
        rule_text("cause"),
        "title: Many\nname: many\ncorrelation:\n  type: event_count\n  rules: [cause]\n"
        "  group-by: [service]\n  timespan: 1m\n  condition: {gte: 3}\n",
    )
    many = "[{root: many, symptoms: [many]}]"
    for steps, expected, rest in (
        ("+0s cause; +20s cause", "[]", ""),
        ("+0s cause; +20s cause; +60s cause", many, "    expect_incident_at: +90s"),
        ("+0s cause; +20s cause; +61s cause", "[]", ""),
    ):
        text = timeline(steps, expected, rest).replace("lacks ['a']", "cause")
        (result,) = run_tests(rules, detector(rules), [("many.test.yml", text)])
        assert result.difference == ""


# --- files that are wrong -------------------------------------------------------------------------


def test_every_mistake_of_every_file_is_told_at_once() -> None:
    """Wrong YAML and keys, a name that no rule has, entries that are none; each with its line."""
    files = [
        ("cause.test.yml", "matches: ["),
        ("effect.test.yml", "matchs: []\nignores:\n  - {name: n}\n---\ntimelines: none"),
        ("nobody.test.yml", "matches: []"),
        (
            "other.test.yml",
            case("matches", "other")
            + "  - {name: empty, entry: {message: {data: '%%%'}}}\n"
            + "ignores:\n  - {name: wrong, entry: {message: {data: e30}}}\n",
        ),
    ]
    with pytest.raises(RuleError) as caught:
        run_tests(RULES, DETECTOR, files)
    found = [str(mistake) for mistake in caught.value.mistakes]
    assert [line[: line.index(": ")] for line in found] == [
        "cause.test.yml:1",
        "effect.test.yml:1",
        "effect.test.yml:3",
        "effect.test.yml:5",
        "nobody.test.yml:1",
        "other.test.yml:4",
        "other.test.yml:6",
    ]
    assert "unknown key 'matchs'" in found[1]
    assert "the key 'ignores.0.entry' is missing" in found[2]
    assert "the file is named after 'nobody', but no rule has this name" in found[4]
    assert "an entry of 'empty' is none: Pub/Sub message whose data is" in found[5]


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("90s", "'90s' is no time after the beginning; write it like +90s"),
        ("5", "'5' is no time after the beginning"),
        ("+1m30s", "Timespan '1m30s' is invalid"),
        ("+soon", "Timespan 'soon' is invalid"),
        ("+-5s", "Timespan '-5s' is invalid"),
        ("+9999y", "outside the years 1 to 9999"),
    ],
)
def test_a_time_that_is_none_is_a_mistake_with_its_line(at: str, message: str) -> None:
    """Of a step, and of the first report."""
    for text in (
        timeline(f"{at} cause", "[]"),
        timeline("+0s cause", "[]", f"    expect_incident_at: {at}"),
    ):
        with pytest.raises(RuleError, match=r"cause\.test\.yml:\d+: ") as caught:
            run(text)
        assert message in str(caught.value)


def test_a_title_that_raises_is_a_mistake_of_its_rule() -> None:
    """It would end a replay."""
    rules = ruleset(rule_text("bad", audit="{title: '{{ 1 / 0 }}'}"))
    text = timeline("+0s bad", "[]")
    with pytest.raises(RuleError, match=r"^rule-0\.yml:1: the template raised: ZeroDivisionError"):
        run_tests(rules, detector(rules), [("bad.test.yml", text)])
