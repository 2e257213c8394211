"""Stack traces of Node.js: V8's stack trace API, and causes as `util.inspect` writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    from collections.abc import Iterable, Iterator


@dataclass(slots=True)
class _Part:
    """One error: how it is tied to the one before, its lines, its frames (innermost first)."""

    inner: bool = False
    header: list[str] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)


def parse(text: str) -> ExceptionInfo | None:
    """Read the error, its `[cause]`, and so on; of an aggregate's `[errors]` the first."""
    text = unescaped(text, _ESCAPED)
    if not matches(_FRAME, text):
        return None
    first, *others = _parts(lines_of(text))
    found = _info(first)
    for part in others:
        inner = _info(part)
        if not part.inner:
            break
        found = inner if inner.type else found
    return found


def _info(part: _Part) -> ExceptionInfo:
    header = part.header if part.frames or not part.inner else part.header[:1]
    return raised(header, folded(reversed(part.frames)))


def _parts(lines: Iterable[str]) -> Iterator[_Part]:
    """Split the lines at each cause, at the members of an aggregate, at another error."""
    part = _Part()
    gathered = False
    for line in lines:
        cause = groups(_CAUSE, line)
        if cause is not None:
            yield part
            part = _Part(inner=True, header=[cause[0] or cause[1]])
        elif matches(_GATHERED, line):
            gathered = True
        elif gathered or _is_another(part, line):
            yield part
            part = _Part(inner=gathered, header=[line])
            gathered = False
        else:
            _read(part, line)
    yield part


def _is_another(part: _Part, line: str) -> bool:
    return bool(part.frames) and matches(_ERROR, line)


def _read(part: _Part, line: str) -> None:
    if (found := groups(_FRAME, line)) is not None:
        part.frames.append(_frame(*found))
    elif not part.frames:
        part.header.append(line)


def _frame(function: str, *places: str) -> Frame:
    called, line, native, bare, bare_line = places
    file = (called or native or bare).removeprefix("file://")
    plain = file.replace("\\", "/")
    in_app = not ("node_modules/" in plain or plain.startswith(_INTERNAL))
    return Frame(file, int(line or bare_line or 0), function, in_app)


# `at fn (/app/a.js:1:2)`, `at async fn (…)`, `at fn (<anonymous>)`, `at /app/a.js:1:2`; code that
# was evaluated says first where. Behind the last frame of an inspected error a brace may open.
_FILE: Final = (
    r"(?:/|\.|<|\[|node:|[A-Za-z]:[/\\]|[a-z-]+://)[^()\n]*|[^()\s]+\.[cm]?[jt]sx?|REPL[0-9]*"
)
_PLACE: Final = rf"({_FILE}):([0-9]{{1,9}}):[0-9]+"
_FRAME = expression(
    r"(?m)^\s*at (?:async )?(?:"
    rf"([^()\n]+) \((?:eval at .*, )?(?:{_PLACE}|(<anonymous>|native|index [0-9]+))\)"
    rf"|{_PLACE})[ {{,]*\r?$"
)
_CAUSE = expression(r"\[cause\]: (?:\[(.*)\](?: \{.*)?,?$|(.*))")
_GATHERED = expression(r"^\s*\[errors\]: \[$")
_ERROR = expression(r"^\s*(?:Uncaught )?[A-Z]\w*(?:Error|Exception)\b(?: \[\w+\])?(?::|$)")
_ESCAPED = expression(r"\\{1,8}n {1,32}at .*:[0-9]+:[0-9]+")
_INTERNAL: Final = ("node:", "internal/", "<", "[eval]", "native", "index ", "REPL")

NODE: Final = Language(
    parse,
    marks=("at ",),
    begins=(r"Uncaught ", r"\(node:[0-9]+\) UnhandledPromiseRejectionWarning: "),
    continues=(
        r"at \S+:[0-9]+:[0-9]+",
        r"at .* \(.*\)$",
        r"\]?\}$",
        r"\.\.\. [0-9]+ lines matching",
    ),
)
