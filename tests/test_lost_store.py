"""The store is lost, its issues are not: they are found again, and gone on in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from tests.fakes.github import TOKEN, FakeGithub, running
from tests.test_cli import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.github.state import Issue

HERE = "example/platform"


@pytest.fixture
def github() -> Iterator[FakeGithub]:
    """Lend a fake GitHub without issues."""
    with running(FakeGithub()) as fake:
        yield fake


def report(
    github: FakeGithub, folder: Path, store: str, *entries: dict[str, Any], **changed: str
) -> dict[int, Issue]:
    """Report entries from a store; return all issues."""
    export = folder / "export.jsonl"
    export.write_text("\n".join(map(json.dumps, entries)), encoding="utf-8")
    settings = {
        "FIVEWHYS_GITHUB_REPOSITORY": HERE,
        "FIVEWHYS_GITHUB_TOKEN": TOKEN,
        "FIVEWHYS_GITHUB_URL": github.base,
        "FIVEWHYS_MARKER_KEY": "a key of sixteen bytes or more",
        **changed,
    }
    words = ["replay", str(export), "--store", f"sqlite:///{folder}/{store}", "--sink", "github"]
    result = CliRunner().invoke(app, words, env=settings)
    assert result.exit_code == 0, result.output
    return github.state.repositories[HERE].issues


def seen(minute: int) -> dict[str, Any]:
    """Return the failure as it was logged in some minute."""
    time = f"2025-09-10T00:{minute:02}:54Z"
    return {**MISSING, "insertId": f"of-{minute}", "timestamp": time}


def test_what_is_read_again_finds_its_issues(github: FakeGithub, tmp_path: Path) -> None:
    """The same entries make the same incident, which its marker names: nothing is written twice."""
    (issue,) = report(github, tmp_path, "first.db", seen(10), seen(20)).values()
    body, written = issue.body, len(github.calls("issues/update"))
    (issue,) = report(github, tmp_path, "second.db", seen(10), seen(20)).values()
    assert (issue.body, len(github.calls("issues/update"))) == (body, written)


def test_what_goes_on_is_told_in_the_same_issue(github: FakeGithub, tmp_path: Path) -> None:
    """What began before anything that is read again is another incident, of the same failure."""
    report(github, tmp_path, "first.db", seen(10))
    (issue,) = report(github, tmp_path, "second.db", seen(30)).values()
    assert "2025-09-10T00:30:54Z" in (issue.body or "")
    assert (issue.body or "").count("<!-- fivewhys:") == 2


def test_a_key_that_was_lost_too_is_a_beginning(github: FakeGithub, tmp_path: Path) -> None:
    """Nobody can say any more which issues were ours, and none is touched."""
    (issue,) = report(github, tmp_path, "first.db", seen(10)).values()
    body = issue.body
    other = {"FIVEWHYS_MARKER_KEY": "another key of sixteen bytes or more"}
    first, _second = report(github, tmp_path, "second.db", seen(10), **other).values()
    assert first.body == body
