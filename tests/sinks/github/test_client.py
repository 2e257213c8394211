"""The client against a fake that is held to GitHub's own description."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from pipeline.audit import SECOND
from pipeline.retrying import Retrying
from pipeline.sinks.github import shapes
from pipeline.sinks.github.asking import Manners
from pipeline.sinks.github.client import Client
from pipeline.sinks.github.credentials import App, Credentials, Secret
from pipeline.sinks.github.failures import (
    CallError,
    Denied,
    Later,
    Locked,
    NeverReached,
    NotThere,
    Refused,
)
from pipeline.sinks.github.shapes import Label
from pipeline.tracker.model import Closing, Gone, Issue
from tests.fakes.github import BOT, TOKEN, FakeGithub, running
from tests.fakes.github.state import Milestone
from tests.sinks.github.support import HERE, Time, client_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.tracker.model import Fields

THERE = "example/attic"
OURS: Fields = {"title": "It fails", "body": "body", "labels": ("fivewhys",)}


def test_an_issue_is_created_with_all_that_is_said_of_it(
    client: Client, github: FakeGithub
) -> None:
    """One request; a milestone is named by its title."""
    github.people.open_issue(HERE, "another")
    created = client.create({**OURS, "assignees": ("triager",), "type": "Bug", "milestone": ""})
    assert (created.number, created.title, created.body) == (2, "It fails", "body")
    assert (created.labels, created.assignees, created.type) == (("fivewhys",), ("triager",), "Bug")
    assert (created.author, created.is_open, created.milestone) == ("maintainer", True, "")
    assert created.id > 0
    assert created.created_at % SECOND == 0
    assert len(github.calls("issues/create")) == 1
    assert client.issue(2) == created


def test_how_long_and_how_often_is_what_the_environment_says(
    github: FakeGithub, passing: Time
) -> None:
    """Waits are drawn, and each new try is counted."""
    counted: list[int] = []
    manners = Manners.of(Retrying(5, 3), lambda: counted.append(1))
    first, second = manners.pauses
    assert (manners.patience.connect, manners.patience.read) == (5, 15)
    assert SECOND // 4 <= first <= SECOND // 2 <= second <= SECOND
    github.fail("issues/list-for-repo #1-2 = 502")
    who = Credentials(HERE, github.base, Secret(TOKEN))
    with Client(who, passing.world, manners=manners) as client:
        assert client.issues() == ()
    assert len(counted) == 2


def test_only_the_fields_that_are_given_are_changed(client: Client, github: FakeGithub) -> None:
    """The request holds no others."""
    client.create(OURS)
    assert client.edit(1, {"title": "It still fails"}).title == "It still fails"
    (call,) = github.calls("issues/update")
    assert call.body == {"title": "It still fails"}
    client.edit(1, {"type": "Bug"})
    assert client.edit(1, {"type": ""}).type == ""


def test_a_milestone_is_named_by_its_title(client: Client, github: FakeGithub) -> None:
    """One that does not exist is refused before anything is sent; "" takes it away."""
    github.state.repositories[HERE].milestones.append(
        Milestone(1, 7, "Autumn", "maintainer", "2027-01-01T00:00:00Z")
    )
    client.create(OURS)
    assert client.edit(1, {"milestone": "Autumn"}).milestone == "Autumn"
    assert client.edit(1, {"milestone": ""}).milestone == ""
    with pytest.raises(Refused, match="no milestone 'Winter'"):
        client.edit(1, {"milestone": "Winter"})
    assert len(github.calls("issues/update")) == 2


def test_a_field_that_issues_do_not_have_is_a_mistake(client: Client, github: FakeGithub) -> None:
    """Nothing is sent."""
    with pytest.raises(Refused, match="nothing was sent: an issue has no colour"):
        client.edit(1, {"colour": "red"})
    assert not github.seen


def test_what_was_dropped_without_a_word_is_seen(github: FakeGithub, passing: Time) -> None:
    """GitHub files an issue for a reader, without its labels."""
    reader = Credentials(HERE, github.base, Secret("token-of-reader"))
    with client_of(github, passing, credentials=reader) as client:
        fields = {**OURS, "type": "Bug"}
        assert shapes.dropped(fields, client.create(fields)) == ("labels", "type")
    assert shapes.dropped(OURS, Issue(1, labels=("FiveWhys", "more"))) == ()


def test_lines_of_browsers_end_as_ours(client: Client, github: FakeGithub) -> None:
    """CR LF becomes LF in issues and comments; no body is an empty one."""
    github.people.open_issue(HERE, "Title", "one\ntwo")
    github.people.comment(HERE, 1, "three\nfour")
    assert client.issue(1).body == "one\ntwo"
    assert [comment.body for comment in client.comments(1)] == ["three\nfour"]
    github.state.repositories[HERE].issues[1].body = None
    assert client.issue(1).body == ""


def test_all_pages_are_listed_open_and_closed(client: Client, github: FakeGithub) -> None:
    """By label, in any case; pull requests are told."""
    for number in range(1, 102):
        github.people.open_issue(HERE, f"Title {number}", labels=["fivewhys"])
    github.people.open_issue(HERE, "not ours")
    github.people.close(HERE, 3)
    github.state.repositories[HERE].issues[4].pull_request = True
    listed = client.issues("FiveWhys")
    assert [issue.number for issue in listed] == list(range(1, 102))
    assert [issue.number for issue in listed if not issue.is_open] == [3]
    assert [issue.number for issue in listed if issue.is_pull_request] == [4]
    assert len(client.issues()) == 102


def test_a_listing_can_begin_at_a_time(client: Client, passing: Time) -> None:
    """The time of the last change counts."""
    client.create(OURS)
    passing.sleep(60)
    client.create(OURS)
    since = client.issue(2).updated_at
    assert [issue.number for issue in client.issues("fivewhys", since=since)] == [2]
    client.comment(1, "news")
    assert [issue.number for issue in client.issues("fivewhys", since=since)] == [1, 2]


def test_what_was_written_is_listed_even_if_the_listing_lags(
    client: Client, github: FakeGithub, passing: Time
) -> None:
    """A new issue that a listing lacks is read by itself, unless it is gone or lost its label."""
    client.create(OURS)
    client.create(OURS)
    github.people.unlabel(HERE, 2, ["fivewhys"])
    github.fail("issues/list-for-repo = stale")
    assert [issue.number for issue in client.issues("fivewhys")] == [1]
    passing.sleep(2)
    client.edit(1, {"title": "changed"})
    assert [issue.title for issue in client.issues("fivewhys")] == ["changed"]
    github.people.delete(HERE, 1)
    assert client.issues("fivewhys") == ()


def test_a_comment_is_listed_even_if_the_listing_lags(client: Client, github: FakeGithub) -> None:
    """Unless somebody deleted it."""
    client.create(OURS)
    said = client.comment(1, "news")
    github.fail("issues/list-comments #1,3 = stale")
    assert client.comments(1) == (said,)
    late = client.comment(1, "more")
    github.people.delete_comment(HERE, 1, late.id)
    assert client.comments(1) == (said,)


def test_a_listing_that_shifts_between_two_pages_is_read_whole(
    client: Client, github: FakeGithub
) -> None:
    """What somebody takes off the first page moves one of the second past the reader."""
    for number in range(1, 103):
        github.people.open_issue(HERE, f"Title {number}", labels=["fivewhys"])
    calls = github.calls

    def take() -> None:
        while not calls("issues/list-for-repo"):
            time.sleep(0.001)
        github.people.unlabel(HERE, 1, ["fivewhys"])

    github.fail("issues/list-for-repo #1-2 = slow:0.2")
    taking = threading.Thread(target=take, daemon=True)
    taking.start()
    listed = [issue.number for issue in client.issues("fivewhys")]
    taking.join()
    assert listed[1:] == list(range(2, 103))


def test_a_comment_is_edited(client: Client) -> None:
    """It keeps its id."""
    client.create(OURS)
    said = client.comment(1, "news")
    edited = client.edit_comment(1, said.id, "later news")
    assert (edited.id, edited.body, edited.author) == (said.id, "later news", "maintainer")
    assert client.comments(1) == (edited,)
    assert client.comments(1, since=edited.updated_at + 60 * SECOND) == ()


def test_an_issue_is_closed_and_opened_again(client: Client) -> None:
    """With a reason; a closed one keeps its own."""
    client.create(OURS)
    closed = client.close_issue(1, Closing.NOT_PLANNED)
    assert (closed.is_open, closed.state_reason) == (False, "not_planned")
    assert (closed.closed_by, closed.closed_at > 0) == ("maintainer", True)
    assert client.close_issue(1).state_reason == "not_planned"
    assert client.reopen(1).is_open
    assert client.close_issue(1).state_reason == "completed"


def test_an_issue_is_closed_as_a_duplicate(client: Client, github: FakeGithub) -> None:
    """The original is named by its id, so that GitHub links both."""
    original = client.create(OURS)
    client.create(OURS)
    assert client.close_as_duplicate(2, original.id).state_reason == "duplicate"
    assert github.state.repositories[HERE].issues[2].duplicate_of == original.id


def test_labels_are_put_on_and_taken_off(client: Client, github: FakeGithub) -> None:
    """Those of people stay; one that is not there need not be taken off."""
    client.create(OURS)
    github.people.label(HERE, 1, ["bug"])
    client.label(1, ["quiet", "a/b c"])
    assert client.issue(1).labels == ("fivewhys", "bug", "quiet", "a/b c")
    client.unlabel(1, "a/b c")
    client.unlabel(1, "a/b c")
    assert client.issue(1).labels == ("fivewhys", "bug", "quiet")


def test_labels_are_created_once(client: Client, github: FakeGithub, passing: Time) -> None:
    """Only those that the repository lacks, in any case; two writers may do so at once."""
    wanted = [Label("Bug", "ffffff"), Label("quiet", "0e8a16", "nothing seen for a while")]
    client.ensure_labels(wanted)
    client.ensure_labels(wanted)
    assert [call.body["name"] for call in github.calls("issues/create-label")] == ["quiet"]
    with client_of(github, passing) as other:
        other.ensure_labels([Label("known")])
        client.ensure_labels([Label("known")])
    assert [call.status for call in github.calls("issues/create-label")] == [201, 201, 422]
    label = github.state.repositories[HERE].label("quiet")
    assert label
    assert (label.color, label.description) == ("0e8a16", "nothing seen for a while")
    with pytest.raises(Refused, match="color: invalid"):
        client.ensure_labels([Label("other", "red")])


def test_people_are_assigned(client: Client) -> None:
    """Who cannot be is passed over by GitHub; one can ask before."""
    client.create(OURS)
    assert client.assign(1, ["triager", "reader"]).assignees == ("triager",)
    assert client.unassign(1, ["triager"]).assignees == ()
    assert client.is_assignable("triager")
    assert not client.is_assignable("reader")
    assert not client.is_assignable("no body/at all")


def test_what_somebody_may_do_is_asked(client: Client) -> None:
    """Somebody who does not exist may do nothing."""
    found = {name: client.permission(name) for name in ("admin", "maintainer", "triager", "nobody")}
    assert found == {"admin": "admin", "maintainer": "write", "triager": "read", "nobody": "none"}


def test_the_history_says_who_did_what(client: Client, github: FakeGithub) -> None:
    """Closings with their reason, labels with their name, comments."""
    client.create(OURS)
    github.people.label(HERE, 1, ["bug"], by="triager")
    github.people.comment(HERE, 1, "done", by="reader")
    github.people.close(HERE, 1, "not_planned", by="triager")
    events = client.events(1)
    assert [(one.kind, one.actor, one.label, one.reason) for one in events] == [
        ("labeled", "maintainer", "fivewhys", ""),
        ("labeled", "triager", "bug", ""),
        ("commented", "reader", "", ""),
        ("closed", "triager", "", "not_planned"),
    ]
    assert not any(one.by_app for one in events)
    assert all(one.at > 0 for one in events)


def test_sub_issues_are_added_once(client: Client, github: FakeGithub) -> None:
    """By id; the child knows its parent; again is no failure, a second parent is one."""
    for _ in range(3):
        client.create(OURS)
    child = client.issue(2).id
    client.add_sub_issue(1, child)
    client.add_sub_issue(1, child)
    assert client.sub_issues(1) == (child,)
    assert client.issue(2).parent == 1
    with pytest.raises(Refused, match="only have one parent"):
        client.add_sub_issue(3, child)
    client.remove_sub_issue(1, child)
    client.remove_sub_issue(1, child)
    assert client.sub_issues(1) == ()
    assert github.state.repositories[HERE].issues[2].parent is None


def test_issue_types_are_those_of_the_repository(client: Client, github: FakeGithub) -> None:
    """Asked for once; where there is no such thing there are none."""
    assert client.types == ("Task", "Bug", "Feature")
    assert client.types
    assert len(github.calls("repos/list-issue-types")) == 1


def test_without_issue_types_there_are_none(client: Client, github: FakeGithub) -> None:
    """A repository of a person's answers 404."""
    github.fail("repos/list-issue-types = 404")
    assert client.types == ()


