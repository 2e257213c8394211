"""A git repository: its trees, and who changed what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pygit2
from pygit2.enums import ConfigLevel

from pipeline.investigators.source_code.history import Change, Repository
from tests.investigators.support import AUTHOR, FIRST_DAY, Project

if TYPE_CHECKING:
    from pathlib import Path


def test_a_tree_is_that_of_the_commit_that_is_deployed(tmp_path: Path) -> None:
    """Whatever lies in the folder meanwhile; a beginning of its name will do."""
    project = Project(tmp_path)
    first = project.commit("One", {"app/a.py": "one\n"})
    project.commit("Two", {"app/a.py": "two\n", "b.py": "b\n"})
    repository = Repository(tmp_path)
    old = repository.checkout(first[:12])
    assert (old.paths, old.text("app/a.py"), old.commit) == (("app/a.py",), "one\n", first)
    assert repository.checkout(first) is old
    project.write({"app/a.py": "three\n"})
    now = repository.checkout("0123456789")  # is not here
    assert (now.paths, now.text("app/a.py"), now.commit) == (("app/a.py", "b.py"), "three\n", "")


def test_a_name_of_a_commit_is_no_expression(tmp_path: Path) -> None:
    """Git's names may search all history, or the reflog."""
    project = Project(tmp_path)
    first = project.commit("One", {"a": "1"})
    repository = Repository(tmp_path)
    assert repository.resolve(first) == first
    for name in ("main", "HEAD~0", ":/One", f"{first[:12]}^0", "abc", ""):
        assert not repository.resolve(name)


def test_a_bare_repository_is_read_at_its_head(tmp_path: Path) -> None:
    """As a mirror is."""
    project = Project(tmp_path / "work")
    first = project.commit("One", {"a.py": "one"})
    (tmp_path / "work" / ".git").rename(tmp_path / "bare.git")
    with (tmp_path / "bare.git" / "config").open("a") as file:
        file.write("[core]\n\tbare = true\n")
    found = Repository(tmp_path / "bare.git").checkout()
    assert (found.paths, found.text("a.py"), found.commit) == (("a.py",), "one", first)


def test_links_and_submodules_of_a_commit_are_passed_over(tmp_path: Path) -> None:
    """They are no files."""
    project = Project(tmp_path)
    (tmp_path / "link").symlink_to("/etc/passwd")
    head = project.commit("One", {"a.py": "one"})
    assert Repository(tmp_path).checkout(head).paths == ("a.py",)


def test_the_last_change_of_a_line(tmp_path: Path) -> None:
    """With who made it, when, and what it was called."""
    project = Project(tmp_path)
    first = project.commit("One", {"a.py": "x = 1\ny = 1\n"})
    second = project.commit("Two\n\nAt length.", {"a.py": "x = 1\ny = 2\n"})
    repository = Repository(tmp_path)
    assert repository.last_change("a.py", 1) == Change(first, "2025-09-01", AUTHOR, "One")
    found = repository.last_change("a.py", 2)
    assert found == Change(second, "2025-09-02", AUTHOR, "Two")
    assert str(found) == f"{second[:12]} of 2025-09-02, “Two”"
    assert repository.last_change("a.py", 2, first) == Change(first, "2025-09-01", AUTHOR, "One")
    assert repository.last_change("a.py", 9) is None
    assert repository.last_change("nowhere.py", 1) is None


def test_when_a_word_came_and_a_file_went(tmp_path: Path) -> None:
    """The last commit that brought it into a file, or took a file away."""
    project = Project(tmp_path)
    first = project.commit("One", {"a.py": "def f(): ...\n", "b.py": "f\n"})
    second = project.commit("Two", {"a.py": "def g(): ...\n"})
    project.delete("b.py")
    third = project.commit("Three")
    repository = Repository(tmp_path)

    def name(change: Change | None) -> str:
        return change.commit if change else ""

    assert name(repository.appeared("a.py", b"def g")) == second
    assert name(repository.appeared("a.py", b"def f")) == first
    assert repository.appeared("a.py", b"nobody") is None
    path, change = repository.deleted(lambda path: path.endswith(".py")) or ("", None)
    assert (path, name(change)) == ("b.py", third)
    assert repository.deleted(lambda path: path == "c.py") is None


def test_suspects_are_commits_between_two_that_touch_some_files(tmp_path: Path) -> None:
    """After the good one, up to and with the bad one; the newest comes first."""
    project = Project(tmp_path)
    good = project.commit("One", {"app/a.py": "1", "c.py": "1"})
    second = project.commit("Two", {"app/a.py": "2"})
    third = project.commit("Three", {"c.py": "3"})
    fourth = project.commit("Four", {"app/b.py": "4"})
    project.commit("Five", {"app/a.py": "5"})
    repository = Repository(tmp_path)
    found = [
        (change.commit, paths)
        for change, paths in repository.between(good, fourth, lambda path: path.startswith("app/"))
    ]
    assert found == [(fourth, ("app/b.py",)), (third, ()), (second, ("app/a.py",))]
    ((change, _),) = repository.between("", good, lambda path: path == "c.py")
    assert change.commit == good


