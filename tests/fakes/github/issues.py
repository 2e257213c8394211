"""Issues: file, list, read, change, lock; sub-issues; and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .answers import Answer, invalid, issues_disabled, not_found
from .deeds import Deeds, open_issue
from .description import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .call import Call
    from .state import Issue, Repository

LONGEST_BODY = 65_536
LONGEST_TITLE = 256
MOST_SUB_ISSUES = 100

_METADATA = frozenset({"labels", "assignee", "assignees", "milestone", "type"})
"""What takes the right to triage."""

_SORTED_BY = {
    "created": lambda issue: (issue.created_at, issue.number),
    "updated": lambda issue: (issue.updated_at, issue.number),
    "comments": lambda issue: (len(issue.comments), issue.number),
}


def create(call: Call) -> Answer:
    """File an issue. Without the right to triage its labels and the like are dropped."""
    repository = call.repository()
    call.need("read" if not call.caller.app else "triage")
    if not repository.has_issues:
        raise issues_disabled()
    said = _said(call)
    _check(said, repository)
    deeds = open_issue(
        call.state, repository, call.caller.login, call.at, str(said["title"]), said.get("body")
    )
    _apply_metadata(deeds, said)
    shape = call.shapes.issue(repository, deeds.issue)
    return Answer(201, shape, {"Location": shape["url"]})


def listing(call: Call) -> Answer:
    """List issues, and pull requests, which are issues here."""
    repository = call.repository()
    found = [issue for issue in repository.here if _wanted(call, repository, issue)]
    newest_first = call.query.get("direction", "desc") == "desc"
    found.sort(key=_SORTED_BY[call.query.get("sort", "created")], reverse=newest_first)
    shown = [issue for issue in found if issue.listed or not call.stale]
    for issue in found:
        issue.listed = True
    return call.page(shown, lambda issue: call.shapes.issue(repository, issue))


def get(call: Call) -> Answer:
    """Read an issue."""
    issue = call.issue()
    return Answer(200, call.shapes.issue(call.repository(), issue))


def update(call: Call) -> Answer:
    """Change an issue: its author may, and who may triage."""
    issue, repository = call.issue(), call.repository()
    if issue.user != call.caller.login or call.caller.app:
        call.need("triage")
    said = _said(call)
    _check(said, repository)
    deeds = call.deeds(issue)
    if said.get("title") is not None:
        deeds.rename(str(said["title"]))
    if "body" in said and said["body"] != issue.body:
        deeds.rewrite(said["body"])
    _apply_metadata(deeds, said)
    _apply_state(call, deeds, said)
    return Answer(200, call.shapes.issue(repository, issue))


def lock(call: Call) -> Answer:
    """End a conversation."""
    issue = call.issue()
    call.need("write")
    call.deeds(issue).lock((call.body or {}).get("lock_reason"))
    return Answer(204)


def unlock(call: Call) -> Answer:
    """Take a conversation up again."""
    issue = call.issue()
    call.need("write")
    call.deeds(issue).unlock()
    return Answer(204)


def events(call: Call) -> Answer:
    """List what was done to an issue, oldest first."""
    issue, repository = call.issue(), call.repository()
    return call.page(issue.events, lambda event: call.shapes.event(repository, event))


def event(call: Call) -> Answer:
    """Read one thing that was done to an issue."""
    repository = call.repository()
    for issue in repository.here:
        for one in issue.events:
            if str(one.id) == call.path["event_id"]:
                shape = call.shapes.event(repository, one)
                return Answer(200, {**shape, "issue": call.shapes.issue(repository, issue)})
    raise not_found()


def timeline(call: Call) -> Answer:
    """List what was done to an issue and said about it, oldest first."""
    issue, repository = call.issue(), call.repository()
    shapes = call.shapes
    done = [(event.at, event.id, shapes.event(repository, event)) for event in issue.events]
    said = [
        (
            comment.created_at,
            comment.id,
            {
                **shapes.comment(repository, issue, comment),
                "event": "commented",
                "actor": shapes.account(comment.user),
            },
        )
        for comment in issue.comments
    ]
    return call.page(sorted([*done, *said], key=lambda line: line[:2]), lambda line: line[2])


def sub_issues(call: Call) -> Answer:
    """List the sub-issues of an issue."""
    issue = call.issue()
    found = [call.state.issue(one) for one in issue.sub_issues]
    return call.page([one for one in found if one], lambda pair: call.shapes.issue(*pair))


def add_sub_issue(call: Call) -> Answer:
    """Make one issue a sub-issue of another; the answer is the parent."""
    issue = call.issue()
    call.need("triage")
    child = _child(call)
    if child.issue.id in issue.sub_issues:
        raise invalid("SubIssue", "sub_issue_id", code="custom", message="duplicate sub-issues")
    if len(issue.sub_issues) >= MOST_SUB_ISSUES:
        message = f"Parent cannot have more than {MOST_SUB_ISSUES} sub-issues"
        raise invalid("SubIssue", "sub_issue_id", code="custom", message=message)
    if child.issue.parent is not None:
        _replace_parent(call, child)
    call.deeds(issue).adopt(child)
    shape = call.shapes.issue(call.repository(), issue)
    return Answer(201, shape, {"Location": shape["url"]})


def remove_sub_issue(call: Call) -> Answer:
    """Make a sub-issue an issue of its own again; the answer is the parent."""
    issue = call.issue()
    call.need("triage")
    child = _child(call)
    if child.issue.id not in issue.sub_issues:
        raise not_found()
    call.deeds(issue).release(child)
    return Answer(200, call.shapes.issue(call.repository(), issue))


def parent(call: Call) -> Answer:
    """Read the issue that this one is a part of."""
    issue = call.issue()
    found = call.state.issue(issue.parent) if issue.parent is not None else None
    if found is None:
        raise not_found()
    return Answer(200, call.shapes.issue(*found))


def _child(call: Call) -> Deeds:
    found = call.state.issue(call.body["sub_issue_id"])
    if found is None:
        raise not_found()
    return Deeds(call.state, *found, call.caller.login, call.at)


def _replace_parent(call: Call, child: Deeds) -> None:
    if not call.body.get("replace_parent"):
        message = "Sub issue may only have one parent"
        raise invalid("SubIssue", "sub_issue_id", code="custom", message=message)
    found = call.state.issue(child.issue.parent or 0)
    if found is not None:
        Deeds(call.state, *found, call.caller.login, call.at).release(child)


def _wanted(call: Call, repository: Repository, issue: Issue) -> bool:
    return all(_conditions(call.query, repository, issue))


def _conditions(query: dict[str, str], repository: Repository, issue: Issue) -> Iterator[bool]:
    yield query.get("state", "open") in {"all", issue.state}
    wanted = [name for name in query.get("labels", "").split(",") if name]
    has = {name.casefold() for name in issue.labels}
    yield all(name.strip().casefold() in has for name in wanted)
    if "since" in query:
        yield issue.updated_at >= timestamp(query["since"])
    if "creator" in query:
        yield issue.user == query["creator"]
    if "mentioned" in query:
        yield f"@{query['mentioned']}" in (issue.body or "")
    for key, values in (
        ("assignee", issue.assignees),
        ("type", [issue.type] if issue.type else []),
    ):
        yield _matches(query.get(key), values)
    yield _matches(query.get("milestone"), [str(issue.milestone)] if issue.milestone else [])
    yield repository.has_issues or issue.pull_request


def _matches(asked: str | None, values: list[str]) -> bool:
    """Whether a filter lets values through: any of them (`*`), `none`, or a certain one."""
    if asked is None:
        return True
    return {"*": bool(values), "none": not values}.get(asked, asked in values)


def _said(call: Call) -> dict[str, Any]:
    """Return the body, without what the caller may not decide: that is dropped without a word."""
    said = dict(call.body or {})
    if said.get("milestone") == "":  # as good as null, which some clients can't say
        said["milestone"] = None
    if said.get("assignee"):  # the old form of it, for one
        said.setdefault("assignees", [said["assignee"]])
    if not call.may("triage"):
        said = {key: value for key, value in said.items() if key not in _METADATA}
    return said


def _check(said: dict[str, Any], repository: Repository) -> None:
    """Raise Refusal (422) for a request that has its form and no sense."""
    title = said.get("title")
    if title is not None and not str(title).strip():
        raise invalid("Issue", "title", code="missing_field")
    if len(str(title or "")) > LONGEST_TITLE:
        message = f"title is too long (maximum is {LONGEST_TITLE} characters)"
        raise invalid("Issue", "title", code="custom", message=message)
    if len(said.get("body") or "") > LONGEST_BODY:
        message = f"body is too long (maximum is {LONGEST_BODY} characters)"
        raise invalid("Issue", "body", code="custom", message=message)
    logins = [_name(login, "login") for login in said.get("assignees", [])]
    strangers = [login for login in logins if not assignable(repository, login)]
    if strangers:
        raise invalid("Issue", "assignees", value=strangers)
    _check_metadata(said, repository)


def _check_metadata(said: dict[str, Any], repository: Repository) -> None:
    milestone = said.get("milestone")
    known = [str(one.number) for one in repository.milestones]
    if milestone is not None and str(milestone) not in known:
        raise invalid("Issue", "milestone", value=milestone)
    kind = _type_name(said)
    if kind is not None and kind not in [one.name for one in repository.types]:
        raise invalid("Issue", "type", value=kind)


def assignable(repository: Repository, login: str) -> bool:
    """Whether an issue can be somebody's task."""
    return repository.roles.get(login, "none") not in {"none", "read"} and "[bot]" not in login


