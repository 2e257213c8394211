"""GitHub as the reporter uses it: issues, comments, labels, in values of `tracker.model`.

Every method raises a `CallError` (`failures.py`) when it does not succeed, and nothing else. Reads
are tried again a few times; writes never are, because only a listing can tell what became of one.
One writer uses a client, from one thread; waits are made inside, up to `Manners.longest_wait`.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote

from pipeline.entry import format_timestamp
from pipeline.sinks.github import shapes
from pipeline.sinks.github.asking import PAGE, REPO, Asking, Manners, World
from pipeline.sinks.github.failures import NotThere, Refused
from pipeline.sinks.github.judging import Call
from pipeline.sinks.github.pacing import Breaker, Pacer
from pipeline.tracker.model import Closing, Gone, Issue, folded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pipeline.sinks.github.credentials import Credentials
    from pipeline.sinks.github.shapes import Event, Label, Repository
    from pipeline.tracker.model import Comment, Fields

_ISSUES = f"{REPO}/issues"
_NOT_FOUND, _INVALID = 404, 422

T = TypeVar("T")


class Client:
    """One repository's issues.

    `world` is the clock, what waits, and what knows of writes before this process.
    """

    def __init__(
        self,
        credentials: Credentials,
        world: World,
        *,
        manners: Manners | None = None,
        pacer: Pacer | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        self._asking = Asking(
            credentials,
            world,
            manners or Manners(),
            pacer or Pacer(),
            breaker or Breaker(),
        )
        self._written: dict[int, Issue] = {}
        self._said: dict[int, dict[int, Comment]] = {}
        self._assignable: dict[str, bool] = {}
        self._converted: dict[tuple[int, int], bool] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._asking.close()

    def repository(self) -> Repository:
        """Return the repository under its name of today; compare it with that of the settings."""
        return self._asking.repository()

    def login(self) -> str:
        """Return the account that writes for us; an App's ends with `[bot]`."""
        return self._asking.me()

    def issues(self, label: str = "", *, since: int = 0) -> tuple[Issue, ...]:
        """List open and closed issues, and pull requests, by number.

        Those with a label, or all; `since` when they changed (ns UTC, 0: ever). What this client
        wrote is among them in its last state even if GitHub's listing lags behind.
        """
        query: dict[str, str | int] = {"state": "all", "sort": "created", "direction": "asc"}
        if label:
            query["labels"] = label
        if since:
            query["since"] = format_timestamp(since)
        call = Call("list issues", "GET", _ISSUES, query=query)
        found = {issue.number: issue for issue in self._all(call, self._issue)}
        for late in self._late(found):
            issue = self.issue(late)
            found.pop(late, None)
            if issue.gone is None and _belongs(issue, label, since):
                found[late] = issue
        return tuple(self._truly(found[number]) for number in sorted(found))

    def recent(self, most: int) -> tuple[Issue, ...]:
        """List the issues and pull requests, open and closed, that changed last: `most` or less."""
        query: dict[str, str | int] = {"state": "all", "sort": "updated", "direction": "desc"}
        call = Call("list recent issues", "GET", _ISSUES, query=query)
        pages = self._asking.pages(call, self._issue, -(-most // PAGE))
        return tuple({one.number: one for page in pages for one in page}.values())[:most]

    def newest(self, label: str) -> int:
        """Return when an issue with a label changed last (ns UTC), 0 if there is none."""
        query: dict[str, str | int] = {
            "state": "all",
            "labels": label,
            "sort": "updated",
            "direction": "desc",
            "per_page": 1,
        }
        call = Call("look whether issues changed", "GET", _ISSUES, query=query)

        def latest(said: Any) -> int:
            return max((self._issue(one).updated_at for one in said), default=0)

        return self._asking.ask(call, latest)

    def issue(self, number: int) -> Issue:
        """Read an issue; of one that is no longer there its number and what became of it."""
        call = Call(f"read issue {number}", "GET", f"{_ISSUES}/{number}", number)
        try:
            return self._truly(self._asking.ask(call, self._issue))
        except NotThere as failure:
            return Issue(number, gone=failure.gone)

    def create(self, fields: Fields) -> Issue:
        """Create an issue; compare with `shapes.dropped` what was passed over."""
        sent = {key: value for key, value in self._payload(fields).items() if value is not None}
        call = Call("create an issue", "POST", _ISSUES, body=sent)
        return self._wrote(self._asking.ask(call, self._issue))

    def edit(self, number: int, fields: Fields) -> Issue:
        """Change the fields that are given, and no others."""
        return self._patch(f"edit issue {number}", number, self._payload(fields))

    def close_issue(self, number: int, reason: Closing = Closing.COMPLETED) -> Issue:
        """Close an issue; one that is closed keeps its reason."""
        body = {"state": "closed", "state_reason": str(reason)}
        return self._patch(f"close issue {number}", number, body)

    def close_as_duplicate(self, number: int, original: int) -> Issue:
        """Close an issue as a duplicate of the one with that database id."""
        body = {
            "state": "closed",
            "state_reason": str(Closing.DUPLICATE),
            "duplicate_issue_id": original,
        }
        return self._patch(f"close issue {number} as a duplicate", number, body)

    def reopen(self, number: int) -> Issue:
        """Open an issue again."""
        return self._patch(f"reopen issue {number}", number, {"state": "open"})

    def comments(self, number: int, *, since: int = 0) -> tuple[Comment, ...]:
        """List the comments of an issue, oldest first, with those that this client made."""
        query: dict[str, str | int] = {"since": format_timestamp(since)} if since else {}
        path = f"{_ISSUES}/{number}/comments"
        call = Call(f"list the comments of issue {number}", "GET", path, number, query)
        found = {comment.id: comment for comment in self._all(call, shapes.comment_of)}
        for ours in self._said.get(number, {}).values():
            listed = found.get(ours.id)
            if ours.updated_at >= since and (listed is None or listed.updated_at < ours.updated_at):
                found.pop(ours.id, None)
                found |= {one.id: one for one in self._comment(number, ours.id)}
        return tuple(found[key] for key in sorted(found))

    def comment(self, number: int, body: str) -> Comment:
        """Comment on an issue."""
        path = f"{_ISSUES}/{number}/comments"
        call = Call(f"comment on issue {number}", "POST", path, number, body={"body": body})
        return self._spoke(number, self._asking.ask(call, shapes.comment_of))

    def edit_comment(self, number: int, comment: int, body: str) -> Comment:
        """Write a comment anew."""
        path = f"{_ISSUES}/comments/{comment}"
        call = Call(f"edit a comment on issue {number}", "PATCH", path, number, body={"body": body})
        return self._spoke(number, self._asking.ask(call, shapes.comment_of))

    def label(self, number: int, names: Iterable[str]) -> None:
        """Put labels on an issue; it keeps those that it has."""
        body = {"labels": list(names)}
        path = f"{_ISSUES}/{number}/labels"
        self._asking.do(Call(f"label issue {number}", "POST", path, number, body=body))

    def unlabel(self, number: int, name: str) -> None:
        """Take a label from an issue, if it has it."""
        path = f"{_ISSUES}/{number}/labels/{quote(name, safe='')}"
        call = Call(f"unlabel issue {number}", "DELETE", path, number)
        try:
            self._asking.do(call)
        except NotThere as failure:
            if failure.words.casefold() != "label does not exist":
                raise

    def ensure_labels(self, labels: Iterable[Label]) -> None:
        """Create the labels that the repository lacks; those it has stay as they are."""
        for label in labels:
            if label.name.casefold() not in self._labels:
                body = {
                    "name": label.name,
                    "color": label.color,
                    "description": label.description,
                }
                call = Call("create a label", "POST", f"{REPO}/labels", body=body)
                try:
                    self._asking.do(call)
                except Refused as failure:
                    if "already_exists" not in failure.words:
                        raise
                self._labels.add(label.name.casefold())

    def assign(self, number: int, logins: Iterable[str]) -> Issue:
        """Assign an issue to people, too; those it cannot be assigned to are passed over."""
        return self._assignees("POST", f"assign issue {number}", number, logins)

    def unassign(self, number: int, logins: Iterable[str]) -> Issue:
        """Take an issue from people."""
        return self._assignees("DELETE", f"unassign issue {number}", number, logins)

    def is_assignable(self, login: str) -> bool:
        """Whether issues can be assigned to somebody; of each it is asked once."""
        if login not in self._assignable:
            path = f"{REPO}/assignees/{quote(login, safe='')}"
            call = Call("ask who can be assigned", "GET", path)
            self._assignable[login] = self._asked(call, lambda _: True, otherwise=False)
        return self._assignable[login]

    def permission(self, login: str) -> str:
        """Return what somebody may do in the repository: admin, write, read or none."""
        path = f"{REPO}/collaborators/{quote(login, safe='')}/permission"
        call = Call("ask what somebody may do", "GET", path)
        return self._asked(call, lambda said: str(said["permission"]), otherwise="none")

    def events(self, number: int) -> tuple[Event, ...]:
        """List what was done to an issue and by whom, oldest first."""
        path = f"{_ISSUES}/{number}/timeline"
        call = Call(f"read the history of issue {number}", "GET", path, number)
        return tuple(one for page in self._asking.pages(call, shapes.event_of) for one in page)

    def sub_issues(self, number: int) -> tuple[int, ...]:
        """Return the database ids of an issue's sub-issues."""
        path = f"{_ISSUES}/{number}/sub_issues"
        call = Call(f"list the sub-issues of issue {number}", "GET", path, number)
        pages = self._asking.pages(call, lambda said: int(said["id"]))
        return tuple(one for page in pages for one in page)

    def add_sub_issue(self, number: int, child: int) -> None:
        """Make the issue with that database id a sub-issue, unless it is one already."""
        path = f"{_ISSUES}/{number}/sub_issues"
        body = {"sub_issue_id": child}
        try:
            self._asking.do(Call(f"add to issue {number}", "POST", path, number, body=body))
        except Refused as failure:
            if failure.status != _INVALID or child not in self.sub_issues(number):
                raise

    def remove_sub_issue(self, number: int, child: int) -> None:
        """Make a sub-issue an issue of its own again, if it is one."""
        path = f"{_ISSUES}/{number}/sub_issue"
        body = {"sub_issue_id": child}
        try:
            self._asking.do(Call(f"take from issue {number}", "DELETE", path, number, body=body))
        except NotThere:
            if child in self.sub_issues(number):
                raise

    @cached_property
    def types(self) -> tuple[str, ...]:
        """The types that issues here may have; none where there are no types."""
        call = Call("list issue types", "GET", f"{REPO}/issue-types")
        none: tuple[str, ...] = ()
        return self._asked(
            call, lambda said: tuple(str(one["name"]) for one in said), otherwise=none
        )

    @cached_property
    def milestones(self) -> Mapping[str, int]:
        """The numbers of the repository's milestones, open and closed, by title."""
        call = Call("list milestones", "GET", f"{REPO}/milestones", query={"state": "all"})
        pages = self._asking.pages(call, lambda said: (str(said["title"]), int(said["number"])))
        return {title: number for page in pages for title, number in page}

    @cached_property
    def _labels(self) -> set[str]:
        call = Call("list labels", "GET", f"{REPO}/labels")
        pages = self._asking.pages(call, lambda said: str(said["name"]).casefold())
        return {name for page in pages for name in page}

    def _issue(self, said: object) -> Issue:
        return shapes.issue_of(said, self.repository().full_name)

    def _asked(self, call: Call, shape: Callable[[Any], T], *, otherwise: T) -> T:
        """Ask about something of the repository that need not be there."""
        try:
            return self._asking.ask(call, shape)
        except Refused as failure:
            if failure.status != _NOT_FOUND:
                raise
            return otherwise

    def _all(self, call: Call, shape: Callable[[Any], T]) -> list[T]:
        """Read a listing; one of several pages twice, because it may shift between two of them.

        What comes later is the newer.
        """
        pages = self._asking.pages(call, shape)
        if len(pages) > 1:
            pages += self._asking.pages(call, shape)
        return [item for page in pages for item in page]

    def _late(self, found: dict[int, Issue]) -> list[int]:
        """Return which issues that we wrote a listing lacks, or shows as they were before."""
        ours = self._written.items()
        return [
            number
            for number, issue in ours
            if number not in found or found[number].updated_at < issue.updated_at
        ]

    def _truly(self, issue: Issue) -> Issue:
        """Tell what is left of an issue that became a discussion: it looks closed and locked."""
        if issue.is_open or not issue.locked or issue.is_pull_request:
            return issue
        key = (issue.number, issue.updated_at)
        if key not in self._converted:
            kinds = [event.kind for event in self.events(issue.number)]
            self._converted[key] = "converted_to_discussion" in kinds
        return Issue(issue.number, gone=Gone.CONVERTED) if self._converted[key] else issue

    def _payload(self, fields: Fields) -> dict[str, object]:
        try:
            return shapes.payload(fields, self.milestones if fields.get("milestone") else {})
        except ValueError as error:
            message = f"nothing was sent: {error}"
            raise Refused(message) from None

    def _patch(self, what: str, number: int, body: Mapping[str, object]) -> Issue:
        call = Call(what, "PATCH", f"{_ISSUES}/{number}", number, body=body)
        return self._wrote(self._asking.ask(call, self._issue))

    def _wrote(self, issue: Issue) -> Issue:
        self._written[issue.number] = issue
        return issue

    def _spoke(self, number: int, comment: Comment) -> Comment:
        self._said.setdefault(number, {})[comment.id] = comment
        return comment

    def _comment(self, number: int, comment: int) -> list[Comment]:
        """Read one comment; none if it was deleted."""
        path = f"{_ISSUES}/comments/{comment}"
        call = Call(f"read a comment on issue {number}", "GET", path, number)
        try:
            return [self._asking.ask(call, shapes.comment_of)]
        except NotThere:
            return []

    def _assignees(self, verb: str, what: str, number: int, logins: Iterable[str]) -> Issue:
        path = f"{_ISSUES}/{number}/assignees"
        call = Call(what, verb, path, number, body={"assignees": list(logins)})
        return self._wrote(self._asking.ask(call, self._issue))


def _belongs(issue: Issue, label: str, since: int) -> bool:
    """Whether an issue is one that a listing was asked for."""
    has = not label or label.casefold() in folded(issue.labels)
    return has and issue.updated_at >= since
