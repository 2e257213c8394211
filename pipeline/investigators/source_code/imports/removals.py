"""What history shows of a name that a module does not define, or of a module that is not here."""

from __future__ import annotations

import ast
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.facts import Fact
from pipeline.investigators.source_code.checkout import is_test
from pipeline.investigators.source_code.code import SHORT
from pipeline.investigators.source_code.imports.tellings import (
    CHANGES,
    asking,
    files,
    import_came,
)
from pipeline.investigators.source_code.python import outline, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.investigators.source_code.history import Change
    from pipeline.investigators.source_code.imports.asked import Asked
    from pipeline.investigators.source_code.imports.modules import Modules

_LOST = 20
"""Files that lost a name, as far back as is looked."""

_LARGE = 60_000
"""Letters of a file above which two are not held against each other."""

_ALIKE = 50.0
"""From 0 to 100: a new file like this is what another one became, as git has it."""

_DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def of_name(
    seen: Modules, wanted: Asked, path: str, elsewhere: Sequence[tuple[str, int]]
) -> Iterator[Fact]:
    """Yield which commit took a name out of a module, where it went, and whom that left asking."""
    code, name = seen.code, wanted.name
    data = {"module": wanted.module, "name": name, "path": path}
    if not code.commit:
        return
    found, known = _removal(seen, path, name)
    if not known:
        return
    if found is None:
        if (lost := _elsewhere(seen, path, name)) is not None:
            yield lost
            return
        text = f"no commit that is here took a {name} out of {path}"
        yield code.fact("name_never_removed", text, path, 0, data)
        yield from import_came(seen, wanted.module, path, name)
        return
    change, before, after = found
    line = _line(before, name)
    text = f"commit {change} took {name} out of {path} (line {line} before it)"
    yield code.of_commit("name_removed", text, change, {**data, "line": line})
    if to := _renamed(before, after, name):
        text = f"commit {change} gave {name} of {path} the name {to}: all else in it stayed"
        yield code.of_commit("name_renamed", text, change, {**data, "to": to})
    for other, number in elsewhere:
        arrived = code.repository.appeared(other, name.encode(), code.commit)
        if arrived is not None and arrived.commit == change.commit:
            place = f"{other}:{number}"
            text = f"commit {change} took {name} out of {path} and brought it to {other}"
            yield code.of_commit("name_moved", text, change, {**data, "to": other, "place": place})
    yield from left(seen, wanted, path, change)


def of_module(seen: Modules, wanted: Asked) -> Iterator[Fact]:
    """Yield which commit deleted a module, and what it became."""
    code, module = seen.code, wanted.module
    if not code.commit:
        return
    paths = frozenset(seen.candidates(module))
    if any(code.repository.text_at(code.commit, path) is not None for path in paths):
        return  # what lies in the folder is not what was committed
    found = code.repository.deleted(paths.__contains__, code.commit)
    if found is None:
        text = f"no commit that is here deleted {module}"
        ref = f"commit {code.commit[:SHORT]}"
        yield Fact("module_never_removed", text, ref, {"module": module})
        yield from import_came(seen, module, "", wanted.name)
        return
    path, change = found
    data = {"module": module, "path": path}
    text = f"commit {change} deleted {path}, which was {module}"
    yield code.of_commit("module_removed", text, change, data)
    if to := _became(seen, path, change):
        text = f"commit {change} deleted {path} and brought {to}, which is much like it"
        yield code.of_commit("module_moved", text, change, {**data, "to": to})
    yield from left(seen, wanted, "", change)


def _removal(
    seen: Modules, path: str, name: str
) -> tuple[tuple[Change, bytes, bytes] | None, bool]:
    """Return the last change after which a module did not define a name that it had.

    It comes with whether that is known: not where a file did not parse, or was changed too often,
    nor where what lies in the folder is not what was committed.
    """
    repository, commit = seen.code.repository, seen.code.commit
    head = repository.text_at(commit, path)
    if head is None or outline(head) is None or _defines(head, name):
        return None, False
    for count, (change, before, after) in enumerate(repository.edits(path, commit), start=1):
        if outline(before) is None or outline(after) is None or count > CHANGES:
            return None, False
        if _defines(before, name) and not _defines(after, name):
            return (change, before, after), True
    return None, True


