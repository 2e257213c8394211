"""Stack traces of .NET, as `Exception.ToString` writes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pipeline.exceptions.text import (
    expression,
    folded,
    groups,
    lines_of,
    matches,
    raised,
    unescaped,
)
from pipeline.exceptions.value import ExceptionInfo, Frame, Language

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def parse(text: str) -> ExceptionInfo | None:
    """Read the innermost exception: all are named, outermost first, before the first frame.

    Its frames are those up to the end of the inner trace; an aggregate tells its first inner
    exception in the same way.
    """
    text = unescaped(text, _ESCAPED)
    if not matches(_FRAME, text):
        return None
    lines = lines_of(text)
    first = next(number for number, line in enumerate(lines) if matches(_FRAME, line))
    frames = folded(reversed(list(_frames(lines[first:]))))
    named = [raised(part, frames) for part in _named(lines[:first])]
    return next((info for info in reversed(named) if info.type), named[0])


def _named(lines: Sequence[str]) -> list[list[str]]:
    """Split what stands before the frames at its arrows."""
    return [part.split("\n") for part in _ARROW.split("\n".join(lines))]


def _frames(lines: Sequence[str]) -> Iterator[Frame]:
    """Yield the frames of the innermost trace, the raising one first."""
    for line in lines:
        if (found := groups(_FRAME, line)) is not None:
            yield _frame(*found)
        elif line.strip() and _PREVIOUS not in line:
            return


def _frame(function: str, file: str, line: str) -> Frame:
    return Frame(file or "<unknown>", int(line or 0), function, not function.startswith(_LIBRARIES))


_FRAME = expression(
    r"(?m)^\s*at ([^\s()]+\.[^\s()]+|lambda_method[0-9]*)\([^()\n]*\)"
    r"(?: in (.+):line ([0-9]{1,9}))?\s*$"
)
_ARROW = re.compile(r"(?:^|(?<=\s))---> ", re.MULTILINE)
_PREVIOUS: Final = "--- End of stack trace from previous location"
_ESCAPED = expression(r"\\{1,8}n {1,16}(?:at [^\s(]+\(|---> )")
_LIBRARIES: Final = ("System.", "Microsoft.", "lambda_method", "Interop.", "Internal.", "MS.")

DOTNET: Final = Language(
    parse,
    marks=("at ",),
    begins=(r"Unhandled [Ee]xception[.:] ",),
    continues=(r"---> ", r"--- End of "),
)
