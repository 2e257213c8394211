"""Who may do what, how often, and what each answer says about it."""

import time
from base64 import b64encode
from typing import Any

import jwt
import pytest
from github import Auth, Github, GithubIntegration
from github.GithubException import BadCredentialsException, GithubException

from . import BOT, TOKEN, FakeGithub, Limits, Request, running
from .conftest import NOON, Ask, client_of
from .state import Token

HERE = "example/platform"
ISSUES = f"/repos/{HERE}/issues"


def test_nobody_comes_in_without_a_token(quick: FakeGithub, ask: Ask) -> None:
    """No token, an unknown one, a broken one: 401 in GitHub's words."""
    nothing = quick.exchange(Request("GET", "/user"))
    assert (nothing.status, nothing.json["message"]) == (401, "Requires authentication")
    assert ask("GET", "/user", token="wrong").json["message"] == "Bad credentials"
    assert quick.exchange(Request("GET", "/user", {"authorization": "Basic %"})).status == 401
    secret = b64encode(f"maintainer:{TOKEN}".encode()).decode()
    known = quick.exchange(Request("GET", "/user", {"authorization": f"Basic {secret}"}))
    assert known.json["login"] == "maintainer"


@pytest.mark.parametrize(
    ("login", "verb", "target", "body", "status"),
    [
        ("stranger", "GET", f"/repos/{HERE}", None, 404),
        ("reader", "POST", ISSUES, {"title": "x"}, 201),
        ("reader", "PATCH", f"{ISSUES}/1", {"title": "x"}, 403),
        ("reader", "POST", f"{ISSUES}/1/labels", {"labels": ["bug"]}, 403),
        ("triager", "POST", f"{ISSUES}/1/labels", {"labels": ["bug"]}, 200),
        ("triager", "PATCH", f"{ISSUES}/1", {"state": "closed"}, 200),
        ("triager", "PUT", f"{ISSUES}/1/lock", None, 403),
        ("triager", "POST", f"/repos/{HERE}/labels", {"name": "x"}, 403),
        ("maintainer", "PUT", f"{ISSUES}/1/lock", {"lock_reason": "spam"}, 204),
        ("maintainer", "DELETE", f"{ISSUES}/1/lock", None, 204),
    ],
)
def test_a_role_decides_what_somebody_may_do(  # noqa: PLR0913, PLR0917 - the columns of a table
    quick: FakeGithub, ask: Ask, login: str, verb: str, target: str, body: object, status: int
) -> None:
    """Who may not read does not learn that it exists; the others hear that they may not."""
    quick.people.open_issue(HERE, "Title")
    token = TOKEN if login == "maintainer" else f"token-of-{login}"
    assert ask(verb, target, body, token=token).status == status


def test_without_the_right_to_triage_labels_are_dropped(ask: Ask) -> None:
    """The issue is filed, without a word about its labels, assignees and type."""
    said = {"title": "x", "labels": ["bug"], "assignees": ["nobody"], "type": "Bug"}
    made = ask("POST", ISSUES, said, token="token-of-reader").json
    assert (made["labels"], made["assignees"], made["type"]) == ([], [], None)
    changed = ask("PATCH", f"{ISSUES}/1", {"labels": ["bug"], "title": "y"}, "token-of-reader")
    assert (changed.json["labels"], changed.json["title"]) == ([], "y")


def test_a_comment_is_edited_by_its_author_or_who_may_write(quick: FakeGithub, ask: Ask) -> None:
    """A reader can't change what another one said."""
    quick.people.open_issue(HERE, "Title")
    comment = quick.people.comment(HERE, 1, "mine", by="triager")
    where = f"{ISSUES}/comments/{comment.id}"
    assert ask("PATCH", where, {"body": "x"}, token="token-of-reader").status == 403
    assert ask("PATCH", where, {"body": "x"}, token="token-of-triager").status == 200
    assert ask("PATCH", where, {"body": "x"}).status == 200


@pytest.mark.parametrize(
    ("login", "permission", "role"),
    [
        ("admin", "admin", "admin"),
        ("maintainer", "write", "write"),
        ("triager", "read", "triage"),
        ("reader", "read", "read"),
        ("stranger", "none", "none"),
    ],
)
def test_what_somebody_may_do_can_be_asked(
    client: Github, login: str, permission: str, role: str
) -> None:
    """`permission` has four values, `role_name` all."""
    repository = client.get_repo(HERE)
    assert repository.get_collaborator_permission(login) == permission
    assert repository.get_collaborator_role_name(login) == role


