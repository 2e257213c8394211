"""`fivewhys doctor`, as a user has it."""

from __future__ import annotations

import json
import os
from collections import deque
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from typer.testing import CliRunner

from pipeline.bootstrap.doctoring import look_at_logs
from pipeline.checkup import CONSUME, GET
from pipeline.cli import app
from pipeline.settings import read_settings
from pipeline.stores.sql.store import SqlStore
from tests.fakes.disabled import disabled, refusing
from tests.fakes.github import TOKEN, FakeGithub, running
from tests.fakes.logging_server import FakeLogging, Refusal, served
from tests.fakes.postgresql import fresh
from tests.fakes.pubsub_rights import granting

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from typer.testing import Result

    from tests.fakes.pubsub import Emulator

    Doctor = Callable[..., Result]
    DoctorOf = Callable[[AbstractContextManager[str]], Result]

HERE = "example/platform"
KEY = "a key of sixteen bytes or more"
CHECKS = {
    "settings",
    "rules",
    "templates",
    "catalog",
    "suppressions",
    "redaction",
    "investigators",
    "store",
    "subscription",
    "dead letter",
    "github rights",
    "github",
    "labels",
    "marker key",
    "clock",
}
BINDING = "gcloud projects add-iam-policy-binding test-project"
AWAY = "127.0.0.1:9"
SUBSCRIPTION = "projects/demo/subscriptions/fivewhys"


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """Return what runs the command with nothing but the settings it is given."""
    for name in [name for name in os.environ if name.startswith("FIVEWHYS_")]:
        monkeypatch.delenv(name)

    def run(*options: str, **settings: str) -> Result:
        environment = {f"FIVEWHYS_{name}": text for name, text in settings.items()}
        return CliRunner().invoke(app, ["doctor", *options], env=environment)

    return run


