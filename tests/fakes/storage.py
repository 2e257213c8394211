"""Cloud Storage over HTTP, as much of its JSON API as reading takes."""

from __future__ import annotations

import gzip
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "exports"


@dataclass(frozen=True, slots=True)
class Stored:
    """One object; what is `packed` is stored as gzip and unpacked for who does not take that."""

    data: bytes
    generation: int
    packed: bool = False


@dataclass(slots=True)
class FakeStorage:
    """A bucket; `page` names are listed at once. All is `refused` with a status, if there is one.

    After `changes_after` pieces were read of whatever object, all are replaced.
    """

    objects: dict[str, Stored] = field(default_factory=dict)
    page: int = 2
    refused: int = 0
    changes_after: int = -1
    asked: list[str] = field(default_factory=list)

    def put(self, name: str, data: bytes, *, packed: bool = False) -> None:
        """Store an object, in place of one of the same name."""
        before = self.objects.get(name)
        generation = before.generation + 1 if before else 1_000
        self.objects[name] = Stored(gzip.compress(data) if packed else data, generation, packed)

    def listed(self, prefix: str, token: str) -> dict[str, Any]:
        """Return a page of names."""
        names = sorted(name for name in self.objects if name.startswith(prefix) and name > token)
        items = [
            {"name": name, "generation": str(self.objects[name].generation)}
            for name in names[: self.page]
        ]
        more = {"nextPageToken": names[self.page - 1]} if len(names) > self.page else {}
        return {"items": items, **more}

    def read(self, name: str, generation: int) -> Stored | None:
        """Return an object, if it is there at this generation."""
        if self.changes_after == 0:
            for each, stored in [*self.objects.items()]:
                self.put(each, stored.data)
        self.changes_after -= 1
        found = self.objects.get(name)
        return found if found and found.generation == generation else None


@contextmanager
def served(storage: FakeStorage) -> Iterator[str]:  # noqa: C901 - a handler is a class of methods
    """Serve it; lend the value of `STORAGE_EMULATOR_HOST`."""

    class Handler(BaseHTTPRequestHandler):
        """Answers requests."""

        def do_GET(self) -> None:
            """Answer a list or a range."""
            address = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            storage.asked.append(self.path)
            if storage.refused:
                self._answer(storage.refused, b"{}")
            elif address.path == f"/storage/v1/b/{BUCKET}/o":
                found = storage.listed(query.get("prefix", ""), query.get("pageToken", ""))
                self._answer(200, json.dumps(found).encode(), {"Content-Type": "application/json"})
            elif address.path.startswith(f"/download/storage/v1/b/{BUCKET}/o/"):
                name = unquote(address.path.rpartition("/o/")[2])
                self._send(storage.read(name, int(query["generation"])))
            else:
                self._answer(404, b"{}")

        def _send(self, stored: Stored | None) -> None:
            """Send a range of an object."""
            if stored is None:
                self._answer(404, b"No such object")
                return
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
            self._answer(206, some, {**packed, **ranged, **which})

        def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
