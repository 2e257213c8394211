"""Where the modules of a repository lie, by the names that Python code imports them by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import re2

from pipeline.investigators.source_code.code import SHORT
from pipeline.investigators.source_code.python import outline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.investigators.source_code.code import Code
    from pipeline.investigators.source_code.python import Import, Outline

SUFFIX = ".py"
_INIT = "__init__.py"
_TOP = "."
_INSTALLED = ("-packages/", "/lib/python", "<")
"""Parts of the paths of modules that were installed, or came with Python."""


@dataclass(frozen=True, slots=True)
class Importer:
    """A statement that imports something, and its file."""

    path: str
    item: Import

    @property
    def place(self) -> str:
        """How it is cited."""
        return f"{self.path}:{self.item.line}"


@dataclass(frozen=True)
class Modules:
    """The modules of a repository, seen from a folder: the tree of the service that failed."""

    code: Code
    tree: str = ""

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """The folders that imports may begin in: the tree's, those above it, and their `src`."""
        folder = PurePosixPath(self.tree or _TOP)
        above = [str(one) for one in (folder, *folder.parents)]
        return tuple(dict.fromkeys(one for root in above for one in (root, _join(root, "src"))))

    @cached_property
    def files(self) -> tuple[str, ...]:
        """All Python files of the repository."""
        return tuple(self.code.checkout.under("", (SUFFIX,)))

    @cached_property
    def lowered(self) -> dict[str, str]:
        """All paths of Python files and their folders, by the same in small letters."""
        return {path.lower(): path for path in (*self.folders, *self.files)}

    @cached_property
    def folders(self) -> frozenset[str]:
        """All folders that hold Python, at any depth."""
        return frozenset(str(one) for path in self.files for one in PurePosixPath(path).parents)

    @property
    def ref(self) -> str:
        """How all of it is cited."""
        return f"commit {self.code.commit[:SHORT]}" if self.code.commit else "--repo"

    def outline(self, path: str) -> Outline | None:
        """Return what a module defines and imports; None if it does not parse."""
        data = self.code.checkout.data(path)
        if not data and path in self.code.checkout.unread:
            return None
        return outline(data)

    def found(self, module: str) -> list[str]:
        """Return the files that a module may be, each once; those of its own tree come first."""
        return list(dict.fromkeys(path for root in self.roots for path in self._in(root, module)))

    def file(self, module: str) -> str:
        """Return the one file that a module is; "" if there is none, or nobody knows which."""
        found = self.found(module)
        return found[0] if len(found) == 1 else ""

    def folder(self, package: str) -> str:
        """Return the folder of a package, one without `__init__.py` too; "" if there is none."""
        paths = (_join(root, *package.split(".")) for root in self.roots)
        return next((path for path in paths if path in self.folders), "")

    def at(self, place: str) -> str:
        """Return which file a path of the container is: the longest end that is here; "" if none.

        What was installed into the container is not of the repository.
        """
        if any(word in place for word in _INSTALLED):
            return ""
        parts = [part for part in place.split("/") if part]
        ends = ("/".join(parts[start:]) for start in range(len(parts)))
        for end in ends:
            near = [_join(root, end) for root in self.roots]
            if path := next((one for one in near if one in self.code.checkout), ""):
                return path
        return ""

    def submodule(self, path: str, name: str) -> str:
        """Return the file of a module within a package, given by its file; "" if there is none."""
        if not path.endswith(_INIT):
            return ""
        folder = str(PurePosixPath(path).parent)
        found = list(self._in(folder, name))
        return found[0] if found else ""

    def targets(self, path: str, item: Import) -> list[str]:
        """Return the files of the repository that an import of a file leads to."""
        base = self._base(path, item)
        if not base:
            return []
        inner = self.submodule(base, item.name) if item.name not in {"", "*"} else ""
        return [base, inner] if inner else [base]

    def importers(self, module: str, file: str, name: str = "") -> Iterator[Importer]:
        """Yield who imports a module, or a name from it; `file` is "" if it is not here."""
        word = name or module.rpartition(".")[2]
        may = _mentioning(module, name)
        for path in self.code.checkout.containing([word], "", (SUFFIX,)):
            near = self.is_near(path) and may.search(self.code.checkout.data(path))
            known = self.outline(path) if near else None
            for item in known.imports if known else ():
                if self._asks(path, item, module, file, name):
                    yield Importer(path, item)

    def is_near(self, path: str) -> bool:
        """Say whether a file lies in the tree, or in that of no service."""
        return path.startswith(f"{self.tree}/") or not self.code.service_of(path)

    def candidates(self, module: str) -> list[str]:
        """Return the paths that a module could have, whether they are here or not."""
        bases = [_join(root, *module.split(".")) for root in self.roots]
        return [path for base in bases for path in (base + SUFFIX, f"{base}/{_INIT}")]

    def spelled(self, module: str) -> str:
        """Return the path that a module has in other letter case; "" if there is none."""
        parts = module.split(".")
        for root in self.roots:
            for end in (f"{parts[-1]}{SUFFIX}", f"{parts[-1]}/{_INIT}", parts[-1]):
                wanted = _join(root, *parts[:-1], end)
                path = self.lowered.get(wanted.lower(), "")
                if path and path != wanted:
                    return path
        return ""

    def _asks(self, path: str, item: Import, module: str, file: str, name: str) -> bool:
        """Say whether an import is that of a module, or of something below it; or of its name."""
        wanted = {_bare(file)} if file else {_join(root, *_parts(module)) for root in self.roots}
        bases = self._bases(path, item)
        if name:
            return item.name == name and not wanted.isdisjoint(bases)
        whole = [*bases, *(_join(base, item.name) for base in bases if item.name)]
        return any(f"{base}/".startswith(f"{one}/") for base in whole for one in wanted)

    def _bases(self, path: str, item: Import) -> list[str]:
        """Return where the module behind `from` or `import` may lie, without a suffix."""
        if not item.level:
            return [_join(root, *_parts(item.module)) for root in self.roots]
        folders = PurePosixPath(path).parents
        if item.level > len(folders):
            return []
        return [_join(str(folders[item.level - 1]), *_parts(item.module))]

    def _base(self, path: str, item: Import) -> str:
        """Return the file of the module that stands behind `from` or `import`."""
        if not item.level:
            return self.file(item.module)
        (base, *_) = self._bases(path, item) or ("",)
        names = (f"{base}/{_INIT}" if base else _INIT, f"{base}{SUFFIX}")
        return next((name for name in names if name in self.code.checkout), "")

    def _in(self, root: str, module: str) -> Iterator[str]:
        parts = module.split(".")
        names: Iterable[str] = (_join(root, *parts, _INIT), _join(root, *parts) + SUFFIX)
        yield from [path for path in names if path in self.code.checkout][:1]