def _elsewhere(seen: Modules, path: str, name: str) -> Fact | None:
    """Return that another file lost the name: this one may have been that, by another name."""
    code = seen.code
    taken = code.repository.taken_out(name.encode(), "", code.commit)
    for other, before, change in islice(taken, _LOST):
        if other.endswith(".py") and not is_test(other) and _owns(before, name):
            text = f"commit {change} took {name} out of {other}, not out of {path}"
            return code.of_commit("name_removed_elsewhere", text, change, {"path": other})
    return None


def _owns(data: bytes, name: str) -> bool:
    """Say whether a module defines a name, and does not only import it."""
    known = outline(data)
    line = known.definitions.get(name, 0) if known else 0
    return bool(line) and line not in {item.line for item in (known.imports if known else ())}


def _defines(data: bytes, name: str) -> bool:
    known = outline(data)
    return known is not None and name in known.definitions


def _line(data: bytes, name: str) -> int:
    known = outline(data)
    return known.definitions.get(name, 0) if known else 0


def _renamed(before: bytes, after: bytes, name: str) -> str:
    """Return which new definition is that of a name, but for the name; "" if none is, or more."""
    old, new = _bodies(before), _bodies(after)
    if name not in old:
        return ""
    same = [key for key, body in new.items() if key not in old and body == old[name]]
    return same[0] if len(same) == 1 else ""


def _bodies(data: bytes) -> dict[str, str]:
    """Return what functions and classes of a module consist of, without their names."""
    tree = parsed(data)
    nodes = [node for node in tree.body if isinstance(node, _DEFINED)] if tree else []
    try:
        return {node.name: _without_name(node) for node in nodes}
    except RecursionError:
        return {}


def _without_name(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str:
    parts = [value for key, value in ast.iter_fields(node) if key not in {"name", "type_comment"}]
    shown = [part if isinstance(part, list) else [part] for part in parts]
    told = [ast.dump(one) for part in shown for one in part if isinstance(one, ast.AST)]
    return f"{type(node).__name__} {told}"


def _became(seen: Modules, path: str, change: Change) -> str:
    """Return the file of the same name, or in the same folder, that came with a commit."""
    repository = seen.code.repository
    parent = next(
        (before for one, before, _ in repository.edits(path, change.commit) if one == change), b""
    )
    then = repository.checkout(change.commit)
    folder, name = PurePosixPath(path).parent, PurePosixPath(path).name
    near = [
        other
        for other in then.under("", (".py",))
        if PurePosixPath(other).name == name or PurePosixPath(other).parent == folder
    ]
    scored = [(_likeness(parent, then.data(other)), other) for other in near]
    for score, other in sorted(scored, key=lambda item: (-item[0], item[1])):
        if score < _ALIKE:
            return ""
        came = repository.appeared(other, b"", seen.code.commit)
        if came is not None and came.commit == change.commit:
            return other
    return ""


def _likeness(before: bytes, after: bytes) -> float:
    from rapidfuzz import fuzz  # noqa: PLC0415 - loads much; few runs come here

    if not before or max(len(before), len(after)) > _LARGE:
        return 0.0
    return 100.0 if before == after else fuzz.ratio(before, after)


def left(seen: Modules, wanted: Asked, path: str, change: Change) -> Iterator[Fact]:
    """Yield whether those who import something did so when a commit took it away."""
    code, what = seen.code, wanted.name or wanted.module
    then = code.repository.checkout(change.commit)
    now = asking(seen, wanted.module, path, wanted.name)
    stayed = [one for one in now if _asks(then.data(one.path), one.item.name, one.item.module)]
    data = {"module": wanted.module, "name": wanted.name}
    if stayed:
        places = [one.place for one in stayed]
        alone = len(places) == 1
        left_so = "as it was, which imports" if alone else "as they were, which import"
        text = f"commit {change} left {files(places)} {left_so} {what}"
        told = {**data, "count": len(places), "places": places, "shown": files(places)}
        yield code.of_commit("importers_stayed", text, change, told)
    elif now:
        imports = "imports" if len(now) == 1 else "import"
        text = f"{files([one.place for one in now])} {imports} {what} since a later commit"
        told = {**data, "count": len(now), "places": [one.place for one in now]}
        yield code.of_commit("importers_came_later", text, change, told)


def _asks(data: bytes, name: str, module: str) -> bool:
    known = outline(data)
    wanted = (name, module)
    return known is not None and any((one.name, one.module) == wanted for one in known.imports)
