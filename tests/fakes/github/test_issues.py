"""What the fake does with issues, seen by the client that the reporter uses."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from github import Github
from github.GithubException import GithubException, UnknownObjectException
from github.Repository import Repository

from . import FakeGithub
from .conftest import Ask, client_of
from .issues import LONGEST_BODY, LONGEST_TITLE

HERE = "example/platform"
ISSUES = f"/repos/{HERE}/issues"


@pytest.fixture
def repository(client: Github) -> Repository:
    """Return the repository, as the client sees it."""
    return client.get_repo(HERE)


def test_an_issue_is_filed_with_all_that_belongs_to_it(repository: Repository) -> None:
    """Title, body, labels (new ones are created), assignees and milestone are kept."""
    milestone = repository.create_milestone("Autumn")
    made = repository.create_issue(
        "Missing tables", "two", labels=["bug", "p1"], assignees=["triager"], milestone=milestone
    )
    issue = repository.get_issue(made.number)
    assert (issue.number, issue.title, issue.body, issue.state) == (
        1,
        "Missing tables",
        "two",
        "open",
    )
    assert [label.name for label in issue.labels] == ["bug", "p1"]
    assert [user.login for user in issue.assignees] == ["triager"]
    assert (issue.milestone.title, issue.user.login) == ("Autumn", "maintainer")
    assert issue.created_at.tzinfo == UTC


def test_what_is_not_named_stays_as_it_is(repository: Repository) -> None:
    """A change of the title leaves body, labels and milestone alone."""
    issue = repository.create_issue("Before", "body", labels=["bug"])
    issue.edit(title="After")
    again = repository.get_issue(1)
    assert (again.title, again.body, [one.name for one in again.labels]) == (
        "After",
        "body",
        ["bug"],
    )


def test_labels_of_an_update_replace_all_labels(repository: Repository) -> None:
    """Labels that an update does not name are taken away."""
    issue = repository.create_issue("Title", labels=["bug", "p1"])
    issue.edit(labels=["p2", "bug"])
    assert {one.name for one in repository.get_issue(1).labels} == {"bug", "p2"}


def test_labels_are_added_and_removed_one_by_one(repository: Repository) -> None:
    """Labels are told apart without regard to case; one that is not there can't be removed."""
    issue = repository.create_issue("Title", labels=["bug"])
    issue.add_to_labels("quiet", "BUG")
    assert [one.name for one in issue.get_labels()] == ["bug", "quiet"]
    issue.remove_from_labels("bug")
    assert [one.name for one in issue.get_labels()] == ["quiet"]
    with pytest.raises(GithubException) as refused:
        issue.remove_from_labels("bug")
    assert (refused.value.status, refused.value.data["message"]) == (404, "Label does not exist")
    issue.set_labels("p1")
    assert [one.name for one in issue.get_labels()] == ["p1"]
    issue.delete_labels()
    assert list(issue.get_labels()) == []


def test_a_label_is_created_once(repository: Repository) -> None:
    """A second label of a name is refused; one can be changed, and its issues follow."""
    label = repository.create_label("p1", "FF0000", "page somebody")
    with pytest.raises(GithubException) as refused:
        repository.create_label("P1", "00ff00")
    assert refused.value.data["errors"] == [
        {"resource": "Label", "field": "name", "code": "already_exists"}
    ]
    repository.create_issue("Title", labels=["p1"])
    label.edit("urgent", "00ff00", "now")
    assert [one.name for one in repository.get_issue(1).labels] == ["urgent"]
    assert repository.get_label("urgent").color == "00ff00"
    assert [one.name for one in repository.get_labels()] == ["bug", "enhancement", "urgent"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x" * 51},
        {"name": "x", "color": "#ff0000"},
        {"name": "x", "description": "x" * 101},
    ],
)
def test_a_label_has_limits(ask: Ask, body: dict[str, str]) -> None:
    """A name has 50 characters, a description 100, a color six digits."""
    assert ask("POST", f"/repos/{HERE}/labels", body).status == 422


