"""Frames of tracebacks, and which file of a repository each of them is in.

A container has its own folders: `/app/x/y.py` may be any file whose path ends alike. One is taken
only if nothing speaks for another: it has most folders in common, it lies nearest to the service,
and where the traceback quotes the line, that decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

from pipeline.exceptions import parse_exception
from pipeline.redaction.expressions import PLACEHOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.exceptions import Frame
    from pipeline.incident import Symptom
    from pipeline.investigators.source_code.code import Code

MOST = 20
"""Frames of a traceback that are looked for."""

_ENOUGH = 2
"""Parts of a path that tell a file from another of the same name."""

_ESCAPES = (('\\"', '"'), ("\\r", ""), ("\\n", "\n"))
_CUT = " more characters)"


@dataclass(frozen=True, slots=True)
class Traced:
    """A frame of the application, with the line that the traceback quotes; "" if it does not."""

    frame: Frame
    quote: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """What its path consists of; Java tells the folders by the package."""
        file, function = self.frame.file.replace("\\", "/"), self.frame.function
        if "/" not in file and file.endswith((".java", ".kt", ".scala", ".groovy")):
            file = "/".join((*function.split(".")[:-2], file))
        return tuple(part for part in file.split("/") if part not in {"", "."})

    @property
    def told(self) -> str:
        """The frame as a person reads it."""
        within = f" in {self.frame.function}" if self.frame.function else ""
        return f"{self.frame.file}:{self.frame.line}{within}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that a frame may be in; `shared` is how many parts both paths end in.

    `near` is 2 for a file of the service's tree, 1 for one of no service's, 0 for any other;
    `agrees` says that it has the line which the traceback quotes.
    """

    path: str
    shared: int
    near: int
    agrees: bool
    is_top: bool

    @property
    def is_sure(self) -> bool:
        """Whether more than a name speaks for it."""
        return self.agrees or self.is_top or self.shared >= _ENOUGH


def traces(symptom: Symptom) -> Iterator[tuple[Traced, ...]]:
    """Yield the frames of the application of each traceback in its samples, the raising one first.

    Tracebacks that end in the same frame are yielded once.
    """
    known: set[Frame] = set()
    for sample in symptom.samples:
        found = parse_exception(sample.text)
        frames = [one for one in (found.frames if found else ()) if one.in_app and one.line]
        if frames and frames[-1] not in known:
            known.add(frames[-1])
            yield tuple(Traced(one, _quote(sample.text, one)) for one in frames[: -MOST - 1 : -1])


def candidates(traced: Traced, code: Code, services: Sequence[str]) -> list[Candidate]:
    """Return the files of the repository that have the name of a frame's, in order of path."""
    parts = traced.parts
    trees = {tree for name in services if (tree := code.tree_of(name))}
    name = parts[-1] if parts else ""  # a traceback may tell of a folder
    named = [path for path in code.checkout.paths if path.rpartition("/")[2] == name]
    return [
        Candidate(
            path,
            _shared(parts, tuple(path.split("/"))),
            _near(path, trees, code),
            bool(traced.quote) and same(traced.quote, line_of(code, path, traced.frame.line) or ""),
            path.rpartition("/")[0] in {"", *trees},
        )
        for path in named
    ]


def chosen(found: Sequence[Candidate]) -> Candidate | None:
    """Return the file that nothing speaks against; None if there are several, or none is sure."""
    pool = [one for one in found if one.agrees] or found
    shared = max((one.shared for one in pool), default=0)
    near = max((one.near for one in pool), default=0)
    best = [one for one in pool if (one.shared, one.near) == (shared, near) and one.is_sure]
    return best[0] if len(best) == 1 else None


def lines_of(code: Code, path: str) -> list[str]:
    """Return the lines of a file."""
    return code.checkout.text(path).removesuffix("\n").split("\n")


def line_of(code: Code, path: str, line: int) -> str | None:
    """Return a line of a file, white space at its ends left off; None if it has fewer."""
    lines = lines_of(code, path)
    return lines[line - 1].strip() if 0 < line <= len(lines) else None


def same(one: str, other: str) -> bool:
    """Say whether two lines of code are the same but for white space."""
    return one.split() == other.split()


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    both = zip(reversed(one), reversed(other), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], both))


def _near(path: str, trees: set[str], code: Code) -> int:
    if any(path.startswith(f"{tree}/") for tree in trees):
        return 2
    return 0 if trees and code.service_of(path) else 1


def _quote(text: str, frame: Frame) -> str:
    """Return the line of code that a traceback of Python has below a frame.

    What was redacted, or cut off with the entry, is none.
    """
    head = f'File "{frame.file}", line {frame.line}'
    if head not in text:
        for escaped, plain in _ESCAPES:
            text = text.replace(escaped, plain)
    for line, below in pairwise(text.split("\n")):
        before, found, rest = line.partition(head)
        if found and (not rest.strip() or rest.startswith(",")) and below.startswith(before + " "):
            quote = below.removeprefix(before).strip()
            return "" if PLACEHOLDER in quote or quote.endswith(_CUT) else quote
    return ""
