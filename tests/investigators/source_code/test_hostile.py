"""Repositories and log text that were made to break what looks into them, or to deceive it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pygit2
import pytest

from pipeline.investigators.source_code.checkout import read_folder
from pipeline.investigators.source_code.history import Repository
from pipeline.investigators.source_code.imports.requirements import read
from pipeline.investigators.source_code.packaging import dockerfile
from pipeline.investigators.source_code.tables import sql
from tests.investigators.deployed import explained, twice
from tests.investigators.support import Project

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.document import IncidentDocument

AUTHOR = b"author A <a@example.com> %d +0000\ncommitter A <a@example.com> %d +0000\n"
PACKAGE = {"back/main.py": "from shop.a import Q\n", "back/shop/__init__.py": ""}
TRACE = """\
Traceback (most recent call last):
  File "/app/back/main.py", line 1, in <module>
    from shop.a import Q
"""
NO_NAME = f"{TRACE}ImportError: cannot import name 'Q' from 'shop.a' (/app/%s)"


def _commit(root: Path, tree: bytes, when: int, head: bytes, message: bytes) -> Repository:
    """Return a repository whose only commit is made of these parts, however odd."""
    git = pygit2.Repository(str(root))
    body = b"tree " + tree + b"\n" + AUTHOR % (when, when) + head + b"\n" + message
    made = git.odb.write(pygit2.enums.ObjectType.COMMIT, body)
    (root / ".git/refs/heads/main").write_text(f"{made}\n")
    return Repository(root)


def _tree(root: Path) -> bytes:
    project = Project(root)
    project.commit("Start", {"a.py": "x = 1\n"})
    return str(pygit2.Repository(str(root)).revparse_single("HEAD^{tree}").id).encode()


@pytest.mark.parametrize("when", [99_999_999_999_999, 2**63 - 1, -99_999_999_999_999])
def test_a_commit_may_claim_any_time(tmp_path: Path, when: int) -> None:
    """A time that is no date is told as such, and nothing raises."""
    seen = _commit(tmp_path, _tree(tmp_path), when, b"", b"Subject\n")
    change = seen.appeared("a.py", b"x")
    assert change is not None
    assert (change.date, change.subject) == ("an unknown date", "Subject")


@pytest.mark.parametrize("name", [b"nonsense", b"hex", b"idna", b"utf-7"])
def test_a_commit_may_name_any_encoding(tmp_path: Path, name: bytes) -> None:
    """What cannot be read so is read as UTF-8, and can be written down."""
    seen = _commit(tmp_path, _tree(tmp_path), 1, b"encoding " + name + b"\n", b"caf\xe9 +2AA-\n")
    change = seen.appeared("a.py", b"x")
    assert change is not None
    assert change.subject.encode().startswith(b"caf")


def test_a_commit_whose_tree_is_missing_is_none(tmp_path: Path) -> None:
    """The folder is looked at instead, and history ends there."""
    _tree(tmp_path)
    seen = _commit(tmp_path, b"1" * 40, 1, b"", b"Subject\n")
    assert seen.checkout("").paths == ("a.py",)
    assert seen.resolve("HEAD") == ""
    assert list(seen.edits("a.py")) == []


def test_a_folder_whose_object_is_missing_is_unread(tmp_path: Path) -> None:
    """It counts as a file that could not be read."""
    project = Project(tmp_path)
    head = project.commit("Start", {"a.py": "x = 1\n", "b/c.py": "y = 2\n"})
    name = str(pygit2.Repository(str(tmp_path)).revparse_single("HEAD:b").id)
    (tmp_path / ".git/objects" / name[:2] / name[2:]).unlink()
    seen = Repository(tmp_path).checkout(head)
    assert seen.paths == ("a.py", "b")
    assert seen.text("b") == ""
    assert seen.unread == {"b"}


def test_a_name_that_is_no_utf_8_can_be_written_down(tmp_path: Path) -> None:
    """Its file is read, in the folder and in a commit."""
    Project(tmp_path).commit("Start", {"a.py": ""})
    with open(os.fsencode(tmp_path) + b"/\xff.py", "wb") as file:  # noqa: PTH123 - no name of a Path
        file.write(b"import shop\n")
    subprocess.run(["git", "add", "-A"], cwd=tmp_path, check=True)
    git = pygit2.Repository(str(tmp_path))
    git.index.read()
    author = pygit2.Signature("A", "a@example.com", 1, 0)
    parents = [git.head.target]
    head = str(git.create_commit("HEAD", author, author, "Odd", git.index.write_tree(), parents))
    for seen in (read_folder(tmp_path), Repository(tmp_path).checkout(head)):
        assert seen.containing(["shop"]) == ["?.py"]


@pytest.mark.parametrize("file", ["/", ".", "./", "..", "../../etc/passwd", "//"])
def test_a_frame_may_tell_of_any_path(tmp_path: Path, file: str) -> None:
    """A traceback that tells of a folder, or of what lies outside, does no harm."""
    project = Project(tmp_path / "repo")
    good, bad = project.commit("One", {"back/f.py": "x()\n"}), project.commit("Two")
    text = (
        f'Traceback (most recent call last):\n  File "{file}", line 2, in f\n    x()\nValueError: y'
    )
    incident = explained(twice(good, bad, text), tmp_path / "repo", tmp_path / "out")
    assert incident.five_whys


@pytest.mark.parametrize(
    "source",
    [
        "for Q in range(3):\n    pass\n",
        "with open('x') as Q:\n    pass\n",
        "if (Q := 3):\n    pass\n",
        "match 3:\n    case Q:\n        pass\n",
        "def f():\n    global Q\n    Q = 1\nf()\n",
        "from sys import modules\nmodules[__name__].Q = 1\n",
        "import inspect\ninspect.currentframe().f_globals['Q'] = 1\n",
    ],
)
def test_a_name_that_may_be_bound_is_not_said_to_be_missing(tmp_path: Path, source: str) -> None:
    """However a module may bind a name, "it defines none" is not established."""
    incident = _without(tmp_path, {"back/shop/a.py": source}, NO_NAME % "back/shop/a.py")
    assert not any("does not define" in why.answer for why in incident.five_whys)


def test_a_name_that_another_file_gives_a_module_is_unclear(tmp_path: Path) -> None:
    """`a.Q = 3` elsewhere gives the module what does not stand in it."""
    files = {"back/shop/a.py": "x = 1\n", "back/shop/b.py": "from shop import a\na.Q = 3\n"}
    incident = _without(tmp_path, files, NO_NAME % "back/shop/a.py")
    assert not any("does not define" in why.answer for why in incident.five_whys)


def test_of_two_copies_only_that_counts_which_was_imported(tmp_path: Path) -> None:
    """What another copy of a module lacks says nothing of the one that Python names."""
    files = {"back/shop/a.py": "x = 1\n", "back/vendor/shop/a.py": "Q = 1\n"}
    incident = _without(tmp_path, files, NO_NAME % "back/vendor/shop/a.py")
    assert not any("does not define" in why.answer for why in incident.five_whys)


def test_a_submodule_of_git_is_not_said_to_lack_a_module(tmp_path: Path) -> None:
    """What a submodule has is not in the repository."""
    files = {".gitmodules": '[submodule "x"]\n\tpath = back/shop/a\n\turl = x\n'}
    text = f"{TRACE}ModuleNotFoundError: No module named 'shop.a.b'"
    incident = _without(tmp_path, files, text)
    assert not any("has no" in why.answer for why in incident.five_whys)


def _without(tmp_path: Path, files: dict[str, str], text: str) -> IncidentDocument:
    project = Project(tmp_path / "repo")
    good, bad = project.commit("One", {**PACKAGE, **files}), project.commit("Two")
    return explained(twice(good, bad, text), tmp_path / "repo", tmp_path / "out")


def test_a_byte_order_mark_hides_no_requirement() -> None:
    """The first line counts whatever editor wrote it."""
    assert [one.name for one in read("requirements.txt", b"\xef\xbb\xbfpyyaml==6\n")] == ["pyyaml"]


@pytest.mark.parametrize("line", ["vendor/PyYAML-6-py3-none-any.whl", "PyYAML-6.tar.gz"])
def test_a_requirement_that_is_a_file_is_a_doubt(line: str) -> None:
    """The name of a file is not that of what is in it."""
    assert [(one.name, one.word) for one in read("requirements.txt", line.encode())] == [("", "")]


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("pyproject.toml", b"a." * 500_000 + b"b = 1\n"),
        ("setup.cfg", b"[options]\n" + b"a=\n" * 250_000),
        ("pyproject.toml", b"[project]\ndynamic = 3\ndependencies = 'x'\n[tool]\npoetry = [1]\n"),
    ],
)
def test_a_project_that_was_made_to_break_its_parser_lists_nothing(path: str, data: bytes) -> None:
    """What is too large to be parsed is a doubt; what is of another type than usual is nothing."""
    assert not [one for one in read(path, data) if one.name]


@pytest.mark.parametrize("line", ["ADD a b\n", "WORKDIR a\n", "RUN a \\\n", "RUN make\n"])
def test_a_dockerfile_takes_time_by_its_length(line: str) -> None:
    """A file of one line is read, and leaves what it does in doubt where that matters."""
    stages = dockerfile.parse("FROM python:3\n" + line * (100_000 // len(line))).stages
    assert len(stages) == 1
    assert len(stages[0].copies) <= dockerfile.LONGEST
    assert len(stages[0].doubts) <= dockerfile.LONGEST


@pytest.mark.parametrize("run", ["sh fetch.sh", "python -m fetch", "python fetch.py", "/bin/fetch"])
def test_a_script_that_is_run_may_bring_anything(run: str) -> None:
    """What a script does is not in the Dockerfile, and so forbids to say what is not there."""
    assert dockerfile.parse(f"FROM python:3\nCOPY a .\nRUN {run}\n").doubts() == [3]


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("select * into orders from old", "orders"),
        ("create or replace view orders as select 1", "orders"),
        ("do $$ begin execute 'create table ' || 'ord' || 'ers (id int)'; end $$", ""),
    ],
)
def test_tables_are_made_in_other_ways_too(statement: str, table: str) -> None:
    """What is put together while it runs has no name that could be told."""
    assert ("create", table) in [(one.what, one.table) for one in sql.changes(statement)]
