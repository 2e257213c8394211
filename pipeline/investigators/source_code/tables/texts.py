"""Texts in Python code as far as they stand there: names of constants followed, f-strings open."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.investigators.source_code.tables.sql import SLOT, clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_LONGEST = 100_000
"""Characters of a text that is put together from parts; what comes after is not looked at."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Names:
    """What names stand for: each the texts that it may be."""

    known: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def texts(self, node: ast.expr | None) -> Sequence[str]:
        """Return what an expression may be; `SLOT` for what cannot be told, () if it is no text."""
        found: Sequence[str] = []
        match node:
            case ast.Constant(value=str() as text):
                found = [clean(text)]
            case ast.Name(id=name):
                found = self.known.get(name, [SLOT])
            case ast.JoinedStr(values=parts):
                found = ["".join(self._part(part) for part in parts)]
            case ast.BinOp(op=ast.Add()):
                found = ["".join(map(self._one, _summands(node)))[:_LONGEST]]
            case ast.BinOp(left=left, op=ast.Mod()):
                found = [self._one(left).replace("%s", SLOT)]
            case ast.Call(func=ast.Attribute(value=inner, attr="format")):
                found = self.texts(inner)
            case ast.Call() | ast.Attribute() | ast.Subscript() | ast.IfExp():
                found = [SLOT]
        return found

    def with_names(self, more: Mapping[str, Sequence[str]]) -> Names:
        """Return these and more."""
        return Names({**self.known, **more})

    def _one(self, node: ast.expr) -> str:
        return next(iter(self.texts(node)), SLOT)

    def _part(self, node: ast.expr) -> str:
        inner = node.value if isinstance(node, ast.FormattedValue) else node
        texts = self.texts(inner)
        return texts[0] if len(texts) == 1 else SLOT


def _summands(node: ast.expr) -> list[ast.expr]:
    """Return what is added up, in order; however many there are, nothing recurses."""
    parts: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts.append(node.right)
        node = node.left
    return [node, *reversed(parts)]


def assigned(body: Iterable[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that statements give a value, annotated or not, with the value."""
    for node in body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


def constants(body: Sequence[ast.stmt]) -> Names:
    """Return what the names of a module stand for: a text, or each text of a list."""
    known: dict[str, list[str]] = {}
    for name, value in assigned(body):
        known.setdefault(name, []).extend(_values(value, Names(known)))
    return Names(known)


def by_name(nodes: Iterable[ast.AST]) -> Mapping[str, Sequence[ast.Call]]:
    """Return the calls among some nodes by the name that is called."""
    calls: dict[str, list[ast.Call]] = {}
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            calls.setdefault(node.func.id, []).append(node)
    return calls


def local(function: Function, names: Names, calls: Mapping[str, Sequence[ast.Call]]) -> Names:
    """Return what names stand for in a function: its own, its loops', and what it is called with.

    `calls` are those of its module, by name.
    """
    own: dict[str, list[str]] = {}
    arguments = [*function.args.posonlyargs, *function.args.args]
    for index, argument in enumerate(arguments):
        own[argument.arg] = []
        for call in calls.get(function.name, ()):
            given = {item.arg: item.value for item in call.keywords if item.arg}
            value = call.args[index] if index < len(call.args) else given.get(argument.arg)
            own[argument.arg] += names.texts(value) or [SLOT]
        own[argument.arg] = own[argument.arg] or [SLOT]
    for argument in function.args.kwonlyargs:
        own[argument.arg] = [SLOT]
    for node in ast.walk(function):
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            for name, value in assigned([node]):
                own.setdefault(name, []).extend(_values(value, names))
        elif isinstance(node, (ast.For, ast.comprehension)) and isinstance(node.target, ast.Name):
            own.setdefault(node.target.id, []).extend(_values(node.iter, names))
    return names.with_names({name: list(dict.fromkeys(texts)) for name, texts in own.items()})


def written(node: ast.AST, names: Names) -> Iterator[tuple[int, str]]:
    """Yield the texts within a node with their lines, each once: with the parts put into it."""
    rest: list[ast.AST] = [node]
    while rest:
        found = rest.pop()
        if isinstance(found, ast.Expr) and isinstance(found.value, ast.Constant):
            continue  # documentation
        if isinstance(found, (ast.JoinedStr, ast.BinOp)) or (
            isinstance(found, ast.Constant) and isinstance(found.value, str)
        ):
            texts = names.texts(found)
            yield from ((found.lineno, text) for text in texts)
            if texts:
                continue
        rest += ast.iter_child_nodes(found)


def _values(node: ast.expr, names: Names) -> Sequence[str]:
    """Return the texts that an expression is, or those that it lists."""
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return [text for item in node.elts for text in names.texts(item) or [SLOT]]
    return names.texts(node)
