"""What a service's tree says is to be installed: requirement files, pyproject.toml, Pipfile."""

from __future__ import annotations

import ast
import configparser
import posixpath
import tomllib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import re2

from pipeline.investigators.source_code.imports.distributions import normal
from pipeline.investigators.source_code.python import called, parsed, strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.investigators.source_code.imports.modules import Modules

_NAME = re2.compile(r"^\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")
_INCLUDE = re2.compile(r"^(?:-r|--requirement)[ =]*(\S+)")
LARGEST = 100_000
"""Bytes of a project's file that are parsed: what parses them takes ever longer for a byte."""

_FILE = re2.compile(r"^[^\s@;#]*(?:/|\.(?:whl|zip|tar\.gz|tgz)(?:[\s;#]|$))")
_EGG = re2.compile(r"#egg=([A-Za-z0-9._-]+)")
_LOCKED = re2.compile(r"""(?m)^(?:name = "|\s+")([A-Za-z0-9._-]+)"(?:\s*:\s*\{)?""")
_LETTERS = re2.compile(r"[a-z]+")
_FOR_DEVELOPMENT = frozenset(
    (
        "build",
        "ci",
        "dev",
        "develop",
        "development",
        "doc",
        "docs",
        "lint",
        "linting",
        "mypy",
        "test",
        "testing",
        "tests",
        "types",
        "typing",
    )
)
_LOCKS = ("poetry.lock", "uv.lock", "Pipfile.lock", "pdm.lock")
_PROJECTS = ("pyproject.toml", "Pipfile", "setup.cfg", "setup.py")
_OPAQUE = ("environment.yml", "environment.yaml", "conda-lock.yml", "pixi.toml")


@dataclass(frozen=True, slots=True)
class Required:
    """A distribution that a file lists; `group` is "" for what is always installed.

    `word` is how the file spells it. Without a name it is another file that is to be read, or
    something that cannot be told.
    """

    name: str
    path: str
    word: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class Requirements:
    """All that is listed, the files that do, and those of which that cannot be told."""

    listed: tuple[Required, ...]
    files: tuple[str, ...]
    doubts: tuple[str, ...]


def requirements(seen: Modules) -> Requirements:
    """Read what is listed in the tree of a service, and in the folders above it."""
    checkout = seen.code.checkout
    waiting = [path for path in reversed(checkout.paths) if _counts(path, seen.tree)]
    told: dict[str, None] = {}
    listed: list[Required] = []
    doubts: list[str] = []
    while waiting:
        path = waiting.pop()
        if path in told:
            continue
        told[path] = None
        found = list(read(path, checkout.data(path)))
        listed += [one for one in found if one.name]
        included = [_beside(path, one.word) for one in found if one.word and not one.name]
        waiting += [one for one in included if one in checkout]
        unclear = any(not one.word for one in found) or not all(one in checkout for one in included)
        doubts += [path] if unclear or path in checkout.unread else []
    return Requirements(tuple(listed), tuple(told), tuple(doubts))


def _beside(path: str, other: str) -> str:
    """Return a path as a file names it that lies in the same repository."""
    return posixpath.normpath(posixpath.join(str(PurePosixPath(path).parent), other))


def _counts(path: str, tree: str) -> bool:
    """Say whether a file lists requirements, and lies in a tree or beside what leads there."""
    folder, name = str(PurePosixPath(path).parent), PurePosixPath(path).name
    listing = name in {*_LOCKS, *_PROJECTS, *_OPAQUE} or _is_plain(path)
    above = {str(one) for one in PurePosixPath(tree or ".").parents} | {".", tree or "."}
    near = folder in above or (PurePosixPath(folder).name == "requirements")
    inside = bool(tree) and path.startswith(f"{tree}/")
    return listing and (near or inside or not tree)


def _is_plain(path: str) -> bool:
    pure = PurePosixPath(path)
    named = "requirements" in pure.name or pure.parent.name == "requirements"
    return named and pure.suffix in {".txt", ".in", ".pip"}


def read(path: str, data: bytes) -> Iterator[Required]:
    """Yield what a file lists; one without a name stands for what cannot be told."""
    text, name = data.decode("utf-8-sig", "replace"), PurePosixPath(path).name
    if name in _OPAQUE or (name in _PROJECTS and len(data) > LARGEST):
        yield Required("", path, "")
    elif name in _LOCKS:
        yield from _locked(path, text)
    elif name == "setup.py":
        yield from _setup_py(path, data)
    elif name == "setup.cfg":
        yield from _setup_cfg(path, text)
    elif name in _PROJECTS:
        yield from _toml(path, text)
    else:
        yield from _plain(path, text)


