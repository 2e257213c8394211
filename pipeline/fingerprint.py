"""What makes two detections the same: an explained, versioned key.

A rule that says who a detection is about is keyed by that entity; any other by the exception in its
message (type and innermost frames of the application) or else by the message's template. Keys carry
the version of the way they were made: a better way gets a new version, it never edits an old one.

Log text is hostile, so every expression that searches it is run by RE2, each in a pass of its own.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

import re2

from pipeline.exceptions import ExceptionInfo, Frame, parse_exception

__all__ = [
    "FRAMES",
    "TEMPLATE_LIMIT",
    "VERSION",
    "ExceptionInfo",
    "Fingerprint",
    "Frame",
    "of_entity",
    "of_message",
    "parse_exception",
    "pattern",
    "template",
]

VERSION: Final = "v1"
FRAMES: Final = 5
"""Frames of the application that go into a key, counted from where the exception was raised."""
TEMPLATE_LIMIT: Final = 10_000
"""Characters of a message that its template is made of."""
PATTERN_LIMIT: Final = 300
"""Characters of a pattern, which is for people; a key is made of all of it."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A key, `v1-` and 16 hexadecimal digits, and one line for each thing that went into it."""

    value: str
    explanation: tuple[str, ...]


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


def pattern(message: str) -> str:
    """Return in one line what `of_message` groups by: `Broken in check (plan.py)`, or a template.

    What a logger writes before a text (time, name, level) is left out; 300 characters stay.
    """
    has_lines = "\n" in message or "\\n" in message  # without which there are no frames
    found = parse_exception(message) if has_lines else None
    text = _raised(found) if found and found.frames else _told(template(message))
    return text if len(text) <= PATTERN_LIMIT else f"{text[: PATTERN_LIMIT - 1]}…"


def _told(text: str) -> str:
    """Return a template without the head that a logger gave it; one without a text stays."""
    head = _HEAD.match(text)
    return text[head.end() :] if head and head.end() < len(text) else text


def _raised(found: ExceptionInfo) -> str:
    """Return what was raised, and in which frame of the application (or else of any)."""
    frame = ([frame for frame in found.frames if frame.in_app] or found.frames)[-1]
    place = f"{frame.function} ({frame.file})" if frame.function else frame.file
    return " ".join(f"{found.type or 'an exception'} in {place}".split())


def template(message: str) -> str:
    """Return a message with what varies named: `user <num> not found in <path>`.

    White space is folded, colours are dropped, and text past 10,000 characters does not count.
    """
    data = message[:TEMPLATE_LIMIT].encode("utf-8", "surrogatepass")
    for expression, replacement, marks in _PARAMETERS:
        if marks.search(data):
            data = expression.sub(replacement, data)
    return " ".join(data.decode("utf-8", "surrogatepass").split())


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


def _any(expression: str) -> Any:
    return re2.compile(expression.encode())


def _plain(expression: str) -> Any:
    """Compile an expression that is linear and means the same in any engine.

    It has nothing but ASCII, and no two of its matches begin in what only one of them looks at.
    """
    return re.compile(expression.encode())


def _hexadecimal(match: Any) -> bytes:
    """Call an id a number: one in forty of 8 digits has no letter. A word like `defaced` is none.

    A number as such is named later.
    """
    text: bytes = match.group()
    return text if text.isdigit() or text.isalpha() else b"<num>"


_CLOCK: Final = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?"
_ZONE: Final = r"(?:Z| ?(?:UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))"
_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)"
_ISO_DATE: Final = rf"\b[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:[T ]{_CLOCK}{_ZONE}?)?"
_WEB_DATE: Final = rf"\b[0-9]{{1,2}}[ /-]{_MONTH}[ /-][0-9]{{4}}(?:[ :T]{_CLOCK}{_ZONE}?)?"
_SYSLOG_DATE: Final = rf"\b{_MONTH} {{1,2}}[0-9]{{1,2}} {_CLOCK}"
_IN_DATE: Final = r"[0-9](?:-[0-9]{2}-|[ /-][A-Z]| [0-9]{1,2}:)"
_UUID: Final = r"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b"
_IPV4: Final = r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b"
_IPV6: Final = (
    r"(?i)\b(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}\b"
    r"|\b(?:[0-9][0-9a-f]{0,3}|f[cde][0-9a-f]{2})(?::[0-9a-f]{1,4}){0,5}:(?::[0-9a-f]{1,4}){1,6}\b"
    r"|\B::1\b"
)
_IN_IP: Final = r"::[0-9A-Fa-f]|\.[0-9]{1,3}\.|(?::[0-9A-Fa-f]{1,4}){7}"
_PATH: Final = (
    r"\B~?(?:/[\w.@%+~-]+){2,}/?"
    r"|\b[A-Za-z]:(?:[/\\][\w.@%+~-]+)+"
    r"|\b[\w.-]+(?:/[\w.-]+)+\.[A-Za-z]{1,5}\b"
)
_DURATION: Final = (
    r"\b(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|min|m|h|d))+\b"
    r"|\b[0-9]+(?:\.[0-9]+)? (?:ms|s|sec|min|(?:millisecond|second|minute|hour|day)s?)\b"
)

