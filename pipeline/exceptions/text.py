"""What the languages share: searching hostile text, lines out of escapes, names of exceptions.

Every expression that searches is run by RE2, on bytes, so that no text is too long or too strange
for it; those of the standard library are bounded and have no choice to come back to.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import re2

from pipeline.exceptions.value import ExceptionInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.exceptions.value import Frame


def expression(pattern: str) -> Any:
    """Compile an expression for `groups`."""
    return re2.compile(pattern.encode())


def groups(compiled: Any, text: str) -> tuple[str, ...] | None:
    """Return the groups of the first place where it is found ("" for one not taken), else None."""
    found = compiled.search(text.encode("utf-8", "surrogatepass"))
    if found is None:
        return None
    return tuple((group or b"").decode("utf-8", "surrogatepass") for group in found.groups())


def matches(compiled: Any, text: str) -> bool:
    """Say whether it is found anywhere in the text."""
    return compiled.search(text.encode("utf-8", "surrogatepass")) is not None


def unescaped(text: str, escaped: Any) -> str:
    r"""Return a traceback that was written on one line, with `\n` for line feeds, as lines.

    `escaped` finds what shows that it is one: other text may have backslashes of its own.
    """
    if "\\" not in text or not matches(escaped, text):
        return text
    return _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[1]), text)


def lines_of(text: str) -> list[str]:
    """Return the lines, without white space at their ends."""
    return [line.rstrip() for line in text.split("\n")]


def indent(line: str) -> int:
    """Return how many characters of white space a line begins with."""
    return len(line) - len(line.lstrip())


def folded(frames: Iterable[Frame]) -> tuple[Frame, ...]:
    """Return the frames with those that repeat the one before left out, as recursion makes them."""
    return tuple(frame for frame, _ in groupby(frames))


def one_line(text: str) -> ExceptionInfo | None:
    """Read `ModuleNotFoundError: No module named 'x'`, alone or behind a log's own words."""
    found = groups(_NAMED, text)
    if found is None:
        return None
    module, _, name = found[0].rpartition(".")
    return ExceptionInfo(name, found[1].strip(), module, ())


def raised(lines: Sequence[str], frames: tuple[Frame, ...]) -> ExceptionInfo:
    """Read what stands before the frames: the name of an exception, and a message of any lines.

    A name that says what it is (`…Exception`) counts wherever it stands in its line, another one
    only at the beginning; if there is none, what it would tell is empty.
    """
    for known in (_SUFFIXED, _LEADING):
        for number, line in enumerate(lines):
            if (found := groups(known, line)) is not None:
                module, _, name = found[0].rpartition(".")
                message = "\n".join([found[1], *lines[number + 1 :]]).strip()
                return ExceptionInfo(name, message, module, frames)
    return ExceptionInfo("", "", "", frames)


_ESCAPE = re.compile(r"""\\{1,8}(["'nrt])""")
_ESCAPES: Final = {"n": "\n", "r": "", "t": "\t"}
_NAMED = expression(
    r"(?m)(?:^|[\s:|>(\[])("
    r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Iteration|Exit)"
    r"|(?:[A-Za-z_]\w*\.)*(?:errors|exceptions|exc)\.[A-Z]\w*"
    r")(?:: (.*)|:?[ \t\r]*$)"
)

# Names of Java, .NET and JavaScript: `$`, `+` and a backquote join nested and generic ones; Node.js
# adds a code in brackets, .NET one in parentheses.
_CODE: Final = r"(?: \[\w+\]| \([0-9A-Za-z]+\))?(?:: ?(.*)|:?$)"
_PATH: Final = r"(?:[A-Za-z_][\w$+`]*\.)*"
_SUFFIXED = expression(
    rf"(?:^|[\s:|>(\[])({_PATH}[A-Z][\w$+`]*(?:Error|Exception|Throwable|Fault)|Error){_CODE}"
)
_LEADING = expression(
    rf'^\s*(?:Exception in thread "[^"]*" )?'
    rf"({_PATH}[A-Z][\w$+`]*[a-z][\w$+`]*){_CODE}"
)
