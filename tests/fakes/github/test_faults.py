"""What goes wrong when it is told to, seen from the other end of the connection."""

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import requests

from . import FAULTS, TOKEN, FakeGithub
from .conftest import Ask
from .faults import parse

HERE = "example/platform"
ISSUES = f"/repos/{HERE}/issues"
AUTH = {"Authorization": f"Bearer {TOKEN}"}

Send = Callable[..., requests.Response]


@pytest.fixture
def send(github: FakeGithub) -> Send:
    """Return what sends a request to the fake, with little patience and without trying again."""

    def send(verb: str, path: str, body: object = None, patience: float = 5) -> requests.Response:
        return requests.request(
            verb,
            github.base + path,
            json=body,
            headers=AUTH,
            timeout=patience,
            allow_redirects=False,
        )

    return send


def titles(github: FakeGithub) -> list[str]:
    """Return the titles of all issues."""
    return [issue.title for issue in github.state.repositories[HERE].issues.values()]


@pytest.mark.parametrize(
    ("fault", "raised", "filed"),
    [
        ("timeout-before", requests.ReadTimeout, []),
        ("timeout-after", requests.ReadTimeout, ["x"]),
        ("reset-before", requests.ConnectionError, []),
        ("reset-after", requests.ConnectionError, ["x"]),
        ("truncated", requests.exceptions.ChunkedEncodingError, ["x"]),
    ],
)
def test_a_connection_breaks_before_or_after_the_effect(
    github: FakeGithub, send: Send, fault: str, raised: type[Exception], filed: list[str]
) -> None:
    """The client sees the same; whether the issue was filed it can't know. The next call works."""
    github.fail(f"issues/create #1 = {fault}")
    with pytest.raises(raised):
        send("POST", ISSUES, {"title": "x"}, patience=0.3)
    assert titles(github) == filed
    assert send("POST", ISSUES, {"title": "y"}).status_code == 201
    assert [call.fault for call in github.calls("issues/create")] == [fault, ""]


@pytest.mark.parametrize(
    ("fault", "status", "message", "headers"),
    [
        ("401", 401, "Bad credentials", {}),
        ("403-primary:30", 403, "API rate limit exceeded for", {"X-RateLimit-Remaining": "0"}),
        ("403-secondary", 403, "You have exceeded a secondary rate limit", {}),
        ("403-secondary:7", 403, "You have exceeded a secondary rate limit", {"Retry-After": "7"}),
        ("403-forbidden", 403, "Resource not accessible by integration", {}),
        ("404", 404, "Not Found", {}),
        ("410", 410, "This issue was deleted", {}),
        ("422", 422, "Validation Failed", {}),
        ("429", 429, "You have exceeded a secondary rate limit", {}),
        ("429:9", 429, "You have exceeded a secondary rate limit", {"Retry-After": "9"}),
        ("429-primary", 429, "API rate limit exceeded for", {"X-RateLimit-Remaining": "0"}),
        ("500", 500, "Server Error", {}),
        ("502", 502, "<title>502</title>", {"Content-Type": "text/html"}),
        ("503:3", 503, "<title>503</title>", {"Retry-After": "3"}),
    ],
)
def test_an_answer_is_an_error_of_githubs(  # noqa: PLR0913, PLR0917 - the columns of a table
    github: FakeGithub, send: Send, fault: str, status: int, message: str, headers: dict[str, str]
) -> None:
    """Status, words and headers are GitHub's; nothing was done."""
    github.fail(f"POST {ISSUES} = {fault}")
    refused = send("POST", ISSUES, {"title": "x"})
    assert refused.status_code == status
    assert message in refused.text
    assert {name: refused.headers.get(name) for name in headers} == headers
    assert ("Retry-After" in refused.headers) == ("Retry-After" in headers)
    assert titles(github) == []


def test_the_reset_of_a_primary_limit_lies_ahead(github: FakeGithub, send: Send) -> None:
    """So many seconds after now as the rule says."""
    github.fail("* = 403-primary:30")
    reset = int(send("GET", ISSUES).headers["X-RateLimit-Reset"])
    assert 0 < reset - time.time() <= 31


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_broken_server_may_have_done_it(github: FakeGithub, send: Send, status: int) -> None:
    """The answer is the error, and the issue is there."""
    github.fail(f"issues/create = {status}-after")
    assert send("POST", ISSUES, {"title": "x"}).status_code == status
    assert titles(github) == ["x"]


