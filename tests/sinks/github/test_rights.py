"""What GitHub shows of a repository, and what is told of it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.audit import SECOND
from pipeline.checkup import Finding, State, clock, tracked
from pipeline.sinks.github.credentials import App, Credentials, Secret
from pipeline.sinks.github.failures import Denied, NeverReached
from pipeline.sinks.github.rights import look_at
from pipeline.tracker.marker import Mark, Side, Signer
from tests.fakes.github import TOKEN, FakeGithub, running
from tests.fakes.github.state import Label, Repository

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = "example/platform"
KEY = b"a key of sixteen bytes or more"
MARK = Mark(Side.BEGIN, "inc-1")


@pytest.fixture
def github() -> Iterator[FakeGithub]:
    """Lend a fake GitHub by the machine's own clock."""
    with running(FakeGithub()) as fake:
        yield fake


def repository(github: FakeGithub) -> Repository:
    """Return the one repository."""
    return github.state.repositories[HERE]


def by_token(github: FakeGithub, token: str = TOKEN) -> Credentials:
    """Return who we are, with a token."""
    return Credentials(HERE, github.base, Secret(token))


def by_app(github: FakeGithub, keys: tuple[str, str]) -> Credentials:
    """Return who we are, as the App."""
    github.state.app.public_key = keys[1]
    return Credentials(HERE, github.base, app=App("1", Secret(keys[0]), 2))


def found(credentials: Credentials) -> list[Finding]:
    """Look, and judge."""
    return [*tracked(look_at(credentials, [KEY], "fivewhys", 5), "fivewhys")]


def told(credentials: Credentials, *states: State) -> list[str]:
    """Return what is found of some states."""
    return [one.text for one in found(credentials) if one.state in states]


def test_a_repository_with_a_fine_grained_token(github: FakeGithub) -> None:
    """All is well, as far as GitHub tells."""
    assert told(by_token(github), State.OK) == [
        "example/platform is there and has issues",
        "example/platform has no label fivewhys; it is made when first needed",
        "example/platform: no issue bears it yet",
    ]
    (unknown,) = told(by_token(github), State.UNKNOWN)
    assert "needs Issues: write and Metadata: read for example/platform" in unknown
    assert not told(by_token(github), State.WRONG, State.NOTE)


def test_a_classic_token_says_its_scopes(github: FakeGithub) -> None:
    """A private repository takes `repo`, a public one less."""
    token = github.state.tokens[TOKEN]
    token.scopes = "public_repo, read:org"
    (wrong,) = (one for one in found(by_token(github)) if one.state is State.WRONG)
    assert "lacks the scope repo" in wrong.text
    assert wrong.command == "gh auth refresh --scopes repo"
    repository(github).private = False
    assert not told(by_token(github), State.WRONG)
    repository(github).private = True
    token.scopes = "repo"
    assert not told(by_token(github), State.WRONG)


def test_whoever_may_only_read_cannot_label(github: FakeGithub) -> None:
    """The role is named that it takes."""
    (wrong,) = told(by_token(github, "token-of-reader"), State.WRONG)
    assert "need the role triage" in wrong


@pytest.mark.parametrize(
    ("setting", "command"),
    [
        ({"has_issues": False}, f"gh repo edit {HERE} --enable-issues"),
        ({"archived": True}, f"gh repo unarchive {HERE}"),
    ],
)
def test_where_no_issue_can_be_written(
    github: FakeGithub, setting: dict[str, bool], command: str
) -> None:
    """The command changes that."""
    for name, value in setting.items():
        setattr(repository(github), name, value)
    assert [one.command for one in found(by_token(github)) if one.state is State.WRONG] == [command]


def test_an_app_says_what_it_was_granted(github: FakeGithub, keys: tuple[str, str]) -> None:
    """One that lacks a right is not tried further."""
    credentials = by_app(github, keys)
    assert told(credentials, State.OK)[:3] == [
        "the App has issues: write",
        "the App has metadata: read",
        "example/platform is there and has issues",
    ]
    github.state.app.permissions = {"issues": "read", "metadata": "read"}
    (wrong,) = told(credentials, State.WRONG)
    assert wrong.startswith("the App lacks issues: write for example/platform; change its")
    assert "settings/installations/2" in wrong
    assert told(credentials, State.UNKNOWN) == [
        "example/platform was not looked at, because the App lacks rights"
    ]


def test_the_key_is_held_against_the_issues_that_there_are(github: FakeGithub) -> None:
    """With another key, none of them is found again."""
    place = repository(github)
    place.labels.append(Label(github.state.new_id(), "FiveWhys", "ededed"))
    body = Signer(KEY, str(place.id)).write(MARK)
    for text in (body, "Nothing of ours."):
        issue = github.people.open_issue(HERE, "Something failed", text, by="maintainer")
        github.people.label(HERE, issue.number, ["fivewhys"], by="maintainer")
    assert f"{HERE} has label fivewhys" in told(by_token(github), State.OK)
    assert f"{HERE}: it signed 1 of the last issues" in told(by_token(github), State.OK)
    another = b"quite another key of ours"
    assert look_at(by_token(github), [another, KEY], "fivewhys", 5).signed == (1, 0)
    other = look_at(by_token(github), [another], "fivewhys", 5)
    assert other.signed == (0, 1)
    assert [one.check for one in tracked(other, "fivewhys") if one.state is State.WRONG] == [
        "marker key"
    ]


def test_a_clock_that_is_off(github: FakeGithub) -> None:
    """By GitHub's answers, to the second."""
    assert clock(look_at(by_token(github), [KEY], "fivewhys", 5).skew).state is State.OK
    github.clock.advance(-100)
    skew = look_at(by_token(github), [KEY], "fivewhys", 5).skew
    assert skew is not None
    assert 98 * SECOND <= skew <= 102 * SECOND
    assert clock(skew).state is State.WRONG


def test_a_repository_that_was_renamed(github: FakeGithub) -> None:
    """It is followed, and said."""
    github.people.rename_repository(HERE, "example/elsewhere")
    (note,) = told(by_token(github), State.NOTE)
    assert note == (
        "example/platform is called example/elsewhere now; set FIVEWHYS_GITHUB_REPOSITORY to that"
    )


def test_who_is_not_let_in(github: FakeGithub) -> None:
    """It is told from GitHub being away."""
    with pytest.raises(Denied, match="Bad credentials"):
        look_at(by_token(github, "wrong-token"), [KEY], "fivewhys", 5)
    with pytest.raises(Denied, match="Not Found"):
        look_at(by_token(github, "token-of-stranger"), [KEY], "fivewhys", 5)
    github.fail("repos/get #1 = truncated")
    with pytest.raises(NeverReached):
        look_at(by_token(github), [KEY], "fivewhys", 5)
    away = replace(by_token(github), url="http://127.0.0.1:9")
    begun = time.monotonic()
    with pytest.raises(NeverReached):
        look_at(away, [KEY], "fivewhys", 1)
    assert time.monotonic() - begun < 5
