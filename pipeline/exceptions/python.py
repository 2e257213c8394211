"""Tracebacks of Python, as its `traceback` module writes them; exception groups of 3.11."""

from __future__ import annotations

import re
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, Final

from pipeline.exceptions.text import expression, folded, indent, lines_of, one_line, unescaped
from pipeline.exceptions.value import ExceptionInfo, Frame, Language

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def parse(text: str) -> ExceptionInfo | None:
    """Read the part of a chain that was printed first and tells of an exception.

    None if no part has a traceback.
    """
    parts = _CHAIN.split(unescaped(text, _ESCAPED))
    tracebacks = [_traceback(part) for part in parts]
    if not any(tracebacks):
        return None
    found = (whole or one_line(part) for part, whole in zip(parts, tracebacks, strict=True))
    return next(info for info in found if info is not None)


def _traceback(text: str) -> ExceptionInfo | None:
    """Read the first traceback; of an exception group, that of its first member."""
    if 'File "' not in text and _HEADER not in text:
        return None
    lines = lines_of(text)
    if "Exception Group Traceback" in text:
        lines = [_GUTTER.sub("", line) for line in lines]
    found = list(_tracebacks(lines))
    members = [info for info in found if not info.type.endswith("ExceptionGroup")]
    return next(iter(members or found), None)


def _tracebacks(lines: Sequence[str]) -> Iterator[ExceptionInfo]:
    """Read each traceback; the first may have lost its beginning."""
    starts = [number for number, line in enumerate(lines) if _HEADER in line]
    frame = next((number for number, line in enumerate(lines) if _FRAME.match(line)), None)
    if frame is not None and (not starts or frame < starts[0]):
        starts.insert(0, frame)
    for start, end in pairwise([*starts, len(lines)]):
        yield _one_traceback(lines[start:end])


def _one_traceback(lines: Sequence[str]) -> ExceptionInfo:
    """Read the lines from a header, or from a first frame, to the next header."""
    frames = folded(_frame(match) for line in lines if (match := _FRAME.match(line)))
    margin = indent(lines[0]) - (0 if _HEADER in lines[0] else 2)
    for number, line in enumerate(lines[1:], start=1):
        if indent(line) <= max(0, margin) and (raised := _raised(line)) is not None:
            module, name, message = raised
            message = "\n".join([message, *_paragraph(lines[number + 1 :])])
            return ExceptionInfo(name, message.strip(), module, frames)
    return ExceptionInfo("", "", "", frames)


def _frame(match: re.Match[str]) -> Frame:
    file, line, function = match.groups(default="")
    plain = file.replace("\\", "/")
    in_app = not (plain.startswith("<") or any(part in plain for part in _LIBRARIES))
    return Frame(file, int(line), function.strip(), in_app)


def _raised(line: str) -> tuple[str, str, str] | None:
    """Split `package.Name: message`; None if the line is not of this form."""
    path, _, message = line.strip().partition(":")
    module, dot, name = path.rpartition(".")
    if not all(part.isidentifier() for part in path.replace("<locals>", "x").split(".")):
        return None
    known = dot or name.lstrip("_")[:1].isupper()
    return (module, name, message.strip()) if known else None


def _paragraph(lines: Iterable[str]) -> Iterator[str]:
    """Yield the rest of a message: up to an empty line or the quotes of a remote traceback."""
    return takewhile(lambda line: line.strip() not in {"", '"""', "'''"}, lines)


_HEADER: Final = "Traceback (most recent call last)"
_FRAME = re.compile(r'\s*File "([^"]*)", line ([0-9]{1,9})(?:, in (.*))?')
_CHAIN = re.compile(
    r"The above exception was the direct cause of the following exception:"
    r"|During handling of the above exception, another exception occurred:"
)
_GUTTER = re.compile(r"^ *(?:\| ?|\+-[-+].*|\+ (?=Exception Group))")
_ESCAPED = expression(r'last\):(?:\\{1,8}r)?\\{1,8}n|File \\{1,8}"')
_LIBRARIES: Final = ("site-packages/", "dist-packages/", "/lib/python3", "/Lib/")

PYTHON: Final = Language(
    parse,
    marks=(_HEADER, "File "),
    begins=(r"(?:\S.*)?Traceback \(most recent call last\)", r"  \+ Exception Group Traceback"),
    continues=(r"The above exception was the direct", r"During handling of the above exception"),
)
