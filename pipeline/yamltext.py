"""YAML text to plain values, with the line of every key kept for error messages.

Three things differ from `yaml.safe_load_all`: a time stamp stays the string it was written as
(entries in rule tests are wire values), a key written twice is an error (PyYAML silently takes
the last), and a document that expands without bound through its aliases is refused.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.errors import ConfigurationError, Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import ValidationError

Path = tuple[str | int, ...]

_NODE_LIMIT = 200_000
_SAFE_DEPTH = 300
# What a line has before its content: blanks, and the marks of list items and keys.
_INDENTATION = re.compile(r"^(?:[ \t]|[-?:](?=\s))++", re.MULTILINE)


class _Loader(yaml.SafeLoader):
    """SafeLoader without the time stamp resolver."""


class _FastLoader(yaml.CSafeLoader):
    """The same by libyaml, eight times as fast; text nested without bound overflows its stack."""


_Loader.yaml_implicit_resolvers = _FastLoader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


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
    try:
        if _depth_limit(text) < _SAFE_DEPTH:
            with suppress(yaml.YAMLError):  # what is wrong is said by the other
                return list(_documents(_FastLoader(text), name))
        return list(_documents(_Loader(text), name))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise ConfigurationError(
            [Mistake(name, line, f"not valid YAML: {error.problem}")]
        ) from error
    except yaml.YAMLError as error:
        raise ConfigurationError([Mistake(name, 0, f"not valid YAML: {error}")]) from error
    except RecursionError as error:
        raise ConfigurationError([Mistake(name, 0, "nested too deeply")]) from error


def _depth_limit(text: str) -> int:
    """Return a depth that the text cannot exceed, from its brackets and widest indentation.

    In block style a level begins right of its parent's column; a list may stand at its key's.
    """
    indented = max((len(line) for line in _INDENTATION.findall(text)), default=0)
    return text.count("[") + text.count("{") + 2 * indented


def _documents(loader: _Loader | _FastLoader, name: str) -> Iterator[Document]:
    while loader.check_node() and (node := loader.get_node()) is not None:
        lines: dict[Path, int] = {}
        mistakes = list(_walk(node, (), lines, name))
        if mistakes:
            raise ConfigurationError(mistakes)
        value = loader.construct_document(node)
        if value is not None:
            yield Document(name, value, lines)


def _walk(node: yaml.Node, path: Path, lines: dict[Path, int], name: str) -> Iterator[Mistake]:
    """Record the line of every node below `node`; yield the keys that are written twice."""
    lines.setdefault(path, node.start_mark.line + 1)
    if len(lines) > _NODE_LIMIT:
        raise ConfigurationError(
            [Mistake(name, 0, f"expands to more than {_NODE_LIMIT:,} values; are aliases nested?")]
        )
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, (*path, index), lines, name)
    elif isinstance(node, yaml.MappingNode):
        yield from _walk_mapping(node, path, lines, name)


def _walk_mapping(
    node: yaml.MappingNode, path: Path, lines: dict[Path, int], name: str
) -> Iterator[Mistake]:
    seen = set()
    for key, value in node.value:
        line = key.start_mark.line + 1
        if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
            yield Mistake(name, line, f"the key {key.value!r} is written twice")
        seen.add(str(key.value))
        lines[(*path, str(key.value))] = line
        yield from _walk(value, (*path, str(key.value)), lines, name)


def validation_mistakes(
    error: ValidationError, document: Document, prefix: Path = ()
) -> list[Mistake]:
    """Turn pydantic's errors into located mistakes, one each."""
    return [
        document.mistake(_sentence(item["loc"], item["type"], item["msg"]), (*prefix, *item["loc"]))
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def _sentence(location: tuple[int | str, ...], kind: str, message: str) -> str:
    where = ".".join(str(part) for part in location)
    if kind == "extra_forbidden":
        return f"unknown key {where!r}"
    if kind == "missing":
        return f"the key {where!r} is missing"
    message = message.removeprefix("Value error, ")
    return f"{where}: {message}" if where else f"the file: {message}"
