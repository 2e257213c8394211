"""What a command loads: only what it needs, so that it answers at once."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[1]
ENTRY = """
{"insertId": "a1", "logName": "projects/demo/logs/stderr", "timestamp": "2025-09-10T00:33:54Z",
 "severity": "ERROR", "textPayload": "Missing critical user tables: ['user_sessions']"}
"""

LOADED = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from pipeline.cli import main
main()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Work in a folder that holds one entry, of one incident."""
    (tmp_path / "export.json").write_text(ENTRY, encoding="utf-8")
    return tmp_path


def modules_of(
    folder: Path, *words: str, status: int = 0, more: Mapping[str, str] = MappingProxyType({})
) -> set[str]:
    """Run a command in a process of its own and return the modules that it loaded."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    command = [sys.executable, "-c", LOADED, *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    assert done.returncode == status
    return set(done.stderr.decode().split())


def loaded_by(folder: Path, *words: str) -> set[str]:
    """Run a command in a process of its own and return the packages that it loaded."""
    return {name.partition(".")[0] for name in modules_of(folder, *words)}


@pytest.mark.parametrize("words", [("version",), ("--help",)])
def test_what_reads_nothing_loads_nothing(words: tuple[str, ...], folder: Path) -> None:
    """Neither rules nor models nor a database are needed to answer."""
    heavy = {"alembic", "hyperscan", "jinja2", "pydantic", "re2", "sigma", "sqlalchemy", "yaml"}
    assert not loaded_by(folder, *words) & heavy


def test_a_replay_that_keeps_nothing_loads_no_database(folder: Path) -> None:
    """Nor what draws on a terminal, nor what only large exports need."""
    loaded = loaded_by(folder, "replay", "export.json")
    assert "sigma" in loaded
    assert len(list((folder / "fivewhys-out").iterdir())) == 1
    assert not loaded & {"alembic", "multiprocessing", "numpy", "rapidfuzz", "rich", "sqlalchemy"}


def test_a_replay_loads_no_module_of_another_command(folder: Path) -> None:
    """Nor what examines large files: no process is begun, and no block of lines taken apart."""
    others = {"bootstrap.deciding", "bootstrap.mining", "bootstrap.processes", "bootstrap.rules"}
    others |= {"mining", "ruleschema", "ruletest", "sources.files.blocks", "stores.sql"}
    loaded = modules_of(folder, "replay", "export.json")
    assert "pipeline.bootstrap.replaying" in loaded
    assert not loaded & {f"pipeline.{name}" for name in others}
    assert "concurrent.futures" not in loaded


def test_a_replay_that_keeps_something_loads_one(folder: Path) -> None:
    """The test above would see it."""
    assert "sqlalchemy" in loaded_by(folder, "replay", "export.json", "--store", "sqlite:///s.db")


def test_migrations_are_loaded_only_where_one_is_made(folder: Path) -> None:
    """The first run makes the tables; the next finds them, and neither needs Alembic for that."""
    replay = ("replay", "export.json", "--store", "sqlite:///s.db")
    assert not {"alembic", "mako"} & loaded_by(folder, *replay)
    assert not {"alembic", "mako"} & loaded_by(folder, *replay)
    with closing(sqlite3.connect(folder / "old.db")) as connection, connection:
        connection.execute("CREATE TABLE fivewhys_schema (version_num TEXT)")
    replay = ("replay", "export.json", "--store", "sqlite:///old.db")
    assert {"alembic", "mako"} <= loaded_by(folder, *replay)
    assert not {"alembic", "mako"} & loaded_by(folder, *replay)


def test_a_run_loads_what_pulls_and_little_else(folder: Path) -> None:
    """Nothing of Google's that only publishers and streams need, and nothing of the tracker's."""
    words = ["run", "--subscription", "projects/demo-project/subscriptions/some"]
    words += ["--store", "sqlite:///s.db", "--max-runtime", "1s"]
    nobody = {"PUBSUB_EMULATOR_HOST": "127.0.0.1:1"}
    loaded = modules_of(folder, *words, more=nobody)
    assert {"google.pubsub_v1", "pipeline.live", "pipeline.stores.sql.store"} <= loaded
    assert not loaded & {"alembic", "google.cloud.pubsub_v1", "github"}
    assert not loaded & {"pipeline.tracker.delivering", "pipeline.tracker.model"}


def test_a_mistake_is_found_before_a_run_is_loaded(folder: Path) -> None:
    """Settings, rules and the store's address are checked; nothing that works on entries is there.

    Nor is a store made.
    """
    words = ("run", "--subscription", "none", "--store", "sqlite:///s.db")
    loaded = modules_of(folder, *words, status=2)
    assert {"pydantic_settings", "pipeline.rule", "pipeline.stores.sql.database"} <= loaded
    assert not loaded & {"alembic", "google.api_core", "grpc", "rapidfuzz"}
    works = {"correlation", "live", "receiving", "report", "sources.pubsub", "stores.sql.store"}
    assert not loaded & {f"pipeline.{name}" for name in works}
    assert not (folder / "s.db").exists()


TOLD_TO_STOP = """
import os, signal, sys

class Stopping:
    def find_spec(self, name, path=None, target=None):
        if name == "pipeline.bootstrap.checking":
            os.kill(os.getpid(), signal.SIGTERM)

sys.meta_path.insert(0, Stopping())
from pipeline.cli import main
main()
"""
"""Is told to stop while the first of what a run needs is loaded."""


def test_told_to_stop_before_it_is_loaded_a_run_ends_well(folder: Path) -> None:
    """Nothing is in hand, and whoever started it sees no failure."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", TOLD_TO_STOP, "run", "--store", "sqlite:///s.db"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert not (folder / "s.db").exists()


def test_outputs_that_are_closed_lead_nowhere(folder: Path) -> None:
    """Nothing else gets their numbers: what is printed would get into a database."""
    shown = """
import os, sys
from pipeline.cli import main
sys.argv = ["fivewhys", "version"]
try:
    main()
finally:
    found = {number: os.readlink(f"/proc/self/fd/{number}") for number in range(3)}
    open("found", "w").write(str(found))
"""
    script = folder / "script.py"
    script.write_text(shown, encoding="utf-8")
    closed = f"'{sys.executable}' {script} <&- >&- 2>&-"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["/bin/sh", "-c", closed], cwd=folder, env=environment, check=False)
    assert (folder / "found").read_text() == str(dict.fromkeys(range(3), "/dev/null"))
    assert done.returncode == 0
