"""The files of a repository: which are read, and how they are searched."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.investigators.source_code.checkout import (
    KEPT,
    LARGEST,
    Checkout,
    Found,
    read_folder,
    read_regular,
)
from tests.investigators.support import Project

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_folder_is_read_as_it_lies_there(tmp_path: Path) -> None:
    """With what was made or fetched left out, and links not followed."""
    project = Project(tmp_path / "code")
    project.write({"app/a.py": "one", "b.sql": "two", "node_modules/x/c.js": "no", ".git/d": "no"})
    (tmp_path / "secret").write_text("key")
    (project.root / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(project.root / "pipe")
    found = read_folder(project.root)
    assert found.paths == ("app/a.py", "b.sql")
    assert found.folders == {".", "app"}
    assert ("app/a.py" in found, "link" in found) == (True, False)
    assert found.text("app/a.py") == "one"
    assert not found.text("link")


def test_what_became_a_link_since_it_was_listed_is_not_followed(tmp_path: Path) -> None:
    """Neither is what became something else."""
    (tmp_path / "a").write_text("plain")
    (tmp_path / "secret").write_text("key")
    os.mkfifo(tmp_path / "pipe")
    found = read_folder(tmp_path)
    (tmp_path / "a").unlink()
    (tmp_path / "a").symlink_to(tmp_path / "secret")
    assert not found.data("a")
    assert found.unread == {"a"}
    try:
        read_regular(tmp_path / "pipe")
    except OSError as error:
        assert "is no file" in str(error)  # noqa: PT017 - what else it may raise is no OSError
    else:
        raise AssertionError


def test_what_is_no_text_is_counted() -> None:
    """A file that is too large, binary or gone is no place where nothing stands."""
    gone = Checkout(
        {
            "large": lambda: b"x" * (LARGEST + 1),
            "binary": lambda: b"a\0b",
            "gone": lambda: Path("/nonexistent/file").read_bytes(),
            "fine": lambda: b"caf\xc3\xa9 \xff",
        }
    )
    assert gone.containing(["x", "a", "caf"]) == ["fine"]
    assert gone.unread == {"large", "binary", "gone"}
    assert gone.text("fine") == "café \N{REPLACEMENT CHARACTER}"


def test_a_search_says_file_and_line() -> None:
    """Below a folder, of some kinds of file."""
    files = {"app/a.py": b"x = 1\ny = 'user'\n", "app/b.sql": b"user", "apple/c.py": b"user"}
    code = Checkout({path: lambda data=data: data for path, data in files.items()})  # type: ignore[misc]
    assert code.containing(["user"], "app", (".py",)) == ["app/a.py"]
    assert code.containing(["user"], "/app/") == ["app/a.py", "app/b.sql"]
    assert code.containing(["user"]) == ["app/a.py", "app/b.sql", "apple/c.py"]
    assert list(code.lines("app/a.py", "user")) == [Found("app/a.py", 2, "y = 'user'")]
    assert list(code.lines("app/a.py", "nobody")) == []


def test_what_is_kept_of_a_repository_is_bounded() -> None:
    """Each file is read once, as long as there is room for it; then each time."""
    reads: list[str] = []

    def reader(path: str) -> Callable[[], bytes]:
        def read() -> bytes:
            reads.append(path)
            return b"x" * LARGEST

        return read

    paths = [f"{number:03}" for number in range(KEPT // LARGEST + 1)]
    code = Checkout({path: reader(path) for path in paths})
    for _ in range(2):
        assert len(code.containing(["x"])) == len(paths)
    assert reads == [*paths, paths[-1]]
