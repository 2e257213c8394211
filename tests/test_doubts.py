"""What lint says of rules that are right and can hardly be meant."""

from __future__ import annotations

import pytest

from pipeline.doubts import doubts
from pipeline.rule import load_ruleset
from tests.support import rule_text

GROUP = "about (?P<table>[a-z]+)"


def said(*texts: str) -> list[str]:
    """Return what is doubtful in rules."""
    files = [(f"{index}.yml", text) for index, text in enumerate(texts)]
    return [str(doubt) for doubt in doubts(load_ruleset(files), files)]


def selecting(selection: str) -> str:
    """Write a rule with a selection of its own."""
    head = "title: x\nname: x\nlogsource: {product: gcp}\ndetection:\n"
    return f"{head}  seen:\n    {selection}\n  condition: seen\n"


@pytest.mark.parametrize(
    "selection",
    [
        "severity: WARNING",
        "severity: [error, 500, '600', Default]",
        "severity: W?RN*",
        "severity|contains: rro",
        "severity|startswith: warn",
        "severity|endswith: ing",
        "severity|re: '^WARN1'",
        "severity|gte: 450",
        "severity: null",
        "jsonPayload.severity: WARN1",
    ],
)
def test_a_severity_that_entries_have_is_no_doubt(selection: str) -> None:
    """By name or number, in any case; what is more than a word is left alone."""
    assert said(selecting(selection)) == []


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ("severity: WARN1", "'WARN1'; there are DEFAULT, DEBUG, INFO, NOTICE, WARNING, ERROR, "),
        ("severity: [ERROR, WARN]", "'WARN'; write WARNING"),
        ("severity: 450", "450; there are DEFAULT"),
        ("severity|contains: fatal", "'fatal'; write CRITICAL"),
        ("severity|endswith: err", "'err'; write ERROR"),
    ],
)
def test_a_severity_that_no_entry_has_is_one(selection: str, message: str) -> None:
    """A selection of it never matches; the line is that of the word."""
    (doubt,) = said(selecting(selection))
    assert doubt.startswith(f"0.yml:6: no entry has the severity {message}")


def test_severities_are_looked_at_in_lists_of_maps_and_filters() -> None:
    """Wherever a selection may stand."""
    text = selecting("- severity: WARN1\n    - message: x")
    filtered = (
        "title: f\nlogsource: {product: gcp}\n"
        "filter: {rules: any, quiet: {severity: LOUD}, condition: not quiet}\n"
    )
    assert [doubt[:8] for doubt in said(text, filtered)] == ["0.yml:6:", "1.yml:3:"]


@pytest.mark.parametrize(
    "audit",
    [
        "{entity: [service, table]}",
        "{entity: [exception.type, revision, resource.labels.x, httpRequest.status, labels.a-b]}",
        "{entity: [jsonPayload.tabel, data.protoPayload.logName, gcp.audit.method_name, message]}",
        "{entity: [resource, protoPayload.methodName, resource.type]}",
        "{caused_by: [{rule: cause, same: [component, table], named: table}]}",
        "{caused_by: [{rule: many, same: [service]}]}",
        "{context: {same: [service, table]}}",
    ],
)
def test_a_name_that_may_be_there_is_no_doubt(audit: str) -> None:
    """Groups of the rule, our own fields, and those of a LogEntry."""
    many = "title: m\nname: many\ncorrelation: {type: event_count, rules: [cause], "
    many += "group-by: [service], timespan: 5m, condition: {gte: 2}}\n"
    assert said(rule_text("a", GROUP, audit=audit), rule_text("cause", GROUP), many) == []


@pytest.mark.parametrize(
    ("audit", "named", "hint"),
    [
        ("{entity: [service, tabel]}", "entity names 'tabel'", "a; is it 'table'?"),
        ("{entity: [sevice]}", "entity names 'sevice'", "a; is it 'service'?"),
        ("{entity: [user]}", "entity names 'user'", "a; in a payload it is 'jsonPayload.user'"),
        ("{entity: [exception.stack]}", "entity names 'exception.stack'", "a; in a payload"),
        ("{entity: [resource.label.x]}", "entity names 'resource.label.x'", "a; in a payload"),
        ("{entity: [httpRequest.stats]}", "entity names 'httpRequest.stats'", "a; in a payload"),
        ("{context: {same: [tabel]}}", "same names 'tabel'", "a; is it 'table'?"),
        ("{caused_by: [{rule: cause, named: host}]}", "named names 'host'", "a; in a payload"),
        ("{caused_by: [{rule: cause, same: [table]}]}", "same names 'table'", "cause; in a payl"),
    ],
)
def test_a_name_that_hardly_any_entry_has_is_one(audit: str, named: str, hint: str) -> None:
    """It says where else it may stand, or what it is most like."""
    (doubt,) = said(rule_text("a", GROUP, audit=audit), rule_text("cause"))
    why = "which is no field of a LogEntry and no group of"
    assert doubt.startswith(f"0.yml:9: {named}, {why} {hint}")


def test_a_field_that_the_rule_looks_at_may_be_named() -> None:
    """At any depth of its detections; keywords name none."""
    text = selecting("- user_id: 7\n    - t: 1\n  word: [x]").replace(": seen", ": seen or word")
    assert said(text + "audit: {entity: [user_id, t]}\n") == []
