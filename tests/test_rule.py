"""Rule files: what is read from them, and every mistake at once with file and line."""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audit import SECOND
from pipeline.errors import RuleError
from pipeline.matching import compile_rule
from pipeline.rule import compile_expression, load_ruleset
from tests.public_rules import public_rules
from tests.support import entry, rule_text, ruleset, temporal_text

ID = "5f1b0f5c-94a5-4a8b-9c42-3d5f4f0d7a10"

FULL = f"""\
title: Missing tables
id: {ID}
name: missing_table
description: a check misses tables
logsource: {{product: gcp}}
detection:
  reported:
    message|re: 'Missing (?P<tables>.*)'
  other:
    - message|re: '(?P<reason>x)'
    - [{{message|re: '(?P<deep>y)'}}]
  condition: 1 of them
level: Critical
audit:
  captures: {{tables: list}}
  entity: [service, tables, labels.commit]
  title: "Missing {{{{ tables | join(', ') }}}} of {{{{ service }}}}"
  state: {{Reason: "{{{{ reason }}}}"}}
  caused_by:
    - {{rule: cause, same: [revision], within: 5m}}
"""

CORRELATION = """\
title: Both
name: both
correlation:
  type: temporal
  rules: [a, b]
  group-by: [resource.type]
  timespan: 5m
"""


def mistakes(*texts: str) -> list[str]:
    """Return all that is said about rule files, without the common part of the file's name."""
    with pytest.raises(RuleError) as caught:
        ruleset(*texts)
    return [str(mistake).removeprefix("rule-") for mistake in caught.value.mistakes]


def with_lines(text: str, **changes: str) -> str:
    """Return a rule with the lines of some top-level keys replaced."""
    kept = [line for line in text.splitlines() if line.split(":")[0] not in changes]
    return "\n".join([*kept, *(line for line in changes.values() if line)]) + "\n"


# --- what is read ---------------------------------------------------------------------------------


def test_a_rule_is_read() -> None:
    """Everything that others ask of a rule, with the place of its document."""
    rule = ruleset(FULL, rule_text("cause")).rules["missing_table"]
    assert (rule.name, rule.id, rule.title, rule.level) == (
        "missing_table",
        ID,
        "Missing tables",
        "critical",
    )
    assert rule.description == "a check misses tables"
    assert rule.place == "rule-0.yml:1"
    assert rule.groups == ("deep", "reason", "tables")
    assert rule.signature == "missing-table"
    assert ruleset(rule_text("a", audit="{signature: own}")).rules["a"].signature == "own"


def test_fields_are_what_detections_must_carry() -> None:
    """Its entity, both ends of edges and group-by, of all what context asks to be equal.

    What is captured is there anyway.
    """
    rules = ruleset(
        FULL,
        rule_text("cause"),
        rule_text("seen", audit="{context: {same: [project, instance]}}"),
        rule_text("a"),
        rule_text("b", "(?P<resource>.)"),
        CORRELATION,
    ).rules
    near = {"instance", "project"}
    assert set(rules["missing_table"].fields) == {"labels.commit", "revision", "service", *near}
    assert set(rules["cause"].fields) == {"revision", "service", *near}
    assert rules["seen"].fields == ("instance", "project", "service")
    assert set(rules["a"].fields) == {"resource.type", "service", *near}
    assert rules["a"].fields == rules["b"].fields


def test_a_correlation_is_read() -> None:
    """Rules by name, whether it names them by name or by id; the span in nanoseconds."""
    first = rule_text("a") + f"id: {ID}\n"
    for names in ("[a, b]", f"[{ID}, b]", f"[a, {ID}, b]"):
        rules = ruleset(first, rule_text("b"), CORRELATION.replace("[a, b]", names))
        (correlation,) = rules.correlations
        assert (correlation.name, correlation.title) == ("both", "Both")
        assert correlation.rules == ("a", "b")
        assert correlation.group_by == ("resource.type",)
        assert correlation.timespan == 300 * SECOND


def test_a_plain_sigma_rule_runs_unchanged() -> None:
    """Without a name the id names it, without an id the title; without a level it is medium."""
    plain = (
        "title: Some rule\ntags: [attack.t1078]\nlogsource: {product: gcp, service: gcp.audit}\n"
        "detection:\n  chosen:\n    gcp.audit.method_name: SetIamPolicy\n  condition: chosen\n"
    )
    (by_title,) = ruleset(plain).rules.values()
    assert (by_title.name, by_title.id, by_title.level) == ("Some rule", "", "medium")
    assert (by_title.groups, by_title.fields) == ((), ("service",))
    (by_id,) = ruleset(f"{plain}id: {ID}\n").rules.values()
    assert (by_id.name, by_id.id) == (ID, ID)


def test_one_file_may_hold_several_rules() -> None:
    """Each document has its own place; empty ones are left out."""
    text = f"{rule_text('a')}---\n---\n{rule_text('b')}"
    rules = ruleset(text).rules
    assert [rule.place for rule in rules.values()] == ["rule-0.yml:1", "rule-0.yml:11"]