def test_people_can_be_given_roles(github: FakeGithub, client: Github) -> None:
    """Also somebody new; who does not exist has none."""
    github.people.give_role(HERE, "newcomer", "maintain")
    repository = client.get_repo(HERE)
    assert repository.get_collaborator_permission("newcomer") == "write"
    assert repository.permissions.push
    assert client.get_user("newcomer").login == "newcomer"
    with pytest.raises(GithubException) as unknown:
        repository.get_collaborator_permission("nobody")
    assert unknown.value.status == 404


def test_the_app_works_through_its_installation(github: FakeGithub, keys: tuple[str, str]) -> None:
    """It signs a claim, gets a token, and files as a bot; a client does so by itself."""
    private, github.state.app.public_key = keys
    auth = Auth.AppAuth(1, private)
    client = client_of(github, auth.get_installation_auth(2))
    issue = client.get_repo(HERE).create_issue("Title", labels=["bug"])
    assert (issue.user.login, issue.user.type) == (BOT, "Bot")
    assert issue.performed_via_github_app.slug == "fivewhys"
    assert [label.name for label in issue.labels] == ["bug"]
    with GithubIntegration(auth=auth, base_url=github.base) as app:
        assert app.get_app().slug == "fivewhys"
        assert app.get_app_installation(2).id == 2
    with pytest.raises(GithubException) as refused:
        client.get_user().login  # noqa: B018 - reading it asks for it
    assert refused.value.data["message"] == "Resource not accessible by integration"


def test_a_token_of_the_app_lasts_an_hour(github: FakeGithub, keys: tuple[str, str]) -> None:
    """A client that goes by its own clock has to take a 401 for what it is."""
    private, github.state.app.public_key = keys
    client = client_of(github, Auth.AppAuth(1, private).get_installation_auth(2))
    assert client.get_repo(HERE).full_name == HERE
    github.clock.advance(3601)
    with pytest.raises(BadCredentialsException):
        client.get_repo(HERE)


def test_the_app_may_do_what_it_was_installed_for(quick: FakeGithub, ask: Ask) -> None:
    """Without the permission to write issues it only reads."""
    quick.state.app.permissions = {"issues": "read", "metadata": "read"}
    quick.state.tokens["ghs"] = Token(BOT, app=True)
    quick.people.open_issue(HERE, "Title")
    refused = ask("POST", ISSUES, {"title": "x"}, token="ghs")
    assert refused.status == 403
    assert refused.json["message"] == "Resource not accessible by integration"
    assert ask("GET", f"{ISSUES}/1", token="ghs").status == 200


@pytest.mark.parametrize(
    ("claim", "installation", "status"),
    [
        ({}, 2, 201),
        ({}, 3, 404),
        ({"iss": "7"}, 2, 401),
        ({"exp": NOON + 3600}, 2, 401),
        ({"exp": NOON - 1}, 2, 401),
        ({"iat": NOON + 300}, 2, 401),
    ],
)
def test_a_claim_is_checked(  # noqa: PLR0913, PLR0917 - the columns of a table
    quick: FakeGithub,
    ask: Ask,
    keys: tuple[str, str],
    claim: dict[str, Any],
    installation: int,
    status: int,
) -> None:
    """The issuer is the App, and the claim ends in the next ten minutes."""
    private, quick.state.app.public_key = keys
    said = {"iat": NOON - 60, "exp": NOON + 300, "iss": "1", **claim}
    signed = jwt.encode(said, private, algorithm="RS256")
    where = f"/app/installations/{installation}/access_tokens"
    assert ask("POST", where, {"permissions": {}}, token=signed).status == status


def test_a_claim_needs_the_right_key(quick: FakeGithub, ask: Ask, keys: tuple[str, str]) -> None:
    """What cannot be verified is nobody's; a claim opens nothing but the App's own addresses."""
    private, public = keys
    said = {"iat": NOON - 60, "exp": NOON + 300, "iss": "1"}
    signed = jwt.encode(said, private, algorithm="RS256")
    assert ask("GET", "/app", token=signed).status == 401
    quick.state.app.public_key = public
    assert ask("GET", "/app", token=f"{signed[:-6]}AAAAAA").status == 401
    assert ask("GET", "/app", token=signed).status == 200
    assert ask("GET", f"/repos/{HERE}", token=signed).status == 403
    assert ask("GET", "/app").status == 401
    asked = {"permissions": {"issues": "write", "contents": "write"}}
    where = "/app/installations/2/access_tokens"
    assert ask("POST", where, asked, token=signed).status == 422
    granted = ask("POST", where, {"permissions": {"issues": "read"}}, token=signed)
    assert granted.json["permissions"] == {"issues": "read"}


