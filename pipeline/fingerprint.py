"""What makes two detections the same: an explained, versioned key.

A rule that says who a detection is about is keyed by that entity; any other by the exception in its
message (type and innermost frames of the application) or else by the message's template. Keys carry
the version of the way they were made: a better way gets a new version, it never edits an old one.

Log text is hostile, so every expression that searches it is run by RE2, each in a pass of its own;
those of the standard library are anchored or bounded and have no choice to come back to.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import groupby, pairwise, takewhile
from typing import Any, Final

import re2

VERSION: Final = "v1"
FRAMES: Final = 5
"""Frames of the application that go into a key, counted from where the exception was raised."""
TEMPLATE_LIMIT: Final = 10_000
"""Characters of a message that its template is made of."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A key, `v1-` and 16 hexadecimal digits, and one line for each thing that went into it."""

    value: str
    explanation: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """One call of a traceback; `line` counts from 1, `function` is empty where none is known."""

    file: str
    line: int
    function: str
    in_app: bool


@dataclass(frozen=True, slots=True)
class ExceptionInfo:
    """The exception that caused the others; frames in call order, the raising one last.

    `type` is the bare name and `module` what stands before it (`sqlalchemy.exc`), empty for
    built-in exceptions. Of a traceback that was cut off, what is missing is empty.
    """

    type: str
    message: str
    module: str
    frames: tuple[Frame, ...]


def of_entity(rule: str, entity: Mapping[str, object]) -> Fingerprint:
    """Key a detection by its rule and who it is about; neither order nor repetition matters."""
    parts = [(name, _values(value)) for name, value in sorted(entity.items())]
    lines = [f"{name}: {', '.join(values) or '(none)'}" for name, values in parts]
    return _fingerprint(["entity", rule, parts], [f"rule: {rule}", *lines])


def of_message(rule: str, message: str) -> Fingerprint:
    """Key a detection by its rule and the exception, or else the template, of its message.

    Line numbers do not count, and of frames that recur only the innermost does; if no frame is of
    the application, those of libraries count.
    """
    found = parse_exception(message)
    if found is None or not found.frames:
        text = template(message)
        return _fingerprint(["message", rule, text], [f"rule: {rule}", f"message: {text}"])
    name = ".".join(part for part in (found.module, found.type) if part)
    frames = _grouping_frames(found.frames)
    lines = [f"exception: {name or '(cut off)'}", *(f"frame: {frame}" for frame in frames)]
    return _fingerprint(["exception", rule, name, frames], [f"rule: {rule}", *lines])


def template(message: str) -> str:
    """Return a message with what varies named: `user <num> not found in <path>`.

    White space is folded, colours are dropped, and text past 10,000 characters does not count.
    """
    data = message[:TEMPLATE_LIMIT].encode("utf-8", "surrogatepass")
    for expression, replacement in _PARAMETERS:
        data = expression.sub(replacement, data)
    return " ".join(data.decode("utf-8", "surrogatepass").split())


def parse_exception(text: str) -> ExceptionInfo | None:
    """Return the innermost cause of the exceptions that `text` tells of, None if it tells of none.

    Of a chain that is the exception printed first, of a group its first member. Tracebacks may be
    cut off at either end, or stand on one line with escaped line feeds.
    """
    for parse in _PARSERS:
        if (found := parse(text)) is not None:
            return found
    return None


# Keys


def _fingerprint(key: list[object], explanation: Iterable[str]) -> Fingerprint:
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()
    return Fingerprint(f"{VERSION}-{digest[:16]}", tuple(explanation))


def _values(value: object) -> list[str]:
    """Return the distinct elements of a collection, or the one value, as sorted text."""
    if value is None:
        return []
    if isinstance(value, AbstractSet | list | tuple):
        return sorted({_scalar(element) for element in value})
    return [_scalar(value)]


