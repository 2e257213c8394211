"""Which commits came with the deployment that an incident began with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pygit2
import pytest

from pipeline.deployments import AFTER_DEPLOYMENT
from pipeline.facts import Fact
from pipeline.investigators.source_code import suspects
from tests.investigators.support import FIRST_DAY, Project, case, incident, of_kind

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.ports import Case

CATALOG = "services:\n  backend: {path: back/}\n  auth: {path: auth/}\n"


def deployed(good: str, bad: str, **changed: Any) -> Fact:
    """Return the fact that an incident began with a deployment."""
    data = {
        "service": "backend",
        "revision": "backend-2",
        "previous": "backend-1",
        "commit": bad,
        "previous_commit": good,
        "absent_before": True,
        **changed,
    }
    return Fact(AFTER_DEPLOYMENT, "first seen 3 s after it", "insertId x", data)


def asked(*known: Fact) -> Case:
    """Return what is asked about, with what is known already."""
    return replace(case(incident()), facts=known)


def cited(project: Project, path: str, line: int = 1) -> Fact:
    """Return a fact that cites a line."""
    return project.code().fact("frame", "it is here", path, line)


def changed(project: Project, commit: str, **data: Any) -> Fact:
    """Return the fact that a commit changed a line last."""
    code = project.code()
    change = code.repository.last_change(data["path"], data["line"], commit)
    assert change is not None
    return code.of_commit("line_changed", "a.py:1 was changed", change, data)


def found(project: Project, *known: Fact, at: str = "") -> list[Fact]:
    """Return what is said of the commits."""
    return list(suspects.facts(asked(*known), project.code(CATALOG, deployed=at)))


def test_commits_that_touch_the_service_are_suspects(tmp_path: Path) -> None:
    """Those that came with the deployment, the newest first; they are suggested and counted."""
    project = Project(tmp_path)
    good = project.commit("One", {"back/a.py": "1", "auth/a.py": "1"})
    second = project.commit("Two", {"back/a.py": "2"})
    project.commit("Three", {"auth/a.py": "2"})
    fourth = project.commit("Four", {"back/b.py": "1"})
    bad = project.commit("Five", {"auth/a.py": "3"})
    project.commit("Six", {"back/a.py": "3"})
    count, *others = found(project, deployed(good, bad), at=bad)
    assert (count.kind, count.suggested) == ("suspects", False)
    assert count.text == (
        f"2 of the 4 commits between {good[:12]} (backend-1) and {bad[:12]} touch back/"
    )
    assert [(fact.kind, fact.ref) for fact in others] == [
        ("suspect", f"commit {fourth[:12]}"),
        ("suspect", f"commit {second[:12]}"),
    ]
    assert all(fact.suggested for fact in others)
    assert others[0].text == (
        f"commit {fourth[:12]} of 2025-09-04, “Four”, deployed with backend-2, touches back/b.py"
    )


def test_those_that_touch_what_facts_cite_come_first(tmp_path: Path) -> None:
    """Wherever it lies; at most five are named."""
    project = Project(tmp_path)
    good = project.commit("One", {"back/a.py": "1", "shared/x.py": "1", "CODEOWNERS": "* @a"})
    second = project.commit("Two", {"shared/x.py": "2"})
    many = {f"back/{number}.py": "1" for number in range(5)}
    for number in range(6):
        project.commit(f"More {number}", {"back/a.py": f"{number}", **(many if number else {})})
    bad = project.commit("Owners", {"CODEOWNERS": "* @b"})
    owners = project.code().fact("code_owners", "they own it", "CODEOWNERS", 1)
    likely = replace(cited(project, "auth/a.py"), suggested=True)
    known = (deployed(good, bad), cited(project, "shared/x.py"), owners, likely)
    count, first, *others = found(project, *known, at=bad)
    assert count.text.startswith("7 of the 8 commits")
    assert count.text.endswith("touch shared/x.py, back/")
    assert (first.ref, first.data["cited"]) == (f"commit {second[:12]}", True)
    assert [fact.data["cited"] for fact in others] == [False] * 4


def test_that_all_commits_touch_it_is_said(tmp_path: Path) -> None:
    """In so many words."""
    project = Project(tmp_path)
    names = [project.commit(str(number), {"back/a.py": str(number)}) for number in range(3)]
    count, *_ = found(project, deployed(names[0], names[2]), at=names[2])
    assert count.text.startswith("all 2 commits between")


def test_many_files_are_counted(tmp_path: Path) -> None:
    """Three are named."""
    project = Project(tmp_path)
    files = {f"back/{name}.py": "1" for name in "abcde"}
    good = project.commit("One", {"back/z.py": "1"})
    bad = project.commit("Two", files)
    known = [cited(project, path) for path in files]
    count, first = found(project, deployed(good, bad), *known, at=bad)
    assert count.text.endswith("touches back/a.py, back/b.py, back/c.py, back/, 2 more")
    assert first.text.endswith("touches back/a.py, back/b.py, back/c.py and 2 more")


def test_that_no_commit_touches_it_is_said(tmp_path: Path) -> None:
    """With how many there are."""
    project = Project(tmp_path)
    good = project.commit("One", {"back/a.py": "1"})
    bad = project.commit("Two", {"auth/a.py": "1"})
    (fact,) = found(project, deployed(good, bad), at=bad)
    assert (fact.kind, fact.suggested) == ("no_suspects", False)
    assert fact.text.startswith("the one commit between")
    assert fact.text.endswith("does not touch back/")


def test_the_commit_that_changed_the_line_is_proven(tmp_path: Path) -> None:
    """It came with the deployment, and what failed is what it did."""
    project = Project(tmp_path)
    good = project.commit("One", {"back/a.py": "x = 1\n"})
    bad = project.commit("Two", {"back/a.py": "x = y\n"})
    known = changed(project, bad, path="back/a.py", line=1, place="back/a.py:1", source="x = y")
    facts = found(project, deployed(good, bad), known, at=bad)
    (fact,) = of_kind("deployed_change", facts)
    assert (fact.suggested, fact.ref) == (False, f"commit {bad[:12]}")
    assert (fact.data["did"], fact.data["place"]) == ("line_changed", "back/a.py:1")
    assert fact.text == "with backend-2 of backend came: a.py:1 was changed"


def test_a_line_that_was_only_moved_is_not_proven(tmp_path: Path) -> None:
    """It stood in the file before."""
    project = Project(tmp_path)
    good = project.commit("One", {"back/a.py": "x = y\n"})
    bad = project.commit("Two", {"back/a.py": "if True:\n    x = y\n"})
    known = changed(project, bad, path="back/a.py", line=2, source="x = y")
    (fact,) = of_kind("deployed_change", found(project, deployed(good, bad), known, at=bad))
    assert fact.suggested


@pytest.mark.parametrize("name", ["old.py", "old.txt"])
def test_a_line_of_another_file_is_not_proven(tmp_path: Path, name: str) -> None:
    """It stood in a file of its kind before."""
    project = Project(tmp_path)
    good = project.commit("One", {f"back/{name}": "x = y\n"})
    bad = project.commit("Two", {"back/a.py": "z = 1\nx = y\n"})
    known = changed(project, bad, path="back/a.py", line=2, source="x = y")
    (fact,) = of_kind("deployed_change", found(project, deployed(good, bad), known, at=bad))
    assert fact.suggested is not fact.data["sure"]
    assert fact.suggested is (name == "old.py")


def test_a_word_that_stood_elsewhere_before_did_not_come(tmp_path: Path) -> None:
    """The commit only brought it into another file."""
    project = Project(tmp_path)
    good = project.commit("One", {"back/old.py": "x = KEY\n"})
    bad = project.commit("Two", {"back/a.py": "x = KEY\ny = NEW\n"})
    facts = [
        changed(project, bad, path="back/a.py", line=line, word=word)
        for line, word in ((1, "KEY"), (2, "NEW"))
    ]
    found_facts = found(project, deployed(good, bad), *facts, at=bad)
    (fact,) = of_kind("deployed_change", found_facts)
    assert fact.data["line"] == facts[1].data["line"]


def test_a_change_that_is_older_is_none_of_the_deployment(tmp_path: Path) -> None:
    """What ran before had it, too; nor is one that is only likely."""
    project = Project(tmp_path)
    good = project.commit("One", {"back/a.py": "x = y\n"})
    bad = project.commit("Two", {"back/b.py": "1"})
    known = changed(project, bad, path="back/a.py", line=1, source="x = y")
    likely = replace(changed(project, bad, path="back/b.py", line=1), suggested=True)
    assert known.ref == f"commit {good[:12]}"
    assert not of_kind("deployed_change", found(project, deployed(good, bad), known, likely))


@pytest.mark.parametrize("digits", [7, 12, 40])
def test_the_same_commit_on_both_changed_no_code(tmp_path: Path, digits: int) -> None:
    """Also if one is named by its beginning, and is not here."""
    project = Project(tmp_path)
    project.commit("One", {"back/a.py": "1"})
    (fact,) = found(project, deployed("ab" * 20, ("ab" * 20)[:digits]))
    assert (fact.kind, fact.ref, fact.suggested) == ("same_commit", "insertId x", False)
    assert fact.text.endswith("that backend-1 before it was of: no code changed")


def test_a_commit_that_is_not_here_is_named(tmp_path: Path) -> None:
    """Then nothing can be said of what lies between."""
    project = Project(tmp_path)
    bad = project.commit("One", {"back/a.py": "1"})
    (fact,) = found(project, deployed("ab" * 20, bad), at=bad)
    assert (fact.kind, fact.data["missing"]) == ("commits_not_here", ["abababababab"])


def test_an_older_commit_went_back(tmp_path: Path) -> None:
    """What it lacks is the later ones' work."""
    project = Project(tmp_path)
    older = project.commit("One", {"back/a.py": "1"})
    newer = project.commit("Two", {"back/a.py": "2"})
    (fact,) = found(project, deployed(newer, older), at=older)
    assert fact.kind == "went_back"
    assert fact.text == f"commit {older[:12]} is older than {newer[:12]}, which ran before it"


