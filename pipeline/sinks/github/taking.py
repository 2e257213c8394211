"""One step of a plan as requests to GitHub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pipeline.sinks.github.failures import NotThere
from pipeline.tracker.model import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.sinks.github.client import Client
    from pipeline.tracker.model import Fields, Step


def take(client: Client, step: Step, number: int, other: int) -> int:
    """Take a step and return the number of its issue, that of the new one if it creates one.

    `number` and `other` are the issues that the step is about, in place of the zeros that it has
    for one that another step created.

    Raises:
        CallError: it did not succeed; which one says whether it may have had its effect.

    """
    if step.kind is Kind.CREATE:
        return client.create(_possible(client, step.fields)).number
    _TAKEN[step.kind](client, step, number, other)
    return number


def _possible(client: Client, fields: Fields) -> Fields:
    """Leave out what GitHub does not know, lest it refuses all the rest with it."""
    told = dict(fields)
    if told.get("milestone") and told["milestone"] not in client.milestones:
        del told["milestone"]
    if "assignees" in told:
        told["assignees"] = tuple(filter(client.is_assignable, told["assignees"]))
    if told.get("type") and told["type"] not in client.types:
        del told["type"]
    return told


def _edit(client: Client, step: Step, number: int, _other: int) -> None:
    fields = _possible(client, step.fields)
    if fields:
        client.edit(number, fields)


def _comment(client: Client, step: Step, number: int, _other: int) -> None:
    client.comment(number, str(step.fields["body"]))


def _edit_comment(client: Client, step: Step, number: int, _other: int) -> None:
    client.edit_comment(number, step.comment, str(step.fields["body"]))


def _label(client: Client, step: Step, number: int, _other: int) -> None:
    client.label(number, step.fields["labels"])


def _unlabel(client: Client, step: Step, number: int, _other: int) -> None:
    for name in step.fields["labels"]:
        client.unlabel(number, name)


def _assign(client: Client, step: Step, number: int, _other: int) -> None:
    client.assign(number, step.fields["assignees"])


def _unassign(client: Client, step: Step, number: int, _other: int) -> None:
    client.unassign(number, step.fields["assignees"])


def _duplicate(client: Client, _step: Step, number: int, other: int) -> None:
    client.close_as_duplicate(number, _id(client, other))


def _sub_issue(client: Client, _step: Step, number: int, other: int) -> None:
    client.add_sub_issue(number, _id(client, other))


def _id(client: Client, number: int) -> int:
    """Return the id in the database, by which issues are linked."""
    issue = client.issue(number)
    if issue.gone:
        message = f"issue {number} was {issue.gone}"
        raise NotThere(message, issue.gone)
    return issue.id


_TAKEN: Final[Mapping[Kind, Callable[[Client, Step, int, int], None]]] = {
    Kind.EDIT: _edit,
    Kind.COMMENT: _comment,
    Kind.EDIT_COMMENT: _edit_comment,
    Kind.LABEL: _label,
    Kind.UNLABEL: _unlabel,
    Kind.ASSIGN: _assign,
    Kind.UNASSIGN: _unassign,
    Kind.REOPEN: _edit,
    Kind.CLOSE: _edit,
    Kind.LINK_DUPLICATE: _duplicate,
    Kind.SUB_ISSUE: _sub_issue,
}
