"""The rules that come with fivewhys, as a whole and each by its own tests."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from pipeline.audit import SERVICE
from pipeline.matching import compile_rule
from pipeline.rule import LEVELS
from pipeline.ruletest import run_tests
from pipeline.yamltext import parse
from tests.rules.showing import (
    RULES,
    TESTS,
    are_linked,
    cases_of,
    detector,
    incidents_of,
    pair,
    ruleset,
    seen_together,
)

if TYPE_CHECKING:
    from pipeline.audit import Edge

# What an entity may name beside the groups of its rule: named fields, and what a LogEntry has.
FIELDS = (SERVICE, "revision", "instance", "project", "exception.type")
SECTIONS = ("httpRequest.", "resource.", "labels.", "protoPayload.", "jsonPayload.")

EDGES = [
    pytest.param(name, edge, cause, id=f"{name}-{cause}-{number}")
    for name, rule in ruleset().makers.items()
    for number, edge in enumerate(rule.audit.caused_by)
    for cause in edge.rule
]
ROOTS = [name for name, rule in ruleset().makers.items() if not rule.audit.is_apart]
CONTEXT = [rule.name for rule in ruleset().rules.values() if rule.audit.context]
NOISE = [rule.name for rule in ruleset().rules.values() if rule.audit.noise]
CORRELATIONS = [correlation.name for correlation in ruleset().correlations]


def test_a_file_has_the_name_of_its_rule() -> None:
    """So that whoever reads a name in an issue finds the rule."""
    assert sorted([*ruleset().rules, *CORRELATIONS]) == sorted(RULES)


def test_every_rule_and_correlation_has_an_id_of_its_own() -> None:
    """It stays when the rule is renamed."""
    ids: Counter[str] = Counter()
    for path in RULES.values():
        for document in parse(path.read_text(encoding="utf-8"), path.name):
            ids[str(document.value.get("id"))] += 1
    assert "None" not in ids
    assert [identifier for identifier, count in ids.items() if count > 1] == []


def test_every_rule_has_tests_and_every_test_a_rule() -> None:
    """They stand beside each other."""
    assert {name: path.parent for name, path in TESTS.items()} == {
        name: path.parent for name, path in RULES.items()
    }


@pytest.mark.parametrize("name", RULES)
def test_the_tests_of_a_rule_pass(name: str) -> None:
    """What it matches, what it ignores, and which incidents follow."""
    text = TESTS[name].read_text(encoding="utf-8")
    results = run_tests(ruleset(), detector(), [(TESTS[name].name, text)])
    assert [
        f"{item.place} {item.name}\n{item.difference}" for item in results if not item.passed
    ] == []
    assert results != []


@pytest.mark.parametrize("name", ruleset().rules)
def test_a_rule_has_at_least_two_matches_and_two_near_misses(name: str) -> None:
    """One of each proves little; names tell them apart."""
    tests = cases_of(name)
    assert len(tests.matches) >= 2
    assert len(tests.ignores) >= 2
    for cases in (tests.matches, tests.ignores):
        names = [case.name for case in cases]
        assert len(names) == len(set(names))


@pytest.mark.parametrize(("effect", "edge", "cause"), EDGES)
def test_an_edge_holds_in_a_timeline_and_not_in_another(
    effect: str, edge: Edge, cause: str
) -> None:
    """Both directions: it explains what it should, and not whatever happens to be near.

    The timelines are made of what the tests of both rules match; where these cannot be brought to
    what the edge asks for, timelines beside the rules have to show it.
    """
    both = pair(effect, edge, cause)
    if both is None:
        assert shown_by_hand(effect, cause) == {True, False}, "write timelines for this edge"
        return
    others = [one for one in ruleset().makers[effect].audit.caused_by if cause in one.rule]
    for what, apart in both.apart():
        if others == [edge] or what == "far away":  # else another edge may hold
            assert not apart.joins(), what


def shown_by_hand(effect: str, cause: str) -> set[bool]:
    """Return whether the timelines beside two rules have both, linked and not linked."""
    shown: set[bool] = set()
    for timeline in (*cases_of(effect).timelines, *cases_of(cause).timelines):
        made = incidents_of(timeline)
        if {effect, cause} <= {item.rule for incident in made for item in incident.symptoms}:
            shown.add(are_linked(made, effect, cause))
    return shown


@pytest.mark.parametrize("name", CONTEXT)
def test_context_joins_an_incident_in_a_timeline_and_not_in_another(name: str) -> None:
    """A context rule opens nothing; timelines show when it is told and when it is not."""
    told = [
        any(name in (expected.context or ()) for expected in timeline.expect_incidents)
        for timeline in cases_of(name).timelines
    ]
    assert set(told) == {True, False}


@pytest.mark.parametrize("name", NOISE)
def test_noise_is_alone_in_a_timeline_and_beside_an_incident_in_another(name: str) -> None:
    """It opens nothing, and an incident that it stands beside does not take it in."""
    made = [incidents_of(timeline) for timeline in cases_of(name).timelines]
    assert {len(found) for found in made} == {0, 1}
    assert name not in {
        item.rule for found in made for one in found for item in (*one.symptoms, *one.context)
    }


@pytest.mark.parametrize("name", CORRELATIONS)
def test_a_correlation_matches_in_a_timeline_and_not_in_another(name: str) -> None:
    """It groups the symptoms of its rules, or is one itself, when they are near and alike."""
    (correlation,) = [item for item in ruleset().correlations if item.name == name]
    wanted = {name} if correlation.derives else correlation.wanted
    groups = [
        {item.rule for item in incident.symptoms}
        for timeline in cases_of(name).timelines
        for incident in incidents_of(timeline)
    ]
    assert any(group >= wanted for group in groups)
    assert any(not group >= wanted for group in groups) or any(
        not incidents_of(timeline) for timeline in cases_of(name).timelines
    )


@pytest.mark.parametrize("name", ruleset().rules)
def test_only_context_is_informational(name: str) -> None:
    """A symptom that matters to nobody would be none."""
    rule = ruleset().rules[name]
    assert (rule.level == LEVELS[0]) is (rule.audit.context is not None)


@pytest.mark.parametrize("name", ruleset().rules)
def test_an_entity_names_groups_and_fields_that_exist(name: str) -> None:
    """A name that nothing bears would make all fingerprints alike."""
    rule = ruleset().rules[name]
    assert rule.audit.entity != () or rule.audit.fallback  # which is about a pattern
    assert [
        field
        for field in rule.audit.entity
        if field not in (*rule.groups, *FIELDS) and not field.startswith(SECTIONS)
    ] == []


@pytest.mark.parametrize("name", ruleset().rules)
def test_a_rule_can_be_evaluated_and_explains_itself(name: str) -> None:
    """It compiles, and says what it means in words."""
    rule = ruleset().rules[name]
    compile_rule(rule)
    assert rule.description
    assert rule.title
    assert rule.audit.title or rule.title


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_where_its_words_come_from(name: str) -> None:
    """A source or documentation, or that they are an application's own."""
    for document in parse(RULES[name].read_text(encoding="utf-8"), name):
        references = document.value.get("references")
        assert references
        assert len(references) == len(set(references))


@pytest.mark.parametrize("name", ROOTS)
def test_what_may_open_an_incident_says_what_users_have_of_it(name: str) -> None:
    """The report states it, and what else may look like it."""
    made = ruleset().makers[name]
    (value, *_) = (item.value for item in parse(RULES[name].read_text("utf-8"), name))
    assert made.audit.impact or made.audit.fallback
    assert value.get("falsepositives") or made.audit.fallback


def test_what_a_rule_refines_is_there() -> None:
    """Sigma's `related` names rules by their ids."""
    ids = {rule.id for rule in ruleset().rules.values()}
    named = {
        str(item.id)
        for rule in ruleset().rules.values()
        if rule.sigma.related
        for item in rule.sigma.related.related
    }
    assert named <= ids


@pytest.mark.parametrize("name", ruleset().rules)
def test_no_two_rules_see_one_entry_unless_one_refines_the_other(name: str) -> None:
    """A filter keeps the general one off; an edge or `related` says that both belong there."""
    assert list(seen_together([name])) == []