def test_a_type_that_is_unknown_is_refused(client: Client) -> None:
    """In GitHub's words, with the field."""
    with pytest.raises(Refused, match=r"create an issue: GitHub refused it: .*type: invalid"):
        client.create({**OURS, "type": "Nonsense"})


@pytest.mark.parametrize(
    ("befall", "gone"),
    [("delete", Gone.DELETED), ("convert_to_discussion", Gone.CONVERTED)],
)
def test_what_became_of_an_issue_is_told(
    client: Client, github: FakeGithub, befall: str, gone: Gone
) -> None:
    """Its number is all that is left."""
    client.create(OURS)
    getattr(github.people, befall)(HERE, 1)
    assert client.issue(1) == Issue(1, gone=gone)


def test_a_discussion_is_told_in_a_listing(client: Client, github: FakeGithub) -> None:
    """Its history says so, and is read once; one that is merely closed and locked stays."""
    client.create(OURS)
    client.create(OURS)
    github.people.convert_to_discussion(HERE, 1)
    github.people.close(HERE, 2)
    github.people.lock_issue(HERE, 2)
    for _ in range(2):
        first, second = client.issues("fivewhys")
        assert first == Issue(1, gone=Gone.CONVERTED)
        assert (second.gone, second.locked) == (None, True)
    assert len(github.calls("issues/list-events-for-timeline")) == 2


