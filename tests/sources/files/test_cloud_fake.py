"""Our fake Cloud Storage answers as an emulator does that somebody else made.

What may differ is left out: the emulator tells more of each object, and sends nothing, with status
206, where a range begins at the end; Cloud Storage and our fake refuse that with 416.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.fakes.storage import BUCKET, Bucket, served
from tests.fakes.storage_emulator import emulated

if TYPE_CHECKING:
    from collections.abc import Iterator

LISTS = f"/storage/v1/b/{BUCKET}/o?fields=items(name,generation),nextPageToken&prefix="
READS = f"/download/storage/v1/b/{BUCKET}/o"
KEPT = {"a/1.json": b"0123456789", "a/2.json": b"", "b c.json": b"other"}


class Stored:
    """What one of them has, by names that stand for the generations it gave."""

    def __init__(self, bucket: Bucket) -> None:
        self._address = bucket.address
        self.generations = {name: bucket.put(name, data) for name, data in KEPT.items()}

    def ask(self, path: str, **headers: str) -> requests.Response:
        """Ask what is the same for both but for the generation of the first object."""
        path = path.replace("GENERATION", self.generations["a/1.json"])
        return requests.get(self._address + path, headers=headers, timeout=10)


Both = tuple[Stored, Stored]


@pytest.fixture(name="both", scope="module")
def served_by_both() -> Iterator[Both]:
    """Store the same with both."""
    with served() as ours, emulated() as theirs:
        ours.page = len(KEPT)
        yield Stored(ours), Stored(theirs)


def test_what_is_listed_is_told_alike(both: Both) -> None:
    """Names in order, and generations as text."""
    told: list[Any] = []
    for one in both:
        found = one.ask(f"{LISTS}a/").json()
        assert "nextPageToken" not in found
        generations = [each["generation"] for each in found["items"]]
        assert generations == [one.generations["a/1.json"], one.generations["a/2.json"]]
        told.append([each["name"] for each in found["items"]])
    assert told == [["a/1.json", "a/2.json"]] * 2


@pytest.mark.parametrize("path", [f"{LISTS}none", LISTS.replace(BUCKET, "other")])
def test_what_is_not_there_is_told_alike(both: Both, path: str) -> None:
    """No object has such a name: an empty list; there is no such bucket: no list."""
    ours, theirs = (one.ask(path) for one in both)
    assert ours.status_code == theirs.status_code
    if ours.ok:
        assert ours.json()["items"] == theirs.json()["items"] == []


@pytest.mark.parametrize("span", ["0-3", "4-7", "4-100", "4-", "0-0"])
def test_a_range_is_sent_alike(both: Both, span: str) -> None:
    """The same bytes, and the same is said of where they stand."""
    asked = f"{READS}/a%2F1.json?generation=GENERATION&alt=media"
    ours, theirs = (one.ask(asked, Range=f"bytes={span}") for one in both)
    assert ours.status_code == theirs.status_code == 206
    assert ours.content == theirs.content
    for header in ("Content-Range", "Content-Length"):
        assert ours.headers[header] == theirs.headers[header]


@pytest.mark.parametrize("name", ["none.json", "a", "A%2F1.json"])
def test_an_object_that_is_not_there_is_refused_alike(both: Both, name: str) -> None:
    """Names are whole, and tell large letters from small ones."""
    asked = f"{READS}/{name}?generation=GENERATION&alt=media"
    ours, theirs = (one.ask(asked, Range="bytes=0-3") for one in both)
    assert ours.status_code == theirs.status_code == 404
