"""Severities, and the level that stands in a payload or a text when the entry itself has none."""

from __future__ import annotations

import enum
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Severity(enum.IntEnum):
    """Cloud Logging's LogSeverity, with its numbers."""

    DEFAULT = 0
    DEBUG = 100
    INFO = 200
    NOTICE = 300
    WARNING = 400
    ERROR = 500
    CRITICAL = 600
    ALERT = 700
    EMERGENCY = 800


_WORDS: Mapping[str, Severity] = {
    **{severity.name: severity for severity in Severity},
    **dict.fromkeys(("TRACE", "VERBOSE", "FINE", "FINER", "FINEST"), Severity.DEBUG),
    **dict.fromkeys(("INFORMATION", "INFORMATIONAL", "LOG", "SUCCESS"), Severity.INFO),
    "WARN": Severity.WARNING,
    **dict.fromkeys(("ERR", "SEVERE"), Severity.ERROR),
    **dict.fromkeys(("FATAL", "CRIT"), Severity.CRITICAL),
    **dict.fromkeys(("PANIC", "EMERG"), Severity.EMERGENCY),
}
_LETTERS: Mapping[str, Severity] = {
    "I": Severity.INFO,
    "W": Severity.WARNING,
    "E": Severity.ERROR,
    "F": Severity.CRITICAL,
}
# The numbers of pino and bunyan; Python's numbers mean something else and have a key of their own.
_NODE = (*[Severity.DEBUG] * 3, Severity.INFO, Severity.WARNING, Severity.ERROR, Severity.CRITICAL)
_PYTHON = (*[Severity.DEBUG] * 2, Severity.INFO, Severity.WARNING, Severity.ERROR)
_SYSLOG = tuple(reversed([severity for severity in Severity if severity]))

_LEVEL_KEYS = (
    "severity", "level", "levelname", "level_name", "log_level", "loglevel", "logLevel", "lvl",
    "log.level",
)  # fmt: skip
_NESTED_LEVEL = ("log", "level")  # the Elastic Common Schema

_ANSI = re.compile(r"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|[@-Z\\-_])")

_HEAD = 300
"""Characters of a text in which its level is looked for: the level stands at the beginning."""

# What follows is anchored and runs over `_HEAD` characters at most; every repetition that could
# share characters with its neighbour is possessive or bounded. So it can't stall on any text.
_TIME = re.compile(
    r"[\[(]?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
    r"(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?[\])]?"
)
_NAMES = (
    "debug|trace|verbose|information|info|notice|success|warning|warn|error|err|severe|"
    "critical|crit|fatal|alert|panic|emergency|emerg"
)
_LEVEL = rf"(?i:({_NAMES}))"
_UPPER_LEVEL = rf"({_NAMES.upper()})"
# LOG and FINE are words of prose too; only what follows a time may use them.
_TIMED_LEVEL = rf"(?i:(log|finest|finer|fine|{_NAMES}))"
_CLOUD_SQL = rf"\[\d+\]:? \[\d+-\d+\] [^\n:]{{0,150}}?\b{_TIMED_LEVEL}:"  # [7]: [1-1] db=… ERROR:
_THREAD = r"(?:\[[^\[\]\n]{1,60}+\] ++)?"  # in which Logback and log4j say who logged
_PAIR = r"[\w.]{1,40}+=(?:\"[^\"\n]*+\"|[^\s\"]++)"
_AFTER_TIME = re.compile(
    "|".join((
        rf" ++\[\d+\] ++\[{_LEVEL}\]",  # gunicorn
        rf" ++\| *+{_LEVEL} *+\|",  # loguru
        rf": ++{_UPPER_LEVEL}/[\w-]{{1,60}}\]",  # Celery: [time: INFO/MainProcess]
        rf" ++{_THREAD}{_UPPER_LEVEL} ++\S",  # log4j, Logback
        rf"\t{_LEVEL}\t",  # zap
        # Flask, nginx, PostgreSQL, Spring, structlog
        rf" *+(?:[-|:] ++)?(?:\[\d+\]:? ++)?\[?{_TIMED_LEVEL}(?: *+\]|:| ++[-|:\[]| ++in | ++\d)",
        rf" ++{_CLOUD_SQL}",
        rf" ++[-|:] ++[^\n]{{1,150}}? [-|:] ++{_LEVEL} ++[-|:]",  # Python: time - name - level
    ))
)  # fmt: skip
_WITHOUT_TIME = re.compile(
    "|".join((
        rf"{_LEVEL}(?: *+:| ++[-|] )",  # ERROR: text, WARNING:root:text, INFO - text
        rf"\[{_LEVEL} *+\]",
        # Logback, pino-pretty, rich
        rf"\[?\d\d:\d\d:\d\d(?:[.,]\d{{1,9}})?\]? ++{_THREAD}{_UPPER_LEVEL} ++\S",
        rf"{_UPPER_LEVEL} ++\[[\w.]{{1,100}}\] ",  # Alembic: INFO  [alembic.runtime.migration] text
        _CLOUD_SQL,
        r"([IWEF])\d{4} \d\d:\d\d:\d\d\.\d++ ",  # glog, klog
        rf"(?:{_PAIR} ++){{0,4}}(?:level|lvl|severity)=\"?{_LEVEL}\b",  # logfmt
    ))
)  # fmt: skip

