"""The chain of whys: how far entries and facts reach, and that it ends there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.errors import TemplateError
from pipeline.facts import Fact
from pipeline.whys import (
    TEXT_LIMIT,
    Evidence,
    Explanation,
    Status,
    WhysTemplates,
    explain,
    load_whys,
)
from tests.support import correlate, detection, rule_text, ruleset, temporal_text

if TYPE_CHECKING:
    from pipeline.detection import Detection
    from pipeline.rule import RuleSet

TEMPLATE = """\
name: ownership
whys:
  - question: "Why is {{ tables | join(', ') }} missing?"
    answers:
      - when: [nobodys, seen_migrated]
        answer: "It was migrated, and {{ nobodys[0].table }} is nobody's."
        cites: [declared, resembles]
      - when: [nobodys]
        answer: "{{ nobodys[0].table }} is nobody's."
    unknown: "Nothing shows it."
    settle: "Look for {{ tables | first }}."
  - question: "Why is that so?"
    answers:
      - when: [{fact: others, where: {symptom: extra}}]
        answer: "It is {{ others[0].owner }}'s."
      - when: [resembles]
        answer: "It may be another."
    unknown: "That is not known."
    settle: "Ask."
next_steps:
  - {when: [resembles], text: "Compare with {{ resembles[0].like }}."}
  - {when: [absent], text: "Never."}
  - {text: "Test it."}
