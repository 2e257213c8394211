"""What migrations do to tables: alembic's and Django's operations, files of SQL, their helpers.

What happens on the way back (`downgrade`) is left out. A name that the code makes up is told as
such: then nobody can say from the files which tables there will be.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import re2

from pipeline.investigators.source_code.python import called, outline, parsed
from pipeline.investigators.source_code.tables import sql
from pipeline.investigators.source_code.tables.sql import Change, bare
from pipeline.investigators.source_code.tables.texts import (
    Function,
    Names,
    by_name,
    constants,
    local,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipeline.investigators.source_code.checkout import Checkout

FOLDERS = frozenset(("alembic", "flyway", "migrate", "migration", "migrations", "versions"))
"""Names of folders that hold migrations."""

_ALEMBIC = re2.compile(rb"(?m)^down_revision\s*[:=]")
_TELLING = re2.compile(rb"(?i)table|model")
"""What a file says that does anything to tables."""

_BACK = ("downgrade", "down", "backward", "rollback", "reverse", "revert", "undo")
_DOWN_FILES = (".down.sql", "/down.sql", ".rollback.sql")
_OPERATIONS = {"create_table": "create", "drop_table": "drop", "rename_table": "rename"}
_DJANGO = {"CreateModel": "create", "DeleteModel": "drop", "AlterModelTable": "rename"}
_BY_MODELS = "by models"
"""What is done by a call that creates whatever the models declare."""


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """What a migration does to a table at a line, which may be one of a helper that it calls."""

    path: str
    line: int
    what: str
    table: str
    other: str
    migration: str


@dataclass(frozen=True, slots=True)
class _Python:
    """What each function of a file does, by its name ("" is outside), and which it calls."""

    does: Mapping[str, tuple[Change, ...]]
    calls: Mapping[str, frozenset[str]]

    def reached(self, starts: Iterable[str]) -> set[str]:
        """Return the functions that some lead to, themselves included."""
        rest, seen = list(starts), set[str]()
        while rest:
            name = rest.pop()
            if name not in seen:
                seen.add(name)
                rest += (one for one in self.calls.get(name, ()) if one in self.does)
        return seen

    @property
    def forward(self) -> set[str]:
        """The functions that a migration's way forward reaches."""
        back = set(filter(is_way_back, self.does))
        called_here = {one for name in self.calls for one in self.calls[name]}
        starts = (n for n in self.does if n not in back and (n == "" or n not in called_here))
        return self.reached(starts) - back


@dataclass(frozen=True)
class Migrations:
    """The migrations among some files of a checkout."""

    checkout: Checkout
    files: tuple[str, ...]

    @cached_property
    def unclear(self) -> list[str]:
        """The files that cannot be read, or do not parse."""
        return [
            path
            for path in self.files
            if path in self.checkout.unread
            or (path.endswith(".py") and parsed(self.checkout.data(path)) is None)
        ]

    @cached_property
    def folders(self) -> list[str]:
        """The folders that they lie in, with a `/`."""
        return sorted({f"{PurePosixPath(path).parent}/" for path in self.files})

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """All that they do, those of helpers that they call included."""
        found: set[Step] = set()
        for path in self.files:
            data = self.checkout.data(path)
            if not path.endswith(".py"):
                found.update(_steps(path, sql.changes(self.checkout.text(path)), path))
                continue
            read = _read(data, _app(path))
            found.update(*(_steps(path, read.does[name], path) for name in read.forward))
            wanted = {one for name in read.forward for one in read.calls[name]}
            found |= self._of_helpers(path, wanted)
        return tuple(sorted(found))

    def _of_helpers(self, path: str, wanted: set[str]) -> set[Step]:
        """Return what functions do that a migration imports and calls."""
        found: set[Step] = set()
        known = outline(self.checkout.data(path))
        for item in known.imports if known else ():
            for helper in modules(self.checkout, path, item.module, item.level, item.name):
                data = self.checkout.data(helper)
                if not _TELLING.search(data):
                    continue
                read = _read(data, "")
                called_there = {name for name in read.does if name and name in wanted}
                for name in read.reached(called_there):
                    found.update(_steps(helper, read.does[name], path))
        return found


def is_migration(path: str, data: bytes) -> bool:
    """Say whether a file is a migration: one of a known tool, or SQL in such a tool's folder."""
    if path.endswith(".py"):
        return _ALEMBIC.search(data) is not None or (
            b"migrations.Migration" in data and "migrations" in PurePosixPath(path).parts
        )
    if not path.endswith(".sql") or path.lower().endswith(_DOWN_FILES):
        return False
    return not FOLDERS.isdisjoint(part.lower() for part in PurePosixPath(path).parts[:-1])


