"""Which code expects a table to be there: checks that name it in a list, and queries.

That a text equals a table's name does not yet say that a table is meant; it is one only where what
stands around it speaks of tables. All else is a mention.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import re2

from pipeline.investigators.source_code.python import dotted, parsed
from pipeline.investigators.source_code.tables.sql import bare, clean, queries
from pipeline.investigators.source_code.tables.texts import Function, Names, constants

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.investigators.source_code.checkout import Checkout

LANGUAGES = (
    ".cs", ".go", ".java", ".js", ".jsx", ".kt", ".mjs", ".php", ".py", ".rb", ".rs", ".sql",
    ".ts", ".tsx",
)  # fmt: skip
"""Files that may hold a query."""

_ABOUT = re2.compile(r"(?i)(?:^|[^a-z])(?:tables?|table_?names?|relations?|pg_class)(?:[^a-z]|$)")
_NOT_WANTED = re2.compile(
    r"(?i)(?:allow|deprecat|drop|except|exclud|extra|ignor|legacy|obsolet|skip)"
)
_LISTS = (ast.List, ast.Tuple, ast.Set, ast.Dict)
_MOST_BESIDE = 20


@dataclass(frozen=True, slots=True)
class Expected:
    """A line of a file that names a table; `how` is check, query, key or mention.

    `where` is the function or class it stands in, `beside` the other texts of its list.
    """

    path: str
    line: int
    how: str
    where: str = ""
    beside: tuple[str, ...] = ()

    @property
    def is_mention(self) -> bool:
        """Whether nothing around it says that a table is meant."""
        return self.how == "mention"


def expectations(checkout: Checkout, path: str, table: str) -> Iterator[Expected]:
    """Yield the places of a file that name a table (in lower case), in order."""
    if path.endswith(".py"):
        for line, how, where, beside in _in_python(checkout.data(path), table):
            yield Expected(path, line, how, where, beside)
    elif path.endswith(LANGUAGES):
        is_query = queries(table)
        for found in checkout.lines(path, table):
            if is_query(_from_verb(found.text)):
                yield Expected(path, found.line, "query")


_VERB = re2.compile(r"(?i)\b(?:select|insert|update|delete|with|merge|truncate|copy)\b")


def _from_verb(text: str) -> str:
    found = _VERB.search(text)
    return text[found.start() :] if found else ""


@lru_cache(maxsize=2_000)
def _in_python(data: bytes, table: str) -> tuple[tuple[int, str, str, tuple[str, ...]], ...]:
    tree = parsed(data)
    if tree is None:
        return ()
    above = {id(part): node for node in ast.walk(tree) for part in ast.iter_child_nodes(node)}
    names = constants(tree.body)
    is_query, around = queries(table), _Around(table)
    found: dict[int, tuple[int, str, str, tuple[str, ...]]] = {}
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        text = _text(node, names, above)
        if line in found or table not in text.lower():
            continue
        up = list(_up(node, above))
        how = "query" if is_query(text) else _how(text, table, up, around)
        if how:
            found[line] = (line, how, _where(up), _beside(node, up))
    return tuple(found[line] for line in sorted(found))


def _text(node: ast.AST, names: Names, above: Mapping[int, ast.AST]) -> str:
    """Return the whole text that a node is, "" if it is none, or part of one."""
    parent = above.get(id(node))
    if isinstance(parent, (ast.JoinedStr, ast.Expr)):
        return ""
    if isinstance(node, ast.JoinedStr):
        return next(iter(names.texts(node)), "")
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return clean(node.value)
    return ""


def _how(text: str, table: str, up: list[ast.AST], around: _Around) -> str:
    whole, _, _column = text.rpartition(".")
    if isinstance(up[0], ast.Call) and dotted(up[0].func).endswith("ForeignKey"):
        return "key" if bare(whole) == table else ""
    if bare(text) != table:
        return ""
    return "check" if around.is_about_tables(up) else "mention"


def _up(node: ast.AST, above: Mapping[int, ast.AST]) -> Iterator[ast.AST]:
    while (parent := above.get(id(node))) is not None:
        yield parent
        node = parent


def _where(up: list[ast.AST]) -> str:
    """Return the dotted name of the function or class that encloses a node."""
    names = [one.name for one in up if isinstance(one, Function | ast.ClassDef)]
    return ".".join(reversed(names))


def _beside(node: ast.AST, up: list[ast.AST]) -> tuple[str, ...]:
    """Return the other texts of the list that a text stands in."""
    if not isinstance(up[0], _LISTS):
        return ()
    items = up[0].keys if isinstance(up[0], ast.Dict) else up[0].elts
    texts = [
        clean(item.value)
        for item in items
        if isinstance(item, ast.Constant) and isinstance(item.value, str) and item is not node
    ]
    return tuple(dict.fromkeys(texts))[:_MOST_BESIDE]


@dataclass(frozen=True, slots=True)
class _Around:
    """Whether what stands around a table's name says that a table is meant."""

    table: str
    _known: dict[int, bool] = field(default_factory=dict)

    def is_about_tables(self, up: list[ast.AST]) -> bool:
        """Say whether the place speaks of tables, and not of those that are left out."""
        statement = next((one for one in up if isinstance(one, ast.stmt)), None)
        inside = next((one for one in up if isinstance(one, Function)), statement)
        if statement is None or inside is None:
            return False
        words = _words(statement, within=False)
        return self._once(inside) and not any(map(_NOT_WANTED.search, words))

    def _once(self, node: ast.AST) -> bool:
        if id(node) not in self._known:
            words = (word for word in _words(node) if bare(word) != self.table)
            self._known[id(node)] = any(map(_ABOUT.search, words))
        return self._known[id(node)]


def _words(node: ast.AST, *, within: bool = True) -> Iterator[str]:
    """Yield the names and texts in a node; those of statements within it if that is wanted."""
    rest = [node]
    while rest:
        part = rest.pop()
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, (ast.keyword, ast.arg)):
            yield part.arg or ""
        elif isinstance(part, Function):
            yield part.name
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield clean(part.value)
        inner = ast.iter_child_nodes(part)
        rest += (one for one in inner if within or not isinstance(one, ast.stmt))