"""
TEMPLATES = load_whys([("ownership.yml", TEMPLATE)])
NONE = WhysTemplates({}, {})

RULES = ruleset(
    rule_text("missing", audit="{whys: ownership}"),
    rule_text("path", audit="{caused_by: [{rule: missing}]}"),
    rule_text("down", audit="{user_visible: true, caused_by: [{rule: path}, {rule: missing}]}"),
    rule_text("noise", audit="{caused_by: [{rule: down}]}"),
)

NOBODYS = Fact("nobodys", "no service owns it", "catalog.yml:1", {"table": "sessions"})
MIGRATED = Fact("seen_migrated", "it was migrated", "insertId m")
DECLARED = Fact("declared", "backend owns users", "catalog.yml:2")
OTHERS = Fact("others", "they are auth's", "catalog.yml:3", {"symptom": "extra", "owner": "auth"})
RESEMBLES = Fact(
    "resembles", "it looks like tokens", "catalog.yml:4", {"like": "tokens"}, suggested=True
)


def explained(
    *facts: Fact,
    rules: RuleSet = RULES,
    seen: tuple[Detection, ...] = (),
    templates: WhysTemplates = TEMPLATES,
) -> Explanation:
    """Explain the one incident of what was seen: by default that a table is missing."""
    found = correlate(rules, *(seen or (detection("missing", tables=["sessions"]),)))
    (incident,) = found.incidents()
    return explain(incident, facts, templates)


def questions(explanation: Explanation) -> list[str]:
    """Return the questions of a chain."""
    return [why.question for why in explanation.whys]


# --- observed -------------------------------------------------------------------------------------


def test_the_chain_begins_at_what_a_user_notices_and_follows_the_longest_way() -> None:
    """A short cut to the root is no explanation of what lies between."""
    seen = tuple(detection(name, at=at) for at, name in enumerate(RULES.rules))
    explanation = explained(seen=seen, templates=NONE)
    assert questions(explanation) == [
        "Why “About down”?",
        "Why “About path”?",
        "Why “About missing”?",
    ]
    first = explanation.whys[0]
    assert (first.answer, first.status) == (
        "Because backend logged “About path”.",
        Status.OBSERVED,
    )
    assert first.evidence == (
        Evidence("entry", "insertId down-2-backend in log", "down was seen"),
        Evidence("entry", "insertId path-1-backend in log", "path was seen"),
        Evidence(
            "link", "rule down", "down is explained by path: logged 1.000 s after it (limit 600 s)"
        ),
    )


def test_without_a_visible_symptom_the_longest_way_is_taken() -> None:
    """No rule need say what a user notices."""
    rules = ruleset(
        rule_text("a"),
        rule_text("b", audit="{caused_by: [{rule: a}]}"),
        rule_text("c", audit="{caused_by: [{rule: b}, {rule: a}]}"),
    )
    seen = (detection("a"), detection("b", at=1), detection("c", at=2))
    explanation = explained(rules=rules, seen=seen)
    assert questions(explanation)[:2] == ["Why “About c”?", "Why “About b”?"]


def test_symptoms_that_only_stand_beside_are_no_step() -> None:
    """A correlation has no direction, so it answers no why; nor does context."""
    rules = ruleset(
        rule_text("a"),
        rule_text("b", audit="{user_visible: true}"),
        rule_text("c", audit="{context: {}}"),
        temporal_text("both", "a", "b"),
    )
    explanation = explained(rules=rules, seen=(detection("a"), detection("b"), detection("c")))
    assert questions(explanation) == ["Why “About a”?"]


def test_edges_that_go_round_in_circles_end() -> None:
    """Rules may blame each other, for many entities at once; each symptom is asked about once."""
    rules = ruleset(
        *(
            rule_text(name, audit="{caused_by: [{rule: a}, {rule: b}]}", level=level)
            for name, level in (("a", "critical"), ("b", "low"))
        )
    )
    seen = tuple(detection(name, n=n) for n in range(12) for name in "ab")
    explanation = explained(rules=rules, seen=seen)
    asked = questions(explanation)
    assert len(asked) <= len(seen)
    assert asked[-1] == "Why “About a”?"


# --- established ----------------------------------------------------------------------------------


def test_facts_answer_and_are_cited() -> None:
    """An answer shows the facts that make it hold, then what it cites; suggestions are marked."""
    why = explained(NOBODYS, MIGRATED, DECLARED, RESEMBLES).whys[0]
    assert why.question == "Why is sessions missing?"
    assert why.answer == "It was migrated, and sessions is nobody's."
    assert why.status is Status.ESTABLISHED
    assert [(item.kind, item.ref) for item in why.evidence] == [
        ("nobodys", "catalog.yml:1"),
        ("seen_migrated", "insertId m"),
        ("declared", "catalog.yml:2"),
        ("suggestion", "catalog.yml:4"),
    ]


def test_the_first_answer_that_holds_is_taken() -> None:
    """The next one stands when the fact that the first needs is not there."""
    assert explained(NOBODYS).whys[0].answer == "sessions is nobody's."


def test_an_unknown_why_ends_the_chain_and_says_what_would_settle_it() -> None:
    """Behind what nobody knows nothing is asked, even if its answer were there."""
    explanation = explained(OTHERS)
    (why,) = explanation.whys
    assert (why.status, why.answer, why.evidence) == (Status.UNKNOWN, "Nothing shows it.", ())
    assert why.settle == "Look for sessions."
    assert explanation.open_questions == ("Why is sessions missing? Look for sessions.",)


def test_without_its_deciding_fact_an_answer_is_unknown() -> None:
    """Every fact that an answer rests on is needed; the rest of the chain falls with it."""
    facts = [NOBODYS, OTHERS]
    whole = explained(*facts)
    assert [why.status for why in whole.whys] == [Status.ESTABLISHED, Status.ESTABLISHED]
    assert whole.open_questions == ()
    for index, left in ((0, 1), (1, 2)):
        rest = [fact for number, fact in enumerate(facts) if number != index]
        whys = explained(*rest).whys
        assert len(whys) == left
        assert whys[-1].status is Status.UNKNOWN


@pytest.mark.parametrize(
    "fact",
    [
        RESEMBLES,  # only suggested
        Fact("others", "they are auth's", "", {"symptom": "missing", "owner": "auth"}),
        Fact("others", "they are auth's", "", {"owner": "auth"}),
    ],
)
def test_neither_a_suggestion_nor_a_fact_about_something_else_establishes(fact: Fact) -> None:
    """A guard asks for a fact of its kind whose data is what it says."""
    assert explained(NOBODYS, fact).whys[1].status is Status.UNKNOWN


def test_a_root_without_a_template_ends_in_unknown() -> None:
    """Nothing lies behind what was seen; no step is invented."""
    explanation = explained(templates=NONE)
    (why,) = explanation.whys
    assert (why.question, why.status) == ("Why “About missing”?", Status.UNKNOWN)
    assert why.settle
    assert explanation.next_steps == ()


def test_the_root_cause_is_the_deepest_answer_that_is_proven() -> None:
    """Without any, it says what is unknown."""
    assert explained(NOBODYS).root_cause == "sessions is nobody's."
    assert explained(NOBODYS, OTHERS).root_cause == "It is auth's."
    assert explained().root_cause == "Unknown. Nothing shows it."


def test_what_entries_show_is_no_root_cause() -> None:
    """The chain of entries leads to the root symptom; why that is so stays unknown."""
    seen = (detection("missing", tables=["sessions"]), detection("path", at=1))
    explanation = explained(seen=seen)
    assert explanation.whys[0].status is Status.OBSERVED
    assert explanation.root_cause == "Unknown. Nothing shows it."


GUARDED = """\
name: ownership
whys:
  - {question: "Whose?", when: [nobodys], unknown: "Nobody's.", settle: "Ask."}
  - {question: "Alike?", when: [resembles], unknown: "Perhaps.", settle: "Compare."}
