"""Comments on issues, and the emojis on both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .answers import Answer, forbidden, invalid, locked
from .description import timestamp
from .issues import LONGEST_BODY

if TYPE_CHECKING:
    from collections.abc import Callable

    from .call import Call
    from .state import Comment, Issue, Reaction


def listing(call: Call) -> Answer:
    """List the comments of an issue, oldest first."""
    issue, repository = call.issue(), call.repository()
    shown = _listed(call, issue.comments)
    return call.page(shown, lambda comment: call.shapes.comment(repository, issue, comment))


def listing_of_all(call: Call) -> Answer:
    """List the comments of a repository, oldest first unless it is asked for the newest."""
    repository = call.repository()
    owners = {comment.id: issue for issue in repository.here for comment in issue.comments}
    shown = _listed(call, [one for issue in repository.here for one in issue.comments])
    by_update = call.query.get("sort") == "updated"
    shown.sort(
        key=lambda one: (one.updated_at if by_update else one.created_at, one.id),
        reverse=call.query.get("direction", "asc") == "desc",
    )
    return call.page(shown, lambda one: call.shapes.comment(repository, owners[one.id], one))


def create(call: Call) -> Answer:
    """Comment on an issue: on a locked one only people who may write."""
    issue = call.issue()
    call.need("triage" if call.caller.app else "read")
    _check_lock(call, issue)
    _check_body(call)
    comment = call.deeds(issue).comment(call.body["body"])
    shape = call.shapes.comment(call.repository(), issue, comment)
    return Answer(201, shape, {"Location": shape["url"]})


def get(call: Call) -> Answer:
    """Read a comment."""
    issue, comment = call.comment()
    return Answer(200, call.shapes.comment(call.repository(), issue, comment))


def update(call: Call) -> Answer:
    """Write a comment anew: its author may, and who may write."""
    issue, comment = _own(call)
    _check_body(call)
    call.deeds(issue).edit_comment(comment, call.body["body"])
    return Answer(200, call.shapes.comment(call.repository(), issue, comment))


def delete(call: Call) -> Answer:
    """Take a comment away: its author may, and who may write."""
    issue, comment = _own(call)
    call.deeds(issue).delete_comment(comment)
    return Answer(204)


def react_to_issue(call: Call) -> Answer:
    """Leave an emoji on an issue."""
    issue = call.issue()
    return _react(call, issue, issue.reactions)


def react_to_comment(call: Call) -> Answer:
    """Leave an emoji on a comment."""
    issue, comment = call.comment()
    return _react(call, issue, comment.reactions)


def reactions_of_issue(call: Call) -> Answer:
    """List the emojis on an issue."""
    return _reactions(call, call.issue().reactions)


def reactions_of_comment(call: Call) -> Answer:
    """List the emojis on a comment."""
    return _reactions(call, call.comment()[1].reactions)


def _listed(call: Call, comments: list[Comment]) -> list[Comment]:
    since = timestamp(call.query["since"]) if "since" in call.query else ""
    found = [one for one in comments if one.updated_at >= since]
    shown = [one for one in found if one.listed or not call.stale]
    for one in found:
        one.listed = True
    return shown


def _own(call: Call) -> tuple[Issue, Comment]:
    issue, comment = call.comment()
    if comment.user != call.caller.login and not call.may("write"):
        raise forbidden(app=call.caller.app)
    return issue, comment


def _react(call: Call, issue: Issue, reactions: list[Reaction]) -> Answer:
    call.need("triage" if call.caller.app else "read")
    _check_lock(call, issue)
    reaction, is_new = call.deeds(issue).react(reactions, call.body["content"])
    return Answer(201 if is_new else 200, call.shapes.reaction(reaction))


def _reactions(call: Call, reactions: list[Reaction]) -> Answer:
    wanted = call.query.get("content")
    found = [one for one in reactions if wanted in {None, one.content}]
    return call.page(found, call.shapes.reaction)


def _check_lock(call: Call, issue: Issue) -> None:
    if issue.discussion or (issue.locked and (call.caller.app or not call.may("write"))):
        raise locked()


def _check_body(call: Call) -> None:
    body = call.body["body"]
    if not body.strip():
        message = "Body cannot be blank"
        raise invalid("IssueComment", "data", code="unprocessable", message=message)
    if len(body) > LONGEST_BODY:
        message = f"Body is too long (maximum is {LONGEST_BODY} characters)"
        raise invalid("IssueComment", "data", code="unprocessable", message=message)


HANDLERS: dict[str, Callable[[Call], Answer]] = {
    "issues/create-comment": create,
    "issues/delete-comment": delete,
    "issues/get-comment": get,
    "issues/list-comments": listing,
    "issues/list-comments-for-repo": listing_of_all,
    "issues/update-comment": update,
    "reactions/create-for-issue": react_to_issue,
    "reactions/create-for-issue-comment": react_to_comment,
    "reactions/list-for-issue": reactions_of_issue,
    "reactions/list-for-issue-comment": reactions_of_comment,
}
