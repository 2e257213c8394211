"""What a change of rules changes, which version it implies, and how it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipeline.bootstrap.reading import load_texts
from pipeline.catalog import Catalog
from pipeline.document import RunDocument, incident_document
from pipeline.facts import known_facts
from pipeline.report import Action, Decision, render
from pipeline.rulediff import Difference, Side, as_document, as_markdown, as_rows, compare
from pipeline.versions import Step
from pipeline.whys import WhysTemplates, explain
from pipeline.yamltext import parse
from tests.support import correlate, detection, rule_text, ruleset
from tests.test_markdown import HOSTILE, assert_defused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.correlation import Correlator
    from pipeline.detection import Detection

TOO_LITTLE = "the new rules call themselves 1.0.0, which is too little."
CALM = {"level": "informational"}
LATE = "{caused_by: [{rule: down}]}"


def side(*rules: str, seen: Iterable[Detection] = (), version: str = "1.0.0") -> Side:
    """Return rules, and what they make of detections."""
    documents = [one for text in rules for one in parse(text, "rules.yml")]
    return Side(version, documents, run(correlate(ruleset(*rules), *seen)))


def run(correlator: Correlator) -> RunDocument:
    """Return the document of a run."""
    texts = load_texts("")
    made = []
    for incident in correlator.incidents():
        explanation = explain(incident, known_facts(incident, Catalog()), WhysTemplates({}, {}))
        report = render(incident, explanation, texts.issue, texts.issue_place)
        decision = Decision(Action.CREATE, "first report")
        made.append(incident_document(incident, explanation, report, decision))
    nothing: dict[str, Any] = {"entries": None, "audit": None, "rejections": []}
    return RunDocument.model_construct(incidents=made, **nothing)


def changes(difference: Difference) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Return step, what and how, and the details of each change."""
    return [
        (
            one.step.name,
            f"{one.what} {one.how}",
            one.name if one.what == "rule" else "",
            one.details,
        )
        for one in difference.changes
    ]


def test_the_same_rules_change_nothing() -> None:
    """No change has no step, and the version stays."""
    seen = [detection("down")]
    difference = compare(side(rule_text("down"), seen=seen), side(rule_text("down"), seen=seen))
    assert difference.changes == ()
    assert (difference.step, difference.implied) == (Step.NONE, "1.0.0")
    assert difference.verdict == "No change."
    assert as_rows(difference) == []
    assert "###" not in as_markdown(difference)


def test_a_rule_that_is_new_is_minor_and_one_that_is_gone_major() -> None:
    """Nobody misses what was not there; whoever relied on a rule does."""
    few, more = side(rule_text("down")), side(rule_text("down"), rule_text("late"))
    assert changes(compare(few, more)) == [("MINOR", "rule added", "late", ())]
    assert changes(compare(more, few)) == [("MAJOR", "rule dropped", "late", ())]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"audit": "{impact: Nobody can log in}"}, ("PATCH", "audit.impact")),
        ({}, {"audit": "{signature: gone}"}, ("MINOR", "audit.signature")),
        ({}, {"level": "critical"}, ("MINOR", "level")),
        ({}, {"audit": "{entity: [revision]}"}, ("MAJOR", "audit.entity")),
        (CALM, CALM | {"audit": "{context: {}}"}, ("MAJOR", "audit.context")),
        (
            CALM | {"audit": "{context: {}}"},
            CALM | {"audit": "{context: {within: 1m}}"},
            ("MINOR", "audit.context"),
        ),
    ],
)
def test_what_changes_in_a_rule_says_how_far_it_goes(
    before: dict[str, Any], after: dict[str, Any], expected: tuple[str, str]
) -> None:
    """Texts are a patch; what makes fingerprints, and whether it opens incidents, is major."""
    one, other = side(rule_text("down", **before)), side(rule_text("down", **after))
    (found,) = compare(one, other).changes
    assert (found.step.name, found.details) == (expected[0], (expected[1],))


def test_an_incident_that_is_new_and_one_that_is_gone() -> None:
    """One that is gone would leave its issue alone; the plan of both is told."""
    rules = (rule_text("down"), rule_text("late"))
    few = side(*rules, seen=[detection("down")])
    more = side(*rules, seen=[detection("down"), detection("late", at=90_000)])
    (added,) = compare(few, more).changes
    assert (added.step, added.how, added.plan) == (
        Step.MINOR,
        "added",
        ("", "create: first report"),
    )
    (dropped,) = compare(more, few).changes
    assert (dropped.step, dropped.how) == (Step.MAJOR, "dropped")
    assert "create: first report → nothing" in as_markdown(compare(more, few)).replace("\\", "")
    assert "2 and 1" in as_markdown(compare(more, few))