def test_closing_and_opening_say_who_and_why(github: FakeGithub, repository: Repository) -> None:
    """The state has its reason, the history who changed it; a closed issue keeps its reason."""
    issue = repository.create_issue("Title")
    github.people.close(HERE, 1, "not_planned", by="triager")
    issue.update()
    assert (issue.state, issue.state_reason) == ("closed", "not_planned")
    assert issue.closed_by is not None
    assert issue.closed_by.login == "triager"
    issue.edit(state="closed", state_reason="completed")
    assert issue.state_reason == "not_planned"
    issue.edit(state="open")
    assert (issue.state, issue.state_reason) == ("open", "reopened")
    assert repository.get_issue(1).raw_data["closed_by"] is None
    told = [(event.event, event.actor.login) for event in issue.get_events()]
    assert told == [("closed", "triager"), ("reopened", "maintainer")]


def test_an_issue_is_closed_as_the_duplicate_of_another(quick: FakeGithub, ask: Ask) -> None:
    """The reason is `duplicate`; the other issue is named by its id, and has to be there."""
    of = ask("POST", ISSUES, {"title": "First"}).json["id"]
    ask("POST", ISSUES, {"title": "Second"})
    said = {"state": "closed", "state_reason": "duplicate", "duplicate_issue_id": of}
    assert ask("PATCH", f"{ISSUES}/2", {**said, "duplicate_issue_id": 5}).status == 422
    assert ask("PATCH", f"{ISSUES}/2", said).json["state_reason"] == "duplicate"
    assert quick.people.issue(HERE, 2).duplicate_of == of
    kinds = [event["event"] for event in ask("GET", f"{ISSUES}/2/events").json]
    assert kinds == ["closed", "marked_as_duplicate"]


def test_the_timeline_has_comments_among_events(repository: Repository) -> None:
    """Who said what stands between who did what, in order."""
    issue = repository.create_issue("Title")
    issue.create_comment("first")
    issue.edit(state="closed")
    issue.create_comment("second")
    told = [(event.event, event.body) for event in issue.get_timeline()]
    assert told == [("commented", "first"), ("closed", None), ("commented", "second")]


def test_one_event_can_be_read(repository: Repository) -> None:
    """An event is found by its id, with its issue."""
    issue = repository.create_issue("Title", labels=["bug"])
    (event,) = issue.get_events()
    assert event.raw_data["label"]["name"] == "bug"
    with pytest.raises(UnknownObjectException):
        repository.get_issues_event(1)


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [3, 1]),
        ("state=all", [4, 3, 2, 1]),
        ("state=closed", [4, 2]),
        ("state=all&labels=bug", [2, 1]),
        ("state=all&labels=BUG,p1", [1]),
        ("state=all&direction=asc", [1, 2, 3, 4]),
        ("state=all&sort=updated", [2, 4, 3, 1]),
        ("state=all&sort=comments&direction=asc", [1, 2, 4, 3]),
        ("state=all&since=2027-01-15T09:05:00%2B01:00", [4, 3, 2]),
        ("creator=reader", [3]),
        ("assignee=triager", [1]),
        ("assignee=none", [3]),
        ("assignee=*", [1]),
        ("milestone=none", [3, 1]),
        ("milestone=*", []),
        ("type=Bug", [1]),
        ("mentioned=triager", [3]),
        ("state=all&per_page=3&page=2", [1]),
        ("state=all&page=9", []),
    ],
)
def test_issues_are_found_by_all_that_a_listing_can_ask(
    quick: FakeGithub, ask: Ask, query: str, numbers: list[int]
) -> None:
    """State, labels (all of them), time of the last change, people, type; in either order."""
    people = quick.people
    first = {"title": "1", "labels": ["bug", "p1"], "assignees": ["triager"], "type": "Bug"}
    ask("POST", ISSUES, first)
    quick.clock.advance(600)
    people.open_issue(HERE, "2", labels=["bug"])
    people.open_issue(HERE, "3", "ask @triager", by="reader")
    people.open_issue(HERE, "4")
    people.close(HERE, 4)
    people.comment(HERE, 3, "hm")
    quick.clock.advance(60)
    people.close(HERE, 2, "not_planned")
    assert [one["number"] for one in ask("GET", f"{ISSUES}?{query}").json] == numbers