def test_a_merge_is_no_suspect(tmp_path: Path) -> None:
    """Its branch has what it brings."""
    project = Project(tmp_path)
    good = project.commit("One", {"a.py": "1"})
    branch = project.commit("Two", {"a.py": "2"})
    git = pygit2.Repository(str(tmp_path))
    author = pygit2.Signature(AUTHOR, "ada@example.com", FIRST_DAY, 0)
    tree = git[git.head.target].tree.id
    merge = git.create_commit(None, author, author, "Merge", tree, [good, branch])
    found = Repository(tmp_path).between(good, str(merge), bool)
    assert [change.commit for change, _ in found] == [branch]


def test_a_commit_is_before_what_has_it_in_its_history(tmp_path: Path) -> None:
    """And what is not here is before nothing."""
    project = Project(tmp_path)
    first, second = project.commit("One", {"a": "1"}), project.commit("Two", {"a": "2"})
    repository = Repository(tmp_path)
    assert repository.is_before(first, second)
    assert not repository.is_before(second, first)
    assert not repository.is_before("0123456789", second)
    assert (repository.text_at(first, "a"), repository.text_at(first, "b")) == (b"1", None)


def test_the_changes_of_a_file_are_told_with_what_was_before(tmp_path: Path) -> None:
    """The newest first, its end among them; how it began is not a change of it."""
    project = Project(tmp_path)
    project.commit("One", {"app/a.py": "one\n", "b": "b"})
    project.commit("Two", {"app/a.py": "two\n"})
    project.commit("Else", {"b": "c"})
    project.delete("app/a.py")
    project.commit("Three")
    found = list(Repository(tmp_path).edits("app/a.py"))
    assert [(one.subject, before, after) for one, before, after in found] == [
        ("Three", b"two\n", b""),
        ("Two", b"one\n", b"two\n"),
    ]
    assert not list(Repository(tmp_path).edits("app"))
    assert not list(Repository(tmp_path).edits("nothing"))


def test_a_folder_without_history_has_none(tmp_path: Path) -> None:
    """Nothing is raised for it, nor for a repository without a commit or one that is broken."""
    (tmp_path / "plain").mkdir()
    (tmp_path / "broken" / ".git").mkdir(parents=True)
    Project(tmp_path / "empty").write({"a": "1"})
    for name in ("plain", "broken", "empty"):
        repository = Repository(tmp_path / name)
        assert repository.resolve("HEAD") == ""
        assert repository.checkout("0123456789").commit == ""
        assert repository.last_change("a", 1) is None
        assert repository.appeared("a", b"1") is None
        assert list(repository.between("HEAD", "HEAD", bool)) == []
        assert not repository.is_committed("a", b"1", "HEAD")
        assert bool(repository.trouble) == (name == "broken")


def test_a_folder_within_a_repository_is_not_that(tmp_path: Path) -> None:
    """Its files have other names there; what to give instead is said."""
    Project(tmp_path).commit("One", {"app/a.py": "1\n"})
    repository = Repository(tmp_path / "app")
    assert repository.checkout().paths == ("a.py",)
    assert repository.resolve("HEAD") == ""
    assert repository.trouble == "it is a folder within a repository: give the repository's own"


def test_a_repository_of_somebody_else_has_its_history() -> None:
    """As a checkout that is mounted into a container has; git itself would refuse it."""
    assert not pygit2.settings.owner_validation
    levels = (ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.GLOBAL)
    assert {pygit2.settings.search_path[level] for level in levels} == {""}


def test_what_a_repository_configures_is_not_run(tmp_path: Path) -> None:
    """A checkout may come from anybody: its configuration names programs that git would run."""
    project = Project(tmp_path)
    project.commit("One", {"a.py": "x\n", ".gitattributes": "*.py filter=evil diff=evil\n"})
    ran = tmp_path.parent / "ran"
    with (tmp_path / ".git" / "config").open("a") as file:
        file.write(
            f"[core]\n\tfsmonitor = touch {ran}\n\thooksPath = /tmp\n\tpager = touch {ran}\n"
            f'[filter "evil"]\n\tsmudge = touch {ran}\n\tclean = touch {ran}\n'
            f'[diff "evil"]\n\ttextconv = touch {ran}\n\tcommand = touch {ran}\n'
        )
    project.write({"a.py": "y\n"})
    repository = Repository(tmp_path)
    assert repository.checkout().text("a.py") == "y\n"
    assert repository.checkout(repository.resolve("HEAD")).text("a.py") == "x\n"
    assert repository.last_change("a.py", 1) is not None
    assert list(repository.between("", "HEAD", bool))
    assert not ran.exists()
