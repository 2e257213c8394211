"""The graph of alembic's revisions: heads, parents that are missing, names that stand twice."""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.investigators.source_code.python import called, parsed
from pipeline.investigators.source_code.tables.texts import assigned, constants

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipeline.investigators.source_code.checkout import Checkout

DEFAULT_TABLE = "alembic_version"


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision; `parents` are what it comes after, `line` is where it is named."""

    name: str
    parents: tuple[str, ...]
    path: str
    line: int
    parents_line: int
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Graph:
    """The revisions of one folder; `unclear` are files whose revision cannot be told."""

    folder: str
    revisions: tuple[Revision, ...]
    unclear: tuple[str, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, Revision]:
        """Each by its name; of two of one name the first."""
        return {one.name: one for one in reversed(self.revisions)}

    @cached_property
    def _labels(self) -> Mapping[str, str]:
        return {label: one.name for one in self.revisions for label in one.labels}

    def named(self, text: str) -> str:
        """Return the revision that a parent means: a name, its beginning, or a branch's label."""
        text = self._labels.get(text, text)
        if text in self.by_name:
            return text
        fits = [name for name in self.by_name if text and name.startswith(text)]
        return fits[0] if len(fits) == 1 else ""

    @cached_property
    def heads(self) -> list[Revision]:
        """Those that no other comes after."""
        before = {self.named(parent) for one in self.revisions for parent in one.parents}
        return [one for name, one in sorted(self.by_name.items()) if name not in before]

    @property
    def missing(self) -> list[tuple[Revision, str]]:
        """The revisions whose parent is in no file, with its name."""
        return [
            (one, parent)
            for one in self.revisions
            for parent in one.parents
            if not self.named(parent)
        ]

    @property
    def twice(self) -> list[tuple[Revision, ...]]:
        """The revisions of one name."""
        same: dict[str, list[Revision]] = defaultdict(list)
        for one in self.revisions:
            same[one.name].append(one)
        return [tuple(group) for group in same.values() if len(group) > 1]

    def before(self, name: str) -> set[str]:
        """Return the revisions that one comes after, itself included."""
        rest, seen = [name], set[str]()
        while rest:
            one = rest.pop()
            if one in self.by_name and one not in seen:
                seen.add(one)
                rest += (self.named(parent) for parent in self.by_name[one].parents)
        return seen


def graphs(checkout: Checkout, files: Iterable[str]) -> list[Graph]:
    """Return the graph of each folder with revisions; `files` are migrations."""
    folders: dict[str, list[Revision]] = defaultdict(list)
    unclear: dict[str, list[str]] = defaultdict(list)
    for path in files:
        data = checkout.data(path)
        if not path.endswith(".py") or b"down_revision" not in data:
            continue
        folder = f"{PurePosixPath(path).parent}/"
        found = _revision(data)
        if found is None:
            unclear[folder].append(path)
        else:
            name, parents, line, parents_line, labels = found
            folders[folder].append(Revision(name, parents, path, line, parents_line, labels))
    return [
        Graph(folder, tuple(folders[folder]), tuple(unclear[folder]))
        for folder in sorted({*folders, *unclear})
    ]


def version_tables(checkout: Checkout, files: Iterable[str]) -> Iterator[tuple[str, str, int]]:
    """Yield, for each `env.py` of alembic, the name of its version table, the file and the line.

    The line is 0 where the file does not say, and the tool's own name for it counts.
    """
    for path in files:
        data = checkout.data(path)
        if PurePosixPath(path).name != "env.py" or b"alembic" not in data:
            continue
        tree = parsed(data)
        if tree is not None:
            yield from ((name, path, line) for name, line in _configured(tree))


def _configured(tree: ast.Module) -> Iterator[tuple[str, int]]:
    names = constants(tree.body)
    found = [
        (word.value.lineno, list(names.texts(word.value)))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and called(node).endswith("configure")
        for word in node.keywords
        if word.arg == "version_table"
    ]
    yield from sorted({(texts[0], line) for line, texts in found if texts})
    if not found:
        yield DEFAULT_TABLE, 0


@lru_cache(maxsize=20_000)
def _revision(data: bytes) -> tuple[str, tuple[str, ...], int, int, tuple[str, ...]] | None:
    """Return name, parents, their lines and labels of a revision; None if one cannot be told."""
    tree = parsed(data)
    if tree is None:
        return None
    given = dict(assigned(tree.body))
    name, parents = given.get("revision"), given.get("down_revision")
    names = _texts(name) if name is not None else None
    before = _texts(parents) if parents is not None else None
    if name is None or parents is None or not names or before is None:
        return None
    labels = _texts(given["branch_labels"]) if "branch_labels" in given else ()
    return names[0], before, name.lineno, parents.lineno, labels or ()


def _texts(node: ast.expr) -> tuple[str, ...] | None:
    """Return the texts of a literal: none of None; None if it is no literal."""
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    items = list(value) if isinstance(value, (list, tuple, set)) else [value]
    if not all(item is None or isinstance(item, str) for item in items):
        return None
    return tuple(item for item in items if item)
