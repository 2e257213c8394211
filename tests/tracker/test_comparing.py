"""What of texts is compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.tracker.comparing import (
    LINES,
    error_lines,
    files,
    identifiers,
    quoted_lines,
    title_words,
    words,
)

TRACEBACK = """\
2025-09-10T00:33:54.123Z ERROR could not check the tables of main
Traceback (most recent call last):
  File "/app/netra_backend/db/check.py", line 12, in check
    raise MissingTable(name)
netra.errors.MissingTable: the table user_sessions is not there

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/usr/lib/python3.11/asyncio/base_events.py", line 650, in run
  File "/app/main.py", line 3, in <module>
netra.errors.NotStarted: the service netra-backend did not start
ERROR
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2025-09-10T00:33:54Z ERROR [main] It failed", "main it failed"),
        ("[P1] backend: user 17 of 3, 4 and 5", "backend user 0 of 0 and 0"),
        ("ERROR 12", ""),
        ("", ""),
    ],
)
def test_words_are_what_stays_the_same(text: str, told: str) -> None:
    """Without what begins a line of a log, and with numbers that vary as one."""
    assert words(text) == told


@pytest.mark.parametrize(
    ("title", "told"),
    [("Login is broken", "login is broken"), ("Login broken", ""), ("[P1] Login broken", "")],
)
def test_a_title_of_few_words_says_nothing(title: str, told: str) -> None:
    """Else many would be the same."""
    assert title_words(title) == told


def test_error_lines_are_those_that_say_what_failed() -> None:
    """Of a traceback neither its frames nor what every one says."""
    assert error_lines(TRACEBACK) == (
        "could not check the tables of main",
        "netra errors missingtable the table user_sessions is not there",
        "netra errors notstarted the service netra backend did not start",
    )
    assert error_lines("Internal Server Error\n  indented words are part of it\n") == ()


def test_an_issue_is_read_by_its_lines() -> None:
    """What it quotes as code first, each line once."""
    body = f"Since today nobody can log in.\n\n```\n{TRACEBACK}```\nSince today nobody can log in."
    lines, quotes = quoted_lines(body)
    assert quotes
    assert lines[0] == "could not check the tables of main"
    assert lines[-1] == "since today nobody can log in"
    assert len(lines) == 7
    assert quoted_lines("Since today nobody can log in") == (
        ("since today nobody can log in",),
        False,
    )


def test_files_are_those_of_source_code() -> None:
    """With the folder that each is in, and not those of libraries, or of addresses."""
    assert files(TRACEBACK) == {"db/check.py", "app/main.py"}
    text = "see https://example.com/a/b.py, ./x/site-packages/y/z.py, a/README.md, c/.py d.py"
    assert files(text) == {"c/.py"}


def test_identifiers_are_whole_words() -> None:
    """Of an incident or a fingerprint."""
    known = "inc-0123456789ab", "v1-0123456789abcdef"
    assert identifiers(f"about {known[0]}, ({known[1]})") == {*known}
    assert identifiers("xinc-0123456789ab inc-0123456789ab-c v1-0123456789abcdefg") == frozenset()
    assert identifiers("nothing") == frozenset()


@given(st.text(alphabet="ab /.`\n~0<>!-", max_size=2000))
def test_any_text_is_read(text: str) -> None:
    """Within the limits."""
    lines, _ = quoted_lines(text)
    assert len(lines) <= LINES
    assert all(len(line) <= 300 for line in lines)
    assert len(error_lines(text)) <= 3
