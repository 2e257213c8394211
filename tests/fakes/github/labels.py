"""What issues are sorted by: labels, milestones, types and who they are assigned to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .answers import Answer, invalid, not_found
from .issues import assignable
from .state import Label, Milestone

if TYPE_CHECKING:
    from collections.abc import Callable

    from .call import Call
    from .state import Issue, Repository

LONGEST_NAME = 50
LONGEST_DESCRIPTION = 100
_COLOR = re.compile(r"[0-9a-fA-F]{6}")


def labels(call: Call) -> Answer:
    """List the labels of a repository, by name."""
    repository = call.repository()
    found = sorted(repository.labels, key=lambda label: label.name.casefold())
    return call.page(found, lambda label: call.shapes.label(repository, label))


def label(call: Call) -> Answer:
    """Read a label."""
    repository = call.repository()
    return Answer(200, call.shapes.label(repository, _named(call, repository)))


def create_label(call: Call) -> Answer:
    """Add a label to a repository."""
    repository = call.repository()
    call.need("write")
    said = call.body
    _check(said["name"], said.get("color"), said.get("description"))
    if repository.label(said["name"]) is not None:
        raise invalid("Label", "name", code="already_exists")
    color = said.get("color") or "ededed"
    made = Label(call.state.new_id(), said["name"], color.lower(), said.get("description"))
    repository.labels.append(made)
    shape = call.shapes.label(repository, made)
    return Answer(201, shape, {"Location": shape["url"]})


def update_label(call: Call) -> Answer:
    """Change a label; its issues follow."""
    repository = call.repository()
    call.need("write")
    found, said = _named(call, repository), call.body or {}
    _check(said.get("new_name", found.name), said.get("color"), said.get("description"))
    for issue in repository.issues.values():
        if found.name in issue.labels:
            issue.labels[issue.labels.index(found.name)] = said.get("new_name", found.name)
    found.name = said.get("new_name", found.name)
    found.color = said.get("color", found.color).lower()
    found.description = said.get("description", found.description)
    return Answer(200, call.shapes.label(repository, found))


def labels_of(call: Call) -> Answer:
    """List the labels of an issue."""
    issue, repository = call.issue(), call.repository()
    return call.page(_of(repository, issue), lambda one: call.shapes.label(repository, one))


def add_labels(call: Call) -> Answer:
    """Add labels to an issue; the answer is all that it has."""
    issue = call.issue()
    call.need("triage")
    call.deeds(issue).label(_names(call))
    return _on(call, issue)


def set_labels(call: Call) -> Answer:
    """Replace the labels of an issue."""
    issue = call.issue()
    call.need("triage")
    call.deeds(issue).relabel(_names(call))
    return _on(call, issue)


def remove_label(call: Call) -> Answer:
    """Take one label from an issue; the answer is what it has left."""
    issue, repository = call.issue(), call.repository()
    call.need("triage")
    found = repository.label(call.path["name"])
    if found is None or found.name not in issue.labels:
        raise _no_label()
    call.deeds(issue).unlabel([found.name])
    return _on(call, issue)


def remove_all_labels(call: Call) -> Answer:
    """Take all labels from an issue."""
    issue = call.issue()
    call.need("triage")
    call.deeds(issue).relabel([])
    return Answer(204)


def milestones(call: Call) -> Answer:
    """List the milestones of a repository."""
    repository = call.repository()
    wanted = call.query.get("state", "open")
    found = [one for one in repository.milestones if wanted in {"all", one.state}]
    return call.page(found, lambda one: call.shapes.milestone(repository, one))


def milestone(call: Call) -> Answer:
    """Read a milestone."""
    repository = call.repository()
    for one in repository.milestones:
        if str(one.number) == call.path["milestone_number"]:
            return Answer(200, call.shapes.milestone(repository, one))
    raise not_found()


def create_milestone(call: Call) -> Answer:
    """Add a milestone to a repository."""
    repository = call.repository()
    call.need("write")
    said = call.body
    if said["title"] in [one.title for one in repository.milestones]:
        raise invalid("Milestone", "title", code="already_exists")
    number, login = len(repository.milestones) + 1, call.caller.login
    made = Milestone(call.state.new_id(), number, said["title"], login, call.at)
    made.description, made.state = said.get("description"), said.get("state", "open")
    repository.milestones.append(made)
    shape = call.shapes.milestone(repository, made)
    return Answer(201, shape, {"Location": shape["url"]})


def types(call: Call) -> Answer:
    """List the types that issues of a repository may have."""
    return Answer(200, [call.shapes.issue_type(one) for one in call.repository().types])


def assignees(call: Call) -> Answer:
    """List who issues of a repository can be assigned to."""
    repository = call.repository()
    found = [login for login in call.state.users if assignable(repository, login)]
    return call.page(found, call.shapes.account)


def is_assignable(call: Call) -> Answer:
    """Say whether issues of a repository can be assigned to somebody."""
    if not assignable(call.repository(), call.path["assignee"]):
        raise not_found()
    return Answer(204)


def assign(call: Call) -> Answer:
    """Assign an issue to people; those it can't be assigned to are passed over."""
    issue, repository = call.issue(), call.repository()
    call.need("write")
    logins = (call.body or {}).get("assignees", [])
    call.deeds(issue).assign(login for login in logins if assignable(repository, login))
    return Answer(201, call.shapes.issue(repository, issue))


