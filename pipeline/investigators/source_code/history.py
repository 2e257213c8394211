"""A git repository: its trees and who changed what, read through libgit2.

libgit2 runs no hook, filter or program that a repository's configuration names.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import pygit2
from pygit2.enums import BlameFlag, ConfigLevel, FileMode, RepositoryOpenFlag, SortMode

from pipeline.investigators.source_code.checkout import (
    LARGEST,
    Checkout,
    read_folder,
    readable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# A checkout that is mounted belongs to somebody else, which git refuses because of the programs
# that its configuration may name: here none is run. That of user and machine is not needed.
pygit2.settings.owner_validation = False
for _level in (ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.GLOBAL):
    pygit2.settings.search_path[_level] = ""

DEEPEST = 20_000
"""Commits that are looked at before a search in history gives up."""

_FILES = (FileMode.BLOB, FileMode.BLOB_EXECUTABLE)
_DIGITS = frozenset("0123456789abcdef")
_END = re.compile(r"(?:\.git)?/?$")
_LEAST = 7
"""Digits of a commit's name that may stand for it."""
_MERGE = 2
"""Parents that a merge has at least."""


@dataclass(frozen=True, slots=True)
class Change:
    """A commit: its name, when it was made (UTC, `2025-09-10`), by whom, and its first line."""

    commit: str
    date: str
    author: str
    subject: str

    def __str__(self) -> str:
        return f"{self.commit[:12]} of {self.date}, “{self.subject}”"