def test_what_has_not_changed_is_not_sent_again(quick: FakeGithub, ask: Ask) -> None:
    """304 without a body costs no call; a change has another tag."""
    quick.people.open_issue(HERE, "Title")
    first = ask("GET", f"{ISSUES}/1")
    known = {"if-none-match": first.headers["ETag"]}
    again = ask("GET", f"{ISSUES}/1", headers=known)
    assert (again.status, again.content) == (304, b"")
    left = "X-RateLimit-Remaining"
    assert again.headers[left] == first.headers[left]
    quick.people.comment(HERE, 1, "hm")
    changed = ask("GET", f"{ISSUES}/1", headers=known)
    assert changed.status == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


def test_a_client_asks_whether_something_changed(client: Github, github: FakeGithub) -> None:
    """`update` of a client's object is a conditional request."""
    issue = client.get_repo(HERE).create_issue("Title")
    issue = client.get_repo(HERE).get_issue(1)
    assert not issue.update()
    github.people.rename(HERE, 1, "Other")
    assert issue.update()
    assert issue.title == "Other"
    assert [call.status for call in github.calls("issues/get")] == [200, 304, 200]


def test_each_answer_says_how_much_is_left(ask: Ask) -> None:
    """The headers of GitHub's limits, an id, and the version that was asked for."""
    headers = ask("GET", "/user", headers={"x-github-api-version": "2022-11-28"}).headers
    assert headers["X-RateLimit-Limit"] == "5000"
    assert headers["X-RateLimit-Remaining"] == "4999"
    assert headers["X-RateLimit-Used"] == "1"
    assert headers["X-RateLimit-Reset"] == str(int(NOON) + 3601)
    assert headers["X-RateLimit-Resource"] == "core"
    assert headers["X-GitHub-Request-Id"]
    assert headers["X-GitHub-Api-Version-Selected"] == "2022-11-28"
    assert headers["Content-Type"] == "application/json; charset=utf-8"


def test_calls_are_counted_by_the_hour(quick: FakeGithub, ask: Ask) -> None:
    """When they are used up GitHub says until when; each caller has calls of their own."""
    quick.limits = Limits(an_hour=2)
    assert [ask("GET", "/user").status for _ in range(3)] == [200, 200, 403]
    refused = ask("GET", "/user")
    assert refused.json["message"].startswith("API rate limit exceeded")
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert ask("GET", "/rate_limit").json["rate"]["remaining"] == 0
    assert ask("GET", "/user", token="token-of-admin").status == 200
    quick.clock.advance(3600)
    assert ask("GET", "/user").status == 200


@pytest.mark.parametrize(
    ("limits", "first_wait", "then_wait"),
    [(Limits(writes_a_minute=2), 60, 0), (Limits(writes_an_hour=2), 3000, 600)],
)
def test_writes_are_counted_apart(
    quick: FakeGithub, ask: Ask, limits: Limits, first_wait: float, then_wait: float
) -> None:
    """Too many in a minute or an hour: the secondary limit, which says how long to wait."""
    quick.limits = limits
    said = {"title": "Title"}
    assert [ask("POST", ISSUES, said).status for _ in range(3)] == [201, 201, 403]
    refused = ask("POST", ISSUES, said)
    assert refused.json["message"].startswith("You have exceeded a secondary rate limit")
    assert refused.headers["Retry-After"] == "60"
    assert ask("GET", ISSUES).status == 200
    quick.clock.advance(first_wait)
    assert ask("POST", ISSUES, said).status == (403 if then_wait else 201)
    quick.clock.advance(then_wait)
    assert ask("POST", ISSUES, said).status == 201


def test_much_at_once_is_too_much(quick: FakeGithub, ask: Ask) -> None:
    """A write counts as five reads, and there are so many in a minute."""
    quick.limits = Limits(points_a_minute=11)
    assert [ask("POST", ISSUES, {"title": "x"}).status for _ in range(2)] == [201, 201]
    assert [ask("GET", ISSUES).status for _ in range(2)] == [200, 403]
    quick.clock.advance(61)
    assert ask("GET", ISSUES).status == 200


def test_an_enterprise_server_has_its_api_under_a_path() -> None:
    """All addresses in answers have that path, so that a client finds its way."""
    with running(prefix="/api/v3") as github:
        client = client_of(github)
        issue = client.get_repo(HERE).create_issue("Title")
        issue.create_comment("hm")
        assert issue.url == f"{github.base}/repos/{HERE}/issues/1"
        assert [call.path for call in github.seen][1:] == [ISSUES, f"{ISSUES}/1/comments"]


def test_the_clock_is_the_machines_unless_it_is_moved() -> None:
    """A fake that is used by hand lives in the present."""
    fake = FakeGithub()
    assert abs(fake.clock.now().timestamp() - time.time()) < 60
