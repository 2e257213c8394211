"""A Dockerfile as the builder reads it: stages of instructions, in order."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPTION = re.compile(r"--(\S+?)=(\S+)\s+")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its keyword in capitals, its options, and the text that is left."""

    keyword: str
    options: tuple[tuple[str, str], ...]
    text: str

    @property
    def words(self) -> list[str]:
        """The words of its exec form, or of a shell's; variables are left as they stand."""
        if self.exec_form:
            words: list[str] = json.loads(self.text)
            return words
        return shlex.split(self.text)

    @property
    def exec_form(self) -> bool:
        """Whether it is written as a JSON list, which no shell has to read."""
        return self.text.startswith("[")

    @property
    def settings(self) -> dict[str, str]:
        """What an ENV or a LABEL sets."""
        return dict(word.split("=", 1) for word in self.words)

    @property
    def origin(self) -> str:
        """The stage that a COPY takes from, "" for the context."""
        return dict(self.options).get("from", "")


@dataclass(frozen=True, slots=True)
class Stage:
    """What one FROM begins: the image or stage it begins with, its name, its instructions."""

    base: str
    name: str
    instructions: tuple[Instruction, ...]

    def last(self, keyword: str) -> Instruction:
        """Return the last instruction with a keyword, which is the one that counts.

        Raises:
            LookupError: there is none.

        """
        return [each for each in self.instructions if each.keyword == keyword][-1]


def _lines(text: str) -> Iterator[str]:
    """Yield instructions as one line each: without comments, with what a backslash goes on to."""
    held = ""
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line.endswith("\\"):
            held += line[:-1].strip() + " "
            continue
        yield held + line.strip()
        held = ""


def _instruction(line: str) -> Instruction:
    """Read one instruction."""
    keyword, _, text = line.partition(" ")
    options = []
    while found := _OPTION.match(text):
        options.append((found[1], found[2]))
        text = text[found.end() :]
    return Instruction(keyword.upper(), tuple(options), text.strip())


def read(text: str) -> list[Stage]:
    """Read a Dockerfile that has no heredocs, and no ARG before its first FROM."""
    stages: list[Stage] = []
    for line in _lines(text):
        found = _instruction(line)
        if found.keyword == "FROM":
            base, *name = found.words
            stages.append(Stage(base, name[1] if name else "", ()))
        else:
            last = stages.pop()
            stages.append(Stage(last.base, last.name, (*last.instructions, found)))
    return stages
