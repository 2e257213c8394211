"""People steer from the issue, from the comment to what the next report does about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from tests.fakes.github import TOKEN, FakeGithub, running
from tests.test_cli import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result

    from tests.fakes.github.state import Issue

HERE = "example/platform"
COMMANDS = ("silence 7d", "merge #2", "split missing_table", "resolve", "assign @triager", "help")


def entry(number: int, **values: Any) -> dict[str, Any]:
    """Return an entry: a table is missing, seen at a minute of one hour."""
    service = values.pop("service", "backend")
    labels = {"service_name": service, "revision_name": "backend-00001-abc"}
    resource = {"type": "cloud_run_revision", "labels": labels}
    minute = values.pop("minute", 33)
    told = {"insertId": f"a{number}", "timestamp": f"2025-09-10T00:{minute:02}:54Z"}
    return {**MISSING, **told, "resource": resource, **values}


BREAK = "\u200b"
"""What keeps a name in our own texts from calling somebody."""

FIRST = entry(1)
OTHER = entry(2, service="billing", textPayload="Missing critical user tables: ['secrets']")
AGAIN = entry(3, minute=43)


@dataclass
class House:
    """Somebody who reports to a fake GitHub, with one store."""

    github: FakeGithub
    folder: Path

    @property
    def store(self) -> str:
        """Where it is kept."""
        return f"sqlite:///{self.folder}/store.db"

    def run(self, *words: str) -> Result:
        """Run a command."""
        settings = {
            "FIVEWHYS_GITHUB_REPOSITORY": HERE,
            "FIVEWHYS_GITHUB_TOKEN": TOKEN,
            "FIVEWHYS_GITHUB_URL": self.github.base,
            "FIVEWHYS_MARKER_KEY": "a key of sixteen bytes or more",
            "FIVEWHYS_GITHUB_SIMILAR": "false",
        }
        result = CliRunner().invoke(app, [*words, "--store", self.store], env=settings)
        assert result.exit_code == 0, result.output
        return result

    def replay(self, *entries: dict[str, Any]) -> str:
        """Report what entries tell; return what was done."""
        export = self.folder / "export.jsonl"
        export.write_text("\n".join(map(json.dumps, entries)), encoding="utf-8")
        return self.run("replay", str(export), "--sink", "github").stdout

    def says(self, command: str, issue: int = 1, by: str = "maintainer") -> str:
        """Comment, and let it be heard; return the answer, "" if there is none."""
        self.github.people.comment(HERE, issue, f"/fivewhys {command}", by=by)
        before = len(self.issue(issue).comments)
        for _ in range(2):
            self.run("apply")
        new = self.issue(issue).comments[before:]
        assert len(new) <= 1
        return new[0].body.replace(BREAK, "") if new else ""

    @property
    def verdicts(self) -> list[str]:
        """What was decided."""
        return self.run("incidents", "verdicts").stdout.splitlines()

    def issue(self, number: int = 1) -> Issue:
        """Return an issue as it stands."""
        return self.github.state.repositories[HERE].issues[number]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Lend one that reported nothing yet."""
    with running(FakeGithub()) as github:
        yield House(github, tmp_path)


@pytest.mark.parametrize("who", ["reader", "triager", "stranger"])
def test_who_may_not_write_decides_nothing(house: House, who: str) -> None:
    """Nor is anybody told so, whatever is said."""
    house.replay(FIRST, OTHER)
    assert house.says("\n/fivewhys ".join(COMMANDS), by=who) == ""
    house.github.people.label(HERE, 1, ["fivewhys:resolve"], by=who)
    house.run("apply")
    assert house.verdicts == []
    assert len(house.issue().comments) == 1


