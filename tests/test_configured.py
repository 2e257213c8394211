"""The settings of a run, read by the commands beside it: one file, one way to read it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.ports import Poison
from pipeline.stores.sql.store import SqlStore
from tests.fakes.github import TOKEN, FakeGithub, running
from tests.support import BASE
from tests.test_cli import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result

HERE = "example/platform"
FAILED = {**MISSING, "textPayload": "job failed: no room"}
"""What the rules of the settings know, and those that come along do not."""
RULE = """\
title: A failing job
id: 0c8d52a4-7d0e-4f0b-9d0b-5f4f3b1d2a10
name: failing_job
status: stable
logsource: {product: gcp}
detection:
  failed:
    message|contains: job failed
  condition: failed
level: high
"""


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("FIVEWHYS_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def github() -> Iterator[FakeGithub]:
    """Lend a fake GitHub without issues."""
    with running(FakeGithub()) as fake:
        yield fake


@pytest.fixture
def settings(tmp_path: Path, github: FakeGithub, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write all that a run is told into a file, and name it."""
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    (tmp_path / "key").write_text("a key of sixteen bytes or more", encoding="utf-8")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "job.yml").write_text(RULE, encoding="utf-8")
    told = {
        "store": f"sqlite:///{tmp_path}/store.db",
        "rules": [str(tmp_path / "rules")],
        "environment": "local",
        "github_repository": HERE,
        "github_url": github.base,
        "github_token_file": str(tmp_path / "token"),
        "marker_key_file": str(tmp_path / "key"),
    }
    path = tmp_path / "settings.yml"
    path.write_text(json.dumps(told), encoding="utf-8")
    monkeypatch.setenv("FIVEWHYS_SETTINGS", str(path))
    return path


def run(*words: object, stdin: str = "") -> Result:
    """Run a command."""
    return CliRunner().invoke(app, [str(word) for word in words], stdin)


@pytest.mark.usefixtures("settings")
def test_a_report_goes_where_the_settings_say(github: FakeGithub, tmp_path: Path) -> None:
    """From a replay, later, and what waits: no option is needed."""
    out = tmp_path / "out"
    dry = ("replay", "-", "--sink", "github", "--dry-run")
    assert "1 to create" in run(*dry, stdin=json.dumps(FAILED)).stdout
    replayed = run("replay", "-", "--sink", "files", "--out", out, "--store", store(tmp_path),
                   stdin=json.dumps(FAILED))  # fmt: skip
    assert replayed.exit_code == 0, replayed.output
    assert json.loads(run("outbox", "--format", "json").stdout)["waiting"][0]["tracker"] == ""
    assert "1 to create" in run("plan").stdout
    assert "create an issue for inc-" in run("apply").stdout
    assert len(github.state.repositories[HERE].issues) == 1
    assert run("outbox").stderr == "Nothing waits.\n"
    assert "A failing job" in run("incidents", "list").stdout
    assert "incidents" in run("store", "size").stdout
    again = run("replay", "-", "--sink", "github", stdin=json.dumps(FAILED))
    assert "Nothing is left to do in GitHub." in again.stdout, again.output


@pytest.mark.usefixtures("settings")
def test_messages_are_examined_again_by_the_rules_of_the_settings(tmp_path: Path) -> None:
    """Unless others are named."""
    with SqlStore(store(tmp_path)) as opened:
        opened.receive(b"", [Poison("m-1", "no entry", "{", BASE)], BASE)
    assert "m-1" in run("quarantine", "list").stdout
    (tmp_path / "rules" / "job.yml").write_text("title: [", encoding="utf-8")
    told = run("quarantine", "retry", "--all")
    assert told.exit_code == 2
    assert "job.yml" in told.stderr
    assert run("quarantine", "drop", "--all").stdout == "1 message dropped\n"


def test_an_incident_is_explained_by_the_rules_and_the_catalog_of_the_settings(
    settings: Path, tmp_path: Path
) -> None:
    """Unless others are named; with those that come along the incident would not be there."""
    here = ("--store", store(tmp_path))
    replayed = run("replay", "-", *here, "--out", tmp_path / "out", stdin=json.dumps(FAILED))
    assert replayed.exit_code == 0, replayed.output
    explained = run("explain", "inc-", "--format", "json")
    assert (explained.exit_code, json.loads(explained.stdout)["stored"]) == (0, False)
    said = json.loads(settings.read_text(encoding="utf-8"))
    settings.write_text(json.dumps(said | {"catalog": "gone.yml"}), encoding="utf-8")
    told = run("explain", "inc-")
    assert (told.exit_code, "gone.yml" in told.stderr) == (2, True)
    (tmp_path / "catalog.yml").write_text("services: {}\n", encoding="utf-8")
    assert run("explain", "inc-", "--catalog", tmp_path / "catalog.yml").exit_code == 0


def test_rules_are_compared_with_the_catalog_and_placeholders_of_the_settings(
    settings: Path, tmp_path: Path
) -> None:
    """Unless others are named; the rules are those that are compared."""
    export, rules = tmp_path / "export.json", tmp_path / "rules"
    export.write_text(json.dumps(FAILED), encoding="utf-8")
    (rules / "job.yml").write_text(
        RULE.replace("contains: job failed", "contains|expand: '%failures%'"), encoding="utf-8"
    )
    (tmp_path / "failures.yml").write_text("failures: [job failed]\n", encoding="utf-8")
    (tmp_path / "catalog.yml").write_text("services: {}\n", encoding="utf-8")
    said = json.loads(settings.read_text(encoding="utf-8"))
    said |= {"placeholders": str(tmp_path / "failures.yml"), "catalog": "gone.yml"}
    settings.write_text(json.dumps(said), encoding="utf-8")
    words = ("rules", "diff", "shipped", rules, "--on", export)
    told = run(*words)
    assert (told.exit_code, "gone.yml" in told.stderr) == (2, True)
    compared = run(*words, "--catalog", tmp_path / "catalog.yml")
    assert compared.exit_code == 0, compared.output
    assert "rule\tadded\tfailing_job" in compared.stdout


def test_a_mistake_in_them_is_said_by_every_command(settings: Path) -> None:
    """With its line, as `run` says it; an option wins over what the file says."""
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('"local"', '"moon"'), encoding="utf-8")
    for words in (["plan"], ["apply"], ["store", "size"], ["quarantine", "list"]):
        told = run(*words)
        assert told.exit_code == 2, words
        assert "settings.yml:1: environment: 'moon' is none of local, staging" in told.stderr


@pytest.mark.parametrize(
    ("words", "settings_first"),
    [
        ("run", True),
        ("replay", True),
        ("explain", True),
        ("quarantine retry", True),
        ("store prune", True),
        ("rules list", False),
        ("rules show", False),
    ],
)
def test_help_says_where_rules_come_from(words: str, *, settings_first: bool) -> None:
    """Of the settings, where a command reads these; else they are those that come along."""
    told = [word for word in run(*words.split(), "--help").stdout.split() if word != "│"]
    default = "FIVEWHYS_RULES, or those" if settings_first else "those"
    assert f"repeatable. Default: {default} that come with fivewhys." in " ".join(told)


def test_without_settings_a_store_is_asked_for(tmp_path: Path) -> None:
    """By the name of its variable."""
    told = run("incidents", "list")
    assert (told.exit_code, "FIVEWHYS_STORE: it is not set; " in told.stderr) == (2, True)
    told = run("incidents", "list", "--store", store(tmp_path))
    assert "does not exist" in told.stderr


def store(path: Path) -> str:
    """Return the URL of the store of the settings."""
    return f"sqlite:///{path}/store.db"