def test_a_transferred_issue_is_not_followed(client: Client, github: FakeGithub) -> None:
    """Nothing is written in a repository that is not ours."""
    github.state.add_repository(THERE)
    client.create(OURS)
    moved = github.people.transfer(HERE, 1, THERE)
    assert client.issue(1) == Issue(1, gone=Gone.TRANSFERRED)
    with pytest.raises(NotThere, match="transferred") as found:
        client.edit(1, {"title": "changed"})
    assert found.value.gone is Gone.TRANSFERRED
    with pytest.raises(NotThere, match="transferred"):
        client.comment(1, "news")
    assert (moved.title, moved.comments) == ("It fails", [])


def test_a_deleted_comment_is_not_there(client: Client, github: FakeGithub) -> None:
    """Its issue is."""
    client.create(OURS)
    said = client.comment(1, "news")
    github.people.delete_comment(HERE, 1, said.id)
    with pytest.raises(NotThere, match="edit a comment on issue 1"):
        client.edit_comment(1, said.id, "later")
    assert client.comments(1) == ()


def test_a_locked_issue_takes_no_comment_of_an_app(
    github: FakeGithub, passing: Time, keys: tuple[str, str]
) -> None:
    """It can be edited nevertheless."""
    with client_of(github, passing, credentials=installed(github, keys)) as client:
        client.create(OURS)
        github.people.lock_issue(HERE, 1)
        with pytest.raises(Locked, match="Unable to create comment because issue is locked"):
            client.comment(1, "news")
        assert client.edit(1, {"title": "changed"}).locked


