"""`fivewhys run` beginning gently with a repository: a dry run, a few issues a day, then all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from tests.fakes.github import TOKEN, FakeGithub, running
from tests.support import BASE, SECOND, entry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.pubsub import Emulator

COMMAND = [sys.executable, "-c", "from pipeline.cli import main; main()", "run", "--until-idle"]
HERE = "example/platform"
FULL = "asyncpg.exceptions.TooManyConnectionsError: sorry, too many clients already"
MISSING = "Missing critical user tables: ['user_sessions']"
PLANNED = "no issue bears its marker"


def run(settings: dict[str, str], *options: str) -> list[dict[str, str]]:
    """Run until it ends by itself; return what it said."""
    done = subprocess.run(
        [*COMMAND, *options],
        env={**os.environ, **{f"FIVEWHYS_{name}": text for name, text in settings.items()}},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()]


def plans(said: list[dict[str, str]]) -> list[str]:
    """Return the plan that stands in a log."""
    return [
        one["message"].removeprefix("plan: ")
        for one in said
        if one["severity"] == "NOTICE" and one["message"].startswith("plan: ")
    ]


def test_from_a_dry_run_to_all_issues(emulator: Emulator, tmp_path: Path) -> None:
    """What is kept while nothing is written is filed later, as much of it as the budget allows."""
    topic, subscription = emulator.subscription()
    now = time.time() - BASE / SECOND
    with running(FakeGithub()) as github:
        settings = {
            "SUBSCRIPTION": subscription,
            "STORE": f"sqlite:///{tmp_path}/store.db",
            "SINKS": "github",
            "GITHUB_REPOSITORY": HERE,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_URL": github.base,
            "MARKER_KEY": "a key of sixteen bytes or more",
        }
        issues = github.state.repositories[HERE].issues
        entries = [
            entry(MISSING, at=now - 900, key="a", service="backend"),
            entry(FULL, at=now - 5, key="b", service="shop"),
        ]
        emulator.publish(topic, [one.json for one in entries])
        told = plans(run({**settings, "DRY_RUN": "true"}))
        first, second = sorted({*told} - {"nothing to do"})
        assert first.startswith(f"{HERE}: create an issue for inc-")
        assert first.endswith(f": {PLANNED}")
        assert second.endswith(f": {PLANNED}")
        assert '"[P1] ' in first
        assert {one.verb for one in github.seen} == {"GET"}
        assert run({**settings, "GITHUB_NEW_ISSUES": "1"})[-1]["message"].startswith("stopped")
        assert len(issues) == 1
        run(settings)
        assert len(issues) == 2
