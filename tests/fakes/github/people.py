"""What people do in their browsers while the reporter is at work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from .deeds import Deeds, open_issue
from .state import written

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from .state import Clock, Comment, Issue, Repository, State

T = TypeVar("T")

PERSON = "maintainer"
"""Who does it, unless it is said."""


def typed(text: str) -> str:
    """Return a text as a browser sends it: its lines end with CR LF."""
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


@dataclass(frozen=True, slots=True)
class People:
    """Deeds of people. A repository is named in full, an issue by its number.

    What does not exist raises LookupError.
    """

    state: State
    clock: Clock
    lock: threading.RLock
    save: Callable[[], None]

    def open_issue(
        self,
        repository: str,
        title: str,
        body: str = "",
        labels: Sequence[str] = (),
        by: str = PERSON,
    ) -> Issue:
        """File an issue."""
        with self.lock:
            place = self._repository(repository)
            at = written(self.clock.now())
            deeds = open_issue(self.state, place, by, at, title, typed(body))
            deeds.label(labels)
            self.save()
            return deeds.issue

    def rename(self, repository: str, issue: int, title: str, by: str = PERSON) -> None:
        """Give an issue another title."""
        self._do(repository, issue, by, lambda deeds: deeds.rename(title))

    def edit(self, repository: str, issue: int, body: str, by: str = PERSON) -> None:
        """Write the body of an issue anew."""
        self._do(repository, issue, by, lambda deeds: deeds.rewrite(typed(body)))

    def label(self, repository: str, issue: int, labels: Sequence[str], by: str = PERSON) -> None:
        """Add labels to an issue."""
        self._do(repository, issue, by, lambda deeds: deeds.label(labels))

    def unlabel(self, repository: str, issue: int, labels: Sequence[str], by: str = PERSON) -> None:
        """Take labels from an issue."""
        self._do(repository, issue, by, lambda deeds: deeds.unlabel(labels))

    def assign(self, repository: str, issue: int, logins: Sequence[str], by: str = PERSON) -> None:
        """Assign an issue."""
        self._do(repository, issue, by, lambda deeds: deeds.assign(logins))

    def plan(self, repository: str, issue: int, milestone: int | None, by: str = PERSON) -> None:
        """Put an issue into a milestone, or into none."""
        self._do(repository, issue, by, lambda deeds: deeds.plan(milestone))

    def classify(self, repository: str, issue: int, kind: str | None, by: str = PERSON) -> None:
        """Give an issue a type, or none."""
        self._do(repository, issue, by, lambda deeds: deeds.classify(kind))

    def comment(self, repository: str, issue: int, body: str, by: str = PERSON) -> Comment:
        """Comment on an issue."""
        return self._do(repository, issue, by, lambda deeds: deeds.comment(typed(body)))

    def edit_comment(
        self, repository: str, issue: int, comment: int, body: str, by: str = PERSON
    ) -> None:
        """Write a comment of anybody's anew."""
        found = self._comment(repository, issue, comment)
        self._do(repository, issue, by, lambda deeds: deeds.edit_comment(found, typed(body)))

    def delete_comment(self, repository: str, issue: int, comment: int, by: str = PERSON) -> None:
        """Take a comment of anybody's away."""
        found = self._comment(repository, issue, comment)
        self._do(repository, issue, by, lambda deeds: deeds.delete_comment(found))

    def close(
        self,
        repository: str,
        issue: int,
        reason: str = "completed",
        by: str = PERSON,
        duplicate_of: int | None = None,
    ) -> None:
        """Close an issue: completed, not_planned or duplicate (of an issue's number here)."""
        of = None if duplicate_of is None else self.issue(repository, duplicate_of).id
        self._do(repository, issue, by, lambda deeds: deeds.close(reason, of))

    def reopen(self, repository: str, issue: int, by: str = PERSON) -> None:
        """Open an issue again."""
        self._do(repository, issue, by, lambda deeds: deeds.reopen())

    def lock_issue(
        self, repository: str, issue: int, reason: str | None = None, by: str = PERSON
    ) -> None:
        """End a conversation."""
        self._do(repository, issue, by, lambda deeds: deeds.lock(reason))

    def unlock_issue(self, repository: str, issue: int, by: str = PERSON) -> None:
        """Take a conversation up again."""
        self._do(repository, issue, by, lambda deeds: deeds.unlock())

    def delete(self, repository: str, issue: int, by: str = PERSON) -> None:
        """Delete an issue for good."""
        self._do(repository, issue, by, lambda deeds: deeds.delete())

    def transfer(self, repository: str, issue: int, to: str, by: str = PERSON) -> Issue:
        """Move an issue to another repository."""
        place = self._repository(to)
        return self._do(repository, issue, by, lambda deeds: deeds.transfer(place))

    def convert_to_discussion(self, repository: str, issue: int, by: str = PERSON) -> None:
        """Make a discussion of an issue."""
        self._do(repository, issue, by, lambda deeds: deeds.convert_to_discussion())

    def react(self, repository: str, issue: int, content: str, by: str = PERSON) -> None:
        """Leave an emoji on an issue."""
        found = self.issue(repository, issue).reactions
        self._do(repository, issue, by, lambda deeds: deeds.react(found, content))

    def enable_issues(self, repository: str, *, enabled: bool) -> None:
        """Switch a repository's issues on or off."""
        with self.lock:
            self._repository(repository).has_issues = enabled
            self.save()

    def rename_repository(self, repository: str, name: str) -> None:
        """Give a repository another full name; GitHub sends who uses the old one on."""
        with self.lock:
            place = self._repository(repository)
            del self.state.repositories[place.full_name]
            self.state.renamed[place.full_name] = place.id
            place.full_name = name
            self.state.repositories[name] = place
            self.save()

    def give_role(self, repository: str, login: str, role: str) -> None:
        """Let somebody, new or known, do what a role may do (`state.ROLES`)."""
        with self.lock:
            if login not in self.state.users:
                self.state.add_user(login)
            self._repository(repository).roles[login] = role
            self.save()

    def issue(self, repository: str, issue: int) -> Issue:
        """Look an issue up, also one that is gone."""
        found = self._repository(repository).issues.get(issue)
        if found is None:
            message = f"{repository} has no issue {issue}"
            raise LookupError(message)
        return found

    def _do(self, repository: str, issue: int, by: str, deed: Callable[[Deeds], T]) -> T:
        with self.lock:
            at = written(self.clock.now())
            place = self._repository(repository)
            result = deed(Deeds(self.state, place, self.issue(repository, issue), by, at))
            self.save()
            return result

    def _repository(self, full_name: str) -> Repository:
        found = self.state.repository(full_name)
        if found is None:
            message = f"there is no repository {full_name}"
            raise LookupError(message)
        return found

    def _comment(self, repository: str, issue: int, comment: int) -> Comment:
        for one in self.issue(repository, issue).comments:
            if one.id == comment:
                return one
        message = f"{repository}#{issue} has no comment {comment}"
        raise LookupError(message)
