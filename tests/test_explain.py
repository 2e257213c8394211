"""`fivewhys explain`: the chain of a stored incident, with the code and catalog there are now."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from tests.investigators.sessions import platform
from tests.support import FAILING_JOB

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typer.testing import Result

ROOT = Path(__file__).parents[1]
EXPORT = ROOT / "examples/staging-2025-09-10.jsonl"
STORE = ("--store", "sqlite:///state.db")
OWNERS = """\
services:
  backend: {match: {service: [backend]}, tables: {own: [users]}}
  auth: {match: {service: [auth]}, tables: {own: [auth_sessions]}}
"""


def line(table: str, time: str = "2025-09-10T00:33:54Z") -> str:
    """Write an entry that says a table is missing as a line of JSON."""
    labels = {"service_name": "backend", "revision_name": "backend-00001-abc"}
    record: dict[str, Any] = {
        "insertId": f"{table} {time}",
        "logName": "projects/demo/logs/stderr",
        "timestamp": time,
        "severity": "ERROR",
        "resource": {"type": "cloud_run_revision", "labels": labels},
        "textPayload": f"Missing critical user tables: ['{table}']",
    }
    return json.dumps(record)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("catalog.yml").write_text(OWNERS, encoding="utf-8")


def run(*words: object) -> Result:
    """Run a command."""
    return CliRunner().invoke(app, [str(word) for word in words])


def replay(*lines: str) -> Sequence[Mapping[str, Any]]:
    """Replay entries into the store, without a catalog, and return the incidents."""
    Path("replayed.jsonl").write_text("\n".join(lines), encoding="utf-8")
    result = run("replay", "replayed.jsonl", *STORE, "--format", "json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["incidents"]
    assert isinstance(found, list)
    return found


def explained(*words: object) -> str:
    """Explain an incident of the store as text."""
    result = run("explain", *words, *STORE)
    assert result.exit_code == 0, result.output
    return result.stdout


def mistake(*words: object) -> str:
    """Explain something that cannot be explained, and return what is said about it."""
    result = run("explain", *words)
    assert result.exit_code == 2, result.output
    return " ".join(result.stderr.split())


def test_a_stored_incident_is_explained_with_the_catalog_of_now() -> None:
    """What the replay could not answer is answered by a catalog that was written since."""
    (incident,) = replay(line("sessions"))
    assert incident["five_whys"][0]["status"] == "unknown"
    text = explained(incident["id"][:8], "--catalog", "catalog.yml")
    assert text.startswith(f"{incident['id']} [P1] backend: Missing critical tables: sessions\n")
    assert "  established: No service of the catalog owns sessions" in text
    assert "    table_of_nobody, catalog.yml:1: no service of the catalog owns a table" in text
    assert "\nRoot cause: No service of the catalog owns sessions" in text
    assert "\nNext steps:\n- Find the code that expects sessions" in text
    assert "\nOpen questions:\n- " in text
    assert "why not" not in text


def test_why_not_names_what_rules_an_answer_out_or_what_is_missing() -> None:
    """With the fact and its place; without facts, with the kinds that would be needed."""
    (incident,) = replay(line("sessions"))
    text = explained(incident["id"], "--catalog", "catalog.yml", "--why-not")
    assert (
        "  why not “the service itself owns sessions: its own migrations are to create it”? "
        "ruled out:\n    table_of_nobody, catalog.yml:1: no service of the catalog owns"
    ) in text
    bare = explained(incident["id"], "--why-not")
    assert "? nothing shows it, missing is table_of_nobody (listed: true)\n" in bare


def test_the_code_of_now_is_looked_into(tmp_path: Path) -> None:
    """What entries and catalog leave open the repository answers, with links to its lines."""
    project = platform(tmp_path / "repo")
    options = ("--catalog", ROOT / "examples/catalog.yml")
    assert run("replay", EXPORT, *STORE, *options).exit_code == 0
    before = explained("inc-42", *options)
    assert "  unknown: " in before
    after = explained("inc-42", *options, "--repo", project.root)
    assert "  unknown: " not in after
    assert "Open questions" not in after
    assert "\n      https://github.com/example/platform/blob/" in after
    assert after.splitlines()[1].startswith("The source code is that of the checkout (at commit ")


def test_a_program_is_asked_and_its_claims_are_left_open(tmp_path: Path) -> None:
    """What a program of the user's says stands among the open questions, as its claim."""
    (incident,) = replay(line("sessions"))
    program = tmp_path / "ask.py"
    said = {"facts": [{"kind": "owner", "text": "sessions moved, password=hunter2hunter2"}]}
    program.write_text(f"print({json.dumps(said)!r})", encoding="utf-8")
    told = explained(incident["id"], "--investigator", f"{sys.executable} {program}")
    assert "ask.py says: sessions moved, password=" in told
    assert "hunter2" not in told
    assert "claim_owner" not in told.partition("Root cause")[0]


