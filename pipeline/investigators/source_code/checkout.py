"""The files of a repository at one commit, or as they lie in a folder: read, and never run.

Links are not followed, and what is no text, or too large to be written by hand, is left out: it is
counted, as an answer such as "no file has it" is only as good as the search behind it.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

LARGEST = 1024 * 1024
"""Bytes of a file that is looked into."""

MOST = 200_000
"""Files of a folder that is no git repository; there are more only where something went wrong."""

KEPT = 256 * 1024 * 1024
"""Bytes of files that are kept to be looked into again; the rest is read anew each time."""

GENERATED = frozenset(
    (".git", ".hg", ".mypy_cache", ".nox", ".svn", ".tox", ".venv", "__pycache__", "node_modules")
)
"""Folders that hold what was made or fetched, not what was written."""

_TESTS = frozenset(("__tests__", "e2e", "spec", "test", "tests", "testing"))
_TEST_FILES = re2.compile(r"^(?:test_.*|.*_test|conftest|.*\.(?:test|spec))\.\w+$")


def is_test(path: str) -> bool:
    """Say whether a file is part of the tests, which do not run where the service does."""
    pure = PurePosixPath(path)
    parts = {part.lower() for part in pure.parts[:-1]}
    return not _TESTS.isdisjoint(parts) or _TEST_FILES.search(pure.name.lower()) is not None


@dataclass(frozen=True, slots=True)
class Found:
    """A line of a file; numbers begin with 1."""

    path: str
    line: int
    text: str


@dataclass
class Checkout:
    """The files of one tree by path, `/` between folders; `commit` is "" for a plain folder.

    `readers` return the bytes of each file and raise OSError where it cannot be read.
    """

    readers: Mapping[str, Callable[[], bytes]]
    commit: str = ""
    unread: set[str] = field(default_factory=set)
    _data: dict[str, bytes] = field(default_factory=dict, repr=False)
    _held: int = 0

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """All files, sorted."""
        return tuple(sorted(self.readers))

    @cached_property
    def folders(self) -> frozenset[str]:
        """All folders that hold a file; the top is "."."""
        return frozenset(
            str(folder) for path in self.paths for folder in PurePosixPath(path).parents
        )

    def __contains__(self, path: str) -> bool:
        return path in self.readers

    def under(self, folder: str = "", suffixes: tuple[str, ...] = ()) -> list[str]:
        """Return the files below a folder ("" for all) whose names end in one of the suffixes."""
        beginning = f"{folder.strip('/')}/" if folder.strip("/.") else ""
        return [
            path
            for path in self.paths
            if path.startswith(beginning) and (not suffixes or path.endswith(suffixes))
        ]

    def data(self, path: str) -> bytes:
        """Return the bytes of a text file; none of one that is missing, too large or no text."""
        known = self._data.get(path)
        if known is None:
            known = self._read(path)
            if self._held + len(known) <= KEPT:
                self._data[path] = known
                self._held += len(known)
        return known

    def text(self, path: str) -> str:
        """Return a file as text; what is no UTF-8 in it is replaced."""
        return self.data(path).decode("utf-8", "replace")

    def containing(
        self, words: Iterable[str], folder: str = "", suffixes: tuple[str, ...] = ()
    ) -> list[str]:
        """Return the files below a folder in which one of the words stands, in order."""
        wanted = [word.encode() for word in words]
        return [
            path
            for path in self.under(folder, suffixes)
            if any(word in self.data(path) for word in wanted)
        ]

    def lines(self, path: str, word: str) -> Iterator[Found]:
        """Yield the lines of a file that hold a word."""
        if word.encode() not in self.data(path):
            return
        for number, line in enumerate(self.text(path).split("\n"), start=1):
            if word in line:
                yield Found(path, number, line.strip())

    def _read(self, path: str) -> bytes:
        reader = self.readers.get(path)
        if reader is None:
            return b""
        try:
            data = reader()
        except OSError:
            data = b"\0"
        if len(data) > LARGEST or b"\0" in data:
            self.unread.add(path)
            return b""
        return data


def read_folder(root: Path) -> Checkout:
    """Return the files of a folder as they lie there.

    Raises:
        OSError: it cannot be listed.

    """
    return Checkout({readable(path): _reader(root / path) for path in _walk(root)})


def readable(text: str) -> str:
    """Return text that can be written down: what of a name is no UTF-8 becomes `?`."""
    return text.encode("utf-8", "replace").decode()


def _walk(root: Path) -> Iterator[str]:
    """Yield the files of a folder by path; links and what is no file are passed over."""
    left = MOST
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - GENERATED)
        for name in names:
            path = Path(folder, name)
            if left and stat.S_ISREG(path.lstat().st_mode):
                left -= 1
                yield path.relative_to(root).as_posix()


def _reader(path: Path) -> Callable[[], bytes]:
    return lambda: read_regular(path)


def read_regular(path: Path) -> bytes:
    """Return the bytes of a regular file that is no link, one more than `LARGEST` at most.

    Raises:
        OSError: it cannot be read, or is something else by now.

    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            message = f"{path} is no file"
            raise OSError(message)
        return file.read(LARGEST + 1)
