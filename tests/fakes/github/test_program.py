"""The fake as a program: it serves, people work in it, it dies and comes back."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from . import TOKEN, FakeGithub, load

ROOT = Path(__file__).parents[3]
HERE = "example/platform"
ISSUES = f"/repos/{HERE}/issues"
CLIENT = """\
import requests
address, token = input(), input()
headers = {"Authorization": f"Bearer {token}"}
requests.post(address, json={"title": "x"}, headers=headers, timeout=9)
"""
AUTH = {"Authorization": f"Bearer {TOKEN}"}


@contextmanager
def program(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the program until the block ends; yield it and its address."""
    command = [sys.executable, "-m", "tests.fakes.github", *options]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            base = process.stdout.readline().strip()
            assert base, process.stderr and process.stderr.read()
            assert process.stdout.readline() == f"token: {TOKEN}\n"
            yield process, base
        finally:
            process.terminate()


def call(verb: str, url: str, body: object = None) -> Any:
    """Send a request; return what the answer says."""
    answer = requests.request(verb, url, json=body, headers=AUTH, timeout=10)
    return answer.json() if answer.content else None


def test_it_serves_people_and_clients() -> None:
    """People act over HTTP; the state is printed at the end, problems make the exit status."""
    with program("--prefix", "/api/v3", "--print-state", "--repository", "o/r") as (process, base):
        root = base.removesuffix("/api/v3")
        opened = call("POST", f"{root}/_people/open_issue", {"repository": "o/r", "title": "One"})
        assert opened["number"] == 1
        said = {"repository": "o/r", "issue": 1, "reason": "not_planned", "by": "triager"}
        call("POST", f"{root}/_people/close", said)
        issue = call("GET", f"{base}/repos/o/r/issues/1")
        assert (issue["state_reason"], issue["closed_by"]["login"]) == ("not_planned", "triager")
        call("GET", f"{base}/repos/o/r/issues?lables=bug")
        assert call("GET", f"{root}/_violations") == [
            "issues/list-for-repo: query: lables is unknown"
        ]
        process.terminate()
        output, errors = process.communicate(timeout=10)
    assert json.loads(output)["repositories"]["o/r"]["issues"]["1"]
    assert (process.returncode, "lables is unknown" in errors) == (1, True)


def test_it_comes_back_with_what_it_knew(tmp_path: Path) -> None:
    """Each change is in its file, even when it is killed; an update is there or it is not."""
    file = tmp_path / "state.json"
    with program("--state", str(file)) as (process, base):
        assert call("POST", base + ISSUES, {"title": "One"})["number"] == 1
        process.kill()
    assert load(file).repositories[HERE].issues[1].title == "One"
    with program("--state", str(file)) as (process, base):
        assert call("GET", base + ISSUES)[0]["title"] == "One"
        process.terminate()
        process.wait(timeout=10)
    assert process.returncode == 0


def test_it_kills_its_client_at_a_call(tmp_path: Path) -> None:
    """The client dies within the call; what it asked for has been done."""
    script = tmp_path / "client.py"
    script.write_text(CLIENT)
    file = tmp_path / "state.json"
    with ExitStack() as stack:
        client = stack.enter_context(
            subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE, text=True)
        )
        rules = "issues/create #1 = kill-after"
        options = ("--client", str(client.pid), "--faults", rules, "--state", str(file))
        _, base = stack.enter_context(program(*options))
        client.communicate(f"{base}{ISSUES}\n{TOKEN}\n", timeout=20)
        assert client.returncode == -signal.SIGKILL
        assert load(file).repositories[HERE].issues[1].title == "x"


def test_what_is_no_rule_ends_it_at_once() -> None:
    """The message names the option and what is wrong."""
    command = [sys.executable, "-m", "tests.fakes.github", "--faults", "issues/create = 418"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True)
    assert ended.returncode == 2
    assert "argument --faults" in ended.stderr


def test_help_names_faults_and_deeds() -> None:
    """What can be said in a rule and what people can do is listed."""
    command = [sys.executable, "-m", "tests.fakes.github", "--help"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    assert "timeout-after" in told
    assert "convert_to_discussion" in told


@pytest.fixture
def control(github: FakeGithub) -> Callable[..., Any]:
    """Return what asks the fake's own addresses."""
    return lambda place, body=None: call("POST", github.base + place, body)


def test_people_change_what_clients_see(github: FakeGithub, control: Callable[..., Any]) -> None:
    """What somebody types in a browser has its lines end as browsers do."""
    control("/_people/open_issue", {"repository": HERE, "title": "One", "labels": ["bug"]})
    control("/_people/edit", {"repository": HERE, "issue": 1, "body": "a\nb\r\nc"})
    control("/_people/comment", {"repository": HERE, "issue": 1, "body": "hm\nhm"})
    control("/_people/unlabel", {"repository": HERE, "issue": 1, "labels": ["bug"]})
    control("/_people/plan", {"repository": HERE, "issue": 1, "milestone": None})
    issue = github.people.issue(HERE, 1)
    assert (issue.body, issue.comments[0].body, issue.labels) == ("a\r\nb\r\nc", "hm\r\nhm", [])
    said = {"repository": HERE, "issue": 1, "reason": "duplicate", "duplicate_of": 1}
    control("/_people/close", said)
    assert issue.duplicate_of == issue.id
    control("/_people/reopen", {"repository": HERE, "issue": 1})
    assert control("/_state")["repositories"][HERE]["issues"]["1"]["state"] == "open"


@pytest.mark.parametrize(
    ("place", "body", "message"),
    [
        ("/_nothing", {}, "there is no /_nothing; there are: /_calls,"),
        ("/_people/dance", {}, "people don't dance; they do: assign,"),
        ("/_people/close", {}, "missing 2 required positional arguments"),
        ("/_people/close", {"repository": "o/r", "issue": 1}, "there is no repository o/r"),
        ("/_people/close", {"repository": HERE, "issue": 9}, f"{HERE} has no issue 9"),
        ("/_faults", {"rules": "x"}, "'x' is no rule"),
    ],
)
def test_what_people_can_not_do_is_said(
    control: Callable[..., Any], place: str, body: object, message: str
) -> None:
    """What is wrong and what would be right."""
    assert message in control(place, body)["message"]


def test_a_comment_that_is_not_there_is_named(github: FakeGithub) -> None:
    """People can't edit it either."""
    github.people.open_issue(HERE, "One")
    with pytest.raises(LookupError, match=f"{HERE}#1 has no comment 5"):
        github.people.edit_comment(HERE, 1, 5, "x")


def test_faults_calls_and_time_are_at_hand(github: FakeGithub, control: Callable[..., Any]) -> None:
    """Rules are added and cleared, time passes, and each call that came in is listed."""
    assert control("/_faults", {"rules": "issues/create #1 = 500"}) == ["issues/create = 500"]
    call("POST", github.base + ISSUES, {"title": "One"})
    before = github.clock.now()
    control("/_clock", {"advance": 3600})
    assert (github.clock.now() - before).total_seconds() >= 3600
    assert control("/_faults", {"clear": True}) == []
    (seen,) = control("/_calls")
    assert (seen["operation"], seen["status"], seen["fault"]) == ("issues/create", 500, "500")
    assert seen["body"] == {"title": "One"}


def test_an_app_key_is_read(tmp_path: Path, keys: tuple[str, str]) -> None:
    """With the App's public key the program takes its claims."""
    file = tmp_path / "key.pem"
    file.write_text(keys[1])
    state = tmp_path / "state.json"
    with program("--app-key", str(file), "--state", str(state)):
        assert load(state).app.public_key == keys[1]