def test_a_pull_request_is_listed_as_an_issue(quick: FakeGithub, ask: Ask) -> None:
    """It can be told by its key; a repository without issues lists nothing else."""
    quick.people.open_issue(HERE, "An issue")
    quick.people.open_issue(HERE, "A change").pull_request = True
    listed = ask("GET", ISSUES).json
    assert ["pull_request" in one for one in listed] == [True, False]
    quick.people.enable_issues(HERE, enabled=False)
    assert [one["number"] for one in ask("GET", ISSUES).json] == [2]


def test_pages_name_their_neighbours(client: Github, github: FakeGithub) -> None:
    """`Link` has the next page and the last, then the one before and the first; 100 at most."""
    for number in range(5):
        github.people.open_issue(HERE, str(number))
    seen = client.requester.requestJsonAndCheck("GET", f"{ISSUES}?per_page=2&state=open&page=2")
    where = f"{github.base}/repositories/{github.state.repositories[HERE].id}/issues"
    assert seen[0]["link"].split(", ") == [
        f'<{where}?page={page}&per_page=2&state=open>; rel="{rel}"'
        for page, rel in ((1, "prev"), (3, "next"), (3, "last"), (1, "first"))
    ]
    headers, _ = client.requester.requestJsonAndCheck("GET", f"{ISSUES}?per_page=1000")
    assert "link" not in headers


def test_a_client_follows_pages_to_the_end(github: FakeGithub, repository: Repository) -> None:
    """Each issue comes once, over all pages."""
    for number in range(65):
        github.people.open_issue(HERE, str(number))
    assert [issue.number for issue in repository.get_issues()] == list(range(65, 0, -1))


@pytest.mark.parametrize(
    ("field", "length", "message"),
    [
        ("body", LONGEST_BODY + 1, "body is too long (maximum is 65536 characters)"),
        ("title", LONGEST_TITLE + 1, "title is too long (maximum is 256 characters)"),
    ],
)
def test_what_is_too_long_is_refused(ask: Ask, field: str, length: int, message: str) -> None:
    """Characters count, not bytes; one less is fine."""
    said = {"title": "Title", field: "ü" * length}
    refused = ask("POST", ISSUES, said)
    error = {"message": message, "resource": "Issue", "field": field, "code": "custom"}
    assert (refused.status, refused.json["errors"]) == (422, [error])
    assert ask("POST", ISSUES, {**said, field: "ü" * (length - 1)}).status == 201
    assert ask("PATCH", f"{ISSUES}/1", {field: "ü" * length}).status == 422


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"title": "  "}, "title"),
        ({"assignees": ["triager", "reader", "nobody"]}, "assignees"),
        ({"milestone": 7}, "milestone"),
        ({"type": "Disaster"}, "type"),
    ],
)
def test_what_makes_no_sense_is_refused(ask: Ask, said: dict[str, object], field: str) -> None:
    """A blank title, people who can't be assigned, a milestone or a type that is not there."""
    refused = ask("POST", ISSUES, {"title": "Title", **said})
    assert refused.status == 422
    assert [error["field"] for error in refused.json["errors"]] == [field]
    assert ask("GET", ISSUES).json == []


def test_a_milestone_and_a_type_can_be_taken_away(quick: FakeGithub, ask: Ask) -> None:
    """Null means none; the history tells of both."""
    ask("POST", f"/repos/{HERE}/milestones", {"title": "Autumn", "description": "then"})
    assert ask("POST", f"/repos/{HERE}/milestones", {"title": "Autumn"}).status == 422
    ask("POST", ISSUES, {"title": "Title", "milestone": 1, "type": "Bug"})
    assert ask("GET", f"/repos/{HERE}/milestones/1").json["open_issues"] == 1
    assert ask("GET", f"/repos/{HERE}/milestones/2").status == 404
    listed = ask("GET", f"/repos/{HERE}/milestones?state=closed").json
    assert listed == []
    changed = ask("PATCH", f"{ISSUES}/1", {"milestone": None, "type": None, "body": None}).json
    assert (changed["milestone"], changed["type"], changed["body"]) == (None, None, None)
    ask("PATCH", f"{ISSUES}/1", {"milestone": 1})
    assert ask("PATCH", f"{ISSUES}/1", {"milestone": ""}).json["milestone"] is None
    assert [event.kind for event in quick.people.issue(HERE, 1).events] == [
        "milestoned",
        "issue_type_added",
        "demilestoned",
        "issue_type_removed",
        "milestoned",
        "demilestoned",
    ]


