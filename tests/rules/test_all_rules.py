"""The rules that come with fivewhys, as a whole and each by its own tests."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.correlation import Correlator
from pipeline.detection import Detector
from pipeline.entry import format_timestamp, parse_entry
from pipeline.matching import compile_rule
from pipeline.redaction import Redactor
from pipeline.rule import LEVELS, RuleSet, load_ruleset
from pipeline.ruletest import BASE, RuleTests, Timeline, run_tests
from pipeline.yamltext import parse

if TYPE_CHECKING:
    from pipeline.incident import Incident

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "rules").rglob("*.yml"))
TESTS = {path.name.removesuffix(".test.yml"): path for path in FILES if ".test." in path.name}
RULES = {path.stem: path for path in FILES if ".test." not in path.name}

# What an entity may name beside the groups of its rule: named fields, and what a LogEntry has.
FIELDS = ("service", "revision", "instance", "project", "exception.type")
SECTIONS = ("httpRequest.", "resource.", "labels.", "protoPayload.", "jsonPayload.")


@cache
def ruleset() -> RuleSet:
    """Load the rules once."""
    return load_ruleset((str(path), path.read_text(encoding="utf-8")) for path in RULES.values())


@cache
def detector() -> Detector:
    """Compile them once."""
    return Detector(ruleset(), Redactor())


def cases_of(name: str) -> RuleTests:
    """Read the tests beside a rule."""
    (document,) = parse(TESTS[name].read_text(encoding="utf-8"), TESTS[name].name)
    return RuleTests.model_validate(document.value)


def incidents(timeline: Timeline) -> tuple[Incident, ...]:
    """Return the incidents a timeline makes."""
    correlator = Correlator(ruleset(), topology=timeline.topology("timeline"))
    for index, step in enumerate(timeline.steps):
        at = format_timestamp(BASE + step.at)
        record: dict[str, Any] = {"insertId": f"step-{index}", **step.entry, "timestamp": at}
        for entry in parse_entry(record):
            correlator.on_detections(entry.key, entry.richness, detector().detect(entry))
    return correlator.incidents()


EDGES = [
    (rule.name, cause)
    for rule in ruleset().rules.values()
    for edge in rule.audit.caused_by
    for cause in edge.rule
]
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


@pytest.mark.parametrize(("effect", "cause"), EDGES, ids=lambda name: name)
def test_an_edge_holds_in_a_timeline_and_not_in_another(effect: str, cause: str) -> None:
    """Both directions: it explains what it should, and not whatever happens to be near."""
    held: list[bool] = []
    broken: list[bool] = []
    for timeline in (*cases_of(effect).timelines, *cases_of(cause).timelines):
        made = incidents(timeline)
        linked = {
            (symptoms[link.effect].rule, symptoms[link.cause].rule)
            for incident in made
            for symptoms in [{item.fingerprint: item for item in incident.symptoms}]
            for link in incident.links
            if link.kind == "caused_by"
        }
        seen = {item.rule for incident in made for item in incident.symptoms}
        (held if (effect, cause) in linked else broken).append({effect, cause} <= seen)
    assert True in held
    assert True in broken


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
    made = [incidents(timeline) for timeline in cases_of(name).timelines]
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
        for incident in incidents(timeline)
    ]
    assert any(group >= wanted for group in groups)
    assert any(not group >= wanted for group in groups) or any(
        not incidents(timeline) for timeline in cases_of(name).timelines
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
