"""`fivewhys run` with a file of settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from pipeline.stores.sql.store import SqlStore
from tests.support import entry

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.fakes.pubsub import Emulator

COMMAND = [sys.executable, "-c", "from pipeline.cli import main; main()", "run"]
SUBSCRIBED = "name the subscription of the log sink: projects/P/subscriptions/S"


def run(*options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run until it ends by itself."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("FIVEWHYS_")}
    return subprocess.run(
        [*COMMAND, *options],
        env={**clean, **{f"FIVEWHYS_{name}": text for name, text in settings.items()}},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_all_mistakes_are_listed_before_anything_is_touched(tmp_path: Path) -> None:
    """Those of the settings, and those of the files that they name."""
    settings = tmp_path / "settings.yml"
    settings.write_text("recievers: 2\nsinks: [github]\ngithub_storm: 1\n", encoding="utf-8")
    (tmp_path / "catalog.yml").write_text("services: 3\n", encoding="utf-8")
    done = run(
        "--min-priority",
        "P9",
        SETTINGS=str(settings),
        CATALOG=str(tmp_path / "catalog.yml"),
        STORE=f"sqlite:///{tmp_path}/store.db",
        TRIEZ="3",
    )
    lines = [json.loads(line)["message"] for line in done.stderr.splitlines()]
    assert done.returncode == 2
    assert lines[:4] == [
        "FIVEWHYS_TRIEZ: there is no such setting; FIVEWHYS_TRIES is meant?",
        f"{settings}:1: 'recievers' is no setting; receivers is meant?",
        "--min-priority: 'P9' is none of P0, P1, P2, P3, P4",
        f"FIVEWHYS_SUBSCRIPTION: it is not set; {SUBSCRIBED}",
    ]
    assert [line.removeprefix(str(tmp_path)).partition(": ")[0] for line in lines[4:]] == [
        "/catalog.yml:1",
        "FIVEWHYS_GITHUB_REPOSITORY",
        "FIVEWHYS_GITHUB_TOKEN",
        "FIVEWHYS_MARKER_KEY",
        "/settings.yml:3",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["catalog.yml", "settings.yml"]


def test_without_credentials_no_store_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be pulled from is known before anything is touched."""
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    store = tmp_path / "store.db"
    done = run(SUBSCRIPTION="projects/demo/subscriptions/logs", STORE=f"sqlite:///{store}")
    assert done.returncode == 2
    assert "none.json was not found" in done.stderr
    assert not store.exists()


def test_a_run_by_a_file_alone(emulator: Emulator, tmp_path: Path) -> None:
    """All that it needs stands there."""
    topic, subscription = emulator.subscription()
    text = "asyncpg.exceptions.TooManyConnectionsError: sorry, too many clients already"
    emulator.publish(topic, [entry(text, at=0, key="entry").json])
    url = f"sqlite:///{tmp_path}/store.db"
    settings = {
        "subscription": subscription,
        "store": url,
        "until_idle": True,
        "environment": "local",
        "receivers": 2,
    }
    path = tmp_path / "settings.yml"
    path.write_text(json.dumps(settings), encoding="utf-8")
    done = run("--settings", str(path))
    assert done.returncode == 0, done.stderr
    with SqlStore(url) as store:
        (incident,) = store.incidents()
    assert sum(symptom.count for symptom in incident.symptoms) == 1
