"""Who owns a file, as GitHub reads CODEOWNERS."""

from __future__ import annotations

import pytest

from pipeline.investigators.source_code.checkout import Checkout
from pipeline.investigators.source_code.codeowners import owned


def checkout(**files: str) -> Checkout:
    """Return files, by path with two underscores for a slash."""
    read = {path.replace("__", "/"): text.encode for path, text in files.items()}
    return Checkout(read)


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*", "a/b.py", True),
        ("*.py", "a/b.py", True),
        ("*.py", "a/b.pyc", False),
        ("b.py", "a/b.py", True),
        ("/b.py", "a/b.py", False),
        ("/b.py", "b.py", True),
        ("/build/logs/", "build/logs/x/y", True),
        ("/build/logs/", "a/build/logs/x", False),
        ("build/logs", "build/logs/x", True),
        ("build/logs", "a/build/logs/x", False),
        ("apps/", "a/apps/x", True),
        ("apps/", "apps", False),
        ("apps", "a/apps/x", True),
        ("docs/*", "docs/a.md", True),
        ("docs/*", "docs/deep/a.md", False),
        ("**/logs", "deep/logs/x", True),
        ("**/logs", "logs", True),
        ("/a/**/z", "a/z", True),
        ("/a/**/z", "a/b/c/z", True),
        ("/a/**", "a/b/c", True),
        ("/a/?.py", "a/b.py", True),
        ("/a/?.py", "a/bb.py", False),
        ("/A/b.py", "a/b.py", False),
        ("a.b", "axb", False),
        ("!a.py", "a.py", False),
        ("(a|", "a.py", False),
        ("a" * 501, "a" * 501, False),
    ],
)
def test_a_pattern_is_that_of_an_ignore_file(pattern: str, path: str, *, fits: bool) -> None:
    """But for what GitHub says is different."""
    found = owned(checkout(CODEOWNERS=f"{pattern} @a\n"), path)
    assert (found is not None) is fits


def test_the_last_line_that_matches_decides() -> None:
    """Comments and empty lines are none; one without owners takes them away."""
    text = "# all\n* @all\n\n/a/ @a @b # two\n/a/free\n"
    files = checkout(CODEOWNERS=text)
    found = owned(files, "a/x.py")
    assert found is not None
    assert (found.line, found.pattern, found.owners) == (4, "/a/", ("@a", "@b"))
    free = owned(files, "a/free")
    assert free is not None
    assert free.owners == ()


def test_the_first_of_three_places_counts() -> None:
    """Also where another one would say more."""
    files = checkout(docs__CODEOWNERS="* @docs\n", CODEOWNERS="/none @top\n")
    assert owned(files, "a.py") is None
    files = checkout(docs__CODEOWNERS="* @docs\n")
    found = owned(files, "a.py")
    assert found is not None
    assert found.path == "docs/CODEOWNERS"
    assert owned(checkout(a="x"), "a") is None


def test_a_hostile_pattern_takes_no_time() -> None:
    """Expressions are run by RE2."""
    files = checkout(CODEOWNERS=f"{'*a' * 240}b @a\n")
    assert owned(files, "a" * 5_000) is None