def test_an_answer_may_be_slow(github: FakeGithub, send: Send) -> None:
    """It comes whole, if the client has the patience."""
    github.fail("issues/create = slow:0.3")
    began = time.monotonic()
    assert send("POST", ISSUES, {"title": "x"}).json()["title"] == "x"
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize("what", ["", "/1/comments"])
def test_a_listing_may_lag_behind(github: FakeGithub, send: Send, what: str) -> None:
    """What is new appears in the second listing only; what was listed before stays."""
    github.people.open_issue(HERE, "old")
    github.people.comment(HERE, 1, "old")
    assert len(send("GET", f"{ISSUES}{what}").json()) == 1
    github.fail("issues/list* = stale")
    send(
        "POST", f"{ISSUES}{what}", {"title": "new", "body": "new"} if not what else {"body": "new"}
    )
    listed = [len(send("GET", f"{ISSUES}{what}").json()) for _ in range(2)]
    assert listed == [1, 2]


@pytest.mark.parametrize(("fault", "filed"), [("kill-before", []), ("kill-after", ["x"])])
def test_the_client_is_killed_at_a_call(
    github: FakeGithub, send: Send, fault: str, filed: list[str]
) -> None:
    """The hook is called when the effect is or is not there yet; there is no answer."""
    seen: list[list[str]] = []
    github.kill = lambda: seen.append(titles(github))
    github.fail(f"issues/create = {fault}")
    with pytest.raises(requests.ConnectionError):
        send("POST", ISSUES, {"title": "x"})
    assert seen == [filed]


@pytest.mark.parametrize(
    ("when", "struck"),
    [("", [1, 2, 3, 4, 5, 6]), ("#2", [2]), ("#1, 3-4", [1, 3, 4]), ("%1", [1, 2, 3, 4, 5, 6])],
)
def test_a_rule_says_at_which_calls(
    quick: FakeGithub, ask: Ask, when: str, struck: list[int]
) -> None:
    """All, those with certain numbers, or each with a chance; other calls are not counted."""
    quick.fail(f"users/* {when} = 500")
    statuses = [(ask("GET", "/user").status, ask("GET", ISSUES).status) for _ in range(6)]
    assert [number for number, (status, _) in enumerate(statuses, 1) if status == 500] == struck
    assert {status for _, status in statuses} == {200}


def test_chance_is_the_same_each_time() -> None:
    """With a seed the same calls fail again."""

    def failing() -> list[bool]:
        github = FakeGithub()
        github.fail("* %0.5 = 500")
        return [github.faults.strike("GET", "/user", "x") is not None for _ in range(50)]

    assert failing() == failing()
    assert {True, False} == set(failing())


def test_the_first_of_several_rules_decides(quick: FakeGithub, ask: Ask) -> None:
    """All of them count the call."""
    quick.fail("GET /user #2 = 404; users/* #2,3 = 500")
    assert [ask("GET", "/user").status for _ in range(4)] == [200, 404, 500, 200]


def test_rules_have_a_place_a_time_and_a_fault() -> None:
    """As they are written, with or without blanks."""
    first, second = parse("POST  /repos/*/issues #1,3-4=timeout-after:0.5; * %0.25 = 502 ;")
    assert (first.where, first.calls) == ("POST /repos/*/issues", frozenset({1, 3, 4}))
    assert (first.fault.name, first.fault.seconds, first.fault.after) == (
        "timeout-after",
        0.5,
        True,
    )
    assert (second.where, second.chance, second.fault.name) == ("*", 0.25, "502")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("issues/create", "'issues/create' is no rule; one is: "),
        ("issues/create = 418", "'418' is no fault; there are: 401, "),
        ("= 500", "'= 500' is no rule"),
    ],
)
def test_what_is_no_rule_is_refused(text: str, said: str) -> None:
    """The message has the rule and what would be one."""
    with pytest.raises(ValueError, match="^" + said):
        parse(text)


def test_a_mistake_of_the_fakes_is_no_fault(github: FakeGithub, send: Send) -> None:
    """Where it breaks of its own accord it says so, and a test fails."""
    github.people.open_issue(HERE, "x").labels.append("lost")
    with pytest.raises(requests.ConnectionError):
        send("GET", ISSUES)
    (problem,) = github.violations
    assert problem.startswith("the fake broke:\n")
    assert f"{HERE} has no label lost" in problem
    github.violations.clear()


def test_each_call_is_noted_with_its_time(quick: FakeGithub, ask: Ask) -> None:
    """So that a test can tell how the calls were paced."""
    for _ in range(3):
        ask("POST", ISSUES, {"title": "x"})
        quick.clock.advance(1.5)
    times = [call.at for call in quick.calls("issues/create")]
    assert [later - earlier for earlier, later in pairwise(times)] == [1.5, 1.5]


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_each_fault_can_befall_each_kind_of_call(quick: FakeGithub, ask: Ask, fault: str) -> None:
    """None of them breaks the fake, whatever the call."""
    quick.fail(f"* = {fault}")
    issue = ask("POST", ISSUES, {"title": "x"})
    calls: list[Any] = [issue, ask("GET", ISSUES), ask("DELETE", f"{ISSUES}/1/lock")]
    assert [one.fault.name for one in calls] == [fault] * 3
