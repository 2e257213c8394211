"""Where a Python file binds a name, and where it uses it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.investigators.source_code.python import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

FOR_TYPES = "for_types"
"""How a name is bound that only type checkers see."""

LOCAL = "local"
"""How a name is bound in a function or a class."""


@dataclass(frozen=True, slots=True)
class Binding:
    """Where a file binds a name; `how` is `for_types`, `local` or `global`."""

    line: int
    how: str


def uses(tree: ast.AST, name: str) -> bool:
    """Say whether a name is used, and not only bound."""
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
        for node in ast.walk(tree)
    )


def bindings(tree: ast.Module, name: str) -> Iterator[Binding]:
    """Yield each place of a file that binds a name, in whatever scope."""
    known = {id(node): how for how, nodes in _scopes(tree) for node in nodes}
    for node in ast.walk(tree):
        if name in _bound_by(node):
            line = getattr(node, "lineno", 0)
            yield Binding(line, known.get(id(node), "global"))


def is_global(tree: ast.Module, name: str) -> bool:
    """Say whether a file binds a name that is its own, from within a function too."""
    return any(one.how not in {FOR_TYPES, LOCAL} for one in bindings(tree, name)) or any(
        isinstance(node, ast.Global) and name in node.names for node in ast.walk(tree)
    )


def _scopes(tree: ast.Module) -> Iterator[tuple[str, list[ast.AST]]]:
    """Yield what lies in functions and classes, and what is for type checkers alone."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            body = node.body if isinstance(node.body, list) else [node.body]
            args = [] if isinstance(node, ast.ClassDef) else [node.args]
            yield LOCAL, [inner for one in (*body, *args) for inner in ast.walk(one)]
        elif isinstance(node, ast.If) and dotted(node.test).rpartition(".")[2] == "TYPE_CHECKING":
            yield FOR_TYPES, [inner for one in node.body for inner in ast.walk(one)]


def _bound_by(node: ast.AST) -> frozenset[str]:
    """Return the names that one node binds."""
    if isinstance(node, ast.Name):
        return frozenset() if isinstance(node.ctx, ast.Load) else frozenset((node.id,))
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return frozenset((node.name,))
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return frozenset(one.asname or one.name.partition(".")[0] for one in node.names)
    if isinstance(node, ast.arg):
        return frozenset((node.arg,))
    if isinstance(node, (ast.Global, ast.Nonlocal)):
        return frozenset(node.names)
    named = getattr(node, "name", None) or getattr(node, "rest", None)
    return (
        frozenset((named,))
        if isinstance(named, str) and not isinstance(node, ast.alias)
        else frozenset()
    )


def is_open(tree: ast.Module) -> bool:
    """Say whether names may come from elsewhere: from a star, or made while it runs."""
    calls = {"globals", "exec", "vars", "locals"}
    return any(
        (isinstance(node, ast.ImportFrom) and any(one.name == "*" for one in node.names))
        or (isinstance(node, ast.Name) and node.id in calls)
        or dotted(node) == "sys.modules"
        or (isinstance(node, ast.alias) and node.name in {"builtins", "gettext", "modules"})
        for node in ast.walk(tree)
    )