def test_no_files_make_an_empty_set() -> None:
    """Whoever wants at least one rule says so itself."""
    assert ruleset().rules == {}
    assert ruleset("# nothing yet\n").rules == {}


def test_the_digest_follows_the_texts_and_not_their_order() -> None:
    """A store tells by it whether it was filled under the same rules."""
    one, two = ("a.yml", rule_text("a")), ("b.yml", rule_text("b"))
    assert load_ruleset([one, two]).digest == load_ruleset([two, one]).digest
    assert load_ruleset([one]).digest != load_ruleset([two]).digest


def test_an_empty_audit_block_is_none() -> None:
    """A key that was left for later breaks nothing."""
    assert ruleset(rule_text("a") + "audit:\n").rules["a"].audit.entity == ()


def filled(item: str, placeholders: dict[str, list[str]], text: str) -> bool:
    """Match one item of a detection, in YAML, against a message with these placeholders."""
    rule = rule_text("a").replace("message|re: 'a'", item)
    rules = load_ruleset([("a.yml", rule)], placeholders)
    return compile_rule(rules.rules["a"])(entry(text)) is not None


ADMINS = {"admins": ["root", "adm_*"], "hosts": ["db1", "db2"], "percent": ["50%"]}


@pytest.mark.parametrize(
    ("item", "text", "expected"),
    [
        ("message|expand: '%admins%'", "ROOT", True),
        ("message|expand: '%admins%'", "adm_ann", True),
        ("message|expand: '%admins%'", "ann", False),
        ("message|expand: '%admins%'", "%admins%", False),
        ("message: '%admins%'", "%admins%", True),
        ("message|expand: no placeholder", "no placeholder", True),
        ("message|expand: 50% or 60", "50% or 60", True),
        ("message|expand: '%admins%@%hosts%'", "root@db2", True),
        ("message|expand: '%admins%@%hosts%'", "root@db3", False),
        ("message|expand: 'by %admins%*'", "by root, twice", True),
        ("message|expand|contains: '%admins%'", "by root, twice", True),
        ("message|contains|expand: '%admins%'", "by root, twice", True),
        ("message|expand|contains|all: ['%admins%', '%hosts%']", "root on db1", True),
        ("message|expand|contains|all: ['%admins%', '%hosts%']", "root on db3", False),
        ("message|expand|cased: '%admins%'", "ROOT", False),
        ("message|cased|expand: '%admins%'", "ROOT", False),
        ("message|expand|base64: '%hosts%'", "ZGIx", True),
        ("message|expand|neq: '%admins%'", "root", False),
        ("message|expand|neq: '%admins%'", "ann", True),
        (r"message|expand: '\%plain%hosts%'", "%plaindb1", True),
        (r"message|expand: '\%plain%hosts%'", "%plain%hosts%", False),
        ("message|expand: '%percent%'", "50%", True),
        ("message|re|expand: '^by %admins%$'", "by adm_ann", True),
        ("message|re|expand: '^by %admins%$'", "by ann", False),
        ("message|re|expand|i: '^by %admins%$'", "BY ROOT", True),
        (r"message|re|expand: '50\%'", "50%", True),
        ("'|expand': '%hosts%'", "it was db2", True),
    ],
)
def test_placeholders_stand_for_what_the_settings_say(
    item: str,
    text: str,
    expected: bool,  # noqa: FBT001 - a table
) -> None:
    """One of several texts, which may hold wildcards, wherever `expand` stands."""
    assert filled(item, ADMINS, text) is expected


def test_a_group_beside_a_placeholder_is_known() -> None:
    """An expression with a placeholder stays one expression."""
    rule = rule_text("a").replace("message|re: 'a'", "message|re|expand: '(?P<who>%admins%)'")
    assert load_ruleset([("a.yml", rule)], ADMINS).rules["a"].groups == ("who",)


@pytest.mark.parametrize(
    ("placeholders", "message"),
    [
        ({}, "the placeholder %admins% is filled by no setting"),
        ({"admins": []}, "the placeholder %admins% is filled by no setting"),
        ({"admins": list("ab") * 100}, "the placeholders stand for 40,000 texts; at most 10,000"),
    ],
)
def test_a_placeholder_that_cannot_be_filled_is_a_mistake(
    placeholders: dict[str, list[str]], message: str
) -> None:
    """With rule, file and line, when the rules are loaded."""
    with pytest.raises(RuleError) as caught:
        filled("message|expand: '%admins%%admins%'", placeholders, "x")
    (mistake,) = caught.value.mistakes
    assert (mistake.file, mistake.line) == ("a.yml", 6)
    assert message in mistake.message


def test_the_digest_follows_the_placeholders() -> None:
    """With other texts in their place the rules mean something else."""
    files = [("a.yml", rule_text("a"))]
    digests = [load_ruleset(files, filled).digest for filled in ({}, ADMINS, {"admins": ["x"]})]
    assert len(set(digests)) == 3


FILTER = """\
title: Known noise
logsource: {product: gcp}
filter:
  rules: [a]
  noise: {message|contains: noise}
  condition: not noise
"""


