"""Issues that are no longer where they were, or take nothing more."""

import pytest
from github import Github
from github.GithubException import GithubException

from . import BOT, FakeGithub
from .conftest import Ask
from .state import Token

HERE, THERE = "example/platform", "example/attic"
ISSUES = f"/repos/{HERE}/issues"
APP = "ghs_of_a_test"


@pytest.fixture
def app(quick: FakeGithub, ask: Ask) -> Ask:
    """Return what asks as the App's installation does."""
    quick.state.tokens[APP] = Token(BOT, app=True)
    return lambda verb, target, body=None: ask(verb, target, body, token=APP)


def test_a_transferred_issue_is_found_by_a_client(client: Github, github: FakeGithub) -> None:
    """GitHub sends the client on, to the id of the new repository; changes go there, too."""
    github.state.add_repository(THERE)
    issue = client.get_repo(HERE).create_issue("Title", "body", labels=["bug", "own"])
    issue.create_comment("before")
    before = issue.id
    github.people.transfer(HERE, 1, THERE)
    issue.edit(body="changed")
    moved = client.get_repo(HERE).get_issue(1)
    assert moved.url.endswith(f"/repos/{THERE}/issues/1")
    assert (moved.body, moved.comments, moved.id != before) == ("changed", 1, True)
    assert [label.name for label in moved.labels] == ["bug"]
    assert list(client.get_repo(HERE).get_issues(state="all")) == []


def test_where_a_transferred_issue_went_is_said(quick: FakeGithub, ask: Ask) -> None:
    """301 where the description has it, 404 elsewhere and for who may not see the new place."""
    attic = quick.state.add_repository(THERE)
    quick.people.open_issue(HERE, "Title")
    quick.people.transfer(HERE, 1, THERE)
    moved = ask("GET", f"{ISSUES}/1/labels")
    assert moved.status == 301
    assert moved.headers["Location"].endswith(f"/repositories/{attic.id}/issues/1/labels")
    assert moved.json["url"] == moved.headers["Location"]
    assert ask("POST", f"{ISSUES}/1/comments", {"body": "hm"}).status == 404
    del attic.roles["maintainer"]
    assert ask("GET", f"{ISSUES}/1").status == 404


def test_a_renamed_repository_is_found_under_its_old_name(quick: FakeGithub, ask: Ask) -> None:
    """GitHub sends on to its id, with the question; the new name works at once."""
    quick.people.open_issue(HERE, "Title")
    quick.people.rename_repository(HERE, "example/base")
    number = quick.state.repositories["example/base"].id
    moved = ask("GET", f"{ISSUES}?state=all&labels=a+b")
    assert moved.status == 301
    there = f"/repositories/{number}/issues?state=all&labels=a+b"
    assert moved.headers["Location"] == quick.base + there
    assert ask("GET", f"/repos/{HERE}").headers["Location"].endswith(f"/repositories/{number}")
    assert ask("GET", f"/repositories/{number}/issues").json[0]["title"] == "Title"
    assert ask("GET", "/repos/example/base/issues/1").json["title"] == "Title"


def test_a_deleted_issue_is_gone(quick: FakeGithub, ask: Ask) -> None:
    """410 with GitHub's words; a listing knows it no more and its number is not used again."""
    quick.people.open_issue(HERE, "Title")
    quick.people.delete(HERE, 1)
    gone = ask("GET", f"{ISSUES}/1")
    assert (gone.status, gone.json["message"]) == (410, "This issue was deleted")
    assert ask("PATCH", f"{ISSUES}/1", {"title": "x"}).status == 410
    assert ask("DELETE", f"{ISSUES}/1/lock").status == 404
    assert ask("GET", f"{ISSUES}?state=all").json == []
    assert ask("POST", ISSUES, {"title": "Title"}).json["number"] == 2


def test_a_repository_may_have_no_issues(quick: FakeGithub, ask: Ask) -> None:
    """410 for what is filed or read, until they are switched on again."""
    quick.people.open_issue(HERE, "Title")
    quick.people.enable_issues(HERE, enabled=False)
    for refused in (ask("POST", ISSUES, {"title": "Title"}), ask("GET", f"{ISSUES}/1")):
        assert (refused.status, refused.json["message"]) == (
            410,
            "Issues are disabled for this repo",
        )
    quick.people.enable_issues(HERE, enabled=True)
    assert ask("GET", f"{ISSUES}/1").status == 200


def test_the_app_can_not_comment_on_a_locked_issue(quick: FakeGithub, ask: Ask, app: Ask) -> None:
    """It may change the issue, and people who may write go on talking."""
    quick.people.open_issue(HERE, "Title")
    quick.people.lock_issue(HERE, 1, "resolved")
    refused = app("POST", f"{ISSUES}/1/comments", {"body": "hm"})
    assert refused.status == 403
    assert refused.json["message"] == "Unable to create comment because issue is locked."
    assert app("POST", f"{ISSUES}/1/reactions", {"content": "eyes"}).status == 403
    assert app("PATCH", f"{ISSUES}/1", {"body": "changed"}).json["active_lock_reason"] == "resolved"
    assert ask("POST", f"{ISSUES}/1/comments", {"body": "hm"}).status == 201
    reader = ask("POST", f"{ISSUES}/1/comments", {"body": "hm"}, token="token-of-reader")
    assert reader.status == 403
    quick.people.unlock_issue(HERE, 1)
    assert app("POST", f"{ISSUES}/1/comments", {"body": "hm"}).status == 201


def test_a_conversation_is_locked_and_unlocked(client: Github) -> None:
    """By who may write, with a reason."""
    issue = client.get_repo(HERE).create_issue("Title")
    issue.lock("too heated")
    issue.update()
    assert (issue.locked, issue.active_lock_reason) == (True, "too heated")
    issue.unlock()
    assert not client.get_repo(HERE).get_issue(1).locked


def test_a_discussion_leaves_a_closed_and_locked_issue(quick: FakeGithub, ask: Ask) -> None:
    """Nobody can comment on what remains, and its history says why."""
    quick.people.open_issue(HERE, "Title")
    quick.people.convert_to_discussion(HERE, 1)
    left = ask("GET", f"{ISSUES}/1").json
    assert (left["state"], left["locked"]) == ("closed", True)
    assert ask("POST", f"{ISSUES}/1/comments", {"body": "hm"}).status == 403
    events = ask("GET", f"{ISSUES}/1/events").json
    assert events[-1]["event"] == "converted_to_discussion"


@pytest.mark.parametrize("number", ["7", "x"])
def test_what_never_was_is_not_found(ask: Ask, number: str) -> None:
    """An issue without a number that exists, whatever is asked of it."""
    assert ask("GET", f"{ISSUES}/{number}").status == 404
    assert ask("GET", f"/repos/example/nowhere/issues/{number}").status == 404


def test_an_error_names_its_documentation(client: Github) -> None:
    """Errors have GitHub's message, the status as text and the operation's page."""
    with pytest.raises(GithubException) as refused:
        client.get_repo(HERE).get_issue(7)
    assert refused.value.data == {
        "message": "Not Found",
        "documentation_url": "https://docs.github.com/rest/issues/issues#get-an-issue",
        "status": "404",
    }
