"""Where code reads environment variables: Python by its syntax, other languages by what they write.

A read is told with whether a default takes the place of a variable that is not set; what the
default is, is not told, as it may be a secret.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import re2

from pipeline.investigators.source_code import python
from pipeline.investigators.source_code.variables import models

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SETTERS = frozenset(
    ("delenv", "envvar", "pop", "putenv", "set", "setdefault", "setenv", "unset", "update")
)
_ABOUT = ("env", "config", "getsecret", "get_secret", "setting")
_NAME = re2.compile(r"^[A-Z][A-Z0-9_]{2,127}$")

# `process.env.X`, `import.meta.env.X`, `os.Getenv("X")`, `System.getenv("X")`, `ENV["X"]`, …
_OTHERS = re2.compile(
    rb"(?:process\.env|import\.meta\.env)(?:\.|\[['\"])([A-Za-z_]\w*)"
    rb"|(?:[Gg]etenv|LookupEnv|GetEnvironmentVariable|\benv::var|\bENV\.fetch)\(\s*['\"]([A-Za-z_]\w*)"
    rb"|\bENV\[['\"]([A-Za-z_]\w*)"
)


@dataclass(frozen=True, slots=True)
class Read:
    """A line that reads a variable.

    `how` is what it is read with; `field` is the setting of a model that takes it, "" if none.
    `fallback` says whether a default stands in for it, None if that is not known. `sure` is whether
    the name is: the prefix of a model may be written elsewhere.
    """

    name: str
    line: int
    how: str
    field: str = ""
    fallback: bool | None = None
    sure: bool = True

    @property
    def is_needed(self) -> bool:
        """Whether nothing is known to take the place of a variable that is not set."""
        return self.sure and self.fallback is False


@lru_cache(maxsize=20_000)
def reads(data: bytes, *, is_python: bool) -> tuple[Read, ...]:
    """Return what a file reads, in order of lines."""
    if not is_python:
        return tuple(_by_search(data))
    tree = python.parsed(data)
    if tree is None:
        return ()
    found = [*_by_syntax(tree), *map(_of_model, models.fields(tree))]
    return tuple(sorted(found, key=lambda one: (one.line, one.name)))


def is_name(text: str) -> bool:
    """Say whether a text looks like the name of a variable: `LIKE_THIS`."""
    return _NAME.match(text) is not None


def _by_search(data: bytes) -> Iterator[Read]:
    for number, line in enumerate(data.split(b"\n"), start=1):
        if b"env" in line or b"ENV" in line or b"Env" in line:
            for match in _OTHERS.finditer(line):
                name = next(filter(None, match.groups())).decode("ascii", "replace")
                how = match.group().decode("utf-8", "replace").partition(name)[0].rstrip("'\"([. ")
                yield Read(name, number, how)


def _by_syntax(tree: ast.Module) -> Iterator[Read]:
    constants = dict(_constants(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            name = _said(node.slice, constants)
            if name and _last(python.dotted(node.value)) == "environ":
                yield Read(name, node.lineno, "os.environ[…]", fallback=False)
        elif isinstance(node, ast.Call) and node.args:
            yield from _call(node, _said(node.args[0], constants))


def _call(node: ast.Call, name: str) -> Iterator[Read]:
    """Yield what a call with the name of a variable reads, by the name of what is called."""
    callee = _callee(node.func)
    reader = (
        any(part in callee.lower() for part in _ABOUT) and _last(callee).lower() not in _SETTERS
    )
    if is_name(name) and reader:
        default = len(node.args) > 1 or any("default" in str(one.arg) for one in node.keywords)
        yield Read(name, node.lineno, f"{callee}(…)", fallback=default)


def _callee(node: ast.expr) -> str:
    """Return the name of what is called; `get_env().get` is one, too."""
    parts: list[str] = []
    while isinstance(node, (ast.Attribute, ast.Call)):
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name) and isinstance(node.value.value, str):
                    yield target.id, node.value.value


def _said(node: ast.expr, constants: Mapping[str, str]) -> str:
    if isinstance(node, ast.Name):
        return constants.get(node.id, "")
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _last(dotted: str) -> str:
    return dotted.rpartition(".")[2]


def _of_model(field: models.Setting) -> Read:
    how = f"{field.model}.{field.name}"
    return Read(field.variable, field.line, how, field.name, field.fallback, field.sure)
