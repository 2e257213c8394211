"""A failure that silence resolved, and that comes back: one issue, closed and opened again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
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
NOW = datetime.now(UTC)


@pytest.fixture
def github() -> Iterator[FakeGithub]:
    """Lend a fake GitHub without issues."""
    with running(FakeGithub()) as fake:
        yield fake


def report(github: FakeGithub, folder: Path, days: float, **changed: Any) -> dict[int, Issue]:
    """Report an entry of some days ago, when GitHub's clock says so, too; return all issues."""
    time = NOW - timedelta(days=days)
    entry = {**MISSING, "insertId": f"of-{days}", "timestamp": time.isoformat(), **changed}
    export = folder / "export.jsonl"
    export.write_text(json.dumps(entry), encoding="utf-8")
    settings = {
        "FIVEWHYS_GITHUB_REPOSITORY": HERE,
        "FIVEWHYS_GITHUB_TOKEN": TOKEN,
        "FIVEWHYS_GITHUB_URL": github.base,
        "FIVEWHYS_GITHUB_CLOSE": "true",
        "FIVEWHYS_MARKER_KEY": "a key of sixteen bytes or more",
    }
    words = ["replay", str(export), "--store", f"sqlite:///{folder}/store.db", "--sink", "github"]
    github.clock.advance(-days * 24 * 3600)
    result = CliRunner().invoke(app, words, env=settings)
    github.clock.advance(days * 24 * 3600)
    assert result.exit_code == 0, result.output
    return github.state.repositories[HERE].issues


HEALTHY = {"textPayload": "ready", "severity": "INFO"}


def test_its_issue_is_opened_again(github: FakeGithub, tmp_path: Path) -> None:
    """Within the days for which an issue is opened again; and it says what happened."""
    report(github, tmp_path, 4)
    (issue,) = report(github, tmp_path, 2.5, **HEALTHY).values()
    assert (issue.state, issue.state_reason) == ("closed", "completed")
    (issue,) = report(github, tmp_path, 0.1).values()
    assert (issue.state, issue.state_reason) == ("open", "reopened")
    assert "regressed" in (issue.body or "")


def test_after_long_it_is_another_incident_that_names_the_one_before(
    github: FakeGithub, tmp_path: Path
) -> None:
    """Later than an issue is opened again: a second issue, which says which one was the first."""
    report(github, tmp_path, 20)
    report(github, tmp_path, 18, **HEALTHY)
    first, second = report(github, tmp_path, 0.1).values()
    assert (first.state, second.state) == ("closed", "open")
    assert "the same failure before" in (second.body or "")
    assert f"The same failure before: #{first.number}." in (second.body or "")