_LEVEL: Final = "(?:WARN(?:ING)?|ERR(?:OR)?|CRIT(?:ICAL)?|FATAL|SEVERE|ALERT|EMERG(?:ENCY)?)"
_HEAD: Final = re2.compile(
    rf"<date> - [\w.]+ - {_LEVEL} - "  # Python's logging, as its documentation shows it
    rf"|{_LEVEL}:[\w.]+:"  # and as it is if nobody says how
    rf"|\[<date>\] {_LEVEL} in [\w.]+: "  # Flask
    rf"|<date> \| {_LEVEL} \| [^|]{{1,150}}? - "  # loguru
    rf"|\[<date>: {_LEVEL}/[\w-]+\] "  # Celery
    rf"|\[<date>\] \[<num>\] \[{_LEVEL}\] "  # gunicorn
    rf"|(?:<date> )?(?:\[{_LEVEL}\]|{_LEVEL}(?::| -)) "
)
"""What loggers write before a text, in a template."""

_PARAMETERS: Final = tuple(
    (
        compiled(expression),
        replacement if callable(replacement) else replacement.encode(),
        re.compile(marks.encode()),
    )
    for compiled, expression, replacement, marks in (
        (_any, r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)", "", "\x1b"),  # ANSI
        (_any, r'"[^"\n]*"|`[^`\n]*`', "<str>", '["`]'),
        (_any, r"\B'[^'\n]*'\B", "<str>", "'"),  # but not the apostrophe of a word
        (_plain, r"<str>(?:, ?<str>)+", "<str>", "<str>,"),  # however many
        (_any, r"""\b[A-Za-z][A-Za-z0-9+.-]*://[^\s<>"')\]]+""", "<url>", "://"),
        (_any, r"\b[0-9A-Za-z._%+-]+@(?:[0-9A-Za-z-]+\.)+[A-Za-z]{2,24}\b", "<email>", "@"),
        (_plain, f"{_ISO_DATE}|{_WEB_DATE}|{_SYSLOG_DATE}", "<date>", _IN_DATE),
        (_any, _PATH, "<path>", r"[/\\]"),
        (_plain, _UUID, "<uuid>", "[0-9A-Fa-f]{8}-"),
        (_any, f"{_IPV6}|{_IPV4}", "<ip>", _IN_IP),
        (_plain, r"\b[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?\b", "<time>", "[0-9]:[0-9]{2}:"),
        (_plain, r"-[0-9]{5}-[a-z]{3}\b", "-<revision>", "-[0-9]{5}-"),  # of Cloud Run
        (_plain, r"\b0x[0-9A-Fa-f]+\b", "<hex>", "0x"),
        (_plain, r"\b[0-9A-Fa-f]{7,}\b", _hexadecimal, "[0-9A-Fa-f]{7}"),
        (_any, _DURATION, "<duration>", "[0-9] ?[nuµmshd]"),
        (_plain, r"\b[0-9]+(?:\.[0-9]+)? ?(?:[KMGT]i?B|bytes)\b", "<size>", "[0-9] ?[KMGTb]"),
        (_plain, r"\b[0-9]+(?:[.,][0-9]+)*", "<num>", "[0-9]"),
        (_plain, r"_[0-9]+\b", "_<num>", "_[0-9]"),
        (_plain, r"<num>(?:, ?<num>)+", "<num>", "<num>,"),
    )
)
"""What is looked for in turn: expression, replacement, and what it cannot be without: to look for
that first takes a tenth of the time."""