class Repository:
    """A folder, with its history where it is a git repository.

    `trouble` says why the history of one cannot be read, "" if nothing is wrong.
    """

    def __init__(self, root: Path) -> None:
        """Open a folder; that it is no repository, or a broken one, is no mistake."""
        self.root = root
        self.trouble = ""
        self._git: pygit2.Repository | None = None
        try:
            self._git = pygit2.Repository(str(root), RepositoryOpenFlag.NO_SEARCH)
        except pygit2.GitError as error:
            self.trouble = _trouble(root, error)
        self._checkouts: dict[str, Checkout] = {}

    def resolve(self, name: str) -> str:
        """Return the full name of a commit; "" if it is not here."""
        found = self._commit(name)
        return str(found.id) if found else ""

    def may_be(self, github: str) -> bool:
        """Return whether it may be a repository at GitHub ("owner/name"), as its remotes go."""
        addresses = [str(one.url).lower() for one in self._git.remotes] if self._git else []
        known = [_END.sub("", one) for one in addresses if "github.com" in one]
        name = github.lower()
        return not known or any(one.endswith((f"/{name}", f":{name}")) for one in known)

    def checkout(self, commit: str = "") -> Checkout:
        """Return the tree of a commit; without one that is here, the folder as it lies there."""
        known = self.resolve(commit) if commit else ""
        if not known and (self._git is None or not self._git.is_bare):
            return self._kept("", lambda: read_folder(self.root))
        return self._kept(known or self.resolve("HEAD"), lambda: self._tree(known or "HEAD"))

    def is_committed(self, path: str, data: bytes, commit: str) -> bool:
        """Say whether a file of a commit has these bytes: then a link to its lines holds."""
        return self._blob(commit, path) == data

    def last_change(self, path: str, line: int, commit: str = "HEAD") -> Change | None:
        """Return who last changed a line of a file (1 is the first), as of a commit."""
        found, data = self._commit(commit), self._blob(commit, path)
        if self._git is None or found is None or not 0 < line <= len((data or b"").splitlines()):
            return None
        with suppress(pygit2.GitError, KeyError, ValueError, IndexError):
            blame = self._git.blame(
                path,
                flags=BlameFlag.NORMAL,
                newest_commit=found.id,
                min_line=line,
                max_line=line,
            )
            return self._change(str(blame.for_line(line).final_commit_id))
        return None

    def appeared(self, path: str, word: bytes, commit: str = "HEAD") -> Change | None:
        """Return the last commit, up to one, that brought a word into a file, or the file."""
        has = lru_cache(maxsize=None)(lambda name: self._has(name, path, word))
        for found in self._walk(commit):
            if has(str(found.id)) and not any(has(str(one)) for one in found.parent_ids):
                return _change(found)
        return None

    def deleted(
        self, wanted: Callable[[str], bool], commit: str = "HEAD"
    ) -> tuple[str, Change] | None:
        """Return the file deleted last whose path is wanted, and the commit that did it."""
        for found in self._walk(commit):
            for path in self._touched(found, deleted=True):
                if wanted(path):
                    return path, _change(found)
        return None

    def taken_out(
        self, word: bytes, under: str = "", commit: str = "HEAD"
    ) -> Iterator[tuple[str, bytes, Change]]:
        """Yield the files below a folder that lost a word, as they were, with the commit that did.

        The newest comes first. What a merge took out is told where its branch did.
        """
        for found in self._walk(commit):
            if len(found.parents) != 1:
                continue
            for path, before, after in self._differences(found, under.strip("/")):
                if word in before and word not in after:
                    yield path, before, _change(found)

    def edits(self, path: str, commit: str = "HEAD") -> Iterator[tuple[Change, bytes, bytes]]:
        """Yield the commits that changed or deleted a file, with its bytes before and after.

        The newest comes first. What a merge did is told where its branch did it.
        """
        for found in self._walk(commit):
            if len(found.parents) == 1:
                before, after = (_entry(one.tree, path) for one in (found.parents[0], found))
                if before is not None and before != after:
                    now = self._data(after) if after is not None else b""
                    yield _change(found), self._data(before) or b"", now or b""

    def between(
        self, good: str, bad: str, wanted: Callable[[str], bool]
    ) -> Iterator[tuple[Change, tuple[str, ...]]]:
        """Yield the commits after one, up to and with another, with the wanted files they touch.

        The newest comes first. What a merge brings is told where its branch did it.
        """
        for found in self._walk(bad, without=good):
            if len(found.parents) < _MERGE:
                yield _change(found), tuple(filter(wanted, self._touched(found)))

    def is_before(self, earlier: str, later: str) -> bool:
        """Say whether a commit is in the history of another."""
        one, other = self._commit(earlier), self._commit(later)
        if self._git is None or one is None or other is None:
            return False
        return self._git.descendant_of(other.id, one.id)

    def text_at(self, commit: str, path: str) -> bytes | None:
        """Return a file as a commit has it; None if it has none."""
        return self._blob(commit, path)

    def _kept(self, commit: str, make: Callable[[], Checkout]) -> Checkout:
        if commit not in self._checkouts:
            self._checkouts[commit] = make()
        return self._checkouts[commit]

    def _commit(self, name: str) -> pygit2.Commit | None:
        is_name = name == "HEAD" or (len(name) >= _LEAST and _DIGITS.issuperset(name))
        if self._git is None or not is_name:  # any other name is an expression, which may search
            return None
        with suppress(pygit2.GitError, KeyError, ValueError):
            found = self._git.revparse_single(name).peel(pygit2.Commit)
            return found if _is_whole(found) else None
        return None

    def _tree(self, name: str) -> Checkout:
        found = self._commit(name)
        if found is None:
            return Checkout({})
        files = dict(_files(found.tree))
        return Checkout(
            {path: self._reader(oid) for path, oid in files.items()}, commit=str(found.id)
        )

    def _reader(self, oid: pygit2.Oid) -> Callable[[], bytes]:
        def read() -> bytes:
            data = self._data(oid)
            if data is None:
                message = f"there is no object {oid}"
                raise OSError(message)
            return data

        return read

    def _data(self, oid: pygit2.Oid) -> bytes | None:
        """Return the bytes of a file, one more than `LARGEST` at most; None if it is not here."""
        with suppress(KeyError, pygit2.GitError):
            found = self._git[oid] if self._git is not None else None
            if isinstance(found, pygit2.Blob):
                return found.data[: LARGEST + 1]
        return None

    def _walk(self, commit: str, without: str = "") -> Iterator[pygit2.Commit]:
        start = self._commit(commit)
        if self._git is None or start is None:
            return
        walker = self._git.walk(start.id, SortMode.TOPOLOGICAL | SortMode.TIME)
        if hidden := self._commit(without):
            walker.hide(hidden.id)
        with suppress(pygit2.GitError, KeyError):  # a shallow clone ends somewhere
            for _, found in zip(range(DEEPEST), walker, strict=False):
                if all(map(_is_whole, found.parents)) and _is_whole(found):
                    yield found

    def _touched(self, commit: pygit2.Commit, *, deleted: bool = False) -> Iterator[str]:
        """Yield the files in which a commit differs from its first parent."""
        with suppress(pygit2.GitError, KeyError):
            parents = commit.parents
            diff = (
                commit.tree.diff_to_tree(parents[0].tree, swap=True)
                if parents
                else commit.tree.diff_to_tree(swap=True)
            )
            for delta in diff.deltas:
                if not deleted or delta.status_char() == "D":
                    yield readable(delta.old_file.path if deleted else delta.new_file.path)

    def _differences(self, commit: pygit2.Commit, under: str) -> Iterator[tuple[str, bytes, bytes]]:
        """Yield the files below a folder that a commit changed or deleted, before and after."""
        with suppress(pygit2.GitError, KeyError):
            before, after = (_below(one.tree, under) for one in (commit.parents[0], commit))
            if before is None or (after is not None and before.id == after.id):
                return
            diff = before.diff_to_tree(after) if after else before.diff_to_tree()
            for delta in diff.deltas:
                if delta.status_char() in "MD":
                    path = "/".join(filter(None, (under, readable(delta.old_file.path))))
                    now = self._data(delta.new_file.id) if delta.status_char() == "M" else b""
                    yield path, self._data(delta.old_file.id) or b"", now or b""

    def _has(self, commit: str, path: str, word: bytes) -> bool:
        data = self._blob(commit, path)
        return data is not None and word in data

    def _blob(self, commit: str, path: str) -> bytes | None:
        found = self._commit(commit)
        if found is None:
            return None
        with suppress(KeyError, pygit2.GitError):
            item = found.tree[path]
            if item.filemode in _FILES:
                return self._data(item.id)
        return None

    def _change(self, commit: str) -> Change | None:
        found = self._commit(commit)
        return _change(found) if found else None


