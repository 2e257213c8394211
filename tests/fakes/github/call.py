"""One call of the API, and the questions that its handlers ask about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

from .answers import Answer, Refusal, forbidden, gone, issues_disabled, not_found
from .deeds import Deeds
from .shapes import Shapes
from .state import Comment, Issue, Repository, State, written

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from .description import Operation
    from .limits import Limits

LARGEST_PAGE = 100

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: an account, perhaps an installation of the App, or (`as_app`) the App itself."""

    login: str
    app: bool = False
    as_app: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A call that has a valid form and a known caller.

    `path` are the values in the path, `stale` says that a listing has to miss what is new.
    """

    state: State
    caller: Caller
    operation: Operation
    base: str
    now: datetime
    limits: Limits
    path: dict[str, str]
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    stale: bool = False

    @property
    def at(self) -> str:
        """The time, as GitHub writes it."""
        return written(self.now)

    @property
    def shapes(self) -> Shapes:
        """What makes JSON of things."""
        return Shapes(self.state, self.base)

    def repository(self) -> Repository:
        """Return the repository that the path names; raise Refusal (301, 404)."""
        name = f"{self.path['owner']}/{self.path['repo']}"
        found = self.state.repository(name)
        if found is None and name in self.state.renamed:
            raise self._elsewhere(self.state.renamed[name])
        if found is None or not found.allows(self.caller.login, "read"):
            raise not_found()
        return found

    def may(self, role: str) -> bool:
        """Whether the caller may do what that role may do; an App needs the permission, too."""
        grants = self.state.app.permissions.get("issues") == "write" or role == "read"
        return self.repository().allows(self.caller.login, role) and (grants or not self.caller.app)

    def need(self, role: str) -> None:
        """Raise Refusal (403) unless the caller may do what that role may do."""
        if not self.may(role):
            raise forbidden(app=self.caller.app)

    def issue(self) -> Issue:
        """Return the issue that the path names; raise Refusal (301, 404, 410)."""
        repository = self.repository()
        text = self.path["issue_number"]
        issue = repository.issues.get(int(text)) if text.isdecimal() else None
        if issue is None:
            raise not_found()
        if issue.deleted:
            raise gone() if self.operation.answers(410) else not_found()
        if issue.moved_to is not None:
            raise self._moved(*issue.moved_to)
        if not repository.has_issues and not issue.pull_request:
            raise issues_disabled() if self.operation.answers(410) else not_found()
        return issue

    def comment(self) -> tuple[Issue, Comment]:
        """Return the comment that the path names, and its issue; raise Refusal (404)."""
        for issue in self.repository().here:
            for comment in issue.comments:
                if str(comment.id) == self.path["comment_id"]:
                    return issue, comment
        raise not_found()

    def deeds(self, issue: Issue) -> Deeds:
        """Return what the caller can do to an issue now."""
        return Deeds(self.state, self.repository(), issue, self.caller.login, self.at)

    def page(self, items: Sequence[T], shape: Callable[[T], Any]) -> Answer:
        """Answer with the page of a listing that is asked for, and where the others are."""
        size = min(max(int(self.query.get("per_page", "30")), 1), LARGEST_PAGE)
        number = max(int(self.query.get("page", "1")), 1)
        last = max(-(-len(items) // size), 1)
        links = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
        if number == 1:
            del links["prev"], links["first"]
        if number >= last:
            del links["next"], links["last"]
        header = ", ".join(f'<{self._at_page(to)}>; rel="{rel}"' for rel, to in links.items())
        body = [shape(item) for item in items[(number - 1) * size : number * size]]
        return Answer(200, body, {"Link": header} if header else {})

    def _at_page(self, number: int) -> str:
        """Return the address of a page; GitHub names a repository by its id there."""
        path = self.operation.path
        if "owner" in self.path:
            path = path.replace("/repos/{owner}/{repo}", f"/repositories/{self.repository().id}")
        query = urlencode({**self.query, "page": number})
        return f"{self.base}{self._filled(path)}?{query}"

    def _filled(self, path: str) -> str:
        for name, value in self.path.items():
            path = path.replace(f"{{{name}}}", quote(value))
        return path

    def _moved(self, full_name: str, number: int) -> Refusal:
        new = self.state.repositories[full_name]
        if not (self.operation.answers(301) and new.allows(self.caller.login, "read")):
            return not_found()
        rest = self._filled(self.operation.path.partition("{issue_number}")[2])
        return _moved_to(f"{self.base}/repositories/{new.id}/issues/{number}{rest}")

    def _elsewhere(self, repository_id: int) -> Refusal:
        path = self._filled(self.operation.path).split("/", 4)
        rest = "".join(f"/{part}" for part in path[4:])
        query = f"?{urlencode(self.query)}" if self.query else ""
        return _moved_to(f"{self.base}/repositories/{repository_id}{rest}{query}")


def _moved_to(url: str) -> Refusal:
    return Refusal(301, "Moved Permanently", headers={"Location": url})
