"""What a `.dockerignore` keeps out, as the builder decides it and not only as it is documented."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.investigators.source_code.packaging.dockerignore import (
    LONGEST,
    MOST,
    BadPatternError,
    read,
    verdict,
)


def decided(text: str, path: str) -> bool:
    """Return whether a file is kept out."""
    return verdict(read(text), path).excluded


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("logs", "logs/a.py", True),
        ("logs", "app/logs/a.py", False),
        ("/logs", "logs/a.py", True),
        ("logs/", "logs/a.py", True),
        ("./logs/../logs", "logs/a.py", True),
        ("//logs", "logs/a.py", True),
        ("**/logs", "logs/a.py", True),
        ("**/logs", "app/deep/logs/a.py", True),
        ("**/logs/", "app/logs/__init__.py", True),
        ("**/logs", "app/catalogs/a.py", False),
        ("**logs", "app/catalogs/a.py", True),
        ("**", "a.py", True),
        ("**/", "a/b.py", True),
        ("*", "a.py", True),
        ("*", "a/b.py", True),
        ("*.py", "a.py", True),
        ("*.py", "a/b.py", False),
        ("*/*.py", "a/b.py", True),
        ("**/*.py", "a.py", True),
        ("**/*.py", "a/b/c.py", True),
        ("app/**", "app/b/c.py", True),
        ("app/**", "apple/c.py", False),
        ("app/**/c.py", "app/c.py", True),
        ("app/**/c.py", "app/b/d/c.py", True),
        ("app/**/c.py", "app/xc.py", False),
        ("a**b", "axb", False),
        ("**/app/**", "x/app/c.py", True),
        ("ap?/c.py", "app/c.py", True),
        ("ap?", "ap/c.py", False),
        ("[ab].py", "a.py", True),
        ("[^ab].py", "a.py", False),
        ("a.py", "axpy", False),
        ("*.p+", "x.p+", True),
        (r"\*.py", "a.py", False),
        (r"\*.py", "*.py", True),
        ("# logs", "# logs", False),
        (" # logs", "# logs", True),
        ("\ufefflogs", "logs/a.py", True),
        ("\n\nlogs\r\n", "logs/a.py", True),
        ("..", "a.py", False),
        (".", "a.py", False),
        ("logs\n!logs/keep.py", "logs/keep.py", False),
        ("logs\n!logs/keep.py", "logs/other.py", True),
        ("logs\n! /logs/keep.py", "logs/keep.py", False),
        ("!logs/keep.py\nlogs", "logs/keep.py", True),
        ("*\n!app", "app/a.py", False),
        ("*\n!app\napp/logs", "app/logs/a.py", True),
        ("**/logs\n!**/keep.py", "app/logs/keep.py", False),
        ("**/logs\n!app/*", "app/logs/a.py", False),
        ("**/logs\n!other", "app/logs/a.py", True),
        ("", "a.py", False),
    ],
)
def test_what_is_kept_out(text: str, path: str, *, expected: bool) -> None:
    """Patterns are compared with a path from the top of the context."""
    found = verdict(read(text), path)
    assert found.excluded is expected
    assert found.doubt is None
    assert (found.line is not None and not found.line.keeps) is expected


def test_the_line_that_decides_is_told() -> None:
    """With its number, as it is written."""
    found = verdict(read("# what is made\n\nbuild\n**/logs/\n"), "app/logs/__init__.py")
    assert found.line is not None
    assert (found.line.number, found.line.written) == (4, "**/logs/")


def test_an_exception_for_a_folder_does_not_bring_back_what_a_line_before_it_keeps_out() -> None:
    """The folder is not kept out, so that the exception is not tried on it, and never below."""
    found = verdict(read("app/logs\n!app\n"), "app/logs/a.py")
    assert found.excluded
    assert found.line is not None
    assert found.doubt is not None
    assert (found.line.number, found.doubt.number) == (1, 2)


@pytest.mark.parametrize(
    "text",
    ["[", "a[", "!", "! ", "a\\", "x" * (LONGEST + 1), "[z-a]", "[-x]", "[x-]", "[]a]", "[a-b-c]"],
)
def test_what_is_no_pattern_decides_nothing(text: str) -> None:
    """No builder takes it."""
    with pytest.raises(BadPatternError):
        verdict(read(text), "a.py")


def test_too_many_lines_decide_nothing() -> None:
    """Something went wrong with such a file."""
    with pytest.raises(BadPatternError):
        read("a\n" * (MOST + 1))


NAMES = st.text("ab.", min_size=1, max_size=3).filter(lambda name: name.strip("."))
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
LINES = st.lists(st.text("ab*/!?.[]\\ #", max_size=8), max_size=6).map("\n".join)


@given(PATHS)
def test_a_path_keeps_itself_out_and_its_exception_brings_it_back(path: str) -> None:
    """Whatever it is."""
    assert decided(path, path)
    assert not decided(f"{path}\n!{path}", path)
    assert decided(f"**/{path}", f"x/{path}")


@given(LINES, PATHS)
def test_any_text_is_decided_or_refused(text: str, path: str) -> None:
    """Nothing else is raised; without exceptions both ways of deciding agree."""
    try:
        found = verdict(read(text), path)
    except BadPatternError:
        return
    if "!" not in text:
        assert found.doubt is None
    if found.excluded:
        assert found.line is not None
        assert not found.line.keeps
