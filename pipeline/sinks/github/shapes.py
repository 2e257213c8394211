"""Values of what GitHub answers; computes only.

What is not as GitHub describes it raises one of `UNLIKE`. Text comes with LF, whatever ended its
lines: browsers send CR LF.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pipeline.entry import parse_timestamp
from pipeline.tracker.model import Comment, Issue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipeline.tracker.model import Fields

UNLIKE: Final = (AttributeError, KeyError, RecursionError, TypeError, ValueError)
"""What is raised for an answer that is none."""

FIELDS: Final = frozenset(
    {"title", "body", "labels", "assignees", "milestone", "type", "state", "state_reason"}
)
"""What can be said of an issue; a milestone by its title, "" for none, likewise a type."""


@dataclass(frozen=True, slots=True)
class Repository:
    """Where issues go. `full_name` is its name now, `id` stays when it is renamed."""

    id: int
    full_name: str
    url: str
    has_issues: bool
    is_archived: bool


@dataclass(frozen=True, slots=True)
class Label:
    """A label that the repository is to have; `color` is six hexadecimal digits."""

    name: str
    color: str = "ededed"
    description: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an issue's history, by whom and when (ns UTC); `kind` in GitHub's words.

    `label` is the one that was put on or taken off, `reason` that of a closing, `by_app` whether
    an App did it.
    """

    kind: str
    actor: str
    at: int
    label: str = ""
    reason: str = ""
    by_app: bool = False


def read(text: str) -> Any:
    """Return what an answer says, None if it says nothing."""
    return json.loads(text) if text else None


def listed(text: str) -> list[Any]:
    """Return the items of a listing; anything else raises, lest it look like an empty one."""
    said = read(text)
    if not isinstance(said, list):
        raise TypeError
    return said


def repository_of(said: Any) -> Repository:
    """Read a repository."""
    return Repository(
        int(said["id"]),
        _text(said["full_name"]),
        _text(said["html_url"]),
        bool(said.get("has_issues", True)),
        bool(said.get("archived", False)),
    )


def issue_of(said: Any, full_name: str) -> Issue:
    """Read an issue of a repository."""
    return Issue(
        number=int(said["number"]),
        id=int(said["id"]),
        node_id=str(said.get("node_id") or ""),
        title=_text(said["title"]),
        body=_lines(said.get("body")),
        author=_login(said.get("user")),
        is_open={"open": True, "closed": False}[said["state"]],
        state_reason=str(said.get("state_reason") or ""),
        labels=tuple(_name(label) for label in said["labels"]),
        assignees=tuple(_login(one) for one in said.get("assignees") or []),
        milestone=str((said.get("milestone") or {}).get("title") or ""),
        type=str((said.get("type") or {}).get("name") or ""),
        locked=bool(said.get("locked")),
        closed_by=_login(said.get("closed_by")),
        created_at=_time(said["created_at"]),
        updated_at=_time(said["updated_at"]),
        closed_at=_time(said.get("closed_at")),
        url=str(said.get("html_url") or ""),
        is_pull_request="pull_request" in said,
        parent=_parent(str(said.get("parent_issue_url") or ""), full_name),
    )


def comment_of(said: Any) -> Comment:
    """Read a comment."""
    return Comment(
        id=int(said["id"]),
        body=_lines(said.get("body")),
        author=_login(said.get("user")),
        created_at=_time(said["created_at"]),
        updated_at=_time(said["updated_at"]),
        url=str(said.get("html_url") or ""),
    )


def event_of(said: Any) -> Event:
    """Read a line of a history; those of some kinds have no time."""
    return Event(
        kind=_text(said["event"]),
        actor=_login(said.get("actor") or said.get("user")),
        at=_time(said.get("created_at")),
        label=str((said.get("label") or {}).get("name") or ""),
        reason=str(said.get("state_reason") or ""),
        by_app=bool(said.get("performed_via_github_app")),
    )


def payload(fields: Fields, milestones: Mapping[str, int]) -> dict[str, Any]:
    """Return fields as they are sent.

    Raises:
        ValueError: there is no such field or milestone.

    """
    if unknown := fields.keys() - FIELDS:
        message = f"an issue has no {', '.join(sorted(unknown))}"
        raise ValueError(message)
    sent: dict[str, Any] = {
        key: value if isinstance(value, str) else list(value) for key, value in fields.items()
    }
    for key in sent.keys() & {"milestone", "type"}:
        sent[key] = sent[key] or None
    if sent.get("milestone"):
        sent["milestone"] = _number(str(sent["milestone"]), milestones)
    return sent


def dropped(fields: Fields, issue: Issue) -> tuple[str, ...]:
    """Return which fields GitHub passed over without a word, as it does without the rights."""
    told = {
        "labels": issue.labels,
        "assignees": issue.assignees,
        "milestone": (issue.milestone,),
        "type": (issue.type,),
    }
    return tuple(
        key for key, has in told.items() if not _folded(fields.get(key, ())) <= _folded(has)
    )


def _number(title: str, milestones: Mapping[str, int]) -> int:
    if title not in milestones:
        message = f"the repository has no milestone {title!r}"
        raise ValueError(message)
    return milestones[title]


def _folded(names: str | Iterable[str]) -> set[str]:
    listed = [names] if isinstance(names, str) else names
    return {name.casefold() for name in listed if name}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _lines(value: Any) -> str:
    return "" if value is None else _text(value).replace("\r\n", "\n")


def _login(value: Any) -> str:
    """Return who it is, "" for an account that was deleted."""
    return "" if value is None else _text(value["login"])


def _name(value: Any) -> str:
    return value if isinstance(value, str) else _text(value["name"])


def _time(value: Any) -> int:
    return 0 if value is None else parse_timestamp(_text(value))


def _parent(url: str, full_name: str) -> int:
    """Return the number of a parent in the same repository, else 0."""
    _, found, number = url.casefold().rpartition(f"/repos/{full_name}/issues/".casefold())
    return int(number) if found and number.isdecimal() else 0