def seen_by(text: str, *files: str) -> list[str]:
    """Return the names of the rules that match a message."""
    rules = ruleset(*files).rules.values()
    return [rule.name for rule in rules if compile_rule(rule)(entry(text)) is not None]


def filtered(**changes: str) -> str:
    """Return the filter with parts of its block replaced, added or (empty) left out."""
    block = yaml.safe_load(FILTER)
    for key, value in changes.items():
        block["filter"].pop(key, None)
        if value:
            block["filter"][key] = yaml.safe_load(value)
    return yaml.safe_dump(block, sort_keys=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (FILTER, ["b"]),
        (filtered(rules="b"), ["a"]),
        (filtered(rules="[a, b]"), []),
        (filtered(rules="any"), []),
        (filtered(rules="ANY"), []),
        (filtered(rules=f"[{ID}]"), ["b"]),
        (filtered(rules=f"[{ID.upper()}]"), ["b"]),
        (filtered(rules="any", condition="noise"), ["a", "b"]),
        (filtered(rules="any", condition="not them_"), ["a", "b"]),
        (filtered(condition="not 1 of them"), ["b"]),
        (filtered(condition="not 1 of noi*"), ["b"]),
        (filtered(condition="not all of *"), ["a", "b"]),
        (filtered(condition="not (noise and _quiet)"), ["a", "b"]),
        (filtered(condition="not (noise or _quiet)"), ["b"]),
        (filtered(condition="not 1 of _*"), ["a", "b"]),
        (filtered(condition="not 1st-level"), ["b"]),
        (filtered(rules="any").replace("product: gcp", "product: aws"), ["a", "b"]),
        (filtered(rules="any").replace("product: gcp", "category: web"), ["a", "b"]),
    ],
)
def test_a_filter_narrows_the_rules_it_names(text: str, expected: list[str]) -> None:
    """By name or id, or all of its log source; its own names meet none of the rule's."""
    block = yaml.safe_load(text)
    block["filter"] |= {
        "them_": {"message": "other"},
        "_quiet": {"message": "other"},
        "1st-level": {"message|endswith": "noise"},
    }
    rule = rule_text("a", ".").replace("condition: seen", "condition: 1 of them") + f"id: {ID}\n"
    shown = seen_by("a noise", rule, rule_text("b", "."), yaml.safe_dump(block, sort_keys=False))
    assert shown == expected


def test_several_filters_narrow_each_condition_of_a_rule() -> None:
    """Each filter is joined to each condition, and passes all else."""
    rule = rule_text("a", "x").replace("condition: seen", "condition: [seen, not seen]")
    files = (rule, FILTER, filtered(noise="{message|contains: din}"))
    for text, expected in (("x noise", []), ("noise", []), ("x din", []), ("x", ["a"])):
        assert seen_by(text, *files) == expected


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("[a]", "[a, nobody]", 4, "the filter names 'nobody', but no rule has this name"),
        ("[a]", "[]", 4, "the filter names no rules; write `any` for all"),
        ("[a]", "{a: b}", 4, "rules field must be"),
        ("[a]", "[a, 5]", 4, "the name 5 of a rule must be text"),
        ("[a]", "", 4, "rules field must be"),
        ("  rules: [a]\n", "", 3, "must have a 'rules' field"),
        ("gcp", "aws", 4, "the filter names 'a', which is not of the filter's logsource"),
        ("not noise", "not nobody", 6, "Detection 'nobody' not defined"),
        ("not noise", "[not noise]", 6, "condition must be a string"),
        ("  condition: not noise\n", "", 3, "exactly one condition"),
        ("contains", "begins", 5, "Unknown modifier 'begins'"),
        ("message|contains: noise", "message|re: '('", 5, "(RE2 has neither"),
        ("  noise:", "  all: {m: x}\n  noise:", 5, "'all' is a word of conditions"),
        ("logsource: {product: gcp}\n", "", 1, "must have a log source"),
        ("title: Known noise\n", "", 1, "must have a title"),
        ("title:", "audit: {}\ntitle:", 1, "a filter has no audit block"),
        ("title:", f"id: {ID}\ntitle:", 1, "the id"),
        (FILTER, "title: x\nlogsource: {product: gcp}\nfilter: [a]\n", 3, "must be a dictionary"),
    ],
)
def test_a_mistake_in_a_filter(old: str, new: str, line: int, message: str) -> None:
    """Each is one mistake, where it stands."""
    (found,) = mistakes(rule_text("a") + f"id: {ID}\n", FILTER.replace(old, new, 1))
    assert found.startswith(f"1.yml:{line}: ")
    assert message in found


def test_published_rules_load_as_they_are() -> None:
    """Without a name, of any log source, with every key that the specification has."""
    files = list(public_rules(200))
    rules = load_ruleset(files).rules
    assert len(rules) == 200
    assert all(rule.name == rule.id for rule in rules.values())
    logged = entry("nothing of all that")
    matched = [name for name, rule in rules.items() if compile_rule(rule)(logged) is not None]
    assert 0 < len(matched) < 100  # those that only miss a field


