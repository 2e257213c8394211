"""Exports in Cloud Storage are read as files are, at the generation that was found.

What asks for a `storage` runs on our fake and on an emulator that somebody else made. What asks
for the `fake` is about what goes wrong, and about what the emulator does not know.
"""

from __future__ import annotations

import gc
import gzip
import json
from itertools import islice
from typing import TYPE_CHECKING

import pytest
import zstandard
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.entry import LogEntry, Rejection
from pipeline.errors import SourceError
from pipeline.sources.files import FileSource, cloud
from pipeline.sources.files.paths import find_files
from tests.fakes.storage import BUCKET, FIRST, Bucket, FakeStorage, served
from tests.fakes.storage_emulator import emulated
from tests.support import entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path


@pytest.fixture(name="storage", params=[served, emulated])
def a_storage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Serve an empty bucket, each in turn."""
    serve: Callable[[], AbstractContextManager[Bucket]] = request.param
    with serve() as storage:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage.address)
        yield storage


@pytest.fixture(name="fake")
def a_fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStorage]:
    """Serve an empty bucket in which things go wrong."""
    with served() as fake:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", fake.address)
        yield fake


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


def test_what_begins_with_a_prefix_is_read_in_order(storage: Bucket) -> None:
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


def test_an_object_may_be_named(storage: Bucket) -> None:
    """Whatever it is called; without its generation it is the one that is there."""
    named = storage.put("a", lines(0, 1))
    begins = storage.put("a.json", lines(1, 1))
    assert find_files([f"gs://{BUCKET}/a"]) == [f"gs://{BUCKET}/a#{named}"]
    assert find_files([f"gs://{BUCKET}"]) == [f"gs://{BUCKET}/a.json#{begins}"]
    assert keys(FileSource([f"gs://{BUCKET}/a"])) == ["k0"]


def test_what_is_put_in_its_place_is_another_one(storage: Bucket) -> None:
    """It has a generation of its own, and that one is found from then on."""
    before = storage.put("a.json", lines(0, 1))
    after = storage.put("a.json", lines(1, 1))
    assert before != after
    assert find_files([f"gs://{BUCKET}/a.json"]) == [f"gs://{BUCKET}/a.json#{after}"]
    assert keys(FileSource([f"gs://{BUCKET}/a.json"])) == ["k1"]


@pytest.mark.parametrize(
    "name", ["ä ö/ü.json", "a+b%2Fc.json", "a#1.json", "a?x=1&y.json", "a//b.json", "日.jsonl"]
)
def test_a_name_may_hold_any_character(storage: Bucket, name: str) -> None:
    """It is asked for as it is, by itself and by a prefix."""
    storage.put(name, lines(0, 1))
    assert keys(FileSource([f"gs://{BUCKET}/{name}"])) == ["k0"]
    assert keys(FileSource([f"gs://{BUCKET}/{name[:2]}"])) == ["k0"]


@pytest.mark.parametrize("name", ["y.json#7", "y.json#07", "#7", "y.json#1#2"])
def test_a_name_may_end_as_a_generation_does(storage: Bucket, name: str) -> None:
    """The object that is called so is meant, and not an old one of a shorter name."""
    made = storage.put(name, lines(0, 1))
    storage.put("y.json", lines(1, 1))
    storage.put(f"{name}.json", lines(2, 1))
    assert find_files([f"gs://{BUCKET}/{name}"]) == [f"gs://{BUCKET}/{name}#{made}"]
    assert keys(FileSource([f"gs://{BUCKET}/{name}"])) == ["k0"]
    assert keys(FileSource([f"gs://{BUCKET}/{name}#{made}"])) == ["k0"]


def test_a_generation_may_be_named(storage: Bucket) -> None:
    """It is meant where no object has such a name, however short it is."""
    made = storage.put("y.json", lines(0, 1))
    storage.put("y.json#7.json", lines(1, 1))
    assert keys(FileSource([f"gs://{BUCKET}/y.json#{made}"])) == ["k0"]
    assert find_files([f"gs://{BUCKET}/y.json#7"]) == [f"gs://{BUCKET}/y.json#7"]


def test_nobody_asks_again_for_what_was_found(fake: FakeStorage) -> None:
    """A generation as Cloud Storage gives them is one: each object would cost a request."""
    fake.put("y.json", lines(0, 1))
    found = find_files([f"gs://{BUCKET}/y.json"])
    fake.asked.clear()
    assert find_files(found) == found
    assert not [one for one in fake.asked if "/o?" in one]


def test_an_object_may_be_empty(storage: Bucket) -> None:
    """It is told as an empty file is; no range of it can be read."""
    made = storage.put("a.json", b"")
    assert [*FileSource([f"gs://{BUCKET}/a.json"]).read()] == [
        Rejection(f"gs://{BUCKET}/a.json#{made}", "empty file")
    ]


def test_no_more_is_asked_of_a_list_than_is_needed(fake: FakeStorage) -> None:
    """It comes in pages, each with names and generations only."""
    for name in ("a/1.json", "a/2.json", "a/3.json"):
        fake.put(name, lines(0, 1))
    assert len(find_files([f"gs://{BUCKET}/a/"])) == 3
    # The client asks for the bucket itself on a thread of its own, before or after.
    pages = [one for one in fake.asked if "/o?" in one]
    assert len(pages) == 2
    assert all("fields=items%28name%2Cgeneration%29%2CnextPageToken" in one for one in pages)


@pytest.mark.parametrize("packed", [False, True])
def test_a_large_object_comes_in_blocks(storage: Bucket, *, packed: bool) -> None:
    """They can be read again; both times it is the same."""
    data = lines(0, 12_000)
    storage.put("a.json", gzip.compress(data) if packed else data)
    source = FileSource(find_files([f"gs://{BUCKET}/a.json"]))
    blocks = [batch for batch in source.batches() if not isinstance(batch, list)]
    assert len(blocks) > 1
    assert [one.data for one in source.blocks()] == [one.data for one in blocks]
    assert keys(source) == numbered(12_000)


@pytest.mark.parametrize("after", [0, 1])
def test_what_changes_while_it_is_read_is_an_error(fake: FakeStorage, after: int) -> None:
    """Half of one and half of another would be nobody's export."""
    fake.put("a.json", lines(0, 20_000))
    fake.changes_after = after
    with pytest.raises(SourceError, match=f"#{FIRST}: it was changed or removed while") as caught:
        keys(FileSource(find_files([f"gs://{BUCKET}/a.json"])))
    assert caught.value.recoverable


