"""What the fake GitHub knows: plain values that can be printed, saved and read back."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROLES = ("none", "read", "triage", "write", "maintain", "admin")
"""What somebody may do in a repository, least first."""

BOT = "fivewhys[bot]"
TOKEN = "token-of-the-reporter"


def written(when: datetime) -> str:
    """Write a time as GitHub does: UTC, whole seconds. Such texts sort as times do."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class Clock:
    """The fake's time: the machine's, or that of `read`, and what it was advanced by.

    `read` returns seconds since the epoch.
    """

    read: Callable[[], float] = time.time
    ahead: float = 0.0

    def now(self) -> datetime:
        """Return the time, with its zone."""
        return datetime.fromtimestamp(self.read() + self.ahead, UTC)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.ahead += seconds


@dataclass(slots=True)
class User:
    """An account; `kind` is User, Bot or Organization."""

    id: int
    login: str
    kind: str = "User"


@dataclass(slots=True)
class Label:
    """A label of a repository. Issues refer to it by its name, in any case."""

    id: int
    name: str
    color: str = "ededed"
    description: str | None = None


@dataclass(slots=True)
class Milestone:
    """A milestone of a repository."""

    id: int
    number: int
    title: str
    creator: str
    at: str
    state: str = "open"
    description: str | None = None


@dataclass(slots=True)
class IssueType:
    """A type that issues of an organization's repositories may have."""

    id: int
    name: str
    description: str | None = None


@dataclass(slots=True)
class Reaction:
    """An emoji that somebody put on an issue or a comment."""

    id: int
    user: str
    content: str
    at: str


@dataclass(slots=True)
class Event:
    """One line of an issue's history; `details` are the keys that only its kind has."""

    id: int
    kind: str
    actor: str
    at: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Comment:
    """A comment on an issue; `listed` says whether a listing has shown it."""

    id: int
    user: str
    body: str
    created_at: str
    updated_at: str
    reactions: list[Reaction] = field(default_factory=list)
    listed: bool = False


@dataclass(slots=True)
class Issue:
    """An issue, also one that is gone: `deleted`, or `moved_to` a repository's full name."""

    id: int
    number: int
    title: str
    body: str | None
    user: str
    created_at: str
    updated_at: str
    state: str = "open"
    state_reason: str | None = None
    closed_at: str | None = None
    closed_by: str | None = None
    labels: list[str] = field(default_factory=list)
    assignees: list[str] = field(default_factory=list)
    milestone: int | None = None
    type: str | None = None
    locked: bool = False
    lock_reason: str | None = None
    parent: int | None = None
    sub_issues: list[int] = field(default_factory=list)
    duplicate_of: int | None = None
    comments: list[Comment] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    pull_request: bool = False
    discussion: bool = False
    deleted: bool = False
    moved_to: tuple[str, int] | None = None
    listed: bool = False

    @property
    def is_here(self) -> bool:
        """Whether it can still be found under its number."""
        return not self.deleted and self.moved_to is None


@dataclass(slots=True)
class Repository:
    """A repository; `roles` by login, `issues` by number, with those that are gone."""

    id: int
    full_name: str
    private: bool = True
    has_issues: bool = True
    archived: bool = False
    roles: dict[str, str] = field(default_factory=dict)
    labels: list[Label] = field(default_factory=list)
    milestones: list[Milestone] = field(default_factory=list)
    types: list[IssueType] = field(default_factory=list)
    issues: dict[int, Issue] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """The login before the slash."""
        return self.full_name.partition("/")[0]

    @property
    def name(self) -> str:
        """What stands after the slash."""
        return self.full_name.partition("/")[2]

    @property
    def here(self) -> Iterator[Issue]:
        """The issues that can still be found, oldest first."""
        return (issue for issue in self.issues.values() if issue.is_here)

    def label(self, name: str) -> Label | None:
        """Find a label by its name, in any case."""
        wanted = name.casefold()
        return next((one for one in self.labels if one.name.casefold() == wanted), None)

    def allows(self, login: str, role: str) -> bool:
        """Whether somebody may do what that role may do."""
        least = "none" if self.private else "read"
        return ROLES.index(self.roles.get(login, least)) >= ROLES.index(role)


