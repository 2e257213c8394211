"""Which part of a traceback a single line can be: what joining lines that were torn apart rests on.

A line is judged by itself; whether it is a part of one depends on the lines before it, which
`Role` says how.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from pipeline.exceptions.dotnet import DOTNET
from pipeline.exceptions.go import GO
from pipeline.exceptions.java import JAVA
from pipeline.exceptions.node import NODE
from pipeline.exceptions.python import PYTHON
from pipeline.exceptions.text import expression, matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Role(Enum):
    """What a line is to the traceback it is a part of."""

    HEADER = auto()
    """Begins a traceback of Python, or goes on after a `LINK`; a `NAME` is still to come."""
    LINK = auto()
    """Ties two tracebacks of Python together."""
    START = auto()
    """Begins one: `panic: …`, `Unhandled exception. …`."""
    NAME = auto()
    """Names an exception: ends what a `HEADER` began, otherwise begins one."""
    REST = auto()
    """Goes on with one, whatever it is: it is indented, as frames and lines of source are."""
    MORE = auto()
    """Goes on with one of another language than Python: what is not indented there."""


def role_of(line: str) -> Role | None:
    """Return what a line can be, None if it is of no traceback."""
    if not matches(_TELLING, line):
        return None
    return next(role for role, known in _ROLES if matches(known, line))


def find_parts(texts: Sequence[str]) -> list[int]:
    """Return which of the texts are single lines that `role_of` may know, in order.

    Every text that has a role once the white space at its end is gone is among them. All are
    searched in one go, line by line: a match that reaches into the lines after it must not hide
    theirs.
    """
    return find_lines(_TELLING_LINES, texts)


def find_lines(known: Any, texts: Sequence[str], *, calm: bool = False) -> list[int]:
    """Return which of the texts are single lines in which an expression on bytes finds something.

    White space at their ends is gone; the expression searches line by line. With `calm`, what its
    first group matches counts as nothing.
    """
    stripped = ((at, text.rstrip()) for at, text in enumerate(texts) if text)
    held = [(at, line) for at, line in stripped if line and "\n" not in line]
    lines = b"\n".join(line.encode("utf-8", "surrogatepass") for _, line in held)
    found: list[int] = []
    start = line = 0
    while match := known.search(lines, start):
        line += lines.count(b"\n", start, match.start())
        if calm and match[1] is not None:
            start = match.end()
            continue
        found.append(held[line][0])
        start = lines.find(b"\n", match.start()) + 1
        line += 1
        if not start:
            break
    return found


_OTHERS: Final = (GO, JAVA, NODE, DOTNET)


def _any(patterns: Iterable[str]) -> str:
    return f"(?:{'|'.join(patterns)})"


# An exception's name: capitalised, or behind a package; such as `INFO` have no small letter.
_NAME: Final = (
    r"(?:[A-Za-z_][\w$+`]*\.)*[A-Z][\w$+`]*[a-z][\w$+`]*(?: \[\w+\]| \(\w+\))?(?:: |:?\s*$)",
    r"(?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*(?:: |\s*$)",
)
_PATTERNS: Final = (
    (Role.HEADER, _any(PYTHON.begins)),
    (Role.REST, r"\s+\S"),
    (Role.LINK, _any(PYTHON.continues)),
    (Role.START, _any(one for language in _OTHERS for one in language.begins)),
    (Role.MORE, _any(one for language in _OTHERS for one in language.continues)),
    (Role.NAME, _any(_NAME)),
)
_ROLES: Final = tuple((role, expression(f"^{pattern}")) for role, pattern in _PATTERNS)
_ANY_ROLE: Final = "^" + _any(pattern for _, pattern in _PATTERNS)
_TELLING: Final = expression(_ANY_ROLE)
_TELLING_LINES: Final = expression(f"(?m){_ANY_ROLE}")
