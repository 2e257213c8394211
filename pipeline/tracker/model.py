"""What stands in a tracker, what should stand there, what we know to have done, and steps.

All times are nanoseconds since the epoch, UTC; 0 means never. Names of labels and people are equal
when they differ only in case, as GitHub has it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from pipeline.audit import SECOND
from pipeline.incident import State
from pipeline.lifecycle import DAY, MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Fields: TypeAlias = "Mapping[str, str | tuple[str, ...]]"
"""What a step sends, named as GitHub's API names it; a milestone by its title."""

LONGEST_KEY = 100
"""Characters of an incident's key, and of a comment's."""

OVER = frozenset({State.QUIET, State.RESOLVED})
"""States in which nothing is seen any more."""


class Gone(StrEnum):
    """What became of an issue that is no longer where it was; the words say it."""

    DELETED = "deleted"
    TRANSFERRED = "transferred to another repository"
    CONVERTED = "converted to a discussion"


class Closing(StrEnum):
    """Why an issue is closed, as GitHub has it."""

    COMPLETED = "completed"
    NOT_PLANNED = "not_planned"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on an issue."""

    id: int
    body: str
    author: str = ""
    created_at: int = 0
    updated_at: int = 0
    url: str = ""


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue as it stands.

    `id` is the database's, which sub-issues and duplicates are linked by; `state_reason` a
    `Closing` or ""; `milestone` its title; `parent` the number of the issue that it is a sub-issue
    of. Of one that is `gone` nothing but its number is known. `comments` are None as long as
    nobody listed them.
    """

    number: int
    id: int = 0
    node_id: str = ""
    title: str = ""
    body: str = ""
    author: str = ""
    is_open: bool = True
    state_reason: str = ""
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    milestone: str = ""
    type: str = ""
    priority: str = ""
    locked: bool = False
    closed_by: str = ""
    created_at: int = 0
    updated_at: int = 0
    closed_at: int = 0
    url: str = ""
    is_pull_request: bool = False
    parent: int = 0
    gone: Gone | None = None
    comments: tuple[Comment, ...] | None = None


@dataclass(frozen=True, slots=True)
class News:
    """A comment to be made once; when the text of a `key` changes, the comment is edited."""

    key: str
    text: str

    def __post_init__(self) -> None:
        _check(self.key)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one incident wants of the tracker; `body`, `links` and news are Markdown.

    `key` is the incident's id, `signature` changes when it becomes another failure, `last_seen` is
    its last detection. `likes` and `links` are lines above the body: "Possibly the same as #144",
    as it was said at first, and such as say who looks after it. `answers` are comments that are
    made even where the issue is left alone. `absorbed` and `children` are other incidents' keys:
    those that became part of this one, and those of which it is the storm. `adopt` is the number of
    an issue of people's to go on in when none is ours (0: none), `close` says that people resolved
    it, so that its issue is closed whatever the policy says. `held` says why nothing is reported
    about it for now, "" if it is; `elsewhere` is Markdown that names the incident of another
    repository of which it became part, so that its issue is closed; `notes` say in plain text what
    it does not get, and why. `urgency` is 0 for what is opened first where not all may be.
    """

    key: str
    title: str
    body: str
    state: State = State.NEW
    signature: str = ""
    last_seen: int = 0
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    milestone: str = ""
    type: str = ""
    priority: str = ""
    likes: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    news: tuple[News, ...] = ()
    answers: tuple[News, ...] = ()
    absorbed: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    adopt: int = 0
    close: bool = False
    held: str = ""
    elsewhere: str = ""
    notes: tuple[str, ...] = ()
    urgency: int = 0

    def __post_init__(self) -> None:
        _check(self.key)


@dataclass(frozen=True, slots=True)
class Ours:
    """What of an issue is as we set it; names in lower case.

    `children` are keys of incidents, `closed` is the `Closing` with which we closed it, "" if we
    did not.
    """

    title: str = ""
    milestone: str = ""
    type: str = ""
    priority: str = ""
    labels: frozenset[str] = frozenset()
    assignees: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()
    closed: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What our ledger knows of an incident's issue, in one repository.

    `number` is 0 as long as none is known to exist; `asked_at` says when one was asked for without
    an answer that counts. `digest` is of the last text that we put there, `edited_at` says when.
    `after` is the number of the issue that this one follows, `said` are the keys of our comments,
    `reopened` how often we opened it again. `ours` is confirmed, `trying` what it is to become by
    a request that is under way, or was when we were interrupted. `likes` are the lines about issues
    of people's that it has since it was created.
    """

    number: int = 0
    signature: str = ""
    digest: str = ""
    edited_at: int = 0
    asked_at: int = 0
    after: int = 0
    said: frozenset[str] = frozenset()
    reopened: int = 0
    ours: Ours = field(default_factory=Ours)
    trying: Ours | None = None
    likes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrackerPolicy:
    """How we behave in a tracker; spans in nanoseconds.

    A body is edited once a `group_interval`, unless there is news. What is seen so soon after an
    issue was closed that it was still on its way (`grace`) opens nothing; within `reopen_window`
    the issue is opened again, later another one follows it. `closes` says whether issues of
    resolved incidents are closed. A request to create one that was not answered is not repeated
    within `doubt`, in which its issue may still appear. An issue that was opened again `flapping`
    times bears a label that says so. `logins` are the accounts that write for
    us (none: not checked); a comment of anybody else is never edited. `sub_issues` is GitHub's
    limit for one parent, `new_issues` how many are opened within a day at most (0: no bound).
    """

    group_interval: int = 5 * MINUTE
    grace: int = 5 * MINUTE
    reopen_window: int = 7 * DAY
    closes: bool = False
    doubt: int = 60 * SECOND
    flapping: int = 2
    logins: frozenset[str] = frozenset()
    sub_issues: int = 100
    new_issues: int = 0


class Kind(StrEnum):
    """What a step does."""

    CREATE = "create"
    EDIT = "edit"
    COMMENT = "comment"
    EDIT_COMMENT = "edit_comment"
    LABEL = "label"
    UNLABEL = "unlabel"
    ASSIGN = "assign"
    UNASSIGN = "unassign"
    REOPEN = "reopen"
    CLOSE = "close"
    LINK_DUPLICATE = "link_duplicate"
    SUB_ISSUE = "sub_issue"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Step:
    """One request, or the decision to make none, and the named reason for it.

    `number` is the issue that it goes to; 0: the one that a step before it creates for `incident`.
    `incident` is "" where the issue is not the one of an incident, but a second one like it: then
    the ledger is not concerned. `key` and `comment` (its id) belong to comments. `other` is the
    incident of which the issue is closed as a duplicate, or that becomes a sub-issue,
    `other_number` its issue, 0 as above. `digest`, `signature` and `after` are for the ledger.
    `due` is when that may be done which is left for later, 0 if nothing is, or if it `waits` for a
    setting.
    """

    kind: Kind
    incident: str
    number: int
    reason: str
    fields: Fields = field(default_factory=dict)
    key: str = ""
    comment: int = 0
    other: str = ""
    other_number: int = 0
    digest: str = ""
    signature: str = ""
    after: int = 0
    due: int = 0
    waits: bool = False


def folded(names: Iterable[str]) -> frozenset[str]:
    """Return names as they are compared."""
    return frozenset(name.casefold() for name in names)


def _check(key: str) -> None:
    """Raise ValueError for a key that no marker could carry, so that it would not be found again.

    A programming error: keys are made by this program.
    """
    if not 0 < len(key) <= LONGEST_KEY:
        message = f"a key has 1 to {LONGEST_KEY} characters, this one {len(key)}"
        raise ValueError(message)
