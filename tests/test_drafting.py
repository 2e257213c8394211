"""A draft is valid as it stands: it loads, its test is green, and it knows others of its kind."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detection import Sample, sample_of
from pipeline.drafting import LENGTH, draft
from pipeline.rule import load_ruleset
from pipeline.ruletest import run_tests
from pipeline.yamltext import parse
from tests.support import detect, detector, entry

WORDS = (
    "ledger", "page", "was", "closed", "4711", "3.5s", "10.0.0.7", "0xdeadbeef", "'quoted'",
    '"a b"', "`x`", "/srv/data/a.pdf", "a@example.com", "2025-09-10T00:00:00Z", "00:00:01",
    "https://example.com/x?y=1", "4b0f6d1e-6c1c-4c83-9a3f-5d0c2b7f9e21", "[REDACTED]", "<num>",
    "<hidden>", "-<revision>", "12, 13, 14", "backend-00042-kel", "7 MB", "(", ")", "[", "*", "\\",
    "\\Q", "\\E", "%name%", "{{ x }}", "'", '"', "$", "^", "\n", "\t", "\r", "\x00", "\x1b[31m",
    "\x85", "\u2028", "\ufeff", "\ud800", "é", "\U0001f525", "---", "#", ": ", "- ",
)  # fmt: skip
TRACEBACK = (
    'Traceback (most recent call last):\n  File "/app/shop/plan.py", line {}, in check\n'
    "    raise BrokenPlan(text)\nshop.errors.BrokenPlan: plan '{}.pdf' ends before it begins"
)


def sample(text: str, severity: str = "ERROR") -> Sample:
    """Make a sample that shows a text."""
    return Sample(1, "log", "id", severity, text)


def failures(text: str, severity: str = "ERROR", service: str = "shop") -> list[str]:
    """Load the draft for a text and run its tests; return what differs."""
    made = draft(sample(text, severity), service)
    rules = load_ruleset([(f"{made.name}.yml", made.rule)])
    results = run_tests(rules, detector(rules), [(f"{made.name}.test.yml", made.test)])
    assert len(results) == 1
    return [item.difference for item in results if not item.passed]


@given(
    st.lists(st.sampled_from(WORDS) | st.text(max_size=20), max_size=30),
    st.sampled_from(("", " ")),
    st.sampled_from(("ERROR", "WARNING", "DEFAULT", "EMERGENCY")),
    st.text(max_size=5),
)
def test_a_draft_loads_and_matches_its_fixture(
    words: list[str], glue: str, severity: str, service: str
) -> None:
    """Whatever was logged; RE2 accepts the expression, so it is linear-time."""
    assert failures(glue.join(words), severity, service) == []


@given(st.lists(st.sampled_from(WORDS), min_size=200, max_size=300))
def test_a_draft_of_a_long_text_is_short(words: list[str]) -> None:
    """What does not fit is left out."""
    made = draft(sample(" ".join(words)), "shop")
    (document,) = parse(made.rule, "x.yml")
    assert len(str(document.value["detection"])) < 12 * LENGTH
    assert failures(" ".join(words)) == []


def rules_of(text: str) -> Any:
    """Load the draft for a text."""
    made = draft(sample(text), "shop")
    return load_ruleset([(f"{made.name}.yml", made.rule)])


@pytest.mark.parametrize(
    ("text", "other", "strange"),
    [
        (
            "ledger page 4711 of loans was closed 3 days before its last row",
            "ledger page 12 of loans was closed 40 days before its last row",
            "ledger page 12 of loans was opened 40 days before its last row",
        ),
        (
            "bundle 0f3a91bc: seal 00ff12ab90cd34ef is not 0123456789abcdef, left aside",
            "bundle 77aa00ff: seal aa00bb11cc22dd33 is not 99ff88ee77dd66cc, left aside",
            "bundle 77aa00ff: seal aa00bb11cc22dd33 is 99ff88ee77dd66cc, left aside",
        ),
        (
            "bundle 0f3a91bc: seal 00ff12ab90cd34ef, left aside",
            "bundle 20911004: seal 4730012795500166, left aside",
            "bundle twenty: seal 4730012795500166, left aside",
        ),
        (
            "login of [REDACTED] refused by 10.0.0.7",
            "login of somebody refused by 192.168.1.200",
            "logout of somebody refused by 192.168.1.200",
        ),
        (TRACEBACK.format(7, "/a/b"), TRACEBACK.format(99, "/c/d"), "BrokenPlan: quoted"),
    ],
)
def test_a_draft_knows_others_of_its_kind(text: str, other: str, strange: str) -> None:
    """What varies may vary, what was said has to be said."""
    rules = rules_of(text)
    assert len(detect(rules, entry(other))) == 1
    assert detect(rules, entry(strange)) == []


def test_a_draft_of_an_exception_asks_for_its_type_and_words() -> None:
    """The name follows from the type."""
    made = draft(sample(TRACEBACK.format(7, "x")), "shop")
    (document,) = parse(made.rule, "x.yml")
    reported = document.value["detection"]["reported"]
    assert made.name == document.value["name"] == "drafted_broken_plan"
    assert reported["exception.type"] == "BrokenPlan"
    assert "ends\\s+before" in reported["message|re"]


def test_an_exception_that_says_nothing_is_known_by_its_type() -> None:
    """There is nothing else to look for."""
    text = 'Traceback (most recent call last):\n  File "/app/a.py", line 1, in f\nKeyError'
    (document,) = parse(draft(sample(text), "shop").rule, "x.yml")
    assert document.value["detection"]["reported"] == {"exception.type": "KeyError"}
    assert failures(text) == []


def test_todo_stands_only_where_a_person_decides() -> None:
    """What the error means is not known; its title is, unless nothing was said."""
    made = draft(sample("ledger closed"), "shop")
    assert made.rule.count("TODO") == 1
    assert draft(sample(""), "shop").rule.count("TODO") == 2
    assert "TODO" not in made.test


def test_a_draft_stays_the_same() -> None:
    """Its id follows from its text, and the name may be chosen."""
    assert draft(sample("closed"), "shop") == draft(sample("closed"), "shop")
    assert draft(sample("closed"), "shop", "mine").name == "mine"


def test_a_fixture_is_redacted() -> None:
    """A sample is, and the draft knows nothing else."""
    secret = entry("login with password=hunter2hunter2 refused")
    made = sample_of(detector(rules_of("x")).redacted(secret), secret, secret.key)
    written = draft(made, "shop")
    assert "hunter2" not in written.rule + written.test