def test_issue_types_are_listed_and_used(ask: Ask) -> None:
    """An issue's type is one of the repository's, by name or as an object."""
    names = [one["name"] for one in ask("GET", f"/repos/{HERE}/issue-types").json]
    assert names == ["Task", "Bug", "Feature"]
    assert ask("POST", ISSUES, {"title": "1", "type": "Bug"}).json["type"]["name"] == "Bug"
    assert ask("PATCH", f"{ISSUES}/1", {"type": {"value": "Task"}}).json["type"]["name"] == "Task"


def test_sub_issues_have_one_parent(repository: Repository, client: Github) -> None:
    """A sub-issue is named by its id; a second parent has to be asked for."""
    storm, other, part = (repository.create_issue(title) for title in ("Storm", "Other", "Part"))
    storm.add_sub_issue(part.id)
    assert [one.number for one in storm.get_sub_issues()] == [3]
    part.update()
    assert part.parent_issue_url == storm.url
    with pytest.raises(GithubException) as refused:
        other.add_sub_issue(part.id)
    assert refused.value.status == 422
    url, said = f"{other.url}/sub_issues", {"sub_issue_id": part.id, "replace_parent": True}
    client.requester.requestJsonAndCheck("POST", url, input=said)
    assert list(storm.get_sub_issues()) == []
    _, parent = client.requester.requestJsonAndCheck("GET", f"{part.url}/parent")
    assert parent["sub_issues_summary"] == {"total": 1, "completed": 0, "percent_completed": 0}
    other.remove_sub_issue(part.id)
    with pytest.raises(UnknownObjectException):
        client.requester.requestJsonAndCheck("GET", f"{part.url}/parent")


def test_sub_issues_have_limits(quick: FakeGithub, ask: Ask) -> None:
    """A hundred at most, each once, and only what is there."""
    numbers = [quick.people.open_issue(HERE, str(number)).id for number in range(102)]
    where = f"{ISSUES}/1/sub_issues"
    for child in numbers[1:101]:
        assert ask("POST", where, {"sub_issue_id": child}).status == 201
        quick.clock.advance(60)
    assert ask("POST", where, {"sub_issue_id": numbers[101]}).status == 422
    assert ask("POST", where, {"sub_issue_id": numbers[1]}).status == 422
    assert ask("POST", where, {"sub_issue_id": 1}).status == 404
    assert ask("DELETE", f"{ISSUES}/1/sub_issue", {"sub_issue_id": numbers[101]}).status == 404


def test_the_old_form_of_an_assignee_counts(ask: Ask) -> None:
    """`assignee` alone is one of `assignees`."""
    made = ask("POST", ISSUES, {"title": "Title", "assignee": "triager"}).json
    assert [one["login"] for one in made["assignees"]] == ["triager"]


def test_assignees_are_added_and_removed(repository: Repository) -> None:
    """Somebody it can't be assigned to is passed over without a word."""
    issue = repository.create_issue("Title")
    issue.add_to_assignees("triager", "reader")
    assert [user.login for user in issue.assignees] == ["triager"]
    issue.remove_from_assignees("triager")
    assert issue.assignees == []
    issue.edit(assignees=["admin"])
    assert [user.login for user in issue.assignees] == ["admin"]
    assert repository.has_in_assignees("triager")
    assert not repository.has_in_assignees("reader")
    assert [user.login for user in repository.get_assignees()] == ["admin", "maintainer", "triager"]