def unassign(call: Call) -> Answer:
    """Take people off an issue."""
    issue = call.issue()
    call.need("write")
    call.deeds(issue).unassign((call.body or {}).get("assignees", []))
    return Answer(200, call.shapes.issue(call.repository(), issue))


def _on(call: Call, issue: Issue) -> Answer:
    repository = call.repository()
    return Answer(200, [call.shapes.label(repository, one) for one in _of(repository, issue)])


def _of(repository: Repository, issue: Issue) -> list[Label]:
    found = [repository.label(name) for name in issue.labels]
    return [one for one in found if one is not None]


def _names(call: Call) -> list[str]:
    """Read labels in any of the forms that the description allows."""
    said = call.body["labels"] if isinstance(call.body, dict) else call.body
    listed = [said] if isinstance(said, str) else said or []
    return [one if isinstance(one, str) else one["name"] for one in listed]


def _named(call: Call, repository: Repository) -> Label:
    found = repository.label(call.path["name"])
    if found is None:
        raise not_found()
    return found


def _no_label() -> Exception:
    refusal = not_found()
    refusal.message = "Label does not exist"
    return refusal


def _check(name: str, color: str | None, description: str | None) -> None:
    if not 0 < len(name) <= LONGEST_NAME:
        raise invalid("Label", "name")
    if color is not None and not _COLOR.fullmatch(color):
        raise invalid("Label", "color")
    if len(description or "") > LONGEST_DESCRIPTION:
        message = f"description is too long (maximum is {LONGEST_DESCRIPTION} characters)"
        raise invalid("Label", "description", code="custom", message=message)


HANDLERS: dict[str, Callable[[Call], Answer]] = {
    "issues/add-assignees": assign,
    "issues/add-labels": add_labels,
    "issues/check-user-can-be-assigned": is_assignable,
    "issues/create-label": create_label,
    "issues/create-milestone": create_milestone,
    "issues/get-label": label,
    "issues/get-milestone": milestone,
    "issues/list-assignees": assignees,
    "issues/list-labels-for-repo": labels,
    "issues/list-labels-on-issue": labels_of,
    "issues/list-milestones": milestones,
    "issues/remove-all-labels": remove_all_labels,
    "issues/remove-assignees": unassign,
    "issues/remove-label": remove_label,
    "issues/set-labels": set_labels,
    "issues/update-label": update_label,
    "repos/list-issue-types": types,
}
