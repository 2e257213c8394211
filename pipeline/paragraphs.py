"""What a message of several lines says, of which each came as an entry of its own.

Drivers of databases and libraries that try again say more than one line; `retrying in 2s` stands in
the first or in the last of them, and what failed may stand in another one. Beside them stand the
lines of loggers that introduce what follows: the traceback of something that they handled.

Only lines that are known to go on with another one are taken for it: indented ones, beginnings of
what libpq, psycopg, SQLAlchemy, pgx, MySQL's drivers, redis-py and kombu say, exceptions by name,
and one that announces another attempt. None of them has a level of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

import re2

from pipeline.entry.attempts import ANNOUNCING, another_attempt, is_code
from pipeline.entry.severity import Severity, severity_of
from pipeline.exceptions.lines import Role, find_lines, role_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.entry import LogEntry

WITHIN: Final = 1_000_000_000
"""Nanoseconds after one line within which one that is indented goes on with it."""
ABOVE: Final = 10_000_000
"""Nanoseconds before a traceback within which the line above it is logged: it is one write."""
BESIDE: Final = 50_000_000
"""Nanoseconds after one line within which another one goes on with it: it is one write."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines of one message, in order; `below` says of which traceback it is the end.

    That is the number of the traceback among those of the run, None for a message without one.
    """

    lines: tuple[LogEntry, ...]
    below: int | None = None

    @property
    def again(self) -> bool:
        """Whether it says that another attempt follows."""
        return another_attempt(said_by(self.lines))

    @property
    def told(self) -> bool:
        """Whether it only tells of what was handled, as its first line says."""
        return is_handled(self.lines[0])


def said_by(lines: Iterable[LogEntry]) -> str:
    """Return what lines say together."""
    return "\n".join(one.message for one in lines)


def line_of(entry: LogEntry) -> str:
    """Return the plain text of an entry without white space at its end, "" if it has none."""
    text = entry.document.get("textPayload")
    return text.rstrip() if isinstance(text, str) else ""


def is_line(entry: LogEntry) -> bool:
    """Say whether an entry may be a line of a message: plain text that is not whole by itself."""
    line = line_of(entry)
    return bool(line) and "\n" not in line


def find_telling(texts: Sequence[str]) -> list[int]:
    """Return which of the texts are single lines that `is_telling` may say yes to, in order."""
    return find_lines(_TELLING, texts, calm=True)


def is_telling(entry: LogEntry) -> bool:
    """Say whether a line announces another attempt, or speaks of trouble without being any."""
    line = line_of(entry)
    if not line or "\n" in line:
        return False
    return another_attempt(line) or ((not entry.severity or _is_low(entry)) and _speaks(line))


def is_handled(header: LogEntry) -> bool:
    """Say whether a line of a low level says that what follows was handled, or is long past."""
    line = line_of(header)
    return _is_low(header) and _matches(_HANDLED, line)


def introduces(header: LogEntry, traceback: str) -> bool:
    """Say whether what stands below a line of a low level is what that line tells of.

    A line that says so is believed. One that only speaks of trouble is believed unless the
    traceback may be the end of the program: what Python itself prints begins where the program
    does, and so does what a server says of a worker.
    """
    if is_handled(header):
        return True
    speaks = _is_low(header) and _speaks(line_of(header))
    return speaks and (_matches(_DRAWN, traceback) or not _matches(_ENDS, traceback))


def may_be_above(entry: LogEntry) -> bool:
    """Say whether it is a line of a logger that may tell of an exception.

    A WARNING that has it from its own field, and not from its text, is no plain logger's.
    """
    if not is_line(entry) or entry.severity < Severity.WARNING:
        return False
    own = severity_of(entry.document.get("severity"))
    return entry.severity >= Severity.ERROR or own is not entry.severity


def may_go_on(before: LogEntry, entry: LogEntry) -> bool:
    """Say whether an entry may go on with the message whose last line is the one before it."""
    part, gap = _part(entry), entry.timestamp - before.timestamp
    if part is _Part.REST:
        return gap <= WITHIN
    return part is not _Part.FIRST and gap <= BESIDE


class Above:
    """The last lines that may stand above a traceback: of an error, and of something less.

    The first goes before the other: what is no error may be of another thread. Indented lines go on
    with the last of them.
    """

    def __init__(self) -> None:
        self._loud: list[LogEntry] = []
        self._quiet: list[LogEntry] = []

    def take(self, entry: LogEntry) -> None:
        """Take a line that has no part in a traceback."""
        if may_be_above(entry):
            self._loud, self._quiet = [entry], []
        elif is_telling(entry):
            self._quiet = [entry]

    def goes_on(self, entry: LogEntry) -> bool:
        """Take an indented line if it goes on with what was taken last; return whether it does."""
        message = self._quiet or self._loud
        if not message or entry.timestamp - message[-1].timestamp > ABOVE:
            return False
        message.append(entry)
        return True

    def right_above(self, first: LogEntry) -> LogEntry | None:
        """Return the line that begins what stands right above an entry."""
        for message in (self._loud, self._quiet):
            if message and first.timestamp - message[-1].timestamp <= ABOVE:
                return message[0]
        return None


def tells_of(header: LogEntry, traceback: str) -> bool:
    """Say whether the line right above a traceback is about it: of an error it is.

    One that is none may announce another attempt, if the program goes on.
    """
    if header.severity >= Severity.WARNING or introduces(header, traceback):
        return True
    return another_attempt(header.message) and not _matches(_ENDS, traceback)


def paragraphs(
    run: Iterable[LogEntry], tracebacks: Sequence[Sequence[LogEntry]]
) -> Iterator[Paragraph]:
    """Yield the messages of several lines in a run, and what stands below its tracebacks.

    The run is in order of time; `tracebacks` has the lines of each.
    """
    owners = {one.key: at for at, lines in enumerate(tracebacks) for one in lines}
    message: _Message | None = None
    for entry in run:
        below = owners.get(entry.key)
        if below is not None:
            if message is not None and message.below != below:
                yield from message.whole()
                message = None
            message = message or _Message(entry, below)
            message.last = entry
            continue
        part = _part(entry)
        if message is not None and message.goes_on(part, entry):
            message.add(part, entry)
        elif part is not _Part.REST:
            if message is not None:
                yield from message.whole()
            message = _Message(entry)
            message.add(_Part.FIRST, entry)
    if message is not None:
        yield from message.whole()


class _Part(Enum):
    FIRST = auto()
    """Begins a message: it has a level, or is nothing that is known."""
    REST = auto()
    """Goes on with one: it is indented."""
    MORE = auto()
    """Goes on with one or begins one: what drivers say in a line of its own."""
    LAST = auto()
    """Ends one or begins one: it announces another attempt."""
    NEXT = auto()
    """Ends one or begins one: a record of its own that begins with that announcement."""


class _Message:
    """The lines of one message so far."""

    def __init__(self, first: LogEntry, below: int | None = None) -> None:
        self.below = below
        self.last = first
        self._lines: list[LogEntry] = []
        self._over = False

    def goes_on(self, part: _Part, entry: LogEntry) -> bool:
        """Return whether a line goes on with it."""
        gap = entry.timestamp - self.last.timestamp
        if part is _Part.REST:
            return gap <= WITHIN
        if part is _Part.NEXT:
            return not self._over and gap <= ABOVE
        return part is not _Part.FIRST and not self._over and gap <= BESIDE

    def add(self, part: _Part, entry: LogEntry) -> None:
        self._lines.append(entry)
        self._over |= part in {_Part.LAST, _Part.NEXT}
        self.last = entry

    def whole(self) -> Iterator[Paragraph]:
        """Yield it if it has lines enough to say more than each of them."""
        if len(self._lines) > (self.below is None):
            yield Paragraph(tuple(self._lines), self.below)


def _part(entry: LogEntry) -> _Part:
    line = line_of(entry)
    if "\n" in line:
        return _Part.FIRST
    if is_code(line):
        return _Part.REST
    if entry.severity and not line.startswith(_NO_LEVELS):
        low = entry.severity < Severity.ERROR
        return _Part.NEXT if low and _matches(_RETRIES, line) else _Part.FIRST
    if another_attempt(line) and not line.endswith(":"):
        return _Part.LAST
    known = _matches(_MORE, line) or role_of(line) is Role.NAME
    return _Part.MORE if known else _Part.FIRST


def _is_low(entry: LogEntry) -> bool:
    """Say whether its own words give it a level below WARNING."""
    own = severity_of(entry.document.get("severity"))
    return Severity.DEFAULT < entry.severity < Severity.WARNING and own is not entry.severity


def _speaks(line: str) -> bool:
    text, start = line.encode("utf-8", "surrogatepass"), 0
    while found := _TROUBLE.search(text, start):
        if found[1] is None:
            return True
        start = found.end()
    return False


def _matches(known: re2._Regexp[str], text: str) -> bool:
    return known.search(text) is not None


_FAILURE: Final = r"\b(?:error|exception|fail(?:ed|ure|s|ing)?|crash(?:ed)?|trace ?back)\b"
_WORDS: Final = (
    rf"(?i:{_FAILURE}|\bnot\b|n't\b|\bno \w+$|\b(?:cannot|unable|unavailable|timed out|refused"
    r"|lost|default|missing|ignor(?:ed|ing)|skip(?:ped|ping)?|fall(?:ing|s)? ?back|handled|caught"
    r"|recover\w*|swallowed|suppressed|optional|disabled|without|instead)\b)"
)
_CALM: Final = (
    r"(?i:\b(?:no|0|zero|without(?: any)?) (?:errors?|exceptions?|failures?|failed|skipped)\b"
    r"|\b(?:errors?|exceptions?|failures?|failed|skipped)(?:[=:] ?(?:none|null|0|\[\])"
    r"| (?:handl\w+|pages?|report\w*|budget|rates?|codes?|log\w*|track\w*|middlewares?|counts?))\b)"
)
_TROUBLE: Final = re2.compile(f"({_CALM}(?:, {_CALM})*)|{_WORDS}".encode())
_HANDLED: Final = re2.compile(
    r"(?i:(?:\b(?:previous|last|earlier|former|handled|ignor(?:ed|ing)|caught|recovered|swallowed"
    rf"|suppressed|expected|optional|skipp(?:ed|ing)|was)\b.*{_FAILURE}"
    rf"|{_FAILURE}.*\b(?:handled|ignored|caught|recovered|swallowed|suppressed|skipped|was)\b)"
    # Behind the colon may stand what a logger adds: names and values.
    r".*:['\"]?(?:\s+\[[\w.]+\])?(?: \w+=\S*)*(?:\t\{.*\})?$)"
)
_ENDS: Final = re2.compile(
    r"(?m)last\):\n\s*File \"[^\"\n]*(?:(?:site|dist)-packages/|/lib/python3|<frozen )"
    r"|last\):\n.*, in (?:<module>|_bootstrap\w*|_run_code|_run_module\w*)$"
    r"|^(?:panic: |fatal error: |Exception in thread \"|Unhandled exception|Uncaught )"
)
_NO_LEVELS: Final = ("FATAL:  ", "Error: ")
"""What PostgreSQL and Node.js begin a message with, which a logger may, too."""
_DRAWN: Final = re2.compile(r"(?m)^ +[│└]")  # by loguru, below the line of its record
_NOW: Final = (
    r"(?:(?:re-?trying|re-?connecting|(?:will )?try(?:ing)? again|will re-?(?:try|connect)"
    r"|next (?:attempt|try|retry))(?: (?:in|after) ~?\d|,? now\b|\.{2,3}|…|$| \()"
    r"|(?:waiting|sleeping) (?:for )?\d)"
)
_RETRIES: Final = re2.compile(  # behind the level, and the name that a logger has
    rf"(?i:^(?:\w+:[\w.]*:\s*|(?:|.{{0,60}}?\W)(?:debug|trace|info|notice|warn|warning)\b(?:/[\w-]+)?"
    rf"\W{{1,12}}(?:[\w.:$/\[\]-]*[.\[\]\d-][\w.:$/\[\]-]*[^:\s]\s+){{0,4}}(?:[-:|>]\s+)?){_NOW})"
)
_MORE: Final = re2.compile(
    r"^(?:connection to server (?:at|on socket) \"|could not (?:connect to server: |translate host)"
    r"|connection failed: |server closed the connection|SSL (?:SYSCALL|connection|error)"
    r"|Multiple connection attempts failed|- host: '|(?:FATAL|DETAIL|HINT|CONTEXT): "
    r"|\((?:\w+\.)*\w*(?:Error|Exception)\) |\[SQL: |\[parameters: |\(Background on this "
    r"|[]}]{1,4},?$|failed to connect to |Communications link failure|The last packet "
    r"|\(\d{4}, [\"']|\[Errno -?\d|Error -?\d+ |connect E[A-Z]+ )"
)
_TELLING: Final = re2.compile(f"(?m:({_CALM}(?:, {_CALM})*)|{ANNOUNCING}|{_WORDS})".encode())
