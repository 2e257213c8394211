"""The chain of whys: how far entries and facts reach, and that it ends there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.catalog import Catalog
from pipeline.errors import TemplateError
from pipeline.facts import Fact, known_facts
from pipeline.whys import (
    TEXT_LIMIT,
    Considered,
    Evidence,
    Explanation,
    Standing,
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
      - claim: "{{ tables | first }} is nobody's"
        when: [nobodys, seen_migrated]
        ruled_out_by: [{fact: owned, same: [table]}]
        answer: "It was migrated, and {{ nobodys[0].table }} is nobody's."
        cites: [declared, resembles]
      - claim: "{{ tables | first }} is nobody's"
        when: [nobodys]
        ruled_out_by: [{fact: owned, same: [table]}]
        answer: "{{ nobodys[0].table }} is nobody's."
      - claim: "somebody owns {{ tables | first }}"
        when: [{fact: owned, where: {by: auth}}]
        answer: "It is {{ owned[0].by }}'s."
    unknown: "Nothing shows it."
    settle: "Look for {{ tables | first }}."
  - question: "Why is that so?"
    answers:
      - claim: it is another's
        when: [{fact: others, where: {symptom: extra, shared: true}}]
        answer: "It is {{ others[0].owner }}'s."
      - claim: it may be another
        when: [resembles]
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
OTHERS = Fact(
    "others",
    "they are auth's",
    "catalog.yml:3",
    {"symptom": "extra", "owner": "auth", "shared": True},
)
OWNED = Fact("owned", "auth owns it", "catalog.yml:9", {"table": "sessions", "by": "auth"})
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


def test_a_cause_in_the_log_of_no_service_is_told_by_its_title() -> None:
    """The database's own log says that it went down, and no service does."""
    rules = ruleset(
        rule_text("down", audit="{user_visible: true, caused_by: [{rule: stopped}]}"),
        rule_text("stopped"),
    )
    stopped = detection("stopped", service="")
    explanation = explained(seen=(stopped, detection("down", at=1)), templates=NONE, rules=rules)
    assert explanation.whys[0].answer == "Because of “About stopped”."


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


# --- considered -----------------------------------------------------------------------------------


def considered(*facts: Fact, why: int = 0) -> dict[str, tuple[Standing, tuple[str, ...]]]:
    """Return, by claim, why an answer was not taken and the places that show it."""
    return {
        item.claim: (item.standing, tuple(shown.ref for shown in item.evidence))
        for item in explained(*facts).whys[why].considered
    }


def test_answers_that_nothing_shows_are_told_with_what_is_missing() -> None:
    """Of the variants of a claim the one that lacks least; none was taken."""
    assert explained().whys[0].considered == (
        Considered("sessions is nobody's", Standing.NOT_SHOWN, missing=("nobodys",)),
        Considered("somebody owns sessions", Standing.NOT_SHOWN, missing=("owned (by: auth)",)),
    )


def test_a_claim_that_was_taken_is_not_considered_again() -> None:
    """Its other variants mean the same."""
    assert list(considered(NOBODYS)) == ["somebody owns sessions"]
    assert list(considered(NOBODYS, MIGRATED)) == ["somebody owns sessions"]


def test_a_fact_rules_out_what_nothing_speaks_for() -> None:
    """The fact is named; the next answer stands."""
    why = explained(OWNED).whys[0]
    assert (why.answer, why.status) == ("It is auth's.", Status.ESTABLISHED)
    assert why.considered == (
        Considered(
            "sessions is nobody's",
            Standing.RULED_OUT,
            (Evidence("owned", "catalog.yml:9", "auth owns it"),),
            ("nobodys",),
        ),
    )


def test_facts_that_contradict_each_other_leave_the_why_unknown() -> None:
    """Both are shown, whatever else would stand; the chain ends."""
    explanation = explained(NOBODYS, OWNED, OTHERS)
    (why,) = explanation.whys
    assert why.status is Status.UNKNOWN
    assert why.answer == (
        "The facts contradict each other: no service owns it (catalog.yml:1), "
        "but auth owns it (catalog.yml:9)."
    )
    assert [item.ref for item in why.evidence] == ["catalog.yml:1", "catalog.yml:9"]
    assert why.settle == "Look for sessions."
    assert explanation.open_questions == ("Why is sessions missing? Look for sessions.",)
    assert explanation.root_cause.startswith("Unknown. The facts contradict each other")
    assert considered(NOBODYS, OWNED) == {
        "sessions is nobody's": (Standing.CONTRADICTED, ("catalog.yml:1", "catalog.yml:9")),
        "somebody owns sessions": (Standing.HOLDS_TOO, ("catalog.yml:9",)),
    }


