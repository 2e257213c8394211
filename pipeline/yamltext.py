"""YAML text to plain values, with the line of every key kept for error messages.

Three things differ from `yaml.safe_load_all`: a time stamp stays the string it was written as
(entries in rule tests are wire values), a key written twice is an error (PyYAML silently takes
the last), and a document that is huge, or expands without bound through its aliases, is refused.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml
from yaml.reader import ReaderError

from pipeline.errors import ConfigurationError, Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path = tuple[str | int, ...]
_Broken = yaml.MarkedYAMLError | ReaderError | RecursionError

_NODE_LIMIT = 200_000
_TEXT_LIMIT = 2_000_000
_PROBLEM_LIMIT = 200
_SAFE_DEPTH = 300
# What a line has before its content: blanks, and the marks of list items and keys.
_INDENTATION = re.compile(r"^(?:[ \t]|[-?:](?=\s))++", re.MULTILINE)
# Where a document ends, whatever it holds.
_BREAK = re.compile(r"^---", re.MULTILINE)


_TAG = "tag:yaml.org,2002:"
_TEXT = f"{_TAG}str"
_LIST = f"{_TAG}seq"
_MAP = f"{_TAG}map"
_SCALARS = frozenset(_TAG + kind for kind in ("null", "bool", "int", "float", "timestamp"))


class _Loader(yaml.SafeLoader):
    """SafeLoader without the time stamp resolver."""


class _FastLoader(yaml.CSafeLoader):
    """The same by libyaml, eight times as fast; text nested without bound overflows its stack.

    What YAML can do by paths and nobody here asks for is left out of telling the tags.
    """

    def descend_resolver(self, *_: object) -> None:
        """Follow no path."""

    def ascend_resolver(self) -> None:
        """Follow no path."""

    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str:
        """Return the tag of a node that has none."""
        if kind is yaml.ScalarNode:
            return _plain_tag(value) if implicit[0] else _TEXT
        return _LIST if kind is yaml.SequenceNode else _MAP


_Loader.yaml_implicit_resolvers = _FastLoader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@lru_cache(maxsize=4096)
def _plain_tag(text: str) -> str:
    """Return what a text without quotes is: most rules use the same words."""
    resolvers = _FastLoader.yaml_implicit_resolvers.get(text[:1], ())
    return next((tag for tag, regexp in resolvers if regexp.match(text)), _TEXT)


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its value, the file it came from and the line of every key and item."""

    name: str
    value: Any
    lines: Mapping[Path, int]

    def line(self, path: Path = ()) -> int:
        """Return the line of the node at `path`, or of its nearest ancestor that is known."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def place(self, path: Path = ()) -> str:
        """Return `file:line` of the node at `path`."""
        return f"{self.name}:{self.line(path)}"

    def mistake(self, message: str, path: Path = ()) -> Mistake:
        """Return a mistake located at `path`."""
        return Mistake(self.name, self.line(path), message)


def parse(text: str, name: str) -> list[Document]:
    """Parse every document of `text`; empty ones are left out.

    Raises:
        ConfigurationError: the text is no YAML, repeats a key or expands without bound.

    """
    _check_size(text, name)
    anchors, loader = "&" in text, None
    try:
        if _depth_limit(text) < _SAFE_DEPTH:
            with suppress(yaml.YAMLError):  # what is wrong is said by the other
                return list(_documents(_FastLoader(text), name, anchors))
        loader = _Loader(text)
        return list(_documents(loader, name, anchors))
    except (yaml.MarkedYAMLError, ReaderError, RecursionError) as error:
        raise ConfigurationError([_mistake(error, text, name, loader)]) from error


def _mistake(error: _Broken, text: str, name: str, loader: _Loader | None) -> Mistake:
    """Say what is no YAML; `loader` is the one that was nested too deeply, if it says where."""
    if isinstance(error, RecursionError):
        message = "nested too deeply, or an alias stands within what it means"
        return Mistake(name, loader.line + 1 if loader else 1, message)
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return Mistake(name, line, f"not valid YAML: U+{error.character:04X} may not stand in it")
    mark = error.problem_mark or error.context_mark
    problem = f"not valid YAML: {error.problem!s:.{_PROBLEM_LIMIT}}"
    tab = "; indent with spaces" if "'\\t'" in problem else ""
    return Mistake(name, mark.line + 1 if mark else 0, problem + tab)


def _check_size(text: str, name: str) -> None:
    """Refuse a document that would take a gigabyte in memory; most texts are short anyway."""
    if len(text) <= _TEXT_LIMIT:
        return
    begin = 0
    for end in (*(found.start() for found in _BREAK.finditer(text)), len(text)):
        if end - begin > _TEXT_LIMIT:
            line = text.count("\n", 0, begin) + 1
            message = (
                f"has {end - begin:,} characters from here on; at most {_TEXT_LIMIT:,} are read"
            )
            raise ConfigurationError([Mistake(name, line, message)])
        begin = end


def _depth_limit(text: str) -> int:
    """Return a depth that the text cannot exceed, from its brackets and widest indentation.

    In block style a level begins right of its parent's column; a list may stand at its key's.
    """
    indented = max((len(line) for line in _INDENTATION.findall(text)), default=0)
    return text.count("[") + text.count("{") + 2 * indented


def _documents(loader: _Loader | _FastLoader, name: str, anchors: bool) -> Iterator[Document]:  # noqa: FBT001 - one caller
    while loader.check_node() and (node := loader.get_node()) is not None:
        walk = _Walk(loader, name, simple=not anchors)
        value = walk.value(node, ())
        if walk.mistakes:
            raise ConfigurationError(walk.mistakes)
        if not walk.simple:
            value = loader.construct_document(node)
        if value is not None:
            yield Document(name, value, walk.lines)


class _Walk:
    """One way through the nodes of a document, for the lines and values of all of them.

    It makes plain texts, numbers, lists and mappings. Anything else (aliases, merges, tags) makes
    the document not `simple`, and its values are for the loader to make.
    """

    def __init__(self, loader: _Loader | _FastLoader, name: str, *, simple: bool) -> None:
        self.simple = simple
        self.lines: dict[Path, int] = {}
        self.mistakes: list[Mistake] = []
        self._loader = loader
        self._name = name

    def value(self, node: yaml.Node, path: Path) -> Any:
        """Return the value of a node; record the line of every node below it."""
        self.lines.setdefault(path, node.start_mark.line + 1)
        if len(self.lines) > _NODE_LIMIT:
            message = f"expands to more than {_NODE_LIMIT:,} values; are aliases nested?"
            raise ConfigurationError([Mistake(self._name, node.start_mark.line + 1, message)])
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        self.simple &= node.tag == _LIST
        return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if node.tag == _TEXT:
            return node.value
        if node.tag in _SCALARS:
            return self._made(node)
        self.simple = False
        return None

    def _made(self, node: yaml.ScalarNode) -> Any:
        try:
            return self._loader.construct_object(node)
        except (AttributeError, LookupError, ValueError):  # what PyYAML makes of `!!int x`
            message = f"{node.value!r:.80} is no {node.tag.removeprefix(_TAG)}"
            self.mistakes.append(Mistake(self._name, node.start_mark.line + 1, message))
            return None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[Any, Any]:
        """Return the value of a mapping; note the keys that are written twice."""
        self.simple &= node.tag == _MAP
        seen = set()
        values = {}
        for key, item in node.value:
            line, name = key.start_mark.line + 1, str(key.value)
            if name in seen and key.tag != f"{_TAG}merge":
                message = f"the key {name!r:.80} is written twice; keep one of them"
                self.mistakes.append(Mistake(self._name, line, message))
            seen.add(name)
            inner = (*path, name)
            self.lines[inner] = line
            value = self.value(item, inner)
            values[self._key(key)] = value
        return values

    def _key(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        self.simple = False
        return None