@dataclass(slots=True)
class App:
    """The GitHub App that is installed; without a public key (PEM) it can't authenticate."""

    id: int = 1
    installation: int = 2
    slug: str = "fivewhys"
    public_key: str | None = None
    permissions: dict[str, str] = field(
        default_factory=lambda: {"issues": "write", "metadata": "read"}
    )


@dataclass(slots=True)
class Token:
    """Who a token stands for, and until when; `app` says that the App's installation got it.

    A classic token has `scopes`, separated by `, `.
    """

    login: str
    expires_at: str | None = None
    app: bool = False
    scopes: str | None = None


@dataclass(slots=True)
class State:
    """Everything; users by login, tokens by their text, repositories by full name.

    `renamed` has former names of repositories, with their ids.
    """

    app: App = field(default_factory=App)
    users: dict[str, User] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    renamed: dict[str, int] = field(default_factory=dict)
    last_id: int = 1000

    def new_id(self) -> int:
        """Return an id that nothing has yet."""
        self.last_id += 1
        return self.last_id

    def repository(self, full_name: str) -> Repository | None:
        """Find a repository by its full name, in any case."""
        wanted = full_name.casefold()
        found = (one for name, one in self.repositories.items() if name.casefold() == wanted)
        return next(found, None)

    def issue(self, issue_id: int) -> tuple[Repository, Issue] | None:
        """Find an issue that is still there by its id, and its repository."""
        for repository in self.repositories.values():
            for issue in repository.here:
                if issue.id == issue_id:
                    return repository, issue
        return None

    def add_user(self, login: str, kind: str = "User") -> User:
        """Add an account."""
        self.users[login] = User(self.new_id(), login, kind)
        return self.users[login]

    def add_repository(self, full_name: str, **settings: Any) -> Repository:
        """Add a repository where the usual people have the roles that they are named after."""
        repository = Repository(self.new_id(), full_name, **settings)
        repository.roles |= {"admin": "admin", "maintainer": "write", "triager": "triage"}
        repository.roles |= {"reader": "read", BOT: "write"}
        for name in ("Task", "Bug", "Feature"):
            repository.types.append(IssueType(self.new_id(), name))
        for name, color in (("bug", "d73a4a"), ("enhancement", "a2eeef")):
            repository.labels.append(Label(self.new_id(), name, color))
        self.repositories[full_name] = repository
        return repository

    def dumped(self) -> bytes:
        """Write it as JSON."""
        return _adapter().dump_json(self, indent=1)

    def save(self, path: Path) -> None:
        """Write it to a file, whole or not at all."""
        draft = path.with_name(f"{path.name}.draft")
        draft.write_bytes(self.dumped())
        draft.replace(path)


@cache
def _adapter() -> TypeAdapter[State]:
    return TypeAdapter(State)


def load(path: Path) -> State:
    """Read what `save` wrote."""
    return _adapter().validate_json(path.read_bytes())


def beginning(*repositories: str) -> State:
    """Make a world of people, one for each role, in some repositories.

    `TOKEN` belongs to the maintainer; `token-of-NAME` to each other one.
    """
    state = State()
    for login in ("admin", "maintainer", "triager", "reader", "stranger"):
        state.add_user(login)
        state.tokens[f"token-of-{login}"] = Token(login)
    state.tokens[TOKEN] = Token("maintainer")
    state.add_user(BOT, "Bot")
    for full_name in repositories or ("example/platform",):
        owner = full_name.partition("/")[0]
        if owner not in state.users:
            state.add_user(owner, "Organization")
        state.add_repository(full_name)
    return state
