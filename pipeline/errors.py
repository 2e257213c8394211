"""Every error that fivewhys raises on purpose.

::

    FivewhysError
    ├── EntryError            a record that is no log entry (becomes a rejection)
    ├── SourceError           a source that cannot be read at all; says whether a retry can help
    │   ├── DeniedError       it is there, and who we are has not the right to
    │   └── DisabledError     its API is not enabled; has the command that does it
    ├── ConfigurationError    the user's own files or options are wrong; lists every mistake
    │   ├── RuleError         a rule file, its tests or its template fields
    │   ├── CatalogError      the service catalog
    │   ├── SuppressionError  the file of suppressions
    │   └── TemplateError     a whys or report template that is wrong or raises
    ├── StoreError            the database cannot be opened or is not ours; says whether a retry
    │   │                     can help
    │   ├── LeaseLostError    another process writes there now
    │   └── NewerError        what a newer fivewhys wrote there, and only such a one can read
    └── SinkError             a report did not get out; says whether a retry can help
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class FivewhysError(Exception):
    """Root of the tree; its text is fit to be shown to a user."""


class EntryError(FivewhysError):
    """A record that is no log entry; the text is the reason."""


class SourceError(FivewhysError):
    """A source that cannot be read at all."""

    def __init__(self, message: str, *, recoverable: bool = False) -> None:
        self.recoverable = recoverable
        super().__init__(message)


class DeniedError(SourceError):
    """Who we are lacks a right that it takes: to grant it helps, no retry does."""


class DisabledError(SourceError):
    """An API that is not enabled in the project of who asks: `command` does it, no right helps."""

    def __init__(self, message: str, command: str) -> None:
        self.command = command
        super().__init__(message)


@dataclass(frozen=True, order=True, slots=True)
class Mistake:
    """One thing a user has to mend.

    `file` is the file or option it stands in, `line` counts from 1 (0: the whole file), `message`
    says what is wrong and what to do about it.
    """

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        """Return `file:line: message`, the form that editors and terminals make clickable."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.message}" if where else self.message


class ConfigurationError(FivewhysError):
    """Mistakes in what the user gave us, all that were found at once, in order of place."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class RuleError(ConfigurationError):
    """Mistakes in rules or in the tests beside them."""


class CatalogError(ConfigurationError):
    """Mistakes in the service catalog."""


class SuppressionError(ConfigurationError):
    """Mistakes in a file of suppressions."""


class TemplateError(ConfigurationError):
    """Mistakes in a template, or an error that it raised while it was rendered."""


class StoreError(FivewhysError):
    """The store cannot be opened, is of a newer schema, or is not a store of ours."""

    def __init__(self, message: str, *, recoverable: bool = False) -> None:
        self.recoverable = recoverable
        super().__init__(message)


class LeaseLostError(StoreError):
    """Another process holds the lease under which something was to be written: nothing was."""


class NewerError(StoreError):
    """A newer fivewhys wrote what is to be read: it is left to that one."""


class SinkError(FivewhysError):
    """A report did not reach its sink."""

    def __init__(self, message: str, *, recoverable: bool) -> None:
        self.recoverable = recoverable
        super().__init__(message)
