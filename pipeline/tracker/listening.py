"""Which lines of a comment are said to us: those that a reader sees at the start of a line.

What stands in a code fence, in a quote, in an HTML comment or in a block of HTML that shows its
text as somebody else's or as code is not said to us, nor what is indented. A line right below a
quote is still part of it (CommonMark 0.31, 5.1). Where it is hard to tell, a line is not a command.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pipeline.tracker.lines import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_BREAK: Final = "\u200b"
"""What keeps names and numbers in our own texts from acting; people copy it with a command."""

_COMMAND = re.compile(r"/fivewhys(?:[ \t]+(.*))?", re.IGNORECASE | re.ASCII)
_QUOTE = re.compile(r" {0,3}>")
_HTML = re.compile(
    r" {0,3}<(blockquote|code|pre|samp|script|style|textarea)(?:[\s>]|\Z)", re.IGNORECASE
)


def commands_of(text: str) -> Iterator[str]:
    """Yield what follows `/fivewhys` on the lines of a comment, "" where nothing does."""
    for line in _plain_lines(text):
        match = _COMMAND.fullmatch(line.rstrip())
        if match:
            yield (match[1] or "").replace(_BREAK, "")


def _plain_lines(text: str) -> Iterator[str]:
    until, in_quote = "", False
    for line in lines_of(text):
        was_hidden, until = bool(until), _hidden_until(line.text, until)
        if was_hidden or until or line.fenced or not line.text.strip():
            in_quote = False
        elif _QUOTE.match(line.text):
            in_quote = bool(line.text.strip(" \t>"))
        elif not in_quote:
            yield line.text


def _hidden_until(line: str, until: str) -> str:
    """Return what ends the HTML that is open behind a line, "" if none is."""
    folded = line.casefold()
    if until and until not in folded:
        return until
    rest = folded.rpartition(until)[2] if until else folded
    if rest.rfind("<!--") > rest.rfind("-->"):
        return "-->"
    opened = _HTML.match(rest)
    end = f"</{opened[1]}>" if opened else ""
    return end if end and end not in rest else ""