def test_an_incident_that_another_takes_over_says_so() -> None:
    """Its entries are in another one now: an edge joined two that were apart."""
    seen = [detection("down"), detection("late", at=60)]
    apart = side(rule_text("down"), rule_text("late"), seen=seen)
    joined = side(rule_text("down"), rule_text("late", audit=LATE), seen=seen)
    (rule, dropped, changed) = compare(apart, joined).changes
    assert (rule.details, dropped.how, changed.how) == (("audit.caused_by",), "dropped", "changed")
    assert dropped.details == (f"its entries are now in {changed.name} ({changed.title})",)
    assert changed.details == ("seen: 1 → 2", "now with late")
    (_, added, parted) = compare(joined, apart).changes[:3]
    assert {added.how, parted.how} == {"added", "changed"}
    assert "no longer with late" in (*added.details, *parted.details)


def test_an_incident_under_another_id_takes_over_its_entries() -> None:
    """A renamed rule makes other fingerprints: one issue is left, and another made."""
    old = side(rule_text("down"), seen=[detection("down")])
    new = side(rule_text("gone"), seen=[detection("gone", key="down-0-backend")])
    found = compare(old, new)
    assert found.step is Step.MAJOR
    details = {(one.what, one.how): one.details for one in found.changes}
    assert details["incident", "added"][0].startswith("it takes over entries of inc-")
    assert details["incident", "dropped"][0].startswith("its entries are now in inc-")


def test_texts_of_an_incident_are_a_patch() -> None:
    """The same incident, told in other words."""
    seen = [detection("down")]
    new = side(rule_text("down", audit="{impact: Nobody can log in}"), seen=seen)
    found = compare(side(rule_text("down"), seen=seen), new)
    assert changes(found)[1] == ("PATCH", "incident changed", "", ("its texts",))
    assert "its texts |" in as_markdown(found)
    assert found.implied == "1.0.1"


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ("1.0.0", "1.1.0", "Semantic version: minor, from 1.0.0 to 1.1.0."),
        ("1.0.0", "2.0.0", "Semantic version: minor, from 1.0.0 to 1.1.0."),
        ("1.0.0", "1.0.0", f"Semantic version: minor, from 1.0.0 to 1.1.0; {TOO_LITTLE}"),
        ("", "1.0.0", "Semantic version: minor."),
    ],
)
def test_the_verdict_says_which_version_is_due(old: str, new: str, verdict: str) -> None:
    """And whether the new rules call themselves so."""
    before = side(rule_text("down"), version=old)
    after = side(rule_text("down"), rule_text("late"), version=new)
    assert compare(before, after).verdict == verdict


def test_the_json_has_all_of_it() -> None:
    """Every change with its plan on both sides."""
    old, new = side(rule_text("down")), side(rule_text("down"), seen=[detection("down")])
    told = as_document(compare(old, new))
    assert (told["step"], told["implied_version"], told["too_small"]) == ("minor", "1.1.0", True)
    assert (told["incidents_before"], told["incidents_after"]) == (0, 1)
    (change,) = told["changes"]
    assert change["what"] == "incident"
    assert (change["plan_before"], change["plan_after"]) == ("", "create: first report")


@pytest.mark.parametrize("text", HOSTILE)
def test_log_text_acts_on_nothing_in_a_pull_request(text: str) -> None:
    """A title holds what an entry said."""
    text = text.encode("utf-8", "replace").decode()  # as an entry has it
    rule = rule_text("down", audit="{entity: [said], title: '{{ said }}'}")
    old, new = side(rule), side(rule, seen=[detection("down", said=text)])
    assert_defused(as_markdown(compare(old, new)))


def test_a_long_list_is_cut_and_says_so() -> None:
    """GitHub takes 65,536 characters."""
    many = [rule_text(f"rule_{number}") for number in range(130)]
    body = as_markdown(compare(side(rule_text("rule_0")), side(*many)))
    assert "… 29 more, which `--format json` lists." in body
    assert len(body) < 65_536
