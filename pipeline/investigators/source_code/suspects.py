"""Which commits came with the deployment that an incident began with, and touch what is involved.

Involved are the files that other facts cite, and the trees of the services. That a commit touches
one of them makes it a suspect and no more: it is suggested. Only where a fact says that a commit
did what the incident shows (it last changed the line that raises, say) that is established.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.deployments import AFTER_DEPLOYMENT
from pipeline.facts import Fact
from pipeline.investigators.source_code.code import SHORT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from pipeline.investigators.source_code.code import Code
    from pipeline.investigators.source_code.history import Change
    from pipeline.ports import Case

MOST = 5
"""Suspects that are named."""

FURTHEST = 2_000
"""Commits between two deployments that are looked into."""

_SHOWN = 3
_SAME = 7
"""Digits of a commit that are enough to say that two names are of one."""


def facts(case: Case, code: Code) -> Iterator[Fact]:
    """Yield what commits have to do with the deployments that the incident began with."""
    rollouts = {
        (fact.data["previous_commit"], fact.data["commit"]): fact
        for fact in case.facts
        if fact.kind == AFTER_DEPLOYMENT and fact.data["absent_before"] and fact.data["commit"]
    }
    for (good, bad), fact in rollouts.items():
        if good:
            yield from _Range(case, code, fact, good, bad).facts()
    if code.deployed and not any(good for good, _ in rollouts):
        yield from _last_before(case, code)


@dataclass(frozen=True)
class _Range:
    """The commits between the revision before, and the one on which the incident began."""

    case: Case
    code: Code
    rollout: Fact
    good: str
    bad: str

    def facts(self) -> Iterator[Fact]:
        if _is_one(self.good, self.bad):
            yield self._same()
            return
        missing = [name for name in (self.good, self.bad) if not self.code.repository.resolve(name)]
        if missing:
            yield self._not_here(missing)
        elif self._commits:
            yield from self._between()
        elif self.code.repository.is_before(self.bad, self.good):
            yield self._went_back()

    @cached_property
    def _commits(self) -> list[tuple[Change, tuple[str, ...]]]:
        involved = _Involved(self.case, self.code)
        found = self.code.repository.between(self.good, self.bad, involved.has)
        return list(islice(found, FURTHEST))

    @cached_property
    def _data(self) -> dict[str, Any]:
        data = self.rollout.data
        return {
            "service": data["service"],
            "revision": data["revision"],
            "previous": data["previous"],
            "good": self.good[:SHORT],
            "bad": self.bad[:SHORT],
        }

    def _same(self) -> Fact:
        data = self._data
        text = (
            f"revision {data['revision']} of {data['service']} is of the commit "
            f"{data['bad']} that {data['previous']} before it was of: no code changed"
        )
        return Fact("same_commit", text, self.rollout.ref, {**data, "commit": data["bad"]})

    def _not_here(self, missing: list[str]) -> Fact:
        names = [name[:SHORT] for name in missing]
        what, were = ("commits", "were") if len(names) > 1 else ("commit", "was")
        text = f"the repository does not have {what} {' and '.join(names)}, which {were} deployed"
        return Fact("commits_not_here", text, "--repo", {**self._data, "missing": names})

    def _went_back(self) -> Fact:
        text = f"commit {self.bad[:SHORT]} is older than {self.good[:SHORT]}, which ran before it"
        return Fact("went_back", text, self._ref, self._data)

    @property
    def _ref(self) -> str:
        return f"{self.good[:SHORT]}..{self.bad[:SHORT]}"

    def _between(self) -> Iterator[Fact]:
        involved = _Involved(self.case, self.code)
        touching = [(change, paths) for change, paths in self._commits if paths]
        yield self._counted(involved, touching)
        # Those that touch what facts cite come first; of one kind the newest.
        touching.sort(key=lambda item: involved.cited.isdisjoint(item[1]))
        for change, paths in touching[:MOST]:
            yield self._suspect(change, paths, involved)
        if self.code.repository.resolve(self.bad) == self.code.deployed:
            for change, _ in self._commits:
                yield from self._proven(change)

    def _counted(self, involved: _Involved, touching: list[tuple[Change, tuple[str, ...]]]) -> Fact:
        total = f"{len(self._commits)}{'+' if len(self._commits) == FURTHEST else ''}"
        github = self.code.github
        url = f"https://github.com/{github}/compare/{self.good}...{self.bad}" if github else ""
        data = {**self._data, "count": len(touching), "total": len(self._commits)}
        between = f"between {self.good[:SHORT]} ({data['previous']}) and {self.bad[:SHORT]}"
        if len(self._commits) == 1:
            text = f"the one commit {between} {'touches' if touching else 'does not touch'}"
        else:
            count = f"{len(touching) or 'none'} of the"
            count = "all" if len(touching) == len(self._commits) else count
            text = f"{count} {total} commits {between} touch"
        text += f" {involved.told}"
        kind = "suspects" if touching else "no_suspects"
        return Fact(kind, text, self._ref, data, url=url)

    def _suspect(self, change: Change, paths: tuple[str, ...], involved: _Involved) -> Fact:
        cited = sorted(involved.cited.intersection(paths))
        shown = cited or list(paths)
        more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
        text = f"commit {change}, deployed with {self._data['revision']}, touches "
        text += ", ".join(shown[:_SHOWN]) + more
        data = {**self._data, "files": shown[:_SHOWN], "cited": bool(cited), "told": str(change)}
        return self.code.of_commit("suspect", text, change, data, suggested=True)

    def _proven(self, change: Change) -> Iterator[Fact]:
        """Yield what other facts say that a commit did, now that it came with the deployment."""
        for fact in self.case.facts:
            is_its = not fact.suggested and fact.ref == f"commit {change.commit[:SHORT]}"
            if is_its and not self._was_named(fact):
                text = f"with {self._data['revision']} of {self._data['service']} came: {fact.text}"
                there = self._stood_before(fact)
                data = {**self._data, "did": fact.kind, "told": str(change), "sure": not there}
                data |= {key: fact.data.get(key, "") for key in ("place", "path", "line")}
                yield self.code.of_commit("deployed_change", text, change, data, suggested=there)

    def _was_named(self, fact: Fact) -> bool:
        """Say whether a word that a commit brought into a file stood elsewhere before."""
        word = fact.data.get("word")
        return bool(word) and self._stood(str(word), str(fact.data.get("path")))

    def _stood(self, text: str, path: str) -> bool:
        """Say whether a file like one had a text before, wherever it lay."""
        before = self.code.repository.checkout(self.good)
        return bool(before.containing([text], "", (PurePosixPath(path).suffix,)))

    def _stood_before(self, fact: Fact) -> bool:
        """Say whether a line that was changed stood in the file before: it was only moved."""
        source, path = fact.data.get("source"), fact.data.get("path")
        if not (source and path):
            return False
        before = self.code.repository.text_at(self.good, path)
        if before is None:  # a file that came may be one that was renamed
            return self._stood(str(source), path)
        lines = before.decode("utf-8", "replace").split("\n")
        return str(source).split() in (line.split() for line in lines)


class _Involved:
    """The files that facts cite, and those of the trees of the incident's services."""

    def __init__(self, case: Case, code: Code) -> None:
        paths = (
            fact.data.get("path")
            for fact in case.facts
            if not fact.suggested and fact.kind != "code_owners"
        )
        self.cited = frozenset(
            path for path in paths if isinstance(path, str) and path in code.checkout
        )
        root = case.incident.root
        trees = {code.tree_of(name) for name in root.services} or {""}
        self._trees = tuple(sorted(f"{tree}/" if tree else "" for tree in trees))

    def has(self, path: str) -> bool:
        """Say whether a file is one of them."""
        return path in self.cited or path.startswith(self._trees)

    @property
    def told(self) -> str:
        """What is involved, as a person reads it."""
        named = [*sorted(self.cited)[:_SHOWN], *(tree for tree in self._trees if tree)]
        more = [f"{len(self.cited) - _SHOWN} more"] if len(self.cited) > _SHOWN else []
        return ", ".join([*named, *more]) or "any file"


def _last_before(case: Case, code: Code) -> Iterator[Fact]:
    """Yield the last commit, up to the deployed one, that touches a file which facts cite."""
    involved = _Involved(case, code)
    commits = islice(
        code.repository.between("", code.deployed, involved.cited.__contains__), FURTHEST
    )
    for change, paths in commits if involved.cited else ():
        if paths:
            text = f"the last change of {', '.join(sorted(paths)[:_SHOWN])} was commit {change}"
            data: Mapping[str, Any] = {"files": sorted(paths)[:_SHOWN], "told": str(change)}
            yield code.of_commit("last_change_before", text, change, data, suggested=True)
            return


def _is_one(one: str, other: str) -> bool:
    """Say whether two names, of which one may be shorter, are of one commit."""
    digits = min(len(one), len(other))
    return digits >= _SAME and one[:digits] == other[:digits]