def test_a_repository_is_found_after_it_was_renamed(github: FakeGithub, passing: Time) -> None:
    """Listings keep their filter, writes go to the new name; also if it happens meanwhile."""
    with client_of(github, passing) as client:
        client.create(OURS)
        client.close_issue(1)
        github.people.rename_repository(HERE, "example/base")
        assert [issue.number for issue in client.issues("fivewhys")] == [1]
        assert client.repository().full_name == "example/base"
        github.people.rename_repository("example/base", "example/third")
        assert client.create(OURS).number == 2
        assert client.repository().full_name == "example/third"
    with client_of(github, passing) as client:
        assert client.repository().full_name == "example/third"
        assert client.issue(2).is_open
    assert len(github.state.repositories["example/third"].issues) == 2


def test_a_repository_that_cannot_be_seen_is_denied(github: FakeGithub, passing: Time) -> None:
    """An issue there was not deleted: we were."""
    with client_of(github, passing) as client:
        client.create(OURS)
        github.state.repositories[HERE].roles["maintainer"] = "none"
        asks: list[Callable[[], object]] = [
            client.issues,
            lambda: client.issue(1),
            lambda: client.edit(1, {"title": "x"}),
        ]
        for ask in asks:
            with pytest.raises(Denied, match="Not Found"):
                ask()


