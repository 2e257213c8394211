"""What an inquiry looks into: the tree that runs, its history, and whose tree is whose."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.facts import Fact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pipeline.catalog import Catalog
    from pipeline.investigators.source_code.checkout import Checkout
    from pipeline.investigators.source_code.history import Change, Repository

Kept = TypeVar("Kept")

SHORT = 12
"""Digits that a commit is told by."""


@dataclass(frozen=True)
class Code:
    """A repository at what is deployed; `deployed` is that commit, "" if it is not known here.

    `github` is the repository's name there ("owner/name"), "" if the catalog does not say.
    """

    repository: Repository
    catalog: Catalog
    deployed: str = ""
    github: str = ""
    _kept: dict[object, Any] = field(default_factory=dict, repr=False, compare=False)

    def kept(self, make: Callable[[Code, tuple[str, ...]], Kept], services: Iterable[str]) -> Kept:
        """Return what an inquiry makes of it for some services; it is made once."""
        key = (make, tuple(services))
        if key not in self._kept:
            self._kept[key] = make(self, key[1])
        found: Kept = self._kept[key]
        return found

    @cached_property
    def checkout(self) -> Checkout:
        """The files: of the deployed commit, else as they lie in the folder."""
        return self.repository.checkout(self.deployed)

    @cached_property
    def commit(self) -> str:
        """The commit whose history counts: the deployed one, else the one that is checked out."""
        return self.checkout.commit or self.repository.resolve("HEAD")

    @cached_property
    def trees(self) -> Mapping[str, str]:
        """By service of the catalog with a tree in this repository: the folder, without a `/`."""
        return {
            key: service.path.strip("/")
            for key, service in self.catalog.file.services.items()
            if service.path.strip("/") and service.repository in {"", self.github}
        }

    def tree_of(self, name: str) -> str:
        """Return the folder of a service, by its name in entries or in the catalog; "" is all."""
        return self.trees.get(self.catalog.service_of(name), "")

    def service_of(self, path: str) -> str:
        """Return in which service's tree a file lies, by catalog name; "" if in none."""
        fits = [(len(tree), key) for key, tree in self.trees.items() if path.startswith(f"{tree}/")]
        return max(fits, default=(0, ""))[1]

    def ref(self, path: str, line: int = 0) -> str:
        """Return how a file, or a line of it, is cited."""
        return f"{path}:{line}" if line else path

    @cached_property
    def address(self) -> str:
        """The repository's page; "" if nobody names it, or the checkout is of another one."""
        known = self.github and self.repository.may_be(self.github)
        return f"https://github.com/{self.github}" if known else ""

    def url(self, path: str, line: int = 0) -> str:
        """Return the permalink of a file's line; "" if it is not known to hold."""
        data = self.checkout.data(path)
        if not (self.address and self.commit and data):
            return ""
        if not self.repository.is_committed(path, data, self.commit):
            return ""
        place = f"#L{line}" if line else ""
        return f"{self.address}/blob/{self.commit}/{_quoted(path)}{place}"

    def fact(  # noqa: PLR0913 - the parts of a fact
        self,
        kind: str,
        text: str,
        path: str,
        line: int = 0,
        data: Mapping[str, Any] | None = None,
        *,
        suggested: bool = False,
    ) -> Fact:
        """Return a fact that a file shows, or a line of it; both stand in its data, too."""
        shown = {"path": path, "line": line, "ref": self.ref(path, line), **(data or {})}
        return Fact(kind, text, self.ref(path, line), shown, suggested, self.url(path, line))

    def of_commit(
        self,
        kind: str,
        text: str,
        change: Change,
        data: Mapping[str, Any] | None = None,
        *,
        suggested: bool = False,
    ) -> Fact:
        """Return a fact that a commit shows; which one stands in its data, too."""
        short = change.commit[:SHORT]
        url = f"{self.address}/commit/{change.commit}" if self.address else ""
        told = {
            "commit": short,
            "date": change.date,
            "author": change.author,
            "subject": change.subject,
        }
        return Fact(kind, text, f"commit {short}", {**told, **(data or {})}, suggested, url)

    def changed(
        self, kind: str, path: str, line: int, *, suggested: bool = False
    ) -> Iterator[Fact]:
        """Yield who changed a line last, if the file is as the commit has it."""
        data = self.checkout.data(path)
        if not (self.commit and self.repository.is_committed(path, data, self.commit)):
            return
        change = self.repository.last_change(path, line, self.commit)
        if change is not None:
            place = self.ref(path, line)
            text = f"{place} was last changed by {change.author}, in commit {change}"
            source = self.checkout.text(path).split("\n")[line - 1].strip()
            told = {"path": path, "line": line, "place": place, "source": source}
            yield self.of_commit(kind, text, change, told, suggested=suggested)


def _quoted(path: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415 - few runs make a link

    return quote(path)