def test_a_contradiction_is_shown_by_facts_about_one_thing() -> None:
    """Of many facts for an answer the one that the other side contradicts."""
    tokens = replace(NOBODYS, text="no service owns tokens", data={"table": "tokens"})
    (why,) = explained(tokens, NOBODYS, OWNED).whys
    assert why.answer.startswith("The facts contradict each other: no service owns it (catalog.y")
    assert [item.text for item in why.evidence] == [
        "no service owns tokens",
        "no service owns it",
        "auth owns it",
    ]


def test_without_either_side_a_contradiction_is_none() -> None:
    """What is left of it decides."""
    assert explained(NOBODYS).whys[0].answer == "sessions is nobody's."
    assert explained(OWNED).whys[0].answer == "It is auth's."
    assert explained(OWNED).whys[0].claim == "somebody owns sessions"


@pytest.mark.parametrize(
    "fact",
    [
        replace(OWNED, data={"table": "tokens", "by": "auth"}),  # about another table
        replace(OWNED, suggested=True),
    ],
)
def test_neither_a_suggestion_nor_another_thing_speaks_against_an_answer(fact: Fact) -> None:
    """What is about another table contradicts nothing that is said about this one."""
    why = explained(NOBODYS, fact).whys[0]
    assert (why.answer, why.status) == ("sessions is nobody's.", Status.ESTABLISHED)


def test_a_suggestion_is_shown_beside_what_it_does_not_establish() -> None:
    """So that a reader can judge it."""
    assert considered(NOBODYS, RESEMBLES, why=1) == {
        "it is another's": (Standing.NOT_SHOWN, ()),
        "it may be another": (Standing.NOT_SHOWN, ("catalog.yml:4",)),
    }
    (missing, _) = explained(NOBODYS, RESEMBLES).whys[1].considered
    assert missing.missing == ("others (symptom: extra, shared: true)",)


def test_a_claim_knows_only_what_the_root_carries() -> None:
    """It is told when there are no facts, so it may not need one."""
    text = (
        "name: ownership\nwhys:\n  - {question: Q, unknown: U, settle: S, answers: "
        "[{claim: '{{ nobodys[0].table }}', when: [nobodys], answer: A}]}"
    )
    with pytest.raises(
        TemplateError, match=r"^w\.yml: the template raised: 'nobodys' is undefined"
    ):
        explained(NOBODYS, templates=load_whys([("w.yml", text)]))


def test_a_guard_may_ask_for_something_under_a_key() -> None:
    """What a rule captured, say; what is empty or not there is nothing."""
    text = (
        "name: ownership\nwhys:\n  - {question: Q, unknown: U, settle: S, answers: "
        "[{claim: C, when: [{fact: owned, where: {by: auth}, has: [table]}], answer: A}]}"
    )
    templates = load_whys([("w.yml", text)])
    assert explained(OWNED, templates=templates).whys[0].answer == "A"
    for data in ({"by": "auth"}, {"by": "auth", "table": ""}):
        (why,) = explained(replace(OWNED, data=data), templates=templates).whys
        assert why.status is Status.UNKNOWN
        assert why.considered[0].missing == ("owned (by: auth, with table)",)


FIRST = """\
name: before
whys:
  - question: When?
    when: [seen_migrated]
    answers: [{claim: C, when: [seen_migrated], answer: With the migrations.}]
    unknown: U
    settle: S
next_steps: [{when: [seen_migrated], text: Take it back.}]
"""


def test_a_template_may_ask_what_another_one_asks_first() -> None:
    """Its questions come first, and its steps; those whose guards do not hold are left out."""
    text = TEMPLATE.replace("name: ownership", "name: ownership\nasks_first: before")
    templates = load_whys([("w.yml", text), ("f.yml", FIRST)])
    explanation = explained(MIGRATED, templates=templates)
    assert questions(explanation) == ["When?", "Why is sessions missing?"]
    assert explanation.next_steps == ("Take it back.", "Test it.")
    assert explanation.root_cause == "With the migrations."
    assert questions(explained(templates=templates)) == ["Why is sessions missing?"]


# --- false alarms and steps that are settled ------------------------------------------------------

HARMLESS = load_whys(
    [
        (
            "w.yml",
            """\
name: ownership
asks_first: before
whys: [{question: Q, unknown: U, settle: S}]
next_steps:
  - {when: [nobodys], settled_by: [others, {fact: owned, where: {by: auth}}], text: Look for it.}
false_alarms:
  - when: [others]
    ruled_out_by: [{fact: owned, same: [symptom]}]
    text: "They are {{ others[0].owner }}'s."
""",
        ),
        ("f.yml", FIRST + "false_alarms: [{when: [seen_migrated, nobodys], text: No failure.}]"),
    ]
)


def test_what_facts_show_to_be_harmless_is_a_false_alarm() -> None:
    """With the facts it rests on; those of the template that is asked first go first."""
    found = explained(MIGRATED, NOBODYS, OTHERS, templates=HARMLESS).false_alarms
    assert [(item.text, [shown.ref for shown in item.evidence]) for item in found] == [
        ("No failure.", ["insertId m", "catalog.yml:1"]),
        ("They are auth's.", ["catalog.yml:3"]),
    ]


