"""What a Python file says, read with `ast`: nothing of it is imported or run."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Import:
    """A name that a file imports: `from module import name as alias`, or `import module`.

    `module` is as it is written, `level` how many dots stand before it; `name` is "" where the
    module itself is imported, `*` where everything is. `at_start` says whether it happens when the
    file is imported; not in a function, nor for type checkers alone. `guarded` says that a failure
    is caught.
    """

    module: str
    level: int
    name: str
    alias: str
    line: int
    at_start: bool = True
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class Outline:
    """What a module defines, by name with the line, and what it imports, in order."""

    definitions: Mapping[str, int]
    imports: tuple[Import, ...]

    @property
    def is_open(self) -> bool:
        """Whether it may have names that do not stand in it."""
        stars = any(item.name == "*" for item in self.imports)
        return stars or "__getattr__" in self.definitions


@lru_cache(maxsize=2_000)  # a tree takes a hundred times what its file does
def parsed(data: bytes) -> ast.Module | None:
    """Return the syntax tree of a file; None if it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it says of escapes is its author's concern
            return ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@lru_cache(maxsize=20_000)
def outline(data: bytes) -> Outline | None:
    """Return what a module defines and imports; None if it does not parse."""
    tree = parsed(data)
    if tree is None:
        return None
    try:
        imports = tuple(_imports(tree.body, at_start=True, guarded=False))
        defined = dict(_definitions(tree.body))
    except RecursionError:  # thousands of branches in each other
        return None
    names = {
        item.alias or (item.name or item.module).partition(".")[0]: item.line
        for item in imports
        if item.at_start and item.name != "*"
    }
    return Outline({**names, **defined}, imports)


def strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the texts that stand in a tree, with their lines, documentation left out."""
    said = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.lineno, node.value


def called(call: ast.Call) -> str:
    """Return the dotted name of what is called; "" if it is no name."""
    return dotted(call.func)


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` of an expression that says so; "" of any other."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _imports(body: Sequence[ast.stmt], *, at_start: bool, guarded: bool) -> Iterator[Import]:
    for node in body:
        if isinstance(node, ast.Import):
            for item in node.names:
                alias = item.asname or ""
                yield Import(item.name, 0, "", alias, node.lineno, at_start, guarded)
        elif isinstance(node, ast.ImportFrom):
            for item in node.names:
                names = (node.module or "", node.level, item.name, item.asname or "")
                yield Import(*names, node.lineno, at_start, guarded)
        elif isinstance(node, ast.If) and _is_for_types(node.test):
            yield from _imports(node.body, at_start=False, guarded=guarded)
            yield from _imports(node.orelse, at_start=at_start, guarded=guarded)
        elif isinstance(node, ast.Try) and node.handlers:
            first, *rest = _blocks(node)
            yield from _imports(first, at_start=at_start, guarded=True)
            for block in rest:
                yield from _imports(block, at_start=at_start, guarded=guarded)
        else:
            runs = at_start and not isinstance(node, _FUNCTIONS)
            for block in _blocks(node):
                yield from _imports(block, at_start=runs, guarded=guarded)


def _blocks(node: ast.stmt) -> Iterator[Sequence[ast.stmt]]:
    """Yield the statements within a statement, its body first."""
    for name in ("body", "orelse", "finalbody"):
        if block := getattr(node, name, None):
            yield block
    for name in ("handlers", "cases"):
        yield from (part.body for part in getattr(node, name, ()))


def _is_for_types(test: ast.expr) -> bool:
    return dotted(test).rpartition(".")[2] == "TYPE_CHECKING"


def _definitions(body: Sequence[ast.stmt]) -> Iterator[tuple[str, int]]:
    """Yield the names that statements of a module bind, those within `if`, `try`, `with` too."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, node.lineno
            continue
        blocks = list(_blocks(node))
        parts = ast.iter_child_nodes(node) if blocks else (node,)
        heads = (one for one in parts if not blocks or isinstance(one, (ast.expr, ast.withitem)))
        for inner in (inner for head in heads for inner in ast.walk(head)):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                yield inner.id, inner.lineno
        for block in blocks:
            yield from _definitions(block)
