"""The line where an exception of the application was raised: what it says, who changed and owns it.

Of a traceback exactly one of `frame`, `frame_differs`, `frame_ambiguous` and `frame_not_found` is
yielded; a frame in a file that is not in the repository is passed over for the one that called it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from pipeline.facts import Fact
from pipeline.investigators.source_code import python
from pipeline.investigators.source_code.codeowners import owned
from pipeline.investigators.source_code.traces import (
    Candidate,
    Traced,
    candidates,
    chosen,
    line_of,
    lines_of,
    same,
    traces,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.investigators.source_code.code import Code
    from pipeline.ports import Case

MOST = 3
"""Tracebacks of an incident that end differently."""

AROUND = 3
"""Lines before and after that are kept with a line."""

WIDEST = 200
"""Characters of a line of code."""

_NAMED = 5
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class _Line:
    """A frame's line in the repository; `text` is None if the file ends before it."""

    traced: Traced
    path: str
    text: str | None

    @property
    def number(self) -> int:
        return self.traced.frame.line

    @property
    def differs(self) -> bool:
        """Whether it cannot be what ran."""
        return self.text is None or bool(
            self.traced.quote and not same(self.traced.quote, self.text)
        )


def facts(case: Case, code: Code) -> Iterator[Fact]:
    """Yield what the repository shows of where the exceptions of the root were raised."""
    for trace in islice(traces(case.incident.root), MOST):
        yield from _of_trace(trace, code, case.incident.root.services)


def _of_trace(trace: Sequence[Traced], code: Code, services: Sequence[str]) -> Iterator[Fact]:
    for traced in trace:
        found = candidates(traced, code, services)
        best = chosen(found)
        if best is not None:
            line = _Line(traced, best.path, line_of(code, best.path, traced.frame.line))
            yield from _of_line(line, code, is_innermost=traced is trace[0])
            return
        if found:
            yield _ambiguous(traced, found, code)
            return
    yield _not_found(trace[0], code)


def _of_line(line: _Line, code: Code, *, is_innermost: bool) -> Iterator[Fact]:
    if line.differs:
        yield _differs(line, code)
        return
    yield _frame(line, code, is_innermost=is_innermost)
    yield from code.changed("line_changed", line.path, line.number, suggested=not _ran(line, code))
    yield from owners(line.path, code)


def _frame(line: _Line, code: Code, *, is_innermost: bool) -> Fact:
    lines = lines_of(code, line.path)
    first = max(line.number - 1 - AROUND, 0)
    within = enclosing(code.checkout.data(line.path), line.number) or line.traced.frame.function
    data = {
        **_told(line.traced),
        "within": within,
        "source": _cut(line.text or ""),
        "quoted": bool(line.traced.quote),
        "innermost": is_innermost,
        "sure": _ran(line, code),
        "around": [_cut(text.rstrip()) for text in lines[first : line.number + AROUND]],
        "first_line": first + 1,
    }
    where = "innermost frame of the application" + ("" if is_innermost else " that is here")
    text = f"the {where}, {line.traced.told}, is {line.path}:{line.number}"
    text += f" in {within}" if within else ""
    text += f": `{data['source']}`"
    text += ", as the traceback quotes it" if line.traced.quote else ""
    return code.fact("frame", text, line.path, line.number, data, suggested=not _ran(line, code))


def _ran(line: _Line, code: Code) -> bool:
    """Say whether the line is known to be what ran."""
    return bool(line.traced.quote or code.deployed)


def _differs(line: _Line, code: Code) -> Fact:
    ref = code.ref(line.path, line.number)
    data = {**_told(line.traced), "source": _cut(line.text or ""), "quote": _cut(line.traced.quote)}
    if line.text is None:
        count = len(lines_of(code, line.path))
        text = f"{line.path} has {count} lines, and the traceback tells of line {line.number}"
        ref = line.path
    else:
        text = f"{ref} says `{data['source']}` where the traceback quotes `{data['quote']}`"
    text += ": the code looked at is not what ran"
    number = 0 if line.text is None else line.number
    return code.fact("frame_differs", text, line.path, number, data)


def _ambiguous(traced: Traced, found: Sequence[Candidate], code: Code) -> Fact:
    paths = [one.path for one in sorted(found, key=lambda one: (-one.shared, -one.near, one.path))]
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    text = f"which file {traced.told} is in is not sure: {', '.join(paths[:_NAMED])}{more}"
    data = {**_told(traced), "candidates": paths[:_NAMED], "count": len(paths)}
    return code.fact("frame_ambiguous", text, paths[0], 0, data)


def _not_found(traced: Traced, code: Code) -> Fact:
    count = len(code.checkout.paths)
    text = f"no file of the repository ({count:,} searched) has the name of {traced.told}"
    return Fact("frame_not_found", text, traced.frame.file, {**_told(traced), "searched": count})


def _told(traced: Traced) -> dict[str, Any]:
    return {"file": traced.frame.file, "function": traced.frame.function, "told": traced.told}


def owners(path: str, code: Code) -> Iterator[Fact]:
    """Yield who owns a file, by CODEOWNERS and by the catalog."""
    found = owned(code.checkout, path)
    if found is not None and found.owners:
        names = ", ".join(found.owners)
        owns = "owns" if len(found.owners) == 1 else "own"
        text = f"{names} {owns} {path}, by the pattern {found.pattern} of {found.path}"
        data = {"file": path, "owners": list(found.owners), "pattern": found.pattern}
        yield code.fact("code_owners", text, found.path, found.line, data)
    key = code.service_of(path)
    told = code.catalog.service(key).owners if key else ()
    if told:
        owns = "owns" if len(told) == 1 else "own"
        text = f"{', '.join(told)} {owns} {key}, in whose tree {path} lies"
        ref = code.catalog.place("services", key, "owners")
        yield Fact(
            "service_owners", text, ref, {"file": path, "owners": list(told), "service": key}
        )


def enclosing(data: bytes, line: int) -> str:
    """Return the function or class, with those around it, that a line of Python lies in."""
    tree = python.parsed(data)
    nodes = ast.walk(tree) if tree is not None else ()
    return ".".join(
        node.name
        for node in nodes
        if isinstance(node, _SCOPES) and node.lineno <= line <= (node.end_lineno or 0)
    )


def _cut(text: str) -> str:
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"
