"""Quotations: what an entry only repeats is no word of its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry.quoting import QUOTING, STEMS, own_words
from pipeline.entry.severity import Severity
from tests.support import detect, entry, rule_text, ruleset

NGINX = "2026/11/20 09:00:00 [error] 29#29: *7 "
ASKED = ', client: 10.0.0.4, server: _, request: "GET /deadlock HTTP/1.1", host: "x\', y"'


@pytest.mark.parametrize(
    ("text", "own"),
    [
        (
            f'{NGINX}open() "/html/deadlock" failed (2: No such file or directory){ASKED}',
            f'{NGINX}open() "" failed (2: No such file or directory), client: -',
        ),
        (
            f'{NGINX}open() "/html/a "quoted" deadlock" failed (2: No such file){ASKED}',
            f'{NGINX}open() "" failed (2: No such file), client: -',
        ),
        (
            f'{NGINX}open() "/html/, client: deadlock" failed (2: No such file){ASKED}',
            f'{NGINX}open() "", client: -',
        ),
        (
            (
                f"{NGINX}connect() failed (111: Connection refused) while connecting to upstream"
                f'{ASKED}, upstream: "http://10.0.0.3:8000/deadlock", referrer: "deadlock"'
            ),
            (
                f"{NGINX}connect() failed (111: Connection refused) while connecting to upstream"
                ', client: -, upstream: "http://10.0.0.3:8000/"'
            ),
        ),
    ],
)
def test_a_line_of_nginx_keeps_its_own_words_and_the_upstream(text: str, own: str) -> None:
    """The visitor chose the rest: the request, the names of files, where they came from."""
    assert own_words(text, Severity.ERROR) == own


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("prompt of session 7 was refused: 'why deadlock?'", "prompt of session 7 was refused: "),
        ("prompt contained: deadlock", "prompt contained"),
        ("prompt 'deadlock' was refused", "prompt '' was refused"),
        ("user 7 wrote \"a 'deadlock'\", which is long", 'user 7 wrote "", which is long'),
        ('user 7 sent no valid city: "deadlock"', "user 7 sent no valid city: "),
        ("body was no JSON: 'deadlock'", "body was no JSON: "),
        ("body was not valid JSON 'deadlock' at all", "body was not valid JSON '' at all"),
        ("slow query (2.4 s): SELECT 'deadlock'", "slow query (2.4 s): "),
        ("'deadlock' is not a valid city", "'' is not a valid city"),
    ],
)
def test_a_warning_keeps_what_it_says_of_a_quotation(text: str, own: str) -> None:
    """What users wrote and slow statements say nothing of the service."""
    assert own_words(text, Severity.WARNING) == own


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("prompt failed: openai.RateLimitError: 429", Severity.WARNING),
        ('FATAL: password authentication failed for user "press"', Severity.WARNING),
        ('connection to server at "10.0.0.3", port 5432 failed: refused', Severity.WARNING),
        ("prompt: deadlock", Severity.ERROR),
        ("prompt: " + "deadlock" * 5_000, Severity.WARNING),
    ],
)
def test_what_quotes_nothing_keeps_all(text: str, severity: Severity) -> None:
    """A failure, which may stand in quotes, too; an error; a text that is too long to look at."""
    assert own_words(text, severity) == text


def test_a_plain_line_is_read_like_a_warning() -> None:
    """What has no level may be a warning."""
    assert own_words("search term 'deadlock' not found", Severity.DEFAULT) == (
        "search term '' not found"
    )


def test_patterns_of_a_statement_are_data() -> None:
    """Whatever the level of the line."""
    assert own_words("WHERE a LIKE '%deadlock%' AND b", Severity.ERROR) == "WHERE a LIKE '' AND b"
    assert own_words("WHERE a ILIKE '%deadlock%'", Severity.ERROR) == "WHERE a ILIKE ''"


def test_rules_of_others_see_quotations_and_ours_do_not() -> None:
    """Unless they ask for them: what attackers ask of a server stands only there."""
    rules = ruleset(
        rule_text("theirs", "deadlock"),
        rule_text("ours", "deadlock", audit="{entity: [service]}"),
        rule_text("asking", "deadlock", audit="{entity: [service], quotes: true}"),
    )
    quoting = entry(f"{NGINX}access forbidden by rule{ASKED}")
    assert [found.rule for found in detect(rules, quoting)] == ["theirs", "asking"]
    telling = entry("deadlock")
    assert [found.rule for found in detect(rules, telling)] == ["theirs", "ours", "asking"]


@given(st.from_regex(QUOTING))
def test_what_quotes_has_a_stem(text: str) -> None:
    """Or a character beyond ASCII that folds into one of its letters."""
    assert not text.isascii() or any(stem in text.lower() for stem in STEMS)
