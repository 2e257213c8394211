"""Which repository is looked into, at which commit, and how its lines are cited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pygit2
import pytest

from pipeline.catalog import Catalog, load_catalog
from pipeline.investigators.source_code import SourceCode
from pipeline.investigators.source_code.history import Repository
from tests.investigators.support import Project, case, incident

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.facts import Fact
    from pipeline.investigators.source_code.code import Code
    from pipeline.ports import Case

CATALOG = """\
services:
  shop:
    match: {service: [backend]}
    repository: example/platform
    path: shop/
  auth:
    repository: example/platform
    path: shop/auth
  other:
    repository: example/other
    path: other
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make a repository with two commits."""
    project = Project(tmp_path)
    project.commit("One", {"shop/a.py": "one\n"})
    project.commit("Two", {"shop/a.py": "two\n", "shop/a b.py": "three\n"})
    return project


def looked_at(
    repositories: dict[str, Repository], *, commit: str = "", catalog: str = CATALOG
) -> Fact | None:
    """Return what version of the code is looked at, None if none is."""
    known = load_catalog(catalog, "catalog.yml") if catalog else Catalog()
    one = case(incident(), commit=commit)
    found = SourceCode(repositories, known).investigate([one])
    return next(iter(found[one.incident.id]), None)


def test_the_deployed_commit_is_looked_at(project: Project) -> None:
    """If it is in the repository; else what is checked out, and why is said."""
    repository = Repository(project.root)
    first, second = project.commits
    fact = looked_at({"": repository}, commit=first)
    assert fact is not None
    assert fact.text == f"the source code is that of the deployed commit {first[:12]}"
    assert (fact.kind, fact.ref) == ("source_code", first[:12])
    assert fact.data == {"deployed": True, "commit": first}
    checkout = f"the source code is that of the checkout (at commit {second[:12]}); "
    missing = looked_at({"": repository}, commit="0123456789abcdef")
    unknown = looked_at({"": repository})
    assert missing is not None
    assert unknown is not None
    assert missing.text == f"{checkout}the deployed commit 0123456789ab is not in there"
    assert unknown.text == f"{checkout}no entry says which commit is deployed"
    assert unknown.data == {"deployed": False, "commit": second}


def test_code_of_somebody_else_is_not_searched(tmp_path: Path) -> None:
    """That no file of it has a table would be said of a service whose code was never seen."""
    wrong = Project(tmp_path / "wrong")
    wrong.commit("Another product", {"migrations/1.sql": "CREATE TABLE users (id INT);"})
    known = load_catalog(CATALOG, "catalog.yml")
    one = case(incident(tables=["user_sessions"]))
    investigator = SourceCode({"": Repository(wrong.root)}, known)
    _, lost = investigator.investigate([one])[one.incident.id]
    assert (lost.kind, lost.ref) == ("source_code_missing", "catalog.yml:5")
    assert lost.data["open_question"] == (
        "Where is the code? The source code that was looked at has no folder shop/, the tree of "
        f"shop (at commit {wrong.commits[0][:12]}); nothing was searched. "
        "Mend --repo or the catalog (catalog.yml:5)."
    )


def test_a_folder_without_a_file_is_told(tmp_path: Path) -> None:
    """Else an empty checkout would look like code that shows nothing."""
    one = case(incident(tables=["user_sessions"]))
    investigator = SourceCode({"": Repository(tmp_path)}, Catalog())
    kinds = [fact.kind for fact in investigator.investigate([one])[one.incident.id]]
    assert kinds == ["source_code", "source_code_missing"]


def test_a_history_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Else nobody would know why no commit is named."""
    (tmp_path / ".git").mkdir()
    fact = looked_at({"": Repository(tmp_path)}, commit="0123456789abcdef")
    assert fact is not None
    assert "its history cannot be read: " in fact.text
    assert fact.ref == "--repo"


def test_the_repository_is_that_of_the_service(project: Project, tmp_path: Path) -> None:
    """As the catalog names it; without one, that of any other; none is no fact."""
    (tmp_path / "plain").mkdir()
    own, plain = Repository(project.root), Repository(tmp_path / "plain")
    for repositories in ({"shop": own}, {"shop": own, "": plain}, {"": own}):
        fact = looked_at(repositories)
        assert fact is not None
        assert fact.data["commit"] == project.commits[1]
    assert looked_at({"other": own}) is None
    assert looked_at({"": own}, catalog="") is not None


def test_a_file_belongs_to_the_service_with_the_nearest_tree(project: Project) -> None:
    """Services of other repositories have no tree in this one."""
    code = project.code(CATALOG, github="example/platform")
    assert code.trees == {"shop": "shop", "auth": "shop/auth"}
    assert code.service_of("shop/auth/x.py") == "auth"
    assert code.service_of("shop/authority.py") == "shop"
    assert code.service_of("other/x.py") == ""
    assert (code.tree_of("backend"), code.tree_of("nobody")) == ("shop", "")


def test_a_line_is_linked_where_the_link_will_hold(project: Project) -> None:
    """A permalink to the commit; not to a file that was changed since, nor to nowhere."""
    code = project.code(CATALOG, github="example/platform")
    base = f"https://github.com/example/platform/blob/{project.commits[1]}"
    fact = code.fact("kind", "text", "shop/a.py", 1, {"more": 1})
    assert (fact.ref, fact.url) == ("shop/a.py:1", f"{base}/shop/a.py#L1")
    assert fact.data == {"path": "shop/a.py", "line": 1, "ref": "shop/a.py:1", "more": 1}
    assert code.url("shop/a b.py") == f"{base}/shop/a%20b.py"
    assert code.url("shop/nobody.py", 1) == ""
    assert project.code(CATALOG).url("shop/a.py", 1) == ""
    project.write({"shop/a.py": "changed\n"})
    assert project.code(CATALOG, github="example/platform").url("shop/a.py", 1) == ""
    old = project.code(CATALOG, deployed=project.commits[0], github="example/platform")
    assert old.url("shop/a.py", 1).endswith(f"{project.commits[0]}/shop/a.py#L1")


@pytest.mark.parametrize(
    ("remote", "linked"),
    [
        ("https://github.com/Example/platform.git", True),
        ("git@github.com:example/platform", True),
        ("ssh://git@github.com/example/platform/", True),
        ("https://mirror.example.com/whatever.git", True),
        ("https://github.com/somebody/platform.git", False),
        ("git@github.com:not-example/platform.git", False),
    ],
)
def test_a_checkout_of_another_repository_has_no_links(
    project: Project, remote: str, *, linked: bool
) -> None:
    """They would lead to commits that are not there."""
    pygit2.Repository(str(project.root)).remotes.create("origin", remote)
    code = project.code(CATALOG, github="example/platform")
    assert bool(code.url("shop/a.py", 1)) == linked


def test_a_question_that_fails_is_an_open_one(project: Project) -> None:
    """The others are still asked; the run goes on."""

    def broken(_case: Case, _code: Code) -> Iterator[Fact]:
        message = "no such thing"
        raise LookupError(message)

    def fine(_case: Case, code: Code) -> Iterator[Fact]:
        yield code.fact("fine", "it is there", "shop/a.py")

    asked = SourceCode({"": Repository(project.root)}, Catalog(), (broken, fine))
    one = case(incident())
    _, failed, told = asked.investigate([one])[one.incident.id]
    assert (failed.kind, failed.suggested, told.kind) == ("inquiry_failed", True, "fine")
    assert failed.text.endswith(": LookupError: no such thing")
    assert failed.data["open_question"] == f"What does the code say? {failed.text}."