def test_each_published_rule_that_is_not_supported_is_named() -> None:
    """One mistake a rule, with its file and line; none is left out or weakened."""
    files = [(name, text.replace("|contains:", "|x:")) for name, text in public_rules(200)]
    wrong = {name for name, text in files if "|x:" in text}
    with pytest.raises(RuleError) as caught:
        load_ruleset(files)
    assert {mistake.file for mistake in caught.value.mistakes} == wrong
    assert all(mistake.line > 1 for mistake in caught.value.mistakes)
    assert {mistake.message for mistake in caught.value.mistakes} == {"Unknown modifier 'x'"}


# --- mistakes -------------------------------------------------------------------------------------

WRONG = """\
title: Wrong
name: wrong
status: done
date: yesterday
logsource: {}
detection:
  reported:
    message|re: '(?P<x>.)(?=y)'
    message|begins: x
  other:
    - message|re: '\\1'
    - [{status|cidr: nowhere}]
  condition: reported and nobody
level: urgent
audit:
  titel: x
  entity: service
  caused_by:
    - {rule: b, within: soon}
"""


def test_every_mistake_is_told_at_once_with_its_line() -> None:
    """Of several files, too: nobody mends one mistake only to meet the next."""
    found = mistakes(WRONG, "title: [", rule_text("fine"))
    assert [line.split(": ")[0] for line in found] == [
        "0.yml:3",
        "0.yml:4",
        "0.yml:5",
        "0.yml:8",
        "0.yml:9",
        "0.yml:11",
        "0.yml:12",
        "0.yml:13",
        "0.yml:14",
        "0.yml:16",
        "0.yml:17",
        "0.yml:19",
        "1.yml:1",
    ]
    assert "(RE2 has neither look-around nor back-references)" in found[3]
    assert "Unknown modifier 'begins'" in found[4]
    assert "Detection 'nobody' not defined" in found[7]
    assert "'urgent' is not a valid Sigma rule level" in found[8]
    assert "unknown key 'titel'" in found[9]
    assert "Timespan 'soon' is invalid" in found[11]


def test_an_expression_that_re2_cannot_run_says_nothing_on_standard_error(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """RE2 would log a line of its own for each."""
    for expression in ("(?=x)", r"(a)\\1", "(", "x{2000}", "\\\\p{Nothing}"):
        (found,) = mistakes(rule_text("a").replace("'a'", f'"{expression}"'))
        assert found.startswith("0.yml:6: ")
    assert (
        mistakes(
            rule_text("a")
            .replace("message|re:", "message|re|i|m|s|contains:")
            .replace("'a'", "'(?<b)'")
        )
        != []
    )
    assert capfd.readouterr().err == ""


def test_an_expression_is_compiled_with_the_flags_it_has() -> None:
    """The same expression, the same flags as when it runs."""
    text = rule_text("a").replace("message|re:", "message|re|i|contains:")
    assert ruleset(text).rules["a"].groups == ()
    with pytest.raises(ValueError, match="missing \\): "):
        compile_expression("(")


def test_rules_of_one_condition_have_their_own_detections() -> None:
    """A condition is parsed once for many rules; each compares what its own detections say."""
    names = ("one", "two")
    files = [rule_text(name).replace("condition: seen", "condition: 1 of se*") for name in names]
    rules = ruleset(*files).rules
    assert [compile_rule(rules[name])(entry("two")) is not None for name in names] == [False, True]
    (tree,) = rules["one"].conditions
    assert rules["one"].conditions[0] is tree


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        ({"logsource": ""}, 1, "Sigma rule must have a log source"),
        ({"logsource": "logsource: gcp"}, 8, "Sigma logsource must be a valid YAML map"),
        ({"level": "level: 5"}, 8, "Sigma rule level must be a string"),
        ({"title": ""}, 1, "Sigma rule must have a title"),
        ({"title": "title: [a]"}, 8, "Sigma rule title must be a string"),
        ({"name": "name: 5"}, 8, "name must be text, not 5"),
        ({"id": "id: 5"}, 9, "id must be text, not 5"),
        ({"id": "id: five"}, 9, "Sigma rule identifier must be an UUID"),
        ({"tags": "tags: [5]"}, 9, "Sigma rule tags must be a list of strings"),
        ({"related": "related: [5]"}, 9, "Sigma related items must be maps"),
        ({"audit": "audit: [x]"}, 9, "audit is a mapping, not ['x']"),
        ({"audit": "audit: {captures: {y: int}}"}, 9, "captures names 'y', but no expression has"),
        ({"audit": "audit: {title: '{{ x'}"}, 9, "the template raised: unexpected end"),
        ({"audit": "audit: {title: '{{ y }}'}"}, 9, "the template uses 'y', which is neither"),
        ({"audit": "audit: {state: {A: '{{ y }}'}}"}, 9, "the template uses 'y', which is neither"),
        (
            {"audit": "audit: {entity: [labels.a], title: '{{ labels.a }}'}"},
            9,
            "the template uses 'labels', which is neither",
        ),
        (
            {"audit": "audit: {context: {}, caused_by: [{rule: a}]}"},
            9,
            "a rule that only gives context is explained by nothing",
        ),
        (
            {"audit": "audit: {context: {}, fallback: true}"},
            9,
            "a rule that only gives context says nothing of what no rule knows",
        ),
        (
            {"level": "level: low", "audit": "audit: {noise: true, context: {}}"},
            9,
            "noise tells nothing of an incident",
        ),
        (
            {"level": "level: low", "audit": "audit: {noise: true, fallback: true}"},
            9,
            "noise is known",
        ),
        (
            {"level": "level: low", "audit": "audit: {noise: true, caused_by: [{rule: a}]}"},
            9,
            "noise is explained by nothing",
        ),
        (
            {"level": "level: low", "audit": "audit: {noise: true, about: resource}"},
            9,
            "noise is about nothing",
        ),
        ({"audit": "audit: {noise: true}"}, 9, "noise is of level informational or low"),
        ({"audit": "audit: {title: '{{ pattern }}'}"}, 9, "the template uses 'pattern'"),
        ({"audit": 'audit: {title: "\\ud800"}'}, 9, "holds half a character"),
        ({"a": '"\\ud800": x'}, 1, "holds half a character"),
        ({"tags": 'tags: [attack.t1059, "\\ud800"]'}, 9, "holds half a character"),
    ],
)
def test_a_mistake_beside_the_detection(change: dict[str, str], line: int, message: str) -> None:
    """What is wrong, where, and in the words of the file."""
    found = mistakes(with_lines(rule_text("a"), **change))
    assert f"0.yml:{line}: {message}" in found[0]