@pytest.mark.parametrize("read", [0, 1])
def test_what_is_removed_while_it_is_read_is_an_error(storage: Bucket, read: int) -> None:
    """Before its first piece is read, and after it."""
    storage.put("a.json", lines(0, 20_000))
    found = FileSource(find_files([f"gs://{BUCKET}/a.json"])).read()
    assert len([*islice(found, read)]) == read
    storage.remove("a.json")
    with pytest.raises(SourceError, match="it was changed or removed while") as caught:
        list(found)
    assert caught.value.recoverable


@pytest.mark.parametrize("packed", [False, True])
def test_what_breaks_off_is_gone_on_from(fake: FakeStorage, *, packed: bool) -> None:
    """Not from its beginning, and nothing is read twice or left out."""
    fake.put("a.json", lines(0, 12_000), packed=packed)
    fake.cuts = [20_000, 0]
    assert keys(FileSource([f"gs://{BUCKET}/a.json"])) == numbered(12_000)
    firsts = [int(one.removeprefix("bytes=").partition("-")[0]) for one in fake.ranges]
    assert firsts[0] == 0
    assert all(0 < first <= 20_000 for first in firsts[1:3])


# What the client asks for again it does not close before; here it is gone when the test is.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_what_is_refused_for_a_moment_is_asked_again(fake: FakeStorage) -> None:
    """For want of quota, or because something is amiss there; of a list and of an object."""
    fake.put("a.json", lines(0, 2))
    fake.refused_once = [429]
    found = find_files([f"gs://{BUCKET}/a.json"])
    fake.refused_once = [503]
    assert keys(FileSource(found)) == numbered(2)
    assert fake.refused_once == []
    gc.collect()


# As above.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize(
    ("status", "why"), [(503, "its last answer was 503"), (0, "there is no connection")]
)
def test_what_does_not_answer_is_given_up_soon(
    fake: FakeStorage, monkeypatch: pytest.MonkeyPatch, status: int, why: str
) -> None:
    """Somebody waits for it: the client's own two minutes are long for who hears nothing."""
    monkeypatch.setattr(cloud, "TRIED_FOR", 2)
    fake.refused = status
    if not status:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    with pytest.raises(SourceError, match=f"nothing came within 2 seconds .{why}"):
        find_files([f"gs://{BUCKET}/x"])
    gc.collect()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([f"gs://{BUCKET}/none"], "no object of logs has a name that begins so"),
        (["gs://other-bucket/x"], "there is no such bucket"),
        (["gs://"], "write gs://BUCKET/PREFIX"),
        (["gs://UPPER/x"], "write gs://BUCKET/PREFIX"),
    ],
)
def test_what_is_not_there_is_said(storage: Bucket, names: Sequence[str], said: str) -> None:
    """Before anything is read, with the name that was given."""
    storage.put("text", b"no logs")
    with pytest.raises(SourceError, match=said):
        find_files(names)


def test_who_may_not_read_is_told_what_to_grant(fake: FakeStorage) -> None:
    """Of a list and of an object, also where only a list tells which of two a name means."""
    fake.refused = 403
    for name in ("x", "x#7", f"x#{FIRST}"):
        with pytest.raises(SourceError, match=r"grant roles/storage\.objectViewer") as caught:
            keys(FileSource([f"gs://{BUCKET}/{name}"]))
        assert not caught.value.recoverable


def test_nobody_reads_without_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is said before anything is read."""
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "gone.json"))
    with pytest.raises(SourceError, match="Cloud Storage needs credentials"):
        find_files([f"gs://{BUCKET}/x"])


def test_a_replay_accounts_for_all_of_it(storage: Bucket, tmp_path: Path) -> None:
    """Each place says which object it was, at which generation."""
    made = storage.put("a/1.json", lines(0, 3) + b"{no json\n")
    storage.put("a/2.json.gz", gzip.compress(lines(2, 3)))
    found = CliRunner().invoke(
        app,
        ["replay", f"gs://{BUCKET}/a/", "--format", "json", "--out", str(tmp_path / "out")],
    )
    document = json.loads(found.stdout)
    told = {name: document["entries"][name] for name in ("read", "accepted", "duplicates")}
    assert told == {"read": 7, "accepted": 5, "duplicates": 1}
    assert f"gs://{BUCKET}/a/1.json#{made}:4" in found.stdout