def _mentioning(module: str, name: str) -> re2._Regexp[bytes]:
    """Return what a file has that may import a module, or a name from it; much else may, too."""
    if not f"{module}{name}".isascii():
        return re2.compile(b"")  # where a word ends is known of ASCII only
    above, _, last = module.rpartition(".")
    parent = above.rpartition(".")[2]
    dots = r"\bfrom[ \t]*[.]+[ \t]*import\b"
    if name:
        wanted = [rf"\bfrom\b[^\n]*\b{last}[ \t\\]*(?:\r?\n[ \t]*)?import\b", dots]
    else:
        below = rf"\bfrom\b[^\n]*\b{parent}[ \t]+import[ \t]*[(\\]" if parent else dots
        wanted = [rf"\b(?:from|import)\b[^\n]*\b{last}\b", r"\bimport\b[^\n]*\\\r?\n", below, dots]
    return re2.compile("|".join(wanted).encode())


def _parts(module: str) -> list[str]:
    return module.split(".") if module else []


def _bare(file: str) -> str:
    """Return the path of a module without its suffix, that of a package without `__init__`."""
    return file.removesuffix(f"/{_INIT}").removesuffix(SUFFIX)


def _join(*parts: str) -> str:
    return "/".join(part for part in parts if part and part != _TOP)
