"""Which lines of a comment are commands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.tracker.listening import commands_of


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("/fivewhys silence 7d", ["silence 7d"]),
        ("/FiveWhys\tResolve  ", ["Resolve"]),
        ("Thanks!\n/fivewhys resolve\r\n/fivewhys assign @ana\r\n", ["resolve", "assign @ana"]),
        ("/fivewhys", [""]),
        ("/fivewhys assign @\u200bana", ["assign @ana"]),
        ("<!-- a --> b\n/fivewhys help", ["help"]),
        ("<prefix>\n/fivewhys help", ["help"]),
        ("<pre>x</pre>\n/fivewhys help", ["help"]),
        ("> quoted\n\n/fivewhys help", ["help"]),
        (">\n/fivewhys help", ["help"]),
        ("```\ncode\n```\n/fivewhys help", ["help"]),
        ("<!--\nhidden\n-->\n/fivewhys help", ["help"]),
        ("<!--\n--> <!-- again\n-->\n/fivewhys help", ["help"]),
    ],
)
def test_commands_stand_at_the_start_of_a_line(text: str, commands: list[str]) -> None:
    """One or more, in any case, with anything around them."""
    assert [*commands_of(text)] == commands


@pytest.mark.parametrize(
    "text",
    [
        " /fivewhys resolve",
        "please /fivewhys resolve",
        "/fivewhysresolve",
        "/fivewhy\u017f resolve",
        "`/fivewhys resolve`",
        "> /fivewhys resolve",
        "> quoted\n/fivewhys resolve",
        "> quoted\nstill\n/fivewhys resolve",
        "```\n/fivewhys resolve\n```",
        "~~~~\n~~~\n/fivewhys resolve",
        "```\n> quoted\n/fivewhys resolve",
        "<!--\n/fivewhys resolve\n-->",
        "text <!-- a --> <!--\n\n/fivewhys resolve",
        "<!--\n--> <!--\n/fivewhys resolve",
        "<!--\n```\n/fivewhys resolve",
        "<pre>\n\n/fivewhys resolve\n</pre>",
        "<PRE class='x'>\n/fivewhys resolve",
        "<blockquote>\n/fivewhys resolve\n</blockquote>",
        "<!--\n--><pre>\n/fivewhys resolve",
    ],
)
def test_what_is_not_said_to_us_is_no_command(text: str) -> None:
    """Quotes and what lazily goes on with them, code, hidden text, and what is in a sentence."""
    assert [*commands_of(text)] == []


@given(st.text(alphabet="`~<>!- \n/fivewhyspre", max_size=200))
def test_what_is_in_a_fence_never_is_a_command(text: str) -> None:
    """Whatever stands before it that does not close the fence."""
    fenced = "\n".join(f"x{line}" for line in text.split("\n"))
    assert [*commands_of(f"~~~~~\n{fenced}\n/fivewhys resolve\n~~~~~")] == []


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    """Nothing is raised, and a command that stands alone below a blank line of plain text is."""
    assert len([*commands_of(f"{text}\n/fivewhys help")]) <= text.count("\n") + 2