@pytest.mark.parametrize(
    ("detection", "line", "message"),
    [
        ("", 1, "must have a detection"),
        ("detection: [x]", 4, "Sigma detection must be a valid YAML map"),
        ("detection: x", 4, "Sigma detection must be a valid YAML map"),
        ("detection: {condition: a}", 4, "No detections defined"),
        ("detection: {a: {m: x}}", 4, "must contain at least one condition"),
        ("detection: {a: {m: x}, condition: }", 4, "condition must be text or a list of texts"),
        ("detection: {a: {m: x}, condition: [a, 5]}", 4, "condition must be text or a list"),
        ("detection: {a: {m: x}, condition: a | count() > 5}", 4, "pipe syntax"),
        ("detection: {a: {m: x}, condition: a and}", 4, "Expected"),
        ("detection: {a: {m: x}, condition: 1 of b*}", 4, "doesn't match any detection"),
        ("detection: {a: {}, condition: a}", 4, "Detection is empty"),
        (
            "detection: {1: {m: x}, a: {m: x}, condition: a}",
            4,
            "the name 1 is no text; put it in quotes",
        ),
        ("detection: {a: {on: x}, condition: a}", 4, "the field True is no text; put it in quotes"),
        ("detection: {a: {m: []}, condition: a}", 4, "'m' has no value; write null"),
        (
            "detection: {a: {m: {b: c}}, condition: a}",
            4,
            "'m' must be text, a number or the like, not",
        ),
        ("detection: {a: {m|re: null}, condition: a}", 4, "'m|re' must be text or a list of texts"),
        ("detection: {a: {m|re: {b: c}}, condition: a}", 4, "'m|re' must be text or a list"),
        (
            "detection: {a: {m|gt: x}, condition: a}",
            4,
            "the modifiers of 'm|gt' are not for 'x', or not in this order",
        ),
        ("detection: {a: {m|exists: 1}, condition: a}", 4, "of 'm|exists' are not for 1, or"),
        ("detection: {a: {m|contains: null}, condition: a}", 4, "'m|contains' are not for null, "),
        ("detection: {a: {m|re|wide: x}, condition: a}", 4, "of 'm|re|wide' are not for 'x', or"),
        ("detection: {a: {m: {b: c}}, condition: a}", 4, "'m' must be text, a number or the like"),
        ("detection: {a: {m: [[b]]}, condition: a}", 4, "'m' must be text, a number or the like, "),
        ("detection: {a: {m: !!binary YQ==}, condition: a}", 4, "or the like, not b'a'"),
        ("detection: {a: {m|base64: 'a*'}, condition: a}", 4, "with wildcards is not allowed"),
        ("detection: {a: {m|contains|re: a}, condition: a}", 4, "only applicable to unmodified"),
        ("detection: {a: {m: .nan}, condition: a}", 4, "Invalid number"),
        ("detection: {a: 2025-01-01, b: [[]], condition: a}", 4, "'' has no value"),
        (
            "detection: {a: [x, {m: {}}], condition: a}",
            4,
            "'m' must be text, a number or the like, not",
        ),
        ("detection: {a: x, timeframe: 5m, condition: a}", 4, "timeframe is gone from Sigma"),
        (f"detection: {{a: {{m: x}}, condition: {'not ' * 5000}a}}", 4, "nested too deeply"),
    ],
)
def test_a_mistake_in_the_detection(detection: str, line: int, message: str) -> None:
    """Each is one mistake, even where pySigma itself ends in an error of Python's."""
    (found,) = mistakes(f"title: t\nname: n\nlogsource: {{product: gcp}}\n{detection}\n")
    assert found.startswith(f"0.yml:{line}: ")
    assert message in found


