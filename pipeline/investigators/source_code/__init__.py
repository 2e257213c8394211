"""What the source code shows about an incident, with file and line; nothing of it is run.

Each kind of question is one module with a function `facts(case, code)`, and one row below.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.facts import Fact
from pipeline.investigators.source_code import (
    frames,
    imports,
    owning,
    packaging,
    suspects,
    tables,
    variables,
)
from pipeline.investigators.source_code.code import SHORT, Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pipeline.catalog import Catalog
    from pipeline.investigators.source_code.history import Repository
    from pipeline.ports import Case

    Inquiry = Callable[[Case, Code], Iterator[Fact]]

INQUIRIES: tuple[Inquiry, ...] = (
    tables.facts,
    imports.facts,
    packaging.facts,
    frames.facts,
    variables.facts,
    suspects.facts,
    owning.facts,
)
"""In order: the case that one is asked about has the facts that those before it found."""


class SourceCode:
    """Looks into the repository of the service that an incident's root is of.

    `repositories` are by catalog name of a service; "" is that of every other.
    """

    def __init__(
        self,
        repositories: Mapping[str, Repository],
        catalog: Catalog,
        inquiries: Sequence[Inquiry] = INQUIRIES,
    ) -> None:
        self._repositories = repositories
        self._inquiries = inquiries
        self._catalog = catalog
        self._known: dict[tuple[str, str, str], Code] = {}

    def investigate(self, cases: Sequence[Case]) -> Mapping[str, Sequence[Fact]]:
        """Return, by incident id, what files and history show."""
        return {case.incident.id: self._facts(case) for case in cases}

    def _facts(self, case: Case) -> Sequence[Fact]:
        code = self._code(case)
        if code is None:
            return ()
        found = [_looked_at(case, code)]
        if lost := [*_lost_trees(case, code)]:
            return [*found, *lost]
        for inquiry in self._inquiries:
            found += _asked(inquiry, replace(case, facts=(*case.facts, *found)), code)
        return found

    def _code(self, case: Case) -> Code | None:
        keys = [key for name in case.services if (key := self._catalog.service_of(name))]
        key = next((key for key in keys if key in self._repositories), "")
        repository = self._repositories.get(key)
        if repository is None:
            return None
        which = (key, repository.resolve(case.commit), self._github(key or next(iter(keys), "")))
        if which not in self._known:
            self._known[which] = Code(repository, self._catalog, *which[1:])
        return self._known[which]

    def _github(self, key: str) -> str:
        named = {one.repository for one in self._catalog.file.services.values() if one.repository}
        own = self._catalog.service(key).repository if key else ""
        return own or (named.pop() if len(named) == 1 else "")


def _asked(inquiry: Inquiry, case: Case, code: Code) -> list[Fact]:
    """Return what an inquiry establishes; a file that nobody thought of must not end the run."""
    try:
        return [*inquiry(case, code)]
    except Exception as error:  # noqa: BLE001 - whatever it is, the report says so
        name = inquiry.__module__.removeprefix(f"{__name__}.").partition(".")[0]
        text = f"the source code was not searched for {name}: {type(error).__name__}: {error}"[:300]
        data = {"reason": text, "open_question": f"What does the code say? {text}."}
        return [Fact("inquiry_failed", text, "--repo", data, suggested=True)]


def _looked_at(case: Case, code: Code) -> Fact:
    """State which version of the code the other facts are about."""
    data = {"deployed": bool(code.deployed), "commit": code.commit}
    if code.deployed:
        text = f"the source code is that of the deployed commit {code.deployed[:SHORT]}"
    else:
        at = f" (at commit {code.commit[:SHORT]})" if code.commit else ""
        text = f"the source code is that of the checkout{at}; {_why_not(case, code)}"
    return Fact("source_code", text, code.commit[:SHORT] or "--repo", data)


def _lost_trees(case: Case, code: Code) -> Iterator[Fact]:
    """State that the code of the root's services is not here: what is here is somebody else's.

    Then nothing is searched: what the files of others do not hold proves nothing.
    """
    if not code.checkout.paths:
        yield _lost("the source code that was looked at has no file", "--repo", code)
        return
    for key in dict.fromkeys(map(code.catalog.service_of, case.incident.root.services)):
        tree = code.trees.get(key, "")
        if tree and tree not in code.checkout.folders:
            text = f"the source code that was looked at has no folder {tree}/, the tree of {key}"
            yield _lost(text, code.catalog.place("services", key, "path"), code)


def _lost(text: str, ref: str, code: Code) -> Fact:
    at = f" (at commit {code.commit[:SHORT]})" if code.commit else ""
    said = f"{text[0].upper()}{text[1:]}{at}; nothing was searched."
    told = {"open_question": f"Where is the code? {said} Mend --repo or the catalog ({ref})."}
    return Fact("source_code_missing", f"{text}{at}", ref, told)


def _why_not(case: Case, code: Code) -> str:
    """Say why it is not that of the deployed commit."""
    if code.repository.trouble:
        return f"its history cannot be read: {code.repository.trouble}"
    if case.commit:
        return f"the deployed commit {case.commit[:SHORT]} is not in there"
    return "no entry says which commit is deployed"