def test_switched_off_issues_are_not_deleted(client: Client, github: FakeGithub) -> None:
    """410 has two meanings."""
    client.create(OURS)
    github.people.enable_issues(HERE, enabled=False)
    assert not client.repository().is_archived
    asks: list[Callable[[], object]] = [lambda: client.issue(1), lambda: client.create(OURS)]
    for ask in asks:
        with pytest.raises(Denied, match="Issues are disabled for this repo"):
            ask()


def installed(github: FakeGithub, keys: tuple[str, str]) -> Credentials:
    """Return the credentials of the App that is installed at the fake."""
    private, github.state.app.public_key = keys
    return Credentials(HERE, github.base, app=App("1", Secret(private), 2))


def test_an_app_writes_as_its_bot(github: FakeGithub, keys: tuple[str, str]) -> None:
    """Its token is fetched, renewed before it ends, and after GitHub no longer takes it."""
    fetched = "apps/create-installation-access-token"
    passing = Time()  # of the client alone: an App's claim bears the machine's time
    with client_of(github, passing, credentials=installed(github, keys)) as client:
        assert client.login() == BOT
        assert client.create(OURS).author == BOT
        assert client.events(1)[0].by_app
        assert len(github.calls(fetched)) == 1
        passing.sleep(51 * 60)
        client.issue(1)
        assert len(github.calls(fetched)) == 2
        github.state.tokens.clear()
        client.create(OURS)
        assert len(github.calls(fetched)) == 3
    assert github.calls(fetched)[0].body == {"permissions": {"issues": "write", "metadata": "read"}}
    assert len(github.state.repositories[HERE].issues) == 2


def test_what_is_not_there_is_told_from_what_has_not_to_be(
    client: Client, github: FakeGithub
) -> None:
    """A label or sub-issue may be missing when it is taken away, an issue may not; nor rights."""
    client.create(OURS)
    child = client.create(OURS).id
    client.add_sub_issue(1, child)
    github.fail("issues/remove-label #1 = 404; issues/remove-sub-issue #1 = 404")
    with pytest.raises(NotThere):
        client.unlabel(1, "fivewhys")
    with pytest.raises(NotThere):
        client.remove_sub_issue(1, child)
    github.fail("repos/get-collaborator-permission-level = 403-forbidden")
    with pytest.raises(Denied, match="ask what somebody may do"):
        client.permission("triager")


@pytest.mark.parametrize(
    "text", ["{}", '{"message": "hello"}', '"text"', "null", "", "[1]", '[{"name": null}]']
)
def test_what_is_no_listing_is_not_an_empty_one(text: str) -> None:
    """An issue that seems not to be there would be created again."""
    with pytest.raises(shapes.UNLIKE):
        [shapes.issue_of(item, HERE) for item in shapes.listed(text)]


@pytest.mark.parametrize(
    ("fault", "kind"), [("429:30", Later), ("502", NeverReached), ("404", Denied)]
)
def test_without_the_app_s_token_nothing_is_done(
    github: FakeGithub, keys: tuple[str, str], fault: str, kind: type[CallError]
) -> None:
    """Also of a write it is certain: it was not sent."""
    passing = Time()  # of the client alone, as above
    with client_of(github, passing, credentials=installed(github, keys)) as client:
        client.repository()
        passing.sleep(51 * 60)
        github.fail(f"apps/create-installation-access-token = {fault}")
        with pytest.raises(kind, match="ask for a token of the App's installation") as failed:
            client.create(OURS)
        assert failed.value.recoverable is (kind is not Denied)
        assert bool(failed.value.not_before) is (kind is Later)
    assert not github.calls("issues/create")


def test_an_enterprise_server_has_a_prefix(passing: Time) -> None:
    """Also where a renamed repository leads on."""
    with running(FakeGithub(clock=passing.clock), prefix="/api/v3") as github:
        github.people.rename_repository(HERE, "example/base")
        with client_of(github, passing) as client:
            assert client.create(OURS).number == 1
            assert client.repository().full_name == "example/base"


def test_a_token_has_a_login(client: Client) -> None:
    """The account's own."""
    assert client.login() == "maintainer"
