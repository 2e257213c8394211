"""Reading what `terraform fmt` has formatted: blocks, and the arguments at their first level.

No parser of the whole language: each block begins at the start of a line and ends with a line `}`,
each of its arguments begins after two spaces. The format is held by test_module.py.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_BLOCK = re.compile(r'^(\w+)((?: "[^"\n]+")*) \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_ARGUMENT = re.compile(r"^  (\w+) *(= |\{)", re.MULTILINE)
_HEREDOC = re.compile(r"<<-EOT\n(.*?)^ *EOT\n?$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A block at the top of a file; of an argument that stands there twice the first counts."""

    kind: str
    labels: tuple[str, ...]
    arguments: Mapping[str, str]
    text: str

    @property
    def address(self) -> str:
        """Return how Terraform calls it."""
        return ".".join(self.labels)


def blocks(folder: Path, kind: str = "") -> Iterator[Block]:
    """Yield the blocks of all files of a folder, in their order."""
    for path in sorted(folder.glob("*.tf")):
        for found, labels, text in _BLOCK.findall(path.read_text(encoding="utf-8")):
            if kind in {"", found}:
                yield Block(found, tuple(re.findall(r'"([^"]+)"', labels)), _arguments(text), text)


def _arguments(text: str) -> dict[str, str]:
    found = [*_ARGUMENT.finditer(text)]
    ends = [match.start() for match in found[1:]] + [len(text)]
    arguments: dict[str, str] = {}
    for match, end in zip(found, ends, strict=True):
        value = text[match.end() : end] if match[2] == "= " else text[match.start(2) : end]
        arguments.setdefault(match[1], value.strip())
    return arguments


def plain(value: str) -> str:
    """Return a text as Terraform reads it: quoted, or on lines of its own."""
    if match := _HEREDOC.search(value):
        return textwrap.dedent(match[1]).strip()
    inner = value.strip().removeprefix('"').removesuffix('"')
    return inner.replace('\\"', '"').replace("\\\\", "\\").replace("$${", "${")