def test_what_was_logged_around_is_looked_up(tmp_path: Path) -> None:
    """`--logs` names exports that hold it; what else is allowed is asked, too."""
    (incident,) = replay(line("sessions"))
    export = tmp_path / "export.jsonl"
    export.write_text("\n".join([line("sessions"), line("other", "2025-09-10T00:33:53Z")]))
    fine = run("explain", incident["id"], *STORE, "--logs", export, "--probe")
    assert fine.exit_code == 0, fine.output
    assert "--logs" not in fine.output
    assert "no such file" in mistake(incident["id"], *STORE, "--logs", "gone.json")


def test_json_holds_the_chain_and_what_was_considered() -> None:
    """In the words of the public contract."""
    (incident,) = replay(line("sessions"))
    result = run("explain", incident["id"], *STORE, "--format", "json")
    found = json.loads(result.stdout)
    assert found.pop("stored") is False
    assert found == {key: incident[key] for key in found}
    assert set(found) == {
        "id",
        "looked_at",
        "title",
        "five_whys",
        "root_cause",
        "false_alarms",
        "next_steps",
        "open_questions",
    }
    assert found["five_whys"][0]["considered"][0]["standing"] == "nothing shows it"


def test_nothing_is_written() -> None:
    """Neither an issue nor the store: what a replay came to stays."""
    (incident,) = replay(line("sessions"))
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    explained(incident["id"], "--catalog", "catalog.yml")
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


def test_of_an_incident_that_is_no_more_the_stored_chain_is_told() -> None:
    """Without its rule, say; nothing new can be found out about it."""
    (incident,) = replay(line("sessions"))
    Path("rules").mkdir()
    Path("rules/failing_job.yml").write_text(FAILING_JOB, encoding="utf-8")
    options = ("--catalog", "catalog.yml", "--rules", "rules")
    text = explained(incident["id"], *options)
    assert "\nThis is the chain that was stored" in text
    assert "  unknown: " in text
    result = run("explain", incident["id"], *STORE, *options, "--format", "json")
    assert json.loads(result.stdout)["stored"] is True


def test_what_cannot_be_explained_is_named() -> None:
    """An id that nobody or several have, a store or a folder that is not there."""
    assert "sqlite:///state.db does not exist" in mistake("inc-1", *STORE)
    replay(line("sessions"), line("users", "2025-09-10T04:00:00Z"))
    assert "the store has no incident 'inc-none'" in mistake("inc-none", *STORE)
    assert "'inc-' may be inc-" in mistake("inc-", *STORE)
    (one, _) = replay()
    said = mistake(one["id"], "--repo", "gone", "--catalog", "none.yml", *STORE)
    assert "--repo: 'gone' is no folder" in said
    assert "none.yml" in said
    assert "FIVEWHYS_STORE: it is not set" in mistake("inc-")


def test_text_of_logs_cannot_drive_the_terminal() -> None:
    """Sequences of a terminal are shown, or gone."""
    (incident,) = replay(line("a\u001b[2Jb\u202ec"))
    text = explained(incident["id"], "--why-not")
    assert not {"\x1b", "\u202e"} & set(text)


def test_the_readme_shows_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line of its example is one of the output, or the beginning of one that it cuts."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.partition("    $ fivewhys explain ")[2].partition("\n\n## ")[0]
    words, *lines = block.splitlines()
    store = f"sqlite:///{Path('state.db').absolute()}"
    assert run("replay", EXPORT, "--store", store).exit_code == 0
    monkeypatch.chdir(ROOT)
    asked = [store if word.startswith("sqlite:") else word for word in words.split()]
    printed = [item.strip() for item in run("explain", *asked).stdout.splitlines()]
    shown = [item.strip() for item in lines if item.startswith("    ") and item.strip() != "…"]
    assert len(shown) > 8
    for item in shown:
        assert any(each.startswith(item.removesuffix("…")) for each in printed), item