def test_a_wrong_item_does_not_make_its_groups_missed() -> None:
    """What the audit block says about them may be right."""
    audit = "{captures: {x: int}, title: '{{ x }}'}"
    (found,) = mistakes(rule_text("a", "(?P<x>.)(?=y)", audit=audit))
    assert found.startswith("0.yml:6: ")


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("temporal", "value_min", 4, "type 'value_min' is not supported; supported: event_count"),
        ("  type: temporal\n", "", 3, "type None is not supported"),
        ("[a, b]", "[a, nobody]", 5, "the correlation names 'nobody', but no rule has this name"),
        ("[a, b]", "[a, both]", 5, "correlations refer to each other: both -> both"),
        ("[a, b]", "[a, seen]", 5, "the correlation names 'seen', which only gives context"),
        ("[a, b]", "[a, loud]", 5, "the correlation names 'loud', which is noise"),
        ("[a, b]", "[a, [b]]", 5, "rules must be text or a list of texts"),
        ("[a, b]", "[]", 3, "the correlation names no rules"),
        ("[resource.type]", "[5]", 6, "group-by must be text or a list of texts"),
        ("5m", "soon", 7, "Timespan 'soon' is invalid"),
        ("  timespan: 5m\n", "", 3, "Sigma correlation rule without timespan"),
        (
            "5m\n",
            "5m\n  window: session\n",
            8,
            "'window' is not known in a correlation; known: type",
        ),
        ("5m\n", "5m\n  aliases: [x]\n", 8, "aliases name, for each alias, the field"),
        ("5m\n", "5m\n  aliases: {x: y}\n", 8, "aliases name, for each alias, the field"),
        ("5m\n", "5m\n  aliases: {x: {a: 5}}\n", 8, "aliases name, for each alias, the"),
        ("5m\n", "5m\n  aliases: {x: {a: y}}\n", 8, "the alias 'x' stands neither in group-by"),
        (
            "[resource.type]\n",
            "[x]\n  aliases: {x: {a: y}}\n",
            7,
            "'x' does not say what it is in b",
        ),
        (
            "[resource.type]\n",
            "[x]\n  aliases: {x: {a: y, b: y, c: y}}\n",
            7,
            "the alias 'x' names 'c', which is no rule of the correlation",
        ),
        ("5m\n", "5m\n  generate: maybe\n", 8, "generate is true or false"),
        ("5m\n", "5m\ngenerate: maybe\n", 8, "generate is true or false"),
        ("5m\n", "5m\n  condition: [a]\n", 8, "a condition is a mapping or an"),
        ("5m\n", "5m\n  condition: 1 of them\n", 8, "Failed to parse extended condition"),
        ("5m\n", "5m\n  condition: a and c\n", 8, "Rules defined but not referenced in extended"),
        (
            "5m\n",
            "5m\n  condition: not (a and b)\n",
            8,
            "the condition holds where nothing is seen",
        ),
        ("5m\n", f"5m\n  condition: {'not ' * 99}a and b\n", 8, "nested too deeply"),
        ("5m\n", "5m\n  condition: {}\n", 8, "a condition has one of gt, gte, lt, lte, eq, neq"),
        ("5m\n", "5m\n  condition: {gte: true}\n", 8, "True is no valid bound"),
        ("5m\n", "5m\n  condition: {gte: 1e999999999}\n", 8, "is no valid bound"),
        ("5m\n", "5m\n  condition: {gte: .inf}\n", 8, "inf is no valid bound"),
        ("5m\n", "5m\n  condition: {atleast: 1}\n", 8, "'atleast' is no part of a condition"),
        ("5m\n", "5m\n  condition: {gte: 3}\n", 8, "nothing keeps to this: a span that is looked"),
        ("5m\n", "5m\n  condition: {gt: 1, lt: 2}\n", 8, "shows at least 1, at most 2"),
        ("5m\n", "5m\n  condition: {gte: 1, field: x}\n", 8, "temporal looks at no field"),
        ("5m\n", "5m\n  condition: {gte: 1, percentile: 5}\n", 8, "temporal has no percentile"),
        ("type: temporal", "type: event_count", 3, "Non-temporal Sigma correlation rule without"),
        (
            "temporal",
            "event_count\n  condition: {lt: 1}",
            5,
            "a span that is looked at shows at least 1",
        ),
        ("temporal", "event_count\n  condition: {eq: 1.5}", 5, "nothing keeps to this"),
        (
            "temporal",
            "event_count\n  condition: a and b",
            5,
            "an expression over rules is not for event_count",
        ),
        (
            "temporal",
            "value_count\n  condition: {gte: 1}",
            5,
            "of value_count names one field, or a",
        ),
        (
            "temporal",
            "value_count\n  condition: {gte: 1, field: []}",
            5,
            "value_count names one field",
        ),
        (
            "temporal",
            "value_sum\n  condition: {gte: 1, field: [x]}",
            5,
            "value_sum names one field",
        ),
        (
            "temporal",
            "value_percentile\n  condition: {lte: 1, field: x}",
            5,
            "says which percentile of",
        ),
        (
            "temporal",
            "value_percentile\n  condition: {lte: 1, field: x, percentile: 101}",
            5,
            "above 0 and at most 100",
        ),
        ("temporal", "temporal_ordered\n  condition: {gte: 1}", 5, "wants all of its rules"),
        ("temporal", "temporal_ordered\n  condition: a or b", 5, "joins rules and `not` rules by"),
        (
            "temporal",
            "temporal_ordered\n  condition: a and not (b or a)",
            5,
            "joins rules and `not`",
        ),
        ("  rules: [a, b]\n", "  condition: a and nobody\n", 3, "names 'nobody', but no rule has"),
        ("5m\n", "5m\naudit: {entity: [service]}\n", 8, "entity names 'service', which is not in"),
        (
            "5m\n",
            "5m\naudit: {context: {}}\n",
            8,
            "a correlation gives no context; it is a symptom",
        ),
        ("5m\n", "5m\naudit: {noise: true}\n", 8, "a correlation is no noise"),
        ("5m\n", "5m\naudit: {captures: {n: int}}\n", 8, "no expression has a group (?P<n>...)"),
        ("5m\n", "5m\naudit: {title: '{{ n }}'}\n", 8, "the template uses 'n', which is neither"),
        (
            "5m\n",
            "5m\naudit: {caused_by: [{rule: z}]}\n",
            8,
            "caused_by names 'z', but no rule has",
        ),
        ("5m\n", "5m\naudit: {titel: x}\n", 8, "unknown key 'titel'"),
        ("5m\n", "5m\n  condition: {gte: many}\n", 8, "'many' is no valid"),
        ("5m\n", f"5m\nid: {ID}\n", 8, "the id"),
        ("name: both", "name: a", 2, "the name 'a' is taken by the rule at rule-0.yml:2"),
        (CORRELATION, "title: x\ncorrelation: [a]\n", 2, "correlation is a mapping"),
    ],
)
def test_a_mistake_in_a_correlation(old: str, new: str, line: int, message: str) -> None:
    """What Sigma knows and we do not is refused, not passed over."""
    found = mistakes(
        rule_text("a") + f"id: {ID.upper()}\n",
        rule_text("b"),
        rule_text("seen", audit="{context: {}}"),
        CORRELATION.replace(old, new),
        rule_text("loud", level="low", audit="{noise: true}"),
    )
    assert found[0].startswith(f"3.yml:{line}: ")
    assert message in found[0]