def _apply_metadata(deeds: Deeds, said: dict[str, Any]) -> None:
    if "labels" in said:
        deeds.relabel([_name(label, "name") for label in said["labels"]])
    if "assignees" in said:
        deeds.reassign([_name(login, "login") for login in said["assignees"]])
    if "milestone" in said:
        deeds.plan(None if said["milestone"] is None else int(said["milestone"]))
    if "type" in said:
        deeds.classify(_type_name(said))


def _name(value: str | dict[str, Any], key: str) -> str:
    return value if isinstance(value, str) else str(value[key])


def _type_name(said: dict[str, Any]) -> str | None:
    kind = said.get("type")
    return kind.get("value") if isinstance(kind, dict) else kind


def _apply_state(call: Call, deeds: Deeds, said: dict[str, Any]) -> None:
    if said.get("state") == "closed":
        of = said.get("duplicate_issue_id") if said.get("state_reason") == "duplicate" else None
        if of is not None and call.state.issue(of) is None:
            raise invalid("Issue", "duplicate_issue_id", value=of)
        deeds.close(said.get("state_reason") or "completed", of)
    elif said.get("state") == "open":
        deeds.reopen()


HANDLERS: dict[str, Callable[[Call], Answer]] = {
    "issues/add-sub-issue": add_sub_issue,
    "issues/create": create,
    "issues/get": get,
    "issues/get-event": event,
    "issues/get-parent": parent,
    "issues/list-events": events,
    "issues/list-events-for-timeline": timeline,
    "issues/list-for-repo": listing,
    "issues/list-sub-issues": sub_issues,
    "issues/lock": lock,
    "issues/remove-sub-issue": remove_sub_issue,
    "issues/unlock": unlock,
    "issues/update": update,
}
