"""Modules that somebody else wrote: whether what is to be installed has them."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING

from pipeline.facts import Fact
from pipeline.investigators.source_code.imports import removals
from pipeline.investigators.source_code.imports.distributions import distributions
from pipeline.investigators.source_code.imports.names import is_installed
from pipeline.investigators.source_code.imports.requirements import (
    for_development,
    read,
    requirements,
)
from pipeline.investigators.source_code.imports.tellings import (
    CHANGES,
    files,
    import_came,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.investigators.source_code.imports.asked import Asked
    from pipeline.investigators.source_code.imports.modules import Modules
    from pipeline.investigators.source_code.imports.requirements import Required, Requirements


_SILENT = (".py", ".md", ".rst", ".html", ".js", ".ts", ".css", ".svg", ".csv", ".json", ".sql")
"""Ends of the names of files that install nothing."""

_LONGEST = 200
"""Letters of a line that are told."""


def facts(seen: Modules, wanted: Asked) -> Iterator[Fact]:
    """Yield whether a module is to be installed, and whether it was one of the repository."""
    top = wanted.module.partition(".")[0]
    ambiguous = len(seen.found(wanted.module)) > 1 and not is_installed(wanted)
    if top in sys.stdlib_module_names or ambiguous:
        return
    if "." not in wanted.module and not wanted.name:
        gone = list(removals.of_module(seen, wanted))
        if any(one.kind == "module_removed" for one in gone):
            yield from gone
            return
    yield from _required(seen, wanted)


def _required(seen: Modules, wanted: Asked) -> Iterator[Fact]:
    module = wanted.module
    known = distributions(module)
    told = requirements(seen)
    listed = [one for one in told.listed if one.name in known]
    always = [one for one in listed if not one.group]
    data = {"module": module, "distributions": list(known), "files": list(told.files)}
    if always:
        yield from _listed(seen, module, always[0], "requirement_listed")
    elif listed and all(for_development(one.group) for one in listed):
        yield from _listed(seen, module, listed[0], "requirement_for_development")
    elif listed or not known or told.doubts or not told.files:
        yield Fact("requirement_unclear", _doubt(module, known, told), seen.ref, data)
    elif others := _mentioning(seen, known, told.files):
        text = f"no list has {' or '.join(known)}, but {files(others)} may install it"
        yield seen.code.fact("requirement_unclear", text, others[0], 0, data)
    else:
        shown = files(told.files)
        lists = "lists" if len(told.files) == 1 else "list"
        text = f"{module} comes with {' or '.join(known)}, and {shown} {lists} none"
        data |= {"shown": shown, "distribution": known[0]}
        yield seen.code.fact("requirement_missing", text, told.files[0], 0, data)
        yield from _history(seen, wanted, known, told.files)


def _history(
    seen: Modules, wanted: Asked, known: tuple[str, ...], paths: tuple[str, ...]
) -> Iterator[Fact]:
    """Yield which commit took a distribution off a list, or which brought the import without."""
    code, module = seen.code, wanted.module
    if not code.commit:
        return
    for path in paths:
        head = code.repository.text_at(code.commit, path)
        if head is None or _names(path, head) & {*known}:
            return  # what lies in the folder is not what was committed
    for path in paths:
        for change, before, after in islice(code.repository.edits(path, code.commit), CHANGES):
            gone = _names(path, before) & {*known} - _names(path, after)
            if gone:
                name = min(gone)
                text = f"commit {change} took {name} out of {path}"
                data = {"module": module, "distribution": name, "path": path}
                yield code.of_commit("requirement_removed", text, change, data)
                yield from removals.left(seen, wanted, "", change)
                return
    text = f"no commit that is here took {' or '.join(known)} out of {files(paths)}"
    data = {"module": module, "distribution": known[0]}
    yield code.fact("requirement_never_removed", text, paths[0], 0, data)
    yield from import_came(seen, module, "", wanted.name)


def _names(path: str, data: bytes) -> frozenset[str]:
    return frozenset(one.name for one in read(path, data))


def _mentioning(seen: Modules, known: tuple[str, ...], lists: tuple[str, ...]) -> list[str]:
    """Return what is no code and no prose and names a distribution: it may install it."""
    checkout = seen.code.checkout
    words = {spelled for name in known for spelled in (name, name.replace("-", "_"))}
    return [
        path
        for path in checkout.paths
        if path not in lists
        and not path.endswith(_SILENT)
        and seen.is_near(path)
        and any(word.encode() in checkout.data(path).lower() for word in words)
    ]


def _doubt(module: str, known: tuple[str, ...], told: Requirements) -> str:
    if not known:
        return f"it is not known which distribution {module} comes with"
    extra = next((one for one in told.listed if one.name in known), None)
    if extra:
        return f"{extra.path} lists {extra.name} for {extra.group} only, which may be installed"
    if told.doubts:
        return f"{files(told.doubts)} may list {known[0]}: not all that it asks for is spelled out"
    return f"no file here lists what is to be installed, such as {known[0]}"


def _listed(seen: Modules, module: str, one: Required, kind: str) -> Iterator[Fact]:
    """Yield that something is listed, and which commit wrote it so."""
    lines = seen.code.checkout.lines(one.path, one.word)
    found = next(iter(lines), None)
    number = found.line if found else 0
    only = f", for {one.group} only" if one.group else ""
    text = f"{one.path} lists {one.name}, which {module} comes with{only}"
    written = found.text[:_LONGEST] if found else one.name
    data = {"module": module, "distribution": one.name, "group": one.group, "written": written}
    yield seen.code.fact(kind, text, one.path, number, data)
    change = seen.code.repository.last_change(one.path, number, seen.code.commit or "HEAD")
    same = seen.code.checkout.data(one.path) == seen.code.repository.text_at(
        seen.code.commit, one.path
    )
    if change is not None and same:
        text = f"commit {change} wrote line {number} of {one.path}: {written}"
        told = {**data, "path": one.path, "line": number}
        yield seen.code.of_commit("requirement_since", text, change, told)