def test_silence_keeps_everything_but_answers_back(house: House) -> None:
    """It is counted on, and who asks is answered; nothing else is written."""
    house.replay(FIRST)
    answer = house.says("silence 7d too loud")
    assert "silenced" in answer
    assert len(house.verdicts) == 1
    house.replay(FIRST, AGAIN)
    before = (house.issue().body, house.issue().labels)
    planned = house.run("plan").stdout
    assert "silenced until " in planned
    assert "nothing to do; 1 left alone" in planned
    assert "/fivewhys resolve" in house.says("help")
    assert (house.issue().body, house.issue().labels) == before
    assert "assigned to @triager" in house.says("assign @triager")
    assert house.issue().assignees == []
    assert len(house.verdicts) == 2
    assert "Nothing waits" in house.run("outbox").stderr


def test_a_suppressed_incident_is_listened_to(house: House) -> None:
    """Whoever wrote the file of suppressions."""
    house.replay(FIRST)
    suppressions = house.folder / "suppressions.yml"
    suppressions.write_text(
        "suppressions:\n- match: {rule: missing_table}\n  reason: known\n  owner: ana\n"
        "  until: 2099-01-01\n",
        encoding="utf-8",
    )
    export = str(house.folder / "export.jsonl")
    told = house.run("replay", export, "--sink", "github", "--suppressions", str(suppressions))
    assert told.exit_code == 0
    assert "suppressed by ana" in house.run("plan").stdout
    assert "resolved" in house.says("resolve")
    assert house.issue().state == "open"


def test_two_incidents_become_one_and_two_again(house: House) -> None:
    """The issue of the one that was absorbed is closed as its duplicate, and opened again."""
    house.replay(FIRST, OTHER)
    assert "#2" in house.says("merge #2")
    house.replay(FIRST, OTHER)
    assert (house.issue(1).state, house.issue(2).state) == ("open", "closed")
    assert house.issue(2).state_reason == "duplicate"
    fingerprints = [
        symptom["fingerprint"]
        for incident in json.loads(document_of(house, FIRST, OTHER))["incidents"]
        for symptom in incident["symptoms"]
    ]
    answer = house.says(f"split {fingerprints[-1]}")
    assert "not done" not in answer
    house.replay(FIRST, OTHER)
    assert (house.issue(1).state, house.issue(2).state) == ("open", "open")
    assert [one for one in house.github.state.repositories[HERE].issues if one > 2] == []


def document_of(house: House, *entries: dict[str, Any]) -> str:
    """Return what is known now as a document."""
    export = house.folder / "export.jsonl"
    export.write_text("\n".join(map(json.dumps, entries)), encoding="utf-8")
    return house.run("replay", str(export), "--format", "json", "--dry-run").stdout


def test_what_is_resolved_in_an_issue_is_closed(house: House) -> None:
    """With who said so."""
    house.replay(FIRST)
    assert "resolved" in house.says("resolve backend-00002-abc rolled forward")
    house.replay(FIRST)
    assert (house.issue().state, house.issue().state_reason) == ("closed", "completed")
    assert house.says("help") != ""
    assert house.issue().state == "closed"


def test_who_looks_after_it_is_assigned(house: House) -> None:
    """Me, or somebody who is named."""
    house.replay(FIRST)
    assert "@maintainer" in house.says("assign @me")
    house.replay(FIRST)
    assert house.issue().assignees == ["maintainer"]
    house.says("assign @triager")
    house.replay(FIRST)
    assert house.issue().assignees == ["triager"]


def test_an_issue_that_is_left_alone_is_listened_to(house: House) -> None:
    """It was closed as not planned; nothing but the answer is written."""
    house.replay(FIRST)
    house.github.people.close(HERE, 1, "not_planned")
    house.replay(FIRST, AGAIN)
    body = house.issue().body
    assert "/fivewhys silence" in house.says("help")
    assert (house.issue().state, house.issue().body) == ("closed", body)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("merge #1", "cannot be merged with itself"),
        ("merge #99", "is not the number of an incident"),
        ("split missing_table", "only one symptom"),
        ("silence soon", "no span to silence for"),
        ("assign nobody here", ""),
        ("dance", "there is no command"),
    ],
)
def test_what_cannot_be_done_is_answered_with_why(house: House, command: str, said: str) -> None:
    """And nothing is decided, but for who is only called nobody."""
    house.replay(FIRST)
    assert said in house.says(command)
    assert len(house.verdicts) == (said == "")
