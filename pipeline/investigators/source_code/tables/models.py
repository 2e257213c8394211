"""Which tables a file declares: models of object mappers, table objects, and raw DDL."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import re2

from pipeline.investigators.source_code.python import dotted, parsed
from pipeline.investigators.source_code.tables.sql import SLOT, bare, changes, is_name
from pipeline.investigators.source_code.tables.texts import Names, assigned, constants, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DECLARATION = re2.compile(
    rb"__tablename__|\bTable\(|\btable\s*=\s*True\b|models\.Model\b"
    rb"|(?m:^[ \t]+(?:db_table|table_name|table)[ \t]*[:=])"
)
_STATEMENT = re2.compile(rb"(?i)create\s+(?:\w+\s+)?table\b")
_META = ("db_table", "table_name", "table")
_TABLE_NAME = "__tablename__"


@dataclass(frozen=True, slots=True)
class Declared:
    """A table that a file declares at a line; `name` is the class, "" where there is none.

    `how` is model, table or ddl; `columns` are attributes and columns as far as they are spelt out.
    """

    table: str
    line: int
    how: str
    name: str = ""
    columns: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Declarations:
    """What a file declares; `made_up` says that it also makes names of tables from others."""

    tables: tuple[Declared, ...] = ()
    made_up: bool = False


NONE = Declarations()


@lru_cache(maxsize=20_000)
def in_python(data: bytes) -> Declarations | None:
    """Return what a Python file declares; None if it does not parse."""
    has_ddl = _STATEMENT.search(data) is not None
    if not has_ddl and _DECLARATION.search(data) is None:
        return NONE
    tree = parsed(data)
    if tree is None:
        return None
    names, nodes = constants(tree.body), list(ast.walk(tree))
    found = [*_classes(nodes, names), *_calls(nodes, names)]
    found += _ddl(tree, names) if has_ddl else ()
    tables = tuple(
        sorted((item for item in found if is_name(item.table)), key=lambda item: item.line)
    )
    return Declarations(tables, any(not is_name(item.table) for item in found) or _made_up(nodes))


@lru_cache(maxsize=2_000)
def in_sql(data: bytes) -> Declarations:
    """Return what a file of SQL statements creates."""
    if not _STATEMENT.search(data):
        return NONE
    made = [item for item in changes(data.decode("utf-8", "replace")) if item.what == "create"]
    tables = tuple(Declared(item.table, item.line, "ddl") for item in made if item.table)
    return Declarations(tables, len(tables) < len(made))


def _attributes(node: ast.ClassDef) -> frozenset[str]:
    """Return the columns that a model spells out: what it gives the value of a call."""
    return frozenset(name for name, value in assigned(node.body) if isinstance(value, ast.Call))


def _columns(node: ast.Call) -> frozenset[str]:
    """Return the columns that a table object spells out."""
    return frozenset(
        str(part.args[0].value)
        for part in node.args
        if isinstance(part, ast.Call)
        and dotted(part.func).rpartition(".")[2] == "Column"
        and part.args
        and isinstance(part.args[0], ast.Constant)
    )


def _classes(nodes: Iterable[ast.AST], names: Names) -> Iterator[Declared]:
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            inner = names.with_names(constants(node.body).known)
            yield from _model(node, inner)


def _model(node: ast.ClassDef, names: Names) -> Iterator[Declared]:
    """Yield the table of a class: the name that is given, else the one that a mapper makes up."""
    given = list(_given(node, names))
    for line, texts in given:
        for text in texts or [SLOT]:
            yield Declared(bare(text), line, "model", node.name, _attributes(node))
    is_table = any(
        word.arg == "table" and getattr(word.value, "value", None) is True for word in node.keywords
    )
    if is_table and not given:  # what SQLModel calls the table of a class
        yield Declared(node.name.lower(), node.lineno, "model", node.name, _attributes(node))


def _given(node: ast.ClassDef, names: Names) -> Iterator[tuple[int, list[str]]]:
    for item in node.body:
        if isinstance(item, (ast.Assign, ast.AnnAssign)):
            for name, value in assigned([item]):
                if name == _TABLE_NAME:
                    yield item.lineno, list(names.texts(value))
        elif isinstance(item, ast.ClassDef) and item.name == "Meta":
            for part in item.body:
                for name, value in assigned([part]):
                    if name in _META:
                        yield part.lineno, list(names.texts(value))


def _calls(nodes: Iterable[ast.AST], names: Names) -> Iterator[Declared]:
    """Yield `Table("name", metadata, ...)`, unless it is read from the database."""
    for node in nodes:
        if not (isinstance(node, ast.Call) and len(node.args) > 1):
            continue
        if dotted(node.func).rpartition(".")[2] != "Table":
            continue
        read = any(str(word.arg).startswith("autoload") for word in node.keywords)
        if "meta" in dotted(node.args[1]).lower() and not read:
            for text in names.texts(node.args[0]):
                yield Declared(bare(text), node.lineno, "table", "", _columns(node))


def _ddl(tree: ast.Module, names: Names) -> Iterator[Declared]:
    for line, text in written(tree, names):
        for item in changes(text) if _STATEMENT.search(text.encode()) else ():
            if item.what == "create":
                yield Declared(item.table, line + item.line - 1, "ddl")


def _made_up(nodes: Iterable[ast.AST]) -> bool:
    """Say whether names of tables are made from those of classes."""
    return any(
        (isinstance(node, ast.FunctionDef) and node.name == _TABLE_NAME)
        or (isinstance(node, ast.ClassDef) and _is_django(node))
        for node in nodes
    )


def _is_django(node: ast.ClassDef) -> bool:
    return any(dotted(base) == "models.Model" for base in node.bases)