def modules(checkout: Checkout, path: str, module: str, level: int, name: str) -> Iterator[str]:
    """Yield the files that an import of a file may mean, of which one is there."""
    parts = [part for part in module.split(".") if part]
    folders = list(PurePosixPath(path).parents)
    tops = folders[level - 1 : level] if level else folders
    for top in tops:
        for tail in ([*parts, name], parts):
            candidate = str(top.joinpath(*tail)) + ".py"
            if tail and candidate in checkout:
                yield candidate
                return


def _steps(path: str, changes: Iterable[Change], migration: str) -> Iterator[Step]:
    return (Step(path, one.line, one.what, one.table, one.other, migration) for one in changes)


def _app(path: str) -> str:
    """Return what Django calls the application whose migration this is."""
    parent = PurePosixPath(path).parent
    return parent.parent.name if parent.name == "migrations" else ""


@lru_cache(maxsize=20_000)
def _read(data: bytes, app: str) -> _Python:
    tree = parsed(data)
    if tree is None:
        return _Python({"": ()}, {"": frozenset()})
    names = constants(tree.body)
    calls = by_name(ast.walk(tree))
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    inside = {id(part) for one in functions for part in ast.walk(one) if part is not one}
    bodies: dict[str, list[tuple[ast.AST, Names]]] = defaultdict(list)
    for one in functions:
        if id(one) not in inside or one.name not in bodies:
            bodies[one.name].append((one, local(one, names, calls)))
    outside = [node for node in tree.body if not isinstance(node, Function)]
    bodies[""] = [(node, names) for node in outside]
    return _Python(
        {name: tuple(_all_changes(parts, app)) for name, parts in bodies.items()},
        {name: frozenset(_called(part for part, _ in parts)) for name, parts in bodies.items()},
    )


def _called(parts: Iterable[ast.AST]) -> Iterator[str]:
    for part in parts:
        for node in ast.walk(part):
            if isinstance(node, ast.Call):
                yield called(node).rpartition(".")[2]


def _all_changes(parts: Sequence[tuple[ast.AST, Names]], app: str) -> Iterator[Change]:
    for part, names in parts:
        for node in ast.walk(part):
            if isinstance(node, ast.Call):
                yield from _operation(node, names)
                yield from _model_operation(node, names, app)
        for line, text in written(part, names):
            for one in sql.changes(text):
                yield Change(line + one.line - 1, one.what, one.table, one.other)


def _operation(call: ast.Call, names: Names) -> Iterator[Change]:
    """Yield what alembic's `op.create_table` and its like do."""
    name = called(call)
    last = name.rpartition(".")[2]
    if last == "create_all" or name.endswith("__table__.create"):
        yield Change(call.lineno, "create", _BY_MODELS)
    if last not in _OPERATIONS:
        return
    given = {item.arg: item.value for item in call.keywords}
    first = call.args[0] if call.args else given.get("table_name", given.get("old_table_name"))
    second = call.args[1] if call.args[1:] else given.get("new_table_name")
    other = next(iter(names.texts(second)), "") if last == "rename_table" else ""
    for text in names.texts(first) or [sql.SLOT]:
        table = bare(text) if sql.is_name(bare(text)) else ""
        yield Change(call.lineno, _OPERATIONS[last], table, bare(other))


def _model_operation(call: ast.Call, names: Names, app: str) -> Iterator[Change]:
    """Yield what Django's `migrations.CreateModel` and its like do."""
    last = called(call).rpartition(".")[2]
    if last not in _DJANGO or not app:
        return
    given = {item.arg: item.value for item in call.keywords}
    model = next(iter(names.texts(given.get("name") or next(iter(call.args), None))), "")
    default = f"{app}_{model}".lower()
    if last == "CreateModel":
        yield Change(call.lineno, "create", _db_table(given.get("options"), names) or default)
    elif last == "DeleteModel":
        yield Change(call.lineno, "drop", default)
    else:
        table = next(iter(names.texts(given.get("table"))), "")
        yield Change(call.lineno, "rename", default, bare(table))


def _db_table(options: ast.expr | None, names: Names) -> str:
    if isinstance(options, ast.Dict):
        for key, value in zip(options.keys, options.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == "db_table":
                return bare(next(iter(names.texts(value)), ""))
    return ""


def is_way_back(function: str) -> bool:
    """Say whether a function is what a migration does when it is taken back."""
    return function.lower().startswith(_BACK)


def by_models(step: Step) -> bool:
    """Say whether a step creates whatever the models declare."""
    return step.table == _BY_MODELS
