"""The file of suppressions: what is not to be reported, who answers for it, why, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from pipeline.entry import format_timestamp, parse_timestamp
from pipeline.errors import ConfigurationError, SuppressionError
from pipeline.revisions import check_revision
from pipeline.validating import read_single, validation_mistakes

DATE = len("2025-10-01")


class _Model(BaseModel):
    # Built when first used: most runs have no suppressions.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def _patterns(value: object) -> tuple[str, ...]:
    """Read one pattern or a list of them."""
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, str) and item for item in items):
        message = f"{value!r:.80} is neither a text nor a list of texts"
        raise ValueError(message)
    return tuple(items)


def _time(value: object) -> int:
    """Read a day, which stands for its beginning (UTC), or a time stamp."""
    text = str(value)
    try:
        time = parse_timestamp(f"{text}T00:00:00Z" if len(text) == DATE else text)
        format_timestamp(time)
    except ValueError as error:
        message = f"{text!r:.80} is no date; write it like 2025-10-01 or 2025-10-01T06:00:00Z"
        raise ValueError(message) from error
    return time


def _issue(value: object) -> str:
    """Read the number or the address of an issue."""
    text = str(value).removeprefix("#")
    if not (text.isascii() and text.isdecimal()) and not text.startswith("https://"):
        message = f"{value!r:.80} is neither the number nor the https:// address of an issue"
        raise ValueError(message)
    return text


def _revision(value: object) -> str:
    """Read the name of a revision that others can be newer than."""
    check_revision(str(value))
    return str(value)


def _ends(value: object) -> object:
    return value if isinstance(value, dict) else {"date": value}


Patterns = Annotated[tuple[str, ...], BeforeValidator(_patterns)]
Text = Annotated[str, Field(min_length=1)]


class Match(_Model):
    """Which symptoms: every key that is given must fit, by any of its patterns (`*`, `?`)."""

    signature: Patterns = ()
    rule: Patterns = ()
    service: Patterns = ()
    fingerprint: Patterns = ()
    title: Patterns = ()

    @model_validator(mode="after")
    def _matches_something(self) -> Match:
        if not self.model_fields_set:
            message = f"it would match everything; give one of {', '.join(type(self).model_fields)}"
            raise ValueError(message)
        return self


class Until(_Model):
    """What ends a suppression; the first that comes to pass."""

    date: Annotated[int | None, BeforeValidator(_time)] = None
    issue: Annotated[str, BeforeValidator(_issue)] = ""
    revision: Annotated[str, BeforeValidator(_revision)] = ""

    @model_validator(mode="after")
    def _ends_some_day(self) -> Until:
        if self.date is None and not self.revision:
            message = "give a date or a revision, too: nobody asks the tracker yet about issues"
            raise ValueError(message)
        return self

    @property
    def text(self) -> str:
        """All of it, in words."""
        parts = (
            self.date is not None and format_timestamp(self.date),
            self.revision and f"a revision newer than {self.revision}",
            self.issue and f"issue {self.issue} is closed",
        )
        return " or ".join(part for part in parts if part)


class Suppression(_Model):
    """One suppression: what it matches, who answers for it, why, and until when."""

    match: Match
    owner: Text
    reason: Text
    until: Annotated[Until, BeforeValidator(_ends)]


class _File(_Model):
    suppressions: tuple[Suppression, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """A suppression, and `file:line` where it stands."""

    place: str
    suppression: Suppression

    @property
    def reason(self) -> str:
        """The named reason for holding something back."""
        said = self.suppression
        return f"suppressed by {said.owner} until {said.until.text}: {said.reason} ({self.place})"


def load_suppressions(text: str, name: str) -> tuple[Placed, ...]:
    """Read a file of suppressions; `name` is shown in messages and references.

    Raises:
        SuppressionError: every mistake in it, with file and line.

    """
    try:
        document = read_single(text, name, _File)
    except ConfigurationError as error:
        raise SuppressionError(error.mistakes) from error
    if document is None:
        return ()
    try:
        file = _File.model_validate(document.value)
    except ValidationError as error:
        raise SuppressionError(validation_mistakes(error, document, _File)) from error
    return tuple(
        Placed(document.place(("suppressions", index)), item)
        for index, item in enumerate(file.suppressions)
    )
