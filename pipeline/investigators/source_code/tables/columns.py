"""Which migration brings a column that a symptom names, and which model declares it."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

import re2

from pipeline.facts import plural
from pipeline.investigators.source_code.python import called, parsed
from pipeline.investigators.source_code.tables import sql
from pipeline.investigators.source_code.tables.migrations import is_way_back
from pipeline.investigators.source_code.tables.texts import Function, assigned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.facts import Fact
    from pipeline.incident import Symptom
    from pipeline.investigators.source_code.tables.survey import Survey

_NAMED = re2.compile(r"""column "?(?:\w+\.)?(\w{1,64})"?(?: of relation "(\w{1,64})")? does not""")
_ADDS = ("Column", "mapped_column")


def named(root: Symptom) -> str:
    """Return the column that a message about the schema names, in lower case; "" if none."""
    match = _NAMED.search(str(root.fields.get("problem", "")))
    return match[1].lower() if match else ""


def facts(seen: Survey, column: str) -> Iterator[Fact]:
    """Yield whether a migration brings a column, and which models declare it."""
    yield from _added(seen, column)
    for path in seen.code.checkout.containing([column], "", (".py",)):
        if path in seen.model_files and seen.is_near(path):
            for line, name in _declared(seen.code.checkout.data(path), column):
                text = f"the model {name} at {path}:{line} declares the column {column}"
                data = {"column": column, "name": name}
                yield seen.code.fact("column_declared", text, path, line, data)


def _added(seen: Survey, column: str) -> Iterator[Fact]:
    """Yield each line of a migration that brings it; that none does only if none names it."""
    checkout, files = seen.code.checkout, seen.migrations.files
    helpers = {one.path for one in seen.migrations.steps}
    naming = [path for path in {*files, *helpers} if column in checkout.text(path).lower()]
    found = [(path, line) for path in sorted(naming) for line in _lines(seen, path, column)]
    for path, line in found:
        text = f"{path}:{line} brings a column {column}, maybe of another table"
        data = {"column": column}
        yield seen.code.fact("column_added", text, path, line, data, suggested=True)
    if files and not naming and not seen.migrations.unclear:
        text = (
            f"{plural(len(files), 'migration')} of {seen.tree_name} searched, none names {column}"
        )
        told = {"column": column, "searched": len(files), "tree": seen.tree_name}
        yield seen.code.fact("column_never_added", text, seen.migrations.folders[0], 0, told)


def _lines(seen: Survey, path: str, column: str) -> Iterator[int]:
    if path.endswith(".py"):
        yield from _in_python(seen.code.checkout.data(path), column)
    else:
        yield from sql.adding(seen.code.checkout.text(path), column)


@lru_cache(maxsize=2_000)
def _in_python(data: bytes, column: str) -> tuple[int, ...]:
    tree = parsed(data)
    found: list[int] = []
    for node in tree.body if tree else ():
        if isinstance(node, Function) and is_way_back(node.name):
            continue
        for part in ast.walk(node):
            if isinstance(part, ast.Call) and called(part).rpartition(".")[2] in _ADDS:
                first = part.args[0] if part.args else None
                if isinstance(first, ast.Constant) and str(first.value).lower() == column:
                    found.append(part.lineno)
            elif isinstance(part, ast.Constant) and isinstance(part.value, str):
                lines = sql.adding(sql.clean(part.value), column)
                found += (part.lineno + line - 1 for line in lines)
    return tuple(found)


def _declared(data: bytes, column: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of models that give the column a value, with the class."""
    tree = parsed(data)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.ClassDef) and _is_model(node):
            for item in node.body:
                if any(name.lower() == column for name, _ in assigned([item])):
                    yield item.lineno, node.name


def _is_model(node: ast.ClassDef) -> bool:
    return any(name == "__tablename__" for name, _ in assigned(node.body))