def test_comments_are_written_and_edited(repository: Repository) -> None:
    """A comment keeps its id and its place when it is edited."""
    issue = repository.create_issue("Title")
    first = issue.create_comment("one")
    issue.create_comment("two")
    first.edit("one, mended")
    assert [comment.body for comment in issue.get_comments()] == ["one, mended", "two"]
    assert issue.get_comment(first.id).body == "one, mended"
    assert repository.get_issue(1).comments == 2
    first.delete()
    assert [comment.body for comment in issue.get_comments()] == ["two"]


def test_comments_are_listed_since_a_time_and_for_a_repository(quick: FakeGithub, ask: Ask) -> None:
    """What changed since then, of one issue or of all."""
    quick.people.open_issue(HERE, "1")
    quick.people.open_issue(HERE, "2")
    first = quick.people.comment(HERE, 1, "old")
    quick.clock.advance(60)
    quick.people.comment(HERE, 2, "new")
    since = "since=2027-01-15T08:01:00Z"
    assert ask("GET", f"{ISSUES}/1/comments?{since}").json == []
    newest = ask("GET", f"{ISSUES}/comments?{since}").json
    assert [one["body"] for one in newest] == ["new"]
    quick.clock.advance(60)
    quick.people.edit_comment(HERE, 1, first.id, "newer")
    both = ask("GET", f"{ISSUES}/comments?sort=updated&direction=desc").json
    assert [one["body"] for one in both] == ["newer", "new"]
    quick.people.delete_comment(HERE, 1, first.id)
    assert ask("GET", f"{ISSUES}/comments/{first.id}").status == 404


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (" \n", "Body cannot be blank"),
        ("x" * (LONGEST_BODY + 1), "Body is too long (maximum is 65536 characters)"),
    ],
)
def test_a_comment_has_something_to_say_and_an_end(ask: Ask, body: str, message: str) -> None:
    """The error speaks of `data`, unlike that of an issue's body."""
    ask("POST", ISSUES, {"title": "Title"})
    refused = ask("POST", f"{ISSUES}/1/comments", {"body": body})
    error = {"message": message, "resource": "IssueComment", "field": "data"}
    assert (refused.status, refused.json["errors"]) == (422, [{**error, "code": "unprocessable"}])


def test_a_reaction_is_left_once(repository: Repository, ask: Ask) -> None:
    """The second time the first one is returned; issues and comments count them."""
    issue = repository.create_issue("Title")
    comment = issue.create_comment("/fivewhys resolve")
    assert comment.create_reaction("eyes").id == comment.create_reaction("eyes").id
    comment.create_reaction("+1")
    assert [one.content for one in comment.get_reactions()] == ["eyes", "+1"]
    assert issue.get_comment(comment.id).reactions["total_count"] == 2
    issue.create_reaction("heart")
    assert [one.user.login for one in issue.get_reactions()] == ["maintainer"]
    ask("POST", ISSUES, {"title": "Title"})
    assert ask("POST", f"{ISSUES}/1/reactions", {"content": "eyes"}).status == 201
    assert ask("POST", f"{ISSUES}/1/reactions", {"content": "eyes"}).status == 200
    assert ask("GET", f"{ISSUES}/1/reactions?content=heart").json == []


def test_two_writers_at_once_get_numbers_of_their_own(github: FakeGithub) -> None:
    """Each issue has one number, and none is left out."""

    def file(_: int) -> int:
        client = client_of(github)
        return client.get_repo(HERE).create_issue("Title").number

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(file, range(12))) == list(range(1, 13))


def test_times_are_whole_seconds_in_utc(quick: FakeGithub, ask: Ask) -> None:
    """GitHub writes times that way, and a change moves `updated_at` alone."""
    quick.clock.advance(0.75)
    ask("POST", ISSUES, {"title": "Title"})
    quick.clock.advance(90)
    changed = ask("PATCH", f"{ISSUES}/1", {"body": "more"}).json
    assert changed["created_at"] == "2027-01-15T08:00:00Z"
    assert changed["updated_at"] == "2027-01-15T08:01:30Z"
    same = ask("PATCH", f"{ISSUES}/1", {"body": "more"}).json
    assert same["updated_at"] == changed["updated_at"]
    assert quick.clock.now() == datetime(2027, 1, 15, 8, 1, 30, 750000, UTC)
