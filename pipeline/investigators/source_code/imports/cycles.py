"""The shortest way on which a module imports itself while it starts."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.investigators.source_code.imports.tellings import files, since
from pipeline.investigators.source_code.python import outline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.facts import Fact
    from pipeline.investigators.source_code.code import Code
    from pipeline.investigators.source_code.history import Change
    from pipeline.investigators.source_code.imports.asked import Asked
    from pipeline.investigators.source_code.imports.modules import Modules
    from pipeline.investigators.source_code.python import Import

MOST = 1_500
"""Modules that are followed from one before a search gives up."""


@dataclass(frozen=True, slots=True)
class Edge:
    """That a file imports another one when it starts."""

    path: str
    item: Import
    target: str

    @property
    def place(self) -> str:
        """How it is cited."""
        return f"{self.path}:{self.item.line}"


@dataclass
class Search:
    """All that starts when a module does: who imports whom first, and what was not readable."""

    came: dict[str, Edge] = field(default_factory=dict)
    back: list[Edge] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def facts(seen: Modules, wanted: Asked, path: str) -> Iterator[Fact]:
    """Yield the cycle that a module is part of, or that there is none."""
    search = _search(seen, path, wanted.name)
    cycle = _shortest(search, path, wanted)
    if cycle:
        yield from _told(seen, wanted, path, cycle)
        return
    data: dict[str, object] = {"module": wanted.module, "searched": len(search.came) + 1}
    if search.back:
        text = f"{files([edge.place for edge in search.back])} import {path}, but not {wanted.name}"
        yield seen.code.fact("import_cycle_unclear", text, path, 0, data)
        return
    if search.unread or len(search.came) >= MOST:
        more = f"; {files(search.unread)} cannot be read" if search.unread else ""
        text = f"none of {data['searched']} modules that {path} imports was seen to import it{more}"
        yield seen.code.fact("import_cycle_unclear", text, path, 0, data)
        return
    text = f"none of the {data['searched']} modules that start with {path} imports it at its start"
    yield seen.code.fact("no_import_cycle", text, path, 0, data)


def _search(seen: Modules, path: str, name: str) -> Search:
    """Follow imports at start, the nearest first, to one that leads back and asks for the name."""
    search, waiting = Search(), deque([path])
    while waiting and len(search.came) < MOST:
        here = waiting.popleft()
        edges = _edges(seen, here)
        if edges is None:
            search.unread.append(here)
            continue
        for edge in edges:
            if edge.target == path:
                search.back.append(edge)
                if name in {"", edge.item.name}:
                    return search
            elif edge.target not in search.came:
                search.came[edge.target] = edge
                waiting.append(edge.target)
    return search


def _edges(seen: Modules, path: str) -> list[Edge] | None:
    """Return what a file imports at its start; None if it does not parse."""
    known = seen.outline(path)
    if known is None:
        return None
    return [
        Edge(path, item, target)
        for item in known.imports
        if item.at_start
        for target in seen.targets(path, item)
        if target != path
    ]


def _shortest(search: Search, path: str, wanted: Asked) -> list[Edge]:
    """Return the shortest way back: one that asks for the name, else for the module as a whole.

    None leads there if those that lead back ask for other names.
    """
    ways = [_way(search, path, edge) for edge in search.back]
    whole = {"", "*", wanted.module.rpartition(".")[2]}
    asking = [way for way in ways if way[-1].item.name == wanted.name]
    others = [way for way in ways if not wanted.name or way[-1].item.name in whole]
    return min(asking or others, key=len, default=[])


def _way(search: Search, path: str, last: Edge) -> list[Edge]:
    way = [last]
    while way[-1].path != path:
        way.append(search.came[way[-1].path])
    return way[::-1]


def _told(seen: Modules, wanted: Asked, path: str, cycle: list[Edge]) -> Iterator[Fact]:
    places = [edge.place for edge in cycle]
    shown = " → ".join([*places, path])
    first, last = cycle[0], cycle[-1]
    data: dict[str, object] = {
        "module": wanted.module,
        "modules": [edge.path for edge in cycle],
        "places": places,
        "shown": shown,
        "length": len(cycle),
    }
    text = f"modules import each other when they start: {shown}"
    yield seen.code.fact("import_cycle", text, first.path, first.item.line, data)
    for edge in cycle[1:]:
        text = f"{edge.path} imports {edge.target} when it starts"
        told = {"module": wanted.module}
        yield seen.code.fact("import_cycle_edge", text, edge.path, edge.item.line, told)
    name = last.item.name
    known = seen.outline(path)
    bound = known.definitions.get(name, 0) if known else 0
    if bound > first.item.line:
        text = (
            f"{path} binds {name} only after it began to import {first.target} "
            f"(line {first.item.line}), and {last.path} asks for it before that"
        )
        later = {**data, "name": name, "import_line": first.item.line, "asked_at": last.place}
        yield seen.code.fact("name_bound_later", text, path, bound, later)
    yield from _closed(seen, wanted, cycle)


def _closed(seen: Modules, wanted: Asked, cycle: list[Edge]) -> Iterator[Fact]:
    """Yield the commit that brought the youngest import of a cycle, where one is."""
    code = seen.code
    brought = [(change, edge) for edge in cycle if (change := _since(code, edge))]
    latest = max((change.date for change, _ in brought), default="")
    newest = [(change, edge) for change, edge in brought if change.date == latest]
    if len(brought) == len(cycle) and len({change.commit for change, _ in newest}) == 1:
        change, edge = newest[0]
        text = f"commit {change} closed the circle: it brought the import of {edge.place}"
        data = {"module": wanted.module, "path": edge.path, "place": edge.place}
        yield code.of_commit("import_cycle_closed", text, change, data)


def _since(code: Code, edge: Edge) -> Change | None:
    return since(code, edge.path, lambda data: _has(data, edge))


def _has(data: bytes, edge: Edge) -> bool:
    known = outline(data)
    wanted = (edge.item.module, edge.item.level)
    return known is not None and any(
        one.at_start and (one.module, one.level) == wanted for one in known.imports
    )
