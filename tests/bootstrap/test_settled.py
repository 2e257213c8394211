"""What a replay is told where no option says it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.bootstrap.replaying import ReplayOptions
from pipeline.bootstrap.settled import settled

if TYPE_CHECKING:
    from pathlib import Path

SAID = """
catalog: catalog.yml
investigators: [look, look further]
logging_project: folders/1
min_priority: p2
placeholders: placeholders.yml
probe: true
repo: code
rules: [one, two]
store: sqlite:///kept.db
suppressions: suppressions.yml
"""
NOTHING = ReplayOptions(["-"], store="", min_priority="")


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Write a file of settings, which the environment names."""
    path = tmp_path / "settings.yml"
    path.write_text(SAID, encoding="utf-8")
    monkeypatch.setenv("FIVEWHYS_SETTINGS", str(path))
    return path


def test_without_settings_the_defaults_hold() -> None:
    """No setting is read: what a replay did before there were any it still does."""
    assert settled(NOTHING) == ReplayOptions(["-"])


def test_every_setting_that_is_an_option_holds(file: Path) -> None:
    """Where none was given; of the environment's files who reads them knows by what name."""
    assert file.exists()
    found = settled(NOTHING)
    assert found.read is not None
    assert found.read.mistakes == ()
    assert replace(found, read=None) == ReplayOptions(
        ["-"],
        catalog="catalog.yml",
        investigators=("look", "look further"),
        min_priority="P2",
        placeholders="placeholders.yml",
        probe=True,
        project="folders/1",
        repo="code",
        rules=("one", "two"),
        suppressions="suppressions.yml",
    )


def test_what_goes_to_github_is_kept_in_the_store_of_the_settings(file: Path) -> None:
    """A replay that only looks makes no store; nor is a dry run its concern."""
    file.write_text(f"{SAID}dry_run: true\n", encoding="utf-8")
    assert (settled(NOTHING).store, settled(NOTHING).rehearses) == ("sqlite://", False)
    found = settled(replace(NOTHING, sinks=("files", "github")))
    assert (found.store, found.rehearses) == ("sqlite:///kept.db", True)


def test_an_option_wins(file: Path) -> None:
    """Even over a setting that is wrong."""
    told = ReplayOptions(
        ["-"],
        catalog="c.yml",
        investigators=("ask",),
        min_priority="P1",
        placeholders="p.yml",
        probe=True,
        project="mine",
        repo="here",
        rules=("own",),
        store="sqlite:///s.db",
        suppressions="s.yml",
    )
    assert replace(settled(told), read=None) == told
    wrong = SAID.replace("p2", "soon").replace("true", "perhaps").replace("kept.db", "")
    file.write_text(wrong.replace("sqlite:///", "sqlite://"), encoding="utf-8")
    found = settled(told)
    assert found.read is not None
    assert found.read.mistakes == ()
    assert replace(found, read=None) == told
    found = settled(NOTHING)
    assert found.read is not None
    assert len(found.read.mistakes) == 3