"""


def test_a_question_is_asked_only_when_its_guards_hold() -> None:
    """A suggestion is enough to ask; when nothing is left to ask, the root is unknown."""
    templates = load_whys([("g.yml", GUARDED)])
    assert questions(explained(NOBODYS, RESEMBLES, templates=templates)) == ["Whose?"]
    assert questions(explained(RESEMBLES, templates=templates)) == ["Alike?"]
    assert questions(explained(templates=templates)) == ["Why “About missing”?"]


def test_what_entries_hold_cannot_make_a_text_endless() -> None:
    """Ten thousand tables in one message leave room for the rest of the report."""
    seen = (detection("missing", tables=[f"table_{n}" for n in range(10_000)]),)
    (why,) = explained(seen=seen).whys
    assert len(why.question) == TEXT_LIMIT
    assert why.question.endswith("…")


def test_next_steps_may_follow_a_suggestion() -> None:
    """To look is no statement; a step whose guard does not hold is left out."""
    assert explained(RESEMBLES).next_steps == ("Compare with tokens.", "Test it.")
    assert explained().next_steps == ("Test it.",)


def test_log_text_is_no_template() -> None:
    """Braces in a capture stay braces, on one line."""
    seen = (detection("missing", tables=["{{ 7 * 7 }}\n"]),)
    assert explained(seen=seen).whys[0].question == "Why is {{ 7 * 7 }} missing?"


def test_a_template_that_raises_is_named() -> None:
    """What it needs and nobody guarded is an error of the template, not an empty answer."""
    text = 'name: ownership\nwhys: [{question: "{{ gone[0] }}", unknown: x, settle: y}]'
    with pytest.raises(TemplateError, match=r"^w\.yml: the template raised: 'gone' is undefined"):
        explained(templates=load_whys([("w.yml", text)]))


# --- loading --------------------------------------------------------------------------------------

WHY = "  - {question: Q, unknown: U, settle: S}\n"
ANSWERS = "name: a\nwhys:\n  - question: Q\n    unknown: U\n    settle: S\n    answers:\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\nwhys:\n" + WHY + "steps: []", "a.yml:4: unknown key 'steps'"),
        ("name: a\nwhys:\n  - question: Q\n    settle: S", "a.yml:3: the key 'whys.0.unknown' is"),
        ("name: a\nwhys: [", "a.yml:2: not valid YAML"),
        ("- a", "a.yml:1: "),
        ("name: a\nwhys: []", "a.yml:2: whys: "),
        (
            "name: a\nwhys:\n  - question: Q\n    unknown: U\n    settle: '{{ a'",
            "a.yml:5: the template raised: unexpected end of template",
        ),
        (
            ANSWERS + "      - when: [f]\n        answer: '{% if %}'",
            "a.yml:8: the template raised: ",
        ),
        (
            "name: a\nwhys:\n" + WHY + "next_steps:\n  - text: '{{ | }}'",
            "a.yml:5: the template raised: ",
        ),
        # an answer that holds without any fact would have no evidence
        (
            ANSWERS + "      - when: []\n        answer: A",
            "a.yml:7: whys.0.answers.0.when: ",
        ),
        (
            "name: a\nwhys:\n" + WHY + "---\nname: a\nwhys:\n" + WHY,
            "a.yml:5: the name 'a' is taken",
        ),
    ],
)
def test_a_wrong_template_is_located(text: str, message: str) -> None:
    """File and line of what is wrong."""
    with pytest.raises(TemplateError) as caught:
        load_whys([("a.yml", text)])
    assert str(caught.value).startswith(message)


def test_every_mistake_is_told_at_once() -> None:
    """Of all files and all documents in them, in order."""
    files = [("b.yml", "name: ["), ("a.yml", "name: a\nwhys: 1\n---\nname: b\nwhys: 2")]
    with pytest.raises(TemplateError) as caught:
        load_whys(files)
    assert [(item.file, item.line) for item in caught.value.mistakes] == [
        ("a.yml", 2),
        ("a.yml", 5),
        ("b.yml", 1),
    ]
