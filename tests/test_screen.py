"""The screen never leaves out a rule that matches."""

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.bootstrap.reading import load_rules, rule_files
from pipeline.entry import LogEntry, parse_entry
from pipeline.literals import literals_of
from pipeline.matching import compile_rule
from pipeline.screen import FOLDING, Screen
from pipeline.yamltext import parse
from tests.support import entry, rule_text, ruleset

SHIPPED = tuple(load_rules().rules.values())
MATCHES = [compile_rule(rule) for rule in SHIPPED]
SCREEN = Screen(SHIPPED)


def shipped_entries() -> list[dict[str, Any]]:
    """Return the entries of all tests beside the shipped rules."""
    found = []
    for name, text in rule_files([], tests=True):
        tests = parse(text, name)[0].value
        cases = [*tests.get("matches", []), *tests.get("ignores", [])]
        cases += [step for timeline in tests.get("timelines", []) for step in timeline["steps"]]
        found += [case["entry"] for case in cases]
    return found


ENTRIES = shipped_entries()


def escaped(text: str, positions: set[int]) -> str:
    """Write text as JSON, escaping the characters at some positions by their number."""
    return "".join(
        f"\\u{ord(character):04x}"
        if index % 7 in positions and ord(character) < sys.maxunicode >> 4
        else json.dumps(character, ensure_ascii=False)[1:-1]
        for index, character in enumerate(text)
    )


def matching(one: LogEntry) -> set[int]:
    """Return the indexes of the shipped rules that match, each tried."""
    return {index for index, match in enumerate(MATCHES) if match(one) is not None}


def test_every_shipped_rule_but_those_about_fields_has_literals() -> None:
    """The screen tells something about the rules that come along."""
    assert [rule.name for rule in SHIPPED if literals_of(rule) is None] == []


def test_no_shipped_rule_is_left_out_where_it_matches() -> None:
    """On every entry of the rules' own tests the screen lets pass whatever matches."""
    for record in ENTRIES:
        for one in parse_entry({"timestamp": "2025-01-01T00:00:00Z", **record}):
            assert matching(one) <= set(SCREEN.candidates(one.json))


@given(st.sampled_from(ENTRIES), st.sets(st.integers(0, 6)), st.text(max_size=5))
def test_escapes_and_insertions_do_not_deceive_it(
    record: dict[str, Any], positions: set[int], inserted: str
) -> None:
    """However JSON escapes a text, and whatever stands in it, nothing that matches is lost."""
    text = str(record.get("textPayload") or "Missing critical user tables: ['a']")
    middle = len(text) // 2
    text = text[:middle] + inserted + text[middle:]
    raw = f'{{"textPayload": "{escaped(text, positions)}", "severity": "ERROR"}}'
    try:
        document = json.loads(raw)
    except json.JSONDecodeError:
        return
    for one in parse_entry({"timestamp": "2025-01-01T00:00:00Z", **document}):
        found = matching(one)
        assert found <= set(SCREEN.candidates(one.json))
        assert found <= set(SCREEN.candidates(raw.encode("utf-8", "surrogatepass")))


def test_what_no_rule_needs_is_not_tried() -> None:
    """An entry without any literal is tried with the rules that have none, and no other."""
    rules = ruleset(rule_text("first"), rule_text("second", "[0-9]+"), rule_text("third"))
    screen = Screen(tuple(rules.rules.values()))
    assert screen.candidates(b"all is well") == (1,)
    assert screen.candidates(b"a THIRD one") == (1, 2)
    assert screen.candidates(b"\\u0074hird") == (0, 1, 2)


@pytest.mark.parametrize(
    "text", ["\x1b[31mfi\x1b[0mrst", "ﬁrst", "fir\N{LATIN SMALL LETTER LONG S}t"]
)
def test_texts_that_hide_a_literal_are_tried_with_every_rule(text: str) -> None:
    """ANSI escapes leave the message, and folding makes ASCII of other letters."""
    rules = ruleset(rule_text("first", "(?i)first"))
    assert Screen(tuple(rules.rules.values())).candidates(entry(text).json) == (0,)


def test_a_screen_without_rules_lets_nothing_pass() -> None:
    """No rules, no candidates."""
    assert Screen(()).candidates(b"\\u0041") == ()


def test_all_characters_that_fold_into_ascii_are_known() -> None:
    """Checked against every character there is."""
    folding = {
        chr(code)
        for code in range(128, sys.maxunicode + 1)
        if any(part.isascii() for part in chr(code).casefold() + chr(code).lower())
    }
    assert set(FOLDING) == folding
