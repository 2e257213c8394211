"""Cloud Storage over HTTP, as much of its JSON API as reading takes, and what can go wrong there.

Where nothing goes wrong it is held against somebody else's (`storage_emulator.py`), by the same
tests on both and by what both answer to the same requests (`tests/sources/files/`).
"""

from __future__ import annotations

import gzip
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "exports"

FIRST = 1_757_462_400_000_000
"""The generation of what is put for the first time; in Cloud Storage, the microsecond of that."""


class Bucket(Protocol):
    """What tests store their exports in, whoever serves it."""

    @property
    def address(self) -> str:
        """The value of `STORAGE_EMULATOR_HOST`."""

    def put(self, name: str, data: bytes, *, packed: bool = False) -> str:
        """Store an object, in place of one of the same name; return its generation.

        What is `packed` is stored as gzip, and said to stand for what it unpacks to.
        """

    def remove(self, name: str) -> None:
        """Delete an object."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One object; what is `packed` is stored as gzip and unpacked for who does not take that."""

    data: bytes
    generation: int
    packed: bool = False


@dataclass(slots=True)
class FakeStorage:
    """A bucket; `page` names are listed at once. All is `refused` with a status, if there is one.

    `refused_once` are statuses that the next requests are refused with, one each; `cuts` are bytes
    after which the connection ends that sends a piece, one each. After `changes_after` pieces were
    read of whatever object, all are replaced.
    """

    objects: dict[str, Stored] = field(default_factory=dict)
    page: int = 2
    refused: int = 0
    refused_once: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    changes_after: int = -1
    asked: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    address: str = ""

    def put(self, name: str, data: bytes, *, packed: bool = False) -> str:
        """Store an object, in place of one of the same name; return its generation."""
        before = self.objects.get(name)
        generation = before.generation + 1 if before else FIRST
        self.objects[name] = Stored(gzip.compress(data) if packed else data, generation, packed)
        return str(generation)

    def remove(self, name: str) -> None:
        """Delete an object."""
        del self.objects[name]

    def listed(self, prefix: str, token: str, fields: str) -> dict[str, Any]:
        """Return a page of names, and where the next one begins if that is among the fields."""
        names = sorted(name for name in self.objects if name.startswith(prefix) and name > token)
        items = [
            {"name": name, "generation": str(self.objects[name].generation)}
            for name in names[: self.page]
        ]
        if len(names) > self.page and "nextPageToken" in fields:
            return {"items": items, "nextPageToken": names[self.page - 1]}
        return {"items": items}

    def refuses(self, path: str) -> int:
        """Return the status that a request is refused with, 0 if it is not."""
        # The client asks for the bucket itself on a thread of its own, whenever it likes.
        if self.refused_once and not path.endswith(f"/b/{BUCKET}"):
            return self.refused_once.pop(0)
        return self.refused

    def read(self, name: str, generation: int) -> Stored | None:
        """Return an object, if it is there at this generation; 0 is whichever it has."""
        if self.changes_after == 0:
            for each, stored in [*self.objects.items()]:
                self.put(each, stored.data)
        self.changes_after -= 1
        found = self.objects.get(name)
        return found if found and generation in {0, found.generation} else None


@contextmanager
def served() -> Iterator[FakeStorage]:  # noqa: C901 - a handler is a class of methods
    """Serve an empty bucket."""
    storage = FakeStorage()

    class Handler(BaseHTTPRequestHandler):
        """Answers requests."""

        def do_GET(self) -> None:
            """Answer a list or a range."""
            address = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            storage.asked.append(self.path)
            if status := storage.refuses(address.path):
                self._answer(status, b"{}")
            elif address.path == f"/storage/v1/b/{BUCKET}/o":
                asked = (query.get(name, "") for name in ("prefix", "pageToken", "fields"))
                found = storage.listed(*asked)
                self._answer(200, json.dumps(found).encode(), {"Content-Type": "application/json"})
            elif address.path.startswith(f"/download/storage/v1/b/{BUCKET}/o/"):
                name = unquote(address.path.rpartition("/o/")[2])
                self._send(storage.read(name, int(query.get("generation", 0))))
            else:
                self._answer(404, b"{}")

        def _send(self, stored: Stored | None) -> None:
            """Send a range of an object."""
            if stored is None:
                self._answer(404, b"No such object")
                return
            storage.ranges.append(self.headers["Range"])
            first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
            takes = "gzip" in self.headers.get("Accept-Encoding", "")
            data = stored.data if takes or not stored.packed else gzip.decompress(stored.data)
            some = data[int(first) : int(last) + 1 if last else None]
            if not some:
                self._answer(416, b"")
                return
            packed = {"Content-Encoding": "gzip"} if stored.packed and takes else {}
            until = int(first) + len(some) - 1
            ranged = {"Content-Range": f"bytes {first}-{until}/{len(data)}"}
            which = {"X-Goog-Generation": str(stored.generation)}
            cut = storage.cuts.pop(0) if storage.cuts else None
            self._answer(206, some, {**packed, **ranged, **which}, cut)

        def _answer(
            self,
            status: int,
            body: bytes,
            headers: dict[str, str] | None = None,
            cut: int | None = None,
        ) -> None:
            """Answer, with no more of the body than up to the cut."""
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:cut])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as storage.address:
        yield storage


@contextmanager
def running(server: HTTPServer) -> Iterator[str]:
    """Run a server on a thread of its own; lend its address."""
    with server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
