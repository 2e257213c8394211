"""What facts about imports have in common: lists, commits, and who imports something."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from pipeline.facts import Fact
from pipeline.investigators.source_code.checkout import is_test
from pipeline.investigators.source_code.python import outline

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from pipeline.investigators.source_code.code import Code
    from pipeline.investigators.source_code.history import Change
    from pipeline.investigators.source_code.imports.modules import Importer, Modules
    from pipeline.investigators.source_code.python import Import

CHANGES = 300
"""Changes of a file that are looked at before a search in its history gives up."""

SHOWN = 8
"""Importers that are told one by one, and places that a list spells out."""

ALIKE = 75.0
"""From 0 to 100: below this a name is not proposed."""


def files(places: Sequence[str]) -> str:
    """Return a list of files or places; a long one is cut."""
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    return ", ".join(places[:SHOWN]) + more


def resembling(name: str, known: Collection[str]) -> str:
    """Return the name most like another; "" if none is like enough."""
    from rapidfuzz import fuzz, process  # noqa: PLC0415 - loads much; few runs come here

    best = process.extractOne(
        name, sorted(set(known) - {name}), scorer=fuzz.ratio, score_cutoff=ALIKE
    )
    return "" if best is None else str(best[0])


def asking(seen: Modules, module: str, path: str, name: str) -> list[Importer]:
    """Return who imports a module, or a name from it, tests left out; at start come first."""
    found = [one for one in seen.importers(module, path, name) if not is_test(one.path)]
    return sorted(found, key=lambda one: (not one.item.at_start, one.path, one.item.line))


def importers(seen: Modules, module: str, path: str, name: str) -> Iterator[Fact]:
    """Yield who imports something: one fact for each of the first, and one about all."""
    found = asking(seen, module, path, name)
    what = f"{name} from {module}" if name else module
    data = {"module": module, "name": name}
    if not found:
        text = f"none of {len(seen.files)} Python files imports {what}"
        yield Fact("nobody_imports", text, seen.ref, {**data, "searched": len(seen.files)})
        return
    starting = [one.place for one in found if one.item.at_start]
    told = {
        **data,
        "count": len(found),
        "at_start": len(starting),
        "places": [one.place for one in found],
        "starting": starting,
    }
    text = f"{files([one.place for one in found])} import{'s' if len(found) == 1 else ''} {what}"
    first = found[0]
    yield seen.code.fact("imported_by", text, first.path, first.item.line, told)
    for one in found[:SHOWN]:
        yield _importer(seen, one, what, data)


def _importer(seen: Modules, one: Importer, what: str, data: Mapping[str, Any]) -> Fact:
    when = "when it starts" if one.item.at_start else "when it is asked to"
    caught = ", and catches that it fails" if one.item.guarded else ""
    told = {**data, "at_start": one.item.at_start, "guarded": one.item.guarded}
    text = f"{one.path} imports {what} {when}{caught}"
    return seen.code.fact("importer", text, one.path, one.item.line, told)


def since(code: Code, path: str, has: Callable[[bytes], bool]) -> Change | None:
    """Return the last commit that brought into a file what it has; None if nobody knows."""
    if not code.commit:
        return None
    for change, before, after in islice(code.repository.edits(path, code.commit), CHANGES):
        if not has(after):
            return None
        if not has(before):
            return change
    return code.repository.appeared(path, b"", code.commit)


def import_came(seen: Modules, module: str, path: str, name: str) -> Iterator[Fact]:
    """Yield the commit that brought an import; `path` is the file of the module, "" if none."""
    for one in asking(seen, module, path, name)[:1]:
        change = since(seen.code, one.path, partial(_has, one.item))
        if change is not None:
            text = f"commit {change} brought the import of {name or module} into {one.path}"
            data = {"module": module, "name": name, "path": one.path, "place": one.place}
            yield seen.code.of_commit("import_came", text, change, data)


def _has(item: Import, data: bytes) -> bool:
    known = outline(data)
    wanted = (item.module, item.level, item.name)
    return known is not None and any(
        (one.module, one.level, one.name) == wanted for one in known.imports
    )