def test_of_a_merge_alone_nothing_is_said(tmp_path: Path) -> None:
    """What it merged had run, and it is no older."""
    project = Project(tmp_path)
    first = project.commit("One", {"back/a.py": "1"})
    good = project.commit("Two", {"back/a.py": "2"})
    git = pygit2.Repository(str(tmp_path))
    author = pygit2.Signature("Ada Example", "ada@example.com", FIRST_DAY, 0)
    tree = git[git.head.target].tree.id
    merge = str(git.create_commit("HEAD", author, author, "Merge", tree, [good, first]))
    assert found(project, deployed(good, merge), at=merge) == []


@pytest.mark.parametrize("changes", [{"absent_before": False}, {"commit": ""}])
def test_what_was_there_before_has_no_suspects(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Nor what nobody knows the commit of."""
    project = Project(tmp_path)
    good = project.commit("One", {"back/a.py": "1"})
    bad = project.commit("Two", {"back/a.py": "2"})
    assert found(project, deployed(good, bad, **changes)) == []


def test_without_a_commit_before_the_last_change_is_told(tmp_path: Path) -> None:
    """Of what facts cite; it is only likely to matter."""
    project = Project(tmp_path)
    project.commit("One", {"back/a.py": "1"})
    second = project.commit("Two", {"back/a.py": "2"})
    bad = project.commit("Three", {"back/b.py": "3"})
    frame = cited(project, "back/a.py")
    (fact,) = found(project, deployed("", bad), frame, at=bad)
    assert (fact.kind, fact.suggested) == ("last_change_before", True)
    assert fact.text == (
        f"the last change of back/a.py was commit {second[:12]} of 2025-09-02, “Two”"
    )
    assert found(project, deployed("", bad), at=bad) == []
    shallow = replace(frame, data={"path": "back/a.py"})
    assert found(project, shallow) == []


def test_links_lead_to_the_comparison(tmp_path: Path) -> None:
    """Where the catalog names the repository."""
    project = Project(tmp_path)
    good = project.commit("One", {"back/a.py": "1"})
    bad = project.commit("Two", {"back/a.py": "2"})
    code = project.code(github="example/shop", deployed=bad)
    count, first = suspects.facts(asked(deployed(good, bad)), code)
    assert count.url == f"https://github.com/example/shop/compare/{good}...{bad}"
    assert first.url == f"https://github.com/example/shop/commit/{bad}"
    assert count.text.endswith("touches any file")