def test_correlations_do_not_go_round() -> None:
    """Each would have to be known before the other."""
    found = mistakes(
        rule_text("a"),
        CORRELATION.replace("[a, b]", "[a, other]"),
        CORRELATION.replace("[a, b]", "[a, both]").replace("name: both", "name: other"),
    )
    assert found == ["1.yml:5: correlations refer to each other: both -> other -> both"]


def test_a_correlation_is_told_of_as_a_whole() -> None:
    """Each mistake once, those of its condition and of its audit block alike."""
    text = CORRELATION.replace("5m", "soon") + "audit: {titel: x}\nstatus: odd\n"
    text = text.replace("group-by", "condition: {gte: x, field: y}\n  group-by")
    assert [one.split(" ")[0] for one in mistakes(rule_text("a"), rule_text("b"), text)] == [
        "2.yml:6:",
        "2.yml:6:",
        "2.yml:8:",
        "2.yml:9:",
        "2.yml:10:",
    ]


def test_names_and_ids_are_given_once() -> None:
    """The second is the mistake; it says where the first is."""
    text = f"id: {ID}\n"
    assert mistakes(rule_text("a") + text, rule_text("a") + text, rule_text("b") + text) == [
        "1.yml:2: the name 'a' is taken by the rule at rule-0.yml:2",
        f"1.yml:9: the id '{ID}' is taken by the rule at rule-0.yml:9",
        f"2.yml:9: the id '{ID}' is taken by the rule at rule-0.yml:9",
    ]


def test_an_edge_leads_to_a_rule_that_can_be_a_cause() -> None:
    """To one that exists, does more than give context, and is no noise."""
    edges = "{caused_by: [{rule: [nobody, loud]}, {rule: seen}, {rule: a}]}"
    assert mistakes(
        rule_text("a", audit=edges),
        rule_text("seen", audit="{context: {}}"),
        rule_text("loud", level="Informational", audit="{noise: true}"),
    ) == [
        "0.yml:9: caused_by names 'loud', which is noise and has no links",
        "0.yml:9: caused_by names 'nobody', but no rule has this name",
        "0.yml:9: caused_by names 'seen', which only gives context and explains nothing",
    ]


