"""What the value of a setting may be: texts of the environment and of the command line, and YAML.

Each reader raises ValueError, which pydantic collects; its text says what to write instead.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

from pydantic import BeforeValidator

from pipeline.audit import SECOND, parse_span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

GITHUB: Final = "github"
QUARANTINE: Final = "quarantine"
IN_MEMORY: Final = "sqlite://"
KEPT: Final = "name a store that outlasts the process: sqlite:///FILE or postgresql://HOST/DATABASE"
NAMED: Final = "projects/P/subscriptions/S, with names of 3 characters or more"
SHOWN: Final = 60
"""Characters of a value that a message shows."""

LONGEST: Final = 3650
"""Days of a span; who waits cannot wait for much longer."""

_RESOURCE = re.compile(r"[A-Za-z0-9][\w.:/~-]*", re.ASCII)
_SUBSCRIPTION = re.compile(r"projects/[a-z0-9.:-]{3,}/subscriptions/[A-Za-z][\w.~+%-]{2,254}")


def as_text(value: object) -> str:
    """Read a text; of YAML numbers and flags as they are written, and lists, one a line."""
    if isinstance(value, bool | int | float):
        return str(value).lower()
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return encodable("\n".join(value))
    if not isinstance(value, str):
        message = f"wanted is a text, {_not(value)}"
        raise ValueError(message)  # noqa: TRY004 - pydantic collects ValueError, not TypeError
    return encodable(value).strip()


def encodable(text: str) -> str:
    """Return a text that can be sent and stored, as bytes of a shell that are no UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        message = "it is not UTF-8 text"
        raise ValueError(message) from None
    return text


def _not(value: object) -> str:
    return "and there is nothing" if value is None else f"not {_shown(value)}"


def _shown(value: object) -> str:
    """Show the beginning of a value; not what another holds, which may be a secret."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, str | int | float):
        return f"{value!r:.{SHOWN}}"
    return f"a {type(value).__name__}"


def as_subscription(value: object) -> str:
    """Read the full name of a subscription; "" stays."""
    name = as_text(value)
    if name and not _SUBSCRIPTION.fullmatch(name):
        message = f"{_shown(value)} is none; write {NAMED}"
        raise ValueError(message)
    return name


def as_resource(value: object) -> str:
    """Read what has logs: a project by its id, or the full name of one, or of a folder."""
    name = as_text(value)
    if name and not _RESOURCE.fullmatch(name):
        message = f"{_shown(value)} is none; write a project, folders/N or organizations/N"
        raise ValueError(message)
    return name


def as_store(value: object) -> str:
    """Read the URL of a store that outlasts the process, which may hold a password."""
    url = as_text(value)
    if url == IN_MEMORY:
        raise ValueError(KEPT)
    return url


def as_span(value: object) -> int:
    """Read a span, in nanoseconds."""
    text = as_text(value)
    try:
        span = parse_span(text)
    except ValueError:
        message = f"{_shown(value)} is no time span; write it like 30s, 10m, 2h or 1d"
        raise ValueError(message) from None
    if span > LONGEST * 86_400 * SECOND:
        message = f"{_shown(value)} is too long; write {LONGEST}d at most"
        raise ValueError(message)
    return span


def as_limit(value: object) -> int:
    """Read a span, in nanoseconds, or the number 0, which says that there is none."""
    return 0 if type(value) is int and not value else as_span(value)


def as_flag(value: object) -> bool:
    """Read what is true or false."""
    text = as_text(value).lower()
    if text not in {"true", "false"}:
        message = f"{_shown(value)} is neither true nor false"
        raise ValueError(message)
    return text == "true"


def as_number(least: int, most: int) -> BeforeValidator:
    """Return what reads a whole number of a range."""

    def read(value: object) -> int:
        text = as_text(value)
        digits = text.lstrip("0") or "0"  # so that it is a short number if it is of the range
        is_number = text.isascii() and text.isdigit() and len(digits) <= len(str(most))
        if is_number and least <= int(digits) <= most:
            return int(digits)
        message = f"{_shown(value)} is no number from {least:,} to {most:,}"
        raise ValueError(message)

    return BeforeValidator(read)


def as_one_of(names: Iterable[str], read: Callable[[str], str] = str.lower) -> BeforeValidator:
    """Return what reads one of some names, whatever its letters look like."""
    known = tuple(names)

    def check(value: object) -> str:
        text = read(as_text(value))
        if text in known:
            return text
        message = f"{_shown(value)} is none of {', '.join(known)}"
        raise ValueError(message)

    return BeforeValidator(check)


def as_list(value: object) -> tuple[str, ...]:
    """Read a list: YAML's, or a text with commas in between or one a line."""
    if isinstance(value, tuple):
        return value
    text = as_text(value)
    parts = text.splitlines() if "\n" in text else text.split(",")
    return tuple(part.strip() for part in parts if part.strip())


def as_sinks(value: object) -> tuple[str, ...]:
    """Read the names of sinks."""
    names = tuple(name.lower() for name in as_list(value))
    for name in names:
        if name != GITHUB:
            message = f"{name!r:.{SHOWN}} is no sink; there is {GITHUB}"
            raise ValueError(message)
    return names


def as_commands(value: object) -> tuple[str, ...]:
    """Read commands, one a line: they may have commas; what they say may be secret."""
    lines = value if isinstance(value, tuple) else tuple(as_text(value).splitlines())
    for number, line in enumerate(lines, 1):
        try:
            split = shlex.split(line)
        except ValueError as error:
            message = f"its line {number} is no command: {error}"
            raise ValueError(message) from None
        if not split:
            message = f"its line {number} is empty"
            raise ValueError(message)
    return lines
