"""From what a user names to the files to read."""

import gzip
import json
from pathlib import Path

import pytest

from pipeline.entry import LogEntry, Rejection
from pipeline.errors import SourceError
from pipeline.sources.files import FileSource


def write(path: Path, insert_id: str) -> str:
    """Write a file with one entry; return its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"insertId": insert_id, "textPayload": "x"}))
    return str(path)


def read_ids(*names: str) -> list[str]:
    """Return the ids of all entries that the names lead to."""
    found = list(FileSource(names).read())
    return [item.insert_id for item in found if isinstance(item, LogEntry)]


def test_files_are_read_in_the_order_in_which_they_are_named(tmp_path: Path) -> None:
    """A file named twice is read once."""
    b, a = write(tmp_path / "b.json", "b"), write(tmp_path / "a.odd", "a")
    assert read_ids(b, a, b) == ["b", "a"]


def test_a_folder_is_searched_for_logs(tmp_path: Path) -> None:
    """All the way down, by name; what isn't a log and what is hidden is left out."""
    for name in ("b/z.jsonl", "b/c/a.YAML", "a.json", "d.csv", "x.log", "y.ndjson"):
        write(tmp_path / name, name)
    for name in ("README.md", ".hidden.json", ".git/a.json", "x.tar.gz", "notes"):
        write(tmp_path / name, name)
    (tmp_path / "p.json.gz").write_bytes(gzip.compress(b'{"insertId": "p"}'))
    assert sorted(read_ids(str(tmp_path))) == [
        "a.json", "b/c/a.YAML", "b/z.jsonl", "d.csv", "p", "x.log", "y.ndjson",
    ]  # fmt: skip
    assert {Path(item.place.split(":")[0]).name for item in FileSource([str(tmp_path)]).read()} == {
        "a.json", "a.YAML", "z.jsonl", "p.json.gz", "x.log", "y.ndjson", "d.csv",
    }  # fmt: skip


def test_a_pattern_stands_for_the_files_it_matches(tmp_path: Path) -> None:
    """`**` goes down into folders, and a folder that matches is searched."""
    write(tmp_path / "a.json", "a")
    write(tmp_path / "x/b.json", "b")
    write(tmp_path / "x/y/c.txt", "c")
    assert read_ids(str(tmp_path / "**" / "*.json")) == ["a", "b"]
    assert read_ids(str(tmp_path / "x*")) == ["b"]


def test_a_name_with_the_signs_of_a_pattern_is_a_file_if_there_is_one(tmp_path: Path) -> None:
    """Brackets occur in real names."""
    assert read_ids(write(tmp_path / "logs[1].json", "a")) == ["a"]


def test_every_name_that_leads_nowhere_is_listed_before_anything_is_read(tmp_path: Path) -> None:
    """All mistakes at once, each with what was wrong."""
    good = write(tmp_path / "a.json", "a")
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "README.md").touch()
    missing, pattern = str(tmp_path / "missing.json"), str(tmp_path / "*.jsonl")
    with pytest.raises(SourceError) as caught:
        FileSource([good, missing, pattern, str(empty)]).read()
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{missing}: no such file or folder"
    assert lines[1] == f"{pattern}: no file matches this pattern"
    assert lines[2].startswith(f"{empty}: no logs in this folder (a folder is searched for .csv")
    assert len(lines) == 3


def test_a_file_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    """It is found out before anything is read; here, a link that leads nowhere."""
    write(tmp_path / "a.json", "a")
    (tmp_path / "b.json").symlink_to(tmp_path / "gone.json")
    with pytest.raises(SourceError, match=r"b\.json: not there any more, or not readable"):
        FileSource([str(tmp_path)]).read()


def test_a_file_that_vanishes_meanwhile_is_a_rejection(tmp_path: Path) -> None:
    """The others are read all the same."""
    gone, stays = write(tmp_path / "a.json", "a"), write(tmp_path / "b.json", "b")
    reading = FileSource([gone, stays]).read()
    Path(gone).unlink()
    first, second = reading
    assert first == Rejection(gone, "could not be opened: No such file or directory")
    assert isinstance(second, LogEntry)


def test_a_file_without_a_name_that_says_so_may_be_compressed(tmp_path: Path) -> None:
    """The magic bytes decide, not the name."""
    path = tmp_path / "a.json"
    path.write_bytes(gzip.compress(b'{"insertId": "a"}'))
    assert read_ids(str(path)) == ["a"]
    plain = tmp_path / "b.json.gz"
    plain.write_bytes(b'{"insertId": "b"}')
    assert read_ids(str(plain)) == ["b"]
