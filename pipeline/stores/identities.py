"""Which entries were read before: millions of them, in bounded memory.

A private database in a temporary file, which SQLite deletes of its own accord and keeps in memory
while it is small. It holds no log text: an entry is a hash of its key there.
"""

from __future__ import annotations

import sqlite3
import struct
from hashlib import blake2b
from typing import TYPE_CHECKING, Self

from pipeline.errors import StoreError
from pipeline.ports import Rank

if TYPE_CHECKING:
    from types import TracebackType

    from pipeline.entry import LogEntry

CACHE_KIB = 32 * 1024
"""Memory for pages; what does not fit goes to the temporary file."""

_HASH_BYTES = 16
"""128 bits: among a billion entries, two share a hash with a probability of 1 in 10**21."""

_RICHNESS = struct.Struct(">IIQ16s")
"""Payloads, fields, size and the beginning of the digest: bytes that sort as the richness does."""

_SETTINGS = ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{CACHE_KIB}")
_TABLE = "CREATE TABLE seen (entry BLOB PRIMARY KEY, richness BLOB NOT NULL) WITHOUT ROWID"
_ADD = "INSERT OR IGNORE INTO seen VALUES (?, ?)"
_RAISE = "UPDATE seen SET richness = :new WHERE entry = :entry AND richness < :new"


class TemporaryIdentities:
    """Identities of one run (`ports.Identities`); gone when closed.

    A new entry costs one statement, a copy two: less than 10 microseconds each, which is less than
    it takes to derive key and richness from an entry.
    """

    def __init__(self) -> None:
        """Open the private database.

        Raises:
            StoreError: there is no place for temporary files.

        """
        try:
            self._connection = sqlite3.connect("", isolation_level=None)  # "": a temporary file
            for setting in _SETTINGS:
                self._connection.execute(f"PRAGMA {setting}")
            self._connection.execute(_TABLE)
            self._connection.execute("BEGIN")  # never committed: it all goes when the run does
        except sqlite3.Error as error:
            raise StoreError(_no_room(error)) from error

    def rank(self, entry: LogEntry) -> Rank:
        """Remember the entry; say how it compares with the copies read before.

        Raises:
            StoreError: there is no more room for temporary files.

        """
        identity, richness = _identity(entry.key), _orderable(entry.richness)
        try:
            if self._connection.execute(_ADD, (identity, richness)).rowcount:
                return Rank.FIRST
            told = self._connection.execute(_RAISE, {"entry": identity, "new": richness})
        except sqlite3.Error as error:
            raise StoreError(_no_room(error)) from error
        return Rank.RICHER if told.rowcount else Rank.NO_RICHER

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _identity(key: tuple[str, int, str]) -> bytes:
    """Hash a key; its `repr` keeps the parts apart and is text that can always be encoded."""
    return blake2b(ascii(key).encode(), digest_size=_HASH_BYTES).digest()


def _orderable(richness: tuple[int, int, int, str]) -> bytes:
    payloads, fields, size, digest = richness
    return _RICHNESS.pack(payloads, fields, size, digest[:16].encode())


def _no_room(error: sqlite3.Error) -> str:
    return (
        f"the temporary file that remembers which entries were read failed: {error}; "
        "make room for temporary files, or set TMPDIR to a directory that has some"
    )
