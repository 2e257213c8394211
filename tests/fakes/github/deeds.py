"""What can be done to an issue, by the API or by people, and the history that it leaves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .state import Comment, Event, Issue, Label, Reaction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .state import Repository, State


@dataclass(frozen=True, slots=True)
class Deeds:
    """What `by` does to an issue at a time, as GitHub writes it."""

    state: State
    repository: Repository
    issue: Issue
    by: str
    at: str

    def rename(self, title: str) -> None:
        """Give it another title."""
        if title != self.issue.title:
            self._record("renamed", rename={"from": self.issue.title, "to": title})
            self.issue.title = title

    def rewrite(self, body: str | None) -> None:
        """Give it another body."""
        self.issue.body = body
        self._touch()

    def label(self, names: Iterable[str]) -> None:
        """Add labels; those that the repository lacks are created."""
        for name in names:
            label = self.repository.label(name) or self._new_label(name)
            if label.name not in self.issue.labels:
                self.issue.labels.append(label.name)
                self._record("labeled", label={"name": label.name, "color": label.color})

    def unlabel(self, names: Iterable[str]) -> None:
        """Take labels away."""
        for name in list(names):
            label = self.repository.label(name)
            if label is not None and label.name in self.issue.labels:
                self.issue.labels.remove(label.name)
                self._record("unlabeled", label={"name": label.name, "color": label.color})

    def relabel(self, names: list[str]) -> None:
        """Replace all labels."""
        wanted = {name.casefold() for name in names}
        self.unlabel([name for name in self.issue.labels if name.casefold() not in wanted])
        self.label(names)

    def assign(self, logins: Iterable[str]) -> None:
        """Add assignees."""
        for login in logins:
            if login not in self.issue.assignees:
                self.issue.assignees.append(login)
                self._record("assigned", assignee=login, assigner=self.by)

    def unassign(self, logins: Iterable[str]) -> None:
        """Take assignees away."""
        for login in list(logins):
            if login in self.issue.assignees:
                self.issue.assignees.remove(login)
                self._record("unassigned", assignee=login, assigner=self.by)

    def reassign(self, logins: list[str]) -> None:
        """Replace all assignees."""
        self.unassign([login for login in self.issue.assignees if login not in logins])
        self.assign(logins)

    def plan(self, number: int | None) -> None:
        """Put it into a milestone, or into none."""
        titles = {one.number: one.title for one in self.repository.milestones}
        before, self.issue.milestone = self.issue.milestone, number
        if before is not None and before != number:
            self._record("demilestoned", milestone={"title": titles[before]})
        if number is not None and before != number:
            self._record("milestoned", milestone={"title": titles[number]})

    def classify(self, kind: str | None) -> None:
        """Give it a type, or none."""
        before, self.issue.type = self.issue.type, kind
        if kind != before:
            self._record("issue_type_added" if kind else "issue_type_removed")

    def close(self, reason: str = "completed", duplicate_of: int | None = None) -> None:
        """Close it as completed, not_planned or duplicate, unless it is closed."""
        issue = self.issue
        if issue.state == "closed":
            return
        issue.state, issue.state_reason = "closed", reason
        issue.closed_at, issue.closed_by = self.at, self.by
        self._record("closed", state_reason=reason)
        if reason == "duplicate" and duplicate_of is not None:
            issue.duplicate_of = duplicate_of
            self._record("marked_as_duplicate")

    def reopen(self) -> None:
        """Open it again."""
        issue = self.issue
        if issue.state == "open":
            return
        issue.state, issue.state_reason = "open", "reopened"
        issue.closed_at = issue.closed_by = issue.duplicate_of = None
        self._record("reopened", state_reason="reopened")

    def lock(self, reason: str | None = None) -> None:
        """End the conversation: off-topic, too heated, resolved, spam or None."""
        self.issue.locked, self.issue.lock_reason = True, reason
        self._record("locked", lock_reason=reason)

    def unlock(self) -> None:
        """Take the conversation up again."""
        self.issue.locked, self.issue.lock_reason = False, None
        self._record("unlocked", lock_reason=None)

    def comment(self, body: str) -> Comment:
        """Write a comment."""
        comment = Comment(self.state.new_id(), self.by, body, self.at, self.at)
        self.issue.comments.append(comment)
        self._touch()
        return comment

    def edit_comment(self, comment: Comment, body: str) -> None:
        """Write a comment anew."""
        comment.body, comment.updated_at = body, self.at
        self._touch()

    def delete_comment(self, comment: Comment) -> None:
        """Take a comment away."""
        self.issue.comments.remove(comment)
        self._touch()

    def react(self, reactions: list[Reaction], content: str) -> tuple[Reaction, bool]:
        """Leave an emoji, on the issue or on a comment; False says that it was there already."""
        for one in reactions:
            if (one.user, one.content) == (self.by, content):
                return one, False
        reactions.append(Reaction(self.state.new_id(), self.by, content, self.at))
        return reactions[-1], True

    def adopt(self, child: Deeds) -> None:
        """Make another issue a sub-issue of this one."""
        self.issue.sub_issues.append(child.issue.id)
        child.issue.parent = self.issue.id
        self._record("sub_issue_added", sub_issue=child.issue.id)
        child._record("parent_issue_added", parent_issue=self.issue.id)

    def release(self, child: Deeds) -> None:
        """Make a sub-issue an issue of its own."""
        self.issue.sub_issues.remove(child.issue.id)
        child.issue.parent = None
        self._record("sub_issue_removed", sub_issue=child.issue.id)
        child._record("parent_issue_removed", parent_issue=self.issue.id)

    def convert_to_discussion(self) -> None:
        """Make a discussion of it: what remains is closed and locked, and takes no comment."""
        self.close()
        self.lock()
        self.issue.discussion = True
        self._record("converted_to_discussion")

    def delete(self) -> None:
        """Delete it for good."""
        self.issue.deleted = True

    def transfer(self, to: Repository) -> Issue:
        """Move it to another repository, where it has another id and number."""
        here = self.issue
        moved = replace(
            here,
            id=self.state.new_id(),
            number=len(to.issues) + 1,
            labels=[name for name in here.labels if to.label(name)],
            milestone=None,
        )
        to.issues[moved.number] = moved
        here.moved_to = (to.full_name, moved.number)
        replace(self, repository=to, issue=moved)._record("transferred")  # noqa: SLF001 - of its class
        return moved

    def _new_label(self, name: str) -> Label:
        label = Label(self.state.new_id(), name)
        self.repository.labels.append(label)
        return label

    def _record(self, kind: str, **details: Any) -> None:
        self.issue.events.append(Event(self.state.new_id(), kind, self.by, self.at, details))
        self._touch()

    def _touch(self) -> None:
        self.issue.updated_at = self.at


def open_issue(  # noqa: PLR0913, PLR0917 - as many as an issue has beginnings
    state: State, repository: Repository, by: str, at: str, title: str, body: str | None
) -> Deeds:
    """File an issue."""
    number = len(repository.issues) + 1
    issue = Issue(state.new_id(), number, title, body, by, at, at)
    repository.issues[number] = issue
    return Deeds(state, repository, issue, by, at)
