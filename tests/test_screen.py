"""The screen never leaves out a rule that matches."""

import json
import random
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.bootstrap.reading import load_rules, rule_files
from pipeline.entry import LogEntry, parse_entry
from pipeline.entry.outline import outlines
from pipeline.literals import literals_of
from pipeline.matching import compile_rule
from pipeline.screen import FOLDING, Screen
from pipeline.yamltext import parse
from tests.support import detect, entry, rule_text, ruleset

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
    without = [rule.name for rule in SHIPPED if literals_of(rule) is None]
    assert without == [rule.name for rule in SHIPPED if rule.audit.fallback]


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


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("name I?LIKE", "STATEMENT:  select 1 where name ILIKE 'abc%'"),
        ("name LIKE", "STATEMENT:  select 1 where name ILIKE 'abc%'"),
        ("client: -", "[error] 12#12: *5 open() failed, client: 192.0.2.1, server: x"),
        (
            "-, upstream: ",
            '[error] 1#1: *5 failed, client: 192.0.2.1, server: x, upstream: "http://a/b"',
        ),
    ],
)
def test_what_stands_in_place_of_a_quotation_is_not_looked_for(wanted: str, text: str) -> None:
    """Of an entry the screen sees all, a rule only what it says itself: they must not differ."""
    rules = ruleset(rule_text("seen", wanted, audit="{entity: [x]}"))
    (rule,) = rules.rules.values()
    matched = compile_rule(rule)(entry(text)) is not None
    assert len(detect(rules, entry(text))) == matched


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


# --- raw lines ------------------------------------------------------------------------------------


def rewritten(value: Any, chance: random.Random) -> str:
    """Write a value as JSON, with any characters escaped and any space between."""
    space = chance.choice(("", " ", "\t"))
    if isinstance(value, dict):
        pairs = [f"{rewritten(k, chance)}{space}:{rewritten(v, chance)}" for k, v in value.items()]
        return f"{{{space}{f',{space}'.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{','.join(rewritten(item, chance) for item in value)}]"
    if isinstance(value, str):
        often = chance.choice((0, 0, 0.05, 1))
        units = (json.dumps(one, ensure_ascii=False)[1:-1] for one in value)
        text = "".join(_escape(one) if chance.random() < often else one for one in units)
        return f'"{text}"'
    return json.dumps(value)


def _escape(one: str) -> str:
    """Escape a character once more than it has to be."""
    if one == "/":
        return "\\/"
    if len(one) > 1:
        return one
    units = one.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02X}" for at in range(0, len(units), 2))


@given(st.sampled_from(ENTRIES), st.integers(0, 2**32), st.booleans())
def test_the_places_of_a_raw_line_tell_which_rules_to_try(
    record: dict[str, Any],
    seed: int,
    alone: bool,  # noqa: FBT001 - drawn
) -> None:
    """However JSON writes an entry that a shipped rule matches, or its line has no outline."""
    chance = random.Random(seed)  # noqa: S311 - only how it is written
    record = {"insertId": "a", "logName": "l", "timestamp": "2025-01-01T00:00:00Z", **record}
    raw = rewritten(record, chance).encode()
    others = b"" if alone else b'{"insertId":"b"}\n'
    data = others + raw + b"\n" + others
    own = others.count(b"\n")
    held = {number for end, number in SCREEN.places(data) if data.count(b"\n", 0, end) == own}
    tried = SCREEN.tried_for(held)
    odd = not outlines(raw, 1, regular=True)[0]
    for one in parse_entry(json.loads(raw)):
        assert odd or tried is None or matching(one) <= set(tried)


def test_every_place_of_a_literal_is_told() -> None:
    """By where it ends; text without one has none."""
    screen = Screen(tuple(ruleset(rule_text("first")).rules.values()))
    assert not screen.is_blind
    found = screen.places(b"well\nFIRST first\nwell")
    assert [end for end, _ in found] == [10, 16]
    assert screen.tried_for({number for _, number in found}) == (0,)
    assert screen.places(b"well\n") == []
    assert screen.tried_for(()) == ()
    ((end, number),) = screen.places(b'{"text_payload": ""}')
    assert (end, screen.tried_for([number])) == (14, None)
    assert screen.places(b'{"textPayload": ""}') == []


def test_a_screen_that_cannot_tell_says_so() -> None:
    """One rule without a literal is enough."""
    rules = ruleset(rule_text("first"), rule_text("second", "[0-9]+"))
    assert Screen(tuple(rules.rules.values())).is_blind
    assert not Screen(()).is_blind


# --- numbers --------------------------------------------------------------------------------------

KEYS = ("status", "Status", "STATUS")
NUMBERS = st.one_of(
    st.integers(0, 700),
    st.floats(0, 1e4),
    st.integers(400, 600).map(float),
    st.integers(400, 600).map(lambda number: [200, number]),
    st.from_regex(r"[ +0\t\n]{0,3}(?:[0-9]{1,4}|5[0-9.e]{1,4})[ \u2003\t]?", fullmatch=True),
)


@given(NUMBERS, st.sets(st.sampled_from(["inside", "spaced"])), st.sampled_from(KEYS))
def test_however_a_number_is_written_a_rule_about_it_is_not_left_out(
    number: object, ways: set[str], key: str
) -> None:
    """As a number or text, in a list, with a request that is itself JSON in a text."""
    request: Any = {key: number}
    if "inside" in ways:
        request = json.dumps(request, indent=1 if "spaced" in ways else None)
    document = {"insertId": "a", "timestamp": "2025-01-01T00:00:00Z", "httpRequest": request}
    raw = json.dumps(document, separators=None if "spaced" in ways else (",", ":"))
    for one in parse_entry(json.loads(raw)):
        found = matching(one)
        assert found <= set(SCREEN.candidates(one.json))
        assert found <= set(SCREEN.candidates(raw.encode()))
        assert bool(found) <= bool(SCREEN.places(raw.encode()))