@pytest.mark.parametrize(
    "facts",
    [
        (),
        (MIGRATED,),
        (replace(OTHERS, suggested=True),),
        (OTHERS, replace(OWNED, data={"symptom": "extra"})),
    ],
)
def test_nothing_is_called_harmless_without_proof(facts: tuple[Fact, ...]) -> None:
    """A suggestion is none; nor is what another fact speaks against."""
    assert explained(*facts, templates=HARMLESS).false_alarms == ()


def test_a_fact_about_something_else_rules_no_false_alarm_out() -> None:
    """As it is with answers."""
    other = replace(OWNED, data={"symptom": "another"})
    assert len(explained(OTHERS, other, templates=HARMLESS).false_alarms) == 1


def test_a_step_that_is_settled_is_not_listed() -> None:
    """Established facts leave nothing of it to do; a suggestion does."""
    assert explained(NOBODYS, templates=HARMLESS).next_steps == ("Look for it.",)
    assert explained(NOBODYS, OWNED, templates=HARMLESS).next_steps == ()
    assert explained(NOBODYS, OTHERS, templates=HARMLESS).next_steps == ()
    likely = replace(OTHERS, suggested=True)
    assert explained(NOBODYS, likely, templates=HARMLESS).next_steps == ("Look for it.",)


# --- several roots --------------------------------------------------------------------------------

SEVERAL = """\
name: several
whys:
  - question: "Why?"
    answers:
      - {claim: the other failed, when: [seen_other], answer: "{{ seen_other[0].title }}"}
    unknown: U
    settle: S
"""


def test_the_root_of_the_incident_chooses_the_template_and_facts_are_of_all_its_symptoms() -> None:
    """Of several that nothing explains the earliest is the root; what the others show counts."""
    rules = ruleset(
        rule_text("cause", audit="{whys: several}"),
        rule_text("other", audit="{whys: ownership}"),
        rule_text("middle", audit="{caused_by: [{rule: cause}, {rule: other}]}"),
        rule_text("end", audit="{user_visible: true, caused_by: [{rule: middle}]}"),
    )
    seen = tuple(detection(name, at=at) for at, name in enumerate(rules.rules))
    (incident,) = correlate(rules, *seen).incidents()
    templates = load_whys([("s.yml", SEVERAL), ("ownership.yml", TEMPLATE)])
    explanation = explain(incident, known_facts(incident, Catalog()), templates)
    assert incident.root.rule == "cause"
    assert [(why.question, why.status) for why in explanation.whys] == [
        ("Why “About end”?", Status.OBSERVED),
        ("Why “About middle”?", Status.OBSERVED),
        ("Why?", Status.ESTABLISHED),
    ]
    assert explanation.root_cause == "About other"


# --- questions and steps --------------------------------------------------------------------------

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
            ANSWERS + "      - claim: C\n        when: [f]\n        answer: '{% if %}'",
            "a.yml:9: the template raised: ",
        ),
        (
            "name: a\nwhys:\n" + WHY + "next_steps:\n  - text: '{{ | }}'",
            "a.yml:5: the template raised: ",
        ),
        (
            ANSWERS + "      - when: [f]\n        answer: A",
            "a.yml:7: the key 'whys.0.answers.0.claim' is missing",
        ),
        (
            ANSWERS + "      - claim: '{{ a'\n        when: [f]\n        answer: A",
            "a.yml:7: the template raised: ",
        ),
        (
            ANSWERS + "      - claim: C\n        when: [7]\n        answer: A",
            "a.yml:8: whys.0.answers.0.when.0: ",
        ),
        # what would let an answer stand is about one thing: nothing is the same as in another
        (
            ANSWERS + "      - claim: C\n        when: [{fact: f, same: [g]}]\n        answer: A",
            "a.yml:8: unknown key 'whys.0.answers.0.when.0.same'",
        ),
        (
            "name: a\nasks_first: b\nwhys:\n" + WHY,
            "a.yml:2: asks_first names 'b', which is not there",
        ),
        (
            "name: a\nasks_first: a\nwhys:\n" + WHY,
            "a.yml:2: asks_first names 'a', which asks another one first itself",
        ),
        # an answer that holds without any fact would have no evidence
        (
            ANSWERS + "      - claim: C\n        when: []\n        answer: A",
            "a.yml:8: whys.0.answers.0.when: ",
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


def test_what_investigators_could_not_settle_is_left_open() -> None:
    """A fact may say what stays open; each question once, and of any other type none."""
    asked = [
        Fact("unread", "part was not read", "logs", {"open_question": text}, suggested=True)
        for text in ("What else?", "What else?", "", 7, "x" * 5_000)
    ]
    found = explained(*asked).open_questions
    assert found[1] == "What else?"
    assert [len(question) for question in found[2:]] == [800]
