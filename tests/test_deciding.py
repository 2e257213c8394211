"""What people decide on the command line, and what becomes of it in the next replay."""

from __future__ import annotations

import getpass
import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from pipeline.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from typer.testing import Result

STORE = ("--store", "sqlite:///state.db")


def line(text: str, time: str, *, service: str = "backend", revision: str = "00001") -> str:
    """Write an entry as a line of JSON; `time` is one of 2025-09-10."""
    labels = {"service_name": service, "revision_name": f"{service}-{revision}-abc"}
    record: dict[str, Any] = {
        "insertId": f"{service} {time} {text}",
        "logName": "projects/demo/logs/run.googleapis.com%2Fstderr",
        "timestamp": f"2025-09-10T{time}Z",
        "severity": "ERROR",
        "resource": {"type": "cloud_run_revision", "labels": labels},
        "textPayload": text,
    }
    return json.dumps(record)


MISSING = line("Missing critical user tables: ['user_sessions']", "00:33:54")
AUTH = line("Missing critical user tables: ['secrets']", "00:35:00", service="auth")
AGAIN = line("Missing critical user tables: ['user_sessions']", "01:00:00", revision="00002")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*words: object, lines: Iterable[str] = ()) -> Result:
    """Run a command."""
    return CliRunner().invoke(app, [str(word) for word in words], input="\n".join(lines))


def replay(*lines: str, options: Iterable[str] = STORE) -> list[dict[str, Any]]:
    """Replay entries and return the incidents."""
    result = run("replay", "-", "--format", "json", *options, lines=lines)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["incidents"]
    assert isinstance(found, list)
    return found


def decide(*words: object) -> str:
    """Decide something in the store and return what is said about it."""
    result = run("incidents", *words, *STORE)
    assert result.exit_code == 0, result.output
    return result.stdout


def mistake(*words: object) -> str:
    """Run a command that is wrong and return what is said about it."""
    result = run("incidents", *words, *STORE)
    assert result.exit_code == 2, result.output
    return " ".join(result.stderr.split())


