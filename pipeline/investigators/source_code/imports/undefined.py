"""A name that is not defined where it is used: whether its file binds it, or ever did."""

from __future__ import annotations

import builtins
import sys
import typing
from itertools import islice
from typing import TYPE_CHECKING

import re2

from pipeline.facts import Fact
from pipeline.investigators.source_code.imports.bindings import (
    FOR_TYPES,
    LOCAL,
    bindings,
    is_open,
    uses,
)
from pipeline.investigators.source_code.imports.names import defined_elsewhere
from pipeline.investigators.source_code.imports.tellings import resembling
from pipeline.investigators.source_code.python import outline, parsed

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from pipeline.investigators.source_code.imports.asked import Asked
    from pipeline.investigators.source_code.imports.modules import Modules

MOST = 5
"""Definitions elsewhere that are told, and uses in a file."""

_CHANGES = 300
_TYPING = frozenset(typing.__all__)
_BUILTINS = frozenset(dir(builtins))


def facts(seen: Modules, wanted: Asked) -> Iterator[Fact]:
    """Yield what the file shows in which a traceback has the line that uses the name."""
    name = wanted.name
    path, line = _place(seen, wanted)
    tree = parsed(seen.code.checkout.data(path)) if path else None
    if tree is None:
        return
    data = {"name": name, "path": path, "used_line": line, "used_at": f"{path}:{line}"}
    yield seen.code.fact("name_used", f"{path} uses {name}", path, line, {"name": name})
    yield from _binding(seen, path, tree, data)
    if name in sys.stdlib_module_names:
        text = f"{name} is a module of Python's own"
        yield Fact("name_of_python", text, "sys.stdlib_module_names", {**data, "module": name})
    elif name in _TYPING:
        text = f"{name} is a name of Python's module typing"
        yield Fact("name_of_python", text, "typing", {**data, "module": "typing"})
    for other, number in islice(defined_elsewhere(seen, name, path), MOST):
        yield seen.code.fact(
            "name_elsewhere", f"{other} defines a {name}", other, number, {"name": name}
        )


def _place(seen: Modules, wanted: Asked) -> tuple[str, int]:
    """Return the innermost frame that is of the repository and holds the name."""
    for place, line in reversed(wanted.frames):
        path = seen.at(place)
        lines = seen.code.checkout.text(path).split("\n") if path else []
        if 0 < line <= len(lines) and _has_word(lines[line - 1], wanted.name):
            return path, line
    return "", 0


def _has_word(line: str, word: str) -> bool:
    return word in re2.split(r"\W+", line)


def _binding(seen: Modules, path: str, tree: ast.Module, data: dict[str, object]) -> Iterator[Fact]:
    name = str(data["name"])
    found = sorted(bindings(tree, name), key=lambda one: (one.how != FOR_TYPES, one.line))
    if is_open(tree):
        text = f"{path} may bind names that do not stand in it"
        yield seen.code.fact("name_binding_unclear", text, path, 0, data)
    elif found:
        one = found[0]
        how = {FOR_TYPES: " only for type checkers", LOCAL: " within a function or a class"}
        text = f"{path} binds {name}{how.get(one.how, '')}"
        only = all(other.how == FOR_TYPES for other in found)
        told = {**data, "how": one.how if only or one.how != FOR_TYPES else "mixed"}
        yield seen.code.fact("name_bound", text, path, one.line, told)
    else:
        text = f"{path} uses {name} and nothing in it binds it: no import, definition or assignment"
        yield seen.code.fact("name_never_bound", text, path, int(str(data["used_line"])), data)
        yield from _history(seen, path, name, data)
        like = resembling(name, _bound_names(path, seen))
        if like:
            text = f"{path} binds {like}, which may be meant"
            told = {**data, "like": like}
            yield seen.code.fact("name_resembles", text, path, 0, told, suggested=True)


def _history(seen: Modules, path: str, name: str, data: dict[str, object]) -> Iterator[Fact]:
    """Yield which commit took what bound a name away, or that the name came without it."""
    code = seen.code
    head = parsed(code.repository.text_at(code.commit, path) or b"") if code.commit else None
    if head is None or not uses(head, name) or list(bindings(head, name)):
        return  # what lies in the folder is not what was committed
    for change, before, after in islice(code.repository.edits(path, code.commit), _CHANGES):
        then, now = parsed(before), parsed(after)
        if then is None or now is None:
            return
        lines = [one.line for one in bindings(then, name)]
        if lines and not list(bindings(now, name)):
            text = f"commit {change} took away what bound {name} in {path} (line {min(lines)} then)"
            told = {**data, "line": min(lines), "still": uses(now, name)}
            yield code.of_commit("name_binding_removed", text, change, told)
            return
        if name.encode() not in before and not lines:
            text = f"commit {change} brought {name} into {path}, without what binds it"
            yield code.of_commit("name_came_unbound", text, change, data)
            return
    came = code.repository.appeared(path, name.encode(), code.commit)
    first = parsed(code.repository.text_at(came.commit, path) or b"") if came else None
    if came is not None and first is not None and not list(bindings(first, name)):
        text = f"commit {came} brought {path}, which uses {name} without binding it"
        yield code.of_commit("name_came_unbound", text, came, data)


def _bound_names(path: str, seen: Modules) -> frozenset[str]:
    known = outline(seen.code.checkout.data(path))
    return frozenset(known.definitions if known else ()) | _BUILTINS