@pytest.mark.parametrize(
    ("effect", "cause", "same", "refused"),
    [
        ("a", "b", "service", True),
        ("a", "b", "region, service", True),
        ("a", "b", "component", True),
        ("to (?P<service>.*)", "b", "component", True),
        ("a", "b", "region", False),
        ("to (?P<service>.*)", "b", "service", False),
        ("a", "to (?P<service>.*)", "service", False),
    ],
)
def test_no_service_depends_on_itself(effect: str, cause: str, same: str, *, refused: bool) -> None:
    """An edge that wants one service on both ends, and two, could never hold."""
    audit = f"{{caused_by: [{{rule: b}}, {{rule: b, same: [{same}], via: depends_on}}]}}"
    texts = rule_text("a", effect, audit=audit), rule_text("b", cause)
    if not refused:
        ruleset(*texts)
        return
    (message,) = mistakes(*texts)
    shared = same.rpartition(" ")[2]
    assert message == (
        f"0.yml:9: an edge via depends_on never holds on the same {shared}: no service depends on "
        "itself; drop one of the two"
    )


def test_what_a_correlation_shows_as_its_service_may_be_another() -> None:
    """An alias says so; nobody knows before it matches."""
    ruleset(
        rule_text("a"),
        temporal_text("c", "a").replace("timespan", "aliases: {service: {a: host}}\n  timespan"),
        rule_text("b", audit="{caused_by: [{rule: c, same: [service], via: depends_on}]}"),
    )


ODD: st.SearchStrategy[object] = st.sampled_from(
    [None, "", [], {}, True, 1.5, "a*", [None], [[1]], {"b": {}}, b"x", {"x"}]
)
MODIFIERS = st.lists(
    st.sampled_from(
        ["contains", "re", "i", "cased", "exists", "cidr", "gt", "wide", "all", "hour"]
    ),
    max_size=3,
)


@given(MODIFIERS, ODD)
def test_no_message_shows_an_object_of_ours(modifiers: list[str], value: object) -> None:
    """Neither its address, which differs each time, nor the name of its class."""
    item = {"|".join(("message", *modifiers)): value}
    rule = {"title": "x", "logsource": {"product": "gcp"}}
    rule["detection"] = {"seen": item, "condition": "seen"}
    said = []
    try:
        load_ruleset([("r.yml", yaml.safe_dump(rule))])
    except RuleError as error:
        said = [mistake.message for mistake in error.mistakes]
    ours = re.compile(r"0x|object|<class|Sigma[A-Z]|Modifier|_\w+'")
    assert [message for message in said if ours.search(message)] == []


BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
)
SMALL_BOMB = rule_text("a") + "\n".join(
    ["x0: &x0 [y, y, y, y, y]"]
    + [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 5)}]" for n in range(1, 6)]
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "expands to more than"),
        ("[" * 1_000_000, "nested too deeply"),
        ("a: {" * 250_000, "nested too deeply"),
        ("- " * 500_000, "nested too deeply"),
        ("just text", "a rule file holds a mapping, one Sigma rule"),
        ("- a\n- b", "a rule file holds a mapping, one Sigma rule"),
        ("5", "a rule file holds a mapping, one Sigma rule"),
        ("title: x\n\tname: y", "not valid YAML: "),
        ("title: x\ntitle: y", "the key 'title' is written twice"),
        ("title: \x00", "not valid YAML: "),
        ("a: &a [*a]", "nested too deeply"),
        (rule_text("a", audit="{title: '{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}'}"), "nested"),
    ],
    ids=range(12),
)
def test_a_hostile_file_is_a_mistake_like_any_other(text: str, message: str) -> None:
    """It is refused quickly and by name; the rest of the files is still read."""
    found = mistakes(text, "title: [")
    assert message in found[0]
    assert found[-1].startswith("1.yml:1: ")


def test_aliases_that_stay_small_are_fine() -> None:
    """Anchors are how people write YAML."""
    assert list(ruleset(SMALL_BOMB).rules) == ["a"]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3),
    max_leaves=8,
)
KEYS = (
    "title", "id", "name", "status", "description", "references", "author", "date", "modified",
    "tags", "related", "fields", "falsepositives", "scope", "license", "taxonomy", "level",
    "logsource", "detection", "audit", "correlation", "filter",
)  # fmt: skip


SECTIONS = {"detection": "seen", "audit": "state", "correlation": "group-by", "filter": "rules"}


@given(st.sampled_from(KEYS), VALUES, st.sampled_from(["", *SECTIONS]))
def test_any_value_under_any_key_is_a_rule_or_a_located_mistake(
    key: str, value: object, section: str
) -> None:
    """Nothing that YAML can hold ends in another error."""
    document: dict[str, object] = {
        "title": "t",
        "logsource": {"product": "gcp"},
        "detection": {"seen": {"message": "x"}, "condition": "seen"},
    }
    if section == "correlation":
        document = {"title": "t", section: {"type": "temporal", "rules": ["t"], "timespan": "5m"}}
    if section == "filter":
        document = {"title": "t", "logsource": {"product": "gcp"}}
        document[section] = {"rules": "any", "seen": {"m": "x"}, "condition": "not seen"}
    holder = document.setdefault(section, {}) if section else document
    assert isinstance(holder, dict)
    holder[SECTIONS.get(section, key)] = value
    try:
        names = {place.rpartition(":")[0] for place in _places(yaml.safe_dump(document))}
    except RuleError as error:
        names = {mistake.file for mistake in error.mistakes}
    assert names <= {"rule-0.yml"}


def _places(text: str) -> list[str]:
    return [rule.place for rule in ruleset(text).rules.values()]
