"""Our part of a text that belongs to people, too: what stands between our two markers.

Only that is ever replaced; what people wrote before and behind it stays as it is, byte for byte.
Where a marker was lost nobody can say where our part ended, so everything stays, below a new one.
What people changed inside our part is lost with our next edit, but for the boxes that they ticked.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pipeline.report import BODY_LIMIT
from pipeline.tracker.lines import chunks, closed, lines_of
from pipeline.tracker.marker import Mark, Side, Standing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.tracker.marker import Found, Signer

_TICKED = re.compile(r"([ \t]*[-*+] )\[[xX]\] (.*)", re.DOTALL)
_MANY: Final = 10**12
_CONTINUED: Final = (
    "*This report is longer than GitHub allows (65,536 characters); it goes on in comments.*"
)
_PART: Final = "*Part {number} of {parts} of the report.*"
NO_MORE: Final = "*The report fits into the issue again; nothing is left to say here.*"


@dataclass(frozen=True, slots=True)
class Part:
    """Our part of a text: what its first marker says, what is inside, what stands around it.

    One that is not `whole` has lost its end: nothing is inside, and all that there is, but for the
    marker, stands behind it.
    """

    mark: Mark
    before: str = ""
    inside: str = ""
    after: str = ""
    whole: bool = True

    @property
    def is_edited(self) -> bool:
        """Whether people changed something inside, boxes that they ticked left out."""
        return self.whole and digest(self.inside) != self.mark.digest


@dataclass(frozen=True, slots=True)
class Layout:
    """A text as it is put into a tracker: the body of an issue, and the comments that go on.

    `digest` is of what stands in the body, `of` of the whole text. `body` is None where what
    people wrote leaves no room even for our markers.
    """

    body: str | None
    digest: str
    of: str
    overflow: tuple[str, ...] = ()


def digest(text: str) -> str:
    """Return what changes when a text does; ticks, ends of lines and space there do not count."""
    lines = (_unticked(line.text).rstrip() for line in lines_of(text.strip()))
    return hashlib.sha256("\n".join(lines).encode("utf-8", "replace")).hexdigest()[:16]


def parts_of(text: str, signer: Signer) -> tuple[Part, ...]:
    """Return our parts of a text; of two of the same incident and key the first whole one."""
    found = [one for one in signer.read(text) if one.standing is Standing.GENUINE]
    every = [
        _part(text, begin, begin.mark, end)
        for begin, end in zip(found, [*found[1:], None], strict=False)
        if begin.mark is not None and begin.mark.side is Side.BEGIN
    ]
    named: dict[tuple[str, str], Part] = {}
    for part in sorted(every, key=lambda one: not one.whole):
        named.setdefault((part.mark.incident, part.mark.key), part)
    return tuple(named.values())


def around(text: str, part: Part | None, *, below: bool = False) -> tuple[str, str]:
    """Return what stands before and behind our part, or would where a text holds none of ours.

    A new part goes to the top, or `below` what people wrote.
    """
    if part is not None and part.whole:
        return part.before, part.after
    rest = part.after if part else text
    if not rest.strip():
        return "", ""
    return (f"{rest}\n\n", "") if below else ("", f"\n\n{rest}")


def joined(signer: Signer, mark: Mark, inside: str, before: str = "", after: str = "") -> str:
    """Return a text with our part in it; `mark` is its first marker, but for the digests."""
    mark = replace(mark, digest=digest(inside), of=mark.of or digest(inside))
    return f"{before}{signer.write(mark)}\n{inside}\n\n{signer.write(_end_of(mark))}{after}"


def laid_out(signer: Signer, mark: Mark, text: str, before: str, after: str) -> Layout:
    """Lay out a text within GitHub's limit; no Markdown is cut where that would change it."""
    text = closed(text)
    mark = replace(mark, of=digest(text))
    longest = replace(mark, issue=_MANY, after=_MANY)  # what is parted once is parted so again
    room = BODY_LIMIT - len(joined(signer, longest, "", before, after))
    if len(text) <= room:
        return Layout(joined(signer, mark, text, before, after), mark.of, mark.of)
    most = room_in_comment(signer, mark.incident, "overflow-999") - len(_PART)
    first, *rest = chunks(text, room - len(_CONTINUED) - 2, most)
    inside = f"{first}\n\n{_CONTINUED}".lstrip()
    overflow = tuple(
        f"{_PART.format(number=number, parts=len(rest) + 1)}\n\n{chunk}"
        for number, chunk in enumerate(rest, start=2)
    )
    body = joined(signer, mark, inside, before, after) if len(inside) <= room else None
    return Layout(body, digest(inside), mark.of, overflow)


def room_in_comment(signer: Signer, incident: str, key: str) -> int:
    """Return how many characters of a text a comment holds beside its markers."""
    mark = Mark(Side.BEGIN, incident, key, of=digest(""))
    return BODY_LIMIT - len(joined(signer, mark, ""))


def ticked(text: str, standing: Iterable[str]) -> str:
    """Return a text with the boxes ticked that people ticked in what stands there."""
    lines = (line for old in standing for line in lines_of(old) if not line.fenced)
    done = {_unticked(line.text) for line in lines if _TICKED.fullmatch(line.text)}
    told = [
        line.text.replace("[ ]", "[x]", 1) if line.text in done and not line.fenced else line.text
        for line in lines_of(text)
    ]
    return "\n".join(told)


def _unticked(line: str) -> str:
    match = _TICKED.fullmatch(line)
    return f"{match[1]}[ ] {match[2]}" if match else line


def _part(text: str, begin: Found, mark: Mark, end: Found | None) -> Part:
    """Return the part that a marker begins; `end` is the marker behind it, if there is any."""
    if end is None or end.mark != _end_of(mark):
        behind = text[begin.end :].removeprefix("\r").removeprefix("\n")
        return Part(mark, after=text[: begin.start] + behind, whole=False)
    return Part(mark, text[: begin.start], text[begin.end : end.start], text[end.end :])


def _end_of(mark: Mark) -> Mark:
    """Return the marker that ends a part: of the same text, lest one that is left over does."""
    return Mark(Side.END, mark.incident, mark.key, of=mark.of)
