"""Stack traces of Java and its relatives (Kotlin, Scala, Clojure).

The form is that of `Throwable.printStackTrace` and `StackTraceElement.toString`; Logback adds the
archive after a frame, writes `common frames omitted`, and can print the root cause first
(`Wrapped by: `).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from pipeline.exceptions.text import (
    expression,
    folded,
    groups,
    indent,
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
    """One throwable: its lines, its frames (the raising one first), how many it left out."""

    mark: str = ""
    margin: int = 0
    header: list[str] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    common: int = 0
    ended: bool = False


def parse(text: str) -> ExceptionInfo | None:
    """Read the last `Caused by:`, with the frames that it has in common with what it caused.

    What was suppressed is no cause, nor is what caused that.
    """
    text = unescaped(text, _ESCAPED)
    if not matches(_FRAME, text):
        return None
    innermost, raising = ExceptionInfo("", "", "", ()), list[Frame]()
    frames: list[Frame] = []
    for part in _own(_parts(lines_of(text))):
        frames = part.frames + (frames[-part.common :] if part.common else [])
        info = raised(part.header, ())
        if info.type or not raising:
            innermost, raising = info, frames
    return replace(innermost, frames=folded(reversed(raising)))


def _parts(lines: Iterable[str]) -> Iterator[_Part]:
    part = _Part()
    for line in lines:
        mark = groups(_MARK, line)
        if mark is not None:
            yield part
            part = _Part(mark[0], indent(line), [mark[1]])
        elif not part.ended:
            _read(part, line)
    yield part


def _read(part: _Part, line: str) -> None:
    """Take one line; another word than of frames after frames is no part of it any more."""
    if (found := groups(_FRAME, line)) is not None:
        part.frames.append(_frame(*found))
    elif (left_out := groups(_COMMON, line)) is not None:
        part.common = int(left_out[0])
    elif not part.frames and not part.common:
        part.header.append(line)
    else:
        part.ended = bool(line) and not line[0].isspace()


def _own(parts: Iterable[_Part]) -> Iterator[_Part]:
    """Leave out what was suppressed, what caused that, and what wrapped the root cause."""
    suppressed: int | None = None
    for part in parts:
        if part.mark == "Suppressed":
            suppressed = part.margin if suppressed is None else min(suppressed, part.margin)
        elif part.mark == "Wrapped by" or (suppressed is not None and part.margin >= suppressed):
            continue
        else:
            suppressed = None
            yield part


def _frame(owner: str, method: str, file: str, line: str) -> Frame:
    made = "$$" in owner or "$Proxy" in owner
    in_app = not (made or owner.startswith(_LIBRARIES))
    return Frame(file, int(line or 0), f"{owner}.{method}", in_app)


# Before the class may stand its loader and its module, both with a slash after them; the class of a
# lambda has a slash of its own.
_FRAME = expression(
    r"(?m)^\s*at (?:[\w.@ -]*/){0,2}([^\s()]+)\.([^\s().]+)"
    r"\((Native Method|Unknown Source|<generated>|[^\s():]+\.[A-Za-z]+|NO_SOURCE_FILE)"
    r"(?::([0-9]{1,9}))?\)"
)
_COMMON = expression(r"^\s*\.\.\. ([0-9]{1,9}) (?:more|common frames omitted)")
_MARK = expression(r"^\s*(Caused by|Suppressed|Wrapped by): (.*)")
_ESCAPED = expression(r"\\{1,8}n(?:\\{1,8}t|[ \t]{1,16})at [^\s(]+\(")
_LIBRARIES: Final = (
    "java.", "javax.", "jdk.", "sun.", "com.sun.", "jakarta.", "kotlin.", "kotlinx.", "scala.",
    "clojure.", "groovy.", "org.codehaus.groovy.", "org.springframework.", "org.apache.",
    "org.hibernate.", "org.eclipse.jetty.", "org.jboss.", "org.junit.", "io.netty.", "io.grpc.",
    "io.undertow.", "io.quarkus.", "io.micronaut.", "reactor.", "com.google.", "com.zaxxer.",
    "com.fasterxml.", "org.postgresql.", "com.mysql.",
)  # fmt: skip

JAVA: Final = Language(
    parse,
    marks=("at ",),
    begins=(r'Exception in thread "',),
    continues=(r"at \S+\(", r"Caused by: ", r"Wrapped by: ", r"\.\.\. [0-9]+ (?:more|common)"),
)