# A line of an object that Node.js printed: `fatal: true`, `err: {`.
_PROPERTY = re.compile(r"[a-z]{1,20}: (?:true|false|null|undefined|[{\[]),?")

# A line of an access log has no level, and holds what a stranger sent: address, query, browser.
_ACCESS = re.compile(
    r"[\w.:-]{1,80} \S{1,80} [^\s\[]{1,80} \[\d\d/[A-Z][a-z]{2}/\d{4}(?::\d\d){3} [+-]\d{4}\] \""
)


def plain_text(text: str) -> str:
    """Return the text without ANSI escapes and without white space around it."""
    return (_ANSI.sub("", text) if "\x1b" in text else text).strip()


def severity_of(value: Any) -> Severity:
    """Return the severity that a word in any case, or one of Cloud Logging's numbers, stands for.

    Everything else is DEFAULT: unknown words, other numbers, values that are neither.
    """
    if isinstance(value, str):
        return _severity_of_word(value)
    if isinstance(value, (int, float)) and value in _NUMBERS:
        return Severity(int(value))
    return Severity.DEFAULT


def is_unknown(value: Any) -> bool:
    """Return whether a severity is a word that Cloud Logging does not know; it reads as DEFAULT."""
    if not isinstance(value, str) or severity_of(value):
        return False
    return value.strip().upper() not in {"", "0", Severity.DEFAULT.name}


def severity_of_payload(payload: Mapping[str, Any]) -> Severity:
    """Return the level that a structured log line carries in one of the keys loggers use.

    Only keys of the line itself count: what lies deeper (`error.severity`) may be a placeholder.
    """
    for key in _LEVEL_KEYS:
        if key in payload:
            value = payload[key]
            if found := severity_of(value) or _by_number(value, _NODE):
                return found
    nested = payload.get(_NESTED_LEVEL[0])
    if isinstance(nested, dict) and (found := severity_of(nested.get(_NESTED_LEVEL[1]))):
        return found
    return _by_number(payload.get("levelno"), _PYTHON) or _by_syslog(payload.get("PRIORITY"))


def severity_of_text(text: str) -> Severity:
    """Return the level that the text begins with, in the layout of a logger; else DEFAULT.

    The text is one that `plain_text` returned. A level further inside is not one: it belongs to
    what the line talks about. A line of an access log (the Common Log Format) is INFO.
    """
    head = text[:_HEAD]
    if _PROPERTY.fullmatch(head):
        return Severity.DEFAULT
    time = _TIME.match(head)
    match = _AFTER_TIME.match(head, time.end()) if time else _WITHOUT_TIME.match(head)
    if match is None or match.lastindex is None:
        return Severity.INFO if _ACCESS.match(head) else Severity.DEFAULT
    word = match[match.lastindex]
    return _LETTERS.get(word) or severity_of(word)


_NUMBERS = frozenset(int(severity) for severity in Severity)


@lru_cache(maxsize=256)
def _severity_of_word(word: str) -> Severity:
    plain = word.strip().upper()
    return _WORDS.get(plain) or severity_of(_number(plain))


def _number(word: str) -> int | None:
    return int(word) if word.isdecimal() and len(word) <= len("800") else None


def _by_number(value: Any, table: tuple[Severity, ...]) -> Severity:
    """Look a logger's number up: 10, 20, 30 ... are the places 1, 2, 3 ... of its table."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return Severity.DEFAULT
    place = value / 10
    return table[int(place)] if place in range(1, len(table)) else Severity.DEFAULT


def _by_syslog(value: Any) -> Severity:
    place = _number(value) if isinstance(value, str) else value
    if type(place) is not int or place not in range(len(_SYSLOG)):
        return Severity.DEFAULT
    return _SYSLOG[place]
