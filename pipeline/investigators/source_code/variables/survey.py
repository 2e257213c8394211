"""All that reads and sets variables in a repository, as one service sees it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.investigators.source_code.checkout import is_test
from pipeline.investigators.source_code.variables.places import Set, is_deployment, settings
from pipeline.investigators.source_code.variables.reads import Read, reads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.investigators.source_code.code import Code

LANGUAGES = (
    ".cjs", ".cs", ".go", ".java", ".js", ".jsx", ".kt", ".mjs", ".php", ".properties", ".py",
    ".rb", ".rs", ".scala", ".ts", ".tsx", ".toml", ".ini", ".cfg", ".json", ".vue", ".svelte",
)  # fmt: skip
"""Files that may read a variable; documents are none."""


@dataclass(frozen=True)
class Survey:
    """A repository as a service sees it: what other services' trees have is not its own."""

    code: Code
    services: tuple[str, ...]
    _having: dict[tuple[bool, str], tuple[str, ...]] = field(default_factory=dict, compare=False)

    @cached_property
    def trees(self) -> frozenset[str]:
        """The folders of the root's services."""
        return frozenset(tree for name in self.services if (tree := self.code.tree_of(name)))

    def is_here(self, path: str) -> bool:
        """Say whether a file is of these services, or of none."""
        mine = any(path.startswith(f"{tree}/") for tree in self.trees)
        return mine or not self.trees or not self.code.service_of(path)

    @cached_property
    def deployment(self) -> tuple[str, ...]:
        """The files that may set variables, tests left out."""
        checkout = self.code.checkout
        return tuple(
            path
            for path in checkout.paths
            if not is_test(path) and is_deployment(path, lambda path=path: checkout.data(path))  # type: ignore[misc]
        )

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The files that may read them, tests and what deploys left out."""
        deploying = frozenset(self.deployment)
        paths = self.code.checkout.under("", LANGUAGES)
        return tuple(path for path in paths if not is_test(path) and path not in deploying)

    @cached_property
    def set_here(self) -> tuple[tuple[str, Set], ...]:
        """All that files of these services, or of none, set."""
        return tuple(
            item for path in self.deployment if self.is_here(path) for item in self._set(path)
        )

    def sets(self, name: str) -> list[tuple[str, Set]]:
        """Return the lines that set a variable, wherever they are."""
        paths = self.deployment_with(name)
        return [item for path in paths for item in self._set(path) if item[1].name == name]

    def reads(self, words: Iterable[str]) -> list[tuple[str, Read]]:
        """Return what files that hold one of some words read, those of other services left out."""
        return [
            (path, read)
            for path in sorted({path for word in words for path in self.sources_with(word)})
            if self.is_here(path)
            for read in reads(self.code.checkout.data(path), is_python=path.endswith(".py"))
        ]

    def is_set_by_code(self, name: str) -> tuple[str, int] | None:
        """Return where code that does not read a variable has it as a key, as what deploys does."""
        word = rf"[\"']?{re.escape(name)}[\"']?"
        key = re.compile(rf"(?:^|[{{,(\s]){word}\s*[:=](?!=)|name\W{{1,4}}{word}(?!\w)")
        for path in self.sources_with(name):
            data = self.code.checkout.data(path)
            if all(one.name != name for one in reads(data, is_python=path.endswith(".py"))):
                for _, line, text in self.mentions(name, (path,)):
                    if self.is_here(path) and key.search(text):
                        return path, line
        return None

    def mentions(self, name: str, paths: Iterable[str]) -> Iterator[tuple[str, int, str]]:
        """Yield the lines of files that hold a name as a word."""
        word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        for path in paths:
            for found in self.code.checkout.lines(path, name):
                if word.search(found.text):
                    yield path, found.line, found.text

    @cached_property
    def models(self) -> tuple[tuple[str, Read], ...]:
        """What all models of settings take."""
        return tuple(item for item in self.reads(("Settings",)) if item[1].field)

    def _set(self, path: str) -> Iterator[tuple[str, Set]]:
        name = path.rpartition("/")[2]
        return ((path, one) for one in settings(name, self.code.checkout.data(path)))

    def sources_with(self, word: str) -> tuple[str, ...]:
        """Return the files that may read variables and hold a word."""
        return self._with(self.sources, word, deploying=False)

    def deployment_with(self, word: str) -> tuple[str, ...]:
        """Return the files that may set variables and hold a word."""
        return self._with(self.deployment, word, deploying=True)

    def _with(self, paths: Sequence[str], word: str, *, deploying: bool) -> tuple[str, ...]:
        key, wanted = (deploying, word), word.encode()
        if key not in self._having:
            data = self.code.checkout.data
            self._having[key] = tuple(path for path in paths if wanted in data(path))
        return self._having[key]
