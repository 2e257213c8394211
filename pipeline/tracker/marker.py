"""Hidden lines by which what we wrote is found again, and which nobody else can write.

A marker is an HTML comment on a line of its own, signed with a key (HMAC-SHA256, RFC 2104) over
all that it says and the repository that it was written for::

    <!-- fivewhys:v1 begin incident=inc-1f3a… issue=12 digest=… of=… mac=… -->

One that is quoted, indented or in a code fence is somebody's citation, one that does not verify is
forged, was copied from another repository, or is broken: none of these counts.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

from pipeline.errors import ConfigurationError, Mistake
from pipeline.tracker.lines import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMER: Final = "FIVEWHYS_MARKER_KEY_FORMER"
"""The setting that says which keys signed markers before."""

SHORTEST_KEY: Final = 16
"""Bytes that the key has at least."""

_OPENING: Final = "<!-- fivewhys:"
_LINE = re.compile(
    r"<!-- fivewhys:v1 (begin|end)"
    r"((?: [a-z]{1,20}=[A-Za-z0-9._~%-]{1,1200}){0,7}) mac=([0-9a-f]{64}) -->[ \t]*"
)


class Side(StrEnum):
    """At which end of our part a marker stands."""

    BEGIN = "begin"
    END = "end"


class Standing(StrEnum):
    """What a line that looks like a marker is."""

    GENUINE = "genuine"
    FORGED = "forged"
    QUOTED = "quoted"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Mark:
    """What a marker says.

    `key` is that of a comment, "" in the body of an issue. `issue` is the number of the issue that
    it was written into, 0 if it had none yet; `after` the number of the one that it follows.
    `digest` is of the text that was put behind it, `of` of the whole text that this is a part of.
    `failure` stands for what the incident is about (`failure_of`), in the body of an issue.
    """

    side: Side
    incident: str
    key: str = ""
    issue: int = 0
    after: int = 0
    digest: str = ""
    of: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A line that looks like a marker; `start` and `end` are its place, its line feed left out.

    `mark` is None unless it is genuine; `claimed` is what one says that is forged.
    """

    standing: Standing
    start: int
    end: int
    mark: Mark | None = None
    claimed: Mark | None = None


@dataclass(frozen=True, slots=True)
class Signer:
    """Writes and reads the markers of one repository (`owner/name`).

    What `former` signers wrote counts, too: those with the key before it was changed, or with the
    name that the repository had.

    Raises:
        ConfigurationError: the key is so short that it could be guessed.

    """

    key: bytes = field(repr=False)
    repository: str
    former: tuple[Signer, ...] = ()

    def __post_init__(self) -> None:
        if len(self.key) < SHORTEST_KEY:
            message = f"the marker key is shorter than {SHORTEST_KEY} bytes; take a random one"
            raise ConfigurationError([Mistake("FIVEWHYS_MARKER_KEY", 0, message)])

    def write(self, mark: Mark) -> str:
        """Return the line of a marker, without a line feed."""
        said = _said(mark)
        return f"<!-- fivewhys:v1 {said} mac={self._mac(said)} -->"

    def read(self, text: str) -> Iterator[Found]:
        """Yield all lines of a text that look like markers, in order."""
        for line in lines_of(text) if _OPENING in text else ():
            bare = line.text.lstrip(" \t>")
            if bare.startswith(_OPENING):
                is_quoted = line.fenced or bare != line.text
                end = line.start + len(line.text)
                if is_quoted:
                    yield Found(Standing.QUOTED, line.start, end)
                else:
                    yield self._judged(line.text, line.start, end)

    def _judged(self, line: str, start: int, end: int) -> Found:
        match = _LINE.fullmatch(line)
        mark = _mark(Side(match[1]), match[2]) if match else None
        if match is None or mark is None:
            return Found(Standing.BROKEN, start, end)
        if self.has_signed(f"{match[1]}{match[2]}", match[3]):
            return Found(Standing.GENUINE, start, end, mark)
        return Found(Standing.FORGED, start, end, claimed=mark)

    def has_signed(self, said: str, mac: str) -> bool:
        """Whether a signature is ours, compared in a time that tells nothing about it."""
        own = hmac.compare_digest(self._mac(said), mac)
        return own or any(one.has_signed(said, mac) for one in self.former)

    def _mac(self, said: str) -> str:
        signed = f"fivewhys:v1\n{self.repository.casefold()}\n{said}"
        return hmac.new(self.key, signed.encode(), hashlib.sha256).hexdigest()


def failure_of(signature: str) -> str:
    """Return what a marker says of a signature, by which the same failure is known again."""
    return hashlib.sha256(signature.encode("utf-8", "replace")).hexdigest()[:16]


def _said(mark: Mark) -> str:
    values = {name: str(getattr(mark, name) or "") for name in _FIELDS}
    told = (f"{name}={quote(value, safe='')}" for name, value in values.items() if value)
    return " ".join((mark.side, *told))


def _mark(side: Side, fields: str) -> Mark | None:
    """Read the fields of a marker; None if one is missing, doubled, of no kind or no number."""
    pairs = [field.split("=", 1) for field in fields.split()]
    values: dict[str, Any] = {name: unquote(value) for name, value in pairs}
    numbers = {name: values.pop(name, "0") for name in _NUMBERS}
    if len({name for name, _ in pairs}) < len(pairs) or not values.keys() <= set(_FIELDS):
        return None
    if "incident" not in values or not all(map(_NUMBER.fullmatch, numbers.values())):
        return None
    values |= {name: int(value) for name, value in numbers.items()}
    return Mark(side, **values)


_NUMBERS: Final = ("issue", "after")
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_FIELDS: Final = ("incident", "key", *_NUMBERS, "digest", "of", "failure")
