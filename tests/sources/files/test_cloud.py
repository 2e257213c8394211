"""Exports in Cloud Storage are read as files are, at the generation that was found."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
import zstandard
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.entry import LogEntry
from pipeline.errors import SourceError
from pipeline.sources.files import FileSource
from pipeline.sources.files.paths import find_files
from tests.fakes.storage import BUCKET, FakeStorage, served
from tests.support import entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@pytest.fixture(name="storage")
def a_storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStorage]:
    """Serve an empty bucket."""
    storage = FakeStorage()
    with served(storage) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        yield storage


def lines(first: int, count: int) -> bytes:
    """Write an export of some entries."""
    made = (entry("failed", at=at, key=f"k{at}") for at in range(first, first + count))
    return b"".join(json.dumps(dict(one.document)).encode() + b"\n" for one in made)


def keys(source: FileSource) -> list[str]:
    """Return the insert ids of all that is read, of which nothing is rejected."""
    found = [*source.read()]
    assert all(isinstance(one, LogEntry) for one in found)
    return [one.insert_id for one in found if isinstance(one, LogEntry)]


def numbered(count: int) -> list[str]:
    """Return the insert ids of the first entries."""
    return [f"k{at}" for at in range(count)]


def test_what_begins_with_a_prefix_is_read_in_order(storage: FakeStorage) -> None:
    """As a log sink writes it, over several pages; in every container that files come in."""
    storage.put("logs/2025/09/10/00:00:00_S0.json", lines(0, 2))
    storage.put("logs/2025/09/10/01:00:00_S0.json", lines(2, 2))
    storage.put("logs/2025/09/10/02:00:00_S0.json.gz", gzip.compress(lines(4, 2)))
    storage.put("logs/2025/09/10/03:00:00_S0.jsonl.zst", zstandard.compress(lines(6, 2)))
    storage.put("logs/2025/09/10/04:00:00_S0.json", lines(8, 2), packed=True)
    storage.put("logs/2025/09/10/readme.txt", b"no logs")
    storage.put("logs/2025/09/11/00:00:00_S0.json", lines(99, 1))
    source = FileSource([f"gs://{BUCKET}/logs/2025/09/10"])
    assert keys(source) == numbered(10)


def test_an_object_may_be_named(storage: FakeStorage) -> None:
    """Whatever it is called; without its generation it is the one that is there."""
    storage.put("a", lines(0, 1))
    storage.put("a.json", lines(1, 1))
    assert find_files([f"gs://{BUCKET}/a"]) == [f"gs://{BUCKET}/a#1000"]
    assert find_files([f"gs://{BUCKET}"]) == [f"gs://{BUCKET}/a.json#1000"]
    assert keys(FileSource([f"gs://{BUCKET}/a"])) == ["k0"]
    # The client asks for the bucket itself on a thread of its own, before or after.
    assert any("fields=items" in one for one in storage.asked)


@pytest.mark.parametrize("packed", [False, True])
def test_a_large_object_comes_in_blocks(storage: FakeStorage, *, packed: bool) -> None:
    """They can be read again; both times it is the same."""
    data = lines(0, 12_000)
    storage.put("a.json", gzip.compress(data) if packed else data)
    source = FileSource(find_files([f"gs://{BUCKET}/a.json"]))
    blocks = [batch for batch in source.batches() if not isinstance(batch, list)]
    assert len(blocks) > 1
    assert [one.data for one in source.blocks()] == [one.data for one in blocks]
    assert keys(source) == numbered(12_000)


@pytest.mark.parametrize("after", [0, 1])
def test_what_changes_while_it_is_read_is_an_error(storage: FakeStorage, after: int) -> None:
    """Half of one and half of another would be nobody's export."""
    storage.put("a.json", lines(0, 20_000))
    storage.changes_after = after
    with pytest.raises(SourceError, match="#1000: it was changed or removed while") as caught:
        keys(FileSource(find_files([f"gs://{BUCKET}/a.json"])))
    assert caught.value.recoverable


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([f"gs://{BUCKET}/none"], "no object of logs has a name that begins so"),
        (["gs://other-bucket/x"], "there is no such bucket"),
        (["gs://"], "write gs://BUCKET/PREFIX"),
        (["gs://UPPER/x"], "write gs://BUCKET/PREFIX"),
    ],
)
def test_what_is_not_there_is_said(storage: FakeStorage, names: Sequence[str], said: str) -> None:
    """Before anything is read, with the name that was given."""
    storage.put("text", b"no logs")
    with pytest.raises(SourceError, match=said):
        find_files(names)


def test_who_may_not_read_is_told_what_to_grant(storage: FakeStorage) -> None:
    """Of a list and of an object."""
    storage.refused = 403
    for name in ("x", "x#7"):
        with pytest.raises(SourceError, match=r"grant roles/storage\.objectViewer") as caught:
            keys(FileSource([f"gs://{BUCKET}/{name}"]))
        assert not caught.value.recoverable


def test_nobody_reads_without_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is said before anything is read."""
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "gone.json"))
    with pytest.raises(SourceError, match="Cloud Storage needs credentials"):
        find_files([f"gs://{BUCKET}/x"])


def test_a_replay_accounts_for_all_of_it(storage: FakeStorage, tmp_path: Path) -> None:
    """Each place says which object it was, at which generation."""
    storage.put("a/1.json", lines(0, 3) + b"{no json\n")
    storage.put("a/2.json.gz", gzip.compress(lines(2, 3)))
    found = CliRunner().invoke(
        app,
        ["replay", f"gs://{BUCKET}/a/", "--format", "json", "--out", str(tmp_path / "out")],
    )
    document = json.loads(found.stdout)
    told = {name: document["entries"][name] for name in ("read", "accepted", "duplicates")}
    assert told == {"read": 7, "accepted": 5, "duplicates": 1}
    assert f"gs://{BUCKET}/a/1.json#1000:4" in found.stdout