def _scalar(value: object) -> str:
    """Return one text for a value however its log wrote it: 200, 200.0 and "200" are the same."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, Mapping):
        return json.dumps({str(name): _values(value[name]) for name in value}, sort_keys=True)
    return (
        json.dumps(_values(value)) if isinstance(value, AbstractSet | list | tuple) else str(value)
    )


def _grouping_frames(frames: tuple[Frame, ...]) -> list[str]:
    chosen = [frame for frame in frames if frame.in_app] or frames
    named = dict.fromkeys(_frame_name(frame) for frame in reversed(chosen))
    return list(named)[:FRAMES]


def _frame_name(frame: Frame) -> str:
    return f"{frame.file} in {frame.function}" if frame.function else frame.file


# Templates


def _compile(expression: str) -> Any:
    return re2.compile(expression.encode())


def _hexadecimal(match: Any) -> bytes:
    """Tell an id from a number, which is named as such later, and from a word like `defaced`."""
    text: bytes = match.group()
    return text if text.isdigit() or text.isalpha() else b"<hex>"


_CLOCK: Final = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?"
_ZONE: Final = r"(?:Z| ?(?:UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))"
_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)"
_ISO_DATE: Final = rf"\b[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:[T ]{_CLOCK}{_ZONE}?)?"
_WEB_DATE: Final = rf"\b[0-9]{{1,2}}[ /-]{_MONTH}[ /-][0-9]{{4}}(?:[ :T]{_CLOCK}{_ZONE}?)?"
_SYSLOG_DATE: Final = rf"\b{_MONTH} {{1,2}}[0-9]{{1,2}} {_CLOCK}"
_IPV4: Final = r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b"
_IPV6: Final = (
    r"(?i)\b(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}\b"
    r"|\b(?:[0-9][0-9a-f]{0,3}|f[cde][0-9a-f]{2})(?::[0-9a-f]{1,4}){0,5}:(?::[0-9a-f]{1,4}){1,6}\b"
    r"|\B::1\b"
)
_PATH: Final = (
    r"\B~?(?:/[\w.@%+~-]+){2,}/?"
    r"|\b[A-Za-z]:(?:[/\\][\w.@%+~-]+)+"
    r"|\b[\w.-]+(?:/[\w.-]+)+\.[A-Za-z]{1,5}\b"
)
_DURATION: Final = (
    r"\b(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|min|m|h|d))+\b"
    r"|\b[0-9]+(?:\.[0-9]+)? (?:ms|s|sec|min|(?:millisecond|second|minute|hour|day)s?)\b"
)

_PARAMETERS: Final = tuple(
    (_compile(expression), replacement if callable(replacement) else replacement.encode())
    for expression, replacement in (
        (r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)", ""),  # ANSI
        (r'"[^"\n]*"|`[^`\n]*`', "<str>"),
        (r"\B'[^'\n]*'\B", "<str>"),  # but not the apostrophe of a word
        (r"<str>(?:, ?<str>)+", "<str>"),  # however many
        (r"""\b[A-Za-z][A-Za-z0-9+.-]*://[^\s<>"')\]]+""", "<url>"),
        (r"\b[0-9A-Za-z._%+-]+@(?:[0-9A-Za-z-]+\.)+[A-Za-z]{2,24}\b", "<email>"),
        (f"{_ISO_DATE}|{_WEB_DATE}|{_SYSLOG_DATE}", "<date>"),
        (_PATH, "<path>"),
        (r"(?i)\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<uuid>"),
        (f"{_IPV6}|{_IPV4}", "<ip>"),
        (r"\b[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?\b", "<time>"),
        (r"-[0-9]{5}-[a-z]{3}\b", "-<revision>"),  # of Cloud Run
        (r"\b0x[0-9A-Fa-f]+\b", "<hex>"),
        (r"\b[0-9A-Fa-f]{7,}\b", _hexadecimal),
        (_DURATION, "<duration>"),
        (r"\b[0-9]+(?:\.[0-9]+)? ?(?:[KMGT]i?B|bytes)\b", "<size>"),
        (r"\b[0-9]+(?:[.,][0-9]+)*", "<num>"),
        (r"_[0-9]+\b", "_<num>"),
        (r"<num>(?:, ?<num>)+", "<num>"),
    )
)


# Exceptions of Python


def _python(text: str) -> ExceptionInfo | None:
    """Read the part of a chain that was printed first and tells of an exception."""
    for part in _CHAIN.split(_unescaped(text)):
        found = _traceback(part) or _one_line(part)
        if found is not None:
            return found
    return None


def _unescaped(text: str) -> str:
    r"""Return a traceback that was written on one line, with `\n` for line feeds, as lines."""
    if "\\" not in text or _ESCAPED.search(text) is None:
        return text
    return _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[1]), text)


def _traceback(text: str) -> ExceptionInfo | None:
    """Read the first traceback; of an exception group, that of its first member."""
    if 'File "' not in text and _HEADER not in text:
        return None
    lines = [line.rstrip() for line in text.split("\n")]
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
    matches = [match for line in lines if (match := _FRAME.match(line))]
    frames = tuple(frame for frame, _ in groupby(map(_frame, matches)))
    margin = _indent(lines[0]) - (0 if _HEADER in lines[0] else 2)
    for number, line in enumerate(lines[1:], start=1):
        if _indent(line) <= max(0, margin) and (raised := _raised(line)) is not None:
            module, name, message = raised
            message = "\n".join([message, *_paragraph(lines[number + 1 :])])
            return ExceptionInfo(name, message.strip(), module, frames)
    return ExceptionInfo("", "", "", frames)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


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


def _one_line(text: str) -> ExceptionInfo | None:
    """Read `ModuleNotFoundError: No module named 'x'`, alone or behind a log's own words."""
    found = _NAMED.search(text.encode("utf-8", "surrogatepass"))
    if found is None:
        return None
    path, message = (
        (group or b"").decode("utf-8", "surrogatepass")
        for group in (found.group(1), found.group(2))
    )
    module, _, name = path.rpartition(".")
    return ExceptionInfo(name, message.strip(), module, ())


_HEADER: Final = "Traceback (most recent call last)"
_FRAME = re.compile(r'\s*File "([^"]*)", line ([0-9]{1,9})(?:, in (.*))?')
_CHAIN = re.compile(
    r"The above exception was the direct cause of the following exception:"
    r"|During handling of the above exception, another exception occurred:"
)
_GUTTER = re.compile(r"^ *(?:\| ?|\+-[-+].*|\+ (?=Exception Group))")
_ESCAPED = re.compile(r'last\):(?:\\{1,8}r)?\\{1,8}n|File \\{1,8}"')
_ESCAPE = re.compile(r"""\\{1,8}(["'nrt])""")
_ESCAPES: Final = {"n": "\n", "r": "", "t": "\t"}
_LIBRARIES: Final = ("site-packages/", "dist-packages/", "/lib/python3", "/Lib/")
_NAMED = _compile(
    r"(?m)(?:^|[\s:|>(\[])("
    r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Iteration|Exit)"
    r"|(?:[A-Za-z_]\w*\.)*(?:errors|exceptions|exc)\.[A-Z]\w*"
    r")(?:: (.*)|:?[ \t\r]*$)"
)
_PARSERS: Final[tuple[Callable[[str], ExceptionInfo | None], ...]] = (_python,)
"""How each language writes its exceptions; the first that reads a text has it."""