def _trouble(root: Path, error: pygit2.GitError) -> str:
    """Say why there is no history where one would expect it."""
    if (root / ".git").exists():
        return str(error)
    with suppress(pygit2.GitError):
        if pygit2.discover_repository(str(root)):
            return "it is a folder within a repository: give the repository's own"
    return ""


def _files(tree: pygit2.Tree) -> Iterator[tuple[str, pygit2.Oid]]:
    """Yield the files of a tree; a folder whose object is missing is one that cannot be read."""
    waiting = [("", tree)]
    while waiting:
        above, folder = waiting.pop()
        for item in folder:
            path = f"{above}{readable(item.name or '')}"
            if isinstance(item, pygit2.Tree) and _is_there(item):
                waiting.append((f"{path}/", item))
            elif isinstance(item, pygit2.Tree) or item.filemode in _FILES:
                yield path, item.id


def _is_whole(commit: pygit2.Commit) -> bool:
    """Say that the tree of a commit is here, as it is not in every partial clone.

    Raises:
        KeyError, pygit2.GitError: it is not.

    """
    return commit.tree is not None


def _is_there(tree: pygit2.Tree) -> bool:
    with suppress(KeyError, pygit2.GitError):
        return len(tree) >= 0
    return False


def _below(tree: pygit2.Tree, folder: str) -> pygit2.Tree | None:
    """Return the tree of a folder; None if there is none."""
    found = tree[folder] if folder and folder in tree else tree
    return found if isinstance(found, pygit2.Tree) and (not folder or folder in tree) else None


def _entry(tree: pygit2.Tree, path: str) -> pygit2.Oid | None:
    """Return the object that a path stands for in a tree; None if there is no file."""
    with suppress(KeyError, pygit2.GitError):
        found = tree[path]
        return found.id if found.filemode in _FILES else None
    return None


def _change(commit: pygit2.Commit) -> Change:
    encoding = commit.message_encoding
    author = _text(commit.author.raw_name, encoding)
    subject = _text(commit.raw_message, encoding).strip().partition("\n")[0].strip()
    return Change(str(commit.id), _day(commit.commit_time), author, subject)


def _day(seconds: int) -> str:
    """Return a day, UTC; a commit may claim any number of seconds."""
    with suppress(ValueError, OverflowError, OSError):
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
    return "an unknown date"


def _text(data: bytes | None, encoding: str | None) -> str:
    """Return text of a commit, which may name any encoding, or one that there is not."""
    with suppress(LookupError, UnicodeError):
        return readable((data or b"").decode(encoding or "utf-8", "replace"))
    return (data or b"").decode("utf-8", "replace")