@pytest.fixture
def doctor_of(doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> DoctorOf:
    """Return what runs the command with a Pub/Sub that is served meanwhile."""

    def run(served_there: AbstractContextManager[str]) -> Result:
        with served_there as address:
            monkeypatch.setenv("PUBSUB_EMULATOR_HOST", address)
            store = f"sqlite:///{tmp_path}/store.db"
            return doctor("--format", "json", SUBSCRIPTION=SUBSCRIPTION, STORE=store)

    return run


def by_check(result: Result) -> dict[str, list[dict[str, Any]]]:
    """Return what was found, by check."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in json.loads(result.stdout)["findings"]:
        found.setdefault(one["check"], []).append(one)
    return found


def test_all_is_well(doctor: Doctor, emulator: Emulator, postgresql: str) -> None:
    """What could not be checked is said, and is no fault."""
    _, subscription = emulator.subscription(deadline=15)
    url = fresh(postgresql)
    SqlStore(url).close()
    with running(FakeGithub()) as github:
        github.state.tokens[TOKEN].scopes = "repo"
        result = doctor(
            "--format",
            "json",
            SUBSCRIPTION=subscription,
            STORE=url,
            SINKS="github",
            GITHUB_REPOSITORY=HERE,
            GITHUB_TOKEN=TOKEN,
            GITHUB_URL=github.base,
            MARKER_KEY=KEY,
        )
    found = by_check(result)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["well"]
    (permissions,) = found.pop("permissions")
    assert permissions == {
        "check": "permissions",
        "state": "unknown",
        "text": "the emulator knows none, so they could not be checked",
    }
    states = {name: {one["state"] for one in rows} for name, rows in found.items()}
    assert {*states} == CHECKS
    assert all(one == {"ok"} for one in states.values())


def test_all_that_is_wrong_is_said_at_once(
    doctor: Doctor, emulator: Emulator, tmp_path: Path
) -> None:
    """With the commands that mend it; one fault keeps no other from being found."""
    _, subscription = emulator.subscription(60)
    (tmp_path / "catalog.yml").write_text("services: 3\n", encoding="utf-8")
    with running(FakeGithub()) as github:
        github.state.repositories[HERE].has_issues = False
        result = doctor(
            SUBSCRIPTION=subscription,
            STORE=f"sqlite:///{tmp_path}/none/store.db",
            POISON="dead-letter",
            RECEIVERS="none",
            CATALOG=str(tmp_path / "catalog.yml"),
            RULES=str(tmp_path / "rules"),
            SINKS="github",
            GITHUB_REPOSITORY=HERE,
            GITHUB_TOKEN=TOKEN,
            GITHUB_URL=github.base,
            MARKER_KEY=KEY,
        )
    lines = result.stdout.splitlines()
    wrong = [line.split()[1].rstrip(":") for line in lines if line.startswith("wrong")]
    assert result.exit_code == 1
    assert wrong == ["settings", "rules", "catalog", "store", "dead", "github"]
    project, _, name = subscription.removeprefix("projects/").partition("/subscriptions/")
    update = f"gcloud pubsub subscriptions update {name} --project={project}"
    assert f"        {update} --dead-letter-topic=TOPIC --max-delivery-attempts=100" in lines
    assert f"        {update} --ack-deadline=15" in lines
    assert f"        gh repo edit {HERE} --enable-issues" in lines


@pytest.mark.parametrize(
    ("held", "told", "state", "ends"),
    [
        ([CONSUME, GET], None, "ok", 0),
        ([CONSUME], None, "unknown", 0),
        ([], None, "unknown", 1),
        ([CONSUME], [CONSUME, GET], "wrong", 1),
    ],
)
def test_a_subscription_that_must_not_be_looked_at(
    doctor_of: DoctorOf, held: list[str], told: list[str] | None, state: str, ends: int
) -> None:
    """A run pulls from it all the same; the right to pull is what it needs."""
    result = doctor_of(granting(*held, told=told))
    found = by_check(result)
    (subscription,) = found["subscription"]
    assert (subscription["state"], result.exit_code) == (state, ends), result.output
    assert (subscription["text"] == "it was not looked at: see permissions") is (state == "unknown")
    lacked = [one for one in found["permissions"] if one["state"] != "ok"]
    assert all("add-iam-policy-binding" in one["command"] for one in lacked)
    assert len(lacked) == 2 - len(held if told is None else told)


def test_pubsub_that_is_not_enabled(doctor_of: DoctorOf) -> None:
    """No role helps against that: the command that enables it does."""
    result = doctor_of(refusing("pubsub.googleapis.com"))
    found = by_check(result)
    assert result.exit_code == 1
    for (one,) in (found["permissions"], found["subscription"]):
        assert one["state"] == "wrong"
        assert one["text"].startswith("Pub/Sub is not enabled: This API has not been used")
        assert one["command"] == "gcloud services enable pubsub.googleapis.com --project=812345"


def test_without_network(doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is here is checked, the rest is said not to be."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", AWAY)
    settings = tmp_path / "settings.yml"
    settings.write_text(
        f"subscription: {SUBSCRIPTION}\n"
        f"store: sqlite:///{tmp_path}/store.db\n"
        "environment: local\nsinks: [github]\ngithub_repository: example/platform\n"
        f"github_url: http://{AWAY}\n",
        encoding="utf-8",
    )
    secrets = {"GITHUB_TOKEN": TOKEN, "MARKER_KEY": KEY}
    result = doctor("--settings", str(settings), "--format", "json", **secrets)
    assert result.exit_code == 0, result.output
    found = by_check(result)
    unknown = {name for name, rows in found.items() if rows[0]["state"] == "unknown"}
    assert unknown == {"permissions", "subscription", "github", "clock"}
    assert TOKEN not in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["settings.yml"]


def test_who_looks_into_incidents_is_checked(doctor: Doctor, tmp_path: Path) -> None:
    """As a run does that, which does not begin with what is wrong here."""
    settings = {"REPO": "gone", "NEARBY_LOGS": "maybe", "INVESTIGATORS": "gone.py -v"}
    program = "'gone.py' is no program that can be run; write where it is"
    wrong = by_check(doctor("--format", "json", **settings))["investigators"]
    assert [(one["state"], one["text"]) for one in wrong] == [
        ("wrong", "FIVEWHYS_REPO: 'gone' is no folder"),
        ("wrong", "FIVEWHYS_NEARBY_LOGS: 'maybe' is neither true nor false"),
        ("wrong", f"FIVEWHYS_INVESTIGATORS: {program}"),
    ]
    settings = {"REPO": str(tmp_path), "INVESTIGATORS": "sh -c true"}
    (right,) = by_check(doctor("--format", "json", **settings))["investigators"]
    assert (right["state"], right["text"]) == ("ok", "2")


def test_without_settings(doctor: Doctor) -> None:
    """The settings that are needed are named; rules and templates are looked at all the same."""
    result = doctor("--format", "json")
    found = by_check(result)
    assert result.exit_code == 1
    assert [one["text"].partition(":")[0] for one in found["settings"]] == [
        "FIVEWHYS_SUBSCRIPTION",
        "FIVEWHYS_STORE",
    ]
    assert found["github"][0]["text"] == "it is no sink of this run"
    assert "subscription" not in found


@pytest.mark.parametrize(
    ("refusal", "state", "command"),
    [
        (None, "ok", ""),
        (Refusal(grpc.StatusCode.UNAVAILABLE), "unknown", ""),
        (
            Refusal(grpc.StatusCode.PERMISSION_DENIED),
            "wrong",
            f"{BINDING} --member=PRINCIPAL --role=roles/logging.viewer",
        ),
        (
            Refusal(grpc.StatusCode.PERMISSION_DENIED, status=disabled("logging.googleapis.com")),
            "wrong",
            "gcloud services enable logging.googleapis.com --project=812345",
        ),
        (Refusal(grpc.StatusCode.INVALID_ARGUMENT), "wrong", ""),
        (Refusal(grpc.StatusCode.NOT_FOUND), "wrong", ""),
        (Refusal(grpc.StatusCode.UNAUTHENTICATED), "wrong", ""),
    ],
)
def test_logs_that_gaps_are_filled_from(refusal: Refusal | None, state: str, command: str) -> None:
    """One read says whether they may be read; a role is named only where it is what is missing."""
    options = {
        "subscription": "projects/test-project/subscriptions/fivewhys",
        "store": "sqlite:///store.db",
        "logging_filter": "severity >= ERROR",
    }
    with served(FakeLogging(refusals=deque([refusal]))) as client:
        (found,) = look_at_logs(read_settings(options), client)
    assert (found.state, found.command) == (state, command)
    assert found.text.count("projects/test-project") == 1


def test_without_credentials(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The command that gives some."""
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    result = doctor(
        SUBSCRIPTION="projects/demo/subscriptions/fivewhys",
        STORE=f"sqlite:///{tmp_path}/store.db",
        LOGGING_FILTER="severity >= ERROR",
    )
    assert result.exit_code == 1
    assert "the Logging API needs credentials" in result.stdout
    assert "        gcloud auth application-default login" in result.stdout.splitlines()


def test_what_github_needs_is_said_by_its_variables(doctor: Doctor, tmp_path: Path) -> None:
    """As a run would say it."""
    result = doctor("--format", "json", STORE=f"sqlite:///{tmp_path}/store.db", SINKS="github")
    texts = [one["text"] for one in by_check(result)["github"]]
    assert [text.partition(":")[0] for text in texts] == [
        "FIVEWHYS_GITHUB_REPOSITORY",
        "FIVEWHYS_GITHUB_TOKEN",
        "FIVEWHYS_MARKER_KEY",
    ]


def test_a_repository_that_does_not_let_us_in(doctor: Doctor, tmp_path: Path) -> None:
    """It says where to look."""
    with running(FakeGithub()) as github:
        result = doctor(
            "--format",
            "json",
            STORE=f"sqlite:///{tmp_path}/store.db",
            SINKS="github",
            GITHUB_REPOSITORY=HERE,
            GITHUB_TOKEN="token-of-stranger",
            GITHUB_URL=github.base,
            MARKER_KEY=KEY,
        )
    (found,) = by_check(result)["github"]
    assert (found["state"], result.exit_code) == ("wrong", 1)
    assert found["text"].endswith("look at the name, and at what the token or the App may see")
