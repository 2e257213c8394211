"""Cloud Storage as somebody else made it: the handlers and the memory of gcp-storage-emulator.

It knows no pages of a listing, no former generations and no unpacking on the way: where reading
depends on these, only our own fake tells.
"""

from __future__ import annotations

import gzip
from contextlib import closing, contextmanager
from functools import partial
from http.server import HTTPServer
from typing import TYPE_CHECKING, Any

from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.storage import Storage
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from tests.fakes.storage import BUCKET, running

if TYPE_CHECKING:
    from collections.abc import Iterator


class EmulatedStorage:
    """A bucket there, written as anybody would, by Google's client."""

    def __init__(self, address: str, bucket: Any) -> None:
        self.address = address
        self._bucket = bucket

    def put(self, name: str, data: bytes, *, packed: bool = False) -> str:
        """Store an object, in place of one of the same name; return its generation."""
        blob = self._bucket.blob(name)
        if packed:
            blob.content_encoding = "gzip"
        blob.upload_from_string(gzip.compress(data) if packed else data)
        return str(blob.generation)

    def remove(self, name: str) -> None:
        """Delete an object."""
        self._bucket.delete_blob(name)


@contextmanager
def emulated() -> Iterator[EmulatedStorage]:
    """Run it on a port that is free, with an empty bucket."""
    # Its own `create_server` takes no port 0, and waits for ever where one is taken.
    handler = partial(RequestHandler, Storage(use_memory_fs=True))
    with running(HTTPServer(("127.0.0.1", 0), handler)) as address:
        options = {"api_endpoint": address}
        nobody = AnonymousCredentials()  # type: ignore[no-untyped-call]
        with closing(Client("none", nobody, client_options=options)) as client:
            yield EmulatedStorage(address, client.create_bucket(BUCKET))
