"""The commit in which the model of a table went, and what came elsewhere in the same one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.investigators.source_code.checkout import is_test
from pipeline.investigators.source_code.tables import models
from pipeline.investigators.source_code.tables.expectations import (
    LANGUAGES,
    expectations,
)
from pipeline.investigators.source_code.tables.migrations import is_migration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.investigators.source_code.code import Code
    from pipeline.investigators.source_code.history import Change
    from pipeline.investigators.source_code.tables.models import Declared

MOST = 20
"""Files that lost a table's name, as far back as is looked."""

_COMMON = frozenset(("created_at", "id", "metadata", "name", "status", "type", "updated_at"))
_SHORT = 4
"""Letters of a part of a name below which it says nothing."""


@dataclass(frozen=True, slots=True)
class Removal:
    """That a file declared a table until a commit; `line` is where, in the file as it was."""

    path: str
    declared: Declared
    change: Change


def removal(code: Code, table: str, folder: str) -> Removal | None:
    """Return the last commit that took the declaration of a table out of a folder."""
    found = code.repository.taken_out(table.encode(), folder, code.commit)
    for _, (path, before, change) in zip(range(MOST), found, strict=False):
        if path.endswith((".py", ".sql")):
            for one in declared_by(path, before).tables:
                if one.table == table:
                    return Removal(path, one, change)
    return None


def declared_by(path: str, data: bytes) -> models.Declarations:
    """Return what a file declares; nothing if it does not parse."""
    if path.endswith(".sql"):
        return models.in_sql(data)
    return models.in_python(data) or models.NONE


def arrived(
    code: Code, gone: Removal, others: Iterable[tuple[str, Declared]]
) -> tuple[str, Declared] | None:
    """Return the table like one that went that came with the same commit, and its file.

    It is one that shares a word of its name, and columns that not every table has; of several the
    one that shares most.
    """
    alike = [
        (len(shared(gone.declared, one)), path, one)
        for path, one in others
        if _is_alike(gone.declared, one)
    ]
    for _, path, one in sorted(alike, key=lambda item: (-item[0], item[1], item[2].line)):
        change = code.repository.appeared(path, one.table.encode(), code.commit)
        if change is not None and change.commit == gone.change.commit:
            then = declared_by(path, code.repository.checkout(change.commit).data(path))
            if any(item.table == one.table for item in then.tables):
                return path, one
    return None


def stood_at(code: Code, table: str, folder: str, commit: str) -> str:
    """Return which file of a folder expected a table when a commit had been made; "" if none."""
    then = code.repository.checkout(commit)
    for path in then.containing([table], folder, LANGUAGES):
        if not is_test(path) and not is_migration(path, then.data(path)):
            found = expectations(then, path, table)
            if any(not one.is_mention for one in found):
                return path
    return ""


def shared(gone: Declared, other: Declared) -> frozenset[str]:
    """Return the columns that two tables have in common, and not every table has."""
    return (gone.columns & other.columns) - _COMMON


def _is_alike(gone: Declared, other: Declared) -> bool:
    if gone.table == other.table:
        return True
    return bool(_words(gone.table) & _words(other.table)) and len(shared(gone, other)) > 1


def _words(name: str) -> set[str]:
    return {part.rstrip("s") for part in name.split("_") if len(part) >= _SHORT}
