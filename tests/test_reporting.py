"""`plan`, `apply`, `outbox` and `replay --sink github`, as a user has them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from pipeline.bootstrap.sharing import REHEARSED
from pipeline.cli import app
from pipeline.stores.sql.store import SqlStore
from tests.fakes.github import TOKEN, FakeGithub, running
from tests.test_cli import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typer.testing import Result

    from tests.fakes.github.state import Issue

    Run = Callable[..., Result]

HERE = "example/platform"
KEY = "a key of sixteen bytes or more"


@pytest.fixture
def github() -> Iterator[FakeGithub]:
    """Lend a fake GitHub without issues."""
    with running(FakeGithub()) as fake:
        yield fake


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Write an export of one entry that makes one incident."""
    path = tmp_path / "export.jsonl"
    path.write_text(json.dumps(MISSING) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Return the URL of a store that is not there yet."""
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def run(github: FakeGithub) -> Run:
    """Return what runs a command with the settings of the fake."""
    settings = {
        "FIVEWHYS_GITHUB_REPOSITORY": HERE,
        "FIVEWHYS_GITHUB_TOKEN": TOKEN,
        "FIVEWHYS_GITHUB_URL": github.base,
        "FIVEWHYS_MARKER_KEY": KEY,
    }
    return lambda *words, **more: CliRunner().invoke(
        app, [str(word) for word in words], env={**settings, **more}
    )


@pytest.fixture
def words(export: Path, store: str) -> tuple[object, ...]:
    """Return a replay that keeps what it finds, without where it reports to."""
    return ("replay", export, "--store", store)


def issues(github: FakeGithub) -> dict[int, Issue]:
    """Return all issues by number."""
    return github.state.repositories[HERE].issues


def test_a_replay_reports_to_github(
    run: Run, github: FakeGithub, export: Path, store: str, tmp_path: Path
) -> None:
    """One incident, one issue, however often it is said; no files, unless these are wanted, too."""
    words = ("replay", export, "--store", store, "--sink", "github", "--out", tmp_path / "out")
    first = run(*words)
    assert first.exit_code == 0, first.output
    assert "create an issue for inc-" in first.stdout
    again = run(*words, "--sink", "files")
    assert again.exit_code == 0, again.output
    assert "create" not in again.stdout.splitlines()[-1]
    assert "Nothing is left to do in GitHub." in again.stdout
    (issue,) = issues(github).values()
    assert issue.title == "[P1] backend: Missing critical tables: user_sessions"
    assert issue.labels == ["fivewhys", "P1", "missing-table"]
    assert "## Five whys" in (issue.body or "")
    assert len([*(tmp_path / "out").iterdir()]) == 1


def test_a_plan_says_what_apply_does(
    run: Run, github: FakeGithub, export: Path, store: str, tmp_path: Path
) -> None:
    """It changes nothing, and once it was applied there is nothing left."""
    run("replay", export, "--store", store, "--out", tmp_path / "out")
    for words in (["plan"], ["apply", "--dry-run"]):
        planned = run(*words, "--store", store)
        assert planned.exit_code == 0, planned.output
        assert "no issue bears its marker" in planned.stdout
        assert "  + title: [P1] backend: Missing critical tables: user_sessions\n" in planned.stdout
        assert "1 to create; 0 left alone" in planned.stdout
    assert issues(github) == {}
    applied = run("apply", "--store", store)
    assert applied.exit_code == 0, applied.output
    assert applied.stdout.startswith("create an issue for inc-")
    assert len(issues(github)) == 1
    assert "nothing to do; 1 left alone" in run("plan", "--store", store).stdout
    assert run("outbox", "--store", store).stderr == "Nothing waits.\n"


def test_a_dry_run_shows_what_would_be_done(
    run: Run, github: FakeGithub, export: Path, store: str, tmp_path: Path
) -> None:
    """Nothing is written, no store and no issue; a document stays one."""
    words = ("replay", export, "--store", store, "--sink", "github", "--dry-run")
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert "1 to create" in result.stdout
    told = run(*words, "--format", "json")
    assert len(json.loads(told.stdout)["incidents"]) == 1
    assert "1 to create" in told.stderr
    assert issues(github) == {}
    assert [one.name for one in tmp_path.iterdir()] == ["export.jsonl"]


def test_a_dry_run_of_the_settings_fills_the_store_and_writes_no_issue(
    run: Run, github: FakeGithub, export: Path, store: str
) -> None:
    """As that of `run`: it is kept, said, and what was over by then never gets an issue."""
    words = ("replay", export, "--store", store, "--sink", "github")
    told = run(*words, FIVEWHYS_DRY_RUN="true")
    assert told.exit_code == 0, told.output
    assert "no issue bears its marker" in told.stdout
    assert "1 to create" in told.stdout
    assert "No issue was written in GitHub (FIVEWHYS_DRY_RUN)." in told.stdout
    assert issues(github) == {}
    assert {one.verb for one in github.seen} == {"GET"}
    assert len(run("incidents", "list", "--store", store).stdout.splitlines()) == 1
    with SqlStore(store) as opened:
        assert opened.mark(REHEARSED)


def test_what_no_option_says_the_settings_say(
    run: Run, github: FakeGithub, export: Path, store: str, tmp_path: Path
) -> None:
    """From which priority on, by which catalog and rules, in a file of them, too."""
    words = ("replay", export, "--store", store, "--sink", "github")
    assert run(*words, FIVEWHYS_MIN_PRIORITY="P0").exit_code == 0
    assert issues(github) == {}
    (tmp_path / "settings.yml").write_text("min_priority: P0\n", encoding="utf-8")
    file = {"FIVEWHYS_SETTINGS": str(tmp_path / "settings.yml")}
    assert run(*words, **file).exit_code == 0
    assert issues(github) == {}
    assert run(*words, "--min-priority", "P4", **file).exit_code == 0
    assert len(issues(github)) == 1


@pytest.mark.parametrize("key", ["catalog", "rules", "repo", "suppressions", "placeholders"])
@pytest.mark.parametrize("sink", ["github", "files"])
def test_what_the_settings_name_has_to_be_there(
    run: Run, words: tuple[object, ...], tmp_path: Path, sink: str, key: str
) -> None:
    """Wherever reports go; what an option names stands in its place."""
    words = (*words, "--sink", sink, "--out", tmp_path / "out")
    told = run(*words, **{f"FIVEWHYS_{key.upper()}": "gone"})
    assert told.exit_code == 2
    assert "gone" in told.stderr
    (tmp_path / "settings.yml").write_text(f"{key}: gone\n", encoding="utf-8")
    told = run(*words, FIVEWHYS_SETTINGS=str(tmp_path / "settings.yml"))
    assert told.exit_code == 2
    assert "gone" in told.stderr
    told = run(*words, f"--{key}", "nowhere", **{f"FIVEWHYS_{key.upper()}": "gone"})
    assert "nowhere" in told.stderr
    assert "gone" not in told.stderr
    assert sorted(one.name for one in tmp_path.iterdir()) == ["export.jsonl", "settings.yml"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("MIN_PRIORITY", "FIVEWHYS_MIN_PRIORITY: 'soon' is none of P0, P1, P2, P3, P4"),
        ("DRY_RUN", "FIVEWHYS_DRY_RUN: 'soon' is neither true nor false"),
        ("SUBSCRIPTION", "FIVEWHYS_SUBSCRIPTION: 'soon' is none"),
        ("REDACT_EMAILS", "FIVEWHYS_REDACT_EMAILS: 'soon' is neither true nor false"),
        ("CATALGO", "FIVEWHYS_CATALGO: there is no such setting; FIVEWHYS_CATALOG is meant?"),
    ],
)
def test_a_mistake_in_a_setting_is_refused_as_by_a_run(
    run: Run, words: tuple[object, ...], github: FakeGithub, name: str, said: str
) -> None:
    """Before anything is touched, beside those of options, wherever reports go."""
    for sink in ("github", "files"):
        told = run(*words, "--sink", sink, "--since", "late", **{f"FIVEWHYS_{name}": "soon"})
        assert told.exit_code == 2
        assert said in told.stderr
        assert "--since: 'late' is neither" in told.stderr
        if name != "REDACT_EMAILS":  # which GitHub is asked with, too
            assert told.stderr.count(said) == 1
    assert github.seen == []


def test_what_does_not_get_out_waits_in_the_outbox(
    run: Run, github: FakeGithub, export: Path, store: str
) -> None:
    """With its reason and its age; it is said, and tried again."""
    github.fail("issues/create = 403-forbidden")
    failed = run("replay", export, "--store", store, "--sink", "github")
    assert failed.exit_code == 1
    assert " waits: " in failed.stderr
    assert "Resource not accessible by integration" in failed.stderr
    listed = run("outbox", "--store", store)
    (row,) = listed.stdout.splitlines()
    incident, _, since, attempts, reason, _, tracker = row.split("\t")
    assert (incident[:4], since[:2], attempts) == ("inc-", "20", "1")
    assert "Resource not accessible by integration" in reason
    assert tracker.endswith("/example/platform")
    (told,) = json.loads(run("outbox", "--store", store, "--format", "json").stdout)["waiting"]
    assert (told["incident"], told["reason"]) == (incident, reason)
    gauges = run("outbox", "--store", store, "--format", "prometheus").stdout
    assert f'fivewhys_outbox_failed{{tracker="{tracker}"}} 1\n' in gauges
    github.faults.rules.clear()
    assert run("apply", "--store", store).exit_code == 0
    assert run("outbox", "--store", store).stdout == ""
    gauges = run("outbox", "--store", store, "--format", "prometheus").stdout
    assert f'fivewhys_outbox_waiting{{tracker="{tracker}"}} 0\n' in gauges
    assert len(issues(github)) == 1


def test_what_nobody_tried_to_report_waits(
    run: Run, export: Path, store: str, tmp_path: Path
) -> None:
    """It was decided, and no report followed; who reports to files alone waits for nothing."""
    run("replay", export, "--store", store, "--out", tmp_path / "out")
    (row,) = run("outbox", "--store", store).stdout.splitlines()
    assert "it was interrupted, or never tried" in row
    assert run("outbox", "--store", store, FIVEWHYS_GITHUB_REPOSITORY="").stdout == ""
    assert run("apply", "--store", store).exit_code == 0
    assert run("outbox", "--store", store).stdout == ""


def test_what_cannot_be_listed_cannot_be_planned(
    run: Run, github: FakeGithub, export: Path, store: str, tmp_path: Path
) -> None:
    """That is no mistake of the settings."""
    run("replay", export, "--store", store, "--out", tmp_path / "out")
    github.fail("issues/list-for-repo = 403-forbidden")
    failed = run("plan", "--store", store)
    assert failed.exit_code == 1
    assert "Resource not accessible by integration" in failed.stderr


def test_what_waits_says_until_when(run: Run, github: FakeGithub, export: Path, store: str) -> None:
    """Whether GitHub asked for patience or an edit is not due; the next process waits, too."""
    words = ("replay", export, "--store", store, "--sink", "github")
    run(*words)
    run("incidents", "assign", "inc-", "@triager", "--store", store, "--by", "ana")
    edit = run(*words)
    assert edit.exit_code == 0
    assert "an edit waits for group_interval; not before 20" in edit.stdout
    github.people.comment(HERE, 1, "/fivewhys help")
    github.fail("issues/create-comment = 403-secondary:600")
    failed = run("apply", "--store", store)
    assert "GitHub asks to wait" in failed.stderr
    calls = len(github.seen)
    again = run("apply", "--store", store)
    assert "nothing was sent yet: GitHub's limit; not before 20" in again.stderr
    assert len(github.seen) == calls


@pytest.mark.parametrize("fault", ["401", "404", "422", "reset-after"])
def test_no_secret_is_ever_shown(run: Run, github: FakeGithub, tmp_path: Path, fault: str) -> None:
    """Neither token nor key, wherever they stand, whatever goes wrong, nor in the store."""
    for name, text in (("token", TOKEN), ("key", KEY)):
        (tmp_path / name).write_text(f"{text}\n", encoding="utf-8")
    files = {"FIVEWHYS_GITHUB_TOKEN": "", "FIVEWHYS_MARKER_KEY": ""}
    files |= {f"{name}_FILE": str(tmp_path / name.split("_")[-1].lower()) for name in files}
    files["FIVEWHYS_GITHUB_DOUBT"] = "1s"
    export, store = tmp_path / "export.jsonl", f"sqlite:///{tmp_path}/store.db"
    export.write_text(json.dumps(MISSING), encoding="utf-8")
    github.fail(f"issues/create #1 = {fault}")
    words = ("replay", export, "--store", store, "--sink", "github")
    told = [run(*words, **more) for more in (files, {})]
    told += [run("outbox", "--store", store, "--format", "json"), run("plan", "--store", store)]
    for result in told:
        assert TOKEN not in result.output
        assert KEY not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
    kept = (tmp_path / "store.db").read_bytes()
    assert TOKEN.encode() not in kept
    assert KEY.encode() not in kept


def test_another_key_needs_the_former_one(
    run: Run, github: FakeGithub, export: Path, store: str
) -> None:
    """Without it all that changes waits, and the setting is named by plan, apply and outbox."""
    words = ("replay", export, "--store", store, "--sink", "github")
    run(*words)
    body = issues(github)[1].body
    other = {"FIVEWHYS_MARKER_KEY": KEY[::-1]}
    told = [run(word, "--store", store, **other) for word in ("plan", "apply", "outbox")]
    for result in told:
        assert result.exit_code == 0, result.output
        assert "FIVEWHYS_MARKER_KEY_FORMER" in "".join(result.output.split())
    assert (len(issues(github)), issues(github)[1].body) == (1, body)
    both = {**other, "FIVEWHYS_MARKER_KEY_FORMER": KEY}
    assert "Nothing is left to do" in run("apply", "--store", store, **both).output
    assert "Nothing waits." in run("outbox", "--store", store).stderr
    for result in (*told, run("plan", "--store", store, **both)):
        assert KEY not in result.output
        assert KEY[::-1] not in result.output


def test_all_mistakes_in_settings_are_said_at_once(store: str, export: Path) -> None:
    """Those of options, too; and nothing shows a secret."""
    env = {"FIVEWHYS_GITHUB_CLOSE": "perhaps", "FIVEWHYS_GITHUB_REOPEN_WINDOW": "soon"}
    env |= {"FIVEWHYS_MARKER_KEY": "short-secret"}
    for words in (["plan", "--store", store], ["apply", "--store", store]):
        result = CliRunner().invoke(app, words, env=env)
        assert result.exit_code == 2
        assert "store.db does not exist" in result.stderr
        for name in (*env, "FIVEWHYS_GITHUB_REPOSITORY", "FIVEWHYS_GITHUB_TOKEN"):
            assert name in result.stderr
        assert "short-secret" not in result.output
    unset = CliRunner().invoke(app, ["replay", str(export), "--sink", "github"])
    assert unset.exit_code == 2
    for said in ("--sink: github needs a --store", "FIVEWHYS_MARKER_KEY: it is not set", "TOKEN"):
        assert said in unset.stderr


def test_what_people_resolve_is_closed(
    run: Run, github: FakeGithub, export: Path, store: str
) -> None:
    """Although the setting does not close what is silent; and said once."""
    words = ("replay", export, "--store", store, "--sink", "github")
    run(*words)
    with SqlStore(store) as opened:
        (incident,) = opened.incidents()
    run("incidents", "resolve", incident.id, "--store", store, "--by", "ana")
    result = run(*words)
    assert result.exit_code == 0, result.output
    (issue,) = issues(github).values()
    assert (issue.state, issue.state_reason) == ("closed", "completed")
    assert "quiet" in issue.labels
    (comment,) = issue.comments
    assert "resolved by ana" in comment.body
    assert run(*words).exit_code == 0
    assert len(issue.comments) == 1


def test_people_decide_in_an_issue(run: Run, github: FakeGithub, export: Path, store: str) -> None:
    """Who may write is heard and answered once, a plan shows it before; nobody else is."""
    run("replay", export, "--store", store, "--sink", "github")
    github.people.comment(HERE, 1, "/fivewhys silence 7d", by="maintainer")
    github.people.comment(HERE, 1, "/fivewhys resolve", by="reader")
    planned = run("plan", "--store", store)
    assert "1 to comment on" in planned.stdout, planned.output
    assert run("incidents", "verdicts", "--store", store).stdout == ""
    for expected in (3, 3):
        applied = run("apply", "--store", store)
        assert applied.exit_code == 0, applied.output
        assert len(issues(github)[1].comments) == expected
    (verdict,) = run("incidents", "verdicts", "--store", store).stdout.splitlines()
    assert "silence" in verdict
    assert "maintainer" in verdict


def test_a_label_decides_like_a_command(
    run: Run, github: FakeGithub, export: Path, store: str
) -> None:
    """Who set it is looked up."""
    run("replay", export, "--store", store, "--sink", "github")
    github.people.label(HERE, 1, ["fivewhys:silence-30d"], by="maintainer")
    assert run("apply", "--store", store).exit_code == 0
    (verdict,) = run("incidents", "verdicts", "--store", store).stdout.splitlines()
    assert "maintainer" in verdict
    (comment,) = issues(github)[1].comments
    assert "fivewhys" in comment.body
    assert run("apply", "--store", store).exit_code == 0
    assert len(issues(github)[1].comments) == 1
