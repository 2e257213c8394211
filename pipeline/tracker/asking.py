"""What people ask for in an issue and were not answered yet: in its comments, and by labels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pipeline.tracker.listening import commands_of
from pipeline.tracker.model import folded
from pipeline.tracker.ownership import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.tracker.marker import Signer
    from pipeline.tracker.model import Comment, Issue

RESERVED: Final = "fivewhys:"
"""How labels begin that decide something; nothing else may set one of that name."""


@dataclass(frozen=True, slots=True)
class CommandSettings:
    """How commands are heard.

    `may` are the permissions, as the tracker names them, with which one decides. `logins` are the
    accounts that write for us: what they write or label is no command. `label_span` is how long
    `fivewhys:silence` silences; `fivewhys:silence-30d` says so itself. `most` is how many commands
    of one comment are heard.
    """

    may: frozenset[str] = frozenset({"admin", "maintain", "write"})
    logins: frozenset[str] = frozenset()
    label_span: str = "7d"
    most: int = 10


@dataclass(frozen=True, slots=True)
class Labelled:
    """Somebody set a label, at a time in nanoseconds UTC; `id` is the event's."""

    id: int
    name: str
    by: str
    at: int


@dataclass(frozen=True, slots=True)
class Request:
    """What one comment, or one label, asks for: the commands in it, without `/fivewhys`.

    `key` is that of the answer, `issue` where it was said, `by` a login, `at` nanoseconds UTC.
    """

    key: str
    issue: int
    by: str
    at: int
    commands: tuple[str, ...]


def requests(
    issue: Issue,
    labelled: Iterable[Labelled],
    said: frozenset[str],
    signer: Signer,
    settings: CommandSettings,
) -> tuple[Request, ...]:
    """Return what people ask for in an issue and were not answered yet, in order of time.

    `labelled` are the events of its labels; those of labels that were taken away do not count, and
    of one that was set again the last does. `said` are the keys of our comments that the ledger
    knows (`Known.said`): an answer that people deleted was given.

    Raises:
        ValueError: the comments of the issue were not listed.

    """
    if issue.comments is None:
        message = f"the comments of #{issue.number} were not listed"
        raise ValueError(message)
    keys = {one.id: _keys(one, signer) for one in issue.comments}
    answered = said.union(*keys.values())
    asked = (
        *(_in_comment(issue, one) for one in issue.comments if not keys[one.id]),
        *_in_labels(issue, labelled, settings),
    )
    ours = folded(settings.logins)
    open_ones = (
        one
        for one in asked
        if one.commands and one.key not in answered and one.by.casefold() not in ours
    )
    return tuple(sorted(open_ones, key=lambda one: (one.at, one.key)))


def _keys(comment: Comment, signer: Signer) -> frozenset[str]:
    """Return the keys of what is ours in a comment."""
    return frozenset(part.mark.key for part in parts_of(comment.body, signer))


def _in_comment(issue: Issue, comment: Comment) -> Request:
    key, commands = f"answer-{comment.id}", tuple(commands_of(comment.body))
    return Request(key, issue.number, comment.author, comment.created_at, commands)


def _in_labels(
    issue: Issue, labelled: Iterable[Labelled], settings: CommandSettings
) -> Iterator[Request]:
    standing = folded(issue.labels)
    ordered = sorted(labelled, key=lambda one: one.id)
    for name, event in {one.name.casefold(): one for one in ordered}.items():
        match = _LABEL.fullmatch(event.name)
        if match and name in standing:
            said = (
                "resolve" if match["resolve"] else f"silence {match['span'] or settings.label_span}"
            )
            key = f"answer-label-{event.id}"
            yield Request(key, issue.number, event.by, event.at, (said,))


_LABEL = re.compile(
    r"fivewhys:(?:(?P<resolve>resolved?)|silenced?(?:[-: ](?P<span>[0-9]{1,9}[a-z]))?)",
    re.IGNORECASE | re.ASCII,
)