def only(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the one incident there is."""
    (incident,) = found
    return incident


def test_what_is_resolved_is_resolved_until_it_is_seen_again() -> None:
    """The next replay says so, and a later entry makes it a regression."""
    incident = only(replay(MISSING))
    said = decide("resolve", incident["id"], "--at", "2025-09-10T00:40:00Z", "--by", "ana")
    assert said == (
        "verdict 1: resolved by ana at 2025-09-10T00:40:00Z\n"
        "It counts from the next replay with this store.\n"
    )
    resolved = only(replay(MISSING))
    assert (resolved["id"], resolved["state"]) == (incident["id"], "resolved")
    assert resolved["state_reason"] == "resolved by ana at 2025-09-10T00:40:00Z"
    assert resolved["report"]["reason"] == "state changed from new to resolved"
    regressed = only(replay(AGAIN))
    assert regressed["state"] == "regressed"
    assert regressed["report"]["reason"] == "state changed from resolved to regressed"


def test_an_older_revision_does_not_regress() -> None:
    """While the one that mends it is rolled out."""
    incident = only(replay(MISSING))
    decide(
        "resolve", incident["id"], "--at", "2025-09-10T00:40:00Z", "--revision", "backend-00003-xyz"
    )
    again = only(replay(AGAIN))
    assert again["state"] == "resolved"
    assert "1 seen since in the older backend-00002-abc: no regression" in again["state_reason"]


def test_what_is_resolved_before_its_first_report_is_left_alone() -> None:
    """Nobody needs an issue about it."""
    options = (*STORE, "--min-priority", "P0")
    incident = only(replay(MISSING, options=options))
    decide("resolve", incident["id"])
    report = only(replay(MISSING))["report"]
    assert report["action"] == "leave"
    assert report["reason"].endswith(", before its first report")


def test_what_is_silenced_is_counted_and_not_reported() -> None:
    """Nor does it stop a deploy pipeline."""
    incident = only(replay(MISSING))
    said = decide("silence", incident["id"], "7d", "--reason", "ask bo@example.com")
    assert "silenced until" in said
    assert "bo@example.com" not in said
    silenced = only(replay(AGAIN))
    assert silenced["report"]["action"] == "leave"
    assert silenced["report"]["reason"].startswith("silenced until")
    assert silenced["silenced_until"]
    assert silenced["symptoms"][0]["count"] == 2
    assert run("replay", "-", *STORE, "--fail-on", "P4", lines=[AGAIN]).exit_code == 0
    assert ", silenced\t" in run("incidents", "list", *STORE).stdout


def test_who_it_is_assigned_to_stands_in_the_issue() -> None:
    """The last one named has it, and their name cannot act in Markdown."""
    incident = only(replay(MISSING))
    decide("assign", incident["id"][:8], "@ana")
    decide("assign", incident["id"], " @bo ")
    assigned = only(replay(MISSING))
    assert assigned["assigned_to"] == "@bo"
    assert "| Assigned to | " in assigned["report"]["body"]
    assert "@bo" not in assigned["report"]["body"].replace("@\u200bbo", "")
    assert [item["kind"] for item in assigned["verdicts"]] == ["assign", "assign"]


def test_what_is_merged_stays_merged_until_it_is_taken_back() -> None:
    """The younger is absorbed; later entries join; a split parts them again by their symptom."""
    one, two = replay(MISSING, AUTH)
    assert "merged by" in decide("merge", two["id"], one["id"], "--reason", "one roll-out")
    merged = only(replay(AGAIN))
    assert merged["id"] == one["id"]
    assert [item["count"] for item in merged["symptoms"]] == [2, 1]
    assert any("one roll-out" in reason for reason in merged["grouped_because"])
    assert f"absorbed {two['id']}" in " ".join(merged["grouped_because"])
    assert "several symptoms 'missing_table'" in mistake("split", one["id"], "missing_table")
    assert "no symptom 'gone'" in mistake("split", one["id"], "gone")
    decide("split", one["id"], two["fingerprint"])
    assert [item["id"] for item in replay(AGAIN)] == [one["id"], two["id"]]
    decide("undo", 2)
    assert len(replay(AGAIN)) == 1
    decide("undo", 1)
    assert [item["id"] for item in replay(AGAIN)] == [one["id"], two["id"]]


def test_a_verdict_may_be_taken_back() -> None:
    """Then nothing is left of it."""
    before = only(replay(MISSING))
    decide("resolve", before["id"])
    assert decide("undo", 1).startswith("taken back, verdict 1: resolved by")
    after = only(replay(MISSING))
    assert (after["state"], after["verdicts"]) == ("new", [])
    assert "no verdict 1 holds" in mistake("undo", 1)


def test_verdicts_are_listed_and_shown() -> None:
    """With their numbers, by whom, and why; each at the incidents that it is about."""
    one, two = replay(MISSING, AUTH)
    decide("assign", one["id"], "@ana", "--reason", "she knows it")
    decide("merge", two["id"], one["id"])
    listed = run("incidents", "verdicts", *STORE).stdout
    assert listed.splitlines()[0].startswith(f"1\t{one['id']}\tassign\tassigned to @ana by ")
    assert getpass.getuser() in listed
    shown = run("incidents", "show", one["id"], *STORE).stdout
    assert shown.count("\n- 1: ") == shown.count("\n- 2: ") == 1
    shown = run("incidents", "show", two["id"], *STORE).stdout
    assert "## Verdicts\n\n- 2: " in shown
    assert "she knows it" not in shown


def test_what_cannot_be_decided_is_said() -> None:
    """With what to do instead."""
    one, two = replay(MISSING, AUTH)
    assert "no incident 'inc-none'" in mistake("resolve", "inc-none")
    assert "inc-" in mistake("resolve", "inc-")
    assert "cannot be merged with itself" in mistake("merge", one["id"], one["id"])
    assert "has only one symptom" in mistake("split", one["id"], "missing_table")
    assert "is no span to silence for, such as 12h or 7d" in mistake("silence", one["id"], "week")
    assert "outside the years" in mistake("silence", one["id"], "99999y")
    assert "name somebody" in mistake("assign", one["id"], " ")
    assert "lies ahead" in mistake("resolve", one["id"], "--at", "9000-01-01T00:00:00Z")
    assert "neither a time" in mistake("resolve", one["id"], "--at", "noon")
    assert "is no revision" in mistake("resolve", two["id"], "--revision", "v2")
    assert run("incidents", "verdicts", *STORE).stdout == ""


def test_nothing_is_decided_without_a_store() -> None:
    """It would be forgotten at once."""
    result = run("incidents", "undo", 1, "--store", "sqlite:///gone.db")
    assert result.exit_code == 2
    assert "gone.db does not exist" in result.stderr


# --- suppressions ---------------------------------------------------------------------------------

SUPPRESSIONS = """\
suppressions:
  - match: {rule: missing_table, service: backend}
    owner: "@example/backend"
    reason: the table comes next week
    until: 2025-09-17
  - {match: {rule: gone}, owner: ana, reason: old, until: 2025-09-17}
  - {match: {rule: missing_table}, owner: bo, reason: older, until: 2025-09-01}
"""


@pytest.fixture
def suppressions(tmp_path: Path) -> str:
    """Write a file of suppressions and return its name."""
    (tmp_path / "suppressions.yml").write_text(SUPPRESSIONS, encoding="utf-8")
    return "suppressions.yml"


def test_what_is_suppressed_is_counted_and_not_reported(suppressions: str) -> None:
    """The document and the table say by whom and why; what became of each is told."""
    options = ("--suppressions", suppressions)
    result = run("replay", "-", *options, "--format", "json", lines=[MISSING, AUTH])
    found = json.loads(result.stdout)
    held, reported = found["incidents"]
    reason = (
        "suppressed by @example/backend until 2025-09-17T00:00:00Z: "
        "the table comes next week (suppressions.yml:2)"
    )
    assert held["report"] == {**held["report"], "action": "leave", "reason": reason}
    assert held["suppressed"][0]["owner"] == "@example/backend"
    assert reported["report"]["action"] == "create"
    states = [(item["state"], item["incidents"]) for item in found["suppressions"]]
    assert states == [("active", 1), ("unused", 0), ("expired", 0)]


def test_the_table_says_what_is_held_back_and_what_can_go(suppressions: str) -> None:
    """On standard error, which of them are unused or expired."""
    result = run("replay", "-", "--suppressions", suppressions, lines=[MISSING, AUTH])
    assert "new, suppressed\t" in result.stdout
    assert "leave: suppressed by @example/backend until" in result.stdout
    assert "suppressed: 1 of the incidents, with 1 detections" in result.stdout
    assert "suppressions.yml:6: unused: nothing in this run matches it (ana: old)" in result.stderr
    assert "suppressions.yml:7: expired: it was to hold until 2025-09-01" in result.stderr


def test_what_is_suppressed_stops_no_pipeline(
    suppressions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file may be named by a setting, too."""
    monkeypatch.setenv("FIVEWHYS_SUPPRESSIONS", suppressions)
    assert run("replay", "-", "--fail-on", "P4", lines=[MISSING]).exit_code == 0
    assert run("replay", "-", "--fail-on", "P4", lines=[AUTH]).exit_code == 3


def test_suppressions_are_checked(suppressions: str, tmp_path: Path) -> None:
    """By a command of their own, and before a replay reads anything."""
    assert run("suppressions", "lint", suppressions).stdout == "3 suppressions are right\n"
    assert run("suppressions", "lint").stdout == "0 suppressions are right\n"
    (tmp_path / "wrong.yml").write_text("suppressions: [{owner: ana}]\n", encoding="utf-8")
    for words in (("suppressions", "lint"), ("replay", "-", "--suppressions")):
        result = run(*words, "wrong.yml")
        assert result.exit_code == 2
        assert "wrong.yml:1: the key 'suppressions.0.match' is missing" in result.stderr
    assert "cannot be read" in run("suppressions", "lint", "none.yml").stderr
