"""From what a user names (files, globs, folders, `-`) to the files to read."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import SourceError
from pipeline.sources.files.cloud import find_objects, is_cloud

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

STDIN = "-"
_LOG_SUFFIXES = frozenset({".csv", ".json", ".jsonl", ".log", ".ndjson", ".yaml", ".yml"})
_COMPRESSED_SUFFIXES = frozenset({".gz", ".zst"})
_FORMS = "a folder is searched for " + ", ".join(sorted(_LOG_SUFFIXES)) + ", also as .gz or .zst"


def find_files(names: Sequence[str]) -> list[str]:
    """Return the files that the names stand for, each once, those of a glob or folder in order.

    Raises SourceError that lists every name that stands for nothing that can be read.
    """
    found: dict[str, None] = {}
    mistakes: list[str] = []
    for name in names:
        try:
            found.update(dict.fromkeys(_files_of(name)))
        except SourceError as error:
            mistakes.append(str(error))
    if mistakes:
        raise SourceError("\n".join(mistakes))
    return list(found)


def _files_of(name: str) -> list[str]:
    if name == STDIN:
        return [name]
    if is_cloud(name):
        return find_objects(name, lambda one: _is_log(Path(one)))
    if Path(name).exists():
        return _files_of_path(name)
    matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 - Path.glob has no absolute ones
    if not matches:
        kind = "no file matches this pattern" if glob.has_magic(name) else "no such file or folder"
        message = f"{name}: {kind}"
        raise SourceError(message)
    return [file for match in matches for file in _files_of_path(match)]


def _files_of_path(name: str) -> list[str]:
    path = Path(name)
    if not path.is_dir():
        return [_readable(name)]
    files = sorted(_logs_below(path))
    if not files:
        message = f"{name}: no logs in this folder ({_FORMS})"
        raise SourceError(message)
    return [_readable(file) for file in files]


def _readable(name: str) -> str:
    if not os.access(name, os.R_OK):
        message = f"{name}: not there any more, or not readable by this user"
        raise SourceError(message)
    return name


def _logs_below(folder: Path) -> Iterable[str]:
    """Yield the log files in a folder and below it; hidden ones are left out."""
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and _is_log(Path(name)):
                yield str(Path(root, name))


def _is_log(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix in _COMPRESSED_SUFFIXES:
        suffix = Path(path.stem).suffix.lower()
    return suffix in _LOG_SUFFIXES
