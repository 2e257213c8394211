"""Lines of tracebacks are found among many texts as they are one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.exceptions.lines import Role, find_parts, role_of

PARTS = (
    "Traceback (most recent call last):", "x Traceback (most recent call last)",
    "  + Exception Group Traceback (most recent call last):", '  File "/app/a.py", line 1, in f',
    "ValueError: x", "ValueError", "a.b", "a.B:", "A.B`1[c]: x", "KeyError:   ", "Foo [code]: x",
    "The above exception was the direct cause", "During handling of the above exception, another",
    "panic: x", "fatal error: all", "2025 http: panic serving 1", "goroutine 1 [running]:",
    "main.f(0x1)", "created by main.main", "exit status 2", 'Exception in thread "main" a.B: x',
    "at com.example.A.b(A.java:1)", "\tat a.B.c(D)", "Caused by: a.B", "Wrapped by: a.B: x",
    "... 3 more", "Uncaught x", "(node:7) UnhandledPromiseRejectionWarning: x", "}",
    "Unhandled exception. System.Exception: x", "---> a.B: x", "--- End of inner",
)  # fmt: skip
OTHERS = (
    "", " ", "\t \r", "\u00a0", "all is well", "INFO", "a", "x: y", "GET /", "caused by: a",
    "two\nlines", "ValueError: x\nmore", "\n", "\nValueError: x", "panic:", "\0", "\ud800", "a\rb",
)  # fmt: skip
TAILS = ("", "", " ", "\n", " \n\t\n", "\r", "\r\n", "\u00a0", "\x1f", "\u2028", "\x85", ".", "\0")
TEXTS = st.one_of(
    st.builds(str.__add__, st.sampled_from((*PARTS, *OTHERS)), st.sampled_from(TAILS)),
    st.text("aA.:$` \t\r\n\x0b\x0c\x1c\u00a0\u2028é(}-", max_size=8),
    st.text(max_size=8),
)


def has_role(text: str) -> bool:
    """Say whether joining lines would take the text for a part (`joining.is_part`)."""
    line = text.rstrip()
    return bool(line) and "\n" not in line and role_of(line) is not None


@given(st.lists(TEXTS, max_size=12))
def test_every_line_with_a_role_is_found_among_any_others(texts: list[str]) -> None:
    """In order, whatever stands before and after it; a line too many does no harm."""
    found = find_parts(texts)
    assert {at for at, text in enumerate(texts) if has_role(text)} <= set(found)
    assert found == sorted(set(found))


@given(TEXTS)
def test_a_text_alone_is_found_if_it_is_a_line_with_a_role(text: str) -> None:
    """And not otherwise."""
    assert find_parts([text]) == ([0] if has_role(text) else [])


def test_nothing_is_found_in_nothing() -> None:
    """No texts, or only empty ones."""
    assert find_parts([]) == []
    assert find_parts(["", " ", "\n"]) == []


@pytest.mark.parametrize(
    ("line", "role"),
    [
        ("Traceback (most recent call last):", Role.HEADER),
        ("During handling of the above exception, another", Role.LINK),
        ("panic: x", Role.START),
        ("ValueError: x", Role.NAME),
        ("    return 1", Role.REST),
        ("Caused by: a.B: x", Role.MORE),
        ("all is well", None),
    ],
)
def test_a_line_has_the_role_it_has_in_a_traceback(line: str, role: Role | None) -> None:
    """One role, by how it begins."""
    assert role_of(line) is role