def _plain(path: str, text: str) -> Iterator[Required]:
    pure = PurePosixPath(path)
    group = for_development(f"{pure.parent.name} {pure.stem}" if pure.suffix else pure.stem)
    for line in text.splitlines():
        bare = line.partition(" #")[0].strip()
        if not bare or bare.startswith("#"):
            continue
        if egg := _EGG.search(line):
            yield Required(normal(egg[1]), path, egg[1], group)
        elif bare.startswith(("-e", "--editable", "git+", "http", ".", "/", "file:")) or (
            _FILE.search(bare)
        ):
            yield Required("", path, "")
        elif match := _INCLUDE.match(bare):
            yield Required("", path, match[1])
        elif not bare.startswith("-"):
            yield from _line(path, bare, group)


def _line(path: str, line: str, group: str = "") -> Iterator[Required]:
    if match := _NAME.match(line):
        yield Required(normal(match[1]), path, match[1], group)


def _locked(path: str, text: str) -> Iterator[Required]:
    """Yield the names that a lock file spells out, as a line or as a key."""
    for match in _LOCKED.finditer(text):
        yield Required(normal(match[1]), path, match[1])


def _setup_py(path: str, data: bytes) -> Iterator[Required]:
    """Yield what stands in the lists of a script; that they may be made elsewhere is a doubt."""
    tree = parsed(data)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)] if tree else []
    for call in calls:
        if called(call).rpartition(".")[2] == "setup":
            for item in call.keywords:
                if item.arg in {"install_requires", "extras_require"}:
                    plain = isinstance(item.value, ast.List)
                    yield from () if plain else (Required("", path, ""),)
                    for _, said in strings(item.value):
                        yield from _line(path, said)
    if tree is None or any(
        isinstance(node, ast.Name) and node.id == "open" for node in ast.walk(tree)
    ):
        yield Required("", path, "")


def _setup_cfg(path: str, text: str) -> Iterator[Required]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        yield Required("", path, "")
        return
    for line in parser.get("options", "install_requires", fallback="").splitlines():
        yield from _line(path, line)
    if parser.has_section("options.extras_require"):
        for group, value in parser.items("options.extras_require"):
            for line in value.splitlines():
                yield from _line(path, line, group)


def _toml(path: str, text: str) -> Iterator[Required]:
    try:
        tables: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        yield Required("", path, "")
        return
    project = _table(tables, "project")
    if "dependencies" in str(project.get("dynamic")):
        yield Required("", path, "")
    yield from _lines(path, project.get("dependencies"))
    for group, value in _table(project, "optional-dependencies").items():
        yield from _lines(path, value, str(group))
    for group, value in _table(tables, "dependency-groups").items():
        yield from _lines(path, value, str(group))
    poetry = _table(_table(tables, "tool"), "poetry")
    yield from _keys(path, poetry.get("dependencies"))
    yield from _keys(path, poetry.get("dev-dependencies"), "dev")
    for group, value in _table(poetry, "group").items():
        named = "" if group == "main" else str(group)
        yield from _keys(path, _table({"": value}, "").get("dependencies"), named)
    yield from _keys(path, tables.get("packages"))
    yield from _keys(path, tables.get("dev-packages"), "dev")


def _table(tables: dict[str, Any], key: str) -> dict[str, Any]:
    found = tables.get(key)
    return found if isinstance(found, dict) else {}


def _lines(path: str, value: object, group: str = "") -> Iterator[Required]:
    for line in value if isinstance(value, list) else ():
        if isinstance(line, str):
            yield from _line(path, line, group)


def _keys(path: str, value: object, group: str = "") -> Iterator[Required]:
    for key, said in value.items() if isinstance(value, dict) else ():
        named = group
        if isinstance(said, dict) and said.get("optional"):
            named = group or "optional"
        yield from _line(path, str(key), named)


def for_development(words: str) -> str:
    """Return which word of a name says that it is not for what runs; "" if none does."""
    parts = (match[0] for match in _LETTERS.finditer(words.lower()))
    return next((part for part in parts if part in _FOR_DEVELOPMENT), "")
