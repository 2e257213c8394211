"""Panics and fatal errors of Go, as its runtime prints them (`panic.go`, `traceback.go`)."""

from __future__ import annotations

import re
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, Final

from pipeline.exceptions.text import expression, folded, groups, lines_of, matches, unescaped
from pipeline.exceptions.value import ExceptionInfo, Frame, Language

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def parse(text: str) -> ExceptionInfo | None:
    """Read the panic printed first: those below it came while it was handled.

    Its frames are those of the first goroutine, less what ran once it had panicked. The type is the
    one its text names (`runtime.Error` for a runtime error), else `panic` or `fatal error`.
    """
    text = unescaped(text, _ESCAPED)
    if not (matches(_PANIC, text) or matches(_TRACE, text)):
        return None
    lines = lines_of(text)
    module, name, message = _raised(lines)
    return ExceptionInfo(name, message, module, folded(reversed(_frames(_goroutine(lines)))))


def _raised(lines: Sequence[str]) -> tuple[str, str, str]:
    """Return package, type and message of the first panic; empty if its line was cut off."""
    for number, line in enumerate(lines):
        if (found := groups(_HEADER, line)) is not None:
            rest = takewhile(lambda line: line and not matches(_BELOW, line), lines[number + 1 :])
            message = "\n".join([found[1] or found[3], *rest])
            return _typed(found[0] or found[2], _RECOVERED.sub("", message))
    return ("", "", "")


def _typed(kind: str, message: str) -> tuple[str, str, str]:
    if message.startswith(_RUNTIME_ERROR):
        return ("runtime", "Error", message.removeprefix(_RUNTIME_ERROR))
    if (found := groups(_VALUE, message)) is not None:
        return (found[0] or found[3], found[1] or found[4], found[2] or found[5])
    return ("", kind, message)


def _goroutine(lines: Sequence[str]) -> Sequence[str]:
    """Return the lines of the first goroutine, all if none is named."""
    starts = [number for number, line in enumerate(lines) if matches(_GOROUTINE, line)]
    if not starts:
        return lines
    first, end = [*starts, len(lines)][:2]
    return list(takewhile(bool, lines[first + 1 : end]))


def _frames(lines: Iterable[str]) -> list[Frame]:
    """Return the frames up to where it panicked, the raising one first."""
    frames = list(_all_frames(lines))
    panics = [number for number, frame in enumerate(frames) if frame.function == "panic"]
    return frames[panics[-1] + 1 :] if panics else frames


def _all_frames(lines: Iterable[str]) -> Iterator[Frame]:
    """Pair each place with the call above it; what created the goroutine did not call it."""
    for above, line in pairwise(["", *lines]):
        found = groups(_PLACE, line)
        if found is not None and not above.lstrip().startswith("created by "):
            call = groups(_CALL, above)
            yield _frame(found[0], found[1], call[0] if call else "")


def _frame(file: str, line: str, function: str) -> Frame:
    plain = file.replace("\\", "/")
    package = function.partition("/")[0].partition(".")[0]
    in_app = package not in _STANDARD and not any(part in plain for part in _MODULES)
    return Frame(file, int(line), function, in_app)


_RUNTIME_ERROR: Final = "runtime error: "
_PANIC = expression(r"(?m)^panic: |\bhttp: panic serving ")
_TRACE = expression(r"(?m)^goroutine [0-9]+ .*\[|\.(?:go|s):[0-9]+ \+0x[0-9a-f]+")
_HEADER = expression(r"^(panic|fatal error): (.*)|\bhttp: (panic) serving \S+: (.*)")
_BELOW = expression(r"^(?:goroutine [0-9]|\[signal |\[recovered|\s+panic: )")
_RECOVERED = re.compile(r" \[recovered[^\]\n]{0,20}\]")
# A value that is no error and no text is printed with its type: `main.Code(3)`, `(main.T) 0xc00…`.
_VALUE = expression(
    r'^([\w./-]+)\.(\w+)\(("[^"]*"|[-+0-9.e]+|true|false)\)$'
    r"|^\(\*?([\w./-]+)\.(\w+)\) (.*)$"
)
_GOROUTINE = expression(r"^goroutine [0-9]+ .*\[")
_PLACE = expression(r"^\s+(\S.*\.(?:go|s)):([0-9]{1,9})(?: .*)?$")
_CALL = expression(r"^\s*(\S+)\([^()]*\)$")
_ESCAPED = expression(r"\\{1,8}ngoroutine [0-9]+ |\\{1,8}n\\{1,8}t\S+\.go:[0-9]+ \+0x")
_MODULES: Final = ("/pkg/mod/", "/vendor/", "@v")
# The first element of a path of the standard library; those of a module begin with its host.
_STANDARD: Final = frozenset(
    {
        "archive", "bufio", "bytes", "cmp", "compress", "container", "context", "crypto",
        "database", "debug", "embed", "encoding", "errors", "expvar", "flag", "fmt", "go", "hash",
        "html", "image", "index", "internal", "io", "iter", "log", "maps", "math", "mime", "net",
        "os", "path", "plugin", "reflect", "regexp", "runtime", "slices", "sort", "strconv",
        "strings", "structs", "sync", "syscall", "testing", "text", "time", "unicode", "unique",
        "unsafe", "weak",
    }
)  # fmt: skip

GO: Final = Language(
    parse,
    marks=("panic", "goroutine ", " +0x"),
    begins=(r"panic: ", r"fatal error: ", r".*\bhttp: panic serving "),
    continues=(
        r"goroutine [0-9]+ ",
        r"\[signal ",
        r"created by ",
        r"exit status [0-9]",
        r"[\w./*()\[\]{}-]+\([^()]*\)$",
    ),
)
