"""What a repository holds about tables, told apart by whose tree it lies in."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import re2

from pipeline.investigators.source_code.checkout import is_test
from pipeline.investigators.source_code.code import SHORT
from pipeline.investigators.source_code.python import parsed
from pipeline.investigators.source_code.tables import models, revisions
from pipeline.investigators.source_code.tables.expectations import (
    LANGUAGES,
    Expected,
    expectations,
)
from pipeline.investigators.source_code.tables.migrations import (
    FOLDERS,
    Migrations,
    Step,
    by_models,
    is_migration,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.investigators.source_code.code import Code
    from pipeline.investigators.source_code.tables.models import Declared
    from pipeline.investigators.source_code.tables.revisions import Graph

HERE = "here"
"""The side of files in the tree of the services that an incident's root is of."""

NOBODY = ""
"""The side of files in no service's tree; that of another service is its catalog name."""

_SUFFIXES = (".py", ".sql")


@dataclass(frozen=True, slots=True)
class Placed:
    """A declaration, where it stands, and whose tree that is."""

    path: str
    side: str
    declared: Declared

    @property
    def ref(self) -> str:
        """How it is cited."""
        return f"{self.path}:{self.declared.line}"


@dataclass(frozen=True, slots=True)
class Fate:
    """What migrations come to for a table: created, dropped, renamed, never, none or unclear.

    `steps` show it, the last one first; `doubts` are files or lines that forbid an answer.
    """

    what: str
    steps: tuple[Step, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Survey:
    """The tables of a repository, seen from some services (`own`, by catalog name)."""

    code: Code
    own: frozenset[str]

    @cached_property
    def tree(self) -> str:
        """The folder that is theirs, without a `/`; "" if the catalog names none."""
        trees = (self.code.trees.get(key) for key in sorted(self.own))
        return next(filter(None, trees), "")

    @property
    def tree_name(self) -> str:
        """How the folder is told to a reader."""
        return f"{self.tree}/" if self.tree else "the repository"

    @property
    def ref(self) -> str:
        """How all of it is cited."""
        return f"commit {self.code.commit[:SHORT]}" if self.code.commit else "--repo"

    def side(self, path: str) -> str:
        """Return whose tree a file lies in."""
        key = self.code.service_of(path)
        return HERE if key in self.own else key

    def is_near(self, path: str) -> bool:
        """Say whether a file lies in the services' tree, or in nobody's."""
        return self.side(path) in {HERE, NOBODY}

    @cached_property
    def files(self) -> tuple[str, ...]:
        """All files that may declare a table, tests left out."""
        return tuple(path for path in self.code.checkout.under("", _SUFFIXES) if not is_test(path))

    @cached_property
    def searched(self) -> int:
        """Files of the services' tree, and of nobody's, that were searched for declarations."""
        return sum(self.is_near(path) for path in self.files)

    @cached_property
    def all_migrations(self) -> frozenset[str]:
        """All files that are migrations."""
        data = self.code.checkout.data
        return frozenset(path for path in self.files if is_migration(path, data(path)))

    @cached_property
    def migrations(self) -> Migrations:
        """The migrations of the services' tree and of nobody's."""
        return self._migrations(filter(self.is_near, self.all_migrations))

    @cached_property
    def elsewhere(self) -> Migrations:
        """The migrations of other services."""
        return self._migrations(path for path in self.all_migrations if not self.is_near(path))

    @cached_property
    def graphs(self) -> list[Graph]:
        """The revisions of alembic in the services' tree and in nobody's, by folder."""
        return revisions.graphs(self.code.checkout, self.migrations.files)

    @cached_property
    def version_tables(self) -> list[tuple[str, str, int]]:
        """The tables in which alembic keeps its revision, with file and line (0: by default)."""
        return list(revisions.version_tables(self.code.checkout, self.files))

    @cached_property
    def declared(self) -> tuple[Placed, ...]:
        """All declarations of tables."""
        return tuple(
            Placed(path, self.side(path), one)
            for path in self.model_files
            for one in self._declarations(path).tables
        )

    def of_table(self, table: str) -> list[Placed]:
        """Return who declares a table (its name in lower case)."""
        return [one for one in self.declared if one.declared.table == table]

    def declaration_doubts(self, table: str) -> list[str]:
        """Return the near files because of which nobody can say that no model declares a table."""
        data = self.code.checkout.data
        near = [path for path in self.model_files if self.is_near(path)]
        unparsed = [
            path
            for path in near
            if path.endswith(".py") and table.encode() in data(path) and parsed(data(path)) is None
        ]
        unread = [path for path in near if path in self.code.checkout.unread]
        made_up = [path for path in near if self._declarations(path).made_up]
        return [*unparsed, *unread, *(made_up if made_up and self._has_class(table) else ())]

    def fate(self, table: str) -> Fate:
        """Return what the near migrations come to for a table."""
        found = self.migrations
        makes = [
            one
            for one in found.steps
            if (one.what == "create" and one.table == table) or one.other == table
        ]
        ends = [one for one in found.steps if one.what != "create" and one.table == table]
        if makes and ends:
            return self._last(makes, ends)
        if makes or ends:
            return Fate(_WORDS[(makes or ends)[0].what] if ends else "created", (*makes, *ends))
        doubts = tuple(self._creation_doubts(table))
        if doubts:
            return Fate("unclear", doubts=doubts)
        return Fate("never" if found.files else "none")

    def expected(self, table: str) -> list[Expected]:
        """Return what expects a table or mentions it, tests and declarations left out."""
        declared = {(one.path, one.declared.line) for one in self.of_table(table)}
        steps = {one.path for one in (*self.migrations.steps, *self.elsewhere.steps)}
        paths = self.code.checkout.containing({table, table.upper()}, "", LANGUAGES)
        return [
            one
            for path in paths
            if not (is_test(path) or path in self.all_migrations or path in steps)
            for one in expectations(self.code.checkout, path, table)
            if (path, one.line) not in declared
        ]

    def tests(self, table: str) -> int:
        """Return how many files of tests name a table."""
        return sum(map(is_test, self.code.checkout.containing({table}, "", LANGUAGES)))

    @cached_property
    def model_files(self) -> tuple[str, ...]:
        """The files that may hold models: neither migrations nor their helpers."""
        steps = {one.path for one in (*self.migrations.steps, *self.elsewhere.steps)}
        return tuple(
            path
            for path in self.files
            if path not in self.all_migrations and path not in steps and not _is_down(path)
        )

    def _migrations(self, paths: Iterable[str]) -> Migrations:
        return Migrations(self.code.checkout, tuple(sorted(paths)))

    def _declarations(self, path: str) -> models.Declarations:
        data = self.code.checkout.data(path)
        if path.endswith(".sql"):
            return models.in_sql(data)
        return models.in_python(data) or models.NONE

    def _has_class(self, table: str) -> bool:
        """Say whether a near class bears the name that a table could be made from."""
        parts = [re2.escape(part.rstrip("s")) for part in table.split("_") if part.rstrip("s")]
        tails = {"s?_?(?:e?s)?".join(parts[start:]) for start in range(len(parts))}
        names = "|".join(sorted(tails))
        pattern = re2.compile(rf"(?im)^\s*class\s+(?:{names})(?:e?s)?(?:model)?\b")
        return any(
            pattern.search(self.code.checkout.text(path))
            for path in self.model_files
            if path.endswith(".py") and self.is_near(path)
        )

    def _last(self, makes: list[Step], ends: list[Step]) -> Fate:
        """Tell a table's fate by the last step, if it can be told which one that is."""
        steps = sorted((*makes, *ends), key=self._rank)
        if not self._in_one_line({one.migration for one in steps}):
            return Fate("unclear", doubts=tuple(f"{one.path}:{one.line}" for one in steps))
        last = steps[-1]
        what = "created" if last in makes else _WORDS[last.what]
        return Fate(what, tuple(reversed(steps)))

    def _rank(self, step: Step) -> tuple[int, str, int]:
        graph, name = self._revision(step.migration)
        return (len(graph.before(name)) if graph else 0, step.migration, step.line)

    def _revision(self, path: str) -> tuple[Graph | None, str]:
        for graph in self.graphs:
            for one in graph.revisions:
                if one.path == path:
                    return graph, one.name
        return None, ""

    def _in_one_line(self, paths: set[str]) -> bool:
        """Say whether of these migrations each one comes before or after each other one."""
        known = [self._revision(path) for path in sorted(paths)]
        if all(graph is None for graph, _ in known):  # numbered files
            return len({PurePosixPath(path).parent for path in paths}) == 1
        if any(graph is None or graph is not known[0][0] for graph, _ in known):
            return False
        ordered = sorted((graph.before(name) for graph, name in known if graph), key=len)
        return all(one <= other for one, other in pairwise(ordered))

    def _creation_doubts(self, table: str) -> Iterator[str]:
        """Yield the files and lines because of which nobody can say that none creates a table."""
        data = self.code.checkout.data
        for path in self.migrations.unclear:
            if path in self.code.checkout.unread or table.encode() in data(path):
                yield path
        is_declared = any(self.is_near(one.path) for one in self.of_table(table))
        for one in self.migrations.steps:
            if (one.what == "create" and not one.table) or (by_models(one) and is_declared):
                yield f"{one.path}:{one.line}"
        for path in self.code.checkout.containing({table}):
            folders = {part.lower() for part in PurePosixPath(path).parts[:-1]}
            if (
                not path.endswith((*_SUFFIXES, ".md", ".rst", ".txt"))
                and not FOLDERS.isdisjoint(folders)
                and self.is_near(path)
                and not is_test(path)
            ):
                yield path


def survey(code: Code, services: Iterable[str]) -> Survey:
    """Look at a repository from some services, as entries name them."""
    return Survey(code, frozenset(key for one in services if (key := code.catalog.service_of(one))))


def by_service(items: Iterable[Placed]) -> dict[str, list[Placed]]:
    """Return declarations by whose tree they lie in."""
    sides: dict[str, list[Placed]] = defaultdict(list)
    for one in items:
        sides[one.side].append(one)
    return sides


_WORDS = {"drop": "dropped", "rename": "renamed"}


def _is_down(path: str) -> bool:
    return path.lower().endswith((".down.sql", "/down.sql", ".rollback.sql"))
