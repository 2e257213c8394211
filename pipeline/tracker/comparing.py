"""What of a text is compared: words without what varies, error lines, files, identifiers.

Texts are people's and logs', so all is bounded: characters and lines that are looked at, and each
expression is one class of characters, whose search is linear.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final

from pipeline.fingerprint import VERSION
from pipeline.tracker.lines import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TEXT: Final = 16_384
"""Characters at the beginning of a text that are looked at."""

ROWS: Final = 400
"""Lines at the beginning of a text that are looked at."""

LINES: Final = 40
"""Lines of an issue that are compared, those that it quotes as code first."""

_LINE: Final = 300
"""Characters at the beginning of a line that are compared."""

_FEWEST: Final = 4
"""Words that a line has at least that says something: "Internal server error" says nothing."""

_SHORTEST: Final = 20
_FEWEST_IN_TITLE: Final = 3

_WORD = re.compile(r"\w+")
_DIGIT = re.compile(r"\d")
_TOKEN = re.compile(r"[\w./@+-]+")
_IDENTIFIER = re.compile(rf"(?<![\w-])(?:inc|{VERSION})-[0-9a-f]{{8,64}}(?![\w-])")
_BEGINNINGS: Final = ("inc-", f"{VERSION}-")
_LEVELS: Final = frozenset(
    {"critical", "debug", "err", "error", "fatal", "info", "warn", "warning"}
)
_BOILERPLATE: Final = (
    "background on this error at",
    "during handling of the above exception",
    "exception in asgi application",
    "the above exception was the direct cause",
    "traceback most recent call last",
)
_CODE: Final = frozenset(
    {
        *(
            "c",
            "cc",
            "cpp",
            "cs",
            "ex",
            "go",
            "java",
            "js",
            "json",
            "jsx",
            "kt",
            "mjs",
            "php",
            "py",
        ),
        *("rb", "rs", "scala", "sh", "sql", "tf", "toml", "ts", "tsx", "yaml", "yml"),
    }
)
_LIBRARIES: Final = ("/dist-packages/", "/node_modules/", "/site-packages/", "/lib/python")


def words(text: str) -> str:
    """Return the words of a text in lower case, each with a digit as `0`, several of these as one.

    What begins a line of a log goes: times and levels.
    """
    found: list[str] = []
    for word in _WORD.findall(text[:_LINE].casefold()):
        told = "0" if _DIGIT.search(word) else word
        is_beginning = not found and (told == "0" or told in _LEVELS)
        is_repeated = told == "0" and found[-1:] == ["0"]
        if not (is_beginning or is_repeated):
            found.append(told)
    return " ".join(found)


def title_words(title: str) -> str:
    """Return the words of a title, "" if they are so few that many titles are like it."""
    told = words(title)
    return told if len(told.split()) >= _FEWEST_IN_TITLE else ""


def error_lines(text: str) -> tuple[str, ...]:
    """Return the words of the lines of a log that say what failed: the first, and the last two.

    Frames of a traceback, which are indented, and what every traceback says are left out.
    """
    rows = text[:TEXT].split("\n", ROWS)[:ROWS]
    told = [*_telling(row for row in rows if row[:1].strip())]
    return tuple(dict.fromkeys((*told[:1], *told[1:][-2:])))


def quoted_lines(text: str) -> tuple[tuple[str, ...], bool]:
    """Return the words of the lines of an issue, and whether it quotes any as code."""
    lines = [*lines_of("\n".join(text[:TEXT].split("\n", ROWS)[:ROWS]))]
    told = _telling(line.text for line in lines if line.fenced)
    code = dict.fromkeys(islice(told, LINES))
    prose = _telling(line.text for line in lines if not line.fenced)
    return tuple(dict.fromkeys((*code, *islice(prose, LINES - len(code))))), bool(code)


def files(text: str) -> frozenset[str]:
    """Return the files of source code that a text names, each with the folder that it is in.

    Those of libraries are left out.
    """
    found = set()
    for token in (one for one in _TOKEN.findall(text[:TEXT]) if "/" in one):
        folder, _, name = token.rpartition("/")
        is_code = name.rpartition(".")[2] in _CODE and "." in name
        is_foreign = token.startswith("//") or any(part in token for part in _LIBRARIES)
        if folder and is_code and not is_foreign:
            found.add(f"{folder.rpartition('/')[2]}/{name}")
    return frozenset(found)


def identifiers(text: str) -> frozenset[str]:
    """Return all that a text holds that could be the id of an incident, or a fingerprint."""
    has_any = any(beginning in text for beginning in _BEGINNINGS)  # the expression is slower
    return frozenset(_IDENTIFIER.findall(text)) if has_any else frozenset()


def _telling(rows: Iterable[str]) -> Iterator[str]:
    for row in rows:
        told = words(row)
        distinct = {word for word in told.split() if word != "0"}
        says = len(told) >= _SHORTEST and len(distinct) >= _FEWEST
        if says and not told.startswith(_BOILERPLATE):
            yield told
