"""A small project in a git repository, and what an investigator is given about an incident."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pygit2

from pipeline.catalog import Catalog, load_catalog
from pipeline.deployments import Deployment, Rollout
from pipeline.entry import parse_timestamp
from pipeline.facts import known_facts
from pipeline.investigators.source_code.code import Code
from pipeline.investigators.source_code.history import Repository
from pipeline.ports import Case
from tests.support import correlate, detection, rule_text, ruleset

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pipeline.facts import Fact
    from pipeline.incident import Incident

AUTHOR = "Ada Example"
DAY = 86_400
FIRST_DAY = parse_timestamp("2025-09-01T12:00:00Z") // 1_000_000_000


@dataclass
class Project:
    """A folder that becomes a git repository with its first commit, one commit a day."""

    root: Path
    commits: list[str] = field(default_factory=list)

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write files by path; their folders are made."""
        for path, text in files.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text if isinstance(text, bytes) else text.encode())

    def delete(self, *paths: str) -> None:
        """Delete files."""
        for path in paths:
            (self.root / path).unlink()

    def commit(self, subject: str, files: Mapping[str, str | bytes] | None = None) -> str:
        """Commit all that lies in the folder, after writing some files; return its name."""
        self.write(files or {})
        git = pygit2.init_repository(str(self.root), initial_head="main")
        git.index.add_all()
        git.index.write()
        when = FIRST_DAY + len(self.commits) * DAY
        author = pygit2.Signature(AUTHOR, "ada@example.com", when, 0)
        parents = [] if git.head_is_unborn else [git.head.target]
        tree = git.index.write_tree()
        self.commits.append(str(git.create_commit("HEAD", author, author, subject, tree, parents)))
        return self.commits[-1]

    def code(self, catalog: str = "", *, deployed: str = "", github: str = "") -> Code:
        """Return it as an inquiry sees it; `catalog` is the text of one."""
        known = load_catalog(catalog, "catalog.yml") if catalog else Catalog()
        return Code(Repository(self.root), known, deployed, github)


def incident(rule: str = "broken", *, service: str = "backend", **fields: Any) -> Incident:
    """Return an incident whose one symptom, of a rule of this name, carries these fields."""
    found = correlate(ruleset(rule_text(rule)), detection(rule, service=service, **fields))
    (only,) = found.incidents()
    return only


def case(
    found: Incident, *, catalog: Catalog | None = None, commit: str = "", previous: str = ""
) -> Case:
    """Return what an investigator is given; `commit` is deployed, after `previous`."""
    here = _deployment("backend-00002-two", commit, 2)
    before = _deployment("backend-00001-one", previous, 1) if previous else None
    begun = replace(here, previous=before)
    rollout = Rollout(begun=(begun,), latest=begun, here=(begun,)) if commit else Rollout()
    return Case(found, rollout, known_facts(found, catalog or Catalog()))


def of_kind(kind: str, found: Iterable[Fact]) -> list[Fact]:
    """Return the facts of a kind."""
    return [fact for fact in found if fact.kind == kind]


def _deployment(revision: str, commit: str, number: int) -> Deployment:
    start = (FIRST_DAY + number * DAY) * 1_000_000_000
    return Deployment("backend", revision, commit, start, start + DAY, f"insertId {revision}")
