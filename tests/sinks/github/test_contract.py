"""What the reporter sends, and what the fake answers, is what GitHub's own description says.

`make prism` sets up what reads that description; where it was not, these are skipped, but in CI.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import requests

from pipeline.sinks.github.client import Client
from pipeline.sinks.github.credentials import App, Credentials, Secret
from pipeline.sinks.github.shapes import Label
from tests.fakes.github import TOKEN, FakeGithub, Outcome, Request, running
from tests.sinks.github.flows import FLOWS, begun, check
from tests.sinks.github.prism import Prism, is_installed, prism_running
from tests.sinks.github.support import HERE, Time, client_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ISSUES = f"/repos/{HERE}/issues"


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prism]:
    """Lend what stands between the reporter and the fake."""
    if not is_installed():
        message = "Prism is not there: make prism"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    with prism_running(tmp_path_factory.mktemp("prism") / "log") as one:
        yield one


# Prism follows a redirection itself, and to an address (by id) that is in no description.
@pytest.mark.parametrize("flow", sorted(FLOWS.keys() - {"rename"}))
def test_a_flow_keeps_to_the_description(prism: Prism, flow: str) -> None:
    """Every request of it and every answer, in the eyes of Prism."""
    watch = prism.watch()
    with begun(flow) as (desk, wanted):
        prism.guard(desk.github)
        assert desk.apply(wanted).failures == {}
        check(desk, flow, wanted)
        assert watch.received() == len(desk.github.seen) > 0
    assert watch.objections() == []


class Recorded:
    """A client of which one knows what of it was used."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.used: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        """Return what the client has."""
        self.used.add(name)
        return getattr(self._client, name)


def test_every_request_of_a_client_keeps_to_the_description(prism: Prism) -> None:
    """Also those that no flow makes."""
    watch = prism.watch()
    passing = Time()
    with running(FakeGithub(clock=passing.clock)) as github:
        prism.guard(github)
        with client_of(github, passing) as client:
            one = Recorded(client)
            use(one)
        assert watch.received() == len(github.seen)
    public = {name for name in vars(Client) if not name.startswith("_")}
    assert public - one.used == {"close"}
    assert watch.objections() == []


def use(client: Any) -> None:
    """Make every request that there is."""
    client.repository(), client.login(), client.types, client.milestones
    client.ensure_labels([Label("fivewhys", "d73a4a", "Filed by fivewhys")])
    assert client.is_assignable("triager")
    assert client.permission("triager") == "read"
    fields = {
        "title": "It fails",
        "labels": ("fivewhys",),
        "type": "Bug",
        "assignees": ("triager",),
    }
    first, second, third = (client.create(fields).number for _ in range(3))
    client.edit(first, {"title": "It fails again", "body": "", "milestone": "", "type": ""})
    comment = client.comment(first, "It was seen.")
    client.edit_comment(first, comment.id, "It was seen twice.")
    assert [one.body for one in client.comments(first, since=1)] == ["It was seen twice."]
    client.label(first, ["quiet"])
    client.unlabel(first, "quiet")
    client.unlabel(first, "never there")
    client.assign(first, ["maintainer"])
    client.unassign(first, ["maintainer"])
    child = client.issue(second).id
    client.add_sub_issue(first, child)
    assert client.sub_issues(first) == (child,)
    client.remove_sub_issue(first, child)
    client.close_issue(first)
    client.reopen(first)
    client.close_as_duplicate(third, client.issue(first).id)
    assert client.events(third)
    assert client.newest("fivewhys")
    assert not client.newest("never there")
    assert len(client.issues("fivewhys", since=1)) == 3
    assert len(client.recent(100)) == 3


def test_an_app_keeps_to_the_description(prism: Prism, keys: tuple[str, str]) -> None:
    """It asks for a token, and who it is."""
    watch = prism.watch()
    private, public = keys
    passing = Time()
    with running(FakeGithub(clock=passing.clock)) as github:
        github.state.app.public_key = public
        prism.guard(github)
        app = App(str(github.state.app.id), Secret(private), github.state.app.installation)
        who = Credentials(HERE, github.base, app=app)
        with client_of(github, passing, credentials=who) as client:
            assert client.login().endswith("[bot]")
            assert client.create({"title": "It fails"}).number == 1
    assert watch.objections() == []


# --- what Prism is worth --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("POST", ISSUES, {"body": "It fails"}),
        ("POST", ISSUES, {"title": "It fails", "labels": "fivewhys"}),
        ("PATCH", f"{ISSUES}/1", {"state": "shut"}),
        ("POST", f"{ISSUES}/1/comments", {"text": "It fails"}),
        ("GET", f"{ISSUES}?state=some", None),
        ("GET", f"{ISSUES}/1/notes", None),
    ],
)
def test_a_request_that_is_not_as_described_is_noticed(
    prism: Prism, verb: str, path: str, body: object
) -> None:
    """It does not reach the fake."""
    watch = prism.watch()
    with running(FakeGithub()) as github:
        prism.guard(github)
        ask(verb, f"{prism.base}{path}", body)
        assert github.seen == []
    assert len(watch.objections()) == 1


class Careless(FakeGithub):
    """A fake that answers what GitHub never would."""

    def exchange(self, request: Request) -> Outcome:
        """Answer with something."""
        del request
        return Outcome(201, {"Content-Type": "application/json"}, b'{"number": "one"}')


def test_an_answer_that_is_not_as_described_is_noticed(prism: Prism) -> None:
    """A fake that says what GitHub would not say proves nothing."""
    watch = prism.watch()
    with running(Careless()) as github:
        prism.guard(github)
        ask("POST", f"{prism.base}{ISSUES}", {"title": "It fails"})
    assert len(watch.objections()) == 1


def ask(verb: str, url: str, body: object) -> None:
    """Make a request as no client of ours would."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    requests.request(verb, url, json=body, headers=headers, timeout=10)
