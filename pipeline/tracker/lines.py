"""Markdown by its lines: what stands in a code fence, and where a text may be parted.

Fences are those of CommonMark 0.31 (4.5): opened by three or more backticks or tildes, closed by as
many or more of the same with nothing behind them. Lines end in a line feed, with or without a
carriage return before it: text that was edited in a browser comes back with both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from pipeline import markdown

if TYPE_CHECKING:
    from collections.abc import Iterator

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)", re.DOTALL)
_FENCES: Final = ("```", "~~~")
_SPANS: Final = {"<!--": "-->", "<details>": "</details>"}
"""What begins and ends a block of HTML that may hold blank lines."""

_LONGEST_OPENING: Final = 40
"""Characters of the line that opens a fence, as anybody would write it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end, and where in the text it starts.

    `fenced` says that it is part of a fence, or opens or closes it; `fence` are the characters of
    the one that is open behind it. Lines with the same number of a `block` stay together, if they
    can.
    """

    text: str
    start: int
    fenced: bool
    fence: str
    block: int


def lines_of(text: str) -> Iterator[Line]:
    """Yield the lines of a text."""
    start, block, fence, until = 0, 0, "", ""
    for whole in text.split("\n"):
        line = whole.removesuffix("\r")
        opened = "" if fence or until == "-->" else _opened(line)
        if not (fence or until) and (opened or not line.strip()):
            block += 1
        is_fenced, was_held = bool(fence or opened), bool(fence or until)
        if fence:
            fence = "" if _closes(line, fence) else fence
        elif opened:
            fence = opened
        else:
            until = _until(line, until)
        yield Line(line, start, is_fenced, fence, block)
        start += len(whole) + 1
        if was_held and not (fence or until):
            block += 1


def closed(text: str) -> str:
    """Return a text without space at its ends, whose last fence is closed, if nothing closed it."""
    text = text.strip("\n")
    *_, last = lines_of(text)
    return f"{text}\n{last.fence}" if last.fence else text


def chunks(text: str, first: int, rest: int) -> list[str]:
    """Part a text into a first chunk and further ones, of so many characters at most.

    It is parted between paragraphs, lists, tables, fences and blocks of HTML; where one of these
    is too long by itself, between its lines, and a fence into several. What cannot be parted even
    so is shown as text. The first chunk is "" where nothing fits; `rest` is 200 at least.
    """
    made, limit = [""], first
    for piece in _pieces(closed(text), rest):
        if len(made[-1]) + len(piece) + 1 > limit:
            made.append("")
            limit = rest
        made[-1] += f"{piece}\n"
    first_chunk, *further = (chunk.strip("\n") for chunk in made)
    return [first_chunk, *filter(None, further)]


def _opened(line: str) -> str:
    """Return the characters that open a fence, "" if the line opens none."""
    match = _FENCE.fullmatch(line) if line.lstrip(" ")[:3] in _FENCES else None
    return match[1] if match and not ("`" in match[1] and "`" in match[2]) else ""


def _closes(line: str, fence: str) -> bool:
    match = _FENCE.fullmatch(line)
    return bool(match and match[1].startswith(fence) and not match[2].strip())


def _until(line: str, until: str) -> str:
    """Return with what the HTML ends that is open behind a line, "" if none is."""
    if until:
        return "" if until in line else until
    for begin, end in _SPANS.items() if "<" in line else ():
        at = line.find(begin)
        if at >= 0 and end not in line[at:]:
            return end
    return ""


def _pieces(text: str, limit: int) -> Iterator[str]:
    for _, found in groupby(lines_of(text), key=lambda line: line.block):
        lines = [*found]
        block = "\n".join(line.text for line in lines)
        if len(block) < limit:
            yield block
        elif lines[0].fenced:
            yield from _refenced(block, limit)
        elif any(len(line.text) >= limit or _has_span(line.text) for line in lines):
            yield from _refenced(markdown.fence(block), limit)
        else:
            yield from (line.text for line in lines)


def _has_span(line: str) -> bool:
    return any(begin in line for begin in _SPANS)


def _refenced(block: str, limit: int) -> Iterator[str]:
    """Yield a fence as several."""
    opening, *lines, _ = block.split("\n")
    fence = _opened(opening)
    if len(opening) > _LONGEST_OPENING:
        opening = fence = "```"
        lines = [line.replace("`", "'") for line in lines]
    room = limit - len(opening) - len(fence) - 4
    held, size = [opening], 0
    for part in (line[at : at + room] for line in lines for at in range(0, len(line) or 1, room)):
        if held[1:] and size + len(part) + 1 > room:
            yield "\n".join([*held, fence])
            held, size = [opening], 0
        held.append(part)
        size += len(part) + 1
    yield "\n".join([*held, fence])
