"""What a request to GitHub can come to when it does not succeed.

::

    SinkError
    └── CallError          `not_before`: earliest time of another try, 0 if GitHub named none
        ├── NeverReached   nothing was done; the same request may be sent again
        ├── Later          nothing was done, GitHub or our own budget asks for patience
        ├── UnknownEffect  it may have been done: list before anything else is written
        ├── Refused        GitHub will not do this, however often it is asked
        │   └── Denied     ... nor anything else: credentials, rights, or the repository itself
        ├── NotThere       the issue or comment was deleted, transferred or converted
        └── Locked         the conversation was locked; the issue itself can still be edited

The text of each names what was wanted and quotes GitHub in one line, without secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pipeline.errors import SinkError

if TYPE_CHECKING:
    from pipeline.tracker.model import Gone


class CallError(SinkError):
    """A request that did not succeed.

    `status` is GitHub's, 0 if none came; `words` are GitHub's own; `not_before` is in nanoseconds
    since the epoch, UTC.
    """

    can_recover: ClassVar[bool] = False

    def __init__(
        self, message: str, *, status: int = 0, words: str = "", not_before: int = 0
    ) -> None:
        self.status = status
        self.words = words
        self.not_before = not_before
        super().__init__(message, recoverable=self.can_recover)


class NeverReached(CallError):  # noqa: N818 - named after what became of the request
    """Nothing was done: no connection, or a read without a usable answer."""

    can_recover = True


class Later(CallError):  # noqa: N818 - likewise
    """Nothing was done: a limit of GitHub's, a budget of ours, or a circuit that is open."""

    can_recover = True


class UnknownEffect(CallError):  # noqa: N818 - likewise
    """A write that may have been done: time-out, reset, 5xx, an answer that cannot be read."""

    can_recover = True


class Refused(CallError):  # noqa: N818 - likewise
    """GitHub understood and declined: trying again changes nothing."""


class Denied(Refused):
    """Credentials, rights or the repository are not as they must be; a person has to act."""


class NotThere(CallError):  # noqa: N818 - likewise
    """The issue or comment is no longer there; `gone` says what became of it."""

    def __init__(self, message: str, gone: Gone, *, status: int = 0, words: str = "") -> None:
        self.gone = gone
        super().__init__(message, status=status, words=words)


class Locked(CallError):  # noqa: N818 - likewise
    """Nobody, or not we, may comment there any more."""
